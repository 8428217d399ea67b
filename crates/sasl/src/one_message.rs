use std::mem;

use zeroize::Zeroizing;

use crate::{Error, Mechanism, MechanismName, Step};

/// A mechanism that says all it has to say at once: PLAIN, X-OAUTH2, EXTERNAL.
pub(crate) struct OneMessage {
    name: MechanismName,
    state: State,
}

enum State {
    Start(Zeroizing<Vec<u8>>),
    Success,
    Over,
}

impl OneMessage {
    pub(crate) fn new(name: MechanismName, message: Zeroizing<Vec<u8>>) -> Self {
        Self { name, state: State::Start(message) }
    }
}

impl Mechanism for OneMessage {
    fn name(&self) -> MechanismName {
        self.name.clone()
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        match mem::replace(&mut self.state, State::Over) {
            State::Start(mut message) => {
                self.state = State::Success;
                Some(mem::take(&mut *message))
            }
            _ => None,
        }
    }

    fn challenge(&mut self, _data: &[u8]) -> Result<Step, Error> {
        self.state = State::Over;
        Err(Error::UnexpectedChallenge)
    }

    fn success(&mut self, _data: Option<&[u8]>) -> Result<(), Error> {
        match mem::replace(&mut self.state, State::Over) {
            State::Success => Ok(()),
            _ => Err(Error::UnexpectedSuccess),
        }
    }
}

/// The parts behind each other, in a buffer of the full length from the start: one that grows leaves copies
/// behind.
pub(crate) fn joined(parts: &[&str]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(parts.concat().into_bytes())
}
