//! The SharedWorker: the crate that touches web-sys on the worker's side.
//!
//! The script (`worker/ts/worker.ts`) collects ports until this module is there, calls [`start`] once and
//! hands each port to `accept`. From then on everything is an event: a post of a tab, a frame, a lock that
//! came free, a timer. Each goes into the [`Hub`](epode_hub::Hub) through the one run loop in `driver`, and
//! what the hub wants is done on the spot.
//!
//! The script holds the ports. `from_port` reads the messages of tabs, field by field; `to_port` writes those
//! of the hub, field by field as well, and the script posts them. `socket` is the WebSocket, `http` makes the
//! requests of BOSH, and `text` is a stanza as a JavaScript string. `browser` has time, randomness, locks,
//! timers and the console.

use epode_hub::Keeper;
use epode_port::Writer;
use wasm_bindgen::prelude::wasm_bindgen;

mod browser;
mod driver;
mod from_port;
mod http;
mod memory;
mod socket;
mod text;
mod to_port;

pub use http::Http;
use to_port::Ports;
pub use to_port::ScriptPorts;

/// Starts the worker, under the Web Lock that the script holds for it, if the browser has locks. To be called
/// once, before the first port is handed in. Sessions are `shared` by the tabs of a worker that serves all;
/// else each port has its own, and no use of the ownership. A `detour` stands in for a worker that does not
/// answer.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments, reason = "a function of the script's takes what the script has")]
pub fn start(
    lock: Option<String>,
    ownership: Ownership,
    dial: Dial,
    http: Http,
    ports: ScriptPorts,
    writer: Writer,
    shared: bool,
    detour: bool,
) {
    epode_port::start();
    driver::start(lock, ownership, dial, http, Ports::new(ports, writer), (shared, detour));
}

#[wasm_bindgen(typescript_custom_section)]
const OWNERSHIP: &str = r#"
/**
 * Sees to it that no other worker of this origin has a session: answers `own` by `owned` or `denied`,
 * later, and calls `wanted`.
 */
export interface Ownership {
  own(name: string): void;
  seek(name: string): void;
  disown(name: string): void;
  /** Ends the worker. */
  exit(): void;
}
"#;

#[wasm_bindgen(typescript_custom_section)]
const DIAL: &str = r#"
/**
 * Answers with a WebSocket of the subprotocol `xmpp` whose events are all still to come, and on which the
 * engine will say `greeting` first; throws what the browser throws at the address.
 */
export type Dial = (url: string, greeting: string) => WebSocket;
"#;

#[wasm_bindgen]
extern "C" {
    /// The script's `Dial`.
    #[wasm_bindgen(typescript_type = "Dial", extends = js_sys::Function)]
    pub type Dial;

    /// The script's `Ownership`.
    #[wasm_bindgen(typescript_type = "Ownership")]
    pub type Ownership;
    #[wasm_bindgen(method)]
    fn own(this: &Ownership, name: &str);
    #[wasm_bindgen(method)]
    fn seek(this: &Ownership, name: &str);
    #[wasm_bindgen(method)]
    fn disown(this: &Ownership, name: &str);
    #[wasm_bindgen(method)]
    fn exit(this: &Ownership);
}

/// The session of this name is this worker's.
#[wasm_bindgen]
pub fn owned(name: String) {
    driver::run(epode_hub::Input::Owned(name));
}

/// The session of this name stays with another worker: a newer one, or one for pages of another library,
/// whose name is said if it runs the same script.
#[wasm_bindgen]
pub fn denied(name: String, newer: bool, beside: Option<String>) {
    let keeper = match beside {
        Some(worker) => Keeper::Beside(worker),
        None if newer => Keeper::Newer,
        None => Keeper::Other,
    };
    driver::run_strophe(epode_strophe::Input::Denied(name.clone()));
    driver::run(epode_hub::Input::Denied(name, keeper));
}

/// A newer worker asks for the session of this name.
#[wasm_bindgen]
pub fn wanted(name: String) {
    driver::run(epode_hub::Input::Wanted(name));
}

/// The browser is, or is not, connected to any network.
#[wasm_bindgen]
pub fn online(online: bool) {
    driver::run(epode_hub::Input::Online(online));
}
