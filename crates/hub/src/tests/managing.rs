//! Stream management (XEP-0198): what is lost with a stream is not lost with the session.

use std::time::Duration;

use epode_protocol::{ManagementOptions, Options, ToWorker};
use epode_testkit::{self as testkit, ManagementFault, Misbehaviour};

use super::page::Event;
use super::world::{World, password};
use crate::{Input, PortId};

pub(super) const ALICE: &str = "alice@localhost/desk";
pub(super) const BOB: &str = "bob@localhost/desk";
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const PRESENCE: &str = "<presence xmlns='jabber:client'><priority>1</priority></presence>";
pub(super) const UP: &str = "Connected alice@localhost/desk";

/// A world whose server manages streams.
pub(super) fn world() -> World {
    let management = Some(testkit::Management::default());
    let mechanisms = vec!["PLAIN".to_owned()];
    World::with(testkit::Config { management, mechanisms, ..testkit::Config::default() })
}

pub(super) fn options() -> Options {
    let management = ManagementOptions { max_unacked: 5, resume: true, max: None };
    Options { management: Some(management.into()), ..Options::default() }
}

/// A tab in the session of this account.
fn online(world: &mut World, jid: &str) -> PortId {
    let tab = world.tab();
    world.connect_as(tab, jid, Some(&password(jid)), options());
    world.forget();
    tab
}

/// The same; the tab hears what becomes of its sends.
pub(super) fn following(world: &mut World, jid: &str) -> PortId {
    let tab = online(world, jid);
    world.say(tab, ToWorker::Follow);
    world.forget();
    tab
}

pub(super) fn message(id: u32) -> String {
    format!("<message xmlns='jabber:client' to='{BOB}' type='chat' id='m{id}'><body>x</body></message>")
}

/// The frames among these that are stanzas.
pub(super) fn stanzas(sent: Vec<String>) -> Vec<String> {
    let is_stanza = |frame: &String| {
        ["<message", "<presence", "<iq"].iter().any(|start| frame.starts_with(start))
            && !frame.contains("epode-bind")
    };
    sent.into_iter().filter(is_stanza).collect()
}

/// The counts that the server was told.
fn acks(sent: &[String]) -> Vec<u32> {
    let counts = sent.iter().filter_map(|frame| frame.strip_prefix("<a xmlns='urn:xmpp:sm:3' h='"));
    counts.filter_map(|rest| rest.split('\'').next()?.parse().ok()).collect()
}

/// The wire is cut after these acts, and what the worker writes meanwhile is lost.
pub(super) fn cut_after<R>(world: &mut World, acts: impl FnOnce(&mut World) -> R) -> R {
    world.run();
    world.flowing = false;
    let acted = acts(world);
    world.run();
    world.flowing = true;
    cut(world);
    acted
}

/// The tab sends each of these by itself.
pub(super) fn send_each(world: &mut World, tab: PortId, stanzas: &[impl AsRef<str>]) {
    for stanza in stanzas {
        world.send(tab, stanza.as_ref());
    }
}

/// The network ends the connection of Alice, and is there again.
pub(super) fn cut(world: &mut World) {
    world.ends(ALICE, testkit::Server::drop_connection);
    world.at_hub(Input::Online(true));
}

/// Whether the latest session that this tab was told of is resumed.
pub(super) fn is_resumed(world: &mut World, tab: PortId) -> bool {
    world.page(tab).session.as_ref().is_some_and(|session| session.resumed)
}

#[test]
fn a_lost_session_goes_on_and_every_tab_hears_both() {
    let mut world = world();
    let (opened, attached) = (online(&mut world, ALICE), world.tab());
    world.attach(attached, None);
    world.forget();
    cut(&mut world);
    for tab in [opened, attached] {
        assert_eq!(world.heard(tab), ["Reconnecting"]);
    }
    world.advance(SECOND);
    assert_eq!(world.heard(opened), [UP]);
    assert_eq!(world.heard(attached), ["Secondary", UP]);
    let late = online(&mut world, ALICE);
    for tab in [opened, attached, late] {
        assert!(is_resumed(&mut world, tab));
    }
    assert!(!world.sent().iter().any(|sent| sent.contains("epode-bind")), "nothing was bound again");
}

// The server says only changes, and each app begins anew at CONNECTED.
#[test]
fn each_tab_of_a_resumed_session_hears_who_is_there() {
    let mut world = world();
    let (opened, attached) = (online(&mut world, ALICE), world.tab());
    world.attach(attached, None);
    world.server_says(ALICE, "<presence xmlns='jabber:client' from='bob@localhost/desk' id='desk'/>");
    let gone = "<presence xmlns='jabber:client' from='bob@localhost/phone' type='unavailable'/>";
    world.server_says(ALICE, gone);
    world.forget();
    cut(&mut world);
    world.server_says(ALICE, "<presence xmlns='jabber:client' from='bob@localhost/watch' id='watch'/>");
    world.advance(10 * SECOND);
    for tab in [opened, attached] {
        assert!(is_resumed(&mut world, tab));
        assert_eq!(world.handled(tab)[0], "desk watch");
    }
}

#[test]
fn without_the_option_nothing_of_it_is_said() {
    let mut world = world();
    let tab = world.online(ALICE);
    world.send(tab, &message(1));
    world.server_says(ALICE, "<r xmlns='urn:xmpp:sm:3'/>");
    world.advance(10 * SECOND);
    cut(&mut world);
    world.advance(SECOND);
    assert!(!world.sent().iter().any(|sent| sent.contains("urn:xmpp:sm:3")));
}

#[test]
fn what_the_server_did_not_get_is_sent_again_to_the_byte_and_then_what_waited() {
    let mut world = world();
    let (alice, other, bob) = (online(&mut world, ALICE), online(&mut world, ALICE), online(&mut world, BOB));
    world.send(alice, &message(1));
    cut_after(&mut world, |world| {
        world.send(alice, &message(2));
        world.send(other, &message(3));
    });
    world.send(other, &message(4));
    world.send(alice, &message(5));
    world.forget();
    world.advance(SECOND);
    assert_eq!(stanzas(world.sent()), [2, 3, 4, 5].map(message));
    let ids: Vec<_> = world.page(bob).handlers[0].heard.iter().map(|heard| heard.id().to_owned()).collect();
    assert_eq!(ids, ["m1", "m2", "m3", "m4", "m5"], "each once, and in order");
    assert_eq!(world.heard(alice), [UP, "written 3"]);
}

#[test]
fn a_stream_that_is_lost_again_before_it_is_resumed_loses_nothing() {
    let mut world = world();
    let (alice, bob) = (online(&mut world, ALICE), online(&mut world, BOB));
    cut_after(&mut world, |world| world.send(alice, &message(1)));
    for _ in 0..3 {
        world.server.misbehave(Misbehaviour::At(testkit::Stage::Features, testkit::Fault::Cut));
    }
    world.send(alice, &message(2));
    world.advance(30 * SECOND);
    // And once more after it was.
    cut_after(&mut world, |world| world.send(alice, &message(3)));
    world.advance(30 * SECOND);
    assert_eq!(world.handled(bob)[0], "m1 m2 m3");
    assert!(is_resumed(&mut world, alice));
    assert!(!world.logged().iter().any(|line| line.contains("more")), "no count was wrong");
}

#[test]
fn what_came_meanwhile_waits_for_the_handlers_of_the_callback_however_much_it_is() {
    let mut world = world();
    let alice = online(&mut world, ALICE);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='before'/>");
    cut(&mut world);
    for number in 0..2000 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
    }
    world.advance(SECOND);
    let heard: Vec<_> =
        world.page(alice).handlers[0].heard.iter().map(|heard| heard.id().to_owned()).collect();
    assert_eq!(heard, (0..2000).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(!world.heard(alice).iter().any(|word| word.starts_with("gap")));
}

#[test]
fn a_tab_that_was_slow_when_the_stream_was_lost_hears_everything_in_order() {
    let mut world = world();
    let alice = online(&mut world, ALICE);
    world.hold(alice);
    for number in 0..100 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
        if number % 30 == 29 {
            cut(&mut world);
            world.advance(10 * SECOND);
        }
    }
    world.let_read(alice);
    world.run();
    let page = world.page(alice);
    let all = page
        .former
        .iter()
        .chain(&page.handlers)
        .filter(|handler| handler.selector != epode_protocol::Selector::Sent);
    let heard: Vec<_> = all.flat_map(|handler| &handler.heard).map(|heard| heard.id().to_owned()).collect();
    assert_eq!(heard, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_page_that_reloads_while_the_session_is_down_goes_on_where_it_stood() {
    let mut world = world();
    let alice = online(&mut world, ALICE);
    world.hold(alice);
    for number in 0..3 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
    }
    cut(&mut world);
    let left = world.unload(alice, true);
    let page = world.load(left);
    world.connect_as(page, ALICE, Some(&password(ALICE)), options());
    world.run();
    world.server_says(ALICE, "<message xmlns='jabber:client' id='3'/>");
    world.advance(SECOND);
    assert_eq!(world.handled(page)[0], "0 1 2 3");
}

#[test]
fn questions_stay_open_and_are_answered_on_the_next_stream() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    let ping = |id: u32| {
        format!("<iq xmlns='jabber:client' type='get' id='p{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
    };
    let written = cut_after(&mut world, |world| world.request(tab, &ping(1)));
    let tokens = [written, world.request(tab, &ping(2))];
    world.forget();
    world.advance(SECOND);
    let heard = world.heard(tab);
    for (token, id) in tokens.iter().zip(["p1", "p2"]) {
        let answered =
            |word: &String| word.starts_with(&format!("response {token} result")) && word.contains(id);
        assert!(heard.iter().any(answered), "{heard:?}");
    }
}

#[test]
fn a_request_of_a_contact_can_be_answered_while_the_session_is_down() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    let ask = "<iq xmlns='jabber:client' type='get' id='v' from='carol@localhost/x'><q xmlns='q'/></iq>";
    world.server_says(ALICE, ask);
    cut(&mut world);
    let answer = "<iq xmlns='jabber:client' type='result' id='v' to='carol@localhost/x'/>";
    world.send(tab, answer);
    world.forget();
    world.advance(SECOND);
    assert_eq!(stanzas(world.sent()), [answer]);
}

#[test]
fn contacts_that_are_there_stay_there_and_the_presence_is_not_said_again() {
    let mut world = world();
    let (tab, bob) = (online(&mut world, ALICE), online(&mut world, BOB));
    world.send(tab, PRESENCE);
    world.send(bob, PRESENCE);
    cut(&mut world);
    world.forget();
    world.advance(SECOND);
    assert!(!stanzas(world.sent()).iter().any(|sent| sent.starts_with("<presence")));
    let late = online(&mut world, ALICE);
    let handlers = &world.page(late).handlers;
    assert!(handlers[0].heard.iter().any(|heard| heard.text.contains(BOB)), "{:?}", handlers[0].heard);
}

/// Alice has sent these when her session is lost; the server refuses to resume it.
fn not_resumed(tells: bool, sent: &[&str], lost: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.send(tab, PRESENCE);
    world.advance(2 * SECOND);
    world.forget();
    send_each(&mut world, tab, sent);
    cut_after(&mut world, |world| send_each(world, tab, lost));
    let refusal = ManagementFault::RefuseResume { condition: "item-not-found", tells };
    world.server.misbehave(Misbehaviour::Management(refusal));
    world.forget();
    world.advance(2 * SECOND);
    assert!(!is_resumed(&mut world, tab));
    let mut heard = world.heard(tab);
    heard.retain(|word| !word.starts_with("Info") && !word.starts_with("Received"));
    (stanzas(world.sent()), heard)
}

const ROOM: &str = "<message xmlns='jabber:client' to='room@localhost' type='groupchat' id='r'/>";
const HEADLINE: &str = "<message xmlns='jabber:client' to='bob@localhost/desk' type='headline' id='h'/>";
const DIRECTED: &str = "<presence xmlns='jabber:client' to='room@localhost/me'/>";

#[test]
fn if_the_server_tells_what_it_had_the_rest_is_sent_again_once() {
    let (sent, heard) = not_resumed(true, &[&message(1)], &[&message(2), ROOM, HEADLINE, DIRECTED]);
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_eq!(sent[0], PRESENCE, "first of all the account is announced again");
    assert!(
        sent[1].contains("m2") && sent[1].contains("<delay xmlns='urn:xmpp:delay' stamp='2027-"),
        "{sent:?}"
    );
    assert!(sent[2].contains("headline"));
    // The tokens: 1 is the presence, 2 to 6 are what is sent here.
    assert_eq!(
        heard,
        [
            "acknowledged 2",
            "resent 3",
            "lost 4 not-resumed",
            "resent 5",
            "lost 6 not-resumed",
            UP,
            "acknowledged 5"
        ]
    );
}

#[test]
fn if_it_does_not_tell_only_what_has_an_id_to_weed_out_doubles_is_sent_again() {
    let nameless = message(2).replace(" id='m2'", "");
    let (sent, heard) = not_resumed(false, &[&message(1)], &[&nameless, ROOM, HEADLINE]);
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[1].contains("m1"));
    assert_eq!(
        heard,
        [
            "resent 2 maybe twice",
            "lost 3 not-resumed",
            "lost 4 not-resumed",
            "lost 5 not-resumed",
            UP,
            "acknowledged 2"
        ]
    );
}

#[test]
fn what_judges_a_stanza_of_ours_has_nothing_sent_again() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.send(tab, PRESENCE);
    world.advance(2 * SECOND);
    world.forget();
    world.flowing = false;
    world.send(tab, &message(1));
    world.run();
    world.flowing = true;
    world.ends(ALICE, |server, connection| server.stream_error(connection, "policy-violation"));
    world.send(tab, &message(2));
    world.sent();
    world.advance(9 * SECOND);
    assert_eq!(stanzas(world.sent()), [message(2)]);
    assert!(world.heard(tab).iter().any(|word| word == "lost 2 not-resumed"));
}

#[test]
fn questions_end_when_the_session_is_not_resumed_but_for_those_that_were_never_written() {
    for (tells, condition) in [(true, "not-handled"), (false, "unknown")] {
        let mut world = world();
        let tab = online(&mut world, ALICE);
        let ping = |id: u32| {
            format!("<iq xmlns='jabber:client' type='get' id='p{id}'><ping xmlns='urn:xmpp:ping'/></iq>")
        };
        world.deaf = true;
        let handled = world.request(tab, &ping(1));
        world.run();
        let written = cut_after(&mut world, |world| world.request(tab, &ping(2)));
        world.deaf = false;
        let waiting = world.request(tab, &ping(3));
        let refusal = ManagementFault::RefuseResume { condition: "item-not-found", tells };
        world.server.misbehave(Misbehaviour::Management(refusal));
        world.advance(2 * SECOND);
        let heard = world.heard(tab);
        assert!(heard.contains(&format!("response {handled} lost unknown")), "{heard:?}");
        assert!(heard.contains(&format!("response {written} lost {condition}")), "{heard:?}");
        assert!(
            heard.iter().any(|word| word.starts_with(&format!("response {waiting} result"))),
            "{heard:?}"
        );
    }
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
fn the_server_is_asked_after_so_many_stanzas_or_a_second() {
    let requests = |world: &mut World| world.sent().iter().filter(|sent| sent.starts_with("<r ")).count();
    let mut world = world();
    let tab = following(&mut world, ALICE);
    send_each(&mut world, tab, &[1, 2, 3, 4].map(message));
    assert_eq!(requests(&mut world), 0);
    world.advance(SECOND);
    assert_eq!(requests(&mut world), 1);
    assert_eq!(world.heard(tab).last().unwrap(), "acknowledged 4");
    world.flowing = false;
    send_each(&mut world, tab, &(5..=20).map(message).collect::<Vec<_>>());
    world.advance(10 * SECOND);
    assert_eq!(requests(&mut world), 1, "one unanswered at a time");
}

#[test]
fn a_tab_that_wants_to_know_late_is_told_of_what_was_before() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    send_each(&mut world, tab, &[1, 2, 3].map(message));
    world.advance(SECOND);
    assert!(!world.heard(tab).iter().any(|word| word.starts_with("acknowledged")));
    world.say(tab, ToWorker::Follow);
    assert_eq!(world.heard(tab), ["acknowledged 3"]);
}

#[test]
fn where_nobody_acknowledges_a_send_is_over_when_it_is_written() {
    for fault in [Some(ManagementFault::RefuseEnable("internal-server-error")), None] {
        let mut world = world();
        let tab = match fault {
            Some(fault) => {
                world.server.misbehave(Misbehaviour::Management(fault));
                following(&mut world, ALICE)
            }
            None => {
                let tab = world.online(ALICE);
                world.say(tab, ToWorker::Follow);
                tab
            }
        };
        world.send(tab, &message(1));
        assert_eq!(world.heard(tab), ["written 1", "unmanaged 1"], "{fault:?}");
        world.advance(10 * SECOND);
        assert!(!world.sent().iter().any(|sent| sent.starts_with("<r ") || sent.starts_with("<a ")));
    }
}

#[test]
fn every_tab_hears_that_a_stream_is_not_managed_after_all() {
    let mut world = world();
    world.server.misbehave(Misbehaviour::Management(ManagementFault::RefuseEnable("internal-server-error")));
    let opened = world.tab();
    world.connect_as(opened, ALICE, Some(&password(ALICE)), options());
    let heard = world.heard(opened);
    let up = heard.iter().position(|words| words == UP);
    let unmanaged = heard.iter().position(|words| words == "unmanaged");
    assert!(up.is_some() && up < unmanaged, "{heard:?}");
    let joined = world.tab();
    world.attach(joined, None);
    assert!(!world.heard(joined).contains(&"unmanaged".to_owned()));
    assert!(!world.page(joined).session.as_ref().unwrap().managed);
}

#[test]
fn a_server_that_counts_wrongly_is_told_so_and_is_used_without() {
    for fault in [ManagementFault::AcksTooMuch, ManagementFault::AcksWithoutCount] {
        let mut world = world();
        world.server.misbehave(Misbehaviour::Management(fault));
        let (tab, bob) = (following(&mut world, ALICE), online(&mut world, BOB));
        world.send(tab, &message(1));
        world.advance(12 * SECOND);
        let sent = world.sent();
        let error = sent.iter().find(|sent| sent.starts_with("<stream:error")).unwrap();
        assert_eq!(
            error.contains("<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>"),
            fault == ManagementFault::AcksTooMuch
        );
        let after = sent.iter().skip_while(|frame| !frame.starts_with("<stream:error"));
        assert!(!after.skip(1).any(|frame| frame.contains("sm:3")), "{sent:?}");
        let heard = world.heard(tab);
        assert!(heard.ends_with(&[UP, "unmanaged 1"].map(str::to_owned)), "{heard:?}");
        assert!(heard.contains(&"resent 1 maybe twice".to_owned()), "{heard:?}");
        assert_eq!(world.handled(bob)[0], "m1 m1");
    }
}

#[test]
fn whatever_goes_wrong_with_it_the_session_is_up_again_and_usable() {
    for fault in ManagementFault::all() {
        let mut world = world();
        world.server.misbehave(Misbehaviour::Management(fault));
        let (tab, bob) = (following(&mut world, ALICE), online(&mut world, BOB));
        let mut token = 0;
        for number in 0..40 {
            token = world.send(tab, &message(number));
            world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
            if number % 10 == 9 {
                world.server.misbehave(Misbehaviour::Management(fault));
                cut(&mut world);
            }
            world.advance(SECOND);
        }
        world.advance(60 * SECOND);
        let mut heard = world.events(tab);
        heard.retain(|event| matches!(event, Event::Fate(..)));
        let acks_nothing = matches!(fault, ManagementFault::AcksNever | ManagementFault::AcksTooLittle);
        let last = heard.iter().any(|event| matches!(event, Event::Fate(latest, _) if *latest == token));
        assert!(last || acks_nothing, "{fault:?}: {heard:?}");
        let got = world.handled(bob)[0].clone();
        for number in 0..40 {
            assert!(got.split(' ').any(|id| id == format!("m{number}")), "{fault:?}: {got} lacks {number}");
        }
    }
}

#[test]
fn what_waits_is_bounded_and_one_tab_fills_no_more_than_half() {
    let mut world = world();
    let (tab, other) = (online(&mut world, ALICE), online(&mut world, ALICE));
    world.reachable = false;
    cut(&mut world);
    world.forget();
    let refused = |world: &mut World, tab: PortId| {
        let message = message(1);
        let all: Vec<&str> = (0..3000).map(|_| &*message).collect();
        world.send_all(tab, &all);
        let heard = world.heard(tab);
        assert!(heard.iter().all(|word| word.ends_with("too-many")), "{heard:?}");
        heard.len()
    };
    assert_eq!(refused(&mut world, tab), 500);
    assert_eq!(refused(&mut world, other), 500);
    world.reachable = true;
    world.advance(60 * SECOND);
    assert!(world.heard(tab).contains(&"written 2500".to_owned()));
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
fn a_claim_of_the_former_stream_does_not_take_what_waits_for_the_next() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    // The page is slow to hear of everything, and its claims are slow on their way.
    for _ in 0..2 {
        cut(&mut world);
        world.run();
        world.hold_up(tab);
        world.advance(10 * SECOND);
    }
    world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
    world.let_through(tab);
    world.run();
    world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
    assert_eq!(world.handled(tab)[0], "1 2");
}

#[test]
fn a_claim_ends_with_the_stream_that_it_names() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    let generation = world.page(tab).session.as_ref().unwrap().generation;
    cut(&mut world);
    world.begins_with(tab, &[]);
    world.advance(SECOND);
    let claims = vec![epode_protocol::Claim { id: 99, selector: super::page::all("message") }];
    let present = world.page(tab).session.as_ref().unwrap().generation;
    // The page gives back what it has not claimed, once it reads that.
    world.hold(tab);
    for (named, holds) in [(generation, 0), (generation + 100, 0), (present, 1)] {
        let (claims, from) = (claims.clone(), world.position(tab));
        world.at_hub(Input::Message(
            tab,
            ToWorker::Claim { claims, from, made: 0.0, generation: named },
            0.0,
        ));
        world.run();
        assert_eq!(world.hub.view().sessions().next().unwrap().claims(tab), holds);
    }
}

#[test]
fn a_resumed_session_is_active_until_the_server_is_told_otherwise() {
    let mut world = world();
    world.offers = "<csi xmlns='urn:xmpp:csi:0'/>";
    let tab = online(&mut world, ALICE);
    world.show(tab, false);
    let inactive = "<inactive xmlns=\"urn:xmpp:csi:0\"/>";
    assert!(world.sent().iter().any(|sent| sent == inactive));
    cut(&mut world);
    world.advance(SECOND);
    assert!(is_resumed(&mut world, tab));
    assert!(world.sent().iter().any(|sent| sent == inactive), "XEP-0352 §5");
}

#[test]
fn what_waits_names_the_jid_that_the_server_binds_next() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.cut();
    let message = |from: &str| format!("<message xmlns='jabber:client' from='{from}' to='{BOB}'/>");
    world.send(tab, &message(ALICE));
    world.flowing = false;
    world.advance(SECOND);
    play(
        &mut world,
        &["<iq xmlns='jabber:client' type='result' id='epode-bind'>\
           <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@localhost/other</jid></bind></iq>"],
    );
    let sent = stanzas(world.sent());
    assert!(sent.iter().any(|sent| sent.contains("from='alice@localhost/other'")), "{sent:?}");
    assert!(!sent.iter().any(|sent| sent.contains(ALICE)), "{sent:?}");
}

#[test]
fn what_the_server_has_handled_until_it_closes_the_stream_is_acknowledged() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.advance(SECOND);
    let token = world.send(tab, &message(1));
    world.disconnect(tab);
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("acknowledged {token}")), "{heard:?}");
    assert!(heard.last().is_some_and(|last| last == "Disconnected"), "{heard:?}");
}

#[test]
fn a_server_that_never_acknowledges_is_sent_no_more_than_is_kept_and_counts_as_dead() {
    let mut world = world();
    world.server.misbehave(Misbehaviour::Management(ManagementFault::AcksNever));
    let tab = following(&mut world, ALICE);
    let message = message(1);
    let all: Vec<&str> = (0..20_001).map(|_| &*message).collect();
    world.send_all(tab, &all);
    let heard = world.heard(tab);
    assert!(heard.contains(&"failed 20001 too-many".to_owned()), "{:?}", heard.last());
    // The next probe of an idle connection, and its patience.
    world.advance(76 * SECOND);
    let heard = world.heard(tab);
    assert!(heard.iter().any(|word| word.starts_with("Reconnecting")), "{:?}", heard.last());
}

#[test]
fn however_long_the_machine_has_slept_resuming_is_tried_and_the_tabs_hear_the_outcome_alone() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    cut_after(&mut world, |world| world.send(tab, &message(1)));
    world.forget();
    // The server forgets the session meanwhile.
    world.sleep(24 * 3600 * SECOND);
    world.advance(SECOND);
    let sent = world.sent();
    assert!(sent.iter().any(|frame| frame.starts_with("<resume")), "{sent:?}");
    assert!(stanzas(sent)[0].contains("m1"));
    let mut heard = world.heard(tab);
    heard.retain(|word| word.contains("onnect"));
    assert_eq!(heard, [UP]);
    assert!(!is_resumed(&mut world, tab));
}

#[test]
fn a_conflict_on_the_former_connection_is_nobodys_and_one_on_the_present_ends_the_session() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    let former = world.open_sockets()[0];
    world.deaf = true;
    world.send(tab, &message(1));
    world.advance(15 * SECOND);
    world.deaf = false;
    world.advance(60 * SECOND);
    assert!(is_resumed(&mut world, tab));
    let conflict = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
        <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    world.forget();
    world.at_hub(Input::Frame(former, conflict.to_owned()));
    assert!(world.heard(tab).is_empty());
    let present = world.open_sockets()[0];
    world.at_hub(Input::Frame(present, conflict.to_owned()));
    let heard = world.heard(tab);
    assert!(heard.last().is_some_and(|last| last == "Disconnected conflict"), "{heard:?}");
}

#[test]
fn a_logout_while_the_session_is_down_ends_it_at_once() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    let token = cut_after(&mut world, |world| world.send(tab, &message(1)));
    let waiting = world.send(tab, &message(2));
    world.forget();
    world.disconnect(tab);
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("lost {token} unknown")), "{heard:?}");
    assert!(heard.contains(&format!("failed {waiting} not-connected")), "{heard:?}");
    assert!(heard.last().is_some_and(|last| last == "Disconnected"), "{heard:?}");
    world.advance(60 * SECOND);
    assert_eq!((world.sent().len(), world.open_sockets().len()), (0, 0));
}

#[test]
fn a_stanza_is_never_stamped_with_a_time_to_come() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    cut_after(&mut world, |world| world.send(tab, &message(1)));
    // The clock of the machine is set back by a year.
    world.set_by = -365.0 * 86_400_000.0;
    world.show(tab, false);
    let refusal = ManagementFault::RefuseResume { condition: "item-not-found", tells: true };
    world.server.misbehave(Misbehaviour::Management(refusal));
    world.advance(SECOND);
    let sent = stanzas(world.sent());
    assert!(sent.iter().any(|frame| frame.contains("stamp='2026-")), "{sent:?}");
}

#[test]
fn what_is_too_long_for_the_server_is_refused_also_while_the_session_is_down() {
    for offers_management in [true, false] {
        let mut world = if offers_management { world() } else { World::new() };
        world.offers = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits>";
        let tab = online(&mut world, ALICE);
        cut(&mut world);
        // The next stream is being opened.
        world.flowing = false;
        world.advance(9 * SECOND);
        let long = message(1).replace("<body>x", &["<body>", &"x".repeat(10_000)].concat());
        let token = world.send(tab, &long);
        let heard = world.heard(tab);
        assert!(heard.iter().any(|word| word.starts_with(&format!("failed {token} "))), "{heard:?}");
    }
}

#[test]
fn a_presence_that_two_tabs_have_said_is_said_though_one_of_them_turns_away() {
    let mut world = world();
    let (first, second) = (online(&mut world, ALICE), online(&mut world, ALICE));
    cut(&mut world);
    world.send(first, PRESENCE);
    world.send(second, PRESENCE);
    world.run();
    world.connect_as(first, BOB, Some(&password(BOB)), options());
    world.forget();
    world.advance(SECOND);
    assert!(is_resumed(&mut world, second));
    assert_eq!(stanzas(world.sent()), [PRESENCE]);
}

#[test]
fn a_tab_that_turns_away_hears_that_nobody_will_know_what_became_of_its_sends() {
    let mut world = world();
    let (tab, _other) = (following(&mut world, ALICE), online(&mut world, ALICE));
    world.advance(2 * SECOND);
    world.forget();
    let token = world.send(tab, &message(1));
    world.run();
    world.connect_as(tab, BOB, Some(&password(BOB)), options());
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("lost {token} unknown")), "{heard:?}");
}

#[test]
fn a_presence_that_nobody_says_again_is_not_called_acknowledged() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.advance(2 * SECOND);
    world.forget();
    world.flowing = false;
    let token = world.send(tab, PRESENCE);
    world.run();
    world.flowing = true;
    world.ends(ALICE, |server, connection| server.stream_error(connection, "policy-violation"));
    world.advance(9 * SECOND);
    assert!(!stanzas(world.sent())[1..].contains(&PRESENCE.to_owned()));
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("lost {token} not-resumed")), "{heard:?}");
}

/// The test plays the server of a dial, to which no frame of the worker flows, up to the features after
/// authentication, and says this next.
fn play(world: &mut World, next: &[&str]) {
    let socket = *world.open_sockets().last().unwrap();
    let features =
        |offer: &str| format!("<f:features xmlns:f='http://etherx.jabber.org/streams'>{offer}</f:features>");
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
    for frame in [
        open,
        &features(
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>",
        ),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        open,
        &features("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>"),
    ]
    .into_iter()
    .chain(next.iter().copied())
    {
        world.at_hub(Input::Frame(socket, frame.to_owned()));
    }
    world.run();
}

#[test]
fn a_refusal_that_counts_less_than_was_acknowledged_says_nothing() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.send(tab, &message(1));
    world.advance(2 * SECOND);
    let token = cut_after(&mut world, |world| world.send(tab, &message(2)));
    world.forget();
    world.flowing = false;
    world.advance(SECOND);
    play(&mut world, &["<failed xmlns='urn:xmpp:sm:3' h='0'/>"]);
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("resent {token} maybe twice")), "{heard:?}");
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
fn a_page_that_has_just_come_when_the_stream_is_lost_hears_what_came_while_it_claimed() {
    for (late, heard) in [(1, "1 2"), (11, "2")] {
        let mut world = world();
        let (_first, tab) = (online(&mut world, ALICE), world.tab());
        // No claim arrives.
        world.begins_with(tab, &[]);
        world.connect_as(tab, ALICE, Some(&password(ALICE)), options());
        world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
        world.advance(late * SECOND);
        cut(&mut world);
        world.begins_with(tab, &[super::page::all("message")]);
        world.advance(SECOND);
        assert!(is_resumed(&mut world, tab));
        world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
        assert_eq!(world.handled(tab)[0], heard);
    }
}

#[test]
fn no_stanza_follows_the_close_of_a_stream() {
    for mut world in [world(), World::new()] {
        let (closing, other) = (online(&mut world, ALICE), online(&mut world, ALICE));
        let ask = "<iq xmlns='jabber:client' type='get' id='v' from='carol@localhost/x'><q xmlns='q'/></iq>";
        world.server_says(ALICE, ask);
        world.send(closing, "<presence xmlns='jabber:client' type='unavailable'/>");
        world.run();
        world.forget();
        world.flowing = false;
        world.disconnect(other);
        world.kill(closing);
        world.kill(other);
        world.advance(2 * SECOND);
        let sent = world.sent();
        assert!(sent.last().is_some_and(|last| last.starts_with("<close")), "{sent:?}");
    }
}

#[test]
fn a_claim_that_was_on_its_way_when_the_stream_was_lost_is_told_what_it_missed() {
    let mut world = world();
    let (_first, tab) = (online(&mut world, ALICE), online(&mut world, ALICE));
    world.begins_with(tab, &[super::page::all("presence")]);
    cut(&mut world);
    world.advance(SECOND);
    world.hold_up(tab);
    world.adds(tab, super::page::all("message"));
    world.run();
    world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
    world.begins_with(tab, &[super::page::all("presence"), super::page::all("message")]);
    world.forget();
    cut(&mut world);
    world.let_through(tab);
    world.advance(9 * SECOND);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
    assert_eq!(world.handled(tab)[1], "2");
    let heard = world.heard(tab);
    assert!(heard.iter().any(|word| word.starts_with("gap") && word.ends_with(": 1")), "{heard:?}");
}

#[test]
fn what_another_tab_has_said_is_done_with_when_the_server_has_that() {
    let ping = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
    for said in [PRESENCE, ping] {
        let mut world = world();
        let (first, second) = (following(&mut world, ALICE), following(&mut world, ALICE));
        let before = world.send(second, &message(1));
        cut(&mut world);
        world.forget();
        world.reachable = false;
        let own = world.send(first, said);
        let shared = world.send(second, said);
        let last = world.send(second, &message(2));
        world.advance(SECOND);
        assert!(!world.heard(second).iter().any(|word| word.starts_with("written")), "{said}");
        world.reachable = true;
        world.advance(60 * SECOND);
        let done = |world: &mut World, tab| {
            let heard = world.heard(tab).into_iter();
            heard.filter(|word| word.starts_with("written") || word.starts_with("acknow")).collect::<Vec<_>>()
        };
        assert_eq!(done(&mut world, first), [format!("written {own}"), format!("acknowledged {own}")]);
        let heard = done(&mut world, second);
        assert_eq!(heard.last(), Some(&format!("acknowledged {last}")), "{before} {shared} {heard:?}");
    }
    // Nobody says it any more: so hears each of them.
    let mut world = world();
    let (first, second) = (following(&mut world, ALICE), following(&mut world, ALICE));
    let directed = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
    let (own, shared) =
        cut_after(&mut world, |world| (world.send(first, directed), world.send(second, directed)));
    let refusal = ManagementFault::RefuseResume { condition: "item-not-found", tells: false };
    world.server.misbehave(Misbehaviour::Management(refusal));
    world.advance(2 * SECOND);
    for (tab, token) in [(first, own), (second, shared)] {
        assert!(world.heard(tab).contains(&format!("lost {token} not-resumed")));
    }
}

// Prosody 13 reads the first frame of a resumed stream as the rest of one that the cut had halved.
#[test]
fn a_server_that_chokes_on_a_resumed_stream_is_sent_again_what_it_may_not_have() {
    let mut world = world();
    let (alice, bob) = (following(&mut world, ALICE), online(&mut world, BOB));
    world.send(alice, PRESENCE);
    let token = cut_after(&mut world, |world| world.send(alice, &message(1)));
    world.server.misbehave(Misbehaviour::Management(ManagementFault::Chokes));
    world.forget();
    world.advance(60 * SECOND);
    assert_eq!(world.handled(bob)[0].split(' ').next(), Some("m1"));
    let heard = world.heard(alice);
    assert!(heard.contains(&format!("resent {token} maybe twice")), "{heard:?}");
    assert_eq!(heard.last(), Some(&format!("acknowledged {token}")), "{heard:?}");
}

#[test]
fn a_server_that_talks_and_acknowledges_nothing_is_used_without_acknowledgements_in_the_end() {
    let mut world = world();
    world.server.misbehave(Misbehaviour::Management(ManagementFault::AcksNever));
    let tab = following(&mut world, ALICE);
    let token = world.send(tab, &message(1));
    for number in 0..70 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
        world.advance(5 * SECOND);
    }
    let heard = world.heard(tab);
    assert!(
        heard.contains(&format!("unmanaged {token}")) && heard.contains(&"unmanaged".to_owned()),
        "{heard:?}"
    );
    assert!(!heard.iter().any(|word| word.starts_with("Reconnecting")));
    // What nobody keeps cannot be resumed.
    world.forget();
    world.ends(ALICE, testkit::Server::drop_connection);
    world.advance(20 * SECOND);
    let sent = world.sent();
    assert!(
        !sent.iter().any(|sent| sent.starts_with("<resume")) && sent.iter().any(|sent| sent.contains("bind"))
    );
}

#[test]
fn a_server_that_leaves_one_stanza_out_is_asked_ever_more_rarely() {
    let mut world = world();
    world.server.misbehave(Misbehaviour::Management(ManagementFault::AcksTooLittle));
    let tab = following(&mut world, ALICE);
    world.send(tab, &message(1));
    world.forget();
    world.advance(600 * SECOND);
    let asked = world.sent().iter().filter(|sent| sent.starts_with("<r ")).count();
    assert!((5..25).contains(&asked), "{asked}");
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

#[test]
fn who_has_come_before_what_the_ring_holds_is_told_of_as_well() {
    let mut world = world();
    let tab = online(&mut world, ALICE);
    world.begins_with(tab, &[super::page::all("message")]);
    cut(&mut world);
    world.advance(SECOND);
    world.hold(tab);
    world.begins_with(tab, &[super::page::all("message"), super::page::all("presence")]);
    cut(&mut world);
    world.advance(SECOND);
    world.server_says(ALICE, "<presence xmlns='jabber:client' from='bob@localhost/desk' id='bob'/>");
    for number in 0..600 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
    }
    world.let_read(tab);
    world.run();
    assert_eq!(world.handled(tab)[1], "bob");
}
