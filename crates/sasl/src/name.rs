use crate::Hash as HashFunction;

/// A mechanism.
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
    /// A token, with the server's word on why it is refused (RFC 7628).
    OAuthBearer,
    /// A token; older, and nowhere specified.
    XOAuth2,
    /// Nobody in particular (RFC 4505).
    Anonymous,
    /// What has been settled beneath the stream, by a certificate as a rule (RFC 4422, appendix A).
    External,
    /// One of the app's own, by its name: somebody else speaks it, and this crate passes on what is said.
    Foreign(String),
}

impl MechanismName {
    /// All that this crate speaks, strongest first.
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

    /// The name as IANA registers it and servers offer it.
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

    /// The mechanism of that exact name; names are upper case (RFC 4422 §3.1). `None`: not one of ours.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|known| known.as_str() == name).cloned()
    }

    /// How strongly it is preferred unless the app says otherwise; higher wins. The numbers are the ones that
    /// Strophe's users know, with room between them for their own.
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

    /// Whether it shows the secret itself to whoever reads along: a password, a token.
    pub fn shows_secret(&self) -> bool {
        matches!(self, Self::Plain | Self::OAuthBearer | Self::XOAuth2)
    }

    /// Whether success proves that we are whom we named. A token or a certificate says itself whose it is,
    /// and not every server holds that against the name beside it. Of a foreign mechanism nothing is known.
    pub fn proves_name(&self) -> bool {
        !matches!(self, Self::OAuthBearer | Self::XOAuth2 | Self::External | Self::Foreign(_))
    }
}
