use crate::{Credentials, Error, MechanismName};

/// A mechanism that the app allows, and how much it likes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// Which.
    pub name: MechanismName,
    /// Higher wins; of equals the first in the list.
    pub priority: u32,
}

impl From<MechanismName> for Allowed {
    /// With the priority that the mechanism has by default.
    fn from(name: MechanismName) -> Self {
        Self { name, priority: name.priority() }
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
    /// Whether PLAIN may be sent: the transport is encrypted, or the app insists.
    pub plaintext: bool,
}

/// The mechanism of the highest priority that the server offers, the app allows and the credentials fit.
///
/// PLAIN and SCRAM need an authcid and a password; ANONYMOUS wants no authcid; PLAIN wants `plaintext`.
///
/// # Errors
/// [`Error::PlaintextRefused`] if only PLAIN was left and `plaintext` is false; otherwise [`Error::NoMechanism`].
pub fn choose(choice: &Choice<'_>) -> Result<MechanismName, Error> {
    let mut best: Option<Allowed> = None;
    let mut plaintext_refused = false;
    for &allowed in choice.allowed {
        if !choice.offered.contains(&allowed.name.as_str()) || !fits(allowed.name, choice.credentials) {
            continue;
        }
        if allowed.name == MechanismName::Plain && !choice.plaintext {
            plaintext_refused = true;
        } else if best.is_none_or(|best| allowed.priority > best.priority) {
            best = Some(allowed);
        }
    }
    match best {
        Some(best) => Ok(best.name),
        None if plaintext_refused => Err(Error::PlaintextRefused),
        None => {
            Err(Error::NoMechanism { offered: choice.offered.iter().map(|&name| name.to_owned()).collect() })
        }
    }
}

fn fits(name: MechanismName, credentials: &Credentials) -> bool {
    let named = credentials.authcid.as_deref().is_some_and(|authcid| !authcid.is_empty());
    match name {
        MechanismName::Anonymous => !named,
        MechanismName::ScramSha512
        | MechanismName::ScramSha384
        | MechanismName::ScramSha256
        | MechanismName::ScramSha1
        | MechanismName::Plain => named && credentials.password.is_some(),
    }
}
