//! How sessions end, and who is kept out after that.

use epode_hub::PortId;
use epode_testkit::{Config, Management};
use serde_json::{Value, json};

use crate::common::{ALICE, BOB, CHAT, certified, log_in_by_certificate, of_two_accounts, seconds, to};
use crate::world::{SERVICE, World, message};

#[test]
fn a_page_that_gives_up_on_its_way_in_ends_nothing() {
    for is_old in [false, true] {
        let mut world = World::new();
        let first = world.login(ALICE);
        let second = world.load();
        (world.page(second).is_old, world.page(second).waits) = (is_old, true);
        world.connect(second, ALICE);
        assert_eq!(world.statuses(second), ["BINDREQUIRED"]);
        world.forget();
        world.log_out(second);
        world.advance(seconds(5));
        assert_eq!(world.words(first), [Value::Null; 0]);
        assert_eq!(world.server.statistics().bound_sessions, 1, "{is_old}");
        world.server_says(CHAT);
        assert_eq!(world.words(first), [message(CHAT)]);
        assert!(!world.words(second).contains(&message(CHAT)));
    }
}

#[test]
fn a_logout_ends_the_session_in_all_pages_and_nobody_logs_in_again_by_itself() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.log_out(a);
    world.advance(seconds(2));
    let reason = "the session was ended, in this page or in another";
    assert_eq!(world.words(b).last(), Some(&json!(["_onClose", reason])));
    assert_eq!(world.statuses(b), ["DISCONNECTED"]);
    assert!(world.words(a).iter().all(|word| word[0] != "_onClose"));
    assert_eq!(world.server.statistics().open_connections, 0);
    // The app of the other page tries by itself.
    let b = world.next_port(b);
    world.connect(b, ALICE);
    assert_eq!(world.statuses(b), ["AUTHFAIL"]);
    assert_eq!(world.server.statistics().open_connections, 0);
    // A person logs in where the logout was, and in a page of its own.
    let a = world.next_port(a);
    world.connect(a, ALICE);
    assert_eq!(world.statuses(a), ["CONNECTED"]);
    let c = world.login(ALICE);
    assert_eq!(world.statuses(c), ["CONNECTED"]);
    world.advance(seconds(10));
    let b = world.next_port(b);
    world.connect(b, ALICE);
    assert_eq!(world.statuses(b), ["CONNECTED"]);
}

#[test]
fn a_page_that_logs_out_and_in_at_once_ends_the_session_in_all_pages() {
    for jid in [ALICE, "bob@localhost/desk"] {
        let mut world = World::new();
        let (a, b) = (world.login(ALICE), world.attach());
        world.forget();
        world.log_out(a);
        let a = world.next_port(a);
        world.connect(a, jid);
        assert_eq!(world.statuses(a), ["CONNECTED"], "{jid}");
        assert_eq!(world.page(a).bound, jid);
        assert_eq!(world.statuses(b), ["DISCONNECTED"], "{jid}");
        let b = world.next_port(b);
        world.connect(b, ALICE);
        assert_eq!(world.statuses(b), ["AUTHFAIL"], "{jid}");
        assert_eq!(world.server.statistics().bound_sessions, 1, "{jid}");
        world.forget();
        world.server_says(CHAT);
        assert_eq!(world.words(a), [message(CHAT)], "{jid}");
    }
}

#[test]
fn a_page_that_is_unloaded_while_another_connects_ends_nothing() {
    for opens in [false, true] {
        let mut world = World::new();
        let a = world.login(ALICE);
        world.run();
        let (b, c) = (world.attach(), world.load());
        world.run();
        world.connect_with(c, ALICE, "wrong");
        assert_eq!(world.statuses(c), ["AUTHFAIL"]);
        world.forget();
        world.log_out(a);
        world.says(a, json!(["_bye"]));
        let c = if opens { world.load() } else { world.next_port(c) };
        world.connect(c, ALICE);
        world.advance(seconds(3));
        assert_eq!(world.statuses(c), ["CONNECTED"]);
        assert_eq!(world.words(b), [json!(["_promote", ALICE])]);
        assert_eq!(world.server.statistics().bound_sessions, 1);
    }
}

#[test]
fn a_logout_is_told_to_pages_that_lost_the_session_and_are_still_out() {
    type Meanwhile = fn(&mut World, PortId) -> PortId;
    let ways: [(&str, Meanwhile); 3] = [
        ("nothing", |_, page| page),
        ("a dial in vain", |world, page| {
            world.reachable = false;
            let page = world.next_port(page);
            world.connect(page, ALICE);
            world.run();
            world.reachable = true;
            page
        }),
        ("an attach in vain", |world, page| {
            let page = world.next_port(page);
            world.says(page, json!(["_attach", SERVICE, 3]));
            world.run();
            page
        }),
    ];
    for (what, meanwhile) in ways {
        for management in [None, Some(Management::default())] {
            let certificate = Some("alice".to_owned());
            let mut world = World::with(Config { certificate, management, ..Config::default() });
            let [a, b] = [(); 2].map(|()| {
                let page = world.load();
                world.page(page).is_certified = true;
                world.connect(page, ALICE);
                assert_eq!(world.statuses(page), ["CONNECTED"]);
                page
            });
            world.cut();
            for page in [a, b] {
                assert_eq!(world.statuses(page), ["DISCONNECTED"]);
            }
            let b = meanwhile(&mut world, b);
            let a = world.next_port(a);
            world.page(a).is_certified = true;
            world.connect(a, ALICE);
            assert_eq!(world.statuses(a), ["CONNECTED"]);
            world.log_out(a);
            world.advance(seconds(2));
            world.forget();
            let b = world.next_port(b);
            world.connect(b, ALICE);
            assert_eq!(world.statuses(b), ["AUTHFAIL"], "{what}");
            assert_eq!(world.server.statistics().open_connections, 0, "{what}");
            // The page that logged out, and a new one, are let in.
            let a = world.next_port(a);
            world.connect(a, ALICE);
            assert_eq!(world.statuses(a), ["CONNECTED"]);
            let new = world.login(ALICE);
            assert_eq!(world.statuses(new), ["CONNECTED"]);
        }
    }
}

#[test]
fn a_logout_keeps_no_page_out_of_another_account() {
    // Both return the page that logs out, and the other.
    type Meanwhile = fn(&mut World, PortId, PortId) -> [PortId; 2];
    let turns_away: Meanwhile = |world, a, b| {
        let b = world.next_port(b);
        world.connect(b, BOB);
        assert!(world.statuses(b)[0].starts_with("CONNFAIL"));
        world.reachable = true;
        let a = world.next_port(a);
        world.page(a).is_certified = true;
        world.connect(a, ALICE);
        assert_eq!(world.statuses(a), ["CONNECTED"]);
        [a, b]
    };
    let waits_for_any: Meanwhile = |world, a, _| [a, world.attach()];
    // With its certificate a page loses its session, which without is dialled again.
    for (what, is_certified, meanwhile) in
        [("it wants another now", true, turns_away), ("it was in none", false, waits_for_any)]
    {
        let certificate = is_certified.then(|| "alice".to_owned());
        let mut world = World::with(Config { certificate, ..Config::default() });
        let [a, b] = [(); 2].map(|()| {
            let page = world.load();
            world.page(page).is_certified = is_certified;
            world.connect(page, ALICE);
            page
        });
        world.cut();
        world.reachable = false;
        let [a, b] = meanwhile(&mut world, a, b);
        world.log_out(a);
        world.advance(seconds(2));
        world.reachable = true;
        let b = world.next_port(b);
        world.connect(b, BOB);
        assert_eq!(world.statuses(b).last().map(|status| &**status), Some("CONNECTED"), "{what}");
    }
}

#[test]
fn after_a_logout_or_a_refusal_nothing_is_kept_of_a_session_that_was_lost() {
    type End = fn(&mut World, PortId);
    fn dials_again(world: &mut World, page: PortId) -> PortId {
        let page = world.next_port(page);
        world.page(page).waits_to_log_in = true;
        world.connect(page, ALICE);
        page
    }
    let ends: [(&str, bool, End); 17] = [
        ("only the echo of the end", true, |_, _| {}),
        ("logout", false, |world, page| {
            world.advance(seconds(1));
            world.says(page, json!(["_closeSocket"]));
        }),
        ("an app that tidies up after the end", true, |world, page| world.log_out(page)),
        ("an app that tidies up after a dial in vain", true, |world, page| {
            world.reachable = false;
            let page = dials_again(world, page);
            world.run();
            world.says(page, json!(["_closeSocket"]));
            world.run();
            world.reachable = true;
        }),
        ("logout after a dial in vain", false, |world, page| {
            world.reachable = false;
            let page = dials_again(world, page);
            world.run();
            world.says(page, json!(["_closeSocket"]));
            world.advance(seconds(1));
            world.says(page, json!(["_closeSocket"]));
            world.run();
            world.reachable = true;
        }),
        ("an app that tidies up after an error of the stream", true, |world, page| {
            let page = dials_again(world, page);
            world.server_says(
                "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
                    <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
            );
            let told = ["CONNFAIL", "CONNFAIL the server ended the stream: policy-violation", "DISCONNECTED"];
            assert_eq!(world.statuses(page), told);
            world.log_out(page);
        }),
        ("an app that tidies up after a login that the page breaks off", true, |world, page| {
            let page = dials_again(world, page);
            world.run();
            world.says(page, json!(["_closeSocket"]));
            world.says(page, json!(["_closeSocket"]));
        }),
        ("logout while the service is dialled", false, |world, page| {
            let page = dials_again(world, page);
            world.says(page, json!(["_closeSocket"]));
        }),
        ("logout during a login", false, |world, page| {
            let page = dials_again(world, page);
            world.run();
            world.log_out(page);
        }),
        ("unload during a login", true, |world, page| {
            let page = dials_again(world, page);
            world.run();
            world.log_out(page);
            world.says(page, json!(["_bye"]));
        }),
        ("a login that the page breaks off by itself", true, |world, page| {
            let page = dials_again(world, page);
            world.run();
            world.says(page, json!(["_closeSocket"]));
        }),
        ("unload", true, |world, page| {
            world.says(page, json!(["_closeSocket"]));
            world.says(page, json!(["_bye"]));
        }),
        ("logout after an attach in vain", false, |world, page| {
            let page = world.next_port(page);
            world.says(page, json!(["_attach", SERVICE, 3]));
            world.says(page, json!(["_closeSocket"]));
        }),
        ("a dial in vain", true, |world, page| {
            world.reachable = false;
            let page = world.next_port(page);
            world.connect(page, ALICE);
            world.run();
            world.reachable = true;
        }),
        ("refusal", false, |world, page| {
            let page = world.next_port(page);
            world.connect_with(page, ALICE, "wrong");
            assert_eq!(world.statuses(page), ["AUTHFAIL"]);
        }),
        ("refusal of another account", true, |world, page| {
            let page = world.next_port(page);
            world.connect_with(page, "bob@localhost/desk", "wrong");
            assert_eq!(world.statuses(page), ["AUTHFAIL"]);
        }),
        ("an app that tidies up after that", true, |world, page| {
            let page = world.next_port(page);
            world.connect_with(page, "bob@localhost/desk", "wrong");
            assert_eq!(world.statuses(page), ["AUTHFAIL"]);
            world.log_out(page);
        }),
    ];
    for (what, goes_on, end) in ends {
        let (mut world, page) = certified();
        world.cut();
        assert_eq!(world.statuses(page), ["DISCONNECTED"], "{what}");
        end(&mut world, page);
        world.advance(seconds(2));
        world.forget();
        let other = world.login(ALICE);
        assert_eq!(world.statuses(other), ["CONNECTED"], "{what}");
        let resumes = world.sent().iter().any(|sent| sent.starts_with("<resume"));
        assert_eq!(resumes, goes_on, "{what}");
    }
}

#[test]
fn a_logout_before_a_page_hears_of_a_loss_ends_what_is_left_of_the_session() {
    let (mut world, first, _) = of_two_accounts(Some(Management::default()));
    let second = log_in_by_certificate(&mut world);
    world.forget();
    world.cut();
    world.sends(first, &to("carol@localhost"));
    world.log_out(first);
    world.advance(seconds(3));
    let second = world.next_port(second);
    world.connect(second, ALICE);
    assert_eq!(world.statuses(second), ["AUTHFAIL"], "for 10 s");
    world.advance(seconds(10));
    let second = world.next_port(second);
    world.connect(second, ALICE);
    assert_eq!(world.statuses(second), ["CONNECTED"]);
    let sent = world.sent();
    assert!(!sent.iter().any(|sent| sent.contains("carol@") || sent.contains("unavailable")), "{sent:?}");
    assert!(sent.iter().any(|sent| sent.contains("epode-bind")), "{sent:?}");
}

#[test]
fn no_page_goes_offline_by_what_another_said_before_a_loss() {
    let (mut world, first, _) = of_two_accounts(Some(Management::default()));
    let second = log_in_by_certificate(&mut world);
    world.forget();
    world.cut();
    world.sends(first, "<presence xmlns='jabber:client' type='unavailable'/>");
    world.run();
    let second = world.next_port(second);
    world.connect(second, ALICE);
    assert_eq!(world.statuses(second), ["CONNECTED"]);
    let sent = world.sent();
    assert!(sent.iter().any(|sent| sent.starts_with("<resume")), "{sent:?}");
    assert!(!sent.iter().any(|sent| sent.contains("unavailable")), "{sent:?}");
}

#[test]
fn a_login_during_the_second_of_a_logout_is_a_login_of_its_own() {
    let mut world = World::new();
    let a = world.login(ALICE);
    world.forget();
    world.log_out(a);
    let b = world.login(ALICE);
    world.advance(seconds(3));
    assert_eq!(world.statuses(b), ["CONNECTED"]);
    assert_eq!(world.server.statistics().bound_sessions, 1);
    assert_eq!(world.words(a), [Value::Null; 0]);
}
