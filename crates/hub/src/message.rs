//! The messages of a tab, of which `Hello` is the first.

use std::time::Duration;

use epode_protocol::{
    FromWorker, Hello, LogLevel, Outcome, Outgoing, Refusal, Text, ToWorker, Token, VERSION,
};
use epode_session::stream::sasl::Secret;
use epode_session::stream::{self, Answer};

use crate::tab_state::{PendingSend, QUIET, Stage, TabState};
use crate::timer::Timer;
use crate::{Hub, Output, PortId};

impl<T: Text> Hub<T> {
    pub(crate) fn message(&mut self, port: PortId, message: ToWorker<T>, time: f64) {
        let Some(tab) = self.common.tabs.get_mut(&port) else { return self.last_words(port, message) };
        let is_new = tab.stage == Stage::New;
        if self.common.tell_time(time) {
            self.woke();
        }
        let Some(tab) = self.common.tabs.get_mut(&port) else { return };
        tab.heard = self.common.now;
        if std::mem::take(&mut tab.asked) {
            self.common.timers.set(Timer::Heartbeat(port), Some(self.common.now + QUIET));
        }
        let woke = !std::mem::replace(&mut tab.awake, true);
        match message {
            ToWorker::Hello(hello) => self.hello(port, hello),
            ToWorker::StepAside => {
                let refused = tab.refused;
                self.step_aside(refused);
            }
            // The tab was told already that it is refused.
            _ if tab.refused => return,
            // Also without a Hello: a page opens such a port only to start the worker.
            ToWorker::Leave => self.port_left(port),
            _ if is_new => self.malformed(port, "the first word must be Hello".to_owned()),
            ToWorker::Connect { service, jid, credentials, options, bosh } => {
                self.connect_asked(port, &service, &jid, credentials, options, bosh.map(|bosh| *bosh));
            }
            ToWorker::Attach { service, jid, explicit_binding } => {
                self.attach(port, &service, jid.as_deref(), explicit_binding);
            }
            ToWorker::AttachBosh(attach) => self.attach_bosh(port, *attach),
            ToWorker::HttpOptions(http) => {
                if let Stage::In(id) = tab.stage {
                    self.with(id, |shared, common| shared.assign(http, common));
                }
            }
            ToWorker::Keepalive { on } => {
                if let Some((shared, common)) = self.shared_by(port) {
                    shared.keep_numbers(port, on, common);
                }
            }
            ToWorker::Restore { service, jid } => self.restore(port, service, &jid),
            ToWorker::Negotiate { service, jid, options } => {
                self.negotiate(port, &service, &jid, options);
            }
            ToWorker::Frame { text } => self.relay(port, text),
            ToWorker::Bind { resource } => {
                let resource = resource.filter(|_| !self.common.config.detour);
                if let Stage::In(id) = tab.stage {
                    self.with(id, |shared, common| shared.bind(resource, common));
                }
            }
            ToWorker::SaslResponse { exchange, response } => {
                let said = response.map(|response| Secret::new(response.into_inner()));
                self.answered(port, exchange, Answer::Say(said));
            }
            ToWorker::SaslAbort { exchange } => self.answered(port, exchange, Answer::Failed),
            ToWorker::Claim { claims, from, made, generation } => {
                let ago = (made > 0.0).then_some(time - made);
                if let Some((shared, common)) = self.shared_by(port) {
                    match shared.generation() == Some(generation) {
                        true => shared.claim(port, claims, from, ago, common),
                        false => shared.claim_too_late(port, claims, from, ago, generation, common),
                    }
                }
            }
            ToWorker::Release { claims } => {
                if let Some((shared, _)) = self.shared_by(port) {
                    shared.release_claims(port, &claims);
                }
            }
            ToWorker::Ack { posts } => {
                self.common.put(port, |mailbox| mailbox.acknowledge(posts));
                if let Some((shared, common)) = self.shared_by(port) {
                    shared.tell_gap(common);
                }
            }
            ToWorker::Send { stanzas } => {
                let send = |Outgoing { token, text }| PendingSend::Send { token, text };
                self.take(port, &mut stanzas.into_iter().map(send));
            }
            ToWorker::Request { token, text, timeout } => {
                let at = timeout.map(|timeout| self.common.now + Duration::from_millis(timeout.into()));
                self.common.timers.set(Timer::Answer(port, token), at);
                self.take(port, &mut std::iter::once(PendingSend::Request { token, text }));
            }
            ToWorker::Unhandled { position } => {
                if let Some((shared, common)) = self.shared_by(port) {
                    shared.unhandled(position, port, common);
                }
            }
            ToWorker::Visibility { visible } => {
                tab.visible = visible;
                self.fitness_changed(port);
                if let Some((shared, common)) = self.shared_by(port).filter(|_| visible) {
                    shared.doubt(common);
                }
            }
            ToWorker::Freeze => {
                tab.awake = false;
                self.fitness_changed(port);
            }
            ToWorker::Pong => {}
            ToWorker::Ping => self.common.post_now(port, FromWorker::Pong),
            ToWorker::Follow => {
                tab.follows = true;
                if let Some((token, fate)) = tab.over.take() {
                    self.common.post(port, FromWorker::Fate { token, fate });
                }
            }
            ToWorker::Tabs { token } => {
                let tabs = self.shared_by(port).map(|(shared, common)| shared.tabs(port, common));
                self.common.post(port, FromWorker::Tabs { token, tabs: tabs.unwrap_or_default() });
            }
            ToWorker::Disconnect { reason, timeout } => {
                self.disconnect(port, reason, Duration::from_millis(timeout.into()));
            }
        }
        if woke {
            self.fitness_changed(port);
        }
    }

    /// Takes in a tab's stanzas.
    fn take(&mut self, port: PortId, sends: &mut dyn Iterator<Item = PendingSend<T>>) {
        match self.shared_by(port) {
            Some((shared, common)) => shared.take_all(port, sends, common),
            None => sends.for_each(|pending| self.common.take(port, pending)),
        }
    }

    /// A tab's request has waited for its answer long enough.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn answer_timeout(&mut self, port: PortId, token: Token) {
        if let Some(tab) = self.common.tabs.get_mut(&port) {
            tab.pending.retain(
                |pending| !matches!(pending, PendingSend::Request { token: known, .. } if *known == token),
            );
        }
        let position = self.shared_by(port).map_or(0, |(shared, _)| {
            shared.outgoing.forget(port, token);
            shared.withdraw_requests();
            shared.position
        });
        let timeout = FromWorker::Response { token, outcome: Outcome::Timeout, position };
        self.common.post(port, timeout);
    }

    /// A tab answers for a mechanism that lives in it. Only the answer to the latest question
    /// counts.
    fn answered(&mut self, port: PortId, exchange: Token, answer: Answer) {
        if let Some(id) = self.find(&|connection| connection.exchange == Some((port, exchange))) {
            self.feed(id, stream::Input::Answer(answer).into());
        }
    }

    /// A tab posted something that is not of the protocol. Before its `Hello` the tab is told;
    /// later the worker only logs it, since a newer tab may say more than this worker knows.
    pub(crate) fn malformed(&mut self, port: PortId, detail: String) {
        self.common.log(LogLevel::Warn, format!("port {}: not understood: {detail}", port.0));
        if self.common.tabs.get(&port).is_some_and(|tab| tab.stage == Stage::New) {
            self.common.post_now(port, FromWorker::Refused(Refusal::Malformed { detail }));
        }
    }

    fn hello(&mut self, port: PortId, hello: Hello) {
        let Some(tab) = self.common.tabs.get_mut(&port).filter(|tab| tab.stage == Stage::New) else { return };
        if !hello.versions.contains(&VERSION) {
            tab.refused = true;
            self.common.post_now(port, FromWorker::Refused(Refusal::Version { speaks: vec![VERSION] }));
            return;
        }
        tab.stage = Stage::Greeted;
        tab.tab.clone_from(&hello.tab);
        tab.before = hello.before.filter(|before| before.boot == self.common.config.boot);
        tab.visible = hello.visible;
        tab.watched = hello.lock.is_some();
        // Without a Web Lock only the next page of the same tab tells that the former one is gone.
        let reloaded = tab.before.is_some();
        let former = |(id, tab): (&PortId, &TabState<T>)| {
            (reloaded && !tab.watched && tab.tab == hello.tab && *id != port).then_some(*id)
        };
        for former in self.common.tabs.iter().filter_map(former).collect::<Vec<_>>() {
            self.forget_page(former);
        }
        self.common.outputs.extend(hello.lock.map(|lock| Output::Watch(port, lock)));
        self.common.timers.set(Timer::Heartbeat(port), Some(self.common.now + QUIET));
        let (boot, lock) = (self.common.config.boot.clone(), self.common.config.lock.clone());
        self.common.post_now(port, FromWorker::Welcome { version: VERSION, boot, lock });
    }
}
