//! The worker against a reference model: thousands of random steps, the same for the same seed.
//! After each step the events of every page are compared to what the worker was given.
//!
//! The model knows nothing of queues, rings, windows and parked pages. It knows the stanzas of each
//! stream, in order ([`Routed`](super::world::Routed)), and when each handler was added; from that
//! follows what each handler must have heard (`ledger`). It knows the requests of each page, those
//! to each page, and what may delay them (`wishes`). These numbers bound what the worker may
//! remember (`bounds`).
//!
//! After a step either everything arrives, and all of this is checked; or only some of it arrives,
//! and the model checks what must never happen.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::time::Duration;

use epode_protocol::{Criteria, ManagementOptions, Options, Position, Selector, SessionInfo, ToWorker};
use epode_testkit::{self as testkit, ManagementFault, Misbehaviour, Random};

use super::page::all;
use super::world::{GRACE, Unloaded, World, password, stream_of};
use crate::PortId;

mod bounds;
mod ledger;
mod wishes;

use bounds::CONTACTS;
use ledger::Ledger;
use wishes::{Demand, Request, Wishes};

const ACCOUNTS: [&str; 2] = ["alice@localhost", "bob@localhost"];

/// The most stanzas that may wait for a tab: few, so that tabs are often too slow.
const QUEUE: u32 = 20;

/// The number of walks, to which the variable `EPODE_WALKS` adds more.
const WALKS: u64 = 48;

#[test]
fn whatever_happens_every_page_hears_what_it_claims_once_and_in_order_or_that_it_is_missing() {
    let mut met = Met::default();
    for seed in 0..WALKS + more() {
        met += Model::walk(seed, Manner::Plain, 250);
    }
    // A walk that meets nothing proves nothing.
    let enough = met.stanzas > 100_000 && met.gaps > 50 && met.reloads > 100;
    assert!(enough && met.reflections > 500 && met.requests > 200 && met.late > 50, "{met:?}");
}

// XEP-0198: the same, with breaks in which frames of both directions are lost.
#[test]
fn whatever_breaks_a_managed_session_loses_nothing_and_says_so_if_it_must() {
    let mut met = Met::default();
    for seed in 0..WALKS + more() {
        let manner = [Manner::Honest, Manner::Forgetful, Manner::Lying][(seed % 3) as usize];
        met += Model::walk(seed, manner, 250);
    }
    let enough = met.stanzas > 50_000 && met.breaks > 500 && met.resumed > 200 && met.fates > 300;
    assert!(enough && met.told > 1000, "{met:?}");
}

fn more() -> u64 {
    std::env::var("EPODE_WALKS").ok().and_then(|more| more.parse().ok()).unwrap_or(0)
}

/// How the server manages streams (XEP-0198).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// Not at all.
    Plain,
    /// As it should.
    Honest,
    /// Some sessions are gone when they are to be resumed.
    Forgetful,
    /// In each way in which a server can do it wrong.
    Lying,
}

/// Counts of what a walk has met: stanzas that handlers heard, gaps, pages that went on where the
/// former page stood, stanzas of other tabs, requests to tabs, claims that were slow; of managed
/// sessions breaks, sessions that pages heard were resumed, fates, and stanzas of the server that had to
/// arrive exactly once.
#[derive(Default, Debug)]
struct Met {
    stanzas: usize,
    gaps: usize,
    reloads: usize,
    reflections: usize,
    requests: usize,
    late: usize,
    breaks: usize,
    resumed: usize,
    fates: usize,
    told: usize,
}

impl AddAssign for Met {
    fn add_assign(&mut self, other: Met) {
        self.stanzas += other.stanzas;
        self.gaps += other.gaps;
        self.reloads += other.reloads;
        self.reflections += other.reflections;
        self.requests += other.requests;
        self.late += other.late;
        self.breaks += other.breaks;
        self.resumed += other.resumed;
        self.fates += other.fates;
        self.told += other.told;
    }
}

struct Model {
    manner: Manner,
    world: World,
    random: Random,
    pages: BTreeMap<PortId, Known>,
    /// Tabs whose page was unloaded and may load again.
    words: Vec<(Unloaded, Option<Stood>)>,
    /// The names of the tabs whose page went, or turned to another session, of late; and when.
    gone: BTreeMap<String, Duration>,
    /// The requests from outside, by id.
    demands: BTreeMap<String, Demand>,
    /// The stanzas of tabs that have left the worker, in order; and all their ids.
    written: Vec<Written>,
    left: BTreeSet<String>,
    managed: Managed,
    number: u64,
    met: Met,
}

/// What must happen exactly once in sessions that are resumed.
#[derive(Default)]
struct Managed {
    /// The ids of stanzas that must reach the worker, each with the [number](stream_of) of its session:
    /// those of the server, and the answers to those of tabs that were written.
    due: Vec<(u64, String)>,
    /// The ids of stanzas that the worker was given, and how many of these were looked at.
    given: BTreeSet<String>,
    looked_at: usize,
}

/// What the model knows of a page.
#[derive(Default)]
struct Known {
    wishes: Wishes,
    /// The requests from outside that the page was given.
    asked: BTreeSet<String>,
    /// Where the former page stood, until this one has joined.
    stood: Option<Stood>,
    ledger: Ledger,
}

/// A message or presence of a tab that has left the worker.
struct Written {
    stream: u64,
    /// The position of the session at that time.
    position: Position,
    sender: PortId,
    text: String,
}

/// The session that a page stood in, its position, and when it was unloaded.
#[derive(Clone)]
struct Stood {
    jid: String,
    position: u64,
    at: Duration,
}

impl Model {
    fn walk(seed: u64, manner: Manner, steps: u32) -> Met {
        let management = (manner != Manner::Plain).then(testkit::Management::default);
        let mechanisms = vec!["PLAIN".to_owned()];
        let server = testkit::Config { management, mechanisms, ..testkit::Config::default() };
        let mut model = Model {
            manner,
            world: World::with(server),
            random: Random::new(seed),
            pages: BTreeMap::new(),
            words: Vec::new(),
            gone: BTreeMap::new(),
            demands: BTreeMap::new(),
            written: Vec::new(),
            left: BTreeSet::new(),
            managed: Managed::default(),
            number: 0,
            met: Met::default(),
        };
        for step in 0..steps {
            model.act();
            let place = format!("{manner:?} seed {seed}, step {step}");
            if model.random.below(4) > 0 {
                model.look(&place);
            } else {
                for _ in 0..model.random.below(6) {
                    model.world.step();
                }
                model.glance(&place);
            }
        }
        model.end(&format!("{manner:?} seed {seed}, end"))
    }

    fn act(&mut self) {
        let what = self.random.below(100);
        let reads: Vec<_> = self.pages.keys().copied().collect();
        let reads: Vec<_> = reads.into_iter().filter(|tab| self.world.page(*tab).unread.is_none()).collect();
        let tab = self.pick(&reads);
        match (what, tab) {
            (0..12, _) if self.pages.len() < 7 => self.come(),
            (0..12, _) => self.thaw(),
            (12..40, _) => self.serve(what),
            (40..43, _) => self.thaw(),
            (43..46, _) => (0..self.random.below(60)).for_each(|_| self.server_says(ACCOUNTS[0])),
            (46..52, _) => self.load(),
            (52..58, _) => {
                let elapsed = Duration::from_millis(self.random.below(6000));
                self.world.advance(elapsed);
            }
            (_, Some(tab)) => self.app_acts(tab, what),
            _ => {}
        }
    }

    /// An act of an app in an awake page.
    fn app_acts(&mut self, tab: PortId, what: u64) {
        match what {
            58..62 => self.join(tab),
            62..66 => self.unload(tab),
            66..68 => self.duplicate(tab),
            68 => {
                self.forget(tab);
                match self.random.below(2) {
                    0 => self.world.kill(tab),
                    _ => drop(self.world.unload(tab, true)),
                }
            }
            69..75 => self.world.hold(tab),
            75 => self.world.freeze(tab),
            76..79 => self.add_at_leisure(tab),
            79..84 => {
                let (selector, next) = (self.selector(), self.number + 1 + self.random.below(4));
                if self.world.page(tab).handlers.len() < 8 {
                    self.world.adds_upon(tab, &format!(" id='{next}'"), selector);
                }
            }
            84..86 => {
                let claims: Vec<_> =
                    self.world.page(tab).handlers.iter().map(|handler| handler.claim).collect();
                if let Some(claim) = self.pick(&claims) {
                    self.world.removes(tab, claim);
                }
            }
            86..91 => (0..1 + self.random.below(8)).for_each(|_| self.send(tab)),
            91..95 => self.ask(tab),
            95 => {
                let token = self.world.ask_tabs(tab);
                self.know(tab).wishes.questions.insert(token);
            }
            96..98 => {
                let visible = self.random.below(2) == 0;
                self.world.show(tab, visible);
            }
            _ if self.random.below(4) == 0 => self.world.disconnect(tab),
            _ => {}
        }
    }

    /// The claim is slow on its way to the worker; much may come meanwhile.
    fn add_at_leisure(&mut self, tab: PortId) {
        let selector = self.selector();
        if self.random.below(2) == 0 {
            self.world.hold_up(tab);
        }
        if self.world.page(tab).session.is_some() && self.world.page(tab).handlers.len() < 8 {
            self.world.adds(tab, selector);
            self.met.late += usize::from(self.world.page(tab).unsent.is_some());
        }
        if self.world.page(tab).unsent.is_some() {
            for _ in 0..self.random.below(4) {
                let (what, elapsed) = (12 + self.random.below(28), self.random.below(30));
                self.serve(what);
                self.world.advance(Duration::from_millis(elapsed));
            }
        }
        self.world.let_through(tab);
    }

    /// An act of the server, the network or the system.
    fn serve(&mut self, what: u64) {
        let account = ACCOUNTS[usize::from(self.random.below(4) == 0)];
        match what {
            12..26 => (0..self.random.below(6)).for_each(|_| self.server_says(account)),
            26..31 => (0..self.random.below(80)).for_each(|_| self.server_says(account)),
            31 => (0..700).for_each(|_| self.server_says(account)),
            32..36 if self.manner == Manner::Plain => self.server_asks(account),
            32..37 if self.manner != Manner::Plain => self.break_off(),
            36 => self.world.cut(),
            37 => self.world.reachable = !self.world.reachable,
            38 => self.world.reachable = true,
            _ if self.random.below(3) == 0 => {
                self.world.worker_dies();
                self.pages.values_mut().for_each(|known| known.wishes.fates.clear());
            }
            _ => {}
        }
    }

    fn server_says(&mut self, account: &str) {
        self.number += 1;
        let name = ["message", "message", "presence"][self.random.below(3) as usize];
        let kind = ["", " type='chat'", " type='error'"][self.random.below(3) as usize];
        let kind = if name == "presence" { "" } else { kind };
        let from = format!("contact@localhost/{}", self.random.below(CONTACTS));
        let stanza = format!("<{name} xmlns='jabber:client' from='{from}' id='{}'{kind}/>", self.number);
        self.world.run();
        let view = self.world.hub.view();
        let of_account = |info: &&SessionInfo| info.jid.starts_with(account);
        let session = view.living().find(of_account).map(stream_of);
        self.managed.due.extend(session.map(|session| (session, self.number.to_string())));
        self.world.server_says(account, &stanza);
    }

    /// The wire breaks, and what was on its way is lost.
    fn break_off(&mut self) {
        self.met.breaks += 1;
        self.world.run();
        (self.world.flowing, self.world.deaf) = (self.random.below(2) == 0, self.random.below(2) == 0);
        let reads: Vec<_> = self.pages.keys().copied().collect();
        for _ in 0..self.random.below(6) {
            self.server_says(ACCOUNTS[0]);
            if let Some(tab) = self.pick(&reads) {
                self.send(tab);
            }
        }
        self.world.run();
        (self.world.flowing, self.world.deaf) = (true, false);
        let fault = match self.manner {
            Manner::Plain | Manner::Honest => None,
            Manner::Forgetful => {
                let (condition, tells) = ("item-not-found", self.random.below(2) == 0);
                (self.random.below(2) == 0).then_some(ManagementFault::RefuseResume { condition, tells })
            }
            Manner::Lying => {
                let mut all = ManagementFault::all();
                all.retain(|fault| !matches!(fault, ManagementFault::Requests(_)));
                Some(all[self.random.below(all.len() as u64) as usize])
            }
        };
        fault.into_iter().for_each(|fault| self.world.server.misbehave(Misbehaviour::Management(fault)));
        self.world.cut();
    }

    fn come(&mut self) {
        let tab = if self.random.below(3) == 0 { self.world.hidden_tab() } else { self.world.tab() };
        self.pages.insert(tab, Known::default());
        self.join(tab);
    }

    fn load(&mut self) {
        if self.words.is_empty() {
            return;
        }
        let at = self.random.below(self.words.len() as u64) as usize;
        let (word, stood) = self.words.swap_remove(at);
        let tab = self.world.load(word);
        self.pages.insert(tab, Known { stood, ..Known::default() });
        self.join(tab);
    }

    fn unload(&mut self, tab: PortId) {
        let says_so = self.random.below(2) == 0;
        let (session, at) = (self.world.page(tab).session.clone(), self.world.clock.now());
        let known = self.forget(tab);
        let word = self.world.unload(tab, says_so);
        let position = word.before.position;
        let stood = session.map(|session| Stood { jid: session.jid, position, at }).or(known.stood);
        self.words.push((word, stood));
        if self.random.below(2) == 0 {
            self.load();
        }
    }

    /// A page goes.
    fn forget(&mut self, tab: PortId) -> Known {
        self.note_gone(tab);
        self.pages.remove(&tab).expect("it is one of ours")
    }

    fn note_gone(&mut self, tab: PortId) {
        self.gone.insert(self.world.page(tab).name.clone(), self.world.clock.now());
    }

    fn duplicate(&mut self, tab: PortId) {
        let before = self.world.page(tab).tab.checkpoint();
        self.number += 1;
        let copy = self.world.load(Unloaded { name: format!("copy-{}", self.number), before });
        self.pages.insert(copy, Known::default());
        self.join(copy);
    }

    fn thaw(&mut self) {
        let held: Vec<_> = self.pages.keys().copied().collect();
        let held: Vec<_> = held.into_iter().filter(|tab| self.world.page(*tab).unread.is_some()).collect();
        if let Some(tab) = self.pick(&held) {
            self.world.let_read(tab);
        }
    }

    /// The app connects or attaches: its present session ends for it, without an event.
    fn join(&mut self, tab: PortId) {
        self.note_gone(tab);
        // What it has sent in another session is nothing to it.
        self.know(tab).wishes.fates.clear();
        self.world.say(tab, ToWorker::Follow);
        let account = ACCOUNTS[usize::from(self.random.below(4) == 0)];
        let selectors: Vec<_> = (0..self.random.below(4)).map(|_| self.selector()).collect();
        self.world.begins_with(tab, &selectors);
        if self.world.page(tab).session.is_some() {
            self.know(tab).stood = None;
        }
        match self.random.below(3) {
            0 => self.world.attach(tab, Some(account)),
            _ => {
                let management = ManagementOptions { max_unacked: 3, resume: true, max: None };
                let management = (self.manner != Manner::Plain).then(|| management.into());
                // Some apps dial by themselves.
                let reconnect = self.random.below(3) > 0;
                let options = Options { queue_stanzas: QUEUE, management, reconnect, ..Options::default() };
                self.world.connect_as(tab, account, Some(&password(account)), options);
            }
        }
    }

    fn send(&mut self, tab: PortId) {
        self.number += 1;
        // The text tells whose stanza it is.
        let id = format!("{}.", tab.0);
        match self.random.below(6) {
            0 => self.sends(tab, &format!("<presence xmlns='jabber:client' id='{id}'/>"), None),
            1 => self.sends(
                tab,
                &format!("<presence xmlns='jabber:client' type='unavailable' id='{id}'/>"),
                None,
            ),
            2 => self.sends(tab, "<broken", None),
            _ => {
                let id = format!("{id}{}", self.number);
                let message = format!("<message xmlns='jabber:client' to='carol@elsewhere' id='{id}'/>");
                self.sends(tab, &message, Some(id));
            }
        }
    }

    fn ask(&mut self, tab: PortId) {
        let questions = [
            "<iq type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='get' id='q' to='localhost'>\
             <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
            "<iq type='get' id='q' to='carol@elsewhere'>\
             <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
            "<iq type='get' id='q' to='carol@silent'>\
             <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        ];
        let question = questions[self.random.below(4) as usize];
        let (limit, now) = (Duration::from_secs(self.random.below(20)), self.world.clock.now());
        let (token, until) = match self.random.below(2) {
            0 => (self.world.request(tab, question), None),
            _ => (self.world.request_within(tab, question, limit), Some(now + limit)),
        };
        // The model does not wait for a page that no worker has heard of.
        let until = until.filter(|_| self.world.page(tab).tab.deadline().is_none());
        let silent = question.contains("@silent").then_some(None);
        self.know(tab).wishes.requests.insert(token, Request { until, silent });
    }

    /// All pages wake up and log out. Then every request has ended, and the worker waits for
    /// nothing.
    fn end(mut self, place: &str) -> Met {
        self.world.reachable = true;
        while self.pages.keys().copied().collect::<Vec<_>>().into_iter().any(|tab| {
            let held = self.world.page(tab).unread.is_some();
            held.then(|| self.world.let_read(tab)).is_some()
        }) {}
        // Long enough for a redial, for acknowledgements, and for every tab in turn to leave a request
        // without an answer.
        self.world.advance(Duration::from_secs(150));
        self.look(place);
        for tab in self.pages.keys().copied().collect::<Vec<_>>() {
            self.world.disconnect(tab);
        }
        self.world.advance(3 * GRACE);
        self.look(place);
        for (tab, known) in &self.pages {
            assert!(self.world.page(*tab).is_settled(), "{place}: {tab:?} waits for something");
            assert!(
                known.wishes.fates.is_empty(),
                "{place}: {tab:?} never hears of {:?}",
                known.wishes.fates
            );
        }
        assert!(self.world.open_sockets().is_empty(), "{place}");
        assert!(self.world.nothing_is_due(), "{place}");
        self.met
    }

    fn selector(&mut self) -> Selector {
        let chat = Criteria { types: Some(vec!["chat".to_owned()]), ..Criteria::default() };
        let contact = Criteria { from: Some("contact@localhost/1".to_owned()), ..Criteria::default() };
        match self.random.below(10) {
            0 | 1 => all("message"),
            2 | 3 => all("presence"),
            4 => Selector::Stanza(chat),
            5 => Selector::Stanza(contact),
            6 => Selector::Everything,
            7 => all("iq"),
            _ => Selector::Sent,
        }
    }

    fn pick<P: Copy>(&mut self, of: &[P]) -> Option<P> {
        (!of.is_empty()).then(|| of[self.random.below(of.len() as u64) as usize])
    }

    fn know(&mut self, tab: PortId) -> &mut Known {
        self.pages.entry(tab).or_default()
    }
}

/// The value of an attribute.
fn quoted<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(&format!(" {name}='")).nth(1)?.split('\'').next()
}
