//! What a tab sends and asks: each ends once.

use super::*;

#[test]
fn tokens_rise_by_one_over_sends_and_requests_alike() {
    let mut page = Page::welcomed();
    assert_eq!(
        [page.tab.number(2), page.tab.number(1), page.tab.number(3), page.tab.number(1)],
        [1, 3, 4, 7]
    );
}

#[test]
fn an_end_comes_once_for_each_token_and_never_for_one_that_was_not_given() {
    let mut page = Page::welcomed();
    page.send(["<a/>", "<b/>"]);
    page.request("<c/>", None);
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
