//! A worker that does not answer: how a tab notices, and what becomes of it.

use super::vigil::{OVERTAKEN, SILENCE};
use super::*;

/// What a tab must have noticed that can be seen, wherever the worker stood when it fell silent.
const NOTICED: Duration = Duration::from_secs(30);

/// In a session, at a worker that holds this lock, if any.
fn up_under(lock: Option<&str>) -> Page {
    let mut page = Page::opened();
    page.connect();
    page.welcome_under(lock);
    page.hear(up(0));
    page.heard();
    page.posts.clear();
    page
}

fn pings(page: &Page) -> usize {
    page.posts.iter().filter(|post| matches!(post, ToWorker::Ping)).count()
}

fn left(page: &Page) -> bool {
    matches!(page.posts.last(), Some(ToWorker::Leave))
}

#[test]
fn without_a_lock_a_dead_worker_is_noticed_within_thirty_seconds_and_replaced() {
    for spoke_last in [0, 3, 9] {
        let mut page = up_under(None);
        let token = page.send(["<a/>"]);
        let asked = page.request("<b/>", None);
        page.now = spoke_last * SECOND;
        page.hear(FromWorker::Ping);
        let died = page.now;
        while page.reopened == 0 {
            page.timeout(page.tab.deadline().unwrap());
        }
        assert!(page.now - died <= NOTICED, "{:?}", page.now - died);
        assert_eq!(
            page.heard(),
            [
                format!("failed {token} worker-lost"),
                format!("response {asked} Disconnected"),
                "Reconnecting".to_owned()
            ]
        );
        assert!(!page.detour, "it is dead, as far as is known: at its address another starts");
        page.posts.clear();
        page.open();
        page.welcome();
        assert!(
            matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]),
            "{:?}",
            page.posts
        );
        page.hear(up(0));
        assert_eq!(page.heard(), ["Connected"]);
    }
}

#[test]
fn a_worker_that_answers_is_believed_for_as_long_as_it_does() {
    for lock in [None, Some("worker-1")] {
        let mut page = up_under(lock);
        page.answers = true;
        page.wait(3600 * SECOND);
        assert!(page.heard().is_empty() && page.reopened == 0);
        assert!(pings(&page) > 100);
        // One that asks by itself, as it does, spares the tab every timer.
        page.posts.clear();
        for _ in 0..100 {
            page.wait(page.now + 10 * SECOND);
            page.hear(FromWorker::Ping);
        }
        assert_eq!(pings(&page), 0);
    }
}

#[test]
fn what_comes_often_moves_the_deadline_seldom() {
    let mut page = up_under(None);
    let mut deadlines = vec![page.tab.deadline()];
    for _ in 0..300 {
        page.now += 10 * MOMENT;
        page.hear(FromWorker::Written { up_to: 0 });
        deadlines.push(page.tab.deadline());
    }
    deadlines.dedup();
    assert_eq!(deadlines.len(), 4);
}

#[test]
fn a_message_that_moves_nothing_else_is_a_sign_of_life() {
    let mut page = up_under(None);
    page.now = SILENCE / 2;
    page.hear(FromWorker::Role(Role::Primary));
    assert_eq!(page.tab.deadline(), Some(SILENCE / 2 + SILENCE));
}

#[test]
fn a_stanza_is_a_sign_of_life_to_a_tab_that_has_asked() {
    let mut page = up_under(None);
    page.timeout(SILENCE);
    assert_eq!(pings(&page), 1);
    page.hear(FromWorker::Stanza(1, "<m/>".to_owned()));
    page.wait(SILENCE + ANSWER);
    assert_eq!((page.heard(), page.reopened), (vec!["1 Received <m/>".to_owned()], 0));
    assert_eq!(page.tab.deadline(), Some(SILENCE + ANSWER + SILENCE));
}

#[test]
fn a_page_that_was_frozen_asks_before_it_believes_anything() {
    // Before it had asked, and when it had.
    for frozen_at in [SILENCE - SECOND, SILENCE + SECOND] {
        let mut page = up_under(None);
        page.wait(frozen_at);
        let asked = pings(&page);
        page.timeout(3600 * SECOND);
        assert_eq!(pings(&page), asked + 1);
        assert!(page.heard().is_empty(), "what the worker has said may be waiting");
        page.hear(FromWorker::Pong);
        page.wait(page.now + SILENCE - MOMENT);
        assert!(page.heard().is_empty());
        assert_eq!(page.tab.deadline(), Some(page.now + MOMENT));
    }
    // It was frozen, and the worker died.
    let mut page = up_under(None);
    page.timeout(3600 * SECOND);
    page.wait(page.now + ANSWER + OVERTAKEN);
    assert_eq!(page.heard(), ["Reconnecting"]);
    // However slow its timers are, the second question is the last.
    let mut page = up_under(None);
    for minute in 1..=3 {
        assert!(page.heard().is_empty());
        page.timeout(minute * 60 * SECOND);
    }
    assert_eq!(page.heard(), ["Reconnecting"]);
}

#[test]
fn what_came_before_the_alarm_rang_and_is_heard_behind_it_counts() {
    let mut page = up_under(Some("worker-1"));
    page.timeout(SILENCE);
    // The page was busy, the answer is there, and the alarm overtakes it.
    page.timeout(SILENCE + ANSWER + SECOND);
    assert!(page.heard().is_empty() && page.reopened == 0);
    page.hear(FromWorker::Pong);
    page.wait(page.now + SILENCE - MOMENT);
    assert!(page.heard().is_empty() && page.reopened == 0);
    assert_eq!(page.tab.deadline(), Some(page.now + MOMENT));
}

#[test]
fn a_page_that_is_shown_asks_at_once() {
    let mut page = up_under(None);
    page.now = SECOND;
    page.say(ToWorker::Visibility { visible: false });
    assert_eq!(pings(&page), 0);
    page.now = 3 * SECOND;
    page.say(ToWorker::Visibility { visible: true });
    assert!(matches!(page.posts[..], [_, ToWorker::Visibility { visible: true }, ToWorker::Ping]));
    page.wait(3 * SECOND + ANSWER + OVERTAKEN);
    assert_eq!(page.heard(), ["Reconnecting"]);
}

#[test]
fn a_worker_that_runs_and_does_not_answer_is_gone_round_by_the_tabs_it_had() {
    let mut page = up_under(Some("worker-1"));
    page.wait(SILENCE + ANSWER - MOMENT);
    assert!(page.heard().is_empty());
    page.wait(SILENCE + ANSWER);
    assert!(page.heard().is_empty(), "what it has said may be waiting to be heard");
    page.wait(SILENCE + ANSWER + OVERTAKEN);
    let heard = page.heard();
    assert!(matches!(&heard[..], [log, status] if log.contains("gone round") && status == "Reconnecting"));
    assert!(page.reason().starts_with("the worker does not answer"), "{}", page.reason());
    assert!(left(&page), "it may wake up: {:?}", page.posts);
    // What it says then is of a session that nobody here is in.
    page.hear(FromWorker::Stanza(7, "<late/>".to_owned()));
    page.hear(status(StatusCode::Disconnected));
    assert!(!page.tab.delivered(8, 1) && page.heard().is_empty());
    page.reopen();
    assert!(page.detour);
    page.welcome_under(Some("worker-2"));
    page.hear(up(0));
    assert_eq!(page.heard(), ["Connected"]);
    // Should that one fall silent, the other is tried, which may answer by now.
    page.wait(page.now + SILENCE + ANSWER + OVERTAKEN);
    page.reopen();
    assert!(!page.detour);
}

#[test]
fn a_worker_that_runs_and_leaves_hello_without_an_answer_is_gone_round_after_ten_seconds() {
    let mut page = Page::opened();
    page.connect();
    page.runs = Some(true);
    page.wait(ANSWER - MOMENT);
    assert!(page.heard().is_empty() && !left(&page));
    page.timeout(ANSWER);
    assert!(matches!(&page.heard()[..], [log] if log.starts_with("Warn") && log.contains("gone round")));
    assert!(left(&page), "it may hear hello yet: {:?}", page.posts);
    page.posts.clear();
    page.reopen();
    assert!(page.detour);
    page.welcome();
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]), "{:?}", page.posts);
    page.hear(up(0));
    assert_eq!(page.heard(), ["Connected"]);
}

#[test]
fn where_the_one_beside_it_does_not_answer_either_the_app_hears_so() {
    let mut page = Page::opened();
    page.connect();
    page.runs = Some(true);
    let mut opened = 0;
    while !page.tab.is_over() {
        page.timeout(page.tab.deadline().unwrap());
        if page.reopened > opened {
            opened = page.reopened;
            page.open();
        }
    }
    assert_eq!(page.heard()[1..], ["ConnFail", "Disconnected"]);
    assert!(page.reason().contains("does not answer"), "{}", page.reason());
    assert!(page.now < 60 * SECOND, "{:?}", page.now);
}

#[test]
fn a_worker_whose_script_is_on_its_way_is_waited_for_up_to_a_minute() {
    let mut page = Page::opened();
    page.connect();
    page.runs = Some(false);
    page.wait(50 * SECOND);
    assert!(page.heard().is_empty() && page.reopened == 0);
    page.welcome();
    page.hear(up(0));
    assert_eq!(page.heard(), ["Connected"]);
    let mut page = Page::opened();
    page.connect();
    page.runs = Some(false);
    page.wait(LONG_PATIENCE + PATIENCE);
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
}

#[test]
fn one_whose_wasm_is_on_its_way_is_gone_round_only_when_it_stops_answering() {
    let mut page = Page::opened();
    page.connect();
    page.hear(FromWorker::Log { level: LogLevel::Debug, text: "starting".to_owned() });
    page.heard();
    page.answers = true;
    page.wait(40 * SECOND);
    assert!(page.heard().is_empty() && page.reopened == 0);
    page.answers = false;
    page.wait(40 * SECOND + SILENCE + ANSWER);
    assert!(matches!(&page.heard()[..], [log] if log.contains("gone round")));
}
