//! The requests that the server answers itself, and those that it routes.

mod common;

use common::*;
use epode_xml::Element;

const ROSTER: &str = "jabber:iq:roster";
const INFO: &str = "http://jabber.org/protocol/disco#info";

fn items(answer: &Element) -> Vec<(String, String)> {
    let query = answer.child("query", ROSTER).expect("a roster");
    let item = |item: &Element| {
        let value = |name| item.attr(name).unwrap_or_default().to_owned();
        (value("jid"), value("subscription"))
    };
    query.children().map(item).collect()
}

fn pair(jid: &str, subscription: &str) -> (String, String) {
    (jid.to_owned(), subscription.to_owned())
}

#[test]
fn the_roster_holds_the_other_accounts() {
    let mut world = World::default();
    let alice = world.bind("alice", "tab");
    let roster = world.answer(alice, &iq("get", "", "<query xmlns='jabber:iq:roster'/>"));
    assert_eq!((roster.attr("type"), roster.attr("to")), (Some("result"), Some("alice@localhost/tab")));
    assert_eq!(items(&roster), [pair("bob@localhost", "both")]);
}

#[test]
fn a_change_of_the_roster_is_pushed_to_the_sessions_that_asked_for_it() {
    let mut world = World::default();
    let (tab, phone, other) =
        (world.bind("alice", "tab"), world.bind("alice", "phone"), world.bind("alice", "x"));
    for id in [tab, phone] {
        world.answer(id, &iq("get", "", "<query xmlns='jabber:iq:roster'/>"));
    }
    let change = "<query xmlns='jabber:iq:roster'>\
                  <item jid='carol@localhost' name='Carol'><group>friends</group></item></query>";
    let heard = world.ask(tab, &iq("set", "", change));
    assert_eq!(heard.last().and_then(|result| result.attr("type")), Some("result"));
    for push in [&heard[0], &world.heard(phone)[0]] {
        assert_eq!((push.attr("type"), push.attr("from")), (Some("set"), None));
        assert_eq!(items(push), [pair("carol@localhost", "none")]);
    }
    assert_eq!(world.heard(other), []);

    let remove =
        "<query xmlns='jabber:iq:roster'><item jid='carol@localhost' subscription='remove'/></query>";
    let heard = world.ask(tab, &iq("set", "", remove));
    assert_eq!(items(&heard[0]), [pair("carol@localhost", "remove")]);
    assert_eq!(condition(&world.answer(other, &iq("set", "", remove))), "item-not-found");
    let roster = world.answer(other, &iq("get", "", "<query xmlns='jabber:iq:roster'/>"));
    assert_eq!(items(&roster), [pair("bob@localhost", "both")]);
}

#[test]
fn a_roster_change_of_other_than_one_item_is_a_bad_request() {
    let mut world = World::default();
    let alice = world.bind("alice", "tab");
    for inside in ["", "<item/>", "<item jid='@'/>", "<item jid='a@localhost'/><item jid='b@localhost'/>"] {
        let query = format!("<query xmlns='jabber:iq:roster'>{inside}</query>");
        assert_eq!(condition(&world.answer(alice, &iq("set", "", &query))), "bad-request", "{inside}");
    }
}

#[test]
fn a_ping_is_answered_by_the_domain_and_by_the_own_account() {
    let mut world = World::default();
    let alice = world.bind("alice", "tab");
    for to in ["", "localhost", "alice@localhost"] {
        let answer = world.answer(alice, &iq("get", to, "<ping xmlns='urn:xmpp:ping'/>"));
        assert_eq!((answer.attr("type"), answer.attr("id")), (Some("result"), Some("q1")), "{to}");
        assert_eq!(answer.attr("from").unwrap_or_default(), to);
    }
}

#[test]
fn the_domain_says_what_it_is_and_can_do() {
    let mut world = World::default();
    let alice = world.bind("alice", "tab");
    let info = world.answer(alice, &iq("get", "localhost", &format!("<query xmlns='{INFO}'/>")));
    let query = info.child("query", INFO).expect("disco#info");
    let identity = query.child("identity", INFO).expect("an identity");
    assert_eq!((identity.attr("category"), identity.attr("type")), (Some("server"), Some("im")));
    let features: Vec<&str> = query.children().filter_map(|feature| feature.attr("var")).collect();
    assert!(features.contains(&"urn:xmpp:carbons:2") && features.contains(&"urn:xmpp:ping"), "{features:?}");

    let items = "http://jabber.org/protocol/disco#items";
    let answer = world.answer(alice, &iq("get", "localhost", &format!("<query xmlns='{items}'/>")));
    assert_eq!(answer.child("query", items).map(|query| query.children().count()), Some(0));
    let answer = world.answer(alice, &iq("get", "localhost", "<query xmlns='jabber:iq:version'/>"));
    assert!(answer.child("query", "jabber:iq:version").is_some());
}

#[test]
fn what_the_server_does_not_know_is_unavailable() {
    let mut world = World::default();
    let alice = world.bind("alice", "tab");
    let vcard = "<vCard xmlns='vcard-temp'/>";
    for (to, payload) in [
        ("", vcard),
        ("localhost", vcard),
        ("bob@localhost", vcard),
        ("bob@localhost", "<query xmlns='jabber:iq:roster'/>"),
        ("localhost", "<query xmlns='jabber:iq:roster'/>"),
        ("bob@localhost/gone", vcard),
    ] {
        let answer = world.answer(alice, &iq("get", to, payload));
        assert_eq!(condition(&answer), "service-unavailable", "{to} {payload}");
    }
}

#[test]
fn a_request_that_is_not_well_made_is_a_bad_request() {
    let mut world = World::default();
    let alice = world.bind("alice", "tab");
    for request in [
        "<iq xmlns='jabber:client' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq xmlns='jabber:client' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq xmlns='jabber:client' id='1' type='fetch'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq xmlns='jabber:client' id='1' type='get'/>",
        "<iq xmlns='jabber:client' id='1' type='get'><a xmlns='urn:x'/><b xmlns='urn:x'/></iq>",
    ] {
        assert_eq!(condition(&world.answer(alice, request)), "bad-request", "{request}");
    }
}

#[test]
fn a_request_to_another_session_reaches_it_and_its_answer_comes_back() {
    let mut world = World::default();
    let (alice, bob) = (world.bind("alice", "tab"), world.bind("bob", "desk"));
    world.say(alice, &iq("get", "bob@localhost/desk", "<ping xmlns='urn:xmpp:ping'/>"));
    let request = world.heard(bob).remove(0);
    assert_eq!((request.attr("from"), request.attr("id")), (Some("alice@localhost/tab"), Some("q1")));
    world.say(bob, &iq("result", "alice@localhost/tab", ""));
    let answer = world.heard(alice).remove(0);
    assert_eq!((answer.attr("from"), answer.attr("type")), (Some("bob@localhost/desk"), Some("result")));
}
