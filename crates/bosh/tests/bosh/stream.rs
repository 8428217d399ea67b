//! A real stream over a session, and a scripted XMPP server behind a connection manager.

use std::collections::VecDeque;
use std::time::Duration;

use epode_bosh::{Bosh, Carries, Input, Output, RequestId};
use epode_stream::sasl::{Credentials, MechanismName, Secret};
use epode_stream::{self as stream, Config, Error, Event, Purpose, Stream};
use epode_testkit::{self as testkit, ConnectionId, Fault, Misbehaviour, Server, Stage};
use epode_xml::{Element, Head, Limits};

use crate::line::{HTTPBIND, config, seconds};

const SOCKET: ConnectionId = ConnectionId(1);
const PING: &str =
    "<iq xmlns='jabber:client' type='get' id='p1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";

#[test]
fn a_stream_logs_in_exchanges_stanzas_and_closes_as_over_a_websocket() {
    for mechanism in ["SCRAM-SHA-256", "PLAIN"] {
        let mut world = World::new(mechanism);
        world.run();
        let Some(Event::Bound(bound)) = world.events.last() else { panic!("{:?}", world.events) };
        assert!(bound.jid.starts_with("alice@localhost/"), "{}", bound.jid);
        assert!(bound.features.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{}", bound.features);
        assert_eq!(
            world.requests.iter().map(|(_, carries)| *carries).collect::<Vec<_>>(),
            [Carries::Nothing]
        );
        // Session request, SASL, restart, binding, and the only empty body: the held request.
        let steps = if mechanism == "PLAIN" { 4 } else { 5 };
        assert_eq!(world.bodies.len(), steps + 1, "{:#?}", world.bodies);

        world.say(PING);
        let head = world.stanzas.pop().unwrap();
        assert_eq!((&*head.tag, head.id.as_deref()), ("iq", Some("p1")));

        world.input(stream::Input::Close(seconds(3)));
        world.run();
        assert!(matches!(world.events.last(), Some(Event::Ended(None))), "{:?}", world.events);
        assert!(world.bosh.is_closed());
        assert_eq!(world.server.statistics().clean_closes, 1);
    }
}

#[test]
fn a_stream_error_at_any_step_ends_the_stream_by_its_own_name() {
    use Stage::{Bind, Challenge, Features, Mechanisms, Open, Outcome, Reopen};
    for stage in [Open, Mechanisms, Challenge, Outcome, Reopen, Features, Bind] {
        let mut world = World::new("SCRAM-SHA-1");
        world.server.misbehave(Misbehaviour::At(stage, Fault::StreamError("system-shutdown")));
        world.run();
        let Some(Event::Ended(Some(Error::StreamError { condition, .. }))) = world.events.last() else {
            panic!("{stage:?}: {:?}", world.events)
        };
        assert_eq!(condition, "system-shutdown");
        assert!(world.bosh.is_closed());
    }
}

struct World {
    stream: Stream,
    bosh: Bosh,
    server: Server,
    events: Vec<Event>,
    stanzas: Vec<Head>,
    /// The server's frames that no response carries yet.
    said: Vec<String>,
    /// Whether the server has closed the stream.
    closed: bool,
    named: bool,
    /// The requests that the connection manager holds.
    requests: VecDeque<(RequestId, Carries)>,
    bodies: Vec<String>,
}

impl World {
    fn new(mechanism: &str) -> Self {
        use epode_testkit::unicode::{host, lower, nfc, nfkc};
        let stream = Stream::new(
            Duration::ZERO,
            Config {
                domain: "localhost".to_owned(),
                credentials: Credentials {
                    jid: Some("alice@localhost".to_owned()),
                    authcid: Some("alice".to_owned()),
                    authzid: None,
                    proof: Some(Secret::new("secret-alice".to_owned()).into()),
                },
                allowed: MechanismName::ALL.iter().cloned().map(Into::into).collect(),
                plaintext: true,
                purpose: Purpose::Bind { resource: None, explicit: false, yields: false },
                limits: Limits::default(),
                known: None,
                management: None,
                former: None,
                unicode: stream::jid::Unicode { nfc, nfkc, lower, host },
            },
        );
        let greeting = stream.greeting();
        let mechanisms = vec![mechanism.to_owned()];
        World {
            bosh: Bosh::open(Duration::ZERO, epode_bosh::Config { greeting: &greeting, ..config() }),
            stream,
            server: Server::new(testkit::Config { mechanisms, ..testkit::Config::default() }, 1),
            events: Vec::new(),
            stanzas: Vec::new(),
            said: Vec::new(),
            closed: false,
            named: false,
            requests: VecDeque::new(),
            bodies: Vec::new(),
        }
    }

    fn say(&mut self, frame: &str) {
        self.bosh.handle_input(Duration::ZERO, Input::Frame(frame));
        self.run();
    }

    fn input(&mut self, input: stream::Input<'_>) {
        self.stream.handle_input(Duration::ZERO, input);
    }

    /// Runs until all are silent; each turn is a task of the event loop.
    fn run(&mut self) {
        loop {
            while self.carry_out() {}
            self.bosh.handle_input(Duration::ZERO, Input::EndOfTask);
            let asked = self.carry_out();
            if !self.respond() && !asked {
                return;
            }
        }
    }

    fn carry_out(&mut self) -> bool {
        if let Some(output) = self.stream.poll_output() {
            match output {
                stream::Output::Transmit(frame) => {
                    self.bosh.handle_input(Duration::ZERO, Input::Frame(&frame));
                }
                stream::Output::CloseSocket => {
                    self.bosh.handle_input(Duration::ZERO, Input::Close(seconds(3)));
                }
                stream::Output::Derive(mut derivation) => {
                    let keys = derivation.advance(u32::MAX).unwrap();
                    self.input(stream::Input::Derived(keys));
                }
                stream::Output::Ask { .. } => panic!("no foreign mechanism is allowed"),
                stream::Output::Relay(_) | stream::Output::Unsaid(_) | stream::Output::LoggedIn(_) => {
                    panic!("no page logs in")
                }
                stream::Output::Event(event) => self.events.push(event),
            }
            return true;
        }
        let Some(output) = self.bosh.poll_output() else { return false };
        match output {
            Output::Opened => {
                self.input(stream::Input::Opened { nonce: "fyko+d2lbbFgONRv9qkxdawL".to_owned() })
            }
            Output::Frame(frame) => self.stanzas.extend(self.stream.frame(Duration::ZERO, &frame)),
            Output::Request { id, body, carries } => self.request(id, body, carries),
            Output::Closed(error) => {
                let reason = error.map(|error| error.to_string()).unwrap_or_default();
                self.input(stream::Input::Closed { code: 0, reason: &reason });
            }
            Output::Abort(id) => self.requests.retain(|(of, _)| *of != id),
            Output::Cache(_) | Output::HttpError(_) | Output::Taken(_) => {}
        }
        true
    }

    /// The connection manager takes a body apart for the server.
    fn request(&mut self, id: RequestId, body: String, carries: Carries) {
        let element = Element::parse(&body, &Limits::default()).unwrap();
        self.requests.push_back((id, carries));
        if element.attr("sid").is_none() {
            self.tell(testkit::Input::Opened(SOCKET));
        }
        if let Some(to) = element.attr("to") {
            let open = Element::new("open", "urn:ietf:params:xml:ns:xmpp-framing");
            self.tell_frame(open.with_attr("to", to).with_attr("version", "1.0").to_string());
        }
        for child in element.children() {
            self.tell_frame(child.to_string());
        }
        if element.attr("type") == Some("terminate") {
            self.tell_frame("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>".to_owned());
        }
        self.bodies.push(body);
    }

    fn tell_frame(&mut self, frame: String) {
        self.tell(testkit::Input::Frame(SOCKET, frame));
    }

    fn tell(&mut self, input: testkit::Input) {
        self.server.handle_input(Duration::ZERO, input);
        while let Some(output) = self.server.poll_output() {
            match output {
                testkit::Output::Frame(_, frame) if frame.starts_with("<open") => {}
                testkit::Output::Frame(_, frame) if frame.starts_with("<close") => self.closed = true,
                testkit::Output::Frame(_, frame) => self.said.push(frame),
                testkit::Output::Close(_) => self.closed = true,
                testkit::Output::Timeout(_) => {}
            }
        }
    }

    /// The connection manager answers its oldest request if a rule demands that; returns whether it did.
    fn respond(&mut self) -> bool {
        let must = !self.said.is_empty() || self.closed || self.requests.len() > 1;
        let Some((request, _)) = self.requests.pop_front_if(|_| must) else { return false };
        let stanzas = std::mem::take(&mut self.said).concat();
        let sid = if std::mem::replace(&mut self.named, true) { "" } else { "sid='s1' ver='1.6'" };
        let end = match self.closed {
            true if stanzas.contains("<stream:error") => "type='terminate' condition='remote-stream-error'",
            true => "type='terminate'",
            false => "",
        };
        let text = format!("<body {HTTPBIND} {sid} {end}>{stanzas}</body>");
        self.bosh.handle_input(Duration::ZERO, Input::Response { request, status: 200, text: &text });
        true
    }
}
