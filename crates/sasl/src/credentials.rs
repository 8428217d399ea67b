use crate::{Error, ScramKeys, Secret};

/// Who authenticates, as whom, and with what, as it was typed. `Debug` prints no secret.
///
/// An empty `authcid` or `authzid` counts as none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The bare JID of the account; `None` where it has no name yet.
    pub jid: Option<String>,
    /// The user name whose password it is: the node of the JID, as a rule.
    pub authcid: Option<String>,
    /// The bare JID to act as. `None` where it is the one that `authcid` stands for (`authcid@domain`): a
    /// mechanism sends whatever stands here, and servers refuse a needless one more often than they require
    /// it.
    pub authzid: Option<String>,
    /// What proves it.
    pub proof: Option<Proof>,
}

/// What proves who authenticates. Equality takes the same time wherever two of one kind and length differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A password, which may be empty; or a token.
    Password(Secret),
    /// The keys that SCRAM derives from a password, for as long as the server does not draw another salt.
    Keys(ScramKeys),
}

impl From<Secret> for Proof {
    fn from(password: Secret) -> Self {
        Proof::Password(password)
    }
}

impl Credentials {
    /// The user name, checked for use in a message that NUL would cut (RFC 4616 §2, RFC 5802 §7).
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

    /// The account by its JID, checked likewise.
    pub(crate) fn require_jid(&self) -> Result<&str, Error> {
        without_nul(self.jid.as_deref().ok_or(Error::AuthcidMissing)?, "jid")
    }

    /// The token, in one of the forms that HTTP has for it: visible ASCII (RFC 6750 §2.1, more loosely).
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
