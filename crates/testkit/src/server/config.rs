use std::time::Duration;

use crate::unicode::local;

/// The properties of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The domain of the server.
    pub domain: String,
    /// The accounts. Each has all others in its roster, subscribed both ways.
    pub accounts: Vec<Account>,
    /// The mechanisms on offer, in this order. Supported are SCRAM-SHA-1, -256, -384 and -512,
    /// PLAIN, OAUTHBEARER and X-OAUTH2 (the token is the password), EXTERNAL, and X-ECHO, which
    /// exists only here. Any other name is offered, but refused when chosen.
    pub mechanisms: Vec<String>,
    /// The user whose certificate every client shows, for EXTERNAL.
    pub certificate: Option<String>,
    /// The iteration count of SCRAM.
    pub iterations: u32,
    /// Whether each login gets a new salt, so that derived keys are good for one login only.
    pub fresh_salts: bool,
    /// Whether the server's signature of SCRAM comes in a challenge instead of in `<success/>`;
    /// both are allowed.
    pub signature_in_challenge: bool,
    /// Whether ANONYMOUS (RFC 4505) is offered as well.
    pub anonymous: bool,
    /// Whether clients can register accounts before they log in (XEP-0077).
    pub registration: bool,
    /// Whether the features offer the session request of RFC 3921.
    pub legacy_session: LegacySession,
    /// The reaction to a request for a resource that is in use.
    pub resource_conflict: ResourceConflict,
    /// The longest frame that is accepted, in bytes.
    pub frame_limit: usize,
    /// How long a client may take from the open socket to the bound resource.
    pub negotiation_time: Duration,
    /// How long the server waits for the client's `<close/>` after its own.
    pub closing_time: Duration,
    /// Stream management (XEP-0198); `None` if it is not on offer.
    pub management: Option<Management>,
    /// The time of day when `now` is zero, as the time since 1970; for the stamps of delayed
    /// messages.
    pub epoch: Duration,
}

/// An account. Its password is for tests and demos, and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The localpart of the JID, in NFC and lower case.
    pub user: String,
    /// The password, in ASCII.
    pub password: String,
}

/// The session request of RFC 3921 §3, which RFC 6121 dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacySession {
    /// Not on offer.
    Absent,
    /// On offer, marked `<optional/>`.
    Optional,
    /// Required: stanzas before it are answered with `not-authorized`.
    Required,
}

/// The server's side of stream management (XEP-0198).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Management {
    /// How long a session whose connection is lost can be resumed.
    pub max: Duration,
    /// Whether the server still knows, after that time, how many stanzas it had received. It says so
    /// once for each session.
    pub remembers: bool,
}

impl Default for Management {
    fn default() -> Self {
        Self { max: Duration::from_secs(300), remembers: true }
    }
}

/// The reaction to a resource conflict (RFC 6120 §7.7.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceConflict {
    /// The new session gets another resource than it asked for.
    FreshResource,
    /// The older session ends with the stream error `conflict`.
    EndOlder,
    /// The new session's bind request fails with `conflict`.
    Refuse,
}

impl Default for Config {
    fn default() -> Self {
        let account = |user: &str| Account { user: user.to_owned(), password: format!("secret-{user}") };
        let mechanisms = ["SCRAM-SHA-512", "SCRAM-SHA-384", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"];
        Self {
            domain: "localhost".to_owned(),
            accounts: vec![account("alice"), account("bob")],
            mechanisms: mechanisms.map(str::to_owned).to_vec(),
            certificate: None,
            iterations: 4096,
            fresh_salts: false,
            signature_in_challenge: false,
            anonymous: false,
            registration: false,
            legacy_session: LegacySession::Absent,
            resource_conflict: ResourceConflict::EndOlder,
            frame_limit: 1 << 20,
            negotiation_time: Duration::from_secs(30),
            closing_time: Duration::from_secs(5),
            management: None,
            epoch: Duration::from_secs(1_767_225_600),
        }
    }
}

impl Config {
    pub(super) fn offered(&self) -> impl Iterator<Item = &str> {
        self.mechanisms.iter().map(String::as_str).chain(self.anonymous.then_some("ANONYMOUS"))
    }

    /// The user of this token.
    pub(super) fn bearer(&self, token: &str) -> Option<&str> {
        self.accounts.iter().find(|account| account.password == token).map(|account| account.user.as_str())
    }

    pub(super) fn password(&self, user: &str) -> Option<&str> {
        let user = local(user);
        self.accounts.iter().find(|account| account.user == user).map(|account| account.password.as_str())
    }
}
