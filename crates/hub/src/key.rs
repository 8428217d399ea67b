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
    /// As it is compared: however it is spelt, there is one session, and one Web Lock.
    pub(crate) account: String,
    /// The name beside a bare domain, which alone says whose the session is.
    name: Option<String>,
    session_key: Option<String>,
    /// Whose it is, where tabs share nothing.
    pub(crate) port: Option<PortId>,
}

impl Key {
    pub(crate) fn new(account: &Account, options: &Options, port: Option<PortId>, unicode: &Unicode) -> Self {
        Key {
            service: account.service().to_owned(),
            account: jid::prepared(account.bare_jid(), unicode).into_owned(),
            name: account.name_beside_domain(),
            // A name in the JID is the key; without one the app may tell its sessions apart.
            session_key: options.session_key.clone().filter(|_| account.is_anonymous()),
            port,
        }
    }

    /// Whose it is, whoever shares it.
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
