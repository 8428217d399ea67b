//! A login that a page makes itself: its frames pass, up to `<success/>`. Then the caller decides what
//! the stream is for ([`Stream::settle`](crate::Stream::settle)).
//!
//! A page's own frames say which account it logs in to. They are believed only where the server cannot
//! have understood them otherwise: one exchange at a time, in canonical form. In all other cases the JID
//! tells that the server binds.

use base64ct::{Base64, Encoding};
use epode_sasl::Secret;
use epode_xml::Element;
use zeroize::Zeroizing;

use crate::error::{Error, PeerMisbehaved};
use crate::framing::ns;
use crate::jid;
use crate::negotiation::{ExpectOpen, State, refused};
use crate::timer::{FOREIGN_PATIENCE, Timer};
use crate::{Common, Config, EARLY_BYTES, Event, Output, Purpose};

/// How many logins a page may try on one stream: RFC 6120 §6.4.5 wants 2 to 5.
const TRIES: u32 = 5;

/// What a page has logged in with, as far as its frames tell.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Login {
    /// The mechanism.
    pub mechanism: String,
    /// The name, where PLAIN or SCRAM tells one.
    pub authcid: Option<String>,
    /// Another name that it acts as.
    pub authzid: Option<String>,
    /// The password, where PLAIN tells it.
    pub password: Option<Secret>,
}

impl Login {
    /// Whether success proves that the account is the configured one; where that is a mere domain,
    /// whether the login itself tells the account, or needs none.
    pub(crate) fn proves_name(&self, config: &Config) -> bool {
        let account = &config.credentials.jid;
        let Some(authcid) = &self.authcid else {
            return self.mechanism == "ANONYMOUS" && account.is_none();
        };
        // Some servers ignore the name that a login acts as.
        self.authzid.is_none()
            && !authcid.contains(['@', '/'])
            && account.as_ref().is_none_or(|account| {
                jid::same_bare(account, &[authcid, "@", &config.domain].concat(), &config.unicode)
            })
    }
}

/// The frames of a login pass in both directions.
pub(crate) struct ExpectLogin {
    exchange: Option<Exchange>,
    failures: u32,
}

/// The exchange that is under way.
struct Exchange {
    login: Login,
    /// Whether the page's first message is known, which alone tells a name.
    begun: bool,
}

impl Exchange {
    fn new(auth: &Element) -> Self {
        let login =
            Login { mechanism: auth.attr("mechanism").unwrap_or_default().to_owned(), ..Login::default() };
        let mut exchange = Exchange { login, begun: false };
        // Without content the first message is that of `<response/>` (RFC 6120 §6.4.2).
        if !auth.text().trim().is_empty() {
            exchange.say(auth);
        }
        exchange
    }

    fn say(&mut self, element: &Element) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let text = Zeroizing::new(element.text());
        let Ok(message) = Base64::decode_vec(text.trim()).map(Zeroizing::new) else { return };
        let Ok(message) = std::str::from_utf8(&message) else { return };
        let login = &mut self.login;
        if login.mechanism == "PLAIN" {
            // RFC 4616 §2.
            if let [authzid, authcid, password] = message.split('\0').collect::<Vec<_>>()[..] {
                login.authzid = Some(authzid.to_owned()).filter(|name| !name.is_empty());
                login.authcid = Some(authcid.to_owned()).filter(|name| !name.is_empty());
                login.password = Some(Secret::new(password.to_owned()));
            }
        } else if login.mechanism.starts_with("SCRAM-") {
            // RFC 5802 §7; a message with extensions tells nothing here.
            if let [_, authzid, name, nonce] = message.split(',').collect::<Vec<_>>()[..]
                && let Some(name) = name.strip_prefix("n=")
                && nonce.starts_with("r=")
            {
                login.authzid = Some(authzid.to_owned()).filter(|name| !name.is_empty());
                login.authcid = Some(name.replace("=2C", ",").replace("=3D", "="));
            }
        }
    }
}

impl ExpectLogin {
    /// The server's features are there: it is the page's turn.
    pub(crate) fn start(common: &mut Common) -> State {
        common.deadline.set(Timer::Login, common.now + FOREIGN_PATIENCE);
        State::Login(ExpectLogin { exchange: None, failures: 0 })
    }

    /// Takes a frame of the page. Returns the rule that the frame breaks, if so.
    pub(crate) fn say(&mut self, text: &str, common: &mut Common) -> Result<(), String> {
        let element = Element::parse(text, &common.outbound).map_err(|violation| violation.to_string())?;
        let is_sasl = element.namespace() == ns::SASL;
        if is_sasl && element.children().next().is_some() {
            return Err("an element of SASL has no children".to_owned());
        }
        match (element.name(), &mut self.exchange) {
            ("auth", None) if is_sasl => self.exchange = Some(Exchange::new(&element)),
            ("auth", Some(_)) if is_sasl => {
                return Err("one login at a time: abort the other one first".to_owned());
            }
            ("response", Some(exchange)) if is_sasl => exchange.say(&element),
            ("abort", Some(_)) if is_sasl => {}
            ("response" | "abort", None) if is_sasl => return Err("no login is under way".to_owned()),
            ("iq", _) if element.namespace() == ns::CLIENT => {}
            _ => return Err("only <auth/>, <response/>, <abort/> and <iq/> pass before a login".to_owned()),
        }
        // Without a new deadline: the whole login has a minute.
        common.output(Output::Transmit(text.to_owned()));
        Ok(())
    }

    pub(crate) fn handle(mut self, element: Element, common: &mut Common) -> Result<State, Error> {
        if element.namespace() == ns::SASL {
            match (element.name(), self.exchange.take()) {
                ("success", Some(Exchange { login, .. })) => {
                    common.named = login.proves_name(&common.config);
                    common.deadline.clear();
                    common.output(Output::LoggedIn(login));
                    return Ok(State::LoggedIn);
                }
                ("failure", exchange) => {
                    let error = refused(&element, None);
                    if exchange.is_some_and(|exchange| exchange.login.proves_name(&common.config)) {
                        common.event(Event::Refused(error.clone()));
                    }
                    self.failures += 1;
                    if self.failures == TRIES {
                        return Err(error);
                    }
                }
                ("challenge", exchange @ Some(_)) => self.exchange = exchange,
                _ => return Err(unexpected(&element)),
            }
        }
        Ok(State::Login(self))
    }
}

/// Hands a frame of the server to the page; an error if that is more than a login takes.
pub(crate) fn hand_over(text: &str, common: &mut Common) -> Result<(), Error> {
    common.early_bytes += text.len();
    common.output(Output::Relay(text.to_owned()));
    match common.early_bytes > EARLY_BYTES {
        true => Err(PeerMisbehaved::Unexpected { element: "stream".to_owned(), waiting: WAITING }.into()),
        false => Ok(()),
    }
}

/// The state in words that follow "while" in an error.
pub(crate) const WAITING: &str = "the page logs in";

/// The page has logged in, and the caller has decided: the stream goes on.
pub(crate) fn go_on(common: &mut Common) -> State {
    common.early_bytes = 0;
    if common.named {
        common.event(Event::Authenticated(None));
    }
    match common.config.purpose {
        Purpose::Verify if common.named => State::Verified,
        _ => ExpectOpen::start(true, common),
    }
}

fn unexpected(element: &Element) -> Error {
    PeerMisbehaved::Unexpected { element: element.name().to_owned(), waiting: WAITING }.into()
}
