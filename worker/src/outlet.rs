//! What the worker says, as the objects that are posted.

use epode_protocol::{Caught, Delivery, FromWorker, Outcome, Refusal, Role, Status, TabInfo};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::text::Stanza;

#[wasm_bindgen(typescript_custom_section)]
const OUTLET: &str = r#"
/**
 * Makes what is posted to tabs: one method for each variant of `FromWorker`, one for each row of those that hold several. Origins, codes, and levels
 * are numbers, in the order of their definition. None of these may throw.
 */
export interface Outlet {
  welcome(version: number, boot: string, lock: string | undefined): unknown;
  refusedVersion(speaks: Uint32Array): unknown;
  refusedMalformed(detail: string): unknown;
  refusedEngine(detail: string): unknown;
  joining(): unknown;
  status(code: number, condition: string | undefined, text: string | undefined, jid: string | undefined, domain: string | undefined, features: string | undefined, position: number, closeCode: number | undefined): unknown;
  keys(keys: string): unknown;
  saslChallenge(exchange: number, mechanism: string, challenge: string | undefined): unknown;
  role(primary: boolean): unknown;
  stanza(position: number, text: string): unknown;
  /** A stanza of the next `deliver`; all have an origin, or none. */
  addStanza(position: number, length: number, origin: number | undefined): void;
  deliver(text: string): unknown;
  /** A stanza of the next `addClaim`. */
  addCaught(position: number, origin: number, text: string): void;
  /** A claim of the next `claimed`. */
  addClaim(claim: number): void;
  claimed(): unknown;
  gap(from: number, to: number, count: number, reason: string): unknown;
  ping(): unknown;
  pong(): unknown;
  /** A tab of the next `tabs`. */
  addTab(tab: string, own: boolean, primary: boolean, visible: boolean, awake: boolean, credit: number, waiting: number, claims: number): void;
  tabs(token: number): unknown;
  written(upTo: number): unknown;
  failed(token: number, condition: string, text: string): unknown;
  answered(token: number, error: boolean, text: string, position: number): unknown;
  unanswered(token: number, timeout: boolean, position: number): unknown;
  unasked(token: number, condition: string, text: string, position: number): unknown;
  log(level: number, text: string): unknown;
  /** Posts what the others made to these ports. */
  post(ports: Uint32Array, message: unknown): void;
  close(port: number): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The script's `Outlet`.
    #[wasm_bindgen(typescript_type = "Outlet")]
    pub type Outlet;

    #[wasm_bindgen(method)]
    fn welcome(this: &Outlet, version: u32, boot: &str, lock: Option<&str>) -> JsValue;
    #[wasm_bindgen(method, js_name = refusedVersion)]
    fn refused_version(this: &Outlet, speaks: &[u32]) -> JsValue;
    #[wasm_bindgen(method, js_name = refusedMalformed)]
    fn refused_malformed(this: &Outlet, detail: &str) -> JsValue;
    #[wasm_bindgen(method, js_name = refusedEngine)]
    fn refused_engine(this: &Outlet, detail: &str) -> JsValue;
    #[wasm_bindgen(method)]
    fn joining(this: &Outlet) -> JsValue;
    #[wasm_bindgen(method)]
    fn status(
        this: &Outlet,
        code: u8,
        condition: Option<&str>,
        text: Option<&str>,
        jid: Option<&str>,
        domain: Option<&str>,
        features: Option<&str>,
        position: f64,
        close_code: Option<u16>,
    ) -> JsValue;
    #[wasm_bindgen(method)]
    fn keys(this: &Outlet, keys: &str) -> JsValue;
    #[wasm_bindgen(method, js_name = saslChallenge)]
    fn sasl_challenge(this: &Outlet, exchange: u32, mechanism: &str, challenge: Option<&str>) -> JsValue;
    #[wasm_bindgen(method)]
    fn role(this: &Outlet, primary: bool) -> JsValue;
    #[wasm_bindgen(method)]
    fn stanza(this: &Outlet, position: f64, text: &JsValue) -> JsValue;
    #[wasm_bindgen(method, js_name = addStanza)]
    fn add_stanza(this: &Outlet, position: f64, length: u32, origin: Option<u8>);
    #[wasm_bindgen(method)]
    fn deliver(this: &Outlet, text: &JsValue) -> JsValue;
    #[wasm_bindgen(method, js_name = addCaught)]
    fn add_caught(this: &Outlet, position: f64, origin: u8, text: &JsValue);
    #[wasm_bindgen(method, js_name = addClaim)]
    fn add_claim(this: &Outlet, claim: u32);
    #[wasm_bindgen(method)]
    fn claimed(this: &Outlet) -> JsValue;
    #[wasm_bindgen(method)]
    fn gap(this: &Outlet, from: f64, to: f64, count: u32, reason: &str) -> JsValue;
    #[wasm_bindgen(method)]
    fn ping(this: &Outlet) -> JsValue;
    #[wasm_bindgen(method)]
    fn pong(this: &Outlet) -> JsValue;
    #[wasm_bindgen(method, js_name = addTab)]
    fn add_tab(
        this: &Outlet,
        tab: &str,
        own: bool,
        primary: bool,
        visible: bool,
        awake: bool,
        credit: u32,
        waiting: u32,
        claims: u32,
    );
    #[wasm_bindgen(method)]
    fn tabs(this: &Outlet, token: u32) -> JsValue;
    #[wasm_bindgen(method)]
    fn written(this: &Outlet, up_to: u32) -> JsValue;
    #[wasm_bindgen(method)]
    fn failed(this: &Outlet, token: u32, condition: &str, text: &str) -> JsValue;
    #[wasm_bindgen(method)]
    fn answered(this: &Outlet, token: u32, error: bool, text: &JsValue, position: f64) -> JsValue;
    #[wasm_bindgen(method)]
    fn unanswered(this: &Outlet, token: u32, timeout: bool, position: f64) -> JsValue;
    #[wasm_bindgen(method)]
    fn unasked(this: &Outlet, token: u32, condition: &str, text: &str, position: f64) -> JsValue;
    #[wasm_bindgen(method)]
    fn log(this: &Outlet, level: u8, text: &str) -> JsValue;
    #[wasm_bindgen(method)]
    pub(crate) fn post(this: &Outlet, ports: &[u32], message: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &Outlet, port: u32);
}

impl Outlet {
    /// The object of this message.
    pub(crate) fn object(&self, message: &FromWorker<Stanza>) -> JsValue {
        match message {
            FromWorker::Welcome { version, boot, lock } => self.welcome(*version, boot, lock.as_deref()),
            FromWorker::Refused(Refusal::Version { speaks }) => self.refused_version(speaks),
            FromWorker::Refused(Refusal::Malformed { detail }) => self.refused_malformed(detail),
            FromWorker::Refused(Refusal::Engine { detail }) => self.refused_engine(detail),
            FromWorker::Joining => self.joining(),
            FromWorker::Status(Status { code, condition, text, session, close_code }) => {
                let (jid, domain, features, position) = match session {
                    Some(session) => (
                        Some(&*session.jid),
                        Some(&*session.domain),
                        Some(&*session.features),
                        session.position as f64,
                    ),
                    None => (None, None, None, 0.0),
                };
                let (condition, text) = (condition.as_deref(), text.as_deref());
                self.status(*code as u8, condition, text, jid, domain, features, position, *close_code)
            }
            FromWorker::Keys { keys } => self.keys(keys.expose()),
            FromWorker::SaslChallenge { exchange, mechanism, challenge } => {
                self.sasl_challenge(*exchange, mechanism, challenge.as_deref())
            }
            FromWorker::Role(role) => self.role(*role == Role::Primary),
            FromWorker::Stanza(position, text) => self.stanza(*position as f64, text.as_js()),
            FromWorker::Deliver(batch) => {
                let (positions, origins, lengths, text) = batch.columns();
                for (index, (position, length)) in positions.iter().zip(lengths).enumerate() {
                    let origin = origins.and_then(|origins| origins.get(index));
                    self.add_stanza(*position as f64, *length, origin.map(|&origin| origin as u8));
                }
                self.deliver(text.as_js())
            }
            FromWorker::Claimed { claims } => {
                for Caught { claim, stanzas } in claims {
                    for Delivery(position, origin, text) in stanzas {
                        self.add_caught(*position as f64, *origin as u8, text.as_js());
                    }
                    self.add_claim(*claim);
                }
                self.claimed()
            }
            FromWorker::Gap { from, to, count, reason } => self.gap(*from as f64, *to as f64, *count, reason),
            FromWorker::Ping => self.ping(),
            FromWorker::Pong => self.pong(),
            FromWorker::Tabs { token, tabs } => {
                for TabInfo { tab, own, role, visible, awake, credit, waiting, claims } in tabs {
                    let primary = *role == Role::Primary;
                    self.add_tab(tab, *own, primary, *visible, *awake, *credit, *waiting, *claims);
                }
                self.tabs(*token)
            }
            FromWorker::Written { up_to } => self.written(*up_to),
            FromWorker::Failed { token, fault } => self.failed(*token, &fault.condition, &fault.text),
            FromWorker::Response { token, outcome, position } => {
                let position = *position as f64;
                match outcome {
                    Outcome::Result(text) => self.answered(*token, false, text.as_js(), position),
                    Outcome::Error(text) => self.answered(*token, true, text.as_js(), position),
                    Outcome::Timeout => self.unanswered(*token, true, position),
                    Outcome::Disconnected => self.unanswered(*token, false, position),
                    Outcome::Refused(fault) => self.unasked(*token, &fault.condition, &fault.text, position),
                }
            }
            FromWorker::Log { level, text } => self.log(*level as u8, text),
        }
    }
}
