use crate::{Credentials, Error, MechanismName, Proof};

/// A mechanism that the app allows, and how much it likes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// Which.
    pub name: MechanismName,
    /// Higher wins; of equals the first in the list.
    pub priority: u32,
}

impl From<MechanismName> for Allowed {
    /// With the priority that the mechanism has by default.
    fn from(name: MechanismName) -> Self {
        Self { priority: name.priority(), name }
    }
}

/// Everything a mechanism is chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What the server offers, in its own words. Names we do not know are passed over.
    pub offered: &'a [&'a str],
    /// What the app allows.
    pub allowed: &'a [Allowed],
    /// What there is to authenticate with.
    pub credentials: &'a Credentials,
    /// Whether a secret itself may be sent: the transport is encrypted, or the app insists.
    pub plaintext: bool,
}

/// The mechanism of the highest priority that the server offers, the app allows and the credentials fit.
///
/// PLAIN and SCRAM need an authcid and a password, SCRAM takes the keys of its hash instead, OAUTHBEARER and
/// X-OAUTH2 the JID of the account and a token; ANONYMOUS wants no authcid; EXTERNAL wants no proof, since
/// whoever gives one does not mean to be taken for whom a certificate names; a foreign mechanism fits always.
/// What [shows the secret](MechanismName::shows_secret) wants `plaintext`.
///
/// # Errors
/// [`Error::PlaintextRefused`] if only such were left and `plaintext` is false; otherwise
/// [`Error::NoMechanism`].
pub fn choose(choice: &Choice<'_>) -> Result<MechanismName, Error> {
    let mut best: Option<&Allowed> = None;
    let mut refused = None;
    for allowed in choice.allowed {
        if !choice.offered.contains(&allowed.name.as_str()) || !fits(&allowed.name, choice.credentials) {
            continue;
        }
        if allowed.name.shows_secret() && !choice.plaintext {
            refused = refused.or(Some(&allowed.name));
        } else if best.is_none_or(|best| allowed.priority > best.priority) {
            best = Some(allowed);
        }
    }
    match (best, refused) {
        (Some(best), _) => Ok(best.name.clone()),
        (None, Some(name)) => Err(Error::PlaintextRefused(name.clone())),
        (None, None) => {
            Err(Error::NoMechanism { offered: choice.offered.iter().map(|&name| name.to_owned()).collect() })
        }
    }
}

fn fits(name: &MechanismName, credentials: &Credentials) -> bool {
    let named = credentials.authcid.as_deref().is_some_and(|authcid| !authcid.is_empty());
    match name {
        MechanismName::Anonymous => !named,
        MechanismName::External => match &credentials.proof {
            None => true,
            // Apps that have no password give an empty one.
            Some(Proof::Password(password)) => password.expose().is_empty(),
            Some(Proof::Keys(_)) => false,
        },
        // Whether it does, whoever speaks it has decided.
        MechanismName::Foreign(_) => true,
        MechanismName::OAuthBearer | MechanismName::XOAuth2 => {
            credentials.jid.is_some() && credentials.password().is_some()
        }
        MechanismName::Plain => named && credentials.password().is_some(),
        MechanismName::ScramSha512
        | MechanismName::ScramSha384
        | MechanismName::ScramSha256
        | MechanismName::ScramSha1 => {
            named
                && match &credentials.proof {
                    Some(Proof::Password(_)) => true,
                    Some(Proof::Keys(keys)) => name.scram_hash() == Some(keys.hash()),
                    None => false,
                }
        }
    }
}
