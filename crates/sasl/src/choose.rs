use crate::{Credentials, Error, MechanismName, Proof};

/// A mechanism that the app allows, with its priority.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// The mechanism.
    pub name: MechanismName,
    /// The highest wins; of equal ones the first in the list.
    pub priority: u32,
}

impl From<MechanismName> for Allowed {
    /// Gives the mechanism its default priority.
    fn from(name: MechanismName) -> Self {
        Self { priority: name.priority(), name }
    }
}

/// The facts by which a mechanism is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The names that the server offers. Unknown names are ignored.
    pub offered: &'a [&'a str],
    /// The mechanisms that the app allows.
    pub allowed: &'a [Allowed],
    /// The credentials to authenticate with.
    pub credentials: &'a Credentials,
    /// Whether a secret itself may be sent, because the transport is encrypted or the app insists.
    pub plaintext: bool,
}

/// The mechanism of the highest priority that the server offers, the app allows and the credentials fit.
///
/// Credentials fit as follows; a mechanism that [shows the secret](MechanismName::shows_secret)
/// also needs `plaintext`.
///
/// - PLAIN and SCRAM need an authcid and a password; SCRAM accepts keys of its own hash instead.
/// - OAUTHBEARER and X-OAUTH2 need the JID of the account and a token.
/// - ANONYMOUS needs the authcid to be absent.
/// - EXTERNAL needs the proof to be absent: an app that gives a password does not mean to log in by
///   certificate.
/// - A foreign mechanism always fits.
///
/// # Errors
/// [`Error::PlaintextRefused`] if some mechanism lacked only `plaintext`; otherwise
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
            // Apps without a password give an empty one.
            Some(Proof::Password(password)) => password.expose().is_empty(),
            Some(Proof::Keys(_)) => false,
        },
        // The page that speaks the mechanism decided this when it offered it.
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
