//! No body makes a BOSH session panic, and a body of well-formed stanzas is cut into exactly these.
#![no_main]

use std::time::Duration;

use epode_bosh::{Bosh, Config, Input, Output};
use epode_xml::{Element, Limits, Wrapper};
use libfuzzer_sys::fuzz_target;

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost'/>";

fuzz_target!(|text: &str| {
    cut(text);
    // The same text as the first response, and as the second.
    live(&[text]);
    live(&["<body xmlns='http://jabber.org/protocol/httpbind' sid='s' ver='1.6'/>", text, text]);
});

/// The children of a body are those of its element.
fn cut(text: &str) {
    let Ok(element) = Element::parse(text, &Limits::default()) else { return };
    let wrapper = Wrapper::cut(text, &Limits::default()).expect("what can be read can be cut");
    assert!(wrapper.is(element.name(), element.namespace()));
    let default = wrapper.default_namespace();
    let cut = wrapper.children.iter().map(|child| {
        let document = wrapper.document(child, &default);
        Element::parse(&document, &Limits::default()).expect("a child of what can be read can be read")
    });
    assert!(cut.eq(element.children().cloned()), "{text:?}");
}

/// A session with these responses has two requests under way at most, and each is well-formed.
fn live(responses: &[&str]) {
    let limits = Limits::default();
    let config = Config { greeting: OPEN, wait: 60, hold: 1, route: None, random: 7, limits };
    let mut bosh = Bosh::open(Duration::ZERO, config);
    let mut requests = Vec::new();
    for (at, text) in responses.iter().enumerate() {
        let now = Duration::from_secs(at as u64);
        if let Some(deadline) = bosh.deadline().filter(|deadline| *deadline <= now) {
            bosh.handle_input(deadline, Input::Timeout);
        }
        bosh.handle_input(now, Input::EndOfTask);
        take(&mut bosh, &mut requests);
        assert!(requests.len() <= 2);
        if let Some(request) = requests.pop() {
            bosh.handle_input(now, Input::Response { request, status: 200, text });
            bosh.handle_input(now, Input::Frame(OPEN));
            bosh.handle_input(now, Input::Frame("<iq xmlns='jabber:client'/>"));
            bosh.handle_input(now, Input::EndOfTask);
            take(&mut bosh, &mut requests);
        }
        assert!(bosh.is_closed() || bosh.deadline().is_some(), "a session that lives waits for something");
    }
}

fn take(bosh: &mut Bosh, requests: &mut Vec<epode_bosh::RequestId>) {
    while let Some(output) = bosh.poll_output() {
        match output {
            Output::Request { id, body, .. } => {
                Element::parse(&body, &Limits::default()).expect("what is sent is well-formed");
                requests.push(id);
            }
            Output::Abort(id) => requests.retain(|one| *one != id),
            _ => {}
        }
    }
}
