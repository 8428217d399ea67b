//! The way of a frame from the server to the mailboxes of the tabs that it concerns.

use std::rc::Rc;

use epode_protocol::{Delivery, FromWorker, Origin, Outcome, Text};
use epode_session::stream::Dropped;
use epode_session::stream::xml::{Head, Limits};

use crate::PortId;
use crate::common::Common;
use crate::inbound::Inbound;
use crate::iq::Reply;
use crate::mailbox::Stanza;
use crate::outbound::with_id;
use crate::shared_session::{Phase, SharedSession};
use crate::timer::Timer;

impl<T: Text> SharedSession<T> {
    /// Takes in a frame of the server.
    pub(crate) fn frame(&mut self, text: T, common: &mut Common<T>) {
        let session = &mut self.connection.session;
        let (head, size) = text.with_str(|frame| (session.frame(common.now, frame), frame.len()));
        self.connection.uplink.watch.heard(common.now);
        if let Some(head) = head {
            self.route(head, text, size, common);
        }
    }

    /// Gives a stanza its position, and sends the stanza where it belongs.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn route(&mut self, head: Head, text: T, size: usize, common: &mut Common<T>) {
        if head.undeclared {
            return self.route_undeclared(&head, &text, common);
        }
        self.position += 1;
        let inbound = Rc::new(Inbound::new(self.position, head, text, size, &common.config.unicode));
        match (inbound.is_iq(), inbound.head.kind.as_deref()) {
            (false, _) => self.route_to_claims(inbound, common),
            (true, Some("result" | "error")) => self.route_answer(&inbound, common),
            (true, Some("get" | "set")) => self.route_request(&inbound, common),
            (true, _) => self.log_dropped(&inbound, "an iq of no known type", common),
        }
    }

    /// Adds the namespace to a stanza that a proxy cut out of a stream over TCP: tabs read each
    /// stanza by itself.
    #[inline(never)] // Rare.
    fn route_undeclared(&mut self, head: &Head, text: &T, common: &mut Common<T>) {
        let declared = text.with_str(|text| {
            let mut text = text.to_owned();
            text.insert_str(head.root_end, " xmlns=\"jabber:client\"");
            text
        });
        match Head::read_in_stream(&declared, &Limits::default()) {
            Ok(head) => {
                let size = declared.len();
                self.route(head, declared.into(), size, common);
            }
            Err(violation) => {
                // The added namespace has made the stanza too long.
                let (condition, rule) = (violation.condition(), violation.to_string());
                let name = head.tag.to_string();
                self.frame_dropped(&Dropped { name, size: declared.len(), condition, rule }, common);
            }
        }
    }

    /// Gives a message or presence to every tab that claims it, and keeps it for claims that are on
    /// their way.
    fn route_to_claims(&mut self, inbound: Rc<Inbound<T>>, common: &mut Common<T>) {
        let now = common.now;
        self.parked.retain(|parked| parked.until > now);
        // A resumed stream may bring more before the first claim than the ring holds.
        let suspended = self.members.iter_mut().filter_map(|member| member.parked.as_mut());
        for parked in self.parked.iter_mut().chain(suspended.filter(|parked| parked.resumes)) {
            parked.keep(&inbound, &self.connection.options);
        }
        if inbound.is_presence() {
            self.presences.note(&inbound);
        }
        self.ring.remember(now, inbound.clone());
        for member in self.members.iter().filter(|member| member.claims(&inbound)) {
            common.deliver(member.port, Stanza::Received(inbound.clone()));
        }
    }

    /// Gives an answer to the tabs that asked, and to nobody else.
    fn route_answer(&mut self, inbound: &Inbound<T>, common: &mut Common<T>) {
        let Inbound { position, head, text, size, .. } = inbound;
        let Phase::Up(info) = &self.phase else { return };
        let Some(request) = self.outgoing.answered(head, &info.jid, &common.config.unicode) else {
            return self.log_dropped(inbound, "it answers what nobody asked of its sender", common);
        };
        self.note_answer(head.id.as_deref(), common);
        for asker in request.askers {
            let text = match asker.original_id {
                Some(original) => T::from(text.with_str(|text| with_id(text, head, &original))),
                None => text.clone(),
            };
            match asker.reply {
                Reply::Delivery => {
                    let delivery = Delivery(*position, Origin::Received, text);
                    common.deliver(asker.port, Stanza::Own { delivery, droppable: false, size: *size });
                }
                Reply::Response(token) => {
                    common.timers.set(Timer::Answer(asker.port, token), None);
                    let outcome = match head.kind.as_deref() {
                        Some("result") => Outcome::Result(text),
                        _ => Outcome::Error(text),
                    };
                    common.post(asker.port, FromWorker::Response { token, outcome, position: *position });
                }
            }
        }
    }

    /// Logs a stanza that no tab hears.
    pub(crate) fn log_dropped(&self, inbound: &Inbound<T>, rule: &str, common: &mut Common<T>) {
        common.log_dropped(&self.ports(), &inbound.head.tag, inbound.size, rule);
    }

    /// The tabs whose handlers are for this stanza, in the order in which they are asked: the
    /// primary first.
    pub(crate) fn handlers_of(&self, inbound: &Inbound<T>) -> Vec<PortId> {
        let handles = self.members.iter().filter(|member| member.handles(inbound)).map(|member| member.port);
        let (primary, others): (Vec<_>, Vec<_>) = handles.partition(|port| Some(*port) == self.primary);
        primary.into_iter().chain(others).collect()
    }
}
