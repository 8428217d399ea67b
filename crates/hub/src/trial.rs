//! A tab's credentials, being tried beside the session that they are for, which goes on untouched.

use epode_protocol::Text;
use epode_session::Event;
use epode_session::stream::Error;

use crate::PortId;
use crate::common::Common;
use crate::connection::{Connection, Said};

/// A connection that authenticates, and is closed again.
pub(crate) struct Trial {
    pub(crate) connection: Connection,
    /// Whose credentials they are; nobody's when the tab has thought better of it, so that the outcome
    /// touches nothing.
    pub(crate) port: Option<PortId>,
    /// Whether the server took them.
    pub(crate) verified: bool,
}

/// A trial is over: as it was to be, or because of an error.
pub(crate) struct Over(pub(crate) Option<Error>);

impl Trial {
    pub(crate) fn new(connection: Connection, port: PortId) -> Self {
        Trial { connection, port: Some(port), verified: false }
    }

    /// Does what the session wants done, until it is over.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn proceed<T: Text>(&mut self, common: &mut Common<T>) -> Option<Over> {
        while let Some(said) = self.connection.proceed(common) {
            match said {
                Said::Ask { mechanism, challenge } => {
                    self.connection.ask(mechanism, challenge, self.port, common);
                }
                Said::Event(Event::Authenticated(keys)) => {
                    (self.verified, self.connection.keys) = (true, keys);
                }
                Said::Event(Event::Dropped(dropped)) => {
                    common.log_dropped(self.port.as_slice(), &dropped.name, dropped.size, &dropped.rule);
                }
                Said::Event(Event::Ended(error)) => return Some(Over(error)),
                // Nobody hears how far it has come; nothing of it is bound, and nothing dialled again.
                Said::Event(
                    Event::Authenticating
                    | Event::BindRequired
                    | Event::Bound(_)
                    | Event::Early(..)
                    | Event::Lost { .. },
                ) => {}
            }
        }
        None
    }
}
