//! The wasm half of the npm package `epode`: the tab's end of the protocol ([`epode_tab::Tab`]) as a JavaScript class.
//!
//! The page's half (`ts/link.ts`) opens the port and posts; `ts/connection.ts` is the API. Between them stands [`Tab`]: methods for what
//! the app wants and what the worker says, a [`Listener`] for what follows. Logic here, manners there.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use epode_protocol::{
    Credentials, Fault, FromWorker, MechanismOffer, Options, Origin, Outcome, Password, Role, ToWorker,
};
use epode_tab::{Event, Input, Output};
use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A stanza on its way through: the JavaScript string it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Stanza(#[serde(with = "serde_wasm_bindgen::preserve")] JsValue);

#[wasm_bindgen(typescript_custom_section)]
const LISTENER: &str = r#"
/** What follows from what went into a `Tab`, in order. None of these may throw. */
export interface Listener {
  /** Post this to the worker. */
  post(message: unknown): void;
  status(code: number, condition?: string, text?: string, jid?: string, domain?: string, features?: string): void;
  role(primary: boolean): void;
  stanza(position: number, sent: boolean, text: string): void;
  written(upTo: number): void;
  failed(token: number, condition: string, text: string): void;
  answered(token: number, error: boolean, text: string): void;
  unanswered(token: number, timeout: boolean): void;
  refused(token: number, condition: string, text: string): void;
  log(level: number, text: string): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's half.
    #[wasm_bindgen(typescript_type = "Listener")]
    pub type Listener;
    #[wasm_bindgen(method)]
    fn post(this: &Listener, message: &JsValue);
    #[wasm_bindgen(method)]
    fn status(
        this: &Listener,
        code: u8,
        condition: Option<String>,
        text: Option<String>,
        jid: Option<String>,
        domain: Option<String>,
        features: Option<String>,
    );
    #[wasm_bindgen(method)]
    fn role(this: &Listener, primary: bool);
    #[wasm_bindgen(method)]
    fn stanza(this: &Listener, position: f64, sent: bool, text: &JsValue);
    #[wasm_bindgen(method)]
    fn written(this: &Listener, up_to: u32);
    #[wasm_bindgen(method)]
    fn failed(this: &Listener, token: u32, condition: &str, text: &str);
    #[wasm_bindgen(method)]
    fn answered(this: &Listener, token: u32, error: bool, text: &JsValue);
    #[wasm_bindgen(method)]
    fn unanswered(this: &Listener, token: u32, timeout: bool);
    #[wasm_bindgen(method)]
    fn refused(this: &Listener, token: u32, condition: &str, text: &str);
    #[wasm_bindgen(method)]
    fn log(this: &Listener, level: u8, text: &str);
}

/// The tab's end of the protocol. Times are milliseconds of `performance.now()`.
#[wasm_bindgen]
pub struct Tab {
    tab: RefCell<epode_tab::Tab<Stanza>>,
    listener: Listener,
    /// A listener may call back into the tab: what follows waits its turn, so that order holds.
    busy: Cell<bool>,
}

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

    /// The worker posted this.
    pub fn receive(&self, now: f64, data: JsValue) {
        self.handle(
            now,
            match serde_wasm_bindgen::from_value::<FromWorker<Stanza>>(data) {
                Ok(message) => Input::Message(message),
                Err(error) => Input::Malformed(error.to_string()),
            },
        );
    }

    /// The worker cannot be reached, and why.
    pub fn lost(&self, now: f64, condition: String, text: String) {
        self.handle(now, Input::Lost(Fault { condition, text }));
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
        self.handle(now, Input::Say(ToWorker::Connect { service, jid, credentials, options }));
    }

    /// Joins a session that is there.
    pub fn attach(&self, now: f64, service: String, jid: Option<String>) {
        self.handle(now, Input::Say(ToWorker::Attach { service, jid }));
    }

    /// Sends stanzas, in order; the token of the last, the others' are those before it.
    pub fn send(&self, texts: Vec<JsValue>) -> u32 {
        let token = self.tab.borrow_mut().send(texts.into_iter().map(Stanza));
        self.pump();
        token
    }

    /// Asks an IQ and waits at most `timeout` milliseconds for the answer; its token.
    pub fn request(&self, text: JsValue, timeout: Option<f64>) -> u32 {
        let timeout = timeout.map(|timeout| Duration::from_secs_f64(timeout.clamp(0.0, 4e9) / 1000.0));
        let token = self.tab.borrow_mut().request(Stanza(text), timeout);
        self.pump();
        token
    }

    /// No handler took the IQ request of this position.
    pub fn unhandled(&self, now: f64, position: f64) {
        self.handle(now, Input::Say(ToWorker::Unhandled { position: position as u64 }));
    }

    /// The page became visible or hidden.
    pub fn visibility(&self, now: f64, visible: bool) {
        self.handle(now, Input::Say(ToWorker::Visibility { visible }));
    }

    /// Ends the session, for every tab.
    pub fn disconnect(&self, now: f64, reason: Option<String>) {
        self.handle(now, Input::Say(ToWorker::Disconnect { reason }));
    }

    /// Says goodbye for this tab.
    pub fn leave(&self, now: f64) {
        self.handle(now, Input::Say(ToWorker::Leave));
    }
}

impl Tab {
    fn handle(&self, now: f64, input: Input<Stanza>) {
        let now = Duration::from_secs_f64(now.max(0.0) / 1000.0);
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
                Some(Output::Post(message)) => self.post(&message),
                Some(Output::Event(event)) => self.tell(event),
                None => break,
            }
        }
        self.busy.set(false);
    }

    fn post(&self, message: &ToWorker<Stanza>) {
        // Plain data: there is nothing in it that could fail to become a JavaScript value.
        if let Ok(message) = message.serialize(&Serializer::new()) {
            self.listener.post(&message);
        }
    }

    fn tell(&self, event: Event<Stanza>) {
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
                listener.stanza(position as f64, origin == Origin::Sent, &text.0);
            }
            Event::Written(up_to) => listener.written(up_to),
            Event::Failed(token, fault) => listener.failed(token, &fault.condition, &fault.text),
            Event::Response(token, outcome) => match outcome {
                Outcome::Result(text) => listener.answered(token, false, &text.0),
                Outcome::Error(text) => listener.answered(token, true, &text.0),
                Outcome::Timeout => listener.unanswered(token, true),
                Outcome::Disconnected => listener.unanswered(token, false),
                Outcome::Refused(fault) => listener.refused(token, &fault.condition, &fault.text),
            },
            Event::Log(level, text) => listener.log(level as u8, &text),
        }
    }
}
