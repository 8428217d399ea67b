//! One connection from its socket to its end, and the state of a bound session.

use std::{collections::BTreeSet, time::Duration};

use epode_xml::Element;

use super::{ConnectionId, Fault, Misbehaviour, Output, Server, management::Management, sasl::Exchange};
use crate::{jid::Jid, ns};

#[derive(Debug)]
pub(super) struct Connection {
    pub state: State,
    pub misbehaviour: Option<Misbehaviour>,
    /// Whether the socket is gone, and the session waits to be resumed.
    pub lost: bool,
    /// The time at which negotiation, the wait for `<close/>` or for a resumption has taken too long.
    pub deadline: Option<Duration>,
    pub refusals: u32,
}

/// What the connection waits for.
#[derive(Debug)]
pub(super) enum State {
    /// The first `<open/>`.
    Opening,
    /// `<auth/>`.
    Authenticating,
    /// `<response/>`.
    Exchanging(Exchange),
    /// The second `<open/>`.
    Reopening { user: String },
    /// The bind request.
    Binding { user: String },
    /// Stanzas.
    Bound(Session),
    /// The answer to our `<close/>`.
    Closing,
    /// Nothing but `<close/>`: a fault has happened.
    Deaf,
    /// Nothing at all.
    Silent,
}

/// A session: a bound resource.
#[derive(Debug)]
pub(super) struct Session {
    pub jid: Jid,
    /// False until a required session request (RFC 3921 §3) has come.
    pub established: bool,
    /// The last available presence that was broadcast.
    pub presence: Option<Element>,
    pub priority: i8,
    /// Whether the session asked for its roster, and so receives roster pushes (RFC 6121 §2.1.6).
    pub interested: bool,
    pub carbons: bool,
    /// The addresses to which the session sent directed presence (RFC 6121 §4.6.3).
    pub directed: BTreeSet<String>,
    pub management: Option<Management>,
}

impl Connection {
    pub fn session(&self) -> Option<&Session> {
        match &self.state {
            State::Bound(session) => Some(session),
            _ => None,
        }
    }
}

impl Session {
    /// Whether the session receives messages for the bare JID (RFC 6121 §8.5.2.1.1).
    pub fn takes_messages(&self) -> bool {
        self.presence.is_some() && self.priority >= 0
    }
}

impl Server {
    pub(super) fn open(&mut self, id: ConnectionId) {
        self.statistics.total_connections += 1;
        let connection = Connection {
            state: State::Opening,
            misbehaviour: self.misbehaviours.pop_front(),
            lost: false,
            deadline: Some(self.now + self.config.negotiation_time),
            refusals: 0,
        };
        self.connections.insert(id, connection);
    }

    /// Sends `features` or `error` with the customary prefix `stream`.
    pub(super) fn say_in_stream(&mut self, id: ConnectionId, name: &str, children: &[Element]) {
        self.say(id, in_stream(name, children));
    }

    /// Ends the stream as RFC 6120 §4.9.1.1 and RFC 7395 §3.5 say.
    pub(super) fn fail_stream(&mut self, id: ConnectionId, condition: Element) {
        if self.is_lost(id) {
            return self.forget_session(id);
        }
        match self.connections.get(&id).map(|connection| &connection.state) {
            None | Some(State::Closing | State::Silent) => return,
            // An error needs an open stream around it (RFC 6120 §4.9.1.2).
            Some(State::Opening) => self.say_open(id),
            Some(_) => {}
        }
        self.say_in_stream(id, "error", &[condition]);
        self.close(id, Element::new("close", ns::FRAMING));
    }

    /// Sends `<close/>` first, and waits for the client's.
    pub(super) fn close(&mut self, id: ConnectionId, close: Element) {
        self.say(id, close.to_string());
        self.depart(id);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.state = State::Closing;
            connection.deadline = Some(self.now + self.config.closing_time);
        }
    }

    /// Handles the client's `<close/>` (RFC 7395 §3.6).
    pub(super) fn handle_close(&mut self, id: ConnectionId) {
        self.statistics.clean_closes += 1;
        let answered = self.connections.get(&id).is_some_and(|c| matches!(c.state, State::Closing));
        if !answered {
            self.say(id, Element::new("close", ns::FRAMING).to_string());
        }
        self.depart(id);
        self.cut(id);
    }

    pub(super) fn cut(&mut self, id: ConnectionId) {
        if self.connections.get(&id).is_some_and(|connection| !connection.lost) {
            self.forget(id);
            self.outputs.push_back(Output::Close(id));
        }
    }

    /// The socket is gone.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        if !self.is_lost(id) && !self.hibernate(id) {
            self.depart(id);
            self.connections.remove(&id);
        }
    }

    /// Commits a fault instead of the frame that is due.
    pub(super) fn commit(&mut self, id: ConnectionId, fault: Fault) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.deadline = None;
        connection.state = State::Deaf;
        match fault {
            Fault::Silence => connection.state = State::Silent,
            Fault::Cut => self.cut(id),
            Fault::Close => self.close(id, Element::new("close", ns::FRAMING)),
            Fault::SeeOtherUri(uri) => {
                self.close(id, Element::new("close", ns::FRAMING).with_attr("see-other-uri", uri));
            }
            Fault::StreamError(condition) => self.stream_error(id, condition),
            Fault::SeeOtherHost(host) => {
                self.fail_stream(id, Element::new("see-other-host", ns::STREAM_ERRORS).with_text(host));
            }
            Fault::Frame(text) => self.say(id, text),
        }
    }
}

pub(super) fn in_stream(name: &str, children: &[Element]) -> String {
    let children: String = children.iter().map(Element::to_string).collect();
    format!("<stream:{name} xmlns:stream='{}'>{children}</stream:{name}>", ns::STREAM)
}
