//! Messages between sessions: their recipients, carbon copies, and offline storage.

mod common;

use common::*;
use epode_testkit::Input;
use epode_xml::Element;

const CARBONS: &str = "urn:xmpp:carbons:2";

#[test]
fn a_message_to_a_full_jid_reaches_that_session_stamped_with_its_sender() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    let (phone, desk) = (world.log_in("bob", "phone"), world.log_in("bob", "desk"));
    world.say(alice, &chat("bob@localhost/phone", "only there"));
    let heard = world.heard(phone);
    assert_eq!(bodies(&heard), ["only there"]);
    assert_eq!(heard[0].attr("from"), Some("alice@localhost/tab"));
    assert_eq!(world.heard(desk), []);
}

#[test]
fn a_message_to_a_bare_jid_reaches_every_session_with_a_priority_of_zero_or_more() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    let (phone, desk) = (world.log_in("bob", "phone"), world.log_in("bob", "desk"));
    let background = world.bind("bob", "background");
    world.say(background, "<presence xmlns='jabber:client'><priority>-1</priority></presence>");
    let absent = world.bind("bob", "absent");
    for id in [background, phone, desk] {
        world.heard(id);
    }
    world.say(alice, &chat("Bob@localhost", "hello"));
    assert_eq!(bodies(&world.heard(phone)), ["hello"]);
    assert_eq!(bodies(&world.heard(desk)), ["hello"]);
    assert_eq!(world.heard(background), []);
    assert_eq!(world.heard(absent), []);
}

#[test]
fn a_chat_to_a_resource_that_has_gone_reaches_the_others() {
    let mut world = World::default();
    let (alice, bob) = (world.log_in("alice", "tab"), world.log_in("bob", "desk"));
    world.say(alice, &chat("bob@localhost/gone", "still for bob"));
    assert_eq!(bodies(&world.heard(bob)), ["still for bob"]);
    world.say(
        alice,
        "<message xmlns='jabber:client' to='bob@localhost/gone' type='headline'><body>h</body></message>",
    );
    assert_eq!(world.heard(bob), []);
}

#[test]
fn messages_that_can_reach_nobody_come_back_as_errors() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    world.log_in("bob", "desk");
    let groupchat =
        "<message xmlns='jabber:client' to='bob@localhost' type='groupchat'><body>g</body></message>";
    let cases = [
        (chat("nobody@localhost", "?"), "service-unavailable"),
        (chat("romeo@montague.example", "?"), "remote-server-not-found"),
        (chat("@localhost", "?"), "jid-malformed"),
        (groupchat.to_owned(), "service-unavailable"),
    ];
    for (message, expected) in cases {
        let error = world.answer(alice, &message);
        assert_eq!((error.name(), error.attr("type")), ("message", Some("error")), "{message}");
        assert_eq!(condition(&error), expected, "{message}");
    }
}

#[test]
fn an_error_is_never_answered_with_an_error() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    assert_eq!(world.ask(alice, "<message xmlns='jabber:client' to='nobody@localhost' type='error'/>"), []);
    assert_eq!(
        world.ask(alice, "<iq xmlns='jabber:client' to='nobody@localhost/x' type='result' id='1'/>"),
        []
    );
}

#[test]
fn a_sender_that_gives_another_address_as_its_own_is_thrown_out() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    let bob = world.log_in("bob", "desk");
    for from in ["alice@localhost", "alice@localhost/tab"] {
        let message = chat("bob@localhost", "me").replace("<message", &format!("<message from='{from}'"));
        world.say(alice, &message);
        assert_eq!(world.heard(bob)[0].attr("from"), Some("alice@localhost/tab"));
    }
    let forged = chat("bob@localhost", "not me").replace("<message", "<message from='mallory@localhost'");
    assert_eq!(condition(&world.ask(alice, &forged)[0]), "invalid-from");
    assert_eq!(bodies(&world.heard(bob)), [""; 0]);
}

#[test]
fn a_stanza_of_no_known_kind_or_namespace_ends_the_stream() {
    for (frame, expected) in [
        ("<telegram xmlns='jabber:client'/>", "unsupported-stanza-type"),
        ("<message xmlns='jabber:server'/>", "invalid-namespace"),
        ("<message/>", "invalid-namespace"),
    ] {
        let mut world = World::default();
        let alice = world.log_in("alice", "tab");
        assert_eq!(condition(&world.ask(alice, frame)[0]), expected);
    }
}

#[test]
fn messages_for_those_who_are_away_wait_for_them_with_the_time_at_which_they_were_sent() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    world.advance(std::time::Duration::from_secs(3661));
    assert_eq!(world.ask(alice, &chat("bob@localhost", "first")), []);
    world.say(alice, &chat("bob@localhost/anything", "second"));
    let bob = world.bind("bob", "desk");
    assert_eq!(world.heard(bob), [], "nothing before initial presence");
    world.say(bob, "<presence xmlns='jabber:client'/>");
    let heard = world.heard(bob);
    let messages: Vec<Element> = heard.into_iter().filter(|stanza| stanza.name() == "message").collect();
    assert_eq!(bodies(&messages), ["first", "second"]);
    let delay = messages[0].child("delay", "urn:xmpp:delay").expect("a stamp");
    assert_eq!((delay.attr("from"), delay.attr("stamp")), (Some("localhost"), Some("2026-01-01T01:01:01Z")));

    let phone = world.bind("bob", "phone");
    assert_eq!(bodies(&world.ask(phone, "<presence xmlns='jabber:client'/>")), [""; 0], "delivered once");
}

#[test]
fn what_waits_is_not_given_to_a_session_with_a_negative_priority() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    world.say(alice, &chat("bob@localhost", "for bob"));
    let bob = world.bind("bob", "background");
    world.say(bob, "<presence xmlns='jabber:client'><priority>-1</priority></presence>");
    assert_eq!(bodies(&world.heard(bob)), [""; 0]);
    world.say(bob, "<presence xmlns='jabber:client'><priority>1</priority></presence>");
    assert_eq!(bodies(&world.heard(bob)), ["for bob"]);
}

#[test]
fn the_store_is_bounded_and_says_so_when_it_is_full() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    for number in 0..100 {
        assert_eq!(world.ask(alice, &chat("bob@localhost", &number.to_string())), []);
    }
    assert_eq!(
        condition(&world.answer(alice, &chat("bob@localhost", "one too many"))),
        "service-unavailable"
    );
}

#[test]
fn chat_states_and_what_must_not_be_stored_are_not_stored() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    let state = "<message xmlns='jabber:client' to='bob@localhost' type='chat'>\
                 <active xmlns='http://jabber.org/protocol/chatstates'/></message>";
    world.say(alice, state);
    let fleeting =
        chat("bob@localhost", "x").replace("</message>", "<no-store xmlns='urn:xmpp:hints'/></message>");
    world.say(alice, &fleeting);
    let bob = world.bind("bob", "desk");
    let heard = world.ask(bob, "<presence xmlns='jabber:client'/>");
    assert!(heard.iter().all(|stanza| stanza.name() == "presence"), "{heard:?}");
}

#[test]
fn the_other_sessions_get_carbon_copies_of_what_is_sent_and_received_once_they_ask() {
    let mut world = World::default();
    let (alice, alice_too) = (world.log_in("alice", "tab"), world.log_in("alice", "phone"));
    let (bob, bob_too) = (world.log_in("bob", "desk"), world.log_in("bob", "phone"));
    world.say(alice, &chat("bob@localhost/desk", "before"));
    for id in [alice_too, bob, bob_too] {
        world.heard(id);
    }
    for id in [alice, alice_too, bob, bob_too] {
        let answer = world.answer(id, &iq("set", "", "<enable xmlns='urn:xmpp:carbons:2'/>"));
        assert_eq!(answer.attr("type"), Some("result"));
    }

    world.say(alice, &chat("bob@localhost/desk", "hi"));
    assert_eq!(bodies(&world.heard(bob)), ["hi"]);
    assert_eq!(world.heard(alice), []);
    for (id, direction, account) in
        [(alice_too, "sent", "alice@localhost"), (bob_too, "received", "bob@localhost")]
    {
        let [copy] = &world.heard(id)[..] else { panic!("one {direction} copy") };
        assert_eq!((copy.attr("from"), copy.attr("type")), (Some(account), Some("chat")));
        let forwarded =
            copy.child(direction, CARBONS).and_then(|carbon| carbon.child("forwarded", "urn:xmpp:forward:0"));
        let original =
            forwarded.and_then(|forwarded| forwarded.child("message", CLIENT)).expect("the original");
        assert_eq!(original.attr("from"), Some("alice@localhost/tab"));
        assert_eq!(bodies(std::slice::from_ref(original)), ["hi"]);
    }

    world.say(alice, &chat("bob@localhost", "to all of them"));
    assert_eq!(bodies(&world.heard(bob_too)), ["to all of them"], "and no copy of what it got itself");
}

#[test]
fn private_messages_are_not_copied_and_copies_can_be_switched_off() {
    let mut world = World::default();
    let (alice, alice_too) = (world.log_in("alice", "tab"), world.log_in("alice", "phone"));
    world.log_in("bob", "desk");
    world.answer(alice_too, &iq("set", "", "<enable xmlns='urn:xmpp:carbons:2'/>"));
    let private =
        chat("bob@localhost", "x").replace("</message>", "<private xmlns='urn:xmpp:carbons:2'/></message>");
    world.say(alice, &private);
    assert_eq!(world.heard(alice_too), []);
    world.answer(alice_too, &iq("set", "", "<disable xmlns='urn:xmpp:carbons:2'/>"));
    world.say(alice, &chat("bob@localhost", "x"));
    assert_eq!(world.heard(alice_too), []);
}

#[test]
fn the_script_can_push_any_text_to_a_session_or_to_all_of_an_account() {
    let mut world = World::default();
    let (phone, desk) = (world.log_in("bob", "phone"), world.log_in("bob", "desk"));
    world.server.deliver("bob@localhost/phone", "<anything at='all'");
    world.server.deliver("bob@localhost", "<message/>");
    world.server.deliver("nobody@localhost", "<message/>");
    world.drain();
    assert_eq!(world.raw(phone), ["<anything at='all'", "<message/>"]);
    assert_eq!(world.raw(desk), ["<message/>"]);
}

#[test]
fn stanzas_are_counted_in_both_directions() {
    let mut world = World::default();
    let alice = world.bind("alice", "tab");
    let bob = world.bind("bob", "desk");
    world.say(alice, &chat("bob@localhost/desk", "one"));
    world.say(bob, &iq("get", "localhost", "<ping xmlns='urn:xmpp:ping'/>"));
    let statistics = world.server.statistics();
    assert_eq!((statistics.stanzas_in, statistics.stanzas_out), (2, 2));
    assert_eq!((statistics.open_connections, statistics.bound_sessions), (2, 2));
    world.input(Input::Closed(alice));
    assert_eq!(world.server.statistics().bound_sessions, 1);
}
