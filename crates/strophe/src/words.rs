//! The words that cross a port of such a page: each is a list, of a name and what belongs to it.

use epode_protocol::port::{Read, Value, Write, Writer, Wrong};
use epode_protocol::{LogLevel, Role};

/// The version of the wire that is spoken since strophe.js 4.1.1.
pub(crate) const LATEST: u32 = 3;

/// What a page says.
#[derive(Clone, Debug, PartialEq)]
pub enum Said<T> {
    /// Log in, at this service, as this account.
    Connect {
        /// The URL of the service.
        service: String,
        /// The account, with the resource to ask for if any.
        jid: String,
        /// The version of the wire; 0 where the page names none.
        version: u32,
    },
    /// Join the session that is there.
    Attach {
        /// The URL of the service.
        service: String,
        /// As in [`Connect`](Said::Connect).
        version: u32,
    },
    /// Write this frame.
    Send(T),
    /// The page is done with its session.
    CloseSocket,
    /// The server offers stream management, which the page leaves to the worker.
    SmFeatures,
    /// The login is complete.
    Bound,
    /// The page is there.
    Pong,
    /// The page is being frozen.
    Relinquish,
    /// The page is being unloaded, or is done with this port.
    Bye,
    /// Something else, as far as it has a name.
    Unknown(Option<String>),
}

impl<T: Read<V>, V: Value> Read<V> for Said<T> {
    /// Any list is a word; what is wrong with it is for the page to hear.
    fn read(value: &V) -> Result<Self, Wrong> {
        value.length().ok_or(Wrong::default())?;
        let Some(name) = value.item(0).text() else { return Ok(Said::Unknown(None)) };
        let text = |index| value.item(index).text();
        let version = |index| match value.item(index) {
            none if none.is_nothing() => 0,
            // What is no number, or none of a version, is none that is spoken here.
            version => u32::read(&version).unwrap_or(u32::MAX),
        };
        let said = match &*name {
            "_connect" => match (text(1), text(2)) {
                (Some(service), Some(jid)) => Some(Said::Connect { service, jid, version: version(3) }),
                _ => None,
            },
            "_attach" => text(1).map(|service| Said::Attach { service, version: version(2) }),
            "send" => T::read(&value.item(1)).ok().map(Said::Send),
            "_closeSocket" => Some(Said::CloseSocket),
            "_smFeatures" => Some(Said::SmFeatures),
            "_bound" => Some(Said::Bound),
            "_pong" => Some(Said::Pong),
            "_relinquish" => Some(Said::Relinquish),
            "_bye" => Some(Said::Bye),
            _ => None,
        };
        Ok(said.unwrap_or(Said::Unknown(Some(name))))
    }
}

/// What a page is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Word<T> {
    /// The role of the page, and the JID of its session.
    Role(Role, String),
    /// The page, which was secondary, is primary now.
    Promote(String),
    /// The socket is open: the page may begin its stream.
    Open,
    /// A frame.
    Message(T),
    /// A message or presence that another page sent.
    Sent(T),
    /// The socket is closed, for this reason.
    Close(String),
    /// The same for a page of version 0, which understands an event of the browser's only.
    CloseEvent(String),
    /// The page has joined a session with this JID, or has not.
    Attached(Option<String>),
    /// There is no session to resume: bind.
    SmNoState,
    /// The stream is managed: the JID of the session.
    SmEnabled(String),
    /// The session in which the page was could not be resumed. A primary page binds then.
    SmFailed,
    /// The session has been resumed, and keeps this JID: the login is complete.
    SmResumed(String),
    /// Is anybody there? A page of version 3 answers by `_pong`.
    Ping,
    /// The same of version 0, which answers by `_closeSocket`.
    Echo,
    /// A line for the page's log.
    Log(LogLevel, String),
}

impl<T> Word<T> {
    /// Whether version 0 has no such word.
    pub(crate) fn is_new(&self) -> bool {
        use Word::{Ping, Promote, Role, Sent, SmEnabled, SmFailed, SmNoState, SmResumed};
        matches!(self, Role(..) | Promote(_) | Sent(_) | Ping)
            || matches!(self, SmNoState | SmEnabled(_) | SmFailed | SmResumed(_))
    }
}

/// The session's id as the pages are told: who resumes is the worker.
pub(crate) const SM_ID: &str = "epode";

impl<T: Write<W>, W: Writer> Write<W> for Word<T> {
    fn write(&self, at: &'static str, to: &mut W) {
        to.list(at);
        let name = match self {
            Word::Role(..) => "_role",
            Word::Promote(_) => "_promote",
            Word::Open => "_onOpen",
            Word::Message(_) => "_onMessage",
            Word::Sent(_) => "_onStanzaSent",
            Word::Close(_) | Word::CloseEvent(_) => "_onClose",
            Word::Attached(_) => "_attachCallback",
            Word::SmNoState => "_smNoState",
            Word::SmEnabled(_) => "_smEnabled",
            Word::SmFailed => "_smFailed",
            Word::SmResumed(_) => "_smResumed",
            Word::Ping => "_ping",
            Word::Echo => "_closeSocket",
            Word::Log(..) => "log",
        };
        to.text("", name);
        match self {
            Word::Role(role, jid) => {
                to.text("", if *role == Role::Primary { "primary" } else { "secondary" });
                to.text("", jid);
            }
            Word::Promote(text) | Word::Close(text) => to.text("", text),
            Word::Message(text) => {
                to.record("");
                text.write("data", to);
                to.close();
            }
            Word::CloseEvent(reason) => {
                to.record("");
                // The one code that such a page takes for a failure.
                to.number("code", 1006.0);
                to.text("reason", reason);
                to.close();
            }
            Word::Sent(text) => text.write("", to),
            Word::Attached(Some(jid)) => {
                to.number("", 8.0);
                to.text("", jid);
            }
            Word::Attached(None) => to.number("", 12.0),
            Word::SmEnabled(jid) => {
                to.text("", SM_ID);
                to.nothing("");
                to.text("", jid);
            }
            Word::SmResumed(jid) => {
                to.text("", jid);
                to.text("", SM_ID);
            }
            Word::Log(level, text) => {
                to.text("", level_name(*level));
                to.text("", text);
            }
            Word::Open | Word::SmNoState | Word::SmFailed | Word::Ping | Word::Echo => {}
        }
        to.close();
    }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        LogLevel::Fatal => "fatal",
    }
}
