//! Sessions × ports as one machine: the whole worker, minus the browser.
//!
//! A tab opens a **port**, says hello and joins a **shared session**: one session and the tabs that
//! share it. The first tab to connect opens the session (`joining`, `admission`). A later tab with
//! the same credentials joins it; a tab with other credentials has them tried on a stream of its
//! own (`trial`), unless the server has just refused them (`refusals`). When the last tab has left,
//! the session waits for a while and is closed (`leaving`).
//!
//! An input finds its session once (`dispatch`); the session acts with what all sessions share
//! (`common`). A frame of the server goes through `router`: to the tabs that claim it (`claims`),
//! to the tab that asked, or to one tab after the other until one answers (`requests`). `iq` keeps
//! the books of who asked whom. A tab's stanza is checked first (`outbound`), since one bad stanza
//! ends the stream that all tabs share, and leaves by the one way out of its session (`sending`,
//! `uplink`).
//!
//! A stream is carried by a WebSocket of the browser's, or by a BOSH session (`uplink::lines`), which
//! the hub speaks itself over HTTP requests of the browser's.
//!
//! Each tab has one queue of posts and a window of posts in flight (`mailbox`): a slow or frozen
//! tab costs no more than its queue, which is bounded. Stanzas that arrive while a tab reloads are
//! kept for its next page.
//!
//! Tabs are equals: a port may fall silent or vanish at any moment, and nothing here waits for one
//! port. Input under the number of a closed port or socket is ignored.
//!
//! As every layer: [`Hub::handle_input`] takes what happened, [`Hub::poll_output`] gives what to
//! do. A stanza stays the text (`T`) that arrived.

use std::rc::Rc;
use std::time::Duration;

pub use epode_bosh::{Carries, RequestId};
use epode_protocol::{FromWorker, HttpOptions, LogLevel, Text, ToWorker};
pub use epode_session as session;
use epode_session::stream;
use epode_session::stream::sasl::{Derivation, ScramKeys};

use common::Common;
pub use config::Config;
use contenders::Contenders;
use shared_session::SharedSession;
use tab_state::TabState;
pub use table::Table;
use timer::Timer;
use trial::Trial;

mod admission;
mod claims;
mod common;
mod config;
mod connection;
mod contenders;
mod dispatch;
mod dormant;
mod exchange;
mod fitness;
mod gaps;
mod inbound;
mod iq;
mod joining;
mod key;
mod leaving;
mod liveness;
mod mailbox;
mod management;
mod member;
mod message;
mod outbound;
mod ownership;
mod presences;
mod refusals;
mod relaying;
mod requests;
mod router;
mod sending;
mod shared_session;
mod status;
mod tab_state;
mod table;
mod timer;
mod trial;
mod uplink;

/// The number of a port. The driver counts; no number is used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct PortId(pub u32);

/// The number of a socket. The hub counts; no number is used twice, so a late event of a former
/// socket is told apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct SocketId(pub u32);

/// The number of a session, or of a trial of credentials.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) struct SessionId(u32);

/// An event for the worker.
#[derive(Debug)]
pub enum Input<T> {
    /// A tab opened a port.
    PortOpened(PortId),
    /// A tab posted a message. The last field is the [time of day](ToWorker#time-of-day), by which
    /// tabs date their claims.
    Message(PortId, ToWorker<T>, f64),
    /// A tab posted something that is not of the protocol; the reason.
    Malformed(PortId, String),
    /// A tab is gone: its Web Lock is free.
    PortClosed(PortId),
    /// The socket is open. The text is fresh randomness: printable ASCII without a comma, 128 bits
    /// or more.
    SocketOpened(SocketId, String),
    /// The randomness that [`Output::Draw`] asked for: a nonce as in
    /// [`SocketOpened`](Input::SocketOpened), and 64 bits of a cryptographic generator.
    Drawn(SocketId, String, u64),
    /// A request of a BOSH session was answered: status and text.
    Response(SocketId, RequestId, u16, T),
    /// A request of a BOSH session failed without a response.
    Failed(SocketId, RequestId),
    /// The socket brought a frame.
    Frame(SocketId, T),
    /// The socket is closed, or could not be opened: close code (0 if there is none) and reason.
    SocketClosed(SocketId, u16, String),
    /// The answer to [`Output::Measure`]: the bytes that were written and are still the browser's.
    Measured(SocketId, usize),
    /// The keys that [`Output::Derive`] asked for on this socket.
    Derived(SocketId, ScramKeys),
    /// Whether the browser is connected to any network.
    Online(bool),
    /// This worker now owns the session of this name.
    Owned(String),
    /// Another worker keeps the session of this name.
    Denied(String, Keeper),
    /// A newer worker asks for the session of this name.
    Wanted(String),
    /// Everything that had happened before [`Output::Defer`] has been handed in.
    Deferred,
    /// The deadline of [`Hub::deadline`] has come.
    Timeout,
}

/// Another worker that keeps a session.
#[derive(Debug)]
pub enum Keeper {
    /// A newer worker of such pages as ours.
    Newer,
    /// The worker of this name, which runs the same script for pages of another library.
    Beside(String),
    /// A worker of another script, for pages of another library.
    Other,
}

/// Something that the worker wants done.
#[derive(Debug)]
pub enum Output<T> {
    /// Post this message to a tab. Tabs that are given the same share one allocation.
    Post(PortId, Rc<FromWorker<T>>),
    /// Report [`Input::PortClosed`] when this Web Lock is free. A tab holds the lock as long as it
    /// lives.
    Watch(PortId, String),
    /// Close the port of a tab that is gone or has said goodbye.
    ClosePort(PortId),
    /// Make sure that no other worker of this origin has the session of this name: after a deploy
    /// there may be two workers. A newer worker asks an older one for the session. Answered by
    /// [`Input::Owned`] or [`Input::Denied`].
    Own(String),
    /// Find out, by [`Input::Denied`], whether a worker for pages of another library has the session of
    /// this name. Wherever the session is, there it stays.
    Seek(String),
    /// Give up the session of this name.
    Disown(String),
    /// End this worker once all frames have left. The tabs notice by its Web Lock, and start
    /// another worker.
    Exit,
    /// Open a WebSocket to this URL with the subprotocol `xmpp` (RFC 7395 §3.1). The last field is
    /// the frame of the first [`Output::Transmit`]: a socket that was opened earlier, and on which
    /// just this frame was sent, will do.
    Dial(SocketId, String, String),
    /// Draw randomness for a BOSH session, which the hub speaks itself, under the number of a socket.
    Draw(SocketId),
    /// Make this HTTP request of a BOSH session, by the [rules](epode_bosh) of its edge.
    Request(SocketId, RequestId, Request),
    /// Abort this HTTP request.
    Abort(SocketId, RequestId),
    /// Write this frame.
    Transmit(SocketId, T),
    /// Report at once, by [`Input::Measured`], how much of what was written the network has not taken.
    Measure(SocketId),
    /// Close the socket; whatever else arrives on it is not needed.
    CloseSocket(SocketId),
    /// Run this derivation, in slices, and return its keys by [`Input::Derived`].
    Derive(SocketId, Derivation),
    /// Hand in [`Input::Deferred`] after all that has happened already: the inputs until then count
    /// as one task.
    Defer,
    /// Write this to the worker's own console. The text never holds a payload or a secret.
    Log(LogLevel, String),
}

/// An HTTP request of a BOSH session.
#[derive(Debug)]
pub struct Request {
    /// The address of the service.
    pub url: String,
    /// The headers, and the mode of credentials.
    pub options: Rc<HttpOptions>,
    /// The whole text.
    pub body: String,
    /// The kind of its content.
    pub carries: Carries,
}

/// The worker. See the crate's documentation.
pub struct Hub<T> {
    common: Common<T>,
    /// Ports whose tabs have left or are about to, each with the session it left: its page may
    /// still send.
    left: Table<PortId, SessionId>,
    sessions: Table<SessionId, SharedSession<T>>,
    trials: Table<SessionId, Trial>,
    contenders: Contenders,
    /// Number of sessions so far.
    numbered: u32,
}

impl<T: Text> Hub<T> {
    /// A worker without tabs.
    pub fn new(config: Config) -> Self {
        Hub {
            common: Common::new(config),
            left: Table::default(),
            sessions: Table::default(),
            trials: Table::default(),
            contenders: Contenders::default(),
            numbered: 0,
        }
    }

    /// Takes in an event. [`Hub::poll_output`] returns what follows from it.
    pub fn handle_input(&mut self, now: Duration, input: Input<T>) {
        self.common.now = now;
        match input {
            Input::PortOpened(port) => {
                self.common.tabs.insert(port, TabState::new(now));
                // Some ports stay silent for ever: their pages were gone before they could speak.
                self.common.timers.set(Timer::Heartbeat(port), Some(now + tab_state::GONE));
            }
            Input::Message(port, message, time) => self.message(port, message, time),
            Input::Malformed(port, detail) => self.malformed(port, detail),
            Input::PortClosed(port) => self.port_left(port),
            Input::SocketOpened(socket, nonce) => self.socket_input(socket, stream::Input::Opened { nonce }),
            Input::Drawn(socket, nonce, random) => self.drawn(socket, nonce, random),
            Input::Response(socket, request, status, text) => {
                self.responded(socket, request, status, &text);
            }
            Input::Failed(socket, request) => {
                self.line_input(socket, epode_bosh::Input::Failed { request });
            }
            Input::Frame(socket, text) => self.frame(socket, text),
            Input::SocketClosed(socket, code, reason) => {
                self.socket_input(socket, stream::Input::Closed { code, reason: &reason });
            }
            Input::Measured(socket, kept) => {
                if let Some(id) = self.on_socket(socket) {
                    self.with(id, |shared, common| shared.measured(kept, common));
                }
            }
            Input::Derived(socket, keys) => self.socket_input(socket, stream::Input::Derived(keys)),
            Input::Online(online) => {
                for id in self.sessions.keys().copied().collect::<Vec<_>>() {
                    self.feed(id, session::Input::Online(online));
                }
                if online {
                    self.lines_online();
                    self.woke();
                }
            }
            Input::Owned(name) => self.owned(&name),
            Input::Denied(name, keeper) => self.denied(&name, &keeper),
            Input::Wanted(name) => self.wanted(&name),
            Input::Deferred => self.common.end_of_task(),
            Input::Timeout => self.timeout(),
        }
        self.end_task_of_lines();
    }

    /// The next thing to do, in order; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output<T>> {
        self.common.poll_output()
    }

    /// The time at which [`Input::Timeout`] is due.
    pub fn deadline(&self) -> Option<Duration> {
        self.common.timers.next()
    }
}

#[cfg(test)]
mod tests;
