use crate::Hash as HashFunction;

/// The name of a mechanism.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MechanismName {
    /// SCRAM with SHA-512, no channel binding.
    ScramSha512,
    /// SCRAM with SHA-384, no channel binding.
    ScramSha384,
    /// SCRAM with SHA-256, no channel binding (RFC 7677).
    ScramSha256,
    /// SCRAM with SHA-1, no channel binding (RFC 5802).
    ScramSha1,
    /// The password itself (RFC 4616).
    Plain,
    /// A bearer token; the server gives the reason for a refusal (RFC 7628).
    OAuthBearer,
    /// A token; an older mechanism without a specification.
    XOAuth2,
    /// A temporary account that the server assigns (RFC 4505).
    Anonymous,
    /// An identity established outside the stream, by a certificate as a rule (RFC 4422,
    /// appendix A).
    External,
    /// A mechanism of the app, by its name: a page speaks it, and this crate relays the messages.
    Foreign(String),
}

impl MechanismName {
    /// All mechanisms that this crate speaks, strongest first.
    pub const ALL: &'static [Self] = &[
        Self::ScramSha512,
        Self::ScramSha384,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::Plain,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::Anonymous,
        Self::External,
    ];

    /// The name that IANA registers and servers offer.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha384 => "SCRAM-SHA-384",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::Plain => "PLAIN",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "X-OAUTH2",
            Self::Anonymous => "ANONYMOUS",
            Self::External => "EXTERNAL",
            Self::Foreign(name) => name,
        }
    }

    /// The mechanism of exactly this name, in upper case (RFC 4422 §3.1); `None` for any other
    /// name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|known| known.as_str() == name).cloned()
    }

    /// The default priority; the highest wins. Users of Strophe know these numbers; the gaps leave
    /// room for their own.
    pub fn priority(&self) -> u32 {
        match self {
            Self::ScramSha512 => 72,
            Self::ScramSha384 => 71,
            Self::ScramSha256 => 70,
            Self::ScramSha1 => 60,
            Self::Plain => 50,
            Self::OAuthBearer => 40,
            Self::XOAuth2 => 30,
            Self::Anonymous => 20,
            Self::External => 10,
            Self::Foreign(_) => 0,
        }
    }

    /// The hash of a SCRAM mechanism.
    pub(crate) fn scram_hash(&self) -> Option<HashFunction> {
        match self {
            Self::ScramSha512 => Some(HashFunction::Sha512),
            Self::ScramSha384 => Some(HashFunction::Sha384),
            Self::ScramSha256 => Some(HashFunction::Sha256),
            Self::ScramSha1 => Some(HashFunction::Sha1),
            _ => None,
        }
    }

    /// Whether the mechanism sends the secret itself, a password or a token, to everyone who can
    /// read along.
    pub fn shows_secret(&self) -> bool {
        matches!(self, Self::Plain | Self::OAuthBearer | Self::XOAuth2)
    }

    /// Whether success proves that the account is the one that the credentials name. A token or a
    /// certificate names its own account, and not every server compares that account with the given
    /// name; a foreign mechanism may do anything.
    pub fn proves_name(&self) -> bool {
        !matches!(self, Self::OAuthBearer | Self::XOAuth2 | Self::External | Self::Foreign(_))
    }
}
