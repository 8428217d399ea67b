use std::fmt;

use crate::ScramKeys;
use crate::hash::{Digest, Hash, Keyed};
use crate::keys::Keys;

/// PBKDF2 (RFC 8018 §5.2; `Hi()` of RFC 5802 §2.2) as a value that is advanced in slices, so that
/// the worker is never blocked.
///
/// A slice of 1,000 iterations takes a browser about a millisecond. Wiped when dropped; `Debug` prints no
/// secret.
pub struct Derivation(Box<Work>);

/// Boxed: moving the value itself would leave copies of its secrets on the stack.
struct Work {
    hash: Hash,
    salt: Vec<u8>,
    iterations: u32,
    left: u32,
    password: Keyed,
    last: Digest,
    sum: Digest,
}

impl Derivation {
    /// Runs the first iteration at once.
    pub(crate) fn new(hash: Hash, password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        let password = Keyed::new(hash, password.as_bytes());
        // SCRAM needs as many bytes as the hash has, so block 1 is the only one.
        let first = password.tag(&[&salt[..], &1_u32.to_be_bytes()].concat());
        let left = iterations.saturating_sub(1);
        Self(Box::new(Work { hash, salt, iterations, left, password, last: first.clone(), sum: first }))
    }

    /// Number of iterations still to run.
    pub fn iterations_left(&self) -> u32 {
        self.0.left
    }

    /// Runs at most `iterations` more. Returns the keys when none is left.
    pub fn advance(&mut self, iterations: u32) -> Option<ScramKeys> {
        let work = &mut *self.0;
        let slice = iterations.min(work.left);
        work.password.iterate(&mut work.last, &mut work.sum, slice);
        work.left -= slice;
        (work.left == 0).then(|| {
            ScramKeys::from(Keys {
                hash: work.hash,
                salt: work.salt.clone(),
                iterations: work.iterations,
                client_key: work.hash.hmac(work.sum.as_bytes(), b"Client Key"),
                server_key: work.hash.hmac(work.sum.as_bytes(), b"Server Key"),
            })
        })
    }
}

impl fmt::Debug for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Derivation")
            .field("hash", &self.0.hash)
            .field("left", &self.0.left)
            .finish_non_exhaustive()
    }
}
