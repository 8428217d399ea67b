//! What others ask of us, and which tab may answer.

use std::time::Duration;

use super::world::World;

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
const ASK: &str = "<iq xmlns='jabber:client' type='get' id='v' from='bob@localhost/x'><query xmlns='jabber:iq:version'/></iq>";
const ANSWER: &str = "<iq xmlns='jabber:client' type='result' id='v' to='bob@localhost/x'/>";
const REFUSAL: &str = "<iq xmlns=\"jabber:client\" type=\"error\" id=\"v\" to=\"bob@localhost/x\"><error type=\"cancel\">\
    <service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>";
const PUSH: &str = "<iq xmlns='jabber:client' type='set' id='p'><query xmlns='jabber:iq:roster'/></iq>";

fn three_tabs() -> (World, [super::PortId; 3]) {
    let mut world = World::new();
    let tabs = [world.online(ALICE), world.online(ALICE), world.online(ALICE)];
    world.flowing = false;
    (world, tabs)
}

fn received(stanza: &str) -> Vec<String> {
    vec![format!("Received {stanza}")]
}

// Fault 5: N tabs answered one inbound IQ N times.
#[test]
fn a_request_goes_to_the_primary_alone_and_its_answer_leaves() {
    let (mut world, [a, b, c]) = three_tabs();
    world.show(a, false);
    world.forget();
    world.server_says(ALICE, ASK);
    assert_eq!(world.heard(b), received(ASK));
    assert!(world.heard(a).is_empty() && world.heard(c).is_empty());
    world.send(b, ANSWER);
    assert_eq!(world.sent(), [ANSWER]);
    world.advance(100 * SECOND);
    assert!(world.sent().is_empty() && world.heard(a).is_empty());
    assert!(world.nothing_is_due());
}

#[test]
fn a_request_that_a_tab_passes_up_goes_to_the_next_and_is_refused_once_in_the_end() {
    let (mut world, tabs) = three_tabs();
    world.server_says(ALICE, ASK);
    for tab in tabs {
        assert_eq!(world.heard(tab), received(ASK));
        assert!(world.sent().is_empty());
        world.pass_up(tab);
    }
    assert_eq!(world.sent(), [REFUSAL]);
    for tab in tabs {
        world.pass_up(tab);
        assert!(world.heard(tab).is_empty());
    }
    world.advance(100 * SECOND);
    assert!(world.sent().is_empty());
    assert!(world.nothing_is_due());
}

#[test]
fn a_request_moves_on_when_its_tab_leaves_or_dies() {
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.leave(a);
    assert_eq!(world.heard(b).last(), received(ASK).last());
    world.kill(b);
    assert_eq!(world.heard(c).last(), received(ASK).last());
    world.kill(c);
    assert_eq!(world.sent(), [REFUSAL]);
}

#[test]
fn a_tab_that_left_before_its_turn_is_passed_over() {
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.kill(b);
    world.pass_up(a);
    assert_eq!(world.heard(c), received(ASK));
}

#[test]
fn a_silent_tab_has_ten_seconds_and_may_still_answer_later() {
    let (mut world, [a, b, _]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.advance(10 * SECOND - Duration::from_millis(1));
    assert!(world.heard(b).is_empty());
    world.advance(Duration::from_millis(1));
    assert_eq!(world.heard(b), received(ASK));
    world.send(a, ANSWER);
    assert_eq!(world.sent(), [ANSWER]);
    // The first answer counts.
    world.heard(b);
    let token = world.send(b, ANSWER);
    assert_eq!(world.heard(b), [format!("failed {token} not-asked"), format!("written {token}")]);
    assert!(world.sent().is_empty());
}

#[test]
fn three_silent_tabs_take_half_a_minute_and_then_the_worker_refuses() {
    let (mut world, _) = three_tabs();
    world.server_says(ALICE, ASK);
    world.advance(30 * SECOND - Duration::from_millis(1));
    assert!(world.sent().is_empty());
    world.advance(Duration::from_millis(1));
    assert_eq!(world.sent(), [REFUSAL]);
}

#[test]
fn a_tab_that_passes_up_late_does_not_cut_the_turn_of_the_next_short() {
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.advance(10 * SECOND);
    assert_eq!(world.heard(b), received(ASK));
    world.pass_up(a);
    assert!(world.heard(c).is_empty(), "it is the turn of another");
    world.pass_up(b);
    assert_eq!(world.heard(c), received(ASK));
    world.pass_up(c);
    assert_eq!(world.sent(), [REFUSAL]);
}

#[test]
fn where_a_silent_tab_is_still_asked_the_next_pass_goes_on() {
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.advance(10 * SECOND);
    world.pass_up(b);
    assert_eq!(world.heard(c), received(ASK));
    world.pass_up(c);
    // The first one, which has not said anything yet, has the rest of the last one's time.
    assert!(world.sent().is_empty());
    world.send(a, ANSWER);
    assert_eq!(world.sent(), [ANSWER]);
}

#[test]
fn a_request_while_nobody_is_there_is_refused_at_once() {
    let (mut world, tabs) = three_tabs();
    for tab in tabs {
        world.kill(tab);
    }
    world.server_says(ALICE, ASK);
    assert_eq!(world.sent(), [REFUSAL]);
}

#[test]
fn a_refusal_is_addressed_and_escaped_as_the_request_was() {
    let (mut world, [a, b, c]) = three_tabs();
    for tab in [b, c] {
        world.kill(tab);
    }
    world.server_says(
        ALICE,
        "<iq xmlns='jabber:client' type='get' id='&lt;&quot;>' from='bob@localhost/&apos;&amp;'/>",
    );
    world.pass_up(a);
    let sent = world.sent();
    let head = epode_session::stream::xml::Head::read(&sent[0], &Default::default()).unwrap();
    assert_eq!((head.id.as_deref(), head.to.as_deref()), (Some("<\">"), Some("bob@localhost/'&")));
    // From the server itself: no `from`, and so no `to`.
    world
        .server_says(ALICE, "<iq xmlns='jabber:client' type='get' id='s'><ping xmlns='urn:xmpp:ping'/></iq>");
    world.pass_up(a);
    assert!(world.sent()[0].starts_with("<iq xmlns=\"jabber:client\" type=\"error\" id=\"s\"><error "));
}

#[test]
fn a_request_without_id_cannot_be_answered_and_is_dropped() {
    let (mut world, [a, ..]) = three_tabs();
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='get' from='bob@localhost/x'/>");
    assert!(world.heard(a).is_empty() && world.sent().is_empty());
    assert_eq!(world.logged().len(), 1);
}

#[test]
fn equal_requests_of_two_people_are_answered_apart() {
    let (mut world, [a, ..]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.server_says(ALICE, &ASK.replace("bob", "carol"));
    world.send(a, &ANSWER.replace("bob", "carol"));
    world.send(a, ANSWER);
    assert_eq!(world.sent(), [ANSWER.replace("bob", "carol"), ANSWER.to_owned()]);
    assert!(world.nothing_is_due());
}

#[test]
fn a_tab_cannot_answer_what_nobody_asked() {
    let (mut world, [a, ..]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.forget();
    for wrong in [
        ANSWER.replace("'v'", "'w'"),
        ANSWER.replace("/x", "/y"),
        ANSWER.replace(" to='bob@localhost/x'", ""),
    ] {
        let token = world.send(a, &wrong);
        assert_eq!(world.heard(a), [format!("failed {token} not-asked"), format!("written {token}")]);
    }
    assert!(world.sent().is_empty());
}

#[test]
fn a_push_reaches_every_tab_and_only_the_first_answer_leaves() {
    for from in ["", " from='alice@localhost'", " from='localhost'"] {
        let push = PUSH.replace(" id=", &format!("{from} id="));
        let (mut world, tabs) = three_tabs();
        world.server_says(ALICE, &push);
        for tab in tabs {
            assert_eq!(world.heard(tab), received(&push));
        }
        let answer = "<iq xmlns='jabber:client' type='result' id='p'/>";
        let [first, second] = [tabs[2], tabs[0]].map(|tab| world.send(tab, answer));
        assert_eq!(world.sent(), [answer], "{from}");
        assert_eq!(world.heard(tabs[2]), [format!("written {first}")]);
        assert_eq!(world.heard(tabs[0]), [format!("failed {second} not-asked"), format!("written {second}")]);
        world.advance(100 * SECOND);
        assert!(world.sent().is_empty());
    }
}

#[test]
fn what_the_server_merely_asks_is_no_push() {
    let (mut world, [a, b, _]) = three_tabs();
    world.server_says(ALICE, &PUSH.replace("'set'", "'get'"));
    assert_eq!(world.heard(a).len(), 1);
    assert!(world.heard(b).is_empty());
}

#[test]
fn a_session_that_ends_owes_nobody_an_answer() {
    let (mut world, [a, ..]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.server_says(ALICE, PUSH);
    world.cut();
    assert_eq!(world.heard(a).last().unwrap(), "Reconnecting");
    world.disconnect(a);
    assert!(world.nothing_is_due());
    world.pass_up(a);
    assert!(world.sent().is_empty());
}

#[test]
fn a_push_of_somebody_else_is_a_request_like_any_other() {
    let (mut world, [a, b, _]) = three_tabs();
    world.server_says(ALICE, &PUSH.replace(" id=", " from='bob@localhost' id="));
    assert_eq!(world.heard(a).len(), 1);
    assert!(world.heard(b).is_empty());
}

#[test]
fn a_push_that_nobody_takes_is_refused_once_all_have_said_so_or_are_gone_or_silent() {
    let refusal = REFUSAL.replace("\"v\" to=\"bob@localhost/x\"", "\"p\"");
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, PUSH);
    world.pass_up(a);
    world.pass_up(b);
    assert!(world.sent().is_empty());
    world.kill(c);
    assert_eq!(world.sent(), [refusal.as_str()]);

    let (mut world, [a, ..]) = three_tabs();
    world.server_says(ALICE, PUSH);
    world.pass_up(a);
    world.advance(10 * SECOND);
    assert_eq!(world.sent(), [refusal.as_str()]);
}

#[test]
fn two_accounts_in_one_worker_ask_each_other_over_the_server() {
    let mut world = World::new();
    let (alice, bob) = (world.online(ALICE), world.online("bob@localhost/x"));
    let token = world.request(alice, "<iq xmlns='jabber:client' type='get' id='v' to='bob@localhost/x'><query xmlns='jabber:iq:version'/></iq>");
    world.run();
    world.send(bob, "<iq xmlns='jabber:client' type='result' id='v' to='alice@localhost/desk'/>");
    let heard = world.heard(alice);
    assert_eq!(heard.len(), 1);
    assert!(heard[0].starts_with(&format!("response {token} result <iq ")), "{heard:?}");
}
