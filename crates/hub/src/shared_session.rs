//! One session and the tabs that share it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{ClaimId, Options, Position, Role, Selector, SessionInfo, Status, StatusCode};
use epode_session::Account;
use epode_session::stream::jid::{self, Unicode};
use epode_session::stream::sasl::Secret;

use crate::connection::Connection;
use crate::inbound::{Inbound, Ring};
use crate::iq::{IncomingRequests, OutgoingRequests};
use crate::key::Key;
use crate::mailbox::{Gap, TOO_MANY};
use crate::{PortId, Table};

/// How many presences are remembered for tabs that join late, and what one may have in bytes.
const PRESENT: usize = 8192;
const LARGE: usize = 8 << 10;

/// Where a shared session stands.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// It is being opened, for the first time.
    Connecting,
    /// It waits, the first time, for a tab to say that a resource is to be bound.
    Unbound,
    /// Stanzas flow.
    Up(SessionInfo),
    /// It was up, and is being opened again.
    Reconnecting,
    /// It is being closed, because somebody asked for it.
    Closing,
}

/// How a tab came into the session: what it hears when the session comes up, or does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JoinKind {
    /// It opened the session.
    Opened,
    /// It joined with credentials.
    Joined,
    /// It joined without.
    Attached,
}

impl JoinKind {
    pub(crate) fn up(self) -> StatusCode {
        match self {
            JoinKind::Opened => StatusCode::Connected,
            JoinKind::Joined | JoinKind::Attached => StatusCode::Attached,
        }
    }
}

/// A claim that holds.
#[derive(Debug)]
pub(crate) struct ActiveClaim {
    pub(crate) selector: Selector,
    /// What came behind this position for it, the tab was given.
    pub(crate) since: Position,
}

/// A tab in a shared session.
#[derive(Debug)]
pub(crate) struct Member<T> {
    pub(crate) port: PortId,
    pub(crate) entry: JoinKind,
    /// What it wants to hear.
    pub(crate) claims: Vec<(ClaimId, ActiveClaim)>,
    /// What it hears begins behind this position.
    pub(crate) start: Position,
    /// It was told of what was dropped up to this position, or need not be.
    pub(crate) told: Position,
    /// What was kept for the page before it, until this one is admitted: however long that takes, it came
    /// back in time.
    pub(crate) parked: Option<Parked<T>>,
    /// What came for the page before it and was not handled there, for the claims it makes to begin with.
    pub(crate) backlog: Vec<Rc<Inbound<T>>>,
    /// What that page wanted to hear, of all that came until this one was admitted.
    pub(crate) former_claims: Vec<ActiveClaim>,
    /// The position of the session then.
    pub(crate) admitted: Position,
    /// Whether it brought the credentials that the session is opened with.
    pub(crate) has_credentials: bool,
    /// The mechanisms that live in it, and that it brought.
    pub(crate) own_mechanisms: Vec<String>,
}

impl<T> Member<T> {
    pub(crate) fn new(port: PortId, entry: JoinKind, start: Position) -> Self {
        Member {
            port,
            entry,
            claims: Vec::new(),
            start,
            told: start,
            parked: None,
            backlog: Vec::new(),
            former_claims: Vec::new(),
            admitted: 0,
            has_credentials: entry != JoinKind::Attached,
            own_mechanisms: Vec::new(),
        }
    }

    pub(crate) fn claims(&self, inbound: &Inbound<T>) -> bool {
        self.claims.iter().any(|(_, claim)| inbound.is_claimed_by(&claim.selector))
    }

    /// Whether one of its handlers, not only a hook, is for this stanza.
    pub(crate) fn handles(&self, inbound: &Inbound<T>) -> bool {
        let handles =
            |selector: &Selector| matches!(selector, Selector::Stanza(criteria) if inbound.meets(criteria));
        self.claims.iter().any(|(_, claim)| handles(&claim.selector))
    }

    pub(crate) fn claims_sent(&self) -> bool {
        self.claims.iter().any(|(_, claim)| claim.selector == Selector::Sent)
    }
}

/// A tab that is reloading: what arrives for it is kept a while.
#[derive(Debug)]
pub(crate) struct Parked<T> {
    pub(crate) tab: String,
    pub(crate) claims: Vec<ActiveClaim>,
    /// What the page could hear began behind this position.
    pub(crate) start: Position,
    /// In order; bounded like the queue of a tab.
    pub(crate) kept: VecDeque<Rc<Inbound<T>>>,
    pub(crate) bytes: usize,
    /// What had to be given up.
    pub(crate) gap: Option<Gap>,
    pub(crate) until: Duration,
}

impl<T> Parked<T> {
    pub(crate) fn keep(&mut self, inbound: &Rc<Inbound<T>>, options: &Options) {
        if !self.claims.iter().any(|claim| inbound.is_claimed_by(&claim.selector)) {
            return;
        }
        self.bytes += inbound.size;
        self.kept.push_back(inbound.clone());
        self.trim(options);
    }

    /// Gives up the oldest of what is too much.
    pub(crate) fn trim(&mut self, options: &Options) {
        let (stanzas, bytes) = (options.queue_stanzas as usize, options.queue_size as usize);
        while self.kept.len() > stanzas || self.bytes > bytes {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.size;
            let given_up = Gap::at(oldest.position, TOO_MANY);
            self.gap = Some(self.gap.map_or(given_up, |gap| gap.and(given_up)));
        }
    }
}

/// One session and the tabs that share it.
pub(crate) struct SharedSession<T> {
    pub(crate) connection: Connection,
    pub(crate) phase: Phase,
    /// Whom the server bound last, as it is compared: what pages know the session by. A name beside a domain,
    /// or none, does not say it.
    pub(crate) bound: Option<String>,
    /// In the order in which they came.
    pub(crate) members: Vec<Member<T>>,
    pub(crate) parked: Vec<Parked<T>>,
    pub(crate) primary: Option<PortId>,
    /// Its stanzas come behind this position.
    pub(crate) start: Position,
    /// The position of the latest inbound stanza.
    pub(crate) position: Position,
    pub(crate) ring: Ring<T>,
    /// Frames that were dropped of late, oldest first.
    pub(crate) missing: VecDeque<Gap>,
    /// What tabs that come while it is being opened again hear of that, as the others did.
    pub(crate) down: Option<Status>,
    /// Who is there now, by full JID, for tabs that join late.
    pub(crate) presences: Table<Box<str>, Rc<Inbound<T>>>,
    /// The undirected presence that was sent last.
    pub(crate) own_presence: Option<String>,
    /// The `unavailable` of a tab that may be closing, and whether it is sent will be seen.
    pub(crate) farewell: Option<(PortId, T)>,
    pub(crate) outgoing: OutgoingRequests,
    pub(crate) incoming: IncomingRequests<T>,
    /// Under which name this worker owns the session.
    pub(crate) owned: Option<String>,
    /// Why the session is being closed, if nobody here asked for it.
    pub(crate) handed_over: Option<&'static str>,
    /// XEP-0352, where the server offers it: whether it believes that nobody looks.
    pub(crate) inactive: Option<bool>,
}

impl<T: Clone> SharedSession<T> {
    pub(crate) fn new(connection: Connection, start: Position) -> Self {
        SharedSession {
            connection,
            phase: Phase::Connecting,
            bound: None,
            members: Vec::new(),
            parked: Vec::new(),
            primary: None,
            start,
            position: start,
            ring: Ring::new(start),
            missing: VecDeque::new(),
            down: None,
            presences: Table::default(),
            own_presence: None,
            farewell: None,
            outgoing: OutgoingRequests::default(),
            incoming: IncomingRequests::default(),
            owned: None,
            handed_over: None,
            inactive: None,
        }
    }

    /// The full JID, while the session is up.
    pub(crate) fn jid(&self) -> Option<&str> {
        match &self.phase {
            Phase::Up(info) => Some(&info.jid),
            _ => None,
        }
    }

    /// Whether a page means this session when it names this bare JID, in its prepared form.
    pub(crate) fn is_of(&self, account: &str) -> bool {
        self.connection.key.account == account || self.bound.as_deref() == Some(account)
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    pub(crate) fn ports(&self) -> Vec<PortId> {
        self.members.iter().map(|member| member.port).collect()
    }

    pub(crate) fn member(&mut self, port: PortId) -> Option<&mut Member<T>> {
        self.members.iter_mut().find(|member| member.port == port)
    }

    /// Takes what is kept for the next page of this tab, if it comes in time.
    pub(crate) fn take_parked(&mut self, tab: &str, now: Duration) -> Option<Parked<T>> {
        self.parked.retain(|parked| parked.until > now);
        let at = self.parked.iter().position(|parked| parked.tab == tab)?;
        Some(self.parked.remove(at))
    }

    /// Keeps the books of who is there: of each, what they said last. Not of the occupants of rooms
    /// (XEP-0045): whoever leaves a room hears nothing of the others in it any more, and every tab that
    /// enters it hears of them anew.
    pub(crate) fn note_presence(&mut self, inbound: &Rc<Inbound<T>>) {
        const OCCUPANT: &str = "http://jabber.org/protocol/muc#user";
        let Some(from) = inbound.from() else { return };
        if inbound.head.namespaces.iter().any(|namespace| &**namespace == OCCUPANT) {
            return;
        }
        match inbound.head.kind.as_deref() {
            // Whoever is there already is; of strangers, who can be there as often as they like, no more are
            // remembered than that.
            None if inbound.size <= LARGE
                && (self.presences.contains_key(from) || self.presences.keys().count() < PRESENT) =>
            {
                self.presences.insert(from.into(), inbound.clone());
            }
            None => drop(self.presences.remove(from)),
            // Of a bare JID: none of its resources is there any more.
            Some("unavailable") if !from.contains('/') => {
                let gone: Vec<_> =
                    self.presences.keys().filter(|there| jid::bare(there) == from).cloned().collect();
                for there in gone {
                    self.presences.remove(&there);
                }
            }
            Some("unavailable" | "error") => {
                self.presences.remove(from);
            }
            Some(_) => {}
        }
    }

    /// The tabs whose handlers are for this stanza, in the order in which they are asked: the primary first.
    pub(crate) fn handlers_of(&self, inbound: &Inbound<T>) -> Vec<PortId> {
        let handles = self.members.iter().filter(|member| member.handles(inbound)).map(|member| member.port);
        let (primary, others): (Vec<_>, Vec<_>) = handles.partition(|port| Some(*port) == self.primary);
        primary.into_iter().chain(others).collect()
    }

    /// Sees to it that exactly one tab is primary: one that is awake and visible, if there is one; who
    /// changed, and to what.
    pub(crate) fn elect(&mut self, fit: impl Fn(PortId) -> Fitness) -> Vec<(PortId, Role)> {
        let incumbent = self.primary.filter(|port| self.members.iter().any(|member| member.port == *port));
        // Of equals the incumbent, then the one that came first.
        let rank = |port: PortId| (fit(port), Some(port) == incumbent);
        let elected = self.members.iter().rev().map(|member| member.port).max_by_key(|port| rank(*port));
        if elected == self.primary {
            return Vec::new();
        }
        self.primary = elected;
        let deposed = incumbent.map(|port| (port, Role::Secondary));
        deposed.into_iter().chain(elected.map(|port| (port, Role::Primary))).collect()
    }
}

/// How fit a tab is for what must be done once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fitness {
    Asleep,
    Hidden,
    Visible,
}

/// A tab whose credentials wait until the account is free: of one account one login is under way at a time.
pub(crate) struct Contender {
    pub(crate) port: PortId,
    pub(crate) key: Key,
    pub(crate) account: Account,
    pub(crate) options: Options,
}

/// A tab's credentials, being tried on a stream of their own while the session they are for goes on
/// untouched.
pub(crate) struct Trial {
    pub(crate) connection: Connection,
    /// Whose they are; nobody's when the tab has thought better of it, so that the outcome touches nothing.
    pub(crate) port: Option<PortId>,
    pub(crate) verified: bool,
}

/// What a worker needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names this run of the worker; unique.
    pub boot: String,
    /// The Web Lock that the worker holds, where the browser has locks.
    pub lock: Option<String>,
    /// Whether tabs share their sessions. Else each port has its own, which end with it: so where every page
    /// has an engine to itself.
    pub shared: bool,
    /// Whether it stands in for a worker that runs and does not answer, and has the sessions of its tabs
    /// still: then nothing is taken from that one, neither a session by its name nor a resource, and the tabs
    /// hear of it.
    pub detour: bool,
    /// How long a shared session stays open without tabs.
    pub grace: Duration,
    /// Sets the jitter of later dials.
    pub seed: u64,
    /// Fresh randomness, 128 bits or more, that nobody else is told: by it a proof is known again that was
    /// refused.
    pub secret: Secret,
    /// What names, passwords and JIDs are compared by.
    pub unicode: Unicode,
}
