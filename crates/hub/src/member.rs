//! A tab in a shared session: how it came in, what it claims, what is kept for it while it reloads.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{ClaimId, Options, Position, Selector, StatusCode};

use crate::PortId;
use crate::inbound::Inbound;
use crate::mailbox::{Gap, TOO_MANY};

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
