//! A tab in a shared session: how it joined, what it claims, what is kept for it while it reloads.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{ClaimId, Options, Position, Selector, StatusCode};

use crate::PortId;
use crate::inbound::{Inbound, Ring};
use crate::mailbox::{Gap, TOO_MANY};

/// How a tab came into the session, which decides the statuses that it hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JoinKind {
    /// It opened the session.
    Opened,
    /// It joined with credentials.
    Joined,
    /// It joined without credentials.
    Attached,
    /// The same, by the numbers of a BOSH session.
    Restored,
}

impl JoinKind {
    pub(crate) fn up(self) -> StatusCode {
        match self {
            JoinKind::Opened => StatusCode::Connected,
            JoinKind::Joined | JoinKind::Attached | JoinKind::Restored => StatusCode::Attached,
        }
    }
}

/// A claim that holds.
#[derive(Debug)]
pub(crate) struct ActiveClaim {
    pub(crate) selector: Selector,
    /// Everything after this position that matches has been posted.
    pub(crate) since: Position,
}

/// A tab in a shared session.
#[derive(Debug)]
pub(crate) struct Member<T> {
    pub(crate) port: PortId,
    pub(crate) entry: JoinKind,
    /// Its claims, by number.
    pub(crate) claims: Vec<(ClaimId, ActiveClaim)>,
    /// The tab hears stanzas after this position.
    pub(crate) start: Position,
    /// Whether the page has claimed something since its admission.
    pub(crate) has_claimed: bool,
    /// The position up to which the tab knows of dropped frames.
    pub(crate) told: Position,
    /// What was kept for its former page up to the admission of this one, or is kept for this one since
    /// its stream was lost, until this page claims something: before that the page has heard nothing,
    /// however long it takes, and may turn away or be unloaded.
    pub(crate) parked: Option<Parked<T>>,
    /// Stanzas that the former page had not acknowledged, for this page's first claims.
    pub(crate) backlog: Vec<Rc<Inbound<T>>>,
    /// The claims of the former page, or of this one on the former stream.
    pub(crate) former_claims: Vec<ActiveClaim>,
    /// The stanzas that were given up for the former page, as far as this page has not been told.
    pub(crate) given_up: Option<Gap>,
    /// The session's position at the admission, or before that when the tab joined; after a resumed
    /// stream the position of the first claim. Up to there everything was kept for the former claims.
    pub(crate) kept_to: Position,
    /// Whether the tab brought the credentials that the session uses.
    pub(crate) has_credentials: bool,
    /// The mechanisms that live in the tab.
    pub(crate) own_mechanisms: Vec<String>,
    /// Whether the tab keeps the numbers of the session over BOSH.
    pub(crate) keepalive: bool,
}

impl<T> Member<T> {
    pub(crate) fn new(port: PortId, entry: JoinKind, start: Position) -> Self {
        Member {
            port,
            entry,
            claims: Vec::new(),
            start,
            has_claimed: false,
            told: start,
            parked: None,
            backlog: Vec::new(),
            former_claims: Vec::new(),
            given_up: None,
            kept_to: start,
            has_credentials: matches!(entry, JoinKind::Opened | JoinKind::Joined),
            own_mechanisms: Vec::new(),
            keepalive: false,
        }
    }

    pub(crate) fn claims(&self, inbound: &Inbound<T>) -> bool {
        self.claims.iter().any(|(_, claim)| inbound.is_claimed_by(&claim.selector))
    }

    /// Whether one of its handlers, and not only a hook, is for this stanza.
    pub(crate) fn handles(&self, inbound: &Inbound<T>) -> bool {
        let handles =
            |selector: &Selector| matches!(selector, Selector::Stanza(criteria) if inbound.meets(criteria));
        self.claims.iter().any(|(_, claim)| handles(&claim.selector))
    }

    /// The stream is lost at this position, and may be resumed: what comes then waits for the claims that
    /// the page makes when it hears that the session is up again. The first claims of a page that has just
    /// come may be on their way: what came after the `recent` position waits, too.
    pub(crate) fn suspend(&mut self, tab: String, position: Position, recent: Position) {
        // A tab that was there when the stream was lost hears everything of the next one.
        self.entry = JoinKind::Opened;
        let claims = self.claims.drain(..).map(|(_, claim)| claim).collect();
        self.parked.get_or_insert(Parked {
            tab,
            claims,
            start: if self.has_claimed { position } else { self.start.max(recent) },
            kept: VecDeque::new(),
            bytes: 0,
            gap: None,
            until: Duration::MAX,
            resumes: true,
        });
    }

    /// The page has claimed something: from now on what was kept for it is its own.
    pub(crate) fn unpark(&mut self, position: Position) {
        let Some(Parked { mut kept, claims, gap, resumes, .. }) = self.parked.take() else { return };
        if resumes {
            self.kept_to = position;
        }
        kept.retain(|inbound| inbound.position > self.start);
        // A former page that had come further than a gap had read of it.
        let gap = gap.filter(|gap| gap.to > self.start);
        (self.backlog, self.former_claims, self.given_up) = (kept.into(), claims, gap);
    }

    /// Takes the part of what was given up that ends at this position.
    pub(crate) fn take_given_up(&mut self, up_to: Position) -> Option<Gap> {
        let gap = self.given_up.take_if(|gap| gap.from <= up_to)?;
        self.given_up = (up_to < gap.to).then_some(Gap { from: up_to + 1, ..gap });
        Some(Gap { to: gap.to.min(up_to), ..gap })
    }

    pub(crate) fn claims_sent(&self) -> bool {
        self.claims.iter().any(|(_, claim)| claim.selector == Selector::Sent)
    }
}

/// A tab that is reloading: stanzas are kept for its next page.
#[derive(Debug)]
pub(crate) struct Parked<T> {
    pub(crate) tab: String,
    pub(crate) claims: Vec<ActiveClaim>,
    /// The page heard stanzas after this position.
    pub(crate) start: Position,
    /// In order of position; bounded like a mailbox.
    pub(crate) kept: VecDeque<Rc<Inbound<T>>>,
    pub(crate) bytes: usize,
    /// The stanzas that were given up.
    pub(crate) gap: Option<Gap>,
    pub(crate) until: Duration,
    /// Whether all this is of the same page, whose stream was lost.
    pub(crate) resumes: bool,
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

    /// Keeps what came after this position, as far as the ring still has it.
    pub(crate) fn catch_up(&mut self, since: Position, ring: &Ring<T>, options: &Options) {
        let forgotten = ring.forgotten();
        if since < forgotten {
            self.give_up(Gap::between(since, forgotten));
        }
        ring.behind(since).for_each(|inbound| self.keep(inbound, options));
    }

    /// Gives up the oldest stanzas if there are too many.
    pub(crate) fn trim(&mut self, options: &Options) {
        let (stanzas, bytes) = (options.queue_stanzas as usize, options.queue_size as usize);
        while self.kept.len() > stanzas || self.bytes > bytes {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.size;
            self.give_up(Gap::at(oldest.position, TOO_MANY));
        }
    }

    fn give_up(&mut self, given_up: Gap) {
        self.gap = Some(self.gap.map_or(given_up, |gap| gap.and(given_up)));
    }
}
