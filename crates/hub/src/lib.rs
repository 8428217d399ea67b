//! Sessions × ports as one machine: the whole worker, minus the browser.
//!
//! A **port** opens, a tab says hello and joins a **shared session**: one session and the tabs that share it.
//! The first tab's wish opens the session; a further one with the same credentials simply joins; one with
//! others is put to the test on a stream of its own, unless the server has just refused the same
//! (`refusals`). What the server sends goes through the `router`: to every tab, or only to the one that
//! asked, or to one after the other until one answers. What a tab sends is checked first (`outbound`), so
//! that nobody can break the stream that all share. `iq` keeps the books of who asked whom. When the last tab
//! has left, the session waits a while and is closed.
//!
//! A tab hears what it claims (`claims`), and each post to it leaves from one queue (`mailbox`) within a
//! window that it acknowledges: a tab that is slow or frozen costs nothing but its queue, which is bounded.
//! What arrives for a tab that reloads waits for it.
//!
//! Tabs are equals: a port may fall silent or vanish at any moment, and nothing here waits for one. Whatever
//! arrives under the number of a port or a socket that is gone is dropped.
//!
//! As every layer: [`Hub::handle_input`] takes what happened, [`Hub::poll_output`] gives what to do, and the
//! stanza stays the text (`T`) it came as.

use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{FromWorker, LogLevel, Text, ToWorker};
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
mod exchange;
mod fitness;
mod gaps;
mod inbound;
mod iq;
mod joining;
mod key;
mod leaving;
mod mailbox;
mod member;
mod message;
mod outbound;
mod ownership;
mod presences;
mod refusals;
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

/// Names a port. The driver counts; a number is never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct PortId(pub u32);

/// Names a socket. The hub counts; a number is never used twice, so a late word of a former socket touches
/// nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct SocketId(pub u32);

/// Names a session, and a trial of credentials.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) struct SessionId(u32);

/// What happens to the worker.
#[derive(Debug)]
pub enum Input<T> {
    /// A tab opened a port.
    PortOpened(PortId),
    /// A tab said something; and the [time of day](ToWorker#time-of-day), since tabs say by it when they did.
    Message(PortId, ToWorker<T>, f64),
    /// A tab posted what is not of the protocol.
    Malformed(PortId, String),
    /// A tab is gone: its lock is free.
    PortClosed(PortId),
    /// The socket is open. With it comes fresh randomness: printable ASCII without a comma, 128 bits or more.
    SocketOpened(SocketId, String),
    /// The socket brought a frame.
    Frame(SocketId, T),
    /// The socket is gone, or could not be opened: close code (0: none) and reason.
    SocketClosed(SocketId, u16, String),
    /// The derivation for the stream on this socket is done.
    Derived(SocketId, ScramKeys),
    /// The browser is, or is not, connected to any network.
    Online(bool),
    /// The session of this name is this worker's.
    Owned(String),
    /// The session of this name stays with another worker, which is newer.
    Denied(String),
    /// A newer worker asks for the session of this name.
    Wanted(String),
    /// All that had happened when [`Output::Defer`] was asked for has been handed in.
    Deferred,
    /// The deadline of [`Hub::deadline`] has come.
    Timeout,
}

/// What the worker wants done.
#[derive(Debug)]
pub enum Output<T> {
    /// Post this to a tab. What several tabs are to be given is one and the same.
    Post(PortId, Rc<FromWorker<T>>),
    /// Report [`Input::PortClosed`] when this Web Lock is free: the tab that holds it lives until then.
    Watch(PortId, String),
    /// Close the port: its tab is gone, or has said goodbye.
    ClosePort(PortId),
    /// See to it that no other worker of this origin has the session of this name: after a deploy there may
    /// be two. A newer one asks an older one for it; answered by [`Input::Owned`] or [`Input::Denied`].
    Own(String),
    /// Let go of the session of this name.
    Disown(String),
    /// End this worker, once what was written has left. Its tabs learn it from its lock, and start another.
    Exit,
    /// Open a WebSocket to this URL with the subprotocol `xmpp` (RFC 7395 §3.1). The frame is what the first
    /// [`Output::Transmit`] will have: a socket that was opened before, and on which just that was said, does
    /// as well.
    Dial(SocketId, String, String),
    /// Write this frame.
    Transmit(SocketId, T),
    /// Close the socket; what it still says is not needed.
    CloseSocket(SocketId),
    /// Run this derivation, in slices, and hand its keys back.
    Derive(SocketId, Derivation),
    /// Hand in [`Input::Deferred`] behind what has happened already: what comes until then is one task.
    Defer,
    /// Write this to the worker's own console. Never holds a payload or a secret.
    Log(LogLevel, String),
}

/// The worker. See the crate's documentation.
pub struct Hub<T> {
    common: Common<T>,
    /// Those whose tabs are gone, or about to be, each with the session that it left, and speaks to still.
    left: Table<PortId, SessionId>,
    sessions: Table<SessionId, SharedSession<T>>,
    trials: Table<SessionId, Trial>,
    contenders: Contenders,
    /// How many sessions there have been.
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

    /// Takes note of what happened. Collect what follows from it with [`Hub::poll_output`].
    pub fn handle_input(&mut self, now: Duration, input: Input<T>) {
        self.common.now = now;
        match input {
            Input::PortOpened(port) => {
                self.common.tabs.insert(port, TabState::new(now));
                // Behind some nobody ever speaks: their pages were gone before they could.
                self.common.timers.set(Timer::Heartbeat(port), Some(now + tab_state::GONE));
            }
            Input::Message(port, message, time) => self.message(port, message, time),
            Input::Malformed(port, detail) => self.malformed(port, detail),
            Input::PortClosed(port) => self.port_left(port),
            Input::SocketOpened(socket, nonce) => self.socket_input(socket, stream::Input::Opened { nonce }),
            Input::Frame(socket, text) => self.frame(socket, text),
            Input::SocketClosed(socket, code, reason) => {
                self.socket_input(socket, stream::Input::Closed { code, reason: &reason });
            }
            Input::Derived(socket, keys) => self.socket_input(socket, stream::Input::Derived(keys)),
            Input::Online(online) => {
                for id in self.sessions.keys().copied().collect::<Vec<_>>() {
                    self.feed(id, session::Input::Online(online));
                }
            }
            Input::Owned(name) => self.owned(&name),
            Input::Denied(name) => self.denied(&name),
            Input::Wanted(name) => self.wanted(&name),
            Input::Deferred => self.common.end_of_task(),
            Input::Timeout => self.timeout(),
        }
    }

    /// The next thing to do, in order; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output<T>> {
        self.common.poll_output()
    }

    /// When to hand in [`Input::Timeout`].
    pub fn deadline(&self) -> Option<Duration> {
        self.common.timers.next()
    }
}

#[cfg(test)]
mod tests;
