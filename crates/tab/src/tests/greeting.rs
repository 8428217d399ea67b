//! How a tab and a worker meet, or do not.

use serde_json::json;

use super::*;

#[test]
fn the_first_word_of_a_tab_is_hello() {
    let mut page = Page::opened();
    let Some(ToWorker::Hello(hello)) = page.posts.pop() else { panic!("no hello") };
    assert_eq!((hello.versions, hello.tab.as_str()), (vec![VERSION], "tab-1"));
    assert_eq!((hello.lock.as_deref(), hello.visible), (Some("lock-1"), true));
    assert!(page.posts.is_empty());
}

#[test]
fn what_the_app_wants_before_the_welcome_goes_out_behind_it_in_order() {
    let mut page = Page::default();
    page.connect();
    page.send(["<a/>"]);
    page.open();
    page.request("<b/>", Some(2000));
    page.send(["<c/>", "<d/>"]);
    page.say(ToWorker::Visibility { visible: false });
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_)]), "{:?}", page.posts);
    page.posts.clear();
    page.welcome();
    let expected = [
        Page::connect_word(),
        ToWorker::Send { stanzas: vec![outgoing(1, "<a/>")] },
        ToWorker::Request { token: 2, text: "<b/>".to_owned(), timeout: Some(2000) },
        ToWorker::Send { stanzas: vec![outgoing(3, "<c/>"), outgoing(4, "<d/>")] },
        ToWorker::Visibility { visible: false },
    ];
    assert_eq!(format!("{:?}", page.posts), format!("{expected:?}"));
}

#[test]
fn the_wish_to_join_goes_out_right_behind_hello_and_is_not_said_twice() {
    let mut page = Page::opened();
    page.connect();
    page.send(["<a/>"]);
    page.drain();
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]), "{:?}", page.posts);
    page.posts.clear();
    page.welcome();
    assert!(matches!(&page.posts[..], [ToWorker::Send { .. }]), "{:?}", page.posts);
    // What it says of the session is about this wish.
    page.hear(up(1));
    assert_eq!(page.heard(), ["Connected"]);
}

#[test]
fn a_wish_that_went_out_early_is_said_again_to_the_next_worker() {
    let mut page = Page::opened();
    page.connect();
    page.posts.clear();
    page.input(Input::Died);
    page.reopen();
    page.welcome();
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]), "{:?}", page.posts);
}

#[test]
fn a_worker_that_is_too_old_may_refuse_the_early_wish_as_well() {
    let mut page = Page::opened();
    page.connect();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION - 1] }));
    page.hear(FromWorker::Refused(Refusal::Malformed { detail: "what?".to_owned() }));
    assert!(!page.tab.is_over() && page.heard().is_empty());
    page.posts.clear();
    page.timeout(STEP_ASIDE);
    page.open();
    page.welcome();
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]), "{:?}", page.posts);
}

#[test]
fn a_second_welcome_changes_nothing() {
    let mut page = Page::welcomed();
    page.send(["<a/>"]);
    page.drain();
    page.posts.clear();
    page.welcome();
    assert!(page.posts.is_empty() && page.heard().is_empty());
}

#[test]
fn a_worker_that_gives_no_sign_of_life_is_lost_after_eight_seconds() {
    let mut page = Page::opened();
    page.connect();
    assert_eq!(page.tab.deadline(), Some(PATIENCE));
    page.timeout(PATIENCE - MOMENT);
    assert!(page.heard().is_empty() && !page.tab.is_over());
    page.timeout(PATIENCE);
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
    assert!(page.tab.is_over());
    assert_eq!(page.tab.deadline(), None);
}

#[test]
fn one_that_has_given_a_sign_of_life_has_a_minute_from_then_on() {
    let mut page = Page::opened();
    page.connect();
    page.now = 7 * SECOND;
    page.hear(FromWorker::Log { level: LogLevel::Info, text: "loading".to_owned() });
    assert_eq!(page.heard(), ["Info loading"]);
    page.answers = true;
    page.wait(7 * SECOND + LONG_PATIENCE - MOMENT);
    assert!(!page.tab.is_over());
    page.wait(7 * SECOND + LONG_PATIENCE + vigil::SILENCE);
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
    // It did answer, so the reason must not be that it is another script.
    assert_eq!(page.reason(), "the worker did not get ready within 60 s");
}

#[test]
fn a_worker_that_is_not_understood_is_noted_and_not_taken_for_alive() {
    let mut page = Page::opened();
    for garbage in [json!("what?"), json!(null), json!({}), json!([])] {
        assert!(!page.tab.hear(page.now, &garbage));
        assert_eq!(page.heard(), ["Warn the worker was not understood: not a message"]);
    }
    assert_eq!(page.tab.deadline(), Some(PATIENCE));
}

#[test]
fn each_refusal_is_told_in_words() {
    for (refusal, condition, word) in [
        (Refusal::Version { speaks: vec![9] }, "worker-version", "reload"),
        (Refusal::Malformed { detail: "no Hello".into() }, "worker-protocol", "no Hello"),
        (Refusal::Engine { detail: "wasm-unsafe-eval".into() }, "worker-failed", "wasm-unsafe-eval"),
    ] {
        let mut page = Page::opened();
        page.connect();
        let token = page.send(["<a/>"]);
        page.hear(FromWorker::Refused(refusal));
        let heard = page.heard();
        assert_eq!(heard, [format!("failed {token} {condition}").as_str(), "ConnFail", "Disconnected"]);
        assert!(page.reason().contains(word), "{}", page.reason());
        assert!(page.tab.is_over());
    }
}

#[test]
fn a_worker_that_is_too_old_is_asked_once_to_make_room() {
    let mut page = Page::opened();
    page.connect();
    page.posts.clear();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION - 1] }));
    page.drain();
    assert!(matches!(page.posts[..], [ToWorker::StepAside]), "{:?}", page.posts);
    assert!(page.heard().is_empty() && !page.tab.is_over());
    let due = page.tab.deadline().unwrap();
    page.timeout(due);
    assert_eq!(page.reopened, 1);
    page.open();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION - 1] }));
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
}

#[test]
fn a_worker_that_is_newer_than_the_page_is_not_asked_to_make_room() {
    let mut page = Page::opened();
    page.connect();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION + 1] }));
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
    assert!(page.reason().contains("reload the page"), "{}", page.reason());
}

#[test]
fn who_leaves_before_the_welcome_says_so() {
    for waits in [false, true] {
        let mut page = Page::opened();
        page.connect();
        if waits {
            page.send(["<a/>"]);
        }
        page.input(Input::Leave);
        assert!(
            matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }, ToWorker::Leave]),
            "the worker would keep what nobody is at: {:?}",
            page.posts
        );
    }
}
