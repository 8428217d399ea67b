//! Where a page stands after a reload.

use super::*;

#[test]
fn a_page_after_a_reload_goes_on_behind_what_the_one_before_has_caught() {
    let mut page = Page::up_at(5);
    let claim = page.claim(Selector::Everything);
    page.drain();
    page.hear(caught(claim, &[6, 7]));
    page.drain();
    assert_eq!(page.tab.checkpoint().position, 7);
}

#[test]
fn until_it_has_joined_a_page_stands_where_the_one_before_it_stood() {
    let mut page = Page::default();
    let before = Checkpoint { boot: "boot-1".to_owned(), position: 7 };
    let (tab, lock) = ("tab-1".to_owned(), None);
    page.input(Input::Opened { tab, lock, visible: true, before: Some(before.clone()) });
    assert_eq!(page.tab.checkpoint(), before);
    page.welcome();
    assert_eq!(page.tab.checkpoint(), before);
    page.connect();
    page.hear(up(9));
    assert_eq!(page.tab.checkpoint().position, 9);
}

#[test]
fn where_the_page_before_stood_with_another_worker_means_nothing() {
    let mut page = Page::default();
    let before = Some(Checkpoint { boot: "boot-0".to_owned(), position: 7 });
    page.input(Input::Opened { tab: "tab-1".to_owned(), lock: None, visible: true, before });
    page.welcome();
    assert_eq!(page.tab.checkpoint(), Checkpoint { boot: "boot-1".to_owned(), position: 0 });
}
