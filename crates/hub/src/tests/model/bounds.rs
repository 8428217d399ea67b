//! What the worker remembers is no more than what is open.

use std::collections::BTreeSet;

use super::{ACCOUNTS, Model, QUEUE};
use crate::iq::ORPHANS;
use crate::tests::world::GRACE;
use crate::timer::Timer;

/// How many contacts say that they are there.
pub(super) const CONTACTS: u64 = 5;

impl Model {
    /// Once everything has arrived: what waits for whoever is slow, silent or gone is bounded, and what
    /// nobody waits for is forgotten.
    pub(super) fn look_at_bounds(&mut self, place: &str) {
        let (hub, now) = (&self.world.hub, self.world.clock.now());
        let unanswered = self.demands.values().filter(|demand| demand.answers == 0).count();
        for (port, tab) in hub.tabs.iter() {
            let page = self.pages.get(port).unwrap_or_else(|| panic!("{place}: {port:?} is long gone"));
            let (waiting, held) = (tab.mailbox.waiting(), tab.pending.len());
            // Requests are never given up.
            assert!(waiting <= QUEUE as usize + self.demands.len(), "{place}: {waiting} wait for {port:?}");
            assert!(held <= page.wishes.len(), "{place}: {held} of {port:?} wait for the session");
        }
        assert!(hub.sessions.values().count() <= ACCOUNTS.len(), "{place}: a session of nobody");
        self.gone.retain(|at| now < *at + GRACE);
        for shared in hub.sessions.values() {
            let members: BTreeSet<_> = shared.ports().into_iter().collect();
            assert!(members.len() == shared.members.len(), "{place}: a tab is in twice");
            assert!(members.iter().all(|port| self.pages.contains_key(port)), "{place}: a member is gone");
            assert!(shared.ring.behind(0).count() <= 512, "{place}: the ring");
            let parked = shared.parked.iter().filter(|parked| now < parked.until);
            assert!(parked.count() <= self.gone.len(), "{place}: something is kept for nobody");
            let kept = shared.parked.iter().map(|parked| parked.kept.len()).max().unwrap_or_default();
            assert!(kept <= QUEUE as usize, "{place}: {kept} are kept for a page that reloads");
            let present = shared.presences.keys().filter(|jid| jid.starts_with("contact@")).count();
            assert!(present <= CONTACTS as usize, "{place}: a presence of nobody");
            let (open, alike, orphans) = shared.outgoing.sizes();
            let silent: usize = self.pages.values().map(|page| page.wishes.silent()).sum();
            assert!(alike <= open && open <= silent, "{place}: {open} are asked, and {silent} wait");
            assert!(orphans <= ORPHANS, "{place}: {orphans} orphans");
        }
        let demands: usize = hub.sessions.values().map(|shared| shared.incoming.len()).sum();
        assert_eq!(demands, unanswered, "{place}: requests that wait for an answer");
        for timer in hub.timers.all() {
            let runs_for_somebody = match timer {
                Timer::Answer(port, token) => {
                    self.pages.get(port).is_some_and(|page| page.wishes.requests.contains_key(token))
                }
                Timer::Heartbeat(port) | Timer::Restore(port) => hub.tabs.contains_key(port),
                Timer::LastWords(port) => hub.left.contains_key(port),
                Timer::Ping(id, _)
                | Timer::Session(id)
                | Timer::Grace(id)
                | Timer::Gap(id)
                | Timer::Farewell(id) => hub.sessions.contains_key(id) || hub.trials.contains_key(id),
            };
            assert!(runs_for_somebody, "{place}: {timer:?}");
        }
    }
}
