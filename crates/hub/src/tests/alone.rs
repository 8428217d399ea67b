//! An engine that shares nothing: each page has its own, and the connections of a page share no
//! session.

use super::world::{World, config};
use crate::{Config, Hub};

const ALICE: &str = "alice@localhost/desk";
const BYE: [&str; 2] = [
    "<presence xmlns=\"jabber:client\" type=\"unavailable\"/>",
    "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
];

fn unshared() -> World {
    let mut world = World::new();
    world.hub = Hub::new(Config { lock: None, shared: false, ..config() });
    world
}

#[test]
fn each_port_has_a_session_of_its_own() {
    let mut world = unshared();
    let [first, second] = [world.tab(), world.tab()];
    for (tab, resource) in [(first, "one"), (second, "two")] {
        let jid = format!("alice@localhost/{resource}");
        world.connect(tab, &jid, "secret-alice");
        assert_eq!(
            world.heard(tab),
            ["Authenticating".to_owned(), "Primary".to_owned(), format!("Connected {jid}")]
        );
    }
    world.server_says("alice@localhost/two", "<message xmlns='jabber:client' id='m'/>");
    assert_eq!((world.heard(first).len(), world.heard(second).len()), (0, 1));
    world.disconnect(first);
    assert_eq!(world.heard(first), ["Disconnecting", "Disconnected"]);
    assert!(world.heard(second).is_empty());
    assert_eq!(world.open_sockets().len(), 1);
}

#[test]
fn there_is_no_session_to_attach_to_but_ones_own() {
    let mut world = unshared();
    let (_, stranger) = (world.online(ALICE), world.tab());
    world.attach(stranger, None);
    let heard = world.heard(stranger);
    assert!(heard.iter().any(|word| word.contains("AttachFail")), "{heard:?}");
}

#[test]
fn a_session_ends_at_the_word_of_its_port_that_it_leaves() {
    let mut world = unshared();
    let tab = world.online(ALICE);
    world.forget();
    world.leave(tab);
    // A page that is being unloaded gets no other event: no timer fires.
    world.flowing = false;
    assert!(world.step());
    assert_eq!(world.sent(), BYE);
    assert!(world.open_sockets().is_empty());
    assert!(world.nothing_is_due());
}

#[test]
fn who_connects_anew_waits_for_the_end_of_the_former_session() {
    let mut world = unshared();
    let tab = world.online(ALICE);
    world.forget();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab), ["Authenticating", "Primary", "Connected alice@localhost/desk"]);
    assert_eq!(world.sent()[..2], BYE);
    assert_eq!(world.open_sockets().len(), 1);
}
