//! The worker dials a lost session again, whichever tabs are there.

use std::time::Duration;

use epode_protocol::{MechanismOffer, Options, StatusCode};
use epode_testkit::{self as testkit, BindFault, Fault, Misbehaviour, ScramFault, Server, Stage};

use super::world::{GRACE, World};
use crate::Input;

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
const MESSAGE: &str = "<message xmlns='jabber:client' id='1' to='bob@localhost'/>";
const PING: &str = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";

// The worker redials, and not each tab by itself: it has the credentials.
#[test]
fn a_session_that_is_lost_is_back_soon_and_every_tab_hears_both() {
    let mut world = World::new();
    let (opened, attached) = (world.online(ALICE), world.tab());
    world.attach(attached, None);
    world.forget();
    world.cut();
    for tab in [opened, attached] {
        assert_eq!(world.heard(tab), ["Reconnecting"]);
    }
    world.advance(SECOND);
    assert_eq!(world.heard(opened), ["Connected alice@localhost/desk"]);
    assert_eq!(world.heard(attached), ["Secondary", "Connected alice@localhost/desk"]);
    // Each tab begins anew with the handlers of its callback.
    world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
    for tab in [opened, attached] {
        assert_eq!(world.handled(tab), ["2", ""]);
    }
}

#[test]
fn the_worker_dials_also_when_the_tab_with_the_credentials_is_gone() {
    let mut world = World::new();
    let (opened, attached) = (world.online(ALICE), world.tab());
    world.attach(attached, None);
    world.run();
    world.kill(opened);
    world.cut();
    world.advance(SECOND);
    assert_eq!(world.heard(attached).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn a_server_that_stays_away_is_dialled_later_and_later_and_tabs_hear_of_it_once() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.reachable = false;
    world.cut();
    assert_eq!(world.heard(tab), ["Reconnecting"]);
    let dials = world.dials();
    world.advance(Duration::from_secs(10 * 60));
    let dials = world.dials() - dials;
    assert!((10..30).contains(&dials), "{dials} in ten minutes");
    assert!(world.heard(tab).is_empty(), "a further dial that failed is no news");
    world.reachable = true;
    world.advance(Duration::from_secs(60));
    assert_eq!(world.heard(tab), ["Connected alice@localhost/desk"]);
}

#[test]
fn an_attempt_that_never_was_up_is_not_dialled_again() {
    let mut world = World::new();
    world.reachable = false;
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    world.advance(GRACE);
    assert_eq!(world.dials(), 1);
}

#[test]
fn of_the_errors_that_end_a_stream_only_conflict_ends_the_session() {
    for (condition, over) in [
        ("conflict", true),
        ("policy-violation", false),
        ("host-unknown", false),
        ("see-other-host", false),
        ("system-shutdown", false),
    ] {
        let mut world = World::new();
        let tab = world.online(ALICE);
        let connection = *world.server.connections().keys().next().unwrap();
        world.server.stream_error(connection, condition);
        world.server_says(ALICE, "");
        let heard = world.heard(tab).last().unwrap().clone();
        assert_eq!(heard.starts_with("Disconnected"), over, "{condition}: {heard}");
        world.advance(GRACE);
        assert_eq!(world.dials(), if over { 1 } else { 2 }, "{condition}");
    }
}

#[test]
fn an_account_that_is_closed_ends_the_session_at_a_redial_and_a_server_that_is_busy_does_not() {
    for condition in ["account-disabled", "credentials-expired", "temporary-auth-failure"] {
        let mut world = World::new();
        let tab = world.online(ALICE);
        world.server.misbehave(Misbehaviour::Refuse(condition));
        world.cut();
        world.advance(17 * SECOND);
        let heard = world.heard(tab);
        match condition {
            "temporary-auth-failure" => assert_eq!(
                heard,
                ["Reconnecting", "Reconnecting temporary-auth-failure", "Connected alice@localhost/desk"]
            ),
            _ => assert_eq!(
                heard,
                [
                    "Reconnecting".to_owned(),
                    format!("AuthFail {condition}"),
                    format!("Disconnected {condition}")
                ]
            ),
        }
    }
}

/// The number of logins that were begun.
fn logins(world: &mut World) -> usize {
    world.sent().iter().filter(|frame| frame.starts_with("<auth ")).count()
}

// Servers say so while their user database is away.
#[test]
fn a_password_is_refused_for_good_at_the_third_time_and_locks_no_account() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    logins(&mut world);
    for _ in 0..3 {
        world.server.misbehave(Misbehaviour::Refuse("not-authorized"));
    }
    world.cut();
    world.advance(29 * SECOND);
    assert_eq!(world.heard(tab), ["Reconnecting", "Reconnecting not-authorized"]);
    assert_eq!(logins(&mut world), 1);
    world.advance(5 * SECOND);
    assert_eq!(logins(&mut world), 1, "the second, half a minute later");
    world.advance(290 * SECOND);
    assert_eq!((logins(&mut world), world.heard(tab)), (0, vec![]));
    world.advance(15 * SECOND);
    assert_eq!(world.heard(tab), ["AuthFail not-authorized", "Disconnected not-authorized"]);
    world.advance(1000 * SECOND);
    assert_eq!(logins(&mut world), 1, "the third, and no other");
}

#[test]
fn a_password_that_is_taken_the_second_time_was_never_wrong() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.server.misbehave(Misbehaviour::Refuse("not-authorized"));
    world.cut();
    world.advance(40 * SECOND);
    let expected = ["Reconnecting", "Reconnecting not-authorized", "Connected alice@localhost/desk"];
    assert_eq!(world.heard(tab), expected);
}

// Otherwise a tab that is opened meanwhile would wait for minutes without a word.
#[test]
fn a_tab_that_comes_while_the_session_is_down_hears_why_too() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    let come = |world: &mut World, condition: &str| {
        let (joins, attaches) = (world.tab(), world.tab());
        world.connect(joins, ALICE, "secret-alice");
        world.attach(attaches, None);
        for tab in [joins, attaches] {
            assert_eq!(world.heard(tab), [condition]);
        }
        [joins, attaches]
    };
    world.at_hub(Input::Online(false));
    world.end_sockets();
    come(&mut world, "Reconnecting");
    world.server.misbehave(Misbehaviour::Refuse("not-authorized"));
    world.at_hub(Input::Online(true));
    world.advance(SECOND);
    let late = come(&mut world, "Reconnecting not-authorized");
    world.advance(40 * SECOND);
    for tab in late {
        assert_eq!(world.heard(tab), ["Secondary", "Attached alice@localhost/desk"]);
    }
    world.heard(tab);
    let joins = world.tab();
    world.attach(joins, None);
    assert_eq!(world.heard(joins), ["Secondary", "Attached alice@localhost/desk"], "it is up");
}

#[test]
fn credentials_that_were_taken_meanwhile_end_the_rest_after_a_refusal() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    for _ in 0..2 {
        world.server.misbehave(Misbehaviour::Refuse("not-authorized"));
    }
    world.cut();
    world.advance(40 * SECOND);
    world.forget();
    let mut server = testkit::Config { mechanisms: vec!["PLAIN".to_owned()], ..testkit::Config::default() };
    server.accounts[0].password = "newer".to_owned();
    world.server = Server::new(server, 2);
    let newer = world.tab();
    world.connect(newer, ALICE, "newer");
    assert_eq!(world.heard(tab), ["Connected alice@localhost/desk"]);
    assert_eq!(world.heard(newer), ["Secondary", "Attached alice@localhost/desk"]);
}

#[test]
fn a_server_that_does_not_prove_itself_is_not_given_another_chance() {
    for fault in [ScramFault::WrongSignature, ScramFault::MissingSignature, ScramFault::WrongNonce] {
        let mut world = World::with(testkit::Config::default());
        let tab = world.online(ALICE);
        world.server.misbehave(Misbehaviour::Scram(fault));
        world.cut();
        world.advance(SECOND);
        let events = world.events(tab);
        let statuses: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                crate::tests::page::Event::Status(status) => Some(status),
                _ => None,
            })
            .collect();
        let [_, failed, _] = statuses[..] else { panic!("{events:?}") };
        assert_eq!(failed.code, StatusCode::AuthFail, "{fault:?}");
        assert!(failed.text.as_ref().unwrap().contains("not dialled again"), "{:?}", failed.text);
        world.advance(GRACE);
        assert_eq!(world.dials(), 2);
    }
}

#[test]
fn a_server_that_binds_another_account_at_a_redial_is_told_of_and_left() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.server.misbehave(Misbehaviour::Bind(BindFault::OtherAccount));
    world.cut();
    world.advance(GRACE);
    assert_eq!(
        world.heard(tab),
        ["Reconnecting", "AuthFail invalid-authzid", "Disconnected invalid-authzid"]
    );
    assert_eq!(world.dials(), 2);
}

#[test]
fn what_judges_a_stanza_of_ours_does_not_have_it_sent_again() {
    for condition in ["policy-violation", "not-well-formed", "invalid-xml", "unsupported-stanza-type"] {
        let mut world = World::new();
        let tab = world.online(ALICE);
        let judged = world.send(tab, MESSAGE);
        world.sent();
        let connection = *world.server.connections().keys().next().unwrap();
        world.server.stream_error(connection, condition);
        world.server_says(ALICE, "");
        let waits = world.send(tab, &MESSAGE.replace("'1'", "'2'"));
        world.advance(9 * SECOND);
        let expected = [
            format!("written {judged}"),
            format!("Reconnecting {condition}"),
            "Connected alice@localhost/desk".to_owned(),
            format!("written {waits}"),
        ];
        assert_eq!(world.heard(tab), expected);
        let sent = world.sent();
        assert!(!sent.contains(&MESSAGE.to_owned()), "{sent:?}");
        assert!(sent.contains(&MESSAGE.replace("'1'", "'2'")), "{sent:?}");
    }
}

#[test]
fn a_redial_that_breaks_off_on_the_way_is_tried_again() {
    for stage in [Stage::Open, Stage::Mechanisms, Stage::Outcome, Stage::Reopen, Stage::Features, Stage::Bind]
    {
        let mut world = World::new();
        let tab = world.online(ALICE);
        world.server.misbehave(Misbehaviour::At(stage, Fault::Cut));
        world.cut();
        world.advance(17 * SECOND);
        assert_eq!(world.heard(tab), ["Reconnecting", "Connected alice@localhost/desk"], "{stage:?}");
    }
}

#[test]
fn an_app_that_wants_to_reconnect_by_itself_hears_the_end() {
    let mut world = World::new();
    let tab = world.tab();
    let options = Options { reconnect: false, ..Options::default() };
    world.connect_as(tab, ALICE, Some("secret-alice"), options);
    world.forget();
    world.cut();
    assert_eq!(world.heard(tab), ["Disconnected"]);
    world.advance(GRACE);
    assert_eq!(world.dials(), 1);
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
}

#[test]
fn a_browser_that_is_offline_dials_once_a_minute_and_within_a_second_when_it_is_online() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.reachable = false;
    world.at_hub(Input::Online(false));
    world.end_sockets();
    world.advance(Duration::from_secs(605));
    assert_eq!((world.dials(), world.heard(tab)), (1 + 10, vec!["Reconnecting".to_owned()]));
    world.reachable = true;
    world.at_hub(Input::Online(true));
    world.advance(SECOND);
    assert_eq!(world.heard(tab), ["Connected alice@localhost/desk"]);
    // Offline while the session waits for its next dial.
    world.end_sockets();
    world.at_hub(Input::Online(false));
    world.advance(Duration::from_secs(59));
    assert_eq!(world.dials(), 12);
    world.at_hub(Input::Online(true));
    world.advance(SECOND);
    assert_eq!(world.dials(), 13);
}

#[test]
fn what_is_sent_meanwhile_is_sent_afterwards_in_order_and_said_so() {
    let mut world = World::new();
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    world.cut();
    world.forget();
    let first = world.send(tab, MESSAGE);
    let asked = world.request(tab, PING);
    let last = world.send(other, &MESSAGE.replace("'1'", "'2'"));
    assert!(world.heard(tab).is_empty(), "nothing is said of what waits");
    world.advance(SECOND);
    let sent = world.sent();
    let from = sent.len() - 3;
    assert_eq!(sent[from..from + 2], [MESSAGE, PING]);
    assert!(sent[from + 2].contains("'2'"));
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("written {first}")), "{heard:?}");
    assert!(heard.iter().any(|word| word.starts_with(&format!("response {asked} result"))), "{heard:?}");
    assert!(world.heard(other).contains(&format!("written {last}")));
}

#[test]
fn what_was_asked_over_the_stream_that_is_lost_ends_as_disconnected() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.flowing = false;
    let asked = world.request(tab, PING);
    world.cut();
    assert_eq!(world.heard(tab), [format!("response {asked} disconnected"), "Reconnecting".to_owned()]);
    world.flowing = true;
    world.advance(SECOND);
    assert_eq!(world.heard(tab), ["Connected alice@localhost/desk"], "and ends once");
}

#[test]
fn what_waits_for_a_redial_that_fails_for_good_ends_too() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.server.misbehave(Misbehaviour::Refuse("account-disabled"));
    world.cut();
    world.run();
    let (sent, asked) = (world.send(tab, MESSAGE), world.request(tab, PING));
    world.advance(SECOND);
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("failed {sent} not-connected")), "{heard:?}");
    assert!(heard.contains(&format!("response {asked} disconnected")), "{heard:?}");
}

#[test]
fn a_request_with_a_time_limit_that_waits_for_a_redial_ends_in_time_and_is_not_sent() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.reachable = false;
    world.cut();
    world.forget();
    let asked = world.request_within(tab, PING, SECOND);
    world.advance(SECOND);
    assert_eq!(world.heard(tab), [format!("response {asked} timeout")]);
    world.reachable = true;
    world.advance(60 * SECOND);
    assert!(!world.sent().contains(&PING.to_owned()));
}

#[test]
fn a_logout_ends_a_session_that_is_being_dialled_again() {
    for offline in [false, true] {
        let mut world = World::new();
        let (tab, other) = (world.online(ALICE), world.online(ALICE));
        world.at_hub(Input::Online(!offline));
        world.end_sockets();
        world.forget();
        world.disconnect(tab);
        for tab in [tab, other] {
            assert_eq!(world.heard(tab), ["Disconnecting", "Disconnected"]);
        }
        world.advance(GRACE);
        assert_eq!(world.dials(), 1);
        assert!(world.nothing_is_due());
    }
}

#[test]
fn other_credentials_that_were_verified_are_used_for_the_next_dial() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.cut();
    world.run();
    // The server comes back with another password for the account.
    let mut server = testkit::Config { mechanisms: vec!["PLAIN".to_owned()], ..testkit::Config::default() };
    server.accounts[0].password = "newer".to_owned();
    world.server = Server::new(server, 2);
    let newer = world.tab();
    world.connect(newer, ALICE, "newer");
    world.advance(SECOND);
    assert_eq!(world.heard(tab), ["Reconnecting", "Connected alice@localhost/desk"]);
    assert_eq!(world.heard(newer), ["Secondary", "Attached alice@localhost/desk"]);
}

#[test]
fn a_slow_tab_hears_the_whole_story_in_order_and_claims_of_a_former_stream_touch_nothing() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.adds_upon(tab, "id='1'", super::page::all("message"));
    world.hold(tab);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='1'/>");
    world.cut();
    world.advance(SECOND);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
    world.run();
    world.let_read(tab);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='3'/>");
    let heard = world.heard(tab);
    let order: Vec<_> = heard.iter().map(|word| word.split(['<', ' ']).next().unwrap()).collect();
    assert_eq!(order, ["Received", "Reconnecting", "Connected", "Received", "Received"]);
    assert_eq!(world.handled(tab), ["2 3", ""]);
    assert_eq!(world.claims(tab), 2, "those of the callback");
}

#[test]
fn a_primary_that_leaves_during_a_redial_and_comes_back_hears_its_role_anew() {
    let mut world = World::new();
    let (tab, _other) = (world.online("bob@localhost/desk"), world.online(ALICE));
    world.at_hub(Input::Online(false));
    world.end_sockets();
    world.attach(tab, Some("alice@localhost"));
    world.attach(tab, Some("bob@localhost"));
    world.forget();
    world.at_hub(Input::Online(true));
    world.advance(SECOND);
    assert_eq!(world.heard(tab), ["Primary", "Attached bob@localhost/desk"]);
}

#[test]
fn a_redial_shows_no_password_where_the_login_was_by_scram() {
    let offer = "<features xmlns='http://etherx.jabber.org/streams'>\
        <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
        <mechanism>PLAIN</mechanism><mechanism>OAUTHBEARER</mechanism><mechanism>X-OAUTH2</mechanism>\
        </mechanisms></features>";
    let mechanisms = ["SCRAM-SHA-1", "PLAIN"];
    let listing = Options {
        mechanisms: mechanisms
            .map(|name| MechanismOffer { name: name.to_owned(), priority: u32::from(name != "PLAIN") })
            .to_vec(),
        listed: true,
        ..Options::default()
    };
    for (options, shown) in [(Options::default(), false), (listing, true)] {
        let mechanisms = mechanisms.map(str::to_owned).to_vec();
        let mut world = World::with(testkit::Config { mechanisms, ..testkit::Config::default() });
        let tab = world.tab();
        world.connect_as(tab, ALICE, Some("secret-alice"), options);
        world.run();
        world.forget();
        // Somebody poses as the server, or the server offers less than before.
        world.server.misbehave(Misbehaviour::At(Stage::Mechanisms, Fault::Frame(offer.to_owned())));
        world.cut();
        world.advance(SECOND);
        assert_eq!(world.sent().iter().any(|frame| frame.contains("<auth")), shown);
        if !shown {
            assert_eq!(world.heard(tab), ["Reconnecting", "Reconnecting no-auth-mech"]);
            // The session is up again as soon as the server is what it was.
            world.advance(17 * SECOND);
            assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
        }
    }
}
