//! Tabs that do not answer: how the worker notices, what they lose, and what they keep.

use std::time::Duration;

use crate::tests::page::Event;
use epode_protocol::WINDOW;

use super::world::{Unloaded, World};
use crate::PortId;

const ALICE: &str = "alice@localhost/desk";
const NOTICED: Duration = Duration::from_secs(15);

/// The tabs as the worker knows them: the number of each, with `!` for the primary, `z` for a
/// sleeping one.
fn tabs(world: &mut World, asker: PortId) -> String {
    world.run();
    world.forget();
    world.ask_tabs(asker);
    let told = world.events(asker).into_iter().find_map(|event| match event {
        Event::Tabs(_, tabs) => Some(tabs),
        _ => None,
    });
    let word = |tab: epode_protocol::TabInfo| {
        let role = if tab.role == epode_protocol::Role::Primary { "!" } else { "" };
        let sleeps = if tab.awake { "" } else { "z" };
        format!("{}{role}{sleeps}", tab.tab)
    };
    told.unwrap().into_iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_tab_that_says_it_is_being_frozen_loses_its_role_at_once_and_keeps_its_place() {
    let mut world = World::new();
    let (frozen, other) = (world.online(ALICE), world.online(ALICE));
    assert_eq!(tabs(&mut world, other), "tab-1! tab-2");
    world.freeze(frozen);
    assert_eq!(world.heard(other), ["Primary"]);
    assert_eq!(tabs(&mut world, other), "tab-1z tab-2!");
    world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
    world.let_read(frozen);
    assert_eq!(world.heard(frozen), ["Secondary", "Received <message xmlns='jabber:client' id='1'/>"]);
}

// The worker must notice a crashed tab soon.
#[test]
fn a_tab_that_freezes_without_a_word_is_noticed_within_fifteen_seconds() {
    let mut world = World::new();
    let (frozen, other) = (world.online(ALICE), world.online(ALICE));
    world.hold(frozen);
    world.advance(NOTICED);
    assert_eq!(world.heard(other), ["Primary"]);
    // The tab wakes with its first message; the new primary keeps its role.
    world.let_read(frozen);
    assert_eq!(tabs(&mut world, other), "tab-1 tab-2!");
    world.advance(Duration::from_secs(3600));
    assert_eq!(tabs(&mut world, frozen), "tab-1 tab-2!", "who answers stays awake");
}

#[test]
fn a_tab_that_falls_asleep_while_it_is_the_only_one_stays_primary_until_another_comes() {
    let mut world = World::new();
    let frozen = world.online(ALICE);
    world.freeze(frozen);
    world.advance(NOTICED);
    let other = world.tab();
    world.attach(other, None);
    assert_eq!(world.heard(other)[0], "Primary");
}

#[test]
fn a_request_from_outside_is_not_given_to_a_tab_that_sleeps() {
    let mut world = World::new();
    let (frozen, other) = (world.online(ALICE), world.online(ALICE));
    world.freeze(frozen);
    world.run();
    world.forget();
    let request =
        "<iq xmlns='jabber:client' type='get' id='q' from='bob@localhost/x'><q xmlns='urn:x'/></iq>";
    world.server_says(ALICE, request);
    assert_eq!(world.heard(other), [format!("Received {request}")]);
    world.pass_up(other);
    assert!(world.sent()[0].contains("service-unavailable"), "nobody else is awake");
}

#[test]
fn a_tab_that_sleeps_for_an_hour_is_not_asked_again_and_again() {
    let mut world = World::new();
    let frozen = world.online(ALICE);
    world.hold(frozen);
    world.advance(Duration::from_secs(3600));
    assert_eq!(world.unread(frozen), 1);
}

#[test]
fn quiet_tabs_wake_the_worker_six_times_a_minute_each_and_sleeping_ones_never() {
    let mut world = World::new();
    let tabs: Vec<PortId> = (0..16)
        .map(|_| {
            world.advance(Duration::from_millis(137));
            world.online(ALICE)
        })
        .collect();
    let wakes = |world: &mut World, time: u64| {
        let until = world.clock.now() + Duration::from_secs(time);
        let mut wakes = 0;
        while let Some(at) = world.hub.deadline().filter(|at| *at <= until) {
            world.advance(at.saturating_sub(world.clock.now()));
            wakes += 1;
        }
        wakes
    };
    wakes(&mut world, 20);
    // Twice for the server, which is asked whether it is there, with a look at its answer.
    assert_eq!(wakes(&mut world, 60), 16 * 6 + 2);
    for tab in tabs {
        world.hold(tab);
    }
    wakes(&mut world, 60);
    let probes = world.probes();
    assert!(wakes(&mut world, 3600) <= 2 * 3600 / 240, "for the server alone, and rarely");
    assert!(world.probes() - probes <= 3600 / 240);
}

#[test]
fn the_worker_knows_of_each_tab_what_an_inspector_asks() {
    let mut world = World::new();
    let (slow, hidden) = (world.online(ALICE), world.hidden_tab());
    world.connect(hidden, ALICE, "secret-alice");
    let bob = world.online("bob@localhost/desk");
    world.hold(slow);
    for _ in 0..WINDOW + 40 {
        world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    }
    world.run();
    world.forget();
    world.ask_tabs(hidden);
    let Some(Event::Tabs(_, tabs)) = world.events(hidden).pop() else { panic!("an answer") };
    let of =
        |at: usize| (tabs[at].own, tabs[at].visible, tabs[at].credit, tabs[at].waiting > 20, tabs[at].claims);
    assert_eq!(tabs.len(), 2, "nothing of Bob's");
    assert_eq!((of(0).0, of(0).1, of(0).2, of(0).3, of(0).4), (false, true, 0, true, 2));
    assert_eq!((of(1).0, of(1).1, of(1).3, of(1).4), (true, false, false, 2));
    let nobody = world.tab();
    world.ask_tabs(nobody);
    assert_eq!(world.heard(nobody), ["tabs 1: 0"]);
    assert!(world.heard(bob).is_empty());
}

#[test]
fn a_page_without_a_lock_that_falls_silent_loses_its_role_and_what_it_was_asked() {
    let mut world = World::without_locks();
    let (silent, other) = (world.online(ALICE), world.online(ALICE));
    world.hold(silent);
    let asked = "<iq xmlns='jabber:client' type='get' id='q' from='bob@localhost/x'><q xmlns='urn:x'/></iq>";
    world.server_says(ALICE, asked);
    world.advance(Duration::from_secs(30));
    let heard = world.heard(other);
    assert!(heard.contains(&"Primary".to_owned()), "{heard:?}");
    assert!(heard.contains(&format!("Received {asked}")), "{heard:?}");
    let again = asked.replace("'q'", "'r'");
    world.server_says(ALICE, &again);
    assert_eq!(world.heard(other), [format!("Received {again}")], "it is not asked any more");
}

#[test]
fn a_page_without_a_lock_that_is_silent_for_minutes_is_forgotten_and_back_with_its_first_word() {
    let mut world = World::without_locks();
    let (frozen, other) = (world.online(ALICE), world.online(ALICE));
    world.hold(frozen);
    world.advance(Duration::from_secs(290));
    assert_eq!(tabs(&mut world, other), "tab-1z tab-2!");
    world.advance(Duration::from_secs(30));
    assert_eq!(tabs(&mut world, other), "tab-2!");
    let receipt = world.send(frozen, "<message xmlns='jabber:client' to='bob@localhost'/>");
    world.let_read(frozen);
    world.advance(Duration::from_secs(2));
    let heard = world.heard(frozen);
    let at = |word: &str| heard.iter().position(|heard| heard.starts_with(word)).expect(word);
    assert!(at(&format!("failed {receipt} worker-lost")) < at("Reconnecting"), "{heard:?}");
    assert!(at("Reconnecting") < at("Attached"), "{heard:?}");
    assert_eq!(tabs(&mut world, other), "tab-2! tab-1");
}

#[test]
fn of_a_page_with_a_lock_that_is_silent_for_an_hour_the_lock_will_tell() {
    let mut world = World::new();
    let (frozen, other) = (world.online(ALICE), world.online(ALICE));
    world.hold(frozen);
    world.advance(Duration::from_secs(3600));
    assert_eq!(tabs(&mut world, other), "tab-1z tab-2!");
}

#[test]
fn a_page_without_a_lock_that_is_reloaded_without_a_word_is_gone_when_the_next_one_comes_and_misses_nothing()
{
    let mut world = World::without_locks();
    let (steady, reloading) = (world.online(ALICE), world.online(ALICE));
    let word = world.unload(reloading, false);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='meanwhile'/>");
    let page = world.load(word);
    world.attach(page, None);
    assert_eq!(world.handled(page)[0], "meanwhile");
    assert_eq!(tabs(&mut world, steady), "tab-1! tab-2");
}

#[test]
fn of_two_pages_without_locks_under_one_name_neither_drives_the_other_out_again_and_again() {
    // A duplicated tab has the checkpoint that its original left.
    let mut world = World::without_locks();
    let original = world.online(ALICE);
    let word = Unloaded { name: "tab-1".to_owned(), before: world.page(original).tab.checkpoint() };
    world.forget();
    let copy = world.load(word);
    world.attach(copy, None);
    world.advance(Duration::from_secs(2));
    assert_eq!(
        world.heard(original)[1..],
        ["Reconnecting", "Secondary", "Attached alice@localhost/desk"],
        "it hears so at once"
    );
    world.heard(copy);
    world.advance(Duration::from_secs(3600));
    assert!(world.heard(original).is_empty() && world.heard(copy).is_empty());
    assert_eq!(tabs(&mut world, copy).matches("tab-1").count(), 2);
}
