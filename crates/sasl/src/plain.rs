//! PLAIN (RFC 4616): the password itself, for transports that are encrypted.

use std::mem;

use zeroize::Zeroizing;

use crate::{Credentials, Error, Mechanism, MechanismName, Step};

pub(crate) enum Plain {
    Start(Zeroizing<Vec<u8>>),
    Success,
    Over,
}

impl Plain {
    pub(crate) fn new(credentials: &Credentials) -> Result<Self, Error> {
        let authzid = credentials.checked_authzid()?.unwrap_or_default();
        let authcid = credentials.require_authcid()?;
        let password = credentials.require_password()?.expose();

        // Of the full length from the start: a buffer that grows leaves copies behind.
        let mut message =
            Zeroizing::new(Vec::with_capacity(authzid.len() + authcid.len() + password.len() + 2));
        message.extend_from_slice(authzid.as_bytes());
        message.push(0);
        message.extend_from_slice(authcid.as_bytes());
        message.push(0);
        message.extend_from_slice(password.as_bytes());
        Ok(Self::Start(message))
    }
}

impl Mechanism for Plain {
    fn name(&self) -> MechanismName {
        MechanismName::Plain
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        match mem::replace(self, Self::Over) {
            Self::Start(mut message) => {
                *self = Self::Success;
                Some(mem::take(&mut *message))
            }
            _ => None,
        }
    }

    fn challenge(&mut self, _data: &[u8]) -> Result<Step, Error> {
        *self = Self::Over;
        Err(Error::UnexpectedChallenge)
    }

    fn success(&mut self, _data: Option<&[u8]>) -> Result<(), Error> {
        match mem::replace(self, Self::Over) {
            Self::Success => Ok(()),
            _ => Err(Error::UnexpectedSuccess),
        }
    }
}
