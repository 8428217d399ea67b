//! One account across many streams.
//!
//! A session is what a user means by "being online": it outlives its socket. A session asks for a
//! socket, runs a [`Stream`] over it, and tells when it is up and why it went down. After it was
//! up, a session that loses its stream dials again by itself, until it is up or an error ends it;
//! the delay grows, has jitter, and is long while the browser is offline (`redial` has the table). A
//! first attempt that fails is not repeated, and the error says why.
//!
//! Each dial means a new stream, which resumes the session of the former one if both sides can
//! (XEP-0198), and otherwise binds its resource anew.
//!
//! Like every layer, [`Session::handle_input`] takes events and [`Session::poll_output`] returns
//! what to do. Frames have a call of their own, [`Session::frame`], which returns the head of a
//! stanza at once.

use std::collections::VecDeque;
use std::time::Duration;

pub use epode_stream as stream;
use epode_stream::Config;
use epode_stream::sasl::{Derivation, ScramKeys};
use epode_stream::xml::{Head, Limits, Violation};
pub use epode_stream::{Bound, Dropped, Former, Management, Report, Stream};

pub use account::{Account, Mechanisms};
use redial::Redial;

mod account;
mod backoff;
mod redial;

/// An error in what the app asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Not the URL of an XMPP service over WebSocket or BOSH.
    #[error(
        "\"{0}\" is not the address of a service: it must begin with ws(s):// or http(s):// and name a host"
    )]
    Service(String),
    /// Not a JID.
    #[error("\"{0}\" is not a JID: user@domain, or a domain to log in anonymously")]
    Jid(String),
    /// Credentials that no mechanism can use.
    #[error("{0}")]
    Sasl(#[from] stream::sasl::Error),
}

impl Error {
    /// The broken rule as a word that an app can compare, if the rule has a name.
    pub fn condition(&self) -> Option<&'static str> {
        match self {
            Error::Sasl(error) => Some(error.condition()),
            Error::Service(_) | Error::Jid(_) => None,
        }
    }
}

/// The purpose of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To be online.
    Join {
        /// Whether to dial again when the connection is lost.
        reconnect: bool,
        /// Whether to wait for [`stream::Input::Bind`] before the session is up for the first time.
        explicit: bool,
        /// Stream management, if it is wanted.
        management: Option<Management>,
    },
    /// To go on with a session of a former page, or of the app's server: whose stream is open, and
    /// cannot be opened again without the credentials that [`Session::adopt`] may bring.
    Continue {
        /// Whether to dial again once there are credentials.
        reconnect: bool,
    },
    /// To pass the frames by which a page logs in itself, and then what [`Session::settle`] says.
    Relay,
    /// To find out whether credentials are good.
    Verify,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// Permission to dial for the first time, or to go on after the login of a page, once
    /// [settled](Session::settle).
    Start,
    /// An event for the session's stream.
    Stream(stream::Input<'a>),
    /// Whether the browser is connected to any network.
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

/// Something that a session wants done.
#[derive(Debug)]
pub enum Output {
    /// Open a WebSocket to this URL, with the subprotocol `xmpp` (RFC 7395 §3.1), or BOSH to an
    /// `http:` or `https:` one. The second field
    /// is the first frame that the session will send once the socket is open.
    Dial(String, String),
    /// Write this frame.
    Transmit(String),
    /// Close the socket.
    CloseSocket,
    /// Run this derivation, in slices, and return its keys by [`stream::Input::Derived`].
    Derive(Derivation),
    /// See [`stream::Output::Ask`].
    #[allow(missing_docs, reason = "documented there")]
    Ask { mechanism: String, challenge: Option<String> },
    /// See [`stream::Output::Relay`].
    Relay(String),
    /// See [`stream::Output::Unsaid`].
    Unsaid(String),
    /// See [`stream::Output::LoggedIn`].
    LoggedIn,
    /// Tell the hub.
    Event(Event),
}

/// A report from a session to the hub.
#[derive(Debug)]
pub enum Event {
    /// A mechanism was chosen; credentials are on their way.
    Authenticating,
    /// The credentials are good; see [`stream::Event::Authenticated`].
    Authenticated(Option<ScramKeys>),
    /// See [`stream::Event::Refused`].
    Refused(stream::Error),
    /// See [`stream::Event::BindRequired`].
    BindRequired(String),
    /// The resource is bound; stanzas may flow.
    Bound(Bound),
    /// See [`stream::Event::Management`].
    Management(Report),
    /// See [`stream::Event::Early`].
    Early(Head, String),
    /// See [`stream::Event::Dropped`].
    Dropped(Dropped),
    /// The stream is lost; another will be dialled.
    Lost {
        /// Why.
        error: stream::Error,
        /// Whether this is news: the session was up, or the cause differs from the one before.
        news: bool,
        /// Whether the next stream will try to resume the session. The caller says how much was
        /// [received](Session::received) meanwhile.
        resumable: bool,
    },
    /// The session is over. `None` if the caller ended it or its [`Purpose`] is fulfilled.
    Ended(Option<stream::Error>),
}

enum Phase {
    /// [`Input::Start`] is awaited.
    Waiting,
    /// A stream is dialled or open.
    Streaming,
    /// The time at which the next dial is due.
    Resting(Duration),
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
    /// Whether the session is up.
    up: bool,
    /// The session that the next stream is to resume.
    former: Option<Former>,
    /// How many streams have resumed the session since the server acknowledged anything.
    unproven: u32,
    /// What the server took when the session was up last: stanzas for the next stream are checked before
    /// that stream is told.
    outbound: Limits,
    /// The cause that keeps the session down, as [`redial::cause`] names it; `None` while it is up.
    cause: Option<String>,
    online: bool,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session that dials on [`Input::Start`]. `seed` sets the jitter of later dials.
    pub fn new(now: Duration, account: Account, purpose: Purpose, seed: u64) -> Self {
        let stream = Stream::new(now, account.config(purpose, false, None));
        let outbound = stream.outbound();
        Session {
            account,
            purpose,
            stream,
            phase: Phase::Waiting,
            redial: Redial::new(seed),
            was_up: false,
            up: false,
            former: None,
            unproven: 0,
            outbound,
            cause: None,
            online: true,
            outputs: VecDeque::new(),
        }
    }

    /// The account of this session.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Something has changed by which the next dial may succeed: it is due within a second, unless
    /// the server has just refused the credentials.
    pub fn hasten(&mut self, now: Duration) {
        if let Phase::Resting(at) = &mut self.phase {
            *at = self.redial.soon(now).min(*at);
        }
    }

    /// Whether the session has no credentials: the page that logged in is gone.
    pub fn is_continued(&self) -> bool {
        matches!(self.purpose, Purpose::Continue { .. })
    }

    /// Takes over credentials that the server has accepted, for later dials. Returns false, and
    /// changes nothing but whether SCRAM is expected, if that would replace a password by a
    /// mechanism that only a page can speak.
    pub fn adopt(&mut self, account: Account) -> bool {
        let adopted = self.account.adopt(account);
        if adopted {
            if let Purpose::Continue { reconnect } = self.purpose {
                self.purpose = Purpose::Join { reconnect, explicit: false, management: None };
            }
            self.redial.renew();
            // Forgotten, so that the same cause is reported again.
            self.cause = None;
            // The new credentials may work where the former were refused.
            if let Phase::Resting(at) = &mut self.phase {
                *at = Duration::ZERO;
            }
        }
        adopted
    }

    /// See [`Stream::proves_account`].
    pub fn proves_account(&self) -> bool {
        self.stream.proves_account()
    }

    /// A page has logged in ([`Output::LoggedIn`]): from [`Input::Start`] on the session is for this.
    pub fn settle(&mut self, purpose: Purpose) {
        self.purpose = purpose;
        self.stream.settle(self.account.config(purpose, false, None));
    }

    /// Before the first dial, or before a page's own login goes on: the session is to go on with a former
    /// one, which had this JID, whatever resource is asked for now: who joins a session takes it as it is.
    /// Returns false, and changes nothing, if the app wants no session resumed.
    pub fn go_on(&mut self, now: Duration, former: Former, jid: &str) -> bool {
        let goes_on = matches!(self.purpose, Purpose::Join { management: Some(wanted), .. } if wanted.resume);
        if goes_on {
            self.account.bound(jid, false);
            self.former = Some(former);
            match self.phase {
                Phase::Waiting => self.stream = self.next_stream(now),
                _ => self.stream.settle(self.next_config()),
            }
        }
        goes_on
    }

    /// The session cannot be resumed, whatever the server has said.
    pub fn forget_former(&mut self) {
        self.former = None;
    }

    /// The server has said nothing since the session came up, as if it never had: the delays go on to grow.
    pub fn was_mute(&mut self) {
        self.redial.was_mute();
    }

    /// What is needed to go on with this session, which is not up: if an error ended it that leaves that
    /// open, or if it has not come to its first dial.
    pub fn former(&self) -> Option<&Former> {
        self.former.as_ref().filter(|_| !self.up)
    }

    /// Takes in an event. [`Session::poll_output`] returns what follows from it.
    pub fn handle_input(&mut self, now: Duration, input: Input<'_>) {
        match (&self.phase, input) {
            (_, Input::Online(online)) => self.online(now, online),
            (Phase::Waiting, Input::Start) => {
                self.phase = Phase::Streaming;
                self.ask_for_socket();
            }
            (Phase::Streaming, Input::Start) => {
                self.stream.handle_input(now, stream::Input::GoOn);
                self.drain(now);
            }
            (_, Input::Start) => {}
            // The app may choose its resource before the first dial.
            (Phase::Waiting, Input::Stream(bind @ stream::Input::Bind { .. })) => {
                self.stream.handle_input(now, bind);
            }
            (Phase::Streaming, Input::Stream(input)) => {
                if let (stream::Input::Close(_), Purpose::Join { reconnect, .. }) =
                    (&input, &mut self.purpose)
                {
                    // A session that is being closed does not dial again, whatever error the
                    // closing brings.
                    *reconnect = false;
                }
                if let (stream::Input::Bind { .. }, Purpose::Join { explicit, .. }) =
                    (&input, &mut self.purpose)
                {
                    // Should this stream be lost, the app has bound all the same.
                    *explicit = false;
                }
                self.stream.handle_input(now, input);
                self.drain(now);
            }
            (Phase::Resting(at), Input::Stream(stream::Input::Timeout)) if *at <= now => self.dial(now),
            (Phase::Waiting | Phase::Resting(_), Input::Stream(stream::Input::Close(_))) => {
                self.end(None, false);
            }
            (Phase::Waiting | Phase::Resting(_) | Phase::Over, Input::Stream(_)) => {}
        }
    }

    /// Takes a frame from the socket; see [`Stream::frame`].
    pub fn frame(&mut self, now: Duration, text: &str) -> Option<Head> {
        let Phase::Streaming = self.phase else { return None };
        let head = self.stream.frame(now, text);
        self.drain(now);
        head
    }

    /// The next thing to do, in order; `None` if there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The time at which [`stream::Input::Timeout`] is due; `None` if nothing is waited for.
    pub fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Streaming => self.stream.deadline(),
            Phase::Resting(at) => Some(at),
            Phase::Waiting | Phase::Over => None,
        }
    }

    /// So many stanzas were received since stream management was enabled: the server sends later ones
    /// again when the session is resumed.
    pub fn received(&mut self, received: u32) {
        if let Some(former) = &mut self.former {
            former.received = received;
        }
    }

    /// Reads a stanza that is to be sent. An error if the server would end the stream over it.
    pub fn check(&self, text: &str) -> Result<Head, Violation> {
        Head::read(text, &self.outbound)
    }

    fn drain(&mut self, now: Duration) {
        while let Some(output) = self.stream.poll_output() {
            let output = match output {
                stream::Output::Transmit(frame) => Output::Transmit(frame),
                stream::Output::CloseSocket => Output::CloseSocket,
                stream::Output::Derive(derivation) => Output::Derive(derivation),
                stream::Output::Ask { mechanism, challenge } => Output::Ask { mechanism, challenge },
                stream::Output::Relay(text) => Output::Relay(text),
                stream::Output::Unsaid(rule) => Output::Unsaid(rule),
                stream::Output::LoggedIn(login) => {
                    self.account.logged_in(login);
                    Output::LoggedIn
                }
                stream::Output::Event(event) => match event {
                    stream::Event::Authenticating => Output::Event(Event::Authenticating),
                    stream::Event::Authenticated(keys) => {
                        if keys.is_some() {
                            self.account.expect_scram();
                        }
                        Output::Event(Event::Authenticated(keys))
                    }
                    stream::Event::Refused(error) => Output::Event(Event::Refused(error)),
                    stream::Event::BindRequired(features) => Output::Event(Event::BindRequired(features)),
                    stream::Event::Early(head, text) => Output::Event(Event::Early(head, text)),
                    stream::Event::Dropped(dropped) => Output::Event(Event::Dropped(dropped)),
                    stream::Event::Management(report) => {
                        self.manage(now, &report);
                        Output::Event(Event::Management(report))
                    }
                    stream::Event::Bound(bound) => {
                        self.up(now);
                        // A resource that replaced one in conflict is not asked for again.
                        self.account.bound(&bound.jid, self.stream.has_yielded());
                        Output::Event(Event::Bound(bound))
                    }
                    stream::Event::Ended(error) => return self.stream_ended(now, error),
                },
            };
            self.outputs.push_back(output);
        }
    }

    fn manage(&mut self, now: Duration, report: &Report) {
        match report {
            Report::Enabled(former) => self.former.clone_from(former),
            Report::Resumed(_) => {
                self.unproven += 1;
                self.up(now);
            }
            Report::NotResumed(_) => self.former = None,
            Report::Acknowledged(_) => self.unproven = 0,
            Report::Unmanaged(_) | Report::AckRequested => {}
        }
    }

    fn up(&mut self, now: Duration) {
        (self.was_up, self.up) = (true, true);
        self.outbound = self.stream.outbound();
        if let Some(former) = &mut self.former {
            former.outbound = self.outbound;
            former.unanswered = false;
        }
        if let Purpose::Join { explicit, .. } = &mut self.purpose {
            *explicit = false;
        }
        self.cause = None;
        self.redial.up(now);
    }

    fn stream_ended(&mut self, now: Duration, error: Option<stream::Error>) {
        let reconnect = matches!(self.purpose, Purpose::Join { reconnect: true, .. })
            && self.was_up
            && !self.account.is_relayed();
        let up = std::mem::take(&mut self.up);
        // The server has spoilt the stream and not the login: without the former session it may do better.
        let is_spoilt = !self.was_up
            && self.stream.is_resuming()
            && !self.account.is_relayed()
            && matches!(error, Some(stream::Error::Peer(_)));
        let resumable = self.is_resumable(error.as_ref());
        if (up || self.stream.is_resuming()) && !resumable {
            self.former = None;
        }
        if let (Some(former), Some(stream::Error::Timeout(_))) = (&mut self.former, &error) {
            former.unanswered |= self.stream.is_resuming();
        }
        if error.as_ref().is_some_and(stream::Error::is_of_count)
            && let Purpose::Join { management, .. } = &mut self.purpose
        {
            *management = None;
        }
        let rest = error.as_ref().filter(|_| reconnect).and_then(|error| self.redial.rest(now, error, up));
        let rest = rest.or(is_spoilt.then_some(Duration::ZERO));
        let (Some(error), Some(rest)) = (error.clone(), rest) else { return self.end(error, resumable) };
        let rest = if self.online { rest } else { self.redial.offline(now) };
        self.phase = Phase::Resting(now + rest);
        let cause = redial::cause(&error).to_owned();
        let news = !is_spoilt && self.cause.as_ref() != Some(&cause);
        self.cause = Some(cause);
        let resumable = self.former.is_some();
        self.outputs.push_back(Output::Event(Event::Lost { error, news, resumable }));
    }

    fn online(&mut self, now: Duration, online: bool) {
        let was_offline = !std::mem::replace(&mut self.online, online);
        if online {
            if was_offline && self.was_up && !self.up && matches!(self.phase, Phase::Streaming) {
                // The socket was asked for without a network, or on another one.
                let reason = "the network changed";
                self.stream.handle_input(now, stream::Input::Closed { code: 0, reason });
                self.drain(now);
            }
            self.hasten(now);
        } else if let Phase::Resting(at) = &mut self.phase {
            *at = now + self.redial.offline(now);
        }
    }

    fn dial(&mut self, now: Duration) {
        self.stream = self.next_stream(now);
        self.phase = Phase::Streaming;
        self.ask_for_socket();
    }

    fn next_stream(&self, now: Duration) -> Stream {
        Stream::new(now, self.next_config())
    }

    fn next_config(&self) -> Config {
        let again = self.was_up || self.former.is_some();
        self.account.config(self.purpose, again, self.former.clone())
    }

    fn ask_for_socket(&mut self) {
        let url = self.account.service().to_owned();
        self.outputs.push_back(Output::Dial(url, self.stream.greeting()));
    }

    fn end(&mut self, error: Option<stream::Error>, resumable: bool) {
        self.phase = Phase::Over;
        if !resumable {
            self.former = None;
        }
        self.outputs.push_back(Output::Event(Event::Ended(error)));
    }

    /// Whether the server may still have the session after this end of the stream (XEP-0198 §5). If not, one
    /// side has closed the stream, or the server would fail over the session again.
    fn is_resumable(&self, error: Option<&stream::Error>) -> bool {
        match error {
            // A wire that is dead in one direction is as silent as a server that never answers.
            Some(stream::Error::Timeout(_)) => {
                let unanswered = self.former.as_ref().is_some_and(|former| former.unanswered);
                !self.stream.is_resuming() || !unanswered
            }
            Some(error @ stream::Error::StreamError { condition, .. }) => match &**condition {
                "conflict" | "not-authorized" => false,
                // Prosody 13 reads what a resumed stream says as the rest of a frame that the cut had halved.
                "not-well-formed" | "bad-format" | "invalid-xml" => self.unproven == 1,
                _ => !error.blames_us(),
            },
            Some(error) => error.is_of_network(),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests;
