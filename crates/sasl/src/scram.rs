//! SCRAM (RFC 5802, RFC 7677) without channel binding: both sides prove that they know the
//! password; neither sends it.

use std::mem;

use base64ct::{Base64, Encoding};

use crate::{
    Credentials, Derivation, Error, Hash, Mechanism, MechanismName, Proof, ScramKeys, Step,
    hash::Digest,
    prepare,
    server_message::{ServerFirst, is_nonce, server_signature},
};

pub(crate) struct Scram {
    name: MechanismName,
    hash: Hash,
    state: State,
}

/// What the exchange waits for. Each state holds only the data that its step needs.
enum State {
    Start(Client),
    ServerFirst(Client),
    Keys {
        auth_message: String,
        without_proof: usize,
        salt: Vec<u8>,
        iterations: u32,
    },
    ServerFinal {
        signature: Digest,
        keys: ScramKeys,
    },
    /// The server has proven itself in a challenge; its success comes next.
    Success(ScramKeys),
    /// The server has declared success.
    Succeeded(ScramKeys),
    /// Nothing: the exchange has ended.
    Over,
}

struct Client {
    gs2_header: String,
    nonce: String,
    bare: String,
    proof: Proof,
}

impl Scram {
    /// Prepares user name and password (RFC 5802 §5.1, `n`, and §2.2, `Normalize`): both sides hash
    /// them, so both need the same bytes.
    pub(crate) fn new(
        name: MechanismName,
        credentials: &Credentials,
        nonce: &str,
        nfkc: fn(&str) -> String,
    ) -> Result<Self, Error> {
        let hash = name.scram_hash().ok_or(Error::AuthcidMissing)?;
        if !is_nonce(nonce) {
            return Err(Error::ClientNonce);
        }
        let authzid = credentials.checked_authzid()?;
        let authcid = prepare(credentials.require_authcid()?, "user name", nfkc)?;
        // SASLprep may remove every character of a name.
        let authcid = Some(authcid.expose()).filter(|name| !name.is_empty()).ok_or(Error::AuthcidMissing)?;
        let client = Client {
            // `n`: the client does not support channel binding (RFC 5802 §7, gs2-header).
            gs2_header: match authzid {
                Some(authzid) => ["n,a=", &saslname(authzid), ","].concat(),
                None => "n,,".to_owned(),
            },
            nonce: nonce.to_owned(),
            bare: ["n=", &saslname(authcid), ",r=", nonce].concat(),
            proof: match &credentials.proof {
                Some(Proof::Keys(keys)) => Proof::Keys(keys.clone()),
                _ => {
                    let password = credentials.require_password()?.expose();
                    prepare(password, "password", nfkc)?.into()
                }
            },
        };
        Ok(Self { name, hash, state: State::Start(client) })
    }

    fn server_first(&mut self, client: Client, data: &[u8]) -> Result<Step, Error> {
        let first = ServerFirst::parse(data, &client.nonce)?;
        let gs2_header = Base64::encode_string(client.gs2_header.as_bytes());
        let final_without_proof = ["c=", &gs2_header, ",r=", first.nonce].concat();
        // AuthMessage of RFC 5802 §3. Its tail, client-final-message-without-proof, also begins the
        // response.
        let auth_message = [&client.bare, ",", first.text, ",", &final_without_proof].concat();
        let without_proof = auth_message.len() - final_without_proof.len();

        let ServerFirst { salt, iterations, .. } = first;
        self.state = State::Keys { auth_message, without_proof, salt: salt.clone(), iterations };
        match client.proof {
            Proof::Password(password) => {
                Ok(Step::Derive(Derivation::new(self.hash, password.expose(), salt, iterations)))
            }
            Proof::Keys(keys) => self.derived(keys).map_err(|_| Error::KeysOutdated),
        }
    }
}

impl Mechanism for Scram {
    fn name(&self) -> MechanismName {
        self.name.clone()
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        match mem::replace(&mut self.state, State::Over) {
            State::Start(client) => {
                let message = [client.gs2_header.as_bytes(), client.bare.as_bytes()].concat();
                self.state = State::ServerFirst(client);
                Some(message)
            }
            _ => None,
        }
    }

    fn challenge(&mut self, data: &[u8]) -> Result<Step, Error> {
        match mem::replace(&mut self.state, State::Over) {
            State::ServerFirst(client) => self.server_first(client, data),
            State::ServerFinal { signature, keys } => {
                verify(&signature, data)?;
                self.state = State::Success(keys);
                Ok(Step::Respond(Vec::new()))
            }
            _ => Err(Error::UnexpectedChallenge),
        }
    }

    fn derived(&mut self, keys: ScramKeys) -> Result<Step, Error> {
        let State::Keys { auth_message, without_proof, salt, iterations } =
            mem::replace(&mut self.state, State::Over)
        else {
            return Err(Error::UnexpectedKeys);
        };
        if (keys.hash(), keys.salt(), keys.iterations()) != (self.hash, &salt[..], iterations) {
            return Err(Error::UnexpectedKeys);
        }
        let stored_key = self.hash.digest(keys.client_key());
        let mut proof = self.hash.hmac(stored_key.as_bytes(), auth_message.as_bytes());
        proof.xor(keys.client_key());
        let signature = self.hash.hmac(keys.server_key(), auth_message.as_bytes());
        let response =
            [&auth_message[without_proof..], ",p=", &Base64::encode_string(proof.as_bytes())].concat();
        self.state = State::ServerFinal { signature, keys };
        Ok(Step::Respond(response.into_bytes()))
    }

    fn success(&mut self, data: Option<&[u8]>) -> Result<(), Error> {
        let keys = match (mem::replace(&mut self.state, State::Over), data.unwrap_or_default()) {
            (State::ServerFinal { .. }, []) => return Err(Error::SignatureMissing),
            (State::ServerFinal { signature, keys }, data) => {
                verify(&signature, data)?;
                keys
            }
            (State::Success(keys), _) => keys,
            _ => return Err(Error::UnexpectedSuccess),
        };
        self.state = State::Succeeded(keys);
        Ok(())
    }

    fn keys(&mut self) -> Option<ScramKeys> {
        match mem::replace(&mut self.state, State::Over) {
            State::Succeeded(keys) => Some(keys),
            _ => None,
        }
    }
}

fn verify(signature: &Digest, server_final: &[u8]) -> Result<(), Error> {
    if signature.matches(&server_signature(server_final)?) { Ok(()) } else { Err(Error::Signature) }
}

/// Escapes the two characters of a name that have a meaning in SCRAM (RFC 5802 §5.1, `n`).
pub(crate) fn saslname(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}
