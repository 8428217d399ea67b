//! One account across many streams.
//!
//! A session is what a user means by "being online": it outlives the socket under it. It asks for a socket,
//! runs a [`Stream`] over it, and says when it is up and why it went down. A session that was up and lost its
//! stream dials again by itself, after a while that grows and is jittered, held while the browser is offline,
//! until it is up again or an error ends it: the table is in `redial`. An attempt that never was up is not
//! repeated: whoever wished for it is told why.
//!
//! Each dial means a new stream; resuming the former one (XEP-0198) belongs here and comes later.
//!
//! As every layer: [`Session::handle_input`] takes what happened, [`Session::poll_output`] gives what to do.

use std::collections::VecDeque;
use std::time::Duration;

pub use epode_stream as stream;
use epode_stream::sasl::{Derivation, ScramKeys};
use epode_stream::xml::{Head, Violation};
pub use epode_stream::{Bound, Dropped, Stream};

pub use account::{Account, Mechanisms};
use redial::Redial;

mod account;
mod backoff;
mod redial;

/// What is wrong with what the app asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Not the URL of an XMPP service over WebSocket.
    #[error("\"{0}\" is not the address of a WebSocket: it must begin with ws:// or wss:// and name a host")]
    Service(String),
    /// Not a JID.
    #[error("\"{0}\" is not a JID: user@domain, or a domain to log in anonymously")]
    Jid(String),
    /// Credentials that no mechanism can use.
    #[error("{0}")]
    Sasl(#[from] stream::sasl::Error),
}

impl Error {
    /// The rule as a word that an app can compare, where it has a name.
    pub fn condition(&self) -> Option<&'static str> {
        match self {
            Error::Sasl(error) => Some(error.condition()),
            Error::Service(_) | Error::Jid(_) => None,
        }
    }
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To be online.
    Join {
        /// Whether to dial again when the connection is lost.
        reconnect: bool,
        /// Whether to wait for [`stream::Input::Bind`] before it is online for the first time.
        explicit: bool,
    },
    /// To find out whether credentials are good.
    Verify,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// It may dial, for the first time.
    Start,
    /// What happens to its stream.
    Stream(stream::Input<'a>),
    /// The browser is, or is not, connected to any network.
    Online(bool),
}

impl From<ScramKeys> for Input<'_> {
    fn from(keys: ScramKeys) -> Self {
        Input::Stream(stream::Input::Derived(keys))
    }
}

impl<'a> From<stream::Input<'a>> for Input<'a> {
    fn from(input: stream::Input<'a>) -> Self {
        Input::Stream(input)
    }
}

/// What a session wants done.
#[derive(Debug)]
pub enum Output {
    /// Open a WebSocket to this URL, with the subprotocol `xmpp` (RFC 7395 §3.1). The frame is what this
    /// session will say on it first, once it hears that it is open.
    Dial(String, String),
    /// Write this frame.
    Transmit(String),
    /// Close the socket.
    CloseSocket,
    /// Run this derivation, in slices, and hand its keys back.
    Derive(Derivation),
    /// See [`stream::Output::Ask`].
    #[allow(missing_docs, reason = "documented there")]
    Ask { mechanism: String, challenge: Option<String> },
    /// Tell the hub.
    Event(Event),
}

/// What a session tells the hub.
#[derive(Debug)]
pub enum Event {
    /// A mechanism was chosen; credentials are on their way.
    Authenticating,
    /// The credentials are good; see [`stream::Event::Authenticated`].
    Authenticated(Option<ScramKeys>),
    /// See [`stream::Event::BindRequired`].
    BindRequired,
    /// The resource is bound; stanzas may flow.
    Bound(Bound),
    /// The frame just handed in is a stanza, well-formed and allowed.
    Stanza(Head),
    /// See [`stream::Event::Early`].
    Early(Head, String),
    /// See [`stream::Event::Dropped`].
    Dropped(Dropped),
    /// The stream is lost; another will be dialled.
    Lost {
        /// Why.
        error: stream::Error,
        /// Whether there is something new to tell: it was up, or what keeps it down is another cause than
        /// before.
        news: bool,
    },
    /// The session is over: as it was asked to (`None`), or because of an error.
    Ended(Option<stream::Error>),
}

enum Phase {
    /// Nobody has said yet that it may dial.
    Waiting,
    /// A stream is there, or on its way.
    Streaming,
    /// The next dial is due then.
    Resting(Duration),
    /// The next dial is due as soon as the browser is online.
    Offline,
    Over,
}

/// One account's session. See the crate's documentation.
pub struct Session {
    account: Account,
    purpose: Purpose,
    stream: Stream,
    phase: Phase,
    redial: Redial,
    was_up: bool,
    /// Whether it is up.
    up: bool,
    /// What keeps it down, in the words of the table; `None` while it is up.
    cause: Option<String>,
    online: bool,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session that dials as soon as it is told to [start](Input::Start). `seed` sets the jitter of later
    /// dials.
    pub fn new(now: Duration, account: Account, purpose: Purpose, seed: u64) -> Self {
        let stream = Stream::new(now, account.config(purpose, false));
        Session {
            account,
            purpose,
            stream,
            phase: Phase::Waiting,
            redial: Redial::new(seed),
            was_up: false,
            up: false,
            cause: None,
            online: true,
            outputs: VecDeque::new(),
        }
    }

    /// Whose session it is.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Takes over credentials that have proven good, for the dials to come; whether it did, for it does not
    /// give up what it can use by itself for what it cannot.
    pub fn adopt(&mut self, account: Account) -> bool {
        let adopted = self.account.adopt(account);
        if adopted {
            self.redial.renew();
            // What kept it down is forgotten, to be told again if it comes back.
            self.cause = None;
            // What kept it from dialling may be mended by them.
            if let Phase::Resting(at) = &mut self.phase {
                *at = Duration::ZERO;
            }
        }
        adopted
    }

    /// Takes note of what happened.
    pub fn handle_input(&mut self, now: Duration, input: Input<'_>) {
        match (&self.phase, input) {
            (_, Input::Online(online)) => self.online(now, online),
            (Phase::Waiting, Input::Start) => {
                self.phase = Phase::Streaming;
                self.ask_for_socket();
            }
            (_, Input::Start) => {}
            // How the resource is to be bound is said before there is a stream to bind it on.
            (Phase::Waiting, Input::Stream(bind @ stream::Input::Bind { .. })) => {
                self.stream.handle_input(now, bind);
            }
            (Phase::Streaming, Input::Stream(input)) => {
                if let (stream::Input::Close(_), Purpose::Join { reconnect, .. }) =
                    (&input, &mut self.purpose)
                {
                    // However it ends.
                    *reconnect = false;
                }
                self.stream.handle_input(now, input);
                self.drain(now);
            }
            (Phase::Resting(at), Input::Stream(stream::Input::Timeout)) if *at <= now => self.dial(now),
            (Phase::Waiting | Phase::Resting(_) | Phase::Offline, Input::Stream(stream::Input::Close(_))) => {
                self.end(None);
            }
            (Phase::Waiting | Phase::Resting(_) | Phase::Offline | Phase::Over, Input::Stream(_)) => {}
        }
    }

    /// The next thing to do, in order; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in a timeout.
    pub fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Streaming => self.stream.deadline(),
            Phase::Resting(at) => Some(at),
            Phase::Waiting | Phase::Offline | Phase::Over => None,
        }
    }

    /// Reads a stanza that is to be sent; an error if the server would end the stream over it.
    pub fn check(&self, text: &str) -> Result<Head, Violation> {
        self.stream.check(text)
    }

    fn drain(&mut self, now: Duration) {
        while let Some(output) = self.stream.poll_output() {
            let output = match output {
                stream::Output::Transmit(frame) => Output::Transmit(frame),
                stream::Output::CloseSocket => Output::CloseSocket,
                stream::Output::Derive(derivation) => Output::Derive(derivation),
                stream::Output::Ask { mechanism, challenge } => Output::Ask { mechanism, challenge },
                stream::Output::Event(event) => match event {
                    stream::Event::Authenticating => Output::Event(Event::Authenticating),
                    stream::Event::Authenticated(keys) => {
                        if keys.is_some() {
                            self.account.expect_scram();
                        }
                        Output::Event(Event::Authenticated(keys))
                    }
                    stream::Event::BindRequired => Output::Event(Event::BindRequired),
                    stream::Event::Stanza(head) => Output::Event(Event::Stanza(head)),
                    stream::Event::Early(head, text) => Output::Event(Event::Early(head, text)),
                    stream::Event::Dropped(dropped) => Output::Event(Event::Dropped(dropped)),
                    stream::Event::Bound(bound) => {
                        (self.was_up, self.up) = (true, true);
                        self.cause = None;
                        self.redial.up(now);
                        // A resource that only stood in for another is not the one that is asked for next.
                        self.account.bound(&bound.jid, self.stream.has_yielded());
                        if let Purpose::Join { explicit, .. } = &mut self.purpose {
                            *explicit = false;
                        }
                        Output::Event(Event::Bound(bound))
                    }
                    stream::Event::Ended(error) => return self.stream_ended(now, error),
                },
            };
            self.outputs.push_back(output);
        }
    }

    fn stream_ended(&mut self, now: Duration, error: Option<stream::Error>) {
        let reconnect = matches!(self.purpose, Purpose::Join { reconnect: true, .. }) && self.was_up;
        let up = std::mem::take(&mut self.up);
        let rest = error.as_ref().filter(|_| reconnect).and_then(|error| self.redial.rest(now, error, up));
        let (Some(error), Some(rest)) = (error.clone(), rest) else { return self.end(error) };
        self.phase = match self.online {
            true => Phase::Resting(now + rest),
            false => Phase::Offline,
        };
        let cause = redial::cause(&error).to_owned();
        let news = self.cause.as_ref() != Some(&cause);
        self.cause = Some(cause);
        self.outputs.push_back(Output::Event(Event::Lost { error, news }));
    }

    fn online(&mut self, now: Duration, online: bool) {
        self.online = online;
        match self.phase {
            Phase::Resting(_) if !online => self.phase = Phase::Offline,
            Phase::Offline if online => match self.redial.soonest(now) {
                at if at > now => self.phase = Phase::Resting(at),
                _ => self.dial(now),
            },
            _ => {}
        }
    }

    fn dial(&mut self, now: Duration) {
        self.stream = Stream::new(now, self.account.config(self.purpose, self.was_up));
        self.phase = Phase::Streaming;
        self.ask_for_socket();
    }

    fn ask_for_socket(&mut self) {
        let url = self.account.service().to_owned();
        self.outputs.push_back(Output::Dial(url, self.stream.greeting()));
    }

    fn end(&mut self, error: Option<stream::Error>) {
        self.phase = Phase::Over;
        self.outputs.push_back(Output::Event(Event::Ended(error)));
    }
}

#[cfg(test)]
mod tests;
