//! What happens on sockets: fed to the session or the trial they belong to, and what those say to that.

use epode_protocol::{FromWorker, SessionInfo, StatusCode, Text};
use epode_session::stream::{self, Error, jid, sasl};
use epode_session::{Event, Input};

use crate::common::Common;
use crate::connection::{Connection, Said};
use crate::shared_session::{JoinKind, Phase, Trial};
use crate::status::{attempt_failed, because, redial_failed, session_over, status, trial_failed};
use crate::timer::Timer;
use crate::{Hub, Output, SessionId, SocketId};

impl<T: Text> Hub<T> {
    /// The session, or the trial, whose stream is on this socket.
    fn on_socket(&self, socket: SocketId) -> Option<SessionId> {
        let shared = self.sessions.values().map(|shared| &shared.connection);
        let mut connections = shared.chain(self.trials.values().map(|trial| &trial.connection));
        connections.find(|connection| connection.uplink.carrier.is(socket)).map(|connection| connection.id)
    }

    pub(crate) fn socket_input(&mut self, socket: SocketId, input: stream::Input<'_>) {
        if let Some(id) = self.on_socket(socket) {
            self.feed(id, input);
        }
    }

    pub(crate) fn frame(&mut self, socket: SocketId, text: T) {
        let Some(id) = self.on_socket(socket) else { return };
        let (head, size) = text.with_str(|frame| {
            let connection = self.connection(id);
            let head =
                connection.and_then(|(connection, common)| connection.session.frame(common.now, frame));
            (head, frame.len())
        });
        if let Some(head) = head {
            self.route(id, head, &text, size);
        }
        self.drain(id);
    }

    pub(crate) fn online(&mut self, online: bool) {
        for id in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.handle(id, Input::Online(online));
        }
    }

    /// Lets a session dial, for the first time.
    pub(crate) fn start(&mut self, id: SessionId) {
        self.handle(id, Input::Start);
    }

    /// Hands an input to a stream, and carries out what follows.
    pub(crate) fn feed(&mut self, id: SessionId, input: stream::Input<'_>) {
        self.handle(id, Input::Stream(input));
    }

    fn handle(&mut self, id: SessionId, input: Input<'_>) {
        if let Some((connection, common)) = self.connection(id) {
            connection.session.handle_input(common.now, input);
            self.drain(id);
        }
    }

    pub(crate) fn connection(&mut self, id: SessionId) -> Option<(&mut Connection, &mut Common<T>)> {
        let connection = match self.sessions.get_mut(&id) {
            Some(shared) => &mut shared.connection,
            None => &mut self.trials.get_mut(&id)?.connection,
        };
        Some((connection, &mut self.common))
    }

    /// Carries out what a session wants.
    pub(crate) fn drain(&mut self, id: SessionId) {
        while let Some(said) = self.connection(id).and_then(|(connection, common)| connection.proceed(common))
        {
            match said {
                Said::Ask { mechanism, challenge } => self.ask(id, mechanism, challenge),
                Said::Event(event) if self.trials.contains_key(&id) => self.trial_event(id, event),
                Said::Event(event) => self.session_event(id, event),
            }
        }
    }

    fn session_event(&mut self, id: SessionId, event: Event) {
        match event {
            Event::Authenticating => self.authenticating(id),
            Event::Authenticated(keys) => {
                if let Some(shared) = self.sessions.get_mut(&id) {
                    shared.connection.keys = keys;
                }
            }
            Event::BindRequired => self.bind_required(id),
            Event::Bound(bound) => {
                let domain = jid::domain(&bound.jid).to_owned();
                self.session_up(
                    id,
                    SessionInfo { jid: bound.jid, domain, features: bound.features, position: 0 },
                );
            }
            Event::Early(head, text) => {
                let size = text.len();
                self.route(id, head, &text.into(), size);
            }
            Event::Dropped(dropped) => self.frame_dropped(id, &dropped),
            Event::Lost { error, news } => self.session_lost(id, &error, news),
            Event::Ended(error) => self.session_ended(id, error),
        }
    }

    /// Tabs hear of the first login only: of a later one they have heard that the session is reconnecting.
    fn authenticating(&mut self, id: SessionId) {
        if self.sessions.get(&id).is_some_and(|shared| shared.phase == Phase::Connecting) {
            self.report(id, StatusCode::Authenticating);
        }
    }

    /// Whoever else wants in is not parked behind a tab that may never bind.
    fn bind_required(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        shared.phase = Phase::Unbound;
        let key = shared.connection.key.clone();
        self.report(id, StatusCode::BindRequired);
        self.let_contend(&key);
    }

    fn session_up(&mut self, id: SessionId, info: SessionInfo) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        shared.inactive = offers(&info.features, "urn:xmpp:csi:0").then_some(false);
        let bound = jid::prepared(jid::bare(&info.jid), &self.common.config.unicode).into_owned();
        let key = shared.connection.key.clone();
        shared.bound = Some(bound.clone());
        shared.down = None;
        shared.phase = Phase::Up(info);
        let entries: Vec<_> = shared.members.iter().map(|member| (member.port, member.entry)).collect();
        self.elect(id);
        for (port, entry) in entries {
            self.admit(id, port, entry.up());
        }
        self.report_csi(id);
        self.restore_into(id, key.service.clone(), bound);
        self.let_contend(&key);
    }

    /// The stream is lost and another will be dialled.
    fn session_lost(&mut self, id: SessionId, error: &Error, news: bool) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        if std::mem::replace(&mut shared.phase, Phase::Reconnecting) != Phase::Reconnecting {
            self.stream_over(id);
        }
        if !news {
            return;
        }
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let mut reconnecting = because(StatusCode::Reconnecting, error.condition(), error);
        reconnecting.close_code = error.close_code();
        shared.down = Some(reconnecting.clone());
        for port in shared.ports() {
            self.common.post(port, FromWorker::Status(reconnecting.clone()));
        }
    }

    /// What belonged to the stream that was lost is over.
    fn stream_over(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        shared.presences.clear();
        shared.own_presence = None;
        shared.farewell = None;
        for member in &mut shared.members {
            member.claims.clear();
            // Whoever was there when it drops hears everything of the next stream from its beginning.
            member.entry = JoinKind::Opened;
        }
        self.common.timers.set(Timer::Farewell(id), None);
        self.settle_books(id);
    }

    /// The stream is gone: nobody will answer what was asked over it, and nobody waits for our answers.
    fn settle_books(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let (outgoing, incoming) = (shared.outgoing.abandon(), shared.incoming.abandon());
        for position in incoming {
            self.common.timers.set(Timer::Ping(id, position), None);
        }
        for (port, token) in outgoing {
            self.common.disconnected(port, token);
        }
    }

    #[inline(never)] // Out of the way of a cold start.
    fn session_ended(&mut self, id: SessionId, error: Option<Error>) {
        self.settle_books(id);
        // There is no later.
        self.common.timers.set(Timer::Gap(id), None);
        self.tell_gap(id);
        let Some(shared) = self.sessions.remove(&id) else { return };
        for timer in [Timer::Session(id), Timer::Grace(id), Timer::Farewell(id), Timer::Gap(id)] {
            self.common.timers.set(timer, None);
        }
        self.common.outputs.extend(shared.owned.map(Output::Disown));
        for member in shared.members {
            let mut statuses = match (&shared.phase, &error) {
                (_, None | Some(Error::NotClosed | Error::AuthRefused { .. }))
                    if shared.handed_over.is_some() =>
                {
                    vec![because(StatusCode::Disconnected, None, &shared.handed_over.unwrap_or_default())]
                }
                (Phase::Connecting | Phase::Unbound, Some(error)) if member.entry == JoinKind::Attached => {
                    vec![because(StatusCode::AttachFail, error.condition(), error)]
                }
                // Nobody refused anything.
                (Phase::Reconnecting, Some(error @ Error::Sasl(sasl::Error::Unspoken(_)))) => {
                    vec![because(StatusCode::Disconnected, error.condition(), error)]
                }
                (Phase::Connecting | Phase::Unbound, Some(error)) => {
                    vec![attempt_failed(error), because(StatusCode::Disconnected, error.condition(), error)]
                }
                (Phase::Reconnecting, Some(error)) => {
                    vec![redial_failed(error), because(StatusCode::Disconnected, error.condition(), error)]
                }
                // Whoever did not wait for the verdict need not hear it.
                (Phase::Closing, Some(Error::AuthRefused { .. })) => session_over(None),
                (_, error) => session_over(error.as_ref()),
            };
            if let Some(first) = statuses.first_mut() {
                first.close_code = error.as_ref().and_then(Error::close_code);
            }
            self.common.detach(member.port, statuses);
        }
        self.let_contend(&shared.connection.key);
    }

    #[inline(never)] // Out of the way of a cold start.
    fn trial_event(&mut self, id: SessionId, event: Event) {
        let Some(trial) = self.trials.get_mut(&id) else { return };
        match event {
            Event::Authenticated(keys) => (trial.verified, trial.connection.keys) = (true, keys),
            Event::Ended(error) => {
                let Some(Trial { connection, port, verified }) = self.trials.remove(&id) else { return };
                self.common.timers.set(Timer::Session(id), None);
                let Connection { key, session, options, keys, .. } = connection;
                let account = session.account();
                match (port, error) {
                    (Some(port), _) if verified => self.verified(port, account.clone(), options, keys),
                    (port, Some(error)) if !verified => {
                        let equal = self.equal_contenders(&key, account);
                        for port in port.into_iter().chain(equal) {
                            let mut failed = trial_failed(&error);
                            failed.close_code = error.close_code();
                            let over = because(StatusCode::Disconnected, error.condition(), &error);
                            self.common.detach(port, vec![failed, over]);
                        }
                    }
                    (Some(port), _) => self.common.detach(port, vec![status(StatusCode::Disconnected)]),
                    (None, _) => {}
                }
                self.let_contend(&key);
            }
            Event::Dropped(dropped) => self.log_dropped(id, &dropped.name, dropped.size, &dropped.rule),
            Event::Authenticating
            | Event::BindRequired
            | Event::Bound(_)
            | Event::Early(..)
            | Event::Lost { .. } => {}
        }
    }

    /// Tells every tab of a session where it stands.
    pub(crate) fn report(&mut self, id: SessionId, code: StatusCode) {
        let ports = self.sessions.get(&id).map(|shared| shared.ports()).unwrap_or_default();
        for port in ports {
            self.common.post(port, FromWorker::Status(status(code)));
        }
    }
}

/// Whether something of this namespace is among the features.
fn offers(features: &str, namespace: &str) -> bool {
    features.split(['"', '\'']).any(|part| part == namespace)
}
