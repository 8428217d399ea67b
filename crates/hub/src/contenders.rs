//! Tabs whose credentials wait for the account to be free: of one account one login is under way at
//! a time.

use epode_protocol::{BoshOptions, Options};
use epode_session::Account;

use crate::PortId;
use crate::key::Key;

/// A tab that waits with its credentials.
pub(crate) struct Contender {
    pub(crate) port: PortId,
    pub(crate) key: Key,
    pub(crate) account: Account,
    pub(crate) options: Options,
    pub(crate) bosh: Option<BoshOptions>,
}

/// The tabs that wait, in the order in which they came.
#[derive(Default)]
pub(crate) struct Contenders(Vec<Contender>);

impl Contenders {
    pub(crate) fn push(&mut self, contender: Contender) {
        self.0.push(contender);
    }

    /// Whether this tab waits for this account.
    pub(crate) fn has(&self, port: PortId, key: &Key) -> bool {
        self.0.iter().any(|contender| contender.port == port && contender.key == *key)
    }

    /// This tab waits no longer.
    pub(crate) fn withdraw(&mut self, port: PortId) {
        self.0.retain(|contender| contender.port != port);
    }

    /// No tab waits any longer.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes out all tabs that wait for this account.
    pub(crate) fn take(&mut self, key: &Key) -> Vec<Contender> {
        self.take_if(&|contender| contender.key == *key)
    }

    /// Takes out the tabs that wait with exactly these credentials, which need not be tried once per
    /// tab.
    pub(crate) fn take_equal(&mut self, key: &Key, account: &Account) -> Vec<Contender> {
        self.take_if(&|waiting| waiting.key == *key && waiting.account.same_credentials(account, None))
    }

    fn take_if(&mut self, is: &dyn Fn(&Contender) -> bool) -> Vec<Contender> {
        self.0.extract_if(.., |contender| is(contender)).collect()
    }
}
