//! PLAIN (RFC 4616): the password itself, for transports that are encrypted.

use zeroize::Zeroizing;

use crate::{Credentials, Error, one_message::joined};

/// `[authzid] NUL authcid NUL passwd`, as typed: the server prepares them (RFC 4616 §2), or asks a
/// directory that does not.
pub(crate) fn message(credentials: &Credentials) -> Result<Zeroizing<Vec<u8>>, Error> {
    let authzid = credentials.checked_authzid()?.unwrap_or_default();
    let authcid = credentials.require_authcid()?;
    let password = credentials.require_password()?.expose();
    Ok(joined(&[authzid, "\0", authcid, "\0", password]))
}
