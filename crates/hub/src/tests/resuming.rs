//! Stream management (XEP-0198): what is lost with a stream is not lost with the session.

use epode_protocol::ToWorker;
use epode_testkit::{self as testkit, ManagementFault, Misbehaviour};

use super::managing::{
    ALICE, BOB, PRESENCE, SECOND, UP, cut, cut_after, following, is_resumed, message, online, options,
    stanzas, world,
};
use super::page::Event;
use super::world::password;
use crate::Input;

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
    world.advance(SECOND);
    let inactive = "<inactive xmlns=\"urn:xmpp:csi:0\"/>";
    assert!(world.sent().iter().any(|sent| sent == inactive));
    cut(&mut world);
    world.advance(SECOND);
    assert!(is_resumed(&mut world, tab));
    world.advance(SECOND);
    assert!(world.sent().iter().any(|sent| sent == inactive), "XEP-0352 §5");
}

#[test]
fn a_tab_that_is_hidden_before_a_loss_says_nothing_between_two_streams() {
    let mut world = world();
    world.offers = "<csi xmlns='urn:xmpp:csi:0'/>";
    let tab = online(&mut world, ALICE);
    world.sent();
    world.show(tab, false);
    world.advance(SECOND / 10);
    world.flowing = false;
    cut(&mut world);
    world.advance(3 * SECOND);
    assert!(!world.sent().iter().any(|sent| sent.contains("inactive")));
    // Nor behind the end of the stream.
    let mut world = self::world();
    world.offers = "<csi xmlns='urn:xmpp:csi:0'/>";
    let tab = online(&mut world, ALICE);
    world.show(tab, false);
    world.advance(SECOND / 10);
    world.flowing = false;
    world.disconnect(tab);
    world.sent();
    world.advance(2 * SECOND);
    assert!(!world.sent().iter().any(|sent| sent.contains("inactive")));
}

#[test]
fn a_resumed_stream_is_asked_though_a_question_was_open_on_the_former_one() {
    let mut world = world();
    let tab = following(&mut world, ALICE);
    world.advance(10 * SECOND);
    world.deaf = true;
    world.send(tab, &message(1));
    world.advance(2 * SECOND);
    assert!(world.sent().iter().any(|sent| sent.starts_with("<r ")));
    let token = cut_after(&mut world, |world| world.send(tab, &message(2)));
    world.deaf = false;
    world.advance(3 * SECOND);
    assert!(is_resumed(&mut world, tab));
    assert!(world.heard(tab).contains(&format!("acknowledged {token}")));
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
