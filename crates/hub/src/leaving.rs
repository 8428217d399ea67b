//! How a tab leaves a session: for another one, for good or for a reload; and how it ends the
//! session for all.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{FromWorker, LogLevel, Outcome, Outgoing, StatusCode, Text, ToWorker, Token};
use epode_session::stream;

use crate::common::Common;
use crate::inbound::in_order;
use crate::key::Key;
use crate::mailbox::{Gap, Mailbox};
use crate::member::Parked;
use crate::outbound::Refused;
use crate::shared_session::SharedSession;
use crate::status::status;
use crate::tab_state::{PendingSend, Stage};
use crate::timer::Timer;
use crate::{Hub, Output, PortId};

/// What a tab that leaves a session has not finished there.
struct Unfinished<T> {
    asked: Vec<Token>,
    /// The sends that waited in the session.
    unsent: Vec<Token>,
    pending: VecDeque<PendingSend<T>>,
}

/// How long a page may take from its `Leave` to its end. Its app may do much meanwhile, and send.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(5);

impl<T: Text> Hub<T> {
    /// Gives up a tab, and closes its port.
    pub(crate) fn port_closed(&mut self, port: PortId) {
        if self.depart(port) {
            self.common.outputs.push_back(Output::ClosePort(port));
        }
    }

    /// A tab says `Leave`, or its Web Lock is free. Its page is being unloaded, and its app may
    /// still send; in Firefox the news of the lock overtakes what was posted before. The port stays
    /// open for that, if a shared session is there to take it.
    pub(crate) fn port_left(&mut self, port: PortId) {
        let shared = self.common.session_of(port).filter(|_| self.common.config.shared);
        let Some(session) = shared else { return self.port_closed(port) };
        self.depart(port);
        self.left.insert(port, session);
        self.common.timers.set(Timer::LastWords(port), Some(self.common.now + LAST_WORDS));
    }

    /// A tab that has left posts more. The worker posts nothing to it any more: a post would evict
    /// a page from the back/forward cache.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn last_words(&mut self, port: PortId, message: ToWorker<T>) {
        let Some(id) = self.left.get(&port) else { return };
        match self.sessions.get_mut(id) {
            Some(shared) => shared.last_words(port, message, &mut self.common),
            // The session has ended since.
            None if matches!(message, ToWorker::Send { .. } | ToWorker::Request { .. }) => {
                self.common.log(LogLevel::Warn, not_sent(port, &Refused::NotConnected));
            }
            None => {}
        }
    }

    /// The page of a tab that has left is gone.
    pub(crate) fn silence(&mut self, port: PortId) {
        self.left.remove(&port);
        self.common.outputs.push_back(Output::ClosePort(port));
    }

    /// Removes a tab, which may be reloading. Returns whether it was there.
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
        self.gone_from_former(port);
        self.common.tabs.remove(&port);
        self.common.timers.set(Timer::Heartbeat(port), None);
        true
    }

    /// A tab turns to another session: what it has not finished in the former one ends here.
    pub(crate) fn start_over(&mut self, port: PortId) {
        let Some(Unfinished { asked, unsent, pending }) = self.leave(port, None) else { return };
        for token in asked {
            self.common.unanswered(port, token, Outcome::Disconnected);
        }
        for token in unsent {
            self.common.post(port, FromWorker::Failed { token, fault: Refused::NotConnected.fault() });
        }
        for pending in pending {
            self.common.turn_down(port, pending);
        }
        self.common.post(port, FromWorker::Joining);
    }

    /// Takes a tab out of its session. Nothing is posted to the tab: a post would evict a page from
    /// the back/forward cache. `mailbox` has what the tab did not hear, if its next page may come
    /// for that.
    fn leave(&mut self, port: PortId, mailbox: Option<Mailbox<T>>) -> Option<Unfinished<T>> {
        let tab = self.common.tabs.get_mut(&port)?;
        let stage = std::mem::replace(&mut tab.stage, Stage::Greeted);
        let pending = std::mem::take(&mut tab.pending);
        let (mut asked, mut unsent) = (Vec::new(), Vec::new());
        match stage {
            Stage::New => tab.stage = Stage::New,
            Stage::Greeted => {}
            Stage::Waiting => self.withdraw(port),
            Stage::Restoring(..) => self.common.timers.set(Timer::Restore(port), None),
            Stage::In(id) => self.with(id, |shared, common| {
                (asked, unsent) = shared.leave(port, mailbox, common);
            }),
        }
        for pending in &pending {
            if let PendingSend::Request { token, .. } = pending {
                self.common.timers.set(Timer::Answer(port, *token), None);
            }
        }
        for token in &asked {
            self.common.timers.set(Timer::Answer(port, *token), None);
        }
        Some(Unfinished { asked, unsent, pending })
    }

    fn withdraw(&mut self, port: PortId) {
        self.contenders.withdraw(port);
        let trial = self.trials.iter_mut().find(|(_, trial)| trial.port == Some(port));
        if let Some((id, trial)) = trial.map(|(id, trial)| (*id, trial)) {
            let close = stream::Input::Close(stream::CLOSE).into();
            // A page's own login ends with the page. Any other trial runs to its end: otherwise an app that
            // gives up early, and tries again, would put one proof to the server each time.
            trial.port = None;
            match trial.connection.relays {
                true => trial.connection.session.handle_input(self.common.now, close),
                false => trial.connection.speaker_gone(port, &self.common),
            }
            self.proceed_trial(id);
        }
    }

    /// A tab ends the session for all.
    pub(crate) fn disconnect(&mut self, port: PortId, reason: Option<String>, patience: Duration) {
        let Some(tab) = self.common.tabs.get(&port) else { return };
        match tab.stage.clone() {
            Stage::In(id) => {
                // The reason is the app's, and may quote a stanza.
                let why = reason.map(|reason| format!(", for a reason of {} bytes", reason.len()));
                let text = format!("port {} ends the session{}", port.0, why.unwrap_or_default());
                self.common.log(LogLevel::Info, text);
                let key = self.sessions.get(&id).map(|shared| shared.key().clone());
                key.into_iter().for_each(|key| self.tell_absent(port, &key));
                self.with(id, |shared, common| shared.close(patience, common));
            }
            Stage::Waiting => {
                // The session may be one that was lost, and that the app was about to go on with.
                self.end_dormant(port);
                self.withdraw(port);
                self.common.detach(port, vec![status(StatusCode::Disconnected)]);
            }
            Stage::New | Stage::Greeted | Stage::Restoring(..) => {
                // The app has heard the end of a session that might have gone on.
                self.end_dormant(port);
                self.common.timers.set(Timer::Restore(port), None);
                self.common.detach(port, vec![status(StatusCode::Disconnected)]);
            }
        }
    }
}

impl<T: Text> Hub<T> {
    /// A tab ends the session of this key. Its members hear so; this tells those that were in it, and have
    /// lost it: their apps, which connect again by themselves, must not undo that.
    fn tell_absent(&mut self, by: PortId, key: &Key) {
        for port in self.common.take_been_in(key) {
            let stage = self.common.tabs.get(&port).map(|tab| tab.stage.clone());
            let mut statuses = vec![status(StatusCode::Disconnecting)];
            match stage {
                Some(Stage::Greeted) if port != by => {}
                Some(Stage::Waiting) if self.waits_for(port, key) => {
                    self.withdraw(port);
                    statuses.push(status(StatusCode::Disconnected));
                }
                _ => continue,
            }
            self.common.detach(port, statuses);
        }
    }

    /// The same of sessions that were lost, and that no tab has brought back yet.
    fn end_dormant(&mut self, by: PortId) {
        for key in self.common.forget_dormant_of(by) {
            self.tell_absent(by, &key);
        }
    }

    /// Whether the credentials of this tab are for the session of this key.
    fn waits_for(&self, port: PortId, key: &Key) -> bool {
        self.contenders.has(port, key)
            || self.trials.values().any(|trial| trial.port == Some(port) && trial.connection.key == *key)
    }
}

impl<T: Text> SharedSession<T> {
    /// Takes a tab out, and returns the requests that it waits for, and those of its sends that will not
    /// be sent.
    #[inline(never)] // Out of the way of a cold start.
    fn leave(
        &mut self,
        port: PortId,
        mailbox: Option<Mailbox<T>>,
        common: &mut Common<T>,
    ) -> (Vec<Token>, Vec<Token>) {
        let id = self.id();
        let mut parked = self.take_back(port);
        let at = self.members.iter().position(|member| member.port == port);
        debug_assert!(at.is_some(), "a tab whose stage says that it is in is a member");
        let Some(member) = at.map(|at| self.members.remove(at)) else { return Default::default() };
        // The primary leaves even if nobody is elected now: a tab that comes back is told its role
        // anew.
        self.primary.take_if(|primary| *primary == port);
        let for_good = mailbox.is_some();
        let grace = if common.config.shared { self.connection.options.reload_grace } else { 0 };
        let grace = Duration::from_millis(grace.into());
        if let Some(parked) = parked.take_if(|parked| !parked.resumes) {
            // The tab has heard nothing yet: what is kept for it waits for its return.
            self.parked.push(Parked { until: common.now + grace, ..parked });
        } else if let (Some(mailbox), Some(tab), false) = (mailbox, common.tabs.get(&port), grace.is_zero()) {
            self.parked.retain(|parked| parked.tab != tab.tab && parked.until > common.now);
            // The page may not have read what it was posted before its stream was lost.
            let (claims, since, gap) = match parked {
                Some(parked) => (parked.claims, parked.kept, parked.gap),
                None => (member.claims.into_iter().map(|(_, claim)| claim).collect(), VecDeque::new(), None),
            };
            let kept = in_order(member.backlog.iter().chain(mailbox.unacknowledged()).chain(&since));
            let gaps = member.given_up.into_iter().chain(mailbox.given_up()).chain(gap);
            let mut parked = Parked {
                tab: tab.tab.clone(),
                start: member.start,
                claims,
                bytes: kept.iter().map(|inbound| inbound.size).sum(),
                kept: kept.into(),
                gap: gaps.reduce(Gap::and),
                until: common.now + grace,
                resumes: false,
            };
            // Stanzas in flight count too: a page that reloads before it handles anything must not
            // gather more each time.
            parked.trim(&self.connection.options);
            self.parked.push(parked);
        }
        if self.farewell.as_ref().is_some_and(|(sender, _)| *sender == port) && !self.members.is_empty() {
            // The `unavailable` was this tab's farewell: the account stays online for the others.
            self.farewell = None;
            common.timers.set(Timer::Farewell(id), None);
        }
        let asked = self.outgoing.forget_all(port);
        let unsent = match for_good {
            true => {
                self.stanzas.forget(port);
                Vec::new()
            }
            false => {
                if let Some(tab) = common.tabs.get_mut(&port)
                    && !self.stanzas.written_by(port).is_empty()
                {
                    // It may turn to this session again, and hears then what became of them.
                    tab.former = Some(self.connection.key.clone());
                }
                self.stanzas.withdraw(port)
            }
        };
        self.post_receipts(common);
        self.withdraw_requests();
        let orphaned = self.incoming.of(port);
        let empty = self.members.is_empty();
        self.is_kept = empty && for_good && member.keepalive;
        self.elect(common);
        for position in orphaned {
            self.unhandled(position, port, common);
        }
        if empty && !common.config.shared {
            self.retire(common);
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
        (asked, unsent)
    }

    /// Takes in a message of a tab that has left.
    fn last_words(&mut self, port: PortId, message: ToWorker<T>, common: &mut Common<T>) {
        let said = match message {
            ToWorker::Send { stanzas } => stanzas
                .into_iter()
                .map(|Outgoing { token, text }| PendingSend::Send { token, text })
                .collect(),
            ToWorker::Request { token, text, .. } => vec![PendingSend::Request { token, text }],
            ToWorker::Disconnect { .. } => {
                let text = format!(
                    "port {} asked to end the session while its page was unloaded: \
                     it left, the session goes on",
                    port.0
                );
                return self.log(LogLevel::Info, text, common);
            }
            _ => return,
        };
        for pending in said {
            if let Err(refused) = self.submit(port, &pending, common) {
                self.log(LogLevel::Warn, not_sent(port, &refused), common);
            }
            // No tab will hear the answer, or a receipt.
            self.outgoing.forget_all(port);
        }
    }
}

fn not_sent(port: PortId, refused: &Refused) -> String {
    format!("what port {} sent when it had left was not sent: {}", port.0, refused.fault().condition)
}
