//! The way of an input to its session, which is looked up once; and what follows for others than
//! the tabs of that session.

use epode_protocol::Text;
use epode_session::{Input, stream};

use crate::common::Common;
use crate::connection::Connection;
use crate::shared_session::{SharedSession, Upshot};
use crate::timer::Timer;
use crate::trial;
use crate::{Hub, PortId, SessionId, SocketId};

impl<T: Text> Hub<T> {
    pub(crate) fn timeout(&mut self) {
        while let Some(timer) = self.common.timers.expired(self.common.now) {
            match timer {
                Timer::Session(id) => self.feed(id, stream::Input::Timeout.into()),
                Timer::Line(socket) => self.line_input(socket, epode_bosh::Input::Timeout),
                Timer::Answer(port, token) => self.answer_timeout(port, token),
                Timer::Ping(id, position) => self.with(id, |shared, common| shared.settle(position, common)),
                Timer::Grace(id) => self.with(id, SharedSession::retire),
                Timer::Dormant(id) => self.common.dormant_over(id),
                Timer::Heartbeat(port) => self.heartbeat(port),
                Timer::LastWords(port) => self.silence(port),
                Timer::Restore(port) => self.restore_timeout(port),
                Timer::Gap(id) => self.with(id, SharedSession::tell_gap),
                Timer::Farewell(id) => self.with(id, SharedSession::farewell_due),
                Timer::Unseen(id) => self.with(id, SharedSession::unseen),
                Timer::Watch(id) => self.with(id, SharedSession::watch),
                Timer::Pace(id) => self.with(id, SharedSession::flush),
                Timer::Backlog(id) => self.with(id, SharedSession::tell_backlog),
                Timer::Acknowledge(id) => self.with(id, SharedSession::acknowledge),
                Timer::RequestAck(id) => self.with(id, SharedSession::ask_again),
            }
        }
    }

    /// A frame arrived on a socket.
    pub(crate) fn frame(&mut self, socket: SocketId, text: T) {
        let Some(id) = self.on_socket(socket) else { return };
        match self.trials.get_mut(&id) {
            Some(trial) => {
                text.with_str(|frame| trial.connection.session.frame(self.common.now, frame));
                self.proceed_trial(id);
            }
            None => self.with(id, |shared, common| shared.frame(text, common)),
        }
    }

    /// Something other than a frame happened on a socket.
    pub(crate) fn socket_input(&mut self, socket: SocketId, input: stream::Input<'_>) {
        if let Some(id) = self.on_socket(socket) {
            self.feed(id, input.into());
        }
    }

    /// Hands an input to a session or a trial, and sees to what follows.
    pub(crate) fn feed(&mut self, id: SessionId, input: Input<'_>) {
        match self.trials.get_mut(&id) {
            Some(trial) => {
                trial.connection.session.handle_input(self.common.now, input);
                self.proceed_trial(id);
            }
            None => self.with(id, |shared, common| {
                shared.connection.session.handle_input(common.now, input);
            }),
        }
    }

    /// The session or the trial whose stream this socket carries.
    pub(crate) fn on_socket(&self, socket: SocketId) -> Option<SessionId> {
        self.find(&|connection| connection.uplink.carrier.is(socket))
    }

    /// The session or the trial with such a connection.
    pub(crate) fn find(&self, is: &dyn Fn(&Connection) -> bool) -> Option<SessionId> {
        let shared = self.sessions.values().map(|shared| &shared.connection);
        let mut all = shared.chain(self.trials.values().map(|trial| &trial.connection));
        all.find(|connection| is(connection)).map(|connection| connection.id)
    }

    /// The session that a tab is in, with what the session needs to act. For acts that hand the
    /// session's stream no input: only [`with`](Hub::with) sees to what follows from one.
    pub(crate) fn shared_by(&mut self, port: PortId) -> Option<(&mut SharedSession<T>, &mut Common<T>)> {
        let shared = self.sessions.get_mut(&self.common.session_of(port)?);
        debug_assert!(shared.is_some(), "a session that ends detaches its tabs");
        Some((shared?, &mut self.common))
    }

    /// Lets a session act, and sees to what follows. The session may be gone already: its timers
    /// and its Web Lock may speak up after its end.
    pub(crate) fn with(&mut self, id: SessionId, act: impl FnOnce(&mut SharedSession<T>, &mut Common<T>)) {
        if let Some(shared) = self.sessions.get_mut(&id) {
            act(shared, &mut self.common);
            self.follow_up(id);
        }
    }

    /// Sees to what a session leaves to the hub, until nothing is left.
    fn follow_up(&mut self, id: SessionId) {
        while let Some(shared) = self.sessions.get_mut(&id)
            && let Some(upshot) = shared.proceed(&mut self.common)
        {
            let key = match upshot {
                Upshot::LoginOver => Some(shared.key().clone()),
                Upshot::Ended(error) => {
                    self.sessions.remove(&id).map(|shared| shared.end(error, &mut self.common))
                }
            };
            key.into_iter().for_each(|key| self.let_contend(&key));
        }
    }

    /// Lets a trial proceed after an input, and sees to its outcome.
    pub(crate) fn proceed_trial(&mut self, id: SessionId) {
        while let Some(trial) = self.trials.get_mut(&id)
            && let Some(upshot) = trial.proceed(&mut self.common)
        {
            match upshot {
                trial::Upshot::LoggedIn => self.logged_in(id),
                trial::Upshot::Over(error) => {
                    self.trials
                        .remove(&id)
                        .into_iter()
                        .for_each(|trial| self.trial_over(trial, error.clone()));
                }
            }
        }
    }
}
