//! The login of a page: SASL is between the page and the server, the rest of the handshake is played by the
//! worker, which has the stream.

use std::time::Duration;

use epode_hub::PortId;
use epode_protocol::{LogLevel, Position, Secret, SessionInfo, Text, ToWorker};

use crate::room::Room;
use crate::scenery::{self, Frame};
use crate::words::Word;

const KEYS: &str = "this page brings the keys of a former login by SCRAM, and the server offers no SCRAM: a \
    password is needed";

/// How long other pages wait for one that says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A page that logs in.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) service: String,
    /// The bare JID, as far as it is not told by case.
    pub(crate) account: String,
    sasl: Sasl,
    /// Until when the page may be silent and others wait for its login; `None` while they do not.
    pub(crate) awaited: Option<Duration>,
    /// The features with which the latest stream begins, until the page begins it too.
    features: Option<String>,
    /// Whether the page has begun the latest stream.
    has_begun: bool,
    /// Whether the hub has the session.
    has_session: bool,
    /// The session, once it is up.
    session: Option<SessionInfo>,
    /// The id of the page's request for a resource, until it is answered.
    binds: Option<String>,
    /// The JID that the page was told.
    bound: Option<String>,
    /// Whether the page speaks version 0, and does not say when it is done.
    is_old: bool,
    /// Whether the server's features have it ask for a session too.
    asks_for_session: bool,
    /// Whether the page is done.
    is_done: bool,
}

/// How far the page has authenticated.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sasl {
    /// The server has not begun the stream yet.
    Dialling,
    /// The page talks to the server.
    Talking,
    /// The server said no.
    Failed,
    /// The server said yes.
    Proven,
    /// The worker itself says no.
    Refused,
}

impl Login {
    pub(crate) fn new(service: String, jid: &str, is_old: bool) -> Self {
        Login {
            service,
            account: account_of(jid),
            sasl: Sasl::Dialling,
            awaited: None,
            features: None,
            has_begun: false,
            has_session: false,
            session: None,
            binds: None,
            bound: None,
            is_old,
            asks_for_session: false,
            is_done: false,
        }
    }

    /// A login that fails, without a word to the server.
    pub(crate) fn refused(service: String, jid: &str, is_old: bool) -> Self {
        let features = Some(scenery::mechanisms());
        Login { sasl: Sasl::Refused, features, ..Login::new(service, jid, is_old) }
    }

    /// Whether there may be a session soon that is not there yet.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.has_session
            && match self.sasl {
                Sasl::Dialling | Sasl::Proven => true,
                Sasl::Talking => self.awaited.is_some(),
                Sasl::Failed | Sasl::Refused => false,
            }
    }

    /// Time has passed.
    pub(crate) fn tire(&mut self, now: Duration) {
        self.awaited.take_if(|until| *until <= now);
    }

    /// Whether a page that closes its socket here was told to do so by its app: by itself strophe.js closes
    /// none that is being dialled, and none after `<close/>`. `after_close`: whether the page said that.
    pub(crate) fn is_given_up(&self, after_close: bool) -> bool {
        match self.sasl {
            Sasl::Dialling => true,
            Sasl::Talking | Sasl::Proven => after_close,
            // The app tidies up.
            Sasl::Failed | Sasl::Refused => false,
        }
    }

    /// Whether the session is up, and the page has not bound.
    pub(crate) fn hesitates(&self) -> bool {
        self.session.is_some() && self.bound.is_none()
    }

    /// The server says this on the page's stream.
    pub(crate) fn told<T: Text>(&mut self, port: PortId, text: T, room: &mut Room<T>) {
        if self.sasl == Sasl::Dialling {
            (self.sasl, self.awaited) = (Sasl::Talking, Some(room.now + PATIENCE));
            self.features = Some(text.with_str(str::to_owned));
            return room.post(port, Word::Open);
        }
        match &*scenery::name_of(&text) {
            "success" => (self.sasl, self.awaited, self.has_begun) = (Sasl::Proven, None, false),
            "failure" => (self.sasl, self.awaited) = (Sasl::Failed, None),
            _ => {}
        }
        room.post(port, Word::Message(text));
    }

    /// The page sends this. Returns what is for the session.
    pub(crate) fn hear<T: Text>(
        &mut self,
        port: PortId,
        text: T,
        frame: Frame,
        room: &mut Room<T>,
    ) -> Option<T> {
        let is_auth = frame == Frame::Auth;
        match (frame, self.sasl) {
            (Frame::Open, _) => {
                self.has_begun = true;
                self.begin(port, room);
            }
            (Frame::Auth, Sasl::Refused) => {
                room.post(port, Word::Message(scenery::not_authorized().into()));
            }
            (_, Sasl::Refused) => {}
            (Frame::Bind { id, resource }, Sasl::Proven) => {
                self.binds = Some(id);
                if self.session.is_none() {
                    room.say(port, ToWorker::Bind { resource });
                }
                self.answer_bind(port, room);
            }
            (Frame::Session { id }, Sasl::Proven) => {
                room.post(port, Word::Message(scenery::in_session(&id).into()));
                self.is_done |= self.is_old;
            }
            (_, Sasl::Proven) => return Some(text),
            (Frame::Auth, _) if text.with_str(scenery::names_an_object) => {
                (self.sasl, self.awaited) = (Sasl::Failed, None);
                room.post(port, Word::Log(LogLevel::Error, KEYS.to_owned()));
                room.post(port, Word::Message(scenery::not_authorized().into()));
            }
            (_, Sasl::Dialling | Sasl::Talking | Sasl::Failed) => {
                // Other frames are of a registration, in which a person may take any time.
                self.awaited = is_auth.then(|| room.now + PATIENCE);
                if is_auth && self.sasl == Sasl::Failed {
                    self.sasl = Sasl::Talking;
                }
                let text = Secret::new(text.with_str(str::to_owned));
                room.say(port, ToWorker::Frame { text });
            }
        }
        None
    }

    /// The server waits for a resource.
    pub(crate) fn unbound<T: Text>(&mut self, port: PortId, features: String, room: &mut Room<T>) {
        self.has_session = true;
        self.asks_for_session = scenery::offers_session(&features);
        self.features = Some(features);
        self.begin(port, room);
    }

    /// The session is up.
    pub(crate) fn up<T: Text>(&mut self, port: PortId, session: SessionInfo, room: &mut Room<T>) {
        if !self.has_session {
            self.unbound(port, session.features.clone(), room);
        }
        self.session = Some(session);
        self.answer_bind(port, room);
    }

    /// The server has not bound a resource.
    pub(crate) fn not_bound<T: Text>(&mut self, port: PortId, condition: &str, room: &mut Room<T>) {
        if let Some(id) = self.binds.take() {
            room.post(port, Word::Message(scenery::not_bound(&id, condition).into()));
        }
    }

    /// The page says that it is done.
    pub(crate) fn done(&mut self) {
        self.is_done = self.bound.is_some();
    }

    /// The session, once the page is done and has the JID of it.
    pub(crate) fn finish(&mut self) -> Option<SessionInfo> {
        self.session.take_if(|session| self.is_done && self.bound.as_ref() == Some(&session.jid))
    }

    /// The session, if it is resumed and the page was in it: then there is nothing to bind. `missed`: where
    /// the page stood in each session.
    pub(crate) fn resumed(&mut self, missed: &[Position]) -> Option<SessionInfo> {
        let was_in = |session: &SessionInfo| missed.iter().any(|at| is_of(*at, session));
        self.session.take_if(|session| session.resumed && was_in(session))
    }

    /// The streams of the page begin when both sides have begun: the worker's is there already.
    fn begin<T: Text>(&mut self, port: PortId, room: &mut Room<T>) {
        if let Some(features) = self.features.take_if(|_| self.has_begun) {
            let domain = self.account.rsplit('@').next().unwrap_or_default();
            room.post(port, Word::Message(scenery::open(domain).into()));
            room.post(port, Word::Message(features.into()));
        }
    }

    fn answer_bind<T: Text>(&mut self, port: PortId, room: &mut Room<T>) {
        if let Some(session) = &self.session
            && let Some(id) = self.binds.take()
        {
            room.post(port, Word::Message(scenery::bound(&id, &session.jid).into()));
            self.bound = Some(session.jid.clone());
            self.is_done |= self.is_old && !self.asks_for_session;
        }
    }
}

/// Whether the server had bound this session already when a page stood at this position.
pub(crate) fn is_of(position: Position, session: &SessionInfo) -> bool {
    position >> 32 == session.bound >> 32 && position >= session.bound
}

/// The account of a JID, however the page spells it.
pub(crate) fn account_of(jid: &str) -> String {
    jid.split('/').next().unwrap_or_default().to_ascii_lowercase()
}
