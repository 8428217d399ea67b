//! What the page's half must be able to hear.

use epode_protocol::ToWorker;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const LISTENER: &str = r#"
/** What is to be posted to the worker: one method for each variant of `ToWorker`. None of these may throw. */
export interface Outlet {
  sayHello(versions: Uint32Array, tab: string, lock: string | undefined, visible: boolean): void;
  sayConnect(service: string, jid: string, authcid: string | undefined, password: string | undefined, mechanisms: string[] | undefined, priorities: Uint32Array, sessionKey: string | undefined): void;
  sayAttach(service: string, jid: string | undefined): void;
  /** The tokens are `first` and those that follow it. */
  saySend(first: number, texts: string[]): void;
  sayRequest(token: number, text: string, timeout: number | undefined): void;
  sayUnhandled(position: number): void;
  sayVisibility(visible: boolean): void;
  sayDisconnect(reason: string | undefined): void;
  sayLeave(): void;
}

/** What the app is to be told, in order. None of these may throw. */
export interface Audience {
  status(code: number, condition?: string, text?: string, jid?: string, domain?: string, features?: string): void;
  role(primary: boolean): void;
  stanza(position: number, sent: boolean, text: string): void;
  written(upTo: number): void;
  failed(token: number, condition: string, text: string): void;
  answered(token: number, error: boolean, text: string): void;
  unanswered(token: number, timeout: boolean): void;
  unasked(token: number, condition: string, text: string): void;
  log(level: number, text: string): void;
}

export type Listener = Outlet & Audience;
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's half.
    #[wasm_bindgen(typescript_type = "Listener")]
    pub type Listener;

    #[wasm_bindgen(method, js_name = sayHello)]
    fn say_hello(this: &Listener, versions: Vec<u32>, tab: &str, lock: Option<String>, visible: bool);
    #[wasm_bindgen(method, js_name = sayConnect)]
    fn say_connect(
        this: &Listener,
        service: &str,
        jid: &str,
        authcid: Option<String>,
        password: Option<String>,
        mechanisms: Option<Vec<String>>,
        priorities: Vec<u32>,
        session_key: Option<String>,
    );
    #[wasm_bindgen(method, js_name = sayAttach)]
    fn say_attach(this: &Listener, service: &str, jid: Option<String>);
    #[wasm_bindgen(method, js_name = saySend)]
    fn say_send(this: &Listener, first: u32, texts: Vec<JsValue>);
    #[wasm_bindgen(method, js_name = sayRequest)]
    fn say_request(this: &Listener, token: u32, text: &JsValue, timeout: Option<u32>);
    #[wasm_bindgen(method, js_name = sayUnhandled)]
    fn say_unhandled(this: &Listener, position: f64);
    #[wasm_bindgen(method, js_name = sayVisibility)]
    fn say_visibility(this: &Listener, visible: bool);
    #[wasm_bindgen(method, js_name = sayDisconnect)]
    fn say_disconnect(this: &Listener, reason: Option<String>);
    #[wasm_bindgen(method, js_name = sayLeave)]
    fn say_leave(this: &Listener);

    #[wasm_bindgen(method)]
    pub(crate) fn status(
        this: &Listener,
        code: u8,
        condition: Option<String>,
        text: Option<String>,
        jid: Option<String>,
        domain: Option<String>,
        features: Option<String>,
    );
    #[wasm_bindgen(method)]
    pub(crate) fn role(this: &Listener, primary: bool);
    #[wasm_bindgen(method)]
    pub(crate) fn stanza(this: &Listener, position: f64, sent: bool, text: &JsValue);
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
    pub(crate) fn post(&self, message: ToWorker<JsValue>) {
        match message {
            ToWorker::Hello(hello) => self.say_hello(hello.versions, &hello.tab, hello.lock, hello.visible),
            ToWorker::Connect { service, jid, credentials, options } => {
                let (names, priorities) = match options.mechanisms {
                    Some(offers) => {
                        let (names, priorities) =
                            offers.into_iter().map(|offer| (offer.name, offer.priority)).unzip();
                        (Some(names), priorities)
                    }
                    None => (None, Vec::new()),
                };
                let password = credentials.password.map(epode_protocol::Password::into_inner);
                let authcid = credentials.authcid;
                self.say_connect(&service, &jid, authcid, password, names, priorities, options.session_key);
            }
            ToWorker::Attach { service, jid } => self.say_attach(&service, jid),
            ToWorker::Send { stanzas } => {
                let first = stanzas.first().map_or(0, |stanza| stanza.token);
                self.say_send(first, stanzas.into_iter().map(|stanza| stanza.text).collect());
            }
            ToWorker::Request { token, text, timeout } => self.say_request(token, &text, timeout),
            ToWorker::Unhandled { position } => self.say_unhandled(position as f64),
            ToWorker::Visibility { visible } => self.say_visibility(visible),
            ToWorker::Disconnect { reason } => self.say_disconnect(reason),
            ToWorker::Leave => self.say_leave(),
        }
    }
}
