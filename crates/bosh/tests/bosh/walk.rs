//! Thousands of random steps, the same for the same seed: the properties that hold on any network.

use std::collections::BTreeMap;
use std::time::Duration;

use epode_bosh::{Bosh, Cache, Carries, Error, Input, Output, RequestId, Restore};
use epode_testkit::Random;
use epode_xml::{Element, Limits};

use crate::line::{CLOSE, OPEN, config, message, millis, seconds};
use crate::model::{Connection, Server};

#[test]
fn nothing_is_lost_doubled_or_out_of_order_on_a_bad_network() {
    for seed in 0..seeds() {
        let mut walk = Walk::new(seed, Weather::Bad, seconds(300));
        for _ in 0..250 {
            walk.act();
        }
        walk.calm_down();
        assert_eq!(walk.closed, None, "seed {seed}");
        assert_eq!(walk.server.heard, (0..walk.said).collect::<Vec<_>>(), "seed {seed}: up");
        assert_eq!(walk.taken, Some(walk.said), "seed {seed}: told");
        assert_eq!(walk.seen, (0..walk.delivered).collect::<Vec<_>>(), "seed {seed}: down");
        assert!(walk.server.is_idle(), "seed {seed}: one request is held");
        walk.end();
        assert!(walk.server.terminated, "seed {seed}");
    }
}

#[test]
fn a_page_that_is_restored_misses_nothing_and_says_nothing_twice() {
    for seed in 0..seeds() {
        let mut walk = Walk::new(seed, Weather::Bad, seconds(300));
        for _ in 0..10 {
            for _ in 0..25 {
                walk.act();
            }
            walk.reload();
        }
        walk.calm_down();
        assert_eq!(walk.closed, None, "seed {seed}");
        assert!(walk.server.heard.is_sorted_by(|a, b| a < b), "seed {seed}: {:?}", walk.server.heard);
        assert_eq!(walk.seen, (0..walk.delivered).collect::<Vec<_>>(), "seed {seed}: down");
        assert!(walk.server.is_idle(), "seed {seed}");
    }
}

#[test]
fn a_server_that_responds_to_a_broken_connection_is_left() {
    let mut ruined: u64 = 0;
    for seed in 0..seeds() {
        let mut walk = Walk::new(seed, Weather::Breaking, seconds(60));
        walk.server.keeps_broken = true;
        for _ in 0..250 {
            walk.act();
        }
        walk.weather = Weather::Fair;
        // Whoever talks on, finds out.
        for _ in 0..300 {
            walk.say(1);
            walk.pass(seconds(1));
        }
        let lost = walk.server.ruined.is_some() || walk.server.expired;
        assert_eq!(lost, walk.closed.is_some(), "seed {seed}: what is lost is told, and nothing else ends");
        assert!(lost || walk.seen.iter().copied().eq(0..walk.delivered), "seed {seed}: down");
        ruined += u64::from(lost);
    }
    assert!(ruined > 0 && ruined * 4 < seeds(), "{ruined} of {} sessions were lost", seeds());
}

#[test]
fn a_session_that_the_server_gives_up_ends_and_what_came_until_then_is_in_order() {
    let mut lost: u64 = 0;
    for seed in 0..seeds() {
        let mut walk = Walk::new(seed, Weather::Storm, seconds(10));
        for _ in 0..250 {
            walk.act();
        }
        walk.calm_down();
        assert_eq!(walk.server.expired, walk.closed.is_some(), "seed {seed}: {:?}", walk.closed);
        assert!(walk.server.heard.iter().copied().eq(0..walk.server.heard.len()), "seed {seed}: up");
        assert!(walk.seen.iter().copied().eq(0..walk.seen.len()), "seed {seed}: down");
        lost += u64::from(walk.server.expired);
    }
    assert!(lost * 10 > seeds(), "{lost} of {} sessions were lost, and so the test says little", seeds());
}

/// How many walks there are of each kind; `BOSH_SEEDS=1000` takes more.
fn seeds() -> u64 {
    std::env::var("BOSH_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40)
}

#[derive(Clone, Copy, PartialEq)]
enum Weather {
    Fair,
    /// A request in three meets with an accident.
    Bad,
    /// Every second connection breaks while the server may hold its request.
    Breaking,
    /// Most requests are lost.
    Storm,
}

/// The network's treatment of a request.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Arrives,
    /// The browser sends the request twice, since the connection broke before the response began.
    Doubled,
    /// The request never arrives, and the browser says so.
    Lost,
    /// The request never arrives, and the browser is silent.
    Swallowed,
    /// The server takes the request, and the response is lost.
    ResponseLost,
    ResponseSwallowed,
    /// The server takes the request, and the connection breaks while the server may hold the request.
    Broken,
    /// Something between the two answers in the server's place.
    Proxy,
}

enum Event {
    ToServer(Connection, String),
    ToClient(RequestId, u16, String),
    Fails(RequestId),
    /// The server hears that the client has given the request up.
    Aborted(Connection),
    Breaks(Connection, RequestId),
}

struct Walk {
    random: Random,
    weather: Weather,
    now: Duration,
    bosh: Bosh,
    server: Server,
    /// The messages on the wire, by their times of arrival.
    wire: BTreeMap<(Duration, u64), Event>,
    /// The attempts that the client waits for, by how the server sees them.
    connections: BTreeMap<Connection, (RequestId, Fate)>,
    count: u64,
    cache: Option<Cache>,
    /// Rids below this may have been used by a former page.
    unused: u64,
    said: usize,
    delivered: usize,
    seen: Vec<usize>,
    /// How many messages the server is said to have; `None` after a reload, when nobody knows any more.
    taken: Option<usize>,
    closed: Option<Option<Error>>,
}

impl Walk {
    fn new(seed: u64, weather: Weather, inactivity: Duration) -> Self {
        let mut walk = Walk {
            random: Random::new(seed),
            weather: Weather::Fair,
            now: Duration::ZERO,
            bosh: Bosh::open(Duration::ZERO, config()),
            server: Server::new(seconds(20), inactivity),
            wire: BTreeMap::new(),
            connections: BTreeMap::new(),
            count: 0,
            cache: None,
            unused: 0,
            said: 0,
            delivered: 0,
            seen: Vec::new(),
            taken: Some(0),
            closed: None,
        };
        walk.task(&[]);
        walk.pass(seconds(1));
        walk.task(&[Input::Frame(OPEN)]);
        walk.weather = weather;
        walk
    }

    fn act(&mut self) {
        match self.random.below(20) {
            0..6 => {
                let count = 1 + self.random.below(4) as usize;
                self.say(count);
            }
            6..10 => {
                self.server.deliver(self.now, self.delivered);
                self.delivered += 1;
                self.carry_responses();
            }
            10 => self.task(&[Input::Online]),
            11 => {
                let elapsed = millis(self.random.below(30_000));
                self.pass(elapsed);
            }
            _ => {
                let elapsed = millis(self.random.below(500));
                self.pass(elapsed);
            }
        }
    }

    /// The client says this many messages.
    fn say(&mut self, count: usize) {
        let frames: Vec<String> = (self.said..self.said + count).map(message).collect();
        self.said += count;
        let inputs: Vec<_> = frames.iter().map(|frame| Input::Stanza(frame)).collect();
        self.task(&inputs);
    }

    /// The network is fair again, for long enough to repeat every request.
    fn calm_down(&mut self) {
        self.weather = Weather::Fair;
        self.pass(seconds(300));
        // A held request may just have been answered, and the next be on its way.
        if !self.server.is_idle() {
            self.pass(seconds(1));
        }
    }

    /// The page is reloaded with the numbers that the former page kept.
    fn reload(&mut self) {
        let (terms, random, limits) = (*self.bosh.terms(), self.random.number(), Limits::default());
        let cache = self.cache.clone().unwrap();
        self.unused = cache.next;
        self.server.page_is_gone(cache.next);
        self.taken = None;
        // Requests of the former page may still arrive; its responses are lost.
        self.connections.clear();
        self.wire.retain(|_, event| matches!(event, Event::ToServer(..)));
        self.now += millis(self.random.below(3000));
        self.bosh = Bosh::restore(self.now, Restore { cache, terms, random, limits });
        self.task(&[]);
    }

    fn end(&mut self) {
        let last = message(self.said);
        self.task(&[Input::Frame(&last), Input::Frame(CLOSE), Input::Close(seconds(3))]);
        self.pass(seconds(4));
        assert_eq!(self.server.heard.last(), Some(&self.said));
        assert_eq!((&self.closed, self.bosh.deadline()), (&Some(None), None));
    }

    /// Hands in the events of a task, and its end.
    fn task(&mut self, inputs: &[Input<'_>]) {
        for input in inputs {
            let input = match input {
                Input::Frame(text) => Input::Frame(text),
                Input::Stanza(text) => Input::Stanza(text),
                Input::Response { request, status, text } => {
                    Input::Response { request: *request, status: *status, text }
                }
                Input::Failed { request } => Input::Failed { request: *request },
                Input::Online => Input::Online,
                Input::Close(patience) => Input::Close(*patience),
                Input::Abandon => Input::Abandon,
                Input::Timeout => Input::Timeout,
                Input::EndOfTask => Input::EndOfTask,
            };
            self.bosh.handle_input(self.now, input);
            self.drain();
        }
        self.bosh.handle_input(self.now, Input::EndOfTask);
        self.drain();
        self.look();
    }

    fn drain(&mut self) {
        while let Some(output) = self.bosh.poll_output() {
            assert_eq!(self.closed, None, "{output:?}");
            match output {
                Output::Frame(text) => self.see(&text),
                Output::Request { id, body, carries } => self.send(id, body, carries),
                Output::Abort(id) => {
                    let connection = self.connections.iter().find(|(_, (of, _))| *of == id);
                    let connection = *connection.expect("who is not waited for is not aborted").0;
                    self.connections.remove(&connection);
                    if self.random.below(2) == 0 {
                        self.put(Event::Aborted(connection));
                    }
                }
                Output::Cache(cache) => self.cache = Some(cache),
                Output::Taken(stanzas) => {
                    if let Some(taken) = &mut self.taken {
                        *taken += stanzas as usize;
                        assert!(*taken <= self.server.heard.len(), "the server has no {taken} messages");
                    }
                }
                Output::Closed(error) => self.closed = Some(error),
                Output::Opened | Output::HttpError(_) => {}
            }
        }
    }

    fn see(&mut self, frame: &str) {
        let element = Element::parse(frame, &Limits::default()).unwrap();
        if element.is("message", "jabber:client") {
            self.seen.push(element.attr("id").unwrap().parse().unwrap());
        }
    }

    /// At the end of each task a request is under way, or a deadline says when one will be.
    fn look(&self) {
        let is_over = self.closed.is_some();
        assert!(self.connections.len() <= 2 + usize::from(self.bosh.is_closed()), "two connections");
        assert!(is_over || self.bosh.deadline().is_some(), "nothing will ever happen");
        let cache = self.cache.as_ref().map_or((1, 0), |cache| (cache.next, cache.lowest));
        assert!(cache.0 - cache.1 <= 2, "{cache:?}");
    }

    fn send(&mut self, id: RequestId, body: String, carries: Carries) {
        let fate = match (self.weather, self.random.below(20)) {
            (Weather::Fair, _) | (Weather::Bad, 0..13) | (Weather::Storm, 0..6) => Fate::Arrives,
            (Weather::Breaking, 0..10) => Fate::Arrives,
            (Weather::Breaking, _) => Fate::Broken,
            (Weather::Bad, 13) => Fate::Lost,
            (Weather::Bad, 14) => Fate::Swallowed,
            (Weather::Bad, 15) => Fate::ResponseSwallowed,
            (Weather::Bad, 16) => Fate::Doubled,
            (Weather::Bad, 19) => Fate::Broken,
            (_, 17) => Fate::Proxy,
            (_, 18) => Fate::ResponseLost,
            _ => Fate::Lost,
        };
        let element = Element::parse(&body, &Limits::default()).unwrap();
        let is_stale = element.attr("rid").unwrap().parse::<u64>().unwrap() < self.unused;
        let is_empty = element.children().next().is_none();
        assert!(if is_stale || carries == Carries::Nothing { is_empty } else { true }, "{body}");
        let connection = self.number();
        self.connections.insert(connection, (id, fate));
        match fate {
            Fate::Swallowed => {}
            Fate::Lost => self.put(Event::Fails(id)),
            Fate::Proxy => {
                let status = [200, 502, 302][self.random.below(3) as usize];
                self.put(Event::ToClient(id, status, "<html/>".to_owned()));
            }
            Fate::Doubled => {
                let nobody = self.number();
                self.put(Event::ToServer(nobody, body.clone()));
                self.put(Event::ToServer(connection, body));
            }
            Fate::Broken => {
                self.put(Event::ToServer(connection, body));
                self.put(Event::Breaks(connection, id));
            }
            _ => self.put(Event::ToServer(connection, body)),
        }
    }

    /// Puts the server's responses on the wire.
    fn carry_responses(&mut self) {
        while let Some((connection, text)) = self.server.poll() {
            match self.connections.get(&connection).copied() {
                Some((id, Fate::Arrives | Fate::Doubled | Fate::Broken)) => {
                    self.put(Event::ToClient(id, 200, text))
                }
                Some((id, Fate::ResponseLost)) => self.put(Event::Fails(id)),
                _ => {}
            }
        }
    }

    /// Puts a message on the wire; the two connections overtake each other.
    fn put(&mut self, event: Event) {
        let (arrives, number) = (self.now + millis(1 + self.random.below(200)), self.number());
        self.wire.insert((arrives, number), event);
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn pass(&mut self, elapsed: Duration) {
        let until = self.now + elapsed;
        loop {
            let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.bosh.deadline().filter(|_| self.closed.is_none());
            let next = [arrival, deadline, Some(self.now + seconds(1))].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            self.server.tick(self.now);
            self.carry_responses();
            if self.bosh.deadline().is_some_and(|at| at <= self.now) {
                self.task(&[Input::Timeout]);
            }
            while let Some(entry) = self.wire.first_entry()
                && entry.key().0 <= self.now
            {
                match entry.remove() {
                    Event::ToServer(connection, body) => {
                        self.server.request(self.now, connection, &body);
                        self.carry_responses();
                    }
                    Event::ToClient(id, status, text) => {
                        self.connections.retain(|_, (of, _)| *of != id);
                        self.task(&[Input::Response { request: id, status, text: &text }]);
                    }
                    Event::Breaks(connection, id) if self.connections.contains_key(&connection) => {
                        self.server.broken(connection);
                        self.connections.remove(&connection);
                        self.task(&[Input::Failed { request: id }]);
                    }
                    Event::Breaks(..) => {}
                    Event::Aborted(connection) => self.server.broken(connection),
                    Event::Fails(id) => {
                        self.connections.retain(|_, (of, _)| *of != id);
                        self.task(&[Input::Failed { request: id }]);
                    }
                }
            }
        }
        self.now = until;
    }
}
