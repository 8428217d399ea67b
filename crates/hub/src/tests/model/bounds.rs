//! The worker remembers no more than is open.

use std::collections::BTreeSet;

use super::wishes::Wishes;
use super::{ACCOUNTS, Model, QUEUE};
use crate::inbound::Inbound;
use crate::iq::ORPHANS;
use crate::tests::world::GRACE;
use crate::timer::Timer;

/// Number of contacts that send presence.
pub(super) const CONTACTS: u64 = 5;

impl Model {
    /// Once everything has arrived, what waits for a slow, silent or gone page is bounded, and what
    /// nobody waits for is forgotten.
    pub(super) fn look_at_bounds(&mut self, place: &str) {
        let ports: Vec<_> = self.pages.keys().copied().collect();
        let names: BTreeSet<_> = ports.into_iter().map(|tab| self.world.page(tab).name.clone()).collect();
        let (view, now) = (self.world.hub.view(), self.world.clock.now());
        let unanswered = self.demands.values().filter(|demand| demand.answers == 0).count();
        for tab in view.tabs() {
            let port = tab.port();
            let page = self.pages.get(&port).unwrap_or_else(|| panic!("{place}: {port:?} is long gone"));
            let (waiting, held) = (tab.waiting(), tab.pending());
            // Requests are never given up.
            assert!(waiting <= QUEUE as usize + self.demands.len(), "{place}: {waiting} wait for {port:?}");
            assert!(held <= page.wishes.len(), "{place}: {held} of {port:?} wait for the session");
        }
        assert!(view.sessions().count() <= ACCOUNTS.len(), "{place}: a session of nobody");
        self.gone.retain(|_, at| now < *at + GRACE);
        for session in view.sessions() {
            let members: BTreeSet<_> = session.members().into_iter().collect();
            assert!(members.len() == session.members().len(), "{place}: a tab is in twice");
            assert!(members.iter().all(|port| self.pages.contains_key(port)), "{place}: a member is gone");
            assert!(session.remembered() <= 512, "{place}: the ring");
            let in_time = session.parked().filter(|(.., until)| now < *until);
            let mut tabs: Vec<_> = in_time.map(|(tab, ..)| tab).collect();
            // A tab whose app dials by itself may come back.
            let known = tabs.iter().all(|tab| self.gone.contains_key(*tab) || names.contains(*tab));
            assert!(known, "{place}: something is kept for nobody");
            tabs.sort_unstable();
            assert!(tabs.is_sorted_by(|one, other| one < other), "{place}: kept twice for one tab");
            let kept = session.parked().map(|(_, kept, _)| kept).max().unwrap_or_default();
            assert!(kept <= QUEUE as usize, "{place}: {kept} are kept for a page that reloads");
            let from_contact =
                |presence: &&Inbound<String>| presence.from().is_some_and(|jid| jid.starts_with("contact@"));
            let present = session.presences().filter(from_contact).count();
            assert!(present <= CONTACTS as usize, "{place}: a presence of nobody");
            let (open, alike, orphans) = session.outgoing();
            // While the session is down all requests wait in it.
            let waits = |wishes: &Wishes| match session.is_up() {
                true => wishes.silent(),
                false => wishes.requests.len(),
            };
            let wait: usize = self.pages.values().map(|page| waits(&page.wishes)).sum();
            assert!(alike <= open && open <= wait, "{place}: {open} are asked, and {wait} wait");
            assert!(orphans <= ORPHANS, "{place}: {orphans} orphans");
        }
        let demands: usize = view.sessions().map(|session| session.incoming()).sum();
        assert_eq!(demands, unanswered, "{place}: requests that wait for an answer");
        for timer in view.timers() {
            let runs_for_somebody = match timer {
                Timer::Answer(port, token) => {
                    self.pages.get(port).is_some_and(|page| page.wishes.requests.contains_key(token))
                }
                timer => view.has_owner(timer),
            };
            assert!(runs_for_somebody, "{place}: {timer:?}");
        }
    }
}
