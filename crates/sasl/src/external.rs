//! EXTERNAL (RFC 4422, appendix A; XEP-0178): the identity is established outside the stream, by a
//! TLS client certificate as a rule.

use zeroize::Zeroizing;

use crate::{Credentials, Error, one_message::joined};

/// The JID to act as; empty if there is none, or if the `authcid` is that JID.
pub(crate) fn message(credentials: &Credentials) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(match &credentials.jid {
        Some(jid) if credentials.authcid.as_ref() != Some(jid) => joined(&[credentials.require_jid()?]),
        _ => joined(&[]),
    })
}
