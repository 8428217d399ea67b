//! The hub's books as tests look at them: no test reads them in another way.

use std::time::Duration;

use epode_protocol::{Position, SessionInfo};

use crate::inbound::Inbound;
use crate::shared_session::{Phase, SharedSession};
use crate::tab_state::{Fitness, TabState};
use crate::timer::Timer;
use crate::{Hub, PortId, SocketId};

/// The books of a hub.
pub(super) struct View<'a>(&'a Hub<String>);

impl Hub<String> {
    pub(super) fn view(&self) -> View<'_> {
        View(self)
    }
}

impl<'a> View<'a> {
    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionView<'a>> + use<'a> {
        self.0.sessions.values().map(SessionView)
    }

    /// What tabs were told of the sessions that are up, or may be resumed.
    pub(super) fn living(&self) -> impl Iterator<Item = &'a SessionInfo> + use<'a> {
        let dormant = self.0.common.dormant.iter().map(|dormant| dormant.info());
        self.sessions().filter_map(|session| session.living()).chain(dormant)
    }

    /// The session whose stream is on this socket.
    pub(super) fn session_on(&self, socket: SocketId) -> Option<SessionView<'a>> {
        self.sessions().find(|session| session.0.connection.uplink.carrier.is(socket))
    }

    /// The tabs that have not left.
    pub(super) fn tabs(&self) -> impl Iterator<Item = TabView<'a>> + use<'a> {
        self.0.common.tabs.iter().map(|(port, tab)| TabView(*port, tab))
    }

    pub(super) fn tab(&self, port: PortId) -> Option<TabView<'a>> {
        self.0.common.tabs.get(&port).map(|tab| TabView(port, tab))
    }

    pub(super) fn timers(&self) -> impl Iterator<Item = &'a Timer> + use<'a> {
        self.0.common.timers.all()
    }

    /// Whether the tab, the session or the trial that this timer was set for is still there.
    pub(super) fn has_owner(&self, timer: &Timer) -> bool {
        let hub = self.0;
        match timer {
            Timer::Answer(port, _) | Timer::Heartbeat(port) | Timer::Restore(port) => {
                hub.common.tabs.contains_key(port)
            }
            Timer::Line(socket) => hub.common.lines.contains_key(socket),
            Timer::Dormant(id) => hub.common.dormant.iter().any(|dormant| dormant.id() == *id),
            Timer::LastWords(port) => hub.left.contains_key(port),
            Timer::Ping(id, _)
            | Timer::Session(id)
            | Timer::Grace(id)
            | Timer::Gap(id)
            | Timer::Farewell(id)
            | Timer::Acknowledge(id)
            | Timer::RequestAck(id)
            | Timer::Watch(id)
            | Timer::Pace(id)
            | Timer::Unseen(id)
            | Timer::Backlog(id) => hub.sessions.contains_key(id) || hub.trials.contains_key(id),
        }
    }

    /// How many sessions are down, and may be opened again by their apps.
    pub(super) fn dormant(&self) -> usize {
        self.0.common.dormant.len()
    }

    /// Everything that is kept of refusals, as `Debug` prints it.
    pub(super) fn refusals(&self) -> String {
        format!("{:?}", self.0.common.refusals)
    }
}

/// The books of one session.
pub(super) struct SessionView<'a>(&'a SharedSession<String>);

impl<'a> SessionView<'a> {
    /// The name of its Web Lock.
    pub(super) fn name(&self) -> String {
        self.0.connection.key.to_string()
    }

    /// The full JID, while it is up.
    pub(super) fn jid(&self) -> Option<&'a str> {
        self.info().map(|info| &*info.jid)
    }

    /// What tabs are told of it, while it is up.
    pub(super) fn info(&self) -> Option<&'a SessionInfo> {
        match &self.0.phase {
            Phase::Up(info) => Some(info),
            _ => None,
        }
    }

    /// The same, also while it may be resumed.
    pub(super) fn living(&self) -> Option<&'a SessionInfo> {
        match &self.0.phase {
            Phase::Up(info) | Phase::Suspended(info) | Phase::Reopening(info) => Some(info),
            _ => None,
        }
    }

    /// The positions that are received, handled and said, if the stream is managed.
    pub(super) fn marks(&self, hub: &View<'_>) -> Option<[Position; 3]> {
        let said = self.0.handled.as_ref()?.said();
        Some([self.0.position, self.0.handled_up_to(&hub.0.common), said])
    }

    pub(super) fn is_up(&self) -> bool {
        self.0.is_up()
    }

    /// The position of the latest stanza.
    pub(super) fn position(&self) -> Position {
        self.0.position
    }

    /// The tabs that share it, in the order in which they came.
    pub(super) fn members(&self) -> Vec<PortId> {
        self.0.ports()
    }

    pub(super) fn primary(&self) -> Option<PortId> {
        self.0.primary
    }

    /// How many claims it knows a tab by.
    pub(super) fn claims(&self, port: PortId) -> usize {
        self.0.members.iter().filter(|member| member.port == port).map(|member| member.claims.len()).sum()
    }

    /// Whether it keeps stanzas for a tab that came while the tab reloaded or its session was down.
    pub(super) fn keeps_for(&self, port: PortId) -> bool {
        self.0.members.iter().any(|member| member.port == port && !member.backlog.is_empty())
    }

    /// How many stanzas it remembers for claims that are on their way.
    pub(super) fn remembered(&self) -> usize {
        self.0.ring.behind(0).count()
    }

    /// For each page that reloads: the name of its tab, the number of stanzas that are kept, and
    /// until when.
    pub(super) fn parked(&self) -> impl Iterator<Item = (&'a str, usize, Duration)> + use<'a> {
        self.0.parked.iter().map(|parked| (&*parked.tab, parked.kept.len(), parked.until))
    }

    /// The latest presence of each contact that is there.
    pub(super) fn presences(&self) -> impl Iterator<Item = &'a Inbound<String>> + use<'a> {
        self.0.presences.iter().map(|presence| &**presence)
    }

    /// The number of requests that tabs wait for, of shared questions, and of requests that no tab waits
    /// for any more.
    pub(super) fn outgoing(&self) -> (usize, usize, usize) {
        self.0.outgoing.sizes()
    }

    /// How many requests from outside wait for an answer.
    pub(super) fn incoming(&self) -> usize {
        self.0.incoming.len()
    }
}

/// The books of one tab.
pub(super) struct TabView<'a>(PortId, &'a TabState<String>);

impl TabView<'_> {
    pub(super) fn port(&self) -> PortId {
        self.0
    }

    /// How many stanzas wait for it.
    pub(super) fn waiting(&self) -> usize {
        self.1.mailbox.waiting()
    }

    /// The number of stanzas that are kept for the next page, should this one be unloaded.
    pub(super) fn kept(&self) -> usize {
        self.1.mailbox.unacknowledged().count()
    }

    /// How many stanzas of it wait for its session to come up.
    pub(super) fn pending(&self) -> usize {
        self.1.pending.len()
    }

    /// Whether it wants to hear what becomes of its sends.
    pub(super) fn follows(&self) -> bool {
        self.1.follows
    }

    pub(super) fn fitness(&self) -> Fitness {
        self.1.fitness()
    }
}
