//! Stream management (XEP-0198): acknowledgements, and sessions that outlive their connection.
//!
//! A session whose connection is lost keeps the number of that connection, which is then `lost`:
//! stanzas for the session still find it, and wait there until the session is resumed or the time
//! for that is over.

use std::collections::VecDeque;

use epode_xml::{Element, Limits};

use super::{
    ConnectionId, ManagementFault, Misbehaviour, Server,
    connection::{Session, State, in_stream},
};
use crate::ns;

/// The number of unacknowledged stanzas at which the server asks for an acknowledgement.
const ASKS: usize = 5;

/// The counters of a managed session.
#[derive(Debug)]
pub(super) struct Management {
    /// The SM-ID. The session can be resumed only if the client was told so.
    id: String,
    resumable: bool,
    /// Number of stanzas received since `<enable/>`.
    handled: u32,
    /// The greatest number that the client was told.
    said: u32,
    /// Number of stanzas sent since `<enabled/>` that the client has acknowledged.
    acknowledged: u32,
    /// The stanzas sent since, oldest first.
    sent: VecDeque<String>,
    /// Whether `<r/>` waits for its answer.
    asked: bool,
    /// Number of stanzas after which `<enabled/>` comes, if it has not come yet.
    late: Option<u32>,
}

impl Management {
    /// Notes an acknowledgement; false if the client counts more than was sent.
    fn acknowledge(&mut self, h: u32) -> bool {
        let newly = h.wrapping_sub(self.acknowledged) as usize;
        let possible = newly <= self.sent.len();
        if possible {
            self.sent.drain(..newly);
            self.acknowledged = h;
        }
        possible
    }
}

impl Server {
    /// An element of stream management, on a connection with a session.
    pub(super) fn handle_management(&mut self, id: ConnectionId, element: &Element) {
        match element.name() {
            "enable" => self.enable(id, element),
            "r" => self.acknowledge(id),
            "a" => self.acknowledged(id, element),
            _ => self.fail_management(id, "unexpected-request", None),
        }
    }

    /// Counts a stanza of the client.
    pub(super) fn count(&mut self, id: ConnectionId) {
        let Some(management) = self.management(id) else { return };
        management.handled = management.handled.wrapping_add(1);
        let handled = management.handled;
        if management.late.take_if(|late| *late <= handled).is_some() {
            self.say_enabled(id);
        }
    }

    /// Keeps a stanza for the client until the client acknowledges it, and sends it.
    pub(super) fn send_text(&mut self, id: ConnectionId, text: String) {
        self.statistics.stanzas_out += 1;
        let lost = self.is_lost(id);
        let mut asks = false;
        if let Some(management) = self.management(id).filter(|management| management.late.is_none()) {
            management.sent.push_back(text.clone());
            asks = !lost && management.sent.len() >= ASKS && !std::mem::replace(&mut management.asked, true);
        }
        self.say(id, text);
        if asks {
            self.say(id, Element::new("r", ns::SM).to_string());
        }
    }

    /// `<resume/>`, in the place of a bind request.
    pub(super) fn resume(&mut self, id: ConnectionId, user: &str, element: &Element) {
        let bare = format!("{user}@{}", self.config.domain);
        let previous = element.attr("previd").unwrap_or_default();
        let h = element.attr("h").and_then(|h| h.parse().ok());
        let is_meant = |session: &Session| {
            let id = |management: &Management| management.resumable && management.id == previous;
            session.jid.bare == bare && session.management.as_ref().is_some_and(id)
        };
        let former = self.sessions().find(|(_, session)| is_meant(session)).map(|(id, _)| id);
        let fault = self.management_fault(id);
        if let Some(ManagementFault::RefuseResume { condition, tells }) = fault {
            let handled = former.and_then(|former| self.management(former)).map(|former| former.handled);
            former.into_iter().for_each(|former| self.forget_session(former));
            return self.fail_management(id, condition, handled.filter(|_| tells));
        }
        let (Some(former), Some(h)) = (former, h) else {
            let handled = self.expired.remove(previous);
            return self.fail_management(id, "item-not-found", handled);
        };
        if !self.management(former).is_some_and(|management| management.acknowledge(h)) {
            return self.count_too_high(id);
        }
        let Some(State::Bound(session)) = self.enter(former, State::Deaf) else { return };
        if self.is_lost(former) {
            self.connections.remove(&former);
        } else {
            self.stream_error(former, "conflict");
        }
        self.enter(id, State::Bound(session));
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.deadline = None;
        }
        self.say_resumed(id, previous, fault);
    }

    /// Keeps the session of a connection that is lost, if the session can be resumed.
    pub(super) fn hibernate(&mut self, id: ConnectionId) -> bool {
        let resumable = self.management(id).is_some_and(|management| management.resumable);
        let Some(config) = self.config.management.as_ref().filter(|_| resumable) else { return false };
        let until = self.now + config.max;
        match self.connections.get_mut(&id) {
            Some(connection) if !connection.lost => {
                (connection.lost, connection.deadline) = (true, Some(until));
                true
            }
            _ => false,
        }
    }

    /// Ends a session that nobody has resumed. Its messages go where those for an absent account go.
    pub(super) fn forget_session(&mut self, id: ConnectionId) {
        let remembers = self.config.management.as_ref().is_some_and(|config| config.remembers);
        let forgotten = self.management(id).map(|management| (management.id.clone(), management.handled));
        self.expired.extend(forgotten.filter(|_| remembers));
        self.depart(id);
        if self.is_lost(id) {
            self.connections.remove(&id);
        }
    }

    /// Stores the messages that a session has not acknowledged when it ends.
    pub(super) fn save_unacknowledged(&mut self, session: &Session) {
        let unacknowledged = session.management.iter().flat_map(|management| &management.sent);
        for text in unacknowledged {
            if let Ok(stanza) = Element::parse(text, &Limits::default())
                && stanza.name() == "message"
                && matches!(stanza.attr("type"), None | Some("chat" | "normal"))
            {
                self.store_offline(&session.jid.bare, &stanza);
            }
        }
    }

    pub(super) fn is_lost(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.lost)
    }

    fn enable(&mut self, id: ConnectionId, element: &Element) {
        let fault = self.management_fault(id);
        let resumable = matches!(element.attr("resume"), Some("true" | "1"));
        let sm_id = self.random.token(12);
        let Some(session) = self.session_mut(id) else { return };
        if session.management.is_some() {
            return self.stream_error(id, "policy-violation");
        }
        if let Some(ManagementFault::RefuseEnable(condition)) = fault {
            return self.fail_management(id, condition, None);
        }
        session.management = Some(Management {
            id: sm_id,
            resumable: resumable && fault != Some(ManagementFault::NotResumable),
            handled: 0,
            said: 0,
            acknowledged: 0,
            sent: VecDeque::new(),
            asked: false,
            late: (fault == Some(ManagementFault::EnabledLate)).then_some(3),
        });
        if fault != Some(ManagementFault::EnabledLate) {
            self.say_enabled(id);
        }
    }

    fn say_enabled(&mut self, id: ConnectionId) {
        let fault = self.management_fault(id);
        let max = self.config.management.as_ref().map_or(0, |config| config.max.as_secs());
        let Some(management) = self.management(id) else { return };
        let mut enabled = Element::new("enabled", ns::SM);
        if management.resumable {
            enabled = enabled.with_attr("id", &management.id).with_attr("resume", "true");
            enabled = enabled.with_attr("max", &max.to_string());
        }
        let frame = enabled.to_string();
        let times = if fault == Some(ManagementFault::EnabledTwice) { 2 } else { 1 };
        (0..times).for_each(|_| self.say(id, frame.clone()));
        if let Some(ManagementFault::Requests(times)) = fault {
            (0..times).for_each(|_| self.say(id, Element::new("r", ns::SM).to_string()));
        }
    }

    fn say_resumed(&mut self, id: ConnectionId, previous: &str, fault: Option<ManagementFault>) {
        let Some(management) = self.management(id) else { return };
        let h = match fault {
            Some(ManagementFault::ResumesWithLess) => management.said.wrapping_sub(1),
            Some(ManagementFault::ResumesWithMore) => management.handled.wrapping_add(1000),
            _ => management.handled,
        };
        management.asked = false;
        let unacknowledged: Vec<String> = management.sent.iter().cloned().collect();
        let previous = match fault {
            Some(ManagementFault::ResumesAnother) => "of-somebody-else",
            _ => previous,
        };
        let resumed =
            Element::new("resumed", ns::SM).with_attr("previd", previous).with_attr("h", &h.to_string());
        self.say(id, resumed.to_string());
        for stanza in unacknowledged {
            self.say(id, stanza);
        }
        if fault == Some(ManagementFault::Chokes) {
            self.stream_error(id, "not-well-formed");
        }
    }

    /// Answers `<r/>`.
    fn acknowledge(&mut self, id: ConnectionId) {
        let fault = self.management_fault(id);
        let Some(management) = self.management(id) else {
            return self.fail_management(id, "unexpected-request", None);
        };
        let h = match fault {
            Some(ManagementFault::AcksNever) => return,
            Some(ManagementFault::AcksTooMuch) => management.handled.wrapping_add(1),
            Some(ManagementFault::AcksTooLittle) => management.handled.saturating_sub(1),
            _ => management.handled,
        };
        management.said = h;
        let ack = match fault {
            Some(ManagementFault::AcksWithoutCount) => Element::new("a", ns::SM),
            _ => Element::new("a", ns::SM).with_attr("h", &h.to_string()),
        };
        let times = if fault == Some(ManagementFault::AcksTwice) { 2 } else { 1 };
        (0..times).for_each(|_| self.say(id, ack.to_string()));
    }

    /// Handles `<a/>`.
    fn acknowledged(&mut self, id: ConnectionId, element: &Element) {
        let h = element.attr("h").and_then(|h| h.parse().ok());
        let Some(management) = self.management(id) else {
            return self.fail_management(id, "unexpected-request", None);
        };
        management.asked = false;
        match h {
            Some(h) if management.acknowledge(h) => {}
            _ => self.count_too_high(id),
        }
    }

    fn count_too_high(&mut self, id: ConnectionId) {
        let conditions = [
            Element::new("undefined-condition", ns::STREAM_ERRORS),
            Element::new("handled-count-too-high", ns::SM),
        ];
        self.say(id, in_stream("error", &conditions));
        self.close(id, Element::new("close", ns::FRAMING));
    }

    fn fail_management(&mut self, id: ConnectionId, condition: &str, h: Option<u32>) {
        let mut failed = Element::new("failed", ns::SM);
        if let Some(h) = h {
            failed = failed.with_attr("h", &h.to_string());
        }
        self.say(id, failed.with_child(Element::new(condition, ns::STANZA_ERRORS)).to_string());
    }

    fn management(&mut self, id: ConnectionId) -> Option<&mut Management> {
        self.session_mut(id)?.management.as_mut()
    }

    fn management_fault(&self, id: ConnectionId) -> Option<ManagementFault> {
        match self.misbehaviour(id) {
            Some(Misbehaviour::Management(fault)) => Some(*fault),
            _ => None,
        }
    }
}
