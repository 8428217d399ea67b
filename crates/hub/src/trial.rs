//! A trial of a tab's credentials on a stream of its own. The session that they are for is not
//! touched.

use epode_protocol::{FromWorker, Text};
use epode_session::Event;
use epode_session::stream::Error;

use crate::PortId;
use crate::common::Common;
use crate::connection::{Connection, Said};
use crate::refusals::judges_proof;

/// A connection that authenticates and is closed again, or is a session's from then on.
pub(crate) struct Trial {
    pub(crate) connection: Connection,
    /// The tab that brought the credentials; `None` if the tab has left, so that the outcome
    /// touches no tab.
    pub(crate) port: Option<PortId>,
    /// Whether the server took the credentials.
    pub(crate) verified: bool,
    /// Whether the page has logged in itself, and waits until the former session of the account is closed.
    pub(crate) waits: bool,
}

/// What a trial leaves to the hub.
pub(crate) enum Upshot {
    /// The page has logged in itself.
    LoggedIn,
    /// The trial is over; with the error, if one ended it.
    Over(Option<Error>),
}

impl Trial {
    pub(crate) fn new(connection: Connection, port: PortId) -> Self {
        Trial { connection, port: Some(port), verified: false, waits: false }
    }

    /// Carries out what the session wants, up to the next thing that concerns others than its
    /// own tab.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn proceed<T: Text>(&mut self, common: &mut Common<T>) -> Option<Upshot> {
        while let Some(said) = self.connection.proceed(common) {
            match said {
                Said::Ask { mechanism, challenge } => {
                    self.connection.ask(mechanism, challenge, self.port, common);
                }
                Said::Relay(text) => {
                    if let Some(port) = self.port {
                        common.post(port, FromWorker::Frame { text: text.into() });
                    }
                }
                Said::Unsaid(rule) => {
                    if let Some(port) = self.port {
                        common.unsaid(port, &rule);
                    }
                }
                Said::LoggedIn => return Some(Upshot::LoggedIn),
                Said::Event(Event::Authenticated(keys)) => {
                    (self.verified, self.connection.keys) = (true, keys);
                }
                // After a refusal nothing is kept of the account.
                Said::Event(Event::Refused(error)) if judges_proof(&error) => {
                    common.forget_dormant(&self.connection.key);
                }
                Said::Event(Event::Dropped(dropped)) => {
                    common.log_dropped(self.port.as_slice(), &dropped.name, dropped.size, &dropped.rule);
                }
                Said::Event(Event::Ended(error)) => return Some(Upshot::Over(error)),
                // A trial reports no progress, binds nothing for tabs and is not dialled again.
                Said::Event(
                    Event::Authenticating
                    | Event::BindRequired(_)
                    | Event::Bound(_)
                    | Event::Management(_)
                    | Event::Early(..)
                    | Event::Lost { .. }
                    | Event::Refused(_),
                ) => {}
            }
        }
        None
    }
}
