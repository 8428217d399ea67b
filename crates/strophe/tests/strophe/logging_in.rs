//! How pages come into sessions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epode_testkit::{Config, LegacySession, Management};
use serde_json::{Value, json};

use crate::common::{ALICE, CHAT, REQUEST, seconds};
use crate::world::{SERVICE, World, message};

#[test]
fn a_page_logs_in_and_hears_what_the_server_says() {
    let mut world = World::new();
    let page = world.login(ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    assert_eq!(world.page(page).bound, ALICE);
    assert_eq!(world.words(page), [json!(["_role", "primary", ALICE])]);
    world.server_says(CHAT);
    assert_eq!(world.words(page), [message(CHAT)]);
    assert_eq!(world.dials, 1);
}

#[test]
fn a_later_page_attaches_without_a_word_to_the_server_and_both_hear_all() {
    let mut world = World::new();
    let first = world.login(ALICE);
    world.forget();
    let second = world.attach();
    assert_eq!(world.statuses(second), ["ATTACHED"]);
    let role = json!(["_role", "secondary", ALICE]);
    assert_eq!(world.words(second), [role, json!(["_attachCallback", 8, ALICE])]);
    assert_eq!(world.sent(), [""; 0]);
    world.server_says(CHAT);
    for page in [first, second] {
        assert_eq!(world.words(page), [message(CHAT)]);
    }
    let said = "<message xmlns='jabber:client' to='bob@localhost'><body>ho</body></message>";
    world.sends(second, said);
    assert_eq!(world.words(first), [json!(["_onStanzaSent", said])]);
    assert!(world.words(second).is_empty());
    assert_eq!(world.sent(), [said]);
}

#[test]
fn without_a_session_there_is_nothing_to_attach_to() {
    let mut world = World::new();
    let page = world.attach();
    assert_eq!(world.words(page), [json!(["_attachCallback", 12])]);
}

#[test]
fn stream_management_is_the_workers_and_the_page_is_told_so() {
    let mut world = World::with(Config { management: Some(Management::default()), ..Config::default() });
    let first = world.load();
    world.page(first).manages = true;
    world.connect(first, ALICE);
    assert_eq!(world.statuses(first), ["CONNECTED"]);
    let enabled = json!(["_smEnabled", "epode", null, ALICE]);
    let told = [
        json!(["_role", "primary", ALICE]),
        enabled.clone(),
        message("<enabled xmlns='urn:xmpp:sm:3' id='epode' resume='true'/>"),
    ];
    assert_eq!(world.words(first), told);
    let second = world.attach();
    let role = json!(["_role", "secondary", ALICE]);
    assert_eq!(world.words(second), [role, enabled, json!(["_attachCallback", 8, ALICE])]);
    // The page counts nothing, and answers for nothing.
    world.forget();
    world.sends(first, "<r xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(world.sent(), [""; 0]);
}

/// As Converse 14 does, which waits for each of these answers.
#[test]
fn an_app_that_manages_the_stream_itself_is_answered_and_the_server_is_not_asked() {
    let answer = |text: &str| [message(text)];
    let not_found = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
    for is_old in [false, true] {
        let mut world = World::with(Config { management: Some(Management::default()), ..Config::default() });
        let page = world.load();
        (world.page(page).is_old, world.page(page).waits) = (is_old, true);
        world.connect(page, ALICE);
        assert_eq!(world.statuses(page), ["BINDREQUIRED"]);
        world.forget();
        // Of another life of this page, in the storage of its app.
        world.sends(page, "<resume xmlns='urn:xmpp:sm:3' h='7' previd='former'/>");
        assert_eq!(world.words(page), answer(&format!("<failed xmlns='urn:xmpp:sm:3'>{not_found}</failed>")));
        world.bind(page);
        assert_eq!(world.statuses(page), ["CONNECTED"]);
        let chat = "<message xmlns='jabber:client' to='bob@localhost'/>";
        world.sends(page, chat);
        world.forget();
        world.sends(page, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
        // Nothing can be resumed: what the app would resume by is the worker's own affair.
        let enabled = "<enabled xmlns='urn:xmpp:sm:3' id='epode' resume='false'/>";
        assert_eq!(world.words(page), answer(enabled));
        for count in ["1", "2"] {
            world.sends(page, chat);
            world.sends(page, "<r xmlns='urn:xmpp:sm:3'/>");
            assert_eq!(world.words(page), answer(&format!("<a xmlns='urn:xmpp:sm:3' h='{count}'/>")));
        }
        let sent = world.sent();
        assert!(sent.iter().filter(|text| *text == chat).count() == 2, "{sent:?}");
        assert!(!sent.iter().any(|text| text.contains("enable") || text.contains("previd")), "{sent:?}");
    }
}

#[test]
fn a_page_that_binds_itself_keeps_nobody_from_joining() {
    let mut world = World::new();
    let first = world.load();
    world.page(first).waits = true;
    world.connect(first, ALICE);
    assert_eq!(world.statuses(first), ["BINDREQUIRED"]);
    let second = world.attach();
    assert_eq!(world.statuses(second), ["ATTACHED"]);
    world.bind(first);
    assert_eq!(world.statuses(first), ["CONNECTED"]);
    assert_eq!(world.page(first).bound, ALICE);
    world.server_says(CHAT);
    assert_eq!(world.words(first).last(), Some(&message(CHAT)));
}

#[test]
fn the_session_request_of_former_days_is_answered_at_once() {
    for legacy_session in [LegacySession::Optional, LegacySession::Required] {
        for is_old in [false, true] {
            let mut world = World::with(Config { legacy_session, ..Config::default() });
            let page = world.load();
            world.page(page).is_old = is_old;
            world.connect(page, ALICE);
            assert_eq!(world.statuses(page), ["CONNECTED"], "{legacy_session:?} {is_old}");
            world.server_says(CHAT);
            assert_eq!(world.words(page).last(), Some(&message(CHAT)));
        }
    }
}

#[test]
fn a_second_login_is_the_proof_and_a_wrong_one_harms_nobody() {
    let mut world = World::new();
    let first = world.login(ALICE);
    world.forget();
    let wrong = world.load();
    world.connect_with(wrong, ALICE, "wrong");
    assert_eq!(world.statuses(wrong), ["AUTHFAIL"]);
    assert!(world.words(first).is_empty());
    let right = world.login(ALICE);
    assert_eq!(world.statuses(right), ["CONNECTED"]);
    assert_eq!(world.words(right).last(), Some(&json!(["_role", "secondary", ALICE])));
    assert_eq!(world.server.statistics().bound_sessions, 1);
    world.server_says(CHAT);
    assert_eq!(world.words(wrong).iter().filter(|word| **word == message(CHAT)).count(), 0);
    for page in [first, right] {
        assert_eq!(world.words(page), [message(CHAT)]);
    }
}

#[test]
fn a_page_that_attaches_during_a_login_waits_for_its_end() {
    for password in ["secret-alice", "wrong"] {
        let mut world = World::new();
        let first = world.load();
        world.connect_with(first, ALICE, password);
        let second = world.attach();
        let status = if password == "wrong" { "ATTACHFAIL" } else { "ATTACHED" };
        assert_eq!(world.statuses(second), [status]);
    }
}

#[test]
fn two_accounts_have_two_sessions() {
    let mut world = World::new();
    let alice = world.login(ALICE);
    let bob = world.login("bob@localhost/desk");
    world.run();
    assert_eq!(world.page(bob).bound, "bob@localhost/desk");
    world.forget();
    world.sends(bob, "<message xmlns='jabber:client' to='alice@localhost/desk'><body>hi</body></message>");
    assert_eq!(world.words(alice).len(), 1);
    assert!(world.words(bob).is_empty());
}

#[test]
fn an_anonymous_session_is_joined_by_attach() {
    let mut world = World::with(Config { anonymous: true, ..Config::default() });
    let first = world.load();
    world.page(first).is_anonymous = true;
    world.connect(first, "localhost");
    assert_eq!(world.statuses(first), ["CONNECTED"], "{:?}", world.heard(first));
    let second = world.attach();
    assert_eq!(world.statuses(second), ["ATTACHED"]);
    let jid = world.page(first).bound.clone();
    assert_eq!(world.page(second).bound, jid);
}

#[test]
fn a_service_that_is_not_there_fails_with_a_reason() {
    let mut world = World::new();
    world.reachable = false;
    let page = world.login(ALICE);
    let statuses = world.statuses(page);
    assert!(statuses[0].starts_with("CONNFAIL ") && statuses[0].len() > 20, "{statuses:?}");
    assert!(statuses[0].ends_with("; the service is ws://localhost/xmpp"), "{statuses:?}");
    assert_eq!(statuses[1], "DISCONNECTED");
}

#[test]
fn other_versions_and_unknown_words_are_answered_in_words() {
    for (word, answer) in [("_connect", "_onClose"), ("_attach", "_attachCallback")] {
        for version in [json!(2), json!(4), json!("new"), json!({})] {
            let mut world = World::new();
            let page = world.load();
            let jid = (word == "_connect").then(|| json!(ALICE));
            let said = [json!(word), json!(SERVICE)].into_iter().chain(jid).chain([version.clone()]);
            world.says(page, said.collect());
            let heard = world.heard(page);
            assert_eq!(
                (&heard[0][0], &heard[0][1], &heard[1][0]),
                (&json!("log"), &json!("fatal"), &json!(answer))
            );
            assert!(heard[0][2].as_str().is_some_and(|text| text.contains("versions 0 and 3")));
        }
    }
    let mut world = World::new();
    let page = world.login(ALICE);
    world.forget();
    for word in [json!(["_fly", 1]), json!([]), json!([7]), json!(["send"]), json!(["_connect", 1])] {
        world.says(page, word.clone());
        let heard = world.heard(page);
        assert_eq!((&heard[0][0], &heard[0][1]), (&json!("log"), &json!("error")), "{word}");
    }
}

#[test]
fn who_speaks_at_a_port_without_a_session_is_told_so() {
    for word in [json!(["_pong"]), json!(["send", "<presence/>"])] {
        let mut world = World::new();
        let port = world.port();
        world.says(port, word);
        assert_eq!(world.words(port)[0][0], "_onClose");
    }
    // Back from the back/forward cache.
    let mut world = World::new();
    let page = world.login(ALICE);
    world.forget();
    world.says(page, json!(["_bye"]));
    world.advance(seconds(60));
    world.says(page, json!(["_pong"]));
    assert_eq!(world.words(page)[0][0], "_onClose");
}

#[test]
fn a_page_that_fails_again_and_again_to_log_in_is_let_in_in_the_end() {
    for is_old in [true, false] {
        let mut world = World::new();
        let mut page = if is_old { world.port() } else { world.load() };
        world.reachable = false;
        for _ in 0..200 {
            world.page(page).is_old = is_old;
            world.connect(page, ALICE);
            world.advance(seconds(3));
            assert_eq!(world.statuses(page).last().map(|status| &**status), Some("DISCONNECTED"));
            page = if is_old { page } else { world.next_port(page) };
        }
        world.reachable = true;
        world.page(page).is_old = is_old;
        world.connect(page, ALICE);
        assert_eq!(world.statuses(page), ["CONNECTED"]);
    }
}

#[test]
fn an_account_is_registered_before_a_login() {
    let mut world = World::with(Config { registration: true, ..Config::default() });
    let page = world.load();
    world.page(page).waits_to_log_in = true;
    world.connect(page, "localhost");
    world.forget();
    let query = "<query xmlns='jabber:iq:register'/>";
    world.sends(page, &format!("<iq xmlns='jabber:client' type='get' id='r1'>{query}</iq>"));
    let words = world.words(page);
    let [form] = &words[..] else { panic!("{words:?}") };
    assert!(form[1]["data"].as_str().is_some_and(|text| text.contains("jabber:iq:register")), "{form}");
}

#[test]
fn a_page_that_registers_an_account_or_says_nothing_keeps_nobody_waiting() {
    let mut world = World::with(Config { registration: true, ..Config::default() });
    let [registers, silent] = [(); 2].map(|()| world.load());
    world.page(registers).waits_to_log_in = true;
    world.connect(registers, "localhost");
    let waiting = world.attach();
    assert_eq!(world.statuses(waiting), [""; 0]);
    let query = "<query xmlns='jabber:iq:register'/>";
    world.sends(registers, &format!("<iq xmlns='jabber:client' type='get' id='r1'>{query}</iq>"));
    let late = world.attach();
    for page in [waiting, late] {
        assert_eq!(world.statuses(page), ["ATTACHFAIL"]);
    }
    world.page(silent).waits_to_log_in = true;
    world.connect(silent, ALICE);
    let waiting = world.attach();
    world.advance(seconds(9));
    assert_eq!(world.statuses(waiting), [""; 0]);
    world.advance(seconds(1));
    assert_eq!(world.statuses(waiting), ["ATTACHFAIL"]);
}

#[test]
fn a_page_that_hesitates_to_bind_is_not_primary() {
    let mut world = World::new();
    let first = world.load();
    world.page(first).waits = true;
    world.connect(first, ALICE);
    let second = world.attach();
    world.advance(seconds(60));
    assert_eq!(world.page(second).role, "primary");
    world.bind(first);
    assert_eq!(world.statuses(first), ["BINDREQUIRED", "CONNECTED"]);
    assert_eq!(world.page(first).role, "secondary");
    world.server_says(REQUEST);
    assert_eq!(world.words(second).last(), Some(&message(REQUEST)));
}

/// strophe.js makes that string of the keys of a former login, where the server has no SCRAM any more.
#[test]
fn a_page_that_brings_keys_sends_no_string_of_them() {
    for user in ["a", "al", "ali"] {
        for said in [
            format!("\0{user}\0[object Object]"),
            format!("n,a={user},\x01auth=Bearer [object Object]\x01\x01"),
        ] {
            let mut world = World::new();
            let page = world.load();
            world.page(page).waits_to_log_in = true;
            world.connect(page, ALICE);
            let sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
            let auth = STANDARD.encode(&said);
            world.sends(page, &format!("<auth xmlns='{sasl}' mechanism='PLAIN'>{auth}</auth>"));
            assert_eq!(world.statuses(page), ["AUTHFAIL"]);
            let says_why = |word: &Value| word[0] == "log" && word[2].to_string().contains("SCRAM");
            assert!(world.heard(page).iter().any(says_why));
            assert!(!world.sent().iter().any(|sent| sent.contains("<auth")), "{said:?}");
        }
    }
}

#[test]
fn a_page_that_is_frozen_hands_its_role_on() {
    let mut world = World::new();
    let (first, second) = (world.login(ALICE), world.attach());
    world.forget();
    world.says(first, json!(["_relinquish"]));
    assert_eq!(world.words(second), [json!(["_promote", ALICE])]);
    world.server_says(REQUEST);
    assert_eq!(world.words(second), [message(REQUEST)]);
}
