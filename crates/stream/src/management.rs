//! Stream management (XEP-0198): its elements, and how far a stream is with it. The counts are kept
//! by the caller, who has the stanzas.

use epode_xml::{Element, Limits};

use crate::error::{Error, PeerMisbehaved};
use crate::framing::{self, ns};
use crate::{Common, Event};

/// What is wanted of stream management. A server that does not offer it is used without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Management {
    /// Whether the session is to outlive the stream.
    pub resume: bool,
    /// How long the server is asked to keep a session whose stream is lost, in seconds.
    pub max: Option<u32>,
}

/// A session whose stream is lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Former {
    /// The SM-ID.
    pub id: String,
    /// The number of stanzas received since stream management was enabled.
    pub received: u32,
    /// How long the server keeps the session, in seconds, if it says so.
    pub max: Option<u32>,
    /// The limits of what the server takes, which it need not tell again.
    pub outbound: Limits,
    /// Whether a stream that asked to resume the session had no answer.
    pub unanswered: bool,
}

/// A report about the management of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// The former session goes on; stanzas may flow. The server has handled this many of ours.
    Resumed(u32),
    /// The former session is over, and a resource will be bound. Carries the number of our stanzas
    /// that the server had handled, if it says so.
    NotResumed(Option<u32>),
    /// The server counts our stanzas since [`Bound::managed`](crate::Bound::managed), and its own
    /// from now on. Carries what is needed to resume the session, if that is possible.
    Enabled(Option<Former>),
    /// The server refused to manage the stream, or did not answer; the condition. The stream goes on
    /// without.
    Unmanaged(String),
    /// The server has handled this many of our stanzas.
    Acknowledged(u32),
    /// The server asks how many of its stanzas are handled ([`ack`]).
    AckRequested,
}

/// How far a stream is with its management.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Managed {
    #[default]
    No,
    /// `<enable/>` is sent: stanzas that we send count. The server's answer is awaited.
    Enabling,
    /// The same, and the answer is not awaited any more: the server may count without our knowledge.
    Overdue,
    /// Stanzas in both directions count.
    Yes,
}

/// Takes an element of an established stream; false if the element means nothing now.
pub(crate) fn handle(element: &Element, common: &mut Common) -> Result<bool, Error> {
    if element.namespace() != ns::SM {
        return Ok(false);
    }
    let report = match (element.name(), common.managed) {
        ("r", Managed::Yes) => Report::AckRequested,
        ("a", Managed::Yes) => Report::Acknowledged(count(element)?),
        // The server's stanzas count from now on, and the server waits for our acknowledgements.
        ("enabled", Managed::Overdue) => {
            common.managed = Managed::Yes;
            Report::Enabled(None)
        }
        ("enabled", Managed::Enabling) => {
            common.managed = Managed::Yes;
            common.deadline.clear();
            let resumable = matches!(element.attr("resume"), Some("true" | "1"));
            let id = element.attr("id").filter(|id| resumable && !id.is_empty());
            let max = element.attr("max").and_then(|max| max.trim().parse().ok());
            let former = |id: &str| Former {
                id: id.to_owned(),
                received: 0,
                max,
                outbound: common.outbound,
                unanswered: false,
            };
            Report::Enabled(id.map(former))
        }
        ("failed", Managed::Enabling) => {
            common.managed = Managed::No;
            common.deadline.clear();
            Report::Unmanaged(framing::condition(element, ns::STANZA_ERRORS).0)
        }
        _ => return Ok(false),
    };
    common.event(Event::Management(report));
    Ok(true)
}

/// The `h` of an element that must have one.
pub(crate) fn count(element: &Element) -> Result<u32, PeerMisbehaved> {
    told(element).ok_or_else(|| PeerMisbehaved::NoCount(element.name().to_owned()))
}

/// The `h` of an element that may have one.
pub(crate) fn told(element: &Element) -> Option<u32> {
    element.attr("h")?.trim().parse().ok()
}

pub(crate) fn enable(management: Management) -> String {
    let mut enable = Element::new("enable", ns::SM);
    if management.resume {
        enable = enable.with_attr("resume", "true");
    }
    if let Some(max) = management.max {
        enable = enable.with_attr("max", &max.to_string());
    }
    enable.to_string()
}

pub(crate) fn resume(former: &Former) -> String {
    Element::new("resume", ns::SM)
        .with_attr("previd", &former.id)
        .with_attr("h", &former.received.to_string())
        .to_string()
}

/// The element that asks the server how many of our stanzas it has handled. Only for a stream whose
/// server has answered [`Report::Enabled`] or [`Report::Resumed`].
pub fn request() -> String {
    Element::new("r", ns::SM).to_string()
}

/// The element that tells the server how many of its stanzas are handled; for the same streams.
pub fn ack(h: u32) -> String {
    Element::new("a", ns::SM).with_attr("h", &h.to_string()).to_string()
}

/// The condition of a stream error that says that an acknowledgement counts too much (XEP-0198 §6).
pub(crate) fn count_too_high(handled: u32, sent: u32) -> String {
    Element::new("handled-count-too-high", ns::SM)
        .with_attr("h", &handled.to_string())
        .with_attr("send-count", &sent.to_string())
        .to_string()
}
