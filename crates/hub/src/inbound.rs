//! A stanza from the server, as the worker keeps it: what was read of it, and its text.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{Criteria, Position, Seen, Selector};
use epode_session::stream::jid::{self, Unicode};
use epode_session::stream::xml::Head;

/// A stanza from the server, under its position.
#[derive(Debug)]
pub(crate) struct Inbound<T> {
    pub(crate) position: Position,
    pub(crate) head: Head,
    pub(crate) text: T,
    /// In bytes of its text.
    pub(crate) size: usize,
    /// The sender as it is compared, where that is not as it is written.
    prepared: Option<Box<str>>,
}

impl<T> Inbound<T> {
    pub(crate) fn new(position: Position, head: Head, text: T, size: usize, unicode: &Unicode) -> Self {
        let prepared = match head.from.as_deref().map(|from| jid::prepared(from, unicode)) {
            Some(Cow::Owned(prepared)) => Some(prepared.into()),
            _ => None,
        };
        Inbound { position, head, text, size, prepared }
    }

    /// The sender as it is compared.
    pub(crate) fn from(&self) -> Option<&str> {
        self.prepared.as_deref().or(self.head.from.as_deref())
    }

    /// Whether the stanza is an IQ: what it asks or answers is for one tab, or for all of an account,
    /// whatever else is claimed.
    pub(crate) fn is_iq(&self) -> bool {
        self.head.tag.rsplit(':').next() == Some("iq")
    }

    pub(crate) fn is_presence(&self) -> bool {
        self.head.tag.rsplit(':').next() == Some("presence")
    }

    /// Whether it meets a handler's criteria.
    pub(crate) fn meets(&self, criteria: &Criteria) -> bool {
        criteria.met_by(&Seen {
            tag: &self.head.tag,
            kind: self.head.kind.as_deref(),
            id: self.head.id.as_deref(),
            from: self.from(),
            namespaces: &self.head.namespaces,
        })
    }

    /// Whether a claim is for it.
    pub(crate) fn is_claimed_by(&self, selector: &Selector) -> bool {
        match selector {
            Selector::Stanza(criteria) => self.meets(criteria),
            Selector::Everything => true,
            Selector::Sent => false,
        }
    }
}

/// These in the order of their positions, each once. Most come in that order, so most are put at the end.
pub(crate) fn in_order<'a, T: 'a>(inbounds: impl Iterator<Item = &'a Rc<Inbound<T>>>) -> Vec<Rc<Inbound<T>>> {
    let mut ordered: Vec<Rc<Inbound<T>>> = Vec::new();
    for inbound in inbounds {
        if let Err(at) = ordered.binary_search_by_key(&inbound.position, |known| known.position) {
            ordered.insert(at, inbound.clone());
        }
    }
    ordered
}

/// How many stanzas, and how many bytes of them, a session remembers for claims that are on their way.
const REMEMBERED: usize = 512;
const REMEMBERED_BYTES: usize = 2 << 20;

/// How long a claim may be on its way that was made outside of any stanza.
pub(crate) const TRANSIT: Duration = Duration::from_secs(10);

/// What comes within this time counts as one moment, of which a claim hears all or nothing; and so far may
/// the clocks of a tab and the worker differ.
pub(crate) const SAME_INSTANT: Duration = Duration::from_millis(4);

/// The latest messages and presences of a session: claims are looked up here again.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    recent: VecDeque<Rc<Inbound<T>>>,
    bytes: usize,
    /// The latest position that was forgotten.
    forgotten: Position,
    /// When something came of late, and the position before it: also of what the ring has forgotten.
    moments: VecDeque<(Duration, Position)>,
}

impl<T> Ring<T> {
    /// That of a session whose stanzas come behind this position.
    pub(crate) fn new(start: Position) -> Self {
        Ring { recent: VecDeque::new(), bytes: 0, forgotten: start, moments: VecDeque::new() }
    }

    pub(crate) fn remember(&mut self, now: Duration, inbound: Rc<Inbound<T>>) {
        if self.moments.back().is_none_or(|(began, _)| *began + SAME_INSTANT < now) {
            while self.moments.pop_front_if(|(began, _)| *began + TRANSIT + 2 * SAME_INSTANT < now).is_some()
            {
            }
            self.moments.push_back((now, inbound.position - 1));
        }
        self.bytes += inbound.size;
        self.recent.push_back(inbound);
        while self.recent.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
            let Some(inbound) = self.recent.pop_front() else { return };
            self.bytes -= inbound.size;
            self.forgotten = inbound.position;
        }
    }

    /// The position behind which all is that has come since, and may be what came shortly before; `None` if
    /// nothing has.
    pub(crate) fn before(&self, since: Duration) -> Option<Position> {
        let mut moments = self.moments.iter();
        moments.find(|(began, _)| *began + 2 * SAME_INSTANT >= since).map(|(_, before)| *before)
    }

    /// What came behind this position, as far as it is remembered.
    pub(crate) fn behind(&self, position: Position) -> impl Iterator<Item = &Rc<Inbound<T>>> {
        let start = self.recent.partition_point(|inbound| inbound.position <= position);
        self.recent.range(start..)
    }

    /// The latest position that is not remembered any more, or the one before the first.
    pub(crate) fn forgotten(&self) -> Position {
        self.forgotten
    }
}
