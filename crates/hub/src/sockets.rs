//! What happens on sockets: fed to the stream of a session or of a trial, and what the streams say to that.

use epode_protocol::{FromWorker, Outcome, SessionInfo, StatusCode, Text};
use epode_session::stream::sasl::ScramKeys;
use epode_session::stream::{Error, jid};
use epode_session::{self as session, Account, Event, Purpose, Session};

use crate::port::Stage;
use crate::room::{Entry, Phase};
use crate::status::{attempt_failed, because, session_over, status, trial_failed};
use crate::timer::Timer;
use crate::{Hub, Output, PortId, SessionId, SocketId};

impl<T: Text> Hub<T> {
    /// Makes a session with a socket of its own.
    pub(crate) fn dial(&mut self, account: Account, purpose: Purpose) -> (SessionId, SocketId, Session) {
        let id = SessionId(self.count());
        let socket = SocketId(self.count());
        self.sockets.insert(socket, id);
        (id, socket, Session::new(self.now, account, purpose))
    }

    pub(crate) fn socket_opened(&mut self, socket: SocketId, nonce: String) {
        self.feed(socket, session::Input::Opened { nonce });
    }

    pub(crate) fn socket_closed(&mut self, socket: SocketId, code: u16, reason: &str) {
        self.feed(socket, session::Input::Closed { code, reason });
    }

    pub(crate) fn derived(&mut self, socket: SocketId, keys: ScramKeys) {
        self.feed(socket, session::Input::Derived(keys));
    }

    pub(crate) fn stream_timeout(&mut self, socket: SocketId) {
        self.feed(socket, session::Input::Timeout);
    }

    pub(crate) fn frame(&mut self, socket: SocketId, text: T) {
        let Some(id) = self.sockets.get(&socket).copied() else { return };
        text.with_str(|frame| self.feed_session(id, session::Input::Frame(frame)));
        self.drain(socket, id, Some(text));
    }

    /// Hands an input to whoever owns the socket, if anybody still does, and carries out what follows.
    pub(crate) fn feed(&mut self, socket: SocketId, input: session::Input<'_>) {
        if let Some(id) = self.sockets.get(&socket).copied() {
            self.feed_session(id, input);
            self.drain(socket, id, None);
        }
    }

    fn feed_session(&mut self, id: SessionId, input: session::Input<'_>) {
        let now = self.now;
        if let Some(session) = self.session(id) {
            session.handle_input(now, input);
        }
    }

    fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        match self.rooms.get_mut(&id) {
            Some(room) => Some(&mut room.session),
            None => self.trials.get_mut(&id).map(|trial| &mut trial.session),
        }
    }

    /// Carries out what a session wants. `frame` is the text of the frame that was just handed in.
    pub(crate) fn drain(&mut self, socket: SocketId, id: SessionId, frame: Option<T>) {
        while let Some(output) = self.session(id).and_then(Session::poll_output) {
            match output {
                session::Output::Dial(url) => self.outputs.push_back(Output::Dial(socket, url)),
                session::Output::Transmit(text) => {
                    self.outputs.push_back(Output::Transmit(socket, text.into()));
                }
                session::Output::CloseSocket => {
                    self.sockets.remove(&socket);
                    self.outputs.push_back(Output::CloseSocket(socket));
                }
                session::Output::Derive(derivation) => {
                    self.outputs.push_back(Output::Derive(socket, derivation));
                }
                session::Output::Event(event) if self.trials.contains_key(&id) => self.trial_event(id, event),
                session::Output::Event(event) => self.session_event(id, event, frame.as_ref()),
            }
        }
        let deadline = self.session(id).and_then(|session| session.deadline());
        self.timers.set(Timer::Stream(socket), deadline);
    }

    fn session_event(&mut self, id: SessionId, event: Event, frame: Option<&T>) {
        match event {
            Event::Authenticating => self.report(id, StatusCode::Authenticating),
            Event::Authenticated => {}
            Event::Bound(bound) => {
                let domain = jid::domain(&bound.jid).to_owned();
                self.session_up(id, SessionInfo { jid: bound.jid, domain, features: bound.features });
            }
            Event::Stanza(head) => {
                if let Some(text) = frame {
                    self.route(id, &head, text);
                }
            }
            Event::Ended(error) => self.session_ended(id, error),
        }
    }

    fn session_up(&mut self, id: SessionId, info: SessionInfo) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        room.phase = Phase::Up(info);
        let members = room.members.clone();
        let contenders = std::mem::take(&mut room.contenders);
        self.elect(id);
        for member in members {
            self.admit(id, member);
        }
        for (port, account, options) in contenders {
            self.try_credentials(port, account, options);
        }
    }

    fn session_ended(&mut self, id: SessionId, error: Option<Error>) {
        let Some(room) = self.rooms.remove(&id) else { return };
        self.timers.set(Timer::Grace(id), None);
        for position in room.demands.positions() {
            self.timers.set(Timer::Silence(id, position), None);
        }
        for (port, token) in room.asks.into_waiting() {
            self.timers.set(Timer::Answer(port, token), None);
            self.post(port, FromWorker::Response { token, outcome: Outcome::Disconnected });
        }
        for member in room.members {
            let statuses = match (&room.phase, &error) {
                (Phase::Connecting, Some(error)) if member.entry == Entry::Attached => {
                    vec![because(StatusCode::AttachFail, error.condition(), error)]
                }
                (Phase::Connecting, Some(error)) => {
                    vec![attempt_failed(error), because(StatusCode::Disconnected, error.condition(), error)]
                }
                (_, error) => session_over(error.as_ref()),
            };
            self.release(member.port, statuses);
        }
        for (port, account, options) in room.contenders {
            self.connect(port, account, options);
        }
    }

    fn trial_event(&mut self, id: SessionId, event: Event) {
        let Some(trial) = self.trials.get_mut(&id) else { return };
        match event {
            Event::Authenticated => trial.verified = true,
            Event::Ended(error) => {
                let Some(trial) = self.trials.remove(&id) else { return };
                let Some(port) = trial.port else { return };
                if trial.verified {
                    let account = trial.session.account().clone();
                    self.verified(port, account, trial.options);
                } else if let Some(error) = error {
                    let failed = trial_failed(&error);
                    let over = because(StatusCode::Disconnected, error.condition(), &error);
                    self.release(port, vec![failed, over]);
                } else {
                    self.release(port, vec![status(StatusCode::Disconnected)]);
                }
            }
            Event::Authenticating | Event::Bound(_) | Event::Stanza(_) => {}
        }
    }

    /// Tells every tab of a session where it stands.
    pub(crate) fn report(&mut self, id: SessionId, code: StatusCode) {
        let Some(room) = self.rooms.get(&id) else { return };
        for port in room.ports().collect::<Vec<_>>() {
            self.post(port, FromWorker::Status(status(code)));
        }
    }

    /// A tab is in no session any more; it hears why, and what it still wanted to send is not sent.
    pub(crate) fn release(&mut self, port: PortId, statuses: Vec<epode_protocol::Status>) {
        let Some(tab) = self.ports.get_mut(&port) else { return };
        tab.stage = Stage::Greeted;
        let held = std::mem::take(&mut tab.held);
        for held in held {
            self.turn_down(port, held);
        }
        for status in statuses {
            self.post(port, FromWorker::Status(status));
        }
    }
}
