//! The time for which a session with failing requests counts as alive.

use std::time::Duration;

use crate::terms::Terms;

/// The server may have held a request that was under way for this long before it failed.
const HELD: Duration = Duration::from_secs(5);

/// The longest wait before a repetition.
const LONGEST: Duration = Duration::from_secs(8);

/// The state of the line to the server.
pub(crate) struct Outage {
    /// When the current series of failures began.
    since: Option<Duration>,
    /// When the last response came.
    heard: Duration,
    random: u64,
}

impl Outage {
    /// `seed` sets the jitter, so that browsers that lose a server together do not come back together.
    pub(crate) fn new(now: Duration, seed: u64) -> Self {
        Outage { since: None, heard: now, random: seed | 1 }
    }

    pub(crate) fn end(&mut self, now: Duration) {
        self.since = None;
        self.heard = now;
    }

    /// Notes the failure of a request that left at `sent`. The series begins anew if the server may have held
    /// the request until now.
    pub(crate) fn note(&mut self, now: Duration, sent: Duration) {
        if self.since.is_none() || now.saturating_sub(sent) >= HELD {
            self.since = Some(now);
        }
    }

    /// Whether the server must have given up the session by now (XEP-0124 §10): the failures have lasted for
    /// the inactivity period, or even a request that left right after the last response is too old.
    pub(crate) fn is_lost(&self, now: Duration, terms: &Terms) -> bool {
        self.since.is_some_and(|since| now.saturating_sub(since) >= terms.patience())
            || now.saturating_sub(self.heard) >= terms.answer_time() + terms.patience()
    }

    /// The wait before the next repetition of a request that was repeated `repeats` times. The first
    /// repetition leaves at once: the next request breaks on an idle connection that the server has closed.
    /// The later waits are 1, 2, 4 and 8 seconds, each shortened by up to a half.
    pub(crate) fn delay(&mut self, repeats: u32) -> Duration {
        if repeats == 0 {
            return Duration::ZERO;
        }
        let longest = Duration::from_secs(1 << (repeats - 1).min(3)).min(LONGEST);
        // Xorshift64 is enough for jitter.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        longest / 2 + longest / 2 * (self.random >> 48) as u32 / (1 << 16)
    }
}
