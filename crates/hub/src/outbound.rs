//! The check of a tab's stanza: a bad one would end the stream that all tabs share.

use epode_protocol::{Fault, Text};
use epode_session::stream::jid::{self, Unicode};
use epode_session::stream::xml::{Element, Head, Limits, Violation, escape};

/// A stanza's kind, as far as sending depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Message,
    Presence,
    /// An IQ of type get or set.
    Request,
    /// An IQ of type result or error.
    Answer,
    /// Not a stanza, but an element that a client may send (XEP-0352).
    Nonza,
}

/// Why a tab's stanza is not sent. The stream and the other tabs do not notice.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// RFC 6120 §11.
    #[error("the stanza is not allowed: {0}")]
    Xml(#[from] Violation),
    /// RFC 6120 §8: the server would end the stream with `unsupported-stanza-type`.
    #[error("<{0}/> is not a stanza: only message, presence and iq may be sent")]
    NotAStanza(Box<str>),
    /// RFC 6120 §8.1.2.1: the server would end the stream with `invalid-from`.
    #[error("the stanza claims to be from \"{0}\", which is not this session")]
    ForeignFrom(Box<str>),
    /// RFC 6120 §8.2.3.
    #[error("an iq must be of type get, set, result or error, not \"{0}\"")]
    IqType(Box<str>),
    /// RFC 6120 §8.2.3: only get and set are answered.
    #[error("only an iq of type get or set can be asked")]
    NotARequest,
    /// No request with this id and sender waits for an answer: it was answered already, or never
    /// came.
    #[error("no request waits for this answer")]
    NotAsked,
    /// The session is not up.
    #[error("there is no connection")]
    NotConnected,
    /// Too many stanzas of this tab wait for the session to come up, or too many requests for an
    /// answer.
    #[error("too much of this tab waits for the connection, or for an answer")]
    TooMany,
}

impl Refused {
    pub(crate) fn fault(&self) -> Fault {
        let condition = match self {
            Refused::Xml(violation) => violation.condition(),
            Refused::NotAStanza(_) => "unsupported-stanza-type",
            Refused::ForeignFrom(_) => "invalid-from",
            Refused::IqType(_) => "invalid-iq-type",
            Refused::NotARequest => "not-a-request",
            Refused::NotAsked => "not-asked",
            Refused::NotConnected => "not-connected",
            Refused::TooMany => "too-many",
        };
        Fault { condition: condition.to_owned(), text: self.to_string() }
    }
}

const CLIENT: &str = "jabber:client";
const CSI: &str = "urn:xmpp:csi:0";

/// The kind of a tab's stanza, or the reason not to send it. `own` is the full JID of the session.
pub(crate) fn judge(head: &Head, own: &str, unicode: &Unicode) -> Result<Kind, Refused> {
    let name = head.tag.rsplit(':').next().unwrap_or_default();
    if &*head.namespace == CSI && matches!(name, "active" | "inactive") {
        return Ok(Kind::Nonza);
    }
    if !matches!(&*head.namespace, CLIENT | "") {
        return Err(Refused::NotAStanza(head.tag.clone()));
    }
    let kind = match (name, head.kind.as_deref()) {
        ("message", _) => Kind::Message,
        ("presence", _) => Kind::Presence,
        ("iq", Some("get" | "set")) => Kind::Request,
        ("iq", Some("result" | "error")) => Kind::Answer,
        ("iq", other) => return Err(Refused::IqType(other.unwrap_or_default().into())),
        _ => return Err(Refused::NotAStanza(head.tag.clone())),
    };
    match head.from.as_deref() {
        Some(from) if ![own, jid::bare(own)].iter().any(|own| jid::same(from, own, unicode)) => {
            Err(Refused::ForeignFrom(from.into()))
        }
        _ => Ok(kind),
    }
}

/// The text as it goes out, if that differs from the tab's. A frame begins with its root element
/// and names its namespace (RFC 7395 §3.3). A stanza has no prefix, since some servers ignore one
/// that has. An IQ has the `id` that the books know it by.
pub(crate) fn edited<T: Text>(text: &T, head: &Head, id: Option<&str>) -> Option<String> {
    let is_prefixed = head.tag.contains(':') && &*head.namespace == CLIENT;
    // Most stanzas go out as they are, and are not read a second time.
    (is_prefixed || root(head) > 0 || head.namespace.is_empty() || id.is_some()).then(|| {
        text.with_str(|text| match is_prefixed {
            true => Element::parse(text, &Limits::default()).ok().map(|stanza| stanza.to_string()),
            false => Some(respelt(text, head, id)),
        })
    })?
}

/// Where the root element begins.
fn root(head: &Head) -> usize {
    head.root_end.saturating_sub(head.tag.len() + 1)
}

fn respelt(text: &str, head: &Head, id: Option<&str>) -> String {
    let mut edited = text.to_owned();
    let mut attributes = String::new();
    if head.namespace.is_empty() {
        attributes.push_str(" xmlns=\"jabber:client\"");
    }
    match (id, &head.id_span) {
        (Some(id), Some(span)) => edited.replace_range(span.clone(), &escape(id)),
        (Some(id), None) => attributes.extend([" id=\"", &escape(id), "\""]),
        (None, _) => {}
    }
    // From back to front, so that earlier offsets stay true.
    edited.insert_str(head.root_end, &attributes);
    edited.drain(..root(head));
    edited
}

/// The text with another `id`.
pub(crate) fn with_id(text: &str, head: &Head, id: &str) -> String {
    let mut edited = text.to_owned();
    if let Some(span) = &head.id_span {
        edited.replace_range(span.clone(), &escape(id));
    }
    edited
}
