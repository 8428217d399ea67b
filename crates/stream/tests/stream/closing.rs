//! Streams that end without a broken rule: closed by us, by the server, or by the loss of the
//! socket.

use epode_stream::{Error, Input};

use crate::frames::*;
use crate::peer::Peer;
use crate::{SECOND, alice};

#[test]
fn closing_while_dialling_ends_at_once() {
    let mut peer = Peer::dialling(alice());
    peer.input(Input::Close(epode_stream::CLOSE));
    assert_eq!(peer.ended(), None);
    assert_eq!(peer.sent(), [""; 0]);
}

#[test]
fn closing_says_so_and_waits_for_the_answer_at_every_step() {
    for steps in 0..=NEGOTIATION.len() {
        let mut peer = Peer::after(alice(), &NEGOTIATION[..steps]);
        peer.input(Input::Close(epode_stream::CLOSE));
        assert_eq!(peer.sent(), [CLOSE]);
        assert!(!peer.socket_closed && peer.events().is_empty());
        assert_eq!(peer.patience(), Some(3 * SECOND));
        peer.say(CLOSE);
        assert_eq!(peer.ended(), None);
        assert_eq!(peer.sent(), [""; 0], "<close/> is said once");
    }
}

#[test]
fn closing_while_keys_are_derived_makes_no_use_of_them() {
    let challenge = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
        cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==</challenge>";
    let mut peer = Peer::after(alice(), &[OPEN, &offering(&["SCRAM-SHA-1"]), challenge]);
    let keys = peer.derivation.take().unwrap().advance(u32::MAX).unwrap();
    peer.input(Input::Close(epode_stream::CLOSE));
    assert_eq!(peer.sent(), [CLOSE]);
    peer.input(Input::Derived(keys));
    assert_eq!(peer.sent(), [""; 0]);
    peer.say(CLOSE);
    assert_eq!(peer.ended(), None);
}

#[test]
fn what_the_server_still_says_before_it_closes_does_not_matter() {
    let mut peer = Peer::bound();
    peer.input(Input::Close(epode_stream::CLOSE));
    for frame in [MESSAGE, "", "<broken", "<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>"] {
        peer.say(frame);
    }
    assert!(peer.events().is_empty() && !peer.socket_closed);
    peer.say(CLOSE);
    assert_eq!(peer.ended(), None);
}

#[test]
fn a_socket_that_goes_while_closing_is_a_clean_end() {
    let mut peer = Peer::bound();
    peer.input(Input::Close(epode_stream::CLOSE));
    peer.input(Input::Closed { code: 1006, reason: "gone" });
    assert_eq!(peer.ended(), None);
}

#[test]
fn a_server_that_closes_is_answered() {
    let mut peer = Peer::bound();
    peer.say(CLOSE);
    assert_eq!(peer.ended(), Some(Error::ClosedByServer { elsewhere: None }));
    assert_eq!(peer.sent(), [CLOSE]);
}

#[test]
fn a_socket_that_never_opened_was_not_reachable() {
    let mut peer = Peer::dialling(alice());
    peer.input(Input::Closed { code: 1006, reason: "refused" });
    let error = peer.ended().unwrap();
    assert_eq!(error, Error::Unreachable { code: 1006, reason: "refused".to_owned() });
    assert_eq!(error.to_string(), "the server could not be reached (WebSocket close code 1006: refused)");
    assert_eq!(peer.sent(), [""; 0]);
}

#[test]
fn a_socket_that_goes_is_lost_at_every_step() {
    for steps in 0..=NEGOTIATION.len() {
        let mut peer = Peer::after(alice(), &NEGOTIATION[..steps]);
        peer.input(Input::Closed { code: 1001, reason: "" });
        assert_eq!(peer.ended(), Some(Error::SocketClosed { code: 1001, reason: String::new() }));
        assert_eq!(peer.sent(), [""; 0], "nobody is there to hear it");
    }
}

#[test]
fn a_socket_opens_once() {
    let mut peer = Peer::opened(alice());
    peer.sent();
    peer.input(Input::Opened { nonce: "again".to_owned() });
    assert_eq!(peer.sent(), [""; 0]);
}
