//! One session and the tabs that share it.

use std::time::Duration;

use epode_protocol::{Options, Position, Role, SessionInfo, StatusCode};
use epode_session::{Account, Session};

use crate::iq::{Asks, Demands};
use crate::{PortId, SocketId};

/// What makes two tabs share a session: the service and the account, or what stands in for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub(crate) service: String,
    /// Local part and domain in ASCII lower case: their case does not count (RFC 7622 §3.2, §3.3).
    pub(crate) account: String,
    /// The name beside a bare domain, which alone says whose the session is.
    name: Option<String>,
    session_key: Option<String>,
}

impl Key {
    pub(crate) fn new(account: &Account, options: &Options) -> Self {
        Key {
            service: account.service().to_owned(),
            account: account.bare_jid().to_ascii_lowercase(),
            name: account.name_beside_domain().map(str::to_owned),
            // A name in the JID is the key; without one the app may tell its sessions apart.
            session_key: options.session_key.clone().filter(|_| account.is_anonymous()),
        }
    }
}

/// Where the session of a room stands.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// It is being opened.
    Connecting,
    /// Stanzas flow.
    Up(SessionInfo),
    /// It is being closed, because somebody asked for it.
    Closing,
}

/// A tab in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) port: PortId,
    pub(crate) entry: Entry,
}

/// How a tab came into the room: what it hears when the session comes up, or does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    /// It opened the session.
    Opened,
    /// It joined with credentials.
    Joined,
    /// It joined without.
    Attached,
}

impl Entry {
    pub(crate) fn up(self) -> StatusCode {
        match self {
            Entry::Opened => StatusCode::Connected,
            Entry::Joined | Entry::Attached => StatusCode::Attached,
        }
    }
}

/// One session and the tabs that share it.
pub(crate) struct Room<T> {
    pub(crate) key: Key,
    pub(crate) session: Session,
    pub(crate) socket: SocketId,
    pub(crate) options: Options,
    pub(crate) phase: Phase,
    /// In the order in which they came.
    pub(crate) members: Vec<Member>,
    /// Tabs with other credentials, who wait for the outcome of this attempt.
    pub(crate) contenders: Vec<(PortId, Account, Options)>,
    pub(crate) primary: Option<PortId>,
    /// The position of the latest inbound stanza.
    pub(crate) position: Position,
    pub(crate) asks: Asks,
    pub(crate) demands: Demands<T>,
}

impl<T: Clone> Room<T> {
    pub(crate) fn new(key: Key, session: Session, socket: SocketId, options: Options) -> Self {
        Room {
            key,
            session,
            socket,
            options,
            phase: Phase::Connecting,
            members: Vec::new(),
            contenders: Vec::new(),
            primary: None,
            position: 0,
            asks: Asks::default(),
            demands: Demands::default(),
        }
    }

    /// The full JID, once there is one.
    pub(crate) fn jid(&self) -> Option<&str> {
        match &self.phase {
            Phase::Up(info) => Some(&info.jid),
            _ => None,
        }
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = PortId> {
        self.members.iter().map(|member| member.port)
    }

    /// The tabs in the order in which they are asked: the primary first.
    pub(crate) fn ports_primary_first(&self) -> impl Iterator<Item = PortId> {
        self.primary.into_iter().chain(self.ports().filter(|port| Some(*port) != self.primary))
    }

    /// Sees to it that exactly one tab is primary, a visible one if there is one; who changed, and to what.
    pub(crate) fn elect(&mut self, visible: impl Fn(PortId) -> bool) -> Vec<(PortId, Role)> {
        let present = |port: &PortId| self.members.iter().any(|member| member.port == *port);
        let incumbent = self.primary.filter(present);
        let elected = incumbent
            .filter(|port| visible(*port))
            .or_else(|| self.ports().find(|port| visible(*port)))
            .or(incumbent)
            .or_else(|| self.ports().next());
        if elected == self.primary {
            return Vec::new();
        }
        self.primary = elected;
        let deposed = incumbent.map(|port| (port, Role::Secondary));
        deposed.into_iter().chain(elected.map(|port| (port, Role::Primary))).collect()
    }
}

/// A tab's credentials, being tried on a stream of their own while the session they are for goes on untouched.
pub(crate) struct Trial {
    /// Whose they are; nobody's when the tab has thought better of it, so that the outcome touches nothing.
    pub(crate) port: Option<PortId>,
    pub(crate) session: Session,
    pub(crate) options: Options,
    pub(crate) verified: bool,
}

/// How long a session waits for a tab after the last one has left, and other limits an app may set later.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names this run of the worker; unique.
    pub boot: String,
    /// How long a session stays open without tabs.
    pub grace: Duration,
}
