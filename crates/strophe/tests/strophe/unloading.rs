//! Pages that are unloaded, reloaded, kept in the back/forward cache.

use epode_hub::PortId;
use epode_testkit::Management;
use serde_json::{Value, json};

use crate::common::{ALICE, BOB, CHAT, REQUEST, chat, log_in_by_certificate, of_two_accounts, seconds, to};
use crate::world::{SERVICE, World, message};

#[test]
fn a_page_that_is_unloaded_leaves_and_ends_nothing() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.log_out(a);
    world.says(a, json!(["_bye"]));
    world.advance(seconds(5));
    assert_eq!(world.words(b), [json!(["_promote", ALICE])]);
    assert_eq!(world.server.statistics().open_connections, 1);
    world.says(b, json!(["_bye"]));
    world.advance(seconds(15));
    assert_eq!(world.server.statistics().open_connections, 0);
}

#[test]
fn what_comes_while_a_page_reloads_is_told_to_the_next() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.server_says(&chat("before"));
    world.advance(seconds(2));
    world.says(b, json!(["_bye"]));
    world.server_says(&chat("meanwhile"));
    world.forget();
    let b = world.attach();
    let attached = json!(["_attachCallback", 8, ALICE]);
    let role = json!(["_role", "secondary", ALICE]);
    assert_eq!(world.words(b), [role, attached, message(&chat("meanwhile"))]);
    assert!(world.words(a).is_empty());
    // A page that comes much later is a new one.
    world.says(b, json!(["_bye"]));
    world.server_says(&chat("later"));
    world.advance(seconds(20));
    let c = world.attach();
    assert_eq!(world.words(c).len(), 2);
}

#[test]
fn a_page_that_is_opened_while_another_reloads_takes_nothing_from_that() {
    let mut world = World::new();
    let (_, b) = (world.login(ALICE), world.attach());
    world.server_says(&chat("before"));
    world.advance(seconds(2));
    world.says(b, json!(["_bye"]));
    world.server_says(&chat("meanwhile"));
    world.forget();
    let opened = world.attach();
    world.server_says(&chat("later"));
    // The page that reloads attaches, in vain where nobody can tell, and then logs in.
    let reloaded = [world.attach(), world.login(ALICE)];
    for page in [opened, reloaded[0], reloaded[1]] {
        let mut words = world.words(page);
        words.retain(|word| word[0] == "_onMessage");
        assert_eq!(words, [message(&chat("meanwhile")), message(&chat("later"))]);
    }
}

#[test]
fn a_page_whose_session_is_over_attaches_to_that_of_no_other_account() {
    type End = fn(&mut World, PortId);
    let ends: [(&str, End); 3] = [
        ("lost", |world, _| world.cut()),
        ("ended", |world, _| {
            let other = log_in_by_certificate(world);
            world.run();
            world.log_out(other);
            world.advance(seconds(1));
        }),
        ("ended by itself", |world, page| {
            world.log_out(page);
            world.advance(seconds(1));
        }),
    ];
    for (what, end) in ends {
        for at_same_port in [false, true] {
            let (mut world, alice, bob) = of_two_accounts(Some(Management::default()));
            end(&mut world, alice);
            world.advance(seconds(9));
            let page = if at_same_port { alice } else { world.next_port(alice) };
            for _ in 0..2 {
                world.forget();
                world.says(page, json!(["_attach", SERVICE, 3]));
                assert_eq!(world.statuses(page), ["ATTACHFAIL"], "{what} {at_same_port}");
                world.sends(bob, &to(BOB));
                assert_eq!(world.words(bob).len(), 1, "{what}");
                assert_eq!(world.words(page), [json!(["_attachCallback", 12])], "{what}");
            }
        }
    }
}

#[test]
fn a_page_that_is_reloaded_attaches_to_the_session_of_its_account() {
    let (mut world, alice, bob) = of_two_accounts(Some(Management::default()));
    for (page, jid) in [(bob, BOB), (alice, ALICE)] {
        world.says(page, json!(["_bye"]));
        let page = world.attach();
        assert_eq!(world.statuses(page), ["ATTACHED"]);
        assert_eq!(world.page(page).bound, jid);
        world.advance(seconds(10));
    }
    // Nobody can tell whose page that is.
    let new = world.attach();
    assert_eq!(world.statuses(new), ["ATTACHFAIL"]);
}

#[test]
fn pages_of_two_accounts_that_reload_at_once_log_in_to_say_which_is_which() {
    let (mut world, alice, bob) = of_two_accounts(Some(Management::default()));
    for page in [bob, alice] {
        world.says(page, json!(["_bye"]));
    }
    for jid in [ALICE, BOB] {
        let page = world.attach();
        assert_eq!(world.statuses(page), ["ATTACHFAIL"]);
        let page = world.next_port(page);
        world.connect(page, jid);
        assert_eq!(world.statuses(page), ["CONNECTED"]);
        assert_eq!(world.page(page).bound, jid);
    }
}

#[test]
fn a_port_that_nobody_asked_for_a_session_with_is_in_none() {
    let mut world = World::new();
    // Converse.js attaches on one connection, logs in on another, and forgets the first.
    let abandoned = world.attach();
    let page = world.login(ALICE);
    world.forget();
    world.server_says(CHAT);
    world.server_says(REQUEST);
    assert!(world.words(abandoned).is_empty());
    assert_eq!(world.words(page), [message(CHAT), message(REQUEST)]);
}

#[test]
fn a_page_that_is_back_from_the_cache_hears_what_it_has_missed() {
    for (away, opens) in [(1, false), (3, false), (3, true), (9, false), (9, true)] {
        let mut world = World::new();
        let (_, page) = (world.login(ALICE), world.attach());
        world.server_says(&chat("before"));
        world.advance(seconds(2));
        world.says(page, json!(["_bye"]));
        world.server_says(&chat("meanwhile"));
        // Whoever opens a page meanwhile may be the one that has left.
        let opened = opens.then(|| world.attach());
        world.advance(seconds(away));
        world.forget();
        world.says(page, json!(["_pong"]));
        assert_eq!(world.words(page)[0][0], "_onClose");
        world.advance(seconds(3));
        let page = world.next_port(page);
        world.says(page, json!(["_attach", SERVICE, 3]));
        world.server_says(&chat("later"));
        let mut words = world.words(page);
        words.retain(|word| word[0] == "_onMessage");
        assert_eq!(words, [message(&chat("meanwhile")), message(&chat("later"))], "{away} {opens}");
        if let Some(opened) = opened {
            assert_eq!(world.words(opened), [message(&chat("later"))]);
            assert_ne!(world.names[&page], world.names[&opened], "{away}");
        }
    }
}

#[test]
fn a_page_that_has_said_goodbye_is_answered_at_its_port_too() {
    for (word, answer) in [("_connect", "_onClose"), ("_attach", "_attachCallback")] {
        let mut world = World::new();
        let page = world.login(ALICE);
        world.forget();
        world.says(page, json!(["_bye"]));
        let jid = (word == "_connect").then(|| json!(ALICE));
        world.says(page, [json!(word), json!(SERVICE)].into_iter().chain(jid).chain([json!(3)]).collect());
        assert_eq!(world.words(page).last().map(|word| &word[0]), Some(&json!(answer)));
        // A port that was not used is as good as new.
        let port = world.port();
        world.says(port, json!(["_bye"]));
        world.says(port, json!(["_attach", SERVICE, 3]));
        assert_eq!(world.words(port).last().map(|word| &word[1]), Some(&json!(8)));
    }
}

#[test]
fn a_page_that_has_closed_its_socket_hears_nothing_and_answers_for_nothing() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.log_out(a);
    world.server_says(CHAT);
    world.server_says(REQUEST);
    assert_eq!(world.words(a), [Value::Null; 0]);
    assert!(world.words(b).contains(&message(REQUEST)));
}

#[test]
fn the_ports_of_pages_that_have_gone_are_closed_but_for_a_few() {
    let mut world = World::new();
    world.login(ALICE);
    let pages = [(); 40].map(|()| world.attach());
    world.run();
    for page in pages {
        world.says(page, json!(["_bye"]));
        world.advance(seconds(60));
    }
    assert_eq!(world.closed.len(), 1 + 40 + 40 - 32);
}

#[test]
fn a_page_that_is_long_in_the_cache_is_answered_however_many_are_opened_meanwhile() {
    let mut world = World::new();
    let (page, away) = (world.login(ALICE), world.attach());
    world.run();
    world.says(away, json!(["_bye"]));
    for _ in 0..40 {
        world.load();
    }
    // An app that fails to log in takes a port for each attempt.
    world.reachable = false;
    let mut failing = world.login("bob@localhost/desk");
    for _ in 0..40 {
        world.run();
        failing = world.next_port(failing);
        world.connect(failing, "bob@localhost/desk");
    }
    world.forget();
    world.says(away, json!(["_pong"]));
    assert_eq!(world.words(away)[0][0], "_onClose");
    assert!(world.words(page).is_empty());
}
