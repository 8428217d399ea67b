//! A connection manager (XEP-0124, XEP-0206): HTTP requests on one side, the frames of a
//! [`Server`](crate::Server) on the other.
//!
//! To the server, each BOSH session is one more connection, whose `<open/>`, stanzas and `<close/>` the
//! [`Manager`] makes of bodies. As the server, the manager does no I/O and knows only the time that the
//! caller hands in. A test drives both in one loop: the outputs of each are inputs of the other, and the
//! server's outputs go first, so that the answers to one request share a response.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use epode_xml::{Element, Limits};

use crate::{ConnectionId, Random, ns};
use session::{Arrival, Request, Session};

mod session;

/// The manager's connections have numbers from this one on; sockets have lower ones.
const FIRST_CONNECTION: u64 = 1 << 63;

/// The longest that the manager holds a request, in seconds.
const LONGEST_WAIT: u32 = 120;

/// The most requests that the manager holds in one session.
const LARGEST_HOLD: usize = 2;

/// Names an HTTP request. The caller chooses the numbers and never uses one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a service grants to its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long a session lives without a held request.
    pub inactivity: Duration,
    /// Whether the first response comes without features, which the next request asks for (XEP-0206 §4
    /// allows both).
    pub late_features: bool,
}

/// Something that happened to the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The body of a POST, at a service with these terms.
    Request(RequestId, String, Terms),
    /// The server says this frame on a connection of the manager.
    Frame(ConnectionId, String),
    /// The server has closed a connection of the manager.
    Closed(ConnectionId),
    /// The deadline of the last [`Output::Timeout`] has passed.
    Timeout,
}

/// Something that the manager wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Hand this to the server.
    Server(crate::Input),
    /// Answer the request with status 200 and this body.
    Respond(RequestId, String),
    /// Pass [`Input::Timeout`] at this time, unless a later `Timeout` replaces it.
    Timeout(Duration),
}

/// All BOSH sessions of a server.
#[derive(Debug)]
pub struct Manager {
    limits: Limits,
    random: Random,
    now: Duration,
    /// By sid.
    sessions: BTreeMap<String, Session>,
    opened: u64,
    outputs: VecDeque<Output>,
    reported_deadline: Option<Duration>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { inactivity: Duration::from_secs(60), late_features: false }
    }
}

impl Manager {
    /// A manager without sessions, whose ids depend on `seed` alone. A body has at most `limit` bytes.
    pub fn new(limit: usize, seed: u64) -> Self {
        Self {
            limits: Limits { bytes: limit, ..Limits::default() },
            random: Random::new(seed),
            now: Duration::ZERO,
            sessions: BTreeMap::new(),
            opened: 0,
            outputs: VecDeque::new(),
            reported_deadline: None,
        }
    }

    /// Whether the connection is a session of this manager.
    pub fn has(connection: ConnectionId) -> bool {
        connection.0 >= FIRST_CONNECTION
    }

    /// Takes in an event at `now`.
    pub fn handle_input(&mut self, now: Duration, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Request(id, body, terms) => self.request(id, &body, terms),
            Input::Frame(connection, frame) => {
                if let Some(session) = self.session_of(connection) {
                    session.hear(frame);
                }
            }
            Input::Closed(connection) => {
                if let Some(session) = self.session_of(connection) {
                    session.cut();
                }
            }
            Input::Timeout => {}
        }
    }

    /// The next thing to do; `None` if the manager waits. Requests are answered when nothing else is left to
    /// do, with all that the server has said meanwhile.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.outputs.is_empty() {
            self.settle();
        }
        self.outputs.pop_front().or_else(|| {
            let deadline = self.sessions.values().filter_map(Session::deadline).min();
            let changed = deadline != self.reported_deadline;
            self.reported_deadline = deadline;
            deadline.filter(|_| changed).map(Output::Timeout)
        })
    }

    fn request(&mut self, id: RequestId, body: &str, terms: Terms) {
        let read = Element::parse(body, &self.limits).ok().filter(|body| body.is("body", ns::HTTPBIND));
        let Some(element) = read else { return self.respond(id, terminate("bad-request")) };
        let rid =
            element.attr("rid").and_then(|rid| rid.parse().ok()).filter(|rid| (1..1 << 53).contains(rid));
        let Some(rid) = rid else { return self.respond(id, terminate("bad-request")) };
        let arrival = Arrival { id, at: self.now };
        match element.attr("sid") {
            None => self.open(rid, arrival, &element, terms),
            Some(sid) => {
                let Some(session) = self.sessions.get_mut(sid) else {
                    return self.respond(id, terminate("item-not-found"));
                };
                let request = Request { arrival, restarts: restarts(body), element };
                self.outputs.extend(session.request(rid, request));
            }
        }
    }

    /// XEP-0124 §7.
    fn open(&mut self, rid: u64, arrival: Arrival, body: &Element, terms: Terms) {
        let Some(to) = body.attr("to") else {
            return self.respond(arrival.id, terminate("improper-addressing"));
        };
        let number = |name: &str| body.attr(name).and_then(|value| value.parse().ok());
        let wait = number("wait").unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        let hold = number("hold").unwrap_or(1).min(LARGEST_HOLD as u32) as usize;
        let connection = ConnectionId(FIRST_CONNECTION + self.opened);
        self.opened += 1;
        let sid = self.random.token(16);
        let session = Session::new(&sid, connection, to, rid, arrival, (wait, hold, terms));
        self.outputs.push_back(Output::Server(crate::Input::Opened(connection)));
        self.outputs.push_back(session.greeting());
        self.sessions.insert(sid, session);
    }

    /// Answers what can be answered, and gives up the sessions that are over.
    fn settle(&mut self) {
        let Self { sessions, outputs, now, .. } = self;
        sessions.retain(|_, session| {
            outputs.extend(session.settle(*now));
            !session.is_over()
        });
    }

    fn session_of(&mut self, connection: ConnectionId) -> Option<&mut Session> {
        self.sessions.values_mut().find(|session| session.connection == connection)
    }

    fn respond(&mut self, id: RequestId, body: String) {
        self.outputs.push_back(Output::Respond(id, body));
    }
}

/// A body that ends a session with this condition (XEP-0124 §17.2).
pub fn terminate(condition: &str) -> String {
    Element::new("body", ns::HTTPBIND)
        .with_attr("type", "terminate")
        .with_attr("condition", condition)
        .to_string()
}

/// Whether the body restarts the stream (XEP-0206 §5). `Element::attr` knows no attribute with a prefix.
fn restarts(body: &str) -> bool {
    let tag = body.split('>').next().unwrap_or_default();
    tag.contains(":restart='true'") || tag.contains(":restart=\"true\"")
}
