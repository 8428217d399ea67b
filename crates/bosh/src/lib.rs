//! A BOSH session (XEP-0124, XEP-0206) that poses as a socket which speaks RFC 7395.
//!
//! An XMPP stream over a WebSocket writes and reads frames: `<open/>`, stanzas, `<close/>`. A [`Bosh`] takes
//! and gives the same frames, with HTTP below: bodies of requests carry stanzas up, bodies of responses carry
//! stanzas down. So a stream need not know which transport is under the frames.
//!
//! # The life of a session
//!
//! 1. [`Bosh::open`] makes the session request of the stream's first frame (XEP-0124 §7.1, XEP-0206 §3). A
//!    wrong answer to this request ends the attempt at once, with an [`Error`] that names the broken rule. A
//!    request without an answer is repeated once.
//! 2. The first response names the session (`sid`) and its [`Terms`]; [`Output::Opened`] says so. The
//!    stream's own `<open/>` has been sent already. The server's `<open/>` is made up when the first features
//!    come, in whichever response (XEP-0206 §4).
//! 3. From then on the server always holds one request, in every phase, so its stanzas come at once: when a
//!    response leaves no request behind, an empty body leaves at the end of the same task (XEP-0124 §10).
//!    The stream's stanzas leave at the end of their task, in one body, on the second connection while the
//!    first is held. Stanzas that do not fit wait for the next response. Between a challenge and its answer
//!    nothing is held.
//! 4. After authentication a second `<open/>` restarts the stream. The restart is alone in its body, before
//!    any other: servers take the first body after `<success/>` for the restart, or ignore its stanzas
//!    (XEP-0206 §5).
//! 5. Responses are processed in the order of their rids (XEP-0124 §14.2). A request without a response is
//!    repeated byte for byte under its rid, so no stanza is lost or doubled (§14.3). While the line is down
//!    the repetitions become rarer; after the time for which a server keeps a silent session (§10) the
//!    session is lost.
//! 6. `<close/>` ends the session: the last queued stanzas, the app's farewell among them, share a body with
//!    `type='terminate'` (§13). A server ends the session in the same way. The stanzas of a terminating
//!    response are delivered, a `<stream:error/>` in the response becomes a frame, an end without a condition
//!    becomes `<close/>`, and [`Output::Closed`] has the binding condition and the address of `see-other-uri`
//!    (§17.2). After [`Input::Close`] no frame comes up any more, but the queue and the terminating body
//!    still leave.
//!
//! [`Input::Abandon`] leaves the session to another page, without a word.
//!
//! [`Bosh::restore`] begins at step 3 with the session of a former page. Empty bodies from the lowest
//! unanswered rid on ask for the responses which that page missed: servers keep these and give them again
//! (§14.3). [`Output::Cache`] has the numbers that a later page needs.
//!
//! # The edge's part
//!
//! The machine does no I/O, as every layer here: [`Bosh::handle_input`] takes events with their time,
//! [`Bosh::poll_output`] gives commands, [`Bosh::deadline`] says when to hand in [`Input::Timeout`].
//! **Requests leave only on [`Input::EndOfTask`]**, which the caller hands in last in each task of the event
//! loop: so the stream's answer to a response shares a body with all else that the task says. The browser
//! carries out an [`Output::Request`] by these rules:
//!
//! - POST by `fetch` with `redirect: 'manual'`. A redirect would turn the POST into a GET, or repeat a login
//!   at an address that the app has not chosen. An opaque redirect hides its status: hand in status 0.
//! - `Content-Type: text/xml; charset=utf-8`, unless the app chooses another. The app's headers and
//!   credentials mode are read anew for each request.
//! - An `AbortController` per [`RequestId`] serves [`Output::Abort`]. A rejected promise, also of a response
//!   that is cut off, is [`Input::Failed`].
//! - A response that grows beyond [`Config::limits`] is aborted, and its text so far handed in: the length
//!   alone makes the error.
//! - [`Carries::Farewell`] leaves with `keepalive: true`, or as a beacon, and so outlives the page. This
//!   request may be under way after [`Output::Closed`]; the edge drops its response.
//! - The option `sync` must not concern [`Carries::Nothing`]: a synchronous poll blocks the page for up to
//!   `wait`.
//! - Over `http:` to another machine anybody can read a body: the caller allows no mechanism that shows a
//!   password.
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

/// The parameters of a new session.
#[derive(Debug)]
pub struct Config<'a> {
    /// The stream's first frame: `to`, `from` and `xml:lang` of this `<open/>` go into the session request.
    pub greeting: &'a str,
    /// For how many seconds the server may hold a request; 0 for a session that polls.
    pub wait: u32,
    /// How many requests the server may hold, 3 at most; 0 for a session that polls.
    pub hold: u32,
    /// The server behind a connection manager that serves several (XEP-0124 §7.1).
    pub route: Option<&'a str>,
    /// 64 bits of a cryptographic generator, for the first rid: rid and sid are the only secrets of a session
    /// (XEP-0124 §20.3).
    pub random: u64,
    /// The largest response.
    pub limits: Limits,
}

/// The session of a former page, or a session that the app's server has opened.
#[derive(Debug)]
pub struct Restore {
    /// The numbers that the former page has kept.
    pub cache: Cache,
    /// The terms, as far as they are known.
    pub terms: Terms,
    /// 64 bits, for the jitter of repetitions.
    pub random: u64,
    /// The largest response.
    pub limits: Limits,
}

/// The numbers that a later page needs to go on with a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cache {
    /// The session's id.
    pub sid: String,
    /// The rid of the next request.
    pub next: u64,
    /// The rid of the first request without a response; `next` if all have been answered.
    pub lowest: u64,
}

/// Names one attempt at a request: each repetition has a name of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u32);

/// An event for a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// The stream says this frame.
    Frame(&'a str),
    /// The stream says this stanza, and wants to hear when the server has it: see [`Output::Taken`].
    Stanza(&'a str),
    /// A request was answered. The response to an aborted attempt is ignored.
    Response {
        /// The attempt.
        request: RequestId,
        /// The HTTP status; 0 for an opaque redirect.
        status: u16,
        /// The whole text of the response.
        text: &'a str,
    },
    /// A request failed without a response; the server may have taken the request.
    Failed {
        /// The attempt.
        request: RequestId,
    },
    /// The browser is connected to a network again, or to another network: requests on the former network may
    /// have died silently.
    Online,
    /// The stream is gone. The queue and the terminating body may take this long to leave.
    Close(Duration),
    /// Another page may go on with the session: nothing leaves any more, not even the end.
    Abandon,
    /// The deadline of [`Bosh::deadline`] has come.
    Timeout,
    /// The task of the event loop ends: requests may leave.
    EndOfTask,
}

/// A command of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// The socket is open: the server has made a session. A restored session says so at once, before the
    /// server has been asked.
    Opened,
    /// The server says this frame.
    Frame(String),
    /// The server has this many more of the [stanzas](Input::Stanza), in order: a response has come to their
    /// request (XEP-0124 §14.3), or acknowledges it (§9.1).
    Taken(u32),
    /// Send this body.
    Request {
        /// The attempt.
        id: RequestId,
        /// The whole text.
        body: String,
        /// The kind of its content.
        carries: Carries,
    },
    /// Abort this attempt.
    Abort(RequestId),
    /// Keep these numbers in the place of the former, before the next request leaves.
    Cache(Cache),
    /// An attempt failed with this HTTP status; 0 where the browser has none.
    HttpError(u16),
    /// The session is over, as both sides wanted (`None`) or because of an error; no output follows.
    Closed(Option<Error>),
}

/// The content of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carries {
    /// Nothing: the body only asks for stanzas.
    Nothing,
    /// Stanzas, or the start or restart of the stream.
    Something,
    /// The end of the session.
    Farewell,
}

/// One session. See the crate's documentation.
pub struct Bosh {
    now: Duration,
    phase: Phase,
    limits: Limits,
    /// "" until the first response.
    sid: String,
    terms: Terms,
    /// The rid of the next new request.
    next: u64,
    /// A former page may have used the rids below this number: only empty bodies go under them.
    unused: u64,
    /// The requests whose responses have not been processed, lowest rid first.
    requests: VecDeque<Request>,
    queue: VecDeque<Item>,
    /// Whether the end of the session is queued or has left.
    closing: bool,
    header: Header,
    pace: Pace,
    outage: Outage,
    /// Whether the server keeps the broken connection of a request that overtook another, as Prosody does. It
    /// is known by the `sid` in all its responses.
    keeps_broken: bool,
    /// How often the server was silent about its oldest request, since it responded to one that it knows.
    silences: u32,
    /// How many requests the server did not know since then.
    unknown: u32,
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
    /// The session carries a stream.
    Open,
    /// The stream is gone; the terminating body still has to leave.
    Deaf,
    Closed,
}

/// The parts of the server's `<open/>`.
#[derive(Default)]
struct Header {
    /// Whether the stream has said its first `<open/>`.
    greeted: bool,
    /// Whether the server's `<open/>` has followed the stream's last.
    told: bool,
    from: Option<String>,
    authid: Option<String>,
    version: Option<String>,
}

impl Bosh {
    /// Asks for a session.
    pub fn open(now: Duration, config: Config<'_>) -> Self {
        let Config { greeting, wait, hold, route, random, limits } = config;
        // A rid is positive (XEP-0124 §14.1).
        let rid = u64::from(random as u32) + 1;
        // A polling session is the same with either number at 0, and best with `wait`: ejabberd ends a
        // session without both over any early request, and without `hold` holds its only request all the
        // same.
        let is_polling = wait == 0 || hold == 0;
        let (wait, hold) = if is_polling { (0, 1) } else { (wait, hold.min(LONGEST_HOLD)) };
        let terms = Terms { wait, hold, ..Terms::default() };
        let open = Element::parse(greeting, &limits).unwrap_or_else(|_| Element::new("open", ns::FRAMING));
        let body = Tag::session(rid, &open, &terms, route).around("");
        let mut bosh = Bosh::new(now, Phase::Requesting, terms, rid, random, limits);
        bosh.timers.set(Timer::Answer(rid), now + PATIENCE);
        bosh.push_request(body, Carries::Something, 0);
        bosh
    }

    /// Goes on with a session.
    pub fn restore(now: Duration, restore: Restore) -> Self {
        let Restore { cache: Cache { sid, next, lowest }, terms, random, limits } = restore;
        // A page of ours leaves no more requests unanswered than there are slots.
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
            keeps_broken: false,
            silences: 0,
            unknown: 0,
            told: (0, 0),
            timers: Timers::default(),
            attempts: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Handles an event. [`Bosh::poll_output`] has the commands that follow.
    pub fn handle_input(&mut self, now: Duration, input: Input<'_>) {
        self.now = now;
        if self.is_closed() {
            return;
        }
        match input {
            Input::Frame(text) => self.frame(text, false),
            Input::Stanza(text) => self.frame(text, true),
            Input::Response { request, status, text } => self.response(request, status, text),
            Input::Failed { request } => self.no_response(request),
            Input::Online => self.online(),
            Input::Close(patience) => self.close(patience),
            Input::Abandon => self.finish(None),
            Input::Timeout => self.timeout(),
            Input::EndOfTask => self.end_of_task(),
        }
    }

    /// The next command, in order; `None` when no command is left.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`].
    pub fn deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// Whether the session is over.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The session's id; "" before the first response.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The terms that the server has granted; before the first response, the terms that the client asked for.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The stream is gone.
    fn close(&mut self, patience: Duration) {
        if self.phase == Phase::Requesting {
            return self.finish(None);
        }
        self.phase = Phase::Deaf;
        // A page that is unloaded gets no later event.
        self.timers.clear(Timer::Repeat);
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
                // The end of this task finds the requests that may leave.
                Timer::Repeat | Timer::Order | Timer::Poll => {}
                Timer::Close => self.finish(None),
            }
        }
    }

    /// Ends the session. A farewell that is under way may still arrive.
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
    fn push_request(&mut self, body: String, carries: Carries, stanzas: u32) {
        let (rid, body) = (self.next, Zeroizing::new(body));
        let sent = self.now;
        self.pace.note_request(sent, carries == Carries::Nothing);
        let attempt = Attempt::New;
        self.requests.push_back(Request { rid, body, carries, stanzas, attempt, sent, failures: 0 });
        self.next += 1;
    }
}
