//! The bodies that the client sends (XEP-0124 §5).

use epode_xml::{Element, escape};

use crate::terms::Terms;

pub(crate) mod ns {
    pub(crate) const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";
    pub(crate) const XBOSH: &str = "urn:xmpp:xbosh";
    pub(crate) const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
    pub(crate) const STREAMS: &str = "http://etherx.jabber.org/streams";
    pub(crate) const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
    pub(crate) const CLIENT: &str = "jabber:client";
}

/// The opening tag of a body, as far as written.
pub(crate) struct Tag(String);

impl Tag {
    fn new(rid: u64) -> Self {
        let mut tag = Tag(["<body xmlns='", ns::HTTPBIND, "'"].concat());
        tag.set("rid", &rid.to_string());
        tag
    }

    /// The session request (XEP-0124 §7.1, XEP-0206 §3), made of the stream's first `<open/>`. `ack='1'`
    /// promises to acknowledge responses (XEP-0124 §9.2).
    pub(crate) fn session(rid: u64, open: &Element, terms: &Terms, route: Option<&str>) -> Self {
        let mut tag = Tag::new(rid);
        tag.address(open);
        if let Some(route) = route {
            tag.set("route", route);
        }
        tag.set("wait", &terms.wait.to_string());
        tag.set("hold", &terms.hold.to_string());
        // Not 1.11: a server that reads the version as a decimal fraction takes 1.11 for less than 1.6.
        tag.set("ver", "1.6");
        tag.set("ack", "1");
        tag.set("content", "text/xml; charset=utf-8");
        tag.set("xmlns:xmpp", ns::XBOSH);
        tag.set("xmpp:version", "1.0");
        tag
    }

    /// A body within a session. `ack` is the highest rid up to which all responses have come, and is left out
    /// when no response is missing (XEP-0124 §9.2).
    pub(crate) fn within(rid: u64, sid: &str, ack: Option<u64>) -> Self {
        let mut tag = Tag::new(rid);
        tag.set("sid", sid);
        if let Some(ack) = ack {
            tag.set("ack", &ack.to_string());
        }
        tag
    }

    /// Restarts the stream (XEP-0206 §5).
    pub(crate) fn restart(mut self, open: &Element) -> Self {
        self.address(open);
        self.set("xmlns:xmpp", ns::XBOSH);
        self.set("xmpp:restart", "true");
        self
    }

    /// Ends the session (XEP-0124 §13).
    pub(crate) fn terminate(mut self) -> Self {
        self.set("type", "terminate");
        self
    }

    /// The body around these stanzas.
    pub(crate) fn around(mut self, stanzas: &str) -> String {
        self.0.push_str(if stanzas.is_empty() { "/>" } else { ">" });
        if !stanzas.is_empty() {
            self.0.push_str(stanzas);
            self.0.push_str("</body>");
        }
        self.0
    }

    fn address(&mut self, open: &Element) {
        for name in ["to", "from"] {
            if let Some(value) = open.attr(name) {
                self.set(name, value);
            }
        }
        self.set("xml:lang", open.attr("xml:lang").unwrap_or("en"));
    }

    fn set(&mut self, name: &str, value: &str) {
        for part in [" ", name, "='", &escape(value), "'"] {
            self.0.push_str(part);
        }
    }
}
