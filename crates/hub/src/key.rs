//! What makes two tabs share a session.

use std::fmt;

use epode_protocol::Options;
use epode_session::Account;
use epode_session::stream::jid::{self, Unicode};

use crate::PortId;

/// What makes two tabs share a session: the service and the account, or what stands in for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub(crate) service: String,
    /// The account in prepared form: however it is spelt, there is one session, and one Web Lock.
    pub(crate) account: String,
    /// The name that was given beside a bare domain, which tells whose session it is.
    name: Option<String>,
    session_key: Option<String>,
    /// The owner, if tabs share nothing.
    pub(crate) port: Option<PortId>,
}

impl Key {
    pub(crate) fn new(account: &Account, options: &Options, port: Option<PortId>, unicode: &Unicode) -> Self {
        Key {
            service: account.service().to_owned(),
            account: jid::prepared(account.bare_jid(), unicode).into_owned(),
            name: account.name_beside_domain(),
            // An account is told by its name. Without one the app may tell its sessions apart.
            session_key: options.session_key.clone().filter(|_| account.is_anonymous()),
            port,
        }
    }

    /// The same key for all ports.
    pub(crate) fn without_port(&self) -> Key {
        Key { port: None, ..self.clone() }
    }
}

/// The name of the Web Lock that goes with the session.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or_default();
        write!(f, "epode-session {} {} {name}", self.service, self.account)
    }
}
