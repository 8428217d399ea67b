//! What is looked at after each step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use epode_protocol::{ClaimId, Origin, Position, Role, Selector};
use epode_tab::Event;

use super::{Model, QUEUE};
use crate::PortId;
use crate::tests::page::{After, Handler, Page};
use crate::tests::world::{GRACE, Routed};

/// What each handler of a page must hear, and has not heard so far.
#[derive(Default)]
pub(super) struct Ledger(BTreeMap<(ClaimId, u64), Account>);

/// Of one handler.
struct Account {
    /// It hears what comes behind this position.
    from: Position,
    /// It may miss what came up to this one, since nobody can say when it was added.
    unsure: Position,
    /// How many of the stanzas that were routed are entered.
    entered: usize,
    /// Those that it has not heard, by their numbers.
    due: VecDeque<usize>,
    replayed: BTreeSet<String>,
    /// How many of the stanzas that it heard are struck out.
    struck: usize,
}

impl Model {
    /// Lets everything arrive, and holds what the pages were told against what they must have been.
    pub(super) fn look(&mut self, place: &str) {
        self.world.run();
        for tab in self.pages.keys().copied().collect::<Vec<_>>() {
            self.look_at_events(tab, place);
        }
        self.world.run();
        let (epoch, now) = (u64::from(self.world.epoch), self.world.clock.now());
        let routed = std::mem::take(&mut self.world.routed);
        for (tab, known) in &mut self.pages {
            let page = self.world.page(*tab);
            let place = format!("{place}: {tab:?}");
            if let Some(joined) = &page.joined
                && let Some(stood) = known.stood.take()
                // Unless it came back too late, or to another session.
                && joined.jid == stood.jid
                && now < stood.at + GRACE
            {
                assert_eq!(joined.position, stood.position, "{place}: where the page before it stood");
                self.met.reloads += 1;
            }
            self.met.stanzas += known.ledger.settle(page, &routed, epoch, &place);
            self.met.gaps += std::mem::take(&mut page.new_gaps);
        }
        self.world.routed = routed;
        self.look_at_roles(place);
        self.look_at_bounds(place);
    }

    fn look_at_events(&mut self, tab: PortId, place: &str) {
        for event in self.world.events(tab) {
            let known = self.know(tab);
            match event {
                Event::Written(up_to) => known.sends.retain(|token| *token > up_to),
                Event::Failed(token, _) => assert!(known.sends.remove(&token), "{place}: {tab:?}: {token}"),
                Event::Response(token, _) => {
                    assert!(known.requests.remove(&token), "{place}: {tab:?}: {token} ended twice");
                }
                Event::Tabs(token, _) => assert!(known.questions.remove(&token), "{place}: {tab:?}: {token}"),
                Event::Stanza { position, text, .. } if text.contains("<q xmlns='urn:x'/>") => {
                    let id = text.split(" id='").nth(1).and_then(|rest| rest.split('\'').next());
                    let id = id.expect("the model gave it one").to_owned();
                    if self.world.page(tab).unread.is_none() {
                        self.answer(tab, &id, position);
                    }
                }
                _ => {}
            }
        }
    }

    /// Exactly one tab is primary in the books, the fittest; and whoever reads knows.
    fn look_at_roles(&mut self, place: &str) {
        for room in self.world.hub.rooms.values().filter(|room| room.is_up() && !room.members.is_empty()) {
            let primary = room.primary.expect("somebody is");
            assert!(room.ports().contains(&primary), "{place}: the primary is gone");
            let fitness = |port: &PortId| self.world.hub.ports.get(port).map(|tab| tab.fitness());
            let fittest = room.ports().iter().map(fitness).max();
            assert_eq!(Some(fitness(&primary)), fittest, "{place}: a fitter one could be primary");
        }
        for tab in self.pages.keys().copied().collect::<Vec<_>>() {
            let rooms = self.world.hub.rooms.values();
            let is_primary = rooms.filter(|room| room.is_up()).any(|room| room.primary == Some(tab));
            let page = self.world.page(tab);
            if page.unread.is_none() && page.session.is_some() {
                assert_eq!(page.role == Some(Role::Primary), is_primary, "{place}: {tab:?}");
            }
        }
    }

    /// What waits is bounded, whoever is slow; requests aside, which are few here.
    fn look_at_bounds(&mut self, place: &str) {
        for (port, tab) in self.world.hub.ports.iter() {
            let waiting = tab.outbox.waiting();
            assert!(waiting <= QUEUE as usize + self.requests.len(), "{place}: {waiting} wait for {port:?}");
        }
        for room in self.world.hub.rooms.values() {
            assert!(room.ring.behind(0).count() <= 512, "{place}");
            assert!(room.ghosts.iter().all(|ghost| ghost.bytes <= 2 << 20), "{place}");
        }
    }

    /// Of each inbound request whose stream is still there one answer has left; of any other, one at most.
    pub(super) fn look_at_requests(&mut self, place: &str) {
        let mut answers: BTreeMap<String, usize> = BTreeMap::new();
        for frame in self.world.sent() {
            let answers_one =
                frame.starts_with("<iq") && ["result", "error"].iter().any(|kind| frame.contains(kind));
            if let Some(id) = frame.replace('"', "'").split(" id='").nth(1).filter(|_| answers_one) {
                *answers.entry(id.split('\'').next().unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
        let streams: Vec<u64> = self.world.server.connections().into_keys().map(|stream| stream.0).collect();
        for (number, stream) in &self.requests {
            let left = answers.get(&number.to_string()).copied().unwrap_or_default();
            let expected = if streams.contains(stream) { 1..=1 } else { 0..=1 };
            assert!(expected.contains(&left), "{place}: {left} answers to request {number}");
        }
    }
}

impl Ledger {
    /// Holds what the page's handlers heard against what came; how much it was. `epoch` is the present worker.
    fn settle(&mut self, page: &mut Page, routed: &[Routed], epoch: u64, place: &str) -> usize {
        let reads = page.unread.is_none();
        let mut heard = 0;
        for handler in page.handlers.iter().chain(&page.former) {
            if handler.selector == Selector::Sent {
                let mut ids = BTreeSet::new();
                let mut numbered = handler.heard.iter().map(|heard| heard.id()).filter(|id| !id.is_empty());
                assert!(numbered.all(|id| ids.insert(id)), "{place}: saw another tab send something twice");
                continue;
            }
            let key = (handler.claim, handler.stream);
            let account = self.0.entry(key).or_insert_with(|| Account::of(handler, routed));
            account.enter(handler, routed);
            heard += handler.heard.len() - account.struck;
            let mut missing = account.strike(handler, routed, place);
            let over = page.former.iter().any(|former| std::ptr::eq(former, handler));
            // A claim that the worker never answered ended with its stream; and what a dead worker has not said nobody will say.
            let complete = reads && if over { handler.live && handler.stream >> 32 == epoch } else { true };
            if complete {
                assert!(handler.live || over, "{place}: {:?} was never answered", handler.selector);
                missing.extend(account.due.drain(..).map(|due| routed[due].inbound.position));
            }
            let told = |position: Position| {
                let covers = |gap: &(String, Position, Position)| {
                    gap.0 == handler.jid && (gap.1..=gap.2).contains(&position)
                };
                position <= account.unsure || page.gaps.iter().any(covers)
            };
            missing.retain(|position| !told(*position));
            assert!(
                missing.is_empty(),
                "{place}: {:?}, added after {:?}, misses {missing:?}; it was told of {:?}",
                handler.selector,
                handler.after,
                page.gaps
            );
        }
        if reads {
            page.former.clear();
        }
        let keys: Vec<_> =
            page.handlers.iter().chain(&page.former).map(|one| (one.claim, one.stream)).collect();
        self.0.retain(|key, _| keys.contains(key));
        heard
    }
}

impl Account {
    fn of(handler: &Handler, routed: &[Routed]) -> Self {
        let latest = || {
            let of_session = routed.iter().rev().find(|one| one.jid == handler.jid);
            of_session.map_or(0, |one| one.inbound.position)
        };
        let (from, unsure) = match &handler.after {
            After::Position(position) => (*position, 0),
            After::Leisure(position) => (*position, latest()),
            After::Stanza(text) => {
                let stanza = routed.iter().find(|one| one.jid == handler.jid && one.inbound.text == *text);
                (stanza.expect("it came from the server").inbound.position, 0)
            }
        };
        Account { from, unsure, entered: 0, due: VecDeque::new(), replayed: BTreeSet::new(), struck: 0 }
    }

    /// What has come since, and is for this handler.
    fn enter(&mut self, handler: &Handler, routed: &[Routed]) {
        for (number, one) in routed.iter().enumerate().skip(self.entered) {
            let of_session = one.jid == handler.jid && one.stream <= handler.stream;
            if of_session && one.inbound.position > self.from && one.inbound.is_claimed_by(&handler.selector)
            {
                self.due.push_back(number);
            }
        }
        self.entered = routed.len();
    }

    /// Strikes out what it heard; what it should have heard before that is missing.
    fn strike(&mut self, handler: &Handler, routed: &[Routed], place: &str) -> Vec<Position> {
        let mut missing = Vec::new();
        for heard in &handler.heard[self.struck..] {
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
                if routed[due].inbound.text == heard.text {
                    break;
                }
                missing.push(routed[due].inbound.position);
            }
        }
        self.struck = handler.heard.len();
        missing
    }
}
