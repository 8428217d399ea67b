//! The SharedWorker: the crate that touches web-sys on the worker's side.

use wasm_bindgen::prelude::wasm_bindgen;

/// The protocol version that this worker speaks.
#[wasm_bindgen]
pub fn version() -> u32 {
    1
}
