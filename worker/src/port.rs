//! A tab's port.

use std::rc::Rc;

use epode_protocol::{FromWorker, LogLevel};
use wasm_bindgen::JsValue;
use web_sys::MessagePort;

use crate::browser;
use crate::outlet::Outlet;
use crate::text::Stanza;

/// A tab's port. Dropping it closes it.
pub(crate) struct Port(pub(crate) MessagePort);

impl Port {
    pub(crate) fn post(&self, message: &JsValue) {
        if self.0.post_message(message).is_err() {
            // All that is ever posted is plain data, which can be cloned.
            browser::log(LogLevel::Error, "a message to a tab could not be posted");
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.0.set_onmessage(None);
        self.0.close();
    }
}

/// Makes the objects that are posted; one that goes to several ports, one after the other, is made once.
pub(crate) struct Maker {
    outlet: Outlet,
    latest: Option<(Rc<FromWorker<Stanza>>, JsValue)>,
}

impl Maker {
    /// Makes them by the script's `Outlet`.
    pub(crate) fn new(outlet: Outlet) -> Self {
        Maker { outlet, latest: None }
    }

    /// The object of this message.
    pub(crate) fn object(&mut self, message: Rc<FromWorker<Stanza>>) -> &JsValue {
        let made = match self.latest.take() {
            Some((latest, made)) if Rc::ptr_eq(&latest, &message) => made,
            _ => self.outlet.object(&message),
        };
        &self.latest.insert((message, made)).1
    }

    /// Lets go of the latest.
    pub(crate) fn rest(&mut self) {
        self.latest = None;
    }
}
