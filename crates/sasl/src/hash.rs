//! The hashes of SCRAM in one enum, so that the exchange is compiled once and not once per hash.

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest as _, Sha1};
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A hash that SCRAM is built on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Hash {
    /// 20 bytes.
    Sha1,
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl Hash {
    /// The name that IANA registers, which is also the `name` in an app's `scram_keys`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The hash of that exact name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512].into_iter().find(|hash| hash.as_str() == name)
    }

    /// Length of the output, in bytes.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// `H()` of RFC 5802 §2.2.
    pub(crate) fn digest(self, data: &[u8]) -> Digest {
        match self {
            Self::Sha1 => Digest::new(&Sha1::digest(data)),
            Self::Sha256 => Digest::new(&Sha256::digest(data)),
            Self::Sha384 => Digest::new(&Sha384::digest(data)),
            Self::Sha512 => Digest::new(&Sha512::digest(data)),
        }
    }

    /// `HMAC()` of RFC 5802 §2.2.
    pub(crate) fn hmac(self, key: &[u8], data: &[u8]) -> Digest {
        Keyed::new(self, key).tag(data)
    }
}

/// HMAC with its key already absorbed: PBKDF2 starts from the same key each time.
#[derive(Clone)]
pub(crate) enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Keyed {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        match hash {
            Hash::Sha1 => Self::Sha1(keyed(key)),
            Hash::Sha256 => Self::Sha256(keyed(key)),
            Hash::Sha384 => Self::Sha384(keyed(key)),
            Hash::Sha512 => Self::Sha512(keyed(key)),
        }
    }

    pub(crate) fn tag(&self, data: &[u8]) -> Digest {
        match self {
            Self::Sha1(mac) => tag(mac, data),
            Self::Sha256(mac) => tag(mac, data),
            Self::Sha384(mac) => tag(mac, data),
            Self::Sha512(mac) => tag(mac, data),
        }
    }

    /// `count` times: U ← HMAC(U), sum ← sum XOR U (RFC 8018 §5.2).
    pub(crate) fn iterate(&self, last: &mut Digest, sum: &mut Digest, count: u32) {
        match self {
            Self::Sha1(mac) => iterate(mac, last, sum, count),
            Self::Sha256(mac) => iterate(mac, last, sum, count),
            Self::Sha384(mac) => iterate(mac, last, sum, count),
            Self::Sha512(mac) => iterate(mac, last, sum, count),
        }
    }
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of any length (RFC 2104 §3)")
}

fn tag<M: Mac + Clone>(mac: &M, data: &[u8]) -> Digest {
    Digest::new(mac.clone().chain_update(data).finalize().as_bytes())
}

fn iterate<M: Mac + Clone>(mac: &M, last: &mut Digest, sum: &mut Digest, count: u32) {
    for _ in 0..count {
        let next = mac.clone().chain_update(last.as_bytes()).finalize();
        last.bytes[..last.length].copy_from_slice(next.as_bytes());
        sum.xor(next.as_bytes());
    }
}

/// The output of a hash; wiped when dropped, compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Digest {
    bytes: [u8; 64],
    length: usize,
}

impl Digest {
    pub(crate) fn new(output: &[u8]) -> Self {
        let mut bytes = [0; 64];
        bytes[..output.len()].copy_from_slice(output);
        Self { bytes, length: output.len() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(crate) fn xor(&mut self, other: &[u8]) {
        for (byte, other) in self.bytes.iter_mut().zip(other) {
            *byte ^= other;
        }
    }

    /// Whether `bytes` equals the digest. The comparison takes constant time, except for a wrong
    /// length, which is no secret.
    pub(crate) fn matches(&self, bytes: &[u8]) -> bool {
        self.as_bytes().ct_eq(bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use hmac::digest::block_api::{Buffer, CoreProxy};

    use super::*;

    /// `Hmac` does not implement `ZeroizeOnDrop`, so this test checks the parts of an HMAC.
    #[test]
    fn the_state_of_every_hash_is_wiped_when_dropped() {
        fn wiped<T: CoreProxy>()
        where
            T::Core: ZeroizeOnDrop,
            Buffer<T::Core>: ZeroizeOnDrop,
        {
        }
        wiped::<Sha1>();
        wiped::<Sha256>();
        wiped::<Sha384>();
        wiped::<Sha512>();
    }
}
