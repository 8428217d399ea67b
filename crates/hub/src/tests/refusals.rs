//! What a server has refused is not tried again and again, however many tabs and apps insist.

use std::time::Duration;

use crate::tests::page::Event;
use epode_protocol::{Credentials, MechanismOffer, Options, Secret, ToWorker};
use epode_session::stream::{Error, sasl};
use epode_session::{Account, Mechanisms};
use epode_testkit::{self as testkit, Fault, Misbehaviour, Stage};

use super::world::{SERVICE, World, unicode};
use crate::PortId;
use crate::key::Key;
use crate::refusals::Refusals;

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
const REFUSED: [&str; 2] = ["AuthFail not-authorized", "Disconnected not-authorized"];
const TOO_MANY: [&str; 2] = ["AuthFail too-many-attempts", "Disconnected too-many-attempts"];

/// The number of logins at the server since the last call.
fn logins(world: &mut World) -> usize {
    world.sent().iter().filter(|frame| frame.starts_with("<auth")).count()
}

fn attempt(world: &mut World, password: &str) -> (PortId, Vec<String>) {
    let tab = world.tab();
    world.connect(tab, ALICE, password);
    let heard = world.heard(tab);
    (tab, heard.into_iter().filter(|word| word != "Authenticating").collect())
}

/// The latest reason that a tab was told.
fn reason(world: &mut World, tab: PortId) -> String {
    let told = |event| match event {
        Event::Status(status) => status.text,
        _ => None,
    };
    world.events(tab).into_iter().filter_map(told).next_back().unwrap()
}

#[test]
fn sixteen_tabs_with_one_wrong_password_cost_the_server_one_attempt_and_the_right_one_gets_in() {
    for online in [true, false] {
        let mut world = World::new();
        let inside = online.then(|| world.online(ALICE));
        world.forget();
        let wrong: Vec<_> = (0..16).map(|_| world.tab()).collect();
        let (right, late) = (world.tab(), world.tab());
        for (at, tab) in wrong.iter().enumerate() {
            world.connect(*tab, ALICE, "wrong");
            if at == 7 {
                world.connect(right, ALICE, "secret-alice");
            }
        }
        world.run();
        for tab in &wrong {
            let heard = world.heard(*tab);
            assert!(heard.ends_with(&REFUSED.map(str::to_owned)), "{heard:?}");
        }
        assert!(world.heard(right).last().unwrap().ends_with(ALICE));
        assert_eq!(logins(&mut world), if online { 1 } else { 2 });
        // And once more, when all is over.
        world.connect(late, ALICE, "wrong");
        assert_eq!(world.heard(late), REFUSED);
        assert_eq!(logins(&mut world), 0);
        assert!(inside.is_none_or(|inside| world.heard(inside).is_empty()), "the session is untouched");
    }
}

#[test]
fn a_proof_that_was_refused_is_not_put_to_the_server_for_a_minute_and_the_sentence_says_so() {
    for online in [true, false] {
        let mut world = World::new();
        if online {
            world.online(ALICE);
            world.forget();
        }
        attempt(&mut world, "wrong");
        assert_eq!(logins(&mut world), 1);
        let dials = world.dials();
        world.advance(12 * SECOND);
        let tab = world.tab();
        world.connect(tab, ALICE, "wrong");
        assert_eq!(
            reason(&mut world, tab),
            "the server refused the login: not-authorized; that was 12 s ago, \
             and the server was not asked again: it can be in 48 s"
        );
        world.advance(47 * SECOND);
        assert_eq!(attempt(&mut world, "wrong").1, REFUSED);
        assert_eq!(world.dials(), dials);
        world.advance(SECOND);
        assert_eq!(attempt(&mut world, "wrong").1, REFUSED);
        assert_eq!((logins(&mut world), world.dials()), (1, dials + 1));
        // Another password is tried.
        assert_eq!(attempt(&mut world, "Wrong").1, REFUSED);
        assert_eq!(logins(&mut world), 1);
    }
}

#[test]
fn an_app_that_tries_again_every_three_seconds_has_five_attempts_in_ten_minutes() {
    for online in [true, false] {
        let mut world = World::new();
        let inside = online.then(|| world.online(ALICE));
        world.forget();
        let tab = world.tab();
        let mut asked = Vec::new();
        for round in 0..400 {
            world.connect(tab, ALICE, "wrong");
            let heard = world.heard(tab);
            assert!(heard.ends_with(&REFUSED.map(str::to_owned)) || heard == TOO_MANY, "{heard:?}");
            asked.extend((logins(&mut world) > 0).then_some(3 * round));
            world.advance(3 * SECOND);
        }
        assert_eq!(asked, [0, 60, 120, 180, 240, 600, 660, 720, 780, 840]);
        assert!(inside.is_none_or(|inside| world.heard(inside).is_empty()), "the session is untouched");
    }
}

#[test]
fn five_refusals_are_enough_whatever_was_tried_and_the_sentence_says_when_to_come_again() {
    let mut world = World::new();
    for password in ["a", "b", "c", "d", "e"] {
        assert_eq!(attempt(&mut world, password).1, REFUSED);
        world.advance(10 * SECOND);
    }
    assert_eq!(logins(&mut world), 5);
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert!(reason(&mut world, tab).ends_with("lest it lock the account: it can be in 550 s"));
    // This holds for the account alone, however its name is written.
    world.connect(tab, "bob@localhost/x", "secret-bob");
    assert_eq!(world.heard(tab).last().unwrap(), "Connected bob@localhost/x");
    world.connect(tab, "ALICE@LOCALHOST/other", "secret-alice");
    assert_eq!(world.heard(tab).last().unwrap(), TOO_MANY[1]);
    world.advance(549 * SECOND);
    assert_eq!(attempt(&mut world, "secret-alice").1, TOO_MANY);
    world.advance(SECOND);
    assert_eq!(attempt(&mut world, "secret-alice").1.last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn what_says_nothing_of_the_proof_is_no_refusal() {
    let spoils = [
        Misbehaviour::Refuse("temporary-auth-failure"),
        Misbehaviour::Refuse("aborted"),
        Misbehaviour::At(Stage::Outcome, Fault::Cut),
        Misbehaviour::At(Stage::Mechanisms, Fault::StreamError("host-unknown")),
    ];
    for (online, spoilt) in spoils.into_iter().flat_map(|spoilt| [(true, spoilt.clone()), (false, spoilt)]) {
        let mut world = World::new();
        if online {
            world.online(ALICE);
        }
        // A password that the server would take now.
        world.server.reset_password("alice", "newer");
        for _ in 0..8 {
            world.server.misbehave(spoilt.clone());
            let heard = attempt(&mut world, "newer").1;
            assert!(!heard.contains(&TOO_MANY[0].to_owned()) && heard.len() == 2, "{heard:?}");
        }
        let up = attempt(&mut world, "newer").1;
        assert!(up.last().unwrap().ends_with(ALICE), "{spoilt:?}: {up:?}");
    }
}

#[test]
fn tabs_that_wait_behind_an_equal_trial_share_whatever_becomes_of_it() {
    let mut world = World::new();
    world.online(ALICE);
    world.forget();
    world.reachable = false;
    let dials = world.dials();
    let tabs: Vec<_> = (0..5).map(|_| world.tab()).collect();
    for tab in &tabs {
        world.connect(*tab, ALICE, "wrong");
    }
    for tab in tabs {
        assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    }
    assert_eq!(world.dials(), dials + 1);
    // The same for success: the session goes on with what the first tab has proven.
    world.reachable = true;
    world.server.reset_password("alice", "newer");
    let tabs: Vec<_> = (0..5).map(|_| world.tab()).collect();
    for tab in &tabs {
        world.connect(*tab, ALICE, "newer");
    }
    for tab in tabs {
        assert_eq!(world.heard(tab).last().unwrap(), "Attached alice@localhost/desk");
    }
    assert_eq!((logins(&mut world), world.dials()), (1, dials + 2));
}

#[test]
fn trials_of_one_account_run_one_after_the_other_and_those_of_others_beside_them() {
    let mut world = World::new();
    world.online(ALICE);
    world.online("bob@localhost/x");
    world.forget();
    let before = world.open_sockets().len();
    world.server.misbehave(Misbehaviour::At(Stage::Outcome, Fault::Silence));
    let tabs = ["a", "b", "c"].map(|password| {
        let tab = world.tab();
        world.connect(tab, ALICE, password);
        tab
    });
    let bob = world.tab();
    world.connect(bob, "bob@localhost/x", "wrong");
    assert_eq!(world.heard(bob), REFUSED);
    assert_eq!(world.open_sockets().len(), before + 1);
    assert_eq!(logins(&mut world), 2, "alice's first, and bob's");
    // The server may be silent for a while; then the next tab takes its turn.
    world.advance(30 * SECOND);
    assert_eq!(world.heard(tabs[0]), ["ConnTimeout", "Disconnected"]);
    for tab in &tabs[1..] {
        assert_eq!(world.heard(*tab), REFUSED);
    }
    assert_eq!(logins(&mut world), 2);
}

#[test]
fn a_trial_that_its_tab_gives_up_counts_all_the_same() {
    for steps in 0..30 {
        let mut world = World::new();
        world.online(ALICE);
        world.forget();
        let impatient = world.tab();
        world.connect(impatient, ALICE, "wrong");
        for _ in 0..steps {
            world.step();
        }
        world.disconnect(impatient);
        world.connect(impatient, ALICE, "wrong");
        assert_eq!(world.heard(impatient).last().unwrap(), REFUSED[1], "{steps}");
        assert_eq!(logins(&mut world), 1, "{steps}");
    }
}

#[test]
fn a_first_login_that_its_tab_gives_up_counts_all_the_same() {
    for steps in 0..30 {
        let mut world = World::new();
        let impatient = world.tab();
        world.connect(impatient, ALICE, "wrong");
        for _ in 0..steps {
            world.step();
        }
        world.disconnect(impatient);
        world.run();
        let heard = world.heard(impatient);
        let at = heard.iter().position(|word| word == "Disconnecting");
        if let Some(at) = at {
            assert_eq!(heard[at + 1..], ["Disconnected"], "{steps}");
        }
        world.connect(impatient, ALICE, "wrong");
        assert_eq!(world.heard(impatient).last().unwrap(), REFUSED[1], "{steps}");
        assert_eq!(logins(&mut world), 1, "{steps}");
    }
}

#[test]
fn the_time_to_wait_is_when_the_server_will_be_asked_again_whatever_else_is_in_the_way() {
    let mut world = World::new();
    for password in ["a", "b", "c", "d"] {
        attempt(&mut world, password);
    }
    world.advance(Duration::from_secs(590));
    attempt(&mut world, "e");
    let tab = world.tab();
    let said = |world: &mut World, password: &str| {
        world.connect(tab, ALICE, password);
        reason(world, tab)
    };
    // No login of this account for 10 s more, none with this password for a minute.
    assert!(said(&mut world, "f").ends_with("it can be in 10 s"));
    assert!(said(&mut world, "e").ends_with("it can be in 60 s"));
    world.advance(60 * SECOND);
    for password in ["e", "f", "g", "h"] {
        attempt(&mut world, password);
    }
    assert_eq!(logins(&mut world), 9);
    // None with either for longer than that minute.
    let said = said(&mut world, "h");
    assert!(said.ends_with("lest it lock the account: it can be in 540 s"), "{said}");
    world.advance(Duration::from_secs(539));
    assert_eq!(attempt(&mut world, "h").1, TOO_MANY);
    world.advance(SECOND);
    assert_eq!(attempt(&mut world, "h").1, REFUSED);
    assert_eq!(logins(&mut world), 1);
}

// A session that dials again is refused while the user database is away, and accepted a little
// later: the second attempt is worth it.
#[test]
fn a_proof_that_was_refused_and_is_taken_after_all_is_as_good_as_any() {
    let account = |password: &str| {
        let proof = Some(sasl::Secret::new(password.to_owned()).into());
        Account::new(SERVICE, ALICE, None, proof, Mechanisms::default(), unicode()).unwrap()
    };
    let (right, wrong) = (account("secret-alice"), account("wrong"));
    let whose = Key::new(&right, &Options::default(), None, &unicode());
    let refused = Error::AuthRefused { condition: "not-authorized".to_owned(), text: None, complaint: None };
    let mut refusals = Refusals::new(sasl::Secret::new("key".to_owned()));
    for account in [&right, &wrong] {
        refusals.note(SECOND, &whose, account, &refused);
        assert!(refusals.spare(2 * SECOND, &whose, account).is_some());
    }
    refusals.forgive(&whose, &right, false);
    assert!(refusals.spare(3 * SECOND, &whose, &right).is_none());
    assert!(refusals.spare(3 * SECOND, &whose, &wrong).is_some());
}

#[test]
fn keys_and_tokens_are_proofs_like_any_other() {
    let mut world = World::with(testkit::Config {
        mechanisms: vec!["OAUTHBEARER".to_owned(), "SCRAM-SHA-1".to_owned()],
        ..testkit::Config::default()
    });
    let token = Options {
        mechanisms: vec![MechanismOffer { name: "OAUTHBEARER".to_owned(), priority: 40 }],
        listed: true,
        ..Options::default()
    };
    for _ in 0..3 {
        let tab = world.tab();
        world.connect_as(tab, ALICE, Some("stolen"), token.clone());
        assert_eq!(world.heard(tab).last().unwrap(), REFUSED[1]);
    }
    assert_eq!(logins(&mut world), 1);
    // The right salt and count, with keys of another password.
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let heard = world.heard(tab);
    let keys = heard.iter().find_map(|word| word.strip_prefix("keys ")).unwrap();
    let (known, _) = keys.rsplit_once('$').unwrap();
    let wrong = format!("{known}$AAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    world.forget();
    for _ in 0..3 {
        let tab = world.tab();
        let keys = Some(Secret::new(wrong.clone()));
        let credentials = Credentials { authcid: None, password: None, keys };
        let (service, options) = (SERVICE.to_owned(), Options::default());
        world.say(tab, ToWorker::Connect { service, jid: ALICE.into(), credentials, options, bosh: None });
        assert_eq!(world.heard(tab), REFUSED);
    }
    assert_eq!(logins(&mut world), 1);
}

#[test]
fn nobody_in_particular_is_locked_out_of_nothing() {
    let mut world = World::with(testkit::Config { anonymous: true, ..testkit::Config::default() });
    for _ in 0..8 {
        world.server.misbehave(Misbehaviour::Refuse("not-authorized"));
        let tab = world.tab();
        world.connect_as(tab, "localhost", None, Options::default());
        assert_eq!(world.heard(tab).last().unwrap(), REFUSED[1]);
    }
    assert_eq!(logins(&mut world), 8);
}

#[test]
fn no_secret_is_in_what_the_worker_keeps_of_a_refusal() {
    let mut world = World::new();
    attempt(&mut world, "hunter2");
    let kept = world.hub.view().refusals();
    assert!(kept.contains("not-authorized") && !kept.contains("hunter2"), "{kept}");
    assert!(!kept.contains("known to this worker alone"), "{kept}");
}

/// The server's first features, as an impostor may send them.
fn offering(mechanism: &str) -> Misbehaviour {
    Misbehaviour::At(
        Stage::Mechanisms,
        Fault::Frame(format!(
            "<features xmlns='http://etherx.jabber.org/streams'>\
             <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
             <mechanism>{mechanism}</mechanism></mechanisms></features>"
        )),
    )
}

#[test]
fn beside_a_session_that_was_opened_by_scram_no_trial_shows_a_password() {
    for mechanism in ["PLAIN", "OAUTHBEARER", "X-OAUTH2"] {
        let mut world = World::with(testkit::Config::default());
        let inside = world.online(ALICE);
        world.forget();
        world.server.misbehave(offering(mechanism));
        let (_, heard) = attempt(&mut world, "another");
        assert_eq!(heard, ["AuthFail no-auth-mech", "Disconnected no-auth-mech"]);
        assert_eq!(logins(&mut world), 0, "{mechanism}");
        assert!(world.heard(inside).is_empty());
    }
}

// An app with `reconnect: false` dials by itself, with a first login each time.
#[test]
fn a_password_that_logged_in_by_scram_is_not_shown_at_the_next_login_either_unless_the_app_lists_that() {
    let listing = Options {
        mechanisms: vec![MechanismOffer { name: "PLAIN".to_owned(), priority: 50 }],
        listed: true,
        ..Options::default()
    };
    let by_itself = || Options { reconnect: false, ..Options::default() };
    for lost in [true, false] {
        let mut world = World::with(testkit::Config::default());
        let tab = world.tab();
        world.connect_as(tab, ALICE, Some("secret-alice"), by_itself());
        world.run();
        match lost {
            true => world.cut(),
            false => world.disconnect(tab),
        }
        world.run();
        world.forget();
        world.server.misbehave(offering("PLAIN"));
        world.connect_as(tab, "Alice@localhost/other", Some("secret-alice"), by_itself());
        assert_eq!(world.heard(tab), ["ConnFail no-auth-mech", "Disconnected no-auth-mech"]);
        assert_eq!(logins(&mut world), 0);
        // Another password was never used by SCRAM, and what the app lists is allowed.
        for (password, options) in [("another", by_itself()), ("secret-alice", listing.clone())] {
            world.server.misbehave(offering("PLAIN"));
            world.connect_as(tab, ALICE, Some(password), options);
            assert_eq!(logins(&mut world), 1, "{password}");
            world.disconnect(tab);
            world.run();
        }
    }
}
