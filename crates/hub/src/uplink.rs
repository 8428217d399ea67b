//! The one way out of a session. Every frame for the server leaves here, in order: the stream's
//! own, the worker's on behalf of its tabs, and the tabs' stanzas. Stanzas queue first (`stanzas`,
//! `queue`), and the tabs' receipts are written there.

use epode_protocol::Text;

use carrier::Carrier;
pub(crate) use queue::TooMuch;
pub(crate) use stanzas::{Entry, StanzaQueue};

use crate::common::Common;

pub(crate) mod carrier;
pub(crate) mod lines;
mod queue;
mod repeat;
mod stanzas;

/// The way out of one session.
#[derive(Debug)]
pub(crate) struct Uplink {
    pub(crate) carrier: Carrier,
}

impl Uplink {
    pub(crate) fn over(carrier: Carrier) -> Self {
        Uplink { carrier }
    }

    /// Writes a frame: a stanza whose turn it is ([`StanzaQueue`]), or an element that is none.
    pub(crate) fn send<T: Text>(&mut self, frame: T, common: &mut Common<T>) {
        self.carrier.transmit(frame, common);
    }
}
