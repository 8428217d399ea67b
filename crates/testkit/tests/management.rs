//! Stream management (XEP-0198).

mod common;

use std::time::Duration;

use common::*;
use epode_testkit::{Config, ConnectionId, Input, Management, ManagementFault, Misbehaviour};
use epode_xml::Element;

const SM: &str = "urn:xmpp:sm:3";
const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const REQUEST: &str = "<r xmlns='urn:xmpp:sm:3'/>";
const MINUTE: Duration = Duration::from_secs(60);

fn world() -> World {
    let management = Management { max: MINUTE, remembers: true };
    World::new(Config { management: Some(management), ..Config::default() })
}

/// A managed session of Alice, and its SM-ID.
fn managed(world: &mut World) -> (ConnectionId, String) {
    let id = world.log_in("alice", "desk");
    let enabled = world.answer(id, ENABLE);
    assert!(enabled.is("enabled", SM) && enabled.attr("resume") == Some("true"), "{enabled}");
    assert_eq!(enabled.attr("max"), Some("60"));
    let sm_id = enabled.attr("id").expect("a session that can be resumed has an id");
    (id, sm_id.to_owned())
}

fn misbehaving(fault: ManagementFault) -> World {
    let mut world = world();
    world.server.misbehave(Misbehaviour::Management(fault));
    world
}

fn resume(world: &mut World, previous: &str, h: u32) -> (ConnectionId, Vec<Element>) {
    let id = world.authenticate("alice");
    let heard = world.ask(id, &format!("<resume xmlns='{SM}' previd='{previous}' h='{h}'/>"));
    (id, heard)
}

fn ack(h: u32) -> String {
    format!("<a xmlns='{SM}' h='{h}'/>")
}

fn h(element: &Element) -> Option<u32> {
    element.attr("h").and_then(|h| h.parse().ok())
}

#[test]
fn it_is_on_offer_only_where_the_configuration_says_so() {
    for (mut world, offered) in [(World::default(), false), (world(), true)] {
        let id = world.connect();
        for frame in [OPEN, &plain("alice", "secret-alice")] {
            world.say(id, frame);
        }
        world.raw(id);
        let features = world.ask(id, OPEN).pop().expect("features");
        assert_eq!(features.child("sm", SM).is_some(), offered, "{features}");
    }
    let mut world = World::default();
    let id = world.bind("alice", "desk");
    assert_eq!(condition(&world.ask(id, ENABLE)[0]), "unsupported-stanza-type");
}

#[test]
fn the_server_counts_what_came_since_it_was_enabled() {
    let mut world = world();
    let (id, _) = managed(&mut world);
    assert_eq!(h(&world.answer(id, REQUEST)), Some(0));
    for count in 1..4 {
        world.say(id, &chat("bob@localhost", "hello"));
        assert_eq!(h(&world.answer(id, REQUEST)), Some(count));
    }
    assert_eq!(condition(&world.ask(id, ENABLE)[0]), "policy-violation");
}

#[test]
fn the_server_asks_for_acknowledgements_one_at_a_time() {
    let mut world = world();
    let (id, _) = managed(&mut world);
    let asked = |world: &mut World, count: usize| {
        for _ in 0..count {
            world.server.deliver("alice@localhost", &chat("alice@localhost", "hello"));
        }
        world.drain();
        world.heard(id).iter().filter(|element| element.is("r", SM)).count()
    };
    assert_eq!(asked(&mut world, 4), 0);
    assert_eq!(asked(&mut world, 6), 1);
    world.say(id, &ack(10));
    assert_eq!(asked(&mut world, 4), 0);
    assert_eq!(asked(&mut world, 1), 1);
    assert_eq!(world.heard(id).len(), 0);
    let error = world.ask(id, &ack(16)).remove(0);
    assert_eq!(condition(&error), "undefined-condition");
    assert!(error.child("handled-count-too-high", SM).is_some());
}

#[test]
fn a_session_outlives_its_connection_and_gets_what_it_missed() {
    let mut world = world();
    let bob = world.log_in("bob", "desk");
    let (alice, sm_id) = managed(&mut world);
    world.say(bob, &chat("alice@localhost", "one"));
    world.say(alice, &chat("bob@localhost", "two"));
    world.heard(bob);
    world.input(Input::Closed(alice));
    assert_eq!(world.server.connections().len(), 1);
    assert_eq!(world.server.statistics().bound_sessions, 1);
    world.say(bob, &chat("alice@localhost", "three"));
    assert_eq!(presences(&world.heard(bob)), [""; 0], "she has not gone");

    let (again, heard) = resume(&mut world, &sm_id, 0);
    assert!(heard[0].is("resumed", SM) && heard[0].attr("previd") == Some(&*sm_id), "{}", heard[0]);
    assert_eq!(h(&heard[0]), Some(1));
    assert_eq!(bodies(&heard), ["one", "three"]);
    assert_eq!(world.server.connections()[&again].as_deref(), Some("alice@localhost/desk"));
    // Counts go on where they were.
    world.say(again, &chat("bob@localhost", "four"));
    assert_eq!(h(&world.answer(again, REQUEST)), Some(2));
    world.input(Input::Closed(again));
    let (_, heard) = resume(&mut world, &sm_id, 2);
    assert_eq!((h(&heard[0]), heard.len()), (Some(2), 1));
}

#[test]
fn a_connection_that_is_taken_for_alive_ends_with_conflict_when_its_session_is_resumed() {
    let mut world = world();
    let (former, sm_id) = managed(&mut world);
    let (_, heard) = resume(&mut world, &sm_id, 0);
    assert!(heard[0].is("resumed", SM));
    assert_eq!(condition(&world.heard(former)[0]), "conflict");
}

#[test]
fn a_session_ends_when_nobody_resumes_it_and_the_server_tells_once_what_it_had_received() {
    let mut world = world();
    let bob = world.log_in("bob", "desk");
    let (alice, sm_id) = managed(&mut world);
    world.say(alice, &chat("bob@localhost", "one"));
    world.say(bob, &chat("alice@localhost", "two"));
    world.input(Input::Closed(alice));
    world.heard(bob);
    assert_eq!(world.deadline, Some(world.clock.now() + MINUTE));
    world.advance(MINUTE);
    assert_eq!(presences(&world.heard(bob)), ["alice@localhost/desk unavailable"]);

    let (id, heard) = resume(&mut world, &sm_id, 0);
    assert!(heard[0].is("failed", SM));
    assert_eq!((condition(&heard[0]), h(&heard[0])), ("item-not-found".to_owned(), Some(1)));
    // The same stream may try again, and may bind.
    let failed = world.answer(id, &format!("<resume xmlns='{SM}' previd='{sm_id}' h='0'/>"));
    assert_eq!(h(&failed), None);
    world.say(id, &bind_request("desk"));
    world.heard(id);
    let heard = world.ask(id, "<presence xmlns='jabber:client'/>");
    assert_eq!(bodies(&heard), ["two"], "nobody had acknowledged it");
}

#[test]
fn a_session_that_is_closed_cannot_be_resumed_nor_one_of_another_account() {
    let mut world = world();
    let (alice, sm_id) = managed(&mut world);
    world.say(alice, &format!("<close xmlns='{FRAMING}'/>"));
    let (_, heard) = resume(&mut world, &sm_id, 0);
    assert_eq!((condition(&heard[0]), h(&heard[0])), ("item-not-found".to_owned(), None));

    let (_, sm_id) = managed(&mut world);
    let bob = world.authenticate("bob");
    let failed = world.answer(bob, &format!("<resume xmlns='{SM}' previd='{sm_id}' h='0'/>"));
    assert_eq!(condition(&failed), "item-not-found");
    let (_, heard) = resume(&mut world, &sm_id, 7);
    assert_eq!(condition(&heard[0]), "undefined-condition", "more than was sent");
}

#[test]
fn a_lost_session_makes_room_for_one_that_binds_its_resource() {
    let mut world = world();
    let (alice, sm_id) = managed(&mut world);
    world.input(Input::Closed(alice));
    world.bind("alice", "desk");
    let (_, heard) = resume(&mut world, &sm_id, 0);
    assert_eq!(condition(&heard[0]), "item-not-found");
}

#[test]
fn enabling_goes_wrong_as_scripted() {
    let mut world = misbehaving(ManagementFault::RefuseEnable("internal-server-error"));
    let id = world.log_in("alice", "desk");
    assert_eq!(condition(&world.answer(id, ENABLE)), "internal-server-error");

    let mut world = misbehaving(ManagementFault::NotResumable);
    let id = world.log_in("alice", "desk");
    assert_eq!(world.answer(id, ENABLE), Element::new("enabled", SM));
    world.input(Input::Closed(id));
    assert_eq!(world.server.statistics().bound_sessions, 0);

    let mut world = misbehaving(ManagementFault::EnabledLate);
    let id = world.log_in("alice", "desk");
    assert_eq!(world.ask(id, ENABLE), []);
    for late in [false, false, true] {
        world.server.deliver("alice@localhost", &chat("alice@localhost", "early"));
        let heard = world.ask(id, &chat("bob@localhost", "hello"));
        assert_eq!(heard.iter().any(|element| element.is("enabled", SM)), late);
    }
    assert_eq!(h(&world.answer(id, REQUEST)), Some(3), "it counts since `<enable/>`");
    world.say(id, &ack(0));
    assert_eq!(world.ask(id, &ack(1))[0].name(), "error", "and is counted since `<enabled/>`");

    let mut world = misbehaving(ManagementFault::EnabledTwice);
    let id = world.log_in("alice", "desk");
    assert_eq!(world.ask(id, ENABLE).len(), 2);

    let mut world = misbehaving(ManagementFault::Requests(10_000));
    let id = world.log_in("alice", "desk");
    assert_eq!(world.ask(id, ENABLE).iter().filter(|element| element.is("r", SM)).count(), 10_000);
}

#[test]
fn acknowledgements_go_wrong_as_scripted() {
    let counts = |fault: ManagementFault| {
        let mut world = misbehaving(fault);
        let (id, _) = managed(&mut world);
        world.say(id, &chat("bob@localhost", "hello"));
        world.ask(id, REQUEST).iter().map(h).collect::<Vec<_>>()
    };
    assert_eq!(counts(ManagementFault::AcksTooMuch), [Some(2)]);
    assert_eq!(counts(ManagementFault::AcksTooLittle), [Some(0)]);
    assert_eq!(counts(ManagementFault::AcksNever), []);
    assert_eq!(counts(ManagementFault::AcksTwice), [Some(1), Some(1)]);
    assert_eq!(counts(ManagementFault::AcksWithoutCount), [None]);
}

#[test]
fn resuming_goes_wrong_as_scripted() {
    let resumed = |fault: ManagementFault| {
        let mut world = world();
        let (id, sm_id) = managed(&mut world);
        world.say(id, &chat("bob@localhost", "hello"));
        world.say(id, REQUEST);
        world.input(Input::Closed(id));
        world.server.misbehave(Misbehaviour::Management(fault));
        let heard = resume(&mut world, &sm_id, 0).1.remove(0);
        (heard.name().to_owned(), h(&heard), heard.attr("previd") == Some(&*sm_id))
    };
    let refused = |tells| {
        let (name, h, _) = resumed(ManagementFault::RefuseResume { condition: "item-not-found", tells });
        assert_eq!(name, "failed");
        h
    };
    assert_eq!((refused(true), refused(false)), (Some(1), None));
    assert_eq!(resumed(ManagementFault::ResumesWithLess), ("resumed".to_owned(), Some(0), true));
    assert_eq!(resumed(ManagementFault::ResumesWithMore), ("resumed".to_owned(), Some(1001), true));
    assert_eq!(resumed(ManagementFault::ResumesAnother), ("resumed".to_owned(), Some(1), false));
}

#[test]
fn the_list_of_faults_names_each_once() {
    let all = ManagementFault::all();
    assert_eq!(all.len(), 25);
    for (at, fault) in all.iter().enumerate() {
        assert!(!all[..at].contains(fault), "{fault:?}");
    }
}
