//! Thousands of random steps, the same for the same seed: what holds for pages of strophe.js in any case.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use epode_hub::PortId;
use epode_testkit::{Config, Management, ManagementFault, Misbehaviour, Random};
use serde_json::{Value, json};

use crate::world::{SERVICE, World};

const ACCOUNTS: [&str; 2] = ["alice@localhost/desk", "bob@localhost/desk"];

const SECOND: Duration = Duration::from_secs(1);

/// What a page is told of a logout in another.
const ENDED: &str = "the session was ended, in this page or in another";

/// For how long a logout keeps pages out, and the second by which it is told from an unload.
const KEPT_OUT: Duration = Duration::from_secs(11);

#[test]
#[expect(clippy::print_stdout, reason = "is shown only of a walk that fails")]
fn whatever_happens_each_page_is_in_its_session_again_and_misses_nothing() {
    let mut seen = BTreeMap::new();
    for seed in 0..100 + more() {
        println!("walk {seed}");
        let mut walk = Walk::new(seed);
        for _ in 0..120 {
            walk.act();
            walk.look();
            if walk.random.below(40) == 0 {
                walk.settle();
            }
        }
        walk.settle();
        for (what, count) in walk.seen {
            *seen.entry(what).or_insert(0) += count;
        }
    }
    // A walk that meets nothing proves nothing.
    for what in
        ["CONNECTED", "ATTACHED", "ATTACHFAIL", "AUTHFAIL", "CONNFAIL", "DISCONNECTED", "resumed", "not sent"]
    {
        assert!(seen.get(what).is_some_and(|count| *count > 5), "{what}: {seen:?}");
    }
}

/// The number of walks that the variable `EPODE_WALKS` adds.
fn more() -> u64 {
    std::env::var("EPODE_WALKS").ok().and_then(|more| more.parse().ok()).unwrap_or(0)
}

struct Walk {
    seed: u64,
    world: World,
    random: Random,
    now: Duration,
    login: Login,
    /// Whether the server manages streams: else nobody knows what has come.
    is_managed: bool,
    pages: Vec<Visit>,
    /// Those in the back/forward cache.
    cached: Vec<Visit>,
    /// How many pages were loaded so far.
    loaded: u32,
    messages: u64,
    /// What pages have sent and the server does not have yet, each with the page and the account.
    sends: BTreeMap<u64, (u32, usize)>,
    /// What the server has.
    arrived: BTreeSet<u64>,
    /// Whether the server, when it resumes no session, says nothing of what it had handled, or is not asked:
    /// messages may come twice.
    is_unsure: bool,
    /// Whether the server has been told to resume no session.
    is_refused: bool,
    /// When each account was logged out last.
    logouts: [Option<Duration>; 2],
    seen: BTreeMap<&'static str, u32>,
}

/// How pages log in: the worker repeats a login by PLAIN alone. Until a certificate has a JID bound, nobody
/// knows whose it is: nothing is resumed.
#[derive(Clone, Copy, PartialEq)]
enum Login {
    Plain,
    Scram,
    Certificate,
}

/// A page, from load to unload, and its app: it logs in again by itself, unless it is kept out.
struct Visit {
    /// The number of the page.
    page: u32,
    port: PortId,
    account: usize,
    stands: Stands,
    /// Whether it speaks version 0: it has one port, and says no goodbye.
    is_old: bool,
    /// Whether its password is wrong.
    is_wrong: bool,
    /// When its app has tried last.
    tried: Duration,
    /// Whether the page is the reload of one that was in the session of this account.
    is_reload: bool,
    /// What the app has heard since it was last told that it is in a session.
    heard: Vec<u64>,
    /// What the server has sent since.
    owed: Vec<u64>,
    /// When the page lost its session, and what the server has sent since.
    lost: Option<(Duration, Vec<u64>)>,
    /// The time of the logout elsewhere by which it lost the session.
    ended: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Stands {
    /// On its way in.
    Waiting,
    /// The app is going to bind.
    Unbound,
    In,
    /// The app is going to try again.
    Lost,
    /// The app waits for a person.
    Out,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let login = [Login::Plain, Login::Scram, Login::Certificate][random.below(3) as usize];
        let certificate = (login == Login::Certificate).then(|| "alice".to_owned());
        let management = (random.below(4) > 0).then(Management::default);
        let is_managed = management.is_some();
        let is_unsure = random.below(2) == 0 || login == Login::Certificate;
        let config = Config { certificate, management, ..Config::default() };
        let world = if login == Login::Scram { World::with_scram(config) } else { World::with(config) };
        Walk {
            seed,
            world,
            random,
            now: Duration::ZERO,
            login,
            is_managed,
            pages: Vec::new(),
            cached: Vec::new(),
            loaded: 0,
            messages: 0,
            sends: BTreeMap::new(),
            arrived: BTreeSet::new(),
            is_unsure,
            is_refused: false,
            logouts: [None; 2],
            seen: BTreeMap::new(),
        }
    }

    fn act(&mut self) {
        let what = self.random.below(100);
        if self.pages.is_empty() || (what < 10 && self.pages.len() < 5) {
            let account = self.random.below(2) as usize;
            let is_old = self.random.below(4) == 0;
            return self.open(account, is_old, false);
        }
        if what < 13
            && let Some(visit) = self.cached.pop()
        {
            return self.show(visit);
        }
        let index = self.random.below(self.pages.len() as u64) as usize;
        let Visit { port, account, stands, is_old, .. } = self.pages[index];
        // An app that runs nothing says nothing.
        if matches!(what, 27..36 | 50..57) && self.world.page(port).frozen {
            return;
        }
        match what {
            0..18 => {
                self.unload(index);
                self.advance(200);
                // Of version 0 no goodbye tells that a page is the same.
                self.open(account, is_old, stands == Stands::In && !is_old);
            }
            18..24 => self.unload(index),
            24..26 if stands == Stands::In => self.world.page(port).frozen = true,
            24..27 => {
                self.world.page(port).gone = true;
                let gone = self.pages.remove(index);
                self.excuse(gone.page);
            }
            27..31 if stands == Stands::In => {
                self.world.log_out(port);
                self.pages[index].stands = Stands::Out;
                self.logged_out(account);
                if self.random.below(3) == 0 {
                    self.connect(index);
                }
            }
            31..36 if stands == Stands::Out => self.connect(index),
            36..48 => self.deliver(account),
            48..50 => self.ask(account),
            50..57 if stands == Stands::In => self.send(index),
            57..60 => self.world.loses = true,
            60..66 => self.world.cut(),
            66..70 => self.world.reachable = !self.world.reachable,
            70..73 => {
                let tells = !self.is_unsure;
                self.is_refused = true;
                let refuses = ManagementFault::RefuseResume { condition: "item-not-found", tells };
                self.world.server.misbehave(Misbehaviour::Management(refuses));
            }
            73..90 => self.advance(1_000),
            _ => self.advance(13_000),
        }
    }

    /// A page is loaded, and its app attaches or logs in.
    fn open(&mut self, account: usize, is_old: bool, is_reload: bool) {
        let port = if is_old { self.world.port() } else { self.world.load() };
        self.world.page(port).is_old = is_old;
        self.loaded += 1;
        self.pages.push(Visit {
            is_old,
            is_wrong: false,
            page: self.loaded,
            port,
            account,
            stands: Stands::Waiting,
            tried: self.now,
            is_reload,
            heard: Vec::new(),
            owed: Vec::new(),
            lost: None,
            ended: None,
        });
        let index = self.pages.len() - 1;
        match self.random.below(2) {
            0 if is_old => self.world.says(port, json!(["_attach", SERVICE])),
            0 => self.world.says(port, json!(["_attach", SERVICE, 3])),
            _ => self.log_in(index),
        }
    }

    /// The app of a page tries again, at another port.
    fn connect(&mut self, index: usize) {
        let Visit { port, is_old, .. } = self.pages[index];
        self.pages[index].port = if is_old { port } else { self.world.next_port(port) };
        self.world.page(port).authenticated = false;
        self.log_in(index);
    }

    fn log_in(&mut self, index: usize) {
        let Visit { port, account, .. } = self.pages[index];
        let page = self.world.page(port);
        page.is_certified = self.login == Login::Certificate && account == 0;
        page.speaks_scram = self.login == Login::Scram;
        page.waits = self.random.below(6) == 0;
        page.manages = !page.is_old && self.random.below(2) == 0;
        let is_wrong = self.random.below(12) == 0;
        self.pages[index].is_wrong = is_wrong && !(self.login == Login::Certificate && account == 0);
        match self.pages[index].is_wrong {
            true => self.world.connect_with(port, ACCOUNTS[account], "wrong"),
            false => self.world.connect(port, ACCOUNTS[account]),
        }
        (self.pages[index].stands, self.pages[index].tried) = (Stands::Waiting, self.now);
    }

    /// A page is back from the cache, which it notices by what the worker says to it.
    fn show(&mut self, visit: Visit) {
        let port = visit.port;
        self.world.page(port).gone = false;
        self.world.says(port, json!(["_pong"]));
        self.pages.push(visit);
    }

    /// A page is unloaded. Some apps end their stream then.
    fn unload(&mut self, index: usize) {
        let visit = self.pages.remove(index);
        let Visit { page, port, account, stands, is_old, .. } = visit;
        self.excuse(page);
        if stands == Stands::In && self.random.below(2) == 0 {
            self.world.log_out(port);
            if is_old {
                self.logged_out(account);
            }
        }
        if !is_old {
            self.world.says(port, json!(["_bye"]));
        }
        self.world.page(port).gone = true;
        // The browser may keep the page.
        if stands == Stands::In && !is_old && self.random.below(3) == 0 {
            self.cached.push(visit);
        }
    }

    fn deliver(&mut self, account: usize) {
        self.look();
        self.messages += 1;
        let (jid, number) = (ACCOUNTS[account], self.messages);
        let text = format!(
            "<message xmlns='jabber:client' from='carol@localhost/x' to='{jid}'><body>{account} \
             {number}</body></message>"
        );
        let before = self.world.server.statistics().stanzas_out;
        self.world.delivers(jid, &text);
        if self.world.server.statistics().stanzas_out > before {
            for page in self.pages.iter_mut().filter(|page| page.account == account) {
                match (page.stands, &mut page.lost) {
                    (Stands::In, _) => page.owed.push(number),
                    (_, Some((_, meanwhile))) => meanwhile.push(number),
                    (_, None) => {}
                }
            }
        }
    }

    /// The server asks something, which the app of some page may answer.
    fn ask(&mut self, account: usize) {
        self.messages += 1;
        let (jid, id) = (ACCOUNTS[account], self.messages);
        let request = "<iq xmlns='jabber:client' type='get' from='carol@localhost/x'";
        self.world.delivers(jid, &format!("{request} to='{jid}' id='s{id}'><q xmlns='urn:q'/></iq>"));
    }

    /// strophe.js answers what no handler takes.
    fn answer(&mut self, index: usize, request: &Value) {
        let text = request[1]["data"].as_str().unwrap_or_default();
        if !text.starts_with("<iq") || !text.contains("type='get'") {
            return;
        }
        let id = text.split("id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or_default();
        let answer = match self.random.below(2) {
            0 => format!("<iq xmlns='jabber:client' type='result' to='carol@localhost/x' id='{id}'/>"),
            _ => format!(
                "<iq xmlns='jabber:client' type='error' id='{id}'><error type='cancel'>\
                 <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            ),
        };
        let port = self.pages[index].port;
        self.world.sends(port, &answer);
    }

    fn send(&mut self, index: usize) {
        let Visit { page, port, account, .. } = self.pages[index];
        self.messages += 1;
        let id = self.messages;
        self.sends.insert(id, (page, account));
        let to = "to='carol@localhost' type='chat'";
        self.world.sends(port, &format!("<message xmlns='jabber:client' {to} id='s{id}'/>"));
    }

    /// A session is ended for all, with what is on its way.
    fn logged_out(&mut self, account: usize) {
        self.logouts[account] = Some(self.now);
        self.sends.retain(|_, (_, of)| *of != account);
    }

    /// Nobody is left to hear what becomes of what this page has sent, or somebody has heard.
    fn excuse(&mut self, page: u32) {
        self.sends.retain(|_, (sender, _)| *sender != page);
    }

    /// Sees what the server was told.
    fn receive(&mut self) {
        for text in std::mem::take(&mut self.world.arrived) {
            let id = text.split("id='s").nth(1).and_then(|rest| rest.split('\'').next()?.parse().ok());
            let Some(id) = id else { continue };
            let is_first = self.arrived.insert(id);
            assert!(is_first || self.is_unsure, "{}: {id} was said twice", self.seed);
            self.sends.remove(&id);
        }
    }

    fn advance(&mut self, most: u64) {
        let elapsed = Duration::from_millis(self.random.below(most));
        self.world.advance(elapsed);
        self.now += elapsed;
    }

    /// Sees what pages were told. Their apps react, some later.
    fn look(&mut self) {
        self.world.run();
        self.receive();
        for index in 0..self.pages.len() {
            let port = self.pages[index].port;
            if self.world.page(port).frozen && self.random.below(12) == 0 {
                self.world.thaw(port);
            }
            let statuses = self.world.statuses(port);
            let words = self.world.heard(port);
            let is_told = |what: &[&str]| {
                statuses.iter().find(|status| what.iter().any(|what| status.starts_with(what)))
            };
            if words.iter().any(|word| word[0] == "log" && word[1] == "error") {
                *self.seen.entry("not sent").or_insert(0) += 1;
                self.excuse(self.pages[index].page);
            }
            for status in &statuses {
                for known in ["CONNECTED", "ATTACHED", "ATTACHFAIL", "AUTHFAIL", "CONNFAIL", "DISCONNECTED"] {
                    if status.starts_with(known) {
                        *self.seen.entry(known).or_insert(0) += 1;
                    }
                }
            }
            if is_told(&["CONNECTED", "ATTACHED"]).is_some() {
                if self.world.page(port).has_resumed {
                    *self.seen.entry("resumed").or_insert(0) += 1;
                }
                let bound = self.world.page(port).bound.clone();
                let (seed, now) = (self.seed, self.now);
                let logout = self.logouts[self.pages[index].account];
                let goes_on = self.is_managed
                    && self.login != Login::Certificate
                    && !self.is_refused
                    && logout.is_none_or(|at| now - at > 6 * KEPT_OUT);
                let page = &mut self.pages[index];
                // A new page attaches to the session that is there.
                assert!(!page.is_reload || bound == ACCOUNTS[page.account], "{seed}: {port:?} is in {bound}");
                page.account =
                    ACCOUNTS.iter().position(|jid| *jid == bound).expect("an account has this JID");
                assert!(!page.is_wrong, "{seed}: {port:?} is in by a wrong password");
                page.is_reload = true;
                page.stands = Stands::In;
                let since = page.ended.take().map(|at| page.tried.saturating_sub(at));
                let is_undone = since.is_some_and(|since| since < 9 * SECOND);
                assert!(!is_undone, "{seed}: {port:?} undoes a logout after {since:?}");
                // What the server has sent to a session that goes on is told to a page that is back soon.
                let meanwhile = page.lost.take().filter(|(at, _)| goes_on && now - *at < 9 * SECOND);
                (page.heard, page.owed) = (Vec::new(), meanwhile.map_or(Vec::new(), |(_, owed)| owed));
            }
            for word in &words {
                self.answer(index, word);
                number_of(word).into_iter().for_each(|number| self.hear(index, number));
            }
            if is_told(&["DISCONNECTED", "CONNFAIL"]).is_some() && self.pages[index].stands != Stands::Out {
                if self.pages[index].stands == Stands::In {
                    self.pages[index].lost = Some((self.now, Vec::new()));
                }
                self.pages[index].stands = Stands::Lost;
                if words.iter().any(|word| word.to_string().contains(ENDED)) {
                    self.pages[index].ended = self.logouts[self.pages[index].account];
                }
                // A logout leaves the worker some seconds to end the stream.
                let Visit { page, account, .. } = self.pages[index];
                if self.logouts[account].is_some_and(|at| self.now - at < 2 * KEPT_OUT) {
                    self.excuse(page);
                }
            }
            if is_told(&["AUTHFAIL"]).is_some() {
                let Visit { account, tried, is_wrong, .. } = self.pages[index];
                let since = self.logouts[account].map(|at| tried.saturating_sub(at));
                let is_kept_out = since.is_some_and(|since| since <= KEPT_OUT);
                assert!(is_wrong || is_kept_out, "{}: kept out {since:?}", self.seed);
                self.pages[index].stands = Stands::Out;
                // Of a session that was lost nothing is kept then.
                self.sends.retain(|_, (_, of)| *of != account);
            }
            if statuses.last().is_some_and(|status| status == "BINDREQUIRED") {
                self.pages[index].stands = Stands::Unbound;
            }
            if self.pages[index].stands == Stands::Unbound && self.random.below(3) == 0 {
                self.pages[index].stands = Stands::Waiting;
                self.world.bind(port);
            }
            if is_told(&["ATTACHFAIL"]).is_some()
                || (self.pages[index].stands == Stands::Lost && self.random.below(3) == 0)
            {
                self.connect(index);
            }
        }
    }

    fn hear(&mut self, index: usize, (account, number): (usize, u64)) {
        let seed = self.seed;
        let page = &mut self.pages[index];
        assert_eq!(account, page.account, "{seed}: what {number} is is for another account");
        if page.stands == Stands::Out {
            return;
        }
        assert_eq!(page.stands, Stands::In, "{seed}: {number}");
        assert!(
            page.heard.last().is_none_or(|last| *last < number),
            "{seed}: {number} behind {:?}",
            page.heard
        );
        page.heard.push(number);
    }

    /// The network is there: soon each page is where it wants to be, with all that came for it.
    fn settle(&mut self) {
        self.world.reachable = true;
        let ports: Vec<_> = self.pages.iter().map(|page| page.port).collect();
        ports.into_iter().for_each(|port| self.world.thaw(port));
        if self.world.loses {
            self.world.cut();
        }
        for _ in 0..60 {
            self.world.advance(Duration::from_secs(2));
            self.now += Duration::from_secs(2);
            self.look();
        }
        let seed = self.seed;
        if self.is_managed {
            assert!(self.sends.is_empty(), "{seed}: {:?} never came", self.sends);
        }
        self.sends.clear();
        for page in &self.pages {
            let (owed, heard) = (&page.owed, &page.heard);
            assert!(
                matches!(page.stands, Stands::In | Stands::Out),
                "{seed}: {:?} {:?}",
                page.port,
                page.stands
            );
            if page.stands == Stands::In {
                let missing: Vec<_> = owed.iter().filter(|number| !heard.contains(number)).collect();
                assert!(missing.is_empty(), "{seed}: {:?} misses {missing:?}", page.port);
            }
        }
        for account in 0..2 {
            let members =
                self.pages.iter().filter(|page| page.account == account && page.stands == Stands::In);
            // A page of version 0 is not told.
            let (old, told): (Vec<_>, Vec<_>) = members.partition(|page| page.is_old);
            let primary = told.iter().filter(|page| self.world.page(page.port).role == "primary").count();
            let least = usize::from(old.is_empty() && !told.is_empty());
            assert!((least..=1).contains(&primary), "{seed}: {primary} of {} are primary", told.len());
        }
    }
}

/// The account and the number of a message.
fn number_of(word: &Value) -> Option<(usize, u64)> {
    let text = word[1]["data"].as_str()?;
    let body = text.split("<body>").nth(1)?.split("</body>").next()?;
    let (account, number) = body.split_once(' ')?;
    Some((account.parse().ok()?, number.parse().ok()?))
}
