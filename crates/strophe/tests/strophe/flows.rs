//! The flows of a page's life.

use std::time::Duration;

use epode_testkit::{Config, LegacySession, Management};
use serde_json::json;

use crate::world::{SERVICE, World, message};

const ALICE: &str = "alice@localhost/desk";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_page_logs_in_and_hears_what_the_server_says() {
    let mut world = World::new();
    let page = world.login(ALICE);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    assert_eq!(world.page(page).bound, ALICE);
    assert_eq!(world.words(page), [json!(["_role", "primary", ALICE])]);
    let chat = "<message xmlns='jabber:client' from='bob@localhost/x'><body>hi</body></message>";
    world.server_says(chat);
    assert_eq!(world.words(page), [message(chat)]);
}

#[test]
fn a_later_page_attaches_without_a_word_to_the_server_and_both_hear_all() {
    let mut world = World::new();
    let first = world.login(ALICE);
    world.forget();
    let second = world.attach();
    assert_eq!(world.statuses(second), ["ATTACHED"]);
    assert_eq!(
        world.words(second),
        [json!(["_role", "secondary", ALICE]), json!(["_attachCallback", 8, ALICE])]
    );
    assert_eq!(world.dials, 1);
    let chat = "<message xmlns='jabber:client' from='bob@localhost/x'><body>hi</body></message>";
    world.server_says(chat);
    for page in [first, second] {
        assert_eq!(world.words(page), [message(chat)]);
    }
    let said = "<message xmlns='jabber:client' to='bob@localhost'><body>ho</body></message>";
    world.sends(second, said);
    assert_eq!(world.words(first), [json!(["_onStanzaSent", said])]);
    assert!(world.words(second).is_empty());
}

#[test]
fn without_a_session_there_is_nothing_to_attach_to() {
    let mut world = World::new();
    let page = world.attach();
    assert_eq!(world.words(page), [json!(["_attachCallback", 12])]);
}
