//! Broken rules, and how they end the session.

use epode_bosh::{Error, Input};
use epode_xml::{Limits, Violation};

use crate::line::*;

fn refused(status: u16, text: &str) -> Error {
    let mut line = Line::new();
    line.respond(0, status, text);
    assert_eq!((line.opened, line.bosh.deadline()), (0, None));
    line.closed.unwrap().unwrap()
}

#[test]
fn a_session_request_that_is_answered_wrongly_ends_at_once_with_the_reason() {
    for (status, text, error) in [
        (404, "<html/>", Error::Http { status: 404 }),
        (0, "", Error::Http { status: 0 }),
        (302, "", Error::Http { status: 302 }),
        (204, "", Error::Http { status: 204 }),
        (200, "", Error::NotXml(Violation::NoRoot)),
        (200, "It works!", Error::NotXml(Violation::TextOutsideRoot { at: 0 })),
        (200, "<!DOCTYPE html>", Error::NotXml(Violation::DocumentType { at: 0 })),
        (200, "<body>", Error::NotXml(Violation::Unclosed)),
        (200, "<html/>", Error::NotBody("html".to_owned())),
        (200, "<body/>", Error::NotBody("body of another namespace".to_owned())),
        (200, EMPTY, Error::NoSid),
        (200, &format!("<body {HTTPBIND} sid=''/>"), Error::NoSid),
        (200, &format!("<body {HTTPBIND} type='error'/>"), Error::NotTaken),
    ] {
        assert_eq!(refused(status, text), error, "{status} {text}");
    }
}

#[test]
fn an_error_says_in_words_which_rule_the_server_broke() {
    for (status, text, words) in [
        (404, "", "the server answered with HTTP 404"),
        (0, "", "the server answered with a redirect, which is not followed"),
        (307, "", "the server answered with HTTP 307, a redirect, which is not followed"),
        (
            200,
            "<html/>",
            "the server answered with something other than BOSH: <html/>, in the place of its <body/>",
        ),
        (200, "", "the server answered with something other than BOSH: no element"),
        (200, &terminate("host-unknown"), "the server ended the session: host-unknown"),
    ] {
        assert_eq!(refused(status, text).to_string(), words);
    }
    assert_eq!(refused(200, "<b/>").condition(), None);
    assert_eq!(refused(200, "<b>").condition(), Some("not-well-formed"));
    assert_eq!(refused(200, &terminate("host-unknown")).condition(), Some("host-unknown"));
}

#[test]
fn a_session_request_that_fails_is_repeated_once_and_given_up_within_five_seconds() {
    let mut line = Line::new();
    let body = line.under_way[0].body.clone();
    line.fail(0);
    line.wait(seconds(4));
    assert_eq!(line.under_way[0].body, body);
    line.fail(0);
    assert_eq!(line.closed, Some(Some(Error::Unreachable)));
    assert_eq!((line.statuses, line.now), (vec![0, 0], seconds(4)));

    let mut line = Line::new();
    line.respond(0, 502, "");
    line.wait(seconds(2));
    line.answer(SESSION);
    assert_eq!((line.opened, line.statuses), (1, vec![502]));
}

#[test]
fn a_session_request_that_is_taken_and_not_answered_is_given_up_after_twenty_seconds() {
    let mut line = Line::new();
    line.wait(seconds(10));
    line.fail(0);
    line.wait(millis(9999));
    assert_eq!(line.closed, None);
    line.wait(millis(1));
    assert_eq!((line.closed, line.aborted), (Some(Some(Error::Silent)), 1));
}

#[test]
fn a_refusal_by_a_proxy_is_tried_again_a_few_times() {
    for status in [400, 403, 404, 413] {
        let mut line = Line::open();
        let mut attempts = 0;
        while line.closed.is_none() {
            attempts += 1;
            line.respond(0, status, "<html/>");
            line.end_task();
            if line.under_way.is_empty() && line.closed.is_none() {
                line.wait(line.bosh.deadline().unwrap() - line.now);
            }
        }
        assert_eq!((attempts, line.closed), (4, Some(Some(Error::Http { status }))));
        assert!(line.now <= seconds(4), "{:?}", line.now);
    }
}

#[test]
fn a_refusal_by_a_server_that_tells_no_version_is_final() {
    let mut line = Line::opened_by(&format!("<body {HTTPBIND} sid='s1'/>"));
    line.respond(0, 404, "");
    assert_eq!(line.closed, Some(Some(Error::Http { status: 404 })));
}

#[test]
fn a_response_that_is_too_large_ends_the_session() {
    let large = format!("<body {HTTPBIND}>{}</body>", "x".repeat(10 << 20));
    let mut line = Line::open();
    line.answer(&large);
    let (bytes, limit) = (large.len(), Limits::default().bytes);
    assert_eq!(line.closed, Some(Some(Error::NotXml(Violation::TooLong { bytes, limit }))));
    assert!(matches!(refused(200, &large), Error::NotXml(Violation::TooLong { .. })));

    let mut line = Line::open();
    line.deliver(&"<a/>".repeat(70_000));
    assert!(matches!(line.closed, Some(Some(Error::NotXml(Violation::TooManyChildren { .. })))));
}

#[test]
fn a_response_whose_stanzas_would_grow_too_large_ends_the_session() {
    let (namespace, stanzas) = ("u".repeat(1 << 20), "<p:a/>".repeat(60_000));
    let mut line = Line::open();
    line.answer(&format!("<body {HTTPBIND} xmlns:p='{namespace}'>{stanzas}</body>"));
    assert!(matches!(line.closed, Some(Some(Error::NotXml(Violation::TooLong { .. })))), "{:?}", line.closed);
}

#[test]
fn each_binding_condition_ends_the_session_by_its_name() {
    for condition in [
        "bad-request",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "item-not-found",
        "other-request",
        "policy-violation",
        "remote-connection-failed",
        "remote-stream-error",
        "see-other-uri",
        "system-shutdown",
        "undefined-condition",
    ] {
        let error = Error::Terminated { condition: Some(condition.to_owned()), elsewhere: None };
        assert_eq!(refused(200, &terminate(condition)), error);
        let mut line = Line::open();
        line.say(&message(1));
        line.answer(&terminate(condition));
        if condition == "item-not-found" {
            // The request may be unknown and the session not: the next request tells.
            line.answer(&terminate(condition));
        }
        assert_eq!((line.closed, line.aborted, line.frames.len()), (Some(Some(error)), 1, 0));
    }
}

#[test]
fn a_server_that_is_elsewhere_says_where() {
    let mut line = Line::open();
    line.answer(&format!(
        "<body {HTTPBIND} type='terminate' condition='see-other-uri'>\
         <uri>\n https://a.example/b?c&amp;d </uri></body>"
    ));
    let error = line.closed.unwrap().unwrap();
    assert_eq!(error.elsewhere(), Some("https://a.example/b?c&d"));
    assert_eq!(line.frames.len(), 0);
}

#[test]
fn stanzas_and_a_stream_error_in_a_terminating_body_are_delivered_before_the_end() {
    let mut line = Line::open();
    line.answer(&format!(
        "<body {HTTPBIND} type='terminate' condition='remote-stream-error' \
         xmlns:stream='http://etherx.jabber.org/streams'><message/>\
         <stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></body>"
    ));
    assert_eq!(
        line.frames(),
        [
            "<message xmlns='jabber:client'/>",
            "<stream:error xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\
             <conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        ]
    );
    assert_eq!(line.closed.unwrap().unwrap().condition(), Some("remote-stream-error"));
}

#[test]
fn a_stream_error_that_is_told_without_its_error_element_gets_one() {
    let mut line = Line::open();
    line.answer(&format!(
        "<body {HTTPBIND} type='terminate' condition='remote-stream-error'><message/>\
         <host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>moved</text></body>"
    ));
    assert_eq!(
        line.frames()[1],
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>\
         <host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>moved</text></stream:error>"
    );
}

#[test]
fn a_stream_error_in_the_first_response_reaches_the_stream() {
    let mut line = Line::new();
    line.answer(&format!(
        "<body {HTTPBIND} type='terminate' condition='remote-stream-error' \
         xmlns:stream='http://etherx.jabber.org/streams'>\
         <stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></body>"
    ));
    let frames = line.frames();
    assert!(frames[0].starts_with("<open ") && frames[1].starts_with("<stream:error "), "{frames:?}");
    assert_eq!(line.opened, 1);
    assert!(matches!(line.closed, Some(Some(Error::Terminated { .. }))));
}

#[test]
fn the_reason_that_counts_is_that_of_the_oldest_request() {
    let mut line = Line::open();
    line.say(&message(1));
    line.respond(1, 200, &terminate("other-request"));
    assert_eq!(line.closed, None);
    line.respond(0, 200, &terminate("system-shutdown"));
    assert_eq!(line.closed.unwrap().unwrap().condition(), Some("system-shutdown"));
}

#[test]
fn events_after_the_end_have_no_effect() {
    let mut line = Line::open();
    let id = line.under_way[0].id;
    line.answer(&terminate("item-not-found"));
    line.input(Input::Response { request: id, status: 200, text: SESSION });
    line.input(Input::Frame(OPEN));
    line.input(Input::Close(seconds(3)));
    line.input(Input::Online);
    line.input(Input::Timeout);
    line.end_task();
    assert_eq!((line.under_way.len(), line.bosh.deadline()), (0, None));
}
