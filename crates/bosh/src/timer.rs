//! The deadlines of a session, in one table.

use std::time::Duration;

/// The purpose of a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// When to repeat the request with this rid, since no response has come.
    Answer(u64),
    /// When to repeat the requests that have failed.
    Repeat,
    /// When the request has arrived that goes before the next repetition.
    Order,
    /// When the pace lets the next request leave.
    Poll,
    /// When to stop waiting for the response to the terminating body.
    Close,
}

/// The deadlines that run: a handful.
#[derive(Default)]
pub(crate) struct Timers(Vec<(Timer, Duration)>);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Duration) {
        self.clear(timer);
        self.0.push((timer, at));
    }

    /// Moves a running timer forward to this time, if that is earlier.
    pub(crate) fn hasten(&mut self, timer: Timer, at: Duration) {
        for (_, due) in self.0.iter_mut().filter(|(one, _)| *one == timer) {
            *due = at.min(*due);
        }
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.0.retain(|(one, _)| *one != timer);
    }

    pub(crate) fn clear_all(&mut self) {
        self.0.clear();
    }

    pub(crate) fn runs(&self, timer: Timer) -> bool {
        self.0.iter().any(|(one, _)| *one == timer)
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.iter().map(|(_, at)| *at).min()
    }

    /// Removes a timer that has run out by `now`.
    pub(crate) fn expired(&mut self, now: Duration) -> Option<Timer> {
        let at = self.0.iter().position(|(_, at)| *at <= now)?;
        Some(self.0.remove(at).0)
    }
}
