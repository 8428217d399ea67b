//! A worker that stands in for one that runs and does not answer, and takes nothing from it.

use crate::tests::page::Event;

use super::world::{World, config};
use crate::{Config, Hub};

const ALICE: &str = "alice@localhost/desk";

fn detour() -> World {
    let mut world = World::new();
    world.hub = Hub::new(Config { detour: true, ..config() });
    world
}

#[test]
fn a_detour_binds_a_resource_of_its_own_and_asks_nobody_for_the_session() {
    let mut world = detour();
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let up = world.heard(tab).pop().unwrap();
    assert!(up.starts_with("Connected alice@localhost/") && up != format!("Connected {ALICE}"), "{up}");
    let bind = world.sent().into_iter().find(|sent| sent.contains("xmpp-bind")).unwrap();
    assert!(!bind.contains("resource"), "{bind}");
    // The next tab shares the session, whatever resource it names.
    let other = world.tab();
    world.connect(other, "alice@localhost/phone", "secret-alice");
    assert_eq!(world.heard(other).pop().unwrap(), up.replace("Connected", "Attached"));
    assert_eq!(world.open_sockets().len(), 1);
}

#[test]
fn a_resource_that_is_bound_by_hand_is_none_of_the_other_worker_either() {
    let mut world = detour();
    let tab = world.tab();
    world.connect_to_bind(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab).pop().unwrap(), "BindRequired");
    world.bind(tab, Some("desk"));
    let bind = world.sent().into_iter().find(|sent| sent.contains("xmpp-bind")).unwrap();
    assert!(!bind.contains("resource"), "{bind}");
}

#[test]
fn the_tabs_of_a_detour_hear_that_it_is_one() {
    let mut world = detour();
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let Some(Event::Status(status)) = world.events(tab).pop() else { panic!("a status") };
    assert!(status.text.unwrap().contains("does not answer"));
}
