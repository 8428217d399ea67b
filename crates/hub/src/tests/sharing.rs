//! A question that several tabs ask at the same time is sent once.

use super::world::World;
use crate::PortId;

const ALICE: &str = "alice@localhost/desk";

/// Questions that tabs tend to ask all at once.
const COMMON: [&str; 4] = [
    "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    "<query xmlns='http://jabber.org/protocol/disco#items' node='n'/>",
    "<vCard xmlns='vcard-temp'/>",
    "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/></pubsub>",
];

fn get(id: &str, payload: &str) -> String {
    format!("<iq xmlns='jabber:client' type='get' id='{id}' to='bob@localhost'>{payload}</iq>")
}

fn answer(id: &str) -> String {
    format!("<iq xmlns='jabber:client' type='result' id='{id}' from='bob@localhost'/>")
}

fn silent_server() -> (World, [PortId; 3]) {
    let mut world = World::new();
    let tabs = [world.online(ALICE), world.online(ALICE), world.online(ALICE)];
    world.flowing = false;
    (world, tabs)
}

#[test]
fn an_equal_question_in_flight_is_sent_once_and_each_asker_is_answered_under_its_own_id() {
    for payload in COMMON {
        let (mut world, [a, b, c]) = silent_server();
        let asked =
            [(a, "1"), (b, "2"), (c, "1")].map(|(tab, id)| (tab, world.request(tab, &get(id, payload)), id));
        // An IQ that is sent by `send` is answered as any stanza.
        world.send(a, &get("3", payload));
        assert_eq!(world.sent(), [get("1", payload)]);
        world.server_says(ALICE, &answer("1"));
        for (tab, token, id) in asked {
            assert!(
                world.heard(tab).contains(&format!("response {token} result {}", answer(id))),
                "{payload}"
            );
        }
        assert_eq!(world.handled(a)[0], "3");
        // A question that was answered is sent anew.
        world.request(b, &get("4", payload));
        assert_eq!(world.sent(), [get("4", payload)]);
    }
}

#[test]
fn who_stays_is_answered_also_when_the_one_that_asked_first_leaves() {
    let (mut world, [a, b, c]) = silent_server();
    world.request(a, &get("1", COMMON[0]));
    let waits = world.request(b, &get("2", COMMON[0]));
    world.kill(a);
    let joins = world.request(c, &get("3", COMMON[0]));
    assert_eq!(world.sent(), [get("1", COMMON[0])]);
    world.server_says(ALICE, &answer("1"));
    assert_eq!(world.heard(b).last().unwrap(), &format!("response {waits} result {}", answer("2")));
    assert_eq!(world.heard(c), [format!("response {joins} result {}", answer("3"))]);
}

#[test]
fn a_question_that_differs_or_changes_something_is_sent_for_each() {
    let (mut world, [a, b, _]) = silent_server();
    let set = |id: &str| get(id, COMMON[3]).replace("'get'", "'set'");
    let elsewhere = get("3", COMMON[0]).replace("bob", "carol");
    let asked = [
        get("1", COMMON[0]),
        get("2", COMMON[1]),
        elsewhere,
        set("4"),
        set("5"),
        get("6", "<q xmlns='urn:x'/>"),
    ];
    for (number, iq) in asked.iter().enumerate() {
        world.request([a, b][number % 2], iq);
    }
    world.request(b, &get("7", "<q xmlns='urn:x'/>"));
    assert_eq!(world.sent().len(), 7);
}
