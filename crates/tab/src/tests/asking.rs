//! What a tab sends and asks: each ends once.

use super::*;

#[test]
fn to_send_nothing_is_nothing() {
    let mut page = Page::welcomed();
    page.tab.send([]);
    page.drain();
    assert!(page.posts.is_empty());
}

#[test]
fn tokens_rise_by_one_over_sends_and_requests_alike() {
    let mut page = Page::welcomed();
    assert_eq!(page.tab.send(["<a/>".to_owned(), "<b/>".to_owned()]), 2);
    assert_eq!(page.tab.request("<c/>".to_owned(), None), 3);
    assert_eq!(page.tab.send(["<d/>".to_owned()]), 4);
}

#[test]
fn a_time_limit_longer_than_the_wire_can_say_is_the_longest_it_can() {
    let mut page = Page::welcomed();
    page.tab.request("<a/>".to_owned(), Some(Duration::MAX));
    page.drain();
    assert!(matches!(&page.posts[..], [ToWorker::Request { timeout: Some(u32::MAX), .. }]));
}

#[test]
fn an_end_comes_once_for_each_token_and_never_for_one_that_was_not_given() {
    let mut page = Page::welcomed();
    page.tab.send(["<a/>".to_owned(), "<b/>".to_owned()]);
    page.tab.request("<c/>".to_owned(), None);
    let failed = |token| FromWorker::Failed { token, fault: fault("x") };
    for _ in 0..2 {
        page.hear(failed(1));
        page.hear(FromWorker::Response { token: 3, outcome: Outcome::Timeout, position: 0 });
    }
    for token in [0, 3, 7, u32::MAX] {
        page.hear(failed(token));
    }
    for token in [0, 1, 7, u32::MAX] {
        page.hear(FromWorker::Response { token, outcome: Outcome::Disconnected, position: 0 });
    }
    assert_eq!(page.heard(), ["failed 1 x", "response 3 Timeout"]);
    page.hear(FromWorker::Written { up_to: u32::MAX });
    page.hear(failed(2));
    assert_eq!(page.heard(), [format!("written {}", u32::MAX)]);
    page.input(Input::Lost(fault("worker-lost")));
    assert!(page.heard().is_empty());
}
