//! What others ask of the tabs.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::Position;
use epode_session::stream::jid::{self, Unicode};
use epode_session::stream::xml::{Head, Payload};

use super::answers;
use crate::inbound::Inbound;
use crate::{PortId, Table};

/// How long tabs may take to answer a ping, before the worker does: servers end a stream on which one is
/// unanswered for 15 s or so.
pub(crate) const PING: Duration = Duration::from_secs(2);

/// How many inbound requests of a session may wait for an answer, and how much they may weigh: as much as one
/// frame may.
const MOST: usize = 256;
const MOST_BYTES: usize = 8 << 20;

/// An IQ from outside that waits for the answer of a tab.
#[derive(Debug)]
pub(crate) struct IncomingRequest<T> {
    id: Box<str>,
    from: Option<Box<str>>,
    /// Whether it is the ping of somebody who knows that we are there.
    pong: bool,
    /// The request, for the next tab.
    text: T,
    size: usize,
    /// The tabs that were given it, are awake, and have not said that they cannot answer: of a push several.
    asked: Vec<PortId>,
    /// The tabs to ask after them, in order.
    next: VecDeque<PortId>,
}

/// The IQs from outside that wait for the answer of a tab, by position.
#[derive(Debug)]
pub(crate) struct IncomingRequests<T>(Table<Position, IncomingRequest<T>>);

impl<T> Default for IncomingRequests<T> {
    fn default() -> Self {
        IncomingRequests(Table::default())
    }
}

/// What is to be done about a request after a tab passed it up.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum NextStep<T> {
    /// Somebody is still at it, or it is settled.
    Wait,
    /// Give it to this tab.
    Ask(PortId, T),
    /// Nobody is left: the worker answers, this sender, this id; a ping by what was asked for, everything
    /// else by a refusal.
    Settle {
        /// Whom.
        to: Option<Box<str>>,
        /// The id of the request.
        id: Box<str>,
        /// Whether by an empty result.
        pong: bool,
    },
}

impl<T: Clone> IncomingRequests<T> {
    /// Enters a request to `own`: `asked` are given it now, `next` one after the other if none of them
    /// answers.
    pub(crate) fn enter(
        &mut self,
        inbound: &Inbound<T>,
        own: &str,
        unicode: &Unicode,
        asked: Vec<PortId>,
        next: Vec<PortId>,
    ) {
        let Inbound { position, head, text, size, .. } = inbound;
        let (id, from) = (head.id.clone().unwrap_or_default(), head.from.clone());
        let pong = is_ping(head) && answers(None, from.as_deref(), own, unicode);
        let request =
            IncomingRequest { id, from, pong, text: text.clone(), size: *size, asked, next: next.into() };
        self.0.insert(*position, request);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.keys().count()
    }

    /// The positions of all of them; none is left afterwards.
    pub(crate) fn abandon(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.0).into_iter().map(|(position, _)| position).collect()
    }

    /// The oldest of them, if there are too many.
    pub(crate) fn excess(&self) -> Option<Position> {
        let (mut count, mut bytes) = (0, 0);
        for request in self.0.values() {
            (count, bytes) = (count + 1, bytes + request.size);
        }
        (count > MOST || bytes > MOST_BYTES).then(|| self.0.keys().next().copied()).flatten()
    }

    /// This tab cannot answer: if it was the last that might, whose turn is it?
    pub(crate) fn passed(
        &mut self,
        position: Position,
        port: PortId,
        can_answer: impl Fn(PortId) -> bool,
    ) -> NextStep<T> {
        let Some(request) = self.0.get_mut(&position) else { return NextStep::Wait };
        request.asked.retain(|asked| *asked != port);
        match request.asked.is_empty() {
            true => self.next_candidate(position, can_answer),
            // Another is at it; of a push several may be.
            false => NextStep::Wait,
        }
    }

    /// Nobody is at it: whose turn is it?
    pub(crate) fn next_candidate(
        &mut self,
        position: Position,
        can_answer: impl Fn(PortId) -> bool,
    ) -> NextStep<T> {
        let Some(request) = self.0.get_mut(&position) else { return NextStep::Wait };
        while let Some(next) = request.next.pop_front() {
            if can_answer(next) {
                request.asked.push(next);
                return NextStep::Ask(next, request.text.clone());
            }
        }
        self.settle(position)
    }

    /// Nobody is to answer it any more.
    pub(crate) fn settle(&mut self, position: Position) -> NextStep<T> {
        match self.0.remove(&position) {
            Some(IncomingRequest { from: to, id, pong, .. }) => NextStep::Settle { to, id, pong },
            None => NextStep::Wait,
        }
    }

    /// The positions of those that this tab is at.
    pub(crate) fn of(&self, port: PortId) -> Vec<Position> {
        let of_port = self.0.iter().filter(|(_, request)| request.asked.contains(&port));
        of_port.map(|(position, _)| *position).collect()
    }

    /// Strikes out the request that this stanza of a tab answers. Only the first answer finds one.
    pub(crate) fn answered(&mut self, head: &Head, own: &str, unicode: &Unicode) -> Option<Position> {
        let id = head.id.as_ref()?;
        let ours = |from: &Option<Box<str>>| answers(head.to.as_deref(), from.as_deref(), own, unicode);
        let position = *self.0.iter().find(|(_, request)| request.id == *id && ours(&request.from))?.0;
        self.0.remove(&position);
        Some(position)
    }
}

/// Whether a request only wants to know that somebody is there (XEP-0199 §4).
pub(crate) fn is_ping(head: &Head) -> bool {
    let is_ping = |payload: &Payload| &*payload.name == "ping" && &*payload.namespace == "urn:xmpp:ping";
    head.kind.as_deref() == Some("get") && head.payload.as_ref().is_some_and(is_ping)
}

/// Whether a request comes from our own account or server, for all tabs to hear: a roster or block list push
/// (RFC 6121 §2.1.6, XEP-0191).
pub(crate) fn is_push(head: &Head, own: &str, unicode: &Unicode) -> bool {
    let ours = [own, jid::bare(own), jid::domain(own)];
    let from_us = |from: &str| ours.iter().any(|own| jid::same(from, own, unicode));
    is_set(head) && head.from.as_deref().is_none_or(from_us)
}

/// Whether a request says what [a push](is_push) alone may say. An app that hears it need not look who says
/// so, and nobody else may change its roster (RFC 6121 §2.1.6), its block list (XEP-0191) or its privacy
/// lists (XEP-0016).
pub(crate) fn pushes(head: &Head) -> bool {
    const PUSHED: [&str; 3] = ["jabber:iq:roster", "urn:xmpp:blocking", "jabber:iq:privacy"];
    is_set(head) && head.namespaces.iter().any(|namespace| PUSHED.contains(&&**namespace))
}

fn is_set(head: &Head) -> bool {
    head.kind.as_deref() == Some("set")
}
