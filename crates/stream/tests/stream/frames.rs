//! The frames of a well-behaved server, and those of a well-behaved client.

pub const OPEN: &str =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='localhost' id='s1' version='1.0'/>";
pub const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
pub const PLAIN: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
    </stream:features>";
pub const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
pub const BIND: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";
pub const BIND_AND_SESSION: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>\
    </stream:features>";
pub const BOUND: &str = "<iq xmlns='jabber:client' type='result' id='epode-bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>alice@localhost/tab</jid></bind></iq>";
pub const SESSION: &str = "<iq xmlns='jabber:client' type='result' id='epode-session'/>";
pub const MESSAGE: &str = "<message xmlns='jabber:client' from='bob@localhost/x'><body>Hi</body></message>";

pub const OPEN_SENT: &str =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
pub const AUTH_SENT: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldC1hbGljZQ==</auth>";
pub const BIND_SENT: &str = "<iq xmlns='jabber:client' type='set' id='epode-bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>tab</resource></bind></iq>";
pub const SESSION_SENT: &str = "<iq xmlns='jabber:client' type='set' id='epode-session'>\
    <session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";

/// From the open socket to the bound resource, with PLAIN.
pub const NEGOTIATION: [&str; 6] = [OPEN, PLAIN, SUCCESS, OPEN, BIND, BOUND];

/// The features before authentication, with these mechanisms.
pub fn offering(mechanisms: &[&str]) -> String {
    let mechanisms: String = mechanisms.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
    PLAIN.replace("<mechanism>PLAIN</mechanism>", &mechanisms)
}

/// The result of binding, with this JID.
pub fn bound(jid: &str) -> String {
    BOUND.replace("alice@localhost/tab", jid)
}
