//! The connection manager, with the scripted server after it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use epode_testkit::{
    Config, Fault, Misbehaviour, Output, Server, Stage,
    bosh::{self, Manager, RequestId, Terms},
};
use epode_xml::{Element, Limits};

const HTTPBIND: &str = "xmlns='http://jabber.org/protocol/httpbind'";
const BIND: &str =
    "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

#[test]
fn the_first_response_has_the_terms_and_the_features() {
    let mut world = World::new(Terms { inactivity: seconds(10), ..Terms::default() });
    let first = world.open();
    for (name, value) in
        [("wait", "5"), ("hold", "1"), ("requests", "2"), ("inactivity", "10"), ("ver", "1.6")]
    {
        assert_eq!(first.attr(name), Some(value), "{first}");
    }
    assert_eq!(first.attr("from"), Some("localhost"));
    assert!(first.attr("sid").is_some() && first.attr("authid").is_some());
    assert!(first.children().next().is_some_and(|child| child.name() == "features"), "{first}");
}

#[test]
fn features_may_come_with_the_second_response() {
    let mut world = World::new(Terms { late_features: true, ..Terms::default() });
    let first = world.open();
    assert_eq!(first.children().count(), 0, "{first}");
    assert!(world.post("", "").children().next().is_some_and(|child| child.name() == "features"));
}

#[test]
fn a_login_goes_step_by_step_and_a_restart_offers_a_resource() {
    let mut world = World::new(Terms::default());
    world.log_in();
    assert_eq!(world.server.statistics().bound_sessions, 1);
}

#[test]
fn a_request_is_held_until_something_comes_another_request_comes_or_its_time_is_up() {
    let mut world = World::new(Terms::default());
    world.log_in();
    let held = world.ask("", "");
    assert_eq!(world.answer(held), None);
    world.server.deliver("alice@localhost", "<message xmlns='jabber:client'/>");
    world.run();
    assert!(world.answer(held).unwrap().contains("<message"));

    let (first, second) = (world.ask("", ""), world.ask("", ""));
    assert!(world.answer(first).unwrap().contains("<body"));
    assert_eq!(world.answer(second), None);
    world.pass(seconds(5));
    assert!(world.answer(second).unwrap().contains("<body"));
}

#[test]
fn a_repetition_gets_the_same_response_and_takes_the_place_of_a_held_request() {
    let mut world = World::new(Terms::default());
    world.log_in();
    let rid = world.rid;
    let first = world.ask("", "<message xmlns='jabber:client' to='alice@localhost'/>");
    let response = world.answer(first);
    assert!(response.as_ref().unwrap().contains("<message"), "{response:?}");
    world.rid = rid;
    let again = world.ask("", "");
    assert_eq!(world.answer(again), response);

    let rid = world.rid;
    let held = world.ask("", "");
    world.rid = rid;
    let instead = world.ask("", "");
    assert!(world.answer(held).unwrap().contains("type='error'"));
    assert_eq!(world.answer(instead), None);
}

#[test]
fn requests_are_processed_in_the_order_of_their_rids() {
    let mut world = World::new(Terms::default());
    world.log_in();
    world.rid += 1;
    let early = world.ask("", "<message xmlns='jabber:client' to='alice@localhost' id='2'/>");
    assert_eq!(world.answer(early), None);
    world.rid -= 2;
    let late = world.ask("", "<message xmlns='jabber:client' to='alice@localhost' id='1'/>");
    let said = world.answer(late).unwrap() + &world.answer(early).unwrap_or_default();
    let (one, two) = (said.find("id='1'").unwrap(), said.find("id='2'").unwrap());
    assert!(one < two, "{said}");
}

#[test]
fn a_rid_beyond_the_window_ends_the_session() {
    let mut world = World::new(Terms::default());
    world.log_in();
    world.rid += 5;
    assert_eq!(world.post("", "").attr("condition"), Some("item-not-found"));
    assert_eq!(world.server.statistics().bound_sessions, 0);
}

#[test]
fn a_session_without_a_request_dies_of_inactivity() {
    let mut world = World::new(Terms { inactivity: seconds(10), ..Terms::default() });
    world.log_in();
    world.pass(seconds(10));
    assert_eq!(world.server.statistics().bound_sessions, 1);
    world.pass(seconds(1));
    assert_eq!(world.server.statistics().bound_sessions, 0);
    assert_eq!(world.post("", "").attr("condition"), Some("item-not-found"));
}

#[test]
fn terminate_says_goodbye_for_the_client_and_answers_every_request() {
    let mut world = World::new(Terms::default());
    world.log_in();
    let held = world.ask("", "");
    let last = world.post("type='terminate'", "<presence xmlns='jabber:client' type='unavailable'/>");
    assert_eq!((last.attr("type"), last.attr("condition")), (Some("terminate"), None));
    assert!(world.answer(held).unwrap().contains("type='terminate'"));
    assert_eq!(world.server.statistics().clean_closes, 1);
    assert_eq!(world.post("", "").attr("condition"), Some("item-not-found"));
}

#[test]
fn the_end_of_the_stream_ends_the_session_with_its_reason() {
    for (fault, condition, child) in [
        (Fault::StreamError("conflict"), Some("remote-stream-error"), Some("error")),
        (Fault::SeeOtherUri("https://other.example/bosh"), Some("see-other-uri"), Some("uri")),
        (Fault::Close, None, None),
        (Fault::Cut, Some("remote-connection-failed"), None),
    ] {
        let mut world = World::new(Terms::default());
        world.server.misbehave(Misbehaviour::At(Stage::Mechanisms, fault));
        let first = world.open();
        assert_eq!((first.attr("type"), first.attr("condition")), (Some("terminate"), condition), "{first}");
        assert_eq!(first.children().next().map(Element::name), child, "{first}");
        assert!(world.server.connections().is_empty(), "{condition:?}");
    }
}

#[test]
fn what_is_no_body_is_a_bad_request() {
    let mut world = World::new(Terms::default());
    for body in ["", "<body", "<body rid='1' to='localhost'/>", &format!("<body {HTTPBIND} to='localhost'/>")]
    {
        let id = world.ask_exactly(body);
        assert!(world.answer(id).unwrap().contains("condition='bad-request'"), "{body}");
    }
}

struct World {
    now: Duration,
    server: Server,
    manager: Manager,
    terms: Terms,
    asked: u64,
    answers: BTreeMap<RequestId, String>,
    rid: u64,
    sid: String,
}

impl World {
    fn new(terms: Terms) -> Self {
        Self {
            now: Duration::ZERO,
            server: Server::new(Config::default(), 1),
            manager: Manager::new(1 << 20, 1),
            terms,
            asked: 0,
            answers: BTreeMap::new(),
            rid: 1000,
            sid: String::new(),
        }
    }

    fn open(&mut self) -> Element {
        let first = self.post("to='localhost' wait='5' hold='1' ver='1.6'", "");
        self.sid = first.attr("sid").unwrap_or_default().to_owned();
        first
    }

    fn log_in(&mut self) {
        self.open();
        if self.terms.late_features {
            self.post("", "");
        }
        let plain = STANDARD.encode("\0alice\0secret-alice");
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>");
        assert!(self.post("", &auth).to_string().contains("<success"));
        let restart = "to='localhost' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'";
        assert!(self.post(restart, "").to_string().contains("<bind"));
        assert!(self.post("", BIND).to_string().contains("<jid>alice@localhost/"));
        assert!(self.post("", "<presence xmlns='jabber:client'/>").to_string().contains("<presence"));
    }

    /// Asks, and expects the answer at once.
    fn post(&mut self, attributes: &str, content: &str) -> Element {
        let id = self.ask(attributes, content);
        let answer = self.answer(id).expect("an answer at once");
        Element::parse(&answer, &Limits::default()).unwrap()
    }

    fn ask(&mut self, attributes: &str, content: &str) -> RequestId {
        let sid = if self.sid.is_empty() { String::new() } else { format!("sid='{}'", self.sid) };
        let rid = self.rid;
        self.rid += 1;
        self.ask_exactly(&format!("<body {HTTPBIND} rid='{rid}' {sid} {attributes}>{content}</body>"))
    }

    fn ask_exactly(&mut self, body: &str) -> RequestId {
        let id = RequestId(self.asked);
        self.asked += 1;
        self.manager.handle_input(self.now, bosh::Input::Request(id, body.to_owned(), self.terms));
        self.run();
        id
    }

    fn answer(&mut self, id: RequestId) -> Option<String> {
        self.answers.remove(&id)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.manager.handle_input(self.now, bosh::Input::Timeout);
        self.run();
    }

    fn run(&mut self) {
        let mut frames = VecDeque::new();
        loop {
            while let Some(output) = self.server.poll_output() {
                match output {
                    Output::Frame(id, frame) => frames.push_back(bosh::Input::Frame(id, frame)),
                    Output::Close(id) => frames.push_back(bosh::Input::Closed(id)),
                    Output::Timeout(_) => {}
                }
            }
            for input in frames.drain(..) {
                self.manager.handle_input(self.now, input);
            }
            match self.manager.poll_output() {
                Some(bosh::Output::Server(input)) => self.server.handle_input(self.now, input),
                Some(bosh::Output::Respond(id, body)) => drop(self.answers.insert(id, body)),
                Some(bosh::Output::Timeout(_)) => {}
                None => return,
            }
        }
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
