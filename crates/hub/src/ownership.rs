//! Which worker owns a session. After a deploy there may be two: older pages share one, newer pages
//! the other. One of them owns the session, which only ever goes from the older worker to the
//! newer, so that they do not take it from each other for ever.
//!
//! Pages of Epode and pages of strophe.js have workers of different names. Between these a session stays
//! where it is, and Epode's pages go to the worker that has it.

use epode_protocol::{FromWorker, LogLevel, Refusal, StatusCode, Text};
use epode_session::{Account, Input, stream};

use crate::common::Common;
use crate::joining::failure;
use crate::key::Key;
use crate::shared_session::{Phase, SharedSession};
use crate::timer::Timer;
use crate::trial::Trial;
use crate::{Config, Hub, Keeper, Output, PortId, SessionId};

const HANDED_OVER: &str = "a newer version of this app took over the session: reload the page";
const NEWER_HAS_IT: &str = "a newer version of this app has the session: reload the page";
const OTHER_HAS_IT: &str =
    "pages of another library have the session, by another worker: let all name the same worker script";

impl<T: Text> SharedSession<T> {
    /// Asks for the ownership of the session, and dials once it is there. Anonymous and unshared
    /// sessions dial at once, since no other worker can have them, as does a detour, which takes
    /// nothing from the other worker.
    pub(crate) fn own(&mut self, common: &mut Common<T>) {
        let session = &mut self.connection.session;
        if session.account().is_anonymous() || !common.config.shared || common.config.detour {
            return session.handle_input(common.now, Input::Start);
        }
        let name = self.key().to_string();
        self.owned = Some(name.clone());
        common.outputs.push_back(Output::Own(name));
    }

    /// A newer worker asks for the session: it is closed cleanly, and the tabs hear why.
    fn hand_over(&mut self, common: &Common<T>) {
        self.handed_over = Some(HANDED_OVER);
        self.phase = Phase::Closing;
        self.feed(stream::Input::Close(stream::CLOSE), common);
    }

    /// Another worker keeps the session: the tabs go there, or hear why they are out. Returns the session's
    /// key.
    fn give_up(mut self, keeper: &Keeper, common: &mut Common<T>) -> Key {
        // A page's own login came over it.
        self.connection.uplink.carrier.close(common);
        for port in self.ports() {
            common.turn_away(port, keeper);
        }
        let key = self.key().clone();
        // A session that was to go on with a former one leaves that for the next attempt.
        match self.phase {
            Phase::Reopening(_) => self.sleep(common),
            _ => self.stanzas.finish(common),
        }
        key
    }
}

impl<T: Text> Common<T> {
    /// Tells a tab that another worker has the session.
    fn turn_away(&mut self, port: PortId, keeper: &Keeper) {
        let why = match keeper {
            Keeper::Beside(worker) => {
                self.detach(port, Vec::new());
                let elsewhere = Refusal::Elsewhere { worker: worker.clone() };
                return self.post(port, FromWorker::Refused(elsewhere));
            }
            Keeper::Newer => NEWER_HAS_IT,
            Keeper::Other => OTHER_HAS_IT,
        };
        self.detach(port, failure(StatusCode::ConnFail, None, &why));
    }
}

impl<T: Text> Hub<T> {
    /// A page is about to log in by itself. What it says to the server would be in vain where pages of
    /// another library have the session.
    pub(crate) fn seek(&mut self, key: &Key, account: &Account) {
        let Config { shared, detour, .. } = self.common.config;
        let is_here = self.sessions.values().any(|session| session.key() == key);
        if shared && !detour && !is_here && !account.is_anonymous() {
            self.common.outputs.push_back(Output::Seek(key.to_string()));
        }
    }

    /// This worker owns the session now, and dials.
    pub(crate) fn owned(&mut self, name: &str) {
        match self.session_of(name) {
            Some(id) => self.feed(id, Input::Start),
            // The tabs that wanted the session have left.
            None => self.common.outputs.push_back(Output::Disown(name.to_owned())),
        }
    }

    pub(crate) fn denied(&mut self, name: &str, keeper: &Keeper) {
        let id = self.session_of(name);
        // A session that has been up is this worker's, whoever says otherwise.
        let phase = id.and_then(|id| self.sessions.get(&id)).map(|shared| &shared.phase);
        if phase.is_some_and(|phase| !matches!(phase, Phase::Connecting | Phase::Reopening(_))) {
            return;
        }
        if let Some(shared) = id.and_then(|id| self.sessions.remove(&id)) {
            let key = shared.give_up(keeper, &mut self.common);
            return self.let_contend(&key);
        }
        let is_meant = |trial: &Trial| trial.connection.relays && trial.connection.key.to_string() == name;
        let meant = self.trials.iter().filter(|(_, trial)| is_meant(trial)).map(|(id, _)| *id);
        for id in meant.collect::<Vec<_>>() {
            let Some(mut trial) = self.trials.remove(&id) else { continue };
            trial.connection.uplink.carrier.close(&mut self.common);
            self.common.timers.set(Timer::Session(id), None);
            if let Some(port) = trial.port {
                self.common.turn_away(port, keeper);
            }
        }
    }

    pub(crate) fn wanted(&mut self, name: &str) {
        if let Some(id) = self.session_of(name) {
            self.with(id, |shared, common| shared.hand_over(common));
        }
    }

    /// A page that is too new for this worker asks it to make room; only a page that was refused
    /// may. The sessions are closed cleanly. The tabs find a new worker and come back, as if this
    /// one had died.
    pub(crate) fn step_aside(&mut self, refused: bool) {
        if !refused {
            return;
        }
        self.common.log(LogLevel::Info, "a newer page needs a newer worker: this one makes room".to_owned());
        self.contenders.clear();
        for id in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.with(id, |shared, common| {
                // A tab that hears DISCONNECTED would not reconnect to the next worker.
                shared.members.clear();
                shared.feed(stream::Input::Close(stream::CLOSE), common);
            });
        }
        self.common.outputs.push_back(Output::Exit);
    }

    fn session_of(&self, name: &str) -> Option<SessionId> {
        self.sessions.iter().find(|(_, shared)| shared.owned.as_deref() == Some(name)).map(|(id, _)| *id)
    }
}
