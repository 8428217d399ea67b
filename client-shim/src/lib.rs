//! The wasm half of the npm package `epode`: the tab's end of the protocol ([`epode_tab::Tab`]) as a JavaScript class.
//!
//! The page's half (`ts/link.ts`) opens the port; `ts/wire.ts` reads and makes the objects that cross it; `ts/connection.ts` is the API.
//! Between them stands [`Tab`]: methods for what the app wants and what the worker says, a [`Listener`] for what follows. Logic here,
//! manners there.
//!
//! Every call is flat: numbers, strings, and stanzas as the JavaScript strings they are. Decoding the messages in here, by serde, would
//! double what each page loads (ARCHITECTURE.md, "What a tab client in wasm costs"); in TypeScript the generated types hold the two
//! ends together.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use epode_protocol::{
    Credentials, Delivery, Fault, FromWorker, LogLevel, MechanismOffer, Options, Origin, Outcome, Password,
    Refusal, Role, SessionInfo, Status, StatusCode, ToWorker,
};
use epode_tab::{Event, Input, Output};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

mod listener;

pub use listener::Listener;

/// The tab's end of the protocol. Times are milliseconds of `performance.now()`.
#[wasm_bindgen]
pub struct Tab {
    tab: RefCell<epode_tab::Tab<JsValue>>,
    listener: Listener,
    /// A listener may call back into the tab: what follows waits its turn, so that order holds.
    busy: Cell<bool>,
}

/// What happens to the tab.
#[wasm_bindgen]
impl Tab {
    /// A tab that has not spoken.
    #[wasm_bindgen(constructor)]
    pub fn new(listener: Listener) -> Tab {
        Tab { tab: RefCell::default(), listener, busy: Cell::new(false) }
    }

    /// The port is open: says hello, as the page instance `tab`, which holds the Web Lock `lock`.
    pub fn opened(&self, now: f64, tab: String, lock: Option<String>, visible: bool) {
        self.handle(now, Input::Opened { tab, lock, visible });
    }

    /// The worker cannot be reached, and why.
    pub fn lost(&self, now: f64, condition: String, text: String) {
        self.handle(now, Input::Lost(Fault { condition, text }));
    }

    /// The worker posted what is not of the protocol.
    pub fn malformed(&self, now: f64, detail: String) {
        self.handle(now, Input::Malformed(detail));
    }

    /// The deadline has come.
    pub fn timeout(&self, now: f64) {
        self.handle(now, Input::Timeout);
    }

    /// When to call `timeout`.
    pub fn deadline(&self) -> Option<f64> {
        self.tab.borrow().deadline().map(|at| at.as_secs_f64() * 1000.0)
    }

    /// Whether a new port is needed.
    pub fn is_over(&self) -> bool {
        self.tab.borrow().is_over()
    }
}

/// What the worker says: one method for each variant of `FromWorker`.
#[wasm_bindgen]
#[allow(missing_docs, reason = "documented at epode_protocol::FromWorker")]
impl Tab {
    pub fn on_welcome(&self, now: f64, version: u32, boot: String) {
        self.hear(now, FromWorker::Welcome { version, boot });
    }

    pub fn on_refused_version(&self, now: f64, speaks: Vec<u32>) {
        self.hear(now, FromWorker::Refused(Refusal::Version { speaks }));
    }

    pub fn on_refused_malformed(&self, now: f64, detail: String) {
        self.hear(now, FromWorker::Refused(Refusal::Malformed { detail }));
    }

    pub fn on_refused_engine(&self, now: f64, detail: String) {
        self.hear(now, FromWorker::Refused(Refusal::Engine { detail }));
    }

    #[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest across this boundary")]
    pub fn on_status(
        &self,
        now: f64,
        code: u8,
        condition: Option<String>,
        text: Option<String>,
        jid: Option<String>,
        domain: Option<String>,
        features: Option<String>,
    ) {
        let Some(&code) = StatusCode::ALL.get(usize::from(code)) else { return };
        let session = match (jid, domain, features) {
            (Some(jid), Some(domain), Some(features)) => Some(SessionInfo { jid, domain, features }),
            _ => None,
        };
        self.hear(now, FromWorker::Status(Status { code, condition, text, session }));
    }

    pub fn on_role(&self, now: f64, primary: bool) {
        self.hear(now, FromWorker::Role(if primary { Role::Primary } else { Role::Secondary }));
    }

    /// One stanza of a `Deliver`.
    pub fn on_deliver(&self, now: f64, position: f64, sent: bool, text: JsValue) {
        let origin = if sent { Origin::Sent } else { Origin::Received };
        self.hear(now, FromWorker::Deliver { stanzas: vec![Delivery(position as u64, origin, text)] });
    }

    pub fn on_written(&self, now: f64, up_to: u32) {
        self.hear(now, FromWorker::Written { up_to });
    }

    pub fn on_failed(&self, now: f64, token: u32, condition: String, text: String) {
        self.hear(now, FromWorker::Failed { token, fault: Fault { condition, text } });
    }

    /// A `Response` with an answer.
    pub fn on_answered(&self, now: f64, token: u32, error: bool, text: JsValue) {
        let outcome = if error { Outcome::Error(text) } else { Outcome::Result(text) };
        self.hear(now, FromWorker::Response { token, outcome });
    }

    /// A `Response` without one.
    pub fn on_unanswered(&self, now: f64, token: u32, timeout: bool) {
        let outcome = if timeout { Outcome::Timeout } else { Outcome::Disconnected };
        self.hear(now, FromWorker::Response { token, outcome });
    }

    /// A `Response` that says why nothing was asked.
    pub fn on_unasked(&self, now: f64, token: u32, condition: String, text: String) {
        self.hear(now, FromWorker::Response { token, outcome: Outcome::Refused(Fault { condition, text }) });
    }

    pub fn on_log(&self, now: f64, level: u8, text: String) {
        let level = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error]
            .get(usize::from(level))
            .copied()
            .unwrap_or(LogLevel::Fatal);
        self.hear(now, FromWorker::Log { level, text });
    }
}

/// What the app wants.
#[wasm_bindgen]
impl Tab {
    /// Joins the session of an account, or opens it. `mechanisms` and `priorities` go together; without them all are allowed.
    #[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest across this boundary")]
    pub fn connect(
        &self,
        now: f64,
        service: String,
        jid: String,
        authcid: Option<String>,
        password: Option<String>,
        mechanisms: Option<Vec<String>>,
        priorities: Vec<u32>,
        session_key: Option<String>,
    ) {
        let offer = |(name, priority)| MechanismOffer { name, priority };
        let mechanisms = mechanisms.map(|names| names.into_iter().zip(priorities).map(offer).collect());
        let credentials = Credentials { authcid, password: password.map(Password::new) };
        let options = Options { mechanisms, session_key };
        self.say(now, ToWorker::Connect { service, jid, credentials, options });
    }

    /// Joins a session that is there.
    pub fn attach(&self, now: f64, service: String, jid: Option<String>) {
        self.say(now, ToWorker::Attach { service, jid });
    }

    /// Sends stanzas, in order; the token of the last, the others' are those before it.
    pub fn send(&self, texts: Vec<JsValue>) -> u32 {
        let token = self.tab.borrow_mut().send(texts);
        self.pump();
        token
    }

    /// Asks an IQ and waits at most `timeout` milliseconds for the answer; its token.
    pub fn request(&self, text: JsValue, timeout: Option<f64>) -> u32 {
        let timeout = timeout.map(|timeout| Duration::from_secs_f64(timeout.clamp(0.0, 4e9) / 1000.0));
        let token = self.tab.borrow_mut().request(text, timeout);
        self.pump();
        token
    }

    /// No handler took the IQ request of this position.
    pub fn unhandled(&self, now: f64, position: f64) {
        self.say(now, ToWorker::Unhandled { position: position as u64 });
    }

    /// The page became visible or hidden.
    pub fn visibility(&self, now: f64, visible: bool) {
        self.say(now, ToWorker::Visibility { visible });
    }

    /// Ends the session, for every tab.
    pub fn disconnect(&self, now: f64, reason: Option<String>) {
        self.say(now, ToWorker::Disconnect { reason });
    }

    /// Says goodbye for this tab.
    pub fn leave(&self, now: f64) {
        self.say(now, ToWorker::Leave);
    }
}

impl Tab {
    fn say(&self, now: f64, wish: ToWorker<JsValue>) {
        self.handle(now, Input::Say(wish));
    }

    fn hear(&self, now: f64, message: FromWorker<JsValue>) {
        self.handle(now, Input::Message(message));
    }

    fn handle(&self, now: f64, input: Input<JsValue>) {
        let now = Duration::from_micros((now * 1000.0) as u64);
        self.tab.borrow_mut().handle_input(now, input);
        self.pump();
    }

    fn pump(&self) {
        if self.busy.replace(true) {
            return;
        }
        loop {
            let output = self.tab.borrow_mut().poll_output();
            match output {
                Some(Output::Post(message)) => self.listener.post(message),
                Some(Output::Event(event)) => self.tell(event),
                None => break,
            }
        }
        self.busy.set(false);
    }

    fn tell(&self, event: Event<JsValue>) {
        let listener = &self.listener;
        match event {
            Event::Status(status) => {
                let (jid, domain, features) = match status.session {
                    Some(session) => (Some(session.jid), Some(session.domain), Some(session.features)),
                    None => (None, None, None),
                };
                listener.status(status.code as u8, status.condition, status.text, jid, domain, features);
            }
            Event::Role(role) => listener.role(role == Role::Primary),
            Event::Stanza { position, origin, text } => {
                listener.stanza(position as f64, origin == Origin::Sent, &text);
            }
            Event::Written(up_to) => listener.written(up_to),
            Event::Failed(token, fault) => listener.failed(token, &fault.condition, &fault.text),
            Event::Response(token, outcome) => match outcome {
                Outcome::Result(text) => listener.answered(token, false, &text),
                Outcome::Error(text) => listener.answered(token, true, &text),
                Outcome::Timeout => listener.unanswered(token, true),
                Outcome::Disconnected => listener.unanswered(token, false),
                Outcome::Refused(fault) => listener.unasked(token, &fault.condition, &fault.text),
            },
            Event::Log(level, text) => listener.log(level as u8, &text),
        }
    }
}
