//! The way of a tab's stanza to the server: from the tab's message to the uplink.

use std::time::Duration;

use epode_protocol::{Delivery, FromWorker, Origin, Text};
use epode_session::stream::xml::Head;

use crate::PortId;
use crate::common::Common;
use crate::iq::{Entered, Reply, question};
use crate::mailbox::Stanza;
use crate::outbound::{Kind, Refused, edited, judge};
use crate::shared_session::{Phase, SharedSession};
use crate::tab_state::{ASKED, PendingSend};
use crate::timer::Timer;
use crate::uplink::{Entry, Needless};

/// How long an undirected `unavailable` is held back, since its tab may be closing.
const FAREWELL: Duration = Duration::from_secs(1);

/// The shortest time between two words about what waits.
const BACKLOG: Duration = Duration::from_secs(1);

impl<T: Text> SharedSession<T> {
    /// Takes in a tab's stanzas, in order, and posts the receipts.
    pub(crate) fn take_all(
        &mut self,
        port: PortId,
        sends: &mut dyn Iterator<Item = PendingSend<T>>,
        common: &mut Common<T>,
    ) {
        for pending in sends {
            self.take(port, pending, common);
        }
        self.post_receipts(common);
        self.ask_if_due(common);
    }

    /// Tells each tab what became of its sends, and the tabs how much waits.
    pub(crate) fn post_receipts(&mut self, common: &mut Common<T>) {
        self.stanzas.post_receipts(common);
        self.tell_backlog(common);
    }

    /// Tells the tabs how much waits to be written, at most once a [while](BACKLOG).
    pub(crate) fn tell_backlog(&mut self, common: &mut Common<T>) {
        let timer = Timer::Backlog(self.id());
        if common.timers.runs(timer) {
            return;
        }
        let backlog = self.stanzas.waiting();
        if backlog != self.backlog {
            self.backlog = backlog;
            common.timers.set(timer, Some(common.now + BACKLOG));
            for port in self.ports() {
                self.tell_backlog_to(port, common);
            }
        }
    }

    /// Tells a tab that has come or woken, if there is news for it.
    pub(crate) fn tell_backlog_to(&self, port: PortId, common: &mut Common<T>) {
        let Some(tab) = common.tabs.get_mut(&port).filter(|tab| tab.awake && tab.backlog != self.backlog)
        else {
            return;
        };
        tab.backlog = self.backlog;
        let (stanzas, bytes) = (self.backlog.0 as u32, self.backlog.1 as u32);
        common.post(port, FromWorker::Backlog { stanzas, bytes });
    }

    /// Sends a stanza, keeps it until the session is up, or refuses it.
    fn take(&mut self, port: PortId, pending: PendingSend<T>, common: &mut Common<T>) {
        match self.phase {
            Phase::Up(_) | Phase::Suspended(_) | Phase::Reconnecting(_) => {
                match (self.submit(port, &pending, common), &pending) {
                    (Err(refused), _) => common.refuse(port, pending, &refused),
                    (Ok(Some(why)), PendingSend::Send { token, .. }) => {
                        self.stanzas.note_done(port, *token, &why);
                    }
                    (Ok(_), _) => {}
                }
            }
            Phase::Connecting | Phase::Reopening(_) | Phase::Unbound(_) => common.put_off(port, pending),
            Phase::Closing => common.refuse(port, pending, &Refused::NotConnected),
        }
    }

    /// Checks a stanza, enters it in the books, and sends it, or has it wait while the session is down.
    /// Returns why there is nothing to be sent, if so.
    pub(crate) fn submit(
        &mut self,
        port: PortId,
        pending: &PendingSend<T>,
        common: &mut Common<T>,
    ) -> Result<Option<Needless>, Refused> {
        let (text, reply, token) = match pending {
            PendingSend::Send { token, text } => (text, Reply::Delivery, Some(*token)),
            PendingSend::Request { token, text } => (text, Reply::Response(*token), None),
        };
        let (Phase::Up(info) | Phase::Suspended(info) | Phase::Reconnecting(info)) = &self.phase else {
            return Err(Refused::NotConnected);
        };
        let session = &self.connection.session;
        let (head, size) = text.with_str(|text| (session.check(text), text.len()));
        let mut head = head?;
        if !self.stanzas.has_room(port, size) {
            return Err(Refused::TooMany);
        }
        let framed = edited(text, &head, None);
        if let Some(framed) = &framed {
            // The edited text is checked too: it may have a second `xmlns`, or be too long.
            head = session.check(framed)?;
        }
        let kind = judge(&head, &info.jid, &common.config.unicode)?;
        if matches!(reply, Reply::Response(_)) && kind != Kind::Request {
            return Err(Refused::NotARequest);
        }
        let mut wire_id = None;
        match kind {
            Kind::Request if self.outgoing.of(port) >= ASKED => return Err(Refused::TooMany),
            Kind::Request => {
                let question = match &framed {
                    Some(framed) => question(&head, framed),
                    None => text.with_str(|text| question(&head, text)),
                };
                match self.outgoing.enter(&head, port, reply, question) {
                    Entered::Send { id } => wire_id = id,
                    Entered::Shared { id } => return Ok(Some(Needless::Request(id))),
                }
            }
            Kind::Answer => {
                let answered = self.incoming.answered(&head, &info.jid, &common.config.unicode);
                let position = answered.ok_or(Refused::NotAsked)?;
                common.timers.set(Timer::Ping(self.id(), position), None);
            }
            // XEP-0352: only the worker knows whether anybody looks.
            Kind::Nonza => return Ok(Some(Needless::Unsaid)),
            Kind::Message | Kind::Presence => {}
        }
        let edited = match (framed, &wire_id) {
            (framed, None) => framed,
            (Some(framed), id) => edited(&framed, &head, id.as_deref()),
            (None, id) => edited(text, &head, id.as_deref()),
        };
        if let (Some(id), Some(edited)) = (&wire_id, &edited)
            && let Err(too_long) = session.check(edited)
        {
            // The new id has made the stanza too long.
            self.outgoing.strike(id);
            return Err(too_long.into());
        }
        let text = edited.map_or_else(|| text.clone(), T::from);
        if kind == Kind::Presence && head.to.is_none() && !self.announce(port, &head, &text, common) {
            return Ok(Some(match head.kind {
                None => Needless::Presence(text.with_str(str::to_owned)),
                Some(_) => Needless::Unsaid,
            }));
        }
        if matches!(kind, Kind::Message | Kind::Presence) {
            self.reflect(port, &text, common);
        }
        // A tab that has left hears no receipt.
        let sender = self.member(port).is_some().then_some(port);
        let entry =
            Entry { text, kind, sender, token, done: Vec::new(), again: false, made: common.time_of_day };
        self.stanzas.submit(entry, size, &mut self.connection.uplink, common);
        Ok(None)
    }

    /// Takes out the requests that were never written, and that no tab waits for any more.
    pub(crate) fn withdraw_requests(&mut self) {
        let mut ids = self.stanzas.waiting_requests();
        ids.retain(|id| !self.outgoing.is_awaited(id));
        for id in &ids {
            self.outgoing.strike(id);
        }
        self.stanzas.withdraw_requests(&ids);
    }

    /// Whether an undirected presence is to be sent now. A presence equal to the last one is not
    /// sent again. An `unavailable` of one tab among others is held back: the tab may be closing,
    /// and the account stays online.
    fn announce(&mut self, port: PortId, head: &Head, text: &T, common: &mut Common<T>) -> bool {
        match head.kind.as_deref() {
            None => {
                let presence = text.with_str(str::to_owned);
                let news = self.own_presence.as_ref() != Some(&presence);
                self.own_presence = Some(presence);
                // A tab is available after all.
                self.farewell = None;
                common.timers.set(Timer::Farewell(self.id()), None);
                news
            }
            Some("unavailable") if self.members.iter().any(|member| member.port != port) => {
                // A tab that has left already was closing.
                if self.member(port).is_some() {
                    self.farewell = Some((port, text.clone()));
                    common.timers.set(Timer::Farewell(self.id()), Some(common.now + FAREWELL));
                }
                false
            }
            Some("unavailable") => {
                self.own_presence = None;
                true
            }
            Some(_) => true,
        }
    }

    /// Sends an `unavailable` that was held back: its tab has stayed.
    pub(crate) fn farewell_due(&mut self, common: &mut Common<T>) {
        if let Some((port, text)) = self.farewell.take() {
            self.own_presence = None;
            self.reflect(port, &text, common);
            self.stanzas.submit_own(text, Kind::Presence, &mut self.connection.uplink, common);
        }
    }

    /// Shows the other tabs what this one sends: to the server they are one client.
    fn reflect(&self, sender: PortId, text: &T, common: &mut Common<T>) {
        let mut size = None;
        let onlookers = self.members.iter().filter(|member| member.port != sender && member.claims_sent());
        for member in onlookers {
            let size = *size.get_or_insert_with(|| text.with_str(str::len));
            let delivery = Delivery(self.position, Origin::Sent, text.clone());
            common.deliver(member.port, Stanza::Own { delivery, droppable: true, size });
        }
    }
}
