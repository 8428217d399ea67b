//! Messages of tabs.

use epode_hub::{Input, PortId};
use epode_port::Js;
use epode_protocol::ToWorker;
use epode_protocol::port::{Read as _, Value as _};
use epode_strophe::Said;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::driver;
use crate::text::Stanza;

/// A tab connected. The script holds the port, under a number that no other port had.
#[wasm_bindgen]
pub fn accept(port: u32) {
    driver::run(Input::PortOpened(PortId(port)));
}

/// A tab posted this, `first` of all at its port or later: a page whose first message is a list is one of
/// strophe.js. The log does not quote a message that is refused, since the message may hold a password.
#[wasm_bindgen]
pub fn hear(port: u32, data: JsValue, first: bool) {
    let (port, data) = (PortId(port), Js(data));
    if driver::is_of_strophe(port) {
        return hear_strophe(port, &data);
    }
    driver::run(match ToWorker::<Stanza>::read(&data) {
        Ok(message) => Input::Message(port, message, js_sys::Date::now()),
        Err(_) if first && data.length().is_some() => return hear_strophe(port, &data),
        Err(wrong) => {
            let complaint = wrong.in_words::<ToWorker<Stanza>, _>(&data);
            let unknown = || "not a message that this worker knows".to_owned();
            Input::Malformed(port, complaint.unwrap_or_else(unknown))
        }
    });
}

/// A page of strophe.js posted this.
#[inline(never)] // Out of the way of our own pages.
fn hear_strophe(port: PortId, data: &Js) {
    let said = Said::read(data).unwrap_or(Said::Unknown(None));
    driver::run_strophe(epode_strophe::Input::Said(port, said));
}
