//! The per-tab end of the protocol, pure.
//!
//! A tab says hello. Until the worker welcomes it, the commands of the app wait here, in order. Then each
//! command [passes](Input::Say) as it is, each send and request under a [token](Tab::number) of its own. A
//! message of the worker is handed in by [`Tab::hear`]; the page shows a message for the app before
//! [`Tab::handled`]. The app [claims](Tab::claim) the stanzas of its handlers. A claim that is made while a
//! stanza is handled holds from exactly that stanza on. Handled posts are acknowledged every half window, and
//! when the worker asks.
//!
//! The page keeps the content of a message; the tab reads only the fields that move its state. `V`, the form
//! of a message, is a JavaScript value in a browser and JSON in native tests.
//!
//! When the worker dies, the tab asks for a new port ([`Output::Reopen`]) and joins its session again: with
//! the credentials that it was given, or without, if another tab has them. A worker that runs and does not
//! answer is bypassed: the new port then leads to another worker. Every send and every request ends. If the
//! worker refuses the tab, or never answers, everything open fails, and the tab [is over](Tab::is_over).
//!
//! A challenge of SASL belongs to the session, so the app is shown the challenge. The answer alone bypasses
//! the tab: the page posts it to the port on which the worker has asked. At the port of the next worker the
//! answer would spoil a login.
//!
//! As every layer: [`Tab::handle_input`] takes what happened, [`Tab::poll_output`] gives what to do.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::port::{Read as _, Value};
use epode_protocol::{
    Checkpoint, ClaimId, Fault, Hello, LogLevel, Position, Refusal, StatusCode, Token, VERSION, WINDOW,
    weight,
};

mod claims;
mod cursor;
mod membership;
mod messages;
mod open;
mod vigil;

use claims::Claims;
use cursor::{Cursor, Step};
use membership::{Membership, Rejoin};
pub use messages::{Claim, News, Unanswered, Word};
use messages::{Claimed, Command, Ended, Moves};
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
pub enum Input<V> {
    /// The port is open: introduce the tab.
    Opened {
        /// Names the tab; the same before and after a reload, and no other tab's.
        tab: String,
        /// The Web Lock that this page instance holds, where the browser has locks.
        lock: Option<String>,
        /// Whether the page can be seen.
        visible: bool,
        /// After a reload: where the page before it stood.
        before: Option<Checkpoint>,
    },
    /// The worker died: its lock is free.
    Died,
    /// The worker cannot be reached, and why.
    Lost(Fault),
    /// The app says this, a `ToWorker`.
    Say(V),
    /// The app ends the session by this `Disconnect`, while the page is about to be unloaded. Of all tabs
    /// only this one goes: the message is said behind the goodbye, where it ends nothing.
    Part(V),
    /// The app leaves the session, which goes on for other tabs.
    Leave,
    /// The page is unloaded. It may come back from the back/forward cache, as another tab.
    Unload,
    /// The deadline of [`Tab::deadline`] has come.
    Timeout {
        /// Of a worker that has [not spoken](Tab::is_greeting): whether it runs, or its script is on its way;
        /// `None` where nothing is known.
        runs: Option<bool>,
    },
}

/// What a tab wants done.
#[derive(Debug)]
pub enum Output<V> {
    /// Post this to the worker: the app has said it.
    Pass(V),
    /// Post this to the worker.
    Post(Word<V>),
    /// Show this to the app.
    Show(News),
    /// Keep this for the page that a reload puts in the place of this one.
    Keep(Checkpoint),
    /// Report [`Input::Died`] when this Web Lock is free: the worker holds it while it lives.
    Watch(String),
    /// Open a port to the worker of this place, which may have to be started, and report [`Input::Opened`].
    Reopen(Place),
}

/// The worker of the script that a tab is at.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum Place {
    /// Epode's own.
    #[default]
    Own,
    /// The worker that stands in for one that does not answer.
    Detour,
    /// The worker of this name, which has the session.
    Elsewhere(String),
}

enum Stage {
    /// The port is not open.
    Closed,
    /// The worker died, or makes room; the next is tried then.
    Resting,
    /// Hello is said: since when the answer is waited for, whether the worker has given a sign of life, and
    /// whether the command to join went out right after it.
    Greeting { since: Millis, alive: bool, joining: bool },
    /// The worker serves this tab; whether its death will be noticed.
    Welcome { since: Millis, watched: bool },
    /// It does not, and will not.
    Over,
}

/// The per-tab end of the protocol. See the crate's documentation.
pub struct Tab<V> {
    stage: Stage,
    boot: String,
    /// What the app wanted before the welcome.
    waiting: VecDeque<(Option<Command>, V)>,
    open: Open,
    membership: Membership<V>,
    claims: Claims<V>,
    /// The stream that is up, for which the app claims.
    generation: u32,
    cursor: Cursor,
    /// How many posts were handled, and what those weigh that are not acknowledged.
    posts: u32,
    unacknowledged: u32,
    /// Whether a worker that is too old was asked to make room; one is asked once.
    asked_to_step_aside: bool,
    /// How many commands to join a session the worker has not taken up yet.
    unjoined: u32,
    /// How many more ports are tried, since the browser may still give out ones to the worker that died
    /// (Firefox, when it closed itself).
    retries: u32,
    /// How many workers died soon after they were born, one after the other.
    died_young: u32,
    /// Whether this tab has said goodbye, and what is to be said behind that.
    left: bool,
    parting: Option<V>,
    /// Until when to wait, and over a worker that has spoken.
    vigil: Vigil,
    place: Place,
    /// How often the worker has sent this tab elsewhere since its session was up.
    sent_on: u32,
    /// Whether the app is being shown a message: nothing is done before it has handled that.
    showing: bool,
    outputs: VecDeque<Output<V>>,
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

/// How often workers may send a tab to each other: the session may end on the way, and begin anew.
const SENT_ON: u32 = 4;

/// How soon it is looked again for a worker whose script was on its way: what a look takes, the script must
/// do without.
const LOOK: Duration = Duration::from_secs(4);

/// A worker that lived for this long did not die young.
const YOUTH: Duration = Duration::from_secs(10);

impl<V> Default for Tab<V> {
    fn default() -> Self {
        Tab {
            stage: Stage::Closed,
            boot: String::new(),
            waiting: VecDeque::new(),
            open: Open::default(),
            membership: Membership::default(),
            claims: Claims::default(),
            generation: 0,
            cursor: Cursor::default(),
            posts: 0,
            unacknowledged: 0,
            asked_to_step_aside: false,
            unjoined: 0,
            retries: 0,
            died_young: 0,
            left: false,
            parting: None,
            vigil: Vigil::default(),
            place: Place::Own,
            sent_on: 0,
            showing: false,
            outputs: VecDeque::new(),
        }
    }
}

impl<V: Value + Clone> Tab<V> {
    /// Takes note of what happened. Collect what follows from it with [`Tab::poll_output`].
    pub fn handle_input(&mut self, now: Duration, input: Input<V>) {
        let now = after(0, now);
        match input {
            Input::Opened { tab, lock, visible, before } => {
                if let Some(Checkpoint { boot, position }) = &before {
                    // Until this page has joined a session, it stands where the one before it stood.
                    self.boot = boot.clone();
                    self.cursor = Cursor::behind(*position);
                }
                let hello = Hello { versions: vec![VERSION], tab, lock, before, visible };
                self.unjoined = 0;
                let patience = if self.retries > 0 { RETRY } else { PATIENCE };
                self.stage = Stage::Greeting { since: now, alive: false, joining: false };
                self.vigil.until = after(now, patience);
                self.post(Word::Hello(hello));
            }
            Input::Died => self.died(now, "the worker died"),
            Input::Lost(fault) => self.lose(fault),
            Input::Part(message) if !self.left => self.parting = Some(message),
            Input::Leave => self.leave(),
            Input::Unload => {
                // Nothing is known of a worker that has not been met.
                if !self.boot.is_empty() {
                    self.outputs.push_back(Output::Keep(self.checkpoint()));
                }
                self.leave();
            }
            Input::Say(message) | Input::Part(message) => {
                let command = Command::read(&message).ok();
                let is_shown = matches!(command, Some(Command::Visibility { visible: true }));
                self.say(command, message);
                // Timers of hidden pages are slow, and those of frozen ones stand still.
                if is_shown && self.is_welcome() {
                    self.vigil.ask(now, self.posts);
                    self.post(Word::Ping);
                }
            }
            Input::Timeout { runs } => self.timeout(now, runs),
        }
    }

    /// The next thing to do, in order; `None` when there is nothing, or the app handles a message.
    pub fn poll_output(&mut self) -> Option<Output<V>> {
        if self.showing {
            return None;
        }
        if self.outputs.is_empty() {
            // Nothing more is to be done about what came: now the claims go out together.
            self.say_claims();
        }
        self.outputs.pop_front()
    }

    /// The worker says this. Whether it is for the app: then show it the message, and call [`Tab::handled`].
    pub fn hear(&mut self, now: Duration, message: &V) -> bool {
        if !self.listens() {
            // The app was told that this worker is lost: what it says after all would be about a session
            // nobody believes in.
            return false;
        }
        let now = after(0, now);
        self.showing = match Moves::read(message) {
            Ok(moves) => self.moved(now, moves),
            Err(wrong) => match wrong.in_words::<Moves, V>(message) {
                // It is of the session, or of a newer worker, which counts it in the window.
                None if self.is_welcome() => {
                    self.vigil.heard(now);
                    self.count_post(0);
                    self.unjoined == 0
                }
                words => {
                    let words = words.as_deref().unwrap_or("not a message");
                    self.log(LogLevel::Warn, "the worker was not understood: ".to_owned() + words);
                    self.count_post(0);
                    false
                }
            },
        };
        self.showing
    }

    /// As [`Tab::hear`], of so many stanzas up to this position: a `Deliver`, or a `Stanza`. They come most
    /// often, and have a way of their own, since each browser compiles again what is called often: this is
    /// short, and what understands any message is not.
    pub fn delivered(&mut self, end: Position, stanzas: usize) -> bool {
        if !self.listens() {
            return false;
        }
        self.showing = self.unjoined == 0;
        if self.showing {
            self.cursor.enter(Step::Through(end));
        }
        self.count_post(stanzas);
        self.showing
    }

    /// Of the stanzas that are being handled, it is this one's turn: behind all before it, or back at it, for
    /// a request that others were asked first.
    pub fn at(&mut self, position: Position) {
        self.cursor.enter(Step::At(position));
    }

    /// Of the stanzas that a claim had missed, it is this one's turn. A replayed presence has no position: it
    /// tells what is, not what came.
    pub fn caught(&mut self, position: Option<Position>) {
        self.cursor.enter(Step::Caught(position));
    }

    /// The app has handled all that a claim had missed.
    pub fn claimed(&mut self) {
        self.cursor.enter(Step::Claimed);
    }

    /// The app has handled the message that it was shown.
    pub fn handled(&mut self) {
        self.showing = false;
        self.cursor.leave();
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

    /// Where this page stands, for the page after a reload.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { boot: self.boot.clone(), position: self.cursor.handled() }
    }

    /// The first of so many tokens, for sends, requests and questions to come. Tokens rise by one.
    pub fn number(&mut self, count: u32) -> Token {
        self.open.number(count)
    }

    /// Claims stanzas, for as long as this session is up. Once it holds it hears what every other claim does.
    /// `made` is the [time of day](epode_protocol::ToWorker#time-of-day): outside of any stanza nothing else
    /// says when that is.
    pub fn claim(&mut self, made: f64, selector: V) -> ClaimId {
        let (from, made) = match self.cursor.within() {
            Some(within) => (within, 0.0),
            None => (self.cursor.handled(), made),
        };
        self.claims.make(from, made, selector)
    }

    /// Gives a claim up.
    pub fn release(&mut self, claim: ClaimId) {
        if self.claims.release(claim) && self.membership.is_up() {
            self.give_back(claim);
        }
    }

    fn give_back(&mut self, claim: ClaimId) {
        self.say_claims();
        self.post(Word::Release { claims: vec![claim] });
    }

    fn say(&mut self, command: Option<Command>, message: V) {
        // What is claimed holds from before what is said next.
        self.say_claims();
        if let Some(command) = &command {
            if matches!(command, Command::Disconnect(_)) && !self.left {
                // What nobody has acknowledged, the server keeps for the next login.
                self.acknowledge();
            }
            self.open.note(command);
            self.membership.note_command(command, &message);
        }
        match &mut self.stage {
            Stage::Welcome { .. } => self.pass(command.as_ref(), message),
            // The first connection of a page waits for nothing it need not wait for. Should nothing come of
            // this worker, the command is said to the next.
            Stage::Greeting { joining: joining @ false, .. }
                if self.waiting.is_empty() && command.as_ref().is_some_and(Command::joins) =>
            {
                *joining = true;
                self.pass(command.as_ref(), message);
            }
            Stage::Closed | Stage::Greeting { .. } | Stage::Resting => {
                self.waiting.push_back((command, message));
            }
            Stage::Over => self.lose(because("worker-lost", "the worker does not serve this page any more")),
        }
    }

    /// Says goodbye. What the app says behind it, while its page is unloaded, is said.
    fn leave(&mut self) {
        self.left = true;
        // Whoever leaves does not come back as the same page: nothing is kept for it.
        self.membership = Membership::default();
        // Where hello was said and there are no locks, nothing else tells that the page is gone.
        if self.listens() {
            self.post(Word::Leave);
        }
        if let Some(message) = self.parting.take() {
            self.say(Command::read(&message).ok(), message);
        }
    }

    /// Posts the claims that were made meanwhile: those of one moment together. Before the session is up they
    /// wait.
    fn say_claims(&mut self) {
        if !self.membership.is_up() || !self.is_welcome() {
            return;
        }
        let generation = self.generation;
        for (from, made, claims) in self.claims.take_unsaid() {
            self.post(Word::Claim { claims, from, made, generation });
        }
    }

    /// Whether what moved the tab is for the app as well.
    fn moved(&mut self, now: Millis, moves: Moves) -> bool {
        self.vigil.heard(now);
        // A sign of life: its wasm is on its way.
        if let Stage::Greeting { since, alive: alive @ false, .. } = &mut self.stage {
            (*since, *alive) = (now, true);
        }
        let is_shown = match moves {
            Moves::Welcome { boot, lock } => {
                self.welcome(now, boot, lock);
                return false;
            }
            Moves::Refused(refusal) => {
                self.refused(now, refusal);
                return false;
            }
            Moves::Ping => {
                self.acknowledge();
                self.post(Word::Pong);
                return false;
            }
            Moves::Pong => return false,
            Moves::Joining => {
                self.unjoined = self.unjoined.saturating_sub(1);
                false
            }
            // Of a session that the app has left, which it must not take for the one it wants.
            Moves::Status { .. } | Moves::Claimed { .. } if self.unjoined > 0 => false,
            Moves::Status { code, session } => {
                if let Some(session) = &session {
                    self.generation = session.generation;
                }
                self.status(code, session.map(|session| (session.jid, session.position)));
                true
            }
            Moves::Claimed { claims } => {
                for Claimed { claim } in claims {
                    // One of a former stream, or that was released meanwhile, has nobody to hear it.
                    if !self.claims.holds(claim) {
                        self.give_back(claim);
                    }
                }
                true
            }
            Moves::Written { up_to } => {
                self.open.written(up_to);
                true
            }
            Moves::Failed { token } => self.open.end_send(token),
            Moves::Tabs { token } => self.open.end_question(token),
            Moves::Response { token, outcome, position } => {
                let is_open = self.open.end_request(token);
                if is_open && matches!(outcome, Ended::Result(_) | Ended::Error(_)) {
                    self.at(position);
                }
                is_open
            }
            // Tokens are the tab's, whichever session a stanza was sent in.
            Moves::Fate(_) | Moves::Log(_) => true,
        };
        self.count_post(0);
        is_shown
    }

    fn refused(&mut self, now: Millis, refusal: Refusal) {
        match refusal {
            Refusal::Version { speaks } if self.may_ask_to_step_aside(&speaks) => {
                self.asked_to_step_aside = true;
                self.post(Word::StepAside);
                self.rest(after(now, STEP_ASIDE));
            }
            // It broke, and is about to die, which is seen to when it does; or, where nobody would tell of
            // its death, it has forgotten this page.
            Refusal::Engine { detail } if self.is_welcome() => {
                self.log(LogLevel::Error, detail);
                if !self.is_watched() {
                    self.died(now, "the worker serves this page no more");
                }
            }
            // Of the one that died, which is not quite gone.
            Refusal::Engine { .. } if self.retries > 0 => {
                self.retries -= 1;
                self.rest(after(now, RETRY));
            }
            Refusal::Elsewhere { worker } if self.sent_on < SENT_ON => self.go_elsewhere(worker),
            refusal => self.lose(in_words(refusal)),
        }
    }

    /// Another worker of the script has the session that this tab asks for.
    fn go_elsewhere(&mut self, worker: String) {
        self.sent_on += 1;
        self.post(Word::Leave);
        self.place = if self.place == Place::Own { Place::Elsewhere(worker) } else { Place::Own };
        self.fail_open(&because("worker-lost", "another worker has the session, and this was not sent"));
        self.reopen();
    }

    /// Every half window the worker hears how much was handled, else when it asks or the app logs out. The
    /// acknowledgement stands behind what it acknowledges.
    fn count_post(&mut self, stanzas: usize) {
        self.posts = self.posts.wrapping_add(1);
        self.unacknowledged += weight(stanzas);
        if self.unacknowledged >= WINDOW / 2 {
            self.acknowledge();
        }
    }

    fn acknowledge(&mut self) {
        if self.unacknowledged > 0 && self.is_welcome() {
            self.unacknowledged = 0;
            self.post(Word::Ack { posts: self.posts });
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
            self.outputs.push_back(Output::Watch(lock));
        }
        // A command that the app gave since counts more than the session that it had.
        let joins_or_ends = |(command, _): &(Option<Command>, V)| {
            command.as_ref().is_some_and(Membership::<V>::changes_session)
        };
        let rejoins = !joining && !self.waiting.iter().any(joins_or_ends);
        match self.membership.rejoin().filter(|_| rejoins) {
            Some(Rejoin::Again(message)) => {
                self.unjoined += 1;
                self.outputs.push_back(Output::Pass(message));
            }
            Some(Rejoin::Restore { service, jid }) => {
                self.unjoined += 1;
                self.post(Word::Restore { service, jid });
            }
            None => {}
        }
        for (command, message) in std::mem::take(&mut self.waiting) {
            self.pass(command.as_ref(), message);
        }
    }

    fn status(&mut self, code: StatusCode, session: Option<(String, Position)>) {
        let was_up = self.membership.is_up();
        let (jid, position) = session.unzip();
        self.membership.note_status(code, jid);
        if let Some(position) = position {
            self.sent_on = 0;
            self.claims.begin(position);
            return self.cursor.enter(Step::Start(position));
        }
        // A session that is down already may be so for another reason: what is claimed since is for the one
        // to come. So is what is claimed before an `attach` that finds no session.
        let is_over = match code {
            StatusCode::Reconnecting => was_up,
            code => code == StatusCode::Disconnected,
        };
        if is_over {
            self.claims.clear();
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
                Some(true) if self.place != Place::Detour => self.bypass(now),
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
                Alarm::Ask => self.post(Word::Ping),
                Alarm::Silent => self.bypass(now),
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
            self.show(News::Status(status));
        }
        if let Place::Elsewhere(_) = self.place {
            self.place = Place::Own;
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

    /// The worker does not answer. A worker that is known to run is bypassed, through another worker; where
    /// nothing tells a dead worker from a running one, the same address is tried once more.
    fn bypass(&mut self, now: Millis) {
        let how = "the worker does not answer";
        // A worker that wakes up later hears that the tab has left.
        self.post(Word::Leave);
        if !self.is_welcome() || self.is_watched() {
            let text = "the worker runs and does not answer: it is gone round";
            self.log(LogLevel::Warn, text.to_owned());
            self.place = if self.place == Place::Detour { Place::Own } else { Place::Detour };
        }
        self.died(now, how);
    }

    fn reopen(&mut self) {
        self.stage = Stage::Closed;
        self.outputs.push_back(Output::Reopen(self.place.clone()));
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
            self.show(News::Status(status));
        }
    }

    fn fail_open(&mut self, fault: &Fault) {
        // What waits for the welcome still is what the app wants.
        let waiting = &self.waiting;
        let waits = |token: &Token| {
            waiting.iter().flat_map(|(command, _)| command).any(|command| command.carries(*token))
        };
        let lost = self.open.lose(waits);
        for token in lost.sends {
            self.show(News::Failed { token, fault: fault.clone() });
        }
        for token in lost.requests {
            self.show(News::Response { token, outcome: Unanswered::Disconnected, position: 0 });
        }
        for token in lost.questions {
            self.show(News::Tabs { token, tabs: Vec::new() });
        }
    }

    fn pass(&mut self, command: Option<&Command>, message: V) {
        if let Some(command) = command {
            self.membership.note_said(command);
            self.unjoined += u32::from(command.joins());
        }
        self.outputs.push_back(Output::Pass(message));
    }

    fn post(&mut self, word: Word<V>) {
        self.outputs.push_back(Output::Post(word));
    }

    fn show(&mut self, news: News) {
        self.outputs.push_back(Output::Show(news));
    }

    fn log(&mut self, level: LogLevel, text: String) {
        self.show(News::Log { level, text });
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
        Refusal::Elsewhere { .. } => (
            "worker-elsewhere",
            "two workers send this page to each other for the session: reload the page".to_owned(),
        ),
        Refusal::Engine { detail } => ("worker-failed", detail),
    };
    Fault { condition: condition.to_owned(), text }
}

#[cfg(test)]
mod tests;
