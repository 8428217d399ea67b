//! How a session takes a tab in: first as a member, then, once the session is up, to its stanzas.

use epode_protocol::{Checkpoint, FromWorker, Role, StatusCode, Text};
use epode_session::stream;
use epode_session::stream::sasl::ScramKeys;

use crate::PortId;
use crate::common::Common;
use crate::member::{JoinKind, Member};
use crate::shared_session::{Phase, SharedSession};
use crate::status::status;
use crate::tab_state::Stage;
use crate::timer::Timer;

/// What the tabs of a detour hear when their session is up.
const DETOUR: &str = "the worker runs and does not answer: this session is of another one, beside it";

impl<T: Text> SharedSession<T> {
    /// Makes a tab a member. `waits`: whether the tab lets the session wait for a resource to be
    /// asked for; `own_mechanisms`: the mechanisms that live in the tab.
    pub(crate) fn join(
        &mut self,
        port: PortId,
        entry: JoinKind,
        waits: bool,
        own_mechanisms: Vec<String>,
        common: &mut Common<T>,
    ) {
        let id = self.id();
        // The tab may have vanished while its credentials were tried.
        let Some(tab) = common.tabs.get_mut(&port) else { return };
        tab.stage = Stage::In(id);
        // A former session whose account this login has yet to prove waits for the tab.
        tab.former.take_if(|former| !common.dormant.iter().any(|dormant| dormant.is_of(former)));
        tab.backlog = (0, 0);
        tab.mailbox.change_session();
        tab.mailbox.stanza_limit = self.connection.options.queue_stanzas as usize;
        tab.mailbox.byte_limit = self.connection.options.queue_size as usize;
        let parked = self.take_parked(&tab.tab, common.now);
        self.members.push(Member { own_mechanisms, parked, ..Member::new(port, entry, self.position) });
        self.tell_backlog_to(port, common);
        let up = self.is_up();
        let down = self.down.clone();
        common.timers.set(Timer::Grace(id), None);
        if let Some(down) = down {
            common.post(port, FromWorker::Status(down));
        }
        if up {
            self.elect(common);
            self.admit(port, entry.up(), common);
            self.report_csi(common);
            self.doubt(common);
        } else if !waits {
            self.bind(None, common);
        } else if let Phase::Unbound(asked) = &self.phase {
            common.post(port, FromWorker::Status(asked.clone()));
        }
    }

    /// A tab asks for a resource. If the session is not that far yet, it will not wait then.
    pub(crate) fn bind(&mut self, resource: Option<String>, common: &Common<T>) {
        self.feed(stream::Input::Bind { resource }, common);
        if matches!(self.phase, Phase::Unbound(_)) {
            self.phase = Phase::Connecting;
        }
    }

    /// Tells a tab that the session is up and from which position on the tab hears stanzas; sends
    /// the tab's pending stanzas.
    pub(crate) fn admit(&mut self, port: PortId, code: StatusCode, common: &mut Common<T>) {
        let (Phase::Up(info), Some(tab)) = (&self.phase, common.tabs.get_mut(&port)) else {
            return debug_assert!(false, "a session that is up admits its members, whose tabs are there");
        };
        let pending = std::mem::take(&mut tab.pending);
        let mut info = info.clone();
        // The former page may have left after this one joined.
        let parked = self.take_back(port).or_else(|| self.take_parked(&tab.tab, common.now));
        let (start, parked) = match (parked, &tab.before) {
            // The page itself was there when the former stream was lost.
            (Some(parked), None) if parked.resumes => (parked.start, Some(parked)),
            (Some(parked), Some(Checkpoint { position, .. }))
                if (self.start..=self.position).contains(position) =>
            {
                (*position, Some(parked))
            }
            // The former page was unloaded before it heard of this session, and names a position of
            // another one.
            (Some(parked), Some(_)) if parked.claims.is_empty() => (parked.start, Some(parked)),
            _ => (self.position, None),
        };
        let kept_to = self.position;
        common.was_in(port, self.key());
        let secondary = self.primary != Some(port);
        let keys = self.connection.keys.as_ref().map(ScramKeys::to_text);
        let mut has_credentials = false;
        if let Some(member) = self.member(port) {
            has_credentials = member.has_credentials;
            member.claims.clear();
            (member.start, member.kept_to, member.has_claimed) = (start, kept_to, false);
            // A page also hears of frames that were dropped after the former page's position.
            member.told = member.told.min(start);
            member.parked = parked;
            (member.backlog, member.former_claims, member.given_up) = (Vec::new(), Vec::new(), None);
        }
        info.position = start;
        let mut up = status(code);
        up.session = Some(info);
        up.text = common.config.detour.then(|| DETOUR.to_owned());
        // The role goes first, so that the callback of the status can ask for it. The primary has
        // heard its role already.
        if secondary {
            common.post(port, FromWorker::Role(Role::Secondary));
        }
        if let Some(keys) = keys.filter(|_| has_credentials) {
            common
                .post(port, FromWorker::Keys { keys: epode_protocol::Secret::new(keys.expose().to_owned()) });
        }
        self.tell_numbers(&[port], common);
        common.post(port, FromWorker::Status(up));
        self.tell_gap(common);
        self.take_all(port, &mut pending.into_iter(), common);
    }

    /// Takes in the tabs that lost their worker and wait for somebody with credentials of this
    /// account.
    pub(crate) fn restore_waiting(&mut self, account: String, common: &mut Common<T>) {
        let waiting = Stage::Restoring(self.key().service.clone(), account);
        let restoring = common.tabs.iter().filter(|(_, tab)| tab.stage == waiting).map(|(port, _)| *port);
        for port in restoring.collect::<Vec<_>>() {
            common.timers.set(Timer::Restore(port), None);
            self.attach(port, false, common);
        }
    }

    /// Takes in a tab without credentials, if the session's first tab allows that.
    pub(crate) fn attach(&mut self, port: PortId, waits: bool, common: &mut Common<T>) {
        match self.connection.options.attach {
            true => self.join(port, JoinKind::Attached, waits, Vec::new(), common),
            false => common.keep_out(port),
        }
    }
}
