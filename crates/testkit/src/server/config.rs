use std::time::Duration;

use crate::unicode::local;

/// What the server is and offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The domain it serves.
    pub domain: String,
    /// Who may log in. All accounts are in each other's rosters, subscribed both ways.
    pub accounts: Vec<Account>,
    /// The mechanisms on offer, in this order: SCRAM-SHA-1, -256, -384, -512, PLAIN, OAUTHBEARER, X-OAUTH2
    /// (an account's token is its password), EXTERNAL, and X-ECHO, which is nobody's but this server's. Any
    /// other is offered, and refused when chosen.
    pub mechanisms: Vec<String>,
    /// Whose certificate every client shows, for EXTERNAL.
    pub certificate: Option<String>,
    /// Iterations of PBKDF2 for SCRAM.
    pub iterations: u32,
    /// Whether each login gets a salt of its own, so that derived keys cannot be used again.
    pub fresh_salts: bool,
    /// Whether the server's signature comes as a challenge of its own instead of inside `<success/>`: both
    /// are right.
    pub signature_in_challenge: bool,
    /// Whether ANONYMOUS (RFC 4505) is offered as well.
    pub anonymous: bool,
    /// Whether there is a session request to make after binding, as in RFC 3921.
    pub legacy_session: LegacySession,
    /// What happens to a request for a resource that is in use.
    pub resource_conflict: ResourceConflict,
    /// The longest frame that is accepted, in bytes.
    pub frame_limit: usize,
    /// How long a client may take from the socket to the bound resource.
    pub negotiation_time: Duration,
    /// How long the server waits for the answer to its `<close/>`.
    pub closing_time: Duration,
    /// The time of day at `now` zero, since 1970: it goes into the stamps of delayed messages.
    pub epoch: Duration,
}

/// Someone who may log in. The password is for tests and demos, and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The local part of the JID, composed and in lower case.
    pub user: String,
    /// The password, ASCII.
    pub password: String,
}

/// The session request of RFC 3921 §3, which RFC 6121 dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacySession {
    /// Not on offer.
    Absent,
    /// On offer, marked `<optional/>`.
    Optional,
    /// Required: before it, stanzas are answered with `not-authorized`.
    Required,
}

/// RFC 6120 §7.7.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceConflict {
    /// The newcomer gets another resource than it asked for.
    FreshResource,
    /// The older session ends with the stream error `conflict`.
    EndOlder,
    /// The newcomer's request fails with `conflict`.
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
            legacy_session: LegacySession::Absent,
            resource_conflict: ResourceConflict::EndOlder,
            frame_limit: 1 << 20,
            negotiation_time: Duration::from_secs(30),
            closing_time: Duration::from_secs(5),
            epoch: Duration::from_secs(1_767_225_600),
        }
    }
}

impl Config {
    pub(super) fn offered(&self) -> impl Iterator<Item = &str> {
        self.mechanisms.iter().map(String::as_str).chain(self.anonymous.then_some("ANONYMOUS"))
    }

    /// Whose token this is.
    pub(super) fn bearer(&self, token: &str) -> Option<&str> {
        self.accounts.iter().find(|account| account.password == token).map(|account| account.user.as_str())
    }

    pub(super) fn password(&self, user: &str) -> Option<&str> {
        let user = local(user);
        self.accounts.iter().find(|account| account.user == user).map(|account| account.password.as_str())
    }
}
