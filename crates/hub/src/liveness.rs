//! A session whose connection may be dead without a word: asks the server, and has the stream given up if
//! no answer comes. The rules are those of [`Watch`](crate::uplink::Watch).

use epode_protocol::Text;
use epode_session::stream;
use epode_session::stream::xml::escape;

use crate::Hub;
use crate::common::Common;
use crate::iq::OutgoingRequests;
use crate::shared_session::{Phase, SharedSession};
use crate::uplink::Verdict;

impl<T: Text> Hub<T> {
    /// The machine woke, or is on a network again.
    pub(crate) fn woke(&mut self) {
        for id in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.with(id, |shared, common| {
                shared.connection.session.hasten(common.now);
                if shared.is_watched() {
                    shared.connection.uplink.watch.woke(common.now);
                    shared.probe(common);
                }
            });
        }
    }
}

impl<T: Text> SharedSession<T> {
    /// A tab is shown or has joined: if the connection is dead, its person is to wait for that no longer
    /// than is needed to know.
    pub(crate) fn doubt(&mut self, common: &mut Common<T>) {
        let now = common.now;
        if self.is_watched() && self.connection.uplink.watch.is_silent(now) {
            match self.connection.uplink.watch.doubt(now) {
                true => self.probe(common),
                false => self.connection.uplink.rewatch(common),
            }
        }
    }

    /// It is time to look at the connection: begins with the socket.
    pub(crate) fn watch(&mut self, common: &mut Common<T>) {
        if self.is_watched() {
            self.connection.uplink.measure(common);
        }
    }

    /// The socket keeps this many bytes of what was written.
    pub(crate) fn measured(&mut self, kept: usize, common: &mut Common<T>) {
        let now = common.now;
        self.connection.uplink.measured(kept, now);
        if self.is_watched() && self.connection.uplink.is_probe_due() {
            self.probe(common);
        }
        self.flush(common);
        if !self.is_watched() || self.connection.uplink.watch.due() > now {
            return;
        }
        let (inactive, asked) = (!self.is_looked_at(common), self.stanzas.is_asked());
        match self.connection.uplink.watch.look(now, inactive, asked) {
            Verdict::Wait => self.connection.uplink.rewatch(common),
            Verdict::Probe => self.probe(common),
            Verdict::Dead => {
                let is_mute = self.connection.uplink.watch.died();
                if is_mute {
                    self.connection.session.was_mute();
                }
                self.feed(stream::Input::Closed { code: 0, reason: "the server is silent" }, common);
                if !is_mute {
                    // Nobody told us to stay away.
                    self.connection.session.hasten(now);
                }
            }
        }
    }

    /// Writes what waits, as far as there is room.
    pub(crate) fn flush(&mut self, common: &mut Common<T>) {
        self.stanzas.flush(&mut self.connection.uplink, common);
        self.post_receipts(common);
        self.ask_if_due(common);
    }

    fn is_watched(&self) -> bool {
        self.is_up() && self.connection.uplink.is_measured()
    }

    /// Asks the server for an answer, once the socket keeps little: for an acknowledgement, else for that to
    /// a ping.
    fn probe(&mut self, common: &mut Common<T>) {
        let Phase::Up(info) = &self.phase else { return };
        let (uplink, outgoing) = (&mut self.connection.uplink, &mut self.outgoing);
        let was_asked = self.stanzas.is_asked();
        if uplink.may_probe(common.now) {
            self.stanzas.probe(|| ping(outgoing, &info.domain).1, uplink, common);
        }
        // What the socket keeps by the next look is compared with what it keeps now.
        uplink.measure(common);
        uplink.rewatch(common);
        if !was_asked && self.stanzas.is_asked() {
            self.await_answer(common);
        }
    }
}

/// A ping to the server (XEP-0199), and its id. The answer may be an error.
pub(crate) fn ping<T: Text>(outgoing: &mut OutgoingRequests, domain: &str) -> (Box<str>, T) {
    let id = outgoing.probe(domain);
    let ping = [
        "<iq xmlns=\"jabber:client\" type=\"get\" id=\"",
        &*id,
        "\" to=\"",
        &*escape(domain),
        "\"><ping xmlns=\"urn:xmpp:ping\"/></iq>",
    ];
    let ping = ping.concat().into();
    (id, ping)
}
