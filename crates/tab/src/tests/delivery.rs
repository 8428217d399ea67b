//! What the worker brings, and how the tab acknowledges it.

use serde_json::json;

use super::*;

#[test]
fn a_batch_comes_out_stanza_by_stanza_in_order() {
    let mut page = Page::welcomed();
    page.hear(deliver(&[3, 4, 5]));
    assert_eq!(page.heard(), ["3 Received <m/>", "4 Received <m/>", "5 Received <m/>"]);
}

// A request goes to one tab after the other, under the position at which it came.
#[test]
fn a_stanza_that_comes_late_does_not_take_the_tab_back() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(4));
    page.hear(deliver(&[9]));
    page.posts.clear();
    page.handle(deliver(&[5]), |page, _| {
        page.claim(Selector::Everything);
    });
    let [(_, from, made)] = page.said_claims()[..] else { panic!("{:?}", page.posts) };
    assert_eq!((from, made, page.tab.checkpoint().position), (9, 0.0, 9));
}

#[test]
fn every_half_window_is_acknowledged_behind_what_it_acknowledges() {
    let mut page = Page::welcomed();
    page.posts.clear();
    for position in 1..=u64::from(WINDOW * 5 / 4) {
        page.hear(deliver(&[position]));
        page.drain();
    }
    let acks = page.posts.iter().filter_map(|post| match post {
        ToWorker::Ack { posts } => Some(*posts),
        _ => None,
    });
    assert_eq!(acks.collect::<Vec<_>>(), [WINDOW / 2, WINDOW]);
}

#[test]
fn what_is_not_understood_counts_in_the_window_all_the_same() {
    let mut page = Page::welcomed();
    for _ in 0..WINDOW / 2 {
        assert!(
            page.tab.hear(page.now, &json!({"Novelty": {}})),
            "what a newer worker tells the app is its affair"
        );
        page.tab.handled();
        page.drain();
    }
    let half = WINDOW / 2;
    assert!(matches!(page.posts[..], [ToWorker::Ack { posts }] if posts == half), "{:?}", page.posts);
}

#[test]
fn a_ping_is_answered() {
    let mut page = Page::welcomed();
    page.posts.clear();
    page.hear(FromWorker::Ping);
    page.drain();
    assert!(matches!(page.posts[..], [ToWorker::Pong]));
}

#[test]
fn a_question_and_a_logout_go_behind_what_is_handled() {
    let mut page = Page::up_at(4);
    page.hear(deliver(&[5]));
    page.posts.clear();
    page.hear(FromWorker::Ping);
    page.hear(FromWorker::Ping);
    page.drain();
    assert!(
        matches!(page.posts[..], [ToWorker::Ack { posts: 3 }, ToWorker::Pong, ToWorker::Pong]),
        "{:?}",
        page.posts
    );
    page.posts.clear();
    page.handle(deliver(&[6]), |page, _| {
        page.say(ToWorker::Disconnect { reason: None, timeout: 3000 });
    });
    page.drain();
    assert!(
        matches!(page.posts[..], [ToWorker::Ack { posts: 4 }, ToWorker::Disconnect { .. }]),
        "{:?}",
        page.posts
    );
}

#[test]
fn what_is_on_its_way_of_a_session_that_the_app_has_left_is_not_taken_for_the_next() {
    let mut page = Page::welcomed();
    page.connect();
    let sent = page.send(["<a/>"]);
    page.hear(status(StatusCode::ConnFail));
    assert_eq!(page.heard(), ["ConnFail"]);
    // As apps do in their callback.
    page.slow = true;
    page.connect();
    page.connect();
    page.hear(status(StatusCode::Disconnected));
    page.hear(up(7));
    page.hear(deliver(&[8]));
    page.hear(FromWorker::Gap { from: 8, to: 9, count: 1, reason: String::new() });
    page.hear(FromWorker::Failed { token: sent, fault: fault("not-connected") });
    page.hear(FromWorker::Joining);
    page.hear(status(StatusCode::Disconnected));
    page.hear(FromWorker::Joining);
    assert_eq!(page.heard(), ["failed 1 not-connected"], "a send ends, whatever it was for");
    page.hear(up(2));
    page.hear(deliver(&[3]));
    assert_eq!(page.heard(), ["Connected", "3 Received <m/>"]);
    assert_eq!(page.tab.checkpoint().position, 3);
    page.input(Input::Lost(fault("gone")));
    assert!(!page.tab.delivered(99, 1), "of a worker that is lost");
}

#[test]
fn the_acknowledgement_stands_behind_what_it_acknowledges() {
    let mut page = Page::up_at(4);
    page.posts.clear();
    let last = u64::from(WINDOW / 2 + 4);
    for position in 5..=last {
        let before = page.posts.len();
        page.handle(FromWorker::Stanza(position, "<m/>".to_owned()), |page, _| {
            page.drain();
            assert_eq!(page.posts.len(), before, "{position}");
        });
    }
    assert!(matches!(page.posts[..], [ToWorker::Ack { .. }]), "{:?}", page.posts);
    assert_eq!(page.tab.checkpoint().position, last);
}

#[test]
fn a_message_of_which_a_field_is_wrong_is_not_shown_and_noted() {
    let mut page = Page::welcomed();
    assert!(!page.tab.hear(page.now, &json!({"Written": {"up_to": "all"}})));
    assert_eq!(page.heard(), ["Warn the worker was not understood: a message Written with a wrong up_to"]);
}

#[test]
fn a_batch_weighs_more_in_the_window_than_a_stanza_alone() {
    let mut page = Page::welcomed();
    page.posts.clear();
    for last in [2, 4, 6, 8] {
        page.hear(deliver(&[last - 1, last]));
        page.drain();
    }
    let acks = page.posts.iter().filter_map(|post| match post {
        ToWorker::Ack { posts } => Some(*posts),
        _ => None,
    });
    assert_eq!(acks.collect::<Vec<_>>(), [1, 2, 3, 4]);
}
