//! The deadlines of a stream, in one table.

use std::time::Duration;

/// When to give up on something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// When to give up on the socket that was dialled.
    Dial,
    /// When to give up on the server's answer to a step of the negotiation.
    Answer,
    /// When to stop waiting for the server's `<close/>` (RFC 7395 §3.6).
    Close,
}

impl Timer {
    pub(crate) const fn after(self) -> Duration {
        match self {
            Timer::Dial => Duration::from_secs(20),
            Timer::Answer => Duration::from_secs(20),
            Timer::Close => Duration::from_secs(3),
        }
    }
}

/// The one deadline that runs at a time: a stream waits for one thing.
#[derive(Default, Debug)]
pub(crate) struct Deadline(Option<(Timer, Duration)>);

impl Deadline {
    pub(crate) fn set(&mut self, now: Duration, timer: Timer) {
        self.0 = Some((timer, now + timer.after()));
    }

    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    pub(crate) fn at(&self) -> Option<Duration> {
        self.0.map(|(_, at)| at)
    }

    /// The timer that has run out by `now`; it fires once.
    pub(crate) fn expired(&mut self, now: Duration) -> Option<Timer> {
        self.0.take_if(|(_, at)| *at <= now).map(|(timer, _)| timer)
    }
}
