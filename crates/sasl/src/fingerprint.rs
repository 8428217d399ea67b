use std::fmt;

use crate::hash::{Digest, Hash};
use crate::one_message::joined;
use crate::{Proof, Secret};

/// What stands for a proof where it is to be known again and not kept: a hash under a key that nobody else
/// has (HMAC, RFC 2104).
///
/// Equality takes the same time wherever two of them differ; `Debug` prints nothing of it.
#[derive(Clone)]
pub struct Fingerprint(Digest);

impl Proof {
    /// The fingerprint of this proof of `authcid`, under `key`.
    pub fn fingerprint(&self, authcid: &str, key: &Secret) -> Fingerprint {
        let (kind, secret) = match self {
            Proof::Password(password) => ("password", password.clone()),
            Proof::Keys(keys) => ("keys", keys.to_text()),
        };
        // The length keeps name and secret apart.
        let proof = joined(&[kind, " ", &authcid.len().to_string(), " ", authcid, secret.expose()]);
        Fingerprint(Hash::Sha256.hmac(key.expose().as_bytes(), &proof))
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(other.0.as_bytes())
    }
}

impl Eq for Fingerprint {}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
