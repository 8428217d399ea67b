//! The mailbox of one tab: one queue, in order, and a window of posts in flight.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{Delivery, FromWorker, Join, Origin, Position, WINDOW, weight};

use crate::inbound::Inbound;

/// The most stanzas, and about the most bytes, that one post carries.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 512 << 10;

/// A stanza this soon after a post waits for the end of the worker's task, and travels with others.
/// At a slower rate a stanza would wait for no others, and would only cost a task.
const SOON: Duration = Duration::from_millis(5);

/// Everything that waits for a tab, and what it has not acknowledged.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    waiting: VecDeque<Item<T>>,
    /// The posts in flight, oldest first.
    in_flight: VecDeque<Flight<T>>,
    /// The weight of the posts in flight.
    in_flight_weight: u32,
    /// Number of posts that the tab has acknowledged so far.
    acknowledged: u32,
    /// The time of the latest post in this task; later stanzas of the task travel together.
    last_post: Option<Duration>,
    stanzas: usize,
    bytes: usize,
    /// The most stanzas that may wait.
    pub(crate) stanza_limit: usize,
    /// The most bytes of stanzas that may wait.
    pub(crate) byte_limit: usize,
}

/// The server's messages and presences in a post. All tabs with the same post share them.
type Carried<T> = Rc<[Rc<Inbound<T>>]>;

/// A post that the tab has not acknowledged.
#[derive(Debug)]
struct Flight<T> {
    weight: u32,
    /// The stanzas that the tab may not have handled when it reloads.
    carried: Carried<T>,
    /// The gap that the tab may not have read by then.
    gap: Option<Gap>,
}

#[derive(Debug)]
enum Item<T> {
    Stanza(Stanza<T>),
    /// A message, and the stanzas in it.
    Message(Rc<FromWorker<T>>, Vec<Rc<Inbound<T>>>),
    Gap(Gap),
}

/// The condition of a gap where too many stanzas waited.
pub(crate) const TOO_MANY: &str = "resource-constraint";

/// Missing stanzas, as a tab is told of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    pub(crate) from: Position,
    pub(crate) to: Position,
    pub(crate) count: u32,
    pub(crate) reason: &'static str,
}

impl Gap {
    pub(crate) fn at(position: Position, reason: &'static str) -> Self {
        Gap { from: position, to: position, count: 1, reason }
    }

    /// Whatever came after one position, up to another, was forgotten.
    pub(crate) fn between(after: Position, to: Position) -> Self {
        let count = u32::try_from(to - after).unwrap_or(u32::MAX);
        Gap { from: after + 1, to, count, reason: TOO_MANY }
    }

    /// Both gaps as one.
    pub(crate) fn and(self, other: Gap) -> Self {
        let (from, to) = (self.from.min(other.from), self.to.max(other.to));
        Gap { from, to, count: self.count.saturating_add(other.count), ..self }
    }

    pub(crate) fn told<T>(self) -> FromWorker<T> {
        FromWorker::Gap { from: self.from, to: self.to, count: self.count, reason: self.reason.to_owned() }
    }
}

/// A stanza for a tab.
#[derive(Debug)]
pub(crate) enum Stanza<T> {
    /// A message or presence of the server, which goes to every tab that claims it. Only such
    /// stanzas are kept across a reload. It may be given up.
    Received(Rc<Inbound<T>>),
    /// Any other stanza.
    Own {
        delivery: Delivery<T>,
        /// Whether the stanza may be given up, since nobody waits for it.
        droppable: bool,
        size: usize,
    },
}

impl<T> Stanza<T> {
    fn position(&self) -> Position {
        match self {
            Stanza::Received(inbound) => inbound.position,
            Stanza::Own { delivery, .. } => delivery.0,
        }
    }

    fn size(&self) -> usize {
        match self {
            Stanza::Received(inbound) => inbound.size,
            Stanza::Own { size, .. } => *size,
        }
    }

    fn is_droppable(&self) -> bool {
        matches!(self, Stanza::Received(_) | Stanza::Own { droppable: true, .. })
    }

    fn received(&self) -> Option<&Rc<Inbound<T>>> {
        match self {
            Stanza::Received(inbound) => Some(inbound),
            Stanza::Own { .. } => None,
        }
    }
}

impl<T: Clone> Stanza<T> {
    fn delivery(&self) -> Delivery<T> {
        match self {
            Stanza::Received(inbound) => Delivery(inbound.position, Origin::Received, inbound.text.clone()),
            Stanza::Own { delivery, .. } => delivery.clone(),
        }
    }
}

/// The latest delivery. Tabs that get the same stanzas share it, and the cost of making it.
#[derive(Debug)]
pub(crate) struct Latest<T>(Option<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    stanzas: Carried<T>,
    message: Rc<FromWorker<T>>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Latest(None)
    }
}

impl<T: Join + Clone> Latest<T> {
    /// A message with these stanzas, and those of them that are kept across a reload.
    fn deliver(&mut self, stanzas: Vec<Stanza<T>>) -> (Rc<FromWorker<T>>, Carried<T>) {
        if let Some(Shared { stanzas: known, message }) = &self.0
            && is_same(known, &stanzas)
        {
            return (message.clone(), known.clone());
        }
        let deliveries: Vec<_> = stanzas.iter().map(Stanza::delivery).collect();
        let carried: Rc<[_]> = stanzas.iter().filter_map(Stanza::received).cloned().collect();
        let message = Rc::new(FromWorker::from(deliveries));
        // Other stanzas, such as a request, are for one tab.
        if carried.len() == stanzas.len() {
            self.0 = Some(Shared { stanzas: carried.clone(), message: message.clone() });
        }
        (message, carried)
    }
}

fn is_same<T>(known: &[Rc<Inbound<T>>], stanzas: &[Stanza<T>]) -> bool {
    let is_same = |(known, stanza): (&Rc<Inbound<T>>, &Stanza<T>)| {
        stanza.received().is_some_and(|received| Rc::ptr_eq(known, received))
    };
    known.len() == stanzas.len() && known.iter().zip(stanzas).all(is_same)
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        Mailbox {
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            in_flight_weight: 0,
            acknowledged: 0,
            last_post: None,
            stanzas: 0,
            bytes: 0,
            stanza_limit: 10_000,
            byte_limit: 16 << 20,
        }
    }

    pub(crate) fn push(&mut self, message: FromWorker<T>) {
        self.waiting.push_back(Item::Message(Rc::new(message), Vec::new()));
    }

    /// Queues a message with stanzas in it, which are kept across a reload.
    pub(crate) fn push_with(&mut self, message: FromWorker<T>, stanzas: Vec<Rc<Inbound<T>>>) {
        self.waiting.push_back(Item::Message(Rc::new(message), stanzas));
    }

    /// Queues a gap, of which the next page is told if this one is unloaded before it reads that.
    pub(crate) fn push_gap(&mut self, gap: Gap) {
        self.waiting.push_back(Item::Gap(gap));
    }

    pub(crate) fn push_stanza(&mut self, stanza: Stanza<T>) {
        self.stanzas += 1;
        self.bytes += stanza.size();
        self.waiting.push_back(Item::Stanza(stanza));
        // A stanza that can leave at once never counts as too much.
        if self.credit() == 0 {
            while (self.stanzas > self.stanza_limit || self.bytes > self.byte_limit) && self.give_up_oldest()
            {
            }
        }
    }

    /// The free part of the window, as a number of single stanzas.
    pub(crate) fn credit(&self) -> u32 {
        WINDOW.saturating_sub(self.in_flight_weight)
    }

    /// Number of stanzas that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.stanzas
    }

    /// The tab has handled this many posts so far. An impossible number is ignored.
    pub(crate) fn acknowledge(&mut self, posts: u32) {
        let newly = posts.wrapping_sub(self.acknowledged) as usize;
        if newly <= self.in_flight.len() {
            self.in_flight_weight -= self.in_flight.drain(..newly).map(|flight| flight.weight).sum::<u32>();
            self.acknowledged = posts;
        }
    }

    /// The task is over: waiting stanzas may leave.
    pub(crate) fn end_of_task(&mut self) {
        self.last_post = None;
    }

    /// Whether something waits for the end of the task.
    pub(crate) fn holds_back(&self) -> bool {
        !self.waiting.is_empty() && self.credit() > 0
    }

    /// The next post, if the window has room. Stanzas in a row travel together; a stanza long after
    /// the latest post does not wait for others.
    pub(crate) fn next_post(&mut self, now: Duration, latest: &mut Latest<T>) -> Option<Rc<FromWorker<T>>>
    where
        T: Join + Clone,
    {
        let only_stanzas =
            self.stanzas == self.waiting.len() && self.stanzas < BATCH && self.bytes < BATCH_BYTES;
        let soon = self.last_post.is_some_and(|at| now.saturating_sub(at) < SOON);
        if self.credit() == 0 || soon && only_stanzas {
            return None;
        }
        let (weight, gap, (message, carried)) = match self.waiting.pop_front()? {
            Item::Message(message, stanzas) => (weight(0), None, (message, stanzas.into())),
            Item::Gap(gap) => (weight(0), Some(gap), (Rc::new(gap.told()), Rc::default())),
            Item::Stanza(first) => {
                let stanzas = self.batch(first);
                (weight(stanzas.len()), None, latest.deliver(stanzas))
            }
        };
        self.last_post = Some(now);
        self.in_flight_weight += weight;
        self.in_flight.push_back(Flight { weight, carried, gap });
        Some(message)
    }

    /// This stanza and those right after it, up to the limits of a post.
    fn batch(&mut self, first: Stanza<T>) -> Vec<Stanza<T>> {
        let mut bytes = first.size();
        let mut stanzas = vec![first];
        while stanzas.len() < BATCH && bytes < BATCH_BYTES {
            let Some(item) = self.waiting.pop_front_if(|item| matches!(item, Item::Stanza(_))) else { break };
            if let Item::Stanza(stanza) = item {
                bytes += stanza.size();
                stanzas.push(stanza);
            }
        }
        self.stanzas -= stanzas.len();
        self.bytes -= bytes;
        stanzas
    }

    /// The stanzas, in no order, that were or will be posted to the tab and that it has not
    /// acknowledged.
    pub(crate) fn unacknowledged(&self) -> impl Iterator<Item = &Rc<Inbound<T>>> {
        let waiting = self.waiting.iter().flat_map(|item| match item {
            Item::Stanza(stanza) => stanza.received().map_or(&[][..], std::slice::from_ref),
            Item::Message(_, stanzas) => stanzas,
            Item::Gap(_) => &[],
        });
        self.in_flight.iter().flat_map(|flight| &*flight.carried).chain(waiting)
    }

    /// The position of the first stanza that the tab has not acknowledged. The answer to a claim may
    /// have older ones.
    pub(crate) fn oldest(&self) -> Option<Position> {
        self.unacknowledged().next().map(|inbound| inbound.position)
    }

    /// The tab has changed its session: stanzas of the former one still reach it in their turn, but
    /// are not kept across a reload.
    pub(crate) fn change_session(&mut self)
    where
        T: Clone,
    {
        for flight in &mut self.in_flight {
            (flight.carried, flight.gap) = (Rc::default(), None);
        }
        for item in &mut self.waiting {
            match item {
                Item::Stanza(stanza) => {
                    let (delivery, droppable, size) =
                        (stanza.delivery(), stanza.is_droppable(), stanza.size());
                    *stanza = Stanza::Own { delivery, droppable, size };
                }
                Item::Message(_, stanzas) => stanzas.clear(),
                Item::Gap(gap) => *item = Item::Message(Rc::new(gap.told()), Vec::new()),
            }
        }
    }

    /// The stanzas that were given up, as far as the tab has not acknowledged that it knows.
    pub(crate) fn given_up(&self) -> Option<Gap> {
        let gaps = self.waiting.iter().filter_map(|item| match item {
            Item::Gap(gap) => Some(*gap),
            _ => None,
        });
        self.in_flight.iter().filter_map(|flight| flight.gap).chain(gaps).reduce(Gap::and)
    }

    /// Gives up the oldest stanza that may be given up. A gap takes its place.
    fn give_up_oldest(&mut self) -> bool {
        let droppable = |item: &Item<T>| matches!(item, Item::Stanza(stanza) if stanza.is_droppable());
        let Some(index) = self.waiting.iter().position(droppable) else { return false };
        let Some(Item::Stanza(stanza)) = self.waiting.remove(index) else { return false };
        self.stanzas -= 1;
        self.bytes -= stanza.size();
        let given_up = Gap::at(stanza.position(), TOO_MANY);
        match index.checked_sub(1).and_then(|before| self.waiting.get_mut(before)) {
            Some(Item::Gap(gap)) => *gap = gap.and(given_up),
            _ => self.waiting.insert(index, Item::Gap(given_up)),
        }
        true
    }
}
