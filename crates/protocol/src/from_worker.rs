//! What the worker says.

use serde::{Deserialize, Serialize};

use crate::port::{Read, Write};
use crate::{Batch, BoshSession, ClaimId, Position, Secret, Token};

/// What the worker says to a tab.
#[derive(Clone, Debug, Serialize, Deserialize, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub enum FromWorker<T> {
    /// The answer to a [`Hello`](crate::Hello) that the worker can serve.
    Welcome {
        /// The version chosen, one of the tab's.
        version: u32,
        /// Names this run of the worker. A tab that sees another one speaks to a worker that knows nothing of
        /// it.
        boot: String,
        /// The Web Lock that the worker holds while it lives. `None` where the browser has no locks.
        lock: Option<String>,
    },
    /// This tab cannot be served.
    Refused(Refusal),
    /// The worker has taken up a `Connect`, `Attach`, `Restore` or `Negotiate` of this tab, the next that it
    /// was said: whatever came of a session before this is of the one that the tab has left.
    Joining,
    /// Where the session stands, for this tab.
    Status(Status),
    /// The keys that SCRAM derived from the credentials of this tab, in the form of
    /// [`Credentials::keys`](crate::Credentials::keys). Only a tab that brought what the session was opened
    /// with is told, before the status that says it is up.
    Keys {
        /// The keys.
        keys: Secret,
    },
    /// A mechanism that lives in this tab is to speak; [`SaslResponse`](crate::ToWorker::SaslResponse) or
    /// [`SaslAbort`](crate::ToWorker::SaslAbort) answers.
    SaslChallenge {
        /// Comes back with the answer.
        exchange: Token,
        /// Its name.
        mechanism: String,
        /// What the server says, without base64; `None` to begin with.
        challenge: Option<String>,
    },
    /// A frame of the server on the stream of this tab's [`Negotiate`](crate::ToWorker::Negotiate), as it
    /// came: `<stream:features/>` at first, `<success/>` at last. A status tells the end of the stream.
    Frame {
        /// The element.
        text: T,
    },
    /// Which role this tab has in the worker's books.
    Role(Role),
    /// Stanzas, in order, that are not a [`Stanza`](FromWorker::Stanza) alone.
    Deliver(Batch<T>),
    /// These claims hold from here on, and what they missed until now.
    Claimed {
        /// Each claim, with the stanzas for it alone, in order.
        claims: Vec<Backfill<T>>,
    },
    /// Stanzas that this tab might have heard are missing.
    Gap {
        /// The first position that is missing.
        #[cfg_attr(test, ts(type = "number"))]
        from: Position,
        /// The last.
        #[cfg_attr(test, ts(type = "number"))]
        to: Position,
        /// How many: of those that it had claimed, what other tabs sent among them, or of frames that nobody
        /// could read.
        count: u32,
        /// Why: `resource-constraint` if too many waited for it, else the rule that a frame of the server
        /// breaks, by the name of a stream error (RFC 6120 §4.9.3).
        reason: String,
    },
    /// Is anybody there, and how much is handled?
    Ping,
    /// The answer to a [`Ping`](crate::ToWorker::Ping).
    Pong,
    /// What the worker knows of the tabs of this session.
    Tabs {
        /// The token of the question.
        token: Token,
        /// The tabs, in the order in which they came.
        tabs: Vec<TabInfo>,
    },
    /// Every stanza of this tab with a token up to this one has been written to the socket, but for those
    /// reported as [`Failed`](FromWorker::Failed) before.
    Written {
        /// The highest token.
        up_to: Token,
    },
    /// A stanza of this tab was not sent.
    Failed {
        /// The token of the [`Outgoing`](crate::Outgoing).
        token: Token,
        /// Why.
        fault: Fault,
    },
    /// What became of this tab's sends, beyond that they were [`Written`](FromWorker::Written). Usual fates
    /// are told only to a tab that wants to hear of them ([`Follow`](crate::ToWorker::Follow)).
    Fate {
        /// The token of the [`Outgoing`](crate::Outgoing). A usual fate is that of every send up to this one
        /// that has not failed before.
        token: Token,
        /// What became of it.
        fate: Fate,
    },
    /// How much of what the tabs of the session sent waits to be written, since the session is down or its
    /// connection slow. Nothing waits where the tab was told nothing.
    Backlog {
        /// The number of stanzas.
        stanzas: u32,
        /// Their bytes, as UTF-8.
        bytes: u32,
    },
    /// The server does not manage the stream after all (XEP-0198 §3), which
    /// [`managed`](SessionInfo::managed) had promised.
    Unmanaged,
    /// What became of an IQ that this tab asked.
    Response {
        /// The token of the [`Request`](crate::ToWorker::Request).
        token: Token,
        /// What became of it.
        outcome: Outcome<T>,
        /// The position of the answer, or of the latest stanza where there is none.
        #[cfg_attr(test, ts(type = "number"))]
        position: Position,
    },
    /// Where this tab's session over BOSH stands. A tab with [`Keepalive`](crate::ToWorker::Keepalive), and
    /// the only tab of an engine, are told before each request leaves; others when they join, before the
    /// status.
    BoshSession(BoshSession),
    /// A request of this tab's session failed with this HTTP status, which is 0 where browsers have none. It
    /// is repeated, or a status says what became of the session.
    HttpError {
        /// The status.
        status: u16,
    },
    /// Something for the app's log. Never holds a payload or a secret.
    Log {
        /// How grave it is.
        level: LogLevel,
        /// What happened.
        text: String,
    },
    /// A stanza by itself that was received, as `[position, text]`: most come so, and an array of two costs a
    /// port less than an object of arrays.
    #[serde(untagged)]
    Stanza(#[cfg_attr(test, ts(type = "number"))] Position, T),
}

/// Why a tab cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Refusal {
    /// No version in common.
    Version {
        /// What this worker speaks.
        speaks: Vec<u32>,
    },
    /// What the tab posted is not of this protocol.
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// The session that the tab asked for is of another worker of the same script: the tab is to go there.
    Elsewhere {
        /// The name of that worker (HTML, `SharedWorkerOptions`).
        worker: String,
    },
    /// The worker's engine could not start, or broke.
    Engine {
        /// The reason, in words that help.
        detail: String,
    },
}

/// Where a session stands, for one tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Status {
    /// The status, in Strophe's terms.
    pub code: StatusCode,
    /// The condition, where a specification, a mechanism or the server names one: a word that an app can
    /// compare.
    pub condition: Option<String>,
    /// The reason in a sentence.
    pub text: Option<String>,
    /// The `<stream:features/>` after authentication, as XML, with [`StatusCode::BindRequired`]. Of a session
    /// that is up they are part of `session`.
    pub features: Option<String>,
    /// Who we are, with [`StatusCode::Connected`] and [`StatusCode::Attached`].
    pub session: Option<SessionInfo>,
    /// The WebSocket close code (RFC 6455 §7.4) of the socket that this is the end of: in one status of each
    /// end.
    pub close_code: Option<u16>,
}

/// The status codes of Strophe that the worker reports. The names are the protocol's; a client maps them to
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[allow(missing_docs, reason = "the names are Strophe's own")]
pub enum StatusCode {
    Error,
    Connecting,
    ConnFail,
    Authenticating,
    AuthFail,
    Connected,
    Disconnected,
    Disconnecting,
    Attached,
    Redirect,
    ConnTimeout,
    BindRequired,
    AttachFail,
    Reconnecting,
}

/// Who a session is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SessionInfo {
    /// The full JID that the server bound.
    pub jid: String,
    /// Its domain.
    pub domain: String,
    /// The `<stream:features/>` behind authentication, as XML.
    pub features: String,
    /// What the tab hears begins behind this position.
    #[cfg_attr(test, ts(type = "number"))]
    pub position: Position,
    /// The number of the stream, which no other stream of this worker has: claims say it.
    pub generation: u32,
    /// Whether the server acknowledges stanzas (XEP-0198), as far as it has answered.
    pub managed: bool,
    /// Whether the stream resumed the session of a former stream.
    pub resumed: bool,
    /// The position at which the server bound the session. What a tab heard before is of another one.
    #[cfg_attr(test, ts(type = "number"))]
    pub bound: Position,
}

/// The role of a tab: exactly one tab of a session is primary, for work that must happen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Role {
    /// The one.
    Primary,
    /// One of the others.
    Secondary,
}

/// One stanza for a tab: its position, where it comes from, its text.
#[derive(Clone, Debug, Serialize, Deserialize, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct Delivery<T>(#[cfg_attr(test, ts(type = "number"))] pub Position, pub Origin, pub T);

/// Where a stanza comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Origin {
    /// From the server.
    Received,
    /// From another tab, on its way to the server. Carries the position of the latest stanza received before
    /// it.
    Sent,
    /// From the server before this tab came: a contact's current presence.
    Replayed,
}

/// A claim that holds from now on, and what it missed.
#[derive(Clone, Debug, Serialize, Deserialize, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct Backfill<T> {
    /// Its number.
    pub claim: ClaimId,
    /// The stanzas that match it between where it holds from and now.
    pub stanzas: Vec<Delivery<T>>,
}

/// A tab, as the worker knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct TabInfo {
    /// Names the tab.
    pub tab: String,
    /// Whether it is the tab that asked.
    pub own: bool,
    /// Its role.
    pub role: Role,
    /// Whether it can be seen.
    pub visible: bool,
    /// Whether it answers.
    pub awake: bool,
    /// How many stanzas, one by one, it may be given before it has to acknowledge some.
    pub credit: u32,
    /// How many stanzas wait for it.
    pub waiting: u32,
    /// How many claims it has.
    pub claims: u32,
}

/// What became of a send that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Fate {
    /// The server answers for it (XEP-0198): a usual fate.
    Acknowledged,
    /// The server acknowledges nothing: a usual fate.
    Unmanaged,
    /// The session was lost, and the stanza was sent again in the next: its fate is still to come.
    Resent {
        /// Whether the server may have handled it before.
        maybe_twice: bool,
    },
    /// The session was lost before the server acknowledged it, and it was not sent again.
    Failed(Fault),
}

/// What became of an IQ that a tab asked.
#[derive(Clone, Debug, Serialize, Deserialize, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub enum Outcome<T> {
    /// The answer, of type `result`.
    Result(T),
    /// The answer, of type `error`.
    Error(T),
    /// No answer within the time limit.
    Timeout,
    /// The session ended before an answer came.
    Disconnected,
    /// The session was lost and could not be resumed. The condition is `not-handled` where the server has
    /// surely not seen the request, so that it is safe to ask again, and else `unknown`.
    Lost(Fault),
    /// It was not sent, and why.
    Refused(Fault),
}

/// Why something that a tab wanted was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Fault {
    /// The rule, as a kebab-case word that an app can compare.
    pub condition: String,
    /// The same in a sentence.
    pub text: String,
}

/// How grave a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[allow(missing_docs, reason = "the usual five")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}
