//! ANONYMOUS (RFC 4505): the server makes up who we are.

use crate::{Error, Mechanism, MechanismName, Step};

/// Sends no trace information, not even an empty initial response: servers differ in how they read that, and
/// agree on its absence.
#[derive(Default)]
pub(crate) struct Anonymous {
    answered: bool,
}

impl Mechanism for Anonymous {
    fn name(&self) -> MechanismName {
        MechanismName::Anonymous
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// The empty challenge that asks for the message which was not sent at once (RFC 4422 §3).
    fn challenge(&mut self, _data: &[u8]) -> Result<Step, Error> {
        if std::mem::replace(&mut self.answered, true) {
            return Err(Error::UnexpectedChallenge);
        }
        Ok(Step::Respond(Vec::new()))
    }

    fn success(&mut self, _data: Option<&[u8]>) -> Result<(), Error> {
        Ok(())
    }
}
