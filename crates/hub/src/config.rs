//! What a worker is told when it starts.

use std::time::Duration;

use epode_session::stream::jid::Unicode;
use epode_session::stream::sasl::Secret;

/// What a worker is told when it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this run of the worker; unique.
    pub boot: String,
    /// The Web Lock that the worker holds, if the browser has Web Locks.
    pub lock: Option<String>,
    /// Whether tabs share their sessions. If not, each port has its own sessions, which end with
    /// the port: so where each page runs an engine of its own.
    pub shared: bool,
    /// Whether this worker stands in for one that runs and does not answer. The other worker still
    /// has the sessions of its tabs, so a detour takes neither a session by its name nor a resource
    /// from it, and tells its tabs.
    pub detour: bool,
    /// How long a shared session stays open without tabs.
    pub grace: Duration,
    /// The seed for the jitter of later dials.
    pub seed: u64,
    /// Fresh randomness, 128 bits or more, which leaves this worker in no form. The fingerprints of
    /// refused proofs are keyed by it.
    pub secret: Secret,
    /// The platform's functions that names, passwords and JIDs are prepared by.
    pub unicode: Unicode,
}
