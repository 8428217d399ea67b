//! What the handlers of the app are for.

use epode_protocol::{ClaimId, Position};

use crate::Claim;

pub(crate) struct Claims<V> {
    held: Vec<ClaimId>,
    /// Claims that are not posted yet, those of one moment together: the position they were made at, and
    /// when; zero within a stanza.
    unsaid: Vec<(Position, f64, Vec<Claim<V>>)>,
    latest: ClaimId,
}

impl<V> Default for Claims<V> {
    fn default() -> Self {
        Claims { held: Vec::new(), unsaid: Vec::new(), latest: 0 }
    }
}

impl<V> Claims<V> {
    pub(crate) fn make(&mut self, from: Position, made: f64, selector: V) -> ClaimId {
        self.latest += 1;
        let claim = Claim { id: self.latest, selector };
        self.held.push(claim.id);
        match self.unsaid.last_mut() {
            Some((at, when, claims)) if (*at, *when) == (from, made) => claims.push(claim),
            _ => self.unsaid.push((from, made, vec![claim])),
        }
        self.latest
    }

    pub(crate) fn holds(&self, claim: ClaimId) -> bool {
        self.held.contains(&claim)
    }

    /// Gives a claim up; whether it was held.
    pub(crate) fn release(&mut self, claim: ClaimId) -> bool {
        let before = self.held.len();
        self.held.retain(|held| *held != claim);
        self.held.len() < before
    }

    /// What is to be posted now: of each moment the claims that are still held.
    pub(crate) fn take_unsaid(&mut self) -> Vec<(Position, f64, Vec<Claim<V>>)> {
        let mut unsaid = std::mem::take(&mut self.unsaid);
        unsaid.retain_mut(|(.., claims)| {
            claims.retain(|claim| self.held.contains(&claim.id));
            !claims.is_empty()
        });
        unsaid
    }

    /// A session begins at this position: with an empty list of handlers, but for claims made before this was
    /// known, which hold from the beginning.
    pub(crate) fn begin(&mut self, position: Position) {
        let unsaid = &mut self.unsaid;
        self.held
            .retain(|held| unsaid.iter().any(|(.., claims)| claims.iter().any(|claim| claim.id == *held)));
        for (from, made, _) in unsaid {
            (*from, *made) = (position, 0.0);
        }
    }

    /// Each session begins with an empty list of handlers.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.unsaid.clear();
    }
}
