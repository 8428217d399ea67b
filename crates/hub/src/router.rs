//! Who gets what: the way of each stanza, from the server to the tabs and from a tab to the server.

use epode_protocol::{Delivery, FromWorker, LogLevel, Origin, Outcome, Position, Text, Token};
use epode_session::stream::xml::{Head, escape};

use crate::iq::{Reply, SILENCE, Turn, is_push};
use crate::outbound::{Kind, Refused, edited, judge, with_id};
use crate::port::{HELD, Held, Stage};
use crate::room::Phase;
use crate::timer::Timer;
use crate::{Hub, Output, PortId, SessionId};

/// From the server to the tabs.
impl<T: Text> Hub<T> {
    /// Gives a stanza its position and sends it where it belongs.
    pub(crate) fn route(&mut self, id: SessionId, head: &Head, text: &T) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        room.position += 1;
        let position = room.position;
        let is_iq = head.tag.rsplit(':').next() == Some("iq");
        match (is_iq, head.kind.as_deref()) {
            (false, _) => {
                for port in room.ports().collect::<Vec<_>>() {
                    self.deliver(port, position, Origin::Received, text.clone());
                }
            }
            (true, Some("result" | "error")) => self.route_answer(id, position, head, text),
            (true, Some("get" | "set")) => self.route_request(id, position, head, text),
            (true, _) => {
                self.log(LogLevel::Warn, "the server sent an iq of no known type; dropped".to_owned())
            }
        }
    }

    /// An answer goes to the tab that asked, and to nobody else.
    fn route_answer(&mut self, id: SessionId, position: Position, head: &Head, text: &T) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let Phase::Up(info) = &room.phase else { return };
        let Some(ask) = room.asks.answered(head, &info.jid) else {
            return self
                .log(LogLevel::Warn, "an iq answered what nobody asked of its sender; dropped".to_owned());
        };
        let Some((port, reply)) = ask.asker else { return };
        let text = match ask.original_id {
            Some(original) => T::from(text.with_str(|text| with_id(text, head, &original))),
            None => text.clone(),
        };
        match reply {
            Reply::Delivery => self.deliver(port, position, Origin::Received, text),
            Reply::Response(token) => {
                self.timers.set(Timer::Answer(port, token), None);
                let outcome = match head.kind.as_deref() {
                    Some("result") => Outcome::Result(text),
                    _ => Outcome::Error(text),
                };
                self.post(port, FromWorker::Response { token, outcome });
            }
        }
    }

    /// A request goes to one tab after the other until one answers; what concerns the account itself goes to all of them.
    fn route_request(&mut self, id: SessionId, position: Position, head: &Head, text: &T) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let Phase::Up(info) = &room.phase else { return };
        if head.id.is_none() {
            // RFC 6120 §8.2.3: without an id no answer could be correct.
            return self.log(LogLevel::Warn, "the server sent an iq without id; dropped".to_owned());
        }
        let push = is_push(head, &info.jid);
        let mut ports: Vec<PortId> = room.ports_primary_first().collect();
        room.demands.enter(position, head, text.clone());
        if let Some(demand) = room.demands.demand(position) {
            match push {
                true => demand.asked = std::mem::take(&mut ports),
                false => demand.next = std::mem::take(&mut ports).into(),
            }
            let told = demand.asked.clone();
            if !told.is_empty() {
                self.timers.set(Timer::Silence(id, position), Some(self.now + SILENCE));
                for port in told {
                    self.deliver(port, position, Origin::Received, text.clone());
                }
                return;
            }
        }
        self.pass(id, position);
    }

    /// Nobody has answered yet: the next tab, or a refusal.
    pub(crate) fn pass(&mut self, id: SessionId, position: Position) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let turn = room.demands.turn(position);
        self.carry_out(id, position, turn);
    }

    pub(crate) fn carry_out(&mut self, id: SessionId, position: Position, turn: Turn<T>) {
        match turn {
            Turn::Wait => {}
            Turn::Ask(port, text) => {
                self.timers.set(Timer::Silence(id, position), Some(self.now + SILENCE));
                self.deliver(port, position, Origin::Received, text);
            }
            Turn::Refuse(to, request) => {
                self.timers.set(Timer::Silence(id, position), None);
                let to = to.map(|to| format!(" to=\"{}\"", escape(&to))).unwrap_or_default();
                let refusal = format!(
                    "<iq xmlns=\"jabber:client\" type=\"error\" id=\"{}\"{to}><error type=\"cancel\">\
                     <service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error></iq>",
                    escape(&request)
                );
                self.transmit(id, refusal.into());
            }
        }
    }

    pub(crate) fn answer_timeout(&mut self, port: PortId, token: Token) {
        let Some(tab) = self.ports.get_mut(&port) else { return };
        tab.held.retain(|held| !matches!(held, Held::Request { token: known, .. } if *known == token));
        if let Stage::In(id) = tab.stage
            && let Some(room) = self.rooms.get_mut(&id)
        {
            room.asks.forget(port, token);
        }
        self.post(port, FromWorker::Response { token, outcome: Outcome::Timeout });
    }

    fn deliver(&mut self, port: PortId, position: Position, origin: Origin, text: T) {
        self.post(port, FromWorker::Deliver { stanzas: vec![Delivery(position, origin, text)] });
    }
}

/// From a tab to the server.
impl<T: Text> Hub<T> {
    /// Takes what a tab wants to send: sends it, keeps it until the session is up, or says why not.
    pub(crate) fn take(&mut self, port: PortId, held: Held<T>) {
        let Some(tab) = self.ports.get_mut(&port) else { return };
        let room = match tab.stage {
            Stage::In(id) => self.rooms.get(&id).map(|room| (id, &room.phase)),
            Stage::New | Stage::Greeted | Stage::Waiting => None,
        };
        let refused = match (room, tab.stage) {
            (Some((id, Phase::Up(_))), _) => match self.submit(id, port, &held) {
                Ok(()) => return,
                Err(refused) => refused,
            },
            (Some((_, Phase::Connecting)), _) | (None, Stage::Waiting) => {
                if tab.held.len() < HELD {
                    tab.held.push_back(held);
                    return;
                }
                Refused::TooMany
            }
            _ => Refused::NotConnected,
        };
        self.refuse(port, held, &refused);
    }

    /// The session did not come up: what was to be sent is not.
    pub(crate) fn turn_down(&mut self, port: PortId, held: Held<T>) {
        match held {
            Held::Request { token, .. } => {
                self.timers.set(Timer::Answer(port, token), None);
                self.post(port, FromWorker::Response { token, outcome: Outcome::Disconnected });
            }
            held => self.refuse(port, held, &Refused::NotConnected),
        }
    }

    fn refuse(&mut self, port: PortId, held: Held<T>, refused: &Refused) {
        let fault = refused.fault();
        match held {
            Held::Send { token, .. } => self.post(port, FromWorker::Failed { token, fault }),
            Held::Request { token, .. } => {
                self.timers.set(Timer::Answer(port, token), None);
                self.post(port, FromWorker::Response { token, outcome: Outcome::Refused(fault) });
            }
        }
    }

    /// Checks a stanza, enters it in the books, and sends it.
    fn submit(&mut self, id: SessionId, port: PortId, held: &Held<T>) -> Result<(), Refused> {
        let (text, reply) = match held {
            Held::Send { text, .. } => (text, Reply::Delivery),
            Held::Request { token, text } => (text, Reply::Response(*token)),
        };
        let room = self.rooms.get_mut(&id).ok_or(Refused::NotConnected)?;
        let own = room.jid().ok_or(Refused::NotConnected)?.to_owned();
        let mut head = text.with_str(|text| room.session.check(text))?;
        let framed = text.with_str(|text| edited(text, &head, None));
        if let Some(framed) = &framed {
            // What was added is checked too: it may be a second `xmlns`, or more than the server takes.
            head = room.session.check(framed)?;
        }
        let kind = judge(&head, &own)?;
        let wire_id = match (kind, reply) {
            (Kind::Request, reply) => room.asks.enter(&head, port, reply),
            (_, Reply::Response(_)) => return Err(Refused::NotARequest),
            (Kind::Answer, _) => {
                let position = room.demands.answered(&head, &own).ok_or(Refused::NotAsked)?;
                self.timers.set(Timer::Silence(id, position), None);
                None
            }
            (Kind::Message | Kind::Presence | Kind::Nonza, _) => None,
        };
        let edited = match (framed, wire_id) {
            (framed, None) => framed,
            (Some(framed), id) => edited(&framed, &head, id.as_deref()),
            (None, id) => text.with_str(|text| edited(text, &head, id.as_deref())),
        };
        let text = edited.map_or_else(|| text.clone(), T::from);
        if matches!(kind, Kind::Message | Kind::Presence) {
            self.reflect(id, port, &text);
        }
        self.transmit(id, text);
        Ok(())
    }

    /// The other tabs see what this one sends: they are one client.
    fn reflect(&mut self, id: SessionId, sender: PortId, text: &T) {
        let Some(room) = self.rooms.get(&id) else { return };
        let position = room.position;
        for port in room.ports().filter(|port| *port != sender).collect::<Vec<_>>() {
            self.deliver(port, position, Origin::Sent, text.clone());
        }
    }

    fn transmit(&mut self, id: SessionId, text: T) {
        if let Some(room) = self.rooms.get(&id) {
            self.outputs.push_back(Output::Transmit(room.socket, text));
        }
    }
}
