//! Why a session ended, and who broke which rule.

use epode_xml::Violation;

/// Why a session ended. Each variant names who caused it.
///
/// Where [`Output::Opened`](crate::Output::Opened) came before, the session was retried in vain for as long as
/// the server may have had it; where it did not, there never was a session.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The browser has no response: the server cannot be reached, or its CORS headers do not let this page
    /// read it (browsers do not tell the two apart).
    #[error("the server could not be reached, or does not allow this page to read its answers (CORS)")]
    Unreachable,
    /// The server took a request and was silent for too long.
    #[error("the server did not answer in time")]
    Silent,
    /// Another HTTP status than 200; 0 stands for a redirect whose status the browser keeps to itself.
    #[error("the server answered with {}", in_words(*.status))]
    Http {
        /// The status.
        status: u16,
    },
    /// A response that cannot be cut into stanzas, or that is too large.
    #[error("the server answered with something other than BOSH: {0}")]
    NotXml(#[from] Violation),
    /// XML whose root is no `<body xmlns='http://jabber.org/protocol/httpbind'>` (XEP-0124 §5).
    #[error("the server answered with something other than BOSH: <{0}/>, in the place of its <body/>")]
    NotBody(String),
    /// A first response without `sid` (XEP-0124 §7.2).
    #[error("the server opened a session without sid")]
    NoSid,
    /// The server asks, again and again, for a request to be repeated (XEP-0124 §17.3).
    #[error("the server cannot take a request")]
    NotTaken,
    /// The server ended the session (XEP-0124 §17.2).
    #[error("the server ended the session: {}", .condition.as_deref().unwrap_or("it does not say why"))]
    Terminated {
        /// The binding condition, for example `item-not-found`.
        condition: Option<String>,
        /// The address that `see-other-uri` names.
        elsewhere: Option<String>,
    },
    /// The numbers of requests have come to their end (XEP-0124 §14.1): somebody handed in the largest.
    #[error("the session has no request ids left")]
    RidsSpent,
}

impl Error {
    /// The condition's name, where a specification defines one: the word that an app compares.
    pub fn condition(&self) -> Option<&str> {
        match self {
            Error::Terminated { condition, .. } => condition.as_deref(),
            Error::NotXml(violation) => Some(violation.condition()),
            _ => None,
        }
    }

    /// Where the server wants us to go: the address of `see-other-uri`.
    pub fn elsewhere(&self) -> Option<&str> {
        match self {
            Error::Terminated { elsewhere, .. } => elsewhere.as_deref(),
            _ => None,
        }
    }

    /// Whether a new session may do better. The conditions that are missing here say that the request itself
    /// is wrong, and would be wrong again (XEP-0124 §17.2).
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Terminated { condition: Some(condition), .. } => matches!(
                &**condition,
                "internal-server-error"
                    | "item-not-found"
                    | "other-request"
                    | "remote-connection-failed"
                    | "remote-stream-error"
                    | "system-shutdown"
                    | "undefined-condition"
            ),
            Error::Terminated { condition: None, .. } => false,
            _ => true,
        }
    }

    /// Whether the server, or whatever stands before it, may do better when it is asked again.
    pub(crate) fn is_of_network(&self) -> bool {
        matches!(self, Error::Unreachable | Error::Http { status: 500.. })
    }

    /// Whether the same request would be refused again, most likely. A client that is told so by a server
    /// that speaks its version of BOSH may take the session for alive all the same: then a proxy has said it
    /// (XEP-0124 §17.1).
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Error::Http { status: 400..500 } if !self.is_about_time())
    }

    fn is_about_time(&self) -> bool {
        matches!(self, Error::Http { status: 408 | 425 | 429 })
    }
}

fn in_words(status: u16) -> String {
    match status {
        0 => "a redirect, which is not followed".to_owned(),
        300..400 => ["HTTP ", &status.to_string(), ", a redirect, which is not followed"].concat(),
        _ => ["HTTP ", &status.to_string()].concat(),
    }
}
