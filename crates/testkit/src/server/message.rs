//! Messages: their recipients (RFC 6121 §8.5), and carbon copies (XEP-0280).

use epode_xml::Element;

use super::{ConnectionId, Server, Session, stanza::Destination};
use crate::{jid::Jid, ns};

impl Server {
    pub(super) fn handle_message(
        &mut self,
        id: ConnectionId,
        sender: &Jid,
        destination: Destination,
        message: &Element,
    ) {
        let to = match destination {
            Destination::Elsewhere => return self.refuse(id, message, "remote-server-not-found"),
            Destination::Domain => return self.refuse(id, message, "service-unavailable"),
            Destination::Account(jid) | Destination::Resource(jid) => jid,
        };
        if !self.is_known(&to.bare) {
            return self.refuse(id, message, "service-unavailable");
        }
        let recipients = self.recipients(&to, message);
        for recipient in &recipients {
            self.send(*recipient, message);
        }
        self.send_carbons(id, sender, &to, message, &recipients);
        if recipients.is_empty() {
            self.handle_undelivered(id, &to, message);
        }
    }

    /// The recipients by RFC 6121 §8.5.2 and §8.5.3, for an account that exists.
    fn recipients(&self, to: &Jid, message: &Element) -> Vec<ConnectionId> {
        let kind = message.attr("type").unwrap_or("normal");
        if to.resource.is_some() {
            let there = self.sessions_at(to);
            // A message for a person goes to the other resources if the addressed one is gone
            // (§8.5.3.2.1).
            if !there.is_empty() || matches!(kind, "groupchat" | "headline" | "error") {
                return there;
            }
        }
        if matches!(kind, "groupchat" | "error") {
            return Vec::new();
        }
        let takes = |session: &Session| session.jid.bare == to.bare && session.takes_messages();
        self.sessions().filter(|(_, session)| takes(session)).map(|(id, _)| id).collect()
    }

    fn handle_undelivered(&mut self, id: ConnectionId, to: &Jid, message: &Element) {
        match message.attr("type").unwrap_or("normal") {
            "headline" | "error" => {}
            "groupchat" => self.refuse(id, message, "service-unavailable"),
            _ if !self.store_offline(&to.bare, message) => self.refuse(id, message, "service-unavailable"),
            _ => {}
        }
    }

    fn send_carbons(
        &mut self,
        id: ConnectionId,
        sender: &Jid,
        to: &Jid,
        message: &Element,
        recipients: &[ConnectionId],
    ) {
        if !wants_carbons(message) {
            return;
        }
        self.send_copies("sent", &sender.bare, message, &[recipients, &[id]].concat());
        if to.bare != sender.bare && !recipients.is_empty() {
            self.send_copies("received", &to.bare, message, recipients);
        }
    }

    /// XEP-0280 §6: copies go to each session of the account that enabled carbons and did not get
    /// the message itself.
    fn send_copies(&mut self, direction: &str, account: &str, message: &Element, without: &[ConnectionId]) {
        let wants = |session: &Session| session.jid.bare == account && session.carbons;
        let copied: Vec<_> = self
            .sessions()
            .filter(|(id, session)| wants(session) && !without.contains(id))
            .map(|(id, session)| (id, session.jid.to_string()))
            .collect();
        for (id, jid) in copied {
            let forwarded = Element::new("forwarded", ns::FORWARD).with_child(message.clone());
            let copy = Element::new("message", ns::CLIENT)
                .with_attr("from", account)
                .with_attr("to", &jid)
                .with_attr("type", message.attr("type").unwrap_or("normal"))
                .with_child(Element::new(direction, ns::CARBONS).with_child(forwarded));
            self.send(id, &copy);
        }
    }
}

/// XEP-0280 §6.1: messages between persons are eligible, unless marked as private.
fn wants_carbons(message: &Element) -> bool {
    let has_body = message.child("body", ns::CLIENT).is_some();
    let is_eligible = match message.attr("type") {
        Some("chat") => true,
        None | Some("normal") => has_body,
        _ => false,
    };
    let is_private =
        message.child("private", ns::CARBONS).is_some() || message.child("no-copy", ns::HINTS).is_some();
    is_eligible && !is_private
}
