//! A worker that sends its tab to another one, which has the session.

use super::*;

const STROPHE: &str = "Strophe XMPP Connection";

fn elsewhere(worker: &str) -> FromWorker<String> {
    FromWorker::Refused(Refusal::Elsewhere { worker: worker.to_owned() })
}

/// A tab that has connected, and was sent to the worker of strophe.js's pages.
fn sent_on() -> Page {
    let mut page = Page::welcomed();
    page.connect();
    page.posts.clear();
    page.hear(elsewhere(STROPHE));
    page
}

#[test]
fn a_tab_goes_where_its_session_is_and_says_there_what_the_app_said() {
    let mut page = sent_on();
    assert_eq!(page.place, Place::Elsewhere(STROPHE.to_owned()));
    assert!(matches!(page.posts[..], [ToWorker::Leave]), "{:?}", page.posts);
    assert!(page.events.is_empty(), "an app need not know: {:?}", page.events);
    page.open();
    page.welcome();
    assert!(matches!(page.posts.last(), Some(ToWorker::Connect { .. })), "{:?}", page.posts);
    page.hear(up(7));
    assert!(page.tab.membership.is_up());
}

#[test]
fn the_death_of_that_worker_leads_back() {
    let mut page = sent_on();
    page.open();
    page.welcome();
    page.hear(up(7));
    page.input(Input::Died);
    page.reopen();
    assert_eq!(page.place, Place::Own);
}

#[test]
fn what_was_sent_to_the_first_worker_fails_in_words() {
    let mut page = Page::welcomed();
    page.connect();
    let token = page.send(["<message/>"]);
    page.hear(elsewhere(STROPHE));
    let failed = |event: &FromWorker<String>| {
        matches!(event, FromWorker::Failed { token: failed, fault }
            if *failed == token && fault.text.contains("another worker"))
    };
    assert!(page.events.iter().any(failed), "{:?}", page.events);
}

#[test]
fn two_workers_cannot_send_a_tab_to_and_fro_for_ever() {
    let mut page = sent_on();
    for worker in ["epode", STROPHE, "epode"] {
        page.open();
        page.welcome();
        page.hear(elsewhere(worker));
        let own = worker == "epode";
        assert_eq!(page.place == Place::Own, own, "after {worker}");
        assert!(!page.tab.is_over());
    }
    page.open();
    page.welcome();
    page.hear(elsewhere(STROPHE));
    assert!(page.tab.is_over());
    let says = format!("{:?}", page.events);
    assert!(says.contains("ConnFail") && says.contains("reload the page"), "{says}");
}
