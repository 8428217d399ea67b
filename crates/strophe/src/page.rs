//! One page at its port, as the worker knows it.

mod said;
mod told;

use std::time::Duration;

use epode_hub::PortId;
use epode_protocol::{
    Claim, Criteria, LogLevel, Position, Role, Selector, SessionInfo, Text, ToWorker, Token,
};

use crate::lineage::Place;
use crate::login::{Login, account_of};
use crate::room::Room;
use crate::scenery;
use crate::window::Window;
use crate::words::Word;

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
    /// Whether the page was loaded when it came to this port.
    is_new: bool,
    role: Role,
    /// The number of sends so far.
    sent: Token,
    /// The number of stanzas that the page has said so far, of which some may not be sent.
    said: Token,
    /// After how many of these the app began to count its own.
    counted_from: Token,
    window: Window,
    /// The requests from outside that the page was given, oldest first: position and id.
    asked: Vec<(Position, String)>,
    /// Why the attempt or the session is about to end.
    reason: Option<String>,
    /// When a `_closeSocket` of the page counts as a logout.
    leaves_at: Option<Duration>,
    /// How many times the page will close its socket because it is told of an end.
    echoes: u32,
    /// Until when a further `_closeSocket` is of the same end as the latest.
    tidies_until: Option<Duration>,
    /// Whether the page itself has ended the session for all.
    has_logged_out: bool,
    /// Whether the page has just closed its stream.
    closed_stream: bool,
    /// Whether the page left stream management to the worker, and binds.
    has_management: bool,
    /// Whether the page's session was closed for it, so that it comes back for what it has missed.
    is_owed: bool,
    /// Where the session was bound of whose end the page has yet to hear: by its first word about that it
    /// says so.
    ahead: Option<Position>,
    /// Whether the page could not attach, and does not know yet that pages of Epode have a session.
    seeks: bool,
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
            is_new: false,
            role: Role::Primary,
            sent: 0,
            said: 0,
            counted_from: 0,
            window: Window::default(),
            asked: Vec::new(),
            reason: None,
            leaves_at: None,
            echoes: 0,
            tidies_until: None,
            has_logged_out: false,
            closed_stream: false,
            has_management: false,
            is_owed: false,
            ahead: None,
            seeks: false,
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

    fn enter_if_done<T: Text>(&mut self, room: &mut Room<T>) {
        let Stage::LoggingIn(login) = &mut self.stage else { return };
        if let Some(session) = login.finish() {
            self.tell_managed(&session, room);
            self.enter_as_primary(session, room);
            if self.has_management && self.is_managed() {
                self.tell(room, Word::Message(scenery::enabled(true).into()));
            }
        }
    }

    fn tell_managed<T: Text>(&self, session: &SessionInfo, room: &mut Room<T>) {
        if session.managed {
            self.tell(room, Word::SmEnabled(session.jid.clone()));
        }
    }

    /// A page that logs in takes itself for primary.
    fn enter_as_primary<T: Text>(&mut self, session: SessionInfo, room: &mut Room<T>) {
        let role = std::mem::replace(&mut self.role, Role::Primary);
        self.enter(session, room);
        self.tell_role(role, room);
    }

    /// The page is in: it hears everything from here on.
    fn enter<T: Text>(&mut self, session: SessionInfo, room: &mut Room<T>) {
        self.place.account = Some(account_of(&session.jid));
        // Positions tell the session.
        let missed = std::mem::take(&mut self.missed).into_iter();
        let missed = missed.filter(|position| position >> 32 == session.position >> 32);
        let from = missed.fold(session.position, Position::min);
        self.window.begin(from);
        self.claim(&session, from, room);
        self.pass_belated(&session, room);
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

    #[inline(never)] // A line costs more bytes where it is said.
    fn log<T>(&self, level: LogLevel, text: &str, room: &mut Room<T>) {
        self.tell(room, Word::Log(level, text.to_owned()));
    }

    /// Tells the page this, if its version has the word.
    fn tell<T>(&self, room: &mut Room<T>, word: Word<T>) {
        if !(self.is_old && word.is_new()) {
            room.post(self.port, word);
        }
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

    /// The page comes into no session, and hears why in its log.
    fn not_in<T: Text>(&mut self, level: LogLevel, reason: &str, room: &mut Room<T>) {
        self.stage = Stage::Out;
        self.log(level, reason, room);
        self.tell(room, Word::Attached(None));
    }

    /// What the page wants has failed, or its session is over.
    fn fail<T: Text>(&mut self, reason: &str, room: &mut Room<T>) {
        match self.stage {
            Stage::Attaching { .. } => self.not_in(LogLevel::Warn, reason, room),
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
            // One that was in the session and lost it; an attempt to attach since has named no account.
            Stage::Out | Stage::Attaching { .. } if !self.has_logged_out => {
                self.place.account.clone().unwrap_or_default()
            }
            Stage::Out | Stage::Attaching { .. } | Stage::Left => return,
        };
        // A page that would have attached to any session was in none.
        if let Some(tab) = self.tab.as_ref().filter(|_| !account.is_empty()) {
            room.logouts.note(room.now, account, tab.clone());
        }
    }

    fn close<T: Text>(&mut self, reason: &str, room: &mut Room<T>) {
        self.ahead = match &self.stage {
            Stage::In(session) => Some(session.bound),
            _ => None,
        };
        self.is_owed |= self.ahead.is_some();
        self.is_back |= matches!(self.stage, Stage::Left);
        self.stage = Stage::Out;
        if self.leaves_at.take().is_some() {
            // The page was about to end the session, of which the hub may keep something.
            self.end_for_all(room);
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
        let handled = self.window.answered();
        self.sign(handled, room);
    }

    /// The page is there, and has handled so many posts, if that is news.
    fn sign<T: Text>(&mut self, handled: Option<u32>, room: &mut Room<T>) {
        if let Some(posts) = handled {
            room.say(self.port, ToWorker::Ack { posts });
        } else if !self.rests() {
            room.say(self.port, ToWorker::Pong);
        }
        self.rest_until_bound(room);
    }

    /// A page that does not bind does nothing for its session, which is up: there it counts as asleep.
    fn rest_until_bound<T: Text>(&self, room: &mut Room<T>) {
        if self.rests() {
            room.say(self.port, ToWorker::Freeze);
        }
    }

    fn rests(&self) -> bool {
        matches!(&self.stage, Stage::LoggingIn(login) if login.hesitates())
    }

    fn ask_if_due<T: Text>(&mut self, room: &mut Room<T>) {
        if self.window.asks(room.now) {
            self.ask(room);
        }
    }

    fn ask<T: Text>(&mut self, room: &mut Room<T>) {
        // A page of version 0 would close its socket.
        if self.is_old && !matches!(self.stage, Stage::In(_)) {
            let handled = self.window.concede();
            return self.sign(handled, room);
        }
        self.window.ask();
        self.tell(room, if self.is_old { Word::Echo } else { Word::Ping });
    }
}
