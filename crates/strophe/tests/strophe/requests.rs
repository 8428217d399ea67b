//! Requests from outside, and answers.

use serde_json::{Value, json};

use crate::common::{ALICE, FALLBACK, REQUEST, chat, seconds};
use crate::world::{World, message};

#[test]
fn a_request_goes_from_page_to_page_until_one_answers() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.server_says(REQUEST);
    assert_eq!(world.words(a), [message(REQUEST)]);
    assert!(world.words(b).is_empty());
    world.sends(a, FALLBACK);
    assert_eq!(world.words(b), [message(REQUEST)]);
    assert_eq!(world.sent(), [""; 0]);
    let answer = "<iq xmlns='jabber:client' type='result' id='q1' to='bob@localhost/x'/>";
    world.sends(b, answer);
    assert_eq!(world.sent(), [answer]);
}

#[test]
fn a_request_that_no_page_takes_is_answered_once() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.server_says(REQUEST);
    world.forget();
    for page in [a, b] {
        world.sends(page, FALLBACK);
    }
    let [answer] = &world.sent()[..] else { panic!("not answered once") };
    assert!(answer.contains("service-unavailable") && answer.contains("bob@localhost/x"), "{answer}");
}

#[test]
fn an_answer_goes_to_the_page_that_asked_under_the_id_of_its_question() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    let ask = |what: &str| {
        format!("<iq xmlns='jabber:client' type='get' id='1' to='localhost'><query xmlns='{what}'/></iq>")
    };
    world.sends(a, &ask("jabber:iq:roster"));
    world.sends(b, &ask("urn:xmpp:ping"));
    for page in [a, b] {
        let words = world.words(page);
        let [Value::Array(word)] = &words[..] else { panic!("{words:?}") };
        assert!(word[1]["data"].as_str().is_some_and(|text| text.contains("id='1'")), "{word:?}");
    }
}

#[test]
fn a_page_that_does_not_answer_is_primary_no_more_and_waits_at_its_own_expense() {
    let mut world = World::new();
    let (a, b) = (world.login(ALICE), world.attach());
    world.forget();
    world.page(a).frozen = true;
    world.advance(seconds(16));
    assert_eq!(world.words(b), [json!(["_promote", ALICE])]);
    let before = world.posted(a);
    for number in 0..500 {
        world.server_says(&chat(&number.to_string()));
    }
    world.run();
    assert!(world.posted(a) - before <= 64 + 8, "{}", world.posted(a) - before);
    assert_eq!(world.words(b).len(), 500);
}
