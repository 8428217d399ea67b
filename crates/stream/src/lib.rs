//! One XMPP stream over a WebSocket (RFC 7395), from open to close. A BOSH session can pose as the socket.
//!
//! A stream is born when somebody decides to dial. The socket opens; the stream says `<open/>`,
//! hears `<open/>` and features, picks a SASL mechanism and authenticates, says `<open/>` again and
//! binds a resource, or resumes the session of a lost stream (`management`). From then on stanzas
//! pass in both directions until one side says `<close/>`, breaks a rule, or vanishes.
//!
//! A stream has no socket and no clock: [`Stream::handle_input`] takes events and [`Stream::frame`]
//! takes frames, with the time; [`Stream::poll_output`] returns what to do. `negotiation` has a
//! type for each state up to the bound resource; [`Error`] tells why a stream ended and who broke
//! which rule; `timer` has every deadline.
//!
//! Time is a [`Duration`] since any moment that the caller chooses; only differences count.

use std::collections::VecDeque;
use std::time::Duration;

pub use epode_bosh as bosh;
pub use epode_sasl as sasl;
use epode_sasl::{Allowed, Credentials, Derivation, ScramKeys, Secret};
pub use epode_xml as xml;
use epode_xml::{Element, Head, Limits, Violation, first_name, is_blank};

pub use error::{Error, PeerMisbehaved};
use framing::ns;
use jid::Unicode;
use management::Managed;
pub use management::{Former, Management, Report};
use negotiation::State;
pub use relay::Login;
use timer::{Deadline, PATIENCE, Timer};

mod error;
mod framing;
pub mod jid;
pub mod management;
mod negotiation;
mod relay;
mod timer;

/// How long a server may take to close a stream, unless the caller says otherwise.
pub const CLOSE: Duration = Duration::from_secs(3);

/// The number of frames in a row that are not XML at which a stream counts as broken.
const GARBLED: u32 = 16;

/// The most stanzas that are kept before the session is open, and the most bytes of them.
const EARLY: usize = 256;
const EARLY_BYTES: usize = 1 << 20;

/// The most frames, kept or dropped, that a server may send before the session is open: an app may
/// take hours to choose its resource.
const EARLY_FRAMES: usize = 4096;

/// The length at which the name of a dropped frame is cut, in characters: its sender chooses the
/// name.
const NAME: usize = 64;

/// The facts that a stream needs before it begins.
#[derive(Clone, Debug)]
pub struct Config {
    /// The domain of the account, to which `<open/>` is addressed.
    pub domain: String,
    /// The credentials, without an `authzid` that is the account's own bare JID.
    pub credentials: Credentials,
    /// The mechanisms that the app allows, with their priorities.
    pub allowed: Vec<Allowed>,
    /// Whether a password or a token may cross this transport in the clear (PLAIN, OAUTHBEARER, X-OAUTH2).
    pub plaintext: bool,
    /// How far to go.
    pub purpose: Purpose,
    /// Limits for a frame from the server.
    pub limits: Limits,
    /// The account that the server bound before, as a bare JID. A server that binds another one now
    /// is taken for an impostor ([`Error::OtherAccount`]).
    pub known: Option<String>,
    /// Stream management (XEP-0198), if it is wanted. Only a stream that binds is managed.
    pub management: Option<Management>,
    /// The session to resume, in the place of binding a resource.
    pub former: Option<Former>,
    /// The Unicode functions that compare JIDs, and that prepare user name and password for SCRAM.
    pub unicode: Unicode,
}

/// How far a stream is to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Authenticate, bind a resource (the server picks one if none is given), exchange stanzas.
    Bind {
        /// The resource to ask for.
        resource: Option<String>,
        /// Whether to wait for [`Input::Bind`] before binding.
        explicit: bool,
        /// Whether another resource will do if the server answers `conflict`: after a lost
        /// connection the server may still take the former stream for alive (RFC 6120 §7.7.2.2).
        yields: bool,
    },
    /// Go on with a stream that is open since a former page, or that the app's server has opened.
    Continue(Bound),
    /// Pass the frames by which a page logs in itself, up to `<success/>`; then do as [`Stream::settle`]
    /// says.
    Relay,
    /// Only find out whether the credentials are good, then close. Credentials that do not name
    /// their account, such as a token, are judged by the JID that the server binds.
    Verify,
}

/// What happens to a stream.
#[derive(Debug)]
pub enum Input<'a> {
    /// The socket is open.
    Opened {
        /// The client nonce of SCRAM (RFC 5802 §5.1): printable ASCII without a comma, drawn anew
        /// for each stream, with 128 bits of entropy or more.
        nonce: String,
    },
    /// The socket is gone.
    Closed {
        /// WebSocket close code (RFC 6455 §7.4); 0 if there is none.
        code: u16,
        /// The reason given with the code; often empty.
        reason: &'a str,
    },
    /// The BOSH session in the place of the socket has ended by an error.
    Failed(bosh::Error),
    /// The keys of the derivation that [`Output::Derive`] asked for.
    Derived(ScramKeys),
    /// The answer to [`Output::Ask`].
    Answer(Answer),
    /// A frame of a page that logs in itself.
    Relay(&'a Secret),
    /// Go on after such a login, as [settled](Stream::settle).
    GoOn,
    /// Bind a resource as soon as possible. Counts only once, and only on a stream that waits for
    /// it (`explicit`).
    Bind {
        /// The resource to ask for, instead of the configured one.
        resource: Option<String>,
    },
    /// The server has acknowledged stanzas that were not sent.
    AckedTooMuch {
        /// The server's count.
        handled: u32,
        /// The caller's count.
        sent: u32,
    },
    /// Close the stream, cleanly if possible; the server has this long to close it too. A second
    /// `Close` may shorten that time, not prolong it.
    Close(Duration),
    /// The time of [`Stream::deadline`] has come.
    Timeout,
}

/// The answer of the page that speaks a foreign mechanism.
#[derive(Debug)]
pub enum Answer {
    /// Send this message. `None`, as an initial response, if the server speaks first.
    Say(Option<Secret>),
    /// The mechanism failed.
    Failed,
    /// The page is gone.
    Gone,
    /// No page speaks the mechanism.
    Nobody,
}

/// Something that a stream wants done.
#[derive(Debug)]
pub enum Output {
    /// Write this frame.
    Transmit(String),
    /// Close the socket.
    CloseSocket,
    /// Run this derivation, in slices, and return its keys by [`Input::Derived`].
    Derive(Derivation),
    /// Ask the page that speaks this foreign mechanism for an [`Input::Answer`].
    Ask {
        /// The name of the mechanism.
        mechanism: String,
        /// The server's challenge, in the clear; `None` to ask for the initial response.
        challenge: Option<String>,
    },
    /// Hand this frame of the server to the page that logs in itself.
    Relay(String),
    /// A frame of that page is not sent. Carries the reason, without any text of the frame.
    Unsaid(String),
    /// The page has logged in: the stream waits for [`Input::GoOn`].
    LoggedIn(Login),
    /// Tell the session.
    Event(Event),
}

/// A report from a stream to its session.
#[derive(Debug)]
pub enum Event {
    /// A mechanism was chosen; credentials are on their way.
    Authenticating,
    /// The login is complete: both sides have proven all that the mechanism can prove, and the
    /// account is the right one. Carries the keys that can serve instead of the password next time,
    /// if the mechanism has such keys.
    Authenticated(Option<ScramKeys>),
    /// The server has refused a login that a page makes itself, in the name of the account.
    Refused(Error),
    /// A resource can be bound. The stream waits for [`Input::Bind`] as long as the server does. Carries the
    /// [features](Bound::features).
    BindRequired(String),
    /// The resource is bound; stanzas may flow.
    Bound(Bound),
    /// See [`Report`].
    Management(Report),
    /// A stanza from before the session was open, reported after [`Event::Bound`] or
    /// [`Report::Resumed`], with its text.
    Early(Head, String),
    /// A frame is dropped.
    Dropped(Dropped),
    /// The stream is over, and nothing follows. `None` if the caller closed it or its [`Purpose`]
    /// is fulfilled.
    Ended(Option<Error>),
}

/// The result of binding a resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    /// The full JID that the server bound (RFC 6120 §7.6.1), whatever was asked for.
    pub jid: String,
    /// The `<stream:features/>` after authentication, as XML.
    pub features: String,
    /// Whether the server was asked to manage the stream: stanzas sent from now on count.
    pub managed: bool,
}

/// A frame of the server that is ignored. The stream goes on, since over a WebSocket each frame is
/// a document of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// The local name of the first tag, cut to 64 characters; "" if there is none.
    pub name: String,
    /// The length of the frame, in bytes of UTF-8.
    pub size: usize,
    /// The broken rule, by the name of a stream error (RFC 6120 §4.9.3).
    pub condition: &'static str,
    /// The broken rule in words, without any text of the frame.
    pub rule: String,
}

impl Dropped {
    fn new(text: &str, condition: &'static str, rule: impl ToString) -> Self {
        let name = first_name(text).chars().take(NAME).collect();
        Dropped { name, size: text.len(), condition, rule: rule.to_string() }
    }

    /// A frame that is neither a stanza nor a known element of the stream.
    fn no_stanza(text: &str, namespace: &str) -> Self {
        match namespace {
            ns::CLIENT => Dropped::new(text, "unsupported-stanza-type", "no stanza has this name"),
            _ => Dropped::new(text, "invalid-namespace", "nothing that we speak has this name and namespace"),
        }
    }

    /// Whether the sender counts the frame as a stanza (RFC 6120 §8.1).
    pub fn is_stanza(&self) -> bool {
        matches!(&*self.name, "message" | "presence" | "iq")
    }
}

/// One stream. See the crate's documentation.
pub struct Stream {
    phase: Phase,
    common: Common,
}

enum Phase {
    Dialing,
    Open(State),
    /// `<close/>` is sent, and the server's is awaited. If a login was `under_way`, a failure still
    /// counts.
    Closing {
        under_way: bool,
    },
    Closed,
}

/// The data that all states share.
struct Common {
    config: Config,
    nonce: String,
    /// Whether the mechanism proves that the account is the named one
    /// ([`sasl::MechanismName::proves_name`]).
    named: bool,
    now: Duration,
    deadline: Deadline,
    /// Limits for a frame that we send.
    outbound: Limits,
    /// Number of frames in a row that were not XML.
    garbled: u32,
    /// Stanzas and drops from before the session was open, to be reported after [`Event::Bound`].
    early: Vec<Event>,
    early_bytes: usize,
    /// Whether another resource was asked for, since the first one was in conflict.
    yielded: bool,
    managed: Managed,
    /// Whether `<resume/>` waits for its answer.
    resuming: bool,
    outputs: VecDeque<Output>,
}

impl Common {
    fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn event(&mut self, event: Event) {
        self.output(Output::Event(event));
    }
}

impl Common {
    /// Keeps a stanza until the session is open. A frame that is no stanza, or too much, is
    /// reported as dropped.
    fn keep_early(&mut self, head: Head, text: &str) {
        self.early_bytes += text.len();
        let fits = self.early.len() < EARLY && self.early_bytes <= EARLY_BYTES;
        self.early.push(if !is_stanza(&head) {
            Event::Dropped(Dropped::no_stanza(text, &head.namespace))
        } else if fits {
            Event::Early(head, text.to_owned())
        } else {
            let rule = "too much came before the session was open";
            Event::Dropped(Dropped::new(text, "resource-constraint", rule))
        });
    }
}

impl Stream {
    /// A stream whose socket is being dialled since `now`.
    pub fn new(now: Duration, config: Config) -> Self {
        let mut deadline = Deadline::default();
        deadline.set(Timer::Dial, now + PATIENCE);
        let outbound = config.limits;
        let common = Common {
            config,
            nonce: String::new(),
            named: true,
            now,
            deadline,
            outbound,
            garbled: 0,
            early: Vec::new(),
            early_bytes: 0,
            yielded: false,
            managed: Managed::No,
            resuming: false,
            outputs: VecDeque::new(),
        };
        Stream { phase: Phase::Dialing, common }
    }

    /// The first frame that the stream will send.
    pub fn greeting(&self) -> String {
        framing::open(&self.common.config.domain)
    }

    /// Takes in an event. [`Stream::poll_output`] returns what follows from it.
    pub fn handle_input(&mut self, now: Duration, input: Input<'_>) {
        self.common.now = now;
        match input {
            Input::Opened { nonce } => self.opened(nonce),
            Input::Closed { code, reason } => self.socket_closed(code, reason),
            Input::Failed(error) => self.lost(error.into()),
            Input::Derived(keys) => self.derived(keys),
            Input::Answer(answer) => self.answered(answer),
            Input::Relay(text) => self.relay(text.expose()),
            Input::GoOn => self.go_on(),
            Input::Bind { resource } => self.bind(resource),
            Input::AckedTooMuch { handled, sent } => {
                if let Phase::Open(State::Established) = self.phase {
                    self.end(PeerMisbehaved::AckedTooMuch { handled, sent }.into());
                }
            }
            Input::Close(patience) => self.close(patience),
            Input::Timeout => self.timeout(),
        }
    }

    /// Takes a frame from the socket. Returns the head if the frame is a well-formed stanza and may
    /// pass; [`Stream::poll_output`] returns all else that follows.
    pub fn frame(&mut self, now: Duration, text: &str) -> Option<Head> {
        self.common.now = now;
        match &self.phase {
            // White space only keeps the connection alive.
            _ if is_blank(text) => None,
            Phase::Open(State::Established) => self.stanza(text),
            Phase::Open(_) => {
                self.negotiate(text);
                None
            }
            Phase::Closing { under_way } => {
                let under_way = *under_way;
                self.after_close(text, under_way);
                None
            }
            Phase::Dialing | Phase::Closed => None,
        }
    }

    /// The next thing to do, in order; `None` if there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.common.outputs.pop_front()
    }

    /// The time at which [`Input::Timeout`] is due; `None` if nothing is waited for.
    pub fn deadline(&self) -> Option<Duration> {
        self.common.deadline.at()
    }

    /// Whether the stream is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether another resource was asked for than the configured one, which is in conflict.
    pub fn has_yielded(&self) -> bool {
        self.common.yielded
    }

    /// Whether the stream waits, or waited when it ended, for the answer to `<resume/>`.
    pub fn is_resuming(&self) -> bool {
        self.common.resuming
    }

    /// Whether the login of a page has shown that it is the account's, before the server binds any.
    pub fn proves_account(&self) -> bool {
        self.common.named
    }

    /// A page has logged in: the stream is to be of this configuration, from [`Input::GoOn`] on. That the
    /// login proves the account is known already.
    pub fn settle(&mut self, config: Config) {
        if let Phase::Open(State::LoggedIn) = self.phase {
            self.common.config = config;
        }
    }

    /// The limits of what the server takes, as far as it has told.
    pub fn outbound(&self) -> Limits {
        self.common.outbound
    }

    /// Reads a stanza that is to be sent. An error if the server would end the stream over it.
    pub fn check(&self, text: &str) -> Result<Head, Violation> {
        Head::read(text, &self.common.outbound)
    }

    fn opened(&mut self, nonce: String) {
        if matches!(self.phase, Phase::Dialing) {
            self.common.nonce = nonce;
            self.phase = Phase::Open(State::begin(&mut self.common));
        }
    }

    fn stanza(&mut self, text: &str) -> Option<Head> {
        match Head::read_in_stream(text, &self.common.config.limits) {
            Ok(head) if is_stanza(&head) => {
                self.common.garbled = 0;
                return Some(head);
            }
            // Rare and small: errors, `<close/>`, elements of stream extensions.
            Ok(_) => {
                if let Err(error) = self.control(text) {
                    self.end(error);
                }
            }
            Err(violation) => self.garbled(text, violation, Common::event),
        }
        None
    }

    fn control(&mut self, text: &str) -> Result<(), Error> {
        let element = self.parse_control(text)?;
        self.common.garbled = 0;
        if !management::handle(&element, &mut self.common)? {
            self.common.event(Event::Dropped(Dropped::no_stanza(text, element.namespace())));
        }
        Ok(())
    }

    /// Takes a frame after our own `<close/>`. Only the server's `<close/>` still matters, what it has
    /// handled until then, and the failure of a login that was `under_way`.
    fn after_close(&mut self, text: &str, under_way: bool) {
        match Element::parse_in_stream(text, &self.common.config.limits) {
            Ok(element) if element.is("close", ns::FRAMING) => self.finish(None),
            Ok(element) if under_way && element.is("failure", ns::SASL) => {
                self.finish(Some(negotiation::refused(&element, None)));
            }
            // A count that is missing breaks a rule, for which it is too late.
            Ok(element) if element.is("a", ns::SM) => {
                drop(management::handle(&element, &mut self.common));
            }
            _ => {}
        }
    }

    /// Drops a frame that is not the XML of RFC 6120 §11. That RFC would end the stream, but an
    /// outsider may get such a frame relayed, and must not end the session by it. Many in a row are
    /// not the work of one outsider: the stream itself is broken.
    fn garbled(&mut self, text: &str, violation: Violation, tell: fn(&mut Common, Event)) {
        let dropped = Dropped::new(text, violation.condition(), &violation);
        tell(&mut self.common, Event::Dropped(dropped));
        self.common.garbled += 1;
        if self.common.garbled == GARBLED {
            self.end(violation.into());
        }
    }

    /// Keeps or drops a frame that may come before the session is open; false if the frame is for
    /// the negotiation.
    fn is_early(&mut self, text: &str) -> bool {
        let Phase::Open(state) = &self.phase else { return false };
        match Head::read_in_stream(text, &self.common.config.limits) {
            // The awaited answer, or an element that ends the stream.
            Ok(head) if state.is_answered_by(&head, &self.common.config) => return false,
            Ok(head) if matches!(&*head.namespace, ns::FRAMING | ns::STREAMS) => return false,
            Ok(head) => {
                self.common.garbled = 0;
                self.common.keep_early(head, text);
            }
            // Dropping a broken answer would leave the negotiation waiting.
            Err(_) if first_name(text) == "iq" && state.request().is_some_and(|id| text.contains(id)) => {
                return false;
            }
            Err(violation) => self.garbled(text, violation, |common, dropped| common.early.push(dropped)),
        }
        if let Phase::Open(state) = &self.phase
            && self.common.early.len() > EARLY_FRAMES
        {
            let (element, waiting) = (Dropped::new(text, "", "").name, state.waiting());
            self.end(PeerMisbehaved::Unexpected { element, waiting }.into());
        }
        true
    }

    fn negotiate(&mut self, text: &str) {
        if matches!(&self.phase, Phase::Open(state) if state.is_authenticated()) && self.is_early(text) {
            return;
        }
        let Phase::Open(state) = std::mem::replace(&mut self.phase, Phase::Closed) else { return };
        let element = self.parse_control(text);
        let for_page = !matches!(element, Err(Error::Xml(_) | Error::ClosedByServer { .. }));
        let handed = match for_page && state.is_relayed(&self.common.config) {
            true => relay::hand_over(text, &mut self.common),
            false => Ok(()),
        };
        let next = handed.and(element).and_then(|element| state.handle(element, &mut self.common));
        self.proceed(next);
    }

    fn relay(&mut self, text: &str) {
        let said = match &mut self.phase {
            Phase::Open(State::Login(expect)) => expect.say(text, &mut self.common),
            Phase::Dialing | Phase::Open(State::Open(_) | State::Mechanisms(_)) => {
                Err("the server has not sent its features yet".to_owned())
            }
            _ => Err("the login is over".to_owned()),
        };
        if let Err(rule) = said {
            self.common.output(Output::Unsaid(rule));
        }
    }

    fn go_on(&mut self) {
        if let Phase::Open(State::LoggedIn) = self.phase {
            let next = relay::go_on(&mut self.common);
            self.proceed(Ok(next));
        }
    }

    fn derived(&mut self, keys: ScramKeys) {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Open(State::Keys(expect)) => {
                let next = expect.derived(keys, &mut self.common);
                self.proceed(next);
            }
            phase => self.phase = phase,
        }
    }

    fn answered(&mut self, answer: Answer) {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Open(State::Answer(expect)) => {
                let next = expect.answered(answer, &mut self.common);
                self.proceed(next);
            }
            phase => self.phase = phase,
        }
    }

    fn bind(&mut self, resource: Option<String>) {
        let Purpose::Bind { resource: asked, explicit: explicit @ true, .. } =
            &mut self.common.config.purpose
        else {
            return;
        };
        *explicit = false;
        if resource.is_some() {
            *asked = resource;
        }
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Open(State::BindRequest(expect)) => {
                self.phase = Phase::Open(expect.bind(&mut self.common));
            }
            phase => self.phase = phase,
        }
    }

    fn proceed(&mut self, next: Result<State, Error>) {
        match next {
            Ok(State::Verified) => {
                self.phase = Phase::Open(State::Verified);
                self.close(CLOSE);
            }
            Ok(state) => self.phase = Phase::Open(state),
            Err(error) => self.end(error),
        }
    }

    /// Parses a frame that is not a stanza. Returns a stream error or `<close/>`, which ends the
    /// stream in every state, as an error.
    fn parse_control(&self, text: &str) -> Result<Element, Error> {
        let element = Element::parse_in_stream(text, &self.common.config.limits)?;
        if element.is("error", ns::STREAMS) {
            let (condition, text) = framing::condition(&element, ns::STREAM_ERRORS);
            let elsewhere = element.child("see-other-host", ns::STREAM_ERRORS).map(Element::text);
            return Err(Error::StreamError { condition, text, elsewhere });
        }
        if element.is("close", ns::FRAMING) {
            return Err(Error::ClosedByServer {
                elsewhere: element.attr("see-other-uri").map(str::to_owned),
            });
        }
        Ok(element)
    }

    fn socket_closed(&mut self, code: u16, reason: &str) {
        let reason = reason.to_owned();
        self.lost(match self.phase {
            Phase::Dialing => Error::Unreachable { code, reason },
            _ => Error::SocketClosed { code, reason },
        });
    }

    fn lost(&mut self, error: Error) {
        match self.phase {
            Phase::Dialing | Phase::Open(_) => self.finish(Some(error)),
            Phase::Closing { .. } => self.finish(None),
            Phase::Closed => {}
        }
    }

    fn close(&mut self, patience: Duration) {
        let at = self.common.now + patience;
        match &self.phase {
            Phase::Dialing => self.finish(None),
            Phase::Open(state) => {
                let under_way = matches!(state, State::Outcome(_));
                self.common.output(Output::Transmit(framing::close()));
                self.common.deadline.set(Timer::Close, at);
                self.phase = Phase::Closing { under_way };
            }
            Phase::Closing { .. } => self.common.deadline.hasten(at),
            Phase::Closed => {}
        }
    }

    fn timeout(&mut self) {
        match self.common.deadline.expired(self.common.now) {
            Some(Timer::Dial) => self.finish(Some(Error::Timeout("opening the socket"))),
            Some(Timer::Answer) => {
                let error = match &self.phase {
                    Phase::Open(state) => state.silence(),
                    _ => Error::Timeout("closing"),
                };
                self.end(error);
            }
            Some(Timer::Foreign) => {
                if let Phase::Open(State::Answer(expect)) = &self.phase {
                    self.end(sasl::Error::Silent(expect.mechanism()).into());
                }
            }
            Some(Timer::Login) => self.end(Error::NoLogin),
            Some(Timer::Enable) => {
                self.common.managed = Managed::Overdue;
                self.common.event(Event::Management(Report::Unmanaged("timeout".to_owned())));
            }
            Some(Timer::Close) => self.finish(Some(Error::NotClosed)),
            None => {}
        }
    }

    /// Ends an open stream because of an error, which is fatal (RFC 6120 §4.9.1.1): tells the
    /// server which rule it broke, and closes.
    fn end(&mut self, error: Error) {
        if let Some(condition) = error.stream_error() {
            self.common.output(Output::Transmit(framing::stream_error(
                condition,
                &error.to_string(),
                &error.detail(),
            )));
        }
        self.common.output(Output::Transmit(framing::close()));
        self.finish(Some(error));
    }

    fn finish(&mut self, error: Option<Error>) {
        self.phase = Phase::Closed;
        self.common.deadline.clear();
        self.common.output(Output::CloseSocket);
        for event in std::mem::take(&mut self.common.early) {
            self.common.event(match event {
                Event::Early(_, text) => {
                    let rule = "the stream ended before the session was open";
                    Event::Dropped(Dropped::new(&text, "undefined-condition", rule))
                }
                event => event,
            });
        }
        self.common.event(Event::Ended(error));
    }
}

/// Whether the root's expanded name is that of a stanza (RFC 6120 §8.1).
fn is_stanza(head: &Head) -> bool {
    let local = head.tag.rsplit(':').next();
    &*head.namespace == ns::CLIENT && matches!(local, Some("message" | "presence" | "iq"))
}
