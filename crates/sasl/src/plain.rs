//! PLAIN (RFC 4616): the password itself, for transports that are encrypted.

use zeroize::Zeroizing;

use crate::{Credentials, Error, Mechanism, MechanismName, Step};

pub(crate) struct Plain {
    message: Option<Zeroizing<Vec<u8>>>,
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
        Ok(Self { message: Some(message) })
    }
}

impl Mechanism for Plain {
    fn name(&self) -> MechanismName {
        MechanismName::Plain
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        self.message.take().map(|mut message| std::mem::take(&mut *message))
    }

    fn challenge(&mut self, _data: &[u8]) -> Result<Step, Error> {
        self.message = None;
        Err(Error::UnexpectedChallenge)
    }

    fn success(&mut self, _data: Option<&[u8]>) -> Result<(), Error> {
        if self.message.is_some() { Err(Error::SuccessTooEarly) } else { Ok(()) }
    }
}
