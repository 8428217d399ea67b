//! The terms of a session, granted in the first response.

use std::time::Duration;

/// The largest number of held requests to ask for. Browsers open six connections to a host over HTTP/1.1, and
/// the whole site shares these.
pub(crate) const LONGEST_HOLD: u32 = 3;

/// The time that a response may be under way, beyond the time for which the server may hold the request.
const ROUND_TRIP: Duration = Duration::from_secs(5);

/// The inactivity period where the server names none (XEP-0124 §10 then sets no limit).
const INACTIVITY: u32 = 60;

/// The longest inactivity period that counts: a person waits for the outcome.
const LONGEST_INACTIVITY: u32 = 300;

/// The terms of a session (XEP-0124 §7.2), in seconds but for the numbers of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The longest time for which the server may hold a request.
    pub wait: u32,
    /// The number of requests that the server may hold at a time.
    pub hold: u32,
    /// The number of requests that may be unanswered at a time.
    pub requests: u32,
    /// The shortest time between two empty requests, if the response to the first was empty.
    pub polling: u32,
    /// The time for which the server keeps a session without a held request.
    pub inactivity: Option<u32>,
    /// Whether the server tells its version of BOSH: a server without `ver` ends sessions by HTTP statuses
    /// (XEP-0124 §17.1).
    pub versioned: bool,
}

impl Default for Terms {
    /// The terms that Strophe asks for and every known server grants.
    fn default() -> Self {
        Terms { wait: 60, hold: 1, requests: 2, polling: 0, inactivity: None, versioned: true }
    }
}

impl Terms {
    /// The number of requests that may be unanswered: one more than the server holds, so that stanzas never
    /// wait for a held request, but no more than the server allows (XEP-0124 §11). Two, with known servers.
    pub(crate) fn slots(&self) -> usize {
        self.requests.clamp(1, self.hold.clamp(1, LONGEST_HOLD) + 1) as usize
    }

    /// Whether this is a polling session (XEP-0124 §12): the client asks from time to time.
    pub(crate) fn is_polling(&self) -> bool {
        self.wait == 0 || self.hold == 0 || self.requests == 1
    }

    /// The interval of a polling session; half of the inactivity period if the server names a longer one.
    pub(crate) fn polling(&self) -> Duration {
        Duration::from_secs(self.polling.into()).min(self.longest_pause())
    }

    /// The longest time without a request: the server has to hear of the client before its patience ends.
    pub(crate) fn longest_pause(&self) -> Duration {
        self.patience() / 2
    }

    /// The time after which a request counts as unanswered: not less than 1.1 × `wait`, since a repetition at
    /// `wait` would cross the response.
    pub(crate) fn answer_time(&self) -> Duration {
        let wait = Duration::from_secs(self.wait.into());
        (wait * 11 / 10).max(wait + ROUND_TRIP)
    }

    /// The time for which the server keeps a silent session.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.inactivity.unwrap_or(INACTIVITY).clamp(5, LONGEST_INACTIVITY).into())
    }
}
