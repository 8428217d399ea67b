//! All deadlines of the worker, in one table.

use std::time::Duration;

use crate::{PortId, SessionId, SocketId, Table};
use epode_protocol::{Position, Token};

/// What a deadline is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// When a session, or a trial, has to be woken.
    Session(SessionId),
    /// When a BOSH session has to be woken.
    Line(SocketId),
    /// When a tab's request ends without an answer.
    Answer(PortId, Token),
    /// When the worker answers an inbound ping, since no tab has.
    Ping(SessionId, Position),
    /// When a session without tabs is closed.
    Grace(SessionId),
    /// When a session that its app has not opened again is forgotten.
    Dormant(SessionId),
    /// When to ask a silent tab whether it is there, and when it counts as asleep.
    Heartbeat(PortId),
    /// When the page of a tab that has left is gone, and its port is closed.
    LastWords(PortId),
    /// When a tab that waits for others' credentials learns that they are needed.
    Restore(PortId),
    /// When tabs may hear of dropped frames again.
    Gap(SessionId),
    /// When an `unavailable` is sent after all, since its tab has stayed.
    Farewell(SessionId),
    /// When the server hears that nobody looks at a tab.
    Unseen(SessionId),
    /// When to look whether the server is still there.
    Watch(SessionId),
    /// When to look whether the socket has room.
    Pace(SessionId),
    /// When the tabs may hear again how much waits to be written.
    Backlog(SessionId),
    /// When the server is told how much is handled.
    Acknowledge(SessionId),
    /// When the server is asked how much it has handled.
    RequestAck(SessionId),
}

/// The deadlines that run.
#[derive(Default, Debug)]
pub(crate) struct Timers {
    running: Table<Timer, Duration>,
    /// The earliest of them.
    next: Option<Duration>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Option<Duration>) {
        let before = match at {
            Some(at) => self.running.insert(timer, at),
            None => self.running.remove(&timer),
        };
        // The common case for each stanza: nothing changes.
        if before == at {
            return;
        }
        match at {
            Some(at) if before.is_none() => self.next = Some(self.next.map_or(at, |next| next.min(at))),
            _ => self.find_next(),
        }
    }

    /// Has a timer that runs expire at this time, unless it does so before.
    pub(crate) fn hasten(&mut self, timer: Timer, at: Duration) {
        if self.running.get(&timer).is_some_and(|running| *running > at) {
            self.set(timer, Some(at));
        }
    }

    pub(crate) fn runs(&self, timer: Timer) -> bool {
        self.running.get(&timer).is_some()
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.next
    }

    /// Removes and returns the earliest timer that is due by `now`.
    pub(crate) fn expired(&mut self, now: Duration) -> Option<Timer> {
        let next = self.next.filter(|next| *next <= now)?;
        let timer = *self.running.iter().find(|(_, at)| **at == next)?.0;
        self.running.remove(&timer);
        self.find_next();
        Some(timer)
    }

    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = &Timer> {
        self.running.keys()
    }

    fn find_next(&mut self) {
        self.next = self.running.values().min().copied();
    }
}
