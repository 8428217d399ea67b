//! Every deadline of the worker, in one table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{PortId, SessionId, SocketId};
use epode_protocol::{Position, Token};

/// What a deadline is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// When the stream on this socket wants to be woken.
    Stream(SocketId),
    /// When to give up on the answer to a tab's request.
    Answer(PortId, Token),
    /// When to ask the next tab, since the one that was delivered an inbound request is silent.
    Silence(SessionId, Position),
    /// When to close a session that no tab came back to.
    Grace(SessionId),
}

/// The deadlines that run.
#[derive(Default, Debug)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Duration, Timer)>,
    by_name: BTreeMap<Timer, Duration>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Duration>) {
        // The common case on the way of every stanza: nothing changes.
        if self.by_name.get(&timer).copied() == at {
            return;
        }
        if let Some(before) = self.by_name.remove(&timer) {
            self.by_time.remove(&(before, timer));
        }
        if let Some(at) = at {
            self.by_time.insert((at, timer));
            self.by_name.insert(timer, at);
        }
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// The earliest timer that has run out by `now`; it runs no more.
    pub(crate) fn expired(&mut self, now: Duration) -> Option<Timer> {
        let (at, timer) = self.by_time.first().copied().filter(|(at, _)| *at <= now)?;
        self.by_time.remove(&(at, timer));
        self.by_name.remove(&timer);
        Some(timer)
    }
}
