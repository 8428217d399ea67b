//! An account, and the stream that a session runs for it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use epode_session::stream::jid::Unicode;
use epode_session::stream::sasl::Secret;
use epode_session::stream::{self, Error};
use epode_session::{Account, Event, Input, Mechanisms, Output, Purpose, Session};

/// The purpose of a session in most tests.
const JOIN: Purpose = Purpose::Join { reconnect: true, explicit: false, management: None };

const SERVICE: &str = "ws://localhost/xmpp";
const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
const FEATURES: &str = "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    <mechanism>PLAIN</mechanism><mechanism>ANONYMOUS</mechanism></mechanisms></f:features>";
const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
const BIND: &str = "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></f:features>";
const BOUND: &str = "<iq xmlns='jabber:client' type='result' id='epode-bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@localhost/desk</jid></bind></iq>";

#[test]
fn a_session_dials_its_service_first_of_all() {
    let mut session = session("alice@localhost/desk", JOIN);
    assert!(matches!(session.poll_output(), Some(Output::Dial(url, _)) if url == SERVICE));
    assert!(session.poll_output().is_none());
    assert_eq!(session.deadline(), Some(Duration::from_secs(20)));
    assert_eq!(session.account().service(), SERVICE);
}

#[test]
fn a_session_that_joins_asks_for_the_resource_of_its_jid_and_is_up_once_it_is_bound() {
    let mut session = session("alice@localhost/desk", JOIN);
    let sent = play(&mut session, &[OPEN, FEATURES, SUCCESS, OPEN, BIND]);
    assert!(sent.last().unwrap().contains("<resource>desk</resource>"), "{sent:?}");
    assert!(session.deadline().is_some(), "it waits for the answer");
    play(&mut session, &[BOUND]);
    assert_eq!(session.deadline(), None);
}

#[test]
fn a_bare_jid_leaves_the_resource_to_the_server() {
    let mut session = session("alice@localhost", JOIN);
    let sent = play(&mut session, &[OPEN, FEATURES, SUCCESS, OPEN, BIND]);
    assert!(sent.last().unwrap().contains("<bind ") && !sent.last().unwrap().contains("<resource>"));
}

#[test]
fn a_session_that_verifies_binds_nothing() {
    let mut session = session("alice@localhost/desk", Purpose::Verify);
    let sent = play(&mut session, &[OPEN, FEATURES, SUCCESS]);
    assert_eq!(sent.last().unwrap(), "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
}

#[test]
fn a_session_ends_with_its_stream_and_says_why() {
    let mut session = session("alice@localhost", JOIN);
    drain(&mut session);
    session.handle_input(Duration::ZERO, Input::Stream(stream::Input::Closed { code: 1006, reason: "" }));
    let ended = std::iter::from_fn(|| session.poll_output()).any(|output| {
        matches!(output, Output::Event(Event::Ended(Some(Error::Unreachable { code: 1006, .. }))))
    });
    assert!(ended);
    assert_eq!(session.deadline(), None);
}

#[test]
fn a_stanza_is_checked_before_it_is_sent() {
    let session = session("alice@localhost", JOIN);
    assert!(session.check("<message/>").is_ok());
    assert!(session.check("<message>").is_err());
}

#[test]
fn the_domain_of_the_jid_is_whom_the_stream_is_opened_to() {
    for jid in ["alice@localhost/a@b/c", "alice@localhost", "localhost"] {
        let greeting = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
        let mut session = session(jid, JOIN);
        // The opener of the socket may have sent this greeting already:
        // client-shim/tests/dialler.test.mjs.
        assert!(matches!(session.poll_output(), Some(Output::Dial(_, known)) if known == greeting), "{jid}");
        assert_eq!(play(&mut session, &[]), [greeting], "{jid}");
    }
}

#[test]
fn a_jid_without_a_name_is_nobody_in_particular() {
    let account = Account::new(SERVICE, "localhost", None, None, Mechanisms::default(), unicode()).unwrap();
    assert!(account.is_anonymous());
    let mut session = Session::new(Duration::ZERO, account, JOIN, 1);
    session.handle_input(Duration::ZERO, Input::Start);
    let sent = play(&mut session, &[OPEN, FEATURES]);
    assert!(sent.last().unwrap().contains("mechanism='ANONYMOUS'"), "{sent:?}");
}

#[test]
fn a_name_beside_a_bare_domain_is_somebody() {
    let named = |jid: &str, name: &str| {
        Account::new(SERVICE, jid, Some(name.to_owned()), None, Mechanisms::default(), unicode()).unwrap()
    };
    let account = named("localhost/desk", "alice");
    assert!(!account.is_anonymous());
    assert_eq!(account.bare_jid(), "localhost");
    assert_eq!(account.name_beside_domain().as_deref(), Some("alice"));
    assert_eq!(named("localhost", "").name_beside_domain(), None);
    assert_eq!(named("bob@localhost", "alice").name_beside_domain(), None);
    // RFC 6120 §6.3.8: there is no other account to act as.
    let mut session = Session::new(Duration::ZERO, with_password(Some("alice")), JOIN, 1);
    session.handle_input(Duration::ZERO, Input::Start);
    let sent = play(&mut session, &[OPEN, FEATURES]);
    assert!(sent.last().unwrap().ends_with(">AGFsaWNlAHNlY3JldA==</auth>"), "{sent:?}");
}

#[test]
fn credentials_are_the_same_if_name_and_password_are() {
    let account = |jid: &str, name: Option<&str>, password: Option<&str>| {
        let password = password.map(|password| Secret::new(password.to_owned()).into());
        Account::new(SERVICE, jid, name.map(str::to_owned), password, Mechanisms::default(), unicode())
            .unwrap()
    };
    let alice = account("alice@localhost/desk", None, Some("secret"));
    for (other, same) in [
        (account("alice@localhost", None, Some("secret")), true),
        (account("alice@localhost", Some("alice"), Some("secret")), true),
        // Accounts with equal JIDs have one name, in any spelling.
        (account("ALICE@localhost", None, Some("secret")), true),
        (account("alice@localhost", Some(""), Some("secret")), true),
        (account("alice@localhost", Some("bob"), Some("secret")), false),
        (account("alice@localhost", None, Some("Secret")), false),
        (account("alice@localhost", None, Some("")), false),
        (account("alice@localhost", None, None), false),
        (account("localhost", None, Some("secret")), false),
    ] {
        assert_eq!(alice.same_credentials(&other, None), same, "{other:?}");
        assert_eq!(other.same_credentials(&alice, None), same, "{other:?}");
    }
}

#[test]
fn of_the_mechanisms_that_an_app_names_those_count_that_are_ours() {
    let named = |names: &[&str]| {
        let named: Vec<(String, u32)> = names.iter().map(|name| ((*name).to_owned(), 1)).collect();
        let password = Some(Secret::new("secret".to_owned()).into());
        let account = Account::new(
            SERVICE,
            "alice@localhost",
            None,
            password,
            Mechanisms { ours: &named, listed: true, ..Mechanisms::default() },
            unicode(),
        )
        .unwrap();
        let mut session = Session::new(Duration::ZERO, account, JOIN, 1);
        session.handle_input(Duration::ZERO, Input::Start);
        play(&mut session, &[OPEN, FEATURES]).pop().unwrap()
    };
    assert!(named(&["X-OTHER", "PLAIN"]).contains("mechanism='PLAIN'"));
    for names in [&["SCRAM-SHA-1"][..], &["X-OTHER"], &[]] {
        assert_eq!(named(names), "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "{names:?}");
    }
}

#[test]
fn an_account_prints_no_secret() {
    assert!(!format!("{:?}", with_password(None)).contains("secret"));
}

fn with_password(name: Option<&str>) -> Account {
    let jid = if name.is_some() { "localhost" } else { "alice@localhost" };
    Account::new(
        SERVICE,
        jid,
        name.map(str::to_owned),
        Some(Secret::new("secret".to_owned()).into()),
        Mechanisms::default(),
        unicode(),
    )
    .unwrap()
}

fn session(jid: &str, purpose: Purpose) -> Session {
    let account = Account::new(
        SERVICE,
        jid,
        None,
        Some(Secret::new("secret".to_owned()).into()),
        Mechanisms::default(),
        unicode(),
    )
    .unwrap();
    let mut session = Session::new(Duration::ZERO, account, purpose, 1);
    session.handle_input(Duration::ZERO, Input::Start);
    session
}

/// Opens the socket, unless it is open, and has the server say these frames; returns all that the
/// session transmits.
fn play(session: &mut Session, frames: &[&str]) -> Vec<String> {
    session.handle_input(Duration::ZERO, Input::Stream(stream::Input::Opened { nonce: "nonce".to_owned() }));
    let mut sent = drain(session);
    for frame in frames {
        session.frame(Duration::ZERO, frame);
        sent.extend(drain(session));
    }
    sent
}

fn drain(session: &mut Session) -> Vec<String> {
    let outputs = std::iter::from_fn(|| session.poll_output());
    let frames = outputs.filter_map(|output| match output {
        Output::Transmit(frame) => Some(frame),
        _ => None,
    });
    frames.collect()
}

fn unicode() -> Unicode {
    use epode_testkit::unicode::{host, lower, nfc, nfkc};
    Unicode { nfc, nfkc, lower, host }
}
