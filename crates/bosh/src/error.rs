//! The reasons for the end of a session.

use epode_xml::Violation;

/// The reason why a session ended; each variant names the side that broke a rule.
///
/// Before [`Output::Opened`](crate::Output::Opened) an error means that there was no session. Later, a
/// transport error means that the request was repeated for as long as the server may have kept the session.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The browser has no response: the server cannot be reached, or its CORS headers do not let this page
    /// read the response (browsers hide the difference).
    #[error("the server could not be reached, or does not allow this page to read its answers (CORS)")]
    Unreachable,
    /// The server took a request and was silent for too long.
    #[error("the server did not answer in time")]
    Silent,
    /// An HTTP status other than 200; 0 stands for a redirect whose status the browser hides.
    #[error("the server answered with {}", in_words(*.status))]
    Http {
        /// The status.
        status: u16,
    },
    /// A response that is not well-formed, or too large.
    #[error("the server answered with something other than BOSH: {0}")]
    NotXml(#[from] Violation),
    /// A root element other than `<body xmlns='http://jabber.org/protocol/httpbind'>` (XEP-0124 §5).
    #[error("the server answered with something other than BOSH: <{0}/>, in the place of its <body/>")]
    NotBody(String),
    /// A first response without `sid` (XEP-0124 §7.2).
    #[error("the server opened a session without sid")]
    NoSid,
    /// The server keeps asking for a repetition of the same request (XEP-0124 §17.3).
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
    /// The next rid would exceed 2⁵³ − 1 (XEP-0124 §14.1): a restored session began near the limit.
    #[error("the session has no request ids left")]
    RidsSpent,
}

impl Error {
    /// The name of the defined condition, if there is one: the word that an app compares.
    pub fn condition(&self) -> Option<&str> {
        match self {
            Error::Terminated { condition, .. } => condition.as_deref(),
            Error::NotXml(violation) => Some(violation.condition()),
            _ => None,
        }
    }

    /// The address of `see-other-uri`.
    pub fn elsewhere(&self) -> Option<&str> {
        match self {
            Error::Terminated { elsewhere, .. } => elsewhere.as_deref(),
            _ => None,
        }
    }

    /// Whether the same request may succeed a second later: the server, or a proxy before the server, starts.
    pub fn is_of_network(&self) -> bool {
        matches!(self, Error::Unreachable | Error::Http { status: 500.. })
    }

    /// Whether the status refuses the request as such. A server that tells its version of BOSH sends no such
    /// status, so a proxy has sent the status and the session may be alive (XEP-0124 §17.1).
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
