//! Credentials tried beside a session that is up, or being opened.

use epode_protocol::{Credentials, MechanismOffer, Options, Secret, ToWorker};
use epode_testkit::{self as testkit, Misbehaviour, Stage};

use super::world::{GRACE, SERVICE, World};

const ALICE: &str = "alice@localhost/desk";

// A tab with a wrong password, or none, must not come in by `connect`.
#[test]
fn a_tab_with_a_wrong_password_does_not_get_into_a_session_that_is_up() {
    let mut world = World::new();
    let inside = world.online(ALICE);
    let intruder = world.tab();
    world.connect(intruder, ALICE, "wrong");
    assert_eq!(world.heard(intruder), ["AuthFail not-authorized", "Disconnected not-authorized"]);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    assert_eq!(world.heard(inside), ["Received <message xmlns='jabber:client'/>"]);
    assert!(world.heard(intruder).is_empty());
}

// The same for a tab without a password, even if the server lets anybody in.
#[test]
fn a_tab_without_a_password_does_not_get_in_not_even_where_anybody_may() {
    let mut world = World::with(testkit::Config {
        mechanisms: vec!["PLAIN".to_owned()],
        anonymous: true,
        ..testkit::Config::default()
    });
    world.online(ALICE);
    let intruder = world.tab();
    world.connect_as(intruder, ALICE, None, Options::default());
    assert_eq!(world.heard(intruder), ["AuthFail no-auth-mech", "Disconnected no-auth-mech"]);
}

#[test]
fn other_credentials_that_the_server_takes_join_and_bind_nothing() {
    let mut world = World::new();
    let inside = world.online(ALICE);
    let newcomer = world.tab();
    // Other credentials than the first tab's, which the server takes: only the server can tell.
    let credentials = Credentials {
        authcid: Some("bob".into()),
        password: Some(Secret::new("secret-bob".into())),
        keys: None,
    };
    let (service, options) = (SERVICE.to_owned(), Options::default());
    world.say(newcomer, ToWorker::Connect { service, jid: ALICE.into(), credentials, options, bosh: None });
    assert_eq!(world.heard(newcomer), ["AuthFail invalid-authzid", "Disconnected invalid-authzid"]);

    // The passwords of the accounts change: the session was opened with the old one.
    let mut world = World::with(testkit::Config {
        mechanisms: vec!["PLAIN".to_owned()],
        anonymous: true,
        ..testkit::Config::default()
    });
    let domain = world.tab();
    world.connect_as(domain, "localhost", None, Options::default());
    let jid = world.heard(domain).last().unwrap().clone();
    let other = world.tab();
    world.connect_as(other, "localhost", Some("needless"), Options::default());
    assert_eq!(world.heard(other), ["Secondary".to_owned(), jid.replace("Connected", "Attached")]);
    let seen = world.server.statistics();
    assert_eq!((seen.total_connections, seen.bound_sessions, seen.open_connections), (2, 1, 1));
    assert!(world.heard(inside).is_empty());
}

#[test]
fn a_token_joins_the_session_of_its_own_account_and_no_other() {
    for mechanism in ["OAUTHBEARER", "X-OAUTH2"] {
        let mut world = World::with(testkit::Config {
            mechanisms: vec!["PLAIN".to_owned(), mechanism.to_owned()],
            ..testkit::Config::default()
        });
        let inside = world.online(ALICE);
        let options = || Options {
            mechanisms: vec![MechanismOffer { name: mechanism.to_owned(), priority: 40 }],
            listed: true,
            ..Options::default()
        };
        let (bob, alice) = (world.tab(), world.tab());
        // A valid token of bob: a server that only looks at the token would let bob in as alice.
        world.connect_as(bob, ALICE, Some("secret-bob"), options());
        let failed = world.heard(bob);
        let [fail, over] = &failed[..] else { panic!("{failed:?}") };
        assert!(fail.starts_with("AuthFail ") && over.starts_with("Disc"), "{failed:?}");
        // A token of the same account, but not the one that opened the session: the former token
        // does not count.
        world.server.reset_password("alice", "another-token");
        world.connect_as(alice, ALICE, Some("another-token"), options());
        assert_eq!(world.heard(alice).last().unwrap(), "Attached alice@localhost/desk");
        assert!(world.heard(inside).is_empty());
        assert_eq!(world.server.statistics().bound_sessions, 1);
    }
}

#[test]
fn a_trial_that_the_server_spoils_is_the_affair_of_its_tab_alone() {
    for misbehaviour in Misbehaviour::all() {
        let later = match &misbehaviour {
            Misbehaviour::At(stage, _) => *stage > Stage::Outcome,
            _ => false,
        };
        if later || matches!(misbehaviour, Misbehaviour::At(Stage::Challenge, _) | Misbehaviour::Scram(_)) {
            continue;
        }
        let mut world = World::new();
        let inside = world.online(ALICE);
        world.server.misbehave(misbehaviour.clone());
        let other = world.tab();
        world.connect(other, ALICE, "wrong");
        world.advance(3 * GRACE);
        let heard = world.heard(other);
        let [failed, over] = &heard[..] else { panic!("{heard:?}") };
        let fails = ["Auth", "Conn", "Redi"].iter().any(|code| failed.starts_with(code));
        assert!(fails && over.starts_with("Disc"), "{heard:?}");
        assert!(world.heard(inside).is_empty(), "{misbehaviour:?}");
        assert_eq!(world.server.statistics().bound_sessions, 1, "{misbehaviour:?}");
    }
}

#[test]
fn a_tab_with_other_credentials_waits_for_the_attempt_under_way() {
    let mut world = World::new();
    let (wrong, right) = (world.tab(), world.tab());
    world.connect(wrong, ALICE, "wrong");
    world.connect(right, ALICE, "secret-alice");
    assert_eq!(world.heard(wrong).last().unwrap(), "Disconnected not-authorized");
    // A tab stuck at AUTHFAIL must not keep others out: another tab opens the session.
    assert_eq!(world.heard(right), ["Authenticating", "Primary", "Connected alice@localhost/desk"]);

    let mut world = World::new();
    let (right, wrong) = (world.tab(), world.tab());
    world.connect(right, ALICE, "secret-alice");
    world.connect(wrong, ALICE, "wrong");
    assert_eq!(world.heard(right).last().unwrap(), "Connected alice@localhost/desk");
    assert_eq!(world.heard(wrong), ["AuthFail not-authorized", "Disconnected not-authorized"]);
}

#[test]
fn a_tab_that_gives_its_trial_up_hears_so_once_and_nothing_of_it_later() {
    let mut world = World::new();
    world.online(ALICE);
    let tab = world.tab();
    world.connect(tab, ALICE, "wrong");
    world.disconnect(tab);
    assert_eq!(world.heard(tab), ["Disconnected"]);
    world.advance(GRACE);
    assert!(world.heard(tab).is_empty());
    assert_eq!(world.open_sockets().len(), 1);
}

#[test]
fn a_trial_that_was_given_up_does_not_touch_what_its_tab_does_next() {
    // At each moment of the trial the tab turns round, and joins with the right password.
    for steps in 0..30 {
        let mut world = World::new();
        let inside = world.online(ALICE);
        let tab = world.tab();
        world.connect(tab, ALICE, "wrong");
        for _ in 0..steps {
            world.step();
        }
        world.connect(tab, ALICE, "secret-alice");
        world.advance(GRACE);
        assert_eq!(world.heard(tab).last().unwrap(), "Attached alice@localhost/desk", "{steps}");
        world.server_says(ALICE, "<message xmlns='jabber:client'/>");
        for member in [inside, tab] {
            assert_eq!(world.heard(member), ["Received <message xmlns='jabber:client'/>"], "{steps}");
        }
        world.send(tab, "<presence xmlns='jabber:client' to='bob@localhost'/>");
        assert_eq!(world.heard(tab), ["written 1"], "{steps}");
        assert_eq!(world.open_sockets().len(), 1, "{steps}");
    }
}

#[test]
fn a_tab_that_dies_during_its_trial_is_forgotten() {
    for steps in 0..30 {
        let mut world = World::new();
        let inside = world.online(ALICE);
        let tab = world.tab();
        world.connect(tab, ALICE, "wrong");
        for _ in 0..steps {
            world.step();
        }
        world.kill(tab);
        world.advance(GRACE);
        assert_eq!(world.open_sockets().len(), 1, "{steps}");
        assert!(world.heard(inside).is_empty(), "{steps}");
    }
}

#[test]
fn nobody_in_particular_does_not_get_into_the_session_of_a_name() {
    let mut world = World::with(testkit::Config {
        mechanisms: vec!["PLAIN".to_owned()],
        anonymous: true,
        ..testkit::Config::default()
    });
    let (alice, bob, nobody) = (world.tab(), world.tab(), world.tab());
    // A bare domain, with the name beside it.
    for (tab, name) in [(alice, "alice"), (bob, "bob")] {
        let password = Some(Secret::new(format!("secret-{name}")));
        let credentials = Credentials { authcid: Some(name.to_owned()), password, keys: None };
        let (service, options) = (SERVICE.to_owned(), Options::default());
        world.say(
            tab,
            ToWorker::Connect { service, jid: "localhost".into(), credentials, options, bosh: None },
        );
    }
    world.connect_as(nobody, "localhost", None, Options::default());
    let jids = [alice, bob, nobody].map(|tab| world.heard(tab).pop().unwrap());
    assert!(jids[0].starts_with("Connected alice@localhost/"), "{jids:?}");
    assert!(jids[1].starts_with("Connected bob@localhost/"), "{jids:?}");
    assert!(jids[2].starts_with("Connected anonymous-"), "{jids:?}");
}
