//! The keys that SCRAM derives: which tabs are told them, and what they are good for.

use std::time::Duration;

use epode_protocol::{Credentials, Options, Secret, ToWorker};
use epode_testkit::{self as testkit};

use super::world::{SERVICE, World};
use crate::PortId;

const ALICE: &str = "alice@localhost/desk";

fn scram() -> World {
    World::with(with(false))
}

fn with(fresh_salts: bool) -> testkit::Config {
    let mechanisms = vec!["SCRAM-SHA-256".to_owned(), "PLAIN".to_owned()];
    testkit::Config { mechanisms, fresh_salts, ..testkit::Config::default() }
}

/// Connects with keys in place of a password.
fn connect_by(world: &mut World, tab: PortId, keys: &str) {
    let keys = Some(Secret::new(keys.to_owned()));
    let credentials = Credentials { authcid: None, password: None, keys };
    let (service, options) = (SERVICE.to_owned(), Options::default());
    world.say(tab, ToWorker::Connect { service, jid: ALICE.into(), credentials, options, bosh: None });
}

/// The keys that a tab with the right password was told, before it heard that the session is up.
fn told(world: &mut World, tab: PortId) -> String {
    let heard = world.heard(tab);
    let at = heard.iter().position(|word| word.starts_with("keys ")).unwrap_or_else(|| panic!("{heard:?}"));
    assert!(heard[at + 1].starts_with("Connected") || heard[at + 1].starts_with("Attached"), "{heard:?}");
    heard[at]["keys ".len()..].to_owned()
}

fn is_told(world: &mut World, tab: PortId) -> bool {
    world.heard(tab).iter().any(|word| word.starts_with("keys "))
}

#[test]
fn the_tabs_that_brought_the_password_are_told_the_keys_and_no_other_is() {
    let mut world = scram();
    let [opener, joiner, guest] = [(); 3].map(|()| world.tab());
    world.connect(opener, ALICE, "secret-alice");
    let keys = told(&mut world, opener);
    assert!(keys.starts_with("SHA-256$4096:"), "{keys}");
    world.connect(joiner, ALICE, "secret-alice");
    assert_eq!(told(&mut world, joiner), keys);
    world.attach(guest, None);
    assert!(!is_told(&mut world, guest));
    // The same after a redial, when all tabs hear CONNECTED.
    world.cut();
    world.advance(Duration::from_secs(1));
    assert_eq!(told(&mut world, opener), keys);
    assert_eq!(world.heard(guest).last().unwrap(), "Connected alice@localhost/desk");
    assert!(is_told(&mut world, joiner) && !is_told(&mut world, guest));
}

#[test]
fn keys_open_a_session_again_and_again_without_the_password() {
    let mut world = scram();
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let keys = told(&mut world, tab);
    world.disconnect(tab);
    world.forget();
    connect_by(&mut world, tab, &keys);
    assert_eq!(told(&mut world, tab), keys);
    world.cut();
    world.advance(Duration::from_secs(1));
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
    // As with passwords: equal keys join, others are tried, and the password replaces the keys.
    let [same, other] = [(); 2].map(|()| world.tab());
    connect_by(&mut world, same, &keys);
    assert_eq!(world.heard(same).last().unwrap(), "Attached alice@localhost/desk");
    assert_eq!(world.server.statistics().open_connections, 1);
    world.connect(other, ALICE, "secret-alice");
    assert_eq!(told(&mut world, other), keys);
    let wrong = world.tab();
    let (before, after) = keys.rsplit_once('$').unwrap();
    let (ck, sk) = after.split_once(':').unwrap();
    connect_by(&mut world, wrong, &format!("{before}${sk}:{ck}"));
    assert_eq!(world.heard(wrong), ["AuthFail not-authorized", "Disconnected not-authorized"]);
}

#[test]
fn the_keys_of_a_password_join_its_session_and_do_not_take_its_place() {
    let mut world = scram();
    let [opener, stranger] = [(); 2].map(|()| world.tab());
    world.connect(opener, ALICE, "secret-alice");
    let keys = told(&mut world, opener);
    world.sent();
    let dials = world.dials();
    connect_by(&mut world, stranger, &keys);
    assert_eq!(told(&mut world, stranger), keys);
    assert_eq!(world.dials(), dials, "they are known to be good");
    // Where the keys are outdated, the password serves.
    world.server.reset_password("alice", "secret-alice");
    world.cut();
    world.advance(Duration::from_secs(2));
    assert_eq!(world.heard(opener).last().unwrap(), "Connected alice@localhost/desk");
    assert_eq!(world.heard(stranger).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn keys_survive_the_worker() {
    let mut world = scram();
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let keys = told(&mut world, tab);
    world.disconnect(tab);
    connect_by(&mut world, tab, &keys);
    world.run();
    world.forget();
    world.worker_dies();
    world.advance(Duration::from_secs(1));
    assert_eq!(told(&mut world, tab), keys);
}

#[test]
fn a_tab_that_knows_only_the_former_password_is_not_told_the_keys_of_the_next() {
    let mut world = scram();
    let [former, newer] = [(); 2].map(|()| world.tab());
    world.connect(former, ALICE, "secret-alice");
    let keys = told(&mut world, former);
    world.server.reset_password("alice", "newer");
    world.connect(newer, ALICE, "newer");
    assert_ne!(told(&mut world, newer), keys);
    world.cut();
    world.advance(Duration::from_secs(1));
    let heard = world.heard(former);
    assert_eq!(heard.last().unwrap(), "Connected alice@localhost/desk");
    assert!(!heard.iter().any(|word| word.starts_with("keys ")), "{heard:?}");
    assert!(is_told(&mut world, newer));
}

#[test]
fn keys_for_another_salt_are_called_outdated_and_the_server_learns_nothing_of_them() {
    let mut world = World::with(with(true));
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let keys = told(&mut world, tab);
    world.disconnect(tab);
    world.forget();
    world.sent();
    connect_by(&mut world, tab, &keys);
    assert_eq!(
        world.heard(tab),
        ["Authenticating", "AuthFail scram-keys-outdated", "Disconnected scram-keys-outdated"]
    );
    assert!(!world.sent().iter().any(|frame| frame.contains("<response")));
}

#[test]
fn what_are_no_keys_is_said_before_anything_is_dialled() {
    let mut world = scram();
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let keys = told(&mut world, tab);
    world.disconnect(tab);
    world.forget();
    let dials = world.dials();
    let bad = [
        String::new(),
        "SHA-256".to_owned(),
        keys.replace("SHA-256", "SHA-1"),
        keys.replace("SHA-256", "MD5"),
        keys.replace("4096", "many"),
        keys.replace("4096", "-1"),
        keys.replace('=', ""),
        keys.replace(':', "$$"),
        format!("{keys}:"),
        "SHA-256$undefined:undefined$undefined:undefined".to_owned(),
    ];
    for bad in bad {
        connect_by(&mut world, tab, &bad);
        assert_eq!(
            world.heard(tab),
            ["AuthFail scram-keys-malformed", "Disconnected scram-keys-malformed"],
            "{bad}"
        );
    }
    assert_eq!(world.dials(), dials);
}
