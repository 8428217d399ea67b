//! When a worker dies, another is asked for, and the tab comes back.

use super::*;

#[test]
fn when_the_worker_dies_another_is_asked_for_and_the_tab_comes_back_with_its_credentials() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.send(["<a/>"]);
    let asked = page.request("<b/>", None);
    page.heard();
    page.input(Input::Died);
    let heard = page.heard();
    assert_eq!(
        heard,
        [
            "failed 1 worker-lost".to_owned(),
            format!("response {asked} Disconnected"),
            "Reconnecting".to_owned()
        ]
    );
    page.send(["<c/>"]);
    page.posts.clear();
    page.reopen();
    page.welcome();
    let [ToWorker::Hello(_), ToWorker::Connect { credentials, .. }, ToWorker::Send { .. }] = &page.posts[..]
    else {
        panic!("{:?}", page.posts)
    };
    assert!(credentials.password.is_some());
}

#[test]
fn a_tab_that_attached_asks_to_be_restored() {
    let service = "http://x/".to_owned();
    let attach = ToWorker::Attach { service: service.clone(), jid: None, explicit_binding: false };
    let (jid, sid) = ("a@b/c".to_owned(), Secret::new("s".to_owned()));
    let (wait, hold, window, inactivity) = (None, None, None, None);
    let session = BoshSession { jid, sid, next: 2, lowest: 1, wait, hold, window, inactivity };
    let (options, http) = (Options::default(), HttpOptions::default());
    let by_numbers = ToWorker::AttachBosh(AttachBosh { service, session, options, http }.into());
    for attach in [attach, by_numbers] {
        let mut page = Page::welcomed();
        page.say(attach);
        page.hear(up(0));
        page.input(Input::Died);
        page.posts.clear();
        page.reopen();
        page.welcome();
        assert!(
            matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Restore { jid, .. }] if jid == "a@b/c"),
            "{:?}",
            page.posts
        );
    }
}

#[test]
fn a_tab_that_was_in_a_session_comes_back_without_waiting_and_one_that_waited_waits_again() {
    for was_up in [false, true] {
        let mut page = Page::welcomed();
        let ToWorker::Connect { service, jid, credentials, options, bosh } = Page::connect_word() else {
            unreachable!()
        };
        let options = Options { explicit_binding: true, ..options };
        page.say(ToWorker::Connect { service, jid, credentials, options, bosh });
        page.hear(status(StatusCode::BindRequired));
        if was_up {
            page.hear(up(0));
        }
        page.input(Input::Died);
        page.posts.clear();
        page.reopen();
        page.welcome();
        let [ToWorker::Hello(_), ToWorker::Connect { options, .. }] = &page.posts[..] else {
            panic!("{:?}", page.posts)
        };
        assert_eq!(options.explicit_binding, !was_up);
    }
}

#[test]
fn workers_that_die_young_are_tried_again_later_and_later() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    for rest in [REST, 4 * SECOND, 8 * SECOND] {
        let died = page.now;
        page.input(Input::Died);
        page.reopen();
        assert_eq!(page.now - died, rest);
        page.welcome();
    }
    page.now += YOUTH;
    let died = page.now;
    page.input(Input::Died);
    page.reopen();
    assert_eq!(page.now - died, REST, "that one was not young");
}

// Firefox may never again start a worker at an address where a port was asked for while the one before it
// went.
#[test]
fn no_port_is_asked_for_while_a_worker_goes() {
    let mut page = Page::up_at(4);
    page.input(Input::Died);
    page.timeout(page.now + REST - MOMENT);
    assert_eq!(page.reopened, 0);
    page.timeout(page.now + MOMENT);
    assert_eq!(page.reopened, 1);
}

// Firefox may hand out ports to a worker that has closed itself.
#[test]
fn when_a_worker_has_died_a_port_at_which_nobody_speaks_is_given_up_for_another() {
    let mut page = Page::up_at(4);
    page.input(Input::Died);
    page.timeout(page.now + REST);
    for reopened in 1..=4 {
        assert_eq!((page.reopened, page.tab.is_over()), (reopened, false));
        page.open();
        let deadline = page.tab.deadline().unwrap();
        assert_eq!(deadline - page.now, if reopened < 4 { RETRY } else { PATIENCE });
        page.timeout(deadline);
    }
    assert!(page.tab.is_over(), "nobody was there in {:?}", page.now);
    assert_eq!(page.heard(), ["Connected", "Reconnecting", "Disconnected"]);
}

#[test]
fn a_worker_that_breaks_is_replaced_like_one_that_dies() {
    let mut page = Page::opened();
    page.connect();
    page.welcome_under(Some("worker-1"));
    page.hear(up(0));
    page.heard();
    let broke = || FromWorker::Refused(Refusal::Engine { detail: "the worker broke".to_owned() });
    page.hear(broke());
    assert_eq!(page.heard(), ["Error the worker broke"]);
    page.input(Input::Died);
    assert_eq!(page.heard(), ["Reconnecting"]);
    assert_eq!(page.watched.as_deref(), Some("worker-1"));
    page.reopen();
    // Where nobody tells of its death, it need not be waited for.
    let mut page = Page::up_at(0);
    page.heard();
    page.hear(broke());
    assert_eq!(page.heard(), ["Error the worker broke", "Reconnecting"]);
    // It may still be there, and refuse.
    page.reopen();
    page.hear(broke());
    assert_eq!(page.tab.deadline(), Some(page.now + RETRY));
    page.reopen();
    page.welcome();
    page.hear(up(0));
    assert_eq!(page.heard(), ["Connected"]);
}

#[test]
fn a_logout_that_the_worker_takes_into_its_grave_is_one_all_the_same() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.heard();
    page.say(ToWorker::Disconnect { reason: None, timeout: 3000 });
    page.input(Input::Died);
    assert_eq!(page.heard(), ["Disconnected"]);
    page.posts.clear();
    page.open();
    page.welcome();
    assert!(matches!(page.posts[..], [ToWorker::Hello(_)]), "it does not come back: {:?}", page.posts);
}

#[test]
fn a_logout_that_waited_for_the_next_worker_is_told_to_it_and_nothing_else_is() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.input(Input::Died);
    page.say(ToWorker::Disconnect { reason: None, timeout: 3000 });
    assert_eq!(page.heard(), ["Connected", "Reconnecting"]);
    page.posts.clear();
    page.reopen();
    page.welcome();
    assert!(matches!(page.posts[1..], [ToWorker::Disconnect { .. }]), "{:?}", page.posts);
}
