//! Presence among the accounts, which are all each other's contacts.

mod common;

use common::*;
use epode_testkit::{Account, Config, ConnectionId, Input};

const AVAILABLE: &str = "<presence xmlns='jabber:client'/>";
const UNAVAILABLE: &str = "<presence xmlns='jabber:client' type='unavailable'/>";

fn three_accounts() -> World {
    let account = |user: &str| Account { user: user.to_owned(), password: format!("secret-{user}") };
    World::new(Config { accounts: ["alice", "bob", "carol"].map(account).to_vec(), ..Config::default() })
}

/// An anonymous session, bound to the resource `here`.
fn with_guest() -> (World, ConnectionId) {
    let mut world = World::new(Config { anonymous: true, ..Config::default() });
    let guest = world.connect();
    world.say(guest, OPEN);
    world.say(guest, &format!("<auth xmlns='{SASL}' mechanism='ANONYMOUS'/>"));
    world.say(guest, &format!("<response xmlns='{SASL}'/>"));
    world.say(guest, OPEN);
    world.say(guest, &bind_request("here"));
    world.heard(guest);
    (world, guest)
}

#[test]
fn initial_presence_is_told_to_contacts_and_own_sessions_and_theirs_is_told_back() {
    let mut world = World::default();
    let bob = world.log_in("bob", "desk");
    let phone = world.log_in("alice", "phone");
    world.heard(bob);
    let tab = world.bind("alice", "tab");
    let mut heard = presences(&world.ask(tab, AVAILABLE));
    heard.sort();
    assert_eq!(
        heard,
        ["alice@localhost/phone available", "alice@localhost/tab available", "bob@localhost/desk available"]
    );
    assert_eq!(presences(&world.heard(bob)), ["alice@localhost/tab available"]);
    assert_eq!(presences(&world.heard(phone)), ["alice@localhost/tab available"]);
}

#[test]
fn later_presence_is_told_and_not_answered() {
    let mut world = World::default();
    let (alice, bob) = (world.log_in("alice", "tab"), world.log_in("bob", "desk"));
    let heard = world.ask(alice, "<presence xmlns='jabber:client'><show>away</show></presence>");
    assert_eq!(presences(&heard), ["alice@localhost/tab available"], "its own, and not bob's again");
    let told = &world.heard(bob)[0];
    assert_eq!(told.child("show", CLIENT).map(|show| show.text()).as_deref(), Some("away"));
    assert_eq!(told.attr("to"), Some("bob@localhost"));
}

#[test]
fn a_session_that_is_not_available_hears_no_presence() {
    let mut world = World::default();
    let quiet = world.bind("bob", "quiet");
    world.log_in("alice", "tab");
    assert_eq!(world.heard(quiet), []);
}

#[test]
fn unavailable_is_told_once_whether_said_or_suffered() {
    let mut world = World::default();
    let bob = world.log_in("bob", "desk");
    let gone = ["alice@localhost/tab unavailable"];

    let alice = world.log_in("alice", "tab");
    assert_eq!(presences(&world.ask(alice, UNAVAILABLE)), gone, "the resource itself hears it too");
    world.input(Input::Closed(alice));
    assert_eq!(presences(&world.heard(bob)), gone);

    let alice = world.log_in("alice", "tab");
    world.input(Input::Closed(alice));
    assert_eq!(presences(&world.heard(bob)), gone);

    let alice = world.log_in("alice", "tab");
    world.say(alice, &format!("<close xmlns='{FRAMING}'/>"));
    assert_eq!(presences(&world.heard(bob)), gone);

    let alice = world.log_in("alice", "tab");
    world.server.stream_error(alice, "system-shutdown");
    world.drain();
    assert_eq!(presences(&world.heard(bob)), gone);

    let alice = world.log_in("alice", "tab");
    world.server.drop_connection(alice);
    world.drain();
    assert!(world.is_closed(alice));
    assert_eq!(presences(&world.heard(bob)), gone);
}

#[test]
fn directed_presence_reaches_its_addressee_who_also_hears_of_the_end() {
    let (mut world, guest) = with_guest();
    let bob = world.log_in("bob", "desk");
    world.say(guest, AVAILABLE);
    assert_eq!(world.heard(bob), [], "a guest is nobody's contact");
    world.say(guest, "<presence xmlns='jabber:client' to='bob@localhost/desk'/>");
    let came = presences(&world.heard(bob));
    assert!(came[0].starts_with("anonymous-") && came[0].ends_with("/here available"), "{came:?}");
    world.input(Input::Closed(guest));
    let went = presences(&world.heard(bob));
    assert!(went[0].ends_with("/here unavailable"), "{went:?}");
}

#[test]
fn a_probe_is_answered_for_contacts_and_ignored_for_strangers() {
    let mut world = three_accounts();
    let alice = world.log_in("alice", "tab");
    world.log_in("bob", "desk");
    let probe = |to: &str| format!("<presence xmlns='jabber:client' type='probe' to='{to}'/>");
    world.heard(alice);
    assert_eq!(presences(&world.ask(alice, &probe("bob@localhost"))), ["bob@localhost/desk available"]);
    assert_eq!(world.ask(alice, &probe("carol@localhost")), [], "carol is not there");
    assert_eq!(world.ask(alice, &probe("nobody@localhost")), []);

    let (mut world, guest) = with_guest();
    world.log_in("bob", "desk");
    assert_eq!(world.ask(guest, &probe("bob@localhost")), [], "a guest is nobody's contact");
}

#[test]
fn a_subscription_is_granted_at_once() {
    let mut world = World::default();
    let (alice, bob) = (world.log_in("alice", "tab"), world.log_in("bob", "desk"));
    let remove = "<query xmlns='jabber:iq:roster'><item jid='bob@localhost' subscription='remove'/></query>";
    world.ask(alice, &iq("set", "", remove));
    world.say(bob, "<presence xmlns='jabber:client'><show>away</show></presence>");
    assert_eq!(world.heard(alice), [], "no contact any more");

    let heard = world.ask(alice, "<presence xmlns='jabber:client' type='subscribe' to='bob@localhost'/>");
    assert_eq!(presences(&heard), ["bob@localhost subscribed", "bob@localhost/desk available"]);
    assert!(presences(&world.heard(bob)).contains(&"alice@localhost/tab available".to_owned()));
}

#[test]
fn presence_that_breaks_the_rules_is_a_bad_request() {
    let mut world = World::default();
    let alice = world.log_in("alice", "tab");
    for presence in [
        "<presence xmlns='jabber:client'><priority>200</priority></presence>",
        "<presence xmlns='jabber:client'><priority>high</priority></presence>",
        "<presence xmlns='jabber:client' type='available'/>",
    ] {
        assert_eq!(condition(&world.answer(alice, presence)), "bad-request", "{presence}");
    }
}
