//! Stanzas up and down, on two connections at most.

use epode_bosh::{Cache, Carries, Config, Input};
use epode_xml::{Head, Limits};

use crate::line::*;

#[test]
fn one_request_is_always_held() {
    let mut line = Line::open();
    for number in 1..100 {
        assert_eq!((line.rids(), line.under_way[0].carries), (vec![RID + number], Carries::Nothing));
        line.wait(seconds(60));
        line.answer(EMPTY);
    }
    line.deliver("<message xmlns='jabber:client'/>");
    assert_eq!(line.rids(), [RID + 101]);
}

#[test]
fn the_stanzas_of_a_task_leave_at_its_end_in_one_body_on_the_second_connection() {
    let mut line = Line::open();
    for number in 0..500 {
        line.input(Input::Frame(&message(number)));
    }
    assert_eq!(line.under_way.len(), 1);
    line.end_task();
    assert_eq!(line.rids(), [RID + 1, RID + 2]);
    assert_eq!(line.under_way[1].stanzas(), (0..500).map(message).collect::<String>());
    assert_eq!(line.under_way[1].carries, Carries::Something);
}

#[test]
fn nothing_is_asked_between_a_challenge_and_its_answer() {
    let sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
    let mut line = Line::open();
    line.say(&format!("<auth {sasl} mechanism='SCRAM-SHA-1'>biws</auth>"));
    line.answer(EMPTY);
    line.deliver(&format!("<challenge {sasl}>cj1h</challenge>"));
    // A slow machine derives the key.
    line.wait(seconds(14));
    assert_eq!(line.rids(), [0; 0]);
    line.say(&format!("<response {sasl}>Yz1i</response>"));
    assert_eq!((line.rids(), line.under_way[0].carries), (vec![RID + 3], Carries::Something));
    line.deliver(&format!("<success {sasl}/>"));
    assert_eq!((line.rids(), line.under_way[0].carries), (vec![RID + 4], Carries::Nothing));
}

#[test]
fn a_challenge_that_is_not_answered_costs_no_session() {
    let mut line = Line::open();
    line.deliver("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj1h</challenge>");
    // The server gives the session up after 30 s without a request.
    for number in 2..10 {
        line.wait(seconds(15));
        assert_eq!((line.rids(), line.under_way[0].carries), (vec![RID + number], Carries::Nothing));
        line.answer(EMPTY);
        assert_eq!(line.rids(), [0; 0]);
    }
}

#[test]
fn stanzas_wait_for_the_next_response_while_both_connections_are_busy() {
    let mut line = Line::open();
    line.say(&message(1));
    line.say(&message(2));
    line.say(&message(3));
    assert_eq!(line.rids(), [RID + 1, RID + 2]);
    line.answer(EMPTY);
    assert_eq!(line.rids(), [RID + 2, RID + 3]);
    assert_eq!(line.under_way[1].stanzas(), [message(2), message(3)].concat());
    line.answer(EMPTY);
    assert_eq!(line.rids(), [RID + 3]);
}

#[test]
fn the_server_has_a_stanza_when_its_request_is_answered_or_acknowledged() {
    let mut line = Line::open();
    line.input(Input::Frame("<active xmlns='urn:xmpp:csi:0'/>"));
    line.input(Input::Stanza(&message(1)));
    line.input(Input::Stanza(&message(2)));
    line.end_task();
    // The held request is answered first, since another has come.
    line.answer(EMPTY);
    assert_eq!(line.taken, 0);
    line.input(Input::Stanza(&message(3)));
    line.end_task();
    line.answer(EMPTY);
    assert_eq!(line.taken, 2);
    // And a server that says so (XEP-0124 §9.1) has it before.
    line.input(Input::Stanza(&message(4)));
    line.end_task();
    let rids = line.rids();
    line.answer(&format!("<body {HTTPBIND} ack='{}'/>", rids[1]));
    assert_eq!(line.taken, 4);
    line.answer(EMPTY);
    assert_eq!(line.taken, 4);
}

#[test]
fn a_stanza_of_a_session_that_ended_by_an_error_is_not_said_to_be_there() {
    let mut line = Line::open();
    line.input(Input::Stanza(&message(1)));
    line.end_task();
    line.answer(EMPTY);
    line.answer(&format!("<body {HTTPBIND} type='terminate' condition='internal-server-error'/>"));
    assert!(line.closed.is_some());
    assert_eq!(line.taken, 0);
}

#[test]
fn a_server_that_allows_a_thousand_requests_gets_two_and_one_that_says_none_gets_two() {
    for requests in ["requests='1000'", ""] {
        let mut line = Line::opened_by(&format!("<body {HTTPBIND} sid='s1' {requests}/>"));
        line.say(&message(1));
        line.say(&message(2));
        assert_eq!(line.under_way.len(), 2);
    }
}

#[test]
fn a_server_that_holds_more_leaves_one_request_to_send_with() {
    let config = Config { hold: 2, ..config() };
    let mut line = Line::with(config).greeted(&format!("<body {HTTPBIND} sid='s1' hold='2' requests='3'/>"));
    line.say(&message(1));
    line.say(&message(2));
    line.say(&message(3));
    assert_eq!(line.rids(), [RID + 1, RID + 2, RID + 3]);
    let greedy = Line::with(Config { hold: 100, ..crate::line::config() });
    assert_eq!(greedy.under_way[0].attr("hold").as_deref(), Some("3"));
}

#[test]
fn a_body_holds_256_kib_and_no_stanza_is_torn() {
    let mut line = Line::open();
    let large = format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(100 << 10));
    for _ in 0..5 {
        line.input(Input::Frame(&large));
    }
    let huge = large.replace("xxx", "xxxxxxxxxxxxx");
    line.input(Input::Frame(&huge));
    line.input(Input::Frame(&message(1)));
    line.end_task();
    let mut bodies = Vec::new();
    for _ in 0..4 {
        let sent = line.under_way.last().unwrap().clone();
        assert!(sent.body.len() <= 256 << 10 || sent.stanzas() == huge, "{}", sent.body.len());
        bodies.push(sent.stanzas().to_owned());
        line.answer(EMPTY);
    }
    assert_eq!(bodies[0], large.repeat(2));
    assert_eq!(bodies[2], large);
    assert_eq!(bodies.concat(), [large.repeat(5), huge].concat());
    assert_eq!(line.under_way.last().unwrap().stanzas(), message(1));
}

#[test]
fn a_declaration_and_white_space_are_left_out_of_a_body() {
    let mut line = Line::open();
    line.input(Input::Frame("<?xml version='1.0'?>\n<iq xmlns='jabber:client'>?></iq>"));
    line.input(Input::Frame(" "));
    line.input(Input::Frame("<opens xmlns='urn:x'/>"));
    line.end_task();
    assert_eq!(line.under_way[1].stanzas(), "<iq xmlns='jabber:client'>?></iq><opens xmlns='urn:x'/>");
    line.under_way[1].element();
}

#[test]
fn stanzas_become_frames_in_the_namespace_that_they_mean() {
    let mut line = Line::open();
    line.answer(&format!(
        "<body {HTTPBIND} xmlns:stream='http://etherx.jabber.org/streams'> <message/>\n\
         <iq xmlns='jabber:client'/><x:presence xmlns:x='jabber:client'/><r xmlns='urn:xmpp:sm:3'/></body>"
    ));
    let frames = line.frames();
    let head = |frame: &String| Head::read(frame, &Limits::default()).unwrap().namespace;
    assert_eq!(
        frames.iter().map(head).collect::<Vec<_>>(),
        ["jabber:client", "jabber:client", "jabber:client", "urn:xmpp:sm:3"].map(Into::into)
    );
    assert_eq!(frames[0], "<message xmlns='jabber:client'/>");
    assert_eq!(frames[1], "<iq xmlns='jabber:client'/>");
    line.answer("<b:body xmlns:b='http://jabber.org/protocol/httpbind' xmlns='jabber:client'><iq/></b:body>");
    assert_eq!(line.frames(), ["<iq xmlns='jabber:client'/>"]);
}

#[test]
fn a_stanza_that_breaks_a_rule_is_handed_up_as_it_is_and_costs_no_other() {
    let mut line = Line::open();
    line.deliver("<message xmlns='jabber:client'/><message><!-- --></message><iq xmlns='jabber:client'/>");
    let frames = line.frames();
    assert_eq!(frames.len(), 3);
    assert!(Head::read(&frames[1], &Limits::default()).is_err());
}

#[test]
fn the_clients_own_stanzas_do_not_come_back_in_a_response_made_of_the_request() {
    let mut line = Line::open();
    line.say(&message(1));
    line.answer(EMPTY);
    let copy = line.under_way[0].body.clone();
    line.answer(&copy);
    assert_eq!((line.frames.len(), line.rids()), (0, vec![RID + 3]));

    let stanzas = "<message xmlns='jabber:client' from='romeo@montague.example'/>\
        <iq xmlns='jabber:client' type='result'/><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    line.answer(&format!("<body {HTTPBIND} rid='1003'>{stanzas}</body>"));
    assert_eq!(line.frames.concat(), stanzas);
}

#[test]
fn responses_are_processed_in_the_order_of_the_rids() {
    let mut line = Line::open();
    line.say(&message(1));
    line.respond(1, 200, &format!("<body {HTTPBIND}><message xmlns='jabber:client' id='second'/></body>"));
    line.end_task();
    assert_eq!(line.frames(), [""; 0]);
    assert_eq!(line.rids(), [RID + 1]);
    line.deliver("<message xmlns='jabber:client' id='first'/>");
    let ids = ["first", "second"].map(|id| format!("<message xmlns='jabber:client' id='{id}'/>"));
    assert_eq!(line.frames(), ids);
    assert_eq!(line.rids(), [RID + 3]);
}

#[test]
fn responses_are_acknowledged_where_one_is_missing() {
    let mut line = Line::open();
    assert_eq!(line.under_way[0].attr("ack"), None);
    line.say(&message(1));
    assert_eq!(line.under_way[1].attr("ack"), Some(RID.to_string()));
    line.answer(EMPTY);
    line.say(&message(2));
    assert_eq!(line.under_way[1].attr("ack"), Some((RID + 1).to_string()));
}

#[test]
fn the_numbers_for_a_later_page_are_told_at_the_end_of_each_task_that_changes_them() {
    let mut line = Line::open();
    line.say(&message(1));
    line.answer(EMPTY);
    line.say(&message(2));
    let caches: Vec<_> =
        line.caches.iter().map(|Cache { next, lowest, .. }| (next - RID, lowest - RID)).collect();
    assert_eq!(caches, [(2, 1), (3, 1), (3, 2), (4, 2)]);
    assert_eq!(line.caches[0].sid, "s1");
}
