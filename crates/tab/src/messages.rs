//! The parts of messages that the tab reads, and the messages that it writes.
//!
//! Messages are defined in `epode_protocol`. The app makes each message to the worker, and is shown each
//! message of the worker, whole. The tab reads, by the names of fields, only what moves its own state: an
//! option or the text of a stanza does not.

use epode_protocol::port::{Anything, Read, Write};
use epode_protocol::{
    ClaimId, Fault, Hello, LogLevel, Position, Refusal, Status, StatusCode, TabInfo, Token,
};

/// The parts of a `FromWorker` that move the tab. All other variants belong to the session and are for the
/// app.
#[derive(Read)]
pub(crate) enum Moves {
    Welcome { boot: String, lock: Option<String> },
    Refused(Refusal),
    Joining,
    Status { code: StatusCode, session: Option<Up> },
    Claimed { claims: Vec<Claimed> },
    Ping,
    Pong,
    Tabs { token: Token },
    Written { up_to: Token },
    Failed { token: Token },
    Response { token: Token, outcome: Ended, position: Position },
    Fate(Anything),
    Log(Anything),
}

/// The session that is up.
#[derive(Read)]
pub(crate) struct Up {
    pub(crate) jid: String,
    pub(crate) position: Position,
    pub(crate) generation: u32,
}

/// A claim that holds.
#[derive(Read)]
pub(crate) struct Claimed {
    pub(crate) claim: ClaimId,
}

/// How a request ended.
#[derive(Read)]
pub(crate) enum Ended {
    Result(Anything),
    Error(Anything),
    Timeout,
    Disconnected,
    Lost(Anything),
    Refused(Anything),
}

/// The parts of a `ToWorker` of the app that move the tab. All other variants are only passed on.
#[derive(Read)]
pub(crate) enum Command {
    Connect(Anything),
    Attach { service: String },
    AttachBosh { service: String },
    Negotiate { service: String },
    Send { stanzas: Vec<Sent> },
    Request { token: Token },
    Tabs { token: Token },
    Visibility { visible: bool },
    Disconnect(Anything),
}

/// A stanza to send.
#[derive(Read)]
pub(crate) struct Sent {
    pub(crate) token: Token,
}

impl Command {
    /// Whether this is a command to join a session.
    pub(crate) fn joins(&self) -> bool {
        matches!(
            self,
            Command::Connect(_)
                | Command::Attach { .. }
                | Command::AttachBosh { .. }
                | Command::Negotiate { .. }
        )
    }

    /// Whether this is about that send or request.
    pub(crate) fn carries(&self, token: Token) -> bool {
        match self {
            Command::Send { stanzas } => stanzas.iter().any(|sent| sent.token == token),
            Command::Request { token: asked } => *asked == token,
            _ => false,
        }
    }
}

/// The messages to the worker that the tab makes itself: a part of [`ToWorker`](epode_protocol::ToWorker).
/// Selectors come from the app.
#[derive(Debug, Write)]
#[allow(missing_docs, reason = "documented at epode_protocol::ToWorker")]
pub enum Word<V> {
    Hello(Hello),
    Restore { service: String, jid: String },
    Claim { claims: Vec<Claim<V>>, from: Position, made: f64, generation: u32 },
    Release { claims: Vec<ClaimId> },
    Ack { posts: u32 },
    StepAside,
    Pong,
    Ping,
    Leave,
}

/// A claim with the selector that the app gave.
#[derive(Debug, Write)]
pub struct Claim<V> {
    /// The number of the claim.
    pub id: ClaimId,
    /// The stanzas that are claimed.
    pub selector: V,
}

/// The messages to the app that the tab makes itself, in the place of a worker: a part of
/// [`FromWorker`](epode_protocol::FromWorker).
#[derive(Debug, Write)]
#[allow(missing_docs, reason = "documented at epode_protocol::FromWorker")]
pub enum News {
    Status(Status),
    Tabs { token: Token, tabs: Vec<TabInfo> },
    Failed { token: Token, fault: Fault },
    Response { token: Token, outcome: Unanswered, position: Position },
    Log { level: LogLevel, text: String },
}

/// The outcome of a request that no worker answers.
#[derive(Debug, Write)]
pub enum Unanswered {
    /// The session ended for this tab before an answer came.
    Disconnected,
}
