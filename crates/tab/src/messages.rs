//! The parts of messages that the tab reads, and the messages that it writes.
//!
//! Messages are defined in `epode_protocol`. The app makes each message to the worker, and is shown each
//! message of the worker, whole. The tab reads, by the names of fields, only what moves its own state: an
//! option or the text of a stanza does not.

use epode_protocol::port::{Anything, Read, Write};
use epode_protocol::{
    ClaimId, Fault, Hello, LogLevel, Position, Refusal, Status, StatusCode, TabInfo, Token,
};

/// What moves the tab in what the worker says: a part of `FromWorker`. Whatever else comes is of the session,
/// and for the app.
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
    Log(Anything),
}

/// The session that is up.
#[derive(Read)]
pub(crate) struct Up {
    pub(crate) jid: String,
    pub(crate) position: Position,
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
    Refused(Anything),
}

/// What moves the tab in what the app says: a part of `ToWorker`. Whatever else it says goes out behind this.
#[derive(Read)]
pub(crate) enum Wish {
    Connect(Anything),
    Attach { service: String },
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

impl Wish {
    /// Whether this is a wish to be in a session.
    pub(crate) fn joins(&self) -> bool {
        matches!(self, Wish::Connect(_) | Wish::Attach { .. })
    }

    /// Whether this is about that send or request.
    pub(crate) fn carries(&self, token: Token) -> bool {
        match self {
            Wish::Send { stanzas } => stanzas.iter().any(|sent| sent.token == token),
            Wish::Request { token: asked } => *asked == token,
            _ => false,
        }
    }
}

/// What the tab says to the worker by itself: a part of [`ToWorker`](epode_protocol::ToWorker), around the
/// selectors of the app.
#[derive(Debug, Write)]
#[allow(missing_docs, reason = "documented at epode_protocol::ToWorker")]
pub enum Word<V> {
    Hello(Hello),
    Restore { service: String, jid: String },
    Claim { claims: Vec<Claim<V>>, from: Position, made: f64 },
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
    /// Its number.
    pub id: ClaimId,
    /// Which stanzas.
    pub selector: V,
}

/// What the tab tells the app by itself: a part of [`FromWorker`](epode_protocol::FromWorker), as if a worker
/// had said it.
#[derive(Debug, Write)]
#[allow(missing_docs, reason = "documented at epode_protocol::FromWorker")]
pub enum News {
    Status(Status),
    Tabs { token: Token, tabs: Vec<TabInfo> },
    Failed { token: Token, fault: Fault },
    Response { token: Token, outcome: Unanswered, position: Position },
    Log { level: LogLevel, text: String },
}

/// What became of a request of which the worker says nothing.
#[derive(Debug, Write)]
pub enum Unanswered {
    /// The session, as far as this tab is in it, ended before an answer came.
    Disconnected,
}
