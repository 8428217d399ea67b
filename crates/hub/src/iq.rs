//! The books of what was asked: by tabs of the server and its users, and by those of us.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{Position, Token};
use epode_session::stream::jid::{self, Unicode};
use epode_session::stream::xml::{Head, Payload};

use crate::inbound::Inbound;
use crate::{PortId, Table};

/// How long tabs may take to answer a ping, before the worker does: servers end a stream on which one is
/// unanswered for 15 s or so.
pub(crate) const PING: Duration = Duration::from_secs(2);

/// How many inbound requests of a session may wait for an answer, and how much they may weigh: as much as one
/// frame may.
const DEMANDS: usize = 256;
const DEMAND_BYTES: usize = 8 << 20;

/// Answers that nobody waits for any more are still expected, so that a late one is not taken for another's; this many.
pub(crate) const ORPHANS: usize = 1024;

/// An IQ of a tab, or of several that ask the same, whose answer is outstanding.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Who asked; nobody, when nobody waits for it any more.
    pub(crate) askers: Vec<Asker>,
    to: Option<Box<str>>,
    /// What is asked, where an equal question need not be asked again.
    question: Option<String>,
}

/// A tab that waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asker {
    pub(crate) port: PortId,
    pub(crate) reply: Reply,
    /// The id the tab gave, where another one went over the wire.
    pub(crate) original_id: Option<String>,
}

/// How an answer goes back to the tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// As the response to its request.
    Response(Token),
    /// As any stanza: the tab sent the IQ by itself and has a handler for the answer.
    Delivery,
}

/// What to do about an IQ that was entered.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Entered {
    /// Send it, with this id where that is not its own: two tabs may use the same, or none.
    Send {
        /// The id.
        id: Option<String>,
    },
    /// Another tab has asked the same; its answer is for both.
    Shared,
}

/// The IQs of the tabs whose answers are outstanding, by the id that went over the wire.
#[derive(Default, Debug)]
pub(crate) struct Asks {
    open: Table<Box<str>, Ask>,
    /// The questions in flight that others may share.
    shared: Table<String, Box<str>>,
    orphans: VecDeque<Box<str>>,
    spliced: u64,
}

impl Asks {
    /// Enters an IQ. `question` is what it asks, id aside, where an equal one in flight will do for both.
    pub(crate) fn enter(
        &mut self,
        head: &Head,
        port: PortId,
        reply: Reply,
        question: Option<String>,
    ) -> Entered {
        let id = head.id.as_ref().map(|id| id.to_string());
        let shared = question.as_ref().and_then(|question| self.shared.get(question).cloned());
        if let Some((wire_id, ask)) = shared.and_then(|id| self.open.get_mut(&id).map(|ask| (id, ask))) {
            let original_id = id.filter(|id| **id != *wire_id);
            ask.askers.push(Asker { port, reply, original_id });
            return Entered::Shared;
        }
        let (wire_id, original_id) = match &head.id {
            Some(id) if !self.open.contains_key(id) => (id.clone(), None),
            _ => (self.fresh_id(), id),
        };
        let changed = head.id.as_ref() != Some(&wire_id);
        if let Some(question) = &question {
            self.shared.insert(question.clone(), wire_id.clone());
        }
        let askers = vec![Asker { port, reply, original_id }];
        let id = changed.then(|| wire_id.to_string());
        self.open.insert(wire_id, Ask { askers, to: head.to.clone(), question });
        Entered::Send { id }
    }

    /// How many answers this tab waits for.
    pub(crate) fn of(&self, port: PortId) -> usize {
        self.open.values().flat_map(|ask| &ask.askers).filter(|asker| asker.port == port).count()
    }

    /// Strikes out the IQ that this stanza answers: its id, and from whom it was asked (RFC 6120 §8.2.3).
    pub(crate) fn answered(&mut self, head: &Head, own: &str, unicode: &Unicode) -> Option<Ask> {
        let id = head.id.as_ref()?;
        let ask = self.open.get(id)?;
        if !answers(ask.to.as_deref(), head.from.as_deref(), own, unicode) {
            return None;
        }
        self.strike(id)
    }

    /// The tab with this request does not wait any more.
    pub(crate) fn forget(&mut self, port: PortId, token: Token) {
        self.orphan(|asker| asker.port == port && asker.reply == Reply::Response(token));
    }

    /// Nothing of this tab is waited for any more; the requests that were.
    pub(crate) fn forget_all(&mut self, port: PortId) -> Vec<Token> {
        let askers = self.open.values().flat_map(|ask| &ask.askers).filter(|asker| asker.port == port);
        let tokens = askers.filter_map(|asker| match asker.reply {
            Reply::Response(token) => Some(token),
            Reply::Delivery => None,
        });
        let tokens = tokens.collect();
        self.orphan(|asker| asker.port == port);
        tokens
    }

    /// Everybody who waits for a response; nobody does afterwards.
    pub(crate) fn abandon(&mut self) -> Vec<(PortId, Token)> {
        let asks = std::mem::take(self);
        let askers = asks.open.into_iter().flat_map(|(_, ask)| ask.askers);
        askers
            .filter_map(|asker| match asker.reply {
                Reply::Response(token) => Some((asker.port, token)),
                Reply::Delivery => None,
            })
            .collect()
    }

    /// How many IQs somebody waits for, how many questions may be shared, and how many IQs nobody waits for any more.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        let waited_for = self.open.values().filter(|ask| !ask.askers.is_empty()).count();
        (waited_for, self.shared.keys().count(), self.open.keys().count() - waited_for)
    }

    /// Strikes out an IQ: it is answered, or not sent.
    pub(crate) fn strike(&mut self, id: &str) -> Option<Ask> {
        let ask = self.open.remove(id)?;
        if let Some(question) = &ask.question {
            self.shared.remove(question);
        }
        Some(ask)
    }

    fn orphan(&mut self, of: impl Fn(&Asker) -> bool) {
        for (id, ask) in self.open.iter_mut() {
            let before = ask.askers.len();
            ask.askers.retain(|asker| !of(asker));
            if ask.askers.is_empty() && before > 0 {
                self.orphans.push_back(id.clone());
                // Whoever asks again shall not wait for an answer that has not come so far.
                if let Some(question) = ask.question.take() {
                    self.shared.remove(&question);
                }
            }
        }
        while self.orphans.len() > ORPHANS {
            if let Some(id) = self.orphans.pop_front()
                && self.open.get(&id).is_some_and(|ask| ask.askers.is_empty())
            {
                self.strike(&id);
            }
        }
    }

    fn fresh_id(&mut self) -> Box<str> {
        loop {
            self.spliced += 1;
            let id = format!("epode-{}", self.spliced).into_boxed_str();
            if !self.open.contains_key(&id) {
                return id;
            }
        }
    }
}

/// What an IQ asks, where several tabs tend to ask the same and one answer does for all: discovery (XEP-0030), vCards (XEP-0054) and the
/// items of a node (XEP-0060). `None` for everything else.
pub(crate) fn question(head: &Head, text: &str) -> Option<String> {
    const COMMON: [(&str, &str); 4] = [
        ("query", "http://jabber.org/protocol/disco#info"),
        ("query", "http://jabber.org/protocol/disco#items"),
        ("vCard", "vcard-temp"),
        ("pubsub", "http://jabber.org/protocol/pubsub"),
    ];
    let payload = head.payload.as_ref()?;
    let common = COMMON.contains(&(&*payload.name, &*payload.namespace));
    (common && head.kind.as_deref() == Some("get")).then(|| {
        let mut text = text.to_owned();
        if let Some(id) = &head.id_span {
            text.replace_range(id.clone(), "");
        }
        text
    })
}

/// Whether an answer `from` is one to an IQ that went `to`, for the session `own`. The server speaks for our own account and for its
/// domain, with or without saying so (RFC 6120 §8.1.2.1); everybody else must be who was asked.
fn answers(to: Option<&str>, from: Option<&str>, own: &str, unicode: &Unicode) -> bool {
    let same = |a: &str, b: &str| jid::answers(a, b, unicode);
    let for_us = |jid: &str| same(jid, own) || same(jid, jid::bare(own));
    let server = |jid: &str| same(jid, jid::domain(own));
    match (to, from) {
        (None, None) => true,
        (None, Some(from)) => for_us(from) || server(from),
        (Some(to), None) => for_us(to) || server(to),
        (Some(to), Some(from)) if for_us(to) => for_us(from) || same(from, to),
        (Some(to), Some(from)) => same(from, to),
    }
}

/// An IQ from outside that waits for the answer of a tab.
#[derive(Debug)]
pub(crate) struct Demand<T> {
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
pub(crate) struct Demands<T>(Table<Position, Demand<T>>);

impl<T> Default for Demands<T> {
    fn default() -> Self {
        Demands(Table::default())
    }
}

/// What is to be done about a demand after a tab passed it up.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Turn<T> {
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

impl<T: Clone> Demands<T> {
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
        let demand = Demand { id, from, pong, text: text.clone(), size: *size, asked, next: next.into() };
        self.0.insert(*position, demand);
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
        for demand in self.0.values() {
            (count, bytes) = (count + 1, bytes + demand.size);
        }
        (count > DEMANDS || bytes > DEMAND_BYTES).then(|| self.0.keys().next().copied()).flatten()
    }

    /// This tab cannot answer: if it was the last that might, whose turn is it?
    pub(crate) fn passed(
        &mut self,
        position: Position,
        port: PortId,
        can_answer: impl Fn(PortId) -> bool,
    ) -> Turn<T> {
        let Some(demand) = self.0.get_mut(&position) else { return Turn::Wait };
        demand.asked.retain(|asked| *asked != port);
        match demand.asked.is_empty() {
            true => self.turn(position, can_answer),
            // Another is at it; of a push several may be.
            false => Turn::Wait,
        }
    }

    /// Nobody is at it: whose turn is it?
    pub(crate) fn turn(&mut self, position: Position, can_answer: impl Fn(PortId) -> bool) -> Turn<T> {
        let Some(demand) = self.0.get_mut(&position) else { return Turn::Wait };
        while let Some(next) = demand.next.pop_front() {
            if can_answer(next) {
                demand.asked.push(next);
                return Turn::Ask(next, demand.text.clone());
            }
        }
        self.settle(position)
    }

    /// Nobody is to answer it any more.
    pub(crate) fn settle(&mut self, position: Position) -> Turn<T> {
        match self.0.remove(&position) {
            Some(Demand { from: to, id, pong, .. }) => Turn::Settle { to, id, pong },
            None => Turn::Wait,
        }
    }

    /// The positions of those that this tab is at.
    pub(crate) fn of(&self, port: PortId) -> Vec<Position> {
        let of_port = self.0.iter().filter(|(_, demand)| demand.asked.contains(&port));
        of_port.map(|(position, _)| *position).collect()
    }

    /// Strikes out the demand that this stanza of a tab answers. Only the first answer finds one.
    pub(crate) fn answered(&mut self, head: &Head, own: &str, unicode: &Unicode) -> Option<Position> {
        let id = head.id.as_ref()?;
        let ours = |from: &Option<Box<str>>| answers(head.to.as_deref(), from.as_deref(), own, unicode);
        let position = *self.0.iter().find(|(_, demand)| demand.id == *id && ours(&demand.from))?.0;
        self.0.remove(&position);
        Some(position)
    }
}

/// Whether a request only wants to know that somebody is there (XEP-0199 §4).
pub(crate) fn is_ping(head: &Head) -> bool {
    let is_ping = |payload: &Payload| &*payload.name == "ping" && &*payload.namespace == "urn:xmpp:ping";
    head.kind.as_deref() == Some("get") && head.payload.as_ref().is_some_and(is_ping)
}

/// Whether a request comes from our own account or server, for all tabs to hear: a roster or block list push (RFC 6121 §2.1.6, XEP-0191).
pub(crate) fn is_push(head: &Head, own: &str, unicode: &Unicode) -> bool {
    let ours = [own, jid::bare(own), jid::domain(own)];
    let from_us = |from: &str| ours.iter().any(|own| jid::same(from, own, unicode));
    is_set(head) && head.from.as_deref().is_none_or(from_us)
}

/// Whether a request says what [a push](is_push) alone may say. An app that hears it need not look who says so, and nobody else may change its
/// roster (RFC 6121 §2.1.6), its block list (XEP-0191) or its privacy lists (XEP-0016).
pub(crate) fn pushes(head: &Head) -> bool {
    const PUSHED: [&str; 3] = ["jabber:iq:roster", "urn:xmpp:blocking", "jabber:iq:privacy"];
    is_set(head) && head.namespaces.iter().any(|namespace| PUSHED.contains(&&**namespace))
}

fn is_set(head: &Head) -> bool {
    head.kind.as_deref() == Some("set")
}
