//! Thousands of random steps, the same for the same seed: what must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::tests::page::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epode_protocol::{
    AttachBosh, BoshSession, Fate, HttpOptions, Options, Role, Secret, StatusCode, ToWorker, Token,
};
use epode_testkit::{BindFault, Misbehaviour, Random};

use super::page::only;
use super::world::{BOSH, GRACE, World, password};
use crate::PortId;

const ACCOUNTS: [&str; 3] = ["alice@localhost/desk", "bob@localhost/desk", "alice@localhost/phone"];

#[test]
fn whatever_happens_one_tab_is_primary_everything_ends_and_nothing_is_left() {
    walk(false);
}

#[test]
fn over_bosh_too() {
    walk(true);
}

fn walk(over_bosh: bool) {
    let mut logins = (0, 0);
    for seed in 0..60 {
        let mut walk = Walk::new(seed, over_bosh);
        for _ in 0..250 {
            walk.act();
            if walk.random.below(3) == 0 {
                walk.look();
            } else {
                for _ in 0..walk.random.below(8) {
                    walk.world.step();
                }
            }
        }
        logins = (logins.0 + walk.logins.0, logins.1 + walk.logins.1);
        walk.end();
    }
    // A walk that meets nothing proves nothing.
    assert!(logins.0 > 200 && logins.1 > 40, "{logins:?}");
}

struct Walk {
    seed: u64,
    over_bosh: bool,
    world: World,
    random: Random,
    tabs: BTreeMap<PortId, Knowledge>,
    messages: u64,
    /// Numbers of sessions, which may be long over.
    kept: Vec<BoshSession>,
    /// How many pages began to log in themselves, and how many were in a session at once.
    logins: (usize, usize),
}

/// What a tab was told.
#[derive(Default)]
struct Knowledge {
    /// The bare JID of the session that is up.
    up: Option<String>,
    role: Option<Role>,
    requests: BTreeSet<Token>,
    sends: BTreeSet<Token>,
    seen: BTreeSet<String>,
}

impl Walk {
    fn new(seed: u64, over_bosh: bool) -> Self {
        let (world, random) = (if over_bosh { World::over_bosh() } else { World::new() }, Random::new(seed));
        Walk {
            seed,
            over_bosh,
            world,
            random,
            tabs: BTreeMap::new(),
            messages: 0,
            kept: Vec::new(),
            logins: (0, 0),
        }
    }

    fn act(&mut self) {
        let what = self.random.below(100);
        let Some(tab) = self.some_tab().filter(|_| what >= 10 || self.tabs.len() >= 7) else {
            let tab = if self.random.below(4) == 0 { self.world.hidden_tab() } else { self.world.tab() };
            self.tabs.insert(tab, Knowledge::default());
            return;
        };
        let jid = ACCOUNTS[self.random.below(3) as usize];
        match what {
            0..12 => self.log_in(tab, jid),
            12..15 => self.say_frame(tab, jid),
            15..30 => {
                self.turn_away(tab);
                let right = self.random.below(4) > 0;
                self.world.connect(tab, jid, &if right { password(jid) } else { "wrong".to_owned() });
            }
            30..35 => {
                self.turn_away(tab);
                self.world.attach(tab, Some(jid).filter(|_| self.random.below(2) == 0));
            }
            35..50 => self.send(tab),
            50..62 => self.ask(tab, jid),
            62..66 => {
                self.tabs.remove(&tab);
                self.world.kill(tab);
            }
            66..69 => {
                self.tabs.remove(&tab);
                self.world.leave(tab);
            }
            69..72 => self.world.disconnect(tab),
            72..76 => {
                let visible = self.random.below(2) == 0;
                self.world.show(tab, visible);
            }
            76..84 => self.deliver(jid),
            84..88 => {
                let ask = "<iq xmlns='jabber:client' type='set' id='v' from='carol@localhost/x'><q/></iq>";
                self.world.server_says(jid, ask);
            }
            88..91 => self.world.pass_up(tab),
            91 => self.world.cut(),
            92 => {
                let mut all = Misbehaviour::all();
                // Two sessions would have one name, by which this walk tells them apart.
                all.retain(|one| *one != Misbehaviour::Bind(BindFault::OtherAccount));
                self.world.server.misbehave(all.swap_remove(self.random.below(all.len() as u64) as usize));
            }
            93 => self.world.reachable = !self.world.reachable,
            94 => self.world.http.cuts = 1,
            95 => self.world.http.losses = 1,
            96 if !self.kept.is_empty() => self.restore(tab),
            _ => {
                let elapsed = Duration::from_millis(self.random.below(8000));
                self.world.advance(elapsed);
            }
        }
    }

    /// A page begins to log in itself, and may go on at once.
    fn log_in(&mut self, tab: PortId, jid: &str) {
        self.turn_away(tab);
        let (service, jid, options) = (self.world.service.to_owned(), jid.to_owned(), Options::default());
        let relays = self.world.dials();
        self.world.say(tab, ToWorker::Negotiate { service, jid: jid.clone(), options });
        self.logins.0 += self.world.dials() - relays;
        if self.random.below(4) > 0 {
            self.say_frame(tab, &jid);
            self.look();
            self.logins.1 += usize::from(self.know(tab).up.is_some());
        }
    }

    /// A page says a frame, whether it has a stream for that or not.
    fn say_frame(&mut self, tab: PortId, jid: &str) {
        let name = jid.split('@').next().unwrap_or_default();
        let sasl = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'";
        let auth =
            |message: &str| format!("<auth {sasl} mechanism='PLAIN'>{}</auth>", STANDARD.encode(message));
        let frame = match self.random.below(12) {
            0 => auth("\0alice\0wrong"),
            1 => auth("\0bob\0secret-bob"),
            2 => format!("<auth {sasl} mechanism='PLAIN'/>"),
            3 => format!("<response {sasl}>{}</response>", STANDARD.encode("\0alice\0secret-alice")),
            4 => format!("<abort {sasl}/>"),
            5 => "<iq xmlns='jabber:client' type='get' id='r'/>".to_owned(),
            6 => "<broken".to_owned(),
            _ => auth(&format!("\0{name}\0{}", password(jid))),
        };
        self.world.say(tab, ToWorker::Frame { text: Secret::new(frame) });
    }

    /// A tab goes on with a session by numbers, new or old.
    fn restore(&mut self, tab: PortId) {
        self.turn_away(tab);
        let session = self.kept[self.random.below(self.kept.len() as u64) as usize].clone();
        let (service, options, http) = (BOSH.to_owned(), Options::default(), HttpOptions::default());
        let attach = AttachBosh { service, session, options, http };
        self.world.say(tab, ToWorker::AttachBosh(attach.into()));
    }

    /// A tab that turns to another session is in none, without being told.
    fn turn_away(&mut self, tab: PortId) {
        self.look();
        self.know(tab).up = None;
    }

    fn send(&mut self, tab: PortId) {
        let stanzas = [
            "<message xmlns='jabber:client' to='bob@localhost'/>",
            "<message to='alice@localhost/desk'/>",
            "<presence/>",
            "<message xmlns=''/>",
            "<broken",
            "<iq type='get' id='plain'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq type='result' id='v' to='carol@localhost/x'/>",
        ];
        let stanza = stanzas[self.random.below(7) as usize];
        let token = self.world.send(tab, stanza);
        self.know(tab).sends.insert(token);
    }

    fn ask(&mut self, tab: PortId, jid: &str) {
        let to = ["", "localhost", jid, "carol@localhost/x"][self.random.below(4) as usize];
        let iq = format!("<iq type='get' id='q' to='{to}'><ping xmlns='urn:xmpp:ping'/></iq>");
        let iq = iq.replace(" to=''", "");
        let token = match self.random.below(2) {
            0 => self.world.request(tab, &iq),
            _ => self.world.request_within(tab, &iq, Duration::from_secs(self.random.below(20))),
        };
        self.know(tab).requests.insert(token);
    }

    /// A message of the server reaches each tab of its account once, and no other tab.
    fn deliver(&mut self, jid: &str) {
        self.look();
        self.messages += 1;
        let id = format!("m{}", self.messages);
        self.world.server_says(jid, &format!("<message xmlns='jabber:client' id='{id}'/>"));
        let bound = self.is_bound(jid);
        let were_up: Vec<_> = self.tabs.values().map(|known| known.up.clone()).collect();
        if self.over_bosh {
            // A response that was cut is asked for again.
            self.world.advance(Duration::from_secs(1));
        }
        self.look();
        if bound != self.is_bound(jid) {
            // The session has ended meanwhile, with what was on its way.
            return;
        }
        let bare = bare(jid);
        for ((tab, known), was_up) in self.tabs.iter().zip(were_up) {
            if self.over_bosh && known.up != was_up {
                continue;
            }
            let expected = bound && known.up.as_deref() == Some(bare);
            assert_eq!(
                known.seen.contains(&id),
                expected,
                "seed {}: {tab:?} of {:?}: {id}",
                self.seed,
                known.up
            );
        }
    }

    fn is_bound(&self, jid: &str) -> bool {
        self.world.server.connections().into_values().flatten().any(|bound| bound == jid)
    }

    /// Lets everything arrive, and notes what the tabs were told.
    fn look(&mut self) {
        for (tab, known) in &mut self.tabs {
            for event in self.world.events(*tab) {
                if let Event::Numbers(numbers) = &event {
                    self.kept.push(numbers.clone());
                }
                known.hear(event, self.over_bosh);
            }
        }
        let view = self.world.hub.view();
        let names: Vec<_> = view.sessions().map(|session| session.name()).collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        // A page that goes on by numbers founds a session beside one that is being closed.
        let is_one = self.over_bosh || distinct.len() == names.len();
        assert!(is_one, "seed {}: two sessions of one name: {names:?}", self.seed);
        let mut primaries: BTreeMap<&str, Vec<PortId>> = BTreeMap::new();
        for (tab, known) in &self.tabs {
            let Some(jid) = &known.up else { continue };
            let primaries = primaries.entry(jid).or_default();
            primaries.extend(Some(*tab).filter(|_| known.role == Some(Role::Primary)));
        }
        for (jid, primaries) in primaries {
            assert_eq!(primaries.len(), 1, "seed {}: the primaries of {jid}: {primaries:?}", self.seed);
        }
    }

    /// All tabs log out, or leave. Then every request has ended, and the worker waits for nothing.
    fn end(mut self) {
        self.world.run();
        for tab in self.tabs.keys().copied().collect::<Vec<_>>() {
            self.world.say(tab, ToWorker::Disconnect { reason: None, timeout: 3000 });
        }
        self.world.advance(3 * GRACE);
        self.look();
        for (tab, known) in &self.tabs {
            assert!(known.requests.is_empty(), "seed {}: {tab:?} still asks {:?}", self.seed, known.requests);
            assert!(known.sends.is_empty(), "seed {}: {tab:?} still sends {:?}", self.seed, known.sends);
            assert_eq!(known.up, None, "seed {}: {tab:?}", self.seed);
        }
        assert!(self.world.open_sockets().is_empty(), "seed {}", self.seed);
        assert!(self.world.nothing_is_due(), "seed {}", self.seed);
    }

    fn some_tab(&mut self) -> Option<PortId> {
        let index = self.random.below(self.tabs.len() as u64) as usize;
        self.tabs.keys().nth(index).copied()
    }

    fn know(&mut self, tab: PortId) -> &mut Knowledge {
        self.tabs.entry(tab).or_default()
    }
}

impl Knowledge {
    fn hear(&mut self, event: Event, over_bosh: bool) {
        match event {
            Event::Status(status) => match status.code {
                StatusCode::Connected | StatusCode::Attached => {
                    self.up = status.session.map(|session| bare(&session.jid).to_owned());
                }
                _ => self.up = None,
            },
            Event::Role(role) => self.role = Some(role),
            Event::Stanza(_, text) => self.see(&text),
            Event::Stanzas(batch) => self.see(&only(batch).2),
            Event::Caught(_, _, text) => self.see(&text),
            Event::Written(up_to) => self.sends.retain(|token| *token > up_to),
            Event::Failed(token, _) => assert!(self.sends.remove(&token), "{token} failed and did not"),
            Event::Response(token, _) => assert!(self.requests.remove(&token), "{token} ended twice"),
            // A frame from before the session was open ended with its stream.
            Event::Gap(_, _, 1) => {}
            Event::Gap(..) => panic!("nobody was slow"),
            Event::Fate(_, Fate::Unmanaged) => assert!(!over_bosh),
            Event::Fate(_, Fate::Resent { .. } | Fate::Failed(_)) if over_bosh => {}
            Event::Fate(token, fate) => panic!("{fate:?} of {token}"),
            Event::Keys(_)
            | Event::Frame(_)
            | Event::Challenge(..)
            | Event::Claimed(_)
            | Event::Tabs(..)
            | Event::Numbers(_)
            | Event::Backlog(..)
            | Event::HttpError(_)
            | Event::Unmanaged
            | Event::Log(..) => {}
        }
    }
}

impl Knowledge {
    fn see(&mut self, text: &str) {
        let id = text.split(" id='m").nth(1).and_then(|rest| rest.split('\'').next());
        if let Some(number) = id {
            assert!(self.seen.insert(format!("m{number}")), "{text} twice");
        }
    }
}

fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or_default()
}
