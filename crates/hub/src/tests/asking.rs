//! Requests of tabs, and which tab gets the answer.

use std::time::Duration;

use super::world::World;

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);

fn get(id: &str, to: &str) -> String {
    let to = if to.is_empty() { String::new() } else { format!(" to='{to}'") };
    format!("<iq xmlns='jabber:client' type='get' id='{id}'{to}><ping xmlns='urn:xmpp:ping'/></iq>")
}

fn answer(id: &str, from: &str) -> String {
    let from = if from.is_empty() { String::new() } else { format!(" from='{from}'") };
    format!("<iq xmlns='jabber:client' type='result' id='{id}'{from}/>")
}

/// Two tabs of Alice, whose server does not answer.
fn silent_server() -> (World, super::PortId, super::PortId) {
    let mut world = World::new();
    let tabs = (world.online(ALICE), world.online(ALICE));
    world.flowing = false;
    (world, tabs.0, tabs.1)
}

// An IQ result goes only to the tab that asked.
#[test]
fn an_answer_goes_to_the_tab_that_asked_and_to_nobody_else() {
    let mut world = World::new();
    let (asker, other) = (world.online(ALICE), world.online(ALICE));
    let token = world.request(asker, &get("q", "localhost"));
    let result =
        "<iq xmlns='jabber:client' type='result' id='q' from='localhost' to='alice@localhost/desk'/>";
    assert_eq!(world.heard(asker), [format!("response {token} result {result}")]);
    assert!(world.heard(other).is_empty());
    let token = world.request(asker, &get("r", "nowhere.example"));
    let heard = world.heard(asker);
    assert!(heard[0].starts_with(&format!("response {token} error <iq ")), "{heard:?}");
    assert!(heard[0].contains("<remote-server-not-found "), "{heard:?}");
}

// Equal ids in two tabs must not bring one tab the other's answer.
#[test]
fn equal_ids_of_two_tabs_are_kept_apart_and_given_back_as_they_were() {
    let (mut world, a, b) = silent_server();
    let tokens =
        [world.request(a, &get("q", "")), world.request(b, &get("q", "")), world.request(b, &get("q", ""))];
    let sent = world.sent();
    assert_eq!(sent[0], get("q", ""), "who comes first keeps the id");
    assert_eq!(sent[1], get("epode-1", ""));
    assert_eq!(sent[2], get("epode-2", ""));
    for id in ["epode-2", "q", "epode-1"] {
        world.server_says(ALICE, &answer(id, ""));
    }
    assert_eq!(world.heard(a), [format!("response {} result {}", tokens[0], answer("q", ""))]);
    let expected = [tokens[2], tokens[1]].map(|token| format!("response {token} result {}", answer("q", "")));
    assert_eq!(world.heard(b), expected);
}

#[test]
fn an_id_that_looks_like_ours_is_not_used_twice() {
    let (mut world, a, b) = silent_server();
    world.request(a, &get("epode-1", ""));
    world.request(a, &get("q", ""));
    world.request(b, &get("q", ""));
    assert_eq!(world.sent()[2], get("epode-2", ""));
}

#[test]
fn an_id_is_given_back_escaped_as_it_must_be() {
    let (mut world, a, b) = silent_server();
    let id = "&lt;&quot;&apos;&amp;>";
    world.request(a, &get(id, ""));
    let token = world.request(b, &get(id, ""));
    assert_eq!(world.sent()[1], get("epode-1", ""));
    world.server_says(ALICE, &answer("epode-1", ""));
    let heard = world.heard(b);
    let [text] = &heard[..] else { panic!("{heard:?}") };
    let text = text.strip_prefix(&format!("response {token} result ")).unwrap();
    let head = epode_session::stream::xml::Head::read(text, &Default::default()).unwrap();
    assert_eq!(head.id.as_deref(), Some("<\"'&>"));
}

#[test]
fn an_iq_without_id_gets_one() {
    let (mut world, tab, _) = silent_server();
    let token = world.request(tab, &get("q", "").replace(" id='q'", ""));
    assert_eq!(
        world.sent(),
        ["<iq id=\"epode-1\" xmlns='jabber:client' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"]
    );
    world.server_says(ALICE, &answer("epode-1", ""));
    assert_eq!(world.heard(tab), [format!("response {token} result {}", answer("epode-1", ""))]);
}

#[test]
fn only_who_was_asked_can_answer() {
    let own = [ALICE, "alice@localhost", "localhost", "", "Alice@LOCALHOST"];
    let strangers =
        ["bob@localhost", "bob@localhost/x", "alice@localhost/other", "elsewhere.example", "localhost/x"];
    for (to, may, may_not) in [
        // RFC 6120 §8.1.2.1: a request without `to` goes to the own account.
        ("", &own[..], &strangers[..]),
        ("alice@localhost", &["", "alice@localhost", ALICE], &["bob@localhost", "localhost"]),
        (ALICE, &["", "alice@localhost", ALICE], &["bob@localhost", "alice@localhost/other"]),
        ("localhost", &["", "localhost"], &["alice@localhost", "bob@localhost", "elsewhere.example"]),
        (
            "bob@localhost/x",
            &["bob@localhost/x", "BOB@localhost/x"],
            &["", "bob@localhost", "bob@localhost/X"],
        ),
    ] {
        for (from, right) in
            may.iter().map(|from| (from, true)).chain(may_not.iter().map(|from| (from, false)))
        {
            let (mut world, tab, other) = silent_server();
            world.request(tab, &get("q", to));
            world.server_says(ALICE, &answer("q", from));
            assert_eq!(world.heard(tab).len(), usize::from(right), "to {to:?} from {from:?}");
            assert!(world.heard(other).is_empty());
            // The dropped answer is logged, and the right one is still taken.
            assert_eq!(world.logged().len(), usize::from(!right));
            world.server_says(ALICE, &answer("q", may[0]));
            assert_eq!(world.heard(tab).len(), usize::from(!right), "to {to:?} from {from:?}");
        }
    }
}

#[test]
fn an_answer_to_nothing_is_dropped_and_noted_without_its_content() {
    let (mut world, tab, other) = silent_server();
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='result' id='hunter2'/>");
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='error'/>");
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='hunter2' id='1'/>");
    world.server_says(ALICE, "<iq xmlns='jabber:client' id='hunter2'/>");
    assert!(world.heard(tab).is_empty() && world.heard(other).is_empty());
    let logged = world.logged();
    assert_eq!(logged.len(), 4);
    assert!(!logged.concat().contains("hunter2"), "{logged:?}");
}

#[test]
fn a_request_ends_at_its_time_limit_and_its_late_answer_is_nobodys() {
    let (mut world, a, b) = silent_server();
    let token = world.request_within(a, &get("q", ""), 5 * SECOND);
    world.advance(5 * SECOND - Duration::from_millis(1));
    assert!(world.heard(a).is_empty());
    world.advance(Duration::from_millis(1));
    assert_eq!(world.heard(a), [format!("response {token} timeout")]);
    // Another tab asks under the same id before the late answer comes.
    let again = world.request(b, &get("q", ""));
    // The worker itself has asked under the first of its ids whether the server is there.
    assert_eq!(world.sent()[1], get("epode-2", ""));
    world.server_says(ALICE, &answer("q", ""));
    assert!(world.heard(a).is_empty() && world.heard(b).is_empty());
    world.server_says(ALICE, &answer("epode-2", ""));
    assert_eq!(world.heard(b), [format!("response {again} result {}", answer("q", ""))]);
}

// A question that tabs share is sent once for all of them, but not for those that ask after the
// first has given up.
#[test]
fn what_was_not_answered_in_time_is_asked_again() {
    let (mut world, a, b) = silent_server();
    let disco = |id: &str| {
        format!(
            "<iq xmlns='jabber:client' type='get' id='{id}' to='away.example'>\
             <query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        )
    };
    world.request_within(a, &disco("q"), 5 * SECOND);
    world.request_within(b, &disco("r"), 5 * SECOND);
    assert_eq!(world.sent(), [disco("q")]);
    world.advance(5 * SECOND);
    let token = world.request_within(a, &disco("s"), 5 * SECOND);
    assert_eq!(world.sent().last(), Some(&disco("s")), "nobody knows whether the first was heard");
    world.server_says(ALICE, &answer("q", "away.example"));
    world.heard(a);
    world.server_says(ALICE, &answer("s", "away.example"));
    assert_eq!(world.heard(a), [format!("response {token} result {}", answer("s", "away.example"))]);
    assert_eq!(world.heard(b).len(), 1, "its time was up");
}

#[test]
fn an_answered_request_does_not_time_out_too() {
    let (mut world, tab, _) = silent_server();
    world.request_within(tab, &get("q", ""), 5 * SECOND);
    world.server_says(ALICE, &answer("q", ""));
    assert_eq!(world.heard(tab).len(), 1);
    world.advance(60 * SECOND);
    assert!(world.heard(tab).is_empty());
    assert!(world.nothing_is_due());
}

#[test]
fn without_a_time_limit_a_request_waits_as_long_as_the_session_lasts() {
    let (mut world, tab, _) = silent_server();
    let token = world.request(tab, &get("q", ""));
    world.advance(100_000 * SECOND);
    world.server_says(ALICE, &answer("q", ""));
    assert_eq!(world.heard(tab), [format!("response {token} result {}", answer("q", ""))]);
}

#[test]
fn an_asker_that_leaves_frees_nothing_for_others() {
    let (mut world, asker, other) = silent_server();
    world.request_within(asker, &get("q", ""), 5 * SECOND);
    world.kill(asker);
    world.run();
    let token = world.request(other, &get("q", ""));
    assert_eq!(world.sent()[1], get("epode-1", ""));
    world.server_says(ALICE, &answer("q", ""));
    world.advance(60 * SECOND);
    assert_eq!(world.heard(other), ["Primary"]);
    world.server_says(ALICE, &answer("epode-1", ""));
    assert_eq!(world.heard(other), [format!("response {token} result {}", answer("q", ""))]);
}

#[test]
fn the_answer_to_an_iq_that_was_sent_plainly_is_delivered_to_its_tab_alone() {
    let (mut world, a, b) = silent_server();
    world.send(a, &get("q", ""));
    world.send(b, &get("q", ""));
    world.server_says(ALICE, &answer("epode-1", ""));
    world.server_says(ALICE, &answer("q", ""));
    assert_eq!(world.heard(a), ["written 1".to_owned(), format!("Received {}", answer("q", ""))]);
    assert_eq!(world.heard(b), ["written 1".to_owned(), format!("Received {}", answer("q", ""))]);
    world.server_says(ALICE, &answer("q", ""));
    assert!(world.heard(a).is_empty(), "an answer comes once");
}

#[test]
fn only_a_request_can_be_asked() {
    let (mut world, tab, _) = silent_server();
    for stanza in [
        "<message xmlns='jabber:client'/>",
        "<presence xmlns='jabber:client'/>",
        "<active xmlns='urn:xmpp:csi:0'/>",
        &answer("q", ""),
    ] {
        let token = world.request(tab, stanza);
        assert_eq!(world.heard(tab), [format!("response {token} refused not-a-request")], "{stanza}");
    }
    let token = world.request_within(tab, "<iq", SECOND);
    assert_eq!(world.heard(tab), [format!("response {token} refused not-well-formed")]);
    world.advance(60 * SECOND);
    assert!(world.heard(tab).is_empty() && world.sent().is_empty());
}

#[test]
fn an_answer_does_not_overtake_what_came_before_it() {
    let (mut world, tab, _) = silent_server();
    let token = world.request(tab, &get("q", ""));
    world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
    world.server_says(ALICE, &answer("q", ""));
    world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
    assert_eq!(
        world.heard(tab),
        [
            "Received <message xmlns='jabber:client' id='1'/>".to_owned(),
            format!("response {token} result {}", answer("q", "")),
            "Received <message xmlns='jabber:client' id='2'/>".to_owned(),
        ]
    );
}

#[test]
fn a_tab_that_asks_without_end_is_told_that_it_is_too_much_and_others_are_not() {
    let (mut world, a, b) = silent_server();
    let iq = |id: u32| format!("<iq xmlns='jabber:client' type='get' id='{id}'><q xmlns='urn:x'/></iq>");
    for id in 1..=1000 {
        world.request(a, &iq(id));
    }
    assert_eq!((world.heard(a).len(), world.sent().len()), (0, 1000));
    let refused = world.request(a, &iq(1001));
    assert_eq!(world.heard(a), [format!("response {refused} refused too-many")]);
    world.request(b, &iq(1002));
    assert_eq!(world.sent(), [iq(1002)]);
    // A tab that has its answer may ask again.
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='result' id='7'/>");
    world.request(a, &iq(1003));
    assert_eq!(world.sent(), [iq(1003)]);
}
