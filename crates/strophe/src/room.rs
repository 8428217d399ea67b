//! What all pages share. Whoever acts is handed it.

use std::collections::VecDeque;
use std::time::Duration;

use epode_hub::PortId;
use epode_protocol::{Checkpoint, Hello, Position, Text, ToWorker, VERSION};

use crate::Output;
use crate::lineage::{Heir, Lineage};
use crate::logouts::Logouts;
use crate::words::Word;

/// The most ports of pages that said goodbye that are kept for their return from the back/forward cache.
const KEPT: usize = 32;

/// The most stanzas that are kept until a page is back in their session, their bytes, and for how long:
/// servers forget a session that is not resumed earlier.
const BELATED: usize = 256;
const BYTES: usize = 1 << 20;
const LASTS: Duration = Duration::from_secs(600);

/// A stanza that a page sent before it heard of the end of its session.
#[derive(Debug)]
pub(crate) struct Belated<T> {
    pub(crate) tab: String,
    /// Where that session was bound.
    pub(crate) bound: Position,
    pub(crate) text: T,
    pub(crate) at: Duration,
}

#[derive(Debug)]
pub(crate) struct Room<T> {
    pub(crate) now: Duration,
    pub(crate) lineage: Lineage,
    pub(crate) logouts: Logouts,
    /// The services at which another page is logging in.
    pub(crate) logging_in: Vec<String>,
    /// The run of the worker, as the hub calls it.
    pub(crate) boot: String,
    /// What waits for its session, which the hub may keep: oldest first.
    pub(crate) belated: Vec<Belated<T>>,
    /// The ports of pages that said goodbye, oldest first, and whether those were in a session or on
    /// their way into one.
    left: Vec<(PortId, bool)>,
    /// Ports that are not needed any more.
    pub(crate) closed: Vec<PortId>,
    pub(crate) outputs: VecDeque<Output<T>>,
}

impl<T> Room<T> {
    pub(crate) fn new() -> Self {
        Room {
            now: Duration::ZERO,
            lineage: Lineage::default(),
            logouts: Logouts::default(),
            logging_in: Vec::new(),
            boot: String::new(),
            belated: Vec::new(),
            left: Vec::new(),
            closed: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Says this to the hub, for a page.
    pub(crate) fn say(&mut self, port: PortId, message: ToWorker<T>) {
        self.outputs.push_back(Output::Say(port, message));
    }

    /// Tells a page this.
    pub(crate) fn post(&mut self, port: PortId, word: Word<T>) {
        self.outputs.push_back(Output::Post(port, word));
    }

    /// Introduces a page to the hub.
    pub(crate) fn greet(&mut self, port: PortId, Heir { tab, before, .. }: &Heir) {
        let boot = self.boot.clone();
        let before = before.map(|position| Checkpoint { boot, position });
        // Such a page holds no Web Lock, and does not say whether it can be seen.
        let hello = Hello { versions: vec![VERSION], tab: tab.clone(), lock: None, before, visible: true };
        self.say(port, ToWorker::Hello(hello));
    }

    /// The session is over, and with it what waits for it.
    pub(crate) fn forget(&mut self, session: u64) {
        self.belated.retain(|belated| belated.bound >> 32 != session);
    }

    /// What has waited too long waits no more.
    pub(crate) fn tidy(&mut self) {
        self.belated.retain(|belated| belated.at + LASTS > self.now);
    }

    /// When to tidy.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.belated.first().map(|belated| belated.at + LASTS)
    }

    /// The page at this port said goodbye, and may come back to it: first of all if it was in a session.
    pub(crate) fn left(&mut self, port: PortId, was_in: bool) {
        if self.left.iter().all(|(left, _)| *left != port) {
            self.left.push((port, was_in));
        }
        if self.left.len() > KEPT {
            let idle = self.left.iter().position(|(_, was_in)| !was_in);
            let (port, _) = self.left.remove(idle.unwrap_or_default());
            self.say(port, ToWorker::Leave);
            self.closed.push(port);
        }
    }
}

impl<T: Text> Room<T> {
    /// Keeps a stanza until a page is back in its session; false if that would be too much.
    pub(crate) fn keep(&mut self, belated: Belated<T>) -> bool {
        let size = |belated: &Belated<T>| belated.text.with_str(str::len);
        let has_room = self.belated.len() < BELATED
            && self.belated.iter().map(size).sum::<usize>() + size(&belated) <= BYTES;
        if has_room {
            self.belated.push(belated);
        }
        has_room
    }
}
