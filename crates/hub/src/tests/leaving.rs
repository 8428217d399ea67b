//! The end of a tab, of a session, of a socket.

use std::time::Duration;

use epode_protocol::ToWorker;

use crate::Input;
use crate::leaving::LAST_WORDS;

use super::world::{GRACE, World};

const ALICE: &str = "alice@localhost/desk";
const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
const FAREWELL: &str = "<presence xmlns=\"jabber:client\" type=\"unavailable\"/>";
const SAME_INSTANT: Duration = Duration::from_millis(1);

// A logout in one tab ends the session in all.
#[test]
fn disconnect_is_for_all() {
    let mut world = World::new();
    let [first, second, third] = [world.online(ALICE), world.online(ALICE), world.online(ALICE)];
    world.disconnect(second);
    for tab in [first, second, third] {
        assert_eq!(world.heard(tab), ["Disconnecting", "Disconnected"]);
    }
    assert_eq!(world.sent(), [FAREWELL, CLOSE]);
    assert!(world.open_sockets().is_empty());
    assert_eq!(world.server.statistics().clean_closes, 1);
}

#[test]
fn a_logout_waits_for_the_server_as_long_as_the_tab_says_and_no_longer() {
    let within = |timeout| ToWorker::Disconnect { reason: None, timeout };
    for (first, then, waits) in
        [(3000, None, 3000), (500, None, 500), (10_000, Some(200), 200), (200, Some(10_000), 200)]
    {
        let mut world = World::new();
        let tabs = [world.online(ALICE), world.online(ALICE)];
        world.flowing = false;
        world.say(tabs[0], within(first));
        if let Some(then) = then {
            world.say(tabs[1], within(then));
        }
        for tab in tabs {
            assert_eq!(world.heard(tab), ["Disconnecting"]);
        }
        world.advance(Duration::from_millis(waits) - SAME_INSTANT);
        assert!(world.heard(tabs[1]).is_empty(), "{first} {then:?}");
        world.advance(SAME_INSTANT);
        for tab in tabs {
            assert_eq!(world.heard(tab), ["ConnTimeout", "Disconnected"], "{first} {then:?}");
        }
        assert_eq!(world.dials(), 1, "nobody dials again");
    }
}

// A logged-out tab must not hear stanzas or answer IQs.
#[test]
fn a_tab_that_is_out_hears_nothing_and_sends_nothing() {
    let mut world = World::new();
    let (out, inside) = (world.online(ALICE), world.online(ALICE));
    world.disconnect(out);
    world.forget();
    world.connect(inside, ALICE, "secret-alice");
    world.forget();
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    assert_eq!(world.heard(inside).len(), 1);
    let token = world.send(out, "<message xmlns='jabber:client' to='bob@localhost'/>");
    assert_eq!(world.heard(out), [format!("failed {token} not-connected")]);
    let token =
        world.request(out, "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(world.heard(out), [format!("response {token} refused not-connected")]);
    assert!(world.sent().is_empty());
}

#[test]
fn a_session_can_be_ended_while_it_is_still_being_opened() {
    for steps in 0..30 {
        let mut world = World::new();
        let (first, second) = (world.tab(), world.tab());
        world.connect(first, ALICE, "secret-alice");
        world.connect(second, ALICE, "secret-alice");
        for _ in 0..steps {
            world.step();
        }
        world.disconnect(second);
        world.advance(GRACE);
        for tab in [first, second] {
            assert_eq!(world.heard(tab).last().unwrap(), "Disconnected", "{steps}");
        }
        assert!(world.open_sockets().is_empty(), "{steps}");
    }
}

#[test]
fn a_tab_in_no_session_that_disconnects_is_told_so() {
    let mut world = World::new();
    let tab = world.tab();
    world.disconnect(tab);
    assert_eq!(world.heard(tab), ["Disconnected"]);
}

#[test]
fn leaving_is_for_one() {
    let mut world = World::new();
    let (stays, leaves, dies) = (world.online(ALICE), world.online(ALICE), world.online(ALICE));
    world.leave(leaves);
    world.kill(dies);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    assert_eq!(world.heard(stays), ["Received <message xmlns='jabber:client'/>"]);
    assert!(world.heard(leaves).is_empty());
    assert_eq!(world.open_sockets().len(), 1);
    world.advance(LAST_WORDS);
    assert!(!world.is_port_open(leaves) && !world.is_port_open(dies));
}

#[test]
fn what_a_page_sends_and_asks_behind_its_goodbye_is_sent_and_it_hears_nothing() {
    const LEAVES_ROOM: &str = "<presence xmlns='jabber:client' to='room@chat/me' type='unavailable'/>";
    const PING: &str =
        "<iq xmlns='jabber:client' type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
    // The Web Lock comes free before the app has spoken, in Firefox even before `Leave` is there.
    for (alone, overtaken) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut world = World::new();
        let leaves = world.online(ALICE);
        let stays = (!alone).then(|| world.online(ALICE));
        world.forget();
        let mut news = vec![Input::Message(leaves, ToWorker::Leave, 0.0)];
        news.insert(usize::from(!overtaken), Input::PortClosed(leaves));
        for news in news {
            world.at_hub(news);
        }
        world.run();
        world.send(leaves, LEAVES_ROOM);
        world.request(leaves, PING);
        world.send(leaves, "<message xmlns='jabber:client' from='eve@localhost'/>");
        assert_eq!(world.sent(), [LEAVES_ROOM, PING], "{alone}");
        world.advance(LAST_WORDS - SAME_INSTANT);
        assert!(world.heard(leaves).is_empty(), "a post would evict it from the back/forward cache");
        if let Some(stays) = stays {
            let heard = world.heard(stays);
            assert!(heard.contains(&format!("Sent {LEAVES_ROOM}")), "{heard:?}");
            let line = "Warn what port 1 sent when it had left was not sent: invalid-from";
            assert!(heard.iter().any(|heard| heard == line), "{heard:?}");
            assert!(!heard.iter().any(|heard| heard.contains("dropped")), "{heard:?}");
        }
        assert!(world.is_port_open(leaves));
        world.advance(SAME_INSTANT);
        assert!(!world.is_port_open(leaves));
        world.send(leaves, LEAVES_ROOM);
        assert!(world.sent().is_empty(), "{alone}");
    }
}

#[test]
fn what_waits_for_the_next_stream_when_its_tab_leaves_is_sent_unless_it_was_a_question() {
    let mut world = World::new();
    let (leaves, _stays) = (world.online(ALICE), world.online(ALICE));
    let message = "<message xmlns='jabber:client' to='bob@localhost'/>";
    world.cut();
    world.send(leaves, message);
    world.request(leaves, "<iq xmlns='jabber:client' type='get' id='1'/>");
    world.forget();
    world.kill(leaves);
    world.advance(Duration::from_secs(1));
    let sent = world.sent();
    assert!(sent.iter().any(|sent| sent == message), "{sent:?}");
    assert!(!sent.iter().any(|sent| sent.contains("id='1'")), "{sent:?}");
}

#[test]
fn what_waits_for_the_first_stream_when_its_tab_leaves_is_noted() {
    let mut world = World::new();
    let (leaves, stays) = (world.tab(), world.tab());
    world.flowing = false;
    for tab in [leaves, stays] {
        world.connect(tab, ALICE, "secret-alice");
        world.run();
    }
    world.attach(stays, None);
    world.send(leaves, FAREWELL);
    world.request(leaves, "<iq xmlns='jabber:client' type='get' id='1'/>");
    world.forget();
    world.kill(leaves);
    let line = "Warn port 1 left, and 2 stanzas that waited were not sent";
    let heard = world.heard(stays);
    assert!(heard.iter().any(|heard| heard == line), "{heard:?}");
}

#[test]
fn an_unavailable_behind_a_goodbye_takes_nobody_offline_who_is_still_there() {
    let mut world = World::new();
    let (leaves, last) = (world.online(ALICE), world.online(ALICE));
    world.send(last, "<presence xmlns='jabber:client'/>");
    world.forget();
    world.leave(leaves);
    world.send(leaves, FAREWELL);
    world.advance(LAST_WORDS);
    assert!(world.sent().is_empty());
    world.leave(last);
    world.send(last, FAREWELL);
    assert_eq!(world.sent(), [FAREWELL]);
}

#[test]
fn who_has_left_ends_no_session_and_the_log_says_so() {
    let mut world = World::new();
    let (leaves, stays) = (world.online(ALICE), world.online(ALICE));
    world.forget();
    world.leave(leaves);
    world.disconnect(leaves);
    assert_eq!(
        world.heard(stays),
        [
            "Primary",
            "Info port 1 asked to end the session while its page was unloaded: it left, the session goes on"
        ]
    );
    assert!(world.heard(leaves).is_empty() && world.sent().is_empty());
    assert_eq!(world.open_sockets().len(), 1);
}

#[test]
fn a_session_outlives_its_last_tab_by_the_grace_time_and_is_then_closed_cleanly() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.leave(tab);
    world.advance(GRACE - SAME_INSTANT);
    assert!(world.sent().is_empty());
    world.advance(SAME_INSTANT);
    assert_eq!(world.sent(), [FAREWELL, CLOSE]);
    assert!(world.open_sockets().is_empty());
    assert!(world.nothing_is_due());
}

// A reload of the only tab must not end the session.
#[test]
fn a_tab_that_comes_within_the_grace_time_finds_the_session_as_it_was() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.kill(tab);
    world.advance(GRACE - SAME_INSTANT);
    let (back, later) = (world.tab(), world.tab());
    world.attach(back, Some("alice@localhost"));
    assert_eq!(world.heard(back), ["Primary", "Attached alice@localhost/desk"]);
    world.advance(10 * GRACE);
    world.connect(later, ALICE, "secret-alice");
    assert_eq!(world.heard(later), ["Secondary", "Attached alice@localhost/desk"]);
    assert_eq!(world.server.statistics().total_connections, 1);
}

#[test]
fn a_session_that_nobody_waits_for_any_more_is_closed_even_before_it_is_up() {
    let mut world = World::new();
    let tab = world.tab();
    world.flowing = false;
    world.connect(tab, ALICE, "secret-alice");
    world.run();
    world.kill(tab);
    world.advance(GRACE + Duration::from_secs(3));
    assert!(world.open_sockets().is_empty());
    assert!(world.nothing_is_due());
}

#[test]
fn who_connects_while_a_session_is_being_closed_opens_the_next() {
    let mut world = World::new();
    let (first, second) = (world.online(ALICE), world.tab());
    world.flowing = false;
    world.disconnect(first);
    assert_eq!(world.heard(first), ["Disconnecting"]);
    world.connect(second, ALICE, "secret-alice");
    assert!(world.heard(second).is_empty());
    let attached = world.tab();
    world.attach(attached, None);
    assert_eq!(world.heard(attached), ["AttachFail"]);
    world.flowing = true;
    // The server does not receive our <close/>.
    world.advance(Duration::from_secs(3));
    assert_eq!(world.heard(first), ["ConnTimeout", "Disconnected"]);
    assert_eq!(world.heard(second), ["Authenticating", "Primary", "Connected alice@localhost/desk"]);
}

#[test]
fn what_one_waits_for_while_a_session_closes_can_be_given_up() {
    let mut world = World::new();
    let (first, second, third) = (world.online(ALICE), world.tab(), world.tab());
    world.flowing = false;
    world.disconnect(first);
    world.connect(second, ALICE, "secret-alice");
    world.connect(third, ALICE, "secret-alice");
    world.run();
    world.disconnect(second);
    world.kill(third);
    assert_eq!(world.heard(second), ["Disconnected"]);
    world.flowing = true;
    world.advance(GRACE);
    assert!(world.open_sockets().is_empty());
}

#[test]
fn a_socket_that_breaks_is_told_to_all_and_ends_all_they_asked() {
    let mut world = World::new();
    let (first, second) = (world.online(ALICE), world.online(ALICE));
    world.flowing = false;
    let ping = "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>";
    let timed = world.request_within(first, ping, GRACE);
    let token = world.request(second, ping);
    world.reachable = false;
    world.cut();
    assert_eq!(world.heard(first), [format!("response {timed} disconnected"), "Reconnecting".to_owned()]);
    assert_eq!(world.heard(second), [format!("response {token} disconnected"), "Reconnecting".to_owned()]);
    world.advance(2 * GRACE);
    assert!(world.heard(first).is_empty(), "a request ends once");
}

#[test]
fn a_stream_error_is_told_with_its_condition() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    let connection = *world.server.connections().keys().next().unwrap();
    world.server.stream_error(connection, "conflict");
    world.server_says(ALICE, "");
    assert_eq!(world.heard(tab), ["Error conflict", "Disconnected conflict"]);
}

// A late event of a former socket must not touch the present one.
#[test]
fn late_words_of_former_sockets_and_ports_touch_nothing() {
    let mut world = World::new();
    let gone = world.online(ALICE);
    let former = world.open_sockets()[0];
    world.disconnect(gone);
    world.run();
    let tab = world.online(ALICE);
    world.at_hub(Input::Frame(former, "<message xmlns='jabber:client'/>".to_owned()));
    world.at_hub(Input::Frame(former, "<broken".to_owned()));
    world.at_hub(Input::SocketOpened(former, "nonce".to_owned()));
    world.at_hub(Input::SocketClosed(former, 1006, String::new()));
    world.leave(gone);
    world.kill(gone);
    assert!(world.heard(tab).is_empty() && world.sent().is_empty());
    world.advance(2 * GRACE);
    assert_eq!(world.open_sockets().len(), 1);
    world.server_says(ALICE, "<message xmlns='jabber:client'/>");
    assert_eq!(world.heard(tab).len(), 1);
}

#[test]
fn what_a_tab_wanted_ends_when_it_changes_its_mind() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.flowing = false;
    let ping = "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>";
    let asked = world.request(tab, ping);
    world.flowing = true;
    world.connect(tab, "bob@localhost/desk", "secret-bob");
    // These stanzas wait for Bob's session, which the tab then does not want either.
    let sent = world.send(tab, "<presence xmlns='jabber:client'/>");
    let held = world.request(tab, ping);
    world.attach(tab, Some("alice@localhost"));
    let heard = world.heard(tab);
    assert_eq!(heard[0], format!("response {asked} disconnected"));
    assert!(heard.contains(&format!("failed {sent} not-connected")), "{heard:?}");
    assert!(heard.contains(&format!("response {held} disconnected")), "{heard:?}");
    assert_eq!(heard.last().unwrap(), "Attached alice@localhost/desk");
}

#[test]
fn nothing_is_left_of_a_worker_that_everybody_left() {
    let mut world = World::new();
    let tabs = [world.online(ALICE), world.online(ALICE), world.online("bob@localhost/desk")];
    let ping = "<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>";
    world.flowing = false;
    world.request_within(tabs[0], ping, Duration::from_secs(3600));
    world.flowing = true;
    for tab in tabs {
        world.kill(tab);
    }
    world.advance(GRACE + Duration::from_secs(3));
    assert!(world.open_sockets().is_empty());
    assert!(world.nothing_is_due());
}
