//! X-OAUTH2: a token in the place of PLAIN's password. No document specifies it; this is what ejabberd and
//! Strophe speak.

use zeroize::Zeroizing;

use crate::{Credentials, Error, one_message::joined};

/// `NUL bare-jid NUL token`.
pub(crate) fn message(credentials: &Credentials) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(joined(&["\0", credentials.require_jid()?, "\0", credentials.require_token()?]))
}
