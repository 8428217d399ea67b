#![allow(clippy::unwrap_used)] // a test may

use super::*;
use epode_stream::jid::Unicode;
use epode_stream::sasl::Secret;

const SECOND: Duration = Duration::from_secs(1);
/// With this seed the first delay is some seconds.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The Unicode functions for tests.
pub(crate) fn unicode() -> Unicode {
    use epode_testkit::unicode::{host, lower, nfc, nfkc};
    Unicode { nfc, nfkc, lower, host }
}

fn account(password: &str) -> Account {
    let password = Some(Secret::new(password.into()).into());
    Account::new("ws://localhost/", "a@b/r", None, password, Mechanisms::default(), unicode()).unwrap()
}

/// A session that is up at `now`, after a login by PLAIN.
fn up(now: Duration, reconnect: bool) -> Session {
    let mut session =
        Session::new(now, account("p"), Purpose::Join { reconnect, explicit: false, management: None }, SEED);
    session.handle_input(now, Input::Start);
    negotiate(&mut session, now);
    session
}

const CONFLICT: &str = "<iq xmlns='jabber:client' type='error' id='epode-bind'><error type='cancel'>\
    <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";

/// Plays the latest dial up to a bind request that is answered by a conflict; returns all outputs.
fn in_conflict(session: &mut Session, now: Duration) -> Vec<Output> {
    session.handle_input(now, stream::Input::Opened { nonce: "n0nce+ABCDEFGH".into() }.into());
    for frame in [OPEN, MECHANISMS, SUCCESS, OPEN, BIND, CONFLICT] {
        session.frame(now, frame);
    }
    std::iter::from_fn(|| session.poll_output()).collect()
}

#[test]
fn a_resource_that_the_server_still_keeps_for_the_lost_stream_is_replaced_by_another() {
    let mut session = up(SECOND, true);
    lose(&mut session, 2 * SECOND);
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    let outputs = in_conflict(&mut session, due);
    let Some(Output::Transmit(again)) = outputs.last() else { panic!("{outputs:?}") };
    assert!(again.contains("<resource>given-n0nceABC</resource>"), "{again}");
    let bound = BOUND.replace("given", "given-n0nceABC");
    session.frame(due, &bound);
    assert!(matches!(session.poll_output(), Some(Output::Event(Event::Bound(_)))));
    // The next dial asks for the resource that the server gave.
    let config = session.account().config(session.purpose, true, None);
    assert!(
        matches!(config.purpose, stream::Purpose::Bind { resource: Some(given), .. } if given == "given")
    );
}

#[test]
fn a_conflict_about_that_one_too_is_dialled_again_later_and_at_a_first_attempt_it_is_the_end() {
    let mut session = up(SECOND, true);
    lose(&mut session, 2 * SECOND);
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    in_conflict(&mut session, due);
    session.frame(due, CONFLICT);
    let last = std::iter::from_fn(|| session.poll_output()).last();
    assert!(matches!(last, Some(Output::Event(Event::Lost { news: true, .. }))), "{last:?}");

    let account = session.account().clone();
    let mut first = Session::new(due, account, session.purpose, 1);
    first.handle_input(due, Input::Start);
    let outputs = in_conflict(&mut first, due);
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Ended(Some(_))))), "{outputs:?}");
}

#[test]
fn a_cause_is_news_once_and_another_is_again() {
    let mut session = up(SECOND, true);
    let mut news = Vec::new();
    for said in ["", "", "host-unknown", "host-unknown", "", "system-shutdown"] {
        let now = session.deadline().unwrap_or(2 * SECOND);
        session.handle_input(now, Input::Stream(stream::Input::Timeout));
        session.handle_input(now, Input::Stream(stream::Input::Opened { nonce: "n".into() }));
        let error = format!(
            "<e:error xmlns:e='http://etherx.jabber.org/streams'>\
             <{said} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>"
        );
        match said {
            "" => session.handle_input(now, stream::Input::Closed { code: 1006, reason: "" }.into()),
            _ => assert!(session.frame(now, &error).is_none()),
        }
        let last = std::iter::from_fn(|| session.poll_output()).last();
        let Some(Output::Event(Event::Lost { news: told, .. })) = last else { panic!("{last:?}") };
        news.push(told);
    }
    assert_eq!(news, [true, false, true, false, true, true]);
}

#[test]
fn a_browser_that_is_back_online_does_not_put_refused_credentials_to_the_server_at_once() {
    let mut session = up(SECOND, true);
    lose(&mut session, 2 * SECOND);
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    session.handle_input(due, Input::Stream(stream::Input::Opened { nonce: "n".into() }));
    for frame in
        [OPEN, MECHANISMS, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"]
    {
        session.frame(due, frame);
    }
    assert_eq!(session.deadline(), Some(due + 30 * SECOND));
    for online in [false, true] {
        session.handle_input(due + SECOND, Input::Online(online));
    }
    assert_eq!(session.deadline(), Some(due + 30 * SECOND));
    // New credentials have not been refused.
    assert!(session.adopt(session.account().clone()));
    assert!(session.deadline().unwrap() <= due);
}

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
const MECHANISMS: &str = "<features xmlns='http://etherx.jabber.org/streams'>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
    </features>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const BIND: &str = "<features xmlns='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>";
const BOUND: &str = "<iq xmlns='jabber:client' type='result' id='epode-bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
    <jid>a@b/given</jid></bind></iq>";

fn negotiate(session: &mut Session, now: Duration) {
    session.handle_input(now, stream::Input::Opened { nonce: "n".into() }.into());
    for frame in [OPEN, MECHANISMS, SUCCESS, OPEN, BIND, BOUND] {
        session.frame(now, frame);
    }
    let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Bound(_)))), "{outputs:?}");
}

fn lose(session: &mut Session, now: Duration) -> Vec<Output> {
    session.handle_input(now, Input::Stream(stream::Input::Closed { code: 1006, reason: "" }));
    std::iter::from_fn(|| session.poll_output()).collect()
}

#[test]
fn a_dropped_session_dials_again_within_seconds_and_asks_for_the_resource_it_had() {
    let mut session = up(SECOND, true);
    let outputs = lose(&mut session, 2 * SECOND);
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Lost { .. }))), "{outputs:?}");
    let due = session.deadline().unwrap();
    assert!(due <= 11 * SECOND);
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    assert!(matches!(session.poll_output(), Some(Output::Dial(url, _)) if url == "ws://localhost/"));
    session.handle_input(due, Input::Stream(stream::Input::Opened { nonce: "n".into() }));
    assert_eq!(
        session
            .account()
            .config(Purpose::Join { reconnect: true, explicit: true, management: None }, false, None)
            .purpose,
        stream::Purpose::Bind { resource: Some("given".into()), explicit: true, yields: false }
    );
}

#[test]
fn an_attempt_that_never_was_up_is_not_repeated() {
    let account =
        Account::new("ws://localhost/", "a@b", None, None, Mechanisms::default(), unicode()).unwrap();
    let mut session =
        Session::new(SECOND, account, Purpose::Join { reconnect: true, explicit: true, management: None }, 1);
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
fn of_the_stream_errors_only_conflict_stops_it() {
    for (condition, again) in
        [("system-shutdown", true), ("conflict", false), ("policy-violation", true), ("host-unknown", true)]
    {
        let mut session = up(SECOND, true);
        let error = format!(
            "<e:error xmlns:e='http://etherx.jabber.org/streams'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>"
        );
        session.frame(SECOND, &error);
        let last = std::iter::from_fn(|| session.poll_output()).last();
        let dropped = matches!(last, Some(Output::Event(Event::Lost { .. })));
        assert_eq!(dropped, again, "{condition}: {last:?}");
    }
}

#[test]
fn a_browser_that_is_offline_dials_once_a_minute_and_within_a_second_when_it_is_back() {
    let timeout = || Input::Stream(stream::Input::Timeout);
    let mut session = up(SECOND, true);
    session.handle_input(SECOND, Input::Online(false));
    lose(&mut session, SECOND);
    for minute in 1..4 {
        let due = SECOND + minute * 60 * SECOND;
        assert_eq!(session.deadline(), Some(due));
        session.handle_input(due, timeout());
        assert!(matches!(session.poll_output(), Some(Output::Dial(..))), "the flag is only a hint");
        lose(&mut session, due);
    }
    session.handle_input(200 * SECOND, Input::Online(true));
    let due = session.deadline().unwrap();
    assert!(due <= 201 * SECOND, "{due:?}");
    session.handle_input(due, timeout());
    assert!(matches!(session.poll_output(), Some(Output::Dial(..))));
}

#[test]
fn a_browser_that_goes_offline_between_two_dials_puts_the_next_one_off() {
    let mut session = up(SECOND, true);
    lose(&mut session, SECOND);
    session.handle_input(2 * SECOND, Input::Online(false));
    assert_eq!(session.deadline(), Some(62 * SECOND));
    session.handle_input(3 * SECOND, Input::Online(true));
    assert!(session.deadline().unwrap() <= 4 * SECOND);
}

#[test]
fn a_verdict_that_comes_when_the_session_is_being_closed_is_told_and_the_end() {
    const FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    let mut session = up(SECOND, true);
    lose(&mut session, SECOND);
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    session.handle_input(due, stream::Input::Opened { nonce: "n".into() }.into());
    session.frame(due, OPEN);
    session.frame(due, MECHANISMS);
    session.handle_input(due, stream::Input::Close(stream::CLOSE).into());
    session.frame(due, FAILURE);
    let last = std::iter::from_fn(|| session.poll_output()).last();
    assert!(
        matches!(last, Some(Output::Event(Event::Ended(Some(stream::Error::AuthRefused { .. }))))),
        "{last:?}"
    );
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

// A server that binds another account may have accepted any password: it need not know the right
// one.
#[test]
fn another_account_than_before_is_not_taken_for_the_session() {
    for (bound, ends) in
        [("a@b/given", false), ("A@b/other", false), ("mallory@b/given", true), ("a@b.example/given", true)]
    {
        let mut session = up(SECOND, true);
        // A newer password of the same account does not change that.
        assert!(session.adopt(account("newer")));
        lose(&mut session, 2 * SECOND);
        let due = session.deadline().unwrap();
        session.handle_input(due, Input::Stream(stream::Input::Timeout));
        session.handle_input(due, Input::Stream(stream::Input::Opened { nonce: "n".into() }));
        for frame in [OPEN, MECHANISMS, SUCCESS, OPEN, BIND, &BOUND.replace("a@b/given", bound)] {
            session.frame(due, frame);
        }
        let last = std::iter::from_fn(|| session.poll_output()).last();
        let ended = matches!(last, Some(Output::Event(Event::Ended(Some(stream::Error::OtherAccount(_))))));
        assert_eq!(ended, ends, "{bound}: {last:?}");
    }
}

/// A session that goes on at once, without a login, with the account's full JID.
fn continued() -> Session {
    let account =
        Account::new("http://localhost/", "a@b/given", None, None, Mechanisms::default(), unicode()).unwrap();
    let mut session = Session::new(SECOND, account, Purpose::Continue { reconnect: true }, 1);
    session.handle_input(SECOND, Input::Start);
    session.handle_input(SECOND, stream::Input::Opened { nonce: "n".into() }.into());
    let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
    let [Output::Dial(..), Output::Event(Event::Bound(bound))] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((&*bound.jid, &*bound.features), ("a@b/given", ""));
    session
}

#[test]
fn a_session_without_credentials_is_over_when_its_stream_is_and_is_dialled_again_once_it_has_some() {
    let mut session = continued();
    assert!(session.is_continued());
    let outputs = lose(&mut session, SECOND);
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Ended(Some(_))))), "{outputs:?}");

    let mut session = continued();
    assert!(session.adopt(account("p")) && !session.is_continued());
    let outputs = lose(&mut session, SECOND);
    assert!(matches!(outputs.last(), Some(Output::Event(Event::Lost { .. }))), "{outputs:?}");
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    session.poll_output();
    negotiate(&mut session, due);
}

#[test]
fn the_next_dial_may_be_hastened_but_not_that_of_refused_credentials() {
    let mut session = up(SECOND, true);
    lose(&mut session, SECOND);
    assert!(session.deadline().unwrap() > SECOND);
    session.hasten(SECOND);
    let due = session.deadline().unwrap();
    assert!(due <= 2 * SECOND, "{due:?}");
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    session.handle_input(due, Input::Stream(stream::Input::Opened { nonce: "n".into() }));
    for frame in
        [OPEN, MECHANISMS, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"]
    {
        session.frame(due, frame);
    }
    session.hasten(2 * SECOND);
    assert_eq!(session.deadline(), Some(due + 30 * SECOND));
}

const MANAGED: &str = "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></f:features>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='abc' resume='true'/>";
const RESUMED: &str = "<resumed xmlns='urn:xmpp:sm:3' previd='abc' h='0'/>";

/// A session that is up and can be resumed.
fn managed(now: Duration) -> Session {
    let management = Some(Management { resume: true, max: None });
    let purpose = Purpose::Join { reconnect: true, explicit: false, management };
    let mut session = Session::new(now, account("p"), purpose, 1);
    session.handle_input(now, Input::Start);
    hear(&mut session, now, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED, BOUND, ENABLED]);
    session
}

/// Opens the socket, and hears these frames; returns all outputs.
fn hear(session: &mut Session, now: Duration, frames: &[&str]) -> Vec<Output> {
    session.handle_input(now, stream::Input::Opened { nonce: "n0nce+ABCDEFGH".into() }.into());
    for frame in frames {
        session.frame(now, frame);
    }
    std::iter::from_fn(|| session.poll_output()).collect()
}

/// The next dial, up to the server's features; returns what is then sent.
fn dial_again(session: &mut Session) -> String {
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    let outputs = hear(session, due, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED]);
    match outputs.into_iter().rev().find(|output| matches!(output, Output::Transmit(_))) {
        Some(Output::Transmit(frame)) => frame,
        _ => panic!("nothing was sent"),
    }
}

/// What the stream ends by.
fn told(frame: &str) -> impl Fn(&mut Session, Duration) + '_ {
    move |session, now| drop(session.frame(now, frame))
}

#[test]
fn a_lost_session_is_resumed_from_where_it_stood_and_however_often_that_fails() {
    let mut session = managed(SECOND);
    for received in [3, 5, 5] {
        lose(&mut session, 2 * SECOND);
        session.received(received);
        let resume = dial_again(&mut session);
        assert_eq!(resume, format!("<resume xmlns='urn:xmpp:sm:3' previd='abc' h='{received}'/>"));
        if received == 3 {
            session.frame(2 * SECOND, RESUMED);
            let outputs: Vec<_> = std::iter::from_fn(|| session.poll_output()).collect();
            let event = Event::Management(Report::Resumed(0));
            assert_eq!(format!("{outputs:?}"), format!("{:?}", [Output::Event(event)]));
            assert_eq!(session.deadline(), None);
        }
    }
}

#[test]
fn the_place_where_a_server_wants_to_be_resumed_is_not_gone_to() {
    let elsewhere = ENABLED.replace(" id=", " location='elsewhere.example:5222' id=");
    let mut session = Session::new(
        SECOND,
        account("p"),
        Purpose::Join {
            reconnect: true,
            explicit: false,
            management: Some(Management { resume: true, max: None }),
        },
        1,
    );
    session.handle_input(SECOND, Input::Start);
    let dialled = |session: &mut Session| match session.poll_output() {
        Some(Output::Dial(url, _)) => url,
        other => panic!("{other:?}"),
    };
    let first = dialled(&mut session);
    hear(&mut session, SECOND, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED, BOUND, &elsewhere]);
    lose(&mut session, SECOND);
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    assert_eq!(dialled(&mut session), first);
}

#[test]
fn a_dial_that_was_under_way_while_the_browser_was_offline_is_begun_anew() {
    for negotiates in [false, true] {
        let mut session = managed(SECOND);
        lose(&mut session, SECOND);
        session.handle_input(SECOND, Input::Online(false));
        let due = session.deadline().unwrap();
        session.handle_input(due, Input::Stream(stream::Input::Timeout));
        if negotiates {
            hear(&mut session, due, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED]);
        }
        session.handle_input(due, Input::Online(true));
        let outputs: Vec<_> = std::iter::from_fn(|| session.poll_output()).collect();
        assert!(outputs.iter().any(|output| matches!(output, Output::CloseSocket)), "{outputs:?}");
        assert!(session.deadline().unwrap() <= due + SECOND);
        assert!(dial_again(&mut session).starts_with("<resume"));
        // Only what was under way then is begun anew.
        session.handle_input(due, Input::Online(true));
        assert!(session.poll_output().is_none());
    }
    // A first attempt says by itself why it fails.
    let purpose = Purpose::Join { reconnect: true, explicit: false, management: None };
    let mut session = Session::new(SECOND, account("p"), purpose, 1);
    session.handle_input(SECOND, Input::Start);
    session.poll_output();
    for online in [false, true] {
        session.handle_input(SECOND, Input::Online(online));
    }
    assert!(session.poll_output().is_none());
}

#[test]
fn a_session_that_could_not_be_resumed_is_forgotten_at_once() {
    let mut session = managed(SECOND);
    lose(&mut session, 2 * SECOND);
    dial_again(&mut session);
    let now = 3 * SECOND;
    session.frame(now, "<failed xmlns='urn:xmpp:sm:3'/>");
    lose(&mut session, now);
    assert!(dial_again(&mut session).contains("epode-bind"));
}

#[test]
fn only_an_unfinished_stream_is_resumed() {
    let error = |condition: &str| {
        format!(
            "<e:error xmlns:e='http://etherx.jabber.org/streams'>\
             <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>"
        )
    };
    for (end, resumed) in [
        ("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>".to_owned(), true),
        (error("connection-timeout"), true),
        (error("system-shutdown"), true),
        (error("reset"), true),
        (error("policy-violation"), false),
        (error("not-well-formed"), false),
        (error("not-authorized"), false),
        // Our own `<close/>` ends the session.
        ("<a xmlns='urn:xmpp:sm:3'/>".to_owned(), false),
    ] {
        let mut session = managed(SECOND);
        told(&end)(&mut session, SECOND);
        let last = std::iter::from_fn(|| session.poll_output()).last();
        let Some(Output::Event(Event::Lost { resumable, .. })) = last else { panic!("{end}: {last:?}") };
        assert_eq!(resumable, resumed, "{end}");
        assert_eq!(dial_again(&mut session).contains("<resume"), resumed, "{end}");
    }
}

#[test]
fn a_login_that_fails_does_not_forget_the_session_unless_the_resumption_itself_failed() {
    let mut session = managed(SECOND);
    lose(&mut session, 2 * SECOND);
    let conflict = "<e:error xmlns:e='http://etherx.jabber.org/streams'>\
        <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>";
    let due = session.deadline().unwrap();
    session.handle_input(due, Input::Stream(stream::Input::Timeout));
    hear(&mut session, due, &[OPEN, conflict]);
    assert!(dial_again(&mut session).contains("<resume"));
    // A wire that is dead in one direction looks like a server that never answers: that costs one more try,
    // which waits as long.
    for (tries, then) in [(1, "<resume"), (2, "epode-bind")] {
        let due = session.deadline().unwrap();
        session.handle_input(due, Input::Stream(stream::Input::Timeout));
        assert!(dial_again(&mut session).contains(then), "{tries}");
    }
}

#[test]
fn a_server_that_answers_no_resumption_is_asked_twice_in_a_row_also_by_an_app_that_dials_by_itself() {
    let management = Some(Management { resume: true, max: None });
    let purpose = Purpose::Join { reconnect: false, explicit: false, management };
    let mut session = managed(SECOND);
    lose(&mut session, SECOND);
    let mut former = session.former().cloned();
    for (answers, is_kept) in [(false, true), (true, true), (false, true), (false, false)] {
        let mut next = Session::new(SECOND, account("p"), purpose, 1);
        assert!(next.go_on(SECOND, former.take().unwrap(), "a@b/desk"));
        next.handle_input(SECOND, Input::Start);
        hear(&mut next, SECOND, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED]);
        if answers {
            hear(&mut next, SECOND, &[RESUMED]);
            lose(&mut next, SECOND);
        } else {
            let due = next.deadline().unwrap();
            next.handle_input(due, Input::Stream(stream::Input::Timeout));
        }
        former = next.former().cloned();
        assert_eq!(former.is_some(), is_kept);
    }
}

#[test]
fn a_server_that_counts_wrongly_is_not_asked_to_count_again() {
    let another = RESUMED.replace("abc", "xyz");
    for wrong in ["<a xmlns='urn:xmpp:sm:3'/>", &another] {
        let mut session = managed(SECOND);
        if wrong == another {
            lose(&mut session, SECOND);
            dial_again(&mut session);
        }
        let now = 60 * SECOND;
        session.frame(now, wrong);
        assert!(dial_again(&mut session).contains("epode-bind"), "{wrong}");
        session.frame(now, BOUND);
        let outputs: Vec<_> = std::iter::from_fn(|| session.poll_output()).collect();
        assert!(
            matches!(&outputs[..], [Output::Event(Event::Bound(bound))] if !bound.managed),
            "{outputs:?}"
        );
    }
}

#[test]
fn a_session_that_is_not_dialled_again_leaves_what_the_next_one_goes_on_with() {
    let management = Some(Management { resume: true, max: Some(60) });
    let purpose = Purpose::Join { reconnect: false, explicit: false, management };
    let mut session = Session::new(SECOND, account("p"), purpose, 1);
    session.handle_input(SECOND, Input::Start);
    let outputs = hear(&mut session, SECOND, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED, BOUND]);
    let enable = "<enable xmlns='urn:xmpp:sm:3' resume='true' max='60'/>";
    assert!(outputs.iter().any(|output| matches!(output, Output::Transmit(frame) if frame == enable)));
    hear(&mut session, SECOND, &["<enabled xmlns='urn:xmpp:sm:3' id='abc' resume='true' max='60'/>"]);
    assert_eq!(session.former(), None);
    session.handle_input(SECOND, stream::Input::Closed { code: 1006, reason: "" }.into());
    let former = session.former().unwrap().clone();
    assert_eq!((&*former.id, former.max), ("abc", Some(60)));

    let unresumed = Purpose::Join { reconnect: false, explicit: false, management: None };
    for (asks, purpose, resumes) in
        [("a@b", purpose, true), ("a@b/other", purpose, true), ("a@b/desk", unresumed, false)]
    {
        let account =
            Account::new("ws://localhost/", asks, None, None, Mechanisms::default(), unicode()).unwrap();
        let mut next = Session::new(SECOND, account, purpose, 1);
        assert_eq!(next.go_on(SECOND, former.clone(), "a@b/desk"), resumes, "{asks}");
    }
}

// A frame of ours that no server reads would end each stream that resumes the session.
#[test]
fn a_server_that_calls_a_resumed_stream_not_well_formed_is_believed_the_second_time() {
    const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='abc' resume='true'/>";
    const CHOKES: &str = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
        <not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    const RESUMED: &str = "<resumed xmlns='urn:xmpp:sm:3' previd='abc' h='0'/>";
    let lost = |session: &mut Session, now| {
        session.frame(now, CHOKES);
        std::iter::from_fn(|| session.poll_output()).find_map(|output| match output {
            Output::Event(Event::Lost { resumable, .. }) => Some(resumable),
            _ => None,
        })
    };
    for proof in [None, Some("<a xmlns='urn:xmpp:sm:3' h='0'/>")] {
        let management = Some(Management { resume: true, max: None });
        let purpose = Purpose::Join { reconnect: true, explicit: false, management };
        let mut session = Session::new(SECOND, account("p"), purpose, SEED);
        session.handle_input(SECOND, Input::Start);
        hear(&mut session, SECOND, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED, BOUND, ENABLED]);
        session.handle_input(SECOND, stream::Input::Closed { code: 1006, reason: "" }.into());
        for resumable in [true, false] {
            let due = session.deadline().unwrap();
            session.handle_input(due, stream::Input::Timeout.into());
            hear(&mut session, due, &[OPEN, MECHANISMS, SUCCESS, OPEN, MANAGED, RESUMED]);
            // Where the server has acknowledged a frame of this stream, the error is about a later one.
            proof.iter().for_each(|proof| drop(session.frame(due, proof)));
            let forgiven = resumable && proof.is_none();
            assert_eq!(lost(&mut session, due), Some(forgiven), "{proof:?}");
            if proof.is_some() {
                break;
            }
        }
    }
}
