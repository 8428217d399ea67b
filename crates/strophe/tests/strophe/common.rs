//! Accounts, stanzas and pages that tests have in common.

use std::time::Duration;

use epode_hub::PortId;
use epode_testkit::{Config, Management};

use crate::world::World;

pub(crate) const ALICE: &str = "alice@localhost/desk";
pub(crate) const BOB: &str = "bob@localhost/desk";
pub(crate) const CHAT: &str =
    "<message xmlns='jabber:client' from='bob@localhost/x'><body>hi</body></message>";
pub(crate) const REQUEST: &str =
    "<iq xmlns='jabber:client' type='get' id='q1' from='bob@localhost/x'><query xmlns='urn:x'/></iq>";
/// What strophe.js answers with where no handler takes a request.
pub(crate) const FALLBACK: &str = "<iq xmlns='jabber:client' type='error' id='q1'><error type='cancel'>\
    <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>";

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn to(jid: &str) -> String {
    format!("<message xmlns='jabber:client' to='{jid}'><body>ho</body></message>")
}

pub(crate) fn chat(text: &str) -> String {
    CHAT.replace("hi", text)
}

/// Logs a page in so that nobody but the page can do it again.
pub(crate) fn log_in_by_certificate(world: &mut World) -> PortId {
    let page = world.load();
    world.page(page).is_certified = true;
    world.connect(page, ALICE);
    page
}

/// A page that has logged in by the certificate of alice, on a server that manages streams.
pub(crate) fn certified() -> (World, PortId) {
    let (certificate, management) = (Some("alice".to_owned()), Some(Management::default()));
    let mut world = World::with(Config { certificate, management, ..Config::default() });
    let page = log_in_by_certificate(&mut world);
    assert_eq!(world.statuses(page), ["CONNECTED"]);
    (world, page)
}

/// Pages of alice and of bob, each in a session of its own.
pub(crate) fn of_two_accounts(management: Option<Management>) -> (World, PortId, PortId) {
    let certificate = Some("alice".to_owned());
    let mut world = World::with(Config { certificate, management, ..Config::default() });
    let alice = log_in_by_certificate(&mut world);
    let bob = world.login(BOB);
    world.run();
    assert_eq!([alice, bob].map(|page| world.page(page).bound.clone()), [ALICE, BOB]);
    world.forget();
    (world, alice, bob)
}
