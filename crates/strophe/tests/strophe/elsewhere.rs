//! Pages of strophe.js beside pages of Epode.

use epode_protocol::{Credentials, FromWorker, Hello, Options, Secret, StatusCode, ToWorker, VERSION};
use serde_json::{Value, json};

use crate::common::{ALICE, seconds};
use crate::world::{SERVICE, World};

#[test]
fn a_tab_of_epode_and_a_page_of_strophe_share_a_session_and_its_end() {
    let mut world = World::new();
    let tab = world.port();
    let hello =
        Hello { versions: vec![VERSION], tab: "tab".to_owned(), lock: None, before: None, visible: true };
    world.tab_says(tab, ToWorker::Hello(hello));
    let page = world.login(ALICE);
    let password = Some(Secret::new("secret-alice".to_owned()));
    let credentials = Credentials { authcid: None, password, keys: None };
    let (service, jid, options) = (SERVICE.to_owned(), ALICE.to_owned(), Options::default());
    world.run();
    world.tab_says(tab, ToWorker::Connect { service, jid, credentials, options, bosh: None });
    let posts = world.posts(tab);
    let up = posts
        .iter()
        .any(|post| matches!(post, FromWorker::Status(status) if status.code == StatusCode::Attached));
    assert!(up, "{posts:?}");
    assert_eq!(world.server.statistics().bound_sessions, 1);
    assert_eq!(world.statuses(page), ["CONNECTED"]);

    world.tab_says(tab, ToWorker::Disconnect { reason: None, timeout: 3000 });
    world.advance(seconds(1));
    assert_eq!(world.statuses(page), ["DISCONNECTED"]);
    let page = world.next_port(page);
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["AUTHFAIL"], "its app does not undo that by itself");
}

#[test]
fn a_page_hears_that_pages_of_epode_have_the_session_before_it_proves_itself_and_may_try_again() {
    let mut world = World::new();
    let mut page = world.load();
    for _ in 0..2 {
        world.page(page).waits_to_log_in = true;
        world.connect(page, ALICE);
        world.is_beside();
        let statuses = world.statuses(page);
        assert!(statuses[0].starts_with("CONNFAIL pages of Epode have this session"), "{statuses:?}");
        assert_eq!(statuses[1..], ["DISCONNECTED"]);
        page = world.next_port(page);
    }
    world.run();
    assert!(!world.sent().iter().any(|sent| sent.starts_with("<auth")));
    assert_eq!(world.server.statistics().open_connections, 0);
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
}

#[test]
fn a_page_whose_login_pages_of_epode_overtake_binds_nothing_and_may_try_again() {
    let mut world = World::new();
    world.denies = true;
    let page = world.login(ALICE);
    let statuses = world.statuses(page);
    assert!(statuses[0].starts_with("CONNFAIL pages of Epode have this session"), "{statuses:?}");
    assert_eq!(statuses[1..], ["DISCONNECTED"]);
    let sent = world.sent();
    assert!(sent.iter().any(|sent| sent.starts_with("<auth")), "{sent:?}");
    assert!(!sent.iter().any(|sent| sent.contains(":xmpp-bind")), "{sent:?}");
    assert_eq!(world.server.statistics().open_connections, 0);
    world.denies = false;
    let page = world.next_port(page);
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
}

#[test]
fn a_page_that_cannot_attach_hears_that_pages_of_epode_have_a_session_and_of_no_session_quietly() {
    let warnings = |world: &mut World, page| {
        let heard = world.heard(page).into_iter();
        heard.filter(|word| word[0] == "log" && word[1] != "info").collect::<Vec<_>>()
    };
    let mut world = World::new();
    let page = world.attach();
    assert_eq!(world.statuses(page), ["ATTACHFAIL"]);
    assert_eq!(warnings(&mut world, page), [Value::Null; 0]);
    world.is_beside();
    let [warning] = &warnings(&mut world, page)[..] else { panic!("one line") };
    assert_eq!(warning[1], "warn");
    assert!(warning[2].as_str().is_some_and(|text| text.starts_with("pages of Epode have")), "{warning}");
    // A page that does something else meanwhile is told nothing.
    world.says(page, json!(["_attach", SERVICE, 3]));
    world.run();
    world.says(page, json!(["_bye"]));
    world.is_beside();
    assert_eq!(warnings(&mut world, page), [Value::Null; 0]);
}
