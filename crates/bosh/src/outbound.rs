//! From the stream's frames to requests.

use std::time::Duration;

use epode_xml::{Element, is_blank};

use crate::body::{Tag, ns};
use crate::request::{Attempt, Request};
use crate::timer::Timer;
use crate::{Bosh, Cache, Carries, Error, LAST_RID, Output, Phase, RequestId};

/// The size of a body with more than one stanza: ejabberd refuses a body that is larger than its limit for
/// stanzas, by HTTP status 403, and 256 KiB is a common limit.
const BATCH: usize = 256 << 10;

/// The size of the stanzas in a body; the rest is for the tag.
const STANZAS: usize = BATCH - 1024;

/// The time for a request to arrive, before the repetition of another one leaves.
const OVERTAKING: Duration = Duration::from_millis(250);

/// A frame of the stream that no body carries yet.
pub(crate) enum Item {
    /// A stanza, and whether the stream wants to hear that the server has it.
    Stanza(String, bool),
    /// The stream's second `<open/>`.
    Restart(Box<Element>),
    End,
}

impl Bosh {
    /// Queues a frame of the stream.
    pub(crate) fn frame(&mut self, text: &str, counts: bool) {
        if self.closing || self.phase != Phase::Open {
            return;
        }
        self.pace.note_said();
        let text = without_declaration(text);
        let control = (text.starts_with("<open") || text.starts_with("<close"))
            .then(|| Element::parse(text, &self.limits).ok())
            .flatten();
        match control {
            Some(open) if open.is("open", ns::FRAMING) => {
                // The session request has carried the first `<open/>`.
                if std::mem::replace(&mut self.header.greeted, true) {
                    self.header.told = false;
                    self.queue.push_back(Item::Restart(Box::new(open)));
                }
            }
            Some(close) if close.is("close", ns::FRAMING) => {
                self.closing = true;
                self.queue.push_back(Item::End);
            }
            // A stream error needs the condition `remote-stream-error` (XEP-0206 §2), which only servers use:
            // the terminating body has to say enough.
            _ if text.starts_with("<stream:error") || is_blank(text) => {}
            _ => self.queue.push_back(Item::Stanza(text.to_owned(), counts)),
        }
    }

    /// Sends the requests that may leave, and tells the numbers for a later page first.
    pub(crate) fn end_of_task(&mut self) {
        // While the line is down, stanzas collect for one body.
        let is_up = !self.timers.runs(Timer::Repeat);
        while is_up && self.make_request() {}
        self.tell_cache();
        if is_up {
            self.send_what_is_due();
        }
        if self.phase != Phase::Requesting {
            self.watch();
        }
    }

    /// Repeats requests in order, each when those before it had the time to arrive; then sends what is new.
    fn send_what_is_due(&mut self) {
        self.timers.clear(Timer::Order);
        while let Some(at) = self.next_repetition() {
            if let Some(earliest) = self.has_to_wait(self.earliest_repetition(at)) {
                return self.timers.set(Timer::Order, earliest);
            }
            self.send(at);
        }
        while let Some(at) = self.requests.iter().position(Request::is_new) {
            // The repetition of a request that had not arrived would arrive behind this one.
            let repeated = self.requests.iter().filter(|one| one.failures > 0 && !self.keeps_broken);
            let earliest = repeated.filter_map(Request::left).max().map(|left| left + OVERTAKING);
            if let Some(earliest) = self.has_to_wait(earliest) {
                return self.timers.set(Timer::Order, earliest);
            }
            self.send(at);
        }
    }

    /// Until when a request waits, if not until now. A page that is unloaded waits for nothing.
    fn has_to_wait(&self, earliest: Option<Duration>) -> Option<Duration> {
        earliest.filter(|earliest| self.now < *earliest && self.phase != Phase::Deaf)
    }

    /// The request to repeat next: the lowest rid, but at a server that keeps broken connections the
    /// highest. If both connections broke, such a server may have the higher request without the lower. After
    /// the lower it would say all that follows to the broken connection, whose place a repetition of the
    /// higher takes.
    fn next_repetition(&self) -> Option<usize> {
        match self.keeps_broken {
            true => self.requests.iter().rposition(|one| one.is_due() && one.carries != Carries::Farewell),
            false => None,
        }
        .or_else(|| self.requests.iter().position(Request::is_due))
    }

    /// When a request may be repeated, if another has to arrive before.
    fn earliest_repetition(&self, at: usize) -> Option<Duration> {
        let rid = self.requests[at].rid;
        let goes_before = |one: &&Request| match self.keeps_broken {
            true => one.rid > rid && one.carries != Carries::Farewell,
            false => one.rid < rid,
        };
        self.requests.iter().filter(goes_before).filter_map(Request::left).max().map(|left| left + OVERTAKING)
    }

    fn send(&mut self, at: usize) {
        // The session request has one deadline for both attempts.
        if self.phase != Phase::Requesting {
            let by = self.now + self.terms.answer_time();
            self.timers.set(Timer::Answer(self.requests[at].rid), by);
        }
        self.attempts = self.attempts.wrapping_add(1);
        let id = RequestId(self.attempts);
        let request = &mut self.requests[at];
        request.attempt = Attempt::UnderWay(id);
        request.sent = self.now;
        let body = request.body.to_string();
        self.outputs.push_back(Output::Request { id, body, carries: request.carries });
    }

    /// Makes the next request, if one is needed and allowed.
    fn make_request(&mut self) -> bool {
        if self.phase == Phase::Requesting || self.is_closed() {
            return false;
        }
        let is_needed = self.requests.is_empty() || !self.queue.is_empty();
        if !is_needed || self.requests.len() >= self.slots() {
            return false;
        }
        // A server that knows this rid from a former page would ignore the stanzas.
        let stale = self.next < self.unused;
        let empty = stale || self.queue.is_empty();
        let earliest = self.pace.earliest(&self.terms, empty);
        if self.now < earliest {
            self.timers.set(Timer::Poll, earliest);
            return false;
        }
        if self.next > LAST_RID {
            self.finish(Some(Error::RidsSpent));
            return false;
        }
        let lowest = self.requests.front().map(|request| request.rid);
        let tag = Tag::within(self.next, &self.sid, lowest.map(|lowest| lowest.saturating_sub(1)));
        let (body, carries, stanzas) =
            if empty { (tag.around(""), Carries::Nothing, 0) } else { self.load(tag) };
        self.push_request(body, carries, stanzas);
        true
    }

    fn tell_cache(&mut self) {
        let lowest = self.requests.front().map_or(self.next, |request| request.rid);
        // A restored page keeps the rids of its predecessor in mind for its successor.
        let next = self.next.max(self.unused);
        if self.told != (next, lowest) && !self.sid.is_empty() && !self.is_closed() {
            self.told = (next, lowest);
            let cache = Cache { sid: self.sid.clone(), next, lowest };
            self.outputs.push_back(Output::Cache(cache));
        }
    }

    /// The number of requests that may be unanswered. XEP-0124 §11 allows an extra request that terminates.
    /// Only a stream that is gone uses the extra request: Prosody can put two requests in order, not three.
    fn slots(&self) -> usize {
        let queued: usize = self.queue.iter().map(Item::size).sum();
        self.terms.slots() + usize::from(self.phase == Phase::Deaf && queued <= STANZAS)
    }

    /// Fills a body from the queue: with a restart alone, or with the stanzas that fit and the end of the
    /// session. The number of stanzas is that of those which count.
    fn load(&mut self, tag: Tag) -> (String, Carries, u32) {
        if let Some(Item::Restart(_)) = self.queue.front()
            && let Some(Item::Restart(open)) = self.queue.pop_front()
        {
            return (tag.restart(&open).around(""), Carries::Something, 0);
        }
        let (mut stanzas, mut count) = (String::new(), 0);
        while let Some(Item::Stanza(text, counts)) = self.queue.front() {
            if !stanzas.is_empty() && stanzas.len() + text.len() > STANZAS {
                break;
            }
            stanzas.push_str(text);
            count += u32::from(*counts);
            self.queue.pop_front();
        }
        match self.queue.front() {
            Some(Item::End) => {
                self.queue.pop_front();
                (tag.terminate().around(&stanzas), Carries::Farewell, count)
            }
            _ => (tag.around(&stanzas), Carries::Something, count),
        }
    }
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Item::Stanza(text, _) => text.len(),
            Item::Restart(_) | Item::End => 0,
        }
    }
}

/// A frame is a document and may begin with an XML declaration (RFC 7395 §3.3.3); an element in a body may
/// not.
fn without_declaration(text: &str) -> &str {
    match text.split_once("?>") {
        Some((declaration, rest)) if declaration.starts_with("<?xml") => rest.trim_start(),
        _ => text,
    }
}
