//! The deadlines of a stream.

use std::time::Duration;

use epode_stream::{Error, Event, Input};

use crate::frames::*;
use crate::peer::{Peer, stream_error};
use crate::{SECOND, alice};

const MOMENT: Duration = Duration::from_millis(1);

/// Checks that nothing happens until the deadline, and returns why the stream then ends.
fn wait_out(peer: &mut Peer, patience: Duration) -> Option<Error> {
    assert_eq!(peer.patience(), Some(patience));
    peer.advance(patience - MOMENT);
    assert!(!peer.stream.is_closed(), "gave up too early");
    assert_eq!(peer.patience(), Some(MOMENT));
    peer.advance(MOMENT);
    peer.ended()
}

#[test]
fn a_socket_has_twenty_seconds_to_open() {
    let mut peer = Peer::dialling(alice());
    let ended = wait_out(&mut peer, 20 * SECOND).expect("nobody answers");
    assert_eq!(ended.to_string(), "the server did not answer in time, while opening the socket");
    assert_eq!(peer.sent(), [""; 0]);
}

#[test]
fn each_answer_of_the_negotiation_has_twenty_seconds() {
    let steps: [(&[&str], &str); 6] = [
        (&[], "waiting for <open/>"),
        (&[OPEN], "waiting for the features that offer authentication"),
        (&[OPEN, PLAIN], "authenticating"),
        (&[OPEN, PLAIN, SUCCESS, OPEN], "waiting for the features that offer resource binding"),
        (&[OPEN, PLAIN, SUCCESS, OPEN, BIND], "binding a resource"),
        (&[OPEN, PLAIN, SUCCESS, OPEN, BIND_AND_SESSION, BOUND], "opening the legacy session"),
    ];
    for (frames, waiting) in steps {
        let mut peer = Peer::after(alice(), frames);
        assert_eq!(wait_out(&mut peer, 20 * SECOND), Some(Error::Timeout(waiting)));
        assert_eq!(stream_error(&peer.sent()).as_deref(), Some("connection-timeout"));
    }
}

#[test]
fn an_answer_starts_the_wait_for_the_next_one() {
    let mut peer = Peer::opened(alice());
    for frame in NEGOTIATION {
        assert_eq!(
            peer.patience(),
            Some(if frame == PLAIN || frame == BIND { 11 * SECOND } else { 20 * SECOND })
        );
        // `<open/>` and the features after it are one answer.
        peer.advance(9 * SECOND);
        peer.say(frame);
    }
    assert!(peer.is_bound());
    assert_eq!(peer.patience(), None);
}

#[test]
fn our_own_work_has_no_deadline_and_what_comes_after_it_has() {
    let challenge = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
        cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==</challenge>";
    let mut peer = Peer::after(alice(), &[OPEN, &offering(&["SCRAM-SHA-1"]), challenge]);
    assert_eq!(peer.patience(), None);
    peer.advance(1000 * SECOND);
    let keys = peer.derivation.take().unwrap().advance(u32::MAX).unwrap();
    peer.input(Input::Derived(keys));
    assert_eq!(wait_out(&mut peer, 20 * SECOND), Some(Error::Timeout("authenticating")));
}

#[test]
fn the_servers_close_has_three_seconds() {
    let mut peer = Peer::bound();
    peer.input(Input::Close(epode_stream::CLOSE));
    assert_eq!(wait_out(&mut peer, 3 * SECOND), Some(Error::NotClosed));
    assert_eq!(peer.sent(), [CLOSE]);
}

#[test]
fn the_servers_close_has_as_long_as_is_said_even_no_time() {
    for patience in [Duration::ZERO, MOMENT, 60 * SECOND] {
        let mut peer = Peer::bound();
        peer.input(Input::Close(patience));
        assert_eq!(peer.patience(), Some(patience));
        peer.advance(patience);
        assert_eq!(peer.ended(), Some(Error::NotClosed));
    }
}

#[test]
fn to_ask_for_the_close_again_may_shorten_it() {
    let mut peer = Peer::bound();
    peer.input(Input::Close(60 * SECOND));
    peer.input(Input::Close(SECOND));
    assert_eq!(wait_out(&mut peer, SECOND), Some(Error::NotClosed));
}

#[test]
fn to_ask_for_the_close_again_does_not_prolong_it() {
    let mut peer = Peer::bound();
    peer.input(Input::Close(epode_stream::CLOSE));
    peer.advance(SECOND);
    peer.input(Input::Close(epode_stream::CLOSE));
    peer.say(MESSAGE);
    assert_eq!(wait_out(&mut peer, 2 * SECOND), Some(Error::NotClosed));
}

#[test]
fn a_timeout_that_comes_early_or_late_or_for_nothing_does_no_harm() {
    let mut peer = Peer::bound();
    peer.input(Input::Timeout);
    assert!(peer.is_bound());
    let mut peer = Peer::opened(alice());
    peer.advance(3600 * SECOND);
    assert!(matches!(peer.events()[..], [Event::Ended(Some(Error::Timeout(_)))]));
}
