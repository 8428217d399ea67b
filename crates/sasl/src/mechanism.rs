use crate::{Credentials, Derivation, Error, MechanismName, ScramKeys};
use crate::{
    anonymous, external, foreign, oauth_bearer, one_message::OneMessage, plain, scram::Scram, x_oauth2,
};

/// One authentication exchange, seen from the client. The crate's page shows the order of the calls.
pub trait Mechanism {
    /// Which mechanism it is: the `mechanism` attribute of `<auth>`.
    fn name(&self) -> MechanismName;

    /// The initial response, in the clear: the caller encodes it, and wipes it. `None`: the
    /// mechanism waits for the server. To be called once.
    fn start(&mut self) -> Option<Vec<u8>>;

    /// What to do about a challenge, given in the clear.
    ///
    /// # Errors
    /// Whatever rule the server broke. The exchange is over then.
    fn challenge(&mut self, data: &[u8]) -> Result<Step, Error>;

    /// The derivation that the last challenge asked for is done.
    ///
    /// # Errors
    /// [`Error::UnexpectedKeys`] if none was asked for, or another one.
    fn derived(&mut self, _keys: ScramKeys) -> Result<Step, Error> {
        Err(Error::UnexpectedKeys)
    }

    /// The server says success, with its additional data, if any, in the clear. `Ok` only if the exchange was
    /// complete and the server has proven itself where the mechanism makes it (RFC 5802 §3).
    ///
    /// # Errors
    /// Whatever the server left out or got wrong; it is not to be trusted then.
    fn success(&mut self, data: Option<&[u8]>) -> Result<(), Error>;

    /// After success: the keys that would do in the place of the password next time.
    fn keys(&mut self) -> Option<ScramKeys> {
        None
    }

    /// What the server said in a challenge about the failure it was about to declare: JSON (RFC 7628 §3.2.2).
    fn complaint(&mut self) -> Option<String> {
        None
    }
}

/// What a challenge asks for.
#[derive(Debug)]
pub enum Step {
    /// Send this, in the clear here; it may be empty.
    Respond(Vec<u8>),
    /// Derive keys first, and give them to [`Mechanism::derived`].
    Derive(Derivation),
    /// Have whoever speaks the mechanism answer this, and send the answer: it is foreign.
    Relay(String),
}

/// The machine for `name`. SCRAM's client nonce is printable ASCII without a comma (RFC 5802 §5.1), drawn
/// anew for each exchange, with 128 bits or more of entropy; and it prepares user name and password by
/// `nfkc`, the platform's NFKC. The other mechanisms ignore both.
///
/// # Errors
/// [`Error::AuthcidMissing`], [`Error::PasswordMissing`], [`Error::Token`] or [`Error::Nul`] if the
/// credentials do not fit; [`Error::Prohibited`] or [`Error::Bidirectional`] if SCRAM cannot prepare them;
/// [`Error::ClientNonce`] if the nonce is not one.
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
