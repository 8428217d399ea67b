use crate::{Error, ScramKeys, Secret};

/// The identity that authenticates, the identity to act as, and the proof, all as typed. `Debug`
/// prints no secret.
///
/// An empty `authcid` or `authzid` counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The bare JID of the account; `None` while the account has no name yet.
    pub jid: Option<String>,
    /// The user name that the password belongs to: the localpart of the JID, as a rule.
    pub authcid: Option<String>,
    /// The bare JID to act as; `None` for the account that `authcid` names (`authcid@domain`). A
    /// mechanism always sends a given `authzid`, and servers refuse a needless one more often than
    /// they require one.
    pub authzid: Option<String>,
    /// The proof of that identity.
    pub proof: Option<Proof>,
}

/// The proof of an identity. Comparing two proofs of one kind and length takes the same time
/// wherever they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A token, or a password, which may be empty.
    Password(Secret),
    /// The keys that SCRAM derived from a password; good until the server draws another salt.
    Keys(ScramKeys),
}

impl From<Secret> for Proof {
    fn from(password: Secret) -> Self {
        Proof::Password(password)
    }
}

impl Credentials {
    /// The user name, without NUL, which would cut the message (RFC 4616 §2, RFC 5802 §7).
    pub(crate) fn require_authcid(&self) -> Result<&str, Error> {
        let authcid = self.authcid.as_deref().filter(|name| !name.is_empty()).ok_or(Error::AuthcidMissing)?;
        without_nul(authcid, "authcid")
    }

    pub(crate) fn checked_authzid(&self) -> Result<Option<&str>, Error> {
        self.authzid
            .as_deref()
            .filter(|name| !name.is_empty())
            .map(|name| without_nul(name, "authzid"))
            .transpose()
    }

    /// The JID of the account, without NUL.
    pub(crate) fn require_jid(&self) -> Result<&str, Error> {
        without_nul(self.jid.as_deref().ok_or(Error::AuthcidMissing)?, "jid")
    }

    /// The token, which must be visible ASCII (a wider set than that of RFC 6750 §2.1).
    pub(crate) fn require_token(&self) -> Result<&str, Error> {
        let token = self.password().ok_or(Error::PasswordMissing)?.expose();
        let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if visible { Ok(token) } else { Err(Error::Token) }
    }

    pub(crate) fn password(&self) -> Option<&Secret> {
        match &self.proof {
            Some(Proof::Password(password)) => Some(password),
            _ => None,
        }
    }

    pub(crate) fn require_password(&self) -> Result<&Secret, Error> {
        let password = self.password().ok_or(Error::PasswordMissing)?;
        without_nul(password.expose(), "password").map(|_| password)
    }
}

fn without_nul<'a>(text: &'a str, field: &'static str) -> Result<&'a str, Error> {
    if text.contains('\0') { Err(Error::Nul { field }) } else { Ok(text) }
}
