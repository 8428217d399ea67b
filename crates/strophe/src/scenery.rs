//! The frames that the worker says in the place of the server, and the look at those of a page.

use epode_protocol::{Text, Token};
use epode_xml::{Element, Head, Limits, escape};

use crate::words::SM_ID;

pub(crate) const CLIENT: &str = "jabber:client";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
const STREAM: &str = "http://etherx.jabber.org/streams";
const SM: &str = "urn:xmpp:sm:3";

/// The mechanisms of the failure that is played: whatever a page of strophe.js has a proof for.
const MECHANISMS: [&str; 7] =
    ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "OAUTHBEARER", "X-OAUTH2", "ANONYMOUS", "EXTERNAL"];

/// A frame of a page, as far as the worker sees to it itself.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    /// The page begins a stream.
    Open,
    /// The page ends it: the worker's own affair.
    Close,
    /// SASL.
    Auth,
    /// Stream management by the app itself: it is the worker's.
    Management(Management),
    /// A request to bind a resource, by its id.
    Bind { id: String, resource: Option<String> },
    /// A request for a session as in RFC 3921, by its id.
    Session { id: String },
    /// The answer that strophe.js itself gives where no handler took the request with this id. Unlike an
    /// answer of the app this one names nobody.
    Unhandled { id: String },
    /// Another frame.
    Other,
}

/// What an app says that sees to XEP-0198 itself.
#[derive(Debug, PartialEq)]
pub(crate) enum Management {
    /// Manage this stream.
    Enable,
    /// Go on with a former one.
    Resume,
    /// How many stanzas have come?
    Request,
    /// So many have come.
    Answer,
}

impl Frame {
    pub(crate) fn of<T: Text>(text: &T) -> Frame {
        // Most frames are messages and presences, and need not be read here.
        match text.begins_with("<message") || text.begins_with("<presence") {
            true => Frame::Other,
            false => text.with_str(Frame::read),
        }
    }

    fn read(text: &str) -> Frame {
        // What is not well-formed is refused where all frames are checked.
        let Ok(head) = Head::read(text, &Limits::default()) else { return Frame::Other };
        let id = || head.id.as_deref().unwrap_or_default().to_owned();
        let payload = head.payload.as_ref().map(|payload| (&*payload.name, &*payload.namespace));
        match (local(&head.tag), head.kind.as_deref(), payload) {
            ("open", ..) => Frame::Open,
            ("close", ..) => Frame::Close,
            ("auth" | "response" | "abort", ..) => Frame::Auth,
            ("enable", ..) => Frame::Management(Management::Enable),
            ("resume", ..) => Frame::Management(Management::Resume),
            ("r", ..) => Frame::Management(Management::Request),
            ("a", ..) => Frame::Management(Management::Answer),
            ("iq", Some("set"), Some(("bind", BIND))) => Frame::Bind { id: id(), resource: resource(text) },
            ("iq", Some("set"), Some(("session", SESSION))) => Frame::Session { id: id() },
            ("iq", Some("error"), _) if head.to.is_none() && is_unavailable(text) => {
                Frame::Unhandled { id: id() }
            }
            _ => Frame::Other,
        }
    }
}

/// Whether a page says its keys in the place of a password or a token: strophe.js makes a string of them,
/// "[object Object]", which is in base64 one of these.
pub(crate) fn names_an_object(text: &str) -> bool {
    ["W29iamVjdCBPYmplY3Rd", "tvYmplY3QgT2JqZWN0X", "bb2JqZWN0IE9iamVjdF"].iter().any(|it| text.contains(it))
}

/// Whether this is a stanza, which counts (XEP-0198 §2).
pub(crate) fn is_stanza<T: Text>(text: &T) -> bool {
    ["<message", "<presence", "<iq"].iter().any(|start| text.begins_with(start))
}

/// Whether this tells everybody that the account goes offline.
pub(crate) fn is_farewell<T: Text>(text: &T) -> bool {
    let head = text.with_str(|text| Head::read(text, &Limits::default()));
    head.is_ok_and(|head| {
        local(&head.tag) == "presence" && head.to.is_none() && head.kind.as_deref() == Some("unavailable")
    })
}

/// The id of a request from outside.
pub(crate) fn request_in<T: Text>(text: &T) -> Option<String> {
    // Most stanzas are none, and need not be read whole.
    if !text.begins_with("<iq") {
        return None;
    }
    text.with_str(|text| {
        let head = Head::read_in_stream(text, &Limits::default()).ok()?;
        matches!(head.kind.as_deref(), Some("get" | "set")).then(|| head.id.unwrap_or_default().into())
    })
}

/// The local name of a server's frame.
pub(crate) fn name_of<T: Text>(text: &T) -> String {
    text.with_str(|text| {
        let head = Head::read_in_stream(text, &Limits::default());
        head.map(|head| local(&head.tag).to_owned()).unwrap_or_default()
    })
}

pub(crate) fn open(domain: &str) -> String {
    let domain = escape(domain);
    format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='{domain}' id='epode' version='1.0'/>")
}

/// Whether the server has the session of RFC 3921, for which pages ask whenever it is offered.
pub(crate) fn offers_session(features: &str) -> bool {
    let features = Element::parse_in_stream(features, &Limits::default());
    features.is_ok_and(|features| features.child("session", SESSION).is_some())
}

/// Features before a failure that the worker plays.
pub(crate) fn mechanisms() -> String {
    let named = MECHANISMS.map(|name| format!("<mechanism>{name}</mechanism>")).concat();
    let named = format!("<mechanisms xmlns='{SASL}'>{named}</mechanisms>");
    format!("<stream:features xmlns:stream='{STREAM}'>{named}</stream:features>")
}

pub(crate) fn not_authorized() -> String {
    format!("<failure xmlns='{SASL}'><not-authorized/></failure>")
}

pub(crate) fn bound(id: &str, jid: &str) -> String {
    let jid = Element::new("jid", BIND).with_text(jid);
    iq("result", id).with_child(Element::new("bind", BIND).with_child(jid)).to_string()
}

pub(crate) fn not_bound(id: &str, condition: &str) -> String {
    let error = Element::new("error", CLIENT).with_attr("type", "cancel");
    iq("error", id).with_child(error.with_child(Element::new(condition, STANZAS))).to_string()
}

pub(crate) fn in_session(id: &str) -> String {
    iq("result", id).to_string()
}

/// `resume`: whether the page may believe that its session is resumed.
pub(crate) fn enabled(resume: bool) -> String {
    format!("<enabled xmlns='{SM}' id='{SM_ID}' resume='{resume}'/>")
}

pub(crate) fn not_resumed() -> String {
    format!("<failed xmlns='{SM}'><item-not-found xmlns='{STANZAS}'/></failed>")
}

pub(crate) fn handled(count: Token) -> String {
    format!("<a xmlns='{SM}' h='{count}'/>")
}

fn iq(kind: &str, id: &str) -> Element {
    Element::new("iq", CLIENT).with_attr("type", kind).with_attr("id", id)
}

fn resource(iq: &str) -> Option<String> {
    let iq = Element::parse(iq, &Limits::default()).ok()?;
    let resource = iq.children().next()?.child("resource", BIND)?.text();
    (!resource.is_empty()).then_some(resource)
}

/// Whether this error is the one that strophe.js answers with where no handler took the request.
fn is_unavailable(iq: &str) -> bool {
    let Ok(iq) = Element::parse(iq, &Limits::default()) else { return false };
    let mut errors = iq.children().filter(|child| child.name() == "error");
    errors.any(|error| error.child("service-unavailable", STANZAS).is_some())
}

fn local(tag: &str) -> &str {
    tag.rsplit(':').next().unwrap_or_default()
}
