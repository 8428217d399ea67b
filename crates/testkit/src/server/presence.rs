//! Presence: broadcast, probes, directed presence, and subscriptions, which are granted at once
//! (RFC 6121 §3 and §4).

use std::collections::BTreeSet;

use epode_xml::Element;

use super::{ConnectionId, Server, State, roster::Subscription, stanza::Destination};
use crate::{jid::Jid, ns};

impl Server {
    pub(super) fn handle_presence(
        &mut self,
        id: ConnectionId,
        sender: &Jid,
        destination: Destination,
        presence: &Element,
    ) {
        let is_directed = presence.attr("to").is_some();
        match (presence.attr("type"), destination) {
            (_, Destination::Elsewhere) => self.refuse(id, presence, "remote-server-not-found"),
            (None, _) if !is_directed => self.become_available(id, sender, presence),
            (Some("unavailable"), _) if !is_directed => self.become_unavailable(id, sender, presence),
            (None | Some("unavailable"), Destination::Account(to) | Destination::Resource(to)) => {
                self.direct(id, &to, presence);
            }
            (Some("subscribe"), Destination::Account(to)) => self.subscribe(id, sender, &to, presence),
            (Some("probe"), Destination::Account(to) | Destination::Resource(to)) => {
                self.answer_probe(id, sender, &to);
            }
            (Some("subscribe" | "subscribed" | "unsubscribe" | "unsubscribed" | "probe" | "error"), _) => {}
            (None | Some("unavailable"), Destination::Domain) => {}
            (Some(_), _) => self.refuse(id, presence, "bad-request"),
        }
    }

    /// Ends the session of this connection, if any: everybody who received its presence hears
    /// `unavailable`.
    pub(super) fn depart(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.session().is_none() {
            return;
        }
        let State::Bound(session) = std::mem::replace(&mut connection.state, State::Deaf) else { return };
        self.save_unacknowledged(&session);
        let farewell = Element::new("presence", ns::CLIENT)
            .with_attr("type", "unavailable")
            .with_attr("from", &session.jid.to_string());
        let audience = match session.presence {
            Some(_) => self.audience(&session.jid.bare),
            None => Vec::new(),
        };
        self.say_farewell(&audience, &session.directed, &farewell);
    }

    fn become_available(&mut self, id: ConnectionId, sender: &Jid, presence: &Element) {
        let priority =
            presence.child("priority", ns::CLIENT).map_or(Ok(0), |child| child.text().trim().parse());
        let Ok(priority) = priority else { return self.refuse(id, presence, "bad-request") };
        let Some(session) = self.session_mut(id) else { return };
        let took_messages = session.takes_messages();
        let is_initial = session.presence.replace(presence.clone()).is_none();
        session.priority = priority;
        for (listener, account) in self.audience(&sender.bare) {
            self.send(listener, &presence.clone().with_attr("to", &account));
        }
        if is_initial {
            for account in self.contacts(&sender.bare).into_iter().chain([sender.bare.clone()]) {
                self.tell_presence_of(&account, id, sender);
            }
        }
        if priority >= 0 && !took_messages {
            self.deliver_offline(id);
        }
    }

    fn become_unavailable(&mut self, id: ConnectionId, sender: &Jid, presence: &Element) {
        let Some(session) = self.session_mut(id) else { return };
        let was_available = session.presence.is_some();
        let directed = std::mem::take(&mut session.directed);
        // The resource itself receives this presence too (RFC 6121 §4.5.2), so it leaves the
        // audience afterwards.
        let audience = if was_available { self.audience(&sender.bare) } else { Vec::new() };
        if let Some(session) = self.session_mut(id) {
            session.presence = None;
        }
        self.say_farewell(&audience, &directed, presence);
    }

    fn say_farewell(
        &mut self,
        audience: &[(ConnectionId, String)],
        directed: &BTreeSet<String>,
        farewell: &Element,
    ) {
        for (listener, account) in audience {
            self.send(*listener, &farewell.clone().with_attr("to", account));
        }
        for to in directed {
            let Some(jid) = Jid::parse(to) else { continue };
            for listener in self.sessions_at(&jid) {
                if !audience.iter().any(|(heard, _)| *heard == listener) {
                    self.send(listener, &farewell.clone().with_attr("to", to));
                }
            }
        }
    }

    /// Sends directed presence (RFC 6121 §4.6.3), and remembers the address, which hears the end of
    /// the session too.
    fn direct(&mut self, id: ConnectionId, to: &Jid, presence: &Element) {
        if let Some(session) = self.session_mut(id) {
            match presence.attr("type") {
                None => session.directed.insert(to.to_string()),
                Some(_) => session.directed.remove(&to.to_string()),
            };
        }
        for listener in self.sessions_at(to) {
            let is_addressed = to.resource.is_some();
            if is_addressed || self.session(listener).is_some_and(|session| session.presence.is_some()) {
                self.send(listener, presence);
            }
        }
    }

    /// Approves a subscription at once, on both sides. A sender who is subscribed already receives
    /// the approval again (RFC 6121 §3.1.3).
    fn subscribe(&mut self, id: ConnectionId, sender: &Jid, to: &Jid, presence: &Element) {
        if to.bare == sender.bare || !self.rosters.contains_key(&to.bare) {
            return;
        }
        let is_new = !self.contacts(&sender.bare).contains(&to.bare);
        if is_new {
            self.set_subscription(&sender.bare, &to.bare, Subscription::Both);
            self.set_subscription(&to.bare, &sender.bare, Subscription::Both);
        }
        self.reply(id, presence, "subscribed", None);
        if is_new {
            self.introduce(&sender.bare, &to.bare);
            self.introduce(&to.bare, &sender.bare);
        }
    }

    /// Sends each available session of `listener` the presence of `account`'s sessions.
    fn introduce(&mut self, account: &str, listener: &str) {
        let listeners: Vec<_> = self
            .sessions()
            .filter(|(_, session)| session.jid.bare == listener && session.presence.is_some())
            .map(|(id, session)| (id, session.jid.clone()))
            .collect();
        for (id, jid) in listeners {
            self.tell_presence_of(account, id, &jid);
        }
    }

    fn answer_probe(&mut self, id: ConnectionId, sender: &Jid, to: &Jid) {
        let may_know = to.bare == sender.bare || self.contacts(&to.bare).contains(&sender.bare);
        if may_know {
            self.tell_presence_of(&to.bare, id, sender);
        }
    }

    fn tell_presence_of(&mut self, account: &str, listener: ConnectionId, jid: &Jid) {
        let known: Vec<Element> = self
            .sessions()
            .filter(|(id, session)| *id != listener && session.jid.bare == account)
            .filter_map(|(_, session)| session.presence.clone())
            .collect();
        for presence in known {
            self.send(listener, &presence.with_attr("to", &jid.to_string()));
        }
    }

    /// The available sessions of the account and of its contacts, each with its bare JID.
    fn audience(&self, account: &str) -> Vec<(ConnectionId, String)> {
        let contacts = self.contacts(account);
        self.sessions()
            .filter(|(_, session)| session.presence.is_some())
            .filter(|(_, session)| session.jid.bare == account || contacts.contains(&session.jid.bare))
            .map(|(id, session)| (id, session.jid.bare.clone()))
            .collect()
    }
}
