//! The one way out of a session. Every frame for the server leaves here, in order: the stream's
//! own, the worker's on behalf of its tabs, and the tabs' stanzas. Stanzas queue first (`stanzas`,
//! `queue`), and the tabs' receipts are written there.

use std::time::Duration;

use epode_protocol::Text;

use carrier::Carrier;
pub(crate) use queue::TooMuch;
pub(crate) use stanzas::{Entry, StanzaQueue};
pub(crate) use watch::{Verdict, Watch};

use crate::SessionId;
use crate::common::Common;
use crate::timer::Timer;

pub(crate) mod carrier;
pub(crate) mod lines;
mod queue;
mod repeat;
mod stanzas;
mod watch;

/// The way out of one session.
#[derive(Debug)]
pub(crate) struct Uplink {
    id: SessionId,
    pub(crate) carrier: Carrier,
    pub(crate) watch: Watch,
    /// The bytes of stanzas that the socket keeps, at most.
    kept: usize,
}

impl Uplink {
    pub(crate) fn new(id: SessionId, carrier: Carrier, seed: u64) -> Self {
        Uplink { id, carrier, watch: Watch::new(seed), kept: 0 }
    }

    /// Writes a stanza whose turn it is ([`StanzaQueue`]).
    pub(crate) fn write<T: Text>(&mut self, stanza: T, size: usize, common: &mut Common<T>) {
        self.kept += size;
        self.ask(stanza, common);
    }

    /// Writes a frame after which a server that is there is heard from sooner or later.
    pub(crate) fn ask<T: Text>(&mut self, frame: T, common: &mut Common<T>) {
        if self.is_measured() && self.watch.wrote(common.now) {
            self.rewatch(common);
        }
        self.send(frame, common);
    }

    /// Writes another frame.
    pub(crate) fn send<T: Text>(&mut self, frame: T, common: &mut Common<T>) {
        self.carrier.transmit(frame, common);
    }

    /// Has the socket say how much it keeps.
    pub(crate) fn measure<T: Text>(&self, common: &mut Common<T>) {
        self.carrier.measure(common);
    }

    /// The socket keeps this many bytes.
    pub(crate) fn measured(&mut self, kept: usize, now: Duration) {
        self.watch.measured(kept, self.kept > kept, now);
        self.kept = kept;
    }

    /// Has the watch looked at when it is due.
    pub(crate) fn rewatch<T: Text>(&self, common: &mut Common<T>) {
        common.timers.set(Timer::Watch(self.id), Some(self.watch.due()));
    }

    /// Stanzas flow on a new stream.
    pub(crate) fn open<T: Text>(&mut self, common: &mut Common<T>) {
        self.kept = 0;
        self.watch.open(common.now);
        if self.is_measured() {
            self.rewatch(common);
        }
    }

    /// No stanzas flow any more.
    pub(crate) fn close<T: Text>(&mut self, common: &mut Common<T>) {
        common.timers.set(Timer::Watch(self.id), None);
    }

    /// Whether the carrier is a WebSocket. A BOSH session sees by itself whether its server answers.
    pub(crate) fn is_measured(&self) -> bool {
        self.carrier.binding.is_none()
    }
}
