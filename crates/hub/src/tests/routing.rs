//! Messages and presence from the server and from the other tabs reach every tab.

use crate::tests::page::Event;
use epode_protocol::{Delivery, Origin, Role};

use super::page::only;
use super::world::World;

const ALICE: &str = "alice@localhost/desk";

fn message(id: &str) -> String {
    format!("<message xmlns='jabber:client' id='{id}' to='bob@localhost'/>")
}

#[test]
fn a_stanza_reaches_every_tab_once_and_in_order_with_the_same_position() {
    let mut world = World::new();
    let tabs = [world.online(ALICE), world.online(ALICE), world.online(ALICE)];
    for number in 0..20 {
        let name = ["message", "presence"][number % 2];
        world.server_says(ALICE, &format!("<{name} xmlns='jabber:client' id='{number}'/>"));
    }
    for tab in tabs {
        let events = world.events(tab);
        assert_eq!(events.len(), 20);
        for (number, event) in events.into_iter().enumerate() {
            let Event::Stanzas(batch) = event else { panic!("{event:?}") };
            let Delivery(position, origin, text) = only(batch);
            assert_eq!(origin, Origin::Received);
            assert_eq!(position, 1 + number as u64);
            assert!(text.contains(&format!("id='{number}'")), "{text}");
        }
    }
}

#[test]
fn positions_go_on_while_nobody_is_there() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    world.kill(tab);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    let back = world.online(ALICE);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    assert_eq!(world.position(back), 3);
}

#[test]
fn what_a_tab_sends_is_seen_by_the_others_and_not_by_itself() {
    let mut world = World::new();
    let (sender, other, third) = (world.online(ALICE), world.online(ALICE), world.online(ALICE));
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    world.forget();
    let presence = "<presence xmlns='jabber:client' to='bob@localhost'/>";
    world.send_all(sender, &[&message("1"), presence]);
    assert_eq!(world.heard(sender), ["written 2"]);
    for tab in [other, third] {
        assert_eq!(world.heard(tab), [format!("Sent {}", message("1")), format!("Sent {presence}")]);
        assert_eq!(world.position(tab), 1, "the position of what was received before");
    }
    assert_eq!(world.sent(), [message("1"), presence.to_owned()]);
}

#[test]
fn iqs_and_what_is_refused_are_not_seen_by_the_others() {
    let mut world = World::new();
    let (sender, other) = (world.online(ALICE), world.online(ALICE));
    world.flowing = false;
    let ping = "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>";
    world.send_all(sender, &[ping, "<message xmlns='jabber:client' from='bob@localhost'/>", "<message"]);
    world.request(sender, ping);
    world.send(sender, "<active xmlns='urn:xmpp:csi:0'/>");
    world.run();
    assert!(world.heard(other).is_empty());
}

#[test]
fn exactly_one_tab_is_primary_and_a_visible_one_if_there_is_one() {
    let mut world = World::new();
    let (hidden, visible, later) = (world.hidden_tab(), world.tab(), world.tab());
    world.connect(hidden, ALICE, "secret-alice");
    assert_eq!(world.heard(hidden)[1..], ["Primary", "Connected alice@localhost/desk"]);
    world.attach(visible, None);
    assert_eq!(world.heard(hidden), ["Secondary"]);
    assert_eq!(world.heard(visible), ["Primary", "Attached alice@localhost/desk"]);
    // The primary keeps its role.
    world.attach(later, None);
    assert_eq!(world.heard(later), ["Secondary", "Attached alice@localhost/desk"]);
    assert!(world.heard(visible).is_empty());
}

// After a crash of the primary another tab is promoted soon.
#[test]
fn the_role_moves_when_its_tab_leaves_dies_or_is_hidden() {
    let mut world = World::new();
    let [a, b, c, d] = [(); 4].map(|()| world.online(ALICE));
    world.show(d, false);
    world.run();
    world.leave(a);
    assert_eq!(world.heard(b), ["Primary"]);
    world.kill(b);
    assert_eq!(world.heard(c), ["Primary"]);
    world.show(c, false);
    assert!(world.heard(c).is_empty() && world.heard(d).is_empty(), "nobody can be seen: it stays");
    world.show(d, true);
    assert_eq!(world.heard(c), ["Secondary"]);
    assert_eq!(world.heard(d), ["Primary"]);
    world.show(c, true);
    assert!(world.heard(c).is_empty() && world.heard(d).is_empty(), "two can be seen: it stays");
}

#[test]
fn each_session_has_a_primary_of_its_own() {
    let mut world = World::new();
    let (alice, bob) = (world.tab(), world.tab());
    world.connect(alice, ALICE, "secret-alice");
    world.connect(bob, "bob@localhost/desk", "secret-bob");
    for tab in [alice, bob] {
        let roles = world.events(tab).into_iter().filter(|event| matches!(event, Event::Role(Role::Primary)));
        assert_eq!(roles.count(), 1);
    }
}
