//! Sessions on a server that manages streams (XEP-0198), for several rooms of tests.

use std::time::Duration;

use epode_protocol::{ManagementOptions, Options, ToWorker};
use epode_testkit as testkit;

use super::world::{World, password};
use crate::{Input, PortId};

pub(super) const ALICE: &str = "alice@localhost/desk";
pub(super) const BOB: &str = "bob@localhost/desk";
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const PRESENCE: &str = "<presence xmlns='jabber:client'><priority>1</priority></presence>";
pub(super) const UP: &str = "Connected alice@localhost/desk";

/// A world whose server manages streams.
pub(super) fn world() -> World {
    let management = Some(testkit::Management::default());
    let mechanisms = vec!["PLAIN".to_owned()];
    World::with(testkit::Config { management, mechanisms, ..testkit::Config::default() })
}

pub(super) fn options() -> Options {
    let management = ManagementOptions { max_unacked: 5, resume: true, max: None };
    Options { management: Some(management.into()), ..Options::default() }
}

/// A tab in the session of this account.
pub(super) fn online(world: &mut World, jid: &str) -> PortId {
    let tab = world.tab();
    world.connect_as(tab, jid, Some(&password(jid)), options());
    world.forget();
    tab
}

/// The same; the tab hears what becomes of its sends.
pub(super) fn following(world: &mut World, jid: &str) -> PortId {
    let tab = online(world, jid);
    world.say(tab, ToWorker::Follow);
    world.forget();
    tab
}

pub(super) fn message(id: u32) -> String {
    format!("<message xmlns='jabber:client' to='{BOB}' type='chat' id='m{id}'><body>x</body></message>")
}

/// The frames among these that are stanzas.
pub(super) fn stanzas(sent: Vec<String>) -> Vec<String> {
    let is_stanza = |frame: &String| {
        ["<message", "<presence", "<iq"].iter().any(|start| frame.starts_with(start))
            && !frame.contains("epode-bind")
    };
    sent.into_iter().filter(is_stanza).collect()
}

/// The wire is cut after these acts, and what the worker writes meanwhile is lost.
pub(super) fn cut_after<R>(world: &mut World, acts: impl FnOnce(&mut World) -> R) -> R {
    world.run();
    world.flowing = false;
    let acted = acts(world);
    world.run();
    world.flowing = true;
    cut(world);
    acted
}

/// The tab sends each of these by itself.
pub(super) fn send_each(world: &mut World, tab: PortId, stanzas: &[impl AsRef<str>]) {
    for stanza in stanzas {
        world.send(tab, stanza.as_ref());
    }
}

/// The network ends the connection of Alice, and is there again.
pub(super) fn cut(world: &mut World) {
    world.ends(ALICE, testkit::Server::drop_connection);
    world.at_hub(Input::Online(true));
}

/// Whether the latest session that this tab was told of is resumed.
pub(super) fn is_resumed(world: &mut World, tab: PortId) -> bool {
    world.page(tab).session.as_ref().is_some_and(|session| session.resumed)
}

/// The test plays the server of a dial, to which no frame of the worker flows, up to the features after
/// authentication, and says this next.
pub(super) fn play(world: &mut World, next: &[&str]) {
    let socket = *world.open_sockets().last().unwrap();
    let features =
        |offer: &str| format!("<f:features xmlns:f='http://etherx.jabber.org/streams'>{offer}</f:features>");
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
    for frame in [
        open,
        &features(
            "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>",
        ),
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        open,
        &features("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>"),
    ]
    .into_iter()
    .chain(next.iter().copied())
    {
        world.at_hub(Input::Frame(socket, frame.to_owned()));
    }
    world.run();
}
