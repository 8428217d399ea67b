//! Sessions that end on purpose.

use epode_bosh::{Carries, Input};

use crate::line::*;

const FAREWELL: &str = "<presence xmlns='jabber:client' type='unavailable'/>";

#[test]
fn close_ends_the_session_after_the_queued_stanzas() {
    let mut line = Line::open();
    line.input(Input::Frame(&message(1)));
    line.input(Input::Frame(FAREWELL));
    line.say(CLOSE);
    let last = &line.under_way[1];
    assert_eq!((last.carries, last.attr("type").as_deref()), (Carries::Farewell, Some("terminate")));
    assert_eq!(last.stanzas(), [&message(1), FAREWELL].concat());
    line.deliver("<message xmlns='jabber:client'/>");
    assert_eq!(line.frames.len(), 1);
    line.answer(EMPTY);
    assert_eq!((&line.frames()[1..], line.closed), (&[CLOSE.to_owned()][..], Some(None)));
    assert_eq!(line.under_way.len(), 0);
}

#[test]
fn the_last_of_several_bodies_ends_the_session() {
    let mut line = Line::open();
    let large = format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(200 << 10));
    line.input(Input::Frame(&large));
    line.input(Input::Frame(&large));
    line.say(CLOSE);
    assert_eq!(line.under_way[1].attr("type"), None);
    line.answer(EMPTY);
    assert_eq!(line.under_way[1].attr("type").as_deref(), Some("terminate"));
    assert_eq!(line.under_way[1].stanzas(), large);
}

#[test]
fn the_server_may_answer_the_end_on_the_held_request() {
    let mut line = Line::open();
    line.say(CLOSE);
    line.answer(&format!("<body {HTTPBIND} type='terminate'/>"));
    assert_eq!((line.frames(), line.closed), (vec![CLOSE.to_owned()], Some(None)));
}

#[test]
fn the_condition_of_an_end_that_the_client_wants_does_not_matter() {
    let mut line = Line::open();
    line.say(CLOSE);
    line.answer(&terminate("other-request"));
    assert_eq!((line.frames(), line.closed), (vec![CLOSE.to_owned()], Some(None)));
}

#[test]
fn a_server_that_ends_the_session_without_a_condition_closes_the_stream() {
    let mut line = Line::open();
    line.answer(&format!("<body {HTTPBIND} type='terminate'><message/></body>"));
    assert_eq!(line.frames(), ["<message xmlns='jabber:client'/>", CLOSE]);
    assert_eq!(line.closed, Some(None));
}

#[test]
fn after_the_stream_is_gone_no_frame_comes_up_and_the_queue_still_leaves() {
    let mut line = Line::open();
    line.input(Input::Frame(&message(1)));
    line.input(Input::Frame("<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>"));
    line.input(Input::Frame(CLOSE));
    line.input(Input::Close(seconds(3)));
    line.end_task();
    assert_eq!(line.under_way[1].stanzas(), message(1));
    assert_eq!(line.under_way[1].carries, Carries::Farewell);
    line.deliver("<message xmlns='jabber:client'/>");
    line.answer(EMPTY);
    assert_eq!((line.frames.len(), line.closed), (0, Some(None)));
}

#[test]
fn a_stream_that_is_gone_without_close_ends_the_session_all_the_same() {
    let mut line = Line::open();
    line.input(Input::Close(seconds(3)));
    line.end_task();
    assert_eq!(line.under_way[1].carries, Carries::Farewell);
}

#[test]
fn a_stream_that_is_gone_is_not_restarted() {
    let mut line = Line::open();
    line.input(Input::Frame(OPEN));
    line.input(Input::Close(seconds(3)));
    line.end_task();
    assert_eq!((line.under_way.len(), line.under_way[1].carries), (2, Carries::Farewell));
}

#[test]
fn the_end_uses_an_extra_request_when_the_stream_is_gone() {
    let mut line = Line::open();
    line.say(&message(1));
    line.say(CLOSE);
    assert_eq!(line.under_way.len(), 2);
    line.input(Input::Close(seconds(0)));
    line.end_task();
    assert_eq!(line.rids(), [RID + 1, RID + 2, RID + 3]);
    assert_eq!(line.under_way[2].carries, Carries::Farewell);
    // The farewell may still arrive, so it is not aborted.
    line.wait(seconds(0));
    assert_eq!((line.rids(), line.aborted, line.closed), (vec![RID + 3], 2, Some(None)));
}

#[test]
fn only_the_end_uses_the_extra_request() {
    let mut line = Line::open();
    line.say(&message(1));
    line.input(Input::Frame(&format!("<message xmlns='jabber:client'>{}</message>", "x".repeat(256 << 10))));
    line.input(Input::Frame(&message(2)));
    line.input(Input::Close(seconds(3)));
    line.end_task();
    assert_eq!(line.under_way.len(), 2);
    line.answer(EMPTY);
    line.answer(EMPTY);
    assert_eq!((line.rids(), line.under_way[1].carries), (vec![RID + 3, RID + 4], Carries::Farewell));
}

#[test]
fn an_unanswered_end_is_over_in_time() {
    let mut line = Line::open();
    line.fail(0);
    line.fail(0);
    line.input(Input::Close(seconds(3)));
    line.end_task();
    line.wait(millis(2999));
    assert_eq!(line.closed, None);
    line.wait(millis(1));
    assert_eq!((line.closed, line.bosh.deadline()), (Some(None), None));
}

#[test]
fn no_frame_leaves_after_close() {
    let mut line = Line::open();
    line.say(&message(1));
    line.input(Input::Frame(CLOSE));
    line.input(Input::Frame(&message(2)));
    line.say(CLOSE);
    line.answer(EMPTY);
    assert_eq!(line.under_way[1].stanzas(), "");
    line.answer(EMPTY);
    line.answer(EMPTY);
    assert_eq!((line.under_way.len(), line.closed), (0, Some(None)));
}

#[test]
fn a_session_that_is_abandoned_says_nothing_more_and_aborts_what_the_server_holds() {
    let mut line = Line::open();
    line.input(Input::Frame(&message(1)));
    line.input(Input::Abandon);
    line.say(CLOSE);
    assert_eq!((line.under_way.len(), line.aborted, line.closed), (0, 1, Some(None)));
    assert_eq!(line.bosh.deadline(), None);
}
