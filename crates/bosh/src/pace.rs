//! The interval between empty requests.

use std::time::Duration;

use crate::terms::Terms;

/// The number of empty requests in a row that may be answered at once and empty before the next has to wait:
/// a server answers so while it prepares its features (XEP-0206 §4).
const FREE: u32 = 3;

/// A response after this time shows that the server holds requests.
const HELD: Duration = Duration::from_secs(1);

/// The first wait; each further wait is twice as long.
const FIRST: Duration = Duration::from_millis(100);

/// Spaces out empty requests: by the interval of a polling session (XEP-0124 §12), and by growing waits if a
/// server answers each request at once and empty, where holding is agreed on. Between a challenge and its
/// answer none leaves: the server has nothing to say then (RFC 6120 §6.4.3), and an empty request that leaves
/// right before the answer, on a connection of its own, may arrive behind it. ejabberd 24.12 then never
/// processes the answer, and ends the session when that request is repeated.
#[derive(Default)]
pub(crate) struct Pace {
    /// When the last new request left.
    left: Duration,
    /// Whether that request was empty.
    empty: bool,
    /// Whether the last response carried stanzas.
    rewarded: bool,
    /// The number of empty requests in a row that were answered at once and empty.
    idle: u32,
    /// When the last response came.
    answered: Duration,
    /// Whether the stream owes the answer to a challenge.
    challenged: bool,
}

impl Pace {
    pub(crate) fn note_request(&mut self, now: Duration, empty: bool) {
        self.left = now;
        self.empty = empty;
        self.rewarded = false;
    }

    /// Notes the response to a request that left at `sent`; `in_vain` if neither carried stanzas.
    pub(crate) fn note_answer(&mut self, now: Duration, sent: Duration, in_vain: bool, carries: bool) {
        self.rewarded = carries;
        self.answered = now;
        self.idle = if in_vain && now.saturating_sub(sent) < HELD { self.idle.saturating_add(1) } else { 0 };
    }

    /// The server says this.
    pub(crate) fn note_heard(&mut self, frame: &str) {
        self.challenged = frame.starts_with("<challenge");
    }

    /// The stream says something.
    pub(crate) fn note_said(&mut self) {
        self.challenged = false;
    }

    /// When the next request may leave.
    pub(crate) fn earliest(&self, terms: &Terms, empty: bool) -> Duration {
        if empty && self.challenged {
            return self.answered + terms.longest_pause();
        }
        if terms.is_polling() {
            let keeps_distance = empty && self.empty && !self.rewarded;
            // A restored session does not know its interval.
            return if keeps_distance { self.left + terms.polling().max(HELD) } else { Duration::ZERO };
        }
        if !empty || self.idle <= FREE {
            return Duration::ZERO;
        }
        let longest = terms.polling().max(HELD);
        self.answered + (FIRST * (1 << (self.idle - FREE - 1).min(10))).min(longest)
    }
}
