//! What a page says.

use std::time::Duration;

use epode_protocol::{
    LogLevel, ManagementOptions, Options, Outgoing, Role, SessionInfo, Slice, Text, ToWorker, Token,
};

use super::{Page, Stage};
use crate::lineage::Place;
use crate::login::{Login, account_of};
use crate::room::{Belated, Room};
use crate::scenery::{self, Frame, Management};
use crate::words::{LATEST, Said, Word};

/// How long a page takes at most from `_closeSocket` to `_bye` when it is unloaded.
const UNLOADING: Duration = Duration::from_secs(1);

/// How long an app takes at most to tidy up after an end: strophe.js then closes the socket again.
const TIDYING: Duration = Duration::from_secs(1);

/// How long the server may take to close the stream of a session that a page ends, in milliseconds.
const PATIENCE: u32 = 3000;

const OTHER_VERSION: &str = "the worker of Epode speaks versions 0 and 3 of the wire of strophe.js, and this \
    page speaks another: load a strophe.js from 4.1.1 to 5.0.0";
const LEFT: &str = "this page has said goodbye at this port: reload it";
const TOO_LATE: &str = "a stanza was not sent: its session had ended";
const GONE: &str = "the worker of Epode knows of no session of this page";

const UNSURE: &str = "nobody can tell of which account this page is: log in";

impl Page {
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
            Said::SmFeatures => self.manage(room),
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
        self.log(level, why, room);
        match word {
            "_connect" => self.close(why, room),
            "_attach" => self.tell(room, Word::Attached(None)),
            _ => {}
        }
    }

    /// Introduces the page to the hub. A page that names no account ("") keeps its own.
    fn greet<T: Text>(&mut self, service: &str, account: String, room: &mut Room<T>) -> bool {
        let names_none = account.is_empty();
        let place = Place { service: service.to_owned(), account: Some(account) };
        let mut former = std::mem::replace(&mut self.place, place).account;
        let mut is_new = false;
        if self.tab.is_none() {
            let heir = room.lineage.next(room.now, &self.place);
            room.greet(self.port, &heir);
            // A page of version 0 has no goodbye by which a new one is told.
            if let Some(Place { service, account }) = heir.ended.filter(|_| !self.is_old) {
                // At the former port the hub takes it for part of an unloading. What comes of it is dropped.
                self.unjoined += 1;
                room.say(self.port, ToWorker::Attach { service, jid: account, explicit_binding: false });
                room.say(self.port, ToWorker::Disconnect { reason: None, timeout: PATIENCE });
            }
            (self.tab, self.missed) = (Some(heir.tab), heir.missed);
            (former, is_new) = (heir.account, heir.is_new);
            self.is_new = is_new;
        }
        if names_none {
            self.place.account = former;
        }
        is_new
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

    /// Asks the hub for the session of the page's account; if that may be any, for the one that is there.
    pub(super) fn join<T: Text>(&mut self, room: &mut Room<T>) {
        let Stage::Attaching { service, held } = &mut self.stage else { return };
        *held = false;
        let Some(account) = self.place.account.clone() else { return self.stay_out(UNSURE, room) };
        let jid = Some(account).filter(|account| account.contains('@'));
        let attach = ToWorker::Attach { service: service.clone(), jid, explicit_binding: false };
        self.unjoined += 1;
        room.say(self.port, attach);
    }

    fn start_over(&mut self) {
        if self.is_owed {
            // At one port the page has heard the end after all that it was told.
            self.missed = vec![self.window.position];
        }
        self.asked.clear();
        (self.reason, self.leaves_at) = (None, None);
        (self.echoes, self.tidies_until, self.ahead) = (0, None, None);
        (self.has_management, self.is_owed, self.has_logged_out) = (false, false, false);
        self.seeks = false;
        self.role = Role::Primary;
    }

    /// The page is unloaded, or done with this port.
    fn bye<T: Text>(&mut self, room: &mut Room<T>) {
        let closes = self.leaves_at.take().is_some() && matches!(self.stage, Stage::In(_));
        self.seeks = false;
        let Some(tab) = &self.tab else {
            room.lineage.unused_left(room.now);
            return room.left(self.port, false);
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
            if closes {
                room.lineage.had_closed();
            }
            room.left(self.port, !matches!(self.stage, Stage::Out));
        }
        self.stage = Stage::Left;
        self.leave(room);
    }

    pub(super) fn leave<T: Text>(&mut self, room: &mut Room<T>) {
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
                // The hub may have the page in a session already, which goes on for the others.
                self.leave_session(room);
                match gives_up {
                    true => self.leave_or_log_out(room),
                    false => self.tidies_until = Some(room.now + TIDYING),
                }
            }
            // The app ended the session before it heard of the loss.
            Stage::Out if self.ahead.is_some() && closed_stream => self.leave_or_log_out(room),
            Stage::Out if self.echoes > 0 => {
                self.ahead = None;
                self.echoes -= 1;
                self.tidies_until = Some(room.now + TIDYING);
            }
            Stage::Out if self.tidies_until.is_some_and(|until| until > room.now) => {}
            // What the hub keeps of a session that was lost ends with that.
            Stage::Out => self.leave_or_log_out(room),
            Stage::Left => {}
        }
    }

    /// Leaves the session, and keeps the port.
    pub(super) fn leave_session<T: Text>(&mut self, room: &mut Room<T>) {
        self.unjoined += 1;
        let nowhere = String::new();
        room.say(self.port, ToWorker::Attach { service: nowhere, jid: None, explicit_binding: false });
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
            self.end_for_all(room);
        }
    }

    pub(super) fn end_for_all<T: Text>(&mut self, room: &mut Room<T>) {
        self.has_logged_out = true;
        if let Some(session) = self.window.session {
            room.forget(session);
        }
        room.say(self.port, ToWorker::Disconnect { reason: None, timeout: PATIENCE });
    }

    fn send<T: Text>(&mut self, text: T, room: &mut Room<T>) {
        let frame = Frame::of(&text);
        self.said += Token::from(scenery::is_stanza(&text));
        match frame {
            Frame::Close => self.closed_stream = true,
            Frame::Management(wish) => self.pose(&wish, room),
            Frame::Unhandled { id } => match self.asked.iter().rposition(|(_, asked)| *asked == id) {
                Some(at) => {
                    let (position, _) = self.asked.remove(at);
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
                Stage::Out if let Some(bound) = self.ahead => {
                    // An app that goes offline may be back before the session is.
                    if scenery::is_farewell(&text) {
                        return;
                    }
                    let tab = self.tab.clone().unwrap_or_default();
                    if !room.keep(Belated { tab, bound, text, at: room.now }) {
                        self.log(LogLevel::Error, TOO_LATE, room);
                    }
                }
                // The page knows. To be told again it might take for the end of its next login.
                Stage::Out if scenery::is_stanza(&text) => self.log(LogLevel::Error, TOO_LATE, room),
                Stage::Out => {}
                Stage::Attaching { .. } => self.close(GONE, room),
            },
        }
    }

    /// XEP-0198 is the worker's. An app that sees to it as well waits for the server's answers, so it has
    /// them: nothing can be resumed, and all that it sent has come.
    fn pose<T: Text>(&mut self, wish: &Management, room: &mut Room<T>) {
        if !matches!(self.stage, Stage::In(_) | Stage::LoggingIn(_)) {
            return;
        }
        let answer = match wish {
            Management::Enable => {
                self.counted_from = self.said;
                scenery::enabled(false)
            }
            Management::Resume => scenery::not_resumed(),
            Management::Request => scenery::handled(self.said.wrapping_sub(self.counted_from)),
            Management::Answer => return,
        };
        self.tell(room, Word::Message(answer.into()));
    }

    /// Sends what waits for this session. What the page meant for another one has come too late.
    pub(super) fn pass_belated<T: Text>(&mut self, session: &SessionInfo, room: &mut Room<T>) {
        for belated in std::mem::take(&mut room.belated) {
            if belated.bound == session.bound {
                self.pass(belated.text, room);
            } else if self.tab.as_ref() == Some(&belated.tab) {
                self.log(LogLevel::Error, TOO_LATE, room);
            } else {
                room.belated.push(belated);
            }
        }
    }

    fn pass<T: Text>(&mut self, text: T, room: &mut Room<T>) {
        self.sent += 1;
        room.say(self.port, ToWorker::Send { stanzas: vec![Outgoing { token: self.sent, text }] });
    }

    /// The page leaves stream management to the worker, and waits to hear whether its session goes on.
    fn manage<T: Text>(&mut self, room: &mut Room<T>) {
        let resumed = match &mut self.stage {
            // A page that was loaded anew has nothing of its session.
            Stage::LoggingIn(login) if !self.is_new => login.resumed(&self.missed),
            _ => None,
        };
        match resumed {
            Some(session) => {
                self.tell(room, Word::SmResumed(session.jid.clone()));
                self.enter_as_primary(session, room);
            }
            None => {
                self.has_management = true;
                self.tell(room, Word::SmNoState);
            }
        }
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
