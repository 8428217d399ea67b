//! IQs: routed to the session that they address, or answered by the server (RFC 6121 §8.5).

use epode_xml::Element;

use super::{ConnectionId, Server, stanza::Destination};
use crate::{jid::Jid, ns};

/// The features that the domain announces (XEP-0030 §3.1).
const FEATURES: [&str; 7] =
    [ns::DISCO_INFO, ns::DISCO_ITEMS, ns::ROSTER, ns::PING, ns::VERSION, ns::CARBONS, "msgoffline"];

impl Server {
    pub(super) fn handle_iq(
        &mut self,
        id: ConnectionId,
        sender: &Jid,
        destination: Destination,
        iq: &Element,
    ) {
        // RFC 6120 §8.2.3: an IQ has an id and one of four types; a request has exactly one child.
        let kind = iq.attr("type").unwrap_or_default();
        let is_request = matches!(kind, "get" | "set");
        let is_well_made = is_request && iq.children().count() == 1 || matches!(kind, "result" | "error");
        if iq.attr("id").is_none() || !is_well_made {
            return self.refuse(id, iq, "bad-request");
        }
        match destination {
            Destination::Elsewhere => self.refuse(id, iq, "remote-server-not-found"),
            Destination::Resource(to) => match self.sessions_at(&to).first() {
                Some(recipient) => self.send(*recipient, iq),
                None => self.refuse(id, iq, "service-unavailable"),
            },
            // Answers to the server's own requests, such as roster pushes.
            Destination::Domain | Destination::Account(_) if !is_request => {}
            Destination::Domain => self.answer_for_domain(id, iq),
            Destination::Account(account) if account.bare == sender.bare => {
                self.answer_for_account(id, sender, iq);
            }
            Destination::Account(_) => self.refuse(id, iq, "service-unavailable"),
        }
    }

    fn answer_for_domain(&mut self, id: ConnectionId, iq: &Element) {
        match request(iq) {
            ("get", "query", ns::DISCO_INFO) => {
                let info = disco_info("server", "im", "Epode");
                let info = FEATURES.iter().fold(info, |info, feature| {
                    info.with_child(Element::new("feature", ns::DISCO_INFO).with_attr("var", feature))
                });
                self.reply(id, iq, "result", Some(info));
            }
            ("get", "query", ns::DISCO_ITEMS) => {
                self.reply(id, iq, "result", Some(Element::new("query", ns::DISCO_ITEMS)));
            }
            ("get", "query", ns::VERSION) => {
                let query = Element::new("query", ns::VERSION)
                    .with_child(Element::new("name", ns::VERSION).with_text("epode-testkit"))
                    .with_child(Element::new("version", ns::VERSION).with_text(env!("CARGO_PKG_VERSION")));
                self.reply(id, iq, "result", Some(query));
            }
            _ => self.answer_anywhere(id, iq),
        }
    }

    fn answer_for_account(&mut self, id: ConnectionId, sender: &Jid, iq: &Element) {
        match (request(iq), iq.children().next()) {
            (("get", "query", ns::ROSTER), _) => self.read_roster(id, sender, iq),
            (("set", "query", ns::ROSTER), Some(query)) => self.write_roster(id, sender, iq, query),
            (("set", "enable", ns::CARBONS), _) => self.switch_carbons(id, iq, true),
            (("set", "disable", ns::CARBONS), _) => self.switch_carbons(id, iq, false),
            (("get", "query", ns::DISCO_INFO), _) => {
                self.reply(id, iq, "result", Some(disco_info("account", "registered", &sender.bare)));
            }
            _ => self.answer_anywhere(id, iq),
        }
    }

    fn answer_anywhere(&mut self, id: ConnectionId, iq: &Element) {
        match request(iq) {
            ("get", "ping", ns::PING) => self.reply(id, iq, "result", None),
            ("set", "session", ns::SESSION) => {
                if let Some(session) = self.session_mut(id) {
                    session.established = true;
                }
                self.reply(id, iq, "result", None);
            }
            _ => self.refuse(id, iq, "service-unavailable"),
        }
    }

    fn switch_carbons(&mut self, id: ConnectionId, iq: &Element, on: bool) {
        if let Some(session) = self.session_mut(id) {
            session.carbons = on;
        }
        self.reply(id, iq, "result", None);
    }
}

/// The type, and the payload's name and namespace.
fn request(iq: &Element) -> (&str, &str, &str) {
    let payload = iq.children().next();
    let (name, namespace) = payload.map_or(("", ""), |payload| (payload.name(), payload.namespace()));
    (iq.attr("type").unwrap_or_default(), name, namespace)
}

fn disco_info(category: &str, kind: &str, name: &str) -> Element {
    let identity = Element::new("identity", ns::DISCO_INFO)
        .with_attr("category", category)
        .with_attr("type", kind)
        .with_attr("name", name);
    Element::new("query", ns::DISCO_INFO).with_child(identity)
}
