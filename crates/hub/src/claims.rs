//! What each tab wants to hear, and what it missed while its claim was on the way.

use std::rc::Rc;

use epode_protocol::{Caught, Claim, ClaimId, Delivery, FromWorker, Origin, Position, Text};

use crate::inbound::Inbound;
use crate::port::Stage;
use crate::room::Entry;
use crate::{Hub, PortId, SessionId};

impl<T: Text> Hub<T> {
    /// Enters claims, and answers with what they missed since the position from which they hold.
    pub(crate) fn claim(&mut self, port: PortId, claims: Vec<Claim>, from: Position, exact: bool) {
        let Some(Stage::In(id)) = self.ports.get(&port).map(|tab| &tab.stage) else { return };
        let Some(room) = self.rooms.get_mut(id).filter(|room| room.is_up()) else { return };
        let position = room.position;
        // A claim that was made outside of any stanza hears what is on its way to the tab already, and what comes.
        let from = match exact {
            true => from,
            false => room.ring.first_given(port, from).map_or(position, |first| first - 1),
        };
        let Some(at) = room.members.iter().position(|member| member.port == port) else { return };
        let member = &mut room.members[at];
        let base = member.base;
        // The ring remembers everything since it forgot; what a page before a reload missed may be older.
        let forgotten = room.ring.forgotten();
        let mut behind: Vec<Rc<Inbound<T>>> = Vec::new();
        if exact && from == base {
            behind.extend(member.backlog.iter().filter(|inbound| inbound.position <= forgotten).cloned());
        } else {
            // Claims from later on: those to begin with have been made.
            member.backlog.clear();
        }
        behind.extend(room.ring.behind(from).cloned());
        // Who was there before a tab came late; who came since, it has heard or hears now.
        let late = matches!(member.entry, Entry::Joined | Entry::Attached);
        let present: Vec<_> =
            room.presences.values().filter(|seen| late && seen.position <= base).cloned().collect();

        let mut answer = Vec::new();
        for Claim { id, selector } in claims {
            let replayed = present.iter().map(|inbound| (inbound, Origin::Replayed));
            let missed = behind.iter().map(|inbound| (inbound, Origin::Received));
            let stanzas = replayed
                .chain(missed)
                .filter(|(inbound, _)| inbound.is_claimed_by(&selector))
                .map(|(inbound, origin)| Delivery(inbound.position, origin, inbound.text.clone()))
                .collect();
            answer.push(Caught { claim: id, stanzas });
            member.claims.retain(|(known, _)| *known != id);
            member.claims.push((id, selector));
        }
        // Only the ring of a slow tab can have been overrun; then what a claim missed cannot be told apart from nothing.
        let lost = (from < forgotten && exact && from != base).then(|| (from + 1, forgotten));
        if let Some((from, to)) = lost {
            let count = u32::try_from(to - from + 1).unwrap_or(u32::MAX);
            self.post(port, FromWorker::Gap { from, to, count });
        }
        self.post(port, FromWorker::Claimed { claims: answer });
    }

    /// Strikes out claims.
    pub(crate) fn release_claims(&mut self, port: PortId, claims: &[ClaimId]) {
        let Some(Stage::In(id)) = self.ports.get(&port).map(|tab| &tab.stage) else { return };
        if let Some(member) = self.rooms.get_mut(id).and_then(|room| room.member(port)) {
            member.claims.retain(|(known, _)| !claims.contains(known));
        }
    }

    /// The tabs that want to see what others send.
    pub(crate) fn onlookers(&self, id: SessionId, sender: PortId) -> Vec<PortId> {
        let Some(room) = self.rooms.get(&id) else { return Vec::new() };
        let looking = room.members.iter().filter(|member| member.port != sender && member.claims_sent());
        looking.map(|member| member.port).collect()
    }
}
