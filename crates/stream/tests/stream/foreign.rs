//! A mechanism that a page speaks: the stream asks the page, and passes on its answers.

use std::time::Duration;

use epode_stream::sasl::{self, Allowed, MechanismName, Secret};
use epode_stream::{Answer, Config, Error, Event, Input};

use crate::alice;
use crate::frames::*;
use crate::peer::Peer;

const NAME: &str = "X-ECHO";

fn foreign() -> Config {
    let allowed = Allowed { name: MechanismName::Foreign(NAME.to_owned()), priority: 100 };
    Config { allowed: vec![allowed], ..alice() }
}

/// A stream that awaits the page's initial response.
fn asked() -> Peer {
    let mut peer = Peer::after(foreign(), &[OPEN]);
    assert_eq!(peer.answer(&offering(&["PLAIN", NAME])), [""; 0]);
    assert_eq!(std::mem::take(&mut peer.asked), [(NAME.to_owned(), None)]);
    peer
}

fn say(peer: &mut Peer, text: &str) -> Vec<String> {
    peer.input(Input::Answer(Answer::Say(Some(Secret::new(text.to_owned())))));
    peer.sent()
}

fn challenge(base64: &str) -> String {
    format!("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{base64}</challenge>")
}

fn response(base64: &str) -> String {
    let end = if base64.is_empty() { "/>".to_owned() } else { format!(">{base64}</response>") };
    format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'{end}")
}

fn auth(text: &str) -> String {
    AUTH_SENT.replace("PLAIN", NAME).replace("AGFsaWNlAHNlY3JldC1hbGljZQ==", text)
}

#[test]
fn what_is_said_crosses_in_base64_and_what_is_empty_is_said_as_the_specification_has_it() {
    let mut peer = asked();
    assert_eq!(say(&mut peer, "é"), [auth("w6k=")]);
    assert_eq!(peer.answer(&challenge("w7Y=")), [""; 0]);
    assert_eq!(peer.asked, [(NAME.to_owned(), Some("ö".to_owned()))]);
    assert_eq!(say(&mut peer, "ü"), [response("w7w=")]);
    peer.say(&challenge(""));
    assert_eq!(say(&mut peer, ""), [response("")]);
    assert_eq!(peer.answer(SUCCESS), [OPEN_SENT]);
    // RFC 6120 §6.4.2.
    assert_eq!(say(&mut asked(), ""), [auth("=")]);
    let mut second = asked();
    second.input(Input::Answer(Answer::Say(None)));
    assert_eq!(second.sent(), [auth("").replace("></auth>", "/>")]);
}

#[test]
fn whose_account_it_is_only_the_bound_jid_tells() {
    for (jid, ok) in [("alice@localhost/tab", true), ("mallory@localhost/tab", false)] {
        let mut peer = asked();
        say(&mut peer, "alice");
        for frame in [SUCCESS, OPEN, BIND] {
            peer.say(frame);
        }
        assert!(!peer.events().iter().any(|event| matches!(event, Event::Authenticated(_))));
        peer.say(&bound(jid));
        match ok {
            true => assert!(peer.is_bound()),
            false => assert_eq!(peer.ended(), Some(Error::OtherAccount(jid.to_owned()))),
        }
    }
}

#[test]
fn each_way_not_to_answer_ends_the_stream() {
    for (answer, error) in [
        (Answer::Failed, sasl::Error::Failed(NAME.to_owned())),
        (Answer::Gone, sasl::Error::Gone(NAME.to_owned())),
        (Answer::Nobody, sasl::Error::Unspoken(NAME.to_owned())),
    ] {
        let error = Error::Sasl(error);
        let mut peer = asked();
        peer.input(Input::Answer(answer));
        assert_eq!(peer.sent(), [CLOSE]);
        assert_eq!(peer.ended(), Some(error));
    }
    let mut peer = asked();
    assert_eq!(peer.patience(), Some(Duration::from_secs(60)));
    peer.advance(Duration::from_secs(60));
    assert_eq!(peer.ended(), Some(Error::Sasl(sasl::Error::Silent(NAME.to_owned()))));
}

#[test]
fn the_server_must_not_speak_out_of_turn_nor_say_what_is_no_text() {
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>";
    let mut peer = asked();
    say(&mut peer, "alice");
    peer.say(&challenge("/w=="));
    assert_eq!(peer.ended(), Some(Error::Sasl(sasl::Error::ChallengeNotText)));
    let mut peer = asked();
    peer.say(SUCCESS);
    assert!(matches!(peer.ended(), Some(Error::Peer(_))));
    let mut peer = asked();
    peer.say(failure);
    assert!(matches!(peer.ended(), Some(Error::AuthRefused { .. })));
}

#[test]
fn an_answer_that_was_not_asked_for_is_nothing() {
    let mut peer = Peer::after(alice(), &[OPEN]);
    for _ in 0..2 {
        peer.input(Input::Answer(Answer::Failed));
        peer.say(PLAIN);
        peer.say(SUCCESS);
    }
    let mut peer = Peer::bound();
    peer.input(Input::Answer(Answer::Gone));
    assert!(peer.is_bound());
}
