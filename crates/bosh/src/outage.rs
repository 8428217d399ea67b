//! How long a session whose requests fail counts as alive.

use std::time::Duration;

use crate::terms::Terms;

/// A request that was under way for this long before it failed may have been held by the server.
const HELD: Duration = Duration::from_secs(5);

/// The longest wait before a repetition.
const LONGEST: Duration = Duration::from_secs(8);

/// What is known of the line to the server.
pub(crate) struct Outage {
    /// When the failures began that no response has ended yet.
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

    /// Takes note that a request which left at `sent` has failed. Its server had it until now, as far as
    /// anybody knows, if it was under way for long.
    pub(crate) fn note(&mut self, now: Duration, sent: Duration) {
        if self.since.is_none() || now.saturating_sub(sent) >= HELD {
            self.since = Some(now);
        }
    }

    /// Whether the server has given the session up by now (XEP-0124 §10): the failures have lasted for longer
    /// than it keeps a silent session, or no request that it could hold is left to hope for.
    pub(crate) fn is_lost(&self, now: Duration, terms: &Terms) -> bool {
        self.since.is_some_and(|since| now.saturating_sub(since) >= terms.patience())
            || now.saturating_sub(self.heard) >= terms.answer_time() + terms.patience()
    }

    /// How long to wait before a request is repeated for the `repeats`th time: not at all at first (an idle
    /// connection that the server closes breaks under the next request), then for 1, 2, 4 and 8 seconds, each
    /// shortened by up to a half.
    pub(crate) fn delay(&mut self, repeats: u32) -> Duration {
        if repeats == 0 {
            return Duration::ZERO;
        }
        let longest = Duration::from_secs(1 << (repeats - 1).min(3)).min(LONGEST);
        // Xorshift64; nothing secret hangs on it.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        longest / 2 + longest / 2 * (self.random >> 48) as u32 / (1 << 16)
    }
}
