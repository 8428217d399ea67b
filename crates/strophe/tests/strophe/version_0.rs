//! Pages of version 0 of the wire.

use epode_hub::PortId;
use epode_testkit::{Config, Management};
use serde_json::json;

use crate::common::{ALICE, CHAT, chat, log_in_by_certificate, of_two_accounts, seconds, to};
use crate::world::{SERVICE, World, message};

#[test]
fn a_page_of_version_0_hears_once_what_comes_between_a_new_session_and_its_return() {
    for word in ["_connect", "_attach"] {
        let mut world = World::new();
        let page = world.port();
        world.page(page).is_old = true;
        world.connect(page, ALICE);
        world.server_says(&chat("before"));
        world.cut();
        world.advance(seconds(9));
        assert_eq!(world.statuses(page), ["CONNECTED", "DISCONNECTED"]);
        assert_eq!(world.dials, 2);
        world.server_says(&chat("meanwhile"));
        world.advance(seconds(1));
        world.forget();
        match word {
            "_connect" => world.connect(page, ALICE),
            _ => world.says(page, json!([word, SERVICE])),
        }
        world.server_says(&chat("later"));
        let mut words = world.words(page);
        words.retain(|word| word[0] == "_onMessage");
        assert_eq!(words, [message(&chat("meanwhile")), message(&chat("later"))], "{word}");
    }
}

#[test]
fn a_page_of_version_0_that_resumes_a_lost_session_hears_nothing_twice() {
    let (certificate, management) = (Some("alice".to_owned()), Some(Management::default()));
    let mut world = World::with(Config { certificate, management, ..Config::default() });
    let page = world.port();
    (world.page(page).is_old, world.page(page).is_certified) = (true, true);
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    // The page has no time to acknowledge what it hears.
    world.sends(
        page,
        "<message xmlns='jabber:client' to='alice@localhost/desk'><body>before</body></message>",
    );
    assert_eq!(world.words(page).len(), 1);
    world.cut();
    assert_eq!(world.statuses(page), ["DISCONNECTED"]);
    world.forget();
    // A certificate proves no account.
    world.page(page).is_certified = false;
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    let sent = world.sent();
    assert!(sent.iter().any(|sent| sent.starts_with("<resume")), "{sent:?}");
    world.server_says(&chat("later"));
    let mut words = world.words(page);
    words.retain(|word| word[0] == "_onMessage");
    assert_eq!(words, [message(&chat("later"))]);
}

#[test]
fn a_page_of_version_0_logs_in_hears_all_and_acknowledges() {
    let mut world = World::with(Config { management: Some(Management::default()), ..Config::default() });
    let page = world.port();
    world.page(page).is_old = true;
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    for number in 0..300 {
        world.server_says(&chat(&number.to_string()));
    }
    let heard = world.words(page);
    assert!(heard.iter().all(|word| word[0] == "_onMessage") && heard.len() == 300);
    world.server_says(&chat("later"));
    world.advance(seconds(60));
    assert_eq!(world.words(page), [message(&chat("later"))]);
    world.log_out(page);
    world.advance(seconds(1));
    assert_eq!(world.server.statistics().open_connections, 0);
    // The same port connects again.
    world.page(page).authenticated = false;
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
}

/// Pages of alice, the first of version 0, which is busy and has a question to answer.
fn with_a_busy_page_of_version_0() -> (World, PortId, PortId) {
    let (mut world, _, _) = of_two_accounts(Some(Management::default()));
    let busy = world.port();
    (world.page(busy).is_old, world.page(busy).is_certified) = (true, true);
    world.connect(busy, ALICE);
    let other = log_in_by_certificate(&mut world);
    world.advance(seconds(1));
    world.forget();
    world.page(busy).frozen = true;
    world.delivers(ALICE, CHAT);
    world.advance(seconds(1));
    (world, busy, other)
}

#[test]
fn a_page_of_version_0_that_is_slow_to_hear_of_a_loss_has_not_logged_out() {
    let (mut world, busy, other) = with_a_busy_page_of_version_0();
    world.cut();
    world.advance(seconds(5));
    // It reads the stanza and the question. What it says to that goes with the session.
    let late = to("carol@localhost");
    world.reads(busy, 2);
    world.sends(busy, &late);
    world.advance(seconds(2));
    assert_eq!(world.statuses(busy), [""; 0]);
    world.thaw(busy);
    assert_eq!(world.statuses(busy), ["DISCONNECTED"]);
    world.advance(seconds(5));
    world.forget();
    for page in [busy, other] {
        let next = if page == busy { page } else { world.next_port(page) };
        (world.page(next).authenticated, world.page(next).is_certified) = (false, false);
        world.connect(next, ALICE);
        assert_eq!(world.statuses(next), ["CONNECTED"]);
    }
    assert!(world.sent().contains(&late));
}

#[test]
fn a_busy_page_of_version_0_logs_out_and_in_at_once() {
    let (mut world, busy, _) = with_a_busy_page_of_version_0();
    world.log_out(busy);
    world.page(busy).authenticated = false;
    world.connect(busy, ALICE);
    world.advance(seconds(1));
    world.thaw(busy);
    world.advance(seconds(20));
    assert_eq!(world.statuses(busy).last().map(|status| &**status), Some("CONNECTED"));
}

#[test]
fn the_page_that_is_there_is_primary_and_not_one_of_version_0_that_has_gone() {
    let mut world = World::new();
    let gone = world.port();
    world.page(gone).is_old = true;
    world.connect(gone, ALICE);
    world.run();
    world.page(gone).gone = true;
    world.cut();
    world.advance(seconds(9));
    let page = world.login(ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    world.advance(seconds(60));
    assert_eq!(world.page(page).role, "primary");
}

#[test]
fn a_page_of_version_0_fails_with_the_event_that_it_understands() {
    let mut world = World::new();
    world.reachable = false;
    let page = world.port();
    world.page(page).is_old = true;
    world.connect(page, ALICE);
    let words = world.words(page);
    assert_eq!(words.last().map(|word| &word[1]["code"]), Some(&json!(1006)));
}
