//! What the hub tells a page.

use epode_protocol::{
    Delivery, Fate, FromWorker, LogLevel, Origin, Position, Refusal, Role, SessionInfo, Slice, Status,
    StatusCode, Text, ToWorker,
};

use super::{Page, Stage};
use crate::Output;
use crate::lineage::push_within;
use crate::login::is_of;
use crate::room::Room;
use crate::scenery;
use crate::words::Word;

/// The most requests from outside that a page may leave unanswered before the oldest counts as answered.
const ASKED: usize = 256;

const FORGOTTEN: &str = "this page did not answer for long, and was forgotten: reload it";
const ELSEWHERE: &str = "pages of Epode have this session, in their own worker, where no page of strophe.js \
    can go: close those, or let this page load Epode";
const ENDED: &str = "the session was ended, in this page or in another";

impl Page {
    /// The hub says this.
    pub(crate) fn told<T: Text + Slice>(&mut self, message: &FromWorker<T>, room: &mut Room<T>) {
        let (mut stanzas, mut end) = (0, None);
        match message {
            // The hub says these beside the window.
            FromWorker::Welcome { boot, .. } => return room.boot.clone_from(boot),
            // The page may ask again, once the session is free.
            FromWorker::Refused(Refusal::Elsewhere { .. }) => {
                self.log(LogLevel::Fatal, ELSEWHERE, room);
                return self.fail(ELSEWHERE, room);
            }
            FromWorker::Refused(refusal) => {
                if let Refusal::Engine { .. } = refusal {
                    self.deaf = Some(FORGOTTEN);
                    room.left(self.port, true);
                }
                return self.fail(refused(refusal), room);
            }
            FromWorker::Ping => return self.ask(room),
            FromWorker::Pong => return,
            FromWorker::Stanza(position, _) => (stanzas, end) = (1, Some(*position)),
            FromWorker::Deliver(batch) => (stanzas, end) = (batch.len(), Some(batch.end())),
            _ => {}
        }
        match message {
            FromWorker::Joining => self.unjoined = self.unjoined.saturating_sub(1),
            FromWorker::Log { level, text } => self.log(*level, text, room),
            // About the session that the page has left.
            _ if self.unjoined > 0 => {}
            FromWorker::Stanza(position, text) => self.show(*position, Origin::Received, text.clone(), room),
            FromWorker::Deliver(batch) => {
                for Delivery(position, origin, text) in batch.clone().into_deliveries() {
                    self.show(position, origin, text, room);
                }
            }
            FromWorker::Claimed { claims } => {
                for Delivery(position, origin, text) in claims.iter().flat_map(|claim| &claim.stanzas) {
                    end = end.max((*origin == Origin::Received).then_some(*position));
                    self.show(*position, *origin, text.clone(), room);
                }
            }
            FromWorker::Frame { text } => {
                if let Stage::LoggingIn(login) = &mut self.stage {
                    login.told(self.port, text.clone(), room);
                }
            }
            FromWorker::Status(status) => self.status(status, room),
            FromWorker::Role(role) => match &self.stage {
                Stage::In(_) => self.tell_role(*role, room),
                _ => self.role = *role,
            },
            FromWorker::Failed { fault, .. } | FromWorker::Fate { fate: Fate::Failed(fault), .. } => {
                let text = format!("a stanza has failed: {} ({})", fault.text, fault.condition);
                self.log(LogLevel::Error, &text, room);
            }
            FromWorker::Gap { count, reason, .. } => {
                let text = format!("{count} stanzas are missing: {reason}");
                self.log(LogLevel::Warn, &text, room);
            }
            _ => {}
        }
        let end = end.filter(|_| self.leaves_at.is_none());
        self.window.count(room.now, stanzas, end);
        self.ask_if_due(room);
    }

    fn show<T: Text>(&mut self, position: Position, origin: Origin, text: T, room: &mut Room<T>) {
        if !matches!(self.stage, Stage::In(_)) {
            return;
        }
        // The page has closed its socket, and hears nothing of what comes.
        if self.leaves_at.is_some() {
            return room.say(self.port, ToWorker::Unhandled { position });
        }
        if origin == Origin::Sent {
            return self.tell(room, Word::Sent(text));
        }
        if let Some(id) = scenery::request_in(&text) {
            push_within(ASKED, &mut self.asked, (position, id));
        }
        self.tell(room, Word::Message(text));
    }

    fn status<T: Text>(&mut self, status: &Status, room: &mut Room<T>) {
        match status.code {
            StatusCode::Connected | StatusCode::Attached => {
                if let Some(session) = &status.session {
                    self.up(session.clone(), room);
                }
            }
            StatusCode::BindRequired => {
                if let (Stage::LoggingIn(login), Some(features)) = (&mut self.stage, &status.features) {
                    login.unbound(self.port, features.clone(), room);
                }
            }
            StatusCode::AttachFail => self.not_attached(in_words(status), room),
            StatusCode::Disconnected => {
                let reason = self.reason.take().or_else(|| status.text.clone());
                self.fail(reason.as_deref().unwrap_or(ENDED), room);
            }
            StatusCode::Reconnecting => {
                if let Some(text) = &status.text {
                    self.log(LogLevel::Warn, text, room);
                }
            }
            StatusCode::AuthFail => {
                if let Stage::LoggingIn(login) = &mut self.stage {
                    let condition = status.condition.as_deref().unwrap_or("not-allowed");
                    login.not_bound(self.port, condition, room);
                }
                self.reason = Some(in_words(status));
            }
            StatusCode::ConnFail | StatusCode::ConnTimeout | StatusCode::Error | StatusCode::Redirect => {
                let is_unreached = status.code == StatusCode::ConnFail && status.condition.is_none();
                let mut reason = in_words(status);
                if is_unreached && status.close_code.is_some_and(|code| code > 0) {
                    // What an app may have mistyped.
                    reason += &format!("; the service is {}", without_secrets(&self.place.service));
                }
                self.reason = Some(reason);
            }
            // Another page ends the session for all.
            StatusCode::Disconnecting => self.keep_out(room),
            StatusCode::Connecting | StatusCode::Authenticating => {}
        }
    }

    /// The session is up, again or for the first time.
    fn up<T: Text>(&mut self, session: SessionInfo, room: &mut Room<T>) {
        match &mut self.stage {
            Stage::Attaching { .. } => {
                let jid = session.jid.clone();
                let role = self.role;
                self.tell(room, Word::Role(role, jid.clone()));
                // `hasResumed()` of strophe.js speaks of the former session until somebody says so. A page
                // that connects forgets that by itself.
                if role == Role::Secondary && session.managed && self.was_in_another(&session) {
                    self.tell(room, Word::SmFailed);
                }
                self.tell_managed(&session, room);
                self.enter(session, room);
                self.tell(room, Word::Attached(Some(jid)));
            }
            Stage::LoggingIn(login) => {
                login.up(self.port, session, room);
                self.rest_until_bound(room);
                self.enter_if_done(room);
            }
            Stage::In(known) if session.resumed && known.bound == session.bound => {
                **known = session.clone();
                self.claim(&session, session.position, room);
            }
            // The session is another for the server: the page logs in again, and joins at once.
            Stage::In(_) => {
                self.window.begin(session.bound.saturating_sub(1));
                self.close("", room);
                // A page of version 0 comes back to this port.
                match self.is_old {
                    true => self.leave_session(room),
                    false => self.leave(room),
                }
            }
            Stage::Out | Stage::Left => {}
        }
    }

    /// Whether the page was in a session that this one follows.
    fn was_in_another(&self, session: &SessionInfo) -> bool {
        !self.is_new && !self.missed.is_empty() && !self.missed.iter().any(|at| is_of(*at, session))
    }

    fn not_attached<T: Text>(&mut self, reason: String, room: &mut Room<T>) {
        // A page whose login was a proof has joined the session as one that attaches.
        let Stage::Attaching { service, held } = &mut self.stage else { return self.fail(&reason, room) };
        if room.logging_in.contains(service) {
            *held = true;
            return;
        }
        self.stay_out(&reason, room);
    }

    pub(super) fn stay_out<T: Text>(&mut self, reason: &str, room: &mut Room<T>) {
        self.not_in(LogLevel::Info, reason, room);
        self.seeks = true;
        room.outputs.push_back(Output::Seek(self.place.service.clone()));
    }

    /// Pages of Epode have what was sought under this name.
    pub(crate) fn denied<T: Text>(&mut self, name: &str, room: &mut Room<T>) {
        if self.seeks && self.place.service == name {
            self.seeks = false;
            self.log(LogLevel::Warn, ELSEWHERE, room);
        }
    }
}

fn in_words(status: &Status) -> String {
    status.text.clone().or_else(|| status.condition.clone()).unwrap_or_else(|| format!("{:?}", status.code))
}

/// An address without a name, a password, a query or a fragment.
fn without_secrets(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let mut parts: Vec<&str> = address.split('/').collect();
    if let Some(host) = parts.get_mut(2) {
        *host = host.rsplit('@').next().unwrap_or_default();
    }
    parts.join("/")
}

fn refused(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Engine { detail } | Refusal::Malformed { detail } => detail,
        Refusal::Elsewhere { .. } => ELSEWHERE,
        Refusal::Version { .. } => "the parts of this worker are of different versions",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_without_what_may_be_secret() {
        for (address, named) in [
            ("wss://chat.example:5281/ws", "wss://chat.example:5281/ws"),
            ("wss://name:secret@chat.example/ws?token=x#y", "wss://chat.example/ws"),
            ("wss://chat.example?token=/x@y", "wss://chat.example"),
            ("wss://chat.example/@x", "wss://chat.example/@x"),
            ("/ws?x", "/ws"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(address), named);
        }
    }
}
