//! A tab client that does nothing. Without features it exports one function, and costs what wasm-bindgen
//! costs. With the feature `codec` it also decodes and encodes a message of ten variants, and so adds the
//! cost of serde types on the boundary.

use wasm_bindgen::prelude::wasm_bindgen;

/// Shows that the module runs.
#[wasm_bindgen]
pub fn answer() -> u32 {
    42
}

#[cfg(feature = "codec")]
mod codec {
    use serde::{Deserialize, Serialize};
    use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

    /// Ten variants, as large as the messages between a tab and the worker.
    #[derive(Deserialize, Serialize)]
    enum Message {
        Hello { versions: Vec<u32>, tab: String, lock: String, visible: bool, position: Option<u64> },
        Connect { service: String, jid: String, password: Option<String>, resource: Option<String> },
        Attach { service: String },
        Send { token: u32, stanzas: Vec<String> },
        Request { token: u32, id: String, stanza: String, limit: Option<u32> },
        Claim { number: u32, name: Option<String>, namespace: Option<String>, kinds: Vec<String>, from: u64 },
        Release { number: u32 },
        Ack { position: u64 },
        Visibility { visible: bool },
        Leave,
    }

    /// Decodes a message and encodes it again.
    #[wasm_bindgen]
    pub fn echo(message: JsValue) -> Result<JsValue, JsValue> {
        let message: Message = serde_wasm_bindgen::from_value(message)?;
        Ok(serde_wasm_bindgen::to_value(&message)?)
    }
}
