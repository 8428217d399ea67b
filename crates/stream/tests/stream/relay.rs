//! A login that a page makes itself, up to the caller's decision.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epode_stream::sasl::{Credentials, Secret};
use epode_stream::{Config, Error, Event, Input, Login, PeerMisbehaved, Purpose};

use crate::frames::*;
use crate::peer::Peer;
use crate::{alice, verifying};

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
const CHALLENGE: &str = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const IQ: &str = "<iq xmlns='jabber:client' type='get' id='1'><query xmlns='jabber:iq:register'/></iq>";

fn relaying(jid: Option<&str>) -> Config {
    let credentials = Credentials { jid: jid.map(str::to_owned), ..Credentials::default() };
    Config { credentials, purpose: Purpose::Relay, ..alice() }
}

/// A stream that has handed its page the features.
fn begun() -> Peer {
    begun_for(Some("alice@localhost"))
}

fn begun_for(jid: Option<&str>) -> Peer {
    let mut peer = Peer::after(relaying(jid), &[OPEN, PLAIN]);
    assert_eq!(std::mem::take(&mut peer.relayed), [PLAIN]);
    peer
}

/// The page says this; what the stream transmits.
fn said(peer: &mut Peer, text: &str) -> Vec<String> {
    peer.input(Input::Relay(&Secret::new(text.to_owned())));
    peer.sent()
}

fn auth(mechanism: &str, message: &str) -> String {
    format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>{}</auth>", STANDARD.encode(message))
}

fn response(message: &str) -> String {
    format!("<response xmlns='{SASL}'>{}</response>", STANDARD.encode(message))
}

/// What the stream does after a login by these frames, before each of which but the first the server says
/// a challenge: whether it knows by the frames alone whose login it was.
fn proves(jid: Option<&str>, frames: &[String]) -> bool {
    let mut peer = begun_for(jid);
    for (number, frame) in frames.iter().enumerate() {
        if number > 0 {
            peer.say(CHALLENGE);
        }
        assert_eq!(said(&mut peer, frame), [frame.as_str()]);
    }
    peer.say(SUCCESS);
    peer.stream.settle(Config { purpose: Purpose::Verify, ..relaying(jid) });
    peer.input(Input::GoOn);
    match &peer.sent()[..] {
        [frame] if frame == OPEN_SENT => false,
        [frame] => {
            assert!(frame.starts_with("<close"), "{frame}");
            true
        }
        frames => panic!("{frames:?}"),
    }
}

#[test]
fn frames_pass_as_they_are_up_to_the_caller_s_decision() {
    let mut peer = begun();
    assert_eq!(said(&mut peer, IQ), [IQ]);
    let answer = "<iq xmlns='jabber:client' type='result' id='1'/>";
    peer.say(answer);
    let auth = auth("PLAIN", "\0alice\0secret-alice");
    assert_eq!(said(&mut peer, &auth), [auth]);
    peer.say(SUCCESS);
    assert_eq!(peer.relayed, [answer, SUCCESS]);
    let expected = Login {
        mechanism: "PLAIN".to_owned(),
        authcid: Some("alice".to_owned()),
        authzid: None,
        password: Some(Secret::new("secret-alice".to_owned())),
    };
    assert_eq!(peer.login.take(), Some(expected));
    assert!(peer.sent().is_empty() && peer.events().is_empty() && peer.patience().is_none());
    peer.stream.settle(alice());
    assert!(peer.sent().is_empty());
    peer.input(Input::GoOn);
    assert_eq!(peer.sent(), [OPEN_SENT]);
    assert!(matches!(peer.events()[..], [Event::Authenticated(None)]));
    for frame in [OPEN, BIND, BOUND] {
        peer.say(frame);
    }
    assert!(peer.is_bound());
    assert_eq!(peer.sent(), [BIND_SENT]);
    assert_eq!(peer.relayed.len(), 2, "{:?}", peer.relayed);
    assert_eq!(said(&mut peer, IQ), [""; 0]);
    assert_eq!(peer.unsaid, ["the login is over"]);
}

#[test]
fn what_a_page_was_told_leaves_room_for_stanzas_from_before_the_session() {
    let mut peer = begun();
    peer.say(&format!("<iq xmlns='jabber:client' type='result' id='{}'/>", "1".repeat(1 << 19)));
    said(&mut peer, &auth("PLAIN", "\0alice\0x"));
    peer.say(SUCCESS);
    peer.stream.settle(alice());
    peer.input(Input::GoOn);
    let stanza = format!("<message xmlns='jabber:client' id='{}'/>", "1".repeat(1 << 19));
    for frame in [OPEN, BIND, &stanza, BOUND] {
        peer.say(frame);
    }
    assert!(peer.events().iter().any(|event| matches!(event, Event::Early(..))));
}

#[test]
fn nothing_of_the_page_is_sent_before_its_turn() {
    let mut peer = Peer::opened(relaying(None));
    peer.sent();
    assert_eq!(said(&mut peer, IQ), [""; 0]);
    peer.say(OPEN);
    assert_eq!(said(&mut peer, IQ), [""; 0]);
    assert_eq!(peer.unsaid, ["the server has not sent its features yet"; 2]);
    // Nor where no page logs in.
    let mut peer = Peer::bound();
    assert_eq!(said(&mut peer, IQ), [""; 0]);
    peer.input(Input::GoOn);
    peer.stream.settle(verifying());
    assert!(peer.is_bound() && peer.sent().is_empty());
}

#[test]
fn plain_and_scram_tell_the_account_and_nothing_else_does() {
    let alice = Some("alice@localhost");
    let plain = |message: &str| vec![auth("PLAIN", message)];
    let scram = |message: &str| vec![auth("SCRAM-SHA-256", message)];
    let late = |mechanism: &str, message: &str| {
        vec![format!("<auth xmlns='{SASL}' mechanism='{mechanism}'/>"), response(message)]
    };
    for (jid, frames, expected) in [
        (alice, plain("\0alice\0x"), true),
        (alice, plain("\0ALICE\0x"), true),
        (alice, late("PLAIN", "\0alice\0x"), true),
        (alice, scram("n,,n=alice,r=nonce"), true),
        (alice, late("SCRAM-SHA-1", "n,,n=alice,r=nonce"), true),
        (Some("a=,b@localhost"), scram("n,,n=a=3D=2Cb,r=nonce"), true),
        (None, plain("\0alice\0x"), true),
        (None, scram("n,,n=alice,r=nonce"), true),
        (None, vec![auth("ANONYMOUS", "x")], true),
        // Another name, or one that the server may read in another way.
        (alice, plain("\0bob\0x"), false),
        (alice, plain("alice@localhost\0bob\0x"), false),
        (alice, plain("bob@localhost\0alice\0x"), false),
        (alice, plain("alice@localhost\0alice\0x"), false),
        (alice, plain("\0alice@localhost\0x"), false),
        (Some("alice@localhost/x"), plain("\0alice@localhost/x\0x"), false),
        (alice, plain("\0alice\0x\0y"), false),
        (alice, plain("alice\0x"), false),
        (alice, plain("\0\0x"), false),
        (alice, scram("n,,n=bob,r=nonce"), false),
        (alice, scram("n,a=alice@localhost,n=bob,r=nonce"), false),
        (alice, scram("n,,m=x,n=alice,r=nonce"), false),
        (alice, scram("n,,n=alice,n=bob,r=nonce"), false),
        (alice, scram("n,,r=nonce,n=alice"), false),
        (alice, scram("n,,n=alice,n=bob"), false),
        // The first message counts, and the mechanism.
        (alice, vec![auth("PLAIN", "x"), response("\0alice\0x")], false),
        (alice, vec![auth("X-UNKNOWN", "\0alice\0x")], false),
        (alice, vec![auth("plain", "\0alice\0x")], false),
        (alice, vec![auth("ANONYMOUS", "alice")], false),
        (
            alice,
            vec![format!("<auth xmlns='{SASL}' mechanism='PLAIN'>=</auth>"), response("\0alice\0x")],
            false,
        ),
        (alice, vec![format!("<auth xmlns='{SASL}' mechanism='PLAIN'>?</auth>")], false),
    ] {
        assert_eq!(proves(jid, &frames), expected, "{jid:?} {frames:?}");
    }
}

#[test]
fn a_page_may_try_five_times() {
    let mut peer = begun();
    for number in 1..=5 {
        let auth = auth("PLAIN", &format!("\0alice\0{number}"));
        assert_eq!(said(&mut peer, &auth), [auth]);
        peer.say(FAILURE);
        assert_eq!(peer.relayed.len(), number);
    }
    let error = Error::AuthRefused { condition: "not-authorized".to_owned(), text: None, complaint: None };
    assert_eq!(peer.ended(), Some(error));
}

#[test]
fn a_login_has_a_minute_whatever_is_said_meanwhile() {
    let mut peer = begun();
    for _ in 0..6 {
        assert!(!peer.socket_closed);
        peer.advance(Duration::from_secs(10));
        said(&mut peer, IQ);
        peer.say("<iq xmlns='jabber:client' type='error' id='1'/>");
    }
    assert_eq!(peer.ended(), Some(Error::NoLogin));
}

#[test]
fn a_server_that_misbehaves_meanwhile_ends_the_login() {
    let error = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
        <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    let flood = format!("<iq xmlns='jabber:client' type='result' id='{}'/>", "1".repeat(1 << 20));
    for (frame, handed) in
        [(SUCCESS, 1), (CHALLENGE, 1), (error, 1), (CLOSE, 0), ("<success", 0), (&flood, 1)]
    {
        let mut peer = begun();
        peer.say(frame);
        assert_eq!(peer.relayed.len(), handed, "{frame}");
        assert!(peer.ended().is_some() && peer.login.is_none(), "{frame}");
    }
    // Between the login and the decision.
    let mut peer = begun();
    said(&mut peer, &auth("PLAIN", "\0alice\0x"));
    peer.say(SUCCESS);
    peer.relayed.clear();
    peer.say(MESSAGE);
    assert!(peer.relayed.is_empty());
    let waiting = "the page logs in";
    let element = "message".to_owned();
    assert_eq!(peer.ended(), Some(PeerMisbehaved::Unexpected { element, waiting }.into()));
}
