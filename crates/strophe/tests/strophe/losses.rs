//! Pages whose connection is lost.

use epode_testkit::{Config, Management, ManagementFault, Misbehaviour};
use serde_json::{Value, json};

use crate::common::{ALICE, BOB, CHAT, certified, chat, log_in_by_certificate, of_two_accounts, seconds, to};
use crate::world::{SERVICE, World, message};

#[test]
fn pages_that_have_yet_to_bind_hear_that_their_session_is_lost() {
    for is_old in [false, true] {
        let mut world = World::with_scram(Config::default());
        let pages = [(); 2].map(|()| {
            let page = world.load();
            (world.page(page).is_old, world.page(page).waits) = (is_old, true);
            world.page(page).speaks_scram = true;
            world.connect(page, ALICE);
            assert_eq!(world.statuses(page), ["BINDREQUIRED"]);
            page
        });
        world.cut();
        for page in pages {
            let statuses = world.statuses(page);
            assert!(statuses[0].starts_with("CONNFAIL the connection was lost"), "{is_old} {statuses:?}");
        }
    }
}

#[test]
fn a_lost_connection_that_is_resumed_is_no_news() {
    let mut world = World::with(Config { management: Some(Management::default()), ..Config::default() });
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.cut();
    world.advance(seconds(20));
    assert_eq!(world.dials, 2);
    for page in [a, b] {
        assert_eq!(world.words(page), [Value::Null; 0]);
    }
    world.server_says(CHAT);
    for page in [a, b] {
        assert_eq!(world.words(page), [message(CHAT)]);
    }
}

#[test]
fn pages_that_log_in_to_their_session_that_is_resumed_hear_so_and_bind_nothing() {
    let (mut world, first, _) = of_two_accounts(Some(Management::default()));
    let second = log_in_by_certificate(&mut world);
    world.cut();
    world.forget();
    let mut last = second;
    for page in [first, second] {
        let page = world.next_port(page);
        last = page;
        (world.page(page).manages, world.page(page).waits) = (true, true);
        world.connect(page, ALICE);
        assert_eq!(world.statuses(page), ["CONNECTED"]);
        assert!(world.page(page).has_resumed);
        assert_eq!(world.page(page).bound, ALICE);
        let words = world.words(page);
        assert_eq!(words[..2], [json!(["_role", "primary", ALICE]), json!(["_smResumed", ALICE, "epode"])]);
        world.sends(page, &to(ALICE));
        assert_eq!(world.words(page).last().map(|word| &word[0]), Some(&json!("_onMessage")));
    }
    let sent = world.sent();
    assert!(sent.iter().any(|sent| sent.starts_with("<resume")), "{sent:?}");
    assert!(!sent.iter().any(|sent| sent.contains("xmpp-bind")), "{sent:?}");
    // The session is not that of a new page, nor that of a reload, which has nothing of it.
    world.says(last, json!(["_bye"]));
    let new = world.load();
    (world.page(new).manages, world.page(new).waits) = (true, true);
    world.connect(new, ALICE);
    assert_eq!(world.statuses(new), ["BINDREQUIRED"]);
    world.bind(new);
    assert_eq!(world.statuses(new), ["CONNECTED"]);
}

#[test]
fn a_page_that_was_out_while_its_session_was_bound_anew_is_not_told_that_it_goes_on() {
    for anew in [false, true] {
        let mut world = World::with(Config { management: Some(Management::default()), ..Config::default() });
        let (page, other) = (world.login(ALICE), world.attach());
        world.forget();
        if anew {
            let refuses = ManagementFault::RefuseResume { condition: "item-not-found", tells: false };
            world.server.misbehave(Misbehaviour::Management(refuses));
            world.cut();
            // Where nobody is back at once the session ends.
            while world.statuses(other).is_empty() {
                world.advance(seconds(1));
            }
            assert_eq!(world.statuses(page), ["DISCONNECTED"]);
            let other = world.next_port(other);
            world.connect(other, ALICE);
            assert_eq!(world.statuses(other), ["CONNECTED"]);
        }
        world.forget();
        world.cut();
        world.advance(seconds(20));
        let page = world.next_port(page);
        (world.page(page).manages, world.page(page).waits) = (true, true);
        world.connect(page, ALICE);
        assert_eq!(
            (world.statuses(page), world.page(page).has_resumed),
            (match anew {
                true => (vec!["BINDREQUIRED".to_owned()], false),
                false => (vec!["CONNECTED".to_owned()], true),
            })
        );
        let sent = world.sent();
        assert!(sent.iter().any(|sent| sent.starts_with("<resume")), "{sent:?}");
        assert!(!sent.iter().any(|sent| sent.contains("epode-bind")), "{sent:?}");
    }
}

/// `hasResumed()` of strophe.js would speak of the former session, in a page that attaches.
#[test]
fn a_page_that_attaches_behind_its_session_hears_that_this_did_not_go_on() {
    for anew in [false, true] {
        let mut world = World::with(Config { management: Some(Management::default()), ..Config::default() });
        let (page, other) = (world.login(ALICE), world.attach());
        world.advance(seconds(1));
        if anew {
            let refuses = ManagementFault::RefuseResume { condition: "item-not-found", tells: false };
            world.server.misbehave(Misbehaviour::Management(refuses));
        }
        world.cut();
        world.advance(seconds(20));
        if anew {
            let page = world.next_port(page);
            world.connect(page, ALICE);
            assert_eq!(world.statuses(page), ["CONNECTED"]);
        }
        let other = world.next_port(other);
        world.says(other, json!(["_attach", SERVICE, 3]));
        let words = world.words(other);
        let told = match anew {
            true => [json!("_smFailed"), json!("_smEnabled")],
            false => [json!("_smEnabled"), json!("_attachCallback")],
        };
        assert!(words.windows(2).any(|two| two[0][0] == told[0] && two[1][0] == told[1]), "{words:?}");
        assert!(anew || words.iter().all(|word| word[0] != "_smFailed"), "{words:?}");
    }
}

#[test]
fn what_the_server_may_not_have_is_sent_again_once_a_login_has_proven_its_account() {
    let (mut world, mut page) = certified();
    world.sends(page, "<message xmlns='jabber:client' to='carol@localhost' id='7'><body/></message>");
    world.cut();
    for (account, status, times) in [("bob", "AUTHFAIL", 0), ("alice", "CONNECTED", 1)] {
        world.forget();
        world.server.change_certificate(account);
        page = world.next_port(page);
        world.page(page).is_certified = true;
        world.connect(page, ALICE);
        assert_eq!(world.statuses(page)[0], status);
        let sent = world.sent();
        assert_eq!(sent.iter().filter(|sent| sent.contains("carol@")).count(), times, "{sent:?}");
        assert!(!sent.iter().any(|sent| sent.starts_with("<resume")), "{sent:?}");
    }
}

#[test]
fn what_a_page_sent_is_never_sent_in_the_name_of_another_account() {
    for (account, times) in [("alice", 1), ("bob", 0)] {
        let (certificate, management) = (Some("alice".to_owned()), Some(Management::default()));
        let mut world = World::with(Config { certificate, management, ..Config::default() });
        let page = world.port();
        (world.page(page).is_old, world.page(page).is_certified) = (true, true);
        world.connect(page, "localhost");
        assert_eq!(world.statuses(page), ["CONNECTED"]);
        world.sends(page, "<message xmlns='jabber:client' to='carol@localhost' id='7'><body/></message>");
        world.cut();
        world.forget();
        world.server.change_certificate(account);
        world.connect(page, "localhost");
        assert_eq!(world.statuses(page), ["CONNECTED"], "{account}");
        let sent = world.sent();
        assert_eq!(sent.iter().filter(|sent| sent.contains("carol@")).count(), times, "{account}: {sent:?}");
    }
}

#[test]
fn a_page_that_tries_twice_before_it_binds_misses_nothing_at_its_reload() {
    let (mut world, _) = certified();
    let mut page = world.load();
    world.connect(page, BOB);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    world.server_says(CHAT);
    world.advance(seconds(2));
    world.cut();
    world.forget();
    for _ in 0..2 {
        page = world.next_port(page);
        (world.page(page).is_certified, world.page(page).waits) = (true, true);
        world.connect(page, ALICE);
        assert_eq!(world.statuses(page), ["BINDREQUIRED"]);
    }
    world.bind(page);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    world.advance(seconds(2));
    world.says(page, json!(["_bye"]));
    world.server_says(&chat("meanwhile"));
    let reloaded = world.attach();
    assert_eq!(world.words(reloaded).last(), Some(&message(&chat("meanwhile"))));
}

#[test]
fn what_waits_for_a_page_to_bind_waits_for_as_long_as_the_page() {
    let (mut world, page) = certified();
    let other = world.attach();
    world.sends(page, "<message xmlns='jabber:client' to='carol@localhost' id='7'><body/></message>");
    world.cut();
    let page = world.next_port(page);
    (world.page(page).is_certified, world.page(page).waits) = (true, true);
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["BINDREQUIRED"]);
    world.says(other, json!(["_bye"]));
    world.advance(seconds(15));
    assert_eq!(world.statuses(page), [""; 0]);
    world.forget();
    world.bind(page);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    let sent = world.sent();
    assert!(sent.iter().any(|sent| sent.contains("carol@")), "{sent:?}");
}

#[test]
fn a_login_that_is_given_up_costs_no_other_account_what_waits() {
    let (mut world, page) = certified();
    world.forget();
    world.cut();
    let late = to("carol@localhost");
    world.sends(page, &late);
    let other = world.load();
    world.page(other).waits_to_log_in = true;
    world.connect(other, BOB);
    world.log_out(other);
    world.advance(seconds(2));
    world.forget();
    let page = world.next_port(page);
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    assert!(world.sent().contains(&late));
}

#[test]
fn what_a_page_sends_before_it_hears_of_a_loss_is_sent_once_its_session_goes_on() {
    for (what, jid, management, sends) in [
        ("the session goes on", ALICE, Some(Management::default()), true),
        ("the session is over", ALICE, None, false),
        ("the session is bound anew", ALICE, Some(Management::default()), false),
        ("the page is another account's now", BOB, Some(Management::default()), false),
    ] {
        let (mut world, page, bob) = of_two_accounts(management);
        world.cut();
        let late = to("carol@localhost");
        world.sends(page, &late);
        assert_eq!(world.statuses(page), ["DISCONNECTED"], "{what}");
        world.advance(seconds(10));
        world.forget();
        if what.contains("anew") {
            let refuses = ManagementFault::RefuseResume { condition: "item-not-found", tells: false };
            world.server.misbehave(Misbehaviour::Management(refuses));
        }
        let page = world.next_port(page);
        world.connect(page, jid);
        assert_eq!(world.statuses(page), ["CONNECTED"], "{what}");
        let log = world.heard(page).into_iter().filter(|word| word[1] == "error").count();
        assert_eq!((log, world.sent().contains(&late)), (usize::from(!sends), sends), "{what}");
        assert_eq!(world.words(bob), [Value::Null; 0], "{what}");
    }
}

#[test]
fn what_waits_for_a_session_is_bounded_in_bytes_and_in_time() {
    let (mut world, first, _) = of_two_accounts(Some(Management::default()));
    world.forget();
    world.cut();
    let large = format!("<message to='carol@localhost'><body>{}</body></message>", "x".repeat(400_000));
    for _ in 0..3 {
        world.sends(first, &large);
    }
    let log = |world: &mut World, page| world.heard(page).into_iter().filter(|word| word[0] == "log").count();
    assert_eq!(log(&mut world, first), 1, "two of them may wait");
    world.advance(seconds(601));
    let first = world.next_port(first);
    world.connect(first, ALICE);
    assert_eq!(world.statuses(first), ["CONNECTED"]);
    assert!(!world.sent().contains(&large));
}

#[test]
fn behind_a_lost_connection_pages_log_in_again_and_join_at_once() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.server_says(&chat("before"));
    for page in [a, b] {
        assert_eq!(world.words(page), [message(&chat("before"))]);
    }
    world.cut();
    // The worker dials within 8.5 s, and waits 10 s for a page.
    world.advance(seconds(9));
    for page in [a, b] {
        assert_eq!(world.words(page), [json!(["_onClose", ""])]);
        assert_eq!(world.statuses(page), ["DISCONNECTED"]);
    }
    world.server_says(CHAT);
    let pages = [a, b].map(|page| {
        let page = world.next_port(page);
        world.says(page, json!(["_attach", SERVICE, 3]));
        page
    });
    for page in pages {
        assert_eq!(world.statuses(page), ["ATTACHED"]);
        assert_eq!(world.words(page)[2..], [message(CHAT)]);
    }
    assert_eq!(world.dials, 2);
}

#[test]
fn what_a_page_says_behind_the_end_of_its_session_is_logged_and_harms_no_login() {
    let (mut world, _, _) = of_two_accounts(Some(Management::default()));
    let page = world.port();
    (world.page(page).is_old, world.page(page).is_certified) = (true, true);
    world.connect(page, ALICE);
    let other = log_in_by_certificate(&mut world);
    world.cut();
    assert_eq!(world.statuses(page).last().map(|status| &**status), Some("DISCONNECTED"));
    world.forget();
    world.sends(page, &to("carol@localhost"));
    world.connect(page, ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    assert_eq!(world.heard(page).iter().filter(|word| word[1] == "error").count(), 1);
    let other = world.next_port(other);
    world.page(other).is_certified = true;
    world.connect(other, ALICE);
    assert_eq!(world.statuses(other), ["CONNECTED"], "nobody has logged out");
}

#[test]
fn a_server_that_resumes_another_session_costs_a_page_nothing_where_the_worker_can_log_in() {
    let (mut world, page) = certified();
    world.cut();
    let fault = Misbehaviour::Management(ManagementFault::ResumesAnother);
    world.server.misbehave(fault);
    let page = world.next_port(page);
    world.connect(page, ALICE);
    world.advance(seconds(2));
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    assert_eq!(world.dials, 3);
    world.server_says(CHAT);
    assert_eq!(world.words(page).last(), Some(&message(CHAT)));
}
