//! A connection that is dead without a word is found out; one that is slow is kept.

use std::time::Duration;

use epode_protocol::{ManagementOptions, Options};
use epode_testkit::{self as testkit, ManagementFault, Misbehaviour};

use super::world::{World, password};
use crate::{Input, PortId};

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const MESSAGE: &str = "<message xmlns='jabber:client' to='bob@localhost'/>";
const R: &str = "<r xmlns='urn:xmpp:sm:3'/>";

/// The server and its network are silent from now on, and take nothing.
fn die(world: &mut World) {
    world.run();
    world.deaf = true;
}

/// Which of these seconds, from now on, is the first in which the tab hears of a loss.
fn lost_after(world: &mut World, tab: PortId, seconds: u64) -> Option<u64> {
    world.heard(tab);
    (1..=seconds).find(|_| {
        world.advance(SECOND);
        world.heard(tab).iter().any(|heard| heard.starts_with("Reconnecting"))
    })
}

/// A world whose server manages streams, and a tab in it.
pub(super) fn managed() -> (World, PortId) {
    let management = Some(testkit::Management::default());
    let mechanisms = vec!["PLAIN".to_owned()];
    let mut world = World::with(testkit::Config { management, mechanisms, ..testkit::Config::default() });
    let tab = world.tab();
    let management = ManagementOptions { max_unacked: 0, resume: true, max: None };
    let options = Options { management: Some(management.into()), ..Options::default() };
    world.connect_as(tab, ALICE, Some(&password(ALICE)), options);
    world.forget();
    (world, tab)
}

#[test]
fn a_connection_on_which_nothing_comes_after_a_write_is_dead_in_fifteen_seconds() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.advance(10 * SECOND);
    die(&mut world);
    world.send(tab, MESSAGE);
    assert_eq!(lost_after(&mut world, tab, 60), Some(15));
    world.advance(SECOND);
    assert_eq!(world.dials(), 2, "no server has asked us to wait");
}

#[test]
fn any_frame_is_a_sign_of_life_and_a_ping_gets_one_that_asks_for_no_more() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    for _ in 0..5 {
        world.send(tab, MESSAGE);
        world.sent();
        world.advance(4 * SECOND);
        assert_eq!(world.probes(), 0, "the message may still be answered");
        world.advance(2 * SECOND);
        assert_eq!(world.probes(), 1);
        assert_eq!(lost_after(&mut world, tab, 20), None);
        assert_eq!(world.probes(), 0);
        assert!(world.logged().is_empty(), "the answer is expected");
    }
}

#[test]
fn an_idle_connection_is_probed_about_each_minute_and_rarely_while_nobody_looks() {
    for (shown, least, most) in [(true, 60, 75), (false, 12, 15)] {
        let mut world = World::new();
        let tab = world.online(ALICE);
        world.show(tab, shown);
        world.advance(5 * MINUTE);
        world.probes();
        world.advance(60 * MINUTE);
        let probes = world.probes();
        assert!((least..=most).contains(&probes), "{probes}");
    }
    // Browsers that were opened at once do not ask at once.
    let mut world = World::new();
    world.online(ALICE);
    let first: Vec<_> = (0..2).map(|_| lost_probe(&mut world)).collect();
    assert_ne!(first[0], first[1]);
}

/// The milliseconds until the next probe.
fn lost_probe(world: &mut World) -> u32 {
    world.probes();
    let found = (1..).find(|_| {
        world.advance(Duration::from_millis(100));
        world.probes() > 0
    });
    found.unwrap_or_default()
}

#[test]
fn a_dead_idle_connection_is_found_out_by_its_probe() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    die(&mut world);
    let found = lost_after(&mut world, tab, 120);
    assert!(found.is_some_and(|seconds| (63..=75).contains(&seconds)), "{found:?}");
}

#[test]
fn a_server_that_manages_the_stream_is_asked_for_an_acknowledgement_instead() {
    let (mut world, tab) = managed();
    world.advance(MINUTE);
    assert_eq!(world.sent(), [R]);
    die(&mut world);
    world.send(tab, MESSAGE);
    assert_eq!(lost_after(&mut world, tab, 60), Some(15));
    assert_eq!(world.sent().iter().filter(|sent| *sent == R).count(), 1, "though the app never asks");
}

#[test]
fn a_server_that_does_not_say_whether_it_manages_the_stream_is_there_all_the_same() {
    let management = Some(testkit::Management::default());
    let mechanisms = vec!["PLAIN".to_owned()];
    let mut world = World::with(testkit::Config { management, mechanisms, ..testkit::Config::default() });
    world.server.misbehave(Misbehaviour::Management(ManagementFault::EnabledLate));
    let tab = world.tab();
    let management = ManagementOptions { max_unacked: 5, resume: true, max: None };
    let options = Options { management: Some(management.into()), ..Options::default() };
    world.connect_as(tab, ALICE, Some(&password(ALICE)), options);
    world.forget();
    world.send(tab, MESSAGE);
    assert_eq!(lost_after(&mut world, tab, 60), None);
}

#[test]
fn a_socket_from_which_bytes_leave_is_slow_and_not_dead() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    die(&mut world);
    world.send(tab, MESSAGE);
    for kept in (1..=30).rev() {
        world.kept = kept * 1000;
        assert_eq!(lost_after(&mut world, tab, 4), None);
    }
    world.show(tab, false);
    world.show(tab, true);
    world.kept = 500;
    assert_eq!(lost_after(&mut world, tab, 4), None, "nor does a person's look make it dead");
    // The last bytes leave no more.
    assert_eq!(lost_after(&mut world, tab, 60).map(|seconds| seconds / 6), Some(2));
}

// Chromium hands frames to the system a moment after they are written, and measures them until then.
#[test]
fn bytes_that_the_system_takes_at_once_are_no_sign_of_life() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    die(&mut world);
    world.advance(10 * SECOND);
    world.kept = 120;
    world.at_hub(Input::Online(false));
    world.at_hub(Input::Online(true));
    world.run();
    world.kept = 0;
    assert_eq!(lost_after(&mut world, tab, 60), Some(5));
}

#[test]
fn after_a_wake_or_on_another_network_or_under_a_persons_eyes_five_seconds_are_enough() {
    type Act = fn(&mut World, PortId);
    let acts: [(&str, Act); 4] = [
        ("the browser is online again", |world, _| {
            world.at_hub(Input::Online(false));
            world.at_hub(Input::Online(true));
        }),
        ("a tab is shown", |world, tab| {
            world.show(tab, false);
            world.show(tab, true);
        }),
        ("a tab joins", |world, _| {
            let other = world.tab();
            world.attach(other, None);
        }),
        ("the machine has slept, and its clock with it", |world, tab| {
            world.set_by += 3_600_000.0;
            world.send(tab, MESSAGE);
        }),
    ];
    for (what, act) in acts {
        let mut world = World::new();
        let tab = world.online(ALICE);
        world.advance(10 * SECOND);
        die(&mut world);
        act(&mut world, tab);
        assert_eq!(lost_after(&mut world, tab, 60), Some(5), "{what}");
        let mut world = World::new();
        let tab = world.online(ALICE);
        world.advance(10 * SECOND);
        act(&mut world, tab);
        assert_eq!(lost_after(&mut world, tab, 60), None, "{what}, and the server is there");
    }
}

#[test]
fn tabs_that_come_and_go_ask_a_server_that_was_heard_just_now_nothing() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.advance(10 * SECOND);
    world.probes();
    world.server_says(ALICE, MESSAGE);
    for _ in 0..10 {
        world.show(tab, false);
        world.show(tab, true);
    }
    world.sent();
    assert_eq!(world.probes(), 0);
    world.advance(6 * SECOND);
    for _ in 0..10 {
        world.show(tab, false);
        world.show(tab, true);
    }
    assert_eq!(world.probes(), 1);
}

#[test]
fn a_look_that_comes_late_proves_nothing() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    die(&mut world);
    world.send(tab, MESSAGE);
    world.advance(14 * SECOND);
    // The machine sleeps, and the clock goes on.
    world.deaf = false;
    world.sleep(3600 * SECOND);
    assert_eq!(lost_after(&mut world, tab, 60), None, "the probe after the wake is answered");
    die(&mut world);
    world.sleep(3600 * SECOND);
    assert_eq!(lost_after(&mut world, tab, 60), Some(5));
}

#[test]
fn a_browser_that_keeps_every_timer_late_finds_a_dead_connection_out_all_the_same() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    die(&mut world);
    world.heard(tab);
    let late = (1..10).find(|_| {
        world.sleep(MINUTE);
        world.heard(tab).iter().any(|heard| heard.starts_with("Reconnecting"))
    });
    assert_eq!(late, Some(4));
}

#[test]
fn pings_that_are_never_answered_are_not_remembered_for_ever() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    let socket = world.open_sockets()[0];
    world.deaf = true;
    for _ in 0..20 {
        world.advance(MINUTE);
        world.at_hub(Input::Frame(socket, "<presence xmlns='jabber:client' from='bob@localhost/x'/>".into()));
    }
    assert!(world.probes() >= 10);
    assert!(!world.heard(tab).iter().any(|heard| heard.starts_with("Reconnecting")));
    let (.., orphans) = world.hub.view().sessions().next().unwrap().outgoing();
    assert!(orphans <= 1, "{orphans}");
}

#[test]
fn a_server_that_is_silent_after_each_login_has_ever_more_time_for_a_large_frame() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    for (is_heard, patience) in
        [(true, 15), (false, 15), (false, 30), (false, 60), (false, 120), (false, 120), (true, 15)]
    {
        if is_heard {
            world.advance(10 * SECOND);
            world.server_says(ALICE, MESSAGE);
        }
        die(&mut world);
        world.send(tab, MESSAGE);
        assert_eq!(lost_after(&mut world, tab, 200), Some(patience));
        world.deaf = false;
        come_back(&mut world);
    }
    // A connection that was well and ends otherwise leaves no doubt of the next.
    for _ in 0..3 {
        die(&mut world);
        world.send(tab, MESSAGE);
        lost_after(&mut world, tab, 200);
        world.deaf = false;
        come_back(&mut world);
    }
    world.advance(10 * SECOND);
    world.server_says(ALICE, MESSAGE);
    world.cut();
    world.run();
    come_back(&mut world);
    die(&mut world);
    world.send(tab, MESSAGE);
    assert_eq!(lost_after(&mut world, tab, 200), Some(15));
}

fn come_back(world: &mut World) {
    while !world.hub.view().sessions().any(|session| session.is_up()) {
        world.advance(SECOND);
    }
}

#[test]
fn a_server_that_is_silent_after_each_login_is_dialled_ever_more_rarely() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    let mut dials = Vec::new();
    for _ in 0..600 {
        // It answers until the login is over.
        world.run();
        world.deaf = world.hub.view().sessions().any(|session| session.is_up());
        if world.deaf {
            world.send(tab, MESSAGE);
        }
        world.advance(SECOND);
        dials.push(world.dials());
    }
    let (first, last) = (dials[99], dials[599] - dials[499]);
    assert!(last <= 4, "{first} dials in the first 100 seconds, {last} in the last");
}
