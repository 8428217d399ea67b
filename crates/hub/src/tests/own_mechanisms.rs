//! Mechanisms that live in a tab: which tab is asked what, and how a login ends whose tab does not
//! answer.

use std::time::Duration;

use crate::tests::page::Event;
use epode_protocol::{MechanismOffer, Options, ToWorker, Token};
use epode_testkit as testkit;

use super::page::Page;
use super::world::{GRACE, World};
use crate::PortId;

const ALICE: &str = "alice@localhost/desk";
const SECRET: &str = "secret-alice";
const SECOND: Duration = Duration::from_secs(1);

fn world() -> World {
    let mechanisms = ["PLAIN", "X-ECHO"].map(str::to_owned).to_vec();
    World::with(testkit::Config { mechanisms, ..testkit::Config::default() })
}

fn offer(name: &str, priority: u32) -> MechanismOffer {
    MechanismOffer { name: name.to_owned(), priority }
}

/// Only the tab's own mechanism, and no password for the worker.
fn connect(world: &mut World, tab: PortId) {
    let options = Options { listed: true, own_mechanisms: vec![offer("X-ECHO", 90)], ..Options::default() };
    world.connect_as(tab, ALICE, None, options);
}

/// The challenges to a tab's mechanism, and the other events of the tab in words.
fn asked(world: &mut World, tab: PortId) -> (Vec<(Token, Option<String>)>, Vec<String>) {
    let (mut asked, mut heard) = (Vec::new(), Vec::new());
    for event in world.events(tab) {
        match event {
            Event::Challenge(token, mechanism, challenge) => {
                assert_eq!(mechanism, "X-ECHO");
                asked.push((token, challenge));
            }
            event => heard.push(Page::in_words(event)),
        }
    }
    (asked, heard)
}

/// The tab speaks X-ECHO, with this password, until it is asked no more. Returns the tab's other
/// events.
fn speak(world: &mut World, tab: PortId, password: &str) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let (challenges, heard) = asked(world, tab);
        said.extend(heard);
        if challenges.is_empty() {
            return said;
        }
        for (token, challenge) in challenges {
            let response = match challenge.as_deref().and_then(|text| text.split_once(' ')) {
                None => "alice".to_owned(),
                Some(("password?", nonce)) => format!("{nonce} {password}"),
                Some((_, nonce)) => nonce.to_owned(),
            };
            world.respond(tab, token, Some(&response));
        }
    }
}

/// A tab in a session that it has opened by X-ECHO.
fn online(world: &mut World) -> PortId {
    let tab = world.tab();
    connect(world, tab);
    speak(world, tab, SECRET);
    world.forget();
    tab
}

#[test]
fn a_mechanism_of_a_tab_logs_in_over_as_many_challenges_as_it_takes() {
    let mut world = world();
    let tab = world.tab();
    connect(&mut world, tab);
    let heard = speak(&mut world, tab, SECRET);
    assert_eq!(heard, ["Authenticating", "Primary", "Connected alice@localhost/desk"]);
    let sent = world.sent();
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X-ECHO'>YWxpY2U=</auth>";
    assert!(sent.iter().any(|frame| frame == auth), "{sent:?}");
    assert_eq!(sent.iter().filter(|frame| frame.starts_with("<response")).count(), 2);
    assert!(world.nothing_is_due());
}

#[test]
fn one_that_leaves_the_first_word_to_the_server_begins_with_an_auth_that_is_empty() {
    let mut world = world();
    let tab = world.tab();
    connect(&mut world, tab);
    let [(token, None)] = &asked(&mut world, tab).0[..] else { panic!("not asked to begin") };
    world.respond(tab, *token, None);
    let [(token, Some(empty))] = &asked(&mut world, tab).0[..] else { panic!("not asked") };
    assert_eq!(empty, "");
    assert!(world.sent().last().unwrap().ends_with(" mechanism='X-ECHO'/>"));
    world.respond(tab, *token, Some("alice"));
    assert_eq!(speak(&mut world, tab, SECRET).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn the_highest_priority_decides_between_the_tabs_and_the_workers() {
    for (priority, speaks) in [(51, true), (49, false)] {
        let mut world = world();
        let tab = world.tab();
        let own_mechanisms = vec![offer("X-ECHO", priority)];
        world.connect_as(tab, ALICE, Some(SECRET), Options { own_mechanisms, ..Options::default() });
        assert_eq!(!asked(&mut world, tab).0.is_empty(), speaks, "{priority}");
    }
}

#[test]
fn one_with_the_name_of_a_mechanism_of_ours_stands_in_its_place() {
    let mut world = world();
    let tab = world.tab();
    let own_mechanisms = vec![offer("PLAIN", 1)];
    world.connect_as(tab, ALICE, Some(SECRET), Options { own_mechanisms, ..Options::default() });
    let events = world.events(tab);
    let Some(Event::Challenge(token, mechanism, None)) = events.last() else { panic!("{events:?}") };
    assert_eq!(mechanism, "PLAIN");
    world.respond(tab, *token, Some("\0alice\0secret-alice"));
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn a_wrong_answer_is_the_servers_word_and_a_failure_is_authfail_that_names_the_mechanism() {
    let mut world = world();
    let tab = world.tab();
    connect(&mut world, tab);
    let heard = speak(&mut world, tab, "wrong");
    assert_eq!(heard, ["Authenticating", "AuthFail not-authorized", "Disconnected not-authorized"]);

    connect(&mut world, tab);
    let token = asked(&mut world, tab).0[0].0;
    world.abort(tab, token);
    let events = world.events(tab);
    let [Event::Status(failed), Event::Status(over)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(failed.condition.as_deref(), Some("mechanism-failed"));
    assert_eq!(failed.text.as_deref(), Some("the mechanism X-ECHO failed in its page"));
    assert_eq!(over.condition, failed.condition);
    assert!(world.open_sockets().is_empty());
}

#[test]
fn a_tab_that_never_answers_has_a_minute() {
    for says_first in [false, true] {
        let mut world = world();
        let tab = world.tab();
        connect(&mut world, tab);
        let token = asked(&mut world, tab).0[0].0;
        // The server would be impatient earlier.
        world.flowing = says_first;
        if says_first {
            world.respond(tab, token, Some("alice"));
            asked(&mut world, tab);
            world.flowing = false;
        }
        world.server = testkit::Server::new(testkit::Config::default(), 3);
        world.advance(59 * SECOND);
        assert!(asked(&mut world, tab).1.is_empty());
        world.advance(SECOND);
        assert_eq!(world.heard(tab), ["AuthFail mechanism-silent", "Disconnected mechanism-silent"]);
        world.respond(tab, token, Some("late"));
        assert!(world.heard(tab).is_empty() && world.nothing_is_due());
    }
}

// A login must not hang when the tab that speaks dies.
#[test]
fn the_death_of_the_tab_ends_the_attempt_and_whoever_waits_for_it_goes_on() {
    for steps in 0..40 {
        let mut world = world();
        let [tab, attached, next] = [world.tab(), world.tab(), world.tab()];
        connect(&mut world, tab);
        world.attach(attached, None);
        connect(&mut world, next);
        // The tab answers the first question, and dies at some moment of the exchange.
        let token = asked(&mut world, tab).0[0].0;
        world.respond(tab, token, Some("alice"));
        for _ in 0..steps {
            world.step();
        }
        world.kill(tab);
        world.run();
        let heard = world.heard(attached);
        assert_eq!(heard.last().unwrap(), "AttachFail mechanism-gone", "{steps}");
        let heard = speak(&mut world, next, SECRET);
        assert_eq!(heard.last().unwrap(), "Connected alice@localhost/desk", "{steps}: {heard:?}");
        assert_eq!(world.open_sockets().len(), 1, "{steps}");
    }
}

#[test]
fn a_tab_that_thinks_better_of_it_in_the_middle_of_the_exchange_may() {
    for disconnects in [false, true] {
        let mut world = world();
        let tab = world.tab();
        connect(&mut world, tab);
        let stale = asked(&mut world, tab).0[0].0;
        if disconnects {
            world.disconnect(tab);
            assert_eq!(world.heard(tab), ["Disconnecting", "Disconnected"]);
        }
        connect(&mut world, tab);
        let fresh = asked(&mut world, tab).0[0].0;
        // An answer to the former attempt does not count.
        world.respond(tab, stale, Some("bob"));
        assert!(asked(&mut world, tab).0.is_empty());
        world.respond(tab, fresh, Some("alice"));
        assert_eq!(speak(&mut world, tab, SECRET).last().unwrap(), "Connected alice@localhost/desk");
        world.advance(GRACE);
        assert_eq!(world.open_sockets().len(), 1);
    }
}

// A tab that proves nothing must not join.
#[test]
fn a_further_tab_proves_itself_on_a_stream_of_its_own_and_nobody_else_is_asked() {
    let mut world = world();
    let inside = online(&mut world);
    for (password, last) in
        [("wrong", "Disconnected not-authorized"), (SECRET, "Attached alice@localhost/desk")]
    {
        let tab = world.tab();
        connect(&mut world, tab);
        assert_eq!(speak(&mut world, tab, password).last().unwrap(), last);
    }
    // The options are the same, and do not tell who the user is.
    let intruder = world.tab();
    world.connect_as(intruder, ALICE, None, Options::default());
    assert_eq!(world.heard(intruder).last().unwrap(), "Disconnected no-auth-mech");
    assert!(world.heard(inside).is_empty());
    assert_eq!(world.server.statistics().bound_sessions, 1);
}

#[test]
fn a_redial_asks_a_tab_that_speaks_the_mechanism_one_that_is_awake_first() {
    let mut world = world();
    let (first, second) = (online(&mut world), online(&mut world));
    world.freeze(first);
    world.forget();
    world.cut();
    world.advance(SECOND);
    let heard = speak(&mut world, second, SECRET);
    assert_eq!(heard.first().unwrap(), "Reconnecting");
    assert_eq!(heard.last().unwrap(), "Connected alice@localhost/desk");
    world.let_read(first);
    let (challenges, heard) = asked(&mut world, first);
    assert!(challenges.is_empty() && heard.iter().any(|word| word.starts_with("Connected")), "{heard:?}");
}

#[test]
fn a_redial_whose_tab_dies_in_the_middle_asks_the_next_and_without_one_credentials_are_required() {
    let mut world = world();
    let (first, second) = (online(&mut world), online(&mut world));
    let attached = world.tab();
    world.attach(attached, None);
    world.forget();
    world.cut();
    world.advance(SECOND);
    assert_eq!(asked(&mut world, first).0.len(), 1);
    world.kill(first);
    world.advance(17 * SECOND);
    assert_eq!(speak(&mut world, second, SECRET).last().unwrap(), "Connected alice@localhost/desk");
    world.kill(second);
    world.forget();
    world.cut();
    world.advance(5 * SECOND);
    assert_eq!(world.heard(attached), ["Reconnecting", "Disconnected credentials-required"]);
}

#[test]
fn a_redial_speaks_the_mechanism_of_the_tab_that_proved_itself_last() {
    let mut world = world();
    let (first, second) = (world.tab(), world.tab());
    let own_mechanisms = vec![offer("PLAIN", 90)];
    let options = Options { listed: true, own_mechanisms, ..Options::default() };
    world.connect_as(first, ALICE, None, options);
    let events = world.events(first);
    let Some(Event::Challenge(token, ..)) = events.last() else { panic!("{events:?}") };
    world.respond(first, *token, Some("\0alice\0secret-alice"));
    connect(&mut world, second);
    assert_eq!(speak(&mut world, second, SECRET).last().unwrap(), "Attached alice@localhost/desk");
    world.kill(first);
    world.cut();
    world.advance(SECOND);
    assert_eq!(speak(&mut world, second, SECRET).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn what_the_worker_can_say_by_itself_is_not_given_up_for_what_it_cannot() {
    let mut world = world();
    let (inside, speaks) = (world.online(ALICE), world.tab());
    connect(&mut world, speaks);
    assert_eq!(speak(&mut world, speaks, SECRET).last().unwrap(), "Attached alice@localhost/desk");
    world.cut();
    world.advance(SECOND);
    assert_eq!(world.heard(inside).last().unwrap(), "Connected alice@localhost/desk");
    assert!(asked(&mut world, speaks).0.is_empty());

    // The other way round the session takes over the password, and needs no tab.
    let mut world = self::world();
    let (speaks, knows) = (online(&mut world), world.tab());
    world.connect(knows, ALICE, SECRET);
    assert_eq!(world.heard(knows).last().unwrap(), "Attached alice@localhost/desk");
    world.kill(speaks);
    world.cut();
    world.advance(SECOND);
    assert_eq!(world.heard(knows).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn a_worker_that_dies_in_the_middle_is_followed_by_another_that_asks_anew() {
    let mut world = world();
    let tab = world.tab();
    connect(&mut world, tab);
    asked(&mut world, tab);
    world.worker_dies();
    world.advance(Duration::from_secs(1));
    assert_eq!(speak(&mut world, tab, SECRET).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn nothing_of_it_is_logged_or_reaches_another_tab_and_an_answer_that_nobody_asked_for_is_nothing() {
    let mut world = world();
    let (tab, attached) = (world.tab(), world.tab());
    connect(&mut world, tab);
    world.attach(attached, None);
    world.run();
    for exchange in 0..10 {
        world.say(attached, ToWorker::SaslAbort { exchange });
        world.say(attached, ToWorker::SaslResponse { exchange, response: None });
    }
    assert_eq!(speak(&mut world, tab, SECRET).last().unwrap(), "Connected alice@localhost/desk");
    let heard = world.heard(attached);
    assert_eq!(heard, ["Authenticating", "Secondary", "Attached alice@localhost/desk"]);
    let logged = world.logged();
    assert!(logged.iter().all(|line| !line.contains(SECRET) && !line.contains('¿')), "{logged:?}");
}
