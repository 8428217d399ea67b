//! The wasm half of the npm package `epode`: the tab's end of the protocol ([`epode_tab::Tab`]) as a
//! JavaScript class.
//!
//! The page's half (`ts/link.ts`) opens the port; `ts/wire.ts` reads and makes the objects that cross it;
//! `ts/connection.ts` is the API. Between them stands [`Tab`]: methods for what the app wants and what the
//! worker says, a [`Listener`] for what follows. Logic here, manners there.
//!
//! Every call is flat: numbers, strings, and stanzas as the JavaScript strings they are. Decoding the
//! messages in here, by serde, would double what each page loads (ARCHITECTURE.md, "What a tab client in wasm
//! costs"); in TypeScript the generated types hold the two ends together.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use epode_protocol::{
    Before, Caught, Credentials, Criteria, Delivery, Fault, FromWorker, LogLevel, MechanismOffer, Options,
    Origin, Outcome, Refusal, Role, Secret, Selector, SessionInfo, Status, StatusCode, ToWorker,
};
use epode_tab::{Event, Input, Output};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

mod listener;

pub use listener::Listener;

/// The allocator of `std`, which has it compiled for speed, at the size that the profile asks for.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// The tab's end of the protocol. Times are milliseconds of `performance.now()`.
#[wasm_bindgen]
pub struct Tab {
    tab: RefCell<epode_tab::Tab<Stanza>>,
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

    /// The port is open: says hello, as `tab`, from a page instance that holds the Web Lock `lock`. After a
    /// reload `boot` and `position` are what `boot()` and `position()` said before.
    #[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest across this boundary")]
    pub fn opened(
        &self,
        now: f64,
        tab: String,
        lock: Option<String>,
        visible: bool,
        boot: Option<String>,
        position: f64,
    ) {
        let before = boot.map(|boot| Before { boot, position: position as u64 });
        self.handle(now, Input::Opened { tab, lock, visible, before });
    }

    /// The run of the worker that this page speaks to.
    pub fn boot(&self) -> String {
        self.tab.borrow().before().boot
    }

    /// The latest position that was handled.
    pub fn position(&self) -> f64 {
        self.tab.borrow().before().position as f64
    }

    /// The worker died: its lock is free.
    pub fn died(&self, now: f64) {
        self.handle(now, Input::Died);
    }

    /// The worker cannot be reached, and why.
    pub fn lost(&self, now: f64, text: String) {
        self.handle(now, Input::Lost(Fault { condition: "worker-failed".to_owned(), text }));
    }

    /// The worker posted what is not of the protocol.
    pub fn malformed(&self, now: f64, detail: String) {
        self.handle(now, Input::Malformed(detail));
    }

    /// The deadline has come. While `is_greeting`: whether the worker `runs`, or its script is on its way.
    pub fn timeout(&self, now: f64, runs: Option<bool>) {
        self.handle(now, Input::Timeout { runs });
    }

    /// When to call `timeout`.
    pub fn deadline(&self) -> Option<f64> {
        self.tab.borrow().deadline().map(|at| at.as_secs_f64() * 1000.0)
    }

    /// Whether the worker has not welcomed this tab yet.
    pub fn is_greeting(&self) -> bool {
        self.tab.borrow().is_greeting()
    }

    /// Whether what the worker says of a session is still of one that the app has left.
    pub fn is_joining(&self) -> bool {
        self.tab.borrow().is_joining()
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
    pub fn on_welcome(&self, now: f64, version: u32, boot: String, lock: Option<String>) {
        self.hear(now, FromWorker::Welcome { version, boot, lock });
    }

    pub fn on_refused_version(&self, now: f64, speaks: Vec<u32>) {
        self.hear(now, FromWorker::Refused(Refusal::Version { speaks }));
    }

    /// A `Refused` that is not over versions.
    pub fn on_refused(&self, now: f64, engine: bool, detail: String) {
        let refusal = if engine { Refusal::Engine { detail } } else { Refusal::Malformed { detail } };
        self.hear(now, FromWorker::Refused(refusal));
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
        position: f64,
    ) {
        let Some(&code) = StatusCode::ALL.get(usize::from(code)) else { return };
        let session = match (jid, domain, features) {
            (Some(jid), Some(domain), Some(features)) => {
                Some(SessionInfo { jid, domain, features, position: position as u64 })
            }
            _ => None,
        };
        self.hear(now, FromWorker::Status(Status { code, condition, text, session, close_code: None }));
    }

    pub fn on_keys(&self, now: f64, keys: String) {
        self.hear(now, FromWorker::Keys { keys: Secret::new(keys) });
    }

    pub fn on_role(&self, now: f64, primary: bool) {
        self.hear(now, FromWorker::Role(if primary { Role::Primary } else { Role::Secondary }));
    }

    /// A `Deliver` of so many stanzas up to this position, whose content the page keeps.
    pub fn on_deliver(&self, end: f64, stanzas: usize) {
        let joined = self.tab.borrow_mut().delivered(end as u64, stanzas);
        if joined {
            let busy = self.busy.replace(true);
            self.listener.stanzas();
            self.busy.set(busy);
        }
        self.pump();
    }

    /// A `Claimed`: of each claim its number and how many stanzas it caught, then all of these column by
    /// column.
    pub fn on_claimed(
        &self,
        now: f64,
        claims: Vec<u32>,
        counts: Vec<u32>,
        positions: Vec<f64>,
        origins: Vec<u8>,
        texts: Vec<JsValue>,
    ) {
        let mut caught = deliveries(positions, origins, texts);
        let claims = claims
            .into_iter()
            .zip(counts)
            .map(|(claim, count)| Caught { claim, stanzas: caught.by_ref().take(count as usize).collect() })
            .collect();
        self.hear(now, FromWorker::Claimed { claims });
    }

    /// A `Gap`, whose content the page keeps.
    pub fn on_gap(&self, now: f64) {
        self.hear(now, FromWorker::Gap { from: 0, to: 0, count: 0, reason: String::new() });
    }

    /// A variant without content.
    pub fn on_word(&self, now: f64, word: u8) {
        self.hear(
            now,
            match word {
                0 => FromWorker::Joining,
                1 => FromWorker::Ping,
                _ => FromWorker::Pong,
            },
        );
    }

    /// A `Tabs`, whose content the page keeps.
    pub fn on_tabs(&self, now: f64, token: u32) {
        self.hear(now, FromWorker::Tabs { token, tabs: Vec::new() });
    }

    pub fn on_written(&self, now: f64, up_to: u32) {
        self.hear(now, FromWorker::Written { up_to });
    }

    /// A `Failed`, or a `Response` that says why nothing was asked.
    pub fn on_fault(&self, now: f64, asked: bool, token: u32, condition: String, text: String) {
        let fault = Fault { condition, text };
        self.hear(
            now,
            match asked {
                true => FromWorker::Response { token, outcome: Outcome::Refused(fault), position: 0 },
                false => FromWorker::Failed { token, fault },
            },
        );
    }

    /// A `Response` with an answer.
    pub fn on_answered(&self, now: f64, token: u32, error: bool, text: JsValue, position: f64) {
        let text = Stanza(text);
        let outcome = if error { Outcome::Error(text) } else { Outcome::Result(text) };
        self.hear(now, FromWorker::Response { token, outcome, position: position as u64 });
    }

    /// A `Response` without one.
    pub fn on_unanswered(&self, now: f64, token: u32, timeout: bool) {
        let outcome = if timeout { Outcome::Timeout } else { Outcome::Disconnected };
        self.hear(now, FromWorker::Response { token, outcome, position: 0 });
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
    /// Joins the session of an account, or opens it. `mechanisms` and `priorities` go together: the page's
    /// `own`, so many, and then the worker's; `listed` if the app has listed them itself.
    #[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest across this boundary")]
    pub fn connect(
        &self,
        now: f64,
        service: String,
        jid: String,
        authcid: Option<String>,
        password: Option<String>,
        keys: Option<String>,
        mechanisms: Vec<String>,
        priorities: Vec<u32>,
        own: u32,
        listed: bool,
        session_key: Option<String>,
        explicit_binding: bool,
        reconnect: bool,
        attach: bool,
        reload_grace: u32,
        queue_stanzas: u32,
        queue_size: u32,
    ) {
        let offer = |(name, priority)| MechanismOffer { name, priority };
        let mut own_mechanisms: Vec<_> = mechanisms.into_iter().zip(priorities).map(offer).collect();
        let mechanisms = own_mechanisms.split_off(own_mechanisms.len().min(own as usize));
        let credentials =
            Credentials { authcid, password: password.map(Secret::new), keys: keys.map(Secret::new) };
        let options = Options {
            mechanisms,
            listed,
            own_mechanisms,
            session_key,
            explicit_binding,
            reconnect,
            attach,
            reload_grace,
            queue_stanzas,
            queue_size,
        };
        self.say(now, ToWorker::Connect { service, jid, credentials, options });
    }

    /// Joins a session that is there.
    pub fn attach(&self, now: f64, service: String, jid: Option<String>, explicit_binding: bool) {
        self.say(now, ToWorker::Attach { service, jid, explicit_binding });
    }

    /// Binds a resource, where the session waits for it.
    pub fn bind(&self, now: f64, resource: Option<String>) {
        self.say(now, ToWorker::Bind { resource });
    }

    /// Sends stanzas, in order; the token of the last, the others' are those before it.
    pub fn send(&self, texts: Vec<JsValue>) -> u32 {
        let token = self.tab.borrow_mut().send(texts.into_iter().map(Stanza));
        self.pump();
        token
    }

    /// Asks an IQ and waits at most `timeout` milliseconds for the answer; its token.
    pub fn request(&self, text: JsValue, timeout: Option<f64>) -> u32 {
        let timeout = timeout.map(|timeout| Duration::from_millis(timeout as u64));
        let token = self.tab.borrow_mut().request(Stanza(text), timeout);
        self.pump();
        token
    }

    /// Of the stanzas that the listener handles it is this one's turn: to be said before a claim is made.
    pub fn at(&self, position: f64) {
        self.tab.borrow_mut().at(position as u64);
    }

    /// Claims the stanzas that meet these criteria; the claim's number.
    #[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest across this boundary")]
    pub fn claim(
        &self,
        ns: Option<String>,
        name: Option<String>,
        types: Option<Vec<String>>,
        id: Option<String>,
        from: Option<String>,
        bare: bool,
        ignore_fragment: bool,
    ) -> u32 {
        self.claim_selector(Selector::Stanza(Criteria { ns, name, types, id, from, bare, ignore_fragment }))
    }

    /// Claims everything that comes in, for a hook; the claim's number.
    pub fn claim_everything(&self) -> u32 {
        self.claim_selector(Selector::Everything)
    }

    /// Claims what other tabs send; the claim's number.
    pub fn claim_sent(&self) -> u32 {
        self.claim_selector(Selector::Sent)
    }

    /// Gives a claim up.
    pub fn release(&self, claim: u32) {
        self.tab.borrow_mut().release(claim);
        self.pump();
    }

    /// Asks what the worker knows of the tabs; the question's token.
    pub fn tabs(&self) -> u32 {
        let token = self.tab.borrow_mut().tabs();
        self.pump();
        token
    }

    /// The page is being frozen.
    pub fn freeze(&self, now: f64) {
        self.say(now, ToWorker::Freeze);
    }

    /// No handler took the IQ request of this position.
    pub fn unhandled(&self, now: f64, position: f64) {
        self.say(now, ToWorker::Unhandled { position: position as u64 });
    }

    /// The page became visible or hidden.
    pub fn visibility(&self, now: f64, visible: bool) {
        self.say(now, ToWorker::Visibility { visible });
    }

    /// Ends the session, for every tab; the server has `timeout` milliseconds to close the stream too.
    pub fn disconnect(&self, now: f64, reason: Option<String>, timeout: u32) {
        self.say(now, ToWorker::Disconnect { reason, timeout });
    }

    /// Says goodbye for this tab.
    pub fn leave(&self, now: f64) {
        self.say(now, ToWorker::Leave);
    }
}

impl Tab {
    fn claim_selector(&self, selector: Selector) -> u32 {
        let claim = self.tab.borrow_mut().claim(time_of_day(), selector);
        self.pump();
        claim
    }

    fn say(&self, now: f64, wish: ToWorker<Stanza>) {
        self.handle(now, Input::Say(wish));
    }

    fn hear(&self, now: f64, message: FromWorker<Stanza>) {
        self.handle(now, Input::Message(message));
    }

    fn handle(&self, now: f64, input: Input<Stanza>) {
        let now = Duration::from_millis(now as u64);
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
                Some(Output::Watch(lock)) => self.listener.watch(&lock),
                Some(Output::Reopen { detour }) => self.listener.reopen(detour),
                Some(Output::Event(event)) => self.tell(event),
                None => break,
            }
        }
        self.busy.set(false);
    }

    fn tell(&self, event: Event<Stanza>) {
        let listener = &self.listener;
        match event {
            Event::Status(status) => {
                let Status { code, condition, text, session, .. } = &status;
                let (jid, domain, features) = match session {
                    Some(session) => (Some(&*session.jid), Some(&*session.domain), Some(&*session.features)),
                    None => (None, None, None),
                };
                listener.status(*code as u8, condition.as_deref(), text.as_deref(), jid, domain, features);
            }
            Event::Keys(keys) => listener.keys(keys.expose()),
            // The page sees to it without this.
            Event::Challenge(..) => {}
            Event::Role(role) => listener.role(role == Role::Primary),
            // Those of `on_deliver` come by no event.
            Event::Stanzas(_) | Event::Stanza(..) => {}
            Event::Caught(claim, origin, text) => listener.caught(claim, origin == Origin::Replayed, &text.0),
            Event::Claimed(claim) => listener.claimed(claim),
            Event::Gap(..) => listener.gap(),
            Event::Tabs(token, _) => listener.tabs(token),
            Event::Written(up_to) => listener.written(up_to),
            Event::Failed(token, fault) => listener.failed(token, &fault.condition, &fault.text),
            Event::Response(token, outcome) => match outcome {
                Outcome::Result(text) => listener.answered(token, false, &text.0),
                Outcome::Error(text) => listener.answered(token, true, &text.0),
                Outcome::Timeout => listener.unanswered(token, true),
                Outcome::Disconnected => listener.unanswered(token, false),
                Outcome::Refused(fault) => listener.unasked(token, &fault.condition, &fault.text),
            },
            Event::Log(level, text) => listener.log(level as u8, &text),
        }
    }
}

fn deliveries(
    positions: Vec<f64>,
    origins: Vec<u8>,
    texts: Vec<JsValue>,
) -> impl Iterator<Item = Delivery<Stanza>> {
    let columns = positions.into_iter().zip(origins).zip(texts);
    columns.map(move |((position, number), text)| Delivery(position as u64, origin(number), Stanza(text)))
}

fn origin(number: u8) -> Origin {
    match number {
        0 => Origin::Received,
        1 => Origin::Sent,
        _ => Origin::Replayed,
    }
}

/// The text of a stanza as the JavaScript string it is.
struct Stanza(JsValue);

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn time_of_day() -> f64;
}
