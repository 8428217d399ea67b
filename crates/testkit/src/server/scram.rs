//! The server's side of SCRAM (RFC 5802, RFC 7677), without channel binding.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use super::misbehaviour::ScramFault;
use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Stores salts and salted passwords, since deriving them takes time.
#[derive(Debug, Default)]
pub(super) struct Vault {
    salts: BTreeMap<(String, Hash), Vec<u8>>,
    salted_passwords: BTreeMap<(String, Hash, Vec<u8>, u32), Vec<u8>>,
}

/// The server's data for the account that wants to log in.
pub(super) struct Credentials {
    hash: Hash,
    salt: Vec<u8>,
    iterations: u32,
    /// `None` for an unknown user: the exchange goes on and fails at the proof, as with a wrong
    /// password.
    salted_password: Option<Vec<u8>>,
}

/// The parts of client-first-message.
pub(super) struct ClientFirst<'a> {
    gs2_header: &'a str,
    bare: &'a str,
    nonce: &'a str,
    pub authzid: Option<String>,
    pub user: String,
}

/// An exchange that waits for the client's proof.
#[derive(Debug)]
pub(super) struct Exchange {
    pub user: String,
    hash: Hash,
    salted_password: Option<Vec<u8>>,
    gs2_header: String,
    nonce: String,
    /// client-first-message-bare and server-first-message: the start of AuthMessage.
    transcript: String,
}

impl Vault {
    /// The credentials of `user`; with `fresh_salt`, under a new salt.
    pub fn credentials(
        &mut self,
        user: &str,
        password: Option<&str>,
        hash: Hash,
        iterations: u32,
        fresh_salt: bool,
        random: &mut Random,
    ) -> Credentials {
        if fresh_salt {
            self.salts.remove(&(user.to_owned(), hash));
        }
        let salt = self.salts.entry((user.to_owned(), hash)).or_insert_with(|| random.bytes(16)).clone();
        let salted_password = password.map(|password| {
            self.salted_passwords
                .entry((user.to_owned(), hash, salt.clone(), iterations))
                .or_insert_with(|| hash.salted(password, &salt, iterations))
                .clone()
        });
        Credentials { hash, salt, iterations, salted_password }
    }
}

impl<'a> ClientFirst<'a> {
    /// Reads `n,a=authzid,n=user,r=nonce` (RFC 5802 §7); the error is a SASL condition.
    pub fn parse(message: &'a str) -> Result<Self, &'static str> {
        const MALFORMED: &str = "malformed-request";
        let mut parts = message.splitn(3, ',');
        let (Some(binding), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(MALFORMED);
        };
        // `p=`: the client insists on a channel binding that was never offered.
        if binding != "n" && binding != "y" {
            return Err(MALFORMED);
        }
        let authzid = match authzid.strip_prefix("a=") {
            Some(name) => Some(unescape(name).ok_or(MALFORMED)?),
            None if authzid.is_empty() => None,
            None => return Err(MALFORMED),
        };
        let mut attributes = bare.split(',');
        let user = attributes.next().and_then(|name| name.strip_prefix("n=")).and_then(unescape);
        let nonce = attributes.next().and_then(|nonce| nonce.strip_prefix("r="));
        let (Some(user), Some(nonce)) = (user, nonce) else { return Err(MALFORMED) };
        if user.is_empty() || nonce.is_empty() {
            return Err(MALFORMED);
        }
        let gs2_header = &message[..message.len() - bare.len()];
        Ok(Self { gs2_header, bare, nonce, authzid, user })
    }
}

impl Exchange {
    /// Answers client-first-message with server-first-message.
    pub fn begin(
        first: &ClientFirst<'_>,
        credentials: Credentials,
        server_nonce: &str,
        fault: Option<ScramFault>,
    ) -> (Self, String) {
        let nonce = match fault {
            Some(ScramFault::WrongNonce) => format!("{server_nonce}{}", first.nonce),
            Some(ScramFault::NonceNotLonger) => first.nonce.to_owned(),
            _ => format!("{}{server_nonce}", first.nonce),
        };
        let salt = match fault {
            Some(ScramFault::SaltNotBase64) => ",s=*not base64*".to_owned(),
            Some(ScramFault::MissingSalt) => String::new(),
            _ => format!(",s={}", STANDARD.encode(&credentials.salt)),
        };
        let iterations = match fault {
            Some(ScramFault::Iterations(count)) => count.to_string(),
            Some(ScramFault::IterationsNotANumber) => "many".to_owned(),
            _ => credentials.iterations.to_string(),
        };
        let extension = if fault == Some(ScramFault::MandatoryExtension) { "m=unheard-of," } else { "" };
        let server_first = match fault {
            Some(ScramFault::Truncated) => format!("r={nonce}{salt}"),
            Some(ScramFault::Reordered) => format!("i={iterations}{salt},r={nonce}"),
            _ => format!("{extension}r={nonce}{salt},i={iterations}"),
        };
        let exchange = Self {
            user: first.user.clone(),
            hash: credentials.hash,
            salted_password: credentials.salted_password,
            gs2_header: first.gs2_header.to_owned(),
            nonce,
            transcript: format!("{},{server_first}", first.bare),
        };
        (exchange, server_first)
    }

    /// Checks client-final-message and answers with server-final-message, or with a SASL condition.
    pub fn finish(&self, message: &str, fault: Option<ScramFault>) -> Result<Option<String>, &'static str> {
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or("malformed-request")?;
        let proof = STANDARD.decode(proof).map_err(|_| "malformed-request")?;
        let expected = format!("c={},r={}", STANDARD.encode(&self.gs2_header), self.nonce);
        let unextended = without_proof
            .strip_prefix(&expected)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(','));
        if !unextended {
            return Err("not-authorized");
        }
        let salted_password = self.salted_password.as_ref().ok_or("not-authorized")?;
        let auth_message = format!("{},{without_proof}", self.transcript);
        let stored_key = self.hash.digest(&self.hash.hmac(salted_password, b"Client Key"));
        let client_signature = self.hash.hmac(&stored_key, auth_message.as_bytes());
        if proof.len() != client_signature.len() {
            return Err("not-authorized");
        }
        let client_key: Vec<u8> = proof.iter().zip(&client_signature).map(|(a, b)| a ^ b).collect();
        if !bool::from(self.hash.digest(&client_key).ct_eq(&stored_key)) {
            return Err("not-authorized");
        }
        let server_key = self.hash.hmac(salted_password, b"Server Key");
        let signature = self.hash.hmac(&server_key, auth_message.as_bytes());
        Ok(match fault {
            Some(ScramFault::MissingSignature) => None,
            Some(ScramFault::WrongSignature) => {
                let forged = self.hash.hmac(b"another key", auth_message.as_bytes());
                Some(format!("v={}", STANDARD.encode(forged)))
            }
            Some(ScramFault::SignatureNotBase64) => Some("v=*not base64*".to_owned()),
            Some(ScramFault::ErrorInSuccess) => Some("e=other-error".to_owned()),
            _ => Some(format!("v={}", STANDARD.encode(signature))),
        })
    }
}

macro_rules! with_digest {
    ($hash:expr, $Digest:ident => $body:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $Digest = Sha1;
                $body
            }
            Hash::Sha256 => {
                type $Digest = Sha256;
                $body
            }
            Hash::Sha384 => {
                type $Digest = Sha384;
                $body
            }
            Hash::Sha512 => {
                type $Digest = Sha512;
                $body
            }
        }
    };
}

impl Hash {
    fn digest(self, data: &[u8]) -> Vec<u8> {
        with_digest!(self, D => D::digest(data).to_vec())
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        with_digest!(self, D => {
            let mut mac = Hmac::<D>::new_from_slice(key).expect("HMAC takes any key (RFC 2104 §2)");
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        })
    }

    /// `Hi()` of RFC 5802 §2.2. The passwords of test accounts are ASCII, which SASLprep does not
    /// change.
    fn salted(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        let mut output = vec![0; self.digest(b"").len()];
        with_digest!(self, D => pbkdf2_hmac::<D>(password.as_bytes(), salt, iterations, &mut output));
        output
    }
}

/// Undoes the escaping of `,` and `=` in names (RFC 5802 §5.1).
fn unescape(name: &str) -> Option<String> {
    let plain = name.replace("=2C", ",").replace("=3D", "=");
    (name.matches('=').count() == name.matches("=2C").count() + name.matches("=3D").count()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT_SHA1: &str = "QSXCR+Q6sek8bf92";
    const SALT_SHA256: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";

    fn exchange(hash: Hash, salt: &str, client_first: &str, server_nonce: &str) -> (Exchange, String) {
        let first = ClientFirst::parse(client_first).expect("client-first-message");
        let salt = STANDARD.decode(salt).expect("base64");
        let salted_password = Some(hash.salted("pencil", &salt, 4096));
        let credentials = Credentials { hash, salt, iterations: 4096, salted_password };
        Exchange::begin(&first, credentials, server_nonce, None)
    }

    #[test]
    fn the_example_of_rfc_5802_is_answered_to_the_letter() {
        let (exchange, server_first) =
            exchange(Hash::Sha1, SALT_SHA1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j");
        assert_eq!(server_first, "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
        let proof = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        let server_final = exchange.finish(proof, None).expect("the proof holds");
        assert_eq!(server_final.as_deref(), Some("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="));
    }

    #[test]
    fn the_example_of_rfc_7677_is_answered_to_the_letter() {
        let (exchange, server_first) = exchange(
            Hash::Sha256,
            SALT_SHA256,
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        );
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        assert_eq!(server_first, format!("r={nonce},s={SALT_SHA256},i=4096"));
        let proof = format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let server_final = exchange.finish(&proof, None).expect("the proof holds");
        assert_eq!(server_final.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn a_proof_for_another_nonce_or_another_header_is_refused() {
        let (exchange, _) = exchange(Hash::Sha1, SALT_SHA1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "3rfc");
        let proof = "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        for start in ["c=biws,r=fyko+d2lbbFgONRv9qkxdawL", "c=eSws,r=fyko+d2lbbFgONRv9qkxdawL3rfc"] {
            assert_eq!(exchange.finish(&format!("{start},{proof}"), None), Err("not-authorized"));
        }
    }

    #[test]
    fn commas_and_equals_signs_in_names_are_unescaped() {
        let first = ClientFirst::parse("y,a=a=2Cb,n=c=3Dd,r=x").expect("client-first-message");
        assert_eq!((first.authzid.as_deref(), first.user.as_str()), (Some("a,b"), "c=d"));
        assert_eq!(first.gs2_header, "y,a=a=2Cb,");
    }

    #[test]
    fn client_first_messages_that_break_the_grammar_are_refused() {
        for message in
            ["", "n,,", "n,,n=,r=x", "n,,n=u,r=", "n,,n=a=2,r=x", "p=tls-unique,,n=u,r=x", "n,u,n=u,r=x"]
        {
            assert!(ClientFirst::parse(message).is_err(), "{message}");
        }
    }
}
