//! The deadlines of a stream, in one table.

use std::time::Duration;

/// When to give up on something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// When to give up on the socket that was dialled.
    Dial,
    /// When to give up on the server's answer to a step of the negotiation.
    Answer,
    /// When to give up on the page that speaks a foreign mechanism, which may have to ask a person.
    Foreign,
    /// When to give up on a page that logs in itself.
    Login,
    /// When to go on without stream management, since the server does not answer `<enable/>`.
    Enable,
    /// When to stop waiting for the server's `<close/>` (RFC 7395 §3.6).
    Close,
}

/// How long a server may take to open the socket, and to answer at each step.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How long a server that speaks another version may take to explain itself or to send features.
pub(crate) const SECOND_THOUGHT: Duration = Duration::from_secs(5);

/// How long a page that speaks a foreign mechanism may take to answer a challenge, and one that logs in
/// itself for all of that.
pub(crate) const FOREIGN_PATIENCE: Duration = Duration::from_secs(60);

/// The one deadline that runs, since a stream waits for one thing at a time.
#[derive(Default, Debug)]
pub(crate) struct Deadline(Option<(Timer, Duration)>);

impl Deadline {
    pub(crate) fn set(&mut self, timer: Timer, at: Duration) {
        self.0 = Some((timer, at));
    }

    /// Brings the deadline forward to `at`; never postpones it.
    pub(crate) fn hasten(&mut self, at: Duration) {
        if let Some((_, due)) = &mut self.0 {
            *due = at.min(*due);
        }
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
