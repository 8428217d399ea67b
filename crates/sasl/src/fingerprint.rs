use std::fmt;

use crate::hash::{Digest, Hash};
use crate::one_message::joined;
use crate::{Proof, Secret};

/// A keyed hash of a proof (HMAC, RFC 2104), which recognises the proof later without storing it.
/// Passwords can be tried against the hash only with the key.
///
/// Comparing two takes the same time wherever they differ; `Debug` prints nothing of either.
#[derive(Clone)]
pub struct Fingerprint(Digest);

impl Proof {
    /// The fingerprint of this proof of `authcid`, under `key`.
    pub fn fingerprint(&self, authcid: &str, key: &Secret) -> Fingerprint {
        let (kind, secret) = match self {
            Proof::Password(password) => ("password", password.clone()),
            Proof::Keys(keys) => ("keys", keys.to_text()),
        };
        // The length marks where the name ends and the secret begins.
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
