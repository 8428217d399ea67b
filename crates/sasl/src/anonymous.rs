//! ANONYMOUS (RFC 4505): the server assigns a temporary account.

use std::mem;

use crate::{Error, Mechanism, MechanismName, Step};

/// Sends no trace information and, as clients always have, no initial response. A server that wants
/// the empty message asks for it by an empty challenge (RFC 4422 §3).
pub(crate) enum Anonymous {
    ChallengeOrSuccess,
    Success,
    Over,
}

impl Mechanism for Anonymous {
    fn name(&self) -> MechanismName {
        MechanismName::Anonymous
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn challenge(&mut self, _data: &[u8]) -> Result<Step, Error> {
        match mem::replace(self, Self::Over) {
            Self::ChallengeOrSuccess => {
                *self = Self::Success;
                Ok(Step::Respond(Vec::new()))
            }
            _ => Err(Error::UnexpectedChallenge),
        }
    }

    fn success(&mut self, _data: Option<&[u8]>) -> Result<(), Error> {
        match mem::replace(self, Self::Over) {
            Self::Over => Err(Error::UnexpectedSuccess),
            _ => Ok(()),
        }
    }
}
