//! A tab is posted what it claims: from which stanza on a handler hears, and until when.

use std::time::Duration;

use epode_protocol::{ClaimId, Criteria, Selector};

use super::page::all;
use super::world::World;
use crate::PortId;

/// The longest time that a claim is on its way, on a machine in good order.
const LONG: Duration = Duration::from_millis(100);

const ALICE: &str = "alice@localhost/desk";

/// A tab whose app adds these handlers in its callback.
pub(super) fn tab_with(world: &mut World, selectors: &[Selector]) -> PortId {
    let tab = world.tab();
    world.begins_with(tab, selectors);
    world.connect(tab, ALICE, "secret-alice");
    world.forget();
    tab
}

fn says(world: &mut World, names_and_ids: &str) {
    for stanza in names_and_ids.split(' ') {
        let (name, id) = stanza.split_once('/').unwrap();
        world.server_says(ALICE, &format!("<{name} xmlns='jabber:client' id='{id}'/>"));
    }
}

#[test]
fn a_stanza_that_matches_no_claim_of_a_tab_is_not_posted_to_it() {
    let mut world = World::new();
    let messages = tab_with(&mut world, &[all("message")]);
    let nothing = tab_with(&mut world, &[]);
    world.hold(messages);
    world.hold(nothing);
    says(&mut world, "presence/1 message/2 presence/3");
    assert_eq!((world.unread(messages), world.unread(nothing)), (1, 0));
    world.let_read(messages);
    assert_eq!(world.handled(messages), ["2"]);
}

#[test]
fn a_handler_hears_what_meets_all_its_criteria_and_nothing_else() {
    let mut world = World::new();
    let selector = Criteria {
        ns: Some("urn:x".to_owned()),
        name: Some("message".to_owned()),
        types: Some(vec!["chat".to_owned(), "normal".to_owned()]),
        from: Some("bob@localhost".to_owned()),
        bare: true,
        ..Criteria::default()
    };
    let tab = tab_with(&mut world, &[Selector::Stanza(selector)]);
    for (id, rest) in [
        ("yes", "type='chat' from='bob@localhost/x'><q xmlns='urn:x'/></message>"),
        ("no-type", "from='bob@localhost/x'><q xmlns='urn:x'/></message>"),
        ("other-type", "type='headline' from='bob@localhost/x'><q xmlns='urn:x'/></message>"),
        ("other-from", "type='chat' from='carol@localhost/x'><q xmlns='urn:x'/></message>"),
        ("other-ns", "type='chat' from='bob@localhost/x'><q xmlns='urn:y'/></message>"),
        ("deep", "type='normal' from='bob@localhost'><p xmlns='urn:y'><q xmlns='urn:x'/></p></message>"),
    ] {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{id}' {rest}"));
    }
    assert_eq!(world.handled(tab), ["yes deep"]);
    assert_eq!(world.heard(tab).len(), 2, "and the others were not posted");
}

#[test]
fn a_handler_added_while_a_stanza_is_handled_hears_the_next() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message")]);
    world.adds_upon(tab, "id='2'", all("presence"));
    world.adds_upon(tab, "id='2'", all("message"));
    says(&mut world, "presence/1 message/2 presence/3 message/4 presence/5");
    assert_eq!(world.handled(tab), ["2 4", "3 5", "4"]);
}

#[test]
fn it_hears_the_next_also_when_the_worker_is_far_ahead() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message")]);
    world.adds_upon(tab, "id='2'", all("presence"));
    world.adds_upon(tab, "id='6'", all("presence"));
    world.hold(tab);
    says(&mut world, "presence/1 message/2 presence/3 message/4 presence/5 message/6 presence/7");
    world.let_read(tab);
    says(&mut world, "presence/8 message/9");
    assert_eq!(world.handled(tab), ["2 4 6 9", "3 5 7 8", "7 8"]);
}

#[test]
fn a_handler_added_by_one_that_hears_what_it_missed_hears_the_next() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message")]);
    world.adds_upon(tab, "id='1'", all("presence"));
    world.adds_upon(tab, "id='2'", all("message"));
    world.hold(tab);
    says(&mut world, "message/1 presence/2 presence/3 message/4 message/5");
    world.let_read(tab);
    assert_eq!(world.handled(tab), ["1 4 5", "2 3", "4 5"]);
}

#[test]
fn a_handler_added_at_leisure_hears_what_is_on_its_way_and_what_comes() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message")]);
    says(&mut world, "message/1 presence/2");
    world.run();
    world.hold(tab);
    says(&mut world, "presence/3");
    world.advance(LONG);
    says(&mut world, "message/4 presence/5");
    world.advance(LONG);
    world.adds(tab, all("presence"));
    world.adds(tab, all("message"));
    world.let_read(tab);
    says(&mut world, "presence/6 message/7");
    let handled = world.handled(tab);
    assert_eq!(handled[0], "1 4 7");
    assert_eq!(handled[1..], ["5 6", "4 7"], "from the first that was on its way on");
}

#[test]
fn a_handler_added_at_leisure_hears_what_comes_while_its_claim_is_on_its_way() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[]);
    says(&mut world, "presence/1");
    world.advance(LONG);
    world.hold_up(tab);
    world.adds(tab, all("presence"));
    says(&mut world, "presence/2 message/3");
    world.advance(LONG);
    says(&mut world, "presence/4");
    world.let_through(tab);
    says(&mut world, "presence/5");
    assert_eq!(world.handled(tab), ["2 4 5"]);
}

#[test]
fn a_hook_assigned_late_hears_what_comes_while_its_claim_is_on_its_way() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[]);
    world.hold_up(tab);
    world.adds(tab, Selector::Everything);
    says(&mut world, "presence/1 message/2");
    world.advance(LONG);
    world.let_through(tab);
    assert_eq!(world.handled(tab), ["1 2"]);
}

#[test]
fn what_was_handled_before_a_handler_was_added_does_not_come_again_however_short_before() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message")]);
    says(&mut world, "presence/1 message/2");
    world.run();
    world.hold_up(tab);
    world.adds(tab, all("message"));
    world.adds(tab, all("presence"));
    says(&mut world, "message/3 presence/4");
    world.let_through(tab);
    assert_eq!(world.handled(tab), ["2 3", "3", "4"]);
}

#[test]
fn what_comes_while_a_claim_is_on_its_way_and_is_not_remembered_is_told_as_missing() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[]);
    let ids =
        |ids: std::ops::Range<u32>| ids.map(|id| format!("presence/{id}")).collect::<Vec<_>>().join(" ");
    says(&mut world, &ids(0..300));
    world.advance(LONG);
    world.hold_up(tab);
    world.adds(tab, all("presence"));
    says(&mut world, &ids(300..900));
    world.let_through(tab);
    let heard = world.heard(tab);
    assert_eq!(heard[0], "gap 301 to 388: 88");
    assert_eq!(heard.len(), 1 + 512);
    assert!(heard[1].contains("id='388'"), "{}", heard[1]);
}

#[test]
fn a_clock_that_is_set_meanwhile_brings_no_more_than_ten_seconds_of_what_came_before() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[]);
    says(&mut world, "presence/1");
    world.advance(Duration::from_secs(9));
    says(&mut world, "presence/2");
    world.advance(2 * LONG);
    for (hour, heard) in [(-3.6e6, ""), (3.6e6, "2")] {
        world.hold_up(tab);
        world.adds(tab, all("presence"));
        world.set_by += hour;
        world.advance(Duration::from_secs(1));
        world.let_through(tab);
        assert_eq!(world.handled(tab).pop().as_deref(), Some(heard));
    }
}

#[test]
fn a_handler_that_is_removed_is_not_posted_to_any_more() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message"), all("presence")]);
    says(&mut world, "message/1 presence/2");
    let presences = world.handlers(tab)[1].claim;
    world.removes(tab, presences);
    world.run();
    world.hold(tab);
    says(&mut world, "presence/3");
    assert_eq!(world.unread(tab), 0);
    world.let_read(tab);
    // A handler that is removed before the worker has heard of it leaves no trace.
    let never = world.adds(tab, all("presence"));
    world.removes(tab, never);
    says(&mut world, "presence/4 message/5");
    assert_eq!(world.handled(tab), ["1 5"]);
}

#[test]
fn a_stanza_that_several_claims_are_for_is_posted_once_and_each_hears_it_once() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message"), Selector::Everything, all("message")]);
    world.hold(tab);
    says(&mut world, "message/1");
    assert_eq!(world.unread(tab), 1);
    world.let_read(tab);
    assert_eq!(world.handled(tab), ["1", "1", "1"]);
}

#[test]
fn a_hook_hears_everything_and_is_never_asked() {
    let mut world = World::new();
    let hook = tab_with(&mut world, &[Selector::Everything]);
    says(&mut world, "message/1 presence/2");
    world.server_says(
        ALICE,
        "<iq xmlns='jabber:client' type='get' id='q' from='bob@localhost/x'><q xmlns='urn:x'/></iq>",
    );
    assert_eq!(world.handled(hook), ["1 2 q"]);
    let sent = world.sent();
    assert!(sent.len() == 1 && sent[0].contains("service-unavailable"), "at once: {sent:?}");
    // A hook that is assigned late hears stanzas from then on.
    let late = tab_with(&mut world, &[]);
    says(&mut world, "message/3");
    world.advance(LONG);
    world.adds(late, Selector::Everything);
    says(&mut world, "message/4");
    assert_eq!(world.handled(late), ["4"]);
}

#[test]
fn what_others_send_is_posted_only_to_who_looks() {
    let mut world = World::new();
    let (looks, does_not) =
        (tab_with(&mut world, &[Selector::Sent]), tab_with(&mut world, &[Selector::Everything]));
    let sender = tab_with(&mut world, &[Selector::Sent]);
    let message = "<message xmlns='jabber:client' id='1' to='bob@localhost'/>";
    world.send(sender, message);
    assert_eq!(world.handled(looks), ["1"]);
    assert_eq!(world.handled(does_not), [""]);
    assert_eq!(world.handled(sender), [""], "not even one's own");
}

#[test]
fn claims_under_numbers_that_are_taken_or_unknown_harm_nobody() {
    let mut world = World::new();
    let (tab, other) = (tab_with(&mut world, &[all("message")]), tab_with(&mut world, &[all("message")]));
    let stranger = world.tab();
    let claims = vec![epode_protocol::Claim { id: 1, selector: all("message") }];
    for (made, from) in [(0.0, u64::MAX), (1.0, u64::MAX), (f64::NAN, 0), (f64::INFINITY, 0), (-1.0, 0)] {
        for port in [tab, stranger] {
            let generation = world.page(tab).session.as_ref().map_or(0, |session| session.generation);
            let claim = epode_protocol::ToWorker::Claim { claims: claims.clone(), from, made, generation };
            world.at_hub(crate::Input::Message(port, claim, 0.0));
            let claims: Vec<ClaimId> = vec![7, u32::MAX];
            world.say(port, epode_protocol::ToWorker::Release { claims });
        }
    }
    world.run();
    world.forget();
    says(&mut world, "message/1");
    for tab in [tab, other] {
        assert_eq!(world.handled(tab), ["1"]);
    }
    assert!(world.heard(stranger).is_empty());
}

#[test]
fn what_a_tab_was_posted_of_a_session_that_it_has_left_is_nothing_to_its_next() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    for id in 1..=6 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='alice-{id}'/>"));
    }
    world.begins_with(tab, &[]);
    world.connect(tab, "bob@localhost/desk", "secret-bob");
    world.run();
    // More stanzas than the ring keeps for claims on their way.
    for _ in 0..600 {
        world.server_says("bob@localhost/desk", "<message xmlns='jabber:client' id='bob'/>");
    }
    world.advance(LONG);
    world.adds(tab, Selector::Everything);
    assert_eq!(world.handled(tab), [""]);
}
