//! Logins that a page makes itself, each on a stream of its own.

use epode_protocol::{LogLevel, Options, Secret, Text};

use crate::{Hub, PortId};

impl<T: Text> Hub<T> {
    /// Opens a stream on which the page of this tab logs in.
    pub(crate) fn negotiate(&mut self, port: PortId, _service: &str, _jid: &str, _options: Options) {
        self.common.log(LogLevel::Warn, format!("port {}: no stream for a login of its own yet", port.0));
    }

    /// Takes a frame of a page for its stream.
    pub(crate) fn relay(&mut self, port: PortId, _text: Secret) {
        self.common.log(LogLevel::Warn, format!("port {}: a frame, and no stream for it", port.0));
    }
}
