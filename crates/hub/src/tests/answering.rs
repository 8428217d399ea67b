//! Requests from outside, and which tab may answer.

use std::time::Duration;

use super::world::World;

const ALICE: &str = "alice@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
/// How long a tab may hang before the worker notices.
const ASLEEP: Duration = Duration::from_secs(14);
const ASK: &str = "<iq xmlns='jabber:client' type='get' id='v' from='bob@localhost/x'>\
    <query xmlns='jabber:iq:version'/></iq>";
const ANSWER: &str = "<iq xmlns='jabber:client' type='result' id='v' to='bob@localhost/x'/>";
const REFUSAL: &str = "<iq xmlns=\"jabber:client\" type=\"error\" id=\"v\" to=\"bob@localhost/x\">\
    <error type=\"cancel\">\
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

// One inbound IQ gets one answer, however many tabs there are.
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
fn a_tab_that_took_a_request_and_is_awake_keeps_it_however_long_it_takes() {
    for wait in [12, 60, 3600] {
        let (mut world, [a, b, c]) = three_tabs();
        world.server_says(ALICE, ASK);
        world.advance(wait * SECOND);
        assert!(world.heard(b).is_empty() && world.heard(c).is_empty() && world.sent().is_empty());
        // The tab works on the answer, whether its handler is still there or not.
        let claims: Vec<_> = world.handlers(a).iter().map(|handler| handler.claim).collect();
        claims.into_iter().for_each(|claim| world.removes(a, claim));
        world.send(a, ANSWER);
        assert_eq!(world.sent(), [ANSWER]);
        world.advance(wait * SECOND);
        assert!(world.sent().is_empty() && world.nothing_is_due());
    }
}

#[test]
fn a_tab_that_falls_asleep_passes_on_what_it_took_and_may_still_answer_when_it_wakes() {
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.heard(a);
    world.hold(a);
    world.advance(ASLEEP);
    assert_eq!(world.heard(b).last(), received(ASK).last());
    assert!(world.heard(c).is_empty() && world.sent().is_empty());
    world.let_read(a);
    world.send(a, ANSWER);
    assert_eq!(world.sent(), [ANSWER]);
    // The first answer counts.
    world.forget();
    let token = world.send(b, ANSWER);
    assert_eq!(world.heard(b), [format!("failed {token} not-asked")]);
    assert!(world.sent().is_empty());
}

#[test]
fn a_tab_that_freezes_passes_on_at_once_what_it_took() {
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, ASK);
    world.freeze(a);
    assert_eq!(world.heard(b).last(), received(ASK).last());
    world.freeze(b);
    assert_eq!(world.heard(c).last(), received(ASK).last());
    world.freeze(c);
    assert_eq!(world.sent(), [REFUSAL]);
    world.advance(100 * SECOND);
    assert!(world.sent().is_empty());
}

#[test]
fn three_tabs_that_hang_are_found_out_together_and_then_the_worker_refuses_once() {
    let (mut world, tabs) = three_tabs();
    for tab in tabs {
        world.hold(tab);
    }
    world.server_says(ALICE, ASK);
    world.advance(ASLEEP);
    assert_eq!(world.sent(), [REFUSAL]);
    for tab in tabs {
        world.let_read(tab);
        world.pass_up(tab);
    }
    world.advance(100 * SECOND);
    assert!(world.sent().is_empty());
}

#[test]
fn a_tab_that_sleeps_when_its_turn_comes_is_passed_over_and_one_that_woke_is_not() {
    let (mut world, [a, b, c]) = three_tabs();
    world.freeze(b);
    world.run();
    world.server_says(ALICE, ASK);
    world.freeze(c);
    world.run();
    world.let_read(b);
    world.show(b, true);
    world.pass_up(a);
    assert_eq!(world.heard(b).last(), received(ASK).last());
    world.pass_up(b);
    assert_eq!(world.sent(), [REFUSAL], "nobody else is awake");
}

#[test]
fn a_tab_that_goes_to_another_session_is_not_asked_for_the_former() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let (mut world, tabs) = three_tabs();
        world.flowing = true;
        world.server_says(ALICE, ASK);
        for at in order {
            world.connect(tabs[at], "bob@localhost/x", "secret-bob");
            world.run();
            world.heard(tabs[at]);
        }
        let refused = world.sent().iter().filter(|frame| frame.contains("service-unavailable")).count();
        assert_eq!(refused, 1, "{order:?}");
        for tab in tabs {
            assert!(!world.heard(tab).contains(&received(ASK)[0]), "{order:?}");
        }
    }
}

#[test]
fn a_request_that_is_asked_again_is_answered_once_each_time() {
    let (mut world, [a, b, _]) = three_tabs();
    for _ in 0..2 {
        world.server_says(ALICE, ASK);
    }
    assert_eq!(world.heard(a), [received(ASK), received(ASK)].concat());
    for _ in 0..2 {
        world.send(a, ANSWER);
        assert_eq!(world.sent(), [ANSWER]);
    }
    let token = world.send(b, ANSWER);
    assert_eq!(world.heard(b), [format!("failed {token} not-asked")]);
    assert!(world.sent().is_empty());
}

#[test]
fn an_answer_to_a_request_of_a_former_stream_does_not_leave_on_the_next() {
    for moment in 0..2 {
        let (mut world, [a, ..]) = three_tabs();
        world.server_says(ALICE, ASK);
        world.flowing = true;
        world.cut();
        // While the session is dialled again, or when it is up again.
        if moment == 1 {
            world.advance(SECOND);
        }
        world.run();
        world.forget();
        let token = world.send(a, ANSWER);
        world.advance(SECOND);
        assert!(world.heard(a).contains(&format!("failed {token} not-asked")));
        assert!(!world.sent().contains(&ANSWER.to_owned()));
    }
}

#[test]
fn of_requests_that_nobody_answers_the_oldest_are_refused_when_there_are_too_many() {
    let (mut world, [a, ..]) = three_tabs();
    let ask = |number: usize| ASK.replace("'v'", &format!("'{number}'"));
    for number in 0..256 {
        world.server_says(ALICE, &ask(number));
    }
    assert!(world.sent().is_empty());
    world.server_says(ALICE, &ask(256));
    assert_eq!(world.sent(), [REFUSAL.replace("\"v\"", "\"0\"")]);
    assert_eq!(world.logged(), ["Warn too many requests wait for an answer: the oldest is refused"]);
    for number in 1..257 {
        let answer = ANSWER.replace("'v'", &format!("'{number}'"));
        world.send(a, &answer);
        assert_eq!(world.sent(), [answer]);
    }
}

#[test]
fn of_requests_that_nobody_answers_the_oldest_are_refused_when_they_are_too_large() {
    let (mut world, [a, ..]) = three_tabs();
    let ask =
        |id: &str| ASK.replace("'v'", id).replace("<query", &format!("<query a='{}'", "x".repeat(5 << 20)));
    world.server_says(ALICE, &ask("'0'"));
    assert!(world.sent().is_empty());
    world.server_says(ALICE, &ask("'1'"));
    assert_eq!(world.sent(), [REFUSAL.replace("\"v\"", "\"0\"")]);
    world.send(a, &ANSWER.replace("'v'", "'1'"));
    assert_eq!(world.sent().len(), 1);
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
    // From the server itself: without `from`, and so without `to`.
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='get' id='s'><query xmlns='urn:x'/></iq>");
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
        assert_eq!(world.heard(a), [format!("failed {token} not-asked")]);
    }
    assert!(world.sent().is_empty());
}

#[test]
fn a_push_reaches_every_tab_and_only_the_first_answer_leaves() {
    for from in ["", "alice@localhost", "Alice@LOCALHOST.", ALICE, "localhost"] {
        let from = if from.is_empty() { String::new() } else { format!(" from='{from}'") };
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
        assert_eq!(world.heard(tabs[0]), [format!("failed {second} not-asked")]);
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

// RFC 6121 §2.1.6, XEP-0191: an app that believes such a push lets strangers change its lists.
#[test]
fn a_push_of_somebody_else_is_nobodys_and_is_refused_at_once() {
    let refusal = |to: &str| REFUSAL.replace("\"v\" to=\"bob@localhost/x\"", &format!("\"p\" to=\"{to}\""));
    for from in
        ["bob@localhost", "bob@localhost/x", "alice@localhost/other", "elsewhere.example", "localhost/x"]
    {
        for pushed in [
            "<query xmlns='jabber:iq:roster'/>",
            "<block xmlns='urn:xmpp:blocking'/>",
            "<query xmlns='jabber:iq:privacy'/>",
            "<x xmlns='urn:x'><query xmlns='jabber:iq:roster'/></x>",
        ] {
            let push = PUSH.replace(" id=", &format!(" from='{from}' id="));
            let push = push.replace("<query xmlns='jabber:iq:roster'/>", pushed);
            let (mut world, tabs) = three_tabs();
            world.server_says(ALICE, &push);
            for tab in tabs {
                let heard = world.heard(tab);
                assert!(heard.iter().all(|heard| heard.starts_with("Warn ")), "{heard:?}");
            }
            assert_eq!(world.sent(), [refusal(from)]);
            let logged = world.logged();
            assert!(matches!(&logged[..], [line] if line.contains("dropped <iq>")), "{logged:?}");
            assert!(world.nothing_is_due());
        }
    }
}

#[test]
fn what_somebody_else_sets_that_is_no_list_of_ours_is_a_request_like_any_other() {
    let (mut world, [a, b, _]) = three_tabs();
    world.server_says(ALICE, &PUSH.replace(" id=", " from='bob@localhost/x' id=").replace("roster", "rpc"));
    assert_eq!(world.heard(a).len(), 1);
    assert!(world.heard(b).is_empty());
}

#[test]
fn a_push_that_nobody_takes_is_refused_once_all_have_said_so_or_are_gone_or_asleep() {
    let refusal = REFUSAL.replace("\"v\" to=\"bob@localhost/x\"", "\"p\"");
    let (mut world, [a, b, c]) = three_tabs();
    world.server_says(ALICE, PUSH);
    world.pass_up(a);
    world.pass_up(b);
    assert!(world.sent().is_empty());
    world.kill(c);
    assert_eq!(world.sent(), [refusal.as_str()]);

    let (mut world, [a, b, c]) = three_tabs();
    world.freeze(b);
    world.run();
    world.server_says(ALICE, PUSH);
    world.pass_up(a);
    world.advance(100 * SECOND);
    assert!(world.sent().is_empty(), "one took it, and is awake");
    world.hold(c);
    world.advance(ASLEEP);
    assert_eq!(world.sent(), [refusal.as_str()]);
    // A tab that was asleep hears the push all the same when it wakes.
    world.let_read(b);
    assert_eq!(world.heard(b).last(), received(PUSH).last());
}

#[test]
fn two_accounts_in_one_worker_ask_each_other_over_the_server() {
    let mut world = World::new();
    let (alice, bob) = (world.online(ALICE), world.online("bob@localhost/x"));
    let token = world.request(
        alice,
        "<iq xmlns='jabber:client' type='get' id='v' to='bob@localhost/x'>\
        <query xmlns='jabber:iq:version'/></iq>",
    );
    world.run();
    world.send(bob, "<iq xmlns='jabber:client' type='result' id='v' to='alice@localhost/desk'/>");
    let heard = world.heard(alice);
    assert_eq!(heard.len(), 1);
    assert!(heard[0].starts_with(&format!("response {token} result <iq ")), "{heard:?}");
}

const PING: &str =
    "<iq xmlns='jabber:client' type='get' id='g' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
const PONG: &str = "<iq xmlns=\"jabber:client\" type=\"result\" id=\"g\" to=\"localhost\"></iq>";

#[test]
fn a_ping_is_answered_within_three_seconds_whatever_the_tabs_do() {
    // The tabs hang, never answer while awake, sleep, or one of each.
    for act in 0..4 {
        let (mut world, tabs) = three_tabs();
        for (at, tab) in tabs.into_iter().enumerate() {
            match (act, at) {
                (0, _) | (3, 0) => world.hold(tab),
                (2, _) | (3, 1) => world.freeze(tab),
                _ => {}
            }
        }
        world.run();
        world.server_says(ALICE, PING);
        world.advance(3 * SECOND);
        assert_eq!(world.sent(), [PONG], "{act}");
        world.advance(100 * SECOND);
        assert!(world.sent().is_empty(), "{act}");
    }
}

#[test]
fn an_app_may_answer_pings_itself_and_one_that_is_late_is_told_so() {
    let (mut world, [a, ..]) = three_tabs();
    let answer = "<iq xmlns='jabber:client' type='result' id='g' to='localhost'/>";
    world.server_says(ALICE, PING);
    world.send(a, answer);
    world.advance(100 * SECOND);
    assert_eq!(world.sent(), [answer]);
    assert!(world.nothing_is_due());
    world.server_says(ALICE, PING);
    world.advance(2 * SECOND);
    world.forget();
    let token = world.send(a, answer);
    assert_eq!(world.heard(a), [format!("failed {token} not-asked")]);
    assert!(world.sent().is_empty());
}

#[test]
fn a_ping_that_no_handler_takes_is_answered_at_once() {
    for from in [" from='localhost'", " from='alice@localhost'", " from='alice@localhost/desk'", ""] {
        let ping = PING.replace(" from='localhost'", from);
        let (mut world, tabs) = three_tabs();
        world.server_says(ALICE, &ping);
        for tab in tabs {
            world.pass_up(tab);
        }
        let to = from.replace("from", "to").replace('\'', "\"");
        assert_eq!(world.sent(), [PONG.replace(" to=\"localhost\"", &to)]);
        for tab in tabs {
            world.kill(tab);
        }
        world.server_says(ALICE, &ping);
        assert_eq!(world.sent().len(), 1, "nobody is there to be asked");
    }
}

// XEP-0199 §7: strangers must not learn whether we are there. A server gives this same answer for
// an account without sessions.
#[test]
fn a_ping_of_somebody_else_is_refused_as_soon_unless_the_app_answers_it() {
    let ping = PING.replace("'localhost'", "'bob@localhost/x'");
    let refusal = REFUSAL.replace("\"v\"", "\"g\"");
    let (mut world, [a, ..]) = three_tabs();
    world.server_says(ALICE, &ping);
    world.advance(3 * SECOND);
    assert_eq!(world.sent(), [refusal]);
    world.server_says(ALICE, &ping);
    let answer = "<iq xmlns='jabber:client' type='result' id='g' to='bob@localhost/x'/>";
    world.send(a, answer);
    assert_eq!(world.sent(), [answer]);
}

#[test]
fn pings_that_look_like_one_another_are_answered_once_each() {
    let (mut world, [a, ..]) = three_tabs();
    world.server_says(ALICE, PING);
    world.advance(SECOND);
    world.server_says(ALICE, PING);
    assert!(world.sent().is_empty());
    world.advance(SECOND);
    assert_eq!(world.sent(), [PONG]);
    let answer = "<iq xmlns='jabber:client' type='result' id='g' to='localhost'/>";
    world.send(a, answer);
    world.advance(100 * SECOND);
    assert_eq!(world.sent(), [answer]);
}

#[test]
fn what_only_resembles_a_ping_is_a_request_like_any_other() {
    for request in [
        PING.replace("'get'", "'set'").replace("'localhost'", "'bob@localhost/x'"),
        PING.replace("urn:xmpp:ping", "urn:x"),
        PING.replace("<ping", "<pong"),
        PING.replace("<ping xmlns='urn:xmpp:ping'/>", "<q xmlns='urn:x'><ping xmlns='urn:xmpp:ping'/></q>"),
    ] {
        let (mut world, _) = three_tabs();
        world.server_says(ALICE, &request);
        world.advance(60 * SECOND);
        assert!(world.sent().is_empty(), "{request}");
    }
}
