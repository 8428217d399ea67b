//! A socket keeps little: what the network does not take yet waits in the worker, and the tabs see that.

use std::time::Duration;

use super::page::Event;
use super::world::World;
use crate::{Input, PortId};

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);

/// A message of this number and 10,000 bytes.
fn message(number: usize) -> String {
    let start = format!("<message xmlns='jabber:client' to='bob@localhost' id='{number}'><body>");
    let end = "</body></message>";
    let filling = "x".repeat(10_000 - start.len() - end.len());
    [&*start, &filling, end].concat()
}

fn send_all(world: &mut World, tab: PortId, count: usize) {
    let messages: Vec<_> = (0..count).map(message).collect();
    let messages: Vec<_> = messages.iter().map(String::as_str).collect();
    world.send_all(tab, &messages);
}

/// What the tab was told of the backlog.
fn backlog(world: &mut World, tab: PortId) -> Vec<(u32, u32)> {
    let told = |event| match event {
        Event::Backlog(stanzas, bytes) => Some((stanzas, bytes)),
        _ => None,
    };
    world.events(tab).into_iter().filter_map(told).collect()
}

#[test]
fn a_socket_gets_a_megabyte_and_more_when_that_has_left() {
    let mut world = World::new();
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    world.kept = 1_000_000;
    send_all(&mut world, tab, 150);
    assert_eq!(world.sent().len(), 100);
    for tab in [tab, other] {
        assert_eq!(backlog(&mut world, tab), [(50, 500_000)]);
    }
    world.kept = 800_000;
    world.advance(Duration::from_millis(50));
    assert_eq!(world.sent().len(), 20);
    assert_eq!(backlog(&mut world, tab), [], "a post a second is enough");
    world.kept = 0;
    world.advance(SECOND);
    assert_eq!(world.sent().len(), 30);
    assert_eq!(backlog(&mut world, tab), [(0, 0)]);
}

/// The numbers of the messages among these frames.
fn numbers(sent: &[String]) -> Vec<usize> {
    let id = |frame: &String| frame.split(" id='").nth(1)?.split('\'').next()?.parse().ok();
    sent.iter().filter_map(id).collect()
}

#[test]
fn a_wire_of_five_kilobytes_a_second_carries_two_megabytes_without_a_redial() {
    for managed in [false, true] {
        let (mut world, tab) = if managed { super::liveness::managed() } else { unmanaged() };
        world.run();
        // No frame of the server is the sign of life here.
        (world.deaf, world.rate) = (true, Some(5000));
        send_all(&mut world, tab, 200);
        let (mut sent, mut most) = (Vec::new(), 0);
        for _ in 0..400 {
            world.advance(SECOND);
            sent.extend(world.sent());
            most = most.max(world.kept);
        }
        world.deaf = false;
        world.advance(SECOND);
        assert_eq!(numbers(&sent), (0..200).collect::<Vec<_>>(), "each once, and in order");
        assert_eq!(world.dials(), 1);
        let is_managed = world.hub.view().living().all(|session| session.managed);
        assert_eq!(is_managed, managed, "an acknowledgement is as slow as the rest");
        assert!(most < 1_010_000, "{most}");
        assert_eq!(backlog(&mut world, tab).last(), Some(&(0, 0)));
    }
}

fn unmanaged() -> (World, PortId) {
    let mut world = World::new();
    let tab = world.online(ALICE);
    (world, tab)
}

#[test]
fn while_the_server_owes_an_answer_the_socket_gets_64_kilobytes() {
    let (mut world, tab) = unmanaged();
    world.advance(10 * SECOND);
    (world.deaf, world.rate) = (true, Some(0));
    world.send(tab, "<presence xmlns='jabber:client' to='a@b'/>");
    world.sent();
    world.advance(5 * SECOND);
    assert_eq!(world.probes(), 1);
    send_all(&mut world, tab, 50);
    assert_eq!(numbers(&world.sent()).len(), 7);
    world.deaf = false;
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    world.advance(SECOND);
    assert_eq!(numbers(&world.sent()).len(), 43);
}

#[test]
fn a_probe_waits_until_the_socket_keeps_64_kilobytes_and_stanzas_wait_with_it() {
    for (mut world, tab) in [super::liveness::managed(), unmanaged()] {
        let transmitted = |world: &mut World| -> Vec<String> {
            world.transmitted().into_iter().map(|sent| sent.text[..20].to_owned()).collect()
        };
        let is_probe = |start: &String| start.starts_with("<iq ") || start.starts_with("<r ");
        (world.deaf, world.rate) = (true, Some(5000));
        send_all(&mut world, tab, 150);
        world.advance(6 * SECOND);
        assert!(!transmitted(&mut world).iter().any(is_probe));
        world.advance(180 * SECOND);
        assert_eq!(transmitted(&mut world), [""; 0]);
        world.advance(20 * SECOND);
        let sent = transmitted(&mut world);
        assert!(is_probe(&sent[0]) && sent.len() > 1 && !sent[1..].iter().any(is_probe), "{sent:?}");
        assert_eq!(world.dials(), 1);
    }
}

#[test]
fn a_probe_that_has_waited_has_its_time_to_be_answered() {
    let (mut world, tab) = unmanaged();
    world.advance(10 * SECOND);
    world.rate = Some(30_000);
    send_all(&mut world, tab, 12);
    for online in [false, true] {
        world.at_hub(Input::Online(online));
    }
    world.advance(60 * SECOND);
    assert_eq!(world.dials(), 1);
}

#[test]
fn what_one_tab_has_waiting_on_a_slow_wire_is_half_of_what_may_wait() {
    let refused =
        |world: &mut World, tab| world.heard(tab).iter().filter(|word| word.ends_with("too-many")).count();
    // What is written is kept where the server acknowledges it.
    for ((mut world, tab), most) in [(super::liveness::managed(), 838), (unmanaged(), 100 + 838)] {
        let other = world.online(ALICE);
        world.rate = Some(0);
        send_all(&mut world, tab, 2000);
        assert_eq!(refused(&mut world, tab), 2000 - most);
        send_all(&mut world, other, 100);
        assert_eq!(refused(&mut world, other), 0);
    }
}

#[test]
fn the_next_stream_begins_with_an_empty_socket_and_is_kept_to_the_same_bound() {
    let (mut world, tab) = super::liveness::managed();
    world.rate = Some(0);
    send_all(&mut world, tab, 150);
    assert_eq!(numbers(&world.sent()).len(), 100);
    world.cut();
    (world.kept, world.rate) = (0, None);
    world.advance(Duration::from_millis(1500));
    assert!(numbers(&world.sent()).len() >= 50);
    world.kept = 1_000_000;
    send_all(&mut world, tab, 150);
    world.cut();
    world.forget();
    world.advance(Duration::from_millis(3000));
    let again = numbers(&world.sent()).len();
    assert!((100..=110).contains(&again), "{again}");
}

#[test]
fn what_waits_leaves_before_the_session_is_closed() {
    let (mut world, tab) = unmanaged();
    world.kept = 1_000_000;
    send_all(&mut world, tab, 150);
    world.disconnect(tab);
    let sent = world.sent();
    assert_eq!(numbers(&sent).len(), 150);
    assert!(sent[150].contains("unavailable") && sent[151].starts_with("<close"), "{:?}", &sent[150..]);
}

#[test]
fn a_tab_that_comes_or_wakes_hears_what_waits() {
    let (mut world, tab) = unmanaged();
    let sleeper = world.online(ALICE);
    world.freeze(sleeper);
    world.kept = 1_000_000;
    send_all(&mut world, tab, 101);
    assert_eq!(backlog(&mut world, sleeper), []);
    world.let_read(sleeper);
    assert_eq!(backlog(&mut world, sleeper), [(1, 10_000)]);
    let late = world.tab();
    world.attach(late, None);
    assert_eq!(backlog(&mut world, late), [(1, 10_000)]);
    world.kept = 0;
    world.advance(2 * SECOND);
    for tab in [tab, sleeper, late] {
        assert_eq!(backlog(&mut world, tab).last(), Some(&(0, 0)));
    }
}
