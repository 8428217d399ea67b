//! What client and server agree on in the session's first exchange.

use std::time::Duration;

/// How many requests the server may be asked to hold. Browsers open six connections to a host over HTTP/1.1,
/// and all that the site does shares them.
pub(crate) const LONGEST_HOLD: u32 = 3;

/// How long a response may be under way, beyond the time for which the server may hold it.
const ROUND_TRIP: Duration = Duration::from_secs(5);

/// The inactivity period of a server that names none. XEP-0124 §10 lets such a server wait for ever.
const INACTIVITY: u32 = 60;

/// A session is not retried for longer than this, whatever the server says: people wait for the outcome.
const LONGEST_INACTIVITY: u32 = 300;

/// The terms of a session (XEP-0124 §7.2), in seconds but for the numbers of requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// For how long the server may hold a request.
    pub wait: u32,
    /// How many requests the server may hold at a time.
    pub hold: u32,
    /// How many requests may be unanswered at a time.
    pub requests: u32,
    /// The shortest time between two empty requests, where the first was answered empty.
    pub polling: u32,
    /// How long the server keeps a session of which it holds no request.
    pub inactivity: Option<u32>,
    /// Whether the server tells the version of BOSH that it speaks: one that does not may answer by HTTP
    /// statuses of its own (XEP-0124 §17.1).
    pub versioned: bool,
}

impl Default for Terms {
    /// What Strophe asks for, and what every known server grants.
    fn default() -> Self {
        Terms { wait: 60, hold: 1, requests: 2, polling: 0, inactivity: None, versioned: true }
    }
}

impl Terms {
    /// How many requests may be unanswered: one more than the server holds, to send with, but no more than the
    /// server allows (XEP-0124 §11). Two, with every known server.
    pub(crate) fn slots(&self) -> usize {
        self.requests.clamp(1, self.hold.clamp(1, LONGEST_HOLD) + 1) as usize
    }

    /// Whether the server holds nothing, so that the client has to ask from time to time (XEP-0124 §12).
    pub(crate) fn is_polling(&self) -> bool {
        self.wait == 0 || self.hold == 0 || self.requests == 1
    }

    /// Whether a request that carries stanzas has to keep the distance, too. XEP-0124 §12 asks that of empty
    /// ones alone, but ejabberd ends a session without `wait` and `hold` over any request that comes sooner.
    pub(crate) fn is_strict(&self) -> bool {
        self.wait == 0 && self.hold == 0
    }

    /// The distance between two requests of a polling session. Half of the inactivity period is always soon
    /// enough.
    pub(crate) fn polling(&self) -> Duration {
        Duration::from_secs(self.polling.into()).min(self.patience() / 2)
    }

    /// When a request counts as unanswered: never within 1.1 × `wait`, for a proxy that gives up at `wait`
    /// makes the server see a repetition of what it has just answered.
    pub(crate) fn answer_time(&self) -> Duration {
        let wait = Duration::from_secs(self.wait.into());
        (wait * 11 / 10).max(wait + ROUND_TRIP)
    }

    /// How long the server keeps the session while it hears nothing.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.inactivity.unwrap_or(INACTIVITY).clamp(5, LONGEST_INACTIVITY).into())
    }
}
