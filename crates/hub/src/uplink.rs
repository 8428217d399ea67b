//! The one way out of a session. Every frame for the server leaves here, in order: the stream's
//! own, the worker's on behalf of its tabs, and the tabs' stanzas. The tabs' receipts are written
//! here too.

use epode_protocol::{FromWorker, Text, Token};

use carrier::Carrier;

use crate::PortId;
use crate::common::Common;

pub(crate) mod carrier;
pub(crate) mod lines;

/// The way out of one session.
#[derive(Debug)]
pub(crate) struct Uplink {
    pub(crate) carrier: Carrier,
    /// For each tab the latest token that is done with, and of which the tab has not been told.
    written: Vec<(PortId, Token)>,
}

impl Uplink {
    pub(crate) fn over(carrier: Carrier) -> Self {
        Uplink { carrier, written: Vec::new() }
    }

    /// Writes a frame.
    pub(crate) fn send<T: Text>(&mut self, frame: T, common: &mut Common<T>) {
        self.carrier.transmit(frame, common);
    }

    /// Notes that a tab's send is done with: written, or dropped because it says nothing new. The
    /// tokens of a tab grow.
    pub(crate) fn note_written(&mut self, port: PortId, token: Token) {
        match self.written.iter_mut().find(|(known, _)| *known == port) {
            Some((_, latest)) => *latest = token,
            None => self.written.push((port, token)),
        }
    }

    /// Tells each tab up to which token its sends are done with.
    pub(crate) fn post_receipts<T: Text>(&mut self, common: &mut Common<T>) {
        for (port, up_to) in self.written.drain(..) {
            common.post(port, FromWorker::Written { up_to });
        }
    }
}
