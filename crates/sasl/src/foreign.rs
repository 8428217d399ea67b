use crate::{Error, Mechanism, MechanismName, Step};

/// A mechanism that the app brings. A page of the app makes its messages, the initial response
/// included.
pub(crate) struct Foreign(pub(crate) MechanismName);

impl Mechanism for Foreign {
    fn name(&self) -> MechanismName {
        self.0.clone()
    }

    fn start(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn challenge(&mut self, data: &[u8]) -> Result<Step, Error> {
        let text = std::str::from_utf8(data).map_err(|_| Error::ChallengeNotText)?;
        Ok(Step::Relay(text.to_owned()))
    }

    fn success(&mut self, _data: Option<&[u8]>) -> Result<(), Error> {
        Ok(())
    }
}
