//! A tab's port.

use std::rc::Rc;

use epode_hub::{Input, PortId};
use epode_protocol::{FromWorker, LogLevel, ToWorker};
use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{MessageEvent, MessagePort};

use crate::text::Stanza;
use crate::{browser, driver};

/// A tab's port. Dropping it closes it.
pub(crate) struct Port {
    port: MessagePort,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

/// Takes over the port of a tab that connected: what it has posted already comes first.
pub(crate) fn accept(port: MessagePort) {
    driver::open_port(|id| {
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            driver::run(read(id, event.data()));
        });
        // Setting `onmessage` starts the port, but nothing is delivered before this task has ended.
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Port { port, _on_message: on_message }
    });
}

fn read(id: PortId, data: JsValue) -> Input<Stanza> {
    match serde_wasm_bindgen::from_value::<ToWorker<Stanza>>(data) {
        Ok(message) => Input::Message(id, message),
        // Not the error's own words: they may quote a value, and that may be a password.
        Err(_) => Input::Malformed(id, "not a message that this worker knows".to_owned()),
    }
}

impl Port {
    pub(crate) fn post(&self, message: &JsValue) {
        if self.port.post_message(message).is_err() {
            // All that is ever posted is plain data, which can be cloned.
            browser::log(LogLevel::Error, "a message to a tab could not be posted");
        }
    }
}

/// The latest message as the object that is posted: one that goes to several ports is made once.
#[derive(Default)]
pub(crate) struct Made(Option<(Rc<FromWorker<Stanza>>, JsValue)>);

impl Made {
    /// The object of this message.
    pub(crate) fn of(&mut self, message: Rc<FromWorker<Stanza>>) -> JsValue {
        match &self.0 {
            Some((latest, made)) if Rc::ptr_eq(latest, &message) => made.clone(),
            _ => {
                // No variant holds what serde_wasm_bindgen cannot make: maps with other keys than strings, or numbers too large.
                let made = message.serialize(&Serializer::new()).unwrap_or_default();
                self.0 = Some((message, made.clone()));
                made
            }
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        self.port.close();
    }
}
