//! Which tabs are awake, and which are visible. The primary is elected by that, and the server is
//! told whether anybody looks.

use std::time::Duration;

use epode_protocol::{FromWorker, Refusal, Role, TabInfo, Text};

use crate::common::Common;
use crate::member::Member;
use crate::shared_session::SharedSession;
use crate::tab_state::{ANSWER, Fitness, GONE, QUIET, TabState};
use crate::timer::Timer;
use crate::{Hub, PortId};

/// For how long nobody looks before the server hears so: a person changes from tab to tab. Over BOSH a poll
/// is under way by then. The csi_simple of Prosody 13 stops the connection on which `<inactive/>` comes, and
/// without another request to answer it never writes the response there.
const UNSEEN: Duration = Duration::from_secs(1);

impl<T: Text> Hub<T> {
    /// A tab has been silent: the worker asks it whether it is there. A tab that was asked already
    /// counts as asleep.
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
            // The tab's next message wakes it, and nothing else does.
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

    /// Treats a page without a Web Lock as gone. Should the page live after all, it is told.
    pub(crate) fn forget_page(&mut self, port: PortId) {
        let detail = "this page was taken for gone, and was forgotten".to_owned();
        self.common.post_now(port, FromWorker::Refused(Refusal::Engine { detail }));
        self.port_closed(port);
    }

    pub(crate) fn fitness_changed(&mut self, port: PortId) {
        if let Some((shared, common)) = self.shared_by(port) {
            shared.fitness_changed(port, common);
        }
    }
}

impl<T: Text> SharedSession<T> {
    fn fitness_changed(&mut self, port: PortId, common: &mut Common<T>) {
        self.elect(common);
        self.report_csi(common);
        self.tell_backlog_to(port, common);
        if common.tabs.get(&port).is_some_and(|tab| !tab.awake) {
            for position in self.incoming.of(port) {
                self.unhandled(position, port, common);
            }
        }
    }

    /// Makes sure that exactly one tab is primary: an awake and visible one, if there is one.
    pub(crate) fn elect(&mut self, common: &mut Common<T>) {
        if !self.is_up() {
            return;
        }
        let incumbent = self.primary.filter(|port| self.members.iter().any(|member| member.port == *port));
        // Of equally fit tabs the incumbent wins, then the tab that joined first.
        let fit = |port| common.tabs.get(&port).map_or(Fitness::Asleep, TabState::fitness);
        let rank = |port: PortId| (fit(port), Some(port) == incumbent);
        let elected = self.members.iter().rev().map(|member| member.port).max_by_key(|port| rank(*port));
        if elected == self.primary {
            return;
        }
        self.primary = elected;
        let deposed = incumbent.map(|port| (port, Role::Secondary));
        for (port, role) in deposed.into_iter().chain(elected.map(|port| (port, Role::Primary))) {
            common.post(port, FromWorker::Role(role));
        }
    }

    /// Tells the server whether anybody looks (XEP-0352 §4), if the server supports that.
    pub(crate) fn report_csi(&mut self, common: &mut Common<T>) {
        let Some(inactive) = self.inactive.filter(|_| self.is_up()) else { return };
        let (timer, nobody) = (Timer::Unseen(self.id()), !self.is_looked_at(common));
        if !nobody || inactive {
            common.timers.set(timer, None);
        } else if !common.timers.runs(timer) {
            common.timers.set(timer, Some(common.now + UNSEEN));
        }
        if inactive && !nobody {
            self.tell_csi(false, common);
        }
    }

    /// Nobody has looked for a while.
    pub(crate) fn unseen(&mut self, common: &mut Common<T>) {
        if self.is_up() {
            self.tell_csi(true, common);
        }
    }

    fn tell_csi(&mut self, inactive: bool, common: &mut Common<T>) {
        self.inactive = Some(inactive);
        let name = if inactive { "inactive" } else { "active" };
        self.connection.uplink.send(format!("<{name} xmlns=\"urn:xmpp:csi:0\"/>").into(), common);
    }

    /// Whether a person looks at any tab of this session.
    pub(crate) fn is_looked_at(&self, common: &Common<T>) -> bool {
        let looks = |port| common.tabs.get(&port).is_some_and(|tab| tab.fitness() == Fitness::Visible);
        self.members.iter().any(|member| looks(member.port))
    }

    /// The tabs of this session, for one that asks.
    pub(crate) fn tabs(&self, asker: PortId, common: &Common<T>) -> Vec<TabInfo> {
        let info = |member: &Member<T>| {
            let tab = common.tabs.get(&member.port)?;
            Some(TabInfo {
                tab: tab.tab.clone(),
                own: member.port == asker,
                role: if self.primary == Some(member.port) { Role::Primary } else { Role::Secondary },
                visible: tab.visible,
                awake: tab.awake,
                credit: tab.mailbox.credit(),
                waiting: tab.mailbox.waiting() as u32,
                claims: member.claims.len() as u32,
            })
        };
        self.members.iter().filter_map(info).collect()
    }
}
