//! The carrier of a stream's frames. A second transport fits here (BOSH, XEP-0206): nothing else
//! dials, writes to or closes a socket, and a frame from a socket goes to the session whose carrier
//! it [is](Carrier::is).

use epode_protocol::Text;
use epode_session::stream::sasl::Derivation;

use crate::common::Common;
use crate::{Output, SocketId};

/// The WebSocket of the present stream (RFC 7395); `None` between two dials.
#[derive(Default, Debug)]
pub(crate) struct Carrier(Option<SocketId>);

impl Carrier {
    /// Whether this socket carries the present stream.
    pub(crate) fn is(&self, socket: SocketId) -> bool {
        self.0 == Some(socket)
    }

    pub(crate) fn dial<T: Text>(&mut self, url: String, greeting: String, common: &mut Common<T>) {
        let socket = SocketId(common.count());
        self.0 = Some(socket);
        common.outputs.push_back(Output::Dial(socket, url, greeting));
    }

    pub(super) fn transmit<T: Text>(&self, frame: T, common: &mut Common<T>) {
        common.outputs.extend(self.0.map(|socket| Output::Transmit(socket, frame)));
    }

    /// Has keys derived for the present stream; they are useless to any other.
    pub(crate) fn derive<T: Text>(&self, derivation: Derivation, common: &mut Common<T>) {
        common.outputs.extend(self.0.map(|socket| Output::Derive(socket, derivation)));
    }

    pub(crate) fn close<T: Text>(&mut self, common: &mut Common<T>) {
        common.outputs.extend(self.0.take().map(Output::CloseSocket));
    }
}
