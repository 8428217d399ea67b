//! Stanzas, in both directions.

use epode_stream::{Config, Dropped, Error, Event, Input, Purpose};

use crate::frames::*;
use crate::peer::{Peer, stream_error};
use crate::{SECOND, alice};

/// A bound stream at a server that announces these limits (XEP-0478).
fn bound_with_limits(config: Config, limits: &str) -> Peer {
    let features =
        BIND.replace("<bind", &format!("<limits xmlns='urn:xmpp:stream-limits:0'>{limits}</limits><bind"));
    let peer = Peer::after(config, &[OPEN, PLAIN, SUCCESS, OPEN, &features, BOUND]);
    assert!(peer.is_bound());
    peer
}

fn message(bytes: usize) -> String {
    let empty = MESSAGE.replace("Hi", "");
    MESSAGE.replace("Hi", &"x".repeat(bytes - empty.len()))
}

#[test]
fn a_stanza_comes_out_as_what_routing_needs_of_it() {
    let mut peer = Peer::bound();
    let head = peer.say(
        "<iq xmlns='jabber:client' type='get' id='1' from='b@c/d' to='e@f/g'>\
         <ping xmlns='urn:xmpp:ping'/></iq>",
    );
    let head = head.unwrap();
    assert!(peer.events().is_empty());
    assert_eq!((head.kind.as_deref(), head.id.as_deref()), (Some("get"), Some("1")));
    assert_eq!((head.from.as_deref(), head.to.as_deref()), (Some("b@c/d"), Some("e@f/g")));
    assert_eq!(peer.sent(), [""; 0]);
    assert_eq!(peer.patience(), None, "an idle stream waits for nothing");
}

#[test]
fn what_extensions_of_the_stream_may_bring_is_passed_over_and_not_in_silence() {
    let mut peer = Peer::bound();
    for (frame, name, stanza, condition) in [
        ("<r xmlns='urn:xmpp:sm:3'/>", "r", false, "invalid-namespace"),
        ("<message xmlns='jabber:server'/>", "message", true, "invalid-namespace"),
        ("<x:message xmlns:x='urn:example:x'/>", "message", true, "invalid-namespace"),
        ("<thing xmlns='jabber:client'/>", "thing", false, "unsupported-stanza-type"),
        (OPEN, "open", false, "invalid-namespace"),
        (BIND, "features", false, "invalid-namespace"),
    ] {
        peer.say(frame);
        let [dropped] = dropped(&mut peer).try_into().unwrap();
        assert_eq!((&*dropped.name, dropped.size, dropped.condition), (name, frame.len(), condition));
        assert_eq!(dropped.is_stanza(), stanza, "{frame}");
    }
    assert!(peer.is_bound());
}

/// The latest events, which must all be drops.
fn dropped(peer: &mut Peer) -> Vec<Dropped> {
    let dropped = |event| match event {
        Event::Dropped(dropped) => dropped,
        event => panic!("{event:?}"),
    };
    peer.events().into_iter().map(dropped).collect()
}

/// Frames that are not the XML of RFC 6120 §11, each with the stream error that names the rule.
const GARBLED: [(&str, &str); 9] = [
    (
        "<message xmlns='jabber:client' from='romeo@chat.example'><jabber:x:oob xmlns='x'/></message>",
        "not-well-formed",
    ),
    ("<message xmlns='jabber:client'><body>R&D</body></message>", "not-well-formed"),
    ("<message xmlns='jabber:client'><!-- --></message>", "restricted-xml"),
    ("<message xmlns='jabber:client'><?php?></message>", "restricted-xml"),
    ("<message xmlns='jabber:client'>&euml;</message>", "restricted-xml"),
    ("<message xmlns='jabber:client'>\u{b}</message>", "not-well-formed"),
    ("<message xmlns='jabber:client'><x:y/></message>", "bad-namespace-prefix"),
    ("<message xmlns='jabber:client'/><message xmlns='jabber:client'/>", "not-well-formed"),
    ("<message", "not-well-formed"),
];

// RFC 6120 §11.3 demands that the stream be closed. But an outsider may get such a frame relayed,
// and must not end a session by it.
#[test]
fn a_frame_that_is_no_xml_is_dropped_and_the_next_is_read() {
    let mut peer = Peer::bound();
    for (frame, condition) in GARBLED {
        peer.say(frame);
        let [dropped] = dropped(&mut peer).try_into().unwrap();
        assert_eq!((&*dropped.name, dropped.size, dropped.condition), ("message", frame.len(), condition));
        assert!(peer.say(MESSAGE).is_some(), "{frame}");
    }
    let mut config = alice();
    config.limits.bytes = 400;
    let mut peer = Peer::after(config, &NEGOTIATION);
    peer.say(&MESSAGE.replace("Hi", &"x".repeat(400)));
    assert_eq!(dropped(&mut peer)[0].condition, "policy-violation");
    assert!(peer.is_bound() && peer.sent().is_empty());
}

#[test]
fn sixteen_in_a_row_end_the_stream_and_the_server_hears_which_rule_it_broke() {
    let mut peer = Peer::bound();
    for frame in [MESSAGE, "<r xmlns='urn:xmpp:sm:3'/>"] {
        for _ in 0..15 {
            peer.say(GARBLED[2].0);
            peer.say(" ");
        }
        assert_eq!(dropped(&mut peer).len(), 15);
        peer.say(frame);
        peer.events();
    }
    for _ in 0..15 {
        peer.say(GARBLED[2].0);
    }
    assert!(peer.is_bound());
    peer.say(GARBLED[2].0);
    assert!(matches!(peer.ended(), Some(Error::Xml(_))));
    assert_eq!(stream_error(&peer.sent()).as_deref(), Some("restricted-xml"));
}

#[test]
fn white_space_is_no_frame_at_any_time() {
    for steps in 0..=NEGOTIATION.len() {
        for blank in ["", " ", "\r\n", "\t"] {
            let mut peer = Peer::after(alice(), &NEGOTIATION[..steps]);
            let patience = peer.patience();
            peer.say(blank);
            assert!(peer.events().is_empty() && peer.sent().is_empty(), "{blank:?}");
            assert_eq!(peer.patience(), patience, "a server that says nothing else is not waited for longer");
            for frame in &NEGOTIATION[steps..] {
                peer.say(frame);
            }
            assert!(peer.is_bound());
        }
    }
}

#[test]
fn a_frame_without_the_namespaces_of_the_stream_is_taken_as_one_that_was_cut_out_of_it() {
    let bare = |frame: &str| {
        frame
            .replace(" xmlns='jabber:client'", "")
            .replace(" xmlns:stream='http://etherx.jabber.org/streams'", "")
    };
    let negotiation = NEGOTIATION.map(bare);
    let mut peer = Peer::after(alice(), &negotiation.each_ref().map(String::as_str));
    assert!(peer.is_bound());
    let head = peer.say("<message from='bob@localhost/x'><body>Hi</body></message>").unwrap();
    assert!(peer.events().is_empty());
    assert!(&*head.namespace == "jabber:client" && head.undeclared);
    // Tabs get the text unchanged, so a stanza that a tab could not read is dropped.
    peer.say("<message><stream:x/></message>");
    assert_eq!(dropped(&mut peer)[0].condition, "bad-namespace-prefix");
    peer.say("<message xmlns=''/>");
    assert_eq!(dropped(&mut peer)[0].condition, "invalid-namespace");
    peer.say("<stream:error><text>Bye</text><system-shutdown/></stream:error>");
    assert_eq!(peer.ended().unwrap().condition(), Some("system-shutdown"));
}

#[test]
fn what_is_relayed_while_the_session_is_being_opened_comes_behind_its_bound_resource() {
    const PING: &str = "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>";
    for steps in 5..=6 {
        let negotiation = [OPEN, PLAIN, SUCCESS, OPEN, BIND_AND_SESSION, BOUND, SESSION];
        let mut peer = Peer::after(alice(), &negotiation[..steps]);
        for frame in [MESSAGE, PING, GARBLED[1].0, "<r xmlns='urn:xmpp:sm:3'/>", "<presence/>"] {
            peer.say(frame);
        }
        assert!(peer.events().is_empty(), "{steps}");
        for frame in &negotiation[steps..] {
            peer.say(frame);
        }
        let events = peer.events();
        let [
            ..,
            Event::Bound(_),
            Event::Early(message, text),
            Event::Early(ping, _),
            Event::Dropped(_),
            Event::Dropped(_),
            Event::Early(..),
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((&*message.tag, &**text), ("message", MESSAGE));
        assert_eq!(ping.id.as_deref(), Some("1"));
    }
}

#[test]
fn sixteen_in_a_row_end_the_stream_before_the_session_too_and_an_answer_that_cannot_be_read_at_once() {
    let before = [OPEN, PLAIN, SUCCESS, OPEN, BIND];
    let mut peer = Peer::after(alice(), &before);
    for _ in 0..2 {
        for _ in 0..15 {
            peer.say(GARBLED[2].0);
        }
        peer.say(MESSAGE);
    }
    assert!(peer.events().is_empty());
    for _ in 0..16 {
        peer.say(GARBLED[2].0);
    }
    assert!(matches!(peer.ended(), Some(Error::Xml(_))));
    let mut peer = Peer::after(alice(), &before);
    peer.say("<iq xmlns='jabber:client' type='result' id='epode-bind'><bind>R&D</bind></iq>");
    assert!(matches!(peer.ended(), Some(Error::Xml(_))));
}

#[test]
fn what_is_relayed_while_an_app_thinks_about_its_resource_is_kept_within_bounds() {
    let purpose = Purpose::Bind { resource: None, explicit: true, yields: false };
    let mut peer = Peer::after(Config { purpose, ..alice() }, &[OPEN, PLAIN, SUCCESS, OPEN, BIND]);
    for _ in 0..300 {
        peer.say(MESSAGE);
    }
    peer.input(Input::Bind { resource: None });
    peer.say(BOUND);
    let events = peer.events();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Early(..))).count(), 256);
    let dropped: Vec<_> = events.iter().filter(|event| matches!(event, Event::Dropped(_))).collect();
    assert_eq!(dropped.len(), 44);
    assert!(matches!(dropped[0], Event::Dropped(dropped) if dropped.condition == "resource-constraint"));
    // An app that chooses its resource does not wait for ever while a server floods.
    let purpose = Purpose::Bind { resource: None, explicit: true, yields: false };
    let mut peer = Peer::after(Config { purpose, ..alice() }, &[OPEN, PLAIN, SUCCESS, OPEN, BIND]);
    for _ in 0..5000 {
        peer.say("<r xmlns='urn:xmpp:sm:3'/>");
    }
    assert!(matches!(peer.ended(), Some(Error::Peer(_))));
}

#[test]
fn of_the_name_of_a_dropped_frame_no_more_is_kept_than_a_log_can_use() {
    let mut peer = Peer::bound();
    peer.say(&format!("<{} xmlns='urn:example:x'>", "x".repeat(1 << 20)));
    assert_eq!(dropped(&mut peer)[0].name.len(), 64);
}

#[test]
fn silence_of_an_established_stream_is_nothing_wrong() {
    let mut peer = Peer::bound();
    peer.advance(100_000 * SECOND);
    assert!(peer.is_bound() && peer.sent().is_empty());
}

#[test]
fn a_stanza_to_be_sent_may_be_as_long_as_the_server_says() {
    let peer = bound_with_limits(alice(), "<max-bytes>10000</max-bytes><idle-seconds>60</idle-seconds>");
    assert!(peer.stream.check(&message(10_000)).is_ok());
    let violation = peer.stream.check(&message(10_001)).unwrap_err();
    assert_eq!(violation.condition(), "policy-violation");
}

#[test]
fn the_servers_limit_never_lifts_our_own_and_concerns_only_what_we_send() {
    let mut config = alice();
    config.limits.bytes = 2000;
    let mut peer = bound_with_limits(config.clone(), "<max-bytes>10000</max-bytes>");
    assert!(peer.stream.check(&message(2001)).is_err());
    assert!(peer.say(&message(2000)).is_some());

    let mut peer = bound_with_limits(config, "<max-bytes>1000</max-bytes>");
    assert!(peer.stream.check(&message(1001)).is_err());
    assert!(peer.say(&message(1001)).is_some());
}

#[test]
fn a_limit_that_is_no_number_above_zero_is_none() {
    for limits in [
        "<max-bytes/>",
        "<max-bytes>many</max-bytes>",
        "<max-bytes>-1</max-bytes>",
        "<max-bytes>0</max-bytes>",
        "",
        "<max-bytes>\n",
    ] {
        let limits = if limits.ends_with('\n') { "<max-bytes>\n 50000\n</max-bytes>" } else { limits };
        assert!(bound_with_limits(alice(), limits).stream.check(&message(20_000)).is_ok(), "{limits}");
    }
}

#[test]
fn the_limit_holds_behind_a_legacy_session_too() {
    let features = BIND_AND_SESSION.replace(
        "<bind",
        "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes></limits><bind",
    );
    let peer = Peer::after(alice(), &[OPEN, PLAIN, SUCCESS, OPEN, &features, BOUND, SESSION]);
    assert!(peer.is_bound());
    assert!(peer.stream.check(&message(10_001)).is_err());
}

// A contact who knows a full JID from before can answer a request of the former stream, bounce a
// message, and guess the ids of the negotiation.
#[test]
fn answers_and_errors_of_contacts_are_none_of_the_negotiations() {
    const ERROR: &str = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let strangers = [
        format!("<message xmlns='jabber:client' type='error' id='1'>{ERROR}</message>"),
        "<presence type='error' from='romeo@x/y'/>".to_owned(),
        "<iq xmlns='jabber:client' type='result' id='7' from='romeo@x/y'/>".to_owned(),
        format!("<iq type='error' id='7' from='alice@localhost/phone'>{ERROR}</iq>"),
        format!("<iq xmlns='jabber:client' type='error' id='epode-session' from='romeo@x/y'>{ERROR}</iq>"),
        "<iq xmlns='jabber:client' type='result' id='epode-session' from='localhost.example'/>".to_owned(),
    ];
    let negotiation = [OPEN, PLAIN, SUCCESS, OPEN, BIND_AND_SESSION, BOUND, SESSION];
    for steps in 5..=6 {
        for stranger in &strangers {
            let mut peer = Peer::after(alice(), &negotiation[..steps]);
            peer.say(stranger);
            assert!(peer.events().is_empty(), "{steps} {stranger}");
            negotiation[steps..].iter().for_each(|frame| drop(peer.say(frame)));
            assert!(peer.is_bound(), "{steps} {stranger}");
            assert!(matches!(peer.events().last(), Some(Event::Early(..))), "{steps} {stranger}");
        }
        // An IQ from the server or without a sender ends the stream, if it is not the answer.
        for from in ["", "from='localhost'", "from='ALICE@localhost'"] {
            let mut peer = Peer::after(alice(), &negotiation[..steps]);
            peer.say(&format!("<iq xmlns='jabber:client' type='result' id='7' {from}/>"));
            assert!(matches!(peer.ended(), Some(Error::Peer(_))), "{steps} {from}");
        }
    }
    let purpose = Purpose::Bind { resource: None, explicit: true, yields: false };
    for stranger in &strangers {
        let mut peer =
            Peer::after(Config { purpose: purpose.clone(), ..alice() }, &[OPEN, PLAIN, SUCCESS, OPEN, BIND]);
        peer.say(stranger);
        peer.input(Input::Bind { resource: None });
        peer.say(BOUND);
        assert!(peer.is_bound(), "{stranger}");
    }
}

#[test]
fn what_was_kept_for_a_session_that_does_not_open_is_dropped_and_not_in_silence() {
    let mut peer = Peer::after(alice(), &[OPEN, PLAIN, SUCCESS, OPEN, BIND_AND_SESSION, BOUND]);
    peer.say(MESSAGE);
    peer.say(GARBLED[0].0);
    peer.input(Input::Closed { code: 1006, reason: "" });
    let events = peer.events();
    let [Event::Dropped(kept), Event::Dropped(garbled), Event::Ended(Some(_))] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((&*kept.name, kept.size), ("message", MESSAGE.len()));
    assert_eq!(garbled.condition, GARBLED[0].1);
}
