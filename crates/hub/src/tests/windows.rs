//! Acknowledgements clock the delivery: what a slow tab costs, and what it hears in the end.

use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{Criteria, Delivery, FromWorker, Options, Origin, Selector, ToWorker, WINDOW};

use super::page::all;
use super::world::World;
use crate::PortId;
use crate::mailbox::{Latest, Mailbox, Stanza};

const ALICE: &str = "alice@localhost/desk";

fn message(number: usize) -> String {
    format!("<message xmlns='jabber:client' id='{number}'/>")
}

fn floods(world: &mut World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        world.server_says(ALICE, &message(number));
    }
    world.run();
}

/// A tab for which only this many stanzas may wait.
fn tab_with_queue(world: &mut World, queue_stanzas: u32) -> PortId {
    let tab = world.tab();
    let options = Options { queue_stanzas, ..Options::default() };
    world.connect_as(tab, ALICE, Some("secret-alice"), options);
    world.forget();
    tab
}

fn ids(range: std::ops::Range<usize>) -> String {
    range.map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn no_more_posts_are_in_flight_than_the_window_holds_and_the_rest_travels_together() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    // The posts of the joining are not acknowledged yet: a tab acknowledges every half window.
    world.hold(tab);
    floods(&mut world, 0..300);
    let unread = world.unread(tab);
    assert!(unread <= WINDOW as usize && unread > WINDOW as usize / 2, "{unread}");
    let before = world.posts(tab);
    world.let_read(tab);
    assert_eq!(world.handled(tab)[0], ids(0..300));
    let posts = world.posts(tab) - before - unread;
    assert!(posts <= 2, "284 stanzas or more in {posts} posts");
}

#[test]
fn what_arrives_while_the_worker_is_busy_travels_together_but_for_the_first() {
    let mut world = World::new();
    let tabs = [world.online(ALICE), world.online(ALICE)];
    world.forget();
    // The latest post is some time ago, or just now: then no stanza leaves ahead.
    for (pause, expected) in [(5, 2), (4, 1), (0, 1), (5, 2)] {
        world.advance(Duration::from_millis(pause));
        let before = tabs.map(|tab| world.posts(tab));
        world.server_says_in_one_turn(ALICE, (0..100).map(message));
        for (tab, before) in tabs.into_iter().zip(before) {
            assert!(world.handled(tab)[0].ends_with(&ids(0..100)));
            assert_eq!(world.posts(tab) - before, expected, "{pause} ms later");
        }
        world.forget();
    }
}

#[test]
fn only_stanzas_wait_for_the_turn_to_end_and_not_more_of_them_than_one_post_carries() {
    let stanza = |position| Stanza::Own {
        delivery: Delivery(position, Origin::Received, String::new()),
        droppable: true,
        size: 100,
    };
    let mut mailbox = Mailbox::new();
    let next_post = |mailbox: &mut Mailbox<String>| {
        mailbox.next_post(Duration::ZERO, &mut Latest::default()).map(Rc::unwrap_or_clone)
    };
    mailbox.push_stanza(stanza(1));
    assert!(next_post(&mut mailbox).is_some());
    mailbox.push_stanza(stanza(2));
    assert!(next_post(&mut mailbox).is_none(), "it waits for others");
    mailbox.push(FromWorker::Written { up_to: 1 });
    assert!(matches!(next_post(&mut mailbox), Some(FromWorker::Stanza(..))), "what waits behind it does not");
    assert!(matches!(next_post(&mut mailbox), Some(FromWorker::Written { .. })));
    for position in 3..=1000 {
        mailbox.push_stanza(stanza(position));
    }
    assert!(matches!(next_post(&mut mailbox), Some(FromWorker::Deliver(batch)) if batch.len() == 512));
    assert!(next_post(&mut mailbox).is_none());
    mailbox.end_of_task();
    assert!(matches!(next_post(&mut mailbox), Some(FromWorker::Deliver(batch)) if batch.len() == 486));
}

#[test]
fn inside_the_window_a_stanza_leaves_at_once() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    let before = world.posts(tab);
    for number in 0..100 {
        floods(&mut world, number..number + 1);
        assert_eq!(world.heard(tab), [format!("Received {}", message(number))]);
    }
    assert_eq!(world.posts(tab) - before, 100);
}

#[test]
fn acknowledgements_that_cannot_be_are_ignored() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.hold(tab);
    floods(&mut world, 0..100);
    let unread = world.unread(tab);
    for posts in [u32::MAX, 0, WINDOW * 2, 1 << 31] {
        world.say(tab, ToWorker::Ack { posts });
        assert_eq!(world.unread(tab), unread, "{posts}");
    }
    world.let_read(tab);
    floods(&mut world, 100..200);
    assert_eq!(world.handled(tab)[0], ids(0..200));
}

// The queue for a frozen tab must be bounded.
#[test]
fn what_waits_for_a_frozen_tab_is_bounded_and_it_hears_what_was_given_up_where_it_is_missing() {
    let mut world = World::new();
    let tab = tab_with_queue(&mut world, 10);
    world.hold(tab);
    floods(&mut world, 0..1000);
    let in_flight = world.unread(tab);
    assert!(world.waiting(tab) <= 10);
    world.let_read(tab);
    let heard = world.heard(tab);
    assert_eq!(heard.len(), in_flight + 1 + 10);
    // Positions count from one, and these messages are the only stanzas.
    assert_eq!(heard[in_flight], format!("gap {} to 990: {}", in_flight + 1, 990 - in_flight));
    assert_eq!(heard[in_flight + 1], format!("Received {}", message(990)));
    floods(&mut world, 1000..1001);
    assert_eq!(world.heard(tab), [format!("Received {}", message(1000))]);
}

#[test]
fn the_size_of_what_waits_is_bounded_too() {
    let mut world = World::new();
    let tab = world.tab();
    let options = Options { queue_size: 50_000, ..Options::default() };
    world.connect_as(tab, ALICE, Some("secret-alice"), options);
    world.forget();
    world.hold(tab);
    let body = "x".repeat(1000);
    for number in 0..500 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'>{body}</message>"));
    }
    world.run();
    assert!((40..50).contains(&world.waiting(tab)), "{}", world.waiting(tab));
}

#[test]
fn an_iq_is_never_given_up() {
    let mut world = World::new();
    let (tab, other) = (tab_with_queue(&mut world, 10), world.online(ALICE));
    let ping = "<iq xmlns='jabber:client' type='get' id='mine'><ping xmlns='urn:xmpp:ping'/></iq>";
    let disco = "<iq xmlns='jabber:client' type='get' id='sent' to='localhost'>\
        <query xmlns='http://jabber.org/protocol/disco#items'/></iq>";
    world.flowing = false;
    let token = world.request(tab, ping);
    world.send(tab, disco);
    world.hold(tab);
    floods(&mut world, 0..200);
    world.let_flow();
    let push = "<iq xmlns='jabber:client' type='set' id='push'><query xmlns='jabber:iq:roster'/></iq>";
    world.server_says(ALICE, push);
    floods(&mut world, 200..1000);
    world.let_read(tab);
    let heard = world.heard(tab);
    assert!(heard.iter().any(|word| word.starts_with(&format!("response {token} result"))), "{heard:?}");
    for id in ["id='sent'", "id=\"sent\"", "id='push'"] {
        let found = heard.iter().any(|word| word.contains(id));
        assert!(found || id.contains("sent"), "{id}: {heard:?}");
    }
    assert!(heard.iter().any(|word| word.contains("sent") && word.contains("disco#items")), "{heard:?}");
    // Gaps before and after the stanzas that stay are told apart.
    let gaps: Vec<_> = heard.iter().filter(|word| word.starts_with("gap")).collect();
    assert!(gaps.len() >= 2, "{gaps:?}");
    let missing: usize =
        gaps.iter().map(|gap| gap.split(' ').next_back().unwrap().parse::<usize>().unwrap()).sum();
    let received = heard.iter().filter(|word| word.starts_with("Received <message")).count();
    assert_eq!(missing + received, 1000);
    assert_eq!(world.handled(other)[0].split(' ').filter(|id| !id.is_empty()).count(), 1001);
}

#[test]
fn what_others_send_is_bounded_like_what_they_receive() {
    let mut world = World::new();
    let (tab, sender) = (tab_with_queue(&mut world, 10), world.online(ALICE));
    world.hold(tab);
    for number in 0..500 {
        world.send(sender, &format!("<message xmlns='jabber:client' id='{number}' to='bob@localhost'/>"));
        world.run();
    }
    assert!(world.waiting(tab) <= 10, "{}", world.waiting(tab));
    world.let_read(tab);
    let heard = world.heard(tab);
    assert!(heard.iter().any(|word| word.starts_with("gap")), "never silence: {heard:?}");
    assert!(heard.last().unwrap().contains("id='499'"));
}

#[test]
fn what_a_hook_of_a_frozen_tab_would_see_of_others_requests_is_bounded() {
    let mut world = World::new();
    let tab = world.tab();
    world.begins_with(tab, &[Selector::Everything]);
    world.connect_as(tab, ALICE, Some("secret-alice"), Options { queue_stanzas: 10, ..Options::default() });
    world.forget();
    world.hold(tab);
    for number in 0..500 {
        let from = format!("type='get' id='{number}' from='bob@localhost/x'");
        world.server_says(ALICE, &format!("<iq xmlns='jabber:client' {from}><q xmlns='urn:x'/></iq>"));
    }
    world.run();
    assert!(world.waiting(tab) <= 10, "{}", world.waiting(tab));
}

#[test]
fn a_frozen_tab_costs_the_others_nothing() {
    let mut world = World::new();
    let (frozen, awake) = (world.online(ALICE), world.online(ALICE));
    world.hold(frozen);
    for number in 0..3000 {
        world.server_says(ALICE, &message(number));
        assert_eq!(world.heard(awake), [format!("Received {}", message(number))]);
    }
    world.advance(Duration::from_secs(60));
    assert!(world.unread(frozen) <= WINDOW as usize + 1, "a ping besides");
    world.let_read(frozen);
    assert_eq!(world.handled(frozen)[0], ids(0..3000), "10,000 may wait");
}

#[test]
fn a_claim_of_a_slow_tab_that_comes_too_late_for_all_it_missed_says_so() {
    let mut world = World::new();
    let tab = world.tab();
    world.begins_with(tab, &[all("message")]);
    world.connect(tab, ALICE, "secret-alice");
    world.adds_upon(tab, "id='0'", all("presence"));
    world.forget();
    world.hold(tab);
    floods(&mut world, 0..1);
    for number in 1..1000 {
        world.server_says(ALICE, &format!("<presence xmlns='jabber:client' id='{number}'/>"));
    }
    world.run();
    world.let_read(tab);
    let gap = world.heard(tab).into_iter().find(|word| word.starts_with("gap")).unwrap();
    let handled = world.handled(tab)[1].clone();
    let first: usize = handled.split(' ').next().unwrap().parse().unwrap();
    // The message has position one, each presence its number plus one.
    assert!(gap.starts_with(&format!("gap 2 to {first}:")), "{gap}, and then {first}");
    assert_eq!(handled, ids(first..1000));
}

#[test]
fn a_tab_that_falls_asleep_between_its_status_and_its_claims_hears_all_or_a_gap() {
    let mut world = World::new();
    let first = world.online(ALICE);
    let tab = world.tab();
    world.run();
    world.hold(tab);
    // The tab's message is on its way; the tab does not read the answer.
    world.attach(tab, None);
    floods(&mut world, 0..1000);
    world.let_read(tab);
    let heard = world.heard(tab);
    let received = heard.iter().filter(|word| word.starts_with("Received")).count();
    let gap = heard.iter().find(|word| word.starts_with("gap"));
    assert_eq!(gap, Some(&format!("gap 1 to {}: {}", 1000 - received, 1000 - received)), "{received}");
    assert_eq!(world.handled(first)[0], ids(0..1000));
}

#[test]
fn a_tab_that_hears_everything_does_so_in_one_order() {
    let mut world = World::new();
    let tab = world.tab();
    world.begins_with(tab, &[Selector::Stanza(Criteria::default())]);
    world.connect(tab, ALICE, "secret-alice");
    world.forget();
    world.hold(tab);
    world.flowing = false;
    let token =
        world.request(tab, "<iq xmlns='jabber:client' type='get' id='a'><ping xmlns='urn:xmpp:ping'/></iq>");
    floods(&mut world, 0..100);
    world.let_flow();
    floods(&mut world, 100..120);
    world.let_read(tab);
    let heard = world.heard(tab);
    let at = heard.iter().position(|word| word.starts_with(&format!("response {token}"))).unwrap();
    assert_eq!(at, 100, "behind the messages that came before it, before those that came later");
}
