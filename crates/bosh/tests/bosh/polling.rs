//! Sessions whose server does not hold requests, as agreed on or against the agreement.

use epode_bosh::Config;

use crate::line::*;

fn polling(wait: u32, hold: u32, requests: u32) -> Line {
    let terms = format!("wait='{wait}' hold='{hold}' requests='{requests}' polling='5' inactivity='60'");
    Line::with(Config { wait, hold, ..config() }).greeted(&format!("<body {HTTPBIND} sid='s1' {terms}/>"))
}

#[test]
fn a_polling_session_asks_at_the_interval_that_the_server_names() {
    for mut line in [polling(0, 1, 2), polling(60, 0, 2), polling(60, 1, 1)] {
        for number in 1..10 {
            assert_eq!(line.rids(), [RID + number]);
            line.answer(EMPTY);
            line.wait(millis(4999));
            assert_eq!(line.under_way.len(), 0);
            line.wait(millis(1));
        }
    }
}

#[test]
fn where_nobody_names_an_interval_a_session_is_polled_once_a_second() {
    let session = SESSION.replace("requests='2'", "requests='1'").replace(" polling='5'", "");
    let mut line = Line::opened_by(&session);
    for number in 1..10 {
        assert_eq!(line.rids(), [RID + number]);
        line.answer(EMPTY);
        line.wait(millis(999));
        assert_eq!(line.under_way.len(), 0);
        line.wait(millis(1));
    }
}

#[test]
fn a_polling_session_asks_again_at_once_after_a_stanza_and_sends_at_once() {
    let mut line = polling(0, 1, 2);
    line.deliver("<message xmlns='jabber:client'/>");
    assert_eq!(line.rids(), [RID + 2]);
    line.answer(EMPTY);
    line.say(&message(1));
    assert_eq!((line.rids(), line.under_way[0].stanzas()), (vec![RID + 3], &*message(1)));
}

#[test]
fn a_session_of_one_request_waits_for_its_response() {
    let mut line = polling(60, 1, 1);
    line.say(&message(1));
    assert_eq!(line.rids(), [RID + 1]);
    line.answer(EMPTY);
    assert_eq!(line.under_way[0].stanzas(), message(1));
}

#[test]
fn a_polling_session_is_asked_for_in_the_way_that_servers_bear() {
    for (wait, hold) in [(0, 0), (0, 1), (60, 0)] {
        let line = Line::with(Config { wait, hold, ..config() });
        let asked = ["wait", "hold"].map(|name| line.under_way[0].attr(name).unwrap());
        assert_eq!(asked, ["0", "1"]);
    }
}

#[test]
fn a_session_polls_within_its_inactivity_whatever_the_interval() {
    let terms = "wait='0' polling='3600' inactivity='20'";
    let mut line = Line::opened_by(&format!("<body {HTTPBIND} sid='s1' {terms}/>"));
    line.answer(EMPTY);
    line.wait(seconds(10));
    assert_eq!(line.rids(), [RID + 2]);
}

#[test]
fn a_server_that_answers_each_poll_at_once_is_asked_ever_more_rarely() {
    let mut line = Line::open();
    let mut requests = 0;
    while line.now < seconds(600) {
        match line.under_way.is_empty() {
            false => {
                requests += 1;
                line.answer(EMPTY);
            }
            true => line.wait(line.bosh.deadline().unwrap() - line.now),
        }
    }
    assert!((100..140).contains(&requests), "{requests}");
    // A stanza does not wait for the poll, and an inbound stanza lets the next poll leave at once.
    line.answer(EMPTY);
    assert_eq!(line.under_way.len(), 0);
    line.say(&message(1));
    assert_eq!(line.under_way[0].stanzas(), message(1));
    line.deliver("<message xmlns='jabber:client'/>");
    assert_eq!(line.under_way.len(), 1);
}

#[test]
fn polls_that_a_sent_stanza_ends_do_not_count_as_idle() {
    let mut line = Line::open();
    for number in 0..50 {
        line.say(&message(number));
        line.answer(EMPTY);
        line.answer(EMPTY);
        assert_eq!(line.under_way.len(), 1, "{number}");
    }
}
