//! The one way out of a session. Every frame for the server leaves here, in order: the stream's
//! own, the worker's on behalf of its tabs, and the tabs' stanzas. Stanzas queue first (`stanzas`,
//! `queue`), and the tabs' receipts are written there. A WebSocket takes any number of frames, and
//! keeps what the network has not taken: stanzas wait here instead, where they are counted and the
//! worker's questions overtake them.

use std::time::Duration;

use epode_protocol::Text;

use carrier::Carrier;
pub(crate) use queue::TooMuch;
pub(crate) use stanzas::{Entry, Needless, StanzaQueue};
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

/// The most bytes of stanzas that the socket keeps; and the most when the server is asked for an answer, and
/// until that comes: what leaves before the question delays the answer.
const ROOM: usize = 1_000_000;
const ROOM_WHILE_ASKED: usize = 64 << 10;

/// The time between two looks at a socket that keeps too much.
const LOOK: Duration = Duration::from_millis(50);

/// The way out of one session.
#[derive(Debug)]
pub(crate) struct Uplink {
    id: SessionId,
    pub(crate) carrier: Carrier,
    pub(crate) watch: Watch,
    /// The bytes of stanzas that the socket keeps, at most.
    kept: usize,
    hurries: bool,
}

impl Uplink {
    pub(crate) fn new(id: SessionId, carrier: Carrier, seed: u64) -> Self {
        Uplink { id, carrier, watch: Watch::new(seed), kept: 0, hurries: false }
    }

    /// Writes a stanza whose turn it is ([`StanzaQueue`]).
    pub(crate) fn write<T: Text>(&mut self, stanza: T, size: usize, common: &mut Common<T>) {
        self.kept += size;
        self.expect(common);
        self.carrier.transmit(stanza, true, common);
    }

    /// Writes a frame after which a server that is there is heard from sooner or later.
    pub(crate) fn ask<T: Text>(&mut self, frame: T, common: &mut Common<T>) {
        self.expect(common);
        self.send(frame, common);
    }

    fn expect<T: Text>(&mut self, common: &mut Common<T>) {
        if self.is_measured() && self.watch.wrote(common.now) {
            self.rewatch(common);
        }
    }

    /// Writes another frame.
    pub(crate) fn send<T: Text>(&mut self, frame: T, common: &mut Common<T>) {
        self.carrier.transmit(frame, false, common);
    }

    /// Whether the socket is to take another stanza. `asked`: whether the server owes an answer.
    pub(crate) fn has_room(&self, asked: bool) -> bool {
        let most = if asked || self.watch.is_probing() { ROOM_WHILE_ASKED } else { ROOM };
        self.hurries || self.kept < most || !self.is_measured()
    }

    /// Whether a probe may be written. If not, it waits until the socket keeps less.
    pub(crate) fn may_probe(&mut self, now: Duration) -> bool {
        let has_room = self.has_room(true);
        self.watch.put_off(!has_room, now);
        has_room
    }

    /// Whether a probe has waited, and may be written now.
    pub(crate) fn is_probe_due(&self) -> bool {
        self.watch.is_put_off() && self.has_room(true)
    }

    /// Stanzas wait for room: has the socket measured now, and again soon.
    pub(crate) fn wait_for_room<T: Text>(&self, common: &mut Common<T>) {
        if !common.timers.runs(Timer::Pace(self.id)) {
            common.timers.set(Timer::Pace(self.id), Some(common.now + LOOK));
            self.measure(common);
        }
    }

    /// The session is closed: what waits leaves before that.
    pub(crate) fn hurry(&mut self) {
        self.hurries = true;
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
        (self.kept, self.hurries) = (0, false);
        self.watch.open(common.now);
        if self.is_measured() {
            self.rewatch(common);
        }
    }

    /// No stanzas flow any more.
    pub(crate) fn close<T: Text>(&mut self, common: &mut Common<T>) {
        for timer in [Timer::Watch(self.id), Timer::Pace(self.id), Timer::Unseen(self.id)] {
            common.timers.set(timer, None);
        }
    }

    /// Whether the carrier is a WebSocket. A BOSH session sees by itself whether its server answers,
    /// and sends no more than its window takes.
    pub(crate) fn is_measured(&self) -> bool {
        self.carrier.binding.is_none()
    }
}
