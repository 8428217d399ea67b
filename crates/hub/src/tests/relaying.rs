//! Logins that pages make themselves.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epode_protocol::{Hello, MechanismOffer, Options, Secret, StatusCode, ToWorker, VERSION};
use epode_session::stream::sasl::{self, Credentials, Mechanism, MechanismName, Step};
use epode_session::stream::xml::{Element, Limits};
use epode_testkit as testkit;

use super::managing::{self, cut_after, is_resumed, message, stanzas};
use super::page::{Event, Page};
use super::world::{BOSH, GRACE, SERVICE, World, config, password, unicode};
use crate::{Config, Hub, Input, Keeper, Output, PortId};

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";

fn world(mechanisms: &[&str]) -> World {
    let mechanisms = mechanisms.iter().map(|name| (*name).to_owned()).collect();
    World::with(testkit::Config {
        mechanisms,
        anonymous: true,
        certificate: Some("bob".to_owned()),
        ..testkit::Config::default()
    })
}

fn negotiate(world: &mut World, tab: PortId, jid: &str, options: Options) {
    let service = world.service.to_owned();
    world.say(tab, ToWorker::Negotiate { service, jid: jid.to_owned(), options });
}

/// A tab that has been told the features before authentication.
fn negotiating(world: &mut World, jid: &str) -> PortId {
    negotiating_with(world, jid, Options::default())
}

fn negotiating_with(world: &mut World, jid: &str, options: Options) -> PortId {
    let tab = world.tab();
    negotiate(world, tab, jid, options);
    let heard = world.heard(tab);
    assert!(heard[0].starts_with("frame <stream:features") && heard.len() == 1, "{heard:?}");
    tab
}

fn say(world: &mut World, tab: PortId, text: &str) {
    world.say(tab, ToWorker::Frame { text: Secret::new(text.to_owned()) });
}

fn auth(mechanism: &str, message: &str) -> String {
    let message = STANDARD.encode(message);
    format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>{message}</auth>")
}

/// Logs in by PLAIN, and returns what the tab hears.
fn plain(world: &mut World, tab: PortId, authzid: &str, name: &str, password: &str) -> Vec<String> {
    say(world, tab, &auth("PLAIN", &format!("{authzid}\0{name}\0{password}")));
    heard(world, tab)
}

/// What the tab hears, of frames only the names.
fn heard(world: &mut World, tab: PortId) -> Vec<String> {
    let words = world.events(tab).into_iter().map(|event| match event {
        Event::Frame(text) => Element::parse_in_stream(&text, &Limits::default()).unwrap().name().to_owned(),
        event => Page::in_words(event),
    });
    words.filter(|words| !words.starts_with("backlog")).collect()
}

/// Logs in by SCRAM, as a page does.
fn scram(world: &mut World, tab: PortId, name: &str, password: &str) -> Vec<String> {
    let credentials = Credentials {
        jid: None,
        authcid: Some(name.to_owned()),
        authzid: None,
        proof: Some(sasl::Secret::new(password.to_owned()).into()),
    };
    let nfkc = unicode().nfkc;
    let mut mechanism: Box<dyn Mechanism> =
        sasl::mechanism(MechanismName::ScramSha1, &credentials, "a-nonce", nfkc).unwrap();
    let first = mechanism.start().unwrap();
    say(world, tab, &auth("SCRAM-SHA-1", std::str::from_utf8(&first).unwrap()));
    let mut said = Vec::new();
    loop {
        let mut challenges = Vec::new();
        for event in world.events(tab) {
            match event {
                Event::Frame(text) if text.starts_with("<challenge") => challenges.push(text),
                Event::Frame(text) => {
                    let element = Element::parse_in_stream(&text, &Limits::default()).unwrap();
                    said.push(element.name().to_owned());
                }
                event => said.push(Page::in_words(event)),
            }
        }
        let [challenge] = &challenges[..] else { return said };
        let challenge = Element::parse_in_stream(challenge, &Limits::default()).unwrap().text();
        let step = mechanism.challenge(&STANDARD.decode(&challenge).unwrap()).unwrap();
        let Step::Derive(mut derivation) = step else { panic!("no derivation") };
        let Step::Respond(response) = mechanism.derived(derivation.advance(u32::MAX).unwrap()).unwrap()
        else {
            panic!("no response")
        };
        let response = STANDARD.encode(&response);
        say(world, tab, &format!("<response xmlns='{SASL}'>{response}</response>"));
    }
}

#[test]
fn the_login_of_another_account_costs_a_session_that_was_lost_nothing() {
    let mut world = World::with(testkit::Config {
        management: Some(testkit::Management::default()),
        mechanisms: vec!["PLAIN".to_owned(), "SCRAM-SHA-1".to_owned()],
        ..testkit::Config::default()
    });
    let tab = negotiating_with(&mut world, ALICE, managing::options());
    scram(&mut world, tab, "alice", &password("alice"));
    world.run();
    managing::cut(&mut world);
    let other = negotiating_with(&mut world, ALICE, managing::options());
    let said = plain(&mut world, other, "", "bob", "secret-bob");
    assert_eq!(said.last().unwrap(), "Disconnected invalid-authzid");
    let tab = negotiating_with(&mut world, ALICE, managing::options());
    scram(&mut world, tab, "alice", &password("alice"));
    assert!(is_resumed(&mut world, tab));
}

#[test]
fn after_a_refusal_of_the_account_nothing_is_kept_of_a_session_that_was_lost() {
    let later = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>";
    for (name, instead, kept) in [("alice", None, 0), ("bob", None, 1), ("alice", Some(later), 1)] {
        let mut world = World::with(testkit::Config {
            management: Some(testkit::Management::default()),
            mechanisms: vec!["PLAIN".to_owned(), "SCRAM-SHA-1".to_owned()],
            ..testkit::Config::default()
        });
        let tab = negotiating_with(&mut world, ALICE, managing::options());
        scram(&mut world, tab, "alice", &password("alice"));
        world.run();
        managing::cut(&mut world);
        world.run();
        assert_eq!(world.hub.view().dormant(), 1);
        if let Some(instead) = instead {
            world.server.misbehave(testkit::Misbehaviour::At(
                testkit::Stage::Outcome,
                testkit::Fault::Frame(instead.to_owned()),
            ));
        }
        let tab = negotiating_with(&mut world, ALICE, managing::options());
        assert_eq!(plain(&mut world, tab, "", name, "wrong"), ["failure"]);
        assert_eq!(world.hub.view().dormant(), kept, "{name}, {instead:?}");
    }
}

#[test]
fn a_session_that_was_lost_waits_while_a_page_tries_at_one_port_after_the_other() {
    let mut world = World::with(testkit::Config {
        management: Some(testkit::Management::default()),
        mechanisms: vec!["SCRAM-SHA-1".to_owned()],
        ..testkit::Config::default()
    });
    let mut tab = negotiating_with(&mut world, ALICE, managing::options());
    scram(&mut world, tab, "alice", &password("alice"));
    world.run();
    world.reachable = false;
    managing::cut(&mut world);
    for _ in 0..10 {
        world.advance(3 * SECOND);
        world.say(tab, ToWorker::Leave);
        tab = world.tab();
        negotiate(&mut world, tab, ALICE, managing::options());
        world.run();
    }
    world.reachable = true;
    world.say(tab, ToWorker::Leave);
    let tab = negotiating_with(&mut world, ALICE, managing::options());
    scram(&mut world, tab, "alice", &password("alice"));
    assert!(is_resumed(&mut world, tab));
}

#[test]
fn a_login_of_a_page_resumes_the_session_that_was_lost() {
    let mut world = World::with(testkit::Config {
        management: Some(testkit::Management::default()),
        mechanisms: vec!["SCRAM-SHA-1".to_owned()],
        ..testkit::Config::default()
    });
    let options = managing::options;
    let mut tabs = Vec::new();
    for lost in [false, true] {
        let tab = negotiating_with(&mut world, ALICE, Options { explicit_binding: true, ..options() });
        let heard = scram(&mut world, tab, "alice", &password("alice"));
        if lost {
            assert!(heard.iter().any(|word| word == managing::UP), "{heard:?}");
            assert!(is_resumed(&mut world, tab));
        } else {
            world.say(tab, ToWorker::Bind { resource: None });
            world.send(tab, managing::PRESENCE);
            world.advance(2 * SECOND);
            cut_after(&mut world, |world| world.send(tab, &message(1)));
            world.server_says(managing::ALICE, "<message xmlns='jabber:client' id='meanwhile'/>");
            world.run();
        }
        tabs.push(tab);
    }
    world.run();
    assert_eq!(world.handled(tabs[1])[0].trim(), "meanwhile");
    let sent = world.sent();
    assert!(sent.iter().any(|sent| sent.starts_with("<resume")), "{sent:?}");
    assert_eq!(stanzas(sent).last(), Some(&message(1)), "what was on the way is sent again");
}

#[test]
fn the_stream_on_which_a_page_logs_in_becomes_the_session_of_all() {
    let mut world = world(&["SCRAM-SHA-1", "PLAIN"]);
    let tab = negotiating(&mut world, ALICE);
    let said = scram(&mut world, tab, "alice", "secret-alice");
    assert_eq!(said, ["success", "Primary", "Connected alice@localhost/desk"]);
    assert_eq!(world.dials(), 1);
    let other = world.tab();
    world.connect(other, ALICE, "secret-alice");
    assert_eq!(world.heard(other).last().unwrap(), "Attached alice@localhost/desk");
    world.forget();
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    for tab in [tab, other] {
        assert_eq!(world.heard(tab), ["Received <message xmlns='jabber:client'/>"]);
    }
}

#[test]
fn a_login_beside_the_session_is_the_proof_and_binds_nothing() {
    let mut world = world(&["SCRAM-SHA-1", "PLAIN"]);
    let inside = world.online(ALICE);
    let tab = negotiating(&mut world, ALICE);
    let said = scram(&mut world, tab, "alice", "secret-alice");
    assert_eq!(said, ["success", "Secondary", "Attached alice@localhost/desk"]);
    let tab = negotiating(&mut world, ALICE);
    assert_eq!(plain(&mut world, tab, "", "alice", "wrong"), ["failure"]);
    let said = plain(&mut world, tab, "", "alice", "secret-alice");
    assert_eq!(said, ["success", "Secondary", "Attached alice@localhost/desk"]);
    let seen = world.server.statistics();
    assert_eq!((seen.total_connections, seen.bound_sessions, seen.open_connections), (3, 1, 1));
    assert!(world.heard(inside).is_empty());
}

#[test]
fn the_app_may_choose_the_resource_of_a_session_that_a_page_has_logged_in_to() {
    let mut world = world(&["PLAIN"]);
    let explicit = || Options { explicit_binding: true, ..Options::default() };
    let tab = negotiating_with(&mut world, "alice@localhost", explicit());
    say(&mut world, tab, &auth("PLAIN", "\0alice\0secret-alice"));
    let events = world.events(tab);
    let Some(Event::Status(status)) = events.last() else { panic!("{events:?}") };
    assert_eq!(status.code, StatusCode::BindRequired);
    assert!(status.features.as_ref().unwrap().contains("xmpp-bind"));
    world.say(tab, ToWorker::Bind { resource: Some("balcony".to_owned()) });
    assert_eq!(heard(&mut world, tab), ["Primary", "Connected alice@localhost/balcony"]);
    // A tab that joins while the session waits for that hears the same.
    let mut world = self::world(&["PLAIN"]);
    let tabs = [0, 1].map(|_| {
        let tab = negotiating_with(&mut world, "alice@localhost", explicit());
        let said = plain(&mut world, tab, "", "alice", "secret-alice");
        assert_eq!(said, ["success", "BindRequired"]);
        tab
    });
    world.say(tabs[1], ToWorker::Bind { resource: Some("balcony".to_owned()) });
    assert_eq!(heard(&mut world, tabs[0]).last().unwrap(), "Connected alice@localhost/balcony");
    assert_eq!(heard(&mut world, tabs[1]).last().unwrap(), "Attached alice@localhost/balcony");
}

#[test]
fn a_login_to_another_account_opens_and_joins_nothing() {
    let another = ["success", "AuthFail invalid-authzid", "Disconnected invalid-authzid"];
    for lives in [false, true] {
        let mut world = world(&["SCRAM-SHA-1", "PLAIN", "EXTERNAL", "X-OAUTH2"]);
        let inside = lives.then(|| world.online(ALICE));
        let tab = negotiating(&mut world, ALICE);
        assert_eq!(scram(&mut world, tab, "bob", "secret-bob"), another);
        let tab = negotiating(&mut world, ALICE);
        assert_eq!(plain(&mut world, tab, "", "bob", "secret-bob"), another);
        let tab = negotiating(&mut world, ALICE);
        assert_eq!(plain(&mut world, tab, "bob@localhost", "bob", "secret-bob"), another);
        let anonymous = auth("ANONYMOUS", "alice");
        // The certificate is Bob's.
        for by in [anonymous, format!("<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>")] {
            let tab = negotiating(&mut world, ALICE);
            say(&mut world, tab, &by);
            assert_eq!(heard(&mut world, tab), another, "{by}");
        }
        let seen = world.server.statistics();
        assert_eq!((seen.open_connections, seen.bound_sessions), (lives.into(), lives.into()));
        assert!(inside.is_none_or(|inside| world.heard(inside).is_empty()));
    }
}

// Some servers ignore the name that a login acts as.
#[test]
fn the_server_and_not_the_page_says_for_whom_a_login_acts() {
    let mut world = world(&["PLAIN"]);
    world.online(ALICE);
    let tab = negotiating(&mut world, ALICE);
    // This server refuses what that one takes: the frames of its success are ours.
    let socket = *world.open_sockets().last().unwrap();
    world.flowing = false;
    say(&mut world, tab, &auth("PLAIN", "alice@localhost\0mallory\0secret-mallory"));
    world.sent();
    world.at_hub(Input::Frame(socket, format!("<success xmlns='{SASL}'/>")));
    assert_eq!(heard(&mut world, tab), ["success"]);
    assert!(world.sent()[0].starts_with("<open "), "the stream must bind, to tell whose it is");
}

#[test]
fn a_login_that_names_nobody_is_judged_by_the_jid_that_the_server_binds() {
    let mut world = world(&["PLAIN", "EXTERNAL", "X-ECHO"]);
    let external = format!("<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>");
    for came in ["Connected", "Attached"] {
        let tab = negotiating(&mut world, "bob@localhost/desk");
        say(&mut world, tab, &external);
        assert_eq!(heard(&mut world, tab).last().unwrap(), &format!("{came} bob@localhost/desk"));
    }
    assert_eq!(world.server.statistics().open_connections, 1);
    // Where the page names no account, nobody knows with whom to share the session.
    let tabs = [0, 1].map(|_| {
        let tab = negotiating(&mut world, "localhost");
        say(&mut world, tab, &external);
        let heard = heard(&mut world, tab);
        assert!(heard.last().unwrap().starts_with("Connected bob@localhost/"), "{heard:?}");
        tab
    });
    assert_eq!(world.server.statistics().open_connections, 3);
    let anonymous = negotiating(&mut world, "localhost");
    say(&mut world, anonymous, &auth("ANONYMOUS", "trace"));
    assert!(heard(&mut world, anonymous).last().unwrap().starts_with("Connected anonymous-"));
    assert_eq!(world.server.statistics().open_connections, 4);
    assert!(tabs.iter().all(|tab| world.heard(*tab).is_empty()));
}

#[test]
fn an_anonymous_login_opens_a_session_that_the_next_one_joins() {
    let mut world = world(&[]);
    let mut jids = Vec::new();
    for came in ["Connected ", "Attached "] {
        let tab = negotiating(&mut world, "localhost");
        say(&mut world, tab, &format!("<auth xmlns='{SASL}' mechanism='ANONYMOUS'/>"));
        say(&mut world, tab, &format!("<response xmlns='{SASL}'/>"));
        jids.extend(heard(&mut world, tab).last().unwrap().strip_prefix(came).map(str::to_owned));
    }
    assert!(jids.len() == 2 && jids[0] == jids[1], "{jids:?}");
}

#[test]
fn a_name_beside_a_domain_tells_the_account() {
    let mut world = world(&["PLAIN"]);
    for (user, came) in [("alice", "Connected"), ("bob", "Connected"), ("bob", "Attached")] {
        let tab = negotiating(&mut world, "localhost");
        let heard = plain(&mut world, tab, "", user, &password(user));
        assert!(heard.last().unwrap().starts_with(&format!("{came} {user}@localhost/")), "{heard:?}");
    }
}

// The first login would succeed while the page names another account in the second.
#[test]
fn one_login_is_under_way_at_a_time() {
    let mut world = world(&["PLAIN"]);
    world.online(ALICE);
    let tab = negotiating(&mut world, ALICE);
    world.sent();
    for (name, password) in [("bob", "secret-bob"), ("alice", "guessed")] {
        say(&mut world, tab, &auth("PLAIN", &format!("\0{name}\0{password}")));
    }
    assert_eq!(world.sent().iter().filter(|frame| frame.starts_with("<auth")).count(), 1);
    let heard = heard(&mut world, tab);
    assert_eq!(heard.last().unwrap(), "Disconnected invalid-authzid", "{heard:?}");
    // After a failure, or an abort, the next one may begin.
    let tab = negotiating(&mut world, ALICE);
    say(&mut world, tab, &format!("<auth xmlns='{SASL}' mechanism='PLAIN'/>"));
    say(&mut world, tab, &format!("<abort xmlns='{SASL}'/>"));
    assert_eq!(self::heard(&mut world, tab), ["challenge", "failure"]);
    assert_eq!(
        plain(&mut world, tab, "", "alice", "secret-alice").last().unwrap(),
        "Attached alice@localhost/desk"
    );
}

#[test]
fn what_is_no_part_of_a_login_is_not_sent_and_the_page_hears_so() {
    let mut world = world(&["PLAIN"]);
    let tab = negotiating(&mut world, ALICE);
    world.sent();
    for frame in [
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>",
        "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        "<message xmlns='jabber:client' to='bob@localhost'><body>hunter2</body></message>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>",
        "<auth mechanism='PLAIN'>hunter2</auth>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>aHVu<x/>dGVyMg==</auth>",
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>hunter2</response>",
        "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<iq xmlns='jabber:client' type='get' id='1'/><close/>",
        "<iq xmlns='jabber:client' type='get' id='1'><hunter2>",
        "hunter2",
        "",
    ] {
        say(&mut world, tab, frame);
        let heard = heard(&mut world, tab);
        assert!(
            heard.len() == 1 && heard[0].starts_with("Warn port 1: a frame of a login"),
            "{frame}: {heard:?}"
        );
        let logged = world.logged().concat();
        assert!(logged.contains("was not sent") && !logged.contains("hunter2"), "{logged}");
    }
    assert_eq!(world.sent(), [""; 0]);
    // The login goes on, and nothing more of it passes later.
    let up = plain(&mut world, tab, "", "alice", "secret-alice");
    assert_eq!(up.last().unwrap(), "Connected alice@localhost/desk");
    world.forget();
    let stranger = world.tab();
    for tab in [tab, stranger] {
        say(&mut world, tab, &auth("PLAIN", "\0bob\0secret-bob"));
        let heard = heard(&mut world, tab);
        assert!(heard[0].ends_with("the tab has no stream to log in on"), "{heard:?}");
    }
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn a_page_has_a_minute_to_log_in() {
    let mut world = World::with(testkit::Config {
        mechanisms: vec!["PLAIN".to_owned()],
        negotiation_time: 600 * SECOND,
        ..testkit::Config::default()
    });
    let tab = negotiating(&mut world, ALICE);
    world.advance(30 * SECOND);
    assert_eq!(plain(&mut world, tab, "", "alice", "wrong"), ["failure"]);
    world.advance(29 * SECOND);
    assert!(world.heard(tab).is_empty());
    world.advance(SECOND);
    let events = world.events(tab);
    let [Event::Status(failed), Event::Status(over)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((failed.code, over.code), (StatusCode::ConnFail, StatusCode::Disconnected));
    assert_eq!(failed.text.as_deref(), Some("the page did not log in within 60 s"));
    assert!(world.open_sockets().is_empty() && world.nothing_is_due());
}

#[test]
fn a_stream_that_the_server_ends_before_a_login_says_so() {
    let mut world = world(&["PLAIN"]);
    let tab = negotiating(&mut world, ALICE);
    let said: Vec<_> = (0..3).flat_map(|_| plain(&mut world, tab, "", "alice", "wrong")).collect();
    let over = ["failure", "failure", "failure", "error", "ConnFail policy-violation"];
    assert_eq!(said[..5], over);
    assert_eq!(said[5..], ["Disconnected policy-violation"]);
    let tab = negotiating(&mut world, ALICE);
    world.end_sockets();
    assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    world.reachable = false;
    let tab = world.tab();
    negotiate(&mut world, tab, ALICE, Options::default());
    assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    for (service, jid) in [("ftp://x/", ALICE), (SERVICE, "@localhost")] {
        let (service, jid, options) = (service.to_owned(), jid.to_owned(), Options::default());
        world.say(tab, ToWorker::Negotiate { service, jid, options });
        assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    }
    assert!(world.nothing_is_due());
}

#[test]
fn a_page_that_hesitates_keeps_no_other_from_its_login() {
    let mut world = world(&["SCRAM-SHA-1", "PLAIN"]);
    let hesitant = negotiating(&mut world, ALICE);
    say(&mut world, hesitant, &format!("<auth xmlns='{SASL}' mechanism='PLAIN'/>"));
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
    let wrong = world.tab();
    world.connect(wrong, ALICE, "wrong");
    assert_eq!(world.heard(wrong), ["AuthFail not-authorized", "Disconnected not-authorized"]);
    let other = negotiating(&mut world, ALICE);
    assert_eq!(
        scram(&mut world, other, "alice", "secret-alice").last().unwrap(),
        "Attached alice@localhost/desk"
    );
    let response = STANDARD.encode("\0alice\0secret-alice");
    say(&mut world, hesitant, &format!("<response xmlns='{SASL}'>{response}</response>"));
    let heard = heard(&mut world, hesitant);
    assert_eq!(heard, ["challenge", "success", "Secondary", "Attached alice@localhost/desk"]);
}

type Turn = fn(&mut World, PortId);

#[test]
fn a_login_ends_with_its_page_and_with_whatever_else_the_page_does() {
    let turns: [(&str, Turn); 5] = [
        ("dies", |world, tab| world.kill(tab)),
        ("leaves", |world, tab| world.say(tab, ToWorker::Leave)),
        ("disconnects", |world, tab| {
            world.say(tab, ToWorker::Disconnect { reason: None, timeout: 3_000 });
        }),
        ("connects", |world, tab| world.connect(tab, "bob@localhost/x", "secret-bob")),
        ("begins anew", |world, tab| negotiate(world, tab, ALICE, Options::default())),
    ];
    for (turn, act) in turns {
        let mut world = world(&["PLAIN"]);
        let inside = world.online(ALICE);
        let tab = negotiating(&mut world, ALICE);
        say(&mut world, tab, &format!("<auth xmlns='{SASL}' mechanism='PLAIN'/>"));
        world.sent();
        let before = world.open_sockets();
        act(&mut world, tab);
        let closes = world.sent().iter().filter(|frame| frame.starts_with("<close")).count();
        assert_eq!(closes, 1, "{turn}");
        let after = world.open_sockets();
        assert!(after.contains(&before[0]) && !after.contains(&before[1]), "{turn}");
        assert!(world.heard(inside).is_empty(), "{turn}");
        if turn == "disconnects" {
            assert_eq!(heard(&mut world, tab).last().unwrap(), "Disconnected");
        }
        if turn == "begins anew" {
            // Only one stream a page.
            assert_eq!(after.len(), 2);
            assert_eq!(heard(&mut world, tab), ["challenge", "features"]);
        }
    }
}

#[test]
fn a_password_that_a_page_shows_logs_in_again_and_what_it_keeps_does_not() {
    for (by_plain, back) in [(true, true), (false, false)] {
        let mut world = world(&["SCRAM-SHA-1", "PLAIN"]);
        let tab = negotiating(&mut world, ALICE);
        match by_plain {
            true => plain(&mut world, tab, "", "alice", "secret-alice"),
            false => scram(&mut world, tab, "alice", "secret-alice"),
        };
        let other = world.tab();
        world.attach(other, None);
        world.forget();
        world.cut();
        world.advance(2 * SECOND);
        for tab in [tab, other] {
            let heard = world.heard(tab);
            let words = if back { "Connected alice@localhost/desk" } else { "Disconnected" };
            assert_eq!(heard.last().unwrap(), words, "{heard:?}");
        }
        assert_eq!(world.dials(), 1 + usize::from(back));
        assert!(world.nothing_is_due());
    }
    // An app that redials itself.
    let mut world = world(&["PLAIN"]);
    let tab = negotiating_with(&mut world, ALICE, Options { reconnect: false, ..Options::default() });
    plain(&mut world, tab, "", "alice", "secret-alice");
    world.cut();
    assert_eq!(world.heard(tab).last().unwrap(), "Disconnected");
}

#[test]
fn credentials_that_come_later_are_for_the_next_dial() {
    let mut world = world(&["SCRAM-SHA-1", "PLAIN"]);
    let tab = negotiating(&mut world, ALICE);
    scram(&mut world, tab, "alice", "secret-alice");
    let other = world.tab();
    world.connect(other, ALICE, "secret-alice");
    world.forget();
    world.cut();
    world.advance(2 * SECOND);
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
    // And a login of a page leaves the session the credentials that it has.
    let third = negotiating(&mut world, ALICE);
    scram(&mut world, third, "alice", "secret-alice");
    world.forget();
    world.cut();
    world.advance(2 * SECOND);
    assert_eq!(world.heard(third).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn nobody_is_let_in_for_having_no_password_as_the_worker_has_none() {
    let mut world = world(&["SCRAM-SHA-1"]);
    let tab = negotiating(&mut world, ALICE);
    scram(&mut world, tab, "alice", "secret-alice");
    let intruder = world.tab();
    world.connect_as(intruder, ALICE, None, Options::default());
    assert_eq!(world.heard(intruder), ["AuthFail no-auth-mech", "Disconnected no-auth-mech"]);
}

#[test]
fn refusals_of_a_page_s_own_logins_count_for_no_other_login() {
    let mut world = world(&["PLAIN"]);
    for _ in 0..6 {
        let tab = negotiating(&mut world, ALICE);
        assert_eq!(plain(&mut world, tab, "", "alice", "wrong"), ["failure"]);
        world.kill(tab);
        // The wrong account is the page's affair, too.
        let tab = negotiating(&mut world, ALICE);
        let said = plain(&mut world, tab, "", "bob", "secret-bob");
        assert_eq!(said.last().unwrap(), "Disconnected invalid-authzid");
    }
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
    assert!(!world.hub.view().refusals().contains("Refused"));
}

#[test]
fn a_login_waits_until_the_former_session_is_closed() {
    let mut world = world(&["PLAIN"]);
    let leaving = world.online(ALICE);
    let tab = negotiating(&mut world, ALICE);
    // The server does not hear the `<close/>`.
    world.flowing = false;
    world.say(leaving, ToWorker::Disconnect { reason: None, timeout: 3_000 });
    world.run();
    world.flowing = true;
    assert_eq!(plain(&mut world, tab, "", "alice", "secret-alice"), ["success"]);
    assert_eq!(world.hub.view().sessions().count(), 1);
    world.advance(4 * SECOND);
    assert_eq!(heard(&mut world, tab), ["Primary", "Connected alice@localhost/desk"]);
    assert_eq!(world.open_sockets().len(), 1);
}

#[test]
fn a_session_that_ends_before_a_login_is_closed_is_not_joined() {
    let mut world = world(&["SCRAM-SHA-1", "EXTERNAL"]);
    let inside = world.tab();
    world.connect(inside, "bob@localhost/desk", "secret-bob");
    let tab = negotiating(&mut world, "bob@localhost/desk");
    world.forget();
    say(&mut world, tab, &format!("<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>"));
    while !world.transmitted().iter().any(|sent| sent.text.contains("epode-bind")) {
        assert!(world.step());
    }
    // The server answers, and hears no `<close/>`.
    world.flowing = false;
    world.say(inside, ToWorker::Disconnect { reason: None, timeout: 0 });
    world.advance(4 * SECOND);
    let heard = heard(&mut world, tab);
    assert_eq!(heard, ["success", "ConnFail", "Disconnected"]);
    assert!(world.nothing_is_due() && world.open_sockets().is_empty());
}

#[test]
fn tabs_that_lost_their_worker_come_back_by_the_login_of_a_page() {
    let mut world = world(&["SCRAM-SHA-1"]);
    let tab = negotiating(&mut world, ALICE);
    scram(&mut world, tab, "alice", "secret-alice");
    let other = world.tab();
    world.attach(other, None);
    world.forget();
    world.worker_dies();
    world.advance(2 * SECOND);
    // The tab would have to log in again itself.
    assert_eq!(world.heard(tab), ["Reconnecting"]);
    let options = Options { explicit_binding: true, ..Options::default() };
    let third = negotiating_with(&mut world, ALICE, options);
    // A tab that was in a session does not wait for the app's choice of a resource.
    let said = scram(&mut world, third, "alice", "secret-alice");
    assert_eq!(said.last().unwrap(), "Connected alice@localhost/desk");
    for tab in [tab, other] {
        let heard = world.heard(tab);
        assert!(heard.last().unwrap().ends_with("ed alice@localhost/desk"), "{heard:?}");
    }
}

#[test]
fn tabs_that_lost_their_worker_do_not_come_back_by_a_login_that_proves_nothing() {
    let external = format!("<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>");
    for restores_first in [false, true] {
        let mut world = world(&["SCRAM-SHA-1", "EXTERNAL"]);
        let tab = negotiating(&mut world, ALICE);
        scram(&mut world, tab, "alice", "secret-alice");
        world.forget();
        world.worker_dies();
        if restores_first {
            world.advance(2 * SECOND);
        }
        let intruder = negotiating(&mut world, ALICE);
        // The server takes the certificate, and says nothing of whom it is.
        let socket = *world.open_sockets().last().unwrap();
        world.flowing = false;
        say(&mut world, intruder, &external);
        world.run();
        world.at_hub(Input::Frame(socket, format!("<success xmlns='{SASL}'/>")));
        assert_eq!(heard(&mut world, intruder), ["success"]);
        if !restores_first {
            world.advance(2 * SECOND);
        }
        world.at_hub(Input::SocketClosed(socket, 1006, String::new()));
        assert_eq!(heard(&mut world, intruder).last().unwrap(), "Disconnected");
        world.flowing = true;
        assert_eq!(world.heard(tab), ["Reconnecting"]);
        let other = negotiating(&mut world, ALICE);
        scram(&mut world, other, "alice", "secret-alice");
        let heard = world.heard(tab);
        assert!(heard.last().unwrap().ends_with("ed alice@localhost/desk"), "{heard:?}");
    }
}

#[test]
fn bosh_carries_a_page_s_own_login_as_well() {
    let mut world = world(&["SCRAM-SHA-1", "PLAIN"]);
    world.service = BOSH;
    let tab = world.tab();
    negotiate(&mut world, tab, ALICE, Options::default());
    assert_eq!(heard(&mut world, tab), ["features"]);
    let said = scram(&mut world, tab, "alice", "secret-alice");
    assert_eq!(said.last().unwrap(), "Connected alice@localhost/desk", "{said:?}");
}

/// A worker that has been told that its page has logged in; the outputs since.
fn logged_in() -> (Hub<String>, Vec<Output<String>>) {
    let port = PortId(1);
    let mut hub = Hub::new(config());
    let mut told = |input| {
        hub.handle_input(GRACE, input);
        std::iter::from_fn(|| hub.poll_output()).collect::<Vec<_>>()
    };
    told(Input::PortOpened(port));
    let (versions, tab) = (vec![VERSION], "t".to_owned());
    let hello = Hello { versions, tab, lock: None, before: None, visible: true };
    told(Input::Message(port, ToWorker::Hello(hello), 0.0));
    let (service, jid, options) = (SERVICE.to_owned(), ALICE.to_owned(), Options::default());
    let outputs = told(Input::Message(port, ToWorker::Negotiate { service, jid, options }, 0.0));
    let dial = outputs.iter().find_map(|output| match output {
        Output::Dial(socket, ..) => Some(*socket),
        _ => None,
    });
    let socket = dial.expect("nobody need own a stream on which nobody has logged in");
    told(Input::SocketOpened(socket, "nonce".to_owned()));
    let frame = |text: &str| Input::Frame(socket, text.replace('$', SASL));
    told(frame("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>"));
    told(frame("<features xmlns='http://etherx.jabber.org/streams'><mechanisms xmlns='$'/></features>"));
    let text = Secret::new(auth("PLAIN", "\0alice\0secret-alice"));
    told(Input::Message(port, ToWorker::Frame { text }, 0.0));
    let outputs = told(frame("<success xmlns='$'/>"));
    (hub, outputs)
}

fn says(outputs: &[Output<String>], what: &str) -> bool {
    outputs.iter().any(|output| format!("{output:?}").contains(what))
}

#[test]
fn a_login_goes_on_only_once_the_session_is_this_workers() {
    for denied in [false, true] {
        let (mut hub, outputs) = logged_in();
        let name = outputs.iter().find_map(|output| match output {
            Output::Own(name) => Some(name.clone()),
            _ => None,
        });
        let name = name.expect("the session is made one's own");
        assert!(says(&outputs, "success") && !says(&outputs, "Transmit"), "{outputs:?}");
        hub.handle_input(GRACE, if denied { Input::Denied(name, Keeper::Newer) } else { Input::Owned(name) });
        let outputs: Vec<_> = std::iter::from_fn(|| hub.poll_output()).collect();
        assert_eq!(says(&outputs, "CloseSocket"), denied, "{outputs:?}");
        assert_eq!(says(&outputs, "ConnFail"), denied, "{outputs:?}");
        assert_eq!(says(&outputs, "<open "), !denied, "{outputs:?}");
    }
}

#[test]
fn an_account_is_registered_and_then_logged_in_to_on_one_stream() {
    let mut world = World::with(testkit::Config {
        mechanisms: vec!["PLAIN".to_owned()],
        registration: true,
        ..testkit::Config::default()
    });
    let register = |user: &str, kind: &str| {
        let fields = format!("<username>{user}</username><password>secret-{user}</password>");
        let query = format!("<query xmlns='jabber:iq:register'>{fields}</query>");
        format!("<iq xmlns='jabber:client' type='{kind}' id='r'>{query}</iq>")
    };
    let tab = negotiating(&mut world, "carol@localhost/desk");
    for (user, kind, answer) in [("", "get", "result"), ("alice", "set", "error"), ("carol", "set", "result")]
    {
        say(&mut world, tab, &register(user, kind));
        let heard = world.heard(tab);
        assert!(heard.len() == 1 && heard[0].starts_with("frame <iq"), "{heard:?}");
        assert!(heard[0].contains(&format!("type='{answer}'")), "{heard:?}");
    }
    let said = plain(&mut world, tab, "", "carol", "secret-carol");
    assert_eq!(said, ["success", "Primary", "Connected carol@localhost/desk"]);
    assert_eq!(world.dials(), 1);
}

#[test]
fn a_login_of_a_page_leaves_a_session_the_mechanism_of_another() {
    let mut world = world(&["SCRAM-SHA-1", "X-ECHO"]);
    let tab = world.tab();
    let own_mechanisms = vec![MechanismOffer { name: "X-ECHO".to_owned(), priority: 90 }];
    world.connect_as(tab, ALICE, None, Options { listed: true, own_mechanisms, ..Options::default() });
    let asked = |world: &mut World| {
        let challenge = |event: Event| match event {
            Event::Challenge(token, _, challenge) => Some((token, challenge)),
            _ => None,
        };
        world.events(tab).into_iter().find_map(challenge)
    };
    while let Some((token, challenge)) = asked(&mut world) {
        let response = match challenge.as_deref().and_then(|text| text.split_once(' ')) {
            None => "alice".to_owned(),
            Some(("password?", nonce)) => format!("{nonce} secret-alice"),
            Some((_, nonce)) => nonce.to_owned(),
        };
        world.respond(tab, token, Some(&response));
    }
    let other = negotiating(&mut world, ALICE);
    let said = scram(&mut world, other, "alice", "secret-alice");
    assert_eq!(said.last().unwrap(), "Attached alice@localhost/desk");
    world.cut();
    world.advance(2 * SECOND);
    assert!(asked(&mut world).is_some(), "the next dial is this tab's to log in");
}

#[test]
fn a_detour_asks_for_no_resource_that_another_worker_has() {
    let mut world = world(&["PLAIN"]);
    world.hub = Hub::new(Config { detour: true, ..config() });
    let tab = negotiating(&mut world, ALICE);
    let said = plain(&mut world, tab, "", "alice", "secret-alice");
    let jid = said.last().unwrap().strip_prefix("Connected alice@localhost/").unwrap();
    assert_ne!(jid, "desk");
}
