//! Sessions over BOSH: what differs from a WebSocket, and what must not.

use std::time::Duration;

use epode_protocol::{
    AttachBosh, BoshOptions, BoshSession, Credentials, HttpHeader, HttpOptions, Options, Secret, ToWorker,
};

use super::page::Event;
use super::world::{BOSH, GRACE, SERVICE, World, config, password};
use crate::{Carries, Config, Hub, PortId};

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
const MESSAGE: &str = "<message xmlns='jabber:client' id='m'/>";

const CONNECTED: [&str; 4] = ["Authenticating", "Primary", "numbers 1", "Connected alice@localhost/desk"];

/// The ids of the messages that the tab has heard, in order.
fn ids(world: &mut World, tab: PortId) -> Vec<String> {
    let id =
        |text: &str| text.split(" id='").nth(1).and_then(|rest| rest.split('\'').next()).map(str::to_owned);
    world.heard(tab).iter().filter_map(|word| id(word)).collect()
}

/// The options of a tab with this header.
fn with_header(value: &str) -> HttpOptions {
    let header = HttpHeader { name: "X-Token".to_owned(), value: Secret::new(value.to_owned()) };
    HttpOptions { headers: vec![header], ..HttpOptions::default() }
}

fn connect_with(world: &mut World, tab: PortId, http: HttpOptions) {
    let credentials = Credentials { authcid: None, password: Some(Secret::new(password(ALICE))), keys: None };
    let (service, options) = (world.service.to_owned(), Options::default());
    let bosh = Some(BoshOptions { http, ..BoshOptions::default() }.into());
    world.say(tab, ToWorker::Connect { service, jid: ALICE.into(), credentials, options, bosh });
}

/// The value of the header `X-Token` of each request that has left.
fn tokens(world: &mut World) -> Vec<String> {
    let token =
        |options: &HttpOptions| options.headers.iter().map(|one| one.value.expose().to_owned()).collect();
    world.asked().iter().map(|asked| token(&asked.options)).collect()
}

/// The numbers that the tab was told last.
fn numbers(world: &mut World, tab: PortId) -> BoshSession {
    let mut told = world.events(tab).into_iter().rev().filter_map(|event| match event {
        Event::Numbers(numbers) => Some(numbers),
        _ => None,
    });
    told.next().expect("the tab was told")
}

fn attach_by(world: &mut World, tab: PortId, session: BoshSession, options: Options) {
    let (service, http) = (BOSH.to_owned(), HttpOptions::default());
    let attach = AttachBosh { service, session, options, http };
    world.say(tab, ToWorker::AttachBosh(attach.into()));
}

fn keep(world: &mut World, tab: PortId) {
    world.say(tab, ToWorker::Keepalive { on: true });
}

/// The JIDs that are bound at the server.
fn bound(world: &World) -> Vec<String> {
    world.server.connections().into_values().flatten().collect()
}

/// A world in which the worker has died with Alice's session, whose numbers the tab had kept.
fn orphaned() -> (World, BoshSession) {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    keep(&mut world, tab);
    let kept = numbers(&mut world, tab);
    world.unload(tab, false);
    world.worker_dies();
    (world, kept)
}

#[test]
fn a_login_waits_for_no_clock_and_leaves_one_request_at_the_server() {
    let mut world = World::over_bosh();
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab), CONNECTED);
    assert_eq!(world.clock.now(), Duration::ZERO);
    let asked = world.asked();
    assert!(asked.iter().all(|asked| asked.url == BOSH));
    assert!(asked[0].body.contains(" to='localhost'") && asked[0].carries == Carries::Something);
    assert!(asked.last().unwrap().carries == Carries::Nothing && world.under_way() == 1);
}

/// Prosody 13 never answers an `<inactive/>` that comes alone.
#[test]
fn beside_inactive_another_request_is_held() {
    let mut world = World::over_bosh();
    world.offers = "<csi xmlns='urn:xmpp:csi:0'/>";
    let tab = world.tab();
    world.show(tab, false);
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.asked().last().unwrap().carries, Carries::Nothing);
    world.advance(SECOND);
    assert!(world.asked()[0].body.contains("<inactive"));
}

#[test]
fn late_features_do_not_stop_a_login() {
    let mut world = World::over_bosh();
    world.http.terms.late_features = true;
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab), CONNECTED);
}

#[test]
fn tabs_share_one_session_at_the_server() {
    let mut world = World::over_bosh();
    let tabs: Vec<PortId> = (0..8).map(|_| world.online(ALICE)).collect();
    let sid =
        |body: &str| body.split(" sid='").nth(1).and_then(|rest| rest.split('\'').next().map(str::to_owned));
    let mut sids: Vec<_> = world.asked().iter().filter_map(|asked| sid(&asked.body)).collect();
    sids.dedup();
    assert_eq!((sids.len(), world.under_way()), (1, 1));
    world.server_says(ALICE, MESSAGE);
    for tab in tabs {
        assert_eq!(ids(&mut world, tab), ["m"]);
    }
}

#[test]
fn what_one_task_sends_leaves_in_one_body_at_its_end() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.asked();
    let stanzas: Vec<String> =
        (0..500).map(|id| format!("<message xmlns='jabber:client' to='{ALICE}' id='{id}'/>")).collect();
    world.send_all(tab, &stanzas.iter().map(String::as_str).collect::<Vec<_>>());
    let carrying: Vec<_> =
        world.asked().into_iter().filter(|asked| asked.carries == Carries::Something).collect();
    assert_eq!((carrying.len(), world.clock.now()), (1, Duration::ZERO));
    // The server sends them back: once, and in order.
    let expected: Vec<String> = (0..500).map(|id| id.to_string()).collect();
    assert_eq!(ids(&mut world, tab), expected);
}

#[test]
fn of_lost_requests_and_cut_responses_nothing_is_lost_or_doubled() {
    let mut world = World::over_bosh();
    let (tab, other) = (world.online(ALICE), world.online("bob@localhost/desk"));
    let mut expected = Vec::new();
    for id in 0..100u32 {
        match id % 3 {
            0 => world.http.cuts = 1 + id % 2,
            1 => world.http.losses = 1 + id % 2,
            _ => {}
        }
        let message = format!("<message xmlns='jabber:client' to='bob@localhost/desk' id='{id}'/>");
        world.send(tab, &message);
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{id}'/>"));
        world.advance(3 * SECOND);
        expected.push(id.to_string());
    }
    assert_eq!((ids(&mut world, tab), ids(&mut world, other)), (expected.clone(), expected));
}

#[test]
fn a_failed_request_is_told_by_its_status_and_the_session_goes_on() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.http.instead = Some((502, "<html>Bad gateway</html>".to_owned()));
    world.send(tab, MESSAGE);
    let heard = world.heard(tab);
    assert!(heard.contains(&"HTTP 502".to_owned()), "{heard:?}");
    world.http.instead = None;
    world.advance(10 * SECOND);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='later'/>");
    assert_eq!(ids(&mut world, tab), ["later"]);
}

#[test]
fn a_first_attempt_that_is_answered_wrongly_says_so_at_once() {
    let html = "<html><body>It works!</body></html>";
    for (status, text, reason) in [
        (404, html, "the server answered with HTTP 404"),
        (0, "", "the server answered with a redirect, which is not followed"),
        (
            200,
            html,
            "the server answered with something other than BOSH: <html/>, in the place of its <body/>",
        ),
        (
            200,
            "<body xmlns='http://jabber.org/protocol/httpbind'/>",
            "the server opened a session without sid",
        ),
    ] {
        let mut world = World::over_bosh();
        world.http.instead = Some((status, text.to_owned()));
        let tab = world.tab();
        world.connect(tab, ALICE, "secret-alice");
        let statuses: Vec<_> = world
            .events(tab)
            .into_iter()
            .filter_map(|event| match event {
                Event::Status(status) => {
                    Some((format!("{:?}", status.code), status.text.unwrap_or_default()))
                }
                _ => None,
            })
            .collect();
        let expected = ["ConnFail", "Disconnected"].map(|code| (code.to_owned(), reason.to_owned()));
        assert_eq!((statuses, world.clock.now()), (expected.to_vec(), Duration::ZERO));
        assert!(world.nothing_is_due());
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_tried_twice_and_one_that_is_silent_once() {
    let mut world = World::over_bosh();
    world.reachable = false;
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab), ["HTTP 0"]);
    world.advance(2 * SECOND);
    assert_eq!(world.heard(tab), ["HTTP 0", "ConnFail", "Disconnected"]);

    let mut world = World::over_bosh();
    world.http.silent = true;
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    world.advance(21 * SECOND);
    assert_eq!(world.heard(tab), ["ConnTimeout", "Disconnected"]);
    world.advance(5 * SECOND);
    assert!(world.nothing_is_due() && world.under_way() == 0);
}

#[test]
fn a_password_does_not_cross_http_to_another_machine() {
    let mut world = World::over_bosh();
    world.service = "http://chat.example/http-bind";
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    let heard = world.heard(tab);
    assert_eq!(heard, ["ConnFail plaintext-refused", "Disconnected plaintext-refused"]);
    assert!(!world.asked().iter().any(|asked| asked.body.contains("<auth")));
}

#[test]
fn other_credentials_are_tried_beside_the_session() {
    let mut world = World::over_bosh();
    let (inside, newcomer) = (world.online(ALICE), world.tab());
    world.connect(newcomer, ALICE, "wrong");
    assert_eq!(world.heard(newcomer), ["AuthFail not-authorized", "Disconnected not-authorized"]);
    world.server_says(ALICE, MESSAGE);
    assert_eq!(ids(&mut world, inside), ["m"]);
    world.advance(5 * SECOND);
    assert_eq!(world.under_way(), 1);
}

#[test]
fn a_session_that_the_server_ends_is_opened_anew() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.cut();
    let heard = world.heard(tab);
    assert_eq!(heard, ["Reconnecting remote-connection-failed"]);
    world.advance(SECOND);
    assert_eq!(world.heard(tab), CONNECTED[2..]);
    world.server_fails("conflict");
    assert_eq!(world.heard(tab), ["Error conflict", "Disconnected conflict"]);
}

#[test]
fn a_session_is_retried_while_the_server_may_have_it_and_then_opened_anew() {
    let mut world = World::over_bosh();
    world.http.terms.inactivity = 10 * SECOND;
    let tab = world.online(ALICE);
    world.http.losses = u32::MAX;
    world.send(tab, MESSAGE);
    world.advance(8 * SECOND);
    assert!(!world.heard(tab).iter().any(|word| word.starts_with("Reconnecting")));
    world.advance(60 * SECOND);
    assert!(world.heard(tab).iter().any(|word| word.starts_with("Reconnecting")));
    world.http.losses = 0;
    world.advance(60 * SECOND);
    assert!(world.heard(tab).contains(&CONNECTED[3].to_owned()));
}

#[test]
fn a_stanza_is_acknowledged_when_the_response_to_its_request_is_there() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.say(tab, ToWorker::Follow);
    world.forget();
    world.send(tab, MESSAGE);
    // The response to an older request came first.
    assert_eq!(world.heard(tab), ["written 1"]);
    world.advance(61 * SECOND);
    assert_eq!(world.heard(tab), ["acknowledged 1"]);
}

// As after a resume that failed: a stanza that the server may have is sent again if its receivers can tell.
#[test]
fn each_stanza_of_a_lost_session_without_a_response_is_sent_again_or_has_failed() {
    let mut world = World::over_bosh();
    world.http.terms.inactivity = 10 * SECOND;
    let tab = world.online(ALICE);
    world.http.losses = u32::MAX;
    world.send(tab, "<message xmlns='jabber:client' to='bob@localhost' type='chat' id='m'/>");
    world.send(tab, "<message xmlns='jabber:client' to='bob@localhost' type='chat'/>");
    world.advance(60 * SECOND);
    world.http.losses = 0;
    world.asked();
    world.advance(60 * SECOND);
    let heard = world.heard(tab);
    assert!(heard.contains(&"resent 1 maybe twice".to_owned()), "{heard:?}");
    assert!(heard.iter().any(|word| word.starts_with("lost 2 not-resumed")), "{heard:?}");
    assert!(world.asked().iter().any(|asked| asked.body.contains("id='m'")));
}

#[test]
fn after_a_lost_session_the_account_is_announced_anew_and_requests_end_by_what_is_known() {
    const PRESENCE: &str = "<presence xmlns='jabber:client'><priority>1</priority></presence>";
    let mut world = World::over_bosh();
    world.http.terms.inactivity = 10 * SECOND;
    let tab = world.online(ALICE);
    world.send(tab, PRESENCE);
    world.advance(SECOND);
    world.http.losses = u32::MAX;
    let ping = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
    let token = world.request(tab, ping);
    world.advance(60 * SECOND);
    world.http.losses = 0;
    world.asked();
    world.advance(60 * SECOND);
    let heard = world.heard(tab);
    assert!(heard.contains(&format!("response {token} lost unknown")), "{heard:?}");
    world.send(tab, PRESENCE);
    world.advance(SECOND);
    let said = world.asked().iter().filter(|asked| asked.body.contains("<priority>")).count();
    assert_eq!(said, 1);
}

#[test]
fn a_server_that_is_elsewhere_is_not_asked_there() {
    let mut world = World::over_bosh();
    let elsewhere = "<body xmlns='http://jabber.org/protocol/httpbind' type='terminate' \
        condition='see-other-uri'><uri>https://other.example/bosh</uri></body>";
    world.http.instead = Some((200, elsewhere.to_owned()));
    let tab = world.tab();
    world.connect(tab, ALICE, "secret-alice");
    assert_eq!(world.heard(tab), ["Redirect https://other.example/bosh", "Disconnected see-other-uri"]);
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn a_logout_takes_what_waits_along_and_tells_the_server() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.asked();
    world.send(tab, "<message xmlns='jabber:client' to='bob@localhost' id='last'/>");
    world.disconnect(tab);
    assert_eq!(world.heard(tab), ["written 1", "Disconnecting", "Disconnected"]);
    let asked = world.asked();
    let farewell = asked.iter().find(|asked| asked.carries == Carries::Farewell).unwrap();
    assert!(farewell.body.contains("type='terminate'") && farewell.body.contains("type=\"unavailable\""));
    assert!(asked.iter().any(|asked| asked.body.contains("id='last'")));
    assert!(bound(&world).is_empty() && world.under_way() == 0 && world.nothing_is_due());
}

#[test]
fn a_server_that_does_not_answer_the_end_is_not_waited_for_longer_than_asked() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.http.losses = u32::MAX;
    world.disconnect(tab);
    world.advance(3 * SECOND);
    let heard = world.heard(tab);
    assert_eq!(heard.last().unwrap(), "Disconnected", "{heard:?}");
    assert!(heard.contains(&"ConnTimeout".to_owned()), "{heard:?}");
    world.advance(4 * SECOND);
    assert!(world.nothing_is_due());
}

#[test]
fn when_the_last_tab_has_left_the_server_is_told_after_the_grace() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.kill(tab);
    world.advance(GRACE - SECOND);
    assert_eq!(bound(&world), [ALICE]);
    world.advance(2 * SECOND);
    assert!(bound(&world).is_empty());
    assert!(world.asked().iter().any(|asked| asked.carries == Carries::Farewell));
}

#[test]
fn without_a_worker_the_end_leaves_while_the_page_is_unloaded_but_not_from_a_page_that_keeps_the_session() {
    for keeps in [false, true] {
        let mut world = World::over_bosh();
        world.hub = Hub::new(Config { lock: None, shared: false, ..config() });
        let tab = world.online(ALICE);
        if keeps {
            keep(&mut world, tab);
        }
        world.asked();
        world.leave(tab);
        // A page that is being unloaded gets no other event.
        assert!(world.step());
        let asked = world.asked_so_far();
        assert_eq!(asked.iter().any(|asked| asked.carries == Carries::Farewell), !keeps);
        assert!(world.nothing_is_due());
        assert_eq!(bound(&world).is_empty(), !keeps);
    }
}

#[test]
fn a_session_whose_last_tab_keeps_it_is_left_to_the_server() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    keep(&mut world, tab);
    world.leave(tab);
    world.advance(GRACE + SECOND);
    assert_eq!((bound(&world), world.under_way()), (vec![ALICE.to_owned()], 0));
    assert!(!world.asked().iter().any(|asked| asked.carries == Carries::Farewell));
    // Not if the app has changed its mind, or has turned to another session.
    let turns: [fn(&mut World, PortId); 2] = [
        |world, tab| {
            world.say(tab, ToWorker::Keepalive { on: false });
            world.leave(tab);
        },
        |world, tab| world.connect(tab, "bob@localhost/desk", "secret-bob"),
    ];
    for turn in turns {
        let mut world = World::over_bosh();
        let tab = world.online(ALICE);
        keep(&mut world, tab);
        turn(&mut world, tab);
        world.advance(GRACE + SECOND);
        assert!(!bound(&world).contains(&ALICE.to_owned()));
    }
}

#[test]
fn a_tab_that_keeps_the_session_hears_its_numbers_before_each_request_and_others_once() {
    let mut world = World::over_bosh();
    let (keeper, other) = (world.online(ALICE), world.online(ALICE));
    keep(&mut world, keeper);
    let told = numbers(&mut world, keeper);
    assert_eq!((&*told.jid, told.next - told.lowest), (ALICE, 1));
    assert_eq!((told.wait, told.hold, told.window, told.inactivity), (Some(60), Some(1), Some(2), Some(60)));
    world.asked();
    world.send(other, MESSAGE);
    let mut told: Vec<u64> = world
        .events(keeper)
        .into_iter()
        .filter_map(|event| match event {
            Event::Numbers(numbers) => Some(numbers.next),
            _ => None,
        })
        .collect();
    // A response that has come is told, too.
    told.dedup();
    let rid = |body: &str| body.split(" rid='").nth(1).and_then(|rest| rest.split('\'').next()?.parse().ok());
    let used: Vec<u64> = world.asked().iter().filter_map(|asked| rid(&asked.body)).collect();
    assert_eq!(told, used.iter().map(|rid| rid + 1).collect::<Vec<_>>());
    assert!(!used.is_empty() && !world.heard(other).iter().any(|word| word.starts_with("numbers")));
    // A joining tab is told before it hears that the session is up.
    let joining = world.tab();
    world.attach(joining, None);
    assert_eq!(world.heard(joining), ["Secondary", "numbers 1", "Attached alice@localhost/desk"]);
}

#[test]
fn a_page_goes_on_with_a_session_by_its_numbers_and_hears_what_was_on_its_way() {
    let (mut world, kept) = orphaned();
    world.server_says(ALICE, "<message xmlns='jabber:client' id='missed'/>");
    let tab = world.tab();
    attach_by(&mut world, tab, kept, Options::default());
    let heard = world.heard(tab);
    assert_eq!(heard[..3], ["Primary", "numbers 1", "Attached alice@localhost/desk"]);
    assert!(heard[3..].iter().any(|word| word.contains("id='missed'")), "{heard:?}");
    world.server_says(ALICE, "<message xmlns='jabber:client' id='new'/>");
    assert_eq!(ids(&mut world, tab), ["new"]);
    world.disconnect(tab);
    world.run();
    assert!(bound(&world).is_empty());
}

#[test]
fn a_response_that_a_former_page_has_missed_comes_again() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    keep(&mut world, tab);
    let kept = numbers(&mut world, tab);
    // The response has left the server when the worker dies.
    world.http.cuts = 1;
    world.server.deliver(ALICE, "<message xmlns='jabber:client' id='missed'/>");
    world.unload(tab, false);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='later'/>");
    world.worker_dies();
    let next = world.tab();
    attach_by(&mut world, next, kept, Options::default());
    world.run();
    assert_eq!(ids(&mut world, next), ["missed", "later"]);
}

#[test]
fn a_session_that_the_server_does_not_know_is_connfail_and_the_app_may_connect() {
    let (mut world, kept) = orphaned();
    let tab = world.tab();
    let unknown = BoshSession { sid: Secret::new("unknown".to_owned()), ..kept };
    attach_by(&mut world, tab, unknown, Options::default());
    let heard = world.heard(tab);
    assert_eq!(heard[heard.len() - 2..], ["ConnFail item-not-found", "Disconnected item-not-found"]);
    world.connect(tab, ALICE, "secret-alice");
    assert!(world.heard(tab).last().unwrap().starts_with("Connected alice@localhost/"));
}

#[test]
fn numbers_lead_into_the_session_that_lives_in_the_worker() {
    let mut world = World::over_bosh();
    let inside = world.tab();
    let options = Options { attach: false, ..Options::default() };
    world.connect_as(inside, ALICE, Some("secret-alice"), options);
    let kept = numbers(&mut world, inside);
    world.asked();
    let copy = world.tab();
    attach_by(&mut world, copy, kept.clone(), Options::default());
    assert_eq!(world.heard(copy), ["Secondary", "numbers 1", "Attached alice@localhost/desk"]);
    assert!(world.asked().is_empty(), "no rid is spent");
    // Of the account alone it takes that the session may be joined without credentials.
    let stranger = world.tab();
    let former = BoshSession { sid: Secret::new("former".to_owned()), ..kept };
    attach_by(&mut world, stranger, former, Options::default());
    assert_eq!(world.heard(stranger), ["ConnFail credentials-required", "Disconnected credentials-required"]);
}

#[test]
fn numbers_of_nothing_are_connfail() {
    for (service, jid) in [(SERVICE, ALICE), ("nonsense", ALICE), (BOSH, "@localhost")] {
        let (mut world, kept) = orphaned();
        let tab = world.tab();
        let session = BoshSession { jid: jid.to_owned(), ..kept };
        let (options, http) = (Options::default(), HttpOptions::default());
        let attach = AttachBosh { service: service.into(), session, options, http };
        world.say(tab, ToWorker::AttachBosh(attach.into()));
        assert_eq!(world.heard(tab), ["ConnFail", "Disconnected"]);
    }
}

#[test]
fn a_session_without_credentials_takes_those_of_a_tab_that_connects() {
    let (mut world, kept) = orphaned();
    let (tab, other) = (world.tab(), world.tab());
    attach_by(&mut world, tab, kept, Options::default());
    world.forget();
    // No proof is as good as none.
    world.connect_as(other, ALICE, None, Options::default());
    let heard = world.heard(other);
    assert!(heard[0].starts_with("ConnFail") || heard[0].starts_with("AuthFail"), "{heard:?}");
    world.connect(other, ALICE, "secret-alice");
    assert!(world.heard(other).contains(&"Attached alice@localhost/desk".to_owned()));
    world.cut();
    world.advance(2 * SECOND);
    for tab in [tab, other] {
        let heard = world.heard(tab);
        assert!(heard.last().unwrap().starts_with("Connected alice@localhost/"), "{heard:?}");
    }
}

#[test]
fn the_http_options_of_the_tab_that_opens_hold_and_assigned_ones_hold_for_all() {
    let mut world = World::over_bosh();
    let (tab, other) = (world.tab(), world.tab());
    connect_with(&mut world, tab, with_header("first"));
    let used = tokens(&mut world);
    assert!(used.len() > 3 && used.iter().all(|token| token == "first"), "{used:?}");
    connect_with(&mut world, other, HttpOptions { with_credentials: true, ..with_header("second") });
    let heard = world.heard(other);
    let warning = heard.iter().find(|word| word.starts_with("Warn")).unwrap();
    assert!(warning.contains("(customHeaders, withCredentials)"), "{warning}");
    world.send(other, MESSAGE);
    assert!(tokens(&mut world).iter().all(|token| token == "first"));
    world.say(other, ToWorker::HttpOptions(with_header("third")));
    world.send(tab, MESSAGE);
    let used = tokens(&mut world);
    assert!(!used.is_empty() && used.iter().all(|token| token == "third"), "{used:?}");
    // They serve redials, too, and outlive the tab that gave them.
    world.kill(other);
    world.cut();
    world.advance(2 * SECOND);
    let used = tokens(&mut world);
    assert!(used.len() > 3 && used.iter().all(|token| token == "third"), "{used:?}");
    let logged = world.logged().concat();
    assert!(!["first", "second", "third"].iter().any(|secret| logged.contains(secret)), "{logged}");
}

#[test]
fn a_fresh_token_is_tried_within_a_second() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.http.instead = Some((401, String::new()));
    world.send(tab, MESSAGE);
    world.advance(300 * SECOND);
    assert!(world.heard(tab).iter().any(|word| word.starts_with("Reconnecting")));
    world.http.instead = None;
    world.asked();
    world.say(tab, ToWorker::HttpOptions(with_header("fresh")));
    world.advance(SECOND);
    assert!(world.heard(tab).contains(&CONNECTED[3].to_owned()));
    assert!(tokens(&mut world).iter().all(|token| token == "fresh"));
}

#[test]
fn a_browser_that_is_back_online_repeats_what_may_have_died_silently() {
    let mut world = World::over_bosh();
    let tab = world.online(ALICE);
    world.http.forget();
    world.at_hub(crate::Input::Online(true));
    world.server_says(ALICE, MESSAGE);
    assert_eq!(ids(&mut world, tab), ["m"]);
}

#[test]
fn sessions_over_both_transports_stand_beside_each_other() {
    let mut world = World::over_bosh();
    let over_http = world.online(ALICE);
    world.service = SERVICE;
    let over_socket = world.online("alice@localhost/phone");
    assert_eq!(world.open_sockets().len(), 1);
    world.server_says(ALICE, MESSAGE);
    assert_eq!((ids(&mut world, over_http), ids(&mut world, over_socket)), (vec!["m".to_owned()], vec![]));
}

#[test]
fn each_option_in_which_a_joining_tab_differs_is_named() {
    let plain = || BoshOptions { wait: Some(60), hold: Some(1), ..BoshOptions::default() };
    let text = Some("text/plain".to_owned());
    for (bosh, named) in [
        (plain(), None),
        (BoshOptions { wait: Some(5), ..plain() }, Some("(wait, hold)")),
        (BoshOptions { hold: Some(2), ..plain() }, Some("(wait, hold)")),
        (BoshOptions { route: Some("xmpp:other".to_owned()), ..plain() }, Some("(route)")),
        (BoshOptions { http: with_header("x"), ..plain() }, Some("(customHeaders)")),
        (
            BoshOptions { http: HttpOptions { content_type: text, ..HttpOptions::default() }, ..plain() },
            Some("(contentType)"),
        ),
    ] {
        let mut world = World::over_bosh();
        let (_, tab) = (world.online(ALICE), world.tab());
        let password = Some(Secret::new(password(ALICE)));
        let credentials = Credentials { authcid: None, password, keys: None };
        let (service, options, bosh) = (BOSH.to_owned(), Options::default(), Some(bosh.into()));
        world.say(tab, ToWorker::Connect { service, jid: ALICE.into(), credentials, options, bosh });
        let heard = world.heard(tab);
        let warning = heard.iter().find(|word| word.starts_with("Warn")).map(|warning| &**warning);
        assert_eq!(warning.is_some(), named.is_some(), "{heard:?}");
        assert!(warning.zip(named).is_none_or(|(warning, named)| warning.ends_with(named)), "{heard:?}");
    }
}

#[test]
fn the_only_tab_of_an_engine_hears_the_numbers_unasked() {
    let mut world = World::over_bosh();
    world.hub = Hub::new(Config { lock: None, shared: false, ..config() });
    let tab = world.online(ALICE);
    let before = world.asked().len();
    world.send(tab, MESSAGE);
    assert!(before > 0 && numbers(&mut world, tab).next > 0);
}

#[test]
fn the_window_that_a_page_knows_is_kept_to() {
    for (window, most) in [(None, 2), (Some(1), 1)] {
        let (mut world, kept) = orphaned();
        let tab = world.tab();
        attach_by(&mut world, tab, BoshSession { window, ..kept }, Options::default());
        world.http.silent = true;
        world.send(tab, MESSAGE);
        assert_eq!(world.under_way(), most);
    }
}

#[test]
fn tabs_that_lost_their_worker_are_back_with_a_tab_that_has_the_numbers() {
    let mut world = World::over_bosh();
    let (keeper, other) = (world.online(ALICE), world.tab());
    world.attach(other, None);
    keep(&mut world, keeper);
    let kept = numbers(&mut world, keeper);
    world.unload(keeper, false);
    world.forget();
    world.worker_dies();
    world.advance(SECOND);
    assert_eq!(world.heard(other), ["Reconnecting"]);
    let next = world.tab();
    attach_by(&mut world, next, kept, Options::default());
    assert_eq!(world.heard(other).last().unwrap(), "Attached alice@localhost/desk");
}
