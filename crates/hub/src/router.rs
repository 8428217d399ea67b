//! Who gets what: the way of each stanza, from the server to the tabs and from a tab to the server.

use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{Delivery, FromWorker, LogLevel, Origin, Outcome, Position, Text, Token};
use epode_session::stream::Dropped;
use epode_session::stream::xml::{Head, Limits, escape};

use crate::inbound::Inbound;
use crate::iq::{Entered, NextStep, PING, Reply, is_ping, is_push, pushes, question};
use crate::mailbox::{Gap, Stanza};
use crate::outbound::{Kind, Refused, edited, judge, with_id};
use crate::shared_session::{Phase, SharedSession};
use crate::tab_state::{ASKED, PENDING, PendingSend, Stage, TabState};
use crate::timer::Timer;
use crate::{Hub, PortId, SessionId, Table};

/// How long an `unavailable` waits, since it may be the last word of a tab that closes.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often tabs hear that frames were dropped, at most.
const GAPS: Duration = Duration::from_secs(1);

/// How many frames that were dropped are remembered one by one, for tabs that have not heard of them.
const MISSING: usize = 64;

/// From the server to the tabs.
impl<T: Text> Hub<T> {
    /// Gives a stanza its position and sends it where it belongs.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn route(&mut self, id: SessionId, head: Head, text: &T, size: usize) {
        if head.undeclared {
            return self.route_undeclared(id, &head, text);
        }
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        shared.position += 1;
        let inbound =
            Rc::new(Inbound::new(shared.position, head, text.clone(), size, &self.common.config.unicode));
        match (inbound.is_iq(), inbound.head.kind.as_deref()) {
            (false, _) => self.route_to_claims(id, inbound),
            (true, Some("result" | "error")) => self.route_answer(id, &inbound),
            (true, Some("get" | "set")) => self.route_request(id, &inbound),
            (true, _) => self.log_dropped(id, &inbound.head.tag, size, "an iq of no known type"),
        }
    }

    /// A stanza that was cut out of a stream over TCP says no namespace: whoever reads it by itself needs
    /// one.
    #[inline(never)] // Rare.
    fn route_undeclared(&mut self, id: SessionId, head: &Head, text: &T) {
        let declared = text.with_str(|text| {
            let mut text = text.to_owned();
            text.insert_str(head.root_end, " xmlns=\"jabber:client\"");
            text
        });
        match Head::read_in_stream(&declared, &Limits::default()) {
            Ok(head) => self.route(id, head, &T::from(declared.clone()), declared.len()),
            Err(violation) => {
                // Longer by that, and so too long.
                let (condition, rule) = (violation.condition(), violation.to_string());
                let name = head.tag.to_string();
                self.frame_dropped(id, &Dropped { name, size: declared.len(), condition, rule });
            }
        }
    }

    /// A frame of the server could not be read: it has its place among the stanzas if it was one, and every
    /// tab hears that something is missing there.
    #[inline(never)] // Rare.
    pub(crate) fn frame_dropped(&mut self, id: SessionId, dropped: &Dropped) {
        self.log_dropped(id, &dropped.name, dropped.size, &dropped.rule);
        let Some(shared) = self.sessions.get_mut(&id).filter(|_| dropped.is_stanza()) else { return };
        shared.position += 1;
        shared.missing.push_back(Gap::at(shared.position, dropped.condition));
        if shared.missing.len() > MISSING {
            // Two that no tab tells apart become one.
            let SharedSession { missing, members, .. } = shared;
            let apart = |at: usize| {
                members.iter().any(|member| (missing[at].to..missing[at + 1].from).contains(&member.told))
            };
            let at = (0..MISSING).find(|at| !apart(*at)).unwrap_or_default();
            if let Some(next) = missing.remove(at + 1) {
                missing[at] = missing[at].and(next);
            }
        }
        self.tell_gap(id);
    }

    /// Tells every tab what was dropped that it has not been told; then nothing more for a while. A tab that
    /// is behind hears it when it has read what waits for it, so that what a contact can cause does not pile
    /// up there.
    pub(crate) fn tell_gap(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id).filter(|shared| !shared.missing.is_empty()) else {
            return;
        };
        if self.common.timers.runs(Timer::Gap(id))
            || !matches!(shared.phase, Phase::Up(_) | Phase::Reconnecting)
        {
            return;
        }
        let mut told = Vec::new();
        for member in &mut shared.members {
            let keeps_up = self.common.keeps_up(member.port);
            let untold = shared.missing.iter().filter(|gap| keeps_up && gap.to > member.told);
            if let Some(gap) = untold.copied().reduce(Gap::and) {
                member.told = gap.to;
                told.push((member.port, gap));
            }
        }
        if !told.is_empty() {
            self.common.timers.set(Timer::Gap(id), Some(self.common.now + GAPS));
        }
        for (port, gap) in told {
            self.common.post(port, gap.told());
        }
    }

    /// A message or presence goes to every tab that claims it, and is remembered for claims that are on their
    /// way.
    fn route_to_claims(&mut self, id: SessionId, inbound: Rc<Inbound<T>>) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let claims = shared.members.iter().filter(|member| member.claims(&inbound)).map(|member| member.port);
        let given_to: Vec<PortId> = claims.collect();
        let now = self.common.now;
        shared.parked.retain(|parked| parked.until > now);
        for parked in &mut shared.parked {
            parked.keep(&inbound, &shared.connection.options);
        }
        if inbound.is_presence() {
            shared.note_presence(&inbound);
        }
        shared.ring.remember(now, inbound.clone());
        for port in given_to {
            self.common.deliver(port, Stanza::Received(inbound.clone()));
        }
    }

    /// An answer goes to the tabs that asked, and to nobody else.
    fn route_answer(&mut self, id: SessionId, inbound: &Inbound<T>) {
        let Inbound { position, head, text, size, .. } = inbound;
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let Phase::Up(info) = &shared.phase else { return };
        let Some(request) = shared.outgoing.answered(head, &info.jid, &self.common.config.unicode) else {
            return self.log_dropped(id, &head.tag, *size, "it answers what nobody asked of its sender");
        };
        for asker in request.askers {
            let text = match asker.original_id {
                Some(original) => T::from(text.with_str(|text| with_id(text, head, &original))),
                None => text.clone(),
            };
            match asker.reply {
                Reply::Delivery => {
                    let delivery = Delivery(*position, Origin::Received, text);
                    self.common.deliver(asker.port, Stanza::Own { delivery, droppable: false, size: *size });
                }
                Reply::Response(token) => {
                    self.common.timers.set(Timer::Answer(asker.port, token), None);
                    let outcome = match head.kind.as_deref() {
                        Some("result") => Outcome::Result(text),
                        _ => Outcome::Error(text),
                    };
                    self.common
                        .post(asker.port, FromWorker::Response { token, outcome, position: *position });
                }
            }
        }
    }

    /// A request goes to one tab after the other until one takes it; what concerns the account itself goes to
    /// all of them.
    fn route_request(&mut self, id: SessionId, inbound: &Inbound<T>) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let Phase::Up(info) = &shared.phase else { return };
        if inbound.head.id.is_none() {
            // RFC 6120 §8.2.3: without an id no answer could be correct.
            return self.log_dropped(id, &inbound.head.tag, inbound.size, "a request without id");
        }
        let candidates = shared.handlers_of(inbound);
        // Hooks only look on.
        let hooks = shared.members.iter().filter(|member| member.claims(inbound) && !member.handles(inbound));
        let looking: Vec<PortId> = hooks.map(|member| member.port).collect();
        let is_push = is_push(&inbound.head, &info.jid, &self.common.config.unicode);
        let forged = !is_push && pushes(&inbound.head);
        let (given, next) = match (is_push, forged) {
            (true, _) => (candidates, Vec::new()),
            (false, false) => (Vec::new(), candidates),
            (false, true) => (Vec::new(), Vec::new()),
        };
        let awake = |port: &&PortId| self.common.tabs.get(port).is_some_and(|tab| tab.awake);
        let asked: Vec<PortId> = given.iter().filter(awake).copied().collect();
        let (position, nobody) = (inbound.position, asked.is_empty());
        shared.incoming.enter(inbound, &info.jid, &self.common.config.unicode, asked, next);
        if forged {
            let rule = "only the account itself and its server push a roster or a list";
            self.log_dropped(id, &inbound.head.tag, inbound.size, rule);
        }
        for port in given {
            self.common.deliver(port, request_of(inbound, false));
        }
        for port in looking {
            self.common.deliver(port, request_of(inbound, true));
        }
        if is_ping(&inbound.head) {
            self.common.timers.set(Timer::Ping(id, position), Some(self.common.now + PING));
        }
        if nobody {
            self.pass(id, position);
        }
        while let Some(oldest) = self.sessions.get(&id).and_then(|shared| shared.incoming.excess()) {
            let text = "too many requests wait for an answer: the oldest is refused".to_owned();
            self.log_of(id, LogLevel::Warn, text);
            self.settle(id, oldest);
        }
    }

    /// Nobody is at an inbound request: the next tab, or an answer of our own.
    fn pass(&mut self, id: SessionId, position: Position) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let step = shared.incoming.next_candidate(position, can_answer(&self.common.tabs, id));
        self.carry_out(id, position, step);
    }

    /// A tab passed an inbound request up, or can never answer it. One that took it and is awake keeps it,
    /// however long it takes.
    pub(crate) fn unhandled(&mut self, id: SessionId, position: Position, port: PortId) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let step = shared.incoming.passed(position, port, can_answer(&self.common.tabs, id));
        self.carry_out(id, position, step);
    }

    /// An inbound request has waited for tabs long enough.
    pub(crate) fn settle(&mut self, id: SessionId, position: Position) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let step = shared.incoming.settle(position);
        self.carry_out(id, position, step);
    }

    fn carry_out(&mut self, id: SessionId, position: Position, step: NextStep<T>) {
        match step {
            NextStep::Wait => {}
            NextStep::Ask(port, text) => {
                let size = text.with_str(str::len);
                let delivery = Delivery(position, Origin::Received, text);
                self.common.deliver(port, Stanza::Own { delivery, droppable: false, size });
            }
            NextStep::Settle { to, id: request, pong } => {
                self.common.timers.set(Timer::Ping(id, position), None);
                let to = to.map(|to| format!(" to=\"{}\"", escape(&to))).unwrap_or_default();
                let (kind, content) = match pong {
                    true => ("result", ""),
                    false => (
                        "error",
                        "<error type=\"cancel\"><service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error>",
                    ),
                };
                let request = escape(&request);
                let answer = format!(
                    "<iq xmlns=\"jabber:client\" type=\"{kind}\" id=\"{request}\"{to}>{content}</iq>"
                );
                // The id is whatever a contact makes it: longer here than as it came.
                let shared = self.sessions.get(&id);
                match shared.map(|shared| shared.connection.session.check(&answer)) {
                    Some(Err(too_long)) => {
                        let rule = format!("its answer is not allowed: {too_long}");
                        self.log_dropped(id, "iq", answer.len(), &rule);
                    }
                    _ => self.transmit(id, answer.into()),
                }
            }
        }
    }

    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn answer_timeout(&mut self, port: PortId, token: Token) {
        let Some(tab) = self.common.tabs.get_mut(&port) else { return };
        tab.pending.retain(
            |pending| !matches!(pending, PendingSend::Request { token: known, .. } if *known == token),
        );
        let mut position = 0;
        if let Stage::In(id) = &tab.stage
            && let Some(shared) = self.sessions.get_mut(id)
        {
            position = shared.position;
            shared.outgoing.forget(port, token);
        }
        self.common.post(port, FromWorker::Response { token, outcome: Outcome::Timeout, position });
    }
}

/// From a tab to the server.
impl<T: Text> Hub<T> {
    /// Takes what a tab wants to send: sends it, keeps it until the session is up, or says why not.
    pub(crate) fn take(&mut self, port: PortId, pending: PendingSend<T>) {
        let Some(tab) = self.common.tabs.get_mut(&port) else { return };
        let shared = match &tab.stage {
            Stage::In(id) => self.sessions.get(id).map(|shared| (*id, &shared.phase)),
            _ => None,
        };
        let refused = match (shared, &tab.stage) {
            (Some((id, Phase::Up(_))), _) => match self.submit(id, port, &pending) {
                Ok(()) => {
                    if let (PendingSend::Send { token, .. }, Some((connection, _))) =
                        (&pending, self.connection(id))
                    {
                        connection.uplink.note_written(port, *token);
                    }
                    return;
                }
                Err(refused) => refused,
            },
            (Some((_, Phase::Connecting | Phase::Unbound | Phase::Reconnecting)), _)
            | (None, Stage::Waiting | Stage::Restoring(..)) => {
                if tab.pending.len() < PENDING {
                    tab.pending.push_back(pending);
                    return;
                }
                Refused::TooMany
            }
            _ => Refused::NotConnected,
        };
        self.common.refuse(port, pending, &refused);
    }

    /// Checks a stanza, enters it in the books, and sends it.
    pub(crate) fn submit(
        &mut self,
        id: SessionId,
        port: PortId,
        pending: &PendingSend<T>,
    ) -> Result<(), Refused> {
        let (text, reply) = match pending {
            PendingSend::Send { text, .. } => (text, Reply::Delivery),
            PendingSend::Request { token, text } => (text, Reply::Response(*token)),
        };
        let shared = self.sessions.get_mut(&id).ok_or(Refused::NotConnected)?;
        let own = shared.jid().ok_or(Refused::NotConnected)?.to_owned();
        let mut head = text.with_str(|text| shared.connection.session.check(text))?;
        let framed = text.with_str(|text| edited(text, &head, None));
        if let Some(framed) = &framed {
            // What was added is checked too: it may be a second `xmlns`, or more than the server takes.
            head = shared.connection.session.check(framed)?;
        }
        let kind = judge(&head, &own, &self.common.config.unicode)?;
        if matches!(reply, Reply::Response(_)) && kind != Kind::Request {
            return Err(Refused::NotARequest);
        }
        let mut wire_id = None;
        match kind {
            Kind::Request if shared.outgoing.of(port) >= ASKED => return Err(Refused::TooMany),
            Kind::Request => {
                let question = match &framed {
                    Some(framed) => question(&head, framed),
                    None => text.with_str(|text| question(&head, text)),
                };
                match shared.outgoing.enter(&head, port, reply, question) {
                    Entered::Send { id } => wire_id = id,
                    Entered::Shared => return Ok(()),
                }
            }
            Kind::Answer => {
                let position = shared
                    .incoming
                    .answered(&head, &own, &self.common.config.unicode)
                    .ok_or(Refused::NotAsked)?;
                self.common.timers.set(Timer::Ping(id, position), None);
            }
            // The worker alone knows whether anybody looks.
            Kind::Nonza => return Ok(()),
            Kind::Message | Kind::Presence => {}
        }
        let edited = match (framed, &wire_id) {
            (framed, None) => framed,
            (Some(framed), id) => edited(&framed, &head, id.as_deref()),
            (None, id) => text.with_str(|text| edited(text, &head, id.as_deref())),
        };
        if let (Some(id), Some(edited)) = (&wire_id, &edited)
            && let Err(too_long) = shared.connection.session.check(edited)
        {
            // By its new id.
            shared.outgoing.strike(id);
            return Err(too_long.into());
        }
        let text = edited.map_or_else(|| text.clone(), T::from);
        if kind == Kind::Presence && head.to.is_none() && !self.announce(id, port, &head, &text) {
            return Ok(());
        }
        if matches!(kind, Kind::Message | Kind::Presence) {
            self.reflect(id, port, &text);
        }
        self.transmit(id, text);
        Ok(())
    }

    /// Whether an undirected presence is to be sent now. One equal to the last says nothing new; an
    /// `unavailable` of one tab among others may only be its farewell.
    fn announce(&mut self, id: SessionId, port: PortId, head: &Head, text: &T) -> bool {
        let Some(shared) = self.sessions.get_mut(&id) else { return false };
        match head.kind.as_deref() {
            None => {
                let presence = text.with_str(str::to_owned);
                let news = shared.own_presence.as_ref() != Some(&presence);
                shared.own_presence = Some(presence);
                // Somebody is here after all.
                shared.farewell = None;
                self.common.timers.set(Timer::Farewell(id), None);
                news
            }
            Some("unavailable") if shared.members.iter().any(|member| member.port != port) => {
                // Of a tab that has left already it is nothing else.
                if shared.member(port).is_some() {
                    shared.farewell = Some((port, text.clone()));
                    self.common.timers.set(Timer::Farewell(id), Some(self.common.now + FAREWELL));
                }
                false
            }
            Some("unavailable") => {
                shared.own_presence = None;
                true
            }
            Some(_) => true,
        }
    }

    /// The tab that said `unavailable` is still there: it meant it.
    pub(crate) fn farewell_due(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let Some((port, text)) = shared.farewell.take() else { return };
        shared.own_presence = None;
        self.reflect(id, port, &text);
        self.transmit(id, text);
    }

    /// The other tabs see what this one sends: they are one client.
    fn reflect(&mut self, id: SessionId, sender: PortId, text: &T) {
        let position = self.sessions.get(&id).map_or(0, |shared| shared.position);
        let onlookers = self.onlookers(id, sender);
        let size = if onlookers.is_empty() { 0 } else { text.with_str(str::len) };
        for port in onlookers {
            let delivery = Delivery(position, Origin::Sent, text.clone());
            self.common.deliver(port, Stanza::Own { delivery, droppable: true, size });
        }
    }

    pub(crate) fn transmit(&mut self, id: SessionId, text: T) {
        if let Some((connection, common)) = self.connection(id) {
            connection.uplink.send(text, common);
        }
    }

    pub(crate) fn post_receipts(&mut self, id: SessionId) {
        if let Some((connection, common)) = self.connection(id) {
            connection.uplink.post_receipts(common);
        }
    }
}

/// Which tabs can answer what this session is asked.
fn can_answer<T>(ports: &Table<PortId, TabState<T>>, id: SessionId) -> impl Fn(PortId) -> bool {
    move |port| ports.get(&port).is_some_and(|tab| tab.awake && tab.stage == Stage::In(id))
}

/// A request, for a tab that is to answer it, or that only looks on.
fn request_of<T: Clone>(inbound: &Inbound<T>, droppable: bool) -> Stanza<T> {
    let delivery = Delivery(inbound.position, Origin::Received, inbound.text.clone());
    Stanza::Own { delivery, droppable, size: inbound.size }
}
