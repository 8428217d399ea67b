//! Hello, and what is answered to it.

use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{FromWorker, Hello, Refusal, ToWorker, VERSION};

use super::world::World;
use crate::{Hub, Input, Output, PortId};

/// The answers of a worker without a session to these messages at one port.
fn answers(words: Vec<Input<String>>) -> Vec<FromWorker<String>> {
    let mut hub = Hub::new(super::world::config());
    hub.handle_input(Duration::ZERO, Input::PortOpened(PortId(1)));
    for word in words {
        hub.handle_input(Duration::ZERO, word);
    }
    let posts = std::iter::from_fn(|| hub.poll_output()).filter_map(|output| match output {
        Output::Post(_, message) => Some(Rc::unwrap_or_clone(message)),
        _ => None,
    });
    posts.collect()
}

fn said(message: ToWorker<String>) -> Input<String> {
    Input::Message(PortId(1), message, 0.0)
}

fn hello(versions: &[u32]) -> Input<String> {
    said(ToWorker::Hello(Hello {
        versions: versions.to_vec(),
        tab: "t".into(),
        lock: None,
        before: None,
        visible: true,
    }))
}

#[test]
fn a_worker_says_whether_it_answers_before_anything_else_is_wished() {
    let answers = answers(vec![hello(&[VERSION]), Input::Message(PortId(1), ToWorker::Ping, 0.0)]);
    assert!(matches!(&answers[..], [FromWorker::Welcome { .. }, FromWorker::Pong]), "{answers:?}");
}

#[test]
fn a_tab_that_says_hello_is_welcome() {
    let answers = answers(vec![hello(&[VERSION + 7, VERSION])]);
    let [FromWorker::Welcome { version: VERSION, boot, .. }] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(boot, "boot-1");
}

#[test]
fn the_lock_of_a_tab_is_watched_from_its_hello_on() {
    let mut hub: Hub<String> = Hub::new(super::world::config());
    let (now, port) = (Duration::ZERO, PortId(1));
    hub.handle_input(now, Input::PortOpened(port));
    let lock = Some("lock-1".to_owned());
    let hello = Hello { versions: vec![VERSION], tab: "t".into(), lock, before: None, visible: true };
    hub.handle_input(now, Input::Message(port, ToWorker::Hello(hello), 0.0));
    let Some(Output::Watch(PortId(1), lock)) = hub.poll_output() else { panic!("nothing is watched") };
    assert_eq!(lock, "lock-1");
}

#[test]
fn a_tab_of_another_version_is_refused_in_words_once() {
    for versions in [&[VERSION + 1][..], &[]] {
        let answers = answers(vec![hello(versions), said(ToWorker::Unhandled { position: 1 })]);
        let [FromWorker::Refused(Refusal::Version { speaks })] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(speaks, &[VERSION]);
    }
}

#[test]
fn a_port_that_leaves_before_hello_is_closed_without_a_word() {
    let mut hub: Hub<String> = Hub::new(super::world::config());
    hub.handle_input(Duration::ZERO, Input::PortOpened(PortId(1)));
    hub.handle_input(Duration::ZERO, said(ToWorker::Leave));
    let outputs: Vec<_> = std::iter::from_fn(|| hub.poll_output()).collect();
    let is_silent = !outputs.iter().any(|output| matches!(output, Output::Post(..)));
    let is_closed = outputs.iter().any(|output| matches!(output, Output::ClosePort(PortId(1))));
    assert!(is_silent && is_closed);
}

#[test]
fn nothing_is_heard_before_hello() {
    let connect = ToWorker::Attach { service: "ws://localhost/".into(), jid: None, explicit_binding: false };
    let answers = answers(vec![said(connect)]);
    assert!(matches!(&answers[..], [FromWorker::Refused(Refusal::Malformed { .. })]), "{answers:?}");
}

#[test]
fn garbage_before_hello_is_refused_and_hello_still_taken() {
    let answers = answers(vec![Input::Malformed(PortId(1), "no such word".into()), hello(&[VERSION])]);
    let [FromWorker::Refused(Refusal::Malformed { detail }), FromWorker::Welcome { .. }] = &answers[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(detail, "no such word");
}

#[test]
fn garbage_after_hello_is_what_a_newer_tab_may_say() {
    let answers = answers(vec![hello(&[VERSION]), Input::Malformed(PortId(1), "new word".into())]);
    assert!(matches!(&answers[..], [FromWorker::Welcome { .. }]), "{answers:?}");
}

#[test]
fn a_second_hello_changes_nothing() {
    let answers = answers(vec![hello(&[VERSION]), hello(&[VERSION]), hello(&[VERSION + 1])]);
    assert!(matches!(&answers[..], [FromWorker::Welcome { .. }]), "{answers:?}");
}

#[test]
fn a_port_that_was_never_opened_or_is_closed_is_nobody() {
    let mut world = World::new();
    let tab = world.online("alice@localhost/desk");
    world.kill(tab);
    world.at_hub(Input::Message(tab, ToWorker::Disconnect { reason: None, timeout: 3000 }, 0.0));
    world.at_hub(Input::Malformed(tab, "x".into()));
    world.at_hub(Input::PortClosed(tab));
    world.at_hub(Input::Message(PortId(77), ToWorker::Leave, 0.0));
    assert!(world.sent().is_empty());
}

#[test]
fn a_tab_that_leaves_before_it_joins_is_forgotten() {
    let mut world = World::new();
    let (port, tab) = (world.port(), world.tab());
    world.kill(port);
    world.leave(tab);
    assert!(!world.is_port_open(port) && !world.is_port_open(tab));
}

#[test]
fn a_port_behind_which_nobody_ever_speaks_is_let_go() {
    let mut world = World::new();
    let ports = [world.port(), world.port()];
    world.advance(Duration::from_secs(60));
    assert!(ports.iter().all(|port| world.is_port_open(*port)), "a slow line takes its time");
    world.advance(Duration::from_secs(600));
    assert!(!ports.iter().any(|port| world.is_port_open(*port)));
}
