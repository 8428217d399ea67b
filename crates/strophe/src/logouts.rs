//! Who is kept out for a while when a page has ended the session for all.

use std::time::Duration;

/// How long the other pages of the session are kept from logging in again by themselves.
const QUIET: Duration = Duration::from_secs(10);

/// The logouts of late.
#[derive(Debug, Default)]
pub(crate) struct Logouts(Vec<Logout>);

#[derive(Debug)]
struct Logout {
    until: Duration,
    account: String,
    tab: String,
}

impl Logouts {
    /// The session of this account was ended for this tab by another one.
    pub(crate) fn note(&mut self, now: Duration, account: String, tab: String) {
        self.0.retain(|logout| logout.until > now);
        self.0.push(Logout { until: now + QUIET, account, tab });
    }

    /// Whether this tab must not log in yet: its app does so by itself, while a person does not know that the
    /// session was ended elsewhere.
    pub(crate) fn keep_out(&self, now: Duration, account: &str, tab: &str) -> bool {
        let is_of = |logout: &Logout| logout.account == account && logout.tab == tab;
        self.0.iter().any(|logout| logout.until > now && is_of(logout))
    }
}
