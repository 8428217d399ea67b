//! A session whose requests a test answers, fails or leaves unanswered.

use std::time::Duration;

use epode_bosh::{Bosh, Cache, Carries, Config, Error, Input, Output, RequestId, Restore, Terms};
use epode_xml::{Element, Limits};

pub const OPEN: &str =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='capulet.example' version='1.0'/>";
pub const CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
pub const HTTPBIND: &str = "xmlns='http://jabber.org/protocol/httpbind'";
pub const EMPTY: &str = "<body xmlns='http://jabber.org/protocol/httpbind'/>";
/// The first rid, which the randomness in [`config`] makes.
pub const RID: u64 = 1000;

pub const SESSION: &str = "<body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' \
    xmlns:stream='http://etherx.jabber.org/streams' sid='s1' wait='60' requests='2' hold='1' polling='5' \
    inactivity='30' ver='1.6' from='capulet.example' authid='a1' xmpp:version='1.0'>\
    <stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features></body>";

/// A session and its outputs so far.
pub struct Line {
    pub bosh: Bosh,
    pub now: Duration,
    /// The requests that are under way, oldest attempt first.
    pub under_way: Vec<Sent>,
    pub frames: Vec<String>,
    pub caches: Vec<Cache>,
    pub statuses: Vec<u16>,
    pub aborted: usize,
    /// The number of stanzas that the server is said to have.
    pub taken: u32,
    pub opened: usize,
    /// The end of the session, once reached.
    pub closed: Option<Option<Error>>,
}

/// A request that is under way.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: RequestId,
    pub body: String,
    pub carries: Carries,
}

impl Sent {
    pub fn element(&self) -> Element {
        Element::parse(&self.body, &Limits::default()).unwrap()
    }

    pub fn rid(&self) -> u64 {
        self.attr("rid").unwrap().parse().unwrap()
    }

    pub fn attr(&self, name: &str) -> Option<String> {
        self.element().attr(name).map(str::to_owned)
    }

    /// The stanzas in the body, as written.
    pub fn stanzas(&self) -> &str {
        match self.body.split_once("'>") {
            Some((_, rest)) => rest.strip_suffix("</body>").unwrap(),
            None => "",
        }
    }
}

impl Line {
    /// Asks for a session.
    pub fn new() -> Self {
        Line::with(Config { ..config() })
    }

    pub fn with(config: Config<'_>) -> Self {
        let mut line = Line::on(Bosh::open(Duration::ZERO, config));
        line.end_task();
        line
    }

    /// A session that is open; one empty request is under way.
    pub fn open() -> Self {
        Line::opened_by(SESSION)
    }

    /// The same, by this first response.
    pub fn opened_by(response: &str) -> Self {
        Line::new().greeted(response)
    }

    pub fn greeted(mut self, response: &str) -> Self {
        self.respond(0, 200, response);
        self.input(Input::Frame(OPEN));
        self.end_task();
        self.frames.clear();
        self
    }

    pub fn restored(next: u64, lowest: u64) -> Self {
        let cache = Cache { sid: "s1".to_owned(), next, lowest };
        let terms = Terms { inactivity: Some(30), polling: 5, ..Terms::default() };
        let restore = Restore { cache, terms, random: 7, limits: Limits::default() };
        let mut line = Line::on(Bosh::restore(Duration::ZERO, restore));
        line.end_task();
        line
    }

    fn on(bosh: Bosh) -> Self {
        Line {
            bosh,
            now: Duration::ZERO,
            under_way: Vec::new(),
            frames: Vec::new(),
            caches: Vec::new(),
            statuses: Vec::new(),
            aborted: 0,
            taken: 0,
            opened: 0,
            closed: None,
        }
    }

    /// Hands in an event, in a task that goes on.
    pub fn input(&mut self, input: Input<'_>) {
        self.bosh.handle_input(self.now, input);
        while let Some(output) = self.bosh.poll_output() {
            assert_eq!(self.closed, None, "{output:?} follows the end");
            match output {
                Output::Opened => self.opened += 1,
                Output::Frame(text) => self.frames.push(text),
                Output::Request { id, body, carries } => self.under_way.push(Sent { id, body, carries }),
                Output::Abort(id) => {
                    let before = self.under_way.len();
                    self.under_way.retain(|sent| sent.id != id);
                    self.aborted += before - self.under_way.len();
                }
                Output::Cache(cache) => {
                    assert_ne!(self.caches.last(), Some(&cache), "told already");
                    self.caches.push(cache);
                }
                Output::Taken(stanzas) => self.taken += stanzas,
                Output::HttpError(status) => self.statuses.push(status),
                Output::Closed(error) => self.closed = Some(error),
            }
        }
        assert_eq!(self.bosh.is_closed(), self.closed.is_some());
    }

    pub fn end_task(&mut self) {
        self.input(Input::EndOfTask);
    }

    /// The stream sends a frame, in a task of its own.
    pub fn say(&mut self, frame: &str) {
        self.input(Input::Frame(frame));
        self.end_task();
    }

    /// The server answers the `at`th request that is under way, in a task that goes on.
    pub fn respond(&mut self, at: usize, status: u16, text: &str) {
        let Sent { id, .. } = self.under_way.remove(at);
        self.input(Input::Response { request: id, status, text });
    }

    /// The server answers the oldest request; the stream does not reply.
    pub fn answer(&mut self, text: &str) {
        self.respond(0, 200, text);
        self.end_task();
    }

    /// The same, with these stanzas in a body.
    pub fn deliver(&mut self, stanzas: &str) {
        self.answer(&format!("<body {HTTPBIND}>{stanzas}</body>"));
    }

    /// The `at`th request that is under way fails.
    pub fn fail(&mut self, at: usize) {
        let Sent { id, .. } = self.under_way.remove(at);
        self.input(Input::Failed { request: id });
        self.end_task();
    }

    /// Lets time pass, with all deadlines in between.
    pub fn wait(&mut self, elapsed: Duration) {
        let until = self.now + elapsed;
        while let Some(at) = self.bosh.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
            self.end_task();
        }
        self.now = until;
    }

    /// The rids of the requests that are under way.
    pub fn rids(&self) -> Vec<u64> {
        self.under_way.iter().map(Sent::rid).collect()
    }

    /// Takes the frames that have come up.
    pub fn frames(&mut self) -> Vec<String> {
        std::mem::take(&mut self.frames)
    }
}

pub fn config() -> Config<'static> {
    Config {
        greeting: OPEN,
        wait: 60,
        hold: 1,
        route: None,
        random: (7 << 32) + RID - 1,
        limits: Limits::default(),
    }
}

pub fn message(number: usize) -> String {
    format!("<message xmlns='jabber:client' id='{number}'/>")
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Ends the session for this reason.
pub fn terminate(condition: &str) -> String {
    format!("<body {HTTPBIND} type='terminate' condition='{condition}'/>")
}
