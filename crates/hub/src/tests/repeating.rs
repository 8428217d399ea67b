//! Sessions that the server does not resume (XEP-0198): what is sent again, and what fails.

use epode_testkit::{ManagementFault, Misbehaviour};

use super::managing::{
    ALICE, BOB, PRESENCE, SECOND, UP, cut, cut_after, following, is_resumed, message, online, options, play,
    send_each, stanzas, world,
};
use super::world::{World, password};

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
