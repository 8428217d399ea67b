//! Who is there now, for tabs that join late.

use std::rc::Rc;

use epode_session::stream::jid;

use crate::Table;
use crate::inbound::Inbound;

/// The most presences that are kept, and the most bytes of each.
const PRESENT: usize = 8192;
const LARGE: usize = 8 << 10;

/// The latest presence of everybody who is there, by full JID in prepared form.
#[derive(Debug)]
pub(crate) struct Presences<T>(Table<Box<str>, Rc<Inbound<T>>>);

impl<T> Default for Presences<T> {
    fn default() -> Self {
        Presences(Table::default())
    }
}

impl<T> Presences<T> {
    /// Notes who has come and who has gone. Occupants of MUC rooms (XEP-0045) are not noted:
    /// whoever leaves a room hears nothing more of its occupants, and every tab that enters hears
    /// of all anew.
    pub(crate) fn note(&mut self, inbound: &Rc<Inbound<T>>) {
        const OCCUPANT: &str = "http://jabber.org/protocol/muc#user";
        let Some(from) = inbound.from() else { return };
        if inbound.head.namespaces.iter().any(|namespace| &**namespace == OCCUPANT) {
            return;
        }
        match inbound.head.kind.as_deref() {
            // Those who are there already stay noted. Strangers can send any number of presences,
            // so the number is bounded.
            None if inbound.size <= LARGE
                && (self.0.contains_key(from) || self.0.keys().count() < PRESENT) =>
            {
                self.0.insert(from.into(), inbound.clone());
            }
            None => drop(self.0.remove(from)),
            // `unavailable` from a bare JID: all resources of it are gone.
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
