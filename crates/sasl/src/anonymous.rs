//! ANONYMOUS (RFC 4505): the server makes up who we are.

use std::mem;

use crate::{Error, Mechanism, MechanismName, Step};

/// Sends no trace information, and no initial response either: an absent one is what servers have always been
/// sent, and whoever wants the empty message asks for it with an empty challenge (RFC 4422 §3).
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
