//! Requests without a response.

use epode_bosh::{Carries, Config, Error, Input};

use crate::line::*;

/// A response that names the session, as each of Prosody's does.
const NAMED: &str = "<body xmlns='http://jabber.org/protocol/httpbind' sid='s1'/>";

#[test]
fn a_broken_request_is_repeated_byte_for_byte_under_its_rid() {
    let mut line = Line::open();
    line.say(&message(1));
    let sent = line.under_way[1].clone();
    line.say(&message(2));
    line.fail(1);
    // The request before this one may still be on its way to the server.
    line.wait(millis(249));
    assert_eq!(line.under_way.len(), 1);
    line.wait(millis(1));
    assert_eq!((&line.under_way[1].body, line.under_way[1].carries), (&sent.body, sent.carries));
    assert!(line.under_way[1].id != sent.id);
    assert_eq!(line.statuses, [0]);
    line.answer(EMPTY);
    // Nor does what is new leave before the repetition had the time to arrive.
    assert_eq!(line.rids(), [RID + 2]);
    line.wait(millis(250));
    assert_eq!(line.rids(), [RID + 2, RID + 3]);
}

#[test]
fn the_first_repetition_leaves_at_once_and_the_later_ones_ever_more_rarely() {
    let mut line = Line::open();
    line.fail(0);
    assert_eq!(line.rids(), [RID + 1]);
    for longest in [1000, 2000, 4000, 8000, 8000] {
        let broke = line.now;
        line.fail(0);
        assert_eq!(line.under_way.len(), 0);
        line.wait(line.bosh.deadline().unwrap() - line.now);
        let waited = line.now - broke;
        assert!(waited <= millis(longest) && waited >= millis(longest / 2), "{waited:?} of {longest}");
        assert_eq!(line.rids(), [RID + 1]);
    }
}

#[test]
fn stanzas_collect_for_one_body_while_the_line_is_down() {
    let mut line = Line::open();
    line.fail(0);
    line.fail(0);
    line.say(&message(1));
    line.say(&message(2));
    assert_eq!(line.under_way.len(), 0);
    line.wait(seconds(1));
    assert_eq!(line.rids(), [RID + 1, RID + 2]);
    assert_eq!(line.under_way[1].stanzas(), [message(1), message(2)].concat());
}

#[test]
fn of_two_requests_that_broke_the_second_waits_until_the_first_had_the_time_to_arrive() {
    // Prosody 13 says all that follows to nobody, if it has the higher without the lower, and a broken
    // connection for the higher. ejabberd 24.12 may end the session if it has the higher alone.
    for (is_prosody, [first, second]) in [(false, [0, 1]), (true, [1, 0])] {
        // Both fail by themselves, one after the other; or the client gives them up.
        for fails in [None, Some([0, 0]), Some([1, 0])] {
            let mut line = Line::open();
            line.answer(if is_prosody { NAMED } else { EMPTY });
            line.say(&message(1));
            let rids = line.rids();
            match fails {
                None => {
                    line.input(Input::Online);
                    line.end_task();
                }
                Some(order) => order.into_iter().for_each(|at| line.fail(at)),
            }
            let place = format!("{is_prosody} {fails:?}");
            assert_eq!(line.rids(), [rids[first]], "{place}");
            line.wait(millis(249));
            assert_eq!(line.rids(), [rids[first]], "{place}");
            line.wait(millis(1));
            assert_eq!(line.rids(), [rids[first], rids[second]], "{place}");
        }
    }
}

/// ejabberd 24.12 makes the response to a repetition of the request: its `sid` is the client's own.
#[test]
fn a_response_that_is_a_copy_of_the_request_is_no_sign_of_prosody() {
    let mut line = Line::open();
    let copy = line.under_way[0].body.clone();
    line.answer(&copy);
    line.say(&message(1));
    line.input(Input::Online);
    line.end_task();
    assert_eq!(line.rids(), [RID + 2]);
}

#[test]
fn a_session_that_is_gone_ends_however_much_is_said() {
    let mut line = Line::open();
    for number in 0..12 {
        if line.closed.is_none() {
            line.say(&message(number));
            line.wait(millis(250));
            line.answer(&terminate("item-not-found"));
        }
    }
    assert_eq!(line.closed.unwrap().unwrap().condition(), Some("item-not-found"));
}

#[test]
fn a_session_request_has_one_deadline_whatever_becomes_of_its_attempts() {
    let mut line = Line::new();
    line.wait(millis(19_500));
    line.fail(0);
    line.wait(millis(500));
    assert_eq!(line.closed, Some(Some(Error::Silent)));
}

#[test]
fn a_response_to_the_first_of_two_repetitions_sends_the_second() {
    let mut line = Line::open();
    line.say(&message(1));
    line.input(Input::Online);
    line.end_task();
    line.answer(EMPTY);
    assert_eq!(line.rids(), [RID + 2]);
}

#[test]
fn what_has_not_left_is_no_repetition_when_a_request_was_forgotten() {
    let four = SESSION.replace("hold='1'", "hold='3'").replace("requests='2'", "requests='4'");
    let mut line = Line::with(Config { hold: 3, ..config() }).greeted(&four);
    line.answer(NAMED);
    line.say(&message(1));
    line.say(&message(2));
    // The higher is repeated, and the lower waits; so does what is new.
    line.fail(2);
    line.fail(1);
    line.say(&message(3));
    assert_eq!(line.rids(), [RID + 2, RID + 4]);
    line.answer(&terminate("item-not-found"));
    assert_eq!(line.rids(), [RID + 4]);
    line.wait(millis(250));
    assert_eq!(line.rids(), [RID + 4, RID + 3, RID + 5]);
}

#[test]
fn a_page_that_is_unloaded_between_two_repetitions_says_all() {
    for is_down in [false, true] {
        let mut line = Line::open();
        line.say(&message(1));
        line.input(Input::Online);
        line.end_task();
        if is_down {
            line.fail(0);
            line.fail(0);
        }
        line.input(Input::Frame(CLOSE));
        line.input(Input::Close(seconds(3)));
        line.end_task();
        assert_eq!(line.rids(), [RID + 1, RID + 2, RID + 3], "{is_down}");
        assert_eq!(line.under_way[2].carries, Carries::Farewell);
    }
}

#[test]
fn a_farewell_leads_no_repetition() {
    let mut line = Line::open();
    line.answer(NAMED);
    line.say(&message(1));
    line.input(Input::Frame(CLOSE));
    line.input(Input::Close(seconds(3)));
    line.end_task();
    assert_eq!(line.rids(), [RID + 2, RID + 3, RID + 4]);
    line.input(Input::Online);
    line.end_task();
    assert_eq!(line.rids(), [RID + 3, RID + 2, RID + 4]);
}

#[test]
fn a_server_that_is_silent_about_requests_and_then_knows_none_of_them_has_lost_responses() {
    let mut line = Line::open();
    for unknown in RID + 1..=RID + 3 {
        assert_eq!(line.closed, None);
        line.say(&message(1));
        // The request is aborted, and repeated.
        let ids = line.under_way.iter().map(|sent| (sent.rid(), sent.id)).collect::<Vec<_>>();
        let first = ids.iter().find(|(rid, _)| *rid == unknown).unwrap().1;
        let is_again =
            |line: &Line| line.under_way.iter().position(|sent| sent.rid() == unknown && sent.id != first);
        while is_again(&line).is_none() {
            line.wait(millis(250));
        }
        let at = is_again(&line).unwrap();
        line.respond(at, 200, &terminate("item-not-found"));
        line.end_task();
    }
    assert_eq!(line.closed.unwrap().unwrap().condition(), Some("item-not-found"));
}

/// Prosody 13 does so where a connection breaks before the next request arrives.
#[test]
fn a_server_that_forgot_a_request_is_asked_by_the_next_whether_there_is_a_session() {
    let answers = [(EMPTY.to_owned(), true), (terminate("item-not-found"), false)];
    // A browser may repeat a request by itself.
    for ((answer, lives), is_told) in answers.into_iter().flat_map(|row| [(row.clone(), true), (row, false)])
    {
        let mut line = Line::open();
        if is_told {
            line.fail(0);
            line.wait(millis(250));
        }
        line.say(&message(1));
        let sent = line.under_way[1].clone();
        line.answer(&terminate("item-not-found"));
        assert_eq!((line.rids(), &line.closed), (vec![RID + 2], &None));
        assert_eq!((&line.under_way[0].body, line.aborted), (&sent.body, 1));
        line.answer(&answer);
        assert_eq!((line.closed.is_none(), line.rids()), (lives, if lives { vec![RID + 3] } else { vec![] }));
    }
}

#[test]
fn a_response_that_came_from_a_session_that_is_gone_is_not_delivered_alone() {
    let mut line = Line::open();
    line.fail(0);
    line.wait(millis(250));
    line.say(&message(1));
    line.respond(1, 200, &format!("<body {HTTPBIND}>{}</body>", message(2)));
    line.answer(&terminate("item-not-found"));
    assert_eq!((line.rids(), line.frames()), (vec![RID + 2], vec![]));
    line.answer(&terminate("item-not-found"));
    assert_eq!(line.closed.unwrap().unwrap().condition(), Some("item-not-found"));
}

#[test]
fn a_response_to_one_request_says_that_the_other_can_be_repeated() {
    let mut line = Line::open();
    line.say(&message(1));
    line.fail(0);
    line.fail(1);
    assert_eq!(line.rids(), [RID + 2]);
    line.fail(0);
    assert_eq!(line.rids(), [0; 0]);
    line.wait(millis(1250));
    assert_eq!(line.rids(), [RID + 1, RID + 2]);
    line.fail(1);
    line.answer(EMPTY);
    assert_eq!(line.rids(), [RID + 2]);
}

#[test]
fn each_http_status_that_says_that_the_server_is_not_there_is_told_and_retried() {
    for status in [0, 204, 302, 408, 425, 429, 500, 502, 503, 504] {
        let mut line = Line::open();
        for _ in 0..6 {
            line.respond(0, status, "<html/>");
            line.end_task();
            line.wait(
                line.bosh.deadline().filter(|_| line.under_way.is_empty()).unwrap_or(line.now) - line.now,
            );
        }
        assert_eq!((&line.closed, &line.statuses), (&None, &vec![status; 6]));
    }
}

#[test]
fn a_captive_portal_that_answers_with_html_is_waited_out() {
    let mut line = Line::open();
    for html in ["<!DOCTYPE html><html/>", "<html/>", "", "{}", "<body xmlns='x'/>"] {
        line.answer(html);
        line.wait(seconds(8));
        assert_eq!(line.rids(), [RID + 1], "{html}");
    }
    line.deliver("<message xmlns='jabber:client'/>");
    assert_eq!(line.frames.len(), 1);
}

#[test]
fn a_session_is_lost_when_the_server_must_have_forgotten_it() {
    let mut line = Line::open();
    let failing = |line: &mut Line| {
        while line.closed.is_none() {
            match line.under_way.is_empty() {
                true => line.wait(line.bosh.deadline().unwrap() - line.now),
                false => line.fail(0),
            }
        }
    };
    line.wait(seconds(20));
    failing(&mut line);
    assert_eq!(line.closed, Some(Some(Error::Unreachable)));
    assert!(line.now >= seconds(50) && line.now < seconds(60), "{:?}", line.now);
}

#[test]
fn a_session_whose_requests_are_held_between_failures_is_not_lost() {
    let mut line = Line::open();
    // Proxies that cut each request after 25 s: the server held each of them, and had nothing to say.
    line.wait(seconds(25));
    line.fail(0);
    line.wait(seconds(25));
    line.fail(0);
    line.wait(seconds(25));
    assert_eq!(line.closed, None);
    line.answer(EMPTY);
    assert_eq!(line.rids(), [RID + 2]);
}

#[test]
fn a_failure_that_a_response_ended_does_not_count_against_the_next() {
    let mut line = Line::open();
    line.fail(0);
    line.wait(seconds(60));
    line.answer(EMPTY);
    line.fail(0);
    assert_eq!(line.closed, None);
}

#[test]
fn a_session_is_retried_for_five_seconds_at_least_and_five_minutes_at_most() {
    for (inactivity, least, most) in [("0", 5, 10), ("86400", 300, 310)] {
        let mut line = Line::opened_by(&SESSION.replace("'30'", &format!("'{inactivity}'")));
        while line.closed.is_none() {
            match line.under_way.is_empty() {
                true => line.wait(line.bosh.deadline().unwrap() - line.now),
                false => line.fail(0),
            }
        }
        assert!(line.now >= seconds(least) && line.now < seconds(most), "{:?}", line.now);
    }
}

#[test]
fn a_computer_that_slept_for_an_hour_takes_the_session_for_lost_at_the_first_failure() {
    let mut line = Line::open();
    line.now += seconds(3600);
    line.fail(0);
    assert_eq!(line.closed, Some(Some(Error::Unreachable)));
}

#[test]
fn a_held_request_is_repeated_when_the_server_should_have_answered_and_not_before() {
    let mut line = Line::open();
    let first = line.under_way[0].clone();
    line.wait(millis(65_999));
    assert_eq!(line.under_way[0].id, first.id);
    line.wait(millis(1));
    assert_eq!((line.aborted, &line.under_way[0].body), (1, &first.body));
    assert!(line.under_way[0].id != first.id);
    // A server that answers nothing at all.
    line.wait(seconds(66));
    assert_eq!(line.closed, Some(Some(Error::Silent)));
}

#[test]
fn a_response_that_the_server_has_overtaken_is_asked_for_again_soon() {
    let mut line = Line::open();
    line.say(&message(1));
    let held = line.under_way[0].clone();
    line.respond(1, 200, EMPTY);
    line.end_task();
    line.wait(millis(4999));
    assert_eq!(line.under_way[0].id, held.id);
    line.wait(millis(1));
    assert_eq!((line.aborted, &line.under_way[0].body), (1, &held.body));
    // The response may be large, and the line slow.
    line.wait(millis(9999));
    assert_eq!(line.aborted, 1);
    line.wait(millis(1));
    assert_eq!(line.aborted, 2);
    line.wait(seconds(1));
    line.deliver("<message xmlns='jabber:client'/>");
    assert_eq!((line.frames.len(), line.rids()), (1, vec![RID + 3]));
}

#[test]
fn a_response_that_waits_for_an_earlier_one_is_kept() {
    let mut line = Line::open();
    line.wait(seconds(50));
    line.say(&message(1));
    line.respond(1, 200, &format!("<body {HTTPBIND}><message id='2'/></body>"));
    line.end_task();
    line.wait(seconds(68));
    line.deliver("<message id='1'/>");
    assert_eq!(line.frames(), [1, 2].map(|id| format!("<message xmlns='jabber:client' id='{id}'/>")));
}

#[test]
fn a_server_that_never_gives_a_response_that_it_must_have_given_is_given_up() {
    let mut line = Line::open();
    line.say(&message(1));
    line.respond(1, 200, EMPTY);
    line.end_task();
    line.wait(seconds(200));
    assert_eq!(line.closed, Some(Some(Error::Silent)));
}

#[test]
fn the_response_to_an_aborted_attempt_is_ignored() {
    let mut line = Line::open();
    let first = line.under_way[0].clone();
    line.wait(seconds(66));
    line.input(Input::Response { request: first.id, status: 200, text: "<message/>" });
    line.input(Input::Failed { request: first.id });
    line.end_task();
    assert_eq!((line.rids(), line.frames.len(), &line.statuses), (vec![RID + 1], 0, &vec![]));
}

#[test]
fn all_requests_under_way_are_repeated_when_the_network_is_back() {
    let mut line = Line::open();
    line.say(&message(1));
    let bodies: Vec<_> = line.under_way.iter().map(|sent| sent.body.clone()).collect();
    line.input(Input::Online);
    line.end_task();
    line.wait(millis(250));
    assert_eq!(line.aborted, 2);
    assert_eq!(line.under_way.iter().map(|sent| sent.body.clone()).collect::<Vec<_>>(), bodies);
    // The repetitions have their own deadlines.
    line.answer(EMPTY);
    line.wait(seconds(20));
    line.input(Input::Online);
    line.end_task();
    line.wait(seconds(65));
    assert_eq!(line.aborted, 3);
    // Requests that wait for their repetition leave at once.
    line.fail(0);
    line.fail(0);
    assert_eq!(line.under_way.len(), 0);
    line.input(Input::Online);
    line.end_task();
    assert_eq!(line.under_way.len(), 1);
}

#[test]
fn two_silent_requests_are_repeated_soon_since_a_server_holds_one() {
    let mut line = Line::open();
    line.say(&message(1));
    line.wait(millis(4999));
    assert_eq!(line.aborted, 0);
    line.wait(millis(251));
    assert_eq!((line.aborted, line.rids()), (2, vec![RID + 1, RID + 2]));
    // The response says that the other request is held, which may take its time.
    line.answer(EMPTY);
    line.wait(seconds(65));
    assert_eq!((line.aborted, line.rids()), (2, vec![RID + 2]));
}

#[test]
fn a_large_body_has_the_time_that_a_slow_line_needs() {
    let mut line = Line::open();
    line.say(&format!("<message xmlns='jabber:client'>{}</message>", "x".repeat(160 << 10)));
    let sent = line.under_way[1].id;
    line.wait(millis(14_999));
    assert_eq!(line.under_way.iter().filter(|one| one.id == sent).count(), 1);
    line.wait(millis(1000));
    assert_eq!(line.under_way.iter().filter(|one| one.id == sent).count(), 0);
}

#[test]
fn a_session_request_is_not_sent_twice_because_the_network_is_back() {
    let mut line = Line::new();
    line.input(Input::Online);
    line.end_task();
    assert_eq!((line.under_way.len(), line.aborted), (1, 0));
    line.fail(0);
    assert_eq!(line.under_way.len(), 0);
    line.input(Input::Online);
    line.end_task();
    assert_eq!(line.under_way.len(), 1);
}

#[test]
fn a_recoverable_error_has_the_request_repeated() {
    let mut line = Line::open();
    let body = line.under_way[0].body.clone();
    line.answer(&format!("<body {HTTPBIND} type='error'/>"));
    assert_eq!(line.under_way[0].body, body);
    assert_eq!(line.statuses, [0; 0]);
}

#[test]
fn a_response_that_the_server_reports_as_missing_is_asked_for_at_once() {
    let mut line = Line::open();
    line.say(&message(1));
    line.answer(&format!("<body {HTTPBIND} report='{}' time='852'/>", RID + 2));
    assert_eq!((line.aborted, line.rids()), (1, vec![RID + 2]));
    line.answer(&format!("<body {HTTPBIND} report='{}' time='852'/>", RID + 2));
    assert_eq!((line.aborted, line.rids()), (1, vec![RID + 3]));
}
