//! From the open socket to the bound resource: one type per state, each with only the data that its
//! step needs. A step consumes its state and returns the next, or the error that ends the stream.

use base64ct::{Base64, Encoding};
use epode_sasl::{self as sasl, Choice, Mechanism, MechanismName, ScramKeys, Step};
use epode_xml::{Element, Head, Limits};
use zeroize::Zeroizing;

use crate::error::{Error, PeerMisbehaved};
use crate::framing::{self, ns};
use crate::jid;
use crate::management::{self, Former, Managed, Report};
use crate::relay::{self, ExpectLogin};
use crate::timer::{FOREIGN_PATIENCE, PATIENCE, SECOND_THOUGHT, Timer};
use crate::{Answer, Bound, Common, Config, Event, Output, Purpose};

/// The state of the negotiation.
pub(crate) enum State {
    Open(ExpectOpen),
    Mechanisms(ExpectMechanisms),
    Outcome(ExpectOutcome),
    Keys(ExpectKeys),
    Answer(ExpectAnswer),
    /// A page logs in itself.
    Login(ExpectLogin),
    /// It has, and the caller decides.
    LoggedIn,
    BindFeatures(ExpectBindFeatures),
    Resumption(ExpectResumed),
    BindRequest(ExpectBindRequest),
    BindResult(ExpectBindResult),
    SessionResult(ExpectSessionResult),
    /// The resource is bound: stanzas flow.
    Established,
    /// The account is verified, which was the whole purpose.
    Verified,
}

type Next = Result<State, Error>;

impl State {
    /// The state of a stream whose socket has just opened.
    pub(crate) fn begin(common: &mut Common) -> State {
        match &common.config.purpose {
            Purpose::Continue(bound) => {
                let bound = bound.clone();
                common.deadline.clear();
                common.event(Event::Bound(bound));
                State::Established
            }
            _ => ExpectOpen::start(false, common),
        }
    }

    /// The state in words that follow "while" in an error.
    pub(crate) fn waiting(&self) -> &'static str {
        match self {
            State::Open(_) => "waiting for <open/>",
            State::Mechanisms(_) => "waiting for the features that offer authentication",
            State::Outcome(_) => "authenticating",
            State::Keys(_) | State::Answer(_) => "it is our turn to speak",
            State::Login(_) | State::LoggedIn => relay::WAITING,
            State::BindFeatures(_) => "waiting for the features that offer resource binding",
            State::Resumption(_) => "resuming the session",
            State::BindRequest(_) => "it is our turn to bind a resource",
            State::BindResult(_) => "binding a resource",
            State::SessionResult(_) => "opening the legacy session",
            State::Established => "exchanging stanzas",
            State::Verified => "closing",
        }
    }

    /// Whether a page hears this frame of the server.
    pub(crate) fn is_relayed(&self, config: &Config) -> bool {
        matches!(self, State::Mechanisms(_) | State::Login(_)) && config.purpose == Purpose::Relay
    }

    /// Whether the server may already relay stanzas, since it knows the account.
    pub(crate) fn is_authenticated(&self) -> bool {
        matches!(
            self,
            State::Resumption(_) | State::BindRequest(_) | State::BindResult(_) | State::SessionResult(_)
        )
    }

    /// The id of the request that awaits an answer.
    pub(crate) fn request(&self) -> Option<&str> {
        match self {
            State::BindResult(expect) => Some(&expect.request),
            State::SessionResult(expect) => Some(&expect.request),
            _ => None,
        }
    }

    /// Whether this is the awaited answer. An IQ passes for one if it comes from the server or the
    /// own account, or names no sender. Before the resource is bound the right id suffices;
    /// afterwards contacts can address the resource, and guess ids.
    pub(crate) fn is_answered_by(&self, head: &Head, config: &Config) -> bool {
        let (own, by_id) = match self {
            State::Resumption(_) => {
                let local = head.tag.rsplit(':').next();
                return &*head.namespace == ns::SM && matches!(local, Some("resumed" | "failed"));
            }
            State::BindResult(expect) => {
                (config.credentials.jid.as_deref(), head.id.as_deref() == Some(&*expect.request))
            }
            State::SessionResult(expect) => (Some(&*expect.bound.jid), false),
            _ => return false,
        };
        let is_own = |from: &str| {
            own.is_some_and(|own| {
                [own, jid::bare(own)].iter().any(|own| jid::same(from, own, &config.unicode))
            })
        };
        let is_from_us = |from: &str| jid::same(from, &config.domain, &config.unicode) || is_own(from);
        head.tag.rsplit(':').next() == Some("iq")
            && matches!(head.kind.as_deref(), Some("result" | "error"))
            && (by_id || head.from.as_deref().is_none_or(is_from_us))
    }

    /// The error that a server's silence in this state amounts to.
    pub(crate) fn silence(&self) -> Error {
        match self {
            State::Mechanisms(ExpectMechanisms { fault: Some(fault) })
            | State::BindFeatures(ExpectBindFeatures { fault: Some(fault) }) => fault.clone().into(),
            state => Error::Timeout(state.waiting()),
        }
    }

    /// Takes one frame of the negotiation; the caller has handled stream errors and `<close/>`.
    pub(crate) fn handle(self, element: Element, common: &mut Common) -> Next {
        let waiting = self.waiting();
        match self {
            State::Open(expect) => expect.handle(element, common),
            State::Mechanisms(expect) => expect.handle(element, common),
            State::Outcome(expect) => expect.handle(element, common),
            State::Login(expect) => expect.handle(element, common),
            State::BindFeatures(expect) => expect.handle(element, common),
            State::Resumption(expect) => expect.handle(element, common),
            State::BindResult(expect) => expect.handle(element, common),
            State::SessionResult(expect) => expect.handle(element, common),
            State::Keys(_) | State::Answer(_) if element.is("failure", ns::SASL) => {
                Err(refused(&element, None))
            }
            State::Keys(_)
            | State::Answer(_)
            | State::LoggedIn
            | State::BindRequest(_)
            | State::Established
            | State::Verified => Err(unexpected(&element, waiting)),
        }
    }
}

/// Our `<open/>` is sent; the server's comes next, and then its features.
pub(crate) struct ExpectOpen {
    authenticated: bool,
}

impl ExpectOpen {
    /// Opens the stream, the second time after authentication (RFC 6120 §6.4.6).
    pub(crate) fn start(authenticated: bool, common: &mut Common) -> State {
        common.transmit(framing::open(&common.config.domain));
        State::Open(ExpectOpen { authenticated })
    }

    fn handle(self, element: Element, common: &mut Common) -> Next {
        if !element.is("open", ns::FRAMING) {
            return Err(PeerMisbehaved::NoOpen(element.name().to_owned()).into());
        }
        // A server with another version, or none, may still say what is wrong, or offer features
        // after all. Only a server that does neither is from before SASL.
        let version = element.attr("version");
        let is_ours =
            version.and_then(|version| version.split_once('.')).is_some_and(|(major, _)| major == "1");
        let fault = (!is_ours).then(|| PeerMisbehaved::Version(version.map(str::to_owned)));
        if fault.is_some() {
            common.deadline.hasten(common.now + SECOND_THOUGHT);
        }
        Ok(match self.authenticated {
            false => State::Mechanisms(ExpectMechanisms { fault }),
            true => State::BindFeatures(ExpectBindFeatures { fault }),
        })
    }
}

/// The features that offer authentication come next (RFC 6120 §6.4.1).
pub(crate) struct ExpectMechanisms {
    /// The fault in `<open/>`, reported if no features follow.
    fault: Option<PeerMisbehaved>,
}

impl ExpectMechanisms {
    fn handle(self, features: Element, common: &mut Common) -> Next {
        let features = expect_features(features, State::Mechanisms(self))?;
        if common.config.purpose == Purpose::Relay {
            return Ok(ExpectLogin::start(common));
        }
        let mechanisms = features.child("mechanisms", ns::SASL).ok_or(PeerMisbehaved::NoMechanisms)?;
        let offered: Vec<String> = mechanisms
            .children()
            .filter(|child| child.is("mechanism", ns::SASL))
            .map(|child| child.text().trim().to_owned())
            .collect();
        let config = &common.config;
        let name = sasl::choose(&Choice {
            offered: &offered.iter().map(String::as_str).collect::<Vec<_>>(),
            allowed: &config.allowed,
            credentials: &config.credentials,
            plaintext: config.plaintext,
        })?;
        let is_foreign = matches!(name, MechanismName::Foreign(_));
        // Some servers ignore the name that a login acts as: then the JID tells that they bind.
        let named = name.proves_name() && config.credentials.authzid.is_none();
        let mut mechanism = sasl::mechanism(name, &config.credentials, &common.nonce, config.unicode.nfkc)?;
        common.named = named;
        common.event(Event::Authenticating);
        if is_foreign {
            return Ok(ExpectAnswer::ask(mechanism, None, common));
        }
        let initial = mechanism.start().map(Zeroizing::new);
        Ok(begin(mechanism, initial.as_ref().map(|initial| &initial[..]), common))
    }
}

fn begin(mechanism: Box<dyn Mechanism>, initial: Option<&[u8]>, common: &mut Common) -> State {
    let mut auth = Element::new("auth", ns::SASL).with_attr("mechanism", mechanism.name().as_str());
    if let Some(initial) = initial {
        auth = auth.with_text(&encode_initial(initial));
    }
    common.transmit(auth.to_string());
    State::Outcome(ExpectOutcome { mechanism })
}

/// A challenge, success or failure comes next (RFC 6120 §6.4.3 to §6.4.6).
pub(crate) struct ExpectOutcome {
    mechanism: Box<dyn Mechanism>,
}

impl ExpectOutcome {
    fn handle(mut self, element: Element, common: &mut Common) -> Next {
        if element.namespace() == ns::SASL {
            match element.name() {
                "challenge" => {
                    let step = self.mechanism.challenge(&decode(&element.text())?.unwrap_or_default())?;
                    return self.step(step, common);
                }
                "success" => {
                    self.mechanism.success(decode(&element.text())?.as_deref())?;
                    if common.named {
                        common.event(Event::Authenticated(self.mechanism.keys()));
                    }
                    return Ok(match common.config.purpose {
                        Purpose::Verify if common.named => State::Verified,
                        _ => ExpectOpen::start(true, common),
                    });
                }
                "failure" => return Err(refused(&element, self.mechanism.complaint())),
                _ => {}
            }
        }
        Err(unexpected(&element, State::Outcome(self).waiting()))
    }

    fn step(self, step: Step, common: &mut Common) -> Next {
        match step {
            Step::Respond(data) => Ok(self.respond(&data, common)),
            Step::Relay(challenge) => Ok(ExpectAnswer::ask(self.mechanism, Some(challenge), common)),
            Step::Derive(derivation) => {
                // Our own work has no deadline.
                common.deadline.clear();
                common.output(Output::Derive(derivation));
                Ok(State::Keys(ExpectKeys { mechanism: self.mechanism }))
            }
        }
    }

    fn respond(self, data: &[u8], common: &mut Common) -> State {
        let data = Base64::encode_string(data);
        common.transmit(Element::new("response", ns::SASL).with_text(&data).to_string());
        State::Outcome(self)
    }
}

/// The keys derived from the password come next, from the caller.
pub(crate) struct ExpectKeys {
    mechanism: Box<dyn Mechanism>,
}

impl ExpectKeys {
    pub(crate) fn derived(mut self, keys: ScramKeys, common: &mut Common) -> Next {
        let step = self.mechanism.derived(keys)?;
        ExpectOutcome { mechanism: self.mechanism }.step(step, common)
    }
}

/// A message of a foreign mechanism comes next, from the page that speaks it.
pub(crate) struct ExpectAnswer {
    mechanism: Box<dyn Mechanism>,
    /// Whether `<auth/>` has been sent.
    begun: bool,
}

impl ExpectAnswer {
    fn ask(mechanism: Box<dyn Mechanism>, challenge: Option<String>, common: &mut Common) -> State {
        common.deadline.set(Timer::Foreign, common.now + FOREIGN_PATIENCE);
        let expect = ExpectAnswer { mechanism, begun: challenge.is_some() };
        common.output(Output::Ask { mechanism: expect.mechanism(), challenge });
        State::Answer(expect)
    }

    pub(crate) fn mechanism(&self) -> String {
        self.mechanism.name().as_str().to_owned()
    }

    pub(crate) fn answered(self, answer: Answer, common: &mut Common) -> Next {
        let name = self.mechanism();
        let said = match answer {
            Answer::Say(said) => said,
            Answer::Failed => return Err(sasl::Error::Failed(name).into()),
            Answer::Gone => return Err(sasl::Error::Gone(name).into()),
            Answer::Nobody => return Err(sasl::Error::Unspoken(name).into()),
        };
        let said = said.as_ref().map(|said| said.expose().as_bytes());
        let ExpectAnswer { mechanism, begun } = self;
        Ok(match begun {
            true => ExpectOutcome { mechanism }.respond(said.unwrap_or_default(), common),
            false => begin(mechanism, said, common),
        })
    }
}

/// The features after authentication come next (RFC 6120 §7.3.1).
pub(crate) struct ExpectBindFeatures {
    /// The fault in `<open/>`, reported if no features follow.
    fault: Option<PeerMisbehaved>,
}

impl ExpectBindFeatures {
    fn handle(self, element: Element, common: &mut Common) -> Next {
        let features = expect_features(element, State::BindFeatures(self))?;
        match common.config.former.take() {
            Some(former) if features.child("sm", ns::SM).is_some() => {
                common.transmit(management::resume(&former));
                common.resuming = true;
                return Ok(State::Resumption(ExpectResumed { former, features }));
            }
            Some(_) => common.event(Event::Management(Report::NotResumed(None))),
            None => {}
        }
        ExpectBindRequest::start(features, common)
    }
}

/// The answer to `<resume/>` comes next (XEP-0198 §5).
pub(crate) struct ExpectResumed {
    former: Former,
    features: Element,
}

impl ExpectResumed {
    fn handle(self, element: Element, common: &mut Common) -> Next {
        let ExpectResumed { former, features } = self;
        if element.is("resumed", ns::SM) {
            if element.attr("previd") != Some(&former.id) {
                return Err(PeerMisbehaved::ResumedAnother.into());
            }
            let h = management::count(&element)?;
            common.resuming = false;
            common.managed = Managed::Yes;
            // ejabberd says no features after this, and a server need not say limits again.
            common.outbound = former.outbound;
            if !common.named {
                // The server knows whose session this is.
                common.event(Event::Authenticated(None));
            }
            return Ok(established(Event::Management(Report::Resumed(h)), &features, common));
        }
        if element.is("failed", ns::SM) {
            common.resuming = false;
            common.event(Event::Management(Report::NotResumed(management::told(&element))));
            // XEP-0198 §5: the same stream may bind a resource instead.
            return ExpectBindRequest::start(features, common);
        }
        Err(unexpected(&element, "resuming the session"))
    }
}

/// The request to bind a resource comes next, from the caller
/// ([`Input::Bind`](crate::Input::Bind)).
pub(crate) struct ExpectBindRequest {
    features: Element,
}

impl ExpectBindRequest {
    fn start(features: Element, common: &mut Common) -> Next {
        if features.child("bind", ns::BIND).is_none() {
            return Err(PeerMisbehaved::NoBind.into());
        }
        let expect = ExpectBindRequest { features };
        if let Purpose::Bind { explicit: true, .. } = common.config.purpose {
            // The app may take its time to ask for a resource.
            common.deadline.clear();
            common.event(Event::BindRequired(expect.features.to_string()));
            return Ok(State::BindRequest(expect));
        }
        Ok(expect.bind(common))
    }

    pub(crate) fn bind(self, common: &mut Common) -> State {
        let mut bind = Element::new("bind", ns::BIND);
        if let Purpose::Bind { resource: Some(resource), .. } = &common.config.purpose {
            bind = bind.with_child(Element::new("resource", ns::BIND).with_text(resource));
        }
        let request = common.request(bind);
        State::BindResult(ExpectBindResult { request, features: self.features })
    }
}

/// The result of binding a resource comes next (RFC 6120 §7.6).
pub(crate) struct ExpectBindResult {
    request: String,
    features: Element,
}

impl ExpectBindResult {
    fn handle(self, element: Element, common: &mut Common) -> Next {
        let ExpectBindResult { request, features } = self;
        let waiting = "binding a resource";
        let result = match expect_result(element, &request, "resource", waiting) {
            Err(Error::BindRefused { condition, .. })
                if condition == "conflict" && common.yield_resource() =>
            {
                return Ok(ExpectBindRequest { features }.bind(common));
            }
            result => result?,
        };
        let jid = result
            .child("bind", ns::BIND)
            .and_then(|bind| bind.child("jid", ns::BIND))
            .map(|jid| jid.text().trim().to_owned())
            .filter(|jid| !jid.is_empty())
            .ok_or(PeerMisbehaved::BindWithoutJid)?;
        let (_, domain, resource) = jid::split(&jid);
        if domain.is_empty() || resource.is_none_or(str::is_empty) {
            return Err(PeerMisbehaved::BindNotFull(jid).into());
        }
        let unicode = &common.config.unicode;
        let is_another = |account: &str| !jid::same_bare(account, &jid, unicode);
        if common.config.known.as_deref().is_some_and(is_another) {
            return Err(Error::OtherAccount(jid));
        }
        if !common.named {
            if common.config.credentials.jid.as_deref().is_some_and(is_another) {
                return Err(Error::OtherAccount(jid));
            }
            common.event(Event::Authenticated(None));
            if common.config.purpose == Purpose::Verify {
                return Ok(State::Verified);
            }
        }
        let session_required = features
            .child("session", ns::SESSION)
            .is_some_and(|session| session.child("optional", ns::SESSION).is_none());
        let bound = Bound { jid, features: features.to_string(), managed: false };
        if session_required {
            let request = common.request(Element::new("session", ns::SESSION));
            return Ok(State::SessionResult(ExpectSessionResult { request, bound }));
        }
        Ok(managed(bound, &features, common))
    }
}

/// The result of the legacy session request comes next (RFC 3921 §3); sent only where the server
/// requires a session.
pub(crate) struct ExpectSessionResult {
    request: String,
    bound: Bound,
}

impl ExpectSessionResult {
    fn handle(self, element: Element, common: &mut Common) -> Next {
        let ExpectSessionResult { request, bound } = self;
        expect_result(element, &request, "session", "opening the legacy session")?;
        let features = Element::parse(&bound.features, &Limits::default())?;
        Ok(managed(bound, &features, common))
    }
}

/// The resource is bound: asks for stream management, if the server offers that. Nobody waits for
/// the server's answer.
fn managed(mut bound: Bound, features: &Element, common: &mut Common) -> State {
    let offered = features.child("sm", ns::SM).is_some();
    if let Some(management) = common.config.management.filter(|_| offered) {
        let enable = management::enable(management);
        common.transmit(enable);
        common.managed = Managed::Enabling;
        bound.managed = true;
    }
    established(Event::Bound(bound), features, common)
}

fn established(event: Event, features: &Element, common: &mut Common) -> State {
    // XEP-0478: the server announces the largest stanza that it accepts, so one tab's oversized
    // stanza need not cost all tabs the stream.
    let max_bytes = features
        .child("limits", ns::LIMITS)
        .and_then(|limits| limits.child("max-bytes", ns::LIMITS))
        .and_then(|bytes| bytes.text().trim().parse::<usize>().ok())
        // XEP-0478 requires a positive number.
        .filter(|bytes| *bytes > 0);
    if let Some(max_bytes) = max_bytes {
        common.outbound.bytes = common.config.limits.bytes.min(max_bytes);
    }
    common.deadline.clear();
    if common.managed == Managed::Enabling {
        common.deadline.set(Timer::Enable, common.now + PATIENCE);
    }
    common.event(event);
    for event in std::mem::take(&mut common.early) {
        common.event(event);
    }
    State::Established
}

impl Common {
    /// Gives a resource that is in conflict a random suffix, once; false if the resource must stay
    /// or has one already.
    fn yield_resource(&mut self) -> bool {
        match &mut self.config.purpose {
            Purpose::Bind { resource: Some(resource), yields: true, .. } if !self.yielded => {
                resource.push('-');
                resource.extend(self.nonce.chars().filter(char::is_ascii_alphanumeric).take(8));
                self.yielded = true;
            }
            _ => return false,
        }
        true
    }

    /// Sends an IQ of the negotiation and returns its id.
    fn request(&mut self, payload: Element) -> String {
        let id = [framing::REQUEST, payload.name()].concat();
        self.transmit(framing::iq(&id, payload));
        id
    }

    fn transmit(&mut self, frame: String) {
        self.deadline.set(Timer::Answer, self.now + PATIENCE);
        self.output(Output::Transmit(frame));
    }
}

fn expect_features(element: Element, state: State) -> Result<Element, Error> {
    match (element.is("features", ns::STREAMS), state.silence()) {
        (true, _) => Ok(element),
        (false, fault @ Error::Peer(_)) => Err(fault),
        (false, _) => Err(unexpected(&element, state.waiting())),
    }
}

fn expect_result(
    element: Element,
    request: &str,
    step: &'static str,
    waiting: &'static str,
) -> Result<Element, Error> {
    if !element.is("iq", ns::CLIENT) || element.attr("id") != Some(request) {
        return Err(unexpected(&element, waiting));
    }
    match element.attr("type") {
        Some("result") => Ok(element),
        Some("error") => {
            let (condition, text) = match element.child("error", ns::CLIENT) {
                Some(error) => framing::condition(error, ns::STANZA_ERRORS),
                None => ("undefined-condition".to_owned(), None),
            };
            Err(Error::BindRefused { step, condition, text })
        }
        _ => Err(unexpected(&element, waiting)),
    }
}

fn unexpected(element: &Element, waiting: &'static str) -> Error {
    PeerMisbehaved::Unexpected { element: element.name().to_owned(), waiting }.into()
}

pub(crate) fn refused(failure: &Element, complaint: Option<String>) -> Error {
    let (condition, text) = framing::condition(failure, ns::SASL);
    Error::AuthRefused { condition, text, complaint }
}

/// RFC 6120 §6.4.2: an empty initial response is sent as "=", since an empty element stands for
/// none.
fn encode_initial(data: &[u8]) -> String {
    if data.is_empty() { "=".to_owned() } else { Base64::encode_string(data) }
}

fn decode(text: &str) -> Result<Option<Vec<u8>>, PeerMisbehaved> {
    match text.trim() {
        "" => Ok(None),
        "=" => Ok(Some(Vec::new())),
        data => Base64::decode_vec(data).map(Some).map_err(|_| PeerMisbehaved::NotBase64),
    }
}
