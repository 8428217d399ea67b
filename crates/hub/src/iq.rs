//! The books of what was asked: by tabs of the server and its users, and by those of us.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use epode_protocol::{Position, Token};
use epode_session::stream::jid;
use epode_session::stream::xml::Head;

use crate::PortId;

/// How long a tab may be silent about an inbound request before the next is asked.
pub(crate) const SILENCE: Duration = Duration::from_secs(10);

/// Answers that nobody waits for any more are still expected, so that a late one is not taken for another's; this many.
const ORPHANS: usize = 1024;

/// An IQ of a tab whose answer is outstanding.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Who asked, and how the answer goes back; `None` when nobody waits for it any more.
    pub(crate) asker: Option<(PortId, Reply)>,
    /// The id the tab gave, where another one went over the wire.
    pub(crate) original_id: Option<String>,
    to: Option<Box<str>>,
}

/// How an answer goes back to the tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// As the response to its request.
    Response(Token),
    /// As any stanza: the tab sent the IQ by itself and has a handler for the answer.
    Delivery,
}

/// The IQs of the tabs whose answers are outstanding, by the id that went over the wire.
#[derive(Default, Debug)]
pub(crate) struct Asks {
    open: BTreeMap<Box<str>, Ask>,
    orphans: VecDeque<Box<str>>,
    spliced: u64,
}

impl Asks {
    /// Enters an IQ and returns the id it must be sent with where that is not its own: two tabs may use the same, or none.
    pub(crate) fn enter(&mut self, head: &Head, asker: PortId, reply: Reply) -> Option<String> {
        let (wire_id, original_id) = match &head.id {
            Some(id) if !self.open.contains_key(id) => (id.clone(), None),
            taken => (self.fresh_id(), taken.as_ref().map(|id| id.to_string())),
        };
        let changed = head.id.as_ref() != Some(&wire_id);
        let ask = Ask { asker: Some((asker, reply)), original_id, to: head.to.clone() };
        let id = changed.then(|| wire_id.to_string());
        self.open.insert(wire_id, ask);
        id
    }

    /// Strikes out the IQ that this stanza answers: its id, and from whom it was asked (RFC 6120 §8.2.3).
    pub(crate) fn answered(&mut self, head: &Head, own: &str) -> Option<Ask> {
        let id = head.id.as_ref()?;
        let ask = self.open.get(id)?;
        answers(ask.to.as_deref(), head.from.as_deref(), own).then(|| self.open.remove(id))?
    }

    /// The tab with this request does not wait any more.
    pub(crate) fn forget(&mut self, asker: PortId, token: Token) -> bool {
        self.orphan(|known| known == (asker, Reply::Response(token)))
    }

    /// Nothing of this tab is waited for any more; the requests that were.
    pub(crate) fn forget_all(&mut self, asker: PortId) -> Vec<Token> {
        let tokens = self.open.values().filter_map(|ask| match ask.asker {
            Some((port, Reply::Response(token))) if port == asker => Some(token),
            _ => None,
        });
        let tokens = tokens.collect();
        self.orphan(|(known, _)| known == asker);
        tokens
    }

    /// Everybody who waits for a response.
    pub(crate) fn into_waiting(self) -> impl Iterator<Item = (PortId, Token)> {
        self.open.into_values().filter_map(|ask| match ask.asker {
            Some((port, Reply::Response(token))) => Some((port, token)),
            _ => None,
        })
    }

    fn orphan(&mut self, of: impl Fn((PortId, Reply)) -> bool) -> bool {
        let before = self.orphans.len();
        for (id, ask) in &mut self.open {
            if ask.asker.is_some_and(&of) {
                ask.asker = None;
                self.orphans.push_back(id.clone());
            }
        }
        let found = self.orphans.len() > before;
        while self.orphans.len() > ORPHANS {
            if let Some(id) = self.orphans.pop_front()
                && self.open.get(&id).is_some_and(|ask| ask.asker.is_none())
            {
                self.open.remove(&id);
            }
        }
        found
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

/// Whether an answer `from` is one to an IQ that went `to`, for the session `own`. The server speaks for our own account and for its
/// domain, with or without saying so (RFC 6120 §8.1.2.1); everybody else must be who was asked.
fn answers(to: Option<&str>, from: Option<&str>, own: &str) -> bool {
    let for_us = |jid: &str| jid::same(jid, own) || jid::same(jid, jid::bare(own));
    let server = |jid: &str| jid::same(jid, jid::domain(own));
    match (to, from) {
        (None, None) => true,
        (None, Some(from)) => for_us(from) || server(from),
        (Some(to), None) => for_us(to) || server(to),
        (Some(to), Some(from)) if for_us(to) => for_us(from) || jid::same(to, from),
        (Some(to), Some(from)) => jid::same(to, from),
    }
}

/// An IQ from outside that waits for the answer of a tab.
#[derive(Debug)]
pub(crate) struct Demand<T> {
    id: Box<str>,
    from: Option<Box<str>>,
    /// The request, for the next tab.
    pub(crate) text: T,
    /// The tabs that were given it and have not said that they cannot answer.
    pub(crate) asked: Vec<PortId>,
    /// The tabs to ask after them, in order.
    pub(crate) next: VecDeque<PortId>,
}

/// The IQs from outside that wait for the answer of a tab, by position.
#[derive(Debug)]
pub(crate) struct Demands<T>(BTreeMap<Position, Demand<T>>);

impl<T> Default for Demands<T> {
    fn default() -> Self {
        Demands(BTreeMap::new())
    }
}

/// What is to be done about a demand after a tab passed it up.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Turn<T> {
    /// Others are still at it, or it is settled.
    Wait,
    /// Give it to this tab.
    Ask(PortId, T),
    /// Nobody is left: refuse, to this sender, this id.
    Refuse(Option<Box<str>>, Box<str>),
}

impl<T: Clone> Demands<T> {
    pub(crate) fn enter(&mut self, position: Position, head: &Head, text: T) {
        let demand = Demand {
            id: head.id.clone().unwrap_or_default(),
            from: head.from.clone(),
            text,
            asked: Vec::new(),
            next: VecDeque::new(),
        };
        self.0.insert(position, demand);
    }

    pub(crate) fn demand(&mut self, position: Position) -> Option<&mut Demand<T>> {
        self.0.get_mut(&position)
    }

    /// This tab cannot answer.
    pub(crate) fn passed(&mut self, position: Position, port: PortId) -> Turn<T> {
        match self.0.get_mut(&position) {
            Some(demand) if demand.asked.contains(&port) => {
                // Who was asked last has its turn: one that passes up late does not cut it short.
                let has_turn = demand.asked.last() == Some(&port);
                demand.asked.retain(|asked| *asked != port);
                match demand.asked.is_empty() || has_turn && !demand.next.is_empty() {
                    true => self.turn(position),
                    // Of a push another tab may still say something; of a request a silent one, until its time is up.
                    false => Turn::Wait,
                }
            }
            _ => Turn::Wait,
        }
    }

    /// Whoever was asked is silent, or nobody was asked yet: whose turn is it?
    pub(crate) fn turn(&mut self, position: Position) -> Turn<T> {
        let Some(demand) = self.0.get_mut(&position) else { return Turn::Wait };
        if let Some(next) = demand.next.pop_front() {
            demand.asked.push(next);
            return Turn::Ask(next, demand.text.clone());
        }
        match self.0.remove(&position) {
            Some(demand) => Turn::Refuse(demand.from, demand.id),
            None => Turn::Wait,
        }
    }

    /// This tab is gone; the positions it was to answer.
    pub(crate) fn gone(&mut self, port: PortId) -> Vec<Position> {
        let mut orphaned = Vec::new();
        for (position, demand) in &mut self.0 {
            demand.next.retain(|next| *next != port);
            if demand.asked.contains(&port) {
                orphaned.push(*position);
            }
        }
        orphaned
    }

    /// Strikes out the demand that this stanza of a tab answers. Only the first answer finds one.
    pub(crate) fn answered(&mut self, head: &Head, own: &str) -> Option<Position> {
        let id = head.id.as_ref()?;
        let ours = |from: &Option<Box<str>>| answers(head.to.as_deref(), from.as_deref(), own);
        let position = *self.0.iter().find(|(_, demand)| demand.id == *id && ours(&demand.from))?.0;
        self.0.remove(&position);
        Some(position)
    }

    pub(crate) fn positions(&self) -> impl Iterator<Item = Position> {
        self.0.keys().copied()
    }
}

/// Whether a request comes from our own account or server, for all tabs to hear: a roster or block list push (RFC 6121 §2.1.6, XEP-0191).
pub(crate) fn is_push(head: &Head, own: &str) -> bool {
    let server = |from: &str| jid::same(from, jid::bare(own)) || jid::same(from, jid::domain(own));
    head.kind.as_deref() == Some("set") && head.from.as_deref().is_none_or(server)
}
