//! Who is there now, for tabs that join late.

use std::rc::Rc;

use epode_session::stream::jid;

use crate::Table;
use crate::inbound::Inbound;

/// How many presences are remembered, and what one may have in bytes.
const PRESENT: usize = 8192;
const LARGE: usize = 8 << 10;

/// Of everybody who is there the latest presence, by full JID.
#[derive(Debug)]
pub(crate) struct Presences<T>(Table<Box<str>, Rc<Inbound<T>>>);

impl<T> Default for Presences<T> {
    fn default() -> Self {
        Presences(Table::default())
    }
}

impl<T> Presences<T> {
    /// Keeps the books of who is there: of each, what they said last. Not of the occupants of rooms
    /// (XEP-0045): whoever leaves a room hears nothing of the others in it any more, and every tab that
    /// enters it hears of them anew.
    pub(crate) fn note(&mut self, inbound: &Rc<Inbound<T>>) {
        const OCCUPANT: &str = "http://jabber.org/protocol/muc#user";
        let Some(from) = inbound.from() else { return };
        if inbound.head.namespaces.iter().any(|namespace| &**namespace == OCCUPANT) {
            return;
        }
        match inbound.head.kind.as_deref() {
            // Whoever is there already is; of strangers, who can be there as often as they like, no more are
            // remembered than that.
            None if inbound.size <= LARGE
                && (self.0.contains_key(from) || self.0.keys().count() < PRESENT) =>
            {
                self.0.insert(from.into(), inbound.clone());
            }
            None => drop(self.0.remove(from)),
            // Of a bare JID: none of its resources is there any more.
            Some("unavailable") if !from.contains('/') => {
                let gone: Vec<_> = self.0.keys().filter(|there| jid::bare(there) == from).cloned().collect();
                for there in gone {
                    self.0.remove(&there);
                }
            }
            Some("unavailable" | "error") => {
                self.0.remove(from);
            }
            Some(_) => {}
        }
    }

    /// The latest presence of everybody who is there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Rc<Inbound<T>>> {
        self.0.values()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
