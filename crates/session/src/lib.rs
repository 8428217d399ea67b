//! One account across many streams.
//!
//! A session is what a user means by "being online": it outlives the socket under it. It asks for a socket, runs a
//! [`Stream`] over it, and says when it is up and why it went down. Each socket has a number of its own, so what a former one still
//! has to say touches nothing.
//!
//! Today a session lives for one stream: when that ends, so does the session, and its tabs are told why. Dialling again, backing
//! off and resuming (XEP-0198) belong here, above the stream and below the tabs.
//!
//! As every layer: [`Session::handle_input`] takes what happened, [`Session::poll_output`] gives what to do.

use std::time::Duration;

pub use epode_stream as stream;
use epode_stream::sasl::Derivation;
use epode_stream::xml::{Head, Violation};
pub use epode_stream::{Bound, Event, Input, Stream};

pub use account::Account;

mod account;

/// What is wrong with what the app asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Not the URL of an XMPP service over WebSocket.
    #[error("{0:?} is not the address of a WebSocket: it must begin with ws:// or wss:// and name a host")]
    Service(String),
    /// Not a JID.
    #[error("{0:?} is not a JID: user@domain, or a domain to log in anonymously")]
    Jid(String),
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To be online.
    Join,
    /// To find out whether credentials are good.
    Verify,
}

/// What a session wants done.
#[derive(Debug)]
pub enum Output {
    /// Open a WebSocket to this URL, with the subprotocol `xmpp` (RFC 7395 §3.1).
    Dial(String),
    /// Write this frame.
    Transmit(String),
    /// Close the socket.
    CloseSocket,
    /// Run this derivation, in slices, and hand its keys back.
    Derive(Derivation),
    /// Tell the hub.
    Event(Event),
}

/// One account's session. See the crate's documentation.
pub struct Session {
    account: Account,
    stream: Stream,
    dial: Option<String>,
}

impl Session {
    /// A session that dials at once.
    pub fn new(now: Duration, account: Account, purpose: Purpose) -> Self {
        let stream = Stream::new(now, account.config(purpose));
        let dial = Some(account.service().to_owned());
        Session { account, stream, dial }
    }

    /// Whose session it is.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Takes note of what happened on the socket.
    pub fn handle_input(&mut self, now: Duration, input: Input<'_>) {
        self.stream.handle_input(now, input);
    }

    /// The next thing to do, in order; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(url) = self.dial.take() {
            return Some(Output::Dial(url));
        }
        Some(match self.stream.poll_output()? {
            epode_stream::Output::Transmit(frame) => Output::Transmit(frame),
            epode_stream::Output::CloseSocket => Output::CloseSocket,
            epode_stream::Output::Derive(derivation) => Output::Derive(derivation),
            epode_stream::Output::Event(event) => Output::Event(event),
        })
    }

    /// When to hand in [`Input::Timeout`].
    pub fn deadline(&self) -> Option<Duration> {
        self.stream.deadline()
    }

    /// Whether stanzas flow.
    pub fn is_up(&self) -> bool {
        self.stream.is_bound()
    }

    /// Reads a stanza that is to be sent; an error if the server would end the stream over it.
    pub fn check(&self, text: &str) -> Result<Head, Violation> {
        self.stream.check(text)
    }
}
