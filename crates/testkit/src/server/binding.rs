//! Resource binding (RFC 6120 §7): from an authenticated stream to a session.

use epode_xml::Element;

use super::{
    BindFault, ConnectionId, LegacySession, Misbehaviour, ResourceConflict, Server, Stage,
    connection::{Session, State},
};
use crate::{jid::Jid, ns};

impl Server {
    pub(super) fn expect_bind(&mut self, id: ConnectionId, user: &str, element: &Element) {
        if element.is("resume", ns::SM) && self.config.management.is_some() {
            return self.resume(id, user, element);
        }
        let request = element.child("bind", ns::BIND);
        let is_request = element.is("iq", ns::CLIENT) && element.attr("type") == Some("set");
        let (Some(request), true) = (request, is_request) else {
            return self.stream_error(id, "not-authorized");
        };
        let bare = format!("{user}@{}", self.config.domain);
        let asked = request.child("resource", ns::BIND).map(Element::text).filter(|text| !text.is_empty());
        let mut resource = asked.unwrap_or_else(|| self.random.token(6));
        let older = self.sessions_at(&Jid::full(&bare, &resource));
        if let Some(older) = older.first() {
            match self.config.resource_conflict {
                ResourceConflict::FreshResource => resource = self.random.token(6),
                ResourceConflict::EndOlder => self.stream_error(*older, "conflict"),
                ResourceConflict::Refuse => {
                    let refusal = bind_error(element, "conflict").to_string();
                    self.say_at(id, Stage::Bind, refusal);
                    return;
                }
            }
        }
        let jid = Jid::full(&bare, &resource);
        let fault = match self.misbehaviour(id) {
            Some(Misbehaviour::Bind(fault)) => Some(*fault),
            _ => None,
        };
        if !self.say_at(id, Stage::Bind, bind_answer(element, &jid, fault).to_string()) {
            return;
        }
        if fault.is_some() {
            self.enter(id, State::Deaf);
        } else {
            self.bind(id, jid);
        }
    }

    fn bind(&mut self, id: ConnectionId, jid: Jid) {
        let session = Session {
            jid,
            established: self.config.legacy_session != LegacySession::Required,
            presence: None,
            priority: 0,
            interested: false,
            carbons: false,
            directed: Default::default(),
            management: None,
        };
        self.enter(id, State::Bound(session));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.deadline = None;
        }
    }
}

fn bind_answer(request: &Element, jid: &Jid, fault: Option<BindFault>) -> Element {
    let id = request.attr("id").unwrap_or_default();
    let domain = jid.domain();
    let (id, jid) = match fault {
        Some(BindFault::Error(condition)) => return bind_error(request, condition),
        Some(BindFault::OtherId) => ("another-id", Some(jid.to_string())),
        Some(BindFault::MissingJid) => (id, None),
        Some(BindFault::BareJid) => (id, Some(jid.bare.clone())),
        Some(BindFault::MalformedJid) => (id, Some(format!("@{domain}/"))),
        Some(BindFault::OtherAccount) => (id, Some(format!("mallory@{domain}/x"))),
        None => (id, Some(jid.to_string())),
    };
    let bind = jid.into_iter().fold(Element::new("bind", ns::BIND), |bind, jid| {
        bind.with_child(Element::new("jid", ns::BIND).with_text(&jid))
    });
    Element::new("iq", ns::CLIENT).with_attr("type", "result").with_attr("id", id).with_child(bind)
}

fn bind_error(request: &Element, condition: &str) -> Element {
    let kind = match condition {
        "resource-constraint" => "wait",
        "bad-request" | "conflict" => "modify",
        _ => "cancel",
    };
    let error = Element::new("error", ns::CLIENT)
        .with_attr("type", kind)
        .with_child(Element::new(condition, ns::STANZA_ERRORS));
    Element::new("iq", ns::CLIENT)
        .with_attr("type", "error")
        .with_attr("id", request.attr("id").unwrap_or_default())
        .with_child(error)
}
