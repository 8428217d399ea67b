//! What waits for one tab: one queue, one order, a window of posts in flight.

use std::collections::VecDeque;
use std::rc::Rc;

use epode_protocol::{Delivery, FromWorker, Origin, Position, WINDOW};

use crate::inbound::Inbound;

/// What one post carries at most, where stanzas waited and travel together.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 512 << 10;

/// What waits for a tab.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    waiting: VecDeque<Item<T>>,
    /// What each post in flight carried of the server's messages and presences, oldest first: a tab that reloads has not handled it.
    in_flight: VecDeque<Vec<Rc<Inbound<T>>>>,
    /// How many posts the tab has acknowledged, ever.
    acknowledged: u32,
    stanzas: usize,
    bytes: usize,
    /// How many stanzas may wait.
    pub(crate) stanza_limit: usize,
    /// How many bytes of them.
    pub(crate) byte_limit: usize,
}

#[derive(Debug)]
enum Item<T> {
    Stanza(Stanza<T>),
    Message(FromWorker<T>),
    Gap { from: Position, to: Position, count: u32 },
}

/// A stanza for a tab.
#[derive(Debug)]
pub(crate) struct Stanza<T> {
    pub(crate) delivery: Delivery<T>,
    /// Of the server's messages and presences, the stanza itself: the only kind that may be given up, or kept across a reload.
    pub(crate) inbound: Option<Rc<Inbound<T>>>,
    pub(crate) size: usize,
}

impl<T: Clone> Stanza<T> {
    /// A message or presence of the server.
    pub(crate) fn received(inbound: &Rc<Inbound<T>>) -> Self {
        Stanza {
            delivery: Delivery(inbound.position, Origin::Received, inbound.text.clone()),
            inbound: Some(inbound.clone()),
            size: inbound.size,
        }
    }
}

impl<T> Outbox<T> {
    pub(crate) fn new() -> Self {
        Outbox {
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            acknowledged: 0,
            stanzas: 0,
            bytes: 0,
            stanza_limit: 10_000,
            byte_limit: 16 << 20,
        }
    }

    pub(crate) fn push(&mut self, message: FromWorker<T>) {
        self.waiting.push_back(Item::Message(message));
    }

    pub(crate) fn push_stanza(&mut self, stanza: Stanza<T>) {
        self.stanzas += 1;
        self.bytes += stanza.size;
        self.waiting.push_back(Item::Stanza(stanza));
        // What can leave at once never counts as too much.
        if self.credit() == 0 {
            while (self.stanzas > self.stanza_limit || self.bytes > self.byte_limit) && self.give_up_oldest()
            {
            }
        }
    }

    /// How many posts may leave.
    pub(crate) fn credit(&self) -> u32 {
        WINDOW.saturating_sub(self.in_flight.len() as u32)
    }

    /// How many stanzas wait.
    pub(crate) fn waiting(&self) -> usize {
        self.stanzas
    }

    /// The tab has handled this many posts, ever. A number that cannot be is ignored: nobody may count for us.
    pub(crate) fn acknowledge(&mut self, posts: u32) {
        let newly = posts.wrapping_sub(self.acknowledged) as usize;
        if newly <= self.in_flight.len() {
            self.in_flight.drain(..newly);
            self.acknowledged = posts;
        }
    }

    /// The next post, while there is credit. Stanzas that wait behind each other travel together.
    pub(crate) fn next_post(&mut self) -> Option<FromWorker<T>> {
        if self.credit() == 0 {
            return None;
        }
        let mut carried = Vec::new();
        let message = match self.waiting.pop_front()? {
            Item::Message(message) => message,
            Item::Gap { from, to, count } => FromWorker::Gap { from, to, count },
            Item::Stanza(first) => {
                let mut stanzas = Vec::new();
                let mut bytes = 0;
                let mut next = Some(first);
                while let Some(stanza) = next {
                    self.stanzas -= 1;
                    self.bytes -= stanza.size;
                    bytes += stanza.size;
                    stanzas.push(stanza.delivery);
                    carried.extend(stanza.inbound);
                    let more = stanzas.len() < BATCH && bytes < BATCH_BYTES;
                    next = match self.waiting.front() {
                        Some(Item::Stanza(_)) if more => match self.waiting.pop_front() {
                            Some(Item::Stanza(stanza)) => Some(stanza),
                            _ => None,
                        },
                        _ => None,
                    };
                }
                FromWorker::Deliver { stanzas }
            }
        };
        self.in_flight.push_back(carried);
        Some(message)
    }

    /// What the tab has been, or was to be, given and has not acknowledged.
    pub(crate) fn unacknowledged(self) -> Vec<Rc<Inbound<T>>> {
        let waiting = self.waiting.into_iter().filter_map(|item| match item {
            Item::Stanza(stanza) => stanza.inbound,
            Item::Message(_) | Item::Gap { .. } => None,
        });
        self.in_flight.into_iter().flatten().chain(waiting).collect()
    }

    /// Gives up the oldest stanza that may be given up; where it stood the tab is told.
    fn give_up_oldest(&mut self) -> bool {
        let droppable = |item: &Item<T>| matches!(item, Item::Stanza(stanza) if stanza.inbound.is_some());
        let Some(index) = self.waiting.iter().position(droppable) else { return false };
        let Some(Item::Stanza(stanza)) = self.waiting.remove(index) else { return false };
        self.stanzas -= 1;
        self.bytes -= stanza.size;
        let position = stanza.delivery.0;
        match index.checked_sub(1).and_then(|before| self.waiting.get_mut(before)) {
            Some(Item::Gap { to, count, .. }) => {
                *to = position;
                *count += 1;
            }
            _ => self.waiting.insert(index, Item::Gap { from: position, to: position, count: 1 }),
        }
        true
    }
}
