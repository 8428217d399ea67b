//! One account's connection to its server: a session, and the way out of it. Tabs share one
//! connection; other credentials are tried on another.

use epode_protocol::{Options, Text};
use epode_session::stream::sasl::ScramKeys;
use epode_session::{Account, Event, Output, Purpose, Report, Session};

use crate::SessionId;
use crate::common::Common;
use crate::exchange::Exchange;
use crate::key::Key;
use crate::timer::Timer;
use crate::uplink::Uplink;
use crate::uplink::carrier::Carrier;
use crate::uplink::lines::Binding;

/// One account's connection to its server.
pub(crate) struct Connection {
    pub(crate) id: SessionId,
    pub(crate) key: Key,
    pub(crate) session: Session,
    pub(crate) uplink: Uplink,
    pub(crate) exchange: Exchange,
    pub(crate) options: Options,
    /// Whether a page logs in itself, until the session is up.
    pub(crate) relays: bool,
    /// The keys that SCRAM derived at the latest login, for the tabs that brought the password.
    pub(crate) keys: Option<ScramKeys>,
}

/// Something that a connection leaves to its owner.
pub(crate) enum Said {
    /// A mechanism that lives in a tab is to speak; see [`Output::Ask`].
    Ask {
        mechanism: String,
        challenge: Option<String>,
    },
    /// See [`Output::Relay`].
    Relay(String),
    /// See [`Output::Unsaid`].
    Unsaid(String),
    /// See [`Output::LoggedIn`].
    LoggedIn,
    Event(Event),
}

impl Connection {
    pub(crate) fn new<T: Text>(
        key: Key,
        account: Account,
        options: Options,
        purpose: Purpose,
        binding: Option<Binding>,
        common: &mut Common<T>,
    ) -> Self {
        let id = SessionId(common.count());
        let seed = common.config.seed.wrapping_add(u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let session = Session::new(common.now, account, purpose, seed);
        let uplink = Uplink::new(id, Carrier::new(binding), seed);
        let relays = session.account().is_relayed();
        Connection { id, key, session, uplink, exchange: None, options, relays, keys: None }
    }

    /// Carries out what the session wants, up to the next thing that concerns tabs; `None` when all
    /// is done.
    pub(crate) fn proceed<T: Text>(&mut self, common: &mut Common<T>) -> Option<Said> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Dial(url, greeting) => self.uplink.carrier.dial(url, greeting, common),
                Output::Transmit(frame) => self.uplink.send(frame.into(), common),
                Output::CloseSocket => self.uplink.carrier.close(common),
                Output::Derive(derivation) => self.uplink.carrier.derive(derivation, common),
                Output::Ask { mechanism, challenge } => return Some(Said::Ask { mechanism, challenge }),
                Output::Relay(text) => return Some(Said::Relay(text)),
                Output::Unsaid(rule) => return Some(Said::Unsaid(rule)),
                Output::LoggedIn => return Some(Said::LoggedIn),
                Output::Event(event) => {
                    self.note_verdict(&event, common);
                    if let Event::Ended(_) = event {
                        common.timers.set(Timer::Session(self.id), None);
                    }
                    return Some(Said::Event(event));
                }
            }
        }
        common.timers.set(Timer::Session(self.id), self.session.deadline());
        None
    }

    /// Notes whether the server took the credentials, and whether it can count. Of credentials that a page
    /// keeps none are tried again.
    fn note_verdict<T: Text>(&mut self, event: &Event, common: &mut Common<T>) {
        if let Event::Lost { error, .. } | Event::Ended(Some(error)) = event
            && error.is_of_count()
        {
            common.note_miscount(&self.key);
        }
        let account = self.session.account();
        match event {
            Event::Bound(_) | Event::Management(Report::Resumed(_)) => self.relays = false,
            Event::Lost { .. } | Event::Ended(_) if self.relays => {}
            Event::Authenticated(keys) => common.refusals.forgive(&self.key, account, keys.is_some()),
            Event::Lost { error, .. } | Event::Ended(Some(error)) => {
                common.refusals.note(common.now, &self.key, account, error);
            }
            _ => {}
        }
    }
}
