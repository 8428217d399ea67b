//! The flows of a page's life.

use std::time::Duration;

use epode_hub::PortId;
use epode_protocol::{Credentials, FromWorker, Hello, Options, Secret, StatusCode, ToWorker, VERSION};
use epode_testkit::{Config, LegacySession, Management};
use serde_json::{Value, json};

use crate::world::{SERVICE, World, message};

const ALICE: &str = "alice@localhost/desk";
const CHAT: &str = "<message xmlns='jabber:client' from='bob@localhost/x'><body>hi</body></message>";
const REQUEST: &str =
    "<iq xmlns='jabber:client' type='get' id='q1' from='bob@localhost/x'><query xmlns='urn:x'/></iq>";
/// What strophe.js answers with where no handler takes a request.
const FALLBACK: &str = "<iq xmlns='jabber:client' type='error' id='q1'><error type='cancel'>\
    <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn chat(text: &str) -> String {
    CHAT.replace("hi", text)
}

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
        let certificate = Some("alice".to_owned());
        let management = Some(Management::default());
        let mut world = World::with(Config { certificate, management, ..Config::default() });
        let page = world.load();
        world.page(page).is_certified = true;
        world.connect(page, ALICE);
        assert_eq!(world.statuses(page), ["CONNECTED"], "{what}");
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
fn a_request_goes_from_page_to_page_until_one_answers() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.server_says(REQUEST);
    assert_eq!(world.words(a), [message(REQUEST)]);
    assert!(world.words(b).is_empty());
    world.sends(a, FALLBACK);
    assert_eq!(world.words(b), [message(REQUEST)]);
    assert_eq!(world.sent(), [""; 0]);
    let answer = "<iq xmlns='jabber:client' type='result' id='q1' to='bob@localhost/x'/>";
    world.sends(b, answer);
    assert_eq!(world.sent(), [answer]);
}

#[test]
fn a_request_that_no_page_takes_is_answered_once() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.server_says(REQUEST);
    world.forget();
    for page in [a, b] {
        world.sends(page, FALLBACK);
    }
    let [answer] = &world.sent()[..] else { panic!("not answered once") };
    assert!(answer.contains("service-unavailable") && answer.contains("bob@localhost/x"), "{answer}");
}

#[test]
fn an_answer_goes_to_the_page_that_asked_under_the_id_of_its_question() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    let ask = |what: &str| {
        format!("<iq xmlns='jabber:client' type='get' id='1' to='localhost'><query xmlns='{what}'/></iq>")
    };
    world.sends(a, &ask("jabber:iq:roster"));
    world.sends(b, &ask("urn:xmpp:ping"));
    for page in [a, b] {
        let words = world.words(page);
        let [Value::Array(word)] = &words[..] else { panic!("{words:?}") };
        assert!(word[1]["data"].as_str().is_some_and(|text| text.contains("id='1'")), "{word:?}");
    }
}

#[test]
fn a_page_that_does_not_answer_is_primary_no_more_and_waits_at_its_own_expense() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.page(a).frozen = true;
    world.advance(seconds(16));
    assert_eq!(world.words(b), [json!(["_promote", ALICE])]);
    let before = world.posted(a);
    for number in 0..500 {
        world.server_says(&chat(&number.to_string()));
    }
    world.run();
    assert!(world.posted(a) - before <= 64 + 8, "{}", world.posted(a) - before);
    assert_eq!(world.words(b).len(), 500);
}

#[test]
fn a_service_that_is_not_there_fails_with_a_reason() {
    let mut world = World::new();
    world.reachable = false;
    let page = world.login(ALICE);
    let statuses = world.statuses(page);
    assert!(statuses[0].starts_with("CONNFAIL ") && statuses[0].len() > 20, "{statuses:?}");
    assert_eq!(statuses[1], "DISCONNECTED");
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
fn a_page_of_version_0_logs_in_hears_all_and_acknowledges() {
    let mut world = World::with(Config { management: Some(Management::default()), ..Config::default() });
    let page = world.port();
    (world.page(page).is_old, world.page(page).manages) = (true, true);
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
