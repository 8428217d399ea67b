//! Mechanisms that live in a tab: what the server says to one goes to the tab that speaks it, and to no
//! other.

use epode_protocol::{FromWorker, Text, Token};
use epode_session::stream::{Answer, Input};

use crate::{Hub, PortId, SessionId};

/// Which tab was asked last, and under which number.
pub(crate) type Exchange = Option<(PortId, Token)>;

impl<T: Text> Hub<T> {
    /// A mechanism is to say something. The tab that begins a login is the one that goes on with it.
    pub(crate) fn ask(&mut self, id: SessionId, mechanism: String, challenge: Option<String>) {
        let exchange = self.common.count();
        let (speaker, nobody) = match (&challenge, self.exchange(id)) {
            (Some(_), asked) => (asked.and_then(|asked| asked.map(|(port, _)| port)), Answer::Gone),
            (None, _) => (self.speaker(id, &mechanism), Answer::Nobody),
        };
        let Some(port) = speaker else { return self.feed(id, Input::Answer(nobody)) };
        if let Some(asked) = self.exchange(id) {
            *asked = Some((port, exchange));
        }
        // Not within the window: it is a question to the page, and nothing that a handler hears.
        self.common.post_now(port, FromWorker::SaslChallenge { exchange, mechanism, challenge });
    }

    /// A tab answers. Only what was asked last counts.
    pub(crate) fn answered(&mut self, port: PortId, exchange: Token, answer: Answer) {
        let asked = Some((port, exchange));
        let shared =
            self.sessions.iter().find(|(_, shared)| shared.connection.exchange == asked).map(|(id, _)| *id);
        let trial =
            || self.trials.iter().find(|(_, trial)| trial.connection.exchange == asked).map(|(id, _)| *id);
        if let Some(id) = shared.or_else(trial) {
            self.feed(id, Input::Answer(answer));
        }
    }

    /// A tab has left the session: a login in which it speaks comes to nothing.
    pub(crate) fn speaker_gone(&mut self, id: SessionId, port: PortId) {
        let asked = self.exchange(id).and_then(|asked| asked.take_if(|(asked, _)| *asked == port));
        if asked.is_some() {
            self.feed(id, Input::Answer(Answer::Gone));
        }
    }

    fn exchange(&mut self, id: SessionId) -> Option<&mut Exchange> {
        self.connection(id).map(|(connection, _)| &mut connection.exchange)
    }

    /// The tab of a trial; of a session the first that brought such a mechanism and is awake.
    fn speaker(&self, id: SessionId, mechanism: &str) -> Option<PortId> {
        let Some(shared) = self.sessions.get(&id) else { return self.trials.get(&id)?.port };
        let speakers = shared
            .members
            .iter()
            .rev()
            .filter(|member| member.own_mechanisms.iter().any(|name| name == mechanism));
        let awake = |port: &PortId| self.common.tabs.get(port).is_some_and(|tab| tab.awake);
        speakers.map(|member| member.port).max_by_key(awake)
    }
}
