//! The frames of XMPP over WebSocket (RFC 7395 §3.3): each a whole document, with its namespaces.

use epode_xml::Element;

pub(crate) mod ns {
    pub(crate) const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
    pub(crate) const STREAMS: &str = "http://etherx.jabber.org/streams";
    pub(crate) const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
    pub(crate) const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
    pub(crate) const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
    pub(crate) const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
    pub(crate) const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
    pub(crate) const LIMITS: &str = "urn:xmpp:stream-limits:0";
    pub(crate) const SM: &str = "urn:xmpp:sm:3";
    pub(crate) const CLIENT: &str = "jabber:client";
}

/// `<open/>` (RFC 7395 §3.4): begins a stream, and begins it anew after authentication.
pub(crate) fn open(to: &str) -> String {
    Element::new("open", ns::FRAMING).with_attr("to", to).with_attr("version", "1.0").to_string()
}

/// `<close/>` (RFC 7395 §3.6).
pub(crate) fn close() -> String {
    Element::new("close", ns::FRAMING).to_string()
}

/// A stream error (RFC 6120 §4.9.2), as a frame of its own (RFC 7395 §3.5), with the customary
/// prefix. `condition` is one of our own words and needs no escaping; `detail` is an element of the
/// extension that the error is about, or "".
pub(crate) fn stream_error(condition: &str, text: &str, detail: &str) -> String {
    format!(
        "<stream:error xmlns:stream=\"{}\"><{condition} xmlns=\"{1}\"/>\
         <text xmlns=\"{1}\" xml:lang=\"en\">{2}</text>{detail}</stream:error>",
        ns::STREAMS,
        ns::STREAM_ERRORS,
        epode_xml::escape(text)
    )
}

/// The prefix of the ids of our own requests.
pub(crate) const REQUEST: &str = "epode-";

/// An IQ of the negotiation itself.
pub(crate) fn iq(id: &str, payload: Element) -> String {
    Element::new("iq", ns::CLIENT)
        .with_attr("type", "set")
        .with_attr("id", id)
        .with_child(payload)
        .to_string()
}

/// The defined condition and the text of an error element (RFC 6120 §4.9.2, §6.5, §8.3.2).
/// `namespace` is that of the conditions.
pub(crate) fn condition(error: &Element, namespace: &str) -> (String, Option<String>) {
    // A condition without an `xmlns` of its own inherits the namespace around it, and counts too.
    let meant = |child: &&Element| child.namespace() == ns::CLIENT || child.namespace() == error.namespace();
    let named = |child: &&Element| child.name() != "text";
    let condition = error
        .children()
        .filter(named)
        .find(|child| child.namespace() == namespace)
        .or_else(|| error.children().filter(named).find(meant))
        .map_or_else(|| "undefined-condition".to_owned(), |child| child.name().to_owned());
    let text = error.child("text", namespace).map(Element::text).filter(|text| !text.is_empty());
    (condition, text)
}
