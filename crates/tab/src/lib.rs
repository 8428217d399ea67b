//! The per-tab end of the protocol, pure.
//!
//! A tab says hello, and until it is welcome everything the app wants waits here, in order. Then wishes go out as they come, each
//! send and request under a token of its own, and what the worker says comes back as [`Event`]s. Whatever happens to the worker,
//! every send and every request ends: if the worker refuses the tab, or never answers, all that is open fails, and the tab is
//! [`Tab::is_over`].
//!
//! As every layer: [`Tab::handle_input`] takes what happened, [`Tab::poll_output`] gives what to do. The stanza stays the text (`T`) it
//! came as.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use epode_protocol::{
    Delivery, Fault, FromWorker, Hello, LogLevel, Origin, Outcome, Outgoing, Position, Refusal, Role, Status,
    StatusCode, ToWorker, Token, VERSION,
};

/// How long a tab waits for a sign of life of the worker.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// How long it waits for the welcome of one that has given such a sign: on a slow line its wasm takes a while.
pub const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// What the app wants, and what happens to the tab.
#[derive(Debug)]
pub enum Input<T> {
    /// The port is open: introduce the tab, as this page instance, holding this lock.
    Opened {
        /// Names this page instance; unique in the browser.
        tab: String,
        /// The Web Lock it holds, where the browser has locks.
        lock: Option<String>,
        /// Whether the page can be seen.
        visible: bool,
    },
    /// The worker said this.
    Message(FromWorker<T>),
    /// The worker posted what is not of the protocol.
    Malformed(String),
    /// The worker cannot be reached, and why.
    Lost(Fault),
    /// The app wants this: anything but [`ToWorker::Hello`], [`ToWorker::Send`] and [`ToWorker::Request`].
    Say(ToWorker<T>),
    /// The deadline of [`Tab::deadline`] has come.
    Timeout,
}

/// What a tab wants done.
#[derive(Debug)]
pub enum Output<T> {
    /// Post this to the worker.
    Post(ToWorker<T>),
    /// Tell the app.
    Event(Event<T>),
}

/// What a tab tells the app.
#[derive(Debug)]
pub enum Event<T> {
    /// Where the session stands.
    Status(Status),
    /// Which role this tab has.
    Role(Role),
    /// A stanza.
    Stanza {
        /// Its position.
        position: Position,
        /// Where it comes from.
        origin: Origin,
        /// Its text.
        text: T,
    },
    /// All sends up to this token are written, but for those that failed before.
    Written(Token),
    /// A send failed.
    Failed(Token, Fault),
    /// A request ended.
    Response(Token, Outcome<T>),
    /// Something for the app's log.
    Log(LogLevel, String),
}

enum Stage {
    /// The port is not open.
    Closed,
    /// Hello is said: until when to wait for the answer, and whether the worker has given a sign of life.
    Greeting { until: Duration, alive: bool },
    /// The worker serves this tab.
    Welcome,
    /// It does not, and will not.
    Over,
}

/// What the app believes about its session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belief {
    /// There is none.
    Out,
    /// It is being joined.
    Joining,
    /// It is up.
    Up,
}

/// The per-tab end of the protocol. See the crate's documentation.
pub struct Tab<T> {
    stage: Stage,
    /// What the app wanted before the welcome.
    waiting: VecDeque<ToWorker<T>>,
    sends: BTreeSet<Token>,
    requests: BTreeSet<Token>,
    token: Token,
    /// What the app believes, and must hear when it is not so any more.
    belief: Belief,
    outputs: VecDeque<Output<T>>,
}

impl<T> Default for Tab<T> {
    fn default() -> Self {
        Tab {
            stage: Stage::Closed,
            waiting: VecDeque::new(),
            sends: BTreeSet::new(),
            requests: BTreeSet::new(),
            token: 0,
            belief: Belief::Out,
            outputs: VecDeque::new(),
        }
    }
}

impl<T> Tab<T> {
    /// Takes note of what happened. Collect what follows from it with [`Tab::poll_output`].
    pub fn handle_input(&mut self, now: Duration, input: Input<T>) {
        match input {
            Input::Opened { tab, lock, visible } => {
                let hello = Hello { versions: vec![VERSION], tab, lock, visible };
                self.stage = Stage::Greeting { until: now + PATIENCE, alive: false };
                self.outputs.push_back(Output::Post(ToWorker::Hello(hello)));
            }
            Input::Message(message) => {
                // A sign of life: its wasm is on its way.
                if let Stage::Greeting { until, alive } = &mut self.stage {
                    (*until, *alive) = (now + LONG_PATIENCE, true);
                }
                self.message(message);
            }
            Input::Malformed(detail) => {
                self.event(Event::Log(LogLevel::Warn, ["the worker was not understood: ", &detail].concat()));
            }
            Input::Lost(fault) => self.lose(fault),
            Input::Say(wish) => self.say(wish),
            Input::Timeout => self.timeout(now),
        }
    }

    /// The next thing to do, in order; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output<T>> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`].
    pub fn deadline(&self) -> Option<Duration> {
        match self.stage {
            Stage::Greeting { until, .. } => Some(until),
            Stage::Closed | Stage::Welcome | Stage::Over => None,
        }
    }

    /// Whether the worker will not serve this tab any more: a new port is needed.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Sends stanzas, in order. Their tokens rise by one; the last one's is returned.
    pub fn send(&mut self, texts: impl IntoIterator<Item = T>) -> Token {
        let mut stanzas = Vec::new();
        for text in texts {
            let token = self.fresh_token();
            self.sends.insert(token);
            stanzas.push(Outgoing { token, text });
        }
        if !stanzas.is_empty() {
            self.say(ToWorker::Send { stanzas });
        }
        self.token
    }

    /// Asks an IQ, and waits at most `timeout` for the answer.
    pub fn request(&mut self, text: T, timeout: Option<Duration>) -> Token {
        let token = self.fresh_token();
        self.requests.insert(token);
        let timeout = timeout.map(|timeout| timeout.as_millis().try_into().unwrap_or(u32::MAX));
        self.say(ToWorker::Request { token, text, timeout });
        token
    }

    fn say(&mut self, wish: ToWorker<T>) {
        if matches!(wish, ToWorker::Connect { .. } | ToWorker::Attach { .. }) {
            self.belief = Belief::Joining;
        }
        match self.stage {
            Stage::Welcome => self.outputs.push_back(Output::Post(wish)),
            Stage::Closed | Stage::Greeting { .. } => self.waiting.push_back(wish),
            Stage::Over => self.lose(Fault {
                condition: "worker-lost".to_owned(),
                text: "the worker does not serve this page any more".to_owned(),
            }),
        }
    }

    fn message(&mut self, message: FromWorker<T>) {
        if self.is_over() {
            // The app was told that this worker is lost: what it says after all would be about a session nobody believes in.
            return;
        }
        match message {
            FromWorker::Welcome { .. } if matches!(self.stage, Stage::Greeting { .. }) => {
                self.stage = Stage::Welcome;
                self.outputs.extend(self.waiting.drain(..).map(Output::Post));
            }
            FromWorker::Welcome { .. } => {}
            FromWorker::Refused(refusal) => self.lose(in_words(refusal)),
            FromWorker::Status(status) => {
                match status.code {
                    StatusCode::Connected | StatusCode::Attached => self.belief = Belief::Up,
                    StatusCode::Disconnected | StatusCode::AttachFail => self.belief = Belief::Out,
                    _ => {}
                }
                self.event(Event::Status(status));
            }
            FromWorker::Role(role) => self.event(Event::Role(role)),
            FromWorker::Deliver { stanzas } => {
                for Delivery(position, origin, text) in stanzas {
                    self.event(Event::Stanza { position, origin, text });
                }
            }
            FromWorker::Written { up_to } => {
                self.sends.retain(|token| *token > up_to);
                self.event(Event::Written(up_to));
            }
            FromWorker::Failed { token, fault } => {
                if self.sends.remove(&token) {
                    self.event(Event::Failed(token, fault));
                }
            }
            FromWorker::Response { token, outcome } => {
                if self.requests.remove(&token) {
                    self.event(Event::Response(token, outcome));
                }
            }
            FromWorker::Log { level, text } => self.event(Event::Log(level, text)),
        }
    }

    fn timeout(&mut self, now: Duration) {
        let text = match self.stage {
            Stage::Greeting { until, alive: false } if until <= now => {
                "the worker did not answer within 8 s: is its script the one of this package?"
            }
            Stage::Greeting { until, alive: true } if until <= now => {
                "the worker did not get ready within 60 s"
            }
            _ => return,
        };
        self.lose(Fault { condition: "worker-silent".to_owned(), text: text.to_owned() });
    }

    /// Nothing will come from the worker any more: everything that is open ends.
    fn lose(&mut self, fault: Fault) {
        self.stage = Stage::Over;
        self.waiting.clear();
        for token in std::mem::take(&mut self.sends) {
            self.event(Event::Failed(token, fault.clone()));
        }
        for token in std::mem::take(&mut self.requests) {
            self.event(Event::Response(token, Outcome::Disconnected));
        }
        let codes: &[StatusCode] = match std::mem::replace(&mut self.belief, Belief::Out) {
            Belief::Out => &[],
            Belief::Joining => &[StatusCode::ConnFail, StatusCode::Disconnected],
            Belief::Up => &[StatusCode::Disconnected],
        };
        for &code in codes {
            let text = Some(fault.text.clone());
            self.event(Event::Status(Status { code, condition: None, text, session: None }));
        }
    }

    fn fresh_token(&mut self) -> Token {
        self.token += 1;
        self.token
    }

    fn event(&mut self, event: Event<T>) {
        self.outputs.push_back(Output::Event(event));
    }
}

fn in_words(refusal: Refusal) -> Fault {
    let (condition, text) = match refusal {
        Refusal::Version { .. } => (
            "worker-version",
            "the worker and this page speak no version of the protocol in common: reload the page".to_owned(),
        ),
        Refusal::Malformed { detail } => {
            ("worker-protocol", ["the worker did not understand this page: ", &detail].concat())
        }
        Refusal::Engine { detail } => ("worker-failed", detail),
    };
    Fault { condition: condition.to_owned(), text }
}

#[cfg(test)]
mod tests;
