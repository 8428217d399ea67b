//! From the session request to the features after authentication.

use epode_bosh::{Carries, Config, Input, Terms};

use crate::line::*;

#[test]
fn the_session_request_carries_the_first_open_and_the_terms_asked_for() {
    let line = Line::new();
    assert_eq!(
        line.under_way[0].body,
        "<body xmlns='http://jabber.org/protocol/httpbind' rid='1000' to='capulet.example' xml:lang='en' \
         wait='60' hold='1' ver='1.6' ack='1' content='text/xml; charset=utf-8' xmlns:xmpp='urn:xmpp:xbosh' \
         xmpp:version='1.0'/>"
    );
    assert_eq!(line.under_way[0].carries, Carries::Something);
    assert!(line.caches.is_empty());

    let greeting =
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a&apos;b' from='c@d' xml:lang='de'/>";
    let line = Line::with(Config { greeting, wait: 10, hold: 2, route: Some("xmpp:e:9999"), ..config() });
    let asked = line.under_way[0].element();
    for (name, value) in [("to", "a'b"), ("from", "c@d"), ("xml:lang", "de"), ("route", "xmpp:e:9999")] {
        assert_eq!(asked.attr(name), Some(value));
    }
    assert_eq!((asked.attr("wait"), asked.attr("hold")), (Some("10"), Some("2")));
}

#[test]
fn a_rid_is_positive_and_leaves_room_for_a_session() {
    for (random, rid) in [(0, 1), (u64::MAX, 1 << 32), (1 << 32, 1)] {
        assert_eq!(Line::with(Config { random, ..config() }).rids(), [rid]);
    }
}

#[test]
fn the_first_response_opens_the_socket_and_tells_open_and_features() {
    let mut line = Line::new();
    line.respond(0, 200, SESSION);
    assert_eq!(line.opened, 1);
    assert_eq!(
        line.frames(),
        [
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' from='capulet.example' \
             id='a1'/>",
            "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\
             <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>"
        ]
    );
    let terms = Terms { polling: 5, inactivity: Some(30), ..Terms::default() };
    assert_eq!((line.bosh.sid(), line.bosh.terms()), ("s1", &terms));
}

#[test]
fn a_server_grants_no_more_than_was_asked_for_and_its_silence_grants_that() {
    let line = Line::opened_by(&format!("<body {HTTPBIND} sid='s1' wait='300' hold='5' requests='many'/>"));
    assert_eq!(*line.bosh.terms(), Terms { versioned: false, ..Terms::default() });
    let line = Line::opened_by(&format!("<body {HTTPBIND} sid='s1' inactivity='99999999999' ver='1.6'/>"));
    assert_eq!(*line.bosh.terms(), Terms { inactivity: Some(u32::MAX), ..Terms::default() });
}

#[test]
fn the_streams_first_open_is_not_sent_twice_and_the_next_frame_leaves_in_the_same_task() {
    let mut line = Line::new();
    line.respond(0, 200, SESSION);
    line.input(Input::Frame(OPEN));
    line.input(Input::Frame("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AA==</auth>"));
    assert!(line.under_way.is_empty());
    line.end_task();
    assert_eq!(
        line.under_way[0].body,
        "<body xmlns='http://jabber.org/protocol/httpbind' rid='1001' sid='s1'>\
         <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AA==</auth></body>"
    );
    assert_eq!(line.under_way.len(), 1);
}

#[test]
fn late_features_are_polled_for_and_follow_open() {
    let mut line = Line::opened_by(&format!("<body {HTTPBIND} sid='s1' from='capulet.example' ver='1.6'/>"));
    assert_eq!(line.frames(), [""; 0]);
    assert_eq!((line.rids(), line.under_way[0].stanzas()), (vec![RID + 1], ""));
    line.answer(EMPTY);
    assert_eq!(line.rids(), [RID + 2]);
    line.deliver("<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>");
    let frames = line.frames();
    // Features imply version 1.0; the first response has told `from`.
    assert_eq!(
        frames[0],
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0' from='capulet.example'/>"
    );
    assert_eq!(frames.len(), 2);
}

#[test]
fn the_open_of_a_server_without_features_has_no_version_that_the_server_does_not_tell() {
    let mut line = Line::opened_by(&format!("<body {HTTPBIND} sid='s1'/>"));
    line.deliver("<message xmlns='jabber:client'/>");
    assert_eq!(line.frames()[0], "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
}

#[test]
fn a_restart_is_alone_in_its_body_and_its_features_follow_another_open() {
    let mut line = Line::open();
    line.say("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    line.answer(EMPTY);
    line.respond(
        0,
        200,
        &format!("<body {HTTPBIND}><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></body>"),
    );
    line.input(Input::Frame(OPEN));
    line.input(Input::Frame("<iq xmlns='jabber:client'/>"));
    line.end_task();
    assert_eq!(
        line.under_way[0].body,
        "<body xmlns='http://jabber.org/protocol/httpbind' rid='1003' sid='s1' to='capulet.example' \
         xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'/>"
    );
    assert_eq!(line.under_way[1].stanzas(), "<iq xmlns='jabber:client'/>");
    line.frames();
    line.deliver("<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>");
    let frames = line.frames();
    assert!(frames[0].starts_with("<open ") && frames[1].starts_with("<stream:features"), "{frames:?}");
    assert_eq!(frames.len(), 2);
}

#[test]
fn a_session_that_is_closed_before_it_is_open_leaves_nothing_behind() {
    let mut line = Line::new();
    line.input(Input::Close(seconds(3)));
    assert_eq!((line.aborted, &line.closed, line.bosh.deadline()), (1, &Some(None), None));
}
