//! What the server is told is handled (XEP-0198).

use epode_testkit::{ManagementFault, Misbehaviour};

use super::managing::{ALICE, SECOND, cut, cut_after, following, message, online, play, world};
use super::world::World;
use crate::Input;

/// The counts that the server was told.
fn acks(sent: &[String]) -> Vec<u32> {
    let counts = sent.iter().filter_map(|frame| frame.strip_prefix("<a xmlns='urn:xmpp:sm:3' h='"));
    counts.filter_map(|rest| rest.split('\'').next()?.parse().ok()).collect()
}

#[test]
fn each_stanza_of_the_server_is_counted_whatever_becomes_of_it() {
    let mut world = world();
    let _tab = online(&mut world, ALICE);
    for stanza in [
        "<message xmlns='jabber:client' id='1'/>",
        "<iq xmlns='jabber:client' type='result' id='nobody asked'/>",
        "<iq xmlns='jabber:client' type='get' id='v' from='carol@localhost/x'><q xmlns='q'/></iq>",
        "<message xmlns='jabber:client'><!-- no XML of XMPP --></message>",
        "<presence from='carol@localhost/x'/>",
    ] {
        world.server_says(ALICE, stanza);
    }
    world.run();
    assert_eq!(
        acks(&world.sent()),
        [0],
        "the server asks at the fifth, and the tab has acknowledged nothing"
    );
    world.advance(6 * SECOND);
    assert_eq!(acks(&world.sent()), [5]);
    cut(&mut world);
    world.advance(SECOND);
    let sent = world.sent();
    assert!(sent.iter().any(|frame| frame.starts_with("<resume") && frame.contains("h='5'")), "{sent:?}");
    // The count goes on, and never back.
    world.server_says(ALICE, "<r xmlns='urn:xmpp:sm:3'/>");
    world.run();
    assert_eq!(acks(&world.sent()), [5]);
    (0..5).for_each(|_| world.server_says(ALICE, "<message xmlns='jabber:client'/>"));
    world.advance(7 * SECOND);
    assert_eq!(acks(&world.sent()).last(), Some(&10));
    assert!(!world.logged().iter().any(|line| line.contains("stream error")));
}

#[test]
fn a_slow_tab_holds_the_count_back_by_256_stanzas_and_five_seconds_at_most() {
    let mut world = world();
    let (tab, _other) = (online(&mut world, ALICE), online(&mut world, ALICE));
    world.hold(tab);
    let says = |world: &mut World, count: usize| {
        (0..count).for_each(|_| world.server_says(ALICE, "<message xmlns='jabber:client'/>"));
        world.advance(SECOND / 50);
        acks(&world.sent()).last().copied()
    };
    assert_eq!(says(&mut world, 5), Some(0));
    world.advance(4 * SECOND);
    assert_eq!(acks(&world.sent()), [0_u32; 0]);
    world.advance(2 * SECOND);
    assert_eq!(acks(&world.sent()), [5], "unasked");
    let last = says(&mut world, 300);
    assert!(last.is_some_and(|last| (40..=49).contains(&last)), "{last:?}");
    world.let_read(tab);
    world.run();
    world.advance(SECOND);
    let caught_up = acks(&world.sent());
    assert!(caught_up.last() > last.as_ref() && caught_up.is_sorted(), "{caught_up:?}");
    world.advance(10 * SECOND);
    assert_eq!(acks(&world.sent()).last().or(caught_up.last()), Some(&305));
    assert!(world.nothing_is_due());
}

#[test]
fn what_every_tab_has_handled_is_not_kept_by_the_server_for_the_next_login() {
    let mut world = world();
    let (tab, other) = (online(&mut world, ALICE), online(&mut world, ALICE));
    let says_five = |world: &mut World| {
        (0..5).for_each(|_| world.server_says(ALICE, "<message xmlns='jabber:client'/>"));
        world.run();
    };
    says_five(&mut world);
    world.advance(2 * SECOND);
    assert_eq!(acks(&world.sent()), [0, 5], "tabs are asked when no more comes");

    // The tab that logs out need not be asked.
    world.leave(other);
    says_five(&mut world);
    world.disconnect(tab);
    assert_eq!(acks(&world.sent()), [10]);
}

#[test]
fn tabs_are_not_asked_while_stanzas_come() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    let before = world.page(tab).posts;
    for _ in 0..40 {
        world.server_says(ALICE, "<message xmlns='jabber:client'/>");
        world.advance(SECOND / 4);
    }
    assert_eq!(world.page(tab).posts - before, 40, "a post for each stanza");
    world.advance(2 * SECOND);
    assert_eq!(acks(&world.sent()).last(), Some(&40));
}

#[test]
fn a_frozen_tab_holds_nothing_back() {
    let mut world = world();
    let (_tab, frozen) = (online(&mut world, ALICE), online(&mut world, ALICE));
    world.freeze(frozen);
    world.run();
    (0..5).for_each(|_| world.server_says(ALICE, "<message xmlns='jabber:client'/>"));
    world.run();
    world.advance(SECOND / 100);
    // The other tab acknowledges every half window only.
    world.advance(6 * SECOND);
    assert_eq!(acks(&world.sent()).last(), Some(&5));
}

#[test]
fn of_a_session_that_is_over_nothing_is_kept_for_a_frozen_tab() {
    let mut world = world();
    let (tab, frozen) = (online(&mut world, ALICE), online(&mut world, ALICE));
    world.freeze(frozen);
    world.run();
    (0..5).for_each(|_| world.server_says(ALICE, "<message xmlns='jabber:client'/>"));
    world.run();
    let kept = |world: &World| world.hub.view().tab(frozen).map(|tab| tab.kept());
    assert_eq!(kept(&world), Some(5));
    world.disconnect(tab);
    world.run();
    assert_eq!(kept(&world), Some(0));
}

#[test]
fn a_storm_of_requests_is_answered_by_few_acknowledgements_of_which_the_last_is_right() {
    let mut world = world();
    world.server.misbehave(Misbehaviour::Management(ManagementFault::Requests(10_000)));
    let tab = online(&mut world, ALICE);
    world.advance(SECOND);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
    for _ in 0..1000 {
        world.server_says(ALICE, "<r xmlns='urn:xmpp:sm:3'/>");
    }
    world.advance(7 * SECOND);
    let acks = acks(&world.sent());
    assert!(acks.len() < 20, "{}", acks.len());
    assert_eq!(acks.last(), Some(&1));
    assert!(world.handled(tab)[0].contains('1'));
}

#[test]
fn a_logout_says_what_was_handled_and_ends_everything() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    world.advance(6 * SECOND);
    cut_after(&mut world, |world| world.send(tab, &message(1)));
    let waiting = world.send(tab, &message(2));
    world.disconnect(tab);
    let heard = world.heard(tab);
    assert!(heard.contains(&"lost 1 unknown".to_owned()), "{heard:?}");
    assert!(heard.contains(&format!("failed {waiting} not-connected")), "{heard:?}");

    let tab = online(&mut world, ALICE);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    world.advance(6 * SECOND);
    world.forget();
    world.disconnect(tab);
    let sent = world.sent();
    let [ack, unavailable, request, close] = &sent[..] else { panic!("{sent:?}") };
    assert!(
        acks(std::slice::from_ref(ack))[0] >= 1
            && unavailable.contains("unavailable")
            && request.starts_with("<r ")
            && close.contains("<close")
    );
}

#[test]
fn what_comes_before_a_session_is_resumed_does_not_count() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
    cut(&mut world);
    world.flowing = false;
    world.advance(SECOND);
    play(&mut world, &["<message xmlns='jabber:client' id='2'/>"]);
    world.end_sockets();
    world.forget();
    world.advance(20 * SECOND);
    play(&mut world, &["<message xmlns='jabber:client' id='3'/>"]);
    let sent = world.sent();
    let resume = sent.iter().find(|frame| frame.starts_with("<resume")).unwrap();
    assert!(resume.contains("h='1'"), "{resume}");
    let resumed = resume.replacen("<resume", "<resumed", 1).replace("h='1'", "h='0'");
    let socket = *world.open_sockets().last().unwrap();
    for frame in [&resumed, "<message xmlns='jabber:client' id='4'/>", "<r xmlns='urn:xmpp:sm:3'/>"] {
        world.at_hub(Input::Frame(socket, frame.to_owned()));
    }
    world.advance(6 * SECOND);
    assert_eq!(world.handled(tab)[0], "3 4");
    assert_eq!(acks(&world.sent()).last(), Some(&2));
}

#[test]
fn a_server_that_says_late_that_it_counts_is_answered() {
    let mut world = world();
    world.server.misbehave(Misbehaviour::Management(ManagementFault::EnabledLate));
    let tab = following(&mut world, ALICE);
    world.advance(25 * SECOND);
    for number in 1..4 {
        world.send(tab, &message(number));
    }
    world.forget();
    for number in 0..6 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
    }
    world.advance(10 * SECOND);
    assert_eq!(acks(&world.sent()).last(), Some(&6));
    assert!(!world.heard(tab).iter().any(|word| word.starts_with("Reconnecting")));
}
