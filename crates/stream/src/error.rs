//! Why a stream ended, and who broke which rule.

use epode_bosh as bosh;
use epode_xml::Violation;

use crate::management;

/// Why a stream ended. Each variant names who caused it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The socket could not be opened at all.
    #[error("the server could not be reached{}", socket_detail(*.code, .reason))]
    Unreachable {
        /// WebSocket close code (RFC 6455 §7.4), as the browser reports it.
        code: u16,
        /// The reason given by the server or the browser; often empty.
        reason: String,
    },
    /// The socket was lost while the stream was open.
    #[error("the connection was lost{}", socket_detail(*.code, .reason))]
    SocketClosed {
        /// WebSocket close code (RFC 6455 §7.4).
        code: u16,
        /// The reason given by the server; often empty.
        reason: String,
    },
    /// The BOSH session that carried the stream ended (XEP-0124 §17).
    #[error("{0}")]
    Bosh(#[from] bosh::Error),
    /// The server did not answer in time. Carries the state of the stream, in words.
    #[error("the server did not answer in time, while {0}")]
    Timeout(&'static str),
    /// The server did not close the stream that we had closed (RFC 7395 §3.6).
    #[error("the server did not close the stream in time")]
    NotClosed,
    /// The server ended the stream with a stream error (RFC 6120 §4.9).
    #[error("the server ended the stream: {condition}{}", detail(.text))]
    StreamError {
        /// The defined condition's element name.
        condition: String,
        /// The server's human-readable text, if any.
        text: Option<String>,
        /// The target of `see-other-host`, if any.
        elsewhere: Option<String>,
    },
    /// The server closed the stream without an error (RFC 7395 §3.6).
    #[error("the server closed the stream{}", after(", and wants to be met at ", elsewhere))]
    ClosedByServer {
        /// `see-other-uri` of the `<close/>`, if any (RFC 7395 §3.6.1).
        elsewhere: Option<String>,
    },
    /// The server broke a rule of the stream.
    #[error("the server broke the protocol: {0}")]
    Peer(#[from] PeerMisbehaved),
    /// The server sent XML that RFC 6120 §11 forbids.
    #[error("the server sent XML that is not allowed: {0}")]
    Xml(#[from] Violation),
    /// The server refused the credentials (RFC 6120 §6.5).
    #[error("the server refused the login: {condition}{}{}", detail(.text), after(": ", complaint))]
    AuthRefused {
        /// The defined condition's element name, for example `not-authorized`.
        condition: String,
        /// The server's human-readable text, if any.
        text: Option<String>,
        /// The reason for refusing a token: the JSON object of RFC 7628 §3.2.2, with a string
        /// `status`, as the server wrote it.
        complaint: Option<String>,
    },
    /// The server bound this account instead of the expected one: the token or certificate belongs
    /// to this account, or the server is an impostor.
    #[error("the credentials are not for this account but for {0}")]
    OtherAccount(String),
    /// The login failed on our side: nothing fits the server's offer, or a rule of the mechanism
    /// was broken.
    #[error("{0}")]
    Sasl(#[from] epode_sasl::Error),
    /// The page that was to log in itself did not, or took too long.
    #[error("the page did not log in within 60 s")]
    NoLogin,
    /// The server refused to bind a resource or to open the legacy session (RFC 6120 §7.6.2.1).
    #[error("the server refused the {step}: {condition}{}", detail(.text))]
    BindRefused {
        /// `resource` or `session`.
        step: &'static str,
        /// The stanza error's condition.
        condition: String,
        /// The server's human-readable text, if any.
        text: Option<String>,
    },
}

/// A breach of RFC 6120, RFC 7395, RFC 3921 or XEP-0198 by the server.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PeerMisbehaved {
    /// The first frame of a stream was not `<open/>` (RFC 7395 §3.4).
    #[error("its first frame was <{0}/>, not <open/>")]
    NoOpen(String),
    /// `<open/>` without `version='1.0'` (RFC 6120 §4.7.5): a server from before SASL.
    #[error("it speaks version \"{}\" of XMPP, not 1.0", .0.as_deref().unwrap_or_default())]
    Version(Option<String>),
    /// An element that this step of the negotiation does not allow.
    #[error("<{element}/> while {waiting}")]
    Unexpected {
        /// The element's local name.
        element: String,
        /// The state of the stream, in words that follow "while".
        waiting: &'static str,
    },
    /// Features without mechanisms before authentication (RFC 6120 §6.4.1).
    #[error("it offers no authentication")]
    NoMechanisms,
    /// Authentication data that is not base64 (RFC 6120 §6.4.3).
    #[error("its authentication data is not base64")]
    NotBase64,
    /// Features without `<bind/>` after authentication (RFC 6120 §7.3.1).
    #[error("it does not offer resource binding")]
    NoBind,
    /// A bind result without a JID (RFC 6120 §7.6.1).
    #[error("its bind result names no JID")]
    BindWithoutJid,
    /// A bind result whose JID is not a full JID (RFC 6120 §7.6.1).
    #[error("it bound \"{0}\", which is not a full JID")]
    BindNotFull(String),
    /// An element of stream management without the count that it must have (XEP-0198 §4, §5).
    #[error("its <{0}/> has no count")]
    NoCount(String),
    /// An acknowledgement of stanzas that were not sent (XEP-0198 §6).
    #[error("it acknowledges {handled} stanzas and was sent {sent}")]
    AckedTooMuch {
        /// The server's count.
        handled: u32,
        /// Our count.
        sent: u32,
    },
    /// `<resumed/>` for another session than the one asked for (XEP-0198 §5).
    #[error("it resumed another session than it was asked to")]
    ResumedAnother,
}

impl Error {
    /// The name of the condition, where a specification or a mechanism defines one: a word that an
    /// app can compare. `None` where only the sentence tells the error.
    pub fn condition(&self) -> Option<&str> {
        match self {
            Error::StreamError { condition, .. }
            | Error::AuthRefused { condition, .. }
            | Error::BindRefused { condition, .. } => Some(condition),
            Error::OtherAccount(_) => Some("invalid-authzid"),
            Error::Peer(PeerMisbehaved::NoMechanisms) => Some("no-auth-mech"),
            Error::Peer(PeerMisbehaved::NotBase64) => Some("incorrect-encoding"),
            Error::Xml(violation) => Some(violation.condition()),
            Error::Sasl(error) => Some(error.condition()),
            Error::Bosh(error) => error.condition(),
            Error::Unreachable { .. }
            | Error::SocketClosed { .. }
            | Error::Timeout(_)
            | Error::NotClosed
            | Error::NoLogin
            | Error::ClosedByServer { .. }
            | Error::Peer(_) => None,
        }
    }

    /// The redirection by the server: the address of `see-other-uri`, or the host of
    /// `see-other-host`.
    pub fn elsewhere(&self) -> Option<&str> {
        match self {
            Error::StreamError { elsewhere, .. } | Error::ClosedByServer { elsewhere } => {
                elsewhere.as_deref()
            }
            Error::Bosh(error) => error.elsewhere(),
            _ => None,
        }
    }

    /// The WebSocket close code (RFC 6455 §7.4), if the end of the socket is the error and had a
    /// code.
    pub fn close_code(&self) -> Option<u16> {
        match self {
            Error::Unreachable { code, .. } | Error::SocketClosed { code, .. } => {
                Some(*code).filter(|code| *code != 0)
            }
            _ => None,
        }
    }

    /// The element that says more about the [stream error](Self::stream_error); "" if there is none.
    pub(crate) fn detail(&self) -> String {
        match self {
            Error::Peer(PeerMisbehaved::AckedTooMuch { handled, sent }) => {
                management::count_too_high(*handled, *sent)
            }
            _ => String::new(),
        }
    }

    /// Whether the network failed or the server was silent or closed without a reason: nobody has
    /// named an error.
    pub fn is_of_network(&self) -> bool {
        match self {
            Error::Unreachable { .. }
            | Error::SocketClosed { .. }
            | Error::Timeout(_)
            | Error::ClosedByServer { elsewhere: None }
            | Error::Bosh(bosh::Error::Silent) => true,
            Error::Bosh(error) => error.is_of_network(),
            _ => false,
        }
    }

    /// Whether the server counts stanzas wrongly (XEP-0198): it would again.
    pub fn is_of_count(&self) -> bool {
        use PeerMisbehaved::{AckedTooMuch, NoCount, ResumedAnother};
        matches!(self, Error::Peer(NoCount(_) | AckedTooMuch { .. } | ResumedAnother))
    }

    /// Whether the server failed to prove its identity: it does not know the password, replays a
    /// former exchange (RFC 5802 §5.1), or binds another account. Such a server is not dialled
    /// again unasked.
    pub fn is_impostor(&self) -> bool {
        use epode_sasl::Error::{ServerNonce, Signature, SignatureMissing, UnexpectedSuccess};
        matches!(
            self,
            Error::OtherAccount(_)
                | Error::Sasl(ServerNonce | Signature | SignatureMissing | UnexpectedSuccess)
        )
    }

    /// Whether the server blames a frame of ours (RFC 6120 §4.9.3): the same frames would end the next
    /// stream too.
    pub fn blames_us(&self) -> bool {
        const BLAMES: [&str; 11] = [
            "bad-format",
            "bad-namespace-prefix",
            "invalid-from",
            "invalid-namespace",
            "invalid-xml",
            "not-well-formed",
            "policy-violation",
            "restricted-xml",
            "unsupported-encoding",
            "unsupported-feature",
            "unsupported-stanza-type",
        ];
        matches!(self, Error::StreamError { condition, .. } if BLAMES.contains(&&**condition))
    }

    /// The stream error that tells the server which rule it broke (RFC 6120 §4.9.3); `None` if the
    /// server broke no rule, or knows already.
    pub fn stream_error(&self) -> Option<&'static str> {
        match self {
            Error::Xml(violation) => Some(violation.condition()),
            Error::Peer(PeerMisbehaved::Version(_)) => Some("unsupported-version"),
            Error::Peer(PeerMisbehaved::NoOpen(_)) => Some("invalid-xml"),
            Error::Peer(PeerMisbehaved::Unexpected { .. }) => Some("unsupported-stanza-type"),
            Error::Peer(_) => Some("undefined-condition"),
            Error::Timeout(_) => Some("connection-timeout"),
            _ => None,
        }
    }
}

fn detail(text: &Option<String>) -> String {
    text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
}

/// `words` and then `more`, or nothing without `more`.
fn after(words: &str, more: &Option<String>) -> String {
    more.as_deref().map(|more| [words, more].concat()).unwrap_or_default()
}

fn socket_detail(code: u16, reason: &str) -> String {
    match (code, reason) {
        (0, "") => String::new(),
        (0, reason) => format!(" ({reason})"),
        (code, "") => format!(" (WebSocket close code {code})"),
        (code, reason) => format!(" (WebSocket close code {code}: {reason})"),
    }
}
