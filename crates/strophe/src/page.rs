//! One page at its port, as the worker knows it.

use std::collections::VecDeque;
use std::time::Duration;

use epode_hub::PortId;
use epode_protocol::{
    Claim, Criteria, Delivery, FromWorker, LogLevel, ManagementOptions, Options, Origin, Outgoing, Position,
    Refusal, Role, Selector, SessionInfo, Slice, Status, StatusCode, Text, ToWorker, Token,
};

use crate::lineage::Place;
use crate::login::{Login, account_of};
use crate::room::Room;
use crate::scenery::{self, Frame};
use crate::window::Window;
use crate::words::{LATEST, Said, Word};

/// How long a page takes at most from `_closeSocket` to `_bye` when it is unloaded.
const UNLOADING: Duration = Duration::from_secs(1);

/// How long an app takes at most to tidy up after an end: strophe.js then closes the socket again.
const TIDYING: Duration = Duration::from_secs(1);

/// How long the server may take to close the stream of a session that a page ends, in milliseconds.
const PATIENCE: u32 = 3000;

/// The most requests from outside that a page may leave unanswered before the oldest counts as answered.
const ASKED: usize = 256;

/// A page at its port.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) port: PortId,
    /// Whether the page speaks version 0.
    is_old: bool,
    /// The name of the tab, once the page has asked for a session.
    pub(crate) tab: Option<String>,
    /// Where the page is, or wants to be.
    place: Place,
    /// Where the pages stand that this one may be, until it is in a session.
    missed: Vec<Position>,
    stage: Stage,
    /// How many times the page has asked for a session without the hub having taken that up.
    unjoined: u32,
    role: Role,
    /// The number of sends so far.
    sent: Token,
    window: Window,
    /// The requests from outside that the page was given, oldest first: position and id.
    asked: VecDeque<(Position, String)>,
    /// Why the attempt or the session is about to end.
    reason: Option<String>,
    /// When a `_closeSocket` of the page counts as a logout.
    leaves_at: Option<Duration>,
    /// How many times the page will close its socket because it is told of an end.
    echoes: u32,
    /// Until when a further `_closeSocket` is of the same end as the latest.
    tidies_until: Option<Duration>,
    /// Whether the page has just closed its stream.
    closed_stream: bool,
    /// Whether the page left stream management to the worker.
    has_management: bool,
    /// Whether the page's session was closed for it, so that it comes back for what it has missed.
    is_owed: bool,
    /// Whether the page has said goodbye, and is back: from the back/forward cache, as a rule.
    is_back: bool,
    /// Why the hub hears nothing more at this port, if so.
    deaf: Option<&'static str>,
}

/// How far a page has come.
#[derive(Debug)]
enum Stage {
    /// It is in no session.
    Out,
    /// It wants to join a session without a login. `held`: until the login of another page is over.
    Attaching { service: String, held: bool },
    /// It logs in.
    LoggingIn(Box<Login>),
    /// It is in this session.
    In(Box<SessionInfo>),
    /// It said goodbye.
    Left,
}

impl Page {
    pub(crate) fn new(port: PortId) -> Self {
        Page {
            port,
            is_old: false,
            tab: None,
            place: Place::default(),
            missed: Vec::new(),
            stage: Stage::Out,
            unjoined: 0,
            role: Role::Primary,
            sent: 0,
            window: Window::default(),
            asked: VecDeque::new(),
            reason: None,
            leaves_at: None,
            echoes: 0,
            tidies_until: None,
            closed_stream: false,
            has_management: false,
            is_owed: false,
            is_back: false,
            deaf: None,
        }
    }

    /// When a time of the page is over.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let awaited = match &self.stage {
            Stage::LoggingIn(login) => login.awaited,
            _ => None,
        };
        [self.leaves_at, self.window.due, awaited].into_iter().flatten().min()
    }

    pub(crate) fn timeout<T: Text>(&mut self, room: &mut Room<T>) {
        if self.leaves_at.is_some_and(|at| at <= room.now) {
            self.log_out(room);
        }
        if let Stage::LoggingIn(login) = &mut self.stage {
            login.tire(room.now);
        }
        self.ask_if_due(room);
    }

    /// The service at which a login of the page is under way.
    pub(crate) fn logs_in_at(&self) -> Option<&str> {
        match &self.stage {
            Stage::LoggingIn(login) if login.is_under_way() => Some(&login.service),
            _ => None,
        }
    }

    /// Whether the page has closed its socket in a session, for one reason or another.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaves_at.is_some()
    }

    /// Whether the page is in the session of this account.
    pub(crate) fn is_in(&self, account: &str) -> bool {
        matches!(&self.stage, Stage::In(session) if account_of(&session.jid) == account)
    }

    /// The login of another page at this service is over.
    pub(crate) fn login_over<T: Text>(&mut self, at: &str, room: &mut Room<T>) {
        if matches!(&self.stage, Stage::Attaching { service, held: true } if service == at) {
            self.join(room);
        }
    }

    /// The page says this.
    pub(crate) fn hear<T: Text + Slice>(&mut self, said: Said<T>, room: &mut Room<T>) {
        let closed_stream = std::mem::take(&mut self.closed_stream);
        match said {
            Said::Connect { service, jid, version } => {
                if self.speaks(version, "_connect", room) {
                    self.connect(service, jid, room);
                }
            }
            Said::Attach { service, version } => {
                if self.speaks(version, "_attach", room) {
                    self.attach(service, room);
                }
            }
            Said::Bye => self.bye(room),
            // Back from the back/forward cache, or from the time of a former worker.
            Said::Pong | Said::Send(_) | Said::Bound | Said::SmFeatures if self.tab.is_none() => {
                self.close(GONE, room);
            }
            Said::Relinquish if self.tab.is_none() => {}
            Said::Pong if matches!(self.stage, Stage::Left) => self.close(GONE, room),
            Said::Pong => self.answered(room),
            Said::Relinquish => room.say(self.port, ToWorker::Freeze),
            Said::CloseSocket if self.is_old && !closed_stream && self.window.is_asked() => {
                self.answered(room);
            }
            Said::CloseSocket => self.close_socket(closed_stream, room),
            Said::SmFeatures => {
                self.has_management = true;
                self.tell(room, Word::SmNoState);
            }
            Said::Bound => {
                if let Stage::LoggingIn(login) = &mut self.stage {
                    login.done();
                    self.enter_if_done(room);
                }
            }
            Said::Send(text) => self.send(text, room),
            Said::Unknown(name) => {
                let name = name.as_deref().unwrap_or("a list without a name");
                let text = format!("the worker of Epode does not understand this word of the page: {name}");
                self.refuse(LogLevel::Error, name, &text, room);
            }
        }
    }

    /// Whether the worker speaks this version; a page of another hears why it cannot be served.
    fn speaks<T: Text>(&mut self, version: u32, word: &str, room: &mut Room<T>) -> bool {
        self.is_old = version == 0;
        let why = match (self.is_old || version == LATEST, self.deaf) {
            (true, None) => return true,
            (true, Some(why)) => why,
            (false, _) => OTHER_VERSION,
        };
        self.refuse(LogLevel::Fatal, word, why, room);
        false
    }

    /// Says why a word of the page is not heard. A page that waits for an answer has one.
    fn refuse<T: Text>(&mut self, level: LogLevel, word: &str, why: &str, room: &mut Room<T>) {
        self.tell(room, Word::Log(level, why.to_owned()));
        match word {
            "_connect" => self.close(why, room),
            "_attach" => self.tell(room, Word::Attached(None)),
            _ => {}
        }
    }

    /// Introduces the page to the hub.
    fn greet<T: Text>(&mut self, service: &str, account: String, room: &mut Room<T>) -> bool {
        self.place = Place { service: service.to_owned(), account };
        if self.tab.is_some() {
            return false;
        }
        let heir = room.lineage.next(room.now, &self.place);
        room.greet(self.port, &heir);
        (self.tab, self.missed) = (Some(heir.tab), heir.missed);
        heir.is_new
    }

    fn connect<T: Text>(&mut self, service: String, jid: String, room: &mut Room<T>) {
        let is_new = self.greet(&service, account_of(&jid), room);
        self.start_over();
        self.tell(room, Word::Role(Role::Primary, jid.clone()));
        let tab = self.tab.as_deref().unwrap_or_default();
        let login = if !is_new && room.logouts.keep_out(room.now, &account_of(&jid), tab) {
            self.tell(room, Word::Open);
            Login::refused(service, &jid, self.is_old)
        } else {
            self.unjoined += 1;
            room.say(
                self.port,
                ToWorker::Negotiate { service: service.clone(), jid: jid.clone(), options: options() },
            );
            Login::new(service, &jid, self.is_old)
        };
        self.stage = Stage::LoggingIn(Box::new(login));
    }

    fn attach<T: Text>(&mut self, service: String, room: &mut Room<T>) {
        self.greet(&service, String::new(), room);
        self.start_over();
        self.stage = Stage::Attaching { service, held: false };
        self.join(room);
    }

    /// Asks the hub for the session that is there.
    fn join<T: Text>(&mut self, room: &mut Room<T>) {
        if let Stage::Attaching { service, held } = &mut self.stage {
            *held = false;
            self.unjoined += 1;
            let attach = ToWorker::Attach { service: service.clone(), jid: None, explicit_binding: false };
            room.say(self.port, attach);
        }
    }

    fn start_over(&mut self) {
        if self.is_owed {
            // At one port the page has heard the end after all that it was told.
            self.missed = vec![self.window.position];
        }
        self.asked.clear();
        (self.reason, self.leaves_at) = (None, None);
        (self.echoes, self.tidies_until) = (0, None);
        (self.has_management, self.is_owed) = (false, false);
        self.role = Role::Primary;
    }

    /// The page is unloaded, or done with this port.
    fn bye<T: Text>(&mut self, room: &mut Room<T>) {
        self.leaves_at = None;
        let Some(tab) = &self.tab else {
            room.lineage.unused_left(room.now);
            return room.left(self.port);
        };
        if !matches!(self.stage, Stage::Left) {
            let handled = match self.is_owed || matches!(self.stage, Stage::In(_)) {
                true => vec![self.window.handled],
                false => std::mem::take(&mut self.missed),
            };
            self.missed.clone_from(&handled);
            match self.is_back {
                true => room.lineage.left_again(room.now, tab, self.place.clone(), handled),
                false => room.lineage.left(room.now, tab, self.place.clone(), handled),
            }
            room.left(self.port);
        }
        self.stage = Stage::Left;
        self.leave(room);
    }

    fn leave<T: Text>(&mut self, room: &mut Room<T>) {
        self.deaf = Some(LEFT);
        room.say(self.port, ToWorker::Leave);
    }

    fn close_socket<T: Text>(&mut self, closed_stream: bool, room: &mut Room<T>) {
        match &self.stage {
            Stage::In(_) => self.leave_or_log_out(room),
            Stage::LoggingIn(_) | Stage::Attaching { .. } => {
                let gives_up =
                    matches!(&self.stage, Stage::LoggingIn(login) if login.is_given_up(closed_stream));
                self.stage = Stage::Out;
                // The hub may have the page in a session already, which goes on for the others. This leaves
                // it, and keeps the port.
                self.unjoined += 1;
                let nowhere = String::new();
                room.say(
                    self.port,
                    ToWorker::Attach { service: nowhere, jid: None, explicit_binding: false },
                );
                match gives_up {
                    true => self.leave_or_log_out(room),
                    false => self.tidies_until = Some(room.now + TIDYING),
                }
            }
            Stage::Out if self.echoes > 0 => {
                self.echoes -= 1;
                self.tidies_until = Some(room.now + TIDYING);
            }
            Stage::Out if self.tidies_until.is_some_and(|until| until > room.now) => {}
            // What the hub keeps of a session that was lost ends with that.
            Stage::Out => self.leave_or_log_out(room),
            Stage::Left => {}
        }
    }

    /// The page is being unloaded, or its app ends the session: a goodbye will tell.
    fn leave_or_log_out<T: Text>(&mut self, room: &mut Room<T>) {
        match self.is_old {
            false => self.leaves_at = Some(room.now + UNLOADING),
            // Version 0 has no goodbye that could follow.
            true => self.log_out(room),
        }
    }

    /// The page ends the session for all.
    pub(crate) fn log_out<T: Text>(&mut self, room: &mut Room<T>) {
        self.leaves_at = None;
        if matches!(self.stage, Stage::In(_) | Stage::Out) && self.tab.is_some() {
            self.stage = Stage::Out;
            room.say(self.port, ToWorker::Disconnect { reason: None, timeout: PATIENCE });
        }
    }

    fn send<T: Text>(&mut self, text: T, room: &mut Room<T>) {
        let frame = Frame::of(&text);
        match frame {
            Frame::Close => self.closed_stream = true,
            // XEP-0198 is the worker's.
            Frame::Management => {}
            Frame::Unhandled { id } => match self.asked.iter().rposition(|(_, asked)| *asked == id) {
                Some(at) => {
                    let position = self.asked.remove(at).map_or(0, |(position, _)| position);
                    room.say(self.port, ToWorker::Unhandled { position });
                }
                None => self.pass(text, room),
            },
            frame => match &mut self.stage {
                Stage::LoggingIn(login) => {
                    if let Some(text) = login.hear(self.port, text, frame, room) {
                        self.pass(text, room);
                    }
                    self.enter_if_done(room);
                }
                Stage::In(_) | Stage::Left => self.pass(text, room),
                // What the page said before it heard of its end.
                Stage::Out if matches!(frame, Frame::Open) => {}
                Stage::Out | Stage::Attaching { .. } => self.close(GONE, room),
            },
        }
    }

    fn pass<T: Text>(&mut self, text: T, room: &mut Room<T>) {
        self.sent += 1;
        room.say(self.port, ToWorker::Send { stanzas: vec![Outgoing { token: self.sent, text }] });
    }

    fn enter_if_done<T: Text>(&mut self, room: &mut Room<T>) {
        let Stage::LoggingIn(login) = &mut self.stage else { return };
        if let Some(session) = login.finish() {
            let role = std::mem::replace(&mut self.role, Role::Primary);
            self.enter(session, room);
            self.tell_role(role, room);
            if self.has_management && self.is_managed() {
                self.tell(room, Word::Message(scenery::enabled().into()));
            }
        }
    }

    /// The page is in: it hears everything from here on.
    fn enter<T: Text>(&mut self, session: SessionInfo, room: &mut Room<T>) {
        if session.managed {
            self.tell(room, Word::SmEnabled(session.jid.clone()));
        }
        self.place.account = account_of(&session.jid);
        // Positions tell the session.
        let missed = std::mem::take(&mut self.missed).into_iter();
        let missed = missed.filter(|position| position >> 32 == session.position >> 32);
        let from = missed.fold(session.position, Position::min);
        self.window.begin(from);
        self.claim(&session, from, room);
        self.stage = Stage::In(Box::new(session));
    }

    fn claim<T: Text>(&mut self, session: &SessionInfo, from: Position, room: &mut Room<T>) {
        let everything = Selector::Stanza(Criteria::default());
        let claims = vec![Claim { id: 1, selector: everything }, Claim { id: 2, selector: Selector::Sent }];
        let generation = session.generation;
        room.say(self.port, ToWorker::Claim { claims, from, made: 0.0, generation });
    }

    fn is_managed(&self) -> bool {
        !self.is_old && matches!(&self.stage, Stage::In(session) if session.managed)
    }

    /// The hub says this.
    pub(crate) fn told<T: Text + Slice>(&mut self, message: &FromWorker<T>, room: &mut Room<T>) {
        let (mut stanzas, mut end) = (0, None);
        match message {
            // The hub says these beside the window.
            FromWorker::Welcome { boot, .. } => return room.boot.clone_from(boot),
            // The page may ask again, once the session is free.
            FromWorker::Refused(Refusal::Elsewhere { .. }) => {
                self.tell(room, Word::Log(LogLevel::Fatal, ELSEWHERE.to_owned()));
                return self.fail(ELSEWHERE, room);
            }
            FromWorker::Refused(refusal) => {
                if let Refusal::Engine { .. } = refusal {
                    self.deaf = Some(FORGOTTEN);
                    room.left(self.port);
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
            FromWorker::Log { level, text } => self.tell(room, Word::Log(*level, text.clone())),
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
            FromWorker::Failed { fault, .. } => {
                let text = format!("a stanza was not sent: {} ({})", fault.text, fault.condition);
                self.tell(room, Word::Log(LogLevel::Error, text));
            }
            FromWorker::Gap { count, reason, .. } => {
                let text = format!("{count} stanzas are missing: {reason}");
                self.tell(room, Word::Log(LogLevel::Warn, text));
            }
            _ => {}
        }
        let end = end.filter(|_| self.leaves_at.is_none());
        self.window.count(room.now, stanzas, end);
        self.ask_if_due(room);
    }

    fn show<T: Text + Slice>(&mut self, position: Position, origin: Origin, text: T, room: &mut Room<T>) {
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
            self.asked.push_back((position, id));
            if self.asked.len() > ASKED {
                self.asked.pop_front();
            }
        }
        self.tell(room, Word::Message(text));
    }

    /// Tells the page its role, if that has changed.
    fn tell_role<T: Text>(&mut self, role: Role, room: &mut Room<T>) {
        let Stage::In(session) = &self.stage else { return };
        if std::mem::replace(&mut self.role, role) == role {
            return;
        }
        self.tell(
            room,
            match role {
                Role::Primary => Word::Promote(session.jid.clone()),
                Role::Secondary => Word::Role(role, session.jid.clone()),
            },
        );
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
                let reason = status.text.clone().or(self.reason.take());
                self.fail(reason.as_deref().unwrap_or(ENDED), room);
            }
            StatusCode::Reconnecting => {
                if let Some(text) = &status.text {
                    self.tell(room, Word::Log(LogLevel::Warn, text.clone()));
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
                self.reason = Some(in_words(status));
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
                self.enter(session, room);
                self.tell(room, Word::Attached(Some(jid)));
            }
            Stage::LoggingIn(login) => {
                login.up(self.port, session, room);
                self.rest_until_bound(room);
                self.enter_if_done(room);
            }
            Stage::In(known) if session.resumed && known.jid == session.jid => {
                **known = session.clone();
                self.claim(&session, session.position, room);
            }
            // The session is another for the server: the page logs in again, and joins at once.
            Stage::In(_) => {
                self.window.begin(session.position);
                self.close("", room);
                // A page of version 0 comes back to this port.
                if !self.is_old {
                    self.leave(room);
                }
            }
            Stage::Out | Stage::Left => {}
        }
    }

    fn not_attached<T: Text>(&mut self, reason: String, room: &mut Room<T>) {
        let Stage::Attaching { service, held } = &mut self.stage else { return };
        if room.logging_in.contains(service) {
            *held = true;
            return;
        }
        self.tell(room, Word::Log(LogLevel::Info, reason));
        self.stage = Stage::Out;
        self.tell(room, Word::Attached(None));
    }

    /// Tells the page this, if its version has the word.
    fn tell<T>(&self, room: &mut Room<T>, word: Word<T>) {
        if !(self.is_old && word.is_new()) {
            room.post(self.port, word);
        }
    }

    /// What the page wants has failed, or its session is over.
    fn fail<T: Text>(&mut self, reason: &str, room: &mut Room<T>) {
        match self.stage {
            Stage::Attaching { .. } => {
                self.stage = Stage::Out;
                self.tell(room, Word::Log(LogLevel::Warn, reason.to_owned()));
                self.tell(room, Word::Attached(None));
            }
            Stage::LoggingIn(_) | Stage::In(_) => self.close(reason, room),
            // The page knows that already.
            Stage::Out | Stage::Left => {}
        }
    }

    /// The app of this page must not log in again by itself for a while.
    fn keep_out<T: Text>(&self, room: &mut Room<T>) {
        let account = match &self.stage {
            Stage::In(session) => account_of(&session.jid),
            Stage::LoggingIn(login) => login.account.clone(),
            Stage::Out | Stage::Attaching { .. } | Stage::Left => return,
        };
        if let Some(tab) = &self.tab {
            room.logouts.note(room.now, account, tab.clone());
        }
    }

    fn close<T: Text>(&mut self, reason: &str, room: &mut Room<T>) {
        self.is_owed |= matches!(self.stage, Stage::In(_));
        self.is_back |= matches!(self.stage, Stage::Left);
        self.stage = Stage::Out;
        if self.leaves_at.take().is_some() {
            // The page was about to end the session, of which the hub may keep something.
            room.say(self.port, ToWorker::Disconnect { reason: None, timeout: PATIENCE });
        }
        self.echoes += 1;
        self.tell(
            room,
            match self.is_old {
                true => Word::CloseEvent(reason.to_owned()),
                false => Word::Close(reason.to_owned()),
            },
        );
    }

    /// The page answers what it was asked, or speaks up unasked.
    fn answered<T: Text>(&mut self, room: &mut Room<T>) {
        let answer = self.window.answered().map_or(ToWorker::Pong, |posts| ToWorker::Ack { posts });
        room.say(self.port, answer);
        self.rest_until_bound(room);
    }

    /// A page that does not bind does nothing for its session, which is up: there it counts as asleep.
    fn rest_until_bound<T: Text>(&self, room: &mut Room<T>) {
        if matches!(&self.stage, Stage::LoggingIn(login) if login.hesitates()) {
            room.say(self.port, ToWorker::Freeze);
        }
    }

    fn ask_if_due<T: Text>(&mut self, room: &mut Room<T>) {
        if self.window.asks(room.now) {
            self.ask(room);
        }
    }

    fn ask<T: Text>(&mut self, room: &mut Room<T>) {
        // A page of version 0 would close its socket.
        if self.is_old && !matches!(self.stage, Stage::In(_)) {
            self.window.due = None;
            // One that is in no session may come back to its only port after any time.
            return room.say(self.port, ToWorker::Pong);
        }
        self.window.ask();
        self.tell(room, if self.is_old { Word::Echo } else { Word::Ping });
    }
}

const OTHER_VERSION: &str = "the worker of Epode speaks versions 0 and 3 of the wire of strophe.js, and this \
    page speaks another: load a strophe.js from 4.1.1 to 5.0.0";
const LEFT: &str = "this page has said goodbye at this port: reload it";
const FORGOTTEN: &str = "this page did not answer for long, and was forgotten: reload it";
const ELSEWHERE: &str = "pages of Epode have this session, in their own worker, where no page of strophe.js \
    can go: close those, or let this page load Epode";
const GONE: &str = "the worker of Epode knows of no session of this page";
const ENDED: &str = "the session was ended, in this page or in another";

fn in_words(status: &Status) -> String {
    status.text.clone().or_else(|| status.condition.clone()).unwrap_or_else(|| format!("{:?}", status.code))
}

fn refused(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Engine { detail } | Refusal::Malformed { detail } => detail,
        Refusal::Elsewhere { .. } => ELSEWHERE,
        Refusal::Version { .. } => "the parts of this worker are of different versions",
    }
}

/// How a page of this wire opens a session.
fn options() -> Options {
    Options {
        // The page says when to bind.
        explicit_binding: true,
        session_key: Some("strophe.js".to_owned()),
        management: Some(Box::new(ManagementOptions { max_unacked: 5, resume: true, max: None })),
        ..Options::default()
    }
}
