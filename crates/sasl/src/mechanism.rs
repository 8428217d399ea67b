use crate::{Credentials, Derivation, Error, MechanismName, ScramKeys};
use crate::{
    anonymous, external, foreign, oauth_bearer, one_message::OneMessage, plain, scram::Scram, x_oauth2,
};

/// One authentication exchange from the client's side. The crate's documentation shows the order of
/// the calls.
pub trait Mechanism {
    /// The name of the mechanism: the `mechanism` attribute of `<auth>`.
    fn name(&self) -> MechanismName;

    /// The initial response, in the clear; the caller encodes and wipes it. `None` if the server
    /// speaks first. To be called once.
    fn start(&mut self) -> Option<Vec<u8>>;

    /// Takes a challenge, in the clear; returns the step that follows.
    ///
    /// # Errors
    /// The rule that the server broke; the exchange is over then.
    fn challenge(&mut self, data: &[u8]) -> Result<Step, Error>;

    /// Takes the keys of the derivation that the last challenge asked for.
    ///
    /// # Errors
    /// [`Error::UnexpectedKeys`] if no derivation was asked for, or these keys are of another one.
    fn derived(&mut self, _keys: ScramKeys) -> Result<Step, Error> {
        Err(Error::UnexpectedKeys)
    }

    /// Takes the server's success, with its additional data, if any, in the clear. `Ok` only if the
    /// exchange was complete and the server has proven itself, where the mechanism requires a proof
    /// (RFC 5802 §3).
    ///
    /// # Errors
    /// The step that the server left out or got wrong; the server must not be trusted then.
    fn success(&mut self, data: Option<&[u8]>) -> Result<(), Error>;

    /// After success: keys that can serve instead of the password next time.
    fn keys(&mut self) -> Option<ScramKeys> {
        None
    }

    /// After a failure: the server's reason, which a challenge gave as JSON (RFC 7628 §3.2.2).
    fn complaint(&mut self) -> Option<String> {
        None
    }
}

/// The step that follows a challenge.
#[derive(Debug)]
pub enum Step {
    /// Send this response, given here in the clear; it may be empty.
    Respond(Vec<u8>),
    /// Run this derivation, then pass its keys to [`Mechanism::derived`].
    Derive(Derivation),
    /// The mechanism is foreign: pass this challenge to the page that speaks it, and send the
    /// page's answer.
    Relay(String),
}

/// Makes the machine for `name`. `nonce` is SCRAM's client nonce: printable ASCII without a comma
/// (RFC 5802 §5.1), drawn anew for each exchange, with 128 bits of entropy or more. SCRAM prepares
/// user name and password by `nfkc`, the platform's NFKC. The other mechanisms ignore both.
///
/// # Errors
/// [`Error::AuthcidMissing`], [`Error::PasswordMissing`], [`Error::Token`] or [`Error::Nul`] if the
/// credentials do not fit; [`Error::Prohibited`] or [`Error::Bidirectional`] if SCRAM cannot
/// prepare them; [`Error::ClientNonce`] if SCRAM cannot use the nonce.
pub fn mechanism(
    name: MechanismName,
    credentials: &Credentials,
    nonce: &str,
    nfkc: fn(&str) -> String,
) -> Result<Box<dyn Mechanism>, Error> {
    use MechanismName::*;
    let message = match name {
        ScramSha512 | ScramSha384 | ScramSha256 | ScramSha1 => {
            return Ok(Box::new(Scram::new(name, credentials, nonce, nfkc)?));
        }
        OAuthBearer => return Ok(Box::new(oauth_bearer::OAuthBearer::new(credentials)?)),
        Foreign(_) => return Ok(Box::new(foreign::Foreign(name))),
        Anonymous => return Ok(Box::new(anonymous::Anonymous::ChallengeOrSuccess)),
        Plain => plain::message(credentials)?,
        XOAuth2 => x_oauth2::message(credentials)?,
        External => external::message(credentials)?,
    };
    Ok(Box::new(OneMessage::new(name, message)))
}
