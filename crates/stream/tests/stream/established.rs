//! Stanzas, in both directions.

use epode_stream::{Config, Error, Event};

use crate::frames::*;
use crate::peer::{Peer, stream_error};
use crate::{SECOND, alice};

/// Bound at a server that announces these limits (XEP-0478).
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
    peer.say("<iq xmlns='jabber:client' type='get' id='1' from='b@c/d' to='e@f/g'><ping xmlns='urn:xmpp:ping'/></iq>");
    let events = peer.events();
    let [Event::Stanza(head)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((head.kind.as_deref(), head.id.as_deref()), (Some("get"), Some("1")));
    assert_eq!((head.from.as_deref(), head.to.as_deref()), (Some("b@c/d"), Some("e@f/g")));
    assert_eq!(peer.sent(), [""; 0]);
    assert_eq!(peer.patience(), None, "an idle stream waits for nothing");
}

#[test]
fn what_extensions_of_the_stream_may_bring_is_passed_over() {
    let mut peer = Peer::bound();
    for frame in [
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<message xmlns='jabber:server'/>",
        "<message xmlns='urn:example:x'/>",
        "<thing xmlns='jabber:client'/>",
        OPEN,
        BIND,
    ] {
        peer.say(frame);
    }
    assert!(peer.events().is_empty() && peer.is_bound());
}

#[test]
fn what_came_before_a_bad_frame_is_delivered_and_then_the_server_hears_which_rule_it_broke() {
    let mut peer = Peer::bound();
    peer.say(MESSAGE);
    peer.say(MESSAGE);
    peer.say("<message xmlns='jabber:client'><!-- --></message>");
    peer.say(MESSAGE);
    let [Event::Stanza(_), Event::Stanza(_), Event::Ended(Some(Error::Xml(_)))] = &peer.events()[..] else {
        panic!("two stanzas and the end")
    };
    assert_eq!(stream_error(&peer.sent()).as_deref(), Some("restricted-xml"));
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
    peer.say(&message(2000));
    assert!(matches!(peer.events()[..], [Event::Stanza(_)]));

    let mut peer = bound_with_limits(config, "<max-bytes>1000</max-bytes>");
    assert!(peer.stream.check(&message(1001)).is_err());
    peer.say(&message(1001));
    assert!(matches!(peer.events()[..], [Event::Stanza(_)]));
}

#[test]
fn a_limit_that_is_no_number_is_none() {
    for limits in
        ["<max-bytes/>", "<max-bytes>many</max-bytes>", "<max-bytes>-1</max-bytes>", "", "<max-bytes>\n"]
    {
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
