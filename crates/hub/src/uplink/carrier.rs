//! The carrier of a stream's frames: a WebSocket, which the worker has opened, or a BOSH session in the
//! hub's own [lines](super::lines), which poses as a socket. Nothing else dials, writes to or closes a
//! socket, and a frame from a socket goes to the session whose carrier it [is](Carrier::is).

use std::rc::Rc;

use epode_protocol::{HttpOptions, Text};
use epode_session::stream::sasl::Derivation;

use super::lines::{Binding, Line};
use crate::common::Common;
use crate::{Output, SocketId};

/// The carrier of one session.
#[derive(Debug)]
pub(crate) struct Carrier {
    /// The socket of the present stream; `None` between two dials.
    socket: Option<SocketId>,
    /// How to open a session over BOSH; `None` for a WebSocket (RFC 7395).
    pub(crate) binding: Option<Box<Binding>>,
}

impl Carrier {
    pub(crate) fn new(binding: Option<Binding>) -> Self {
        Carrier { socket: None, binding: binding.map(Box::new) }
    }

    /// Whether this socket carries the present stream.
    pub(crate) fn is(&self, socket: SocketId) -> bool {
        self.socket == Some(socket)
    }

    pub(crate) fn dial<T: Text>(&mut self, url: String, greeting: String, common: &mut Common<T>) {
        let socket = SocketId(common.count());
        self.socket = Some(socket);
        common.outputs.push_back(match &mut self.binding {
            Some(binding) => {
                common.lines.insert(socket, Line::new(url, greeting, binding));
                Output::Draw(socket)
            }
            None => Output::Dial(socket, url, greeting),
        });
    }

    /// Writes a frame. `counts`: whether it is a stanza of the session's queue, of which a line
    /// [tells](epode_bosh::Output::Taken) when the server has it.
    pub(super) fn transmit<T: Text>(&self, frame: T, counts: bool, common: &mut Common<T>) {
        let Some(socket) = self.socket else { return };
        if self.binding.is_none() {
            common.outputs.push_back(Output::Transmit(socket, frame));
        } else if let Some(line) = common.lines.get_mut(&socket) {
            frame.with_str(|frame| line.say(common.now, frame, counts));
        }
    }

    /// Has the socket say how much it keeps of what was written.
    pub(super) fn measure<T: Text>(&self, common: &mut Common<T>) {
        common.outputs.extend(self.socket.map(Output::Measure));
    }

    /// Has keys derived for the present stream; they are useless to any other.
    pub(crate) fn derive<T: Text>(&self, derivation: Derivation, common: &mut Common<T>) {
        common.outputs.extend(self.socket.map(|socket| Output::Derive(socket, derivation)));
    }

    /// Closes the socket. What was written before still leaves.
    pub(crate) fn close<T: Text>(&mut self, common: &mut Common<T>) {
        let Some(socket) = self.socket.take() else { return };
        match &self.binding {
            Some(_) => {
                if let Some(line) = common.lines.get_mut(&socket) {
                    line.hang_up(common.now);
                }
            }
            None => common.outputs.push_back(Output::CloseSocket(socket)),
        }
    }

    /// Lets go of a BOSH session without a word to the server, so that another page can go on with it.
    pub(crate) fn abandon<T: Text>(&mut self, common: &mut Common<T>) {
        if let Some(line) = self.socket.and_then(|socket| common.lines.get_mut(&socket)) {
            line.abandon(common.now);
        }
    }

    /// The BOSH session of the present stream.
    pub(crate) fn line<'a, T>(&self, common: &'a Common<T>) -> Option<&'a Line> {
        common.lines.get(&self.socket?)
    }

    /// Makes each request with these options from now on.
    pub(crate) fn assign<T>(&mut self, http: HttpOptions, common: &mut Common<T>) {
        let Some(binding) = &mut self.binding else { return };
        binding.http = Rc::new(http);
        if let Some(line) = self.socket.and_then(|socket| common.lines.get_mut(&socket)) {
            line.http = binding.http.clone();
        }
    }
}
