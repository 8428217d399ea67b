//! Which worker a session belongs to. After a deploy there may be two: pages of before share the one, pages
//! of now the other. A session belongs to one at a time, and only ever goes from the older to the newer, so
//! that they do not take it from each other for ever.

use epode_protocol::{LogLevel, StatusCode, Text};
use epode_session::stream;

use crate::shared_session::Phase;
use crate::status::because;
use crate::timer::Timer;
use crate::{Hub, Output, SessionId};

const HANDED_OVER: &str = "a newer version of this app took over the session: reload the page";
const NEWER_HAS_IT: &str = "a newer version of this app has the session: reload the page";

impl<T: Text> Hub<T> {
    /// Makes the session ours before it is dialled. Sessions of nobody in particular, and those that nobody
    /// shares, cannot collide; a detour neither waits for the worker that does not answer nor takes anything
    /// from it.
    pub(crate) fn own(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        if shared.connection.session.account().is_anonymous()
            || !self.common.config.shared
            || self.common.config.detour
        {
            return self.start(id);
        }
        let name = shared.connection.key.to_string();
        shared.owned = Some(name.clone());
        self.common.outputs.push_back(Output::Own(name));
    }

    /// It is ours: now it is dialled.
    pub(crate) fn owned(&mut self, name: &str) {
        match self.session_of(name) {
            Some(id) => self.start(id),
            // Whoever wanted it has thought better of it.
            None => self.common.outputs.push_back(Output::Disown(name.to_owned())),
        }
    }

    /// It stays with a newer worker.
    pub(crate) fn denied(&mut self, name: &str) {
        let Some(id) = self.session_of(name) else { return };
        let Some(shared) = self.sessions.remove(&id) else { return };
        self.common.timers.set(Timer::Session(id), None);
        for port in shared.ports() {
            let failed = because(StatusCode::ConnFail, None, &NEWER_HAS_IT);
            let over = because(StatusCode::Disconnected, None, &NEWER_HAS_IT);
            self.common.detach(port, vec![failed, over]);
        }
        self.let_contend(&shared.connection.key);
    }

    /// A newer worker asks for it: it is closed cleanly, and the tabs hear why.
    pub(crate) fn wanted(&mut self, name: &str) {
        let Some(id) = self.session_of(name) else { return };
        if let Some(shared) = self.sessions.get_mut(&id) {
            shared.handed_over = Some(HANDED_OVER);
            shared.phase = Phase::Closing;
        }
        self.feed(id, stream::Input::Close(stream::CLOSE));
    }

    /// A page that is too new for this worker asks it to make room. The sessions are closed cleanly; the tabs
    /// find a new worker and come back as if this one had died. Only a page that was refused may ask.
    pub(crate) fn step_aside(&mut self, refused: bool) {
        if !refused {
            return;
        }
        self.common.log(LogLevel::Info, "a newer page needs a newer worker: this one makes room".to_owned());
        self.contenders.clear();
        for id in self.sessions.keys().copied().collect::<Vec<_>>() {
            if let Some(shared) = self.sessions.get_mut(&id) {
                // Who heard that the session is over would not come back.
                shared.members.clear();
            }
            self.feed(id, stream::Input::Close(stream::CLOSE));
        }
        self.common.outputs.push_back(Output::Exit);
    }

    fn session_of(&self, name: &str) -> Option<SessionId> {
        self.sessions.iter().find(|(_, shared)| shared.owned.as_deref() == Some(name)).map(|(id, _)| *id)
    }
}
