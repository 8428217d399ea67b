//! A world with one server. Tests speak for the clients, and read the frames that these receive.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use epode_testkit::{Clock, Config, ConnectionId, Input, Output, Server};
use epode_xml::{Element, Limits};

pub const CLIENT: &str = "jabber:client";
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
pub const STREAM: &str = "http://etherx.jabber.org/streams";
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
pub const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";

pub struct World {
    pub server: Server,
    pub clock: Clock,
    pub deadline: Option<Duration>,
    frames: BTreeMap<ConnectionId, Vec<String>>,
    closed: BTreeSet<ConnectionId>,
    next: u64,
}

impl Default for World {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl World {
    pub fn new(config: Config) -> Self {
        Self {
            server: Server::new(config, 1),
            clock: Clock::new(),
            deadline: None,
            frames: BTreeMap::new(),
            closed: BTreeSet::new(),
            next: 0,
        }
    }

    /// A new connection.
    pub fn connect(&mut self) -> ConnectionId {
        self.next += 1;
        let id = ConnectionId(self.next);
        self.input(Input::Opened(id));
        id
    }

    pub fn say(&mut self, id: ConnectionId, frame: &str) {
        self.input(Input::Frame(id, frame.to_owned()));
    }

    /// Says a frame; returns all that this connection heard since the last call, the answer
    /// included.
    pub fn ask(&mut self, id: ConnectionId, frame: &str) -> Vec<Element> {
        self.say(id, frame);
        self.heard(id)
    }

    /// Says a frame; returns its answer, which must be one frame.
    pub fn answer(&mut self, id: ConnectionId, frame: &str) -> Element {
        let mut answers = self.ask(id, frame);
        assert_eq!(answers.len(), 1, "one answer to {frame}: {answers:?}");
        answers.remove(0)
    }

    pub fn input(&mut self, input: Input) {
        self.server.handle_input(self.clock.now(), input);
        self.drain();
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Frame(id, frame) => self.frames.entry(id).or_default().push(frame),
                Output::Close(id) => assert!(self.closed.insert(id), "closed twice"),
                Output::Timeout(deadline) => self.deadline = Some(deadline),
            }
        }
    }

    pub fn advance(&mut self, elapsed: Duration) {
        self.clock.advance(elapsed);
        self.input(Input::Timeout);
    }

    pub fn raw(&mut self, id: ConnectionId) -> Vec<String> {
        self.frames.remove(&id).unwrap_or_default()
    }

    pub fn heard(&mut self, id: ConnectionId) -> Vec<Element> {
        let frames = self.raw(id);
        frames
            .iter()
            .map(|text| Element::parse(text, &Limits::default()).expect("the server speaks XML"))
            .collect()
    }

    pub fn is_closed(&self, id: ConnectionId) -> bool {
        self.closed.contains(&id)
    }

    /// A bound session, after a login by PLAIN, that has not sent presence.
    pub fn bind(&mut self, user: &str, resource: &str) -> ConnectionId {
        let id = self.authenticate(user);
        let answer = self.answer(id, &bind_request(resource));
        assert_eq!(answer.attr("type"), Some("result"), "{answer}");
        id
    }

    /// A session that has sent initial presence; the frames that it heard so far are dropped.
    pub fn log_in(&mut self, user: &str, resource: &str) -> ConnectionId {
        let id = self.bind(user, resource);
        self.say(id, "<presence xmlns='jabber:client'/>");
        self.frames.clear();
        id
    }

    /// A connection that waits for its bind request.
    pub fn authenticate(&mut self, user: &str) -> ConnectionId {
        let id = self.connect();
        self.say(id, OPEN);
        self.say(id, &plain(user, &format!("secret-{user}")));
        self.say(id, OPEN);
        self.frames.remove(&id);
        id
    }
}

pub fn plain(user: &str, password: &str) -> String {
    auth("PLAIN", &format!("\0{user}\0{password}"))
}

pub fn auth(mechanism: &str, message: &str) -> String {
    format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>{}</auth>", STANDARD.encode(message))
}

pub fn response(message: &str) -> String {
    format!("<response xmlns='{SASL}'>{}</response>", STANDARD.encode(message))
}

pub fn bind_request(resource: &str) -> String {
    let resource = match resource {
        "" => String::new(),
        resource => format!("<resource>{resource}</resource>"),
    };
    format!("<iq xmlns='{CLIENT}' type='set' id='bind'><bind xmlns='{BIND}'>{resource}</bind></iq>")
}

pub fn chat(to: &str, body: &str) -> String {
    format!("<message xmlns='{CLIENT}' to='{to}' type='chat'><body>{body}</body></message>")
}

pub fn iq(kind: &str, to: &str, payload: &str) -> String {
    let to = if to.is_empty() { String::new() } else { format!(" to='{to}'") };
    format!("<iq xmlns='{CLIENT}' type='{kind}' id='q1'{to}>{payload}</iq>")
}

pub fn bodies(messages: &[Element]) -> Vec<String> {
    messages.iter().filter_map(|message| message.child("body", CLIENT)).map(Element::text).collect()
}

/// The condition in a stream error, a SASL failure or a stanza error.
pub fn condition(element: &Element) -> String {
    let inside = element.child("error", CLIENT).unwrap_or(element);
    inside.children().next().map(|condition| condition.name().to_owned()).unwrap_or_default()
}

/// Presences as `from type`.
pub fn presences(stanzas: &[Element]) -> Vec<String> {
    let shown = stanzas.iter().filter(|stanza| stanza.name() == "presence").map(|presence| {
        format!(
            "{} {}",
            presence.attr("from").unwrap_or_default(),
            presence.attr("type").unwrap_or("available")
        )
    });
    shown.collect()
}
