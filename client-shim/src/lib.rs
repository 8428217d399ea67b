//! The wasm half of the npm package epode.

use wasm_bindgen::prelude::wasm_bindgen;

/// The protocol version that this page speaks.
#[wasm_bindgen]
pub fn version() -> u32 {
    1
}
