//! From where a claim holds, and when it is given back.

use super::*;

#[test]
fn a_claim_holds_from_the_stanza_that_was_being_handled_and_one_made_at_leisure_from_now() {
    let mut page = Page::welcomed();
    page.connect();
    let early = page.claim(Selector::Everything);
    page.posts.clear();
    let mut made = Vec::new();
    // In the callback of the status.
    page.handle(up(5), |page, _| made.push(page.claim(Selector::Sent)));
    page.handle(deliver(&[7, 8, 9]), |page, position| {
        assert_eq!(Some(page.tab.checkpoint().position), position);
        if position != Some(9) {
            made.push(page.claim(Selector::Sent));
        }
    });
    let [in_status, in_stanza, in_next] = made[..] else { panic!("{made:?}") };
    let at_leisure = page.claim(Selector::Sent);
    page.drain();
    let said = page.said_claims();
    assert_eq!(
        said,
        [
            (vec![early, in_status], 5, 0.0),
            (vec![in_stanza], 7, 0.0),
            (vec![in_next], 8, 0.0),
            (vec![at_leisure], 9, TODAY)
        ]
    );
}

#[test]
fn a_claim_made_while_a_caught_stanza_is_handled_holds_from_that_stanza() {
    let mut page = Page::up_at(5);
    let first = page.claim(Selector::Everything);
    page.drain();
    page.posts.clear();
    page.hear(deliver(&[6, 9]));
    let mut made = None;
    page.handle(caught(first, &[7, 8]), |page, _| {
        made.get_or_insert_with(|| page.claim(Selector::Sent));
    });
    assert_eq!(page.said_claims(), [(vec![made.unwrap()], 7, 0.0)]);
    assert_eq!(page.tab.checkpoint().position, 9, "what was handled stays handled");
}

#[test]
fn a_claim_made_at_an_answer_holds_from_that_answer() {
    let mut page = Page::up_at(5);
    let token = page.request("<iq/>", None);
    page.posts.clear();
    let mut made = None;
    let outcome = Outcome::Result("<iq/>".to_owned());
    page.handle(FromWorker::Response { token, outcome, position: 8 }, |page, _| {
        made = Some(page.claim(Selector::Everything));
    });
    assert_eq!(page.said_claims(), [(vec![made.unwrap()], 8, 0.0)]);
}

#[test]
fn a_claim_that_nobody_holds_any_more_is_given_back() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    let claim = page.claim(Selector::Everything);
    page.drain();
    page.hear(status(StatusCode::Reconnecting));
    page.hear(up(0));
    page.posts.clear();
    page.hear(caught(claim, &[1]));
    let given_back = matches!(&page.posts[..], [ToWorker::Release { claims }] if *claims == [claim]);
    assert!(given_back, "{:?}", page.posts);
}

#[test]
fn what_is_claimed_while_the_session_is_down_is_for_the_one_to_come_whatever_keeps_it_down() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.hear(status(StatusCode::Reconnecting));
    let claim = page.claim(Selector::Everything);
    // For another reason now.
    page.hear(status(StatusCode::Reconnecting));
    page.posts.clear();
    page.hear(up(7));
    assert_eq!(page.said_claims(), [(vec![claim], 7, 0.0)]);
}

#[test]
fn a_tab_that_is_on_its_way_into_a_session_that_is_down_is_still_joining() {
    let mut page = Page::welcomed();
    page.connect();
    let claim = page.claim(Selector::Everything);
    page.hear(status(StatusCode::Reconnecting));
    page.posts.clear();
    page.hear(up(7));
    assert_eq!(page.said_claims(), [(vec![claim], 7, 0.0)]);

    let mut page = Page::welcomed();
    page.connect();
    page.hear(status(StatusCode::Reconnecting));
    page.input(Input::Lost(fault("gone")));
    assert_eq!(page.heard(), ["Reconnecting", "ConnFail", "Disconnected"]);
}

#[test]
fn positions_of_a_former_session_do_not_count_in_the_next() {
    let mut page = Page::up_at(500);
    let former = page.claim(Selector::Everything);
    page.drain();
    page.hear(caught(former, &[600]));
    page.connect();
    page.hear(up(5));
    let claim = page.claim(Selector::Everything);
    page.drain();
    page.hear(caught(claim, &[6]));
    assert_eq!(page.tab.checkpoint().position, 6);
    page.posts.clear();
    let next = page.claim(Selector::Sent);
    page.drain();
    assert_eq!(page.said_claims()[0].1, 6, "{next:?}");
}
