//! A BOSH session (XEP-0124, XEP-0206) that poses as a socket which speaks RFC 7395.
//!
//! An XMPP stream over a WebSocket writes and reads frames: `<open/>`, stanzas, `<close/>`. A [`Bosh`] takes
//! the same frames and gives the same frames, and has HTTP below: requests whose bodies carry the stanzas up,
//! and responses that carry others down. So a stream need not know which of the two is under it.
//!
//! # The life of a session
//!
//! 1. [`Bosh::open`] is given the frame that the stream will say first, and makes the session request of it
//!    (XEP-0124 §7.1, XEP-0206 §3). A first attempt that is answered wrongly ends at once, and says by whose
//!    fault; one that gets no answer is repeated once.
//! 2. The first response names the session, its `sid`, and its [`Terms`]. [`Output::Opened`] says so. The
//!    stream says its first `<open/>`, which was sent already; the server's `<open/>` is made up as soon as
//!    the first features come, in whatever response that is (XEP-0206 §4).
//! 3. From now on one request is always held by the server, in every phase, so that what the server has to
//!    say comes at once: a response without another request behind it is followed by an empty body at the
//!    end of the same task (XEP-0124 §10). What the stream says leaves at the end of the task, too, all that
//!    fits in one body, on the second connection where the first is held. What does not fit waits for the
//!    next response.
//! 4. A second `<open/>` restarts the stream after authentication: alone in its body, ahead of all that may
//!    follow, for a server may take any body behind `<success/>` for the restart, or ignore what else is in
//!    it (XEP-0206 §5).
//! 5. Responses are processed in the order of their rids, whatever their own order (XEP-0124 §14.2). A request
//!    without a response is repeated, byte for byte under its rid, so nothing is lost and nothing doubled
//!    (§14.3). When the line is down this goes on, ever more rarely, for as long as the server may keep the
//!    session (§10); then the session is lost.
//! 6. `<close/>` ends it: a terminating body behind all that is queued, the app's farewell included (§13). So
//!    does the server, by a terminating body of its own: its stanzas are delivered, a `<stream:error>` in it
//!    becomes a frame, an end without a condition becomes `<close/>`, and [`Output::Closed`] has the binding
//!    condition, with the address of `see-other-uri` (§17.2). After [`Input::Close`] nobody listens any more,
//!    but what is queued and the terminating body still leave.
//!
//! [`Bosh::restore`] begins at step 3, with the session of a former page. What that page never got an answer
//! to is asked for again, by empty bodies from the lowest unanswered rid on: servers answer these with the
//! responses they have kept (§14.3). [`Output::Cache`] has what a later page needs for that.
//!
//! # What the edge does
//!
//! It is a sans-IO machine, as every layer here: [`Bosh::handle_input`] takes what happened, with the time;
//! [`Bosh::poll_output`] gives what to do; [`Bosh::deadline`] says when to hand in [`Input::Timeout`].
//! **Requests leave only on [`Input::EndOfTask`]**, which the caller hands in when all else of a task of the
//! event loop is done: so a stream's answer to a response shares one body with whatever else that task says.
//! The browser's side of an [`Output::Request`] is a POST with these rules:
//!
//! - `fetch` with `redirect: 'manual'`. A redirect would turn the POST into a GET, or repeat a login at an
//!   address that nobody has agreed to. An opaque redirect hides its status: it is handed in as status 0.
//! - `Content-Type: text/xml; charset=utf-8` unless the app says otherwise; the app's headers and credentials
//!   mode are read anew for each request. No custom header may be the reason why a repetition differs.
//! - An `AbortController` per [`RequestId`], for [`Output::Abort`]. A rejected promise is [`Input::Failed`];
//!   a response whose text is cut off is, too.
//! - A response that grows beyond [`Config::limits`] is aborted and handed in as far as it came: its length
//!   says the rest.
//! - [`Carries::Farewell`] leaves with `keepalive: true`, or as a beacon, so that it outlives the page; after
//!   [`Output::Closed`] it may still be under way, and nobody waits for its answer.
//! - The option `sync` may concern what carries something, never [`Carries::Nothing`]: a synchronous poll
//!   would block the page for up to `wait`.
//! - Over `http:` to another machine the body is readable by everybody: the caller allows no mechanism that
//!   shows a password.
//!
//! Time is a [`Duration`] since a moment of the caller's choice; only differences count.

use std::collections::VecDeque;
use std::time::Duration;

use epode_xml::{Element, Limits};
use zeroize::Zeroizing;

pub use error::Error;
pub use terms::Terms;

use body::{Tag, ns};
use outage::Outage;
use outbound::Item;
use pace::Pace;
use request::{Attempt, Request};
use terms::LONGEST_HOLD;
use timer::{Timer, Timers};

mod answer;
mod body;
mod error;
mod inbound;
mod outage;
mod outbound;
mod pace;
mod request;
mod terms;
mod timer;

/// How long a server may take to answer the session request: as long as a WebSocket may take to open.
const PATIENCE: Duration = Duration::from_secs(20);

/// The largest rid (XEP-0124 §14.1): 2⁵³ − 1.
const LAST_RID: u64 = (1 << 53) - 1;

/// What a session needs to know before it begins.
#[derive(Debug)]
pub struct Config<'a> {
    /// The frame that the stream says first: `to`, `from` and `xml:lang` of its `<open/>` go into the session
    /// request.
    pub greeting: &'a str,
    /// For how many seconds the server may hold a request; 0 for a session that polls.
    pub wait: u32,
    /// How many requests the server may hold, 3 at most; 0 for a session that polls.
    pub hold: u32,
    /// The server behind a connection manager that serves several (XEP-0124 §7.1).
    pub route: Option<&'a str>,
    /// 64 bits of a cryptographic generator. The first rid is made of them: rid and sid are the only secrets
    /// of a session (XEP-0124 §20.3).
    pub random: u64,
    /// What a response may be at most.
    pub limits: Limits,
}

/// What is known of the session of a former page, or of one that the app's server has opened.
#[derive(Debug)]
pub struct Restore {
    /// What was kept of it.
    pub cache: Cache,
    /// Its terms, as far as anybody knows them.
    pub terms: Terms,
    /// 64 bits, for the jitter of repetitions.
    pub random: u64,
    /// What a response may be at most.
    pub limits: Limits,
}

/// What a later page needs to go on with a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cache {
    /// The session's id.
    pub sid: String,
    /// The rid of the next request.
    pub next: u64,
    /// The rid of the first request whose response has not come; `next` if there is none.
    pub lowest: u64,
}

/// Names one attempt at a request: a repetition has another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u32);

/// What happens to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// The stream says this frame.
    Frame(&'a str),
    /// A request was answered. Of an attempt that was aborted, or answered before, this means nothing.
    Response {
        /// The attempt.
        request: RequestId,
        /// The HTTP status; 0 for an opaque redirect.
        status: u16,
        /// The whole text of the response.
        text: &'a str,
    },
    /// A request came to nothing, and nobody knows whether the server has seen it.
    Failed {
        /// The attempt.
        request: RequestId,
    },
    /// The browser is connected to a network again, or to another: what is under way may have died with the
    /// former one without a word.
    Online,
    /// The stream is gone. What is queued, and the terminating body, may take this long to leave.
    Close(Duration),
    /// The deadline of [`Bosh::deadline`] has come.
    Timeout,
    /// All else of this task is done: requests may leave.
    EndOfTask,
}

/// What a session wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// There is a session: the socket is open. Of a restored one this comes at once, though the server has
    /// not been asked.
    Opened,
    /// The server says this frame.
    Frame(String),
    /// Send this body.
    Request {
        /// The attempt.
        id: RequestId,
        /// The whole text.
        body: String,
        /// What is in it.
        carries: Carries,
    },
    /// Nobody waits for this attempt any more.
    Abort(RequestId),
    /// Keep this, in the place of what was told before, and before the requests behind it leave.
    Cache(Cache),
    /// An attempt failed with this HTTP status; 0 where the browser has none.
    HttpError(u16),
    /// The session is over, and nothing follows: as both sides wanted (`None`), or because of an error.
    Closed(Option<Error>),
}

/// What a body carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carries {
    /// Nothing: the body asks what there is.
    Nothing,
    /// Stanzas, or the begin or restart of the stream.
    Something,
    /// The end of the session.
    Farewell,
}

/// One session. See the crate's documentation.
pub struct Bosh {
    now: Duration,
    phase: Phase,
    limits: Limits,
    /// "" until the first response names it.
    sid: String,
    terms: Terms,
    /// The rid of the next new request.
    next: u64,
    /// Rids below this one may have been used by a former page: only empty bodies go under them.
    unused: u64,
    /// What has no response that was processed, lowest rid first.
    requests: VecDeque<Request>,
    queue: VecDeque<Item>,
    /// Whether what is queued ends the session, or has left.
    closing: bool,
    header: Header,
    pace: Pace,
    outage: Outage,
    /// The numbers of the last [`Output::Cache`].
    told: (u64, u64),
    timers: Timers,
    attempts: u32,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The session request has no response.
    Requesting,
    /// There is a session, and a stream on it.
    Open,
    /// The stream is gone; the session still has to end.
    Deaf,
    Closed,
}

/// What the server's `<open/>` is made of.
#[derive(Default)]
struct Header {
    /// Whether the stream has said its first `<open/>`.
    greeted: bool,
    /// Whether the stream has been told the server's `<open/>`, since it said its own last.
    told: bool,
    from: Option<String>,
    authid: Option<String>,
    version: Option<String>,
}

impl Bosh {
    /// Asks for a session.
    pub fn open(now: Duration, config: Config<'_>) -> Self {
        let Config { greeting, wait, hold, route, random, limits } = config;
        // The lower half is the rid, which must be positive.
        let rid = u64::from(random as u32) + 1;
        let terms = Terms { wait, hold: hold.min(LONGEST_HOLD), ..Terms::default() };
        let open = Element::parse(greeting, &limits).unwrap_or_else(|_| Element::new("open", ns::FRAMING));
        let body = Tag::session(rid, &open, &terms, route).around("");
        let mut bosh = Bosh::new(now, Phase::Requesting, terms, rid, random, limits);
        bosh.timers.set(Timer::Answer(rid), now + PATIENCE);
        bosh.push_request(body, Carries::Something);
        bosh
    }

    /// Goes on with a session.
    pub fn restore(now: Duration, restore: Restore) -> Self {
        let Restore { cache: Cache { sid, next, lowest }, terms, random, limits } = restore;
        // No page leaves more requests unanswered than there are slots: other numbers are none of ours.
        let is_ours = lowest <= next && next - lowest <= terms.slots() as u64;
        let first = if is_ours { lowest } else { next };
        let mut bosh = Bosh::new(now, Phase::Open, terms, first, random, limits);
        bosh.header = Header { greeted: true, told: true, ..Header::default() };
        bosh.sid = sid;
        bosh.unused = next;
        bosh.outputs.push_back(Output::Opened);
        bosh
    }

    fn new(now: Duration, phase: Phase, terms: Terms, next: u64, random: u64, limits: Limits) -> Self {
        Bosh {
            now,
            phase,
            limits,
            sid: String::new(),
            terms,
            next,
            unused: 0,
            requests: VecDeque::new(),
            queue: VecDeque::new(),
            closing: false,
            header: Header::default(),
            pace: Pace::default(),
            outage: Outage::new(now, random >> 32),
            told: (0, 0),
            timers: Timers::default(),
            attempts: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Takes note of what happened. Collect what follows from it with [`Bosh::poll_output`].
    pub fn handle_input(&mut self, now: Duration, input: Input<'_>) {
        self.now = now;
        if self.is_closed() {
            return;
        }
        match input {
            Input::Frame(text) => self.frame(text),
            Input::Response { request, status, text } => self.response(request, status, text),
            Input::Failed { request } => self.no_response(request),
            Input::Online => self.online(),
            Input::Close(patience) => self.close(patience),
            Input::Timeout => self.timeout(),
            Input::EndOfTask => self.end_of_task(),
        }
    }

    /// The next thing to do, in order; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`].
    pub fn deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// Whether nothing more will happen.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The session's id; "" until the server has named it.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// What server and client agree on, or what was asked for, until the server has granted it.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The stream is gone.
    fn close(&mut self, patience: Duration) {
        if self.phase == Phase::Requesting {
            return self.finish(None);
        }
        self.phase = Phase::Deaf;
        self.queue.retain(|item| !matches!(item, Item::Restart(_)));
        if !self.closing {
            self.closing = true;
            self.queue.push_back(Item::End);
        }
        self.timers.set(Timer::Close, self.now + patience);
    }

    fn timeout(&mut self) {
        while let Some(timer) = self.timers.expired(self.now) {
            match timer {
                Timer::Answer(rid) => self.silence(rid),
                // The end of this task looks what may leave.
                Timer::Repeat | Timer::Poll => {}
                Timer::Close => self.finish(None),
            }
        }
    }

    /// The session is over. A farewell that is under way may arrive all the same.
    fn finish(&mut self, error: Option<Error>) {
        for request in std::mem::take(&mut self.requests) {
            if let Some(id) = request.under_way().filter(|_| request.carries != Carries::Farewell) {
                self.outputs.push_back(Output::Abort(id));
            }
        }
        self.queue.clear();
        self.timers.clear_all();
        self.phase = Phase::Closed;
        self.outputs.push_back(Output::Closed(error));
    }

    /// Uses up the next rid.
    fn push_request(&mut self, body: String, carries: Carries) {
        let (rid, body) = (self.next, Zeroizing::new(body));
        let sent = self.now;
        self.pace.note_request(sent, carries == Carries::Nothing);
        self.requests.push_back(Request { rid, body, carries, attempt: Attempt::Due, sent, failures: 0 });
        self.next += 1;
    }
}
