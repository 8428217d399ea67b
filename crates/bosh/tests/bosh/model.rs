//! A connection manager by the letter of XEP-0124, but for the requests that it forgets with their
//! connections, and for those that it does not forget. A client that breaks a rule makes it panic.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use epode_xml::{Element, Limits};

use crate::line::{HTTPBIND, terminate};

const HOLD: usize = 1;
const REQUESTS: u64 = 2;

/// No HTTP request has this name.
const NOBODY: Connection = 0;

/// Names an HTTP request, as far as the server tells one from another.
pub type Connection = u64;

pub struct Server {
    pub wait: Duration,
    pub inactivity: Duration,
    /// The ids of the stanzas that the client has sent, in order.
    pub heard: Vec<usize>,
    /// Whether the client has ended the session.
    pub terminated: bool,
    /// Whether the server has given the session up.
    pub expired: bool,
    /// Whether a connection that breaks is kept, as Prosody 13 does, if its request came before a lower rid.
    pub keeps_broken: bool,
    /// The rid of a connection that has broken and was kept: from now on it gets every response.
    pub ruined: Option<u64>,
    /// Connections that have broken and that the server does not know of.
    broken: Vec<Connection>,
    /// The stanzas that wait for a request to answer.
    outbox: VecDeque<usize>,
    /// The highest rid that was processed.
    last: Option<u64>,
    /// The requests that came before a lower rid.
    early: BTreeMap<u64, (Connection, Element)>,
    held: VecDeque<(u64, Connection, Duration)>,
    /// The last responses, for repetitions.
    kept: BTreeMap<u64, String>,
    /// Every body that a page sent under a rid.
    bodies: BTreeMap<u64, String>,
    /// Rids below this belong to former pages, whose bodies may still arrive; later pages ask under them for
    /// the responses.
    former: u64,
    answered: Duration,
    responses: VecDeque<(Connection, String)>,
}

impl Server {
    pub fn new(wait: Duration, inactivity: Duration) -> Self {
        Server {
            wait,
            inactivity,
            heard: Vec::new(),
            terminated: false,
            expired: false,
            keeps_broken: false,
            ruined: None,
            broken: Vec::new(),
            outbox: VecDeque::new(),
            last: None,
            early: BTreeMap::new(),
            held: VecDeque::new(),
            kept: BTreeMap::new(),
            bodies: BTreeMap::new(),
            former: 0,
            answered: Duration::ZERO,
            responses: VecDeque::new(),
        }
    }

    /// The page has gone, and another will come; rids below this one are those of the former.
    pub fn page_is_gone(&mut self, next: u64) {
        self.former = next;
    }

    pub fn deliver(&mut self, now: Duration, number: usize) {
        self.outbox.push_back(number);
        self.answer_held(now);
    }

    pub fn request(&mut self, now: Duration, connection: Connection, body: &str) {
        let element = Element::parse(body, &Limits::default()).unwrap();
        let rid: u64 = element.attr("rid").unwrap().parse().unwrap();
        self.expire(now);
        if self.expired || self.terminated {
            return self.respond(connection, not_found());
        }
        assert_eq!(element.attr("sid"), self.last.map(|_| "s1"));
        if rid >= self.former {
            let first = self.bodies.entry(rid).or_insert_with(|| body.to_owned());
            assert_eq!(first, body, "a repetition is a copy");
        }
        let Some(last) = self.last else { return self.open(now, rid, connection) };
        assert!(rid <= last + REQUESTS + 1, "{rid} is beyond the window of {last}");
        match rid {
            _ if rid <= last => self.repeat(now, rid, connection),
            _ => {
                self.early.insert(rid, (connection, element));
                self.process(now);
            }
        }
    }

    /// Answers the requests that have been held for `wait`.
    pub fn tick(&mut self, now: Duration) {
        while let Some((rid, connection, since)) = self.held.front().copied()
            && now - since >= self.wait
        {
            self.held.pop_front();
            self.answer(now, rid, connection);
        }
        self.expire(now);
    }

    pub fn poll(&mut self) -> Option<(Connection, String)> {
        self.responses.pop_front()
    }

    pub fn is_idle(&self) -> bool {
        self.outbox.is_empty() && self.held.len() == HOLD
    }

    fn open(&mut self, now: Duration, rid: u64, connection: Connection) {
        self.last = Some(rid);
        let body = format!(
            "<body {HTTPBIND} sid='s1' wait='{}' requests='{REQUESTS}' hold='{HOLD}' inactivity='{}' \
             ver='1.6' xmlns:stream='http://etherx.jabber.org/streams'><stream:features/></body>",
            self.wait.as_secs(),
            self.inactivity.as_secs()
        );
        self.keep(now, rid, connection, body);
    }

    /// A connection has broken. As Prosody 13, the server forgets the request that is held there.
    pub fn broken(&mut self, connection: Connection) {
        if self.keeps_broken && self.early.values().any(|(of, _)| *of == connection) {
            self.broken.push(connection);
        }
        self.held.retain(|(_, of, _)| *of != connection);
    }

    /// XEP-0124 §14.3.
    fn repeat(&mut self, now: Duration, rid: u64, connection: Connection) {
        if let Some(held) = self.held.iter_mut().find(|(of, ..)| *of == rid) {
            let before = std::mem::replace(&mut held.1, connection);
            self.respond(before, format!("<body {HTTPBIND} type='error'/>"));
        } else if Some(rid) == self.last && !self.kept.contains_key(&rid) {
            if self.ruined.is_none() {
                self.held.push_back((rid, connection, now));
            }
            self.answer_held(now);
        } else {
            // A late copy of an old request is answered, but no client waits for the response.
            let kept = self.kept.get(&rid).cloned();
            self.respond(connection, kept.unwrap_or_else(not_found));
        }
    }

    fn process(&mut self, now: Duration) {
        while let Some(last) = self.last
            && let Some((connection, element)) = self.early.remove(&(last + 1))
        {
            let rid = last + 1;
            self.last = Some(rid);
            self.heard.extend(
                element.children().map(|stanza| stanza.attr("id").unwrap().parse::<usize>().unwrap()),
            );
            if self.ruined.is_none() {
                self.held.push_back((rid, connection, now));
            }
            self.terminated = element.attr("type") == Some("terminate");
            let allowed = REQUESTS as usize + usize::from(self.terminated);
            assert!(self.held.len() <= allowed, "overactivity (XEP-0124 §11)");
            self.answer_held(now);
            if self.broken.contains(&connection) {
                self.ruined = Some(rid);
                self.held.clear();
            }
        }
    }

    fn answer_held(&mut self, now: Duration) {
        if let Some(rid) = self.ruined {
            return self.answer(now, rid, NOBODY);
        }
        while let Some((rid, connection, _)) = self.held.front().copied()
            && (!self.outbox.is_empty() || self.held.len() > HOLD || self.terminated)
        {
            self.held.pop_front();
            self.answer(now, rid, connection);
        }
    }

    fn answer(&mut self, now: Duration, rid: u64, connection: Connection) {
        let stanzas = self.outbox.drain(..).map(|id| format!("<message id='{id}'/>")).collect::<String>();
        let sid = if self.keeps_broken { " sid='s1'" } else { "" };
        self.keep(now, rid, connection, format!("<body {HTTPBIND}{sid}>{stanzas}</body>"));
    }

    fn keep(&mut self, now: Duration, rid: u64, connection: Connection, body: String) {
        self.kept.insert(rid, body.clone());
        while self.kept.len() as u64 > REQUESTS {
            self.kept.pop_first();
        }
        self.answered = now;
        self.respond(connection, body);
    }

    fn respond(&mut self, connection: Connection, body: String) {
        self.responses.push_back((connection, body));
    }

    fn expire(&mut self, now: Duration) {
        self.expired |= self.held.is_empty() && self.last.is_some() && now - self.answered > self.inactivity;
    }
}

fn not_found() -> String {
    terminate("item-not-found")
}
