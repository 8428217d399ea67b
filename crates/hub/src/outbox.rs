//! What waits for one tab: one queue, one order, a window of posts in flight.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{Delivery, FromWorker, Join, Origin, Position, WINDOW, weight};

use crate::inbound::Inbound;

/// What one post carries at most, where stanzas waited and travel together.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 512 << 10;

/// A stanza that comes so soon behind a post waits for the end of the worker's turn. At that rate one that is alone can wait for nothing, and is
/// spared a task.
const SOON: Duration = Duration::from_millis(5);

/// What waits for a tab.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    waiting: VecDeque<Item<T>>,
    /// The posts in flight, oldest first.
    in_flight: VecDeque<Flight<T>>,
    /// How many posts the tab has acknowledged, ever.
    acknowledged: u32,
    /// When the latest post left, but for those of a turn that is over: what comes soon behind it travels together.
    led: Option<Duration>,
    stanzas: usize,
    bytes: usize,
    /// How many stanzas may wait.
    pub(crate) stanza_limit: usize,
    /// How many bytes of them.
    pub(crate) byte_limit: usize,
}

/// A post that the tab has not acknowledged.
#[derive(Debug)]
struct Flight<T> {
    weight: u32,
    /// What it carries of the server's messages and presences: a tab that reloads has not handled it.
    carried: Vec<Rc<Inbound<T>>>,
}

#[derive(Debug)]
enum Item<T> {
    Stanza(Stanza<T>),
    /// And the stanzas in it.
    Message(FromWorker<T>, Vec<Rc<Inbound<T>>>),
    Gap(Gap),
}

/// Stanzas that were given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) from: Position,
    pub(crate) to: Position,
    pub(crate) count: u32,
}

impl Gap {
    pub(crate) fn at(position: Position) -> Self {
        Gap { from: position, to: position, count: 1 }
    }

    /// Both, told as one.
    pub(crate) fn and(self, other: Gap) -> Self {
        let (from, to) = (self.from.min(other.from), self.to.max(other.to));
        Gap { from, to, count: self.count.saturating_add(other.count) }
    }

    pub(crate) fn told<T>(self) -> FromWorker<T> {
        FromWorker::Gap { from: self.from, to: self.to, count: self.count }
    }
}

/// A stanza for a tab.
#[derive(Debug)]
pub(crate) struct Stanza<T> {
    pub(crate) delivery: Delivery<T>,
    /// Of the server's messages and presences, the stanza itself: the only kind that is kept across a reload.
    pub(crate) inbound: Option<Rc<Inbound<T>>>,
    /// Whether nobody waits for it in particular: it may be given up.
    pub(crate) droppable: bool,
    pub(crate) size: usize,
}

impl<T: Clone> Stanza<T> {
    /// A message or presence of the server.
    pub(crate) fn received(inbound: &Rc<Inbound<T>>) -> Self {
        Stanza {
            delivery: Delivery(inbound.position, Origin::Received, inbound.text.clone()),
            inbound: Some(inbound.clone()),
            droppable: true,
            size: inbound.size,
        }
    }
}

/// The latest delivery: tabs that are to be given the same share it, and what it costs to make.
#[derive(Debug)]
pub(crate) struct Latest<T>(Option<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    stanzas: Vec<Rc<Inbound<T>>>,
    message: Rc<FromWorker<T>>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest(None)
    }
}

impl<T: Join> Latest<T> {
    fn deliver(&mut self, deliveries: Vec<Delivery<T>>, carried: &[Rc<Inbound<T>>]) -> Rc<FromWorker<T>> {
        // Others, such as a request, are for one tab.
        let is_shared = carried.len() == deliveries.len();
        match &self.0 {
            Some(shared) if is_shared && is_same(&shared.stanzas, carried) => shared.message.clone(),
            _ => {
                let message = Rc::new(FromWorker::from(deliveries));
                if is_shared {
                    self.0 = Some(Shared { stanzas: carried.to_vec(), message: message.clone() });
                }
                message
            }
        }
    }
}

fn is_same<T>(one: &[Rc<T>], other: &[Rc<T>]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| Rc::ptr_eq(one, other))
}

impl<T> Outbox<T> {
    pub(crate) fn new() -> Self {
        Outbox {
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            acknowledged: 0,
            led: None,
            stanzas: 0,
            bytes: 0,
            stanza_limit: 10_000,
            byte_limit: 16 << 20,
        }
    }

    pub(crate) fn push(&mut self, message: FromWorker<T>) {
        self.waiting.push_back(Item::Message(message, Vec::new()));
    }

    /// A message with stanzas in it, which are kept across a reload like any other.
    pub(crate) fn push_with(&mut self, message: FromWorker<T>, stanzas: Vec<Rc<Inbound<T>>>) {
        self.waiting.push_back(Item::Message(message, stanzas));
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

    /// What may leave, by weight: how many stanzas one by one.
    pub(crate) fn credit(&self) -> u32 {
        WINDOW.saturating_sub(self.in_flight.iter().map(|flight| flight.weight).sum())
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

    /// A turn is over: what waits may leave.
    pub(crate) fn turn(&mut self) {
        self.led = None;
    }

    /// Whether something waits for the end of the turn.
    pub(crate) fn holds_back(&self) -> bool {
        !self.waiting.is_empty() && self.credit() > 0
    }

    /// The next post, while there is credit. Stanzas that wait behind each other travel together; one that comes long after the latest post does not wait for others.
    pub(crate) fn next_post(&mut self, now: Duration, latest: &mut Latest<T>) -> Option<Rc<FromWorker<T>>>
    where
        T: Join,
    {
        let only_stanzas =
            self.stanzas == self.waiting.len() && self.stanzas < BATCH && self.bytes < BATCH_BYTES;
        let soon = self.led.is_some_and(|at| now.saturating_sub(at) < SOON);
        if self.credit() == 0 || soon && only_stanzas {
            return None;
        }
        let mut carried = Vec::new();
        let mut weight = weight(0);
        let message = match self.waiting.pop_front()? {
            Item::Message(message, stanzas) => {
                carried = stanzas;
                Rc::new(message)
            }
            Item::Gap(gap) => Rc::new(gap.told()),
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
                weight = epode_protocol::weight(stanzas.len());
                latest.deliver(stanzas, &carried)
            }
        };
        self.led = Some(now);
        self.in_flight.push_back(Flight { weight, carried });
        Some(message)
    }

    /// What the tab has been, or is to be, given and has not acknowledged, in no order.
    pub(crate) fn unacknowledged(&self) -> impl Iterator<Item = &Rc<Inbound<T>>> {
        let waiting = self.waiting.iter().flat_map(|item| match item {
            Item::Stanza(stanza) => stanza.inbound.as_slice(),
            Item::Message(_, stanzas) => stanzas,
            Item::Gap(_) => &[],
        });
        self.in_flight.iter().flat_map(|flight| &flight.carried).chain(waiting)
    }

    /// What is in it so far is of a session that the tab has left: it reaches the tab in its turn, and is not given to it again.
    pub(crate) fn change_session(&mut self) {
        self.in_flight.iter_mut().for_each(|flight| flight.carried.clear());
        for item in &mut self.waiting {
            match item {
                Item::Stanza(stanza) => stanza.inbound = None,
                Item::Message(_, stanzas) => stanzas.clear(),
                Item::Gap(gap) => *item = Item::Message(gap.told(), Vec::new()),
            }
        }
    }

    /// What was given up and the tab has not been told.
    pub(crate) fn given_up(&self) -> Option<Gap> {
        let gaps = self.waiting.iter().filter_map(|item| match item {
            Item::Gap(gap) => Some(*gap),
            _ => None,
        });
        gaps.reduce(Gap::and)
    }

    /// Gives up the oldest stanza that may be given up; where it stood the tab is told.
    fn give_up_oldest(&mut self) -> bool {
        let droppable = |item: &Item<T>| matches!(item, Item::Stanza(stanza) if stanza.droppable);
        let Some(index) = self.waiting.iter().position(droppable) else { return false };
        let Some(Item::Stanza(stanza)) = self.waiting.remove(index) else { return false };
        self.stanzas -= 1;
        self.bytes -= stanza.size;
        let given_up = Gap::at(stanza.delivery.0);
        match index.checked_sub(1).and_then(|before| self.waiting.get_mut(before)) {
            Some(Item::Gap(gap)) => *gap = gap.and(given_up),
            _ => self.waiting.insert(index, Item::Gap(given_up)),
        }
        true
    }
}
