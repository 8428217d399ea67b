//! From the open socket to the bound resource, without faults.

use epode_stream::sasl::{Credentials, MechanismName};
use epode_stream::{Bound, Config, Error, Event, Input, PeerMisbehaved, Purpose};
use epode_testkit::{self as testkit, LegacySession};

use crate::frames::*;
use crate::line::Line;
use crate::peer::Peer;
use crate::{alice, anonymous, verifying};

#[test]
fn each_step_says_exactly_what_the_specification_has_there() {
    let mut peer = Peer::dialling(alice());
    assert!(peer.sent().is_empty());
    peer.input(Input::Opened { nonce: "n".to_owned() });
    assert_eq!(peer.sent(), [OPEN_SENT]);
    assert_eq!(peer.answer(OPEN), [""; 0]);
    assert_eq!(peer.answer(PLAIN), [AUTH_SENT]);
    assert_eq!(peer.answer(SUCCESS), [OPEN_SENT]);
    assert_eq!(peer.answer(OPEN), [""; 0]);
    assert_eq!(peer.answer(BIND), [BIND_SENT]);
    assert!(!peer.is_bound());
    assert_eq!(peer.answer(BOUND), [""; 0]);
    assert!(peer.is_bound());
    let events = peer.events();
    let [Event::Authenticating, Event::Authenticated(_), Event::Bound(Bound { jid, features, .. })] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(jid, "alice@localhost/tab");
    assert!(features.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{features}");
}

#[test]
fn every_mechanism_leads_to_a_bound_resource() {
    for name in ["SCRAM-SHA-512", "SCRAM-SHA-384", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"] {
        let server = testkit::Config { mechanisms: vec![name.to_owned()], ..testkit::Config::default() };
        let mut line = Line::new(alice(), server);
        line.open();
        assert_eq!(line.stages, ["authenticating", "authenticated", "bound"], "{name}: {:?}", line.ends);
        assert_eq!(line.bound.unwrap().jid, "alice@localhost/tab", "{name}");
        assert!(line.sent[1].contains(&format!("mechanism='{name}'")), "{}", line.sent[1]);
    }
}

#[test]
fn anonymous_binds_whatever_the_server_makes_up() {
    let server = testkit::Config { anonymous: true, ..testkit::Config::default() };
    let mut line = Line::new(anonymous(), server);
    line.open();
    assert_eq!(line.sent[1], "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
    assert!(line.bound.unwrap().jid.starts_with("anonymous-"));
}

#[test]
fn of_what_the_server_offers_the_app_decides() {
    let mut config = alice();
    config.allowed.retain(|allowed| allowed.name == MechanismName::ScramSha1);
    let mut line = Line::new(config, testkit::Config::default());
    line.open();
    assert!(line.sent[1].contains("mechanism='SCRAM-SHA-1'"), "{}", line.sent[1]);
    assert!(line.is_bound());
}

#[test]
fn a_server_may_sign_in_a_challenge_of_its_own() {
    let server = testkit::Config { signature_in_challenge: true, ..testkit::Config::default() };
    let mut line = Line::new(alice(), server);
    line.open();
    assert!(line.is_bound(), "{:?}", line.ends);
    // RFC 6120 §6.4.2: only in `<auth/>` is "=" an empty message; an empty response is an empty
    // element.
    assert_eq!(line.sent[3], "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
}

#[test]
fn an_empty_challenge_is_answered_with_an_empty_response() {
    let mut peer = Peer::after(anonymous(), &[OPEN, &offering(&["ANONYMOUS"])]);
    let challenge = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</challenge>";
    assert_eq!(peer.answer(challenge), ["<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"]);
    assert_eq!(peer.answer(SUCCESS), [OPEN_SENT]);
}

#[test]
fn success_may_come_with_an_equals_sign_for_no_data() {
    let mut peer = Peer::after(alice(), &[OPEN, PLAIN]);
    let success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</success>";
    assert_eq!(peer.answer(success), [OPEN_SENT]);
}

#[test]
fn the_legacy_session_is_opened_where_it_is_required_and_only_there() {
    for (legacy, asked) in
        [(LegacySession::Absent, false), (LegacySession::Optional, false), (LegacySession::Required, true)]
    {
        let server = testkit::Config { legacy_session: legacy, ..testkit::Config::default() };
        let mut line = Line::new(alice(), server);
        line.open();
        assert!(line.is_bound(), "{legacy:?}: {:?}", line.ends);
        assert_eq!(line.sent.last().unwrap() == SESSION_SENT, asked, "{legacy:?}");
    }
}

#[test]
fn the_resource_is_bound_only_once_the_legacy_session_is_there() {
    let mut peer = Peer::after(alice(), &[OPEN, PLAIN, SUCCESS, OPEN, BIND_AND_SESSION]);
    assert_eq!(peer.answer(BOUND), [SESSION_SENT]);
    assert!(!peer.is_bound() && peer.events().is_empty());
    peer.say(SESSION);
    assert!(peer.is_bound());
    assert!(matches!(&peer.events()[..], [Event::Bound(bound)] if bound.jid == "alice@localhost/tab"));
}

#[test]
fn without_a_wish_the_server_picks_the_resource() {
    let config =
        Config { purpose: Purpose::Bind { resource: None, explicit: false, yields: false }, ..alice() };
    let mut peer = Peer::after(config, &[OPEN, PLAIN, SUCCESS, OPEN]);
    assert_eq!(
        peer.answer(BIND),
        [BIND_SENT.replace("<resource>tab</resource>", "").replace("></bind>", "/>")]
    );
    peer.say(&bound("alice@localhost/server&apos;s choice/with a slash"));
    let jid = "alice@localhost/server's choice/with a slash";
    assert!(matches!(&peer.events()[..], [Event::Bound(bound)] if bound.jid == jid));
}

fn explicit() -> Config {
    Config {
        purpose: Purpose::Bind { resource: Some("tab".into()), explicit: true, yields: false },
        ..alice()
    }
}

#[test]
fn where_it_is_told_to_wait_it_binds_when_it_is_told_to_and_has_all_the_time_in_the_world() {
    let mut peer = Peer::after(explicit(), &[OPEN, PLAIN, SUCCESS, OPEN]);
    assert_eq!(peer.answer(BIND), [""; 0]);
    assert!(matches!(&peer.events()[..], [Event::BindRequired(features)] if features.contains("xmpp-bind")));
    assert_eq!(peer.patience(), None);
    peer.input(Input::Bind { resource: None });
    assert_eq!(peer.sent(), [BIND_SENT]);
    assert!(peer.patience().is_some());
    peer.input(Input::Bind { resource: Some("another".to_owned()) });
    assert_eq!(peer.sent(), [""; 0], "once");
    peer.say(BOUND);
    assert!(peer.is_bound());
}

#[test]
fn who_is_told_early_to_bind_does_not_wait_and_the_first_word_counts() {
    let mut peer = Peer::after(explicit(), &[OPEN]);
    for resource in ["desk", "late"] {
        peer.input(Input::Bind { resource: Some(resource.to_owned()) });
    }
    for frame in [PLAIN, SUCCESS, OPEN] {
        peer.say(frame);
    }
    peer.sent();
    assert_eq!(peer.answer(BIND), [BIND_SENT.replace("tab", "desk")]);
    assert!(!peer.events().iter().any(|event| matches!(event, Event::BindRequired(_))));
}

#[test]
fn while_it_waits_to_bind_it_can_be_closed_and_the_server_may_lose_patience() {
    let frames = [OPEN, PLAIN, SUCCESS, OPEN, BIND];
    let mut peer = Peer::after(explicit(), &frames);
    peer.input(Input::Close(epode_stream::CLOSE));
    assert_eq!(peer.answer(CLOSE), [CLOSE]);
    assert_eq!(peer.ended(), None);
    let mut peer = Peer::after(explicit(), &frames);
    peer.say(CLOSE);
    assert!(matches!(peer.ended(), Some(Error::ClosedByServer { .. })));
    let mut peer = Peer::after(explicit(), &frames);
    peer.say(BIND);
    assert!(matches!(peer.ended(), Some(Error::Peer(PeerMisbehaved::Unexpected { .. }))));
}

#[test]
fn the_resource_that_is_asked_for_is_escaped() {
    let purpose = Purpose::Bind { resource: Some("<&>".to_owned()), explicit: false, yields: false };
    let mut peer = Peer::after(Config { purpose, ..alice() }, &[OPEN, PLAIN, SUCCESS, OPEN]);
    assert!(peer.answer(BIND)[0].contains("<resource>&lt;&amp;&gt;</resource>"));
}

#[test]
fn a_stream_that_only_verifies_closes_once_it_knows_and_never_binds() {
    let mut line = Line::new(verifying(), testkit::Config::default());
    line.open();
    assert_eq!(line.stages, ["authenticating", "authenticated"]);
    assert_eq!(line.sent.last().unwrap(), CLOSE);
    assert!(!line.sent.iter().any(|frame| frame.contains("xmpp-bind")));
    assert_eq!(line.ends, [None]);
    let seen = line.server.statistics();
    assert_eq!((seen.clean_closes, seen.bound_sessions, seen.open_connections), (1, 0, 0));
}

#[test]
fn a_name_that_a_login_acts_as_is_believed_only_when_the_server_has_bound_it() {
    let credentials = Credentials { authzid: Some("alice@localhost".to_owned()), ..alice().credentials };
    let mut peer = Peer::after(Config { credentials, ..verifying() }, &[OPEN]);
    peer.say(&offering(&["PLAIN"]));
    peer.say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let events = peer.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Authenticated(_))), "{events:?}");
    peer.say(OPEN);
    peer.say(BIND);
    // A server that has ignored the name.
    peer.say(&bound("mallory@localhost/tab"));
    let events = peer.events();
    assert!(matches!(events.last(), Some(Event::Ended(Some(Error::OtherAccount(_))))), "{events:?}");
}

#[test]
fn white_space_around_names_data_and_the_jid_means_nothing() {
    let mut peer = Peer::after(alice(), &[OPEN]);
    assert_eq!(peer.answer(&offering(&["\n  PLAIN\n"])), [AUTH_SENT]);
    peer.say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\n</success>");
    peer.say(OPEN);
    peer.say(BIND);
    peer.say(&bound("\n alice@localhost/tab "));
    let events = peer.events();
    assert!(
        matches!(events.last(), Some(Event::Bound(bound)) if bound.jid == "alice@localhost/tab"),
        "{events:?}"
    );
}

#[test]
fn prefixes_and_unknown_features_are_all_the_same() {
    let mut peer = Peer::after(alice(), &[OPEN]);
    let features = "<f:features xmlns:f='http://etherx.jabber.org/streams' xmlns='urn:example:x'><x/>\
         <m:mechanisms xmlns:m='urn:ietf:params:xml:ns:xmpp-sasl'><m:mechanism>X-NEW</m:mechanism>\
         <m:mechanism>PLAIN</m:mechanism></m:mechanisms></f:features>";
    assert_eq!(peer.answer(features), [AUTH_SENT]);
}

/// The frame as written by a server that gives every name a prefix.
fn prefixed(frame: &str) -> String {
    let mut declared = Vec::new();
    let mut text = String::new();
    // These frames consist of tags, and text between them.
    for (at, part) in frame.replace("stream:", "").split('<').enumerate() {
        let Some(rest) = part.strip_prefix('/') else {
            if at == 0 {
                continue;
            }
            if part.contains(" xmlns") {
                declared.push(format!("p-{at}.ä"));
            } else if let Some(outer) = declared.last().cloned() {
                declared.push(outer);
            }
            let prefix = declared.last().cloned().unwrap_or_default();
            let own = part.replacen(" xmlns:stream=", " xmlns=", 1).replacen(
                " xmlns=",
                &format!(" xmlns:{prefix}="),
                1,
            );
            text.push_str(&format!("<{prefix}:{own}"));
            if part.contains("/>") {
                declared.pop();
            }
            continue;
        };
        let prefix = declared.pop().unwrap_or_default();
        text.push_str(&format!("</{prefix}:{rest}"));
    }
    text
}

#[test]
fn a_server_may_give_a_prefix_to_every_name() {
    assert_eq!(
        prefixed("<a xmlns='u'><b/><c>x</c></a>"),
        "<p-1.ä:a xmlns:p-1.ä='u'><p-1.ä:b/><p-1.ä:c>x</p-1.ä:c></p-1.ä:a>"
    );
    let mut peer = Peer::opened(alice());
    assert_eq!(peer.sent(), [OPEN_SENT]);
    let answers = [&[][..], &[AUTH_SENT], &[OPEN_SENT], &[], &[BIND_SENT], &[SESSION_SENT], &[]];
    for (frame, answer) in [OPEN, PLAIN, SUCCESS, OPEN, BIND_AND_SESSION, BOUND, SESSION].iter().zip(answers)
    {
        assert_eq!(peer.answer(&prefixed(frame)), answer, "{}", prefixed(frame));
    }
    assert!(peer.is_bound());
    peer.events();
    let head = peer.say(&prefixed(MESSAGE)).unwrap();
    assert_eq!(&*head.namespace, "jabber:client");
    assert!(peer.events().is_empty());
    peer.say(&prefixed(
        "<error xmlns='http://etherx.jabber.org/streams'>\
         <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>",
    ));
    let ended = peer.ended();
    assert!(
        matches!(&ended, Some(Error::StreamError { condition, .. }) if condition == "conflict"),
        "{ended:?}"
    );

    let mut peer = Peer::bound();
    peer.say(&prefixed(CLOSE));
    assert!(matches!(peer.ended(), Some(Error::ClosedByServer { .. })));

    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    let mut peer = Peer::after(alice(), &[OPEN, PLAIN]);
    peer.say(&prefixed(failure));
    assert!(
        matches!(peer.ended(), Some(Error::AuthRefused { condition, .. }) if condition == "not-authorized")
    );
}

#[test]
fn a_name_in_another_namespace_is_another_name() {
    for (so_far, frame) in [
        (&[][..], "<f:open xmlns:f='urn:other' xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>"),
        (
            &[OPEN],
            "<stream:features xmlns:stream='urn:other'>\
             <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
             </stream:features>",
        ),
        (&[OPEN, PLAIN], "<s:success xmlns:s='urn:other' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
    ] {
        let mut peer = Peer::after(alice(), so_far);
        peer.say(frame);
        assert!(!peer.is_bound() && !peer.sent().contains(&AUTH_SENT.to_owned()), "{frame}");
        assert!(matches!(peer.ended(), Some(Error::Peer(_))), "{frame}");
    }
}
