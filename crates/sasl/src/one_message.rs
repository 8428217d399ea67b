use std::mem;

use zeroize::Zeroizing;

use crate::{Error, Mechanism, MechanismName, Step};

/// A mechanism whose only message is the initial response: PLAIN, X-OAUTH2, EXTERNAL.
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

/// Joins the parts in a buffer that has its full length from the start: a buffer that grows leaves
/// copies of its content in memory.
pub(crate) fn joined(parts: &[&str]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(parts.concat().into_bytes())
}
