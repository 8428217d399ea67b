//! Accounts that clients register before they log in (XEP-0077 §3.1).

use epode_xml::Element;

use super::roster::Roster;
use super::{Account, ConnectionId, Server};
use crate::ns;
use crate::unicode::local;

impl Server {
    /// Answers a request from before authentication.
    pub(super) fn register(&mut self, id: ConnectionId, iq: &Element) {
        let query = iq.child("query", ns::REGISTER);
        let outcome = match (iq.attr("type"), query) {
            (Some("get"), Some(_)) => Ok(Some(form())),
            (Some("set"), Some(query)) => self.registered(query).map(|()| None),
            _ => Err("bad-request"),
        };
        let kind = if outcome.is_ok() { "result" } else { "error" };
        let answer = Element::new("iq", ns::CLIENT).with_attr("type", kind);
        let answer = iq.attr("id").into_iter().fold(answer, |answer, id| answer.with_attr("id", id));
        let child = outcome.unwrap_or_else(|condition| {
            let condition = Element::new(condition, ns::STANZA_ERRORS);
            Some(Element::new("error", ns::CLIENT).with_attr("type", "modify").with_child(condition))
        });
        let answer = child.into_iter().fold(answer, Element::with_child);
        self.say(id, answer.to_string());
    }

    fn registered(&mut self, query: &Element) -> Result<(), &'static str> {
        let field = |name| query.child(name, ns::REGISTER).map(Element::text).unwrap_or_default();
        let (user, password) = (local(field("username").trim()), field("password"));
        if user.is_empty() || user.contains(['@', '/']) || password.is_empty() {
            return Err("not-acceptable");
        }
        if self.config.password(&user).is_some() {
            return Err("conflict");
        }
        self.rosters.insert(format!("{user}@{}", self.config.domain), Roster::default());
        self.config.accounts.push(Account { user, password });
        Ok(())
    }
}

fn form() -> Element {
    let field = |name| Element::new(name, ns::REGISTER);
    Element::new("query", ns::REGISTER)
        .with_child(field("instructions").with_text("Choose a name and a password."))
        .with_child(field("username"))
        .with_child(field("password"))
}
