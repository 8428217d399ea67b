//! A login that stops before it binds a resource: which tabs are asked, which may bind, and that a
//! tab that does not bind keeps nobody out.

use std::time::Duration;

use epode_protocol::{Options, Status, StatusCode, ToWorker};
use epode_testkit::{BindFault, Misbehaviour};

use super::page::Event;
use super::world::{GRACE, SERVICE, World};
use crate::PortId;

const ALICE: &str = "alice@localhost/desk";
const SECRET: &str = "secret-alice";

/// Two tabs whose session waits for one of them.
fn waiting() -> (World, [PortId; 2]) {
    let mut world = World::new();
    let tabs = [world.tab(), world.tab()];
    for tab in tabs {
        world.connect_to_bind(tab, ALICE, SECRET);
    }
    for tab in tabs {
        assert_eq!(world.heard(tab), ["Authenticating", "BindRequired"]);
    }
    (world, tabs)
}

#[test]
fn every_tab_is_asked_and_the_first_that_binds_binds_for_all() {
    let (mut world, [first, second]) = waiting();
    assert_eq!(world.server.statistics().bound_sessions, 0);
    world.bind(second, None);
    world.bind(first, Some("too-late"));
    assert_eq!(world.heard(second), ["Secondary", "Attached alice@localhost/desk"]);
    assert_eq!(world.heard(first), ["Primary", "Connected alice@localhost/desk"]);
    assert_eq!(world.server.statistics().total_connections, 1);
}

/// The features that a tab was told when it was asked for a resource.
fn offered(world: &mut World, tab: PortId) -> String {
    match world.events(tab).pop() {
        Some(Event::Status(Status { code: StatusCode::BindRequired, features: Some(features), .. })) => {
            features
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_tab_that_is_asked_for_a_resource_is_told_what_the_server_offers() {
    let mut world = World::new();
    let (first, joins, attaches) = (world.tab(), world.tab(), world.tab());
    world.connect_to_bind(first, ALICE, SECRET);
    let features = offered(&mut world, first);
    assert!(features.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{features}");
    world.connect_to_bind(joins, ALICE, SECRET);
    let service = SERVICE.to_owned();
    world.say(attaches, ToWorker::Attach { service, jid: None, explicit_binding: true });
    let reloaded = world.reload(first);
    world.connect_to_bind(reloaded, ALICE, SECRET);
    for tab in [joins, attaches, reloaded] {
        assert_eq!(offered(&mut world, tab), features);
    }
    world.bind(reloaded, None);
    world.run();
    for tab in [joins, attaches, reloaded] {
        assert_eq!(world.page(tab).session.as_ref().expect("the session is up").features, features);
    }
}

#[test]
fn who_binds_names_the_resource() {
    let (mut world, [first, second]) = waiting();
    world.bind(second, Some("phone"));
    assert_eq!(world.heard(first), ["Primary", "Connected alice@localhost/phone"]);
}

// A tab stuck at BINDREQUIRED must not keep others out.
#[test]
fn a_tab_that_joins_while_it_waits_is_asked_too_and_may_bind_also_where_it_had_other_credentials() {
    let (mut world, [first, _]) = waiting();
    world.server.reset_password("alice", "newer");
    for password in [SECRET, "newer"] {
        let late = world.tab();
        world.connect_to_bind(late, ALICE, password);
        assert_eq!(world.heard(late), ["BindRequired"], "{password}");
    }
    let wrong = world.tab();
    world.connect_to_bind(wrong, ALICE, "wrong");
    assert_eq!(world.heard(wrong), ["AuthFail not-authorized", "Disconnected not-authorized"]);
    let (service, attached) = (SERVICE.to_owned(), world.tab());
    world.say(attached, ToWorker::Attach { service, jid: None, explicit_binding: true });
    assert_eq!(world.heard(attached), ["BindRequired"]);
    world.bind(attached, None);
    assert_eq!(world.heard(attached), ["Secondary", "Attached alice@localhost/desk"]);
    assert_eq!(world.heard(first), ["Primary", "Connected alice@localhost/desk"]);
}

#[test]
fn a_tab_with_other_credentials_that_came_during_the_login_is_not_parked() {
    let mut world = World::new();
    let (waits, other) = (world.tab(), world.tab());
    world.connect_to_bind(waits, ALICE, SECRET);
    world.connect_to_bind(other, ALICE, "wrong");
    assert_eq!(world.heard(waits), ["Authenticating", "BindRequired"]);
    assert_eq!(world.heard(other), ["AuthFail not-authorized", "Disconnected not-authorized"]);
}

#[test]
fn a_tab_that_does_not_want_to_wait_has_it_bound_at_once_whenever_it_joins() {
    for attaches in [false, true] {
        let (mut world, [first, _]) = waiting();
        let impatient = world.tab();
        match attaches {
            true => world.attach(impatient, None),
            false => world.connect(impatient, ALICE, SECRET),
        }
        assert_eq!(world.heard(impatient), ["Secondary", "Attached alice@localhost/desk"]);
        assert_eq!(world.heard(first), ["Primary", "Connected alice@localhost/desk"]);
    }
    // While the login is under way no tab is asked.
    let mut world = World::new();
    let (waits, impatient) = (world.tab(), world.tab());
    world.connect_to_bind(waits, ALICE, SECRET);
    world.connect(impatient, ALICE, SECRET);
    assert_eq!(world.heard(waits), ["Authenticating", "Primary", "Connected alice@localhost/desk"]);
    assert_eq!(world.heard(impatient), ["Authenticating", "Secondary", "Attached alice@localhost/desk"]);
}

#[test]
fn the_wait_outlives_the_tab_that_asked_for_it_and_not_the_last() {
    let (mut world, [first, second]) = waiting();
    world.kill(first);
    world.bind(second, None);
    assert_eq!(world.heard(second), ["Primary", "Attached alice@localhost/desk"]);

    let (mut world, tabs) = waiting();
    for tab in tabs {
        world.kill(tab);
    }
    world.advance(GRACE);
    assert!(world.open_sockets().is_empty());
    assert!(world.nothing_is_due());
}

#[test]
fn a_logout_ends_the_wait_for_all() {
    let (mut world, [first, second]) = waiting();
    world.disconnect(second);
    for tab in [first, second] {
        assert_eq!(world.heard(tab), ["Disconnecting", "Disconnected"]);
    }
    assert_eq!(world.server.statistics().clean_closes, 1);
}

#[test]
fn a_server_that_loses_patience_ends_the_wait_in_words() {
    let (mut world, tabs) = waiting();
    world.advance(Duration::from_secs(31));
    for tab in tabs {
        assert_eq!(world.heard(tab), ["ConnFail connection-timeout", "Disconnected connection-timeout"]);
    }
    assert_eq!(world.dials(), 1);
}

#[test]
fn a_resource_that_is_refused_is_authfail() {
    let mut world = World::new();
    world.server.misbehave(Misbehaviour::Bind(BindFault::Error("not-allowed")));
    let tab = world.tab();
    world.connect_to_bind(tab, ALICE, SECRET);
    world.forget();
    world.bind(tab, None);
    assert_eq!(world.heard(tab), ["AuthFail not-allowed", "Disconnected not-allowed"]);
}

#[test]
fn what_is_sent_while_it_waits_leaves_once_it_is_bound() {
    let (mut world, [first, _]) = waiting();
    let asked = world
        .request(first, "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(world.heard(first).is_empty());
    world.bind(first, None);
    let heard = world.heard(first);
    assert!(heard[2].starts_with(&format!("response {asked} result")), "{heard:?}");
}

#[test]
fn a_session_that_was_bound_is_dialled_again_without_a_word_and_a_late_bind_touches_nothing() {
    let (mut world, [first, second]) = waiting();
    world.bind(first, None);
    world.forget();
    world.cut();
    world.advance(Duration::from_secs(1));
    for tab in [first, second] {
        assert_eq!(world.heard(tab)[0], "Reconnecting");
        assert_eq!(world.position(tab), 0);
    }
    world.bind(second, Some("other"));
    let late = world.tab();
    world.connect_as(late, ALICE, Some(SECRET), Options { explicit_binding: true, ..Options::default() });
    assert_eq!(world.heard(late), ["Secondary", "Attached alice@localhost/desk"], "nothing to wait for");
    assert_eq!(world.server.statistics().bound_sessions, 1);
}
