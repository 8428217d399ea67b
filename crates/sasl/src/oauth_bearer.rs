//! OAUTHBEARER (RFC 7628): a bearer token, and the server's reason for a refusal.

use std::mem;

use zeroize::Zeroizing;

use crate::{Credentials, Error, Mechanism, MechanismName, Step, json, one_message::joined, scram::saslname};

pub(crate) enum OAuthBearer {
    Start(Zeroizing<Vec<u8>>),
    ChallengeOrSuccess,
    /// The server has given its reason; its `<failure/>` follows.
    Refused(String),
    Over,
}

impl OAuthBearer {
    pub(crate) fn new(credentials: &Credentials) -> Result<Self, Error> {
        let jid = saslname(credentials.require_jid()?);
        // RFC 7628 §3.1: the GS2 header, then key-value pairs, each ended by a kvsep (0x01), then a
        // last kvsep.
        Ok(Self::Start(joined(&[
            "n,a=",
            &jid,
            ",\x01auth=Bearer ",
            credentials.require_token()?,
            "\x01\x01",
        ])))
    }
}

impl Mechanism for OAuthBearer {
    fn name(&self) -> MechanismName {
        MechanismName::OAuthBearer
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        match mem::replace(self, Self::Over) {
            Self::Start(mut message) => {
                *self = Self::ChallengeOrSuccess;
                Some(mem::take(&mut *message))
            }
            _ => None,
        }
    }

    /// RFC 7628 §3.2.3: the only challenge gives the reason for a refusal; the server sends its
    /// failure after a dummy response.
    fn challenge(&mut self, data: &[u8]) -> Result<Step, Error> {
        let Self::ChallengeOrSuccess = mem::replace(self, Self::Over) else {
            return Err(Error::UnexpectedChallenge);
        };
        let reason = std::str::from_utf8(data).map_err(|_| Error::TokenError)?;
        if !json::is_object_with(reason, "status") {
            return Err(Error::TokenError);
        }
        *self = Self::Refused(reason.to_owned());
        Ok(Step::Respond(vec![1]))
    }

    fn success(&mut self, _data: Option<&[u8]>) -> Result<(), Error> {
        match mem::replace(self, Self::Over) {
            Self::ChallengeOrSuccess => Ok(()),
            _ => Err(Error::UnexpectedSuccess),
        }
    }

    fn complaint(&mut self) -> Option<String> {
        match mem::replace(self, Self::Over) {
            Self::Refused(reason) => Some(reason),
            _ => None,
        }
    }
}
