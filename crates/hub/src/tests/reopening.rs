//! Apps that dial by themselves (`reconnect: false`): they hear the end of a session, connect again, and the
//! session goes on (XEP-0198 §5).

use std::time::Duration;

use epode_protocol::{ManagementOptions, Options, ToWorker};
use epode_testkit::{Fault, ManagementFault, Misbehaviour, Stage};

use super::managing::{
    ALICE, BOB, PRESENCE, SECOND, UP, cut, cut_after, following, is_resumed, message, options, send_each,
    stanzas, world,
};
use super::world::{GRACE, SERVICE, World, password};
use crate::{Input, Keeper, PortId};

fn by_itself() -> Options {
    Options { reconnect: false, ..options() }
}

fn connect(world: &mut World, tab: PortId) {
    world.connect_as(tab, ALICE, Some(&password(ALICE)), by_itself());
}

/// A tab of Alice that dials by itself, and hears what becomes of its sends.
fn online(world: &mut World) -> PortId {
    let tab = world.tab();
    connect(world, tab);
    world.say(tab, ToWorker::Follow);
    world.forget();
    tab
}

/// What the tab heard, but for lines of the log and stanzas.
fn news(world: &mut World, tab: PortId) -> Vec<String> {
    let beside = ["Info", "Warn", "Received", "Replayed"];
    let heard = world.heard(tab).into_iter();
    heard.filter(|word| !beside.iter().any(|start| word.starts_with(start))).collect()
}

/// How many sessions lie in the worker for an app that connects again.
fn kept(world: &mut World) -> usize {
    world.run();
    world.hub.view().dormant()
}

#[test]
fn the_next_connect_goes_on_with_the_session_and_nothing_is_lost() {
    let mut world = world();
    let (alice, bob) = (online(&mut world), following(&mut world, BOB));
    world.send(alice, PRESENCE);
    world.send(alice, &message(1));
    world.advance(2 * SECOND);
    world.forget();
    cut_after(&mut world, |world| world.send(alice, &message(2)));
    world.server_says(ALICE, "<message xmlns='jabber:client' id='meanwhile'/>");
    assert_eq!(news(&mut world, alice), ["written 3", "Disconnected"]);
    let dials = world.dials();
    world.advance(60 * SECOND);
    assert_eq!(world.dials(), dials, "nobody dials for the app");
    let token = world.send(alice, &message(3));
    assert_eq!(news(&mut world, alice), [format!("failed {token} not-connected")]);

    connect(&mut world, alice);
    world.send(alice, &message(4));
    assert_eq!(news(&mut world, alice), ["Authenticating", "Primary", UP, "written 5"]);
    assert!(is_resumed(&mut world, alice));
    world.server_says(ALICE, "<message xmlns='jabber:client' id='later'/>");
    world.advance(2 * SECOND);
    assert_eq!(world.handled(alice)[0], " meanwhile later", "and before that, who is there: she herself");
    assert_eq!(world.handled(bob)[0], "m1 m2 m4");
    assert_eq!(news(&mut world, alice), ["acknowledged 5"]);
    let sent = world.sent();
    assert_eq!(stanzas(sent.clone()), [2, 2, 4].map(message), "the presence holds");
    assert!(sent.iter().any(|sent| sent.starts_with("<resume") && sent.contains("h='1'")), "{sent:?}");
}

#[test]
fn every_tab_that_connects_again_finds_what_it_had_and_a_new_one_hears_who_is_there() {
    let mut world = world();
    let tabs = [online(&mut world), online(&mut world)];
    world.server_says(ALICE, "<presence xmlns='jabber:client' from='bob@localhost/desk' id='bob'/>");
    cut(&mut world);
    for number in 0..600 {
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{number}'/>"));
    }
    let late = world.tab();
    connect(&mut world, late);
    for tab in tabs {
        world.advance(SECOND);
        connect(&mut world, tab);
    }
    world.run();
    let all = (0..600).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
    for tab in tabs {
        assert!(is_resumed(&mut world, tab));
        assert_eq!(world.handled(tab)[0], format!("bob {all}"));
    }
    assert!(is_resumed(&mut world, late));
    assert!(world.handled(late)[0].starts_with("bob "));
}

#[test]
fn a_page_that_reloads_meanwhile_goes_on_where_it_stood() {
    let mut world = world();
    let tab = online(&mut world);
    cut(&mut world);
    world.run();
    let left = world.unload(tab, true);
    world.advance(GRACE / 2);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='meanwhile'/>");
    let page = world.load(left);
    connect(&mut world, page);
    world.advance(SECOND);
    assert!(is_resumed(&mut world, page));
    assert_eq!(world.handled(page)[0], "meanwhile");
}

#[test]
fn an_attempt_that_fails_is_a_failed_login_and_the_next_may_go_on() {
    let mut world = world();
    let (tab, bob) = (online(&mut world), following(&mut world, BOB));
    cut_after(&mut world, |world| world.send(tab, &message(1)));
    world.forget();
    world.reachable = false;
    connect(&mut world, tab);
    let pending = world.send(tab, &message(2));
    let failed = format!("failed {pending} not-connected");
    assert_eq!(news(&mut world, tab), [&*failed, "ConnFail", "Disconnected"]);
    world.reachable = true;
    world.server.misbehave(Misbehaviour::At(Stage::Features, Fault::Cut));
    connect(&mut world, tab);
    assert_eq!(news(&mut world, tab).last().map(String::as_str), Some("Disconnected"));
    connect(&mut world, tab);
    world.advance(2 * SECOND);
    assert!(is_resumed(&mut world, tab));
    assert_eq!(world.handled(bob)[0], "m1");
    assert!(news(&mut world, tab).ends_with(&[UP.to_owned(), "acknowledged 1".to_owned()]));
}

#[test]
fn if_the_server_has_forgotten_the_session_the_app_is_online_anew_and_hears_what_became_of_its_sends() {
    for tells in [true, false] {
        let mut world = world();
        let (tab, bob) = (online(&mut world), following(&mut world, BOB));
        let room = "<message xmlns='jabber:client' to='room@localhost' type='groupchat' id='r'/>";
        cut_after(&mut world, |world| send_each(world, tab, &[&message(1), room]));
        let refusal = ManagementFault::RefuseResume { condition: "item-not-found", tells };
        world.server.misbehave(Misbehaviour::Management(refusal));
        world.forget();
        connect(&mut world, tab);
        world.advance(2 * SECOND);
        assert!(!is_resumed(&mut world, tab));
        assert_eq!(world.handled(bob)[0], "m1");
        let resent = if tells { "resent 1" } else { "resent 1 maybe twice" };
        let expected = ["Authenticating", resent, "lost 2 not-resumed", "Primary", UP, "acknowledged 1"];
        let heard = news(&mut world, tab);
        assert_eq!(heard, expected, "{tells}");
    }
}

#[test]
fn a_server_that_counts_too_much_when_the_session_is_to_go_on_has_a_new_one() {
    let mut world = world();
    let (tab, bob) = (online(&mut world), following(&mut world, BOB));
    cut_after(&mut world, |world| send_each(world, tab, &[&message(1), &message(2)]));
    world.server.misbehave(Misbehaviour::Management(ManagementFault::ResumesWithMore));
    world.forget();
    // From now on the worker dials for the app.
    world.connect_as(tab, ALICE, Some(&password(ALICE)), options());
    world.advance(60 * SECOND);
    assert!(!is_resumed(&mut world, tab));
    world.send(tab, &message(3));
    assert_eq!(world.handled(bob)[0], "m1 m2 m3");
    let resent = ["Authenticating", "resent 1 maybe twice", "resent 2 maybe twice", "Reconnecting"];
    // This server is not asked again what it has.
    let up = ["Authenticating", "Primary", UP, "unmanaged 2", "written 3", "unmanaged 3"];
    assert_eq!(news(&mut world, tab), [&resent[..], &up].concat());
}

#[test]
fn requests_end_with_the_session_and_a_contact_is_not_left_without_an_answer() {
    let mut world = world();
    let tab = online(&mut world);
    let ping = "<iq type='get' id='p' to='carol@silent'><ping xmlns='urn:xmpp:ping'/></iq>";
    let token = world.request(tab, ping);
    world.run();
    let ask = "<iq xmlns='jabber:client' type='get' id='v' from='carol@localhost/x'><q xmlns='urn:x'/></iq>";
    world.begins_with(tab, &[super::page::all("iq")]);
    world.adds(tab, super::page::all("iq"));
    world.server_says(ALICE, ask);
    world.forget();
    cut(&mut world);
    assert_eq!(news(&mut world, tab), [&*format!("response {token} lost unknown"), "Disconnected"]);
    connect(&mut world, tab);
    world.advance(2 * SECOND);
    let sent = stanzas(world.sent());
    assert!(
        sent.iter().any(|sent| sent.contains("service-unavailable") && sent.contains("\"v\"")),
        "{sent:?}"
    );
}

#[test]
fn nothing_is_kept_after_a_logout_a_refusal_or_the_grace_of_the_last_tab_or_the_servers_time() {
    type End = fn(&mut World, PortId);
    let ends: [(&str, End); 7] = [
        ("logout", |world, tab| world.disconnect(tab)),
        ("logout while a page logs in by itself", |world, tab| {
            let (service, jid) = (SERVICE.to_owned(), ALICE.to_owned());
            world.say(tab, ToWorker::Negotiate { service, jid, options: by_itself() });
            world.run();
            world.disconnect(tab);
        }),
        ("refusal", |world, tab| world.connect_as(tab, ALICE, Some("wrong"), by_itself())),
        ("the tab is gone", |world, tab| {
            world.kill(tab);
            world.advance(GRACE);
        }),
        ("another account", |world, tab| {
            world.connect_as(tab, BOB, Some(&password(BOB)), options());
            world.advance(GRACE);
        }),
        ("time", |world, _| world.advance(300 * SECOND)),
        ("a session that the app logs out of", |world, tab| {
            connect(world, tab);
            world.run();
            world.disconnect(tab);
        }),
    ];
    for (what, end) in ends {
        let mut world = world();
        let tab = online(&mut world);
        let other = following(&mut world, BOB);
        cut_after(&mut world, |world| send_each(world, tab, &[message(1), message(2)]));
        assert_eq!(kept(&mut world), 1, "{what}");
        world.forget();
        end(&mut world, tab);
        assert_eq!(kept(&mut world), 0, "{what}");
        let is_gone = what == "the tab is gone";
        if !is_gone && what != "a session that the app logs out of" {
            let heard = news(&mut world, tab);
            for lost in ["lost 1 unknown", "lost 2 unknown"] {
                assert!(heard.contains(&lost.to_owned()), "{what}: {heard:?}");
            }
        }
        world.disconnect(other);
        if !is_gone {
            world.disconnect(tab);
        }
        world.advance(GRACE);
        assert!(world.nothing_is_due(), "{what}");
    }
}

#[test]
fn what_ended_the_session_for_good_leaves_nothing_to_go_on_with() {
    for (condition, goes_on) in [("conflict", false), ("policy-violation", false), ("system-shutdown", true)]
    {
        let mut world = world();
        let tab = online(&mut world);
        world.ends(ALICE, |server, id| server.stream_error(id, condition));
        assert_eq!(kept(&mut world), usize::from(goes_on), "{condition}");
        world.advance(SECOND);
        world.disconnect(tab);
        assert_eq!(kept(&mut world), 0);
    }
    // Our own logout.
    let mut world = world();
    let tab = online(&mut world);
    world.disconnect(tab);
    assert_eq!(kept(&mut world), 0);
}

#[test]
fn without_stream_management_or_its_resumption_the_session_is_a_new_one() {
    let unresumed = ManagementOptions { max_unacked: 5, resume: false, max: None };
    for management in [None, Some(unresumed.into())] {
        let options = Options { management, ..by_itself() };
        let mut world = world();
        let (tab, bob) = (online(&mut world), following(&mut world, BOB));
        cut_after(&mut world, |world| world.send(tab, &message(1)));
        world.connect_as(tab, ALICE, Some(&password(ALICE)), options);
        world.advance(2 * SECOND);
        assert!(!is_resumed(&mut world, tab));
        assert!(!world.sent().iter().any(|sent| sent.contains("<resume")));
        assert_eq!(world.handled(bob)[0], "m1", "what is not known to be handled is sent again");
    }
}

#[test]
fn whatever_resource_is_asked_for_the_session_goes_on_as_it_was() {
    for jid in ["alice@localhost", "alice@localhost/phone"] {
        let mut world = world();
        let tab = online(&mut world);
        cut(&mut world);
        world.forget();
        world.connect_as(tab, jid, Some(&password(ALICE)), by_itself());
        assert!(news(&mut world, tab).contains(&UP.to_owned()));
        assert!(is_resumed(&mut world, tab));
    }
}

#[test]
fn while_nothing_is_up_attach_finds_no_session_and_the_next_connect_still_goes_on() {
    let mut world = world();
    let (tab, other) = (online(&mut world), world.tab());
    cut(&mut world);
    for tab in [tab, other] {
        world.forget();
        world.attach(tab, None);
        assert_eq!(news(&mut world, tab), ["AttachFail"]);
    }
    world.advance(2 * GRACE);
    connect(&mut world, tab);
    world.run();
    assert!(is_resumed(&mut world, tab));
}

#[test]
fn a_session_that_goes_on_can_be_lost_and_go_on_again() {
    let mut world = world();
    let (tab, bob) = (online(&mut world), following(&mut world, BOB));
    for round in 1..4 {
        cut_after(&mut world, |world| world.send(tab, &message(round)));
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='{round}'/>"));
        world.advance(SECOND);
        connect(&mut world, tab);
        world.advance(SECOND);
        assert!(is_resumed(&mut world, tab));
        assert_eq!(world.handled(tab)[0], round.to_string());
    }
    assert_eq!(world.handled(bob)[0], "m1 m2 m3");
    assert!(!world.logged().iter().any(|line| line.contains("more")), "no count was wrong");
}

#[test]
fn a_tab_that_stays_away_hears_what_became_of_its_sends_when_another_goes_on() {
    let mut world = world();
    let (first, second) = (online(&mut world), online(&mut world));
    let token = cut_after(&mut world, |world| world.send(second, &message(1)));
    world.forget();
    connect(&mut world, first);
    world.advance(2 * SECOND);
    assert_eq!(news(&mut world, second), [format!("acknowledged {token}")]);
    world.server_says(ALICE, "<message xmlns='jabber:client' id='meanwhile'/>");
    connect(&mut world, second);
    world.run();
    assert_eq!(world.handled(second)[0], "meanwhile");
}

#[test]
fn a_session_that_another_worker_keeps_from_going_on_waits_until_that_is_over() {
    for keeper in [Keeper::Newer, Keeper::Other] {
        let mut world = world();
        let (tab, bob) = (online(&mut world), following(&mut world, BOB));
        let token = cut_after(&mut world, |world| world.send(tab, &message(1)));
        world.server_says(ALICE, "<message xmlns='jabber:client' id='meanwhile'/>");
        world.forget();
        connect(&mut world, tab);
        world.at_hub(Input::Denied(format!("epode-session {SERVICE} alice@localhost "), keeper));
        assert_eq!(news(&mut world, tab), ["ConnFail", "Disconnected"]);
        assert_eq!(kept(&mut world), 1);
        connect(&mut world, tab);
        world.advance(2 * SECOND);
        assert!(is_resumed(&mut world, tab));
        assert_eq!((&*world.handled(tab)[0], &*world.handled(bob)[0]), ("meanwhile", "m1"));
        assert!(news(&mut world, tab).contains(&format!("acknowledged {token}")));
    }
    // Nor is a session ended that is up, whatever another worker says late.
    let mut world = world();
    let tab = online(&mut world);
    for keeper in [Keeper::Newer, Keeper::Other] {
        world.at_hub(Input::Denied(format!("epode-session {SERVICE} alice@localhost "), keeper));
    }
    assert_eq!(news(&mut world, tab), [""; 0]);
    world.send(tab, &message(1));
    assert_eq!(news(&mut world, tab), ["written 1"]);
    // Not for ever.
    let mut world = self::world();
    let tab = online(&mut world);
    let token = cut_after(&mut world, |world| world.send(tab, &message(1)));
    connect(&mut world, tab);
    world.at_hub(Input::Denied(format!("epode-session {SERVICE} alice@localhost "), Keeper::Newer));
    world.forget();
    world.advance(300 * SECOND);
    assert_eq!(news(&mut world, tab), [format!("lost {token} unknown")]);
}

#[test]
fn dials_that_fail_meanwhile_lose_nothing_whichever_tab_tries_and_how() {
    for attaches_first in [false, true] {
        for between in [Duration::ZERO, SECOND] {
            let mut world = world();
            let tabs = [online(&mut world), online(&mut world)];
            world.reachable = false;
            cut(&mut world);
            for _ in 0..3 {
                for tab in tabs {
                    if attaches_first {
                        world.attach(tab, None);
                        world.advance(between);
                    }
                    connect(&mut world, tab);
                    world.advance(between);
                }
                world.advance(3 * SECOND);
            }
            world.reachable = true;
            for tab in tabs {
                connect(&mut world, tab);
                world.advance(between);
            }
            world.run();
            for tab in tabs {
                assert!(is_resumed(&mut world, tab), "{attaches_first} {between:?}");
            }
        }
    }
}

#[test]
fn an_app_that_takes_a_new_port_for_each_attempt_finds_its_session_as_well() {
    for attaches_first in [false, true] {
        let mut world = world();
        let mut tabs = [online(&mut world), online(&mut world)];
        world.reachable = false;
        cut(&mut world);
        for round in 0..8 {
            world.reachable = round == 7;
            for tab in &mut tabs {
                world.say(*tab, ToWorker::Leave);
                *tab = world.tab();
                if attaches_first {
                    world.attach(*tab, None);
                }
                connect(&mut world, *tab);
            }
            world.advance(3 * SECOND);
        }
        for tab in tabs {
            assert!(is_resumed(&mut world, tab), "{attaches_first}");
        }
    }
}

#[test]
fn a_server_that_counts_wrongly_ends_one_session_and_no_later_one() {
    let miscount = |world: &mut World| {
        world.server.misbehave(Misbehaviour::Management(ManagementFault::AcksTooMuch));
    };
    for by_itself in [true, false] {
        let mut world = world();
        miscount(&mut world);
        let tab = if by_itself { online(&mut world) } else { following(&mut world, ALICE) };
        world.send(tab, &message(1));
        world.advance(20 * SECOND);
        if !by_itself {
            world.disconnect(tab);
        }
        assert_eq!(news(&mut world, tab).last().map(String::as_str), Some("Disconnected"));
        world.forget();
        for number in 2..5 {
            miscount(&mut world);
            connect(&mut world, tab);
            world.send(tab, &message(number));
            world.advance(20 * SECOND);
            assert_eq!(news(&mut world, tab).last(), Some(&format!("unmanaged {number}")));
            world.disconnect(tab);
        }
        assert!(!world.sent().iter().any(|sent| sent.contains("sm:3")));
    }
}

#[test]
fn a_logout_is_told_to_tabs_that_lost_the_session_and_have_not_come_back() {
    for options in [by_itself(), Options { management: None, ..by_itself() }] {
        let mut world = world();
        let [first, second, other] = [(); 3].map(|()| {
            let tab = world.tab();
            world.connect_as(tab, ALICE, Some(&password(ALICE)), options.clone());
            tab
        });
        let (bob, stranger) = (following(&mut world, BOB), world.tab());
        cut(&mut world);
        world.reachable = false;
        world.connect_as(second, ALICE, Some(&password(ALICE)), options.clone());
        world.run();
        world.reachable = true;
        // Somebody uses another account meanwhile.
        world.connect_as(other, BOB, Some(&password(BOB)), options.clone());
        world.connect_as(first, ALICE, Some(&password(ALICE)), options.clone());
        world.forget();
        for told in [&["Disconnecting"][..], &[]] {
            world.disconnect(first);
            world.advance(SECOND);
            assert_eq!(news(&mut world, second), told, "once");
            for tab in [other, bob, stranger] {
                assert_eq!(news(&mut world, tab), [""; 0]);
            }
        }
    }
}

#[test]
fn a_tab_that_waits_to_come_back_does_not_undo_a_logout() {
    let mut world = world();
    let (first, second, new) = (online(&mut world), online(&mut world), world.tab());
    cut(&mut world);
    world.forget();
    world.flowing = false;
    connect(&mut world, first);
    world.run();
    for tab in [second, new] {
        world.connect_as(tab, ALICE, Some("other"), by_itself());
    }
    world.disconnect(first);
    world.run();
    assert_eq!(news(&mut world, second), ["Disconnecting", "Disconnected"]);
    assert!(!news(&mut world, new).contains(&"Disconnected".to_owned()), "that was never in");
}

#[test]
fn a_server_that_resumes_another_session_has_a_new_one() {
    for options in [options(), by_itself()] {
        let mut world = world();
        let (first, second, bob) = (online(&mut world), online(&mut world), following(&mut world, BOB));
        cut_after(&mut world, |world| world.send(first, &message(1)));
        world.server.misbehave(Misbehaviour::Management(ManagementFault::ResumesAnother));
        world.forget();
        let dials = world.dials();
        for tab in [first, second] {
            world.connect_as(tab, ALICE, Some(&password(ALICE)), options.clone());
        }
        world.advance(SECOND);
        assert_eq!(world.dials(), dials + 2, "no time is lost");
        let again = ["Authenticating", "resent 1 maybe twice", "Authenticating", "Primary", UP];
        assert_eq!(news(&mut world, first)[..5], again);
        assert!(news(&mut world, second).iter().any(|word| word.starts_with("Attached ") || word == UP));
        for tab in [first, second] {
            assert!(!is_resumed(&mut world, tab));
        }
        assert_eq!(world.handled(bob)[0], "m1");
        assert!(world.logged().iter().any(|line| line.contains("the session was not resumed")));
    }
}
