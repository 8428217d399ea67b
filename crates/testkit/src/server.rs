//! The scripted server: its inputs, its outputs, and the loop between the two.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use epode_xml::{Element, Limits};

use crate::{jid::Jid, ns, random::Random};

mod binding;
mod config;
mod connection;
mod iq;
mod management;
mod message;
mod misbehaviour;
mod negotiation;
mod offline;
mod presence;
mod registration;
mod roster;
mod sasl;
mod scram;
mod stanza;
mod statistics;

pub use config::{Account, Config, LegacySession, Management, ResourceConflict};
use connection::{Connection, Session, State};
pub use misbehaviour::{BindFault, Fault, ManagementFault, Misbehaviour, OpenFault, ScramFault, Stage};
use roster::Roster;
pub use statistics::Statistics;

/// Identifies a connection. The owner of the sockets chooses the numbers and never uses one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Something that happened to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A WebSocket has been opened.
    Opened(ConnectionId),
    /// The text of one WebSocket message.
    Frame(ConnectionId, String),
    /// The socket is gone.
    Closed(ConnectionId),
    /// The deadline of the last [`Output::Timeout`] has passed.
    Timeout,
}

/// Something that the server wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this as one WebSocket message.
    Frame(ConnectionId, String),
    /// Close the socket. No further output concerns this connection.
    Close(ConnectionId),
    /// Pass [`Input::Timeout`] at this time, unless a later `Timeout` replaces it.
    Timeout(Duration),
}

/// An XMPP server for a handful of accounts, without sockets, clocks or storage.
///
/// Call [`poll_output`](Self::poll_output) until it is empty after each
/// [`handle_input`](Self::handle_input). No input makes the server panic.
#[derive(Debug)]
pub struct Server {
    config: Config,
    limits: Limits,
    random: Random,
    vault: scram::Vault,
    now: Duration,
    connections: BTreeMap<ConnectionId, Connection>,
    rosters: BTreeMap<String, Roster>,
    /// Messages for accounts without an available session, by bare JID.
    offline: BTreeMap<String, Vec<Element>>,
    /// The stanzas received in managed sessions that are over, by SM-ID.
    expired: BTreeMap<String, u32>,
    misbehaviours: VecDeque<Misbehaviour>,
    outputs: VecDeque<Output>,
    reported_deadline: Option<Duration>,
    statistics: Statistics,
}

impl Server {
    /// A server without connections. All that it draws at random depends on `seed` alone.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            limits: Limits { bytes: config.frame_limit, ..Limits::default() },
            rosters: roster::of_accounts(&config),
            config,
            random: Random::new(seed),
            vault: scram::Vault::default(),
            now: Duration::ZERO,
            connections: BTreeMap::new(),
            offline: BTreeMap::new(),
            expired: BTreeMap::new(),
            misbehaviours: VecDeque::new(),
            outputs: VecDeque::new(),
            reported_deadline: None,
            statistics: Statistics::default(),
        }
    }

    /// Takes in an event at `now`. Inputs for connections that are unknown or closed are ignored.
    pub fn handle_input(&mut self, now: Duration, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Opened(id) => self.open(id),
            Input::Frame(id, text) => self.handle_frame(id, &text),
            Input::Closed(id) => self.forget(id),
            Input::Timeout => {}
        }
        self.handle_deadlines();
    }

    /// The next thing to do; `None` if the server waits.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| {
            let deadline = self.connections.values().filter_map(|connection| connection.deadline).min();
            let changed = deadline != self.reported_deadline;
            self.reported_deadline = deadline;
            deadline.filter(|_| changed).map(Output::Timeout)
        })
    }

    /// The counters of the server.
    pub fn statistics(&self) -> Statistics {
        let open = self.connections.values().filter(|connection| !connection.lost);
        let bound = open.clone().filter(|connection| connection.session().is_some());
        let (open_connections, bound_sessions) = (open.count() as u64, bound.count() as u64);
        Statistics { open_connections, bound_sessions, ..self.statistics }
    }

    /// Makes the next connection go wrong. If called several times, each new connection takes one
    /// misbehaviour, in order.
    pub fn misbehave(&mut self, misbehaviour: Misbehaviour) {
        self.misbehaviours.push_back(misbehaviour);
    }

    /// Sends `xml` unchanged to the session with this full JID, or to all sessions of this bare
    /// JID.
    pub fn deliver(&mut self, to: &str, xml: &str) {
        let Some(jid) = Jid::parse(to) else { return };
        for id in self.sessions_at(&jid) {
            self.send_text(id, xml.to_owned());
        }
    }

    /// Changes the password of an account, which is its token too.
    pub fn reset_password(&mut self, user: &str, password: &str) {
        for account in self.config.accounts.iter_mut().filter(|account| account.user == user) {
            account.password = password.to_owned();
        }
        self.vault = scram::Vault::default();
    }

    /// From now on every client shows the certificate of this user; see [`Config::certificate`].
    pub fn change_certificate(&mut self, user: &str) {
        self.config.certificate = Some(user.to_owned());
    }

    /// Closes the socket without `<close/>`.
    pub fn drop_connection(&mut self, id: ConnectionId) {
        self.cut(id);
    }

    /// Ends the stream with this condition (RFC 6120 §4.9.3): sends the error and `<close/>`, then
    /// closes the socket once the client has answered.
    pub fn stream_error(&mut self, id: ConnectionId, condition: &str) {
        self.fail_stream(id, Element::new(condition, ns::STREAM_ERRORS));
    }

    /// The open connections, each with the full JID of its session, if any.
    pub fn connections(&self) -> BTreeMap<ConnectionId, Option<String>> {
        let jid = |connection: &Connection| connection.session().map(|session| session.jid.to_string());
        let open = self.connections.iter().filter(|(_, connection)| !connection.lost);
        open.map(|(id, connection)| (*id, jid(connection))).collect()
    }

    fn handle_deadlines(&mut self) {
        let now = self.now;
        let is_due = |connection: &Connection| connection.deadline.is_some_and(|deadline| deadline <= now);
        let due: Vec<_> = self.connections.iter().filter(|(_, c)| is_due(c)).map(|(id, _)| *id).collect();
        for id in due {
            match self.connections.get(&id).map(|connection| &connection.state) {
                _ if self.is_lost(id) => self.forget_session(id),
                Some(State::Closing) => self.cut(id),
                _ => self.stream_error(id, "connection-timeout"),
            }
        }
    }

    fn say(&mut self, id: ConnectionId, frame: String) {
        if !self.is_lost(id) {
            self.outputs.push_back(Output::Frame(id, frame));
        }
    }

    fn sessions(&self) -> impl Iterator<Item = (ConnectionId, &Session)> {
        self.connections.iter().filter_map(|(id, connection)| Some((*id, connection.session()?)))
    }

    /// The session with this full JID, or all sessions of this bare JID.
    fn sessions_at(&self, jid: &Jid) -> Vec<ConnectionId> {
        let matches = |session: &Session| {
            session.jid.bare == jid.bare && (jid.resource.is_none() || session.jid.resource == jid.resource)
        };
        self.sessions().filter(|(_, session)| matches(session)).map(|(id, _)| id).collect()
    }

    fn session(&self, id: ConnectionId) -> Option<&Session> {
        self.connections.get(&id)?.session()
    }

    fn session_mut(&mut self, id: ConnectionId) -> Option<&mut Session> {
        match &mut self.connections.get_mut(&id)?.state {
            State::Bound(session) => Some(session),
            _ => None,
        }
    }

    /// Whether this bare JID exists: an account, or an anonymous user with a session.
    fn is_known(&self, bare: &str) -> bool {
        self.rosters.contains_key(bare) || self.sessions().any(|(_, session)| session.jid.bare == bare)
    }

    fn contacts(&self, bare: &str) -> BTreeSet<String> {
        self.rosters.get(bare).map(Roster::contacts).unwrap_or_default()
    }
}
