//! The SASL exchange of a mechanism that lives in a tab. The server's challenges go to the tab that
//! speaks the mechanism, and to no other.

use epode_protocol::{FromWorker, Text, Token};
use epode_session::stream::{Answer, Input};

use crate::PortId;
use crate::common::Common;
use crate::connection::Connection;
use crate::shared_session::SharedSession;

/// The tab that was asked last, and the number of the question.
pub(crate) type Exchange = Option<(PortId, Token)>;

impl Connection {
    /// Has the mechanism speak. `first` is the tab that may begin a login; the tab that began one
    /// goes on with it.
    pub(crate) fn ask<T: Text>(
        &mut self,
        mechanism: String,
        challenge: Option<String>,
        first: Option<PortId>,
        common: &mut Common<T>,
    ) {
        let exchange = common.count();
        let (speaker, nobody) = match &challenge {
            Some(_) => (self.exchange.map(|(port, _)| port), Answer::Gone),
            None => (first, Answer::Nobody),
        };
        let Some(port) = speaker else {
            return self.session.handle_input(common.now, Input::Answer(nobody).into());
        };
        self.exchange = Some((port, exchange));
        // Past the tab's window: this is a question to the page, and no stanza for a handler.
        common.post_now(port, FromWorker::SaslChallenge { exchange, mechanism, challenge });
    }

    /// A tab has left: a login in which it speaks fails.
    pub(crate) fn speaker_gone<T>(&mut self, port: PortId, common: &Common<T>) {
        if self.exchange.take_if(|(asked, _)| *asked == port).is_some() {
            self.session.handle_input(common.now, Input::Answer(Answer::Gone).into());
        }
    }
}

impl<T: Text> SharedSession<T> {
    /// The first awake tab that brought this mechanism; if none is awake, the first that brought
    /// it.
    pub(crate) fn speaker(&self, mechanism: &str, common: &Common<T>) -> Option<PortId> {
        let speaks = |name: &String| name == mechanism;
        let speakers = self.members.iter().rev().filter(|member| member.own_mechanisms.iter().any(speaks));
        let awake = |port: &PortId| common.tabs.get(port).is_some_and(|tab| tab.awake);
        speakers.map(|member| member.port).max_by_key(awake)
    }
}
