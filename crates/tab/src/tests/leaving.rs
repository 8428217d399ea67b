//! How a page goes, and what it leaves behind.

use super::*;

fn logout() -> ToWorker<String> {
    ToWorker::Disconnect { reason: None, timeout: 3000 }
}

fn part(page: &mut Page) {
    page.input(Input::Part(serde_json::to_value(logout()).unwrap()));
}

#[test]
fn a_logout_while_the_page_is_unloaded_is_said_behind_the_goodbye() {
    let mut page = Page::up_at(4);
    page.posts.clear();
    part(&mut page);
    assert!(page.posts.is_empty(), "the page may stay: {:?}", page.posts);
    page.input(Input::Unload);
    assert!(matches!(page.posts[..], [ToWorker::Leave, ToWorker::Disconnect { .. }]), "{:?}", page.posts);
}

#[test]
fn behind_the_goodbye_everything_is_said_at_once() {
    let mut page = Page::up_at(4);
    page.input(Input::Unload);
    page.posts.clear();
    page.send(["<a/>"]);
    part(&mut page);
    assert!(
        matches!(page.posts[..], [ToWorker::Send { .. }, ToWorker::Disconnect { .. }]),
        "{:?}",
        page.posts
    );
}

#[test]
fn a_page_that_is_unloaded_leaves_word_where_it_stood_if_it_has_met_a_worker() {
    let mut page = Page::opened();
    page.input(Input::Unload);
    assert_eq!(page.kept, None);
    let mut page = Page::up_at(4);
    page.hear(deliver(&[5, 6]));
    page.input(Input::Unload);
    assert_eq!(page.kept, Some(Checkpoint { boot: "boot-1".to_owned(), position: 6 }));
}

#[test]
fn a_page_that_leaves_leaves_no_word() {
    let mut page = Page::up_at(4);
    page.input(Input::Leave);
    assert_eq!(page.kept, None);
    assert!(matches!(page.posts.last(), Some(ToWorker::Leave)), "{:?}", page.posts);
}

#[test]
fn who_has_left_does_not_come_back_when_the_worker_dies() {
    let mut page = Page::up_at(4);
    page.input(Input::Leave);
    page.heard();
    page.input(Input::Died);
    assert!(page.heard().is_empty());
    page.posts.clear();
    page.reopen();
    page.welcome();
    assert!(matches!(page.posts[..], [ToWorker::Hello(_)]), "{:?}", page.posts);
}
