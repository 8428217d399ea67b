//! The SharedWorker: the crate that touches web-sys on the worker's side.
//!
//! The script (`worker/ts/worker.ts`) collects ports until this module is there, calls [`start`] once and hands each port to
//! [`accept`]. From then on everything is an event: a post of a tab, a frame, a lock that came free, a timer. Each goes into the
//! [`Hub`](epode_hub::Hub) through the one run loop in `driver`, and what the hub wants is done on the spot.
//!
//! `port` and `socket` turn browser objects into inputs of the hub; `text` is the stanza as a JavaScript string; `browser` is the
//! rest of what the browser has to give: time, randomness, locks, timers, the console.

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::MessagePort;

mod browser;
mod driver;
mod port;
mod socket;
mod text;

/// Starts the worker, under the Web Lock that the script holds for it, if the browser has locks. To be called once, before the first port
/// is handed in.
#[wasm_bindgen]
pub fn start(lock: Option<String>) {
    driver::start(lock);
}

/// The browser is, or is not, connected to any network.
#[wasm_bindgen]
pub fn online(online: bool) {
    driver::run(epode_hub::Input::Online(online));
}

/// Takes over the port of a tab that connected.
#[wasm_bindgen]
pub fn accept(port: MessagePort) {
    port::accept(port);
}
