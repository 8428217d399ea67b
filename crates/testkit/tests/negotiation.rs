//! From the socket to the bound resource, and back to nothing.

mod common;

use std::time::Duration;

use common::*;
use epode_testkit::{Config, Input, LegacySession, ResourceConflict};

const REGISTER: &str = "jabber:iq:register";

#[test]
fn the_server_opens_its_stream_and_offers_its_mechanisms() {
    let mut world = World::default();
    let id = world.connect();
    let [open, features] = &world.ask(id, OPEN)[..] else { panic!("two frames") };
    assert!(open.is("open", FRAMING));
    assert_eq!((open.attr("from"), open.attr("version")), (Some("localhost"), Some("1.0")));
    assert!(open.attr("id").is_some_and(|id| id.len() >= 12));
    assert!(features.is("features", STREAM));
    let mechanisms = features.child("mechanisms", SASL).expect("mechanisms");
    let names: Vec<String> = mechanisms.children().map(|mechanism| mechanism.text()).collect();
    assert_eq!(names, Config::default().mechanisms);
}

#[test]
fn anonymous_is_offered_only_where_it_is_allowed() {
    let mut world = World::new(Config { anonymous: true, ..Config::default() });
    let id = world.connect();
    world.ask(id, OPEN);
    let success = world.answer(id, &format!("<auth xmlns='{SASL}' mechanism='ANONYMOUS'>=</auth>"));
    assert!(success.is("success", SASL));

    let mut strict = World::default();
    let id = strict.connect();
    strict.ask(id, OPEN);
    let failure = strict.answer(id, &format!("<auth xmlns='{SASL}' mechanism='ANONYMOUS'>=</auth>"));
    assert_eq!(condition(&failure), "invalid-mechanism");
}

#[test]
fn an_open_that_is_wrong_ends_in_a_stream_error_inside_of_an_open_stream() {
    let cases = [
        (
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='other.example' version='1.0'/>",
            "host-unknown",
        ),
        (
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='0.9'/>",
            "unsupported-version",
        ),
        ("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost'/>", "unsupported-version"),
        ("<open xmlns='urn:example' to='localhost' version='1.0'/>", "invalid-namespace"),
        ("<message xmlns='jabber:client'/>", "not-authorized"),
        ("<open", "not-well-formed"),
        ("<!-- --><open/>", "restricted-xml"),
    ];
    for (frame, expected) in cases {
        let mut world = World::default();
        let id = world.connect();
        let [open, error, close] = &world.ask(id, frame)[..] else { panic!("three frames: {frame}") };
        assert!(open.is("open", FRAMING), "{frame}");
        assert!(error.is("error", STREAM), "{frame}");
        assert_eq!(condition(error), expected, "{frame}");
        assert!(close.is("close", FRAMING), "{frame}");
    }
}

#[test]
fn a_frame_beyond_the_limit_is_a_violation_of_policy() {
    let mut world = World::new(Config { frame_limit: 1000, ..Config::default() });
    let id = world.log_in("alice", "tab");
    let heard = world.ask(id, &chat("bob@localhost", &"x".repeat(1000)));
    assert_eq!(condition(&heard[0]), "policy-violation");
}

#[test]
fn plain_lets_in_who_knows_the_password_and_nobody_else() {
    let attempts = [
        ("\0alice\0secret-alice", "success"),
        ("alice@localhost\0alice\0secret-alice", "success"),
        ("\0alice\0secret-bob", "not-authorized"),
        ("\0nobody\0", "not-authorized"),
        ("bob@localhost\0alice\0secret-alice", "invalid-authzid"),
        ("alice\0secret-alice", "malformed-request"),
    ];
    for (message, expected) in attempts {
        let mut world = World::default();
        let id = world.connect();
        world.ask(id, OPEN);
        let answer = world.answer(id, &auth("PLAIN", message));
        let outcome = if answer.name() == "success" { "success".to_owned() } else { condition(&answer) };
        assert_eq!(outcome, expected, "{message:?}");
    }
}

#[test]
fn an_auth_without_initial_response_is_asked_for_it() {
    let mut world = World::default();
    let id = world.connect();
    world.ask(id, OPEN);
    let challenge = world.answer(id, &format!("<auth xmlns='{SASL}' mechanism='PLAIN'/>"));
    assert!(challenge.is("challenge", SASL));
    assert_eq!(challenge.text(), "");
    assert!(world.answer(id, &response("\0alice\0secret-alice")).is("success", SASL));
}

#[test]
fn an_exchange_can_be_aborted_and_begun_again() {
    let mut world = World::default();
    let id = world.connect();
    world.ask(id, OPEN);
    world.ask(id, &auth("SCRAM-SHA-1", "n,,n=alice,r=abc"));
    assert_eq!(condition(&world.answer(id, &format!("<abort xmlns='{SASL}'/>"))), "aborted");
    assert!(world.answer(id, &plain("alice", "secret-alice")).is("success", SASL));
}

#[test]
fn base64_that_is_none_is_an_encoding_error_of_sasl() {
    let mut world = World::default();
    let id = world.connect();
    world.ask(id, OPEN);
    let failure = world.answer(id, &format!("<auth xmlns='{SASL}' mechanism='PLAIN'>***</auth>"));
    assert_eq!(condition(&failure), "incorrect-encoding");
}

#[test]
fn the_third_failure_ends_the_stream() {
    let mut world = World::default();
    let id = world.connect();
    world.ask(id, OPEN);
    for _ in 0..2 {
        assert_eq!(condition(&world.answer(id, &plain("alice", "wrong"))), "not-authorized");
    }
    let heard = world.ask(id, &plain("alice", "wrong"));
    assert_eq!(condition(&heard[1]), "policy-violation");
    assert!(heard[2].is("close", FRAMING));
    assert_eq!(world.server.statistics().sasl_failed, 3);
}

#[test]
fn a_stanza_before_its_time_ends_the_stream() {
    let mut world = World::default();
    let id = world.connect();
    world.ask(id, OPEN);
    let heard = world.ask(id, &chat("bob@localhost", "too early"));
    assert_eq!(condition(&heard[0]), "not-authorized");

    let id = world.authenticate("alice");
    let heard = world.ask(id, &chat("bob@localhost", "still too early"));
    assert_eq!(condition(&heard[0]), "not-authorized");
}

#[test]
fn a_session_gets_the_resource_it_asks_for_or_one_of_the_servers_own() {
    let mut world = World::default();
    let jid = |answer: epode_xml::Element| {
        answer.child("bind", BIND).and_then(|bind| bind.child("jid", BIND)).expect("a jid").text()
    };
    let id = world.authenticate("alice");
    assert_eq!(jid(world.answer(id, &bind_request("balcony"))), "alice@localhost/balcony");
    let id = world.authenticate("alice");
    let drawn = jid(world.answer(id, &bind_request("")));
    assert!(drawn.starts_with("alice@localhost/") && drawn.len() > "alice@localhost/".len() + 4, "{drawn}");
    assert_eq!(world.server.connections().get(&id), Some(&Some(drawn)));
}

#[test]
fn a_resource_in_use_is_taken_over_unless_configured_otherwise() {
    let mut world = World::default();
    let older = world.bind("alice", "tab");
    let newer = world.bind("alice", "tab");
    let heard = world.heard(older);
    assert_eq!(condition(&heard[0]), "conflict");
    assert!(heard[1].is("close", FRAMING));
    assert_eq!(world.server.statistics().bound_sessions, 1);
    assert!(!world.is_closed(newer));

    let mut world =
        World::new(Config { resource_conflict: ResourceConflict::FreshResource, ..Config::default() });
    world.bind("alice", "tab");
    let newer = world.bind("alice", "tab");
    assert_ne!(world.server.connections()[&newer].as_deref(), Some("alice@localhost/tab"));

    let mut world = World::new(Config { resource_conflict: ResourceConflict::Refuse, ..Config::default() });
    world.bind("alice", "tab");
    let newer = world.authenticate("alice");
    assert_eq!(condition(&world.answer(newer, &bind_request("tab"))), "conflict");
    assert_eq!(world.answer(newer, &bind_request("tab2")).attr("type"), Some("result"), "it may ask again");
}

#[test]
fn a_required_session_request_comes_before_any_other_stanza() {
    let mut world = World::new(Config { legacy_session: LegacySession::Required, ..Config::default() });
    let id = world.bind("alice", "tab");
    assert_eq!(
        condition(&world.answer(id, &iq("get", "", "<ping xmlns='urn:xmpp:ping'/>"))),
        "not-authorized"
    );
    let session = iq("set", "", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>");
    assert_eq!(world.answer(id, &session).attr("type"), Some("result"));
    assert_eq!(
        world.answer(id, &iq("get", "", "<ping xmlns='urn:xmpp:ping'/>")).attr("type"),
        Some("result")
    );
}

#[test]
fn an_optional_session_request_is_marked_as_such() {
    let mut world = World::new(Config { legacy_session: LegacySession::Optional, ..Config::default() });
    let id = world.connect();
    world.say(id, OPEN);
    world.say(id, &plain("alice", "secret-alice"));
    world.heard(id);
    let features = &world.ask(id, OPEN)[1];
    let session = "urn:ietf:params:xml:ns:xmpp-session";
    let offer = features.child("session", session).expect("the session feature");
    assert!(offer.child("optional", session).is_some());
}

#[test]
fn close_is_answered_once_and_counted() {
    let mut world = World::default();
    let id = world.log_in("alice", "tab");
    let close = world.answer(id, &format!("<close xmlns='{FRAMING}'/>"));
    assert!(close.is("close", FRAMING));
    assert!(world.is_closed(id));
    let statistics = world.server.statistics();
    assert_eq!(
        (statistics.clean_closes, statistics.open_connections, statistics.total_connections),
        (1, 0, 1)
    );
}

#[test]
fn a_stream_that_the_server_ends_waits_for_the_clients_close_but_not_for_ever() {
    let mut world = World::default();
    let (polite, silent) = (world.log_in("alice", "tab"), world.log_in("bob", "tab"));
    for id in [polite, silent] {
        world.server.stream_error(id, "system-shutdown");
    }
    world.drain();
    assert_eq!(condition(&world.heard(polite)[0]), "system-shutdown");
    assert!(!world.is_closed(polite));
    world.say(polite, &format!("<close xmlns='{FRAMING}'/>"));
    assert!(world.is_closed(polite));
    assert_eq!(world.heard(polite), [], "the server had closed before");
    assert_eq!(world.deadline, Some(Duration::from_secs(5)));
    world.advance(Duration::from_secs(5));
    assert!(world.is_closed(silent));
}

#[test]
fn a_client_that_does_not_get_on_with_it_is_timed_out() {
    let mut world = World::default();
    let id = world.connect();
    assert_eq!(world.deadline, Some(Duration::from_secs(30)));
    world.ask(id, OPEN);
    world.advance(Duration::from_secs(29));
    assert_eq!(world.heard(id), []);
    world.advance(Duration::from_secs(1));
    assert_eq!(condition(&world.heard(id)[0]), "connection-timeout");

    let bound = world.log_in("alice", "tab");
    world.advance(Duration::from_secs(86_400));
    assert_eq!(world.heard(bound), [], "a bound session may be idle");
}

#[test]
fn inputs_for_connections_that_are_unknown_or_gone_change_nothing() {
    let mut world = World::default();
    let id = world.log_in("alice", "tab");
    world.input(Input::Closed(id));
    let before = world.server.statistics();
    world.say(id, &chat("bob@localhost", "a ghost"));
    world.input(Input::Closed(id));
    assert_eq!(world.server.statistics(), before);
    assert_eq!((before.open_connections, before.bound_sessions, before.clean_closes), (0, 0, 0));
}

#[test]
fn the_same_seed_and_the_same_inputs_give_the_same_conversation() {
    let conversation = || {
        let mut world = World::default();
        let id = world.connect();
        world.say(id, OPEN);
        world.say(id, &auth("SCRAM-SHA-256", "n,,n=alice,r=abc"));
        world.raw(id)
    };
    assert_eq!(conversation(), conversation());
}

#[test]
fn an_account_is_registered_before_the_login_where_that_is_allowed() {
    let query = |kind: &str, fields: &str| {
        format!(
            "<iq xmlns='jabber:client' type='{kind}' id='r'><query xmlns='{REGISTER}'>{fields}</query></iq>"
        )
    };
    let carol = query("set", "<username>Carol</username><password>secret-carol</password>");
    let mut world = World::new(Config { registration: true, ..Config::default() });
    let id = world.connect();
    let [_, features] = &world.ask(id, OPEN)[..] else { panic!("two frames") };
    assert!(features.child("register", "http://jabber.org/features/iq-register").is_some());
    let form = world.answer(id, &query("get", ""));
    let form = form.child("query", REGISTER).expect("a form");
    assert!(form.child("username", REGISTER).is_some() && form.child("password", REGISTER).is_some());
    for (request, expected) in [
        (query("set", "<username>alice</username><password>x</password>"), "conflict"),
        (query("set", "<username>carol</username>"), "not-acceptable"),
        ("<iq xmlns='jabber:client' type='get' id='r'/>".to_owned(), "bad-request"),
    ] {
        let answer = world.answer(id, &request);
        let error = answer.child("error", CLIENT).expect("an error");
        assert!(error.child(expected, STANZA_ERRORS).is_some(), "{request}: {answer}");
    }
    let answer = world.answer(id, &carol);
    assert_eq!((answer.attr("type"), answer.attr("id")), (Some("result"), Some("r")));
    // On the same stream the account may log in.
    assert!(world.answer(id, &plain("carol", "secret-carol")).is("success", SASL));

    let mut strict = World::default();
    let id = strict.connect();
    strict.ask(id, OPEN);
    let error = &strict.ask(id, &carol)[0];
    assert!(error.child("not-authorized", STREAM_ERRORS).is_some(), "{error}");
}
