//! The checks after each step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::tests::page::Event;
use epode_protocol::{ClaimId, Delivery, Origin, Position, Role, Selector};

use super::{Manner, Model, Written, quoted};
use crate::PortId;
use crate::tests::page::{After, Handler, Page, only};
use crate::tests::world::{GRACE, Routed, stream_of};

/// What each handler of a page must still hear.
#[derive(Default)]
pub(super) struct Ledger(BTreeMap<(ClaimId, u64), Account>);

/// Of one handler.
struct Account {
    /// The handler hears stanzas after this position.
    from: Position,
    /// The handler may miss stanzas before this number, which may not have been able to reach the
    /// page by then; `None` while its claim may be on its way.
    sure_from: Option<usize>,
    /// Number of stanzas that are entered, or came too early for the handler.
    entered: usize,
    /// The numbers of the stanzas that it has not heard.
    due: VecDeque<usize>,
    replayed: BTreeSet<String>,
    /// Number of the stanzas it heard that are crossed off.
    struck: usize,
}

impl Model {
    /// Lets everything arrive, and compares what the pages were told to what they must have been
    /// told.
    pub(super) fn look(&mut self, place: &str) {
        self.world.run();
        while self.look_at_events(place) {
            self.world.run();
        }
        self.look_at_ledgers(true, place);
        self.look_at_sessions(place);
        self.look_at_beliefs(place);
        self.look_at_wishes(place);
        self.look_at_bounds(place);
    }

    /// The same, as far as possible while something is on its way.
    pub(super) fn glance(&mut self, place: &str) {
        self.look_at_events(place);
        self.look_at_ledgers(false, place);
    }

    /// Whether any page was told anything.
    fn look_at_events(&mut self, place: &str) -> bool {
        let mut any = false;
        self.note_transmitted(place);
        for tab in self.pages.keys().copied().collect::<Vec<_>>() {
            for event in self.world.page(tab).events() {
                any = true;
                match &event {
                    Event::Status(status) if status.session.as_ref().is_some_and(|info| info.resumed) => {
                        self.met.resumed += 1;
                    }
                    Event::Fate(..) => self.met.fates += 1,
                    _ => {}
                }
                let known = self.pages.entry(tab).or_default();
                known.wishes.hear(&event, &self.left, &format!("{place}: {tab:?}"));
                let Event::Stanzas(batch) = event else { continue };
                let Delivery(position, _, text) = only(batch);
                let Some(id) = quoted(&text, "id").filter(|_| text.contains("<q xmlns='urn:x'/>")) else {
                    continue;
                };
                assert!(known.asked.insert(id.to_owned()), "{place}: {tab:?} was asked {id} twice");
                self.met.requests += 1;
                if self.world.page(tab).unread.is_none() {
                    self.answer(tab, id, position);
                }
            }
        }
        self.note_transmitted(place);
        any
    }

    fn look_at_ledgers(&mut self, settled: bool, place: &str) {
        self.look_at_books(place);
        let (epoch, now) = (u64::from(self.world.epoch), self.world.clock.now());
        let routed = std::mem::take(&mut self.world.routed);
        for (tab, known) in &mut self.pages {
            let page = self.world.page(*tab);
            let place = format!("{place}: {tab:?}");
            if let Some(joined) = &page.joined
                && let Some(stood) = known.stood.take()
                // Unless the page came back too late, or to another session.
                && joined.jid == stood.jid
                && now < stood.at + GRACE
            {
                assert_eq!(joined.position, stood.position, "{place}: where the page before it stood");
                self.met.reloads += 1;
            }
            let came = Came { routed: &routed, written: &self.written, of: *tab, epoch, settled };
            let (stanzas, reflections) = known.ledger.settle(page, &came, &place);
            self.met.stanzas += stanzas;
            self.met.reflections += reflections;
            self.met.gaps += std::mem::take(&mut page.new_gaps);
        }
        self.world.routed = routed;
    }

    /// What must arrive in a session that is resumed arrives, and arrives once.
    fn look_at_sessions(&mut self, place: &str) {
        let view = self.world.hub.view();
        for session in view.sessions() {
            if let Some([received, handled, said]) = session.marks(&view) {
                assert!(received >= handled && handled >= said, "{place}: {received} {handled} {said}");
            }
        }
        if self.manner != Manner::Honest {
            return;
        }
        for routed in &self.world.routed[self.managed.looked_at..] {
            let Some(id) = routed.inbound.head.id.as_deref() else { continue };
            let once = self.managed.given.insert(id.to_owned());
            assert!(once || id.ends_with('.'), "{place}: {id} came twice");
        }
        self.managed.looked_at = self.world.routed.len();
        let living: Vec<_> = view.living().map(stream_of).collect();
        let up: Vec<_> = view.sessions().filter_map(|session| session.info()).map(stream_of).collect();
        self.managed.due.retain(|(session, id)| {
            let given = self.managed.given.contains(id);
            self.met.told += usize::from(given);
            assert!(given || !up.contains(session), "{place}: {id} is lost");
            !given && living.contains(session)
        });
    }

    /// Of each session that is up exactly one tab is primary in the books, and no tab is fitter.
    fn look_at_books(&mut self, place: &str) {
        let view = self.world.hub.view();
        for session in view.sessions().filter(|session| session.is_up() && !session.members().is_empty()) {
            let primary = session.primary().expect("somebody is");
            assert!(session.members().contains(&primary), "{place}: the primary is gone");
            let fitness = |port: &PortId| view.tab(*port).map(|tab| tab.fitness());
            let fittest = session.members().iter().map(fitness).max();
            assert_eq!(Some(fitness(&primary)), fittest, "{place}: a fitter one could be primary");
        }
    }

    /// Every page that reads knows whether it is primary.
    fn look_at_beliefs(&mut self, place: &str) {
        for tab in self.pages.keys().copied().collect::<Vec<_>>() {
            let sessions = self.world.hub.view().sessions();
            let is_primary =
                sessions.filter(|session| session.is_up()).any(|session| session.primary() == Some(tab));
            let page = self.world.page(tab);
            if page.unread.is_none() && page.session.is_some() {
                assert_eq!(page.role == Some(Role::Primary), is_primary, "{place}: {tab:?}");
            }
        }
    }
}

/// The stanzas that came so far.
struct Came<'a> {
    routed: &'a [Routed],
    written: &'a [Written],
    /// The page that they are looked at for.
    of: PortId,
    /// The present worker.
    epoch: u64,
    /// Whether nothing is on its way.
    settled: bool,
}

impl Came<'_> {
    /// The number of stanzas that such a handler is for, or not for.
    fn len(&self, selector: &Selector) -> usize {
        if *selector == Selector::Sent { self.written.len() } else { self.routed.len() }
    }

    /// The position and the text of the stanza of this number.
    fn get(&self, selector: &Selector, number: usize) -> (Position, &str) {
        match selector {
            Selector::Sent => (self.written[number].position, &self.written[number].text),
            _ => (self.routed[number].inbound.position, &self.routed[number].inbound.text),
        }
    }

    /// Whether the stanza is for a handler that is there from this position on.
    fn is_for(&self, handler: &Handler, from: Position, number: usize) -> bool {
        if handler.selector == Selector::Sent {
            let written = &self.written[number];
            return written.stream == handler.stream && written.sender != self.of;
        }
        let Routed { jid, stream, inbound, .. } = &self.routed[number];
        *jid == handler.jid
            && *stream <= handler.stream
            && inbound.position > from
            && inbound.is_claimed_by(&handler.selector)
    }
}

impl Ledger {
    /// Compares what the page's handlers heard to what came. Returns how many stanzas that were,
    /// and how many of them other tabs had sent.
    fn settle(&mut self, page: &mut Page, came: &Came<'_>, place: &str) -> (usize, usize) {
        let reads = page.unread.is_none() && came.settled;
        let mut met = (0, 0);
        for handler in page.handlers.iter().chain(&page.former) {
            let key = (handler.claim, handler.stream);
            let account = self.0.entry(key).or_insert_with(|| Account::of(handler, came));
            account.enter(handler, came);
            let heard = if handler.selector == Selector::Sent { &mut met.1 } else { &mut met.0 };
            *heard += handler.heard.len() - account.struck;
            let covers = |number: usize| {
                let (position, _) = came.get(&handler.selector, number);
                let covers = |gap: &(String, Position, Position)| {
                    gap.0 == handler.jid && (gap.1..=gap.2).contains(&position)
                };
                page.gaps.iter().any(covers)
            };
            let mut missing = account.strike(handler, came, covers, place);
            let over = page.former.iter().any(|former| std::ptr::eq(former, handler));
            // A claim that the worker never answered ended with its stream. What a dead worker had
            // not posted is lost.
            let complete =
                reads && if over { handler.live && handler.stream >> 32 == came.epoch } else { true };
            if complete {
                assert!(handler.live || over, "{place}: {:?} was never answered", handler.selector);
                missing.extend(account.due.drain(..));
            }
            missing.retain(|number| !account.is_unsure_of(*number) && !covers(*number));
            assert!(
                missing.is_empty(),
                "{place}: {:?}, added after {:?}, misses {} from {:?} on; it was told of {:?}",
                handler.selector,
                handler.after,
                missing.len(),
                missing.first().map(|number| came.get(&handler.selector, *number)),
                page.gaps
            );
        }
        if reads {
            page.former.clear();
        }
        let keys: Vec<_> =
            page.handlers.iter().chain(&page.former).map(|one| (one.claim, one.stream)).collect();
        self.0.retain(|key, _| keys.contains(key));
        met
    }
}

impl Account {
    fn of(handler: &Handler, came: &Came<'_>) -> Self {
        let from = match &handler.after {
            After::Position(position) | After::Leisure { position, .. } => *position,
            After::Stanza(text) => {
                let is_it = |one: &&Routed| one.jid == handler.jid && one.inbound.text == *text;
                came.routed.iter().find(is_it).expect("it came from the server").inbound.position
            }
        };
        let (old, sure_from) = match handler.after {
            // Stanzas of other tabs are not kept for claims that are on their way.
            _ if handler.selector == Selector::Sent => (0, None),
            After::Leisure { old, came, .. } => (old, Some(came)),
            After::Position(_) | After::Stanza(_) => (0, Some(0)),
        };
        Account { from, sure_from, entered: old, due: VecDeque::new(), replayed: BTreeSet::new(), struck: 0 }
    }

    fn is_unsure_of(&self, number: usize) -> bool {
        self.sure_from.is_none_or(|sure_from| number < sure_from)
    }

    /// The new stanzas for this handler.
    fn enter(&mut self, handler: &Handler, came: &Came<'_>) {
        let all = came.len(&handler.selector);
        self.due.extend((self.entered..all).filter(|number| came.is_for(handler, self.from, *number)));
        self.entered = all;
        if came.settled {
            self.sure_from.get_or_insert(all);
        }
    }

    /// Crosses off what the handler heard. Anything that it should have heard before that is
    /// missing.
    fn strike(
        &mut self,
        handler: &Handler,
        came: &Came<'_>,
        covers: impl Fn(usize) -> bool,
        place: &str,
    ) -> Vec<usize> {
        let mut missing = Vec::new();
        for (at, heard) in handler.heard.iter().enumerate().skip(self.struck) {
            if heard.text.starts_with("<iq") {
                // Requests and answers have ways of their own.
                continue;
            }
            let what =
                || format!("{place}: {:?}, added after {:?}: {heard:?}", handler.selector, handler.after);
            if heard.origin == Origin::Replayed {
                assert!(heard.text.starts_with("<presence"), "{}", what());
                assert!(self.replayed.insert(heard.text.clone()), "{} twice", what());
                continue;
            }
            loop {
                let Some(due) = self.due.pop_front() else {
                    panic!("{} twice, too late or for nothing", what())
                };
                let is_it = |number: &usize| came.get(&handler.selector, *number).1 == heard.text;
                // Presences of one tab are all equal: of more than were heard, those are missing that may be.
                let left = handler.heard[at..].iter().filter(|other| other.text == heard.text).count();
                let is_missing = (covers(due) || self.is_unsure_of(due))
                    && left <= self.due.iter().filter(|later| is_it(later)).count();
                if is_it(&due) && !is_missing {
                    break;
                }
                missing.push(due);
            }
        }
        self.struck = handler.heard.len();
        missing
    }
}
