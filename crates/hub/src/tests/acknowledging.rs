//! What the server acknowledges of what was sent (XEP-0198), and what tabs hear of that.

use epode_protocol::ToWorker;
use epode_testkit::{self as testkit, ManagementFault, Misbehaviour};

use super::managing::{
    ALICE, BOB, PRESENCE, SECOND, UP, cut, cut_after, following, message, online, options, send_each, world,
};
use super::world::{World, password};
use crate::{Input, PortId};

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
fn a_probe_right_after_a_send_leaves_the_server_its_time_to_answer() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.advance(10 * SECOND);
    world.deaf = true;
    let token = world.send(tab, &message(1));
    world.at_hub(Input::Online(false));
    world.at_hub(Input::Online(true));
    world.advance(3 * SECOND);
    world.deaf = false;
    world.advance(20 * SECOND);
    let heard = world.heard(tab);
    assert!(!heard.contains(&"unmanaged".to_owned()), "{heard:?}");
    assert!(heard.contains(&format!("acknowledged {token}")), "{heard:?}");
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
fn a_server_that_takes_an_acknowledgement_back_is_told_of_once() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    send_each(&mut world, tab, &[1, 2].map(message));
    world.advance(2 * SECOND);
    world.forget();
    for _ in 0..3 {
        world.server_says(ALICE, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    }
    let lines = world.logged();
    assert_eq!(
        lines.iter().filter(|line| line.contains("fewer stanzas than before")).count(),
        1,
        "{lines:?}"
    );
    let token = world.send(tab, &message(3));
    world.advance(20 * SECOND);
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("acknowledged {token}")), "{heard:?}");
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
    let all: Vec<&str> = (0..10_001).map(|_| &*message).collect();
    for tab in [tab, online(&mut world, ALICE)] {
        world.send_all(tab, &all);
        let mut heard = world.heard(tab);
        heard.retain(|word| word.starts_with("failed"));
        assert_eq!(heard, ["failed 10001 too-many"], "half of it is each tab's");
    }
    // The next probe of an idle connection, and its patience.
    world.advance(76 * SECOND);
    let heard = world.heard(tab);
    assert!(heard.iter().any(|word| word.starts_with("Reconnecting")), "{:?}", heard.last());
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
    // Whether the server is there is then seen by pings.
    world.send(tab, &message(2));
    world.advance(600 * SECOND);
    let heard = world.heard(tab);
    assert!(!heard.iter().any(|word| word == "unmanaged" || word.starts_with("Reconnecting")), "{heard:?}");
    // What nobody keeps cannot be resumed.
    world.forget();
    world.ends(ALICE, testkit::Server::drop_connection);
    world.advance(20 * SECOND);
    let sent = world.sent();
    assert!(
        !sent.iter().any(|sent| sent.starts_with("<resume")) && sent.iter().any(|sent| sent.contains("bind"))
    );
}

/// Time passes in which the server talks and hears nothing.
fn talk(world: &mut World, seconds: u64) {
    for _ in 0..seconds / 10 {
        world.server_says(ALICE, "<message xmlns='jabber:client'/>");
        world.advance(10 * SECOND);
    }
}

#[test]
fn a_server_that_a_question_reaches_late_is_none_that_acknowledges_nothing() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.flowing = false;
    let token = world.send(tab, &message(1));
    talk(&mut world, 1000);
    world.let_flow();
    assert_eq!(world.heard(tab).last(), Some(&format!("acknowledged {token}")));
    // The ping behind that question proves nothing of the next.
    world.server.misbehave(Misbehaviour::Management(ManagementFault::AcksNever));
    world.send(tab, &message(2));
    talk(&mut world, 290);
    assert!(!world.heard(tab).contains(&"unmanaged".to_owned()));
}

#[test]
fn a_fate_does_not_hang_for_ever_though_the_server_answers_no_ping_either() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.flowing = false;
    let token = world.send(tab, &message(1));
    talk(&mut world, 3890);
    assert!(!world.heard(tab).contains(&"unmanaged".to_owned()));
    talk(&mut world, 30);
    assert!(world.heard(tab).contains(&format!("unmanaged {token}")));
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
fn a_tab_that_connects_in_its_own_session_hears_what_becomes_of_its_sends() {
    for attached in [false, true] {
        let mut world = world();
        let (first, bob) = (online(&mut world, ALICE), online(&mut world, BOB));
        let tab = world.tab();
        match attached {
            true => world.attach(tab, Some("alice@localhost")),
            false => world.connect_as(tab, ALICE, Some(&password(ALICE)), options()),
        }
        world.say(tab, ToWorker::Follow);
        world.forget();
        world.send(tab, &message(1));
        world.send(tab, PRESENCE);
        world.run();
        world.connect_as(tab, ALICE, Some(&password(ALICE)), options());
        world.advance(2 * SECOND);
        let heard = world.heard(tab);
        assert!(!heard.iter().any(|word| word.starts_with("lost")), "{heard:?}");
        assert!(heard.contains(&"acknowledged 2".to_owned()), "{heard:?}");
        assert_eq!(world.handled(bob)[0], "m1");
        // What is sent from now on has tokens of another session.
        world.send(tab, &message(3));
        world.run();
        world.connect_as(tab, BOB, Some(&password(BOB)), options());
        world.advance(2 * SECOND);
        let heard = world.heard(tab);
        assert!(heard.contains(&"lost 3 unknown".to_owned()), "{heard:?}");
        world.disconnect(first);
    }
}
