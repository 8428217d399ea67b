//! Who shares which session: tabs say hello, join, are tried, leave, and end it for all.

use std::collections::VecDeque;

use epode_protocol::{
    Credentials, FromWorker, Hello, LogLevel, Options, Outcome, Refusal, Role, StatusCode, Text, ToWorker,
    Token, VERSION,
};
use epode_session::stream::jid;
use epode_session::stream::sasl::Secret;
use epode_session::{self as session, Account, Purpose};

use crate::iq::Turn;
use crate::port::{Held, Stage};
use crate::room::{Entry, Key, Member, Phase, Room, Trial};
use crate::status::{because, status};
use crate::timer::Timer;
use crate::{Hub, Output, PortId, SessionId};

/// What a tab that leaves a session still wanted of it.
struct Unfinished<T> {
    asked: Vec<Token>,
    held: VecDeque<Held<T>>,
}

impl<T: Text> Hub<T> {
    pub(crate) fn message(&mut self, port: PortId, message: ToWorker<T>) {
        let Some(tab) = self.ports.get(&port) else { return };
        match message {
            ToWorker::Hello(hello) => self.hello(port, hello),
            _ if tab.stage == Stage::New => self.malformed(port, "the first word must be Hello".to_owned()),
            ToWorker::Connect { service, jid, credentials, options } => {
                self.connect_asked(port, &service, &jid, credentials, options);
            }
            ToWorker::Attach { service, jid } => self.attach(port, &service, jid.as_deref()),
            ToWorker::Send { stanzas } => {
                let up_to = stanzas.last().map(|stanza| stanza.token);
                for stanza in stanzas {
                    self.take(port, Held::Send { token: stanza.token, text: stanza.text });
                }
                // Of those that wait for the session the tab hears when they are written.
                let waits = self.ports.get(&port).is_some_and(|tab| !tab.held.is_empty());
                if let Some(up_to) = up_to.filter(|_| !waits) {
                    self.post(port, FromWorker::Written { up_to });
                }
            }
            ToWorker::Request { token, text, timeout } => {
                let at = timeout.map(|timeout| self.now + std::time::Duration::from_millis(timeout.into()));
                self.timers.set(Timer::Answer(port, token), at);
                self.take(port, Held::Request { token, text });
            }
            ToWorker::Unhandled { position } => {
                if let Stage::In(id) = tab.stage {
                    self.unhandled(id, position, port);
                }
            }
            ToWorker::Visibility { visible } => {
                let stage = tab.stage;
                if let Some(tab) = self.ports.get_mut(&port) {
                    tab.visible = visible;
                }
                if let Stage::In(id) = stage {
                    self.elect(id);
                }
            }
            ToWorker::Disconnect { reason } => self.disconnect(port, reason),
            ToWorker::Leave => self.port_closed(port),
        }
    }

    /// What a tab posted is not of the protocol: before it said hello it hears so, later it is only noted, since a newer tab may say
    /// more than this worker knows.
    pub(crate) fn malformed(&mut self, port: PortId, detail: String) {
        self.log(LogLevel::Warn, format!("port {}: not understood: {detail}", port.0));
        if self.ports.get(&port).is_some_and(|tab| tab.stage == Stage::New) {
            self.post(port, FromWorker::Refused(Refusal::Malformed { detail }));
        }
    }

    fn hello(&mut self, port: PortId, hello: Hello) {
        let Some(tab) = self.ports.get_mut(&port).filter(|tab| tab.stage == Stage::New) else { return };
        if !hello.versions.contains(&VERSION) {
            self.post(port, FromWorker::Refused(Refusal::Version { speaks: vec![VERSION] }));
            return;
        }
        tab.stage = Stage::Greeted;
        tab.lock = hello.lock.clone();
        tab.visible = hello.visible;
        self.outputs.extend(hello.lock.map(|lock| Output::Watch(port, lock)));
        self.post(port, FromWorker::Welcome { version: VERSION, boot: self.config.boot.clone() });
    }

    fn connect_asked(
        &mut self,
        port: PortId,
        service: &str,
        jid: &str,
        credentials: Credentials,
        options: Options,
    ) {
        self.start_over(port);
        let mechanisms: Option<Vec<(String, u32)>> = options
            .mechanisms
            .as_ref()
            .map(|offers| offers.iter().map(|offer| (offer.name.clone(), offer.priority)).collect());
        let password = credentials.password.map(|password| Secret::new(password.into_inner()));
        match Account::new(service, jid, credentials.authcid, password, mechanisms.as_deref()) {
            Ok(account) => self.connect(port, account, options),
            Err(error) => {
                let failed = because(StatusCode::ConnFail, None, &error);
                let over = because(StatusCode::Disconnected, None, &error);
                self.release(port, vec![failed, over]);
            }
        }
    }

    /// Joins the session of this account where the credentials are the same, opens it where there is none, and otherwise
    /// waits for it or tries the credentials beside it.
    pub(crate) fn connect(&mut self, port: PortId, account: Account, options: Options) {
        let key = Key::new(&account, &options);
        let Some((id, room)) = self.rooms.iter_mut().find(|(_, room)| room.key == key) else {
            return self.open(port, account, key, options);
        };
        let id = *id;
        if room.phase == Phase::Closing {
            room.contenders.push((port, account, options));
            self.wait(port);
        } else if room.session.account().same_credentials(&account) {
            if room.options != options {
                let text =
                    "joined a session that another tab opened with other options; those hold".to_owned();
                self.post(port, FromWorker::Log { level: LogLevel::Warn, text });
            }
            self.join(id, Member { port, entry: Entry::Joined });
        } else if room.phase == Phase::Connecting {
            room.contenders.push((port, account, options));
            self.wait(port);
        } else {
            self.try_credentials(port, account, options);
        }
    }

    fn open(&mut self, port: PortId, account: Account, key: Key, options: Options) {
        let (id, socket, session) = self.dial(account, Purpose::Join);
        self.rooms.insert(id, Room::new(key, session, socket, options));
        self.join(id, Member { port, entry: Entry::Opened });
        self.drain(socket, id, None);
    }

    /// Tries a tab's credentials on a second stream, which authenticates, does not bind, and is closed again.
    pub(crate) fn try_credentials(&mut self, port: PortId, account: Account, options: Options) {
        self.wait(port);
        let (id, socket, session) = self.dial(account, Purpose::Verify);
        self.trials.insert(id, Trial { port: Some(port), session, options, verified: false });
        self.drain(socket, id, None);
    }

    /// The server took these credentials: their tab may join, or open what was closed in the meantime.
    pub(crate) fn verified(&mut self, port: PortId, account: Account, options: Options) {
        let key = Key::new(&account, &options);
        let up = self.rooms.iter().find(|(_, room)| room.key == key && matches!(room.phase, Phase::Up(_)));
        match up.map(|(id, _)| *id) {
            Some(id) => self.join(id, Member { port, entry: Entry::Joined }),
            None => self.connect(port, account, options),
        }
    }

    fn attach(&mut self, port: PortId, service: &str, account: Option<&str>) {
        self.start_over(port);
        let mut of_service = self
            .rooms
            .iter()
            .filter(|(_, room)| room.key.service == service && room.phase != Phase::Closing)
            .filter(|(_, room)| account.is_none_or(|account| jid::same_bare(&room.key.account, account)));
        let failed = match (of_service.next(), of_service.next()) {
            (Some((id, _)), None) => {
                let id = *id;
                return self.join(id, Member { port, entry: Entry::Attached });
            }
            (None, _) => because(StatusCode::AttachFail, None, "there is no session to attach to"),
            (Some(_), Some(_)) => because(
                StatusCode::AttachFail,
                None,
                "there are several sessions of this service: connect with credentials to say which",
            ),
        };
        self.release(port, vec![failed]);
    }

    fn wait(&mut self, port: PortId) {
        if let Some(tab) = self.ports.get_mut(&port) {
            tab.stage = Stage::Waiting;
        }
    }

    fn join(&mut self, id: SessionId, member: Member) {
        // The tab may have vanished while its credentials were under trial.
        let Some(tab) = self.ports.get_mut(&member.port) else { return };
        let Some(room) = self.rooms.get_mut(&id) else { return };
        tab.stage = Stage::In(id);
        room.members.push(member);
        let up = matches!(room.phase, Phase::Up(_));
        self.timers.set(Timer::Grace(id), None);
        if up {
            self.elect(id);
            self.admit(id, member);
        }
    }

    /// Tells a tab that the session is up, and sends what it has been waiting to send.
    pub(crate) fn admit(&mut self, id: SessionId, member: Member) {
        let Some(room) = self.rooms.get(&id) else { return };
        let Phase::Up(info) = &room.phase else { return };
        let mut up = status(member.entry.up());
        up.session = Some(info.clone());
        // The role comes first, so that it is known in the callback of the status; the primary has heard its own.
        if room.primary != Some(member.port) {
            self.post(member.port, FromWorker::Role(Role::Secondary));
        }
        self.post(member.port, FromWorker::Status(up));
        let held =
            self.ports.get_mut(&member.port).map(|tab| std::mem::take(&mut tab.held)).unwrap_or_default();
        let mut written = None;
        for held in held {
            if let Held::Send { token, .. } = &held {
                written = Some(*token);
            }
            self.take(member.port, held);
        }
        if let Some(up_to) = written {
            self.post(member.port, FromWorker::Written { up_to });
        }
    }

    /// Sees to it that exactly one tab of the session is primary.
    pub(crate) fn elect(&mut self, id: SessionId) {
        let Some(room) = self.rooms.get_mut(&id).filter(|room| matches!(room.phase, Phase::Up(_))) else {
            return;
        };
        let changed = room.elect(|port| self.ports.get(&port).is_some_and(|tab| tab.visible));
        for (port, role) in changed {
            self.post(port, FromWorker::Role(role));
        }
    }

    /// The tab is gone for good.
    pub(crate) fn port_closed(&mut self, port: PortId) {
        self.leave(port);
        if self.ports.remove(&port).is_some() {
            self.outputs.push_back(Output::ClosePort(port));
        }
    }

    /// The tab wants another session: what it wanted of the former one, and still waits for, ends here.
    fn start_over(&mut self, port: PortId) {
        let Some(Unfinished { asked, held }) = self.leave(port) else { return };
        for token in asked {
            self.post(port, FromWorker::Response { token, outcome: Outcome::Disconnected });
        }
        for held in held {
            self.turn_down(port, held);
        }
    }

    /// The tab is in no session any more. It is told nothing: a word to a page in the back/forward cache would evict it.
    fn leave(&mut self, port: PortId) -> Option<Unfinished<T>> {
        let tab = self.ports.get_mut(&port)?;
        let stage = std::mem::replace(&mut tab.stage, Stage::Greeted);
        let held = std::mem::take(&mut tab.held);
        let mut asked = Vec::new();
        match stage {
            Stage::New => tab.stage = Stage::New,
            Stage::Greeted => {}
            Stage::Waiting => self.withdraw(port),
            Stage::In(id) => asked = self.leave_session(id, port),
        }
        for held in &held {
            if let Held::Request { token, .. } = held {
                self.timers.set(Timer::Answer(port, *token), None);
            }
        }
        for token in &asked {
            self.timers.set(Timer::Answer(port, *token), None);
        }
        Some(Unfinished { asked, held })
    }

    fn withdraw(&mut self, port: PortId) {
        for room in self.rooms.values_mut() {
            room.contenders.retain(|(contender, ..)| *contender != port);
        }
        let Some((id, trial)) = self.trials.iter_mut().find(|(_, trial)| trial.port == Some(port)) else {
            return;
        };
        trial.port = None;
        let id = *id;
        if let Some(socket) = self.sockets.iter().find(|(_, owner)| **owner == id).map(|(socket, _)| *socket)
        {
            self.feed(socket, session::Input::Close);
        }
    }

    /// The requests that the tab waited for.
    fn leave_session(&mut self, id: SessionId, port: PortId) -> Vec<Token> {
        let Some(room) = self.rooms.get_mut(&id) else { return Vec::new() };
        room.members.retain(|member| member.port != port);
        let asked = room.asks.forget_all(port);
        let orphaned = room.demands.gone(port);
        let empty = room.members.is_empty();
        self.elect(id);
        for position in orphaned {
            self.unhandled(id, position, port);
        }
        if empty {
            self.timers.set(Timer::Grace(id), Some(self.now + self.config.grace));
        }
        asked
    }

    /// A tab ends the session, for all.
    fn disconnect(&mut self, port: PortId, reason: Option<String>) {
        let Some(tab) = self.ports.get(&port) else { return };
        match tab.stage {
            Stage::In(id) => {
                let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                self.log(LogLevel::Info, format!("port {} ends the session{why}", port.0));
                self.close_session(id);
            }
            Stage::Waiting => {
                self.withdraw(port);
                self.release(port, vec![status(StatusCode::Disconnected)]);
            }
            Stage::New | Stage::Greeted => self.release(port, vec![status(StatusCode::Disconnected)]),
        }
    }

    /// Closes a session, cleanly.
    pub(crate) fn close_session(&mut self, id: SessionId) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let was = std::mem::replace(&mut room.phase, Phase::Closing);
        let socket = room.socket;
        if was == Phase::Closing {
            return;
        }
        self.report(id, StatusCode::Disconnecting);
        if matches!(was, Phase::Up(_)) {
            // RFC 6121 §4.5.1: before the stream is closed, so that contacts hear it from us.
            let farewell = "<presence xmlns=\"jabber:client\" type=\"unavailable\"/>".to_owned();
            self.outputs.push_back(Output::Transmit(socket, farewell.into()));
        }
        self.feed(socket, session::Input::Close);
    }

    /// A tab passed an inbound request up, or can never answer it.
    pub(crate) fn unhandled(&mut self, id: SessionId, position: epode_protocol::Position, port: PortId) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let turn: Turn<T> = room.demands.passed(position, port);
        self.carry_out(id, position, turn);
    }
}
