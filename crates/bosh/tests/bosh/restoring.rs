//! Sessions of former pages.

use epode_bosh::Error;

use crate::line::*;

#[test]
fn a_restored_session_is_open_at_once_and_asks_at_once() {
    let line = Line::restored(50, 50);
    assert_eq!((line.opened, line.rids()), (1, vec![50]));
    assert_eq!(line.under_way[0].body, format!("<body {HTTPBIND} rid='50' sid='s1'/>"));
    assert_eq!((line.caches[0].next, line.caches[0].lowest), (51, 50));
}

#[test]
fn responses_that_the_former_page_did_not_get_come_again() {
    let mut line = Line::restored(52, 50);
    assert_eq!(line.rids(), [50]);
    line.deliver("<message xmlns='jabber:client' id='1'/>");
    assert_eq!((line.rids(), line.under_way[0].stanzas()), (vec![51], ""));
    line.deliver("<message xmlns='jabber:client' id='2'/>");
    assert_eq!(line.rids(), [52]);
    // The stream goes on: no <open/> comes before the stanzas.
    assert_eq!(line.frames(), [message(1), message(2)]);
}

#[test]
fn a_page_that_is_restored_remembers_what_the_former_page_may_have_used() {
    let mut line = Line::restored(52, 50);
    assert_eq!((line.caches[0].next, line.caches[0].lowest), (52, 50));
    line.answer(EMPTY);
    line.answer(EMPTY);
    assert_eq!((line.caches[2].next, line.caches[2].lowest), (53, 52));
}

#[test]
fn no_stanza_leaves_under_a_rid_that_the_former_page_may_have_used() {
    let mut line = Line::restored(52, 50);
    line.say(&message(1));
    assert_eq!(line.rids(), [50, 51]);
    assert!(line.under_way.iter().all(|sent| sent.stanzas().is_empty()));
    line.answer(EMPTY);
    assert_eq!((line.rids(), line.under_way[1].stanzas()), (vec![51, 52], &*message(1)));
}

#[test]
fn the_second_request_leaves_only_with_a_stanza() {
    let mut line = Line::restored(51, 50);
    line.wait(seconds(30));
    assert_eq!(line.rids(), [50]);
    line.say(&message(1));
    assert_eq!((line.rids(), line.under_way[1].stanzas()), (vec![50, 51], &*message(1)));
}

#[test]
fn a_restored_session_can_be_restarted() {
    let mut line = Line::restored(51, 50);
    line.say(OPEN);
    assert!(line.under_way[1].body.contains("xmpp:restart='true'"));
}

#[test]
fn a_cache_with_impossible_numbers_counts_from_its_next_rid() {
    for (next, lowest) in [(50, 47), (50, 51), (50, 0), (50, u64::MAX)] {
        assert_eq!(Line::restored(next, lowest).rids(), [50]);
    }
    assert_eq!(Line::restored(0, 0).rids(), [0]);
    Line::restored(0, 0).say(&message(1));
}

#[test]
fn a_session_that_the_server_has_forgotten_ends_by_that_name() {
    let mut line = Line::restored(52, 50);
    // The server may have forgotten a request alone.
    line.answer(&terminate("item-not-found"));
    assert_eq!((line.rids(), &line.closed), (vec![51], &None));
    line.answer(&terminate("item-not-found"));
    assert_eq!(line.closed.unwrap().unwrap().condition(), Some("item-not-found"));
}

/// ejabberd 24.12 holds a request with a rid from the past, and never answers.
#[test]
fn a_rid_from_the_past_that_is_never_answered_is_asked_twice_and_given_up() {
    let mut line = Line::restored(50, 50);
    line.wait(seconds(67));
    assert_eq!((line.rids(), line.aborted, line.closed.is_some()), (vec![50], 1, false));
    line.wait(seconds(67));
    assert_eq!(line.closed, Some(Some(Error::Silent)));
}

#[test]
fn the_last_rid_is_used_and_no_higher_rid() {
    let last = (1 << 53) - 1;
    let mut line = Line::restored(last, last);
    assert_eq!(line.rids(), [last]);
    line.answer(EMPTY);
    assert_eq!(line.closed, Some(Some(Error::RidsSpent)));
    assert_eq!(Line::restored(u64::MAX, u64::MAX).closed, Some(Some(Error::RidsSpent)));
}
