//! The rules for every stanza of a bound session (RFC 6120 §8), before its kind matters.

use epode_xml::Element;

use super::{ConnectionId, Server};
use crate::{jid::Jid, ns};

/// The destination of a stanza.
pub(super) enum Destination {
    /// The server itself.
    Domain,
    /// An account: no `to`, or a bare JID.
    Account(Jid),
    /// One session.
    Resource(Jid),
    /// Another domain; the scripted server cannot reach any.
    Elsewhere,
}

impl Server {
    pub(super) fn handle_stanza(&mut self, id: ConnectionId, stanza: Element) {
        if !matches!(stanza.name(), "message" | "presence" | "iq") {
            return self.stream_error(id, "unsupported-stanza-type");
        }
        if stanza.namespace() != ns::CLIENT {
            return self.stream_error(id, "invalid-namespace");
        }
        let Some(session) = self.session(id) else { return };
        let (sender, established) = (session.jid.clone(), session.established);
        // RFC 6120 §8.1.2.1: `from` is the sender's own address, or absent.
        let claimed = stanza.attr("from").map(Jid::parse);
        if claimed
            .is_some_and(|from| from != Some(sender.clone()) && from.is_none_or(|jid| jid != bare(&sender)))
        {
            return self.stream_error(id, "invalid-from");
        }
        self.statistics.stanzas_in += 1;
        self.count(id);
        let is_session_request = stanza.child("session", ns::SESSION).is_some();
        if !established && !is_session_request {
            return self.refuse(id, &stanza, "not-authorized");
        }
        let destination = match stanza.attr("to").map(Jid::parse) {
            None => Destination::Account(bare(&sender)),
            Some(None) => return self.refuse(id, &stanza, "jid-malformed"),
            Some(Some(to)) => self.destination(to),
        };
        let stamped = stanza.with_attr("from", &sender.to_string());
        match stamped.name() {
            "message" => self.handle_message(id, &sender, destination, &stamped),
            "presence" => self.handle_presence(id, &sender, destination, &stamped),
            _ => self.handle_iq(id, &sender, destination, &stamped),
        }
    }

    /// Sends a stanza to a session, unchanged.
    pub(super) fn send(&mut self, to: ConnectionId, stanza: &Element) {
        self.send_text(to, stanza.to_string());
    }

    /// Answers with a stanza error, unless the stanza is itself an answer (RFC 6120 §8.3.1).
    pub(super) fn refuse(&mut self, id: ConnectionId, stanza: &Element, condition: &str) {
        if !matches!(stanza.attr("type"), Some("error" | "result")) {
            let error = Element::new("error", ns::CLIENT)
                .with_attr("type", error_type(condition))
                .with_child(Element::new(condition, ns::STANZA_ERRORS));
            self.reply(id, stanza, "error", Some(error));
        }
    }

    /// Answers a stanza in the name of its addressee.
    pub(super) fn reply(&mut self, id: ConnectionId, stanza: &Element, kind: &str, child: Option<Element>) {
        let Some(session) = self.session(id) else { return };
        let mut answer = Element::new(stanza.name(), ns::CLIENT).with_attr("type", kind);
        if let Some(stanza_id) = stanza.attr("id") {
            answer = answer.with_attr("id", stanza_id);
        }
        if let Some(to) = stanza.attr("to") {
            answer = answer.with_attr("from", to);
        }
        answer = answer.with_attr("to", &session.jid.to_string());
        let answer = child.into_iter().fold(answer, Element::with_child);
        self.send(id, &answer);
    }

    fn destination(&self, to: Jid) -> Destination {
        if to.domain() != self.config.domain {
            Destination::Elsewhere
        } else if to.bare == self.config.domain {
            Destination::Domain
        } else if to.resource.is_some() {
            Destination::Resource(to)
        } else {
            Destination::Account(to)
        }
    }
}

pub(super) fn bare(jid: &Jid) -> Jid {
    Jid { bare: jid.bare.clone(), resource: None }
}

/// The error type that goes with a condition (RFC 6120 §8.3.3).
fn error_type(condition: &str) -> &'static str {
    match condition {
        "bad-request" | "jid-malformed" => "modify",
        "not-authorized" => "auth",
        _ => "cancel",
    }
}
