//! When nothing can come of a worker, everything that is open ends.

use super::*;

#[test]
fn everything_that_is_open_ends_when_the_worker_is_lost() {
    let mut page = Page::welcomed();
    page.connect();
    page.send(["<a/>", "<b/>", "<c/>"]);
    page.request("<d/>", None);
    page.request("<e/>", Some(1000));
    page.hear(status(StatusCode::Connected));
    page.hear(FromWorker::Written { up_to: 1 });
    page.hear(FromWorker::Failed { token: 2, fault: fault("invalid-from") });
    page.hear(FromWorker::Response { token: 4, outcome: Outcome::Timeout, position: 0 });
    assert_eq!(page.heard(), ["Connected", "written 1", "failed 2 invalid-from", "response 4 Timeout"]);
    page.input(Input::Lost(fault("worker-lost")));
    assert_eq!(page.heard(), ["failed 3 worker-lost", "response 5 Disconnected", "Disconnected"]);
    // Once.
    page.input(Input::Lost(fault("worker-lost")));
    assert!(page.heard().is_empty());
}

#[test]
fn everything_that_still_waited_for_the_welcome_ends_too_and_is_never_posted() {
    let mut page = Page::opened();
    page.send(["<a/>"]);
    page.request("<b/>", None);
    page.posts.clear();
    page.input(Input::Lost(fault("worker-lost")));
    assert_eq!(page.heard(), ["failed 1 worker-lost", "response 2 Disconnected"]);
    page.welcome();
    page.open();
    page.posts.clear();
    page.welcome();
    assert!(page.posts.is_empty() && page.heard().is_empty());
}

#[test]
fn what_is_wanted_of_a_lost_worker_ends_at_once() {
    let mut page = Page::welcomed();
    page.input(Input::Lost(fault("worker-lost")));
    page.send(["<a/>", "<b/>"]);
    page.request("<c/>", None);
    page.connect();
    assert_eq!(
        page.heard(),
        [
            "failed 1 worker-lost",
            "failed 2 worker-lost",
            "response 3 Disconnected",
            "ConnFail",
            "Disconnected"
        ]
    );
    assert!(page.posts.is_empty());
}

#[test]
fn an_app_hears_the_end_of_what_it_believes_and_no_more() {
    use StatusCode::*;
    for (codes, end) in [
        (&[][..], &["ConnFail", "Disconnected"][..]),
        (&[Authenticating], &["ConnFail", "Disconnected"]),
        (&[Connected], &["Disconnected"]),
        (&[Attached], &["Disconnected"]),
        (&[Attached, Disconnecting], &["Disconnected"]),
        (&[AuthFail, Disconnected], &[]),
        (&[Connected, Disconnected], &[]),
        (&[AttachFail], &[]),
    ] {
        let mut page = Page::welcomed();
        page.connect();
        for code in codes {
            page.hear(status(*code));
        }
        page.heard();
        page.input(Input::Lost(fault("worker-lost")));
        assert_eq!(page.heard(), end, "{codes:?}");
    }
    let mut page = Page::welcomed();
    page.input(Input::Lost(fault("worker-lost")));
    assert!(page.heard().is_empty(), "an app that wants nothing is told nothing");
}

#[test]
fn a_lost_worker_that_speaks_after_all_is_not_heard() {
    let mut page = Page::opened();
    page.connect();
    page.send(["<a/>"]);
    page.timeout(PATIENCE);
    page.heard();
    page.posts.clear();
    page.welcome();
    page.hear(status(StatusCode::Connected));
    page.hear(FromWorker::Role(Role::Primary));
    page.hear(FromWorker::Written { up_to: 1 });
    page.hear(deliver(&[1]));
    assert!(page.heard().is_empty() && page.posts.is_empty());
    assert!(page.tab.is_over());
}

#[test]
fn a_tab_starts_afresh_on_a_new_port_and_its_tokens_go_on() {
    let mut page = Page::welcomed();
    let before = page.send(["<a/>"]);
    page.input(Input::Lost(fault("worker-lost")));
    page.posts.clear();
    page.heard();
    page.open();
    assert!(!page.tab.is_over());
    let after = page.send(["<b/>"]);
    assert_eq!(after, before + 1);
    page.posts.clear();
    page.welcome();
    let expected: ToWorker<String> = ToWorker::Send { stanzas: vec![outgoing(after, "<b/>")] };
    assert_eq!(format!("{:?}", page.posts), format!("[{expected:?}]"));
}
