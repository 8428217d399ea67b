//! A stanza from the server as the worker keeps it: its head, and its text.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{Criteria, Position, Seen, Selector};
use epode_session::stream::jid::{self, Unicode};
use epode_session::stream::xml::Head;

/// A stanza from the server, with its position.
#[derive(Debug)]
pub(crate) struct Inbound<T> {
    pub(crate) position: Position,
    pub(crate) head: Head,
    pub(crate) text: T,
    /// The length of the text in bytes of UTF-8.
    pub(crate) size: usize,
    /// The sender in prepared form, where that differs from the form in the stanza.
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

    /// The sender in prepared form.
    pub(crate) fn from(&self) -> Option<&str> {
        self.prepared.as_deref().or(self.head.from.as_deref())
    }

    /// Whether the stanza is an IQ. An IQ goes to one tab or to all, whatever else is claimed.
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

    /// Whether a claim matches.
    pub(crate) fn is_claimed_by(&self, selector: &Selector) -> bool {
        match selector {
            Selector::Stanza(criteria) => self.meets(criteria),
            Selector::Everything => true,
            Selector::Sent => false,
        }
    }
}

/// The stanzas in the order of their positions, each once. Most come in that order already, so most
/// are appended.
pub(crate) fn in_order<'a, T: 'a>(inbounds: impl Iterator<Item = &'a Rc<Inbound<T>>>) -> Vec<Rc<Inbound<T>>> {
    let mut ordered: Vec<Rc<Inbound<T>>> = Vec::new();
    for inbound in inbounds {
        if let Err(at) = ordered.binary_search_by_key(&inbound.position, |known| known.position) {
            ordered.insert(at, inbound.clone());
        }
    }
    ordered
}

/// The most stanzas, and bytes of them, that a session keeps for claims that are on their way.
const REMEMBERED: usize = 512;
const REMEMBERED_BYTES: usize = 2 << 20;

/// The longest time that a claim made outside of any stanza may be on its way.
pub(crate) const TRANSIT: Duration = Duration::from_secs(10);

/// Stanzas within this time count as simultaneous: a claim gets all of them or none. The clocks of
/// a tab and the worker may differ by as much.
pub(crate) const SAME_INSTANT: Duration = Duration::from_millis(4);

/// The latest messages and presences of a session, in which each new claim is looked up.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    recent: VecDeque<Rc<Inbound<T>>>,
    bytes: usize,
    /// The latest position that was dropped from the ring.
    forgotten: Position,
    /// Moments at which stanzas came of late, each with the position before it. They reach back
    /// further than the stanzas of the ring.
    moments: VecDeque<(Duration, Position)>,
}

impl<T> Ring<T> {
    /// A ring for stanzas after this position.
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

    /// The last position surely older than `since`, with 8 ms of slack for the two clocks; `None`
    /// if nothing has come since.
    pub(crate) fn before(&self, since: Duration) -> Option<Position> {
        let mut moments = self.moments.iter();
        moments.find(|(began, _)| *began + 2 * SAME_INSTANT >= since).map(|(_, before)| *before)
    }

    /// The stanzas after this position, as far as they are kept.
    pub(crate) fn behind(&self, position: Position) -> impl Iterator<Item = &Rc<Inbound<T>>> {
        let start = self.recent.partition_point(|inbound| inbound.position <= position);
        self.recent.range(start..)
    }

    /// The latest position that is not kept any more, or the one before the first.
    pub(crate) fn forgotten(&self) -> Position {
        self.forgotten
    }
}
