//! Which page a port belongs to: no word says so.
//!
//! A page says goodbye at one port and opens another for each `connect` and `attach`, and once more when it
//! is unloaded. So the page is guessed, among those of the same service and, where both are known, the same
//! account. A wrong guess costs that a page is told a few stanzas of the last seconds that it does not miss,
//! and never that a page misses any: while somebody opens a page and another reloads, nobody can tell the
//! two apart, so both are told what came since the goodbye. Nor does a page come into the session of another
//! account: who may be a page of several attaches to none.
//!
//! | what came before the first word of a port | the page |
//! |---|---|
//! | the goodbye of a port that was never used, as each new connection has one | a new one |
//! | the same, and before that the goodbye of a page in a session, which nobody has followed | its reload |
//! | the goodbye of a port that was used | the same page |
//! | nothing | a new one |

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
    /// Where the page stands that had this name before.
    pub(crate) before: Option<Position>,
    /// Where all the pages stand that it may be: at most one position of each session.
    pub(crate) missed: Vec<Position>,
    /// The account of all those pages, as in [`Place::account`].
    pub(crate) account: Option<String>,
    /// Whether the page has just been loaded.
    pub(crate) is_new: bool,
    /// The session that the page has ended, in the place of being unloaded.
    pub(crate) ended: Option<Place>,
}

/// What a page wants, or has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Place {
    pub(crate) service: String,
    /// The account: "" where it may be any, `None` where it is one of several.
    pub(crate) account: Option<String>,
}

impl Place {
    /// Whether both may be the same place. Two names of an account that are not of ASCII may be spelt in
    /// many ways, and a bare domain is logged in to as any account.
    fn may_be(&self, other: &Place) -> bool {
        let is_exact = |account: &str| account.is_ascii() && account.contains('@');
        let tells = |place: &Place| place.account.as_deref().is_some_and(is_exact);
        self.service == other.service && (self.account == other.account || !tells(self) || !tells(other))
    }
}

/// A page that said goodbye.
#[derive(Debug)]
struct Gone {
    at: Duration,
    tab: String,
    place: Place,
    /// What the page had handled of its session; or, if it came into none, where the pages stand that it may
    /// be.
    handled: Vec<Position>,
    /// Whether the name may be another page's: a new one was taken for its reload, perhaps by a wrong guess.
    followed: bool,
    /// Whether the page had closed its socket in its session: it is unloaded, or logs out and in.
    closed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Lineage {
    /// The number of tabs so far.
    tabs: u32,
    /// When ports said goodbye that were never used.
    unused: Vec<Duration>,
    /// The pages that said goodbye of late, oldest first.
    gone: Vec<Gone>,
}

impl Lineage {
    /// A port said goodbye that was never used.
    pub(crate) fn unused_left(&mut self, now: Duration) {
        push_within(REMEMBERED, &mut self.unused, now);
    }

    /// This tab said goodbye. `handled`: where the page stands, as in [`Heir::missed`].
    pub(crate) fn left(&mut self, now: Duration, tab: &str, place: Place, handled: Vec<Position>) {
        self.note(Gone { at: now, tab: tab.to_owned(), place, handled, followed: false, closed: false });
    }

    /// This tab was back after its goodbye, and says another. A new page may have been taken for its reload
    /// meanwhile: the hub would take two of one name for one page.
    pub(crate) fn left_again(&mut self, now: Duration, tab: &str, place: Place, handled: Vec<Position>) {
        let earlier = self.gone.iter_mut().find(|gone| gone.tab == tab);
        // Of a goodbye that is forgotten nobody knows who followed.
        let followed = earlier.is_none_or(|gone| std::mem::replace(&mut gone.followed, true));
        self.note(Gone { at: now, tab: tab.to_owned(), place, handled, followed, closed: false });
    }

    /// The tab that said goodbye last had closed its socket in a session.
    pub(crate) fn had_closed(&mut self) {
        if let Some(gone) = self.gone.last_mut() {
            gone.closed = true;
        }
    }

    fn note(&mut self, gone: Gone) {
        push_within(REMEMBERED, &mut self.gone, gone);
    }

    /// A port is used for the first time, to go to this place: which page is it?
    pub(crate) fn next(&mut self, now: Duration, place: &Place) -> Heir {
        self.unused.retain(|at| *at + SUCCESSION > now);
        self.gone.retain(|gone| gone.at + RELOAD > now);
        let is_new = !self.unused.is_empty();
        self.unused.drain(..usize::from(is_new));
        let follows = |gone: &Gone| match is_new {
            true => !gone.handled.is_empty() && gone.place.may_be(place),
            false => gone.at + SUCCESSION > now,
        };
        let meant = self.gone.iter().filter(|gone| follows(gone));
        let account = shared(meant.clone().map(|gone| &gone.place.account));
        let missed = slowest(meant.flat_map(|gone| &gone.handled));
        let free = |gone: &Gone| follows(gone) && !gone.followed;
        // A page opens its next port right behind its goodbye, and is loaded anew a while after that.
        let find = |is: &dyn Fn(&Gone) -> bool| match is_new {
            true => self.gone.iter().position(is),
            false => self.gone.iter().rposition(is),
        };
        let at = find(&|gone| free(gone) && gone.place.may_be(place));
        // An app may turn to another account.
        let Some(at) = at.or_else(|| find(&free)) else {
            self.tabs += 1;
            let tab = format!("strophe-{}", self.tabs);
            return Heir { tab, before: None, missed, account, is_new: true, ended: None };
        };
        // Of several pages one may be unloaded, and another be the one that comes.
        let is_sure = self.gone.iter().filter(|gone| follows(gone)).count() == 1;
        let gone = &mut self.gone[at];
        gone.followed = true;
        let session = |position: &Position| position >> 32;
        let of = gone.handled.iter().map(session).max();
        // Nothing is lost with what the slowest of one session had handled.
        let before = missed.iter().copied().filter(|position| Some(session(position)) == of).min();
        let tab = gone.tab.clone();
        let gone = (!is_new).then(|| self.gone.remove(at));
        let ended = gone.filter(|gone| is_sure && gone.closed).map(|gone| gone.place);
        Heir { tab, before, missed, account, is_new, ended }
    }
}

/// Adds to what is remembered, of which the latest stay: so many at most.
pub(crate) fn push_within<T>(most: usize, latest: &mut Vec<T>, next: T) {
    latest.push(next);
    if latest.len() > most {
        latest.remove(0);
    }
}

/// The account of all these.
fn shared<'a>(mut accounts: impl Iterator<Item = &'a Option<String>>) -> Option<String> {
    let Some(first) = accounts.next() else { return Some(String::new()) };
    first.clone().filter(|_| accounts.all(|account| account == first))
}

/// The earliest position of each session. More would add up: pages that fail together hand on what all of
/// them have missed.
fn slowest<'a>(positions: impl Iterator<Item = &'a Position>) -> Vec<Position> {
    let mut slowest: Vec<Position> = Vec::new();
    for position in positions {
        match slowest.iter_mut().find(|other| **other >> 32 == position >> 32) {
            Some(other) => *other = *position.min(other),
            None => slowest.push(*position),
        }
    }
    slowest
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "alice@localhost";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(account: &str) -> Place {
        Place { service: "ws://localhost".to_owned(), account: Some(account.to_owned()) }
    }

    /// A new page, and what it wants.
    fn load(lineage: &mut Lineage, now: Duration, account: &str) -> Heir {
        lineage.unused_left(now);
        lineage.next(now, &at(account))
    }

    #[test]
    fn a_port_behind_nothing_is_a_new_page_and_so_is_one_behind_the_goodbye_of_an_unused_port() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0), &at(ALICE));
        let second = load(&mut lineage, seconds(0), ALICE);
        assert!(first.is_new && second.is_new);
        assert_ne!(first.tab, second.tab);
    }

    #[test]
    fn a_port_behind_the_goodbye_of_a_used_one_is_the_same_page_whatever_it_wants() {
        let mut lineage = Lineage::default();
        let Heir { tab, .. } = lineage.next(seconds(0), &at(ALICE));
        for (missed, wants) in [(vec![], ALICE), (vec![7], ""), (vec![8], "bob@localhost")] {
            lineage.left(seconds(1), &tab, at(ALICE), missed.clone());
            let next = lineage.next(seconds(1), &at(wants));
            let before = missed.first().copied();
            let account = Some(ALICE.to_owned());
            let heir = Heir { tab: tab.clone(), before, missed, account, is_new: false, ended: None };
            assert_eq!(next, heir);
        }
    }

    #[test]
    fn of_two_goodbyes_of_used_ports_the_next_port_stands_behind_the_latest() {
        let mut lineage = Lineage::default();
        let [closed, goes_on] = [(); 2].map(|()| load(&mut lineage, seconds(0), ALICE));
        for heir in [&closed, &goes_on] {
            lineage.left(seconds(1), &heir.tab, at(ALICE), vec![7]);
        }
        assert_eq!(lineage.next(seconds(1), &at(ALICE)).tab, goes_on.tab);
        assert_eq!(load(&mut lineage, seconds(2), ALICE).tab, closed.tab);
    }

    #[test]
    fn a_new_page_soon_behind_the_goodbye_of_a_member_is_its_reload() {
        for (later, is_reload) in [(1, true), (9, true), (10, false)] {
            let mut lineage = Lineage::default();
            let first = lineage.next(seconds(0), &at(ALICE));
            lineage.left(seconds(0), &first.tab, at(ALICE), vec![7]);
            let next = load(&mut lineage, seconds(later), "");
            assert_eq!((next.tab == first.tab, next.is_new), (is_reload, true), "after {later} s");
            assert_eq!(next.before, is_reload.then_some(7));
        }
    }

    #[test]
    fn of_two_pages_that_closed_their_sockets_none_has_ended_the_session_for_sure() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0), &at(ALICE));
        let leave = |lineage: &mut Lineage, now, tab: &str| {
            lineage.left(seconds(now), tab, at(ALICE), vec![7]);
            lineage.had_closed();
        };
        leave(&mut lineage, 1, &first.tab);
        let second = load(&mut lineage, seconds(1), ALICE);
        assert_eq!(second.tab, first.tab, "which is taken for its reload");
        leave(&mut lineage, 8, &second.tab);
        // The first is back from the cache.
        lineage.left_again(seconds(9), &first.tab, at(ALICE), vec![7]);
        assert_eq!(lineage.next(seconds(9), &at(ALICE)).ended, None);
    }

    #[test]
    fn a_page_that_was_in_no_session_has_no_reload() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0), &at(ALICE));
        lineage.left(seconds(0), &first.tab, at(ALICE), vec![]);
        assert_ne!(load(&mut lineage, seconds(1), ALICE).tab, first.tab);
    }

    #[test]
    fn a_page_that_goes_elsewhere_is_no_reload() {
        let elsewhere = Place { service: "ws://other".to_owned(), account: Some(ALICE.to_owned()) };
        for (wants, is_reload) in [
            (at("bob@localhost"), false),
            (elsewhere, false),
            (at(ALICE), true),
            (at(""), true),
            // However the account is spelt.
            (at("localhost"), true),
            (at("ａlice@localhost"), true),
        ] {
            let mut lineage = Lineage::default();
            let first = lineage.next(seconds(0), &at(ALICE));
            lineage.left(seconds(0), &first.tab, at(ALICE), vec![7]);
            lineage.unused_left(seconds(1));
            let next = lineage.next(seconds(1), &wants);
            assert_eq!(next.tab == first.tab, is_reload, "{wants:?}");
            assert_eq!(next.missed.is_empty(), !is_reload, "{wants:?}");
        }
    }

    #[test]
    fn a_page_that_is_opened_while_another_reloads_takes_nothing_from_that() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0), &at(ALICE));
        lineage.left(seconds(1), &first.tab, at(ALICE), vec![7]);
        let both = [ALICE, ""].map(|wants| load(&mut lineage, seconds(2), wants));
        assert_ne!(both[0].tab, both[1].tab);
        assert_eq!(both.map(|heir| heir.missed), [[7]; 2]);
    }

    #[test]
    fn pages_that_reload_at_once_are_followed_each_by_one_and_none_misses_anything() {
        let mut lineage = Lineage::default();
        let tabs = [(); 2].map(|()| lineage.next(seconds(0), &at(ALICE)).tab);
        // One of them had been in a former session.
        for (tab, handled) in tabs.iter().zip([vec![9, 1 << 32], vec![7]]) {
            lineage.left(seconds(1), tab, at(ALICE), handled);
        }
        let heirs = [(); 2].map(|()| load(&mut lineage, seconds(2), ""));
        assert_eq!(heirs.each_ref().map(|heir| &heir.tab), tabs.each_ref());
        assert_eq!(heirs.each_ref().map(|heir| heir.before), [Some(1 << 32), Some(7)]);
        assert_eq!(heirs.map(|heir| heir.missed), [[7, 1 << 32]; 2]);
    }

    #[test]
    fn a_page_that_came_into_no_session_passes_on_what_it_has_missed() {
        let mut lineage = Lineage::default();
        let first = lineage.next(seconds(0), &at(ALICE));
        lineage.left(seconds(0), &first.tab, at(ALICE), vec![7]);
        let attaches = load(&mut lineage, seconds(1), "");
        lineage.left(seconds(1), &attaches.tab, at(""), attaches.missed);
        let connects = lineage.next(seconds(1), &at(ALICE));
        assert_eq!((connects.tab, connects.before), (first.tab, Some(7)));
    }

    #[test]
    fn of_pages_of_two_accounts_that_leave_at_once_none_is_taken_for_one_of_either() {
        let mut lineage = Lineage::default();
        for account in [ALICE, "bob@localhost"] {
            let page = load(&mut lineage, seconds(0), account);
            assert_eq!(page.account, Some(String::new()));
            lineage.left(seconds(0), &page.tab, at(account), vec![7]);
        }
        let unsure = load(&mut lineage, seconds(1), "");
        assert_eq!(unsure.account, None);
        // Nor is the page when it tries again.
        lineage.left(seconds(9), &unsure.tab, Place { account: None, ..at("") }, unsure.missed);
        assert_eq!(lineage.next(seconds(9), &at("")).account, None);
    }

    #[test]
    fn pages_that_fail_together_again_and_again_hand_on_one_position_of_each_session() {
        let mut lineage = Lineage::default();
        let mut heirs: Vec<Heir> = [(); 5].map(|()| load(&mut lineage, seconds(0), ALICE)).into();
        for (heir, page) in heirs.iter_mut().zip(0..) {
            heir.missed = vec![7 + page, (1 << 32) + page];
        }
        for round in 0..200 {
            for heir in &mut heirs {
                lineage.left(seconds(round), &heir.tab, at(ALICE), std::mem::take(&mut heir.missed));
            }
            for heir in &mut heirs {
                *heir = lineage.next(seconds(round), &at(ALICE));
                assert!(heir.missed.len() <= 2, "{} positions in round {round}", heir.missed.len());
            }
        }
        assert_eq!(heirs[0].missed, [7, 1 << 32], "and nothing is lost");
    }

    #[test]
    fn a_page_that_is_back_passes_on_what_it_has_missed_and_takes_no_name_that_another_holds() {
        for (opens, away, has_its_name) in [(false, 3, true), (true, 3, false), (true, 30, false)] {
            let mut lineage = Lineage::default();
            let first = lineage.next(seconds(0), &at(ALICE));
            lineage.left(seconds(0), &first.tab, at(ALICE), vec![7]);
            let opened = opens.then(|| load(&mut lineage, seconds(1), ALICE));
            assert!(opened.is_none_or(|opened| opened.tab == first.tab));
            // Others come and go.
            load(&mut lineage, seconds(away), "bob@localhost");
            lineage.left_again(seconds(away), &first.tab, at(ALICE), vec![7]);
            let back = lineage.next(seconds(away), &at(ALICE));
            assert_eq!((back.tab == first.tab, back.missed), (has_its_name, vec![7]), "{opens} {away}");
            assert_eq!(back.before, has_its_name.then_some(7));
        }
    }
}
