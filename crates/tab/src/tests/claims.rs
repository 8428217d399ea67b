//! From where a claim holds, and when it is given back.

use super::*;

#[test]
fn a_claim_holds_from_the_stanza_that_was_being_handled_and_one_made_at_leisure_from_now() {
    let mut page = Page::welcomed();
    page.connect();
    let early = page.tab.claim(TODAY, Selector::Everything);
    page.posts.clear();
    page.tab.handle_input(page.now, Input::Message(up(5)));
    page.tab.handle_input(page.now, Input::Message(deliver(&[7, 8, 9])));
    // In the callback of the status.
    assert!(matches!(page.tab.poll_output(), Some(Output::Event(Event::Status(_)))));
    let in_status = page.tab.claim(TODAY, Selector::Sent);
    assert!(matches!(page.tab.poll_output(), Some(Output::Event(Event::Stanzas(_)))));
    page.tab.at(7);
    let in_stanza = page.tab.claim(TODAY, Selector::Sent);
    assert_eq!(page.tab.before().position, 7);
    page.tab.at(8);
    let in_next = page.tab.claim(TODAY, Selector::Sent);
    page.drain();
    let at_leisure = page.tab.claim(TODAY, Selector::Sent);
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
    let first = page.tab.claim(TODAY, Selector::Everything);
    page.drain();
    page.posts.clear();
    page.tab.handle_input(page.now, Input::Message(deliver(&[6, 9])));
    page.tab.handle_input(page.now, Input::Message(caught(first, &[7, 8])));
    let mut made = None;
    while let Some(output) = page.tab.poll_output() {
        match output {
            Output::Event(Event::Caught(..)) if made.is_none() => {
                made = Some(page.tab.claim(TODAY, Selector::Sent));
            }
            Output::Post(post) => page.posts.push(post),
            _ => {}
        }
    }
    assert_eq!(page.said_claims(), [(vec![made.unwrap()], 7, 0.0)]);
    assert_eq!(page.tab.before().position, 9, "what was handled stays handled");
}

#[test]
fn a_claim_that_nobody_holds_any_more_is_given_back() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    let claim = page.tab.claim(TODAY, Selector::Everything);
    page.drain();
    page.hear(status(StatusCode::Reconnecting));
    page.hear(up(0));
    page.posts.clear();
    page.hear(caught(claim, &[1]));
    let given_back = matches!(&page.posts[..], [ToWorker::Release { claims }] if *claims == [claim]);
    assert!(given_back, "{:?}", page.posts);
    assert!(!page.heard().contains(&"caught 1 Received <m/>".to_owned()));
}

#[test]
fn what_is_claimed_while_the_session_is_down_is_for_the_one_to_come_whatever_keeps_it_down() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.hear(status(StatusCode::Reconnecting));
    let claim = page.tab.claim(TODAY, Selector::Everything);
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
    let claim = page.tab.claim(TODAY, Selector::Everything);
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
