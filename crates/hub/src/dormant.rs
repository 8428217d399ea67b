//! A session whose connection is lost, and whose app dials by itself (`reconnect: false`). Its tabs have
//! heard DISCONNECTED and are in no session. What a server needs to resume the session (XEP-0198 §5) lies
//! here, without credentials: the next session of the account [goes on](SharedSession::go_on) with it.

use std::time::Duration;

use epode_protocol::{Outcome, Position, SessionInfo, Text};
use epode_session::stream::jid;
use epode_session::{Former, Report};

use crate::common::Common;
use crate::inbound::Ring;
use crate::iq::{OutgoingRequests, Reply};
use crate::key::Key;
use crate::management::Handled;
use crate::member::Parked;
use crate::presences::Presences;
use crate::shared_session::{Phase, SharedSession, lost_request};
use crate::tab_state::Stage;
use crate::timer::Timer;
use crate::uplink::StanzaQueue;
use crate::{Hub, PortId, SessionId};

/// How long a server that does not say so is taken to keep a session; and the longest time for which a
/// server is believed, since the stanzas take room.
const MAX: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(3600);

/// What is left of such a session.
pub(crate) struct Dormant<T> {
    id: SessionId,
    key: Key,
    /// How long the session lasts at most, and once no tab is left that was in it.
    until: Duration,
    grace: Duration,
    former: Former,
    info: SessionInfo,
    stanzas: StanzaQueue<T>,
    handled: Option<Handled>,
    start: Position,
    position: Position,
    ring: Ring<T>,
    presences: Presences<T>,
    own_presence: Option<String>,
    outgoing: OutgoingRequests,
    parked: Vec<Parked<T>>,
}

impl<T> Dormant<T> {
    pub(crate) fn is_of(&self, key: &Key) -> bool {
        self.key == *key
    }

    #[cfg(test)]
    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    /// What tabs were told of the session.
    #[cfg(test)]
    pub(crate) fn info(&self) -> &SessionInfo {
        &self.info
    }
}

impl<T: Text> SharedSession<T> {
    /// Readies a session that is over for a later one. Nobody is left to answer requests from outside, and
    /// the apps clear their handlers for the answers to their own.
    pub(crate) fn lull(&mut self, common: &mut Common<T>) {
        if self.is_up() {
            self.suspend(common);
        }
        self.farewell_due(common);
        for position in self.incoming.positions() {
            self.settle(position, common);
        }
        let unsent = self.stanzas.waiting_requests();
        self.stanzas.withdraw_requests(&unsent);
        for asker in
            unsent.iter().filter_map(|id| self.outgoing.strike(id)).flat_map(|request| request.askers)
        {
            if let Reply::Response(token) = asker.reply {
                common.unanswered(asker.port, token, Outcome::Disconnected);
            }
        }
        for port in self.ports() {
            for token in self.outgoing.forget_all(port) {
                common.unanswered(port, token, Outcome::Lost(lost_request(false)));
            }
        }
    }

    /// Keeps what a later session can go on with.
    pub(crate) fn sleep(mut self, common: &mut Common<T>) {
        let (Phase::Up(info) | Phase::Suspended(info) | Phase::Reopening(info)) = &self.phase else { return };
        let info = info.clone();
        let Some(former) = self.connection.session.former().cloned() else { return };
        let max = former.max.map_or(MAX, |max| Duration::from_secs(max.into())).min(LONGEST);
        let until = common.now + max;
        for port in self.ports() {
            if let Some(tab) = common.tabs.get_mut(&port) {
                tab.former = Some(self.key().clone());
            }
            if let Some(parked) = self.take_back(port) {
                self.parked.retain(|other| other.tab != parked.tab);
                self.parked.push(Parked { until, ..parked });
            }
        }
        common.timers.set(Timer::Dormant(self.id()), Some(until));
        let reload_grace = Duration::from_millis(self.connection.options.reload_grace.into());
        common.dormant.push(Dormant {
            id: self.id(),
            until,
            grace: common.config.grace.max(reload_grace),
            key: self.connection.key,
            former,
            info,
            stanzas: self.stanzas,
            handled: self.handled,
            start: self.start,
            position: self.position,
            ring: self.ring,
            presences: self.presences,
            own_presence: self.own_presence,
            outgoing: self.outgoing,
            parked: self.parked,
        });
        common.mind_dormant();
    }

    /// Goes on with a former session, before the first dial, if the app asks for the same.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn go_on(&mut self, dormant: Dormant<T>, common: &mut Common<T>) {
        let former = dormant.former.clone();
        let goes_on = self.connection.session.go_on(common.now, former, &dormant.info.jid);
        self.take_over(dormant, common);
        if !goes_on {
            self.manage(Report::NotResumed(None), common);
        }
    }

    /// Sends what the server may not have of a former session of this account, which the login has proven
    /// too late to resume that. Where a key names no account the former session may be another's.
    pub(crate) fn go_on_anew(&mut self, account: &str, dormant: Dormant<T>, common: &mut Common<T>) {
        if jid::prepared(jid::bare(&dormant.info.jid), &common.config.unicode) != account {
            return common.finish_dormant(dormant);
        }
        self.take_over(dormant, common);
        for member in &mut self.members {
            // It is of the range of positions that this session had until now.
            member.parked = None;
        }
        self.manage(Report::NotResumed(None), common);
    }

    fn take_over(&mut self, dormant: Dormant<T>, common: &mut Common<T>) {
        for port in self.ports() {
            if let Some(tab) = common.tabs.get_mut(&port) {
                tab.former = None;
            }
        }
        self.bound = Some(jid::prepared(jid::bare(&dormant.info.jid), &common.config.unicode).into_owned());
        self.phase = Phase::Reopening(dormant.info);
        (self.stanzas, self.handled) = (dormant.stanzas, dormant.handled);
        (self.start, self.position, self.ring) = (dormant.start, dormant.position, dormant.ring);
        (self.presences, self.own_presence) = (dormant.presences, dormant.own_presence);
        (self.outgoing, self.parked) = (dormant.outgoing, dormant.parked);
    }
}

impl<T: Text> Common<T> {
    /// Takes the session of this key, if it lies here.
    pub(crate) fn take_dormant(&mut self, key: &Key) -> Option<Dormant<T>> {
        let at = self.dormant.iter().position(|dormant| dormant.key == *key)?;
        let dormant = self.dormant.remove(at);
        self.timers.set(Timer::Dormant(dormant.id), None);
        Some(dormant)
    }

    /// Forgets the session of this key, if it lies here.
    pub(crate) fn forget_dormant(&mut self, key: &Key) {
        if let Some(dormant) = self.take_dormant(key) {
            self.finish_dormant(dormant);
        }
    }

    /// A session has ended with which nobody can go on.
    fn finish_dormant(&mut self, mut dormant: Dormant<T>) {
        dormant.stanzas.finish(self);
        for tab in self.tabs.values_mut().filter(|tab| matches!(tab.stage, Stage::In(_))) {
            tab.former.take_if(|former| dormant.is_of(former));
        }
    }

    /// Forgets the sessions that this tab was in, at this port or just before at another. Returns their keys.
    pub(crate) fn forget_dormant_of(&mut self, port: PortId) -> Vec<Key> {
        let Some(tab) = self.tabs.get(&port) else { return Vec::new() };
        let parks = |parked: &Parked<T>| parked.tab == tab.tab && parked.until > self.now;
        let was_in = |dormant: &&Dormant<T>| {
            tab.former.as_ref() == Some(&dormant.key) || dormant.parked.iter().any(parks)
        };
        let keys: Vec<Key> = self.dormant.iter().filter(was_in).map(|dormant| dormant.key.clone()).collect();
        keys.iter().for_each(|key| self.forget_dormant(key));
        keys
    }

    /// The time of a session is over.
    pub(crate) fn dormant_over(&mut self, id: SessionId) {
        let over = self.dormant.iter().find(|dormant| dormant.id == id);
        if let Some(key) = over.map(|dormant| dormant.key.clone()) {
            self.forget_dormant(&key);
        }
    }

    /// A tab is gone, or has turned to another session: a session that no tab was in any more has little
    /// time left.
    pub(crate) fn mind_dormant(&mut self) {
        let Common { dormant, tabs, timers, now, .. } = self;
        for Dormant { id, key, grace, .. } in dormant {
            if !tabs.values().any(|tab| tab.former.as_ref() == Some(key)) {
                timers.hasten(Timer::Dormant(*id), *now + *grace);
            }
        }
    }
}

impl<T: Text> Hub<T> {
    /// A tab turns to the session of this key. What it has sent in another one that has let it go ends here:
    /// tokens say what becomes of a tab's sends in order. While a tab tries to log in, the session waits: an
    /// app may take a new port for each attempt.
    pub(crate) fn turn_to(&mut self, port: PortId, key: &Key) {
        let tab = self.common.tabs.get(&port);
        if tab.is_some_and(|tab| tab.former.as_ref().is_some_and(|former| former != key)) {
            self.leave_former(port, |stanzas, common| stanzas.part(port, common), false);
        }
        self.common.wants_no_other(port, key);
        let Common { dormant, tabs, timers, .. } = &mut self.common;
        if let Some(dormant) = dormant.iter().find(|dormant| dormant.key == *key)
            && let Some(tab) = tabs.get_mut(&port)
        {
            tab.former = Some(key.clone());
            timers.set(Timer::Dormant(dormant.id), Some(dormant.until));
        }
    }

    /// A tab is gone, and may be reloading.
    pub(crate) fn gone_from_former(&mut self, port: PortId) {
        self.leave_former(port, |stanzas, _| drop(stanzas.forget(port)), true);
    }

    fn leave_former(
        &mut self,
        port: PortId,
        ends: impl FnOnce(&mut StanzaQueue<T>, &mut Common<T>),
        reloads: bool,
    ) {
        let Hub { common, sessions, .. } = self;
        let Some(tab) = common.tabs.get_mut(&port) else { return };
        let Some(former) = tab.former.take() else { return };
        let (name, grace) = (tab.tab.clone(), if reloads { common.config.grace } else { Duration::ZERO });
        let mut all = std::mem::take(&mut common.dormant);
        let dormant = all.iter_mut().find(|dormant| dormant.key == former);
        let dormant = dormant.map(|dormant| (&mut dormant.stanzas, &mut dormant.parked));
        let shared = sessions.values_mut().find(|shared| *shared.key() == former);
        let shared = shared.map(|shared| (&mut shared.stanzas, &mut shared.parked));
        if let Some((stanzas, parked)) = dormant.or(shared) {
            ends(stanzas, common);
            for parked in parked.iter_mut().filter(|parked| parked.tab == name) {
                parked.until = parked.until.min(common.now + grace);
            }
        }
        common.dormant = all;
        common.mind_dormant();
    }
}
