//! EXTERNAL (RFC 4422, appendix A; XEP-0178): who we are has been settled beneath the stream.

use zeroize::Zeroizing;

use crate::{Credentials, Error, one_message::joined};

/// The account to act as, or nothing where it is the very name that we authenticate by.
pub(crate) fn message(credentials: &Credentials) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(match &credentials.jid {
        Some(jid) if credentials.authcid.as_ref() != Some(jid) => joined(&[credentials.require_jid()?]),
        _ => joined(&[]),
    })
}
