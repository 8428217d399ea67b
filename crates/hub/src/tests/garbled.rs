//! Frames of the server that nobody can read, and those that are not stanzas.

use std::time::Duration;

use super::page::all;
use super::world::World;

const ALICE: &str = "alice@localhost/desk";
const BOB: &str = "bob@localhost/desk";
const SECOND: Duration = Duration::from_secs(1);
const GARBLED: &str =
    "<message xmlns='jabber:client' from='romeo@chat.example/hunter2'><body>R&D</body></message>";

fn message(id: &str) -> String {
    format!("<message xmlns='jabber:client' id='{id}'/>")
}

#[test]
fn a_frame_that_nobody_can_read_is_dropped_and_every_tab_hears_where() {
    let mut world = World::new();
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    world.forget();
    world.server_says(ALICE, &message("1"));
    let position = world.position(tab);
    world.server_says(ALICE, GARBLED);
    world.server_says(ALICE, &message("2"));
    let gap = format!("gap {0} to {0}: 1", position + 1);
    for tab in [tab, other] {
        let (before, behind) = (format!("Received {}", message("1")), format!("Received {}", message("2")));
        assert_eq!(world.heard(tab), [before, gap.clone(), behind]);
    }
    assert_eq!(world.position(tab), position + 2, "it counts as the stanza it was");
    assert_eq!(world.dials(), 1);
}

#[test]
fn tabs_hear_of_it_once_a_second_and_of_all_that_came_meanwhile() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.forget();
    for _ in 0..3 {
        world.server_says(ALICE, GARBLED);
    }
    let heard = world.heard(tab);
    let [first] = &heard[..] else { panic!("{heard:?}") };
    assert!(first.ends_with(": 1"), "{first}");
    world.advance(SECOND);
    let heard = world.heard(tab);
    let [rest] = &heard[..] else { panic!("{heard:?}") };
    assert!(rest.ends_with(": 2"), "{rest}");
    // A second later there is nothing left to tell, and the next gap is told at once.
    world.advance(SECOND);
    world.server_says(ALICE, GARBLED);
    assert_eq!(world.heard(tab).len(), 1);
    world.advance(10 * SECOND);
    assert!(world.heard(tab).is_empty());
}

#[test]
fn what_is_no_stanza_is_logged_and_takes_no_position() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.adds(tab, all("message"));
    for frame in ["<r xmlns='urn:xmpp:sm:3'/>", "R&D", "<x:y", " ", ""] {
        world.server_says(ALICE, frame);
    }
    world.server_says(ALICE, &message("1"));
    world.forget();
    let position = world.position(tab);
    world.server_says(ALICE, "<thing xmlns='jabber:client'/>");
    world.server_says(ALICE, &message("2"));
    assert_eq!(world.heard(tab), [format!("Received {}", message("2"))]);
    assert_eq!(world.position(tab), position + 1);
}

#[test]
fn whatever_is_dropped_is_in_the_logs_of_its_own_session_with_rule_name_and_length_and_no_more() {
    let mut world = World::new();
    let (tab, stranger) = (world.online(ALICE), world.online(BOB));
    world.forget();
    world.events(tab);
    world.logged();
    world.server_says(ALICE, GARBLED);
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='result' id='hunter2' from='hunter2@x'/>");
    let expected = [
        format!("dropped <message> of {} bytes: malformed or illegal reference at 72", GARBLED.len()),
        "dropped <iq> of 71 bytes: it answers what nobody asked of its sender".to_owned(),
    ];
    assert_eq!(world.logged(), expected.each_ref().map(|line| format!("Warn {line}")));
    let lines: Vec<_> = world
        .events(tab)
        .into_iter()
        .filter_map(|event| match event {
            crate::tests::page::Event::Log(_, line) => Some(line),
            _ => None,
        })
        .collect();
    assert_eq!(lines, expected);
    assert!(world.events(stranger).is_empty(), "a line about one account is nothing for a tab of another");
}

#[test]
fn a_tab_that_is_behind_is_spared_the_lines_of_the_log() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.forget();
    world.hold(tab);
    for _ in 0..100 {
        world.server_says(ALICE, &message("1"));
    }
    for _ in 0..100 {
        world.server_says(ALICE, "<r xmlns='urn:xmpp:sm:3'/>");
    }
    assert_eq!(world.logged().len(), 100);
    world.let_read(tab);
    let events = world.events(tab);
    assert!(
        !events.iter().any(|event| matches!(event, crate::tests::page::Event::Log(..))),
        "nothing bounds them"
    );
}

#[test]
fn a_stream_of_nothing_but_such_frames_is_broken_and_dialled_again() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.forget();
    for _ in 0..16 {
        world.server_says(ALICE, GARBLED);
    }
    let heard = world.heard(tab);
    assert_eq!(heard.last().unwrap(), "Reconnecting not-well-formed");
    world.advance(9 * SECOND);
    assert_eq!(world.heard(tab), ["gap 2 to 16: 15", "Connected alice@localhost/desk"]);
}

#[test]
fn a_stanza_that_was_cut_out_of_a_stream_over_tcp_reaches_tabs_with_its_namespace() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.adds(tab, all("message"));
    world.forget();
    world.server_says(ALICE, "<message id='1'><body>Hi</body></message>");
    world.server_says(ALICE, "<?xml version='1.0'?><message\nid='2'/>");
    let expected = [
        "Received <message xmlns=\"jabber:client\" id='1'><body>Hi</body></message>",
        "Received <?xml version='1.0'?><message xmlns=\"jabber:client\"\nid='2'/>",
    ];
    assert_eq!(world.heard(tab), expected);
    // The answer to a request whose id another tab has used too.
    world.flowing = false;
    world.request(tab, PING);
    let other = world.online(ALICE);
    let token = world.request(other, PING);
    world.forget();
    world.server_says(ALICE, "<iq type='result' id='epode-1' from='alice@localhost'/>");
    let answer = "<iq xmlns=\"jabber:client\" type='result' id='p' from='alice@localhost'/>";
    assert_eq!(world.heard(other), [format!("response {token} result {answer}")]);
}

#[test]
fn a_tab_that_is_behind_hears_of_all_that_was_dropped_at_once_when_it_has_caught_up() {
    let mut world = World::new();
    let (tab, frozen) = (world.online(ALICE), world.online(ALICE));
    world.adds(frozen, all("message"));
    world.forget();
    world.hold(frozen);
    for _ in 0..100 {
        world.server_says(ALICE, &message("1"));
    }
    let position = world.position(tab);
    for _ in 0..200 {
        world.server_says(ALICE, GARBLED);
        world.server_says(ALICE, "<presence xmlns='jabber:client'/>");
        world.advance(SECOND);
    }
    assert_eq!(world.heard(tab).iter().filter(|heard| heard.starts_with("gap")).count(), 200);
    world.let_read(frozen);
    let heard = world.heard(frozen);
    let gaps: Vec<_> = heard.iter().filter(|heard| heard.starts_with("gap")).collect();
    assert_eq!(gaps, [&format!("gap {} to {}: 200", position + 1, position + 399)]);
    assert_eq!(heard.iter().filter(|heard| heard.contains("id='1'")).count(), 100);
}

#[test]
fn a_tab_that_comes_hears_of_what_is_dropped_from_then_on() {
    let mut world = World::new();
    world.online(ALICE);
    world.server_says(ALICE, GARBLED);
    world.server_says(ALICE, GARBLED);
    let joins = world.online(ALICE);
    world.forget();
    world.advance(SECOND);
    assert!(world.heard(joins).is_empty(), "what was dropped before it is nothing to it");
    world.server_says(ALICE, GARBLED);
    world.advance(SECOND);
    assert_eq!(world.heard(joins), ["gap 3 to 3: 1"]);
}

#[test]
fn however_much_is_dropped_within_a_second_each_tab_hears_of_what_is_missing_for_it_and_no_more() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.forget();
    let flood = |world: &mut World| {
        for _ in 0..100 {
            world.server_says(ALICE, GARBLED);
            world.server_says(ALICE, &message("1"));
        }
    };
    let gaps = |world: &mut World, tab| {
        let mut heard = world.heard(tab);
        heard.retain(|heard| heard.starts_with("gap"));
        heard
    };
    flood(&mut world);
    assert_eq!(gaps(&mut world, tab), ["gap 1 to 1: 1"]);
    let joins = world.online(ALICE);
    flood(&mut world);
    world.advance(SECOND);
    assert_eq!(gaps(&mut world, tab), ["gap 3 to 399: 199"]);
    assert_eq!(gaps(&mut world, joins), ["gap 201 to 399: 100"]);
}

#[test]
fn what_was_dropped_just_before_the_end_is_told_before_it() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    for _ in 0..3 {
        world.server_says(ALICE, GARBLED);
    }
    let connection = *world.server.connections().keys().next().unwrap();
    world.server.stream_error(connection, "conflict");
    world.server_says(ALICE, "");
    let heard = ["gap 1 to 1: 1", "gap 2 to 3: 2", "Error conflict", "Disconnected conflict"];
    assert_eq!(world.heard(tab), heard);
    assert!(world.nothing_is_due());
}

#[test]
fn a_page_hears_of_what_was_dropped_while_it_reloaded() {
    for others in [false, true] {
        let mut world = World::new();
        let tab = world.online(ALICE);
        if others {
            world.online(ALICE);
        }
        world.server_says(ALICE, &message("1"));
        let word = world.unload(tab, true);
        world.server_says(ALICE, &message("2"));
        for _ in 0..2 {
            world.server_says(ALICE, GARBLED);
        }
        world.advance(2 * SECOND);
        let tab = world.load(word);
        world.attach(tab, None);
        world.advance(SECOND);
        let heard = world.heard(tab);
        let gaps: Vec<_> = heard.iter().filter(|heard| heard.starts_with("gap")).collect();
        assert_eq!(gaps, ["gap 3 to 4: 2"], "{heard:?}");
    }
}

const PING: &str = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";
