//! What is posted to the ports of tabs.

use std::rc::Rc;

use epode_hub::PortId;
use epode_protocol::FromWorker;

use crate::outlet::Outlet;
use crate::text::Stanza;

/// The ports, which the script holds. A message that goes to several, one after the other, is made once, and
/// handed over once.
pub(crate) struct Ports {
    outlet: Outlet,
    latest: Option<Rc<FromWorker<Stanza>>>,
    /// To whom the latest goes.
    to: Vec<u32>,
}

impl Ports {
    pub(crate) fn new(outlet: Outlet) -> Self {
        Ports { outlet, latest: None, to: Vec::new() }
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
        if let Some(message) = self.latest.take() {
            self.outlet.post(&self.to, &self.outlet.object(&message));
            self.to.clear();
        }
    }

    pub(crate) fn close(&mut self, PortId(port): PortId) {
        self.rest();
        self.outlet.close(port);
    }
}
