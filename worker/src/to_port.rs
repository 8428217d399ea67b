//! Messages to tabs.

use std::rc::Rc;

use epode_hub::PortId;
use epode_port::Writer;
use epode_protocol::FromWorker;
use epode_protocol::port::Write as _;
use epode_strophe::Word;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::text::Stanza;

/// The ports, which the script holds. A message to several ports in a row is made once and handed over once.
pub(crate) struct Ports {
    script: ScriptPorts,
    writer: Writer,
    latest: Option<Rc<FromWorker<Stanza>>>,
    /// To whom the latest goes.
    to: Vec<u32>,
}

#[wasm_bindgen(typescript_custom_section)]
const PORTS: &str = r#"
/** The ports, by their numbers. None of these may throw. */
export interface Ports {
  /** Posts what was written. */
  post(ports: Uint32Array): void;
  /** Posts a stanza alone, which is what is posted most often. */
  postStanza(ports: Uint32Array, position: number, text: string): void;
  /** Posts a frame to pages of strophe.js. */
  postFrame(ports: Uint32Array, text: string): void;
  close(port: number): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The script's `Ports`.
    #[wasm_bindgen(typescript_type = "Ports")]
    pub type ScriptPorts;

    #[wasm_bindgen(method)]
    fn post(this: &ScriptPorts, ports: &[u32]);
    #[wasm_bindgen(method, js_name = postStanza)]
    fn post_stanza(this: &ScriptPorts, ports: &[u32], position: f64, text: &JsValue);
    #[wasm_bindgen(method, js_name = postFrame)]
    fn post_frame(this: &ScriptPorts, ports: &[u32], text: &JsValue);
    #[wasm_bindgen(method)]
    fn close(this: &ScriptPorts, port: u32);
}

impl Ports {
    pub(crate) fn new(script: ScriptPorts, writer: Writer) -> Self {
        Ports { script, writer, latest: None, to: Vec::new() }
    }

    /// Posts a message, at the latest with the next [`Ports::rest`].
    pub(crate) fn post(&mut self, PortId(port): PortId, message: Rc<FromWorker<Stanza>>) {
        if !self.latest.as_ref().is_some_and(|latest| Rc::ptr_eq(latest, &message)) {
            self.rest();
            self.latest = Some(message);
        }
        self.to.push(port);
    }

    /// Lets go of the latest message.
    pub(crate) fn rest(&mut self) {
        let Some(message) = self.latest.take() else { return };
        match &*message {
            FromWorker::Stanza(position, text) => {
                self.script.post_stanza(&self.to, *position as f64, text.as_js());
            }
            message => self.write(message),
        }
        self.to.clear();
    }

    // Not in `rest`, which is hot: browsers compile a function whole.
    #[inline(never)]
    fn write(&mut self, message: &FromWorker<Stanza>) {
        message.write("", &mut self.writer);
        self.script.post(&self.to);
    }

    /// Posts a word to a page of strophe.js.
    pub(crate) fn post_word(&mut self, PortId(port): PortId, word: &Word<Stanza>) {
        self.rest();
        match word {
            Word::Message(text) => self.script.post_frame(&[port], text.as_js()),
            word => {
                word.write("", &mut self.writer);
                self.script.post(&[port]);
            }
        }
    }

    pub(crate) fn close(&mut self, PortId(port): PortId) {
        self.rest();
        self.script.close(port);
    }
}
