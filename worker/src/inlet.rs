//! What tabs say: one function for each variant of [`ToWorker`]. The script has looked every value through.

#![allow(missing_docs, reason = "documented at epode_protocol::ToWorker")]
#![allow(clippy::too_many_arguments, reason = "a flat call is the cheapest across this boundary")]

use std::cell::RefCell;

use epode_hub::{Input, PortId};
use epode_protocol::{
    Before, Claim, Credentials, Criteria, Hello, MechanismOffer, Options, Outgoing, Secret, Selector,
    ToWorker,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::driver;
use crate::text::Stanza;

fn hear(port: u32, message: ToWorker<Stanza>) {
    driver::run(Input::Message(PortId(port), message, js_sys::Date::now()));
}

/// What was posted is not of this protocol, or not yet: says why, without quoting it, for it may be a
/// password.
#[wasm_bindgen]
pub fn on_malformed(port: u32, detail: String) {
    driver::run(Input::Malformed(PortId(port), detail));
}

#[wasm_bindgen]
pub fn on_hello(
    port: u32,
    versions: Vec<u32>,
    tab: String,
    lock: Option<String>,
    visible: bool,
    boot: Option<String>,
    position: f64,
) {
    let before = boot.map(|boot| Before { boot, position: position as u64 });
    hear(port, ToWorker::Hello(Hello { versions, tab, lock, before, visible }));
}

/// `mechanisms` and `priorities` go together: the tab's `own`, so many, and then the worker's; all of those
/// are allowed unless they are `listed`.
#[wasm_bindgen]
pub fn on_connect(
    port: u32,
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
    let [password, keys] = [password, keys].map(|secret| secret.map(Secret::new));
    let credentials = Credentials { authcid, password, keys };
    let offer = |(name, priority)| MechanismOffer { name, priority };
    let mut own_mechanisms: Vec<_> = mechanisms.into_iter().zip(priorities).map(offer).collect();
    let mechanisms = own_mechanisms.split_off(own_mechanisms.len().min(own as usize));
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
    hear(port, ToWorker::Connect { service, jid, credentials, options });
}

#[wasm_bindgen]
pub fn on_attach(port: u32, service: String, jid: Option<String>, explicit_binding: bool) {
    hear(port, ToWorker::Attach { service, jid, explicit_binding });
}

#[wasm_bindgen]
pub fn on_restore(port: u32, service: String, jid: String) {
    hear(port, ToWorker::Restore { service, jid });
}

#[wasm_bindgen]
pub fn on_sasl_response(port: u32, exchange: u32, response: Option<String>) {
    hear(port, ToWorker::SaslResponse { exchange, response: response.map(Secret::new) });
}

#[wasm_bindgen]
pub fn on_sasl_abort(port: u32, exchange: u32) {
    hear(port, ToWorker::SaslAbort { exchange });
}

#[wasm_bindgen]
pub fn on_bind(port: u32, resource: Option<String>) {
    hear(port, ToWorker::Bind { resource });
}

thread_local! {
    static CLAIMS: RefCell<Vec<Claim>> = const { RefCell::new(Vec::new()) };
}

/// One of the claims that the next `on_claim` is about. The kinds of selectors: 0 by these criteria, 1
/// everything, 2 what is sent.
#[wasm_bindgen]
pub fn add_claim(
    id: u32,
    kind: u8,
    ns: Option<String>,
    name: Option<String>,
    types: Option<Vec<String>>,
    stanza_id: Option<String>,
    from: Option<String>,
    bare: bool,
    ignore_fragment: bool,
) {
    let selector = match kind {
        0 => Selector::Stanza(Criteria { ns, name, types, id: stanza_id, from, bare, ignore_fragment }),
        1 => Selector::Everything,
        _ => Selector::Sent,
    };
    CLAIMS.with_borrow_mut(|claims| claims.push(Claim { id, selector }));
}

#[wasm_bindgen]
pub fn on_claim(port: u32, from: f64, made: f64) {
    hear(port, ToWorker::Claim { claims: CLAIMS.take(), from: from as u64, made });
}

#[wasm_bindgen]
pub fn on_release(port: u32, claims: Vec<u32>) {
    hear(port, ToWorker::Release { claims });
}

#[wasm_bindgen]
pub fn on_ack(port: u32, posts: u32) {
    hear(port, ToWorker::Ack { posts });
}

/// `tokens` and `texts` go together.
#[wasm_bindgen]
pub fn on_send(port: u32, tokens: Vec<u32>, texts: Vec<JsValue>) {
    let outgoing = |(token, text)| Outgoing { token, text: Stanza::from(text) };
    hear(port, ToWorker::Send { stanzas: tokens.into_iter().zip(texts).map(outgoing).collect() });
}

#[wasm_bindgen]
pub fn on_request(port: u32, token: u32, text: JsValue, timeout: Option<u32>) {
    hear(port, ToWorker::Request { token, text: Stanza::from(text), timeout });
}

#[wasm_bindgen]
pub fn on_unhandled(port: u32, position: f64) {
    hear(port, ToWorker::Unhandled { position: position as u64 });
}

#[wasm_bindgen]
pub fn on_visibility(port: u32, visible: bool) {
    hear(port, ToWorker::Visibility { visible });
}

#[wasm_bindgen]
pub fn on_step_aside(port: u32) {
    hear(port, ToWorker::StepAside);
}

#[wasm_bindgen]
pub fn on_freeze(port: u32) {
    hear(port, ToWorker::Freeze);
}

#[wasm_bindgen]
pub fn on_pong(port: u32) {
    hear(port, ToWorker::Pong);
}

#[wasm_bindgen]
pub fn on_ping(port: u32) {
    hear(port, ToWorker::Ping);
}

#[wasm_bindgen]
pub fn on_tabs(port: u32, token: u32) {
    hear(port, ToWorker::Tabs { token });
}

#[wasm_bindgen]
pub fn on_disconnect(port: u32, reason: Option<String>, timeout: u32) {
    hear(port, ToWorker::Disconnect { reason, timeout });
}

#[wasm_bindgen]
pub fn on_leave(port: u32) {
    hear(port, ToWorker::Leave);
}
