//! Logins that pages make themselves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epode_protocol::{Options, Secret, ToWorker};
use epode_session::stream::sasl::{self, Credentials, Mechanism, MechanismName, Step};
use epode_session::stream::xml::{Element, Limits};
use epode_testkit as testkit;

use super::page::{Event, Page};
use super::world::{SERVICE, World, unicode};
use crate::PortId;

const ALICE: &str = "alice@localhost/desk";
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
    world.say(tab, ToWorker::Negotiate { service: SERVICE.to_owned(), jid: jid.to_owned(), options });
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
