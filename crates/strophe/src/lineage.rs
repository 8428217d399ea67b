//! Which page a port belongs to: no word says so.
//!
//! A page says goodbye at one port and opens another for each `connect` and `attach`, and once more when it
//! is unloaded. So the page is guessed. A wrong guess costs that a page is told a few stanzas of the last
//! seconds that it does not miss; where somebody opens a page while another reloads, the wrong one of the two
//! may be told them.
//!
//! | what came before the first word of a port | the page |
//! |---|---|
//! | the goodbye of a port that was never used, as each new connection has one | a new one |
//! | the same, and before that the goodbye of a page in a session, which nobody has followed | its reload |
//! | the goodbye of a port that was used | the same page |
//! | nothing | a new one |

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::Position;

/// How long a page that reloads may take; also [`epode_protocol::Options::reload_grace`].
const RELOAD: Duration = Duration::from_secs(10);

/// How long a port may take to open.
const SUCCESSION: Duration = Duration::from_secs(2);

/// The most goodbyes that are remembered.
const REMEMBERED: usize = 64;

/// A page, as long as it can be told from others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heir {
    /// The name of the tab.
    pub(crate) tab: String,
    /// What it had handled of its session when it was unloaded.
    pub(crate) handled: Option<Position>,
    /// Whether the page has just been loaded.
    pub(crate) is_new: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// The number of tabs so far.
    tabs: u32,
    /// When ports said goodbye that were never used.
    unused: VecDeque<Duration>,
    /// The pages that said goodbye and that nobody has followed, oldest first.
    gone: VecDeque<(Duration, String, Option<Position>)>,
}

impl Lineage {
    /// A port said goodbye that was never used.
    pub(crate) fn unused_left(&mut self, now: Duration) {
        self.unused.push_back(now);
        if self.unused.len() > REMEMBERED {
            self.unused.pop_front();
        }
    }

    /// This tab said goodbye. `handled`: what it had handled of the session that it was in.
    pub(crate) fn left(&mut self, now: Duration, tab: &str, handled: Option<Position>) {
        self.gone.push_back((now, tab.to_owned(), handled));
        while self.gone.len() > REMEMBERED {
            self.gone.pop_front();
        }
    }

    /// A port is used for the first time: which page is it?
    pub(crate) fn next(&mut self, now: Duration) -> Heir {
        self.unused.retain(|at| *at + SUCCESSION > now);
        self.gone.retain(|(at, ..)| *at + RELOAD > now);
        let is_new = self.unused.pop_front().is_some();
        let follows = |(at, _, handled): &(Duration, String, Option<Position>)| match is_new {
            true => handled.is_some(),
            false => *at + SUCCESSION > now,
        };
        let Some(at) = self.gone.iter().position(follows) else {
            self.tabs += 1;
            return Heir { tab: format!("strophe-{}", self.tabs), handled: None, is_new: true };
        };
        let session = |handled: Position| handled >> 32;
        let meant = self.gone.iter().filter(|gone| follows(gone)).filter_map(|(.., handled)| *handled);
        let of = self.gone[at].2.map(session);
        // Among several of one session that may be meant nothing is lost with what the slowest had handled.
        let slowest = meant.filter(|handled| Some(session(*handled)) == of).min();
        let (_, tab, handled) = self.gone.remove(at).unwrap_or_default();
        Heir { tab, handled: handled.and(slowest), is_new }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_port_behind_nothing_is_a_new_page_and_so_is_one_behind_the_goodbye_of_an_unused_port() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0));
        lineage.unused_left(seconds(0));
        let second = lineage.next(seconds(0));
        assert!(first.is_new && second.is_new);
        assert_ne!(first.tab, second.tab);
    }

    #[test]
    fn a_port_behind_the_goodbye_of_a_used_one_is_the_same_page() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0));
        for handled in [None, Some(7)] {
            lineage.left(seconds(1), &first.tab, handled);
            let next = lineage.next(seconds(1));
            assert_eq!(next, Heir { tab: first.tab.clone(), handled, is_new: false });
        }
    }

    #[test]
    fn a_new_page_soon_behind_the_goodbye_of_a_member_is_its_reload() {
        for (later, is_reload) in [(1, true), (9, true), (10, false)] {
            let mut lineage = Lineage::default();
            let first = lineage.next(seconds(0));
            lineage.left(seconds(0), &first.tab, Some(7));
            lineage.unused_left(seconds(later));
            let next = lineage.next(seconds(later));
            assert_eq!((next.tab == first.tab, next.is_new), (is_reload, true), "after {later} s");
            assert_eq!(next.handled, is_reload.then_some(7));
        }
    }

    #[test]
    fn a_page_that_was_in_no_session_has_no_reload() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0));
        lineage.left(seconds(0), &first.tab, None);
        lineage.unused_left(seconds(1));
        assert_ne!(lineage.next(seconds(1)).tab, first.tab);
    }

    #[test]
    fn pages_that_reload_at_once_are_followed_each_by_one_and_none_misses_anything() {
        let mut lineage = Lineage::default();
        let tabs = [lineage.next(seconds(0)).tab, lineage.next(seconds(0)).tab];
        lineage.left(seconds(1), &tabs[0], Some(9));
        lineage.left(seconds(1), &tabs[1], Some(7));
        let heirs = [(); 2].map(|()| {
            lineage.unused_left(seconds(2));
            lineage.next(seconds(2))
        });
        assert_eq!(heirs.each_ref().map(|heir| &heir.tab), tabs.each_ref());
        assert_eq!(heirs.map(|heir| heir.handled), [Some(7); 2]);
    }
}
