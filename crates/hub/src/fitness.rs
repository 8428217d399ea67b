//! Which tabs are awake, and which can be seen: who is primary, and what the server is told, follows from it.

use epode_protocol::{FromWorker, Refusal, Role, TabInfo, Text, Token};

use crate::shared_session::{Fitness, Member};
use crate::tab_state::{ANSWER, GONE, QUIET, Stage};
use crate::timer::Timer;
use crate::{Hub, PortId, SessionId};

impl<T: Text> Hub<T> {
    /// A tab has been quiet: it is asked whether it is there, and if it was asked already, it is asleep.
    pub(crate) fn heartbeat(&mut self, port: PortId) {
        let Some(tab) = self.common.tabs.get_mut(&port) else { return };
        let quiet_until = tab.heard + QUIET;
        if quiet_until > self.common.now {
            return self.common.timers.set(Timer::Heartbeat(port), Some(quiet_until));
        }
        if tab.asked {
            if !tab.watched && tab.heard + GONE <= self.common.now {
                return self.forget_page(port);
            }
            // What it says next wakes it, and nothing else does.
            let slept = std::mem::replace(&mut tab.awake, false);
            let gone = tab.heard + GONE;
            self.common.timers.set(Timer::Heartbeat(port), (!tab.watched).then_some(gone));
            if slept {
                self.fitness_changed(port);
            }
        } else {
            tab.asked = true;
            self.common.timers.set(Timer::Heartbeat(port), Some(self.common.now + ANSWER));
            self.common.post_now(port, FromWorker::Ping);
        }
    }

    /// The page is gone, as far as can be told where there are no locks. Should it live after all, it hears
    /// so.
    pub(crate) fn forget_page(&mut self, port: PortId) {
        let detail = "this page was taken for gone, and was forgotten".to_owned();
        self.common.post_now(port, FromWorker::Refused(Refusal::Engine { detail }));
        self.port_closed(port);
    }

    pub(crate) fn fitness_changed(&mut self, port: PortId) {
        if let Some(Stage::In(id)) = self.common.tabs.get(&port).map(|tab| tab.stage.clone()) {
            self.elect(id);
            self.report_csi(id);
            let asleep = self.common.tabs.get(&port).is_some_and(|tab| !tab.awake);
            let at_it = self.sessions.get(&id).filter(|_| asleep).map(|shared| shared.incoming.of(port));
            for position in at_it.unwrap_or_default() {
                self.unhandled(id, position, port);
            }
        }
    }

    /// Sees to it that exactly one tab of the session is primary.
    pub(crate) fn elect(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id).filter(|shared| shared.is_up()) else { return };
        let changed =
            shared.elect(|port| self.common.tabs.get(&port).map_or(Fitness::Asleep, |tab| tab.fitness()));
        for (port, role) in changed {
            self.common.post(port, FromWorker::Role(role));
        }
    }

    /// Tells the server whether anybody looks (XEP-0352 §4), where it wants to know.
    pub(crate) fn report_csi(&mut self, id: SessionId) {
        let Some(shared) = self.sessions.get_mut(&id).filter(|shared| shared.is_up()) else { return };
        let Some(inactive) = shared.inactive else { return };
        let looking =
            |port: &PortId| self.common.tabs.get(port).is_some_and(|tab| tab.fitness() == Fitness::Visible);
        let nobody = !shared.ports().iter().any(looking);
        if nobody != inactive {
            shared.inactive = Some(nobody);
            let name = if nobody { "inactive" } else { "active" };
            self.transmit(id, format!("<{name} xmlns=\"urn:xmpp:csi:0\"/>").into());
        }
    }

    pub(crate) fn tabs(&mut self, port: PortId, token: Token) {
        let shared = match self.common.tabs.get(&port).map(|tab| &tab.stage) {
            Some(Stage::In(id)) => self.sessions.get(id),
            _ => None,
        };
        let tabs = shared.map(|shared| {
            let info = |member: &Member<T>| {
                let tab = self.common.tabs.get(&member.port)?;
                Some(TabInfo {
                    tab: tab.tab.clone(),
                    own: member.port == port,
                    role: if shared.primary == Some(member.port) { Role::Primary } else { Role::Secondary },
                    visible: tab.visible,
                    awake: tab.awake,
                    credit: tab.mailbox.credit(),
                    waiting: tab.mailbox.waiting() as u32,
                    claims: member.claims.len() as u32,
                })
            };
            shared.members.iter().filter_map(info).collect()
        });
        self.common.post(port, FromWorker::Tabs { token, tabs: tabs.unwrap_or_default() });
    }
}
