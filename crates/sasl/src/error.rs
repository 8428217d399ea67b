use crate::MechanismName;

/// Why an authentication exchange failed, and whose fault that is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server offers no mechanism that the app allows and the credentials fit.
    #[error("none of the mechanisms that the server offers is allowed and fits the credentials")]
    NoMechanism {
        /// The names that the server offers, in its order.
        offered: Vec<String>,
    },
    /// Only a mechanism that shows the secret was left, and anyone could read along on this
    /// transport.
    #[error("only {} was left, which is not sent over this transport", .0.as_str())]
    PlaintextRefused(MechanismName),

    /// The app gave no user name.
    #[error("the mechanism needs a user name")]
    AuthcidMissing,
    /// The app gave no password, or no token.
    #[error("the mechanism needs a password")]
    PasswordMissing,
    /// The app's `scram_keys` are malformed.
    #[error(
        "keys are an object {{name, iter, salt, ck, sk}}: a hash of SCRAM, a count, and three times \
         base64, the last two as long as the hash"
    )]
    Keys,
    /// The app's keys have another salt or iteration count than the server's: the server draws a
    /// new salt at each login, or the password has changed.
    #[error("the keys are for another salt or iteration count than the server's; log in with the password")]
    KeysOutdated,
    /// The app's token is malformed (RFC 6750 §2.1).
    #[error("the token is not of visible ASCII characters")]
    Token,
    /// The app's credentials contain NUL, which would cut the message (RFC 4616 §2, RFC 5802 §7).
    #[error("{field} contains NUL")]
    Nul {
        /// `authcid`, `authzid`, `jid` or `password`.
        field: &'static str,
    },
    /// The app's text holds a character that SASLprep prohibits (RFC 4013 §2.3), so that no server
    /// can have stored it.
    #[error("the {field} holds a character that is not allowed in one (SASLprep)")]
    Prohibited {
        /// `user name` or `password`.
        field: &'static str,
    },
    /// The app's text mixes directions of writing, or does not both begin and end with a
    /// right-to-left character although it holds some (RFC 4013 §2.4).
    #[error("the {field} mixes right-to-left and left-to-right text (SASLprep)")]
    Bidirectional {
        /// `user name` or `password`.
        field: &'static str,
    },
    /// The caller's nonce is empty, or holds a comma or an unprintable character (RFC 5802 §5.1,
    /// `r`).
    #[error("the client nonce is not printable ASCII without commas")]
    ClientNonce,
    /// The caller gave keys that no challenge asked for, or keys of another derivation.
    #[error("these keys were not asked for")]
    UnexpectedKeys,

    /// The server sent a challenge to a mechanism that has none, or after the end of the exchange.
    #[error("the server sent a challenge out of order")]
    UnexpectedChallenge,
    /// The server declared success before the exchange was complete, without having proven
    /// anything, or after its end.
    #[error("the server declared success out of order")]
    UnexpectedSuccess,
    /// The challenge for a foreign mechanism is not UTF-8.
    #[error("the server's challenge is not text")]
    ChallengeNotText,
    /// The page that speaks this foreign mechanism reported a failure.
    #[error("the mechanism {0} failed in its page")]
    Failed(String),
    /// The page that spoke this foreign mechanism went away during the exchange.
    #[error("the page in which the mechanism {0} was spoken is gone")]
    Gone(String),
    /// The page that speaks this foreign mechanism did not answer in time.
    #[error("the mechanism {0} did not answer in its page within 60 s")]
    Silent(String),
    /// No page is left that speaks this foreign mechanism.
    #[error("no page is left that speaks the mechanism {0}: connect again")]
    Unspoken(String),
    /// The server's reason for refusing a token is not a JSON object with a `status` (RFC 7628 §3.2.2).
    #[error("the server's reason for refusing the token is not a JSON object with a status")]
    TokenError,
    /// The server's message does not follow the grammar of RFC 5802 §7.
    #[error("malformed {message}: expected {expected}")]
    Malformed {
        /// `server-first-message` or `server-final-message`.
        message: &'static str,
        /// What the grammar expects there.
        expected: &'static str,
    },
    /// The server requires an extension (`m=`), and a client that does not know it must give up
    /// (RFC 5802 §5.1).
    #[error("the server requires an extension")]
    MandatoryExtension,
    /// The server's nonce does not begin with ours: a replay, or a man in the middle
    /// (RFC 5802 §5.1, `r`).
    #[error("the server's nonce does not extend ours")]
    ServerNonce,
    /// The server sent no salt, or an empty one.
    #[error("the server sent no salt")]
    SaltMissing,
    /// The server's salt is not base64.
    #[error("the server's salt is not base64")]
    Salt,
    /// The server asks for fewer than 4,096 iterations, which would make the password cheap to
    /// guess (RFC 5802 §5.1), or for more than 1,000,000, which would keep the client busy for
    /// seconds.
    #[error("the server asks for {0} iterations; allowed are 4096 to 1000000")]
    IterationCount(u64),
    /// The server refused with an error value of SCRAM (`e=`, RFC 5802 §7), such as
    /// `invalid-proof`.
    #[error("the server refused: {0}")]
    ServerError(String),
    /// The server's signature is wrong: the server does not know the password.
    #[error("the server's signature is wrong")]
    Signature,
    /// The server declared success without a proof that it knows the password.
    #[error("the server did not sign")]
    SignatureMissing,
}

impl Error {
    /// A stable word that an app can compare: the condition that goes with AUTHFAIL.
    pub fn condition(&self) -> &'static str {
        match self {
            Self::NoMechanism { .. } => "no-auth-mech",
            Self::PlaintextRefused(_) => "plaintext-refused",
            Self::AuthcidMissing => "authcid-missing",
            Self::PasswordMissing => "password-missing",
            Self::Keys => "scram-keys-malformed",
            Self::KeysOutdated => "scram-keys-outdated",
            Self::Token => "token-malformed",
            Self::Nul { .. } => "credentials-nul",
            Self::Prohibited { .. } => "saslprep-prohibited",
            Self::Bidirectional { .. } => "saslprep-bidirectional",
            Self::ClientNonce => "scram-client-nonce",
            Self::UnexpectedKeys => "scram-unexpected-keys",
            Self::UnexpectedChallenge => "sasl-unexpected-challenge",
            Self::UnexpectedSuccess => "sasl-unexpected-success",
            Self::ChallengeNotText => "sasl-challenge-not-text",
            Self::Failed(_) => "mechanism-failed",
            Self::Gone(_) => "mechanism-gone",
            Self::Silent(_) => "mechanism-silent",
            Self::Unspoken(_) => "credentials-required",
            Self::TokenError => "oauth-error-malformed",
            Self::Malformed { .. } => "scram-malformed",
            Self::MandatoryExtension => "scram-mandatory-extension",
            Self::ServerNonce => "scram-nonce-mismatch",
            Self::SaltMissing => "scram-salt-missing",
            Self::Salt => "scram-salt-malformed",
            Self::IterationCount(_) => "scram-iteration-count",
            Self::ServerError(_) => "scram-server-error",
            Self::Signature => "scram-signature-mismatch",
            Self::SignatureMissing => "scram-signature-missing",
        }
    }
}
