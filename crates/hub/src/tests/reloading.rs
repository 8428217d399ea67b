//! A page that reloads goes on where the former page stopped.

use std::time::Duration;

use epode_protocol::Options;

use super::page::all;
use super::world::{GRACE, World};
use crate::PortId;

const ALICE: &str = "alice@localhost/desk";

fn says(world: &mut World, ids: std::ops::RangeInclusive<u32>) {
    for id in ids {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{id}'/>"));
    }
    world.run();
}

fn attached(world: &mut World, tab: PortId) -> PortId {
    world.attach(tab, None);
    tab
}

fn ids(range: std::ops::RangeInclusive<u32>) -> String {
    range.map(|id| id.to_string()).collect::<Vec<_>>().join(" ")
}

// Stanzas that arrive while a tab reloads must reach its next page.
#[test]
fn what_arrives_while_a_tab_reloads_is_heard_by_the_handlers_of_its_callback_in_order_and_once() {
    for (says_so, connects) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut world = World::new();
        let (tab, other) = (world.online(ALICE), world.online(ALICE));
        says(&mut world, 1..=3);
        let word = world.unload(tab, says_so);
        says(&mut world, 4..=6);
        world.advance(Duration::from_secs(9));
        let tab = world.load(word);
        says(&mut world, 7..=7);
        match connects {
            true => world.connect(tab, ALICE, "secret-alice"),
            false => world.attach(tab, None),
        }
        says(&mut world, 8..=9);
        assert_eq!(world.handled(tab)[0], ids(4..=9));
        assert_eq!(world.handled(other)[0], ids(1..=9));
    }
}

#[test]
fn what_was_posted_to_a_page_and_not_handled_there_is_heard_by_the_next() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    says(&mut world, 1..=20);
    world.hold(tab);
    says(&mut world, 21..=100);
    let tab = world.reload(tab);
    let tab = attached(&mut world, tab);
    assert_eq!(world.handled(tab)[0], ids(21..=100));
}

#[test]
fn a_tab_that_reloads_twice_hears_nothing_twice() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    says(&mut world, 1..=2);
    let word = world.unload(tab, true);
    says(&mut world, 3..=4);
    let tab = world.load(word);
    world.attach(tab, None);
    assert_eq!(world.handled(tab)[0], ids(3..=4));
    let word = world.unload(tab, true);
    says(&mut world, 5..=6);
    let tab = world.load(word);
    world.attach(tab, None);
    assert_eq!(world.handled(tab)[0], ids(5..=6));
}

#[test]
fn a_tab_that_reloads_before_it_has_joined_again_loses_nothing() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    says(&mut world, 1..=2);
    let word = world.unload(tab, true);
    says(&mut world, 3..=4);
    let tab = world.load(word);
    world.run();
    let before = world.unload(tab, true);
    // The page in between never got far enough to know better.
    says(&mut world, 5..=5);
    let tab = world.load(before);
    world.attach(tab, None);
    assert_eq!(world.handled(tab)[0], ids(3..=5));
}

#[test]
fn a_flood_while_a_tab_reloads_is_kept_as_far_as_its_queue_goes_and_the_rest_is_a_gap() {
    let mut world = World::new();
    let tab = world.tab();
    let options = Options { queue_stanzas: 600, ..Options::default() };
    world.connect_as(tab, ALICE, Some("secret-alice"), options);
    world.run();
    let word = world.unload(tab, true);
    says(&mut world, 1..=1000);
    let tab = world.load(word);
    world.attach(tab, None);
    assert_eq!(world.handled(tab)[0], ids(401..=1000));
    assert!(world.heard(tab).contains(&"gap 1 to 400: 400".to_owned()));
}

#[test]
fn what_was_given_up_for_a_slow_page_the_next_one_is_told() {
    let mut world = World::new();
    let tab = world.tab();
    world.connect_as(tab, ALICE, Some("secret-alice"), Options { queue_stanzas: 100, ..Options::default() });
    world.run();
    world.hold(tab);
    says(&mut world, 1..=1000);
    let tab = world.reload(tab);
    world.attach(tab, None);
    let heard = world.heard(tab);
    let handled = world.handled(tab)[0].clone();
    let gap = heard.iter().find(|word| word.starts_with("gap")).expect("never silence");
    let numbers: Vec<u32> = gap.split([' ', ':']).filter_map(|word| word.parse().ok()).collect();
    let (from, to) = (numbers[0], numbers[1]);
    for id in 1..=1000 {
        let heard = handled.split(' ').any(|handled| handled == id.to_string());
        assert!(heard || (from..=to).contains(&id), "{id} is neither heard nor in {gap}");
    }
}

#[test]
fn a_handler_that_the_page_before_did_not_have_hears_what_is_remembered_and_of_the_rest_that_it_is_missing() {
    let mut world = World::new();
    let tab = world.tab();
    world.begins_with(tab, &[all("presence")]);
    world.connect(tab, ALICE, "secret-alice");
    world.run();
    let word = world.unload(tab, true);
    says(&mut world, 1..=1000);
    let tab = world.load(word);
    world.begins_with(tab, &[all("presence"), all("message")]);
    world.attach(tab, None);
    assert_eq!(world.handled(tab)[1], ids(489..=1000));
    assert!(world.heard(tab).contains(&"gap 1 to 488: 488".to_owned()));
}

#[test]
fn a_duplicated_tab_hears_nothing_of_what_waits_for_the_original() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    let other = world.online(ALICE);
    says(&mut world, 1..=3);
    let mut word = world.unload(tab, true);
    says(&mut world, 4..=5);
    let before = word.before.clone();
    let name = std::mem::replace(&mut word.name, "duplicate".to_owned());
    let duplicate = world.load(word);
    world.attach(duplicate, None);
    world.run();
    let tab = world.load(super::world::Unloaded { name, before });
    world.attach(tab, None);
    says(&mut world, 6..=6);
    assert_eq!(world.handled(duplicate)[0], "6");
    assert_eq!(world.handled(tab)[0], "4 5 6");
    assert_eq!(world.handled(other)[0], ids(1..=6));
}

#[test]
fn a_tab_that_comes_back_after_the_grace_time_hears_what_comes_then() {
    let mut world = World::new();
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    says(&mut world, 1..=3);
    let word = world.unload(tab, true);
    says(&mut world, 4..=5);
    world.advance(GRACE);
    says(&mut world, 6..=6);
    let tab = world.load(word);
    world.attach(tab, None);
    says(&mut world, 7..=7);
    assert_eq!(world.handled(tab)[0], "7");
    assert_eq!(world.handled(other)[0], ids(1..=7));
}

#[test]
fn nothing_is_kept_where_no_grace_is_wanted_nor_after_it() {
    let mut world = World::new();
    let tab = world.tab();
    let options = Options { reload_grace: 0, ..Options::default() };
    world.connect_as(tab, ALICE, Some("secret-alice"), options);
    world.run();
    let other = world.tab();
    world.attach(other, None);
    let tab = world.reload(tab);
    assert_eq!(world.kept(), 0);
    says(&mut world, 1..=2);
    world.attach(tab, None);
    assert_eq!(world.handled(tab)[0], "");

    let mut world = World::new();
    let (tab, _other) = (world.online(ALICE), world.online(ALICE));
    world.kill(tab);
    says(&mut world, 1..=100);
    assert_eq!(world.kept(), 100);
    world.advance(GRACE);
    says(&mut world, 101..=101);
    assert_eq!(world.kept(), 0, "who did not come back is forgotten");
}

#[test]
fn a_reload_across_a_redial_loses_nothing_that_the_worker_was_given() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    says(&mut world, 1..=2);
    let word = world.unload(tab, true);
    says(&mut world, 3..=4);
    world.cut();
    world.run();
    let tab = world.load(word);
    world.attach(tab, None);
    world.advance(Duration::from_secs(1));
    says(&mut world, 5..=5);
    assert_eq!(world.handled(tab)[0], ids(3..=5));
}

#[test]
fn where_a_page_stood_with_a_worker_that_died_means_nothing_to_the_next() {
    let mut world = World::new();
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    says(&mut world, 1..=5);
    let word = world.unload(tab, true);
    world.worker_dies();
    world.advance(Duration::from_secs(1));
    says(&mut world, 6..=8);
    let tab = world.load(word);
    world.attach(tab, None);
    says(&mut world, 9..=9);
    assert_eq!(world.handled(tab)[0], "9");
    assert_eq!(world.handled(other)[0], ids(6..=9));
}

#[test]
fn a_page_that_says_it_stood_beyond_what_there_is_hears_what_comes() {
    let mut world = World::new();
    let (tab, _other) = (world.online(ALICE), world.online(ALICE));
    let mut word = world.unload(tab, true);
    word.before.position = u64::MAX;
    let tab = world.load(word);
    world.attach(tab, None);
    says(&mut world, 1..=1);
    assert_eq!(world.handled(tab)[0], "1");
}

#[test]
fn where_a_page_stood_in_one_session_says_nothing_of_another() {
    let mut world = World::new();
    let (tab, _alice) = (world.online(ALICE), world.online(ALICE));
    let _bob = world.online("bob@localhost/desk");
    says(&mut world, 1..=5);
    let word = world.unload(tab, true);
    let tab = world.load(word);
    world.attach(tab, Some("bob@localhost"));
    world.run();
    let tab = world.reload(tab);
    world.attach(tab, Some("alice@localhost"));
    says(&mut world, 6..=6);
    assert_eq!(world.handled(tab)[0], "6", "it has handled the others");
}

#[test]
fn what_came_before_a_page_claimed_it_was_not_kept_for_the_next_one_which_is_told_so() {
    let mut world = World::new();
    let tab = world.tab();
    world.begins_with(tab, &[]);
    world.connect(tab, ALICE, "secret-alice");
    says(&mut world, 1..=1000);
    world.advance(Duration::from_secs(1));
    world.adds(tab, all("message"));
    world.run();
    let tab = world.reload(tab);
    world.begins_with(tab, &[all("message")]);
    world.attach(tab, None);
    assert!(world.heard(tab).contains(&"gap 1 to 488: 488".to_owned()));
    assert_eq!(world.handled(tab)[0], ids(489..=1000));
}

#[test]
fn what_only_the_page_before_wanted_is_not_kept_while_its_successor_is_slow_which_is_told_so() {
    let mut world = World::new();
    let tab = world.tab();
    world.begins_with(tab, &[all("presence")]);
    world.connect(tab, ALICE, "secret-alice");
    world.run();
    let tab = world.reload(tab);
    world.begins_with(tab, &[all("message")]);
    world.attach(tab, None);
    world.adds_upon(tab, "id='1'", all("presence"));
    world.run();
    world.hold(tab);
    says(&mut world, 1..=1);
    for id in 2..=1000 {
        world.server_says(ALICE, &format!("<presence xmlns='jabber:client' id='{id}'/>"));
    }
    world.run();
    world.let_read(tab);
    assert!(world.heard(tab).contains(&"gap 2 to 488: 487".to_owned()));
    assert_eq!(world.handled(tab)[1], ids(489..=1000));
}

#[test]
fn what_a_claim_had_missed_and_the_page_has_not_read_is_heard_by_the_next() {
    let mut world = World::new();
    let tab = world.tab();
    world.begins_with(tab, &[all("message")]);
    world.connect(tab, ALICE, "secret-alice");
    world.adds_upon(tab, "id='1'", all("presence"));
    world.run();
    world.hold(tab);
    says(&mut world, 1..=1);
    for id in 2..=100 {
        world.server_says(ALICE, &format!("<presence xmlns='jabber:client' id='{id}'/>"));
    }
    world.run();
    // The page handles the message, and dies before the answer to its claim arrives.
    world.let_read(tab);
    world.hold_at_once(tab);
    says(&mut world, 101..=1000);
    let tab = world.reload(tab);
    world.begins_with(tab, &[all("message"), all("presence")]);
    world.attach(tab, None);
    assert_eq!(world.handled(tab), [ids(101..=1000), ids(2..=100)]);
}

#[test]
fn a_page_that_reloads_before_it_has_heard_of_its_next_session_misses_nothing_of_that() {
    const BOB: &str = "bob@localhost/desk";
    let mut world = World::new();
    let (tab, _) = (world.online(ALICE), world.online(BOB));
    says(&mut world, 1..=9);
    world.connect(tab, BOB, "secret-bob");
    world.hold_at_once(tab);
    world.run();
    world.server_says(BOB, "<message xmlns='jabber:client' id='b1'/>");
    let tab = world.reload(tab);
    world.server_says(BOB, "<message xmlns='jabber:client' id='b2'/>");
    world.connect(tab, BOB, "secret-bob");
    assert_eq!(world.handled(tab)[0], "b1 b2");
}

#[test]
fn a_page_that_attaches_twice_before_it_hears_that_it_is_in_misses_nothing() {
    let mut world = World::new();
    let (tab, _other) = (world.online(ALICE), world.online(ALICE));
    says(&mut world, 1..=2);
    let word = world.unload(tab, true);
    // More stanzas than the ring keeps.
    says(&mut world, 3..=700);
    let tab = world.load(word);
    world.attach(tab, None);
    world.hold_at_once(tab);
    says(&mut world, 701..=710);
    world.attach(tab, None);
    says(&mut world, 711..=720);
    world.let_read(tab);
    assert_eq!(world.handled(tab)[0], ids(3..=720));
}

#[test]
fn what_the_ring_forgets_before_a_page_attaches_again_the_page_is_told() {
    let mut world = World::new();
    let (tab, _other) = (world.online(ALICE), world.online(ALICE));
    let word = world.unload(tab, true);
    says(&mut world, 1..=10);
    let tab = world.load(word);
    world.attach(tab, None);
    world.hold_at_once(tab);
    says(&mut world, 11..=1000);
    world.attach(tab, None);
    world.let_read(tab);
    let handled = [ids(1..=10), ids(489..=1000)].join(" ");
    assert_eq!(world.handled(tab)[0], handled);
    assert!(world.heard(tab).contains(&"gap 11 to 488: 478".to_owned()));
}

#[test]
fn a_page_that_is_unloaded_before_it_hears_that_it_is_in_leaves_everything_to_the_next() {
    let mut world = World::new();
    let (tab, _other) = (world.online(ALICE), world.online(ALICE));
    says(&mut world, 1..=2);
    let word = world.unload(tab, true);
    says(&mut world, 3..=4);
    let tab = world.load(word);
    world.attach(tab, None);
    world.hold_at_once(tab);
    says(&mut world, 5..=6);
    let word = world.unload(tab, true);
    // More stanzas than the ring keeps.
    says(&mut world, 7..=700);
    let tab = world.load(word);
    world.attach(tab, None);
    assert_eq!(world.handled(tab)[0], ids(3..=700));
}

#[test]
fn a_page_whose_claims_are_lost_with_the_stream_hears_what_was_kept_over_the_next() {
    let mut world = World::new();
    let (tab, _other) = (world.online(ALICE), world.online(ALICE));
    says(&mut world, 1..=2);
    let word = world.unload(tab, true);
    says(&mut world, 3..=4);
    let tab = world.load(word);
    world.attach(tab, None);
    world.hold_at_once(tab);
    says(&mut world, 5..=6);
    world.cut();
    world.advance(Duration::from_secs(1));
    says(&mut world, 7..=8);
    world.let_read(tab);
    assert_eq!(world.handled(tab)[0], ids(3..=8));
}

#[test]
fn what_was_given_up_and_leaves_the_ring_before_a_slow_page_claims_anything_the_page_is_told() {
    let mut world = World::new();
    let (tab, other) = (world.tab(), world.tab());
    world.connect_as(tab, ALICE, Some("secret-alice"), Options { queue_stanzas: 20, ..Options::default() });
    world.run();
    world.attach(other, None);
    let word = world.unload(tab, true);
    says(&mut world, 1..=40);
    let tab = world.load(word);
    world.attach(tab, None);
    world.hold_at_once(tab);
    says(&mut world, 41..=540);
    world.let_read(tab);
    assert_eq!(world.handled(tab)[0], ids(21..=540));
    assert!(world.heard(tab).contains(&"gap 1 to 20: 20".to_owned()));
}

#[test]
fn what_is_kept_for_a_page_that_turns_elsewhere_before_it_is_in_waits_for_its_return_for_the_grace_time() {
    for (away, heard) in [(GRACE - Duration::from_secs(1), ids(1..=3)), (GRACE, ids(3..=3))] {
        let mut world = World::new();
        let (tab, _other) = (world.online(ALICE), world.online(ALICE));
        let word = world.unload(tab, true);
        says(&mut world, 1..=2);
        world.reachable = false;
        world.cut();
        let tab = world.load(word);
        world.attach(tab, None);
        world.advance(Duration::from_secs(30));
        world.attach(tab, Some("bob@localhost"));
        world.advance(away);
        world.attach(tab, Some("alice@localhost"));
        world.reachable = true;
        world.advance(Duration::from_secs(120));
        says(&mut world, 3..=3);
        assert_eq!(world.handled(tab)[0], heard);
    }
}

#[test]
fn a_page_that_is_back_in_time_loses_nothing_by_a_redial_that_takes_long_whatever_it_does_meanwhile() {
    let mut world = World::new();
    let (tab, _other) = (world.online(ALICE), world.online(ALICE));
    says(&mut world, 1..=2);
    let word = world.unload(tab, true);
    // More stanzas than the ring keeps.
    says(&mut world, 3..=700);
    world.reachable = false;
    world.cut();
    let tab = world.load(word);
    world.attach(tab, None);
    world.advance(Duration::from_secs(30));
    // The page asks for the same once more, and is reloaded again.
    world.attach(tab, None);
    world.advance(Duration::from_secs(30));
    let tab = world.reload(tab);
    world.attach(tab, None);
    world.advance(Duration::from_secs(30));
    world.reachable = true;
    world.advance(Duration::from_secs(120));
    assert_eq!(world.handled(tab)[0], ids(3..=700));
}

#[test]
fn a_gap_that_was_posted_and_not_read_the_next_page_is_told_and_one_that_was_read_it_is_not() {
    for read in [false, true] {
        let mut world = World::new();
        let (tab, other) = (world.tab(), world.tab());
        let options = Options { queue_stanzas: 100, ..Options::default() };
        world.connect_as(tab, ALICE, Some("secret-alice"), options);
        world.run();
        world.attach(other, None);
        world.hold(tab);
        says(&mut world, 1..=1000);
        world.let_read(tab);
        if !read {
            world.hold_at_once(tab);
        }
        world.run();
        assert_eq!(world.heard(tab).iter().any(|words| words.starts_with("gap")), read);
        let tab = world.reload(tab);
        world.attach(tab, None);
        assert_eq!(world.heard(tab).iter().any(|words| words.starts_with("gap")), !read);
    }
}

#[test]
fn a_gap_of_a_claim_that_was_posted_and_not_read_the_next_page_is_told() {
    let mut world = World::new();
    let (tab, _other) = (world.tab(), world.online(ALICE));
    world.begins_with(tab, &[]);
    world.attach(tab, None);
    world.run();
    let word = world.unload(tab, true);
    says(&mut world, 1..=1000);
    let tab = world.load(word);
    world.begins_with(tab, &[all("message")]);
    world.attach(tab, None);
    world.hold_at_once(tab);
    world.run();
    world.let_read(tab);
    // The claim is on its way to the worker, and the page will not read the answer.
    world.hold_at_once(tab);
    let tab = world.reload(tab);
    world.begins_with(tab, &[all("message")]);
    world.attach(tab, None);
    assert!(world.heard(tab).contains(&"gap 1 to 488: 488".to_owned()));
    assert_eq!(world.handled(tab)[0], ids(489..=1000));
}
