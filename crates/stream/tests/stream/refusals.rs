//! Frames that a stream must refuse at each step: the error, and the stream error for the server.

use std::time::Duration;

use epode_stream::sasl::{self, MechanismName, Secret};
use epode_stream::{Config, Error, PeerMisbehaved, Purpose};

use crate::frames::*;
use crate::peer::{Peer, stream_error};
use crate::{alice, anonymous};

/// The frames before, the frame now, the error that ends the stream, and the stream error that it
/// sends.
type Case<'a> = (&'a [&'a str], &'a str, Error, Option<&'a str>);

fn check(config: impl Fn() -> Config, cases: &[Case<'_>]) {
    for (before, frame, error, condition) in cases {
        let mut peer = Peer::after(config(), before);
        peer.say(frame);
        assert_eq!(peer.ended().as_ref(), Some(error), "{frame}");
        assert_eq!(stream_error(&peer.sent()).as_deref(), *condition, "{frame}");
    }
}

fn unexpected(element: &str, waiting: &'static str) -> Error {
    PeerMisbehaved::Unexpected { element: element.to_owned(), waiting }.into()
}

fn failure(condition: &str, text: Option<&str>) -> Error {
    Error::AuthRefused { condition: condition.to_owned(), text: text.map(str::to_owned), complaint: None }
}

const UNSUPPORTED: Option<&str> = Some("unsupported-stanza-type");
const UNDEFINED: Option<&str> = Some("undefined-condition");

#[test]
fn a_server_that_does_not_open_the_stream() {
    let open = |version: &str| OPEN.replace(" version='1.0'", version);
    let no_open = |name: &str| Error::from(PeerMisbehaved::NoOpen(name.to_owned()));
    let version = |version: Option<&str>| Error::from(PeerMisbehaved::Version(version.map(str::to_owned)));
    let other_namespace = OPEN.replace("xmpp-framing", "xmpp-streams");
    let versions = [
        open(""),
        open(" version='2.0'"),
        open(" version='10.0'"),
        open(" version='1'"),
        open(" version=''"),
    ];
    check(
        alice,
        &[
            (&[], MESSAGE, no_open("message"), Some("invalid-xml")),
            (&[], PLAIN, no_open("features"), Some("invalid-xml")),
            (&[], &other_namespace, no_open("open"), Some("invalid-xml")),
            // Such a server may still explain itself or offer features: here it does neither.
            (&[&versions[0]], MESSAGE, version(None), Some("unsupported-version")),
            (&[&versions[1]], SUCCESS, version(Some("2.0")), Some("unsupported-version")),
            (&[&versions[2]], OPEN, version(Some("10.0")), Some("unsupported-version")),
            (&[&versions[3]], MESSAGE, version(Some("1")), Some("unsupported-version")),
            (&[&versions[4]], MESSAGE, version(Some("")), Some("unsupported-version")),
            // The same after authentication (RFC 6120 §6.4.6).
            (&[OPEN, PLAIN, SUCCESS], BIND, no_open("features"), Some("invalid-xml")),
            (
                &[OPEN, PLAIN, SUCCESS, &versions[1]],
                MESSAGE,
                version(Some("2.0")),
                Some("unsupported-version"),
            ),
        ],
    );
}

#[test]
fn a_server_that_says_no_version_is_heard_out_and_spoken_to_if_it_offers_what_is_needed() {
    let open = OPEN.replace(" version='1.0'", "");
    let unknown = "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
        <host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    let mut peer = Peer::after(alice(), &[&open]);
    peer.say(unknown);
    assert_eq!(peer.ended().and_then(|error| error.condition().map(str::to_owned)).unwrap(), "host-unknown");
    let peer = Peer::after(alice(), &[&open, PLAIN, SUCCESS, &open, BIND, BOUND]);
    assert!(peer.is_bound());
    // A server from before SASL says no more.
    for before in [&[&*open][..], &[OPEN, PLAIN, SUCCESS, &open]] {
        let mut peer = Peer::after(alice(), before);
        peer.advance(Duration::from_secs(5));
        assert_eq!(peer.ended(), Some(PeerMisbehaved::Version(None).into()));
    }
}

#[test]
fn a_later_minor_version_is_spoken_to() {
    let mut peer = Peer::opened(alice());
    peer.say(&OPEN.replace("1.0", "1.1"));
    peer.say(PLAIN);
    assert_eq!(peer.sent().last().unwrap(), AUTH_SENT);
}

#[test]
fn a_server_that_offers_no_way_to_authenticate() {
    let waiting = "waiting for the features that offer authentication";
    let unknown = offering(&["X-OTHER", "plain"]);
    let none = Error::from(sasl::Error::NoMechanism { offered: vec!["X-OTHER".into(), "plain".into()] });
    let empty = offering(&[]);
    let not_features = BIND.replace("features", "feature");
    check(
        alice,
        &[
            (&[OPEN], BIND, PeerMisbehaved::NoMechanisms.into(), UNDEFINED),
            (&[OPEN], &empty, sasl::Error::NoMechanism { offered: vec![] }.into(), None),
            (&[OPEN], &unknown, none, None),
            (&[OPEN], OPEN, unexpected("open", waiting), UNSUPPORTED),
            (&[OPEN], SUCCESS, unexpected("success", waiting), UNSUPPORTED),
            (&[OPEN], MESSAGE, unexpected("message", waiting), UNSUPPORTED),
            (&[OPEN], &not_features, unexpected("feature", waiting), UNSUPPORTED),
        ],
    );
    let offered = sasl::Error::NoMechanism { offered: vec!["PLAIN".into()] };
    check(anonymous, &[(&[OPEN], PLAIN, offered.into(), None)]);
    let public = || Config { plaintext: false, ..alice() };
    check(public, &[(&[OPEN], PLAIN, sasl::Error::PlaintextRefused(MechanismName::Plain).into(), None)]);
}

#[test]
fn a_server_that_authenticates_wrongly() {
    let sasl = |name: &str, content: &str| {
        format!("<{name} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{content}</{name}>")
    };
    let bad = sasl("challenge", "%");
    let bad_success = sasl("success", "%");
    let challenge = sasl("challenge", "");
    let refused = sasl("failure", "<not-authorized/>");
    let with_text = sasl("failure", "<text xml:lang='en'>Not today</text><account-disabled/>");
    let nameless = sasl("failure", "");
    let foreign = sasl("failure", "<not-authorized xmlns='urn:example:x'/>");
    let other = sasl("abort", "");
    let elsewhere = "<success xmlns='urn:xmpp:sasl:2'/>";
    let waiting = "authenticating";
    let before: &[&str] = &[OPEN, PLAIN];
    check(
        alice,
        &[
            (before, &refused, failure("not-authorized", None), None),
            (before, &with_text, failure("account-disabled", Some("Not today")), None),
            (before, &nameless, failure("undefined-condition", None), None),
            (before, &foreign, failure("undefined-condition", None), None),
            (before, &bad, PeerMisbehaved::NotBase64.into(), UNDEFINED),
            (before, &bad_success, PeerMisbehaved::NotBase64.into(), UNDEFINED),
            (before, &challenge, sasl::Error::UnexpectedChallenge.into(), None),
            (before, &other, unexpected("abort", waiting), UNSUPPORTED),
            (before, elsewhere, unexpected("success", waiting), UNSUPPORTED),
            (before, OPEN, unexpected("open", waiting), UNSUPPORTED),
            (before, BIND, unexpected("features", waiting), UNSUPPORTED),
            (before, MESSAGE, unexpected("message", waiting), UNSUPPORTED),
            // A stream authenticates once.
            (
                &[OPEN, PLAIN, SUCCESS],
                SUCCESS,
                PeerMisbehaved::NoOpen("success".into()).into(),
                Some("invalid-xml"),
            ),
        ],
    );
}

fn bearer() -> Config {
    Config {
        credentials: sasl::Credentials {
            proof: Some(Secret::new("token".into()).into()),
            ..alice().credentials
        },
        ..alice()
    }
}

const REASON: &str =
    r#"{"status":"invalid_token","scope":"chat","openid-configuration":"https://localhost/o"}"#;

#[test]
fn a_server_that_does_not_take_the_token_says_why_in_the_sentence() {
    let challenge = |text: &str| {
        use base64::Engine as _;
        let data = base64::engine::general_purpose::STANDARD.encode(text);
        format!("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{data}</challenge>")
    };
    let offer = offering(&["OAUTHBEARER"]);
    let reason = challenge(REASON);
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    let mut peer = Peer::after(bearer(), &[OPEN, &offer]);
    // RFC 7628 §3.2.3.
    assert_eq!(peer.answer(&reason), ["<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AQ==</response>"]);
    peer.say(refused);
    let error = peer.ended().unwrap();
    assert_eq!(error.condition(), Some("not-authorized"));
    assert_eq!(error.to_string(), format!("the server refused the login: not-authorized: {REASON}"));

    let (none, bare) = (challenge("no JSON"), challenge("{}"));
    check(
        bearer,
        &[
            (&[OPEN, &offer], refused, failure("not-authorized", None), None),
            (&[OPEN, &offer], &none, sasl::Error::TokenError.into(), None),
            (&[OPEN, &offer], &bare, sasl::Error::TokenError.into(), None),
            (&[OPEN, &offer, &reason], SUCCESS, sasl::Error::UnexpectedSuccess.into(), None),
            (&[OPEN, &offer, &reason], &reason, sasl::Error::UnexpectedChallenge.into(), None),
        ],
    );
}

#[test]
fn a_token_of_somebody_else_does_not_open_this_account_whatever_the_server_thinks_of_it() {
    let certified =
        || Config { credentials: sasl::Credentials { proof: None, ..alice().credentials }, ..alice() };
    let bob = bound("bob@localhost/tab");
    for (mechanism, config) in [("OAUTHBEARER", bearer()), ("X-OAUTH2", bearer()), ("EXTERNAL", certified())]
    {
        let offer = offering(&[mechanism]);
        let verifying = Config { purpose: Purpose::Verify, ..config.clone() };
        for config in [config.clone(), verifying.clone()] {
            let mut peer = Peer::after(config, &[OPEN, &offer, SUCCESS, OPEN, BIND]);
            assert!(peer.events().is_empty());
            peer.say(&bob);
            assert_eq!(peer.ended(), Some(Error::OtherAccount("bob@localhost/tab".into())), "{mechanism}");
        }
        // The account's own name, in the server's spelling of the case.
        let mut peer =
            Peer::after(verifying, &[OPEN, &offer, SUCCESS, OPEN, BIND, &bound("Alice@localhost/x")]);
        assert_eq!(peer.sent(), [] as [&str; 0]);
        peer.say(CLOSE);
        assert_eq!(peer.ended(), None, "{mechanism}");
        // Or in another equivalent spelling.
        let mut config = config;
        config.credentials.jid = Some("mu\u{308}ller@Bücher.example".to_owned());
        let bound = bound("müller@xn--bcher-kva.example/x");
        assert!(Peer::after(config, &[OPEN, &offer, SUCCESS, OPEN, BIND, &bound]).is_bound(), "{mechanism}");
    }
}

#[test]
fn a_server_that_succeeds_before_scram_has_proven_anything() {
    let scram = offering(&["SCRAM-SHA-1"]);
    check(alice, &[(&[OPEN, &scram], SUCCESS, sasl::Error::UnexpectedSuccess.into(), None)]);
}

#[test]
fn a_server_that_does_not_wait_while_keys_are_derived() {
    // The challenge of RFC 5802 §5, whose nonce begins with ours.
    let challenge = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
        cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==</challenge>";
    let scram = offering(&["SCRAM-SHA-1"]);
    let before: &[&str] = &[OPEN, &scram, challenge];
    let refused = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>";
    let waiting = "it is our turn to speak";
    check(
        alice,
        &[
            (before, SUCCESS, unexpected("success", waiting), UNSUPPORTED),
            (before, challenge, unexpected("challenge", waiting), UNSUPPORTED),
            // The server may give up at any time.
            (before, refused, failure("temporary-auth-failure", None), None),
            (before, CLOSE, Error::ClosedByServer { elsewhere: None }, None),
        ],
    );
}

#[test]
fn a_server_that_binds_wrongly() {
    let features: &[&str] = &[OPEN, PLAIN, SUCCESS, OPEN];
    let binding: &[&str] = &[OPEN, PLAIN, SUCCESS, OPEN, BIND];
    let waiting = "binding a resource";
    let not_full = |jid: &str| Error::from(PeerMisbehaved::BindNotFull(jid.to_owned()));
    let refused = |condition: &str, text: Option<&str>| Error::BindRefused {
        step: "resource",
        condition: condition.to_owned(),
        text: text.map(str::to_owned),
    };
    let error = "<iq xmlns='jabber:client' type='error' id='epode-bind'><error type='cancel'>\
        <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
        <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Taken</text></error></iq>";
    let mute = "<iq xmlns='jabber:client' type='error' id='epode-bind'/>";
    let other_id = BOUND.replace("epode-bind", "epode-bund");
    let no_id = BOUND.replace(" id='epode-bind'", "");
    let server_namespace = BOUND.replace("jabber:client", "jabber:server");
    let no_jid = BOUND.replace("<jid>alice@localhost/tab</jid>", "");
    let no_payload = "<iq xmlns='jabber:client' type='result' id='epode-bind'/>";
    let jids = ["", " ", "alice@localhost", "alice@localhost/", "@/tab", "/tab"].map(bound);
    check(
        alice,
        &[
            (features, PLAIN, PeerMisbehaved::NoBind.into(), UNDEFINED),
            (
                features,
                BOUND,
                unexpected("iq", "waiting for the features that offer resource binding"),
                UNSUPPORTED,
            ),
            (binding, error, refused("conflict", Some("Taken")), None),
            (binding, mute, refused("undefined-condition", None), None),
            (binding, &other_id, unexpected("iq", waiting), UNSUPPORTED),
            (binding, &no_id, unexpected("iq", waiting), UNSUPPORTED),
            (binding, &server_namespace, unexpected("iq", waiting), UNSUPPORTED),
            (binding, &no_jid, PeerMisbehaved::BindWithoutJid.into(), UNDEFINED),
            (binding, no_payload, PeerMisbehaved::BindWithoutJid.into(), UNDEFINED),
            (binding, &jids[0], PeerMisbehaved::BindWithoutJid.into(), UNDEFINED),
            (binding, &jids[1], PeerMisbehaved::BindWithoutJid.into(), UNDEFINED),
            (binding, &jids[2], not_full("alice@localhost"), UNDEFINED),
            (binding, &jids[3], not_full("alice@localhost/"), UNDEFINED),
            (binding, &jids[4], not_full("@/tab"), UNDEFINED),
            (binding, &jids[5], not_full("/tab"), UNDEFINED),
        ],
    );
}

#[test]
fn a_server_that_does_not_open_the_legacy_session_it_requires() {
    let before: &[&str] = &[OPEN, PLAIN, SUCCESS, OPEN, BIND_AND_SESSION, BOUND];
    let error = "<iq xmlns='jabber:client' type='error' id='epode-session'><error type='wait'>\
        <internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";
    let refused =
        Error::BindRefused { step: "session", condition: "internal-server-error".to_owned(), text: None };
    check(
        alice,
        &[
            (before, error, refused, None),
            (before, BOUND, unexpected("iq", "opening the legacy session"), UNSUPPORTED),
        ],
    );
}

#[test]
fn a_server_that_ends_the_stream_is_believed_at_every_step() {
    let error = |content: &str| {
        format!(
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>{content}\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Bye</text></stream:error>"
        )
    };
    let shutdown = error("<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    let moved =
        error("<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>b.example</see-other-host>");
    let away = CLOSE.replace("/>", " see-other-uri='wss://b.example/'/>");
    let ended = |condition: &str, elsewhere: Option<&str>| Error::StreamError {
        condition: condition.to_owned(),
        text: Some("Bye".to_owned()),
        elsewhere: elsewhere.map(str::to_owned),
    };
    for steps in 0..=NEGOTIATION.len() {
        let before = &NEGOTIATION[..steps];
        check(
            alice,
            &[
                (before, &shutdown, ended("system-shutdown", None), None),
                (before, &moved, ended("see-other-host", Some("b.example")), None),
                (before, CLOSE, Error::ClosedByServer { elsewhere: None }, None),
                (before, &away, Error::ClosedByServer { elsewhere: Some("wss://b.example/".into()) }, None),
            ],
        );
    }
}

#[test]
fn a_frame_that_is_no_xml_is_told_so_before_the_server_knows_us() {
    for steps in 0..NEGOTIATION.len() - 1 {
        for (frame, condition) in [
            ("<message xmlns='jabber:client'>", "not-well-formed"),
            ("<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>", "not-well-formed"),
            ("<!-- --><presence xmlns='jabber:client'/>", "restricted-xml"),
            ("<message xmlns='jabber:client'>&e;</message>", "restricted-xml"),
            ("<a:message/>", "bad-namespace-prefix"),
        ] {
            let mut peer = Peer::after(alice(), &NEGOTIATION[..steps]);
            peer.say(frame);
            assert!(matches!(peer.ended(), Some(Error::Xml(_))), "{frame}");
            assert_eq!(stream_error(&peer.sent()).as_deref(), Some(condition), "{frame}");
        }
    }
}

#[test]
fn a_frame_beyond_the_limit_is_a_violation_of_policy_before_the_server_knows_us() {
    for steps in 0..NEGOTIATION.len() - 1 {
        let mut config = alice();
        config.limits.bytes = 400;
        let mut peer = Peer::after(config, &NEGOTIATION[..steps]);
        peer.say(&MESSAGE.replace("Hi", &"x".repeat(400)));
        let error = peer.ended().unwrap();
        assert_eq!(error.condition(), Some("policy-violation"), "{error}");
        assert_eq!(stream_error(&peer.sent()).as_deref(), Some("policy-violation"));
    }
}
