#![allow(clippy::unwrap_used)] // a test may

use super::*;
use epode_stream::sasl::Secret;

const SECOND: Duration = Duration::from_secs(1);

/// A session that is up, by PLAIN, at `now`.
fn up(now: Duration, reconnect: bool) -> Session {
    let account = Account::new(
        "ws://localhost/",
        "a@b/r",
        None,
        Some(Secret::new("p".into()).into()),
        Mechanisms::default(),
        str::to_owned,
    )
    .unwrap();
    let mut session = Session::new(now, account, Purpose::Join { reconnect, explicit: false }, 1);
    session.handle_input(now, Input::Start);
    negotiate(&mut session, now);
    session
}

fn negotiate(session: &mut Session, now: Duration) {
    let mut feed = |input: stream::Input<'_>| session.handle_input(now, Input::Stream(input));
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
    feed(stream::Input::Opened { nonce: "n".into() });
    for frame in [
        open,
        "<features xmlns='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>PLAIN</mechanism></mechanisms></features>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        open,
        "<features xmlns='http://etherx.jabber.org/streams'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>",
        "<iq xmlns='jabber:client' type='result' id='epode-bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>a@b/given</jid></bind></iq>",
    ] {
        feed(stream::Input::Frame(frame));
    }
    let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Bound(_)))), "{outputs:?}");
}

fn lose(session: &mut Session, now: Duration) -> Vec<Output> {
    session.handle_input(now, Input::Stream(stream::Input::Closed { code: 1006, reason: "" }));
    std::iter::from_fn(|| session.poll_output()).collect()
}

#[test]
fn a_dropped_session_dials_again_within_a_second_and_asks_for_the_resource_it_had() {
    let mut session = up(SECOND, true);
    let outputs = lose(&mut session, 2 * SECOND);
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Dropped(_)))), "{outputs:?}");
    let due = session.deadline().unwrap();
    assert!(due <= 3 * SECOND);
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    assert!(matches!(session.poll_output(), Some(Output::Dial(url, _)) if url == "ws://localhost/"));
    session.handle_input(due, Input::Stream(stream::Input::Opened { nonce: "n".into() }));
    assert_eq!(
        session.account().config(Purpose::Join { reconnect: true, explicit: true }).purpose,
        stream::Purpose::Bind { resource: Some("given".into()), explicit: true }
    );
}

#[test]
fn an_attempt_that_never_was_up_is_not_repeated() {
    let account =
        Account::new("ws://localhost/", "a@b", None, None, Mechanisms::default(), str::to_owned).unwrap();
    let mut session = Session::new(SECOND, account, Purpose::Join { reconnect: true, explicit: true }, 1);
    session.handle_input(SECOND, Input::Start);
    let outputs = lose(&mut session, SECOND);
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Ended(Some(_))))), "{outputs:?}");
    assert_eq!(session.deadline(), None);
}

#[test]
fn without_reconnect_the_app_is_left_to_it() {
    let outputs = lose(&mut up(SECOND, false), SECOND);
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Ended(Some(_))))), "{outputs:?}");
}

#[test]
fn a_permanent_error_stops_it() {
    for (condition, again) in [("system-shutdown", true), ("conflict", false), ("not-authorized", false)] {
        let mut session = up(SECOND, true);
        let error = format!(
            "<e:error xmlns:e='http://etherx.jabber.org/streams'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>"
        );
        session.handle_input(SECOND, Input::Stream(stream::Input::Frame(&error)));
        let last = std::iter::from_fn(|| session.poll_output()).last();
        let dropped = matches!(last, Some(Output::Event(Event::Dropped(_))));
        assert_eq!(dropped, again, "{condition}: {last:?}");
    }
}

#[test]
fn nothing_is_dialled_while_the_browser_is_offline_and_at_once_when_it_is_back() {
    let mut session = up(SECOND, true);
    session.handle_input(SECOND, Input::Online(false));
    lose(&mut session, SECOND);
    assert_eq!(session.deadline(), None);
    session.handle_input(100 * SECOND, Input::Online(true));
    assert!(matches!(session.poll_output(), Some(Output::Dial(..))));
}

#[test]
fn closing_between_two_dials_is_the_end() {
    let mut session = up(SECOND, true);
    lose(&mut session, SECOND);
    session.handle_input(SECOND, Input::Stream(stream::Input::Close(stream::CLOSE)));
    assert!(matches!(session.poll_output(), Some(Output::Event(Event::Ended(None)))));
    session.handle_input(100 * SECOND, Input::Stream(stream::Input::Timeout));
    assert!(session.poll_output().is_none());
}
