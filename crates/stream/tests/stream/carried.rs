//! Streams that a BOSH session carries, in the place of a socket.

use epode_stream::bosh;
use epode_stream::{Bound, CLOSE as PATIENCE, Config, Error, Event, Input, Purpose};

use crate::frames::*;
use crate::peer::*;

#[test]
fn the_error_of_a_bosh_session_ends_its_stream_in_every_phase_but_after_our_own_close() {
    let gone = || bosh::Error::Terminated { condition: Some("host-gone".to_owned()), elsewhere: None };
    let (dialling, negotiating) =
        (Peer::dialling(crate::alice()), Peer::after(crate::alice(), &[OPEN, PLAIN]));
    for mut peer in [dialling, negotiating, Peer::bound()] {
        peer.input(Input::Failed(gone()));
        assert_eq!(peer.ended(), Some(Error::Bosh(gone())));
        assert!(!peer.sent().iter().any(|frame| frame.contains("error")), "nobody is there to be told");
    }
    let mut closing = Peer::bound();
    closing.input(Input::Close(PATIENCE));
    closing.input(Input::Failed(gone()));
    assert_eq!(closing.ended(), None);
}

#[test]
fn the_error_of_a_bosh_session_keeps_its_condition_its_address_and_its_sentence() {
    let elsewhere = Some("https://other.example/bosh".to_owned());
    let error =
        Error::from(bosh::Error::Terminated { condition: Some("see-other-uri".to_owned()), elsewhere });
    assert_eq!(
        (error.condition(), error.elsewhere()),
        (Some("see-other-uri"), Some("https://other.example/bosh"))
    );
    let error = Error::from(bosh::Error::Http { status: 404 });
    assert_eq!(
        (error.condition(), error.to_string()),
        (None, "the server answered with HTTP 404".to_owned())
    );
    for (error, is_of_network) in [
        (bosh::Error::Unreachable, true),
        (bosh::Error::Silent, true),
        (bosh::Error::Http { status: 503 }, true),
        (bosh::Error::Http { status: 403 }, false),
        (bosh::Error::NoSid, false),
    ] {
        assert_eq!(Error::from(error.clone()).is_of_network(), is_of_network, "{error}");
    }
}

#[test]
fn a_stream_that_goes_on_is_open_at_once_and_says_nothing() {
    let bound = Bound { jid: "alice@localhost/tab".to_owned(), features: String::new(), managed: false };
    let mut peer = Peer::opened(Config { purpose: Purpose::Continue(bound.clone()), ..crate::alice() });
    assert!(matches!(&peer.events()[..], [Event::Bound(told)] if *told == bound));
    assert!(peer.sent().is_empty() && peer.patience().is_none());
    assert!(peer.say(MESSAGE).is_some());
    peer.input(Input::Close(PATIENCE));
    assert_eq!(peer.answer(CLOSE), [CLOSE]);
    assert_eq!(peer.ended(), None);
}
