use serde::Serialize;

/// The counters of a server since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Connections that are open now.
    pub open_connections: u64,
    /// Connections that were ever opened.
    pub total_connections: u64,
    /// Authentications begun: one per `<auth/>`.
    pub sasl_started: u64,
    /// Authentications that ended in `<success/>`.
    pub sasl_succeeded: u64,
    /// Authentications that ended in `<failure/>`.
    pub sasl_failed: u64,
    /// Sessions that are bound now.
    pub bound_sessions: u64,
    /// Stanzas that came from bound sessions.
    pub stanzas_in: u64,
    /// Stanzas that went to bound sessions.
    pub stanzas_out: u64,
    /// Connections that ended with the client's `<close/>`.
    pub clean_closes: u64,
}
