//! A request from outside goes to one tab after the other until one answers, and is answered once.

use epode_protocol::{Delivery, LogLevel, Origin, Position, Text};
use epode_session::stream::xml::escape;

use crate::common::Common;
use crate::inbound::Inbound;
use crate::iq::{NextStep, PING, is_ping, is_push, pushes};
use crate::mailbox::Stanza;
use crate::outbound::Kind;
use crate::shared_session::{Phase, SharedSession};
use crate::tab_state::Stage;
use crate::timer::Timer;
use crate::uplink::Entry;
use crate::{PortId, SessionId};

impl<T: Text> SharedSession<T> {
    /// Gives a request to the first tab that can answer; a push of the account's own server goes to
    /// all that can.
    pub(crate) fn route_request(&mut self, inbound: &Inbound<T>, common: &mut Common<T>) {
        let Phase::Up(info) = &self.phase else { return };
        if inbound.head.id.is_none() {
            // RFC 6120 §8.2.3: without an id no answer is correct.
            return self.log_dropped(inbound, "a request without id", common);
        }
        let candidates = self.handlers_of(inbound);
        // A tab that claims the request by a hook alone gets a copy and cannot answer.
        let hooks = self.members.iter().filter(|member| member.claims(inbound) && !member.handles(inbound));
        let looking: Vec<PortId> = hooks.map(|member| member.port).collect();
        let is_push = is_push(&inbound.head, &info.jid, &common.config.unicode);
        let forged = !is_push && pushes(&inbound.head);
        let (given, next) = match (is_push, forged) {
            (true, _) => (candidates, Vec::new()),
            (false, false) => (Vec::new(), candidates),
            (false, true) => (Vec::new(), Vec::new()),
        };
        let awake = |port: &&PortId| common.tabs.get(port).is_some_and(|tab| tab.awake);
        let asked: Vec<PortId> = given.iter().filter(awake).copied().collect();
        let (position, nobody) = (inbound.position, asked.is_empty());
        self.incoming.enter(inbound, &info.jid, &common.config.unicode, asked, next);
        if forged {
            let rule = "only the account itself and its server push a roster or a list";
            self.log_dropped(inbound, rule, common);
        }
        for port in given {
            common.deliver(port, request_of(inbound, false));
        }
        for port in looking {
            common.deliver(port, request_of(inbound, true));
        }
        if is_ping(&inbound.head) {
            common.timers.set(Timer::Ping(self.id(), position), Some(common.now + PING));
        }
        if nobody {
            let step = self.incoming.next_candidate(position, can_answer(self.connection.id, common));
            self.take_step(position, step, common);
        }
        while let Some(oldest) = self.incoming.excess() {
            let text = "too many requests wait for an answer: the oldest is refused".to_owned();
            self.log(LogLevel::Warn, text, common);
            self.settle(oldest, common);
        }
    }

    /// A tab passed a request on, or can no longer answer. A tab that took a request and is awake
    /// keeps it, however long the answer takes.
    pub(crate) fn unhandled(&mut self, position: Position, port: PortId, common: &mut Common<T>) {
        let step = self.incoming.passed(position, port, can_answer(self.connection.id, common));
        self.take_step(position, step, common);
    }

    /// Stops asking tabs: the worker answers.
    pub(crate) fn settle(&mut self, position: Position, common: &mut Common<T>) {
        let step = self.incoming.settle(position);
        self.take_step(position, step, common);
    }

    fn take_step(&mut self, position: Position, step: NextStep<T>, common: &mut Common<T>) {
        match step {
            NextStep::Wait => {}
            NextStep::Ask(port, text) => {
                let size = text.with_str(str::len);
                let delivery = Delivery(position, Origin::Received, text);
                common.deliver(port, Stanza::Own { delivery, droppable: false, size });
            }
            NextStep::Settle { to, id, pong } => {
                common.timers.set(Timer::Ping(self.id(), position), None);
                let to = to.map(|to| format!(" to=\"{}\"", escape(&to))).unwrap_or_default();
                let (kind, content) = match pong {
                    true => ("result", ""),
                    false => ("error", UNAVAILABLE),
                };
                let id = escape(&id);
                let answer =
                    format!("<iq xmlns=\"jabber:client\" type=\"{kind}\" id=\"{id}\"{to}>{content}</iq>");
                // A contact chose the id, which may be longer when it is escaped here than as it
                // came.
                match self.connection.session.check(&answer) {
                    Err(too_long) => {
                        let rule = format!("its answer is not allowed: {too_long}");
                        common.log_dropped(&self.ports(), "iq", answer.len(), &rule);
                    }
                    Ok(_) => {
                        let size = answer.len();
                        let answer = Entry::of_worker(answer.into(), Kind::Answer);
                        self.stanzas.submit(answer, size, &mut self.connection.uplink, common);
                    }
                }
            }
        }
    }
}

const UNAVAILABLE: &str = "<error type=\"cancel\">\
    <service-unavailable xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error>";

/// Which tabs can answer a request to this session.
fn can_answer<T>(id: SessionId, common: &Common<T>) -> impl Fn(PortId) -> bool {
    move |port| common.tabs.get(&port).is_some_and(|tab| tab.awake && tab.stage == Stage::In(id))
}

/// A request as a delivery. `droppable` if the tab only looks on.
fn request_of<T: Clone>(inbound: &Inbound<T>, droppable: bool) -> Stanza<T> {
    let delivery = Delivery(inbound.position, Origin::Received, inbound.text.clone());
    Stanza::Own { delivery, droppable, size: inbound.size }
}
