//! What a tab says, each in its turn: first of all hello.

use std::time::Duration;

use epode_protocol::{FromWorker, Hello, LogLevel, Refusal, Text, ToWorker, VERSION};
use epode_session::stream;
use epode_session::stream::sasl::Secret;

use crate::tab_state::{PendingSend, QUIET, Stage, TabState};
use crate::timer::Timer;
use crate::{Hub, Output, PortId};

impl<T: Text> Hub<T> {
    pub(crate) fn message(&mut self, port: PortId, message: ToWorker<T>, time: f64) {
        let Some(tab) = self.common.tabs.get_mut(&port) else { return self.last_words(port, message) };
        let is_new = tab.stage == Stage::New;
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
            // It was told so already.
            _ if tab.refused => return,
            _ if is_new => self.malformed(port, "the first word must be Hello".to_owned()),
            ToWorker::Connect { service, jid, credentials, options } => {
                self.connect_asked(port, &service, &jid, credentials, options);
            }
            ToWorker::Attach { service, jid, explicit_binding } => {
                self.attach(port, &service, jid.as_deref(), explicit_binding);
            }
            ToWorker::Restore { service, jid } => self.restore(port, service, &jid),
            ToWorker::Bind { resource } => {
                if let Stage::In(id) = tab.stage {
                    self.bind(id, resource.filter(|_| !self.common.config.detour));
                }
            }
            ToWorker::SaslResponse { exchange, response } => {
                let said = response.map(|response| Secret::new(response.into_inner()));
                self.answered(port, exchange, stream::Answer::Say(said));
            }
            ToWorker::SaslAbort { exchange } => self.answered(port, exchange, stream::Answer::Failed),
            ToWorker::Claim { claims, from, made } => {
                let ago = (made > 0.0).then_some(time - made);
                self.claim(port, claims, from, ago);
            }
            ToWorker::Release { claims } => self.release_claims(port, &claims),
            ToWorker::Ack { posts } => {
                let session = if let Stage::In(id) = tab.stage { Some(id) } else { None };
                self.common.put(port, |tab| tab.mailbox.acknowledge(posts));
                session.into_iter().for_each(|id| self.tell_gap(id));
            }
            ToWorker::Send { stanzas } => {
                let session = if let Stage::In(id) = tab.stage { Some(id) } else { None };
                for stanza in stanzas {
                    self.take(port, PendingSend::Send { token: stanza.token, text: stanza.text });
                }
                session.into_iter().for_each(|id| self.post_receipts(id));
            }
            ToWorker::Request { token, text, timeout } => {
                let at = timeout.map(|timeout| self.common.now + Duration::from_millis(timeout.into()));
                self.common.timers.set(Timer::Answer(port, token), at);
                self.take(port, PendingSend::Request { token, text });
            }
            ToWorker::Unhandled { position } => {
                if let Stage::In(id) = tab.stage {
                    self.unhandled(id, position, port);
                }
            }
            ToWorker::Visibility { visible } => {
                tab.visible = visible;
                self.fitness_changed(port);
            }
            ToWorker::Freeze => {
                tab.awake = false;
                self.fitness_changed(port);
            }
            ToWorker::Pong => {}
            ToWorker::Ping => self.common.post_now(port, FromWorker::Pong),
            ToWorker::Tabs { token } => self.tabs(port, token),
            ToWorker::Disconnect { reason, timeout } => {
                self.disconnect(port, reason, Duration::from_millis(timeout.into()));
            }
            ToWorker::Leave => self.port_left(port),
        }
        if woke {
            self.fitness_changed(port);
        }
    }

    /// What a tab posted is not of the protocol: before it said hello it hears so, later it is only noted,
    /// since a newer tab may say more than this worker knows.
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
        // Of a page without a lock nobody tells that it is gone, but the page that a reload puts in its
        // place.
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
