//! Requests from outside that wait for a tab's answer.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::Position;
use epode_session::stream::jid::{self, Unicode};
use epode_session::stream::xml::{Head, Payload};

use super::answers;
use crate::inbound::Inbound;
use crate::{PortId, Table};

/// How long tabs may take to answer a ping before the worker does. Servers end a stream after some
/// 15 s without an answer.
pub(crate) const PING: Duration = Duration::from_secs(2);

/// The most requests of a session that may wait for an answer, and their most bytes: as much as one
/// frame may have.
const MOST: usize = 256;
const MOST_BYTES: usize = 8 << 20;

/// A request from outside that waits for a tab's answer.
#[derive(Debug)]
pub(crate) struct IncomingRequest<T> {
    id: Box<str>,
    from: Option<Box<str>>,
    /// Whether the request is a ping from somebody who knows that we are there.
    pong: bool,
    /// The text of the request, for the next tab.
    text: T,
    size: usize,
    /// The awake tabs that were given the request and have not passed it on. A push has several.
    asked: Vec<PortId>,
    /// The tabs to ask next, in order.
    next: VecDeque<PortId>,
}

/// The requests from outside that wait for a tab's answer, by position.
#[derive(Debug)]
pub(crate) struct IncomingRequests<T>(Table<Position, IncomingRequest<T>>);

impl<T> Default for IncomingRequests<T> {
    fn default() -> Self {
        IncomingRequests(Table::default())
    }
}

/// The next step for a request that a tab passed on.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum NextStep<T> {
    /// None: another tab is at it, or it is settled.
    Wait,
    /// Give the request to this tab.
    Ask(PortId, T),
    /// No tab is left: the worker answers. A ping gets a result, any other request
    /// `service-unavailable`.
    Settle {
        /// The sender of the request.
        to: Option<Box<str>>,
        /// The id of the request.
        id: Box<str>,
        /// Whether the answer is an empty result.
        pong: bool,
    },
}

impl<T: Clone> IncomingRequests<T> {
    /// Enters a request to `own`. `asked` are given it now, `next` one after the other if none of
    /// them answers.
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

    /// Removes all requests, and returns their positions.
    pub(crate) fn abandon(&mut self) -> Vec<Position> {
        std::mem::take(&mut self.0).into_iter().map(|(position, _)| position).collect()
    }

    /// The positions of all requests.
    pub(crate) fn positions(&self) -> Vec<Position> {
        self.0.keys().copied().collect()
    }

    /// The oldest request, if there are too many.
    pub(crate) fn excess(&self) -> Option<Position> {
        let (mut count, mut bytes) = (0, 0);
        for request in self.0.values() {
            (count, bytes) = (count + 1, bytes + request.size);
        }
        (count > MOST || bytes > MOST_BYTES).then(|| self.0.keys().next().copied()).flatten()
    }

    /// A tab passes a request on; returns the next step.
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
            // Another tab was given it too: a push.
            false => NextStep::Wait,
        }
    }

    /// Asks the next tab, if one is left.
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

    /// Stops waiting for tabs.
    pub(crate) fn settle(&mut self, position: Position) -> NextStep<T> {
        match self.0.remove(&position) {
            Some(IncomingRequest { from: to, id, pong, .. }) => NextStep::Settle { to, id, pong },
            None => NextStep::Wait,
        }
    }

    /// The positions of the requests that this tab is at.
    pub(crate) fn of(&self, port: PortId) -> Vec<Position> {
        let of_port = self.0.iter().filter(|(_, request)| request.asked.contains(&port));
        of_port.map(|(position, _)| *position).collect()
    }

    /// Removes the request that this stanza of a tab answers. Only the first answer finds the
    /// request.
    pub(crate) fn answered(&mut self, head: &Head, own: &str, unicode: &Unicode) -> Option<Position> {
        let id = head.id.as_ref()?;
        let ours = |from: &Option<Box<str>>| answers(head.to.as_deref(), from.as_deref(), own, unicode);
        let position = *self.0.iter().find(|(_, request)| request.id == *id && ours(&request.from))?.0;
        self.0.remove(&position);
        Some(position)
    }
}

/// Whether a request is a ping (XEP-0199 §4).
pub(crate) fn is_ping(head: &Head) -> bool {
    let is_ping = |payload: &Payload| &*payload.name == "ping" && &*payload.namespace == "urn:xmpp:ping";
    head.kind.as_deref() == Some("get") && head.payload.as_ref().is_some_and(is_ping)
}

/// Whether a request is a push to all tabs: a roster or block list push from our own account or
/// server (RFC 6121 §2.1.6, XEP-0191).
pub(crate) fn is_push(head: &Head, own: &str, unicode: &Unicode) -> bool {
    let ours = [own, jid::bare(own), jid::domain(own)];
    let from_us = |from: &str| ours.iter().any(|own| jid::same(from, own, unicode));
    is_set(head) && head.from.as_deref().is_none_or(from_us)
}

/// Whether a request has content that only [a push](is_push) may have. Apps do not look who sends
/// it, and nobody else may change their roster (RFC 6121 §2.1.6), block list (XEP-0191) or privacy
/// lists (XEP-0016).
pub(crate) fn pushes(head: &Head) -> bool {
    const PUSHED: [&str; 3] = ["jabber:iq:roster", "urn:xmpp:blocking", "jabber:iq:privacy"];
    is_set(head) && head.namespaces.iter().any(|namespace| PUSHED.contains(&&**namespace))
}

fn is_set(head: &Head) -> bool {
    head.kind.as_deref() == Some("set")
}
