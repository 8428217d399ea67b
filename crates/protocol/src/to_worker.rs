//! What a tab says.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::port::{Read, Write};
use crate::{AttachBosh, BoshOptions, Claim, ClaimId, HttpOptions, Position, Token};

/// What a tab says to the worker.
///
/// # Time of day
///
/// Milliseconds since 1970: the one clock that a tab and the worker share, which people may set. What is said
/// by it is said roughly.
#[derive(Clone, Debug, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub enum ToWorker<T> {
    /// The first word of a tab. Nothing else is heard before it.
    Hello(Hello),
    /// Join the session of this account, opening it if there is none.
    Connect {
        /// Absolute URL of the XMPP service: of a WebSocket, or of BOSH where it begins with `http`.
        service: String,
        /// The account, with the resource to ask for if any; a bare domain for ANONYMOUS.
        jid: String,
        /// What proves that this tab may use the account.
        credentials: Credentials,
        /// How to open the session; the first tab's options win.
        options: Options,
        /// The same for BOSH. `None` over a WebSocket, or for the defaults.
        bosh: Option<Box<BoshOptions>>,
    },
    /// Go on with a session over BOSH, without credentials: the one of this `sid` or account, if it lives
    /// here; else the worker takes it over from a former page, or from the app's server. A failure is
    /// [`ConnFail`](crate::StatusCode::ConnFail), also of a session that the server turns out not to know.
    AttachBosh(Box<AttachBosh>),
    /// The requests of this tab's session are made with these from now on, whichever tab opened it: the app
    /// has assigned them.
    HttpOptions(HttpOptions),
    /// Whether this tab keeps the numbers of its session over BOSH: then it is told them before each request
    /// leaves, and where it is the last to leave the session is not ended. Counts until the tab is out of the
    /// session; to be said after each [`Connected`](crate::StatusCode::Connected) or
    /// [`Attached`](crate::StatusCode::Attached).
    Keepalive {
        /// Whether it does.
        on: bool,
    },
    /// Join a session that is there, without credentials: the one of this account, else the only one of this
    /// service.
    Attach {
        /// As in [`Connect`](Self::Connect).
        service: String,
        /// The account that this tab had before, if it remembers one.
        jid: Option<String>,
        /// As in [`Options`].
        explicit_binding: bool,
    },
    /// Join the session of this account again after a worker died, without credentials: another tab may bring
    /// them.
    Restore {
        /// As in [`Connect`](Self::Connect).
        service: String,
        /// The account that this tab had.
        jid: String,
    },
    /// Open a stream of this tab alone, on which the page itself logs in or registers an account, by
    /// [`Frame`](Self::Frame)s. Once the server has said `<success/>`, the stream becomes the session of the
    /// account, or proves that this tab may join the session that is there.
    Negotiate {
        /// As in [`Connect`](Self::Connect).
        service: String,
        /// As in [`Connect`](Self::Connect); a bare domain also to register.
        jid: String,
        /// How to open the session, if there is none. Mechanisms are the page's own affair.
        options: Options,
    },
    /// A frame of the page for the stream of its [`Negotiate`](Self::Negotiate): `<auth/>`, `<response/>` or
    /// `<abort/>` of SASL, or an IQ. Never sent on a stream that is shared.
    Frame {
        /// The element, which may hold a password.
        text: Secret,
    },
    /// Bind a resource: the session [waits](crate::StatusCode::BindRequired) for it. The first tab that says
    /// it is the one that counts.
    Bind {
        /// Which, in the place of the one that the session was opened with.
        resource: Option<String>,
    },
    /// What the mechanism of this tab says to a [`SaslChallenge`](crate::FromWorker::SaslChallenge).
    SaslResponse {
        /// As in the challenge.
        exchange: Token,
        /// The text, before base64; `None`, to begin with, where the server speaks first.
        response: Option<Secret>,
    },
    /// The mechanism failed.
    SaslAbort {
        /// As in the challenge.
        exchange: Token,
    },
    /// Deliver what matches these, from here on.
    Claim {
        /// What is claimed, each under a number of the tab's own.
        claims: Vec<Claim>,
        /// The claims hold from behind this position at the earliest: the latest that the tab has handled.
        #[cfg_attr(test, ts(type = "number"))]
        from: Position,
        /// When they were made, if outside of any stanza, by the [time of day](Self#time-of-day): what the
        /// tab had been given by then and has not handled counts, and what came since. Zero if they were made
        /// while exactly `from` was handled, so that whatever came after it counts.
        made: f64,
        /// The stream that they are for, as the session was told: claims end with their stream.
        generation: u32,
    },
    /// These claims hold no more.
    Release {
        /// Their numbers.
        claims: Vec<ClaimId>,
    },
    /// The tab has handled this many posts, ever.
    Ack {
        /// How many.
        posts: u32,
    },
    /// Send stanzas, in order.
    Send {
        /// The stanzas.
        stanzas: Vec<Outgoing<T>>,
    },
    /// Send an IQ of type get or set and bring back its answer.
    Request {
        /// Comes back with the [`FromWorker::Response`](crate::FromWorker::Response).
        token: Token,
        /// The IQ, with an `id`.
        text: T,
        /// How long to wait for the answer, in milliseconds; without it, until the session ends.
        timeout: Option<u32>,
    },
    /// No handler of this tab took the IQ request that was delivered with this position.
    Unhandled {
        /// The position of the request.
        #[cfg_attr(test, ts(type = "number"))]
        position: Position,
    },
    /// The page became visible or hidden.
    Visibility {
        /// Whether the page can be seen.
        visible: bool,
    },
    /// The worker does not speak the versions of this page, which are newer: it is to make room for a worker
    /// that does. Said once, after [`Refused`](crate::FromWorker::Refused), and understood in every version.
    StepAside,
    /// The page is being frozen: it will not answer until it says something again.
    Freeze,
    /// The answer to a [`Ping`](crate::FromWorker::Ping).
    Pong,
    /// Does the worker still answer? Asked behind hello only, and also while the engine of the worker is on
    /// its way.
    Ping,
    /// This tab wants to hear from now on what becomes of each of its sends: see
    /// [`Fate`](crate::FromWorker::Fate).
    Follow,
    /// What does the worker know of the tabs of this session?
    Tabs {
        /// Comes back with the answer.
        token: Token,
    },
    /// End the session, for every tab.
    Disconnect {
        /// Why, in the words of the app: the log says only that there was a reason.
        reason: Option<String>,
        /// How long the server may take to close the stream too, in milliseconds.
        timeout: u32,
    },
    /// This tab leaves; the session goes on for the others. It is told nothing any more, but what it sends
    /// and asks behind this is sent: while a page is unloaded, its app may speak after the page has said so.
    Leave,
}

/// How a tab introduces itself.
#[derive(Clone, Debug, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct Hello {
    /// The versions of the protocol that the tab speaks.
    pub versions: Vec<u32>,
    /// Names the tab: the same before and after a reload, and no other tab's.
    pub tab: String,
    /// The Web Lock that this page instance holds while it lives. `None` where the browser has no locks.
    pub lock: Option<String>,
    /// After a reload: where the page before it stood.
    pub before: Option<Checkpoint>,
    /// Whether the page can be seen.
    pub visible: bool,
}

/// Where a page stood when it was unloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Checkpoint {
    /// The run of the worker that it spoke to.
    pub boot: String,
    /// The latest position that it handled.
    #[cfg_attr(test, ts(type = "number"))]
    pub position: Position,
}

/// What proves that a tab may use an account.
#[derive(Clone, Debug, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct Credentials {
    /// The authentication identity (RFC 6120 §6.3.8); without it the local part of the JID.
    pub authcid: Option<String>,
    /// The password, or a token; `None` where there is none.
    pub password: Option<Secret>,
    /// In the place of a password the keys that SCRAM derives from one:
    /// `hash$iterations:salt$client-key:server-key`, the last three in base64.
    pub keys: Option<Secret>,
}

/// A secret on its way between a tab and the worker. Wiped when dropped; `Debug` does not print it.
#[derive(Clone, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export, type = "string"))]
pub struct Secret(String);

impl Secret {
    /// Takes the secret.
    pub fn new(secret: String) -> Self {
        Secret(secret)
    }

    /// The secret itself. Whoever copies it answers for the copy.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Hands the secret over; nothing stays behind.
    pub fn into_inner(mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// How to open a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Options {
    /// The mechanisms that are allowed; with none, and none [`listed`](Self::listed), all.
    pub mechanisms: Vec<MechanismOffer>,
    /// Whether the app has listed them itself: then they may show a secret on any transport.
    pub listed: bool,
    /// Mechanisms that live in this tab, which are allowed besides, or in the place of the worker's of the
    /// same name.
    pub own_mechanisms: Vec<MechanismOffer>,
    /// Names the session where no account does (ANONYMOUS): tabs with the same key share it.
    pub session_key: Option<String>,
    /// Whether this tab is content to wait, before the session is up for the first time, until a tab says
    /// [`Bind`](ToWorker::Bind). One that is not has it bound when it joins.
    pub explicit_binding: bool,
    /// Whether the worker dials again when the connection is lost.
    pub reconnect: bool,
    /// Whether tabs may join without credentials, by [`Attach`](ToWorker::Attach) or
    /// [`Restore`](ToWorker::Restore).
    pub attach: bool,
    /// How long what arrives for a tab that reloads is kept for it, in milliseconds.
    pub reload_grace: u32,
    /// How many stanzas may wait for a tab that is slow, before the oldest are given up.
    pub queue_stanzas: u32,
    /// The same, in bytes of their text as UTF-8.
    pub queue_size: u32,
    /// Stream management (XEP-0198), if it is wanted.
    pub management: Option<Box<ManagementOptions>>,
}

/// How stream management is used (XEP-0198).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ManagementOptions {
    /// After how many stanzas the server is asked to acknowledge them; 0 for never.
    pub max_unacked: u32,
    /// Whether the session is resumed when the connection is lost.
    pub resume: bool,
    /// How long the server is asked to keep a session whose connection is lost, in seconds.
    pub max: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            mechanisms: Vec::new(),
            listed: false,
            own_mechanisms: Vec::new(),
            session_key: None,
            explicit_binding: false,
            reconnect: true,
            attach: true,
            reload_grace: 10_000,
            queue_stanzas: 10_000,
            queue_size: 16 << 20,
            management: None,
        }
    }
}

/// A SASL mechanism that an app allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct MechanismOffer {
    /// Its registered name, for example `SCRAM-SHA-256`.
    pub name: String,
    /// The highest that the server offers wins.
    pub priority: u32,
}

/// A stanza to send.
#[derive(Clone, Debug, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct Outgoing<T> {
    /// Comes back with [`Written`](crate::FromWorker::Written) or [`Failed`](crate::FromWorker::Failed).
    /// Tokens of one tab rise.
    pub token: Token,
    /// The stanza.
    pub text: T,
}
