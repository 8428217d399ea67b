//! The worker dies: the tabs start another one, and their session is back if any tab brought
//! credentials.

use std::time::Duration;

use epode_protocol::{Credentials, Options, Secret, ToWorker};

use super::world::{SERVICE, World};

const ALICE: &str = "alice@localhost/desk";
const PING: &str = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
const MESSAGE: &str = "<message xmlns='jabber:client' id='1' to='bob@localhost'/>";

// Each tab notices a dead worker, and each send ends.
#[test]
fn every_tab_is_back_by_itself_if_one_of_them_brought_credentials() {
    for who_came_first in [0, 1] {
        let mut world = World::new();
        let mut tabs = [world.tab(), world.tab(), world.tab()];
        tabs.rotate_left(who_came_first);
        let [connected, joined, attached] = tabs;
        world.run();
        world.connect(connected, ALICE, "secret-alice");
        world.connect(joined, ALICE, "secret-alice");
        world.attach(attached, None);
        world.forget();
        world.worker_dies();
        world.advance(Duration::from_secs(2));
        for tab in tabs {
            let heard = world.heard(tab);
            assert_eq!(heard[0], "Reconnecting");
            let up = heard.last().unwrap();
            assert!(["Connected", "Attached"].iter().any(|word| up.starts_with(word)), "{heard:?}");
        }
        world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
        for tab in tabs {
            assert_eq!(world.handled(tab)[0], "2");
        }
        assert_eq!(world.open_sockets().len(), 1);
    }
}

#[test]
fn tabs_without_credentials_wait_for_one_that_has_them() {
    let mut world = World::new();
    let (connected, attached) = (world.online(ALICE), world.tab());
    world.attach(attached, None);
    world.forget();
    // This tab notices the death late.
    world.hold(connected);
    world.worker_dies();
    world.advance(Duration::from_secs(3));
    assert_eq!(world.heard(attached), ["Reconnecting"]);
    world.let_read(connected);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.heard(attached).last().unwrap(), "Attached alice@localhost/desk");
    assert_eq!(world.heard(connected).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn tabs_that_nobody_brings_credentials_for_hear_that_they_are_required() {
    let mut world = World::new();
    let (connected, first, second) = (world.online(ALICE), world.tab(), world.tab());
    world.attach(first, None);
    world.attach(second, None);
    world.run();
    world.kill(connected);
    world.forget();
    world.worker_dies();
    world.run();
    let (sent, asked) = (world.send(first, MESSAGE), world.request(first, PING));
    world.advance(Duration::from_secs(5));
    assert_eq!(world.heard(second), ["Reconnecting", "Disconnected credentials-required"]);
    let heard = world.heard(first);
    assert!(heard.contains(&format!("failed {sent} not-connected")), "{heard:?}");
    assert!(heard.contains(&format!("response {asked} disconnected")), "{heard:?}");
    assert_eq!(heard.last().unwrap(), "Disconnected credentials-required");
    // A tab that brings credentials later is welcome too.
    world.connect(first, ALICE, "secret-alice");
    assert_eq!(world.heard(first).last().unwrap(), "Connected alice@localhost/desk");
    assert!(world.heard(second).is_empty());
}

#[test]
fn a_tab_that_came_by_other_means_does_not_bring_back_a_session_of_another_account() {
    let mut world = World::new();
    let (alice, attached, bob) = (world.online(ALICE), world.tab(), world.online("bob@localhost/desk"));
    world.attach(attached, Some("alice@localhost"));
    world.run();
    world.kill(alice);
    world.forget();
    world.worker_dies();
    world.advance(Duration::from_secs(5));
    assert_eq!(world.heard(attached), ["Reconnecting", "Disconnected credentials-required"]);
    assert_eq!(world.heard(bob).last().unwrap(), "Connected bob@localhost/desk");
}

#[test]
fn what_was_open_ends_and_what_is_wished_meanwhile_is_carried_out() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.flowing = false;
    let asked = world.request(tab, PING);
    world.run();
    let sent = world.send(tab, MESSAGE);
    world.worker_dies();
    world.flowing = true;
    world.step();
    world.step();
    let later = world.send(tab, MESSAGE);
    world.advance(Duration::from_secs(2));
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("response {asked} disconnected")), "{heard:?}");
    assert!(heard.contains(&format!("failed {sent} worker-lost")), "never silence: {heard:?}");
    assert!(heard.contains(&format!("written {later}")), "{heard:?}");
}

#[test]
fn a_worker_that_dies_while_a_session_is_being_opened_is_followed_by_one_that_opens_it() {
    for steps in 0..20 {
        let mut world = World::new();
        let (connects, attaches) = (world.tab(), world.tab());
        world.connect(connects, ALICE, "secret-alice");
        for _ in 0..steps {
            world.step();
        }
        world.worker_dies();
        world.advance(Duration::from_secs(5));
        world.attach(attaches, None);
        assert_eq!(world.heard(connects).last().unwrap(), "Connected alice@localhost/desk", "{steps}");
        assert_eq!(world.heard(attaches).last().unwrap(), "Attached alice@localhost/desk", "{steps}");
    }
}

#[test]
fn whoever_has_logged_out_or_never_was_in_hears_nothing_of_it() {
    let mut world = World::new();
    let (out, never) = (world.online(ALICE), world.tab());
    world.disconnect(out);
    world.forget();
    world.worker_dies();
    world.advance(Duration::from_secs(30));
    assert!(world.heard(out).is_empty() && world.heard(never).is_empty());
    world.connect(never, ALICE, "secret-alice");
    assert_eq!(world.heard(never).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn a_logout_while_the_worker_is_dead_is_heard_by_the_next() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.worker_dies();
    world.run();
    world.disconnect(tab);
    world.advance(Duration::from_secs(5));
    assert!(world.heard(tab).starts_with(&["Reconnecting".to_owned()]));
    assert!(world.open_sockets().is_empty());
}

#[test]
fn a_logout_that_the_worker_takes_into_its_grave_is_one_all_the_same() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.disconnect(tab);
    world.worker_dies();
    world.advance(Duration::from_secs(5));
    assert_eq!(world.heard(tab), ["Disconnected"]);
    assert!(world.open_sockets().is_empty());
}

#[test]
fn workers_that_die_one_after_the_other_are_followed_by_one_that_lives() {
    let mut world = World::new();
    let (connected, attached) = (world.online(ALICE), world.tab());
    world.attach(attached, None);
    world.forget();
    for _ in 0..5 {
        world.worker_dies();
        world.advance(Duration::from_secs(3));
    }
    world.advance(Duration::from_secs(60));
    assert_eq!(world.heard(connected).last().unwrap(), "Connected alice@localhost/desk");
    let heard = world.heard(attached);
    assert!(
        ["Attached alice@localhost/desk", "Disconnected credentials-required"]
            .contains(&heard.last().unwrap().as_str()),
        "{heard:?}"
    );
}

// Pages remember the JID that the server bound, which a name beside a domain does not tell.
#[test]
fn a_tab_without_credentials_comes_back_to_a_session_whose_name_stands_beside_a_domain() {
    let mut world = World::new();
    let (connected, attached) = (world.tab(), world.tab());
    let credentials = Credentials {
        authcid: Some("alice".into()),
        password: Some(Secret::new("secret-alice".into())),
        keys: None,
    };
    let (service, options) = (SERVICE.to_owned(), Options::default());
    world.say(
        connected,
        ToWorker::Connect { service, jid: "localhost/desk".into(), credentials, options, bosh: None },
    );
    world.run();
    world.attach(attached, None);
    world.run();
    world.forget();
    world.worker_dies();
    world.advance(Duration::from_secs(10));
    let heard = world.heard(attached);
    assert!(heard.last().is_some_and(|last| last.starts_with("Attached")), "{heard:?}");
}

#[test]
fn without_locks_a_dead_worker_is_noticed_and_every_tab_is_back() {
    let mut world = World::without_locks();
    let [connected, attached] = [world.online(ALICE), world.tab()];
    world.attach(attached, None);
    // A while later, so that the two tabs notice one after the other.
    world.advance(Duration::from_secs(7));
    world.send(connected, MESSAGE);
    world.forget();
    world.worker_dies();
    world.advance(Duration::from_secs(30));
    for tab in [connected, attached] {
        assert_eq!(world.heard(tab)[0], "Reconnecting");
    }
    world.advance(Duration::from_secs(10));
    world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
    for tab in [connected, attached] {
        assert_eq!(world.handled(tab)[0], "2");
    }
    assert_eq!(world.open_sockets().len(), 1);
}
