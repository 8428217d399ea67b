use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::hash::{Digest, Hash};
use crate::{Error, Secret};

/// The keys of RFC 5802 §3 with their hash, salt and iteration count. They serve instead of the
/// password until the server draws another salt. Wiped when dropped; `Debug` prints no secret.
///
/// Clones share one allocation: moving the keys themselves would leave copies of them on the stack.
#[derive(Clone)]
pub struct ScramKeys(Arc<Keys>);

pub(crate) struct Keys {
    pub(crate) hash: Hash,
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
    pub(crate) client_key: Digest,
    pub(crate) server_key: Digest,
}

impl From<Keys> for ScramKeys {
    fn from(keys: Keys) -> Self {
        Self(Arc::new(keys))
    }
}

impl ScramKeys {
    /// Reads the form of [`ScramKeys::to_text`], which can also be put together from an app's
    /// `scram_keys`.
    ///
    /// # Errors
    /// [`Error::Keys`] if the text has another form, or a key has another length than the hash.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = text.split(['$', ':']).collect();
        let [hash, iterations, salt, client_key, server_key] = parts[..] else { return Err(Error::Keys) };
        let hash = Hash::parse(hash).ok_or(Error::Keys)?;
        let decode = |base64: &str| Base64::decode_vec(base64).map(Zeroizing::new).map_err(|_| Error::Keys);
        let key = |base64: &str| match decode(base64)? {
            key if key.len() == hash.length() => Ok(Digest::new(&key)),
            _ => Err(Error::Keys),
        };
        Ok(Self::from(Keys {
            hash,
            salt: decode(salt)?.to_vec(),
            iterations: iterations.parse().map_err(|_| Error::Keys)?,
            client_key: key(client_key)?,
            server_key: key(server_key)?,
        }))
    }

    /// `hash$iterations:salt$client-key:server-key`: the form in which directories store a password
    /// (RFC 5803), with ClientKey in place of StoredKey.
    pub fn to_text(&self) -> Secret {
        let encoded = |key: &[u8]| Zeroizing::new(Base64::encode_string(key));
        let [salt, client_key, server_key] = [self.salt(), self.client_key(), self.server_key()].map(encoded);
        let iterations = self.0.iterations.to_string();
        let hash = self.0.hash.as_str();
        Secret::new([hash, "$", &iterations, ":", &salt, "$", &client_key, ":", &server_key].concat())
    }

    /// The hash of the mechanism that takes these keys.
    pub fn hash(&self) -> Hash {
        self.0.hash
    }

    /// The server's salt, decoded.
    pub fn salt(&self) -> &[u8] {
        &self.0.salt
    }

    /// The server's iteration count.
    pub fn iterations(&self) -> u32 {
        self.0.iterations
    }

    /// ClientKey, with which the client proves itself; as long as the hash's output. Secret.
    pub fn client_key(&self) -> &[u8] {
        self.0.client_key.as_bytes()
    }

    /// ServerKey, with which the server signs; as long as the hash's output. Secret.
    pub fn server_key(&self) -> &[u8] {
        self.0.server_key.as_bytes()
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys")
            .field("hash", &self.0.hash)
            .field("iterations", &self.0.iterations)
            .finish_non_exhaustive()
    }
}

impl PartialEq for ScramKeys {
    fn eq(&self, other: &Self) -> bool {
        (self.0.hash, &self.0.salt, self.0.iterations) == (other.0.hash, &other.0.salt, other.0.iterations)
            && self.0.client_key.matches(other.client_key())
            && self.0.server_key.matches(other.server_key())
    }
}

impl Eq for ScramKeys {}
