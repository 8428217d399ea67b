//! The per-tab end of the protocol, pure.
//!
//! A tab says hello, and until it is welcome everything the app wants waits here, in order. Then wishes go
//! out as they come, each send and request under a token of its own, and what the worker says comes back as
//! [`Event`]s. What the app wants to hear it [claims](Tab::claim); a claim that was made while a stanza was
//! handled holds from exactly that stanza on. What was handled is acknowledged every half window.
//!
//! When the worker dies the tab asks for a new port ([`Output::Reopen`]) and joins its session again: with
//! the credentials it was given, or without, if another tab has them. One that runs and does not answer is
//! gone round: the port is then one to a worker beside it. Whatever happens, every send and every request
//! ends; if the worker refuses the tab, or never answers, all that is open fails, and the tab
//! [is over](Tab::is_over).
//!
//! As every layer: [`Tab::handle_input`] takes what happened, [`Tab::poll_output`] gives what to do. The
//! stanza stays the text (`T`) it came as.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{
    Batch, Before, Caught, ClaimId, Delivery, Fault, FromWorker, Hello, LogLevel, Origin, Outcome, Outgoing,
    Position, Refusal, Role, Secret, Selector, Status, StatusCode, TabInfo, ToWorker, Token, VERSION, WINDOW,
    weight,
};

mod claims;
mod cursor;
mod membership;
mod open;
mod vigil;

use claims::Claims;
use cursor::{Cursor, Step};
use membership::Membership;
use open::Open;
pub use vigil::ANSWER;
use vigil::{Alarm, Millis, Vigil, after};

/// How long a tab waits for a sign of life of the worker.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// How long it waits for the welcome of one that has given such a sign: on a slow line its wasm takes a
/// while.
pub const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// What the app wants, and what happens to the tab.
#[derive(Debug)]
pub enum Input<T> {
    /// The port is open: introduce the tab.
    Opened {
        /// Names the tab; the same before and after a reload, and no other tab's.
        tab: String,
        /// The Web Lock that this page instance holds, where the browser has locks.
        lock: Option<String>,
        /// Whether the page can be seen.
        visible: bool,
        /// After a reload: where the page before it stood.
        before: Option<Before>,
    },
    /// The worker said this.
    Message(FromWorker<T>),
    /// The worker posted what is not of the protocol.
    Malformed(String),
    /// The worker died: its lock is free.
    Died,
    /// The worker cannot be reached, and why.
    Lost(Fault),
    /// The app wants this: anything that has no method of its own.
    Say(ToWorker<T>),
    /// The deadline of [`Tab::deadline`] has come.
    Timeout {
        /// Of a worker that has [not spoken](Tab::is_greeting): whether it runs, or its script is on its way;
        /// `None` where nothing is known.
        runs: Option<bool>,
    },
}

/// What a tab wants done.
#[derive(Debug)]
pub enum Output<T> {
    /// Post this to the worker.
    Post(ToWorker<T>),
    /// Report [`Input::Died`] when this Web Lock is free: the worker holds it while it lives.
    Watch(String),
    /// Open a port to a new worker, and report [`Input::Opened`].
    Reopen {
        /// Whether to the worker that stands in for one that does not answer.
        detour: bool,
    },
    /// Tell the app.
    Event(Event<T>),
}

/// What a tab tells the app.
#[derive(Debug)]
pub enum Event<T> {
    /// Where the session stands.
    Status(Status),
    /// The keys that SCRAM derived from the credentials of this tab.
    Keys(Secret),
    /// A mechanism of this tab is to answer a challenge of the server, or to begin: the number of the
    /// question, its name, and the challenge. The answer is for the worker that asks, and no other: whoever
    /// takes it to another port spoils that one's login.
    Challenge(Token, String, Option<String>),
    /// Which role this tab has.
    Role(Role),
    /// Stanzas, for whatever is claimed, to be handled one after the other. What the app claims at one of
    /// them is claimed behind [`Tab::at`].
    Stanzas(Batch<T>),
    /// A stanza that was received, likewise.
    Stanza(Position, T),
    /// A stanza for this claim alone: it came before the claim did.
    Caught(ClaimId, Origin, T),
    /// From here on the claim hears what every other does.
    Claimed(ClaimId),
    /// Stanzas are missing: the first position, the last, how many.
    Gap(Position, Position, u32),
    /// All sends up to this token are written, but for those that failed before.
    Written(Token),
    /// A send failed.
    Failed(Token, Fault),
    /// A request ended.
    Response(Token, Outcome<T>),
    /// What the worker knows of the tabs.
    Tabs(Token, Vec<TabInfo>),
    /// Something for the app's log.
    Log(LogLevel, String),
}

enum Stage {
    /// The port is not open.
    Closed,
    /// The worker died, or makes room; the next is tried then.
    Resting,
    /// Hello is said: since when the answer is waited for, whether the worker has given a sign of life, and
    /// whether the wish to join went out right behind it.
    Greeting { since: Millis, alive: bool, joining: bool },
    /// The worker serves this tab; whether its death will be noticed.
    Welcome { since: Millis, watched: bool },
    /// It does not, and will not.
    Over,
}

/// An output, and the moment in the order of stanzas that it is.
struct Due<T> {
    output: Output<T>,
    step: Option<Step>,
}

/// The per-tab end of the protocol. See the crate's documentation.
pub struct Tab<T> {
    stage: Stage,
    boot: String,
    /// What the app wanted before the welcome.
    waiting: VecDeque<ToWorker<T>>,
    open: Open,
    membership: Membership,
    claims: Claims,
    cursor: Cursor,
    /// How many posts were handled, and what those weigh that are not acknowledged.
    posts: u32,
    unacknowledged: u32,
    /// Whether a worker that is too old was asked to make room; one is asked once.
    asked_to_step_aside: bool,
    /// How many wishes to join a session were said that the worker has not taken up.
    unjoined: u32,
    /// How many more ports are tried, since the browser may still give out ones to the worker that died
    /// (Firefox, when it closed itself).
    retries: u32,
    /// How many workers died soon after they were born, one after the other.
    died_young: u32,
    /// Until when to wait, and over a worker that has spoken.
    vigil: Vigil,
    /// Whether this tab is at the worker that stands in for another.
    detour: bool,
    outputs: VecDeque<Due<T>>,
}

/// How long a worker that is too old may take to make room for another.
const STEP_ASIDE: Duration = Duration::from_secs(1);

/// How long a worker that died may take to be gone: one that closed itself lets go of its lock first. In
/// Firefox a port that is asked for meanwhile leads nowhere, and now and then no worker starts at that
/// address again until the pages close.
const REST: Duration = Duration::from_millis(250);

/// How often, and after what silence, a further port is tried when a worker has died.
const RETRIES: u32 = 3;
const RETRY: Duration = Duration::from_secs(2);

/// How soon it is looked again for a worker whose script was on its way: what a look takes, the script must
/// do without.
const LOOK: Duration = Duration::from_secs(4);

/// A worker that lived for this long did not die young.
const YOUTH: Duration = Duration::from_secs(10);

impl<T> Default for Tab<T> {
    fn default() -> Self {
        Tab {
            stage: Stage::Closed,
            boot: String::new(),
            waiting: VecDeque::new(),
            open: Open::default(),
            membership: Membership::default(),
            claims: Claims::default(),
            cursor: Cursor::default(),
            posts: 0,
            unacknowledged: 0,
            asked_to_step_aside: false,
            unjoined: 0,
            retries: 0,
            died_young: 0,
            vigil: Vigil::default(),
            detour: false,
            outputs: VecDeque::new(),
        }
    }
}

impl<T> Tab<T> {
    /// Takes note of what happened. Collect what follows from it with [`Tab::poll_output`].
    pub fn handle_input(&mut self, now: Duration, input: Input<T>) {
        let now = after(0, now);
        match input {
            Input::Opened { tab, lock, visible, before } => {
                if let Some(Before { boot, position }) = &before {
                    // Until this page has joined a session, it stands where the one before it stood.
                    self.boot = boot.clone();
                    self.cursor = Cursor::behind(*position);
                }
                let hello = Hello { versions: vec![VERSION], tab, lock, before, visible };
                self.unjoined = 0;
                let patience = if self.retries > 0 { RETRY } else { PATIENCE };
                self.stage = Stage::Greeting { since: now, alive: false, joining: false };
                self.vigil.until = after(now, patience);
                self.output(Output::Post(ToWorker::Hello(hello)));
            }
            Input::Message(message) => self.message(now, message),
            Input::Malformed(detail) => {
                self.event(Event::Log(
                    LogLevel::Warn,
                    "the worker was not understood: ".to_owned() + &detail,
                ));
                // A newer worker may say more than this page knows, and counts it in the window.
                if matches!(self.stage, Stage::Welcome { .. }) {
                    self.count_post(0);
                }
            }
            Input::Died => self.died(now, "the worker died"),
            Input::Lost(fault) => self.lose(fault),
            Input::Say(wish) => {
                let is_shown = matches!(wish, ToWorker::Visibility { visible: true });
                self.say(wish);
                // Timers of hidden pages are slow, and those of frozen ones stand still.
                if is_shown && self.is_welcome() {
                    self.vigil.ask(now, self.posts);
                    self.output(Output::Post(ToWorker::Ping));
                }
            }
            Input::Timeout { runs } => self.timeout(now, runs),
        }
    }

    /// The next thing to do, in order; `None` when there is nothing. What the app does about an [`Event`]
    /// belongs to the moment until the next call.
    pub fn poll_output(&mut self) -> Option<Output<T>> {
        self.cursor.leave();
        let Some(Due { output, step }) = self.outputs.pop_front() else {
            // Nothing more is to be done about what came: now the claims go out together.
            self.say_claims();
            return self.outputs.pop_front().map(|due| due.output);
        };
        if let Some(step) = step {
            self.cursor.enter(step);
        }
        Some(output)
    }

    /// As [`Input::Message`] with a [`FromWorker::Deliver`], or a [`FromWorker::Stanza`], of so many stanzas
    /// that ends at this position. Whether its stanzas are for the app, which handles them before the next
    /// [`Tab::poll_output`]. What comes most often has a way of its own, since each browser compiles again
    /// what is called often: this is short, and what understands any message is not.
    pub fn delivered(&mut self, end: Position, stanzas: usize) -> bool {
        if !self.listens() {
            return false;
        }
        let joined = self.unjoined == 0;
        if joined {
            self.cursor.enter(Step::Through(end));
        }
        self.count_post(stanzas);
        joined
    }

    /// Of the stanzas that are being handled, it is this one's turn: behind all before it, or back at it, for
    /// a request that others were asked first.
    pub fn at(&mut self, position: Position) {
        self.cursor.enter(Step::At(position));
    }

    /// When to hand in [`Input::Timeout`].
    pub fn deadline(&self) -> Option<Duration> {
        let waits = !matches!(self.stage, Stage::Closed | Stage::Over);
        waits.then_some(Duration::from_millis(self.vigil.until))
    }

    /// Whether the worker has not welcomed this tab yet.
    pub fn is_greeting(&self) -> bool {
        matches!(self.stage, Stage::Greeting { .. })
    }

    /// Whether the worker will not serve this tab any more: a new port is needed.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Whether it serves this tab.
    pub fn is_welcome(&self) -> bool {
        matches!(self.stage, Stage::Welcome { .. })
    }

    /// Whether what the worker says of a session is still of one that the app has left: it has not taken up
    /// the latest wish to join.
    pub fn is_joining(&self) -> bool {
        self.unjoined > 0
    }

    /// Where this page stands, for the page after a reload.
    pub fn before(&self) -> Before {
        Before { boot: self.boot.clone(), position: self.cursor.handled() }
    }

    /// Sends stanzas, in order. Their tokens rise by one; the last one's is returned.
    pub fn send(&mut self, texts: impl IntoIterator<Item = T>) -> Token {
        let mut stanzas = Vec::new();
        for text in texts {
            let token = self.open.send();
            stanzas.push(Outgoing { token, text });
        }
        if !stanzas.is_empty() {
            self.say(ToWorker::Send { stanzas });
        }
        self.open.latest()
    }

    /// Asks an IQ, and waits at most `timeout` for the answer.
    pub fn request(&mut self, text: T, timeout: Option<Duration>) -> Token {
        let token = self.open.request();
        let timeout = timeout.map(|timeout| timeout.as_millis().try_into().unwrap_or(u32::MAX));
        self.say(ToWorker::Request { token, text, timeout });
        token
    }

    /// Asks what the worker knows of the tabs of this session.
    pub fn tabs(&mut self) -> Token {
        let token = self.open.question();
        self.say(ToWorker::Tabs { token });
        token
    }

    /// Claims stanzas, for as long as this session is up. Behind [`Event::Claimed`] it hears what every other
    /// claim does. `made` is the [time of day](ToWorker#time-of-day): outside of any stanza nothing else says
    /// when that is.
    pub fn claim(&mut self, made: f64, selector: Selector) -> ClaimId {
        let (from, made) = match self.cursor.within() {
            Some(within) => (within, 0.0),
            None => (self.cursor.handled(), made),
        };
        self.claims.make(from, made, selector)
    }

    /// Gives a claim up.
    pub fn release(&mut self, claim: ClaimId) {
        if self.claims.release(claim) && self.membership.is_up() {
            self.say(ToWorker::Release { claims: vec![claim] });
        }
    }

    fn say(&mut self, wish: ToWorker<T>) {
        // What is claimed holds from before what is said next.
        self.say_claims();
        self.membership.note_wish(&wish);
        match &mut self.stage {
            Stage::Welcome { .. } => self.post(wish),
            // Hello was said, and where there are no locks nothing else tells that the page is gone.
            Stage::Greeting { .. } if matches!(wish, ToWorker::Leave) => self.post(wish),
            // The first connection of a page waits for nothing it need not wait for. Should nothing come of
            // this worker, the wish is said to the next.
            Stage::Greeting { joining: joining @ false, .. }
                if self.waiting.is_empty()
                    && matches!(wish, ToWorker::Connect { .. } | ToWorker::Attach { .. }) =>
            {
                *joining = true;
                self.post(wish);
            }
            Stage::Closed | Stage::Greeting { .. } | Stage::Resting => self.waiting.push_back(wish),
            Stage::Over => self.lose(because("worker-lost", "the worker does not serve this page any more")),
        }
    }

    /// Posts the claims that were made meanwhile: those of one moment together. Before the session is up they
    /// wait.
    fn say_claims(&mut self) {
        if !self.membership.is_up() || !matches!(self.stage, Stage::Welcome { .. }) {
            return;
        }
        for (from, made, claims) in self.claims.take_unsaid() {
            self.output(Output::Post(ToWorker::Claim { claims, from, made }));
        }
    }

    fn message(&mut self, now: Millis, message: FromWorker<T>) {
        if !self.listens() {
            // The app was told that this worker is lost: what it says after all would be about a session
            // nobody believes in.
            return;
        }
        self.vigil.heard(now);
        // A sign of life: its wasm is on its way.
        if let Stage::Greeting { since, alive: alive @ false, .. } = &mut self.stage {
            (*since, *alive) = (now, true);
        }
        let stanzas = match &message {
            FromWorker::Deliver(batch) => batch.len(),
            FromWorker::Stanza(..) => 1,
            _ => 0,
        };
        match message {
            FromWorker::Welcome { boot, lock, .. } => return self.welcome(now, boot, lock),
            FromWorker::Refused(Refusal::Version { speaks }) if self.may_ask_to_step_aside(&speaks) => {
                self.asked_to_step_aside = true;
                self.output(Output::Post(ToWorker::StepAside));
                return self.rest(after(now, STEP_ASIDE));
            }
            // It broke, and is about to die, which is seen to when it does; or, where nobody would tell of
            // its death, it has forgotten this page.
            FromWorker::Refused(Refusal::Engine { detail }) if self.is_welcome() => {
                self.event(Event::Log(LogLevel::Error, detail));
                if !self.is_watched() {
                    self.died(now, "the worker serves this page no more");
                }
                return;
            }
            // Of the one that died, which is not quite gone.
            FromWorker::Refused(Refusal::Engine { .. }) if self.retries > 0 => {
                self.retries -= 1;
                return self.rest(after(now, RETRY));
            }
            FromWorker::Refused(refusal) => return self.lose(in_words(refusal)),
            FromWorker::Ping => return self.output(Output::Post(ToWorker::Pong)),
            FromWorker::Pong => return,
            FromWorker::Joining => self.unjoined = self.unjoined.saturating_sub(1),
            // Of a session that the app has left, which it must not take for the one it wants.
            FromWorker::Status(_)
            | FromWorker::Keys { .. }
            | FromWorker::Role(_)
            | FromWorker::Deliver(_)
            | FromWorker::Stanza(..)
            | FromWorker::Claimed { .. }
            | FromWorker::Gap { .. }
            | FromWorker::SaslChallenge { .. }
                if self.unjoined > 0 => {}
            FromWorker::Status(status) => self.status(status),
            FromWorker::Keys { keys } => self.event(Event::Keys(keys)),
            FromWorker::SaslChallenge { exchange, mechanism, challenge } => {
                return self.event(Event::Challenge(exchange, mechanism, challenge));
            }
            FromWorker::Role(role) => self.event(Event::Role(role)),
            FromWorker::Deliver(batch) => {
                let through = Step::Through(batch.end());
                self.event_at(through, Event::Stanzas(batch));
            }
            FromWorker::Stanza(position, text) => {
                self.event_at(Step::Through(position), Event::Stanza(position, text));
            }
            FromWorker::Claimed { claims } => self.claimed(claims),
            FromWorker::Gap { from, to, count, .. } => self.event(Event::Gap(from, to, count)),
            FromWorker::Written { up_to } => {
                self.open.written(up_to);
                self.event(Event::Written(up_to));
            }
            FromWorker::Failed { token, fault } => {
                if self.open.end_send(token) {
                    self.event(Event::Failed(token, fault));
                }
            }
            FromWorker::Response { token, outcome, position } => {
                if self.open.end_request(token) {
                    let answered = matches!(outcome, Outcome::Result(_) | Outcome::Error(_));
                    let event = Event::Response(token, outcome);
                    if answered { self.event_at(Step::At(position), event) } else { self.event(event) }
                }
            }
            FromWorker::Tabs { token, tabs } => {
                if self.open.end_question(token) {
                    self.event(Event::Tabs(token, tabs));
                }
            }
            FromWorker::Log { level, text } => self.event(Event::Log(level, text)),
        }
        self.count_post(stanzas);
    }

    /// Every half window the worker hears how much was handled. The acknowledgement stands behind what it
    /// acknowledges.
    fn count_post(&mut self, stanzas: usize) {
        self.posts = self.posts.wrapping_add(1);
        self.unacknowledged += weight(stanzas);
        if self.unacknowledged >= WINDOW / 2 && matches!(self.stage, Stage::Welcome { .. }) {
            self.unacknowledged = 0;
            self.output(Output::Post(ToWorker::Ack { posts: self.posts }));
        }
    }

    fn may_ask_to_step_aside(&self, speaks: &[u32]) -> bool {
        !self.asked_to_step_aside && speaks.iter().all(|version| *version < VERSION)
    }

    fn welcome(&mut self, now: Millis, boot: String, lock: Option<String>) {
        let Stage::Greeting { joining, .. } = self.stage else { return };
        self.stage = Stage::Welcome { since: now, watched: lock.is_some() };
        if self.boot != boot {
            self.cursor = Cursor::default();
        }
        self.boot = boot;
        self.posts = 0;
        self.unacknowledged = 0;
        if let Some(lock) = lock {
            self.output(Output::Watch(lock));
        }
        // What the app wished meanwhile counts more than what it had.
        let rejoins = !joining && !self.waiting.iter().any(Membership::is_wish_for);
        if let Some(wish) = self.membership.rejoin().filter(|_| rejoins) {
            self.post(wish);
        }
        for wish in std::mem::take(&mut self.waiting) {
            self.post(wish);
        }
    }

    fn status(&mut self, status: Status) {
        let was_up = self.membership.is_up();
        self.membership.note_status(&status);
        match (&status.session, status.code) {
            (Some(session), _) => {
                let start = Step::Start(session.position);
                self.claims.begin(session.position);
                self.event_at(start, Event::Status(status));
            }
            (None, code) => {
                // A session that is down already may be so for another reason: what is claimed since is for
                // the one to come.
                let is_over = match code {
                    StatusCode::Reconnecting => was_up,
                    code => matches!(code, StatusCode::Disconnected | StatusCode::AttachFail),
                };
                if is_over {
                    self.claims.clear();
                }
                self.event(Event::Status(status));
            }
        }
    }

    fn claimed(&mut self, claims: Vec<Caught<T>>) {
        // A page after a reload must not be given again what this one has caught.
        let mut behind = None;
        for Caught { claim, stanzas } in claims {
            // One of a former stream, or that was released meanwhile, has nobody to hear it.
            if !self.claims.holds(claim) {
                self.say(ToWorker::Release { claims: vec![claim] });
                continue;
            }
            for Delivery(position, origin, text) in stanzas {
                // A replayed presence is of no moment: it tells what is, not what came.
                let received = (origin == Origin::Received).then_some(position);
                behind = behind.max(received);
                self.event_at(received.map(Step::Caught), Event::Caught(claim, origin, text));
            }
            self.event_at(behind.map(Step::Behind), Event::Claimed(claim));
        }
    }

    fn timeout(&mut self, now: Millis, runs: Option<bool>) {
        if now < self.vigil.until {
            return;
        }
        match self.stage {
            Stage::Resting => self.reopen(),
            Stage::Greeting { alive: false, .. } if self.retries > 0 => {
                self.retries -= 1;
                self.reopen();
            }
            Stage::Greeting { since, alive: false, .. } => match runs {
                // Hello is to wait for as long as any answer may take.
                Some(true) if now < after(since, ANSWER) => self.vigil.until = after(since, ANSWER),
                Some(true) if !self.detour => self.go_round(now),
                Some(false) if now < after(since, LONG_PATIENCE) => self.vigil.until = after(now, LOOK),
                Some(_) => self.give_up("the worker does not answer"),
                None => self
                    .give_up("the worker did not answer within 8 s: is its script the one of this package?"),
            },
            Stage::Greeting { since, .. } if after(since, LONG_PATIENCE) <= now => {
                self.give_up("the worker did not get ready within 60 s");
            }
            Stage::Greeting { .. } | Stage::Welcome { .. } => match self.vigil.ring(now, self.posts) {
                Alarm::Rest => {}
                Alarm::Ask => self.output(Output::Post(ToWorker::Ping)),
                Alarm::Silent => self.go_round(now),
            },
            Stage::Closed | Stage::Over => {}
        }
    }

    fn give_up(&mut self, text: &str) {
        self.lose(because("worker-silent", text));
    }

    /// The worker died, and what it had not said will never be heard. A new one is tried: soon, and later and
    /// later if they die young.
    fn died(&mut self, now: Millis, how: &str) {
        let since = match self.stage {
            Stage::Welcome { since, .. } => since,
            Stage::Greeting { .. } => now,
            Stage::Closed | Stage::Resting | Stage::Over => return,
        };
        self.retries = RETRIES;
        self.died_young = if now < after(since, YOUTH) { self.died_young + 1 } else { 0 };
        self.fail_open(&because("worker-lost", "the worker is lost; whether this was sent is not known"));
        if let Some(status) = self.membership.note_death(how) {
            self.claims.clear();
            self.event(Event::Status(status));
        }
        let rest = match self.died_young {
            0 | 1 => REST,
            young => Duration::from_secs(1 << young.min(5)),
        };
        self.rest(after(now, rest));
    }

    fn rest(&mut self, until: Millis) {
        self.stage = Stage::Resting;
        self.vigil.until = until;
    }

    /// The worker does not answer. One that is known to run is gone round, by way of another beside it; where
    /// nothing tells a worker that is dead from one that runs, the same address is tried once more.
    fn go_round(&mut self, now: Millis) {
        let how = "the worker does not answer";
        // Should it wake up, nobody is here any more.
        self.output(Output::Post(ToWorker::Leave));
        if !self.is_welcome() || self.is_watched() {
            let text = "the worker runs and does not answer: it is gone round";
            self.event(Event::Log(LogLevel::Warn, text.to_owned()));
            self.detour = !self.detour;
        }
        self.died(now, how);
    }

    fn reopen(&mut self) {
        self.stage = Stage::Closed;
        self.output(Output::Reopen { detour: self.detour });
    }

    /// Whether what a worker says is for this tab: not that of one that it has given up.
    fn listens(&self) -> bool {
        matches!(self.stage, Stage::Greeting { .. } | Stage::Welcome { .. })
    }

    fn is_watched(&self) -> bool {
        matches!(self.stage, Stage::Welcome { watched: true, .. })
    }

    /// Nothing will come from the worker any more, and no other is tried: everything that is open ends.
    fn lose(&mut self, fault: Fault) {
        self.stage = Stage::Over;
        self.waiting.clear();
        self.fail_open(&fault);
        self.claims.clear();
        for status in self.membership.note_loss(&fault.text) {
            self.event(Event::Status(status));
        }
    }

    fn fail_open(&mut self, fault: &Fault) {
        // What waits for the welcome still is what the app wants.
        let waiting = &self.waiting;
        let lost = self.open.lose(|token| waiting.iter().any(|wish| carries(wish, *token)));
        for token in lost.sends {
            self.event(Event::Failed(token, fault.clone()));
        }
        for token in lost.requests {
            self.event(Event::Response(token, Outcome::Disconnected));
        }
        for token in lost.questions {
            self.event(Event::Tabs(token, Vec::new()));
        }
    }

    fn post(&mut self, wish: ToWorker<T>) {
        self.membership.note_said(&wish);
        let joins =
            matches!(wish, ToWorker::Connect { .. } | ToWorker::Attach { .. } | ToWorker::Restore { .. });
        self.unjoined += u32::from(joins);
        self.output(Output::Post(wish));
    }

    fn output(&mut self, output: Output<T>) {
        self.outputs.push_back(Due { output, step: None });
    }

    fn event(&mut self, event: Event<T>) {
        self.output(Output::Event(event));
    }

    fn event_at(&mut self, step: impl Into<Option<Step>>, event: Event<T>) {
        self.outputs.push_back(Due { output: Output::Event(event), step: step.into() });
    }
}

/// Whether a wish is about this send or request.
fn carries<T>(wish: &ToWorker<T>, token: Token) -> bool {
    match wish {
        ToWorker::Send { stanzas } => stanzas.iter().any(|stanza| stanza.token == token),
        ToWorker::Request { token: waiting, .. } => *waiting == token,
        _ => false,
    }
}

fn because(condition: &str, text: &str) -> Fault {
    Fault { condition: condition.to_owned(), text: text.to_owned() }
}

fn in_words(refusal: Refusal) -> Fault {
    let (condition, text) = match refusal {
        Refusal::Version { .. } => (
            "worker-version",
            "the worker and this page speak no version of the protocol in common: reload the page".to_owned(),
        ),
        Refusal::Malformed { detail } => {
            ("worker-protocol", "the worker did not understand this page: ".to_owned() + &detail)
        }
        Refusal::Engine { detail } => ("worker-failed", detail),
    };
    Fault { condition: condition.to_owned(), text }
}

#[cfg(test)]
mod tests;
