//! How a tab leaves a session, for another, for good or for a reload; and how it ends it for all.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{FromWorker, LogLevel, Outgoing, StatusCode, Text, ToWorker, Token};
use epode_session::stream;

use crate::common::Common;
use crate::inbound::in_order;
use crate::mailbox::Mailbox;
use crate::member::Parked;
use crate::shared_session::SharedSession;
use crate::status::status;
use crate::tab_state::{PendingSend, Stage};
use crate::timer::Timer;
use crate::{Hub, Output, PortId};

/// What a tab that leaves a session still wanted of it.
struct Unfinished<T> {
    asked: Vec<Token>,
    pending: VecDeque<PendingSend<T>>,
}

/// How long a page may take from its goodbye to its end: its app may do much in between, and speak then.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

impl<T: Text> Hub<T> {
    /// The tab is given up.
    pub(crate) fn port_closed(&mut self, port: PortId) {
        if self.depart(port) {
            self.common.outputs.push_back(Output::ClosePort(port));
        }
    }

    /// The tab says goodbye, or its lock is free: its page is being unloaded, and its app may not have said
    /// its last, or what it said is overtaken by the news of its death (Firefox). A session that is shared is
    /// there to hear it.
    pub(crate) fn port_left(&mut self, port: PortId) {
        let shared = self.common.session_of(port).filter(|_| self.common.config.shared);
        let Some(session) = shared else { return self.port_closed(port) };
        self.depart(port);
        self.left.insert(port, session);
        self.common.timers.set(Timer::LastWords(port), Some(self.common.now + LAST_WORDS));
    }

    /// A tab that has left says more. It hears of nothing any more: a word to a page in the back/forward
    /// cache would evict it.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn last_words(&mut self, port: PortId, message: ToWorker<T>) {
        let Some(id) = self.left.get(&port) else { return };
        if let Some(shared) = self.sessions.get_mut(id) {
            shared.last_words(port, message, &mut self.common);
        }
    }

    /// The page is gone, whose tab has left.
    pub(crate) fn silence(&mut self, port: PortId) {
        self.left.remove(&port);
        self.common.outputs.push_back(Output::ClosePort(port));
    }

    /// The tab is in the books no more; whether it was. It may be reloading.
    fn depart(&mut self, port: PortId) -> bool {
        let Some(tab) = self.common.tabs.get_mut(&port) else { return false };
        let mailbox = std::mem::replace(&mut tab.mailbox, Mailbox::new());
        let stage = tab.stage.clone();
        let unsent = self.leave(port, Some(mailbox)).map_or(0, |unfinished| unfinished.pending.len());
        if let (Stage::In(id), 1..) = (stage, unsent) {
            let text = format!("port {} left, and {unsent} stanzas that waited were not sent", port.0);
            let ports = self.sessions.get(&id).map(SharedSession::ports).unwrap_or_default();
            self.common.log_to(&ports, LogLevel::Warn, text);
        }
        self.common.tabs.remove(&port);
        self.common.timers.set(Timer::Heartbeat(port), None);
        true
    }

    /// The tab wants another session: what it wanted of the former one, and still waits for, ends here.
    pub(crate) fn start_over(&mut self, port: PortId) {
        let Some(Unfinished { asked, pending }) = self.leave(port, None) else { return };
        for token in asked {
            self.common.disconnected(port, token);
        }
        for pending in pending {
            self.common.turn_down(port, pending);
        }
        self.common.post(port, FromWorker::Joining);
    }

    /// The tab is in no session any more. It is told nothing: a word to a page in the back/forward cache
    /// would evict it. `mailbox` is what it leaves unheard, if it may come back for it.
    fn leave(&mut self, port: PortId, mailbox: Option<Mailbox<T>>) -> Option<Unfinished<T>> {
        let tab = self.common.tabs.get_mut(&port)?;
        let stage = std::mem::replace(&mut tab.stage, Stage::Greeted);
        let pending = std::mem::take(&mut tab.pending);
        let mut asked = Vec::new();
        match stage {
            Stage::New => tab.stage = Stage::New,
            Stage::Greeted => {}
            Stage::Waiting => self.withdraw(port),
            Stage::Restoring(..) => self.common.timers.set(Timer::Restore(port), None),
            Stage::In(id) => self.with(id, |shared, common| asked = shared.leave(port, mailbox, common)),
        }
        for pending in &pending {
            if let PendingSend::Request { token, .. } = pending {
                self.common.timers.set(Timer::Answer(port, *token), None);
            }
        }
        for token in &asked {
            self.common.timers.set(Timer::Answer(port, *token), None);
        }
        Some(Unfinished { asked, pending })
    }

    fn withdraw(&mut self, port: PortId) {
        self.contenders.withdraw(port);
        let trial = self.trials.iter_mut().find(|(_, trial)| trial.port == Some(port));
        if let Some((id, trial)) = trial.map(|(id, trial)| (*id, trial)) {
            // It runs to its end: else an app that gives up early, and comes again, would put one proof to the
            // server each time.
            trial.port = None;
            trial.connection.speaker_gone(port, &self.common);
            self.proceed_trial(id);
        }
    }

    /// A tab ends the session, for all.
    pub(crate) fn disconnect(&mut self, port: PortId, reason: Option<String>, patience: Duration) {
        let Some(tab) = self.common.tabs.get(&port) else { return };
        match tab.stage.clone() {
            Stage::In(id) => {
                // The reason is the app's: it may quote a stanza.
                let why = reason.map(|reason| format!(", for a reason of {} bytes", reason.len()));
                let text = format!("port {} ends the session{}", port.0, why.unwrap_or_default());
                self.common.log(LogLevel::Info, text);
                self.with(id, |shared, common| shared.close(patience, common));
            }
            Stage::Waiting => {
                self.withdraw(port);
                self.common.detach(port, vec![status(StatusCode::Disconnected)]);
            }
            Stage::New | Stage::Greeted | Stage::Restoring(..) => {
                self.common.timers.set(Timer::Restore(port), None);
                self.common.detach(port, vec![status(StatusCode::Disconnected)]);
            }
        }
    }
}

impl<T: Text> SharedSession<T> {
    /// The requests that the tab waited for.
    #[inline(never)] // Out of the way of a cold start.
    fn leave(&mut self, port: PortId, mailbox: Option<Mailbox<T>>, common: &mut Common<T>) -> Vec<Token> {
        let id = self.id();
        let at = self.members.iter().position(|member| member.port == port);
        debug_assert!(at.is_some(), "a tab whose stage says that it is in is a member");
        let Some(member) = at.map(|at| self.members.remove(at)) else { return Vec::new() };
        // Also while nobody is elected: who comes back is told its role anew.
        self.primary.take_if(|primary| *primary == port);
        let for_good = mailbox.is_some();
        let grace = if common.config.shared { self.connection.options.reload_grace } else { 0 };
        let grace = Duration::from_millis(grace.into());
        if let Some(parked) = member.parked {
            // It left before it was admitted: what waited for it waits for the next page of its name.
            self.parked.push(Parked { until: common.now + grace, ..parked });
        } else if let (Some(mailbox), Some(tab), false) = (mailbox, common.tabs.get(&port), grace.is_zero()) {
            self.parked.retain(|parked| parked.tab != tab.tab && parked.until > common.now);
            let kept = in_order(member.backlog.iter().chain(mailbox.unacknowledged()));
            let mut parked = Parked {
                tab: tab.tab.clone(),
                start: member.start,
                claims: member.claims.into_iter().map(|(_, claim)| claim).collect(),
                bytes: kept.iter().map(|inbound| inbound.size).sum(),
                kept: kept.into(),
                gap: mailbox.given_up(),
                until: common.now + grace,
            };
            // What was in flight counts as well: a page that reloads before it handles anything must not
            // gather more each time.
            parked.trim(&self.connection.options);
            self.parked.push(parked);
        }
        if self.farewell.as_ref().is_some_and(|(sender, _)| *sender == port) && !self.members.is_empty() {
            // It was its farewell: the account stays online for the others.
            self.farewell = None;
            common.timers.set(Timer::Farewell(id), None);
        }
        let asked = self.outgoing.forget_all(port);
        let orphaned = self.incoming.of(port);
        let empty = self.members.is_empty();
        self.elect(common);
        for position in orphaned {
            self.unhandled(position, port, common);
        }
        if empty && !common.config.shared {
            self.close(stream::CLOSE, common);
            if for_good {
                // The page may be gone before another event.
                self.feed(stream::Input::Closed { code: 0, reason: "" }, common);
            }
        } else if empty {
            common.timers.set(Timer::Grace(id), Some(common.now + common.config.grace.max(grace)));
        } else {
            self.report_csi(common);
        }
        self.connection.speaker_gone(port, common);
        asked
    }

    /// A tab that has left says more.
    fn last_words(&mut self, port: PortId, message: ToWorker<T>, common: &mut Common<T>) {
        let said = match message {
            ToWorker::Send { stanzas } => stanzas
                .into_iter()
                .map(|Outgoing { token, text }| PendingSend::Send { token, text })
                .collect(),
            ToWorker::Request { token, text, .. } => vec![PendingSend::Request { token, text }],
            ToWorker::Disconnect { .. } => {
                let text = format!(
                    "port {} asked to end the session while its page was unloaded: it left, the session goes on",
                    port.0
                );
                return self.log(LogLevel::Info, text, common);
            }
            _ => return,
        };
        for pending in said {
            if let Err(refused) = self.submit(port, &pending, common) {
                let condition = refused.fault().condition;
                let text = format!("what port {} sent when it had left was not sent: {condition}", port.0);
                self.log(LogLevel::Warn, text, common);
            }
            // Nobody will hear the answer, nor a receipt.
            self.outgoing.forget_all(port);
        }
    }
}
