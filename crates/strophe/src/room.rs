//! What all pages share. Whoever acts is handed it.

use std::collections::VecDeque;
use std::time::Duration;

use epode_hub::PortId;
use epode_protocol::{Checkpoint, Hello, ToWorker, VERSION};

use crate::Output;
use crate::lineage::{Heir, Lineage};
use crate::logouts::Logouts;
use crate::words::Word;

/// The most ports of pages that said goodbye that are kept for their return from the back/forward cache.
const KEPT: usize = 32;

#[derive(Debug)]
pub(crate) struct Room<T> {
    pub(crate) now: Duration,
    pub(crate) lineage: Lineage,
    pub(crate) logouts: Logouts,
    /// The services at which another page is logging in.
    pub(crate) logging_in: Vec<String>,
    /// The run of the worker, as the hub calls it.
    pub(crate) boot: String,
    /// The ports of pages that said goodbye, oldest first.
    left: VecDeque<PortId>,
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
            left: VecDeque::new(),
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

    /// The page at this port said goodbye, and may come back to it.
    pub(crate) fn left(&mut self, port: PortId) {
        if !self.left.contains(&port) {
            self.left.push_back(port);
        }
        if self.left.len() > KEPT
            && let Some(oldest) = self.left.pop_front()
        {
            self.say(oldest, ToWorker::Leave);
            self.closed.push(oldest);
        }
    }
}
