//! What the page's half must be able to hear.

use epode_protocol::{Claim, Credentials, Criteria, Hello, Secret, Selector, ToWorker};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Stanza;

#[wasm_bindgen(typescript_custom_section)]
const LISTENER: &str = r#"
import type { ToWorker } from '../ts/protocol/ToWorker.ts';

/** What is to be posted to the worker: one method for each variant of `ToWorker`. None of these may throw. */
export interface Outlet {
  sayHello(versions: Uint32Array, tab: string, lock: string | undefined, visible: boolean, boot: string | undefined, position: number): void;
  sayConnect(service: string, jid: string, authcid: string | undefined, password: string | undefined, keys: string | undefined, mechanisms: string[], priorities: Uint32Array, own: number, listed: boolean, sessionKey: string | undefined, explicitBinding: boolean, reconnect: boolean, attach: boolean, reloadGrace: number, queueStanzas: number, queueSize: number): void;
  sayAttach(service: string, jid: string | undefined, explicitBinding: boolean): void;
  sayBind(resource: string | undefined): void;
  sayRestore(service: string, jid: string): void;
  /** Opens a claim; the criteria of each follow, and `sayClaims` posts them. */
  addClaim(id: number, kind: number, ns?: string, name?: string, types?: string[], stanzaId?: string, from?: string, bare?: boolean, ignoreFragment?: boolean): void;
  sayClaims(from: number, made: number): void;
  sayRelease(claims: Uint32Array): void;
  sayAck(posts: number): void;
  /** A variant without content. */
  sayWord(word: Extract<ToWorker<string>, string>): void;
  sayTabs(token: number): void;
  /** The tokens are `first` and those that follow it. */
  saySend(first: number, texts: string[]): void;
  sayRequest(token: number, text: string, timeout: number | undefined): void;
  sayUnhandled(position: number): void;
  sayVisibility(visible: boolean): void;
  sayDisconnect(reason: string | undefined, timeout: number): void;
}

/** What is to be done in the page. */
export interface Caretaker {
  /** Call `died` when this Web Lock is free. */
  watch(lock: string): void;
  /** Open a port to a new worker, or to the one that stands in for one that does not answer, and call `opened`. */
  reopen(detour: boolean): void;
}

/** What the app is to be told, in order. None of these may throw. */
export interface Audience {
  status(code: number, condition?: string, text?: string, jid?: string, domain?: string, features?: string): void;
  keys(text: string): void;
  role(primary: boolean): void;
  /** The stanzas that were handed in last, one after the other. */
  stanzas(): void;
  caught(claim: number, replayed: boolean, text: string): void;
  claimed(claim: number): void;
  gap(): void;
  tabs(token: number): void;
  written(upTo: number): void;
  failed(token: number, condition: string, text: string): void;
  answered(token: number, error: boolean, text: string): void;
  unanswered(token: number, timeout: boolean): void;
  unasked(token: number, condition: string, text: string): void;
  log(level: number, text: string): void;
}

export type Listener = Outlet & Caretaker & Audience;
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's half.
    #[wasm_bindgen(typescript_type = "Listener")]
    pub type Listener;

    #[wasm_bindgen(method, js_name = sayHello)]
    fn say_hello(
        this: &Listener,
        versions: Vec<u32>,
        tab: &str,
        lock: Option<&str>,
        visible: bool,
        boot: Option<&str>,
        position: f64,
    );
    #[wasm_bindgen(method, js_name = sayConnect)]
    fn say_connect(
        this: &Listener,
        service: &str,
        jid: &str,
        authcid: Option<&str>,
        password: Option<&str>,
        keys: Option<&str>,
        mechanisms: Vec<String>,
        priorities: Vec<u32>,
        own: u32,
        listed: bool,
        session_key: Option<&str>,
        explicit_binding: bool,
        reconnect: bool,
        attach: bool,
        reload_grace: u32,
        queue_stanzas: u32,
        queue_size: u32,
    );
    #[wasm_bindgen(method, js_name = sayAttach)]
    fn say_attach(this: &Listener, service: &str, jid: Option<&str>, explicit_binding: bool);
    #[wasm_bindgen(method, js_name = sayBind)]
    fn say_bind(this: &Listener, resource: Option<&str>);
    #[wasm_bindgen(method, js_name = sayRestore)]
    fn say_restore(this: &Listener, service: &str, jid: &str);
    #[allow(clippy::too_many_arguments, reason = "a flat call is the cheapest across this boundary")]
    #[wasm_bindgen(method, js_name = addClaim)]
    fn add_claim(
        this: &Listener,
        id: u32,
        kind: u8,
        ns: Option<&str>,
        name: Option<&str>,
        types: Option<Vec<String>>,
        stanza_id: Option<&str>,
        from: Option<&str>,
        bare: bool,
        ignore_fragment: bool,
    );
    #[wasm_bindgen(method, js_name = sayClaims)]
    fn say_claims(this: &Listener, from: f64, made: f64);
    #[wasm_bindgen(method, js_name = sayRelease)]
    fn say_release(this: &Listener, claims: Vec<u32>);
    #[wasm_bindgen(method, js_name = sayWord)]
    fn say_word(this: &Listener, word: &str);
    #[wasm_bindgen(method, js_name = sayAck)]
    fn say_ack(this: &Listener, posts: u32);
    #[wasm_bindgen(method, js_name = sayTabs)]
    fn say_tabs(this: &Listener, token: u32);
    #[wasm_bindgen(method, js_name = saySend)]
    fn say_send(this: &Listener, first: u32, texts: Vec<JsValue>);
    #[wasm_bindgen(method, js_name = sayRequest)]
    fn say_request(this: &Listener, token: u32, text: &JsValue, timeout: Option<u32>);
    #[wasm_bindgen(method, js_name = sayUnhandled)]
    fn say_unhandled(this: &Listener, position: f64);
    #[wasm_bindgen(method, js_name = sayVisibility)]
    fn say_visibility(this: &Listener, visible: bool);
    #[wasm_bindgen(method, js_name = sayDisconnect)]
    fn say_disconnect(this: &Listener, reason: Option<&str>, timeout: u32);

    #[wasm_bindgen(method)]
    pub(crate) fn status(
        this: &Listener,
        code: u8,
        condition: Option<&str>,
        text: Option<&str>,
        jid: Option<&str>,
        domain: Option<&str>,
        features: Option<&str>,
    );
    #[wasm_bindgen(method)]
    pub(crate) fn keys(this: &Listener, text: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn role(this: &Listener, primary: bool);
    #[wasm_bindgen(method)]
    pub(crate) fn stanzas(this: &Listener);
    #[wasm_bindgen(method)]
    pub(crate) fn caught(this: &Listener, claim: u32, replayed: bool, text: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn claimed(this: &Listener, claim: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn gap(this: &Listener);
    #[wasm_bindgen(method)]
    pub(crate) fn tabs(this: &Listener, token: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn watch(this: &Listener, lock: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn reopen(this: &Listener, detour: bool);
    #[wasm_bindgen(method)]
    pub(crate) fn written(this: &Listener, up_to: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn failed(this: &Listener, token: u32, condition: &str, text: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn answered(this: &Listener, token: u32, error: bool, text: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn unanswered(this: &Listener, token: u32, timeout: bool);
    #[wasm_bindgen(method)]
    pub(crate) fn unasked(this: &Listener, token: u32, condition: &str, text: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn log(this: &Listener, level: u8, text: &str);
}

impl Listener {
    /// Has a message posted to the worker.
    pub(crate) fn post(&self, message: ToWorker<Stanza>) {
        match message {
            ToWorker::Hello(hello) => {
                let Hello { versions, tab, lock, before, visible } = hello;
                let (boot, position) = match &before {
                    Some(before) => (Some(&*before.boot), before.position as f64),
                    None => (None, 0.0),
                };
                self.say_hello(versions, &tab, lock.as_deref(), visible, boot, position);
            }
            ToWorker::Connect { service, jid, credentials, options } => {
                let mut offers = options.own_mechanisms;
                let own = offers.len() as u32;
                offers.extend(options.mechanisms);
                let (names, priorities) =
                    offers.into_iter().map(|offer| (offer.name, offer.priority)).unzip();
                let Credentials { authcid, password, keys } = &credentials;
                self.say_connect(
                    &service,
                    &jid,
                    authcid.as_deref(),
                    password.as_ref().map(Secret::expose),
                    keys.as_ref().map(Secret::expose),
                    names,
                    priorities,
                    own,
                    options.listed,
                    options.session_key.as_deref(),
                    options.explicit_binding,
                    options.reconnect,
                    options.attach,
                    options.reload_grace,
                    options.queue_stanzas,
                    options.queue_size,
                );
            }
            ToWorker::Attach { service, jid, explicit_binding } => {
                self.say_attach(&service, jid.as_deref(), explicit_binding);
            }
            // The page says these itself, to the port that was asked on.
            ToWorker::SaslResponse { .. } | ToWorker::SaslAbort { .. } => {}
            ToWorker::Bind { resource } => self.say_bind(resource.as_deref()),
            ToWorker::Restore { service, jid } => self.say_restore(&service, &jid),
            ToWorker::Claim { claims, from, made } => {
                for claim in claims {
                    self.claim(claim);
                }
                self.say_claims(from as f64, made);
            }
            ToWorker::Release { claims } => self.say_release(claims),
            ToWorker::Ack { posts } => self.say_ack(posts),
            ToWorker::StepAside => self.say_word("StepAside"),
            ToWorker::Freeze => self.say_word("Freeze"),
            ToWorker::Pong => self.say_word("Pong"),
            ToWorker::Ping => self.say_word("Ping"),
            ToWorker::Tabs { token } => self.say_tabs(token),
            ToWorker::Send { stanzas } => {
                let first = stanzas.first().map_or(0, |stanza| stanza.token);
                self.say_send(first, stanzas.into_iter().map(|stanza| stanza.text.0).collect());
            }
            ToWorker::Request { token, text, timeout } => self.say_request(token, &text.0, timeout),
            ToWorker::Unhandled { position } => self.say_unhandled(position as f64),
            ToWorker::Visibility { visible } => self.say_visibility(visible),
            ToWorker::Disconnect { reason, timeout } => self.say_disconnect(reason.as_deref(), timeout),
            ToWorker::Leave => self.say_word("Leave"),
        }
    }

    fn claim(&self, Claim { id, selector }: Claim) {
        let (kind, criteria) = match selector {
            Selector::Stanza(criteria) => (0, criteria),
            Selector::Everything => (1, Criteria::default()),
            Selector::Sent => (2, Criteria::default()),
        };
        let Criteria { ns, name, types, id: stanza_id, from, bare, ignore_fragment } = criteria;
        let [ns, name, stanza_id, from] = [&ns, &name, &stanza_id, &from].map(Option::as_deref);
        self.add_claim(id, kind, ns, name, types, stanza_id, from, bare, ignore_fragment);
    }
}
