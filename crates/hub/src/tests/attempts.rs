//! How a login fails, each time with a reason of its own.

use std::time::Duration;

use crate::tests::page::Event;
use epode_protocol::StatusCode;
use epode_testkit::{Fault, Misbehaviour, Stage};

use super::world::World;

const ALICE: &str = "alice@localhost/desk";

#[test]
fn a_server_that_wants_to_be_met_elsewhere_is_redirect_with_the_address_and_nobody_goes_there() {
    let uri = "wss://other.example/xmpp-websocket";
    for (fault, address, over) in [
        (Fault::SeeOtherUri(uri), uri, "Disconnected"),
        (Fault::SeeOtherHost("other.example"), "other.example", "Disconnected see-other-host"),
    ] {
        for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Challenge) {
            let mut world = World::new();
            world.server.misbehave(Misbehaviour::At(stage, fault.clone()));
            let tab = world.tab();
            world.connect(tab, ALICE, "secret-alice");
            world.advance(Duration::from_secs(60));
            let heard = world.heard(tab);
            assert_eq!(
                heard[heard.len() - 2..],
                [format!("Redirect {address}"), over.to_owned()],
                "{stage:?}"
            );
            assert_eq!(world.dials(), 1, "{stage:?}");
        }
    }
}

#[test]
fn a_session_that_is_sent_elsewhere_is_dialled_again_where_it_was() {
    let mut world = World::new();
    let tabs = [world.online(ALICE), world.tab()];
    world.attach(tabs[1], None);
    world.forget();
    let away = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://other.example/'/>";
    world.server_says(ALICE, away);
    for tab in tabs {
        assert_eq!(world.heard(tab), ["Reconnecting"]);
    }
    world.advance(Duration::from_secs(60));
    assert_eq!(world.dials(), 2);
}

#[test]
fn a_server_that_says_nothing_is_conntimeout_at_whatever_stage() {
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Challenge) {
        let mut world = World::new();
        world.server.misbehave(Misbehaviour::At(stage, Fault::Silence));
        let tab = world.tab();
        world.connect(tab, ALICE, "secret-alice");
        world.advance(Duration::from_secs(60));
        let heard = world.heard(tab);
        assert_eq!(heard[heard.len() - 2..], ["ConnTimeout", "Disconnected"], "{stage:?}");
    }
}

#[test]
fn the_close_code_of_a_socket_is_told_once_for_each_end() {
    let codes = |world: &mut World, tab| -> Vec<_> {
        let told = |event| match event {
            Event::Status(status) => Some((status.code, status.close_code)),
            _ => None,
        };
        world.events(tab).into_iter().filter_map(told).collect()
    };
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.reachable = false;
    world.cut();
    assert_eq!(codes(&mut world, tab), [(StatusCode::Reconnecting, Some(1000))]);
    let newcomer = world.tab();
    world.connect(newcomer, "bob@localhost/desk", "secret-bob");
    let failed = [(StatusCode::ConnFail, Some(1006)), (StatusCode::Disconnected, None)];
    assert_eq!(codes(&mut world, newcomer), failed);
    // Other ends have no close code.
    world.disconnect(tab);
    let over = [(StatusCode::Disconnecting, None), (StatusCode::Disconnected, None)];
    assert_eq!(codes(&mut world, tab), over);
}

#[test]
fn a_stream_error_is_called_by_its_name() {
    for condition in ["conflict", "host-unknown", "system-shutdown"] {
        let mut world = World::new();
        world.server.misbehave(Misbehaviour::At(Stage::Mechanisms, Fault::StreamError(condition)));
        let tab = world.tab();
        world.connect(tab, ALICE, "secret-alice");
        assert_eq!(world.heard(tab), [format!("ConnFail {condition}"), format!("Disconnected {condition}")]);
    }
}
