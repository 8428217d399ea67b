//! What a worker needs to know.

use std::time::Duration;

use epode_session::stream::jid::Unicode;
use epode_session::stream::sasl::Secret;

/// What a worker needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names this run of the worker; unique.
    pub boot: String,
    /// The Web Lock that the worker holds, where the browser has locks.
    pub lock: Option<String>,
    /// Whether tabs share their sessions. Else each port has its own, which end with it: so where every page
    /// has an engine to itself.
    pub shared: bool,
    /// Whether it stands in for a worker that runs and does not answer, and has the sessions of its tabs
    /// still: then nothing is taken from that one, neither a session by its name nor a resource, and the tabs
    /// hear of it.
    pub detour: bool,
    /// How long a shared session stays open without tabs.
    pub grace: Duration,
    /// Sets the jitter of later dials.
    pub seed: u64,
    /// Fresh randomness, 128 bits or more, that nobody else is told: by it a proof is known again that was
    /// refused.
    pub secret: Secret,
    /// What names, passwords and JIDs are compared by.
    pub unicode: Unicode,
}
