//! Every deadline of the worker, in one table.

use std::time::Duration;

use crate::{PortId, SessionId, Table};
use epode_protocol::{Position, Token};

/// What a deadline is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// When the session, or the trial of credentials, wants to be woken.
    Session(SessionId),
    /// When to give up on the answer to a tab's request.
    Answer(PortId, Token),
    /// When to answer an inbound ping, since no tab has.
    Ping(SessionId, Position),
    /// When to close a session that no tab came back to.
    Grace(SessionId),
    /// When to ask a quiet tab whether it is there, and when to take it for asleep.
    Heartbeat(PortId),
    /// When the page of a tab that said goodbye is gone, and its port is closed.
    LastWords(PortId),
    /// When a tab that nobody brought credentials for learns that they are needed.
    Restore(PortId),
    /// When tabs may hear again that frames were dropped.
    Gap(SessionId),
    /// When an `unavailable` is sent after all, since the tab that sent it has stayed.
    Farewell(SessionId),
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
        // The common case on the way of every stanza: nothing changes.
        if before == at {
            return;
        }
        match at {
            Some(at) if before.is_none() => self.next = Some(self.next.map_or(at, |next| next.min(at))),
            _ => self.find_next(),
        }
    }

    pub(crate) fn runs(&self, timer: Timer) -> bool {
        self.running.get(&timer).is_some()
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.next
    }

    /// The earliest timer that has run out by `now`; it runs no more.
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
