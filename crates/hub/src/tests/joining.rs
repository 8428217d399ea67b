//! Which tabs come into which session, with which credentials, and what all tabs hear of it.

use std::time::Duration;

use crate::tests::page::Event;
use epode_protocol::{Credentials, MechanismOffer, Options, Secret, StatusCode, ToWorker};
use epode_testkit as testkit;

use super::page::Page;
use super::world::{SERVICE, World, password};

const ALICE: &str = "alice@localhost/desk";

#[test]
fn the_tab_that_opens_a_session_hears_connected_and_who_joins_hears_attached_with_the_same_jid() {
    let mut world = World::new();
    let [first, second, third] = [world.tab(), world.tab(), world.tab()];
    world.connect(first, ALICE, "secret-alice");
    assert_eq!(world.heard(first), ["Authenticating", "Primary", "Connected alice@localhost/desk"]);
    // The first tab's resource wins.
    world.connect(second, "alice@localhost/phone", "secret-alice");
    world.attach(third, None);
    assert_eq!(world.heard(second), ["Secondary", "Attached alice@localhost/desk"]);
    assert_eq!(world.heard(third), ["Secondary", "Attached alice@localhost/desk"]);
    assert!(world.heard(first).is_empty());
    let seen = world.server.statistics();
    assert_eq!((seen.total_connections, seen.sasl_started, seen.bound_sessions), (1, 1, 1));
}

// A tab that attaches needs the domain and the features too.
#[test]
fn every_tab_is_told_domain_and_features() {
    let mut world = World::new();
    let (first, second) = (world.tab(), world.tab());
    world.connect(first, ALICE, "secret-alice");
    world.attach(second, None);
    let infos = [first, second].map(|tab| {
        let info = |event| match event {
            Event::Status(status) => status.session,
            _ => None,
        };
        world.events(tab).into_iter().find_map(info).unwrap()
    });
    assert_eq!(infos[0], infos[1]);
    assert_eq!(infos[0].domain, "localhost");
    assert!(infos[0].features.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{}", infos[0].features);
}

#[test]
fn a_tab_that_joins_while_the_first_connects_waits_for_the_same_handshake() {
    let mut world = World::new();
    let (first, second, third) = (world.tab(), world.tab(), world.tab());
    world.connect(first, ALICE, "secret-alice");
    world.connect(second, ALICE, "secret-alice");
    world.attach(third, None);
    assert_eq!(world.heard(first), ["Authenticating", "Primary", "Connected alice@localhost/desk"]);
    assert_eq!(world.heard(second), ["Authenticating", "Secondary", "Attached alice@localhost/desk"]);
    assert_eq!(world.heard(third), ["Authenticating", "Secondary", "Attached alice@localhost/desk"]);
    assert_eq!(world.server.statistics().total_connections, 1);
}

// A handshake must not die with the tab that began it.
#[test]
fn a_handshake_goes_on_without_the_tab_that_asked_for_it() {
    let mut world = World::new();
    let (first, second) = (world.tab(), world.tab());
    world.run();
    world.connect(first, ALICE, "secret-alice");
    world.connect(second, ALICE, "secret-alice");
    world.kill(first);
    assert_eq!(world.heard(second), ["Authenticating", "Primary", "Attached alice@localhost/desk"]);
    assert_eq!(world.server.statistics().total_connections, 1);
}

#[test]
fn a_wrong_password_is_authfail_with_the_servers_word_and_then_disconnected() {
    let mut world = World::new();
    let (first, joined, attached) = (world.tab(), world.tab(), world.tab());
    world.connect(first, ALICE, "wrong");
    world.connect(joined, ALICE, "wrong");
    world.attach(attached, None);
    let failed = ["Authenticating", "AuthFail not-authorized", "Disconnected not-authorized"];
    assert_eq!(world.heard(first), failed);
    assert_eq!(world.heard(joined), failed);
    assert_eq!(world.heard(attached), ["Authenticating", "AttachFail not-authorized"]);
    assert_eq!(world.server.statistics().sasl_started, 1);
    // Nothing is left of it: the next attempt is a new one.
    world.connect(first, ALICE, "secret-alice");
    assert_eq!(world.heard(first), ["Authenticating", "Primary", "Connected alice@localhost/desk"]);
}

#[test]
fn every_mechanism_of_scram_works_through_the_worker() {
    let mut world = World::with(testkit::Config::default());
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn a_server_that_cannot_be_reached_is_connfail_and_disconnected() {
    let mut world = World::new();
    world.reachable = false;
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    // CONNFAIL must have a reason.
    let [Event::Status(failed), Event::Status(over)] = &world.events(tab)[..] else { panic!("two words") };
    assert_eq!((failed.code, over.code), (StatusCode::ConnFail, StatusCode::Disconnected));
    assert_eq!(failed.text.as_deref(), Some("the server could not be reached (WebSocket close code 1006)"));
    assert_eq!(failed.text, over.text);
}

#[test]
fn a_service_or_jid_that_cannot_be_meant_is_connfail_in_words() {
    let mut world = World::new();
    let tab = world.tab();
    world.connect(tab, "@localhost", "secret-alice");
    assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    let credentials = Credentials { authcid: None, password: None, keys: None };
    let options = Options::default();
    world.say(
        tab,
        ToWorker::Connect {
            service: "ftp://localhost/".into(),
            jid: ALICE.into(),
            credentials,
            options,
            bosh: None,
        },
    );
    assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    assert!(world.open_sockets().is_empty());
}

#[test]
fn no_common_mechanism_is_connfail_no_auth_mech() {
    let mut world = World::new();
    let tab = world.tab();
    let mechanisms = vec![MechanismOffer { name: "SCRAM-SHA-1".into(), priority: 60 }];
    world.connect_as(tab, ALICE, Some("secret-alice"), Options { mechanisms, ..Options::default() });
    assert_eq!(world.heard(tab), ["ConnFail no-auth-mech", "Disconnected no-auth-mech"]);
}

#[test]
fn attach_joins_the_only_session_or_the_one_that_the_tab_remembers() {
    let mut world = World::new();
    let none = world.tab();
    world.attach(none, None);
    let [Event::Status(failed)] = &world.events(none)[..] else { panic!("one word") };
    assert_eq!(failed.code, StatusCode::AttachFail);
    assert!(failed.text.as_ref().is_some_and(|text| text.contains("pages of another library")));

    world.online(ALICE);
    world.attach(none, None);
    assert_eq!(world.heard(none), ["Secondary", "Attached alice@localhost/desk"]);

    world.online("bob@localhost/desk");
    let (ambiguous, remembering, strange) = (world.tab(), world.tab(), world.tab());
    world.attach(ambiguous, None);
    assert_eq!(world.heard(ambiguous), ["AttachFail"]);
    world.attach(remembering, Some("Bob@localhost/old"));
    assert_eq!(world.heard(remembering), ["Secondary", "Attached bob@localhost/desk"]);
    // Another account is no substitute for the one that the page names.
    world.attach(strange, Some("carol@localhost"));
    assert_eq!(world.heard(strange), ["AttachFail"]);
}

#[test]
fn attach_joins_a_session_of_its_own_service_only() {
    let mut world = World::new();
    world.online(ALICE);
    let tab = world.tab();
    world.say(
        tab,
        ToWorker::Attach { service: "ws://127.0.0.1/xmpp".into(), jid: None, explicit_binding: false },
    );
    assert_eq!(world.heard(tab), ["AttachFail"]);
}

// A second account must not take the first one's socket, or its tabs the other's messages.
#[test]
fn two_accounts_in_one_worker_see_nothing_of_each_other() {
    let mut world = World::new();
    let (alice, bob) = (world.online(ALICE), world.online("bob@localhost/desk"));
    world.server_says(ALICE, "<message xmlns='jabber:client' id='for-alice'/>");
    world.server_says("bob@localhost/desk", "<message xmlns='jabber:client' id='for-bob'/>");
    assert_eq!(world.heard(alice), ["Received <message xmlns='jabber:client' id='for-alice'/>"]);
    assert_eq!(world.heard(bob), ["Received <message xmlns='jabber:client' id='for-bob'/>"]);
    world.send(alice, "<message xmlns='jabber:client' to='carol@elsewhere'/>");
    world.run();
    assert!(!world.heard(bob).iter().any(|word| word.contains("carol")));
    world.disconnect(alice);
    assert_eq!(world.heard(alice).last().unwrap(), "Disconnected");
    assert!(world.heard(bob).is_empty());
}

#[test]
fn the_case_of_a_jid_does_not_count_and_its_resource_is_not_part_of_the_account() {
    let mut world = World::new();
    world.online(ALICE);
    let tab = world.tab();
    let credentials = Credentials {
        authcid: Some("alice".into()),
        password: Some(Secret::new(password(ALICE))),
        keys: None,
    };
    let (service, options) = (SERVICE.to_owned(), Options::default());
    world.say(
        tab,
        ToWorker::Connect { service, jid: "Alice@LOCALHOST/x".into(), credentials, options, bosh: None },
    );
    assert_eq!(world.heard(tab), ["Secondary", "Attached alice@localhost/desk"]);
}

#[test]
fn anonymous_tabs_share_a_session_by_key() {
    let mut world = World::with(testkit::Config { anonymous: true, ..testkit::Config::default() });
    let keyed = |key: Option<&str>| Options { session_key: key.map(str::to_owned), ..Options::default() };
    let jids = [None, Some("a"), Some("b"), Some("a"), None].map(|key| {
        let tab = world.tab();
        world.connect_as(tab, "localhost", None, keyed(key));
        let heard = world.heard(tab);
        heard.last().unwrap().split(' ').next_back().unwrap().to_owned()
    });
    assert_eq!((&jids[0], &jids[1]), (&jids[4], &jids[3]));
    assert!(jids[0] != jids[1] && jids[1] != jids[2] && jids[0] != jids[2], "{jids:?}");
}

#[test]
fn other_options_than_the_first_tabs_are_noted_and_do_not_hold() {
    let mut world = World::new();
    world.online(ALICE);
    let tab = world.tab();
    let mechanisms = vec![MechanismOffer { name: "PLAIN".into(), priority: 1 }];
    world.connect_as(tab, ALICE, Some("secret-alice"), Options { mechanisms, ..Options::default() });
    let heard = world.heard(tab);
    assert!(heard[0].starts_with("Warn ") && heard[0].contains("options"), "{heard:?}");
    assert_eq!(heard[2], "Attached alice@localhost/desk");
}

#[test]
fn a_tab_that_connects_again_changes_its_account_and_leaves_the_old_one() {
    let mut world = World::new();
    let (tab, stays) = (world.online(ALICE), world.online(ALICE));
    world.connect(tab, "bob@localhost/desk", "secret-bob");
    assert_eq!(world.heard(tab).last().unwrap(), "Connected bob@localhost/desk");
    assert_eq!(world.heard(stays), ["Primary"]);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    assert!(world.heard(tab).is_empty());
    assert_eq!(world.heard(stays).len(), 1);
}

#[test]
fn the_server_hears_that_somebody_looks_again_when_a_visible_tab_joins_hidden_ones() {
    let mut world = World::new();
    world.offers = "<csi xmlns='urn:xmpp:csi:0'/>";
    let hidden = world.online(ALICE);
    world.show(hidden, false);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.sent(), ["<inactive xmlns=\"urn:xmpp:csi:0\"/>"]);
    let visible = world.tab();
    world.attach(visible, None);
    assert_eq!(world.sent(), ["<active xmlns=\"urn:xmpp:csi:0\"/>"]);
}

#[test]
fn an_app_that_connects_again_in_its_connfail_callback_hears_no_more_of_the_failed_attempt() {
    let mut world = World::new();
    let tab = world.tab();
    world.reachable = false;
    world.connect(tab, ALICE, "secret-alice");
    let mut heard = Vec::new();
    while world.step() {
        heard.extend(world.page(tab).events().into_iter().map(Page::in_words));
        if heard == ["ConnFail"] && !world.reachable {
            world.reachable = true;
            world.connect(tab, ALICE, "secret-alice");
        }
    }
    assert_eq!(heard, ["ConnFail", "Authenticating", "Primary", "Connected alice@localhost/desk"]);
}

// After a reload a page names the JID that the server bound, and not the domain that it logged in
// with.
#[test]
fn attach_finds_a_session_by_the_jid_that_the_server_bound() {
    for anonymous in [true, false] {
        let mut world = World::with(testkit::Config { anonymous, ..testkit::Config::default() });
        let tab = world.tab();
        let none = Credentials { authcid: None, password: None, keys: None };
        let login = |authcid: &str, password: String| Credentials {
            authcid: Some(authcid.to_owned()),
            password: Some(Secret::new(password)),
            keys: None,
        };
        let credentials = if anonymous { none } else { login("alice", password(ALICE)) };
        let (service, options) = (SERVICE.to_owned(), Options::default());
        world.say(
            tab,
            ToWorker::Connect { service, jid: "localhost".into(), credentials, options, bosh: None },
        );
        let up = world.heard(tab).pop().unwrap();
        let jid = up.strip_prefix("Connected ").unwrap();
        let again = world.tab();
        world.attach(again, jid.split('/').next());
        assert_eq!(world.heard(again).last().unwrap(), &format!("Attached {jid}"));
    }
}

#[test]
fn a_tab_that_attaches_while_the_session_is_dialled_again_hears_that_it_is_attached() {
    let mut world = World::new();
    world.online(ALICE);
    world.cut();
    let late = world.tab();
    world.attach(late, None);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.heard(late).last().unwrap(), "Attached alice@localhost/desk");
}

#[test]
fn a_session_that_was_opened_with_attach_false_is_joined_with_a_proof_or_not_at_all() {
    let closed = || Options { attach: false, ..Options::default() };
    let kept_out = ["AttachFail credentials-required"];
    let mut world = World::new();
    let [opener, guest, insider] = [(); 3].map(|()| world.tab());
    world.connect_as(opener, ALICE, Some("secret-alice"), closed());
    // The same while the session is being opened.
    world.attach(guest, None);
    assert_eq!(world.heard(guest), kept_out);
    world.attach(guest, Some("alice@localhost"));
    assert_eq!(world.heard(guest), kept_out);
    world.connect_as(guest, ALICE, None, closed());
    assert_eq!(world.heard(guest).last().unwrap(), "Disconnected no-auth-mech");
    // A proof is enough, whatever options this tab would have opened the session with.
    world.connect(insider, ALICE, "secret-alice");
    assert_eq!(world.heard(insider).last().unwrap(), "Attached alice@localhost/desk");
    // A page that reloads brings its credentials again.
    let reloaded = world.reload(insider);
    world.attach(reloaded, Some("alice@localhost"));
    assert_eq!(world.heard(reloaded), kept_out);
    world.connect(reloaded, ALICE, "secret-alice");
    assert_eq!(world.heard(reloaded).last().unwrap(), "Attached alice@localhost/desk");
    // A session that is open to all is found beside it.
    let bob = world.online("bob@localhost/x");
    world.attach(guest, None);
    assert_eq!(world.heard(guest).last().unwrap(), "Attached bob@localhost/x");
    assert!(world.heard(bob).is_empty());
}

#[test]
fn when_the_worker_dies_a_session_with_attach_false_is_restored_to_those_with_a_proof() {
    let closed = || Options { attach: false, ..Options::default() };
    // The tab that brings the session back sets its terms, and may come before or after the tab
    // that asks for it.
    for late in [false, true] {
        let mut world = World::new();
        let [opener, guest] = [(); 2].map(|()| world.tab());
        world.connect(opener, ALICE, "secret-alice");
        world.attach(guest, None);
        world.run();
        world.kill(opener);
        world.run();
        world.worker_dies();
        assert_eq!(world.heard(guest).last().unwrap(), "Reconnecting");
        world.advance(Duration::from_millis(if late { 1000 } else { 0 }));
        let newcomer = world.tab();
        world.connect_as(newcomer, ALICE, Some("secret-alice"), closed());
        world.advance(Duration::from_secs(5));
        assert_eq!(world.heard(newcomer).last().unwrap(), "Connected alice@localhost/desk");
        assert_eq!(world.heard(guest), ["AttachFail credentials-required"], "{late}");
    }
}
