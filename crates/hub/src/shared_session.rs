//! One session and the tabs that share it: what the session reports, and what that means for the
//! tabs.
//!
//! After an input the session must [proceed](SharedSession::proceed) before it takes the next one,
//! so that the stream's frames leave in their turn.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{
    Fault, FromWorker, HttpOptions, LogLevel, Outcome, Position, SessionInfo, Status, StatusCode, Text,
};
use epode_session::stream::sasl::ScramKeys;
use epode_session::stream::{self, Error, jid, sasl};
use epode_session::{Account, Bound, Event, Report};

use crate::common::Common;
use crate::connection::{Connection, Said};
use crate::inbound::Ring;
use crate::iq::{IncomingRequests, OutgoingRequests};
use crate::key::Key;
use crate::mailbox::Gap;
use crate::management::Handled;
use crate::member::{JoinKind, Member, Parked};
use crate::outbound::Kind;
use crate::presences::Presences;
use crate::status::{attempt_failed, because, redial_failed, session_over, status};
use crate::timer::Timer;
use crate::uplink::{Entry, StanzaQueue};
use crate::{Output, PortId, SessionId};

/// The state of a shared session.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The session is being opened, for the first time.
    Connecting,
    /// The session waits, the first time, for a tab to ask for a resource: each tab hears this status.
    Unbound(Status),
    /// Stanzas flow.
    Up(SessionInfo),
    /// The session was up, and the next stream may resume it.
    Suspended(SessionInfo),
    /// The session was up, and is being opened again.
    Reconnecting(SessionInfo),
    /// The session was up, and an app that has heard its end opens it again: for its tabs the first time. The
    /// stream may resume it.
    Reopening(SessionInfo),
    /// The session is being closed, because somebody asked for that.
    Closing,
}

/// Something that concerns others than the session's own tabs, and is left to the hub.
pub(crate) enum Upshot {
    /// No login of this account is under way any more: the next tab may try.
    LoginOver,
    /// The session is over. `None` if it was closed as asked.
    Ended(Option<Error>),
}

/// One session and the tabs that share it.
pub(crate) struct SharedSession<T> {
    pub(crate) connection: Connection,
    pub(crate) stanzas: StanzaQueue<T>,
    /// How many stanzas wait to be written, and their bytes, as the tabs were told.
    pub(crate) backlog: (usize, usize),
    /// The server's stanzas, if it counts them (XEP-0198).
    pub(crate) handled: Option<Handled>,
    pub(crate) phase: Phase,
    /// The bare JID that the server bound last, in prepared form: pages name the session by it. The
    /// key does not say it if the app gave a name beside a domain, or none.
    pub(crate) bound: Option<String>,
    /// The tabs, in the order in which they joined.
    pub(crate) members: Vec<Member<T>>,
    pub(crate) parked: Vec<Parked<T>>,
    pub(crate) primary: Option<PortId>,
    /// The position before the session's first stanza.
    pub(crate) start: Position,
    /// The position of the latest inbound stanza.
    pub(crate) position: Position,
    pub(crate) ring: Ring<T>,
    /// Frames that were dropped of late, oldest first.
    pub(crate) missing: VecDeque<Gap>,
    /// The number of the stream that was lost last.
    pub(crate) lost: Option<u32>,
    /// The status of the lost connection, for tabs that join while the session is being opened
    /// again.
    pub(crate) down: Option<Status>,
    pub(crate) presences: Presences<T>,
    /// The latest undirected presence that was sent.
    pub(crate) own_presence: Option<String>,
    /// An `unavailable` that is held back, since its tab may be closing.
    pub(crate) farewell: Option<(PortId, T)>,
    pub(crate) outgoing: OutgoingRequests,
    pub(crate) incoming: IncomingRequests<T>,
    /// The name under which this worker owns the session.
    pub(crate) owned: Option<String>,
    /// Why the session is being closed, if another worker asked for that.
    pub(crate) handed_over: Option<&'static str>,
    /// Whether the page that left last keeps the numbers of the session over BOSH.
    pub(crate) is_kept: bool,
    /// XEP-0352, if the server offers it: whether the server was told that nobody looks.
    pub(crate) inactive: Option<bool>,
}

impl<T: Clone> SharedSession<T> {
    pub(crate) fn new(connection: Connection, start: Position) -> Self {
        SharedSession {
            connection,
            stanzas: StanzaQueue::default(),
            backlog: (0, 0),
            handled: None,
            phase: Phase::Connecting,
            bound: None,
            members: Vec::new(),
            parked: Vec::new(),
            primary: None,
            start,
            position: start,
            ring: Ring::new(start),
            missing: VecDeque::new(),
            lost: None,
            down: None,
            presences: Presences::default(),
            own_presence: None,
            farewell: None,
            outgoing: OutgoingRequests::default(),
            incoming: IncomingRequests::default(),
            owned: None,
            handed_over: None,
            is_kept: false,
            inactive: None,
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.connection.id
    }

    pub(crate) fn key(&self) -> &Key {
        &self.connection.key
    }

    /// Whether a page that names this bare JID, in prepared form, means this session.
    pub(crate) fn is_of(&self, account: &str) -> bool {
        self.key().account == account || self.bound.as_deref() == Some(account)
    }

    /// Whether the session is of the account that it was opened for. A page may have logged in as somebody
    /// else, of which the JID tells that the server binds.
    pub(crate) fn is_proven(&self) -> bool {
        !self.connection.relays || self.connection.session.proves_account()
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    /// The number of the stream that is up.
    pub(crate) fn generation(&self) -> Option<u32> {
        match &self.phase {
            Phase::Up(info) => Some(info.generation),
            _ => None,
        }
    }

    pub(crate) fn ports(&self) -> Vec<PortId> {
        self.members.iter().map(|member| member.port).collect()
    }

    pub(crate) fn member(&mut self, port: PortId) -> Option<&mut Member<T>> {
        self.members.iter_mut().find(|member| member.port == port)
    }

    /// Replaces the credentials by these, which the server has just accepted. Returns whether it
    /// did; see [`Session::adopt`](epode_session::Session::adopt).
    pub(crate) fn adopt(&mut self, account: Account, keys: Option<ScramKeys>) -> bool {
        let adopted = self.connection.session.adopt(account);
        if adopted {
            self.connection.keys = keys;
            self.down = None;
            for member in &mut self.members {
                member.has_credentials = false;
            }
        }
        adopted
    }

    /// Takes what is kept for the next page of this tab, if the page comes in time.
    pub(crate) fn take_parked(&mut self, tab: &str, now: Duration) -> Option<Parked<T>> {
        self.parked.retain(|parked| parked.until > now);
        let at = self.parked.iter().position(|parked| parked.tab == tab)?;
        Some(self.parked.remove(at))
    }

    /// Takes back what is kept for a page that has claimed nothing, up to the latest stanza.
    pub(crate) fn take_back(&mut self, port: PortId) -> Option<Parked<T>> {
        let SharedSession { members, ring, connection, .. } = self;
        let member = members.iter_mut().find(|member| member.port == port)?;
        let mut parked = member.parked.take()?;
        if !parked.resumes {
            parked.catch_up(member.kept_to, ring, &connection.options);
        }
        Some(parked)
    }
}

impl<T: Text> SharedSession<T> {
    /// Hands an input to the session's stream.
    pub(crate) fn feed(&mut self, input: stream::Input<'_>, common: &Common<T>) {
        self.connection.session.handle_input(common.now, input.into());
    }

    /// Carries out what the session wants, up to the next thing that concerns others than its own
    /// tabs; `None` when all is done.
    pub(crate) fn proceed(&mut self, common: &mut Common<T>) -> Option<Upshot> {
        while let Some(said) = self.connection.proceed(common) {
            match said {
                Said::Ask { mechanism, challenge } => {
                    let first = self.speaker(&mechanism, common);
                    self.connection.ask(mechanism, challenge, first, common);
                }
                // Of a page that logs in before there is a session.
                Said::Relay(_) | Said::Unsaid(_) | Said::LoggedIn | Said::Event(Event::Refused(_)) => {}
                Said::Event(Event::Authenticating) => self.authenticating(common),
                Said::Event(Event::Authenticated(keys)) => self.connection.keys = keys,
                Said::Event(Event::BindRequired(features)) => {
                    let asked = Status { features: Some(features), ..status(StatusCode::BindRequired) };
                    self.tell(&asked, common);
                    self.phase = Phase::Unbound(asked);
                    // A tab that may never bind must not keep others from their logins.
                    return Some(Upshot::LoginOver);
                }
                Said::Event(Event::Bound(bound)) => {
                    self.up(bound, common);
                    return Some(Upshot::LoginOver);
                }
                Said::Event(Event::Management(report)) => {
                    let resumed = matches!(report, Report::Resumed(_));
                    self.manage(report, common);
                    if resumed {
                        return Some(Upshot::LoginOver);
                    }
                }
                Said::Event(Event::Early(head, text)) => {
                    // A stream that counts already has resumed the session.
                    if let Some(handled) = &mut self.handled {
                        handled.skip();
                    }
                    let size = text.len();
                    self.route(head, text.into(), size, common);
                }
                Said::Event(Event::Dropped(dropped)) => self.frame_dropped(&dropped, common),
                Said::Event(Event::Lost { error, news, resumable }) => {
                    self.lost(&error, news, resumable, common);
                }
                Said::Event(Event::Ended(error)) => return Some(Upshot::Ended(error)),
            }
        }
        None
    }

    /// Tells the tabs of the first login only: of a later one they have heard RECONNECTING.
    fn authenticating(&self, common: &mut Common<T>) {
        if matches!(self.phase, Phase::Connecting | Phase::Reopening(_)) {
            self.report(StatusCode::Authenticating, common);
        }
    }

    fn up(&mut self, bound: Bound, common: &mut Common<T>) {
        let Bound { jid, features, managed } = bound;
        self.inactive = offers(&features, "urn:xmpp:csi:0").then_some(false);
        let account = jid::prepared(jid::bare(&jid), &common.config.unicode).into_owned();
        if let Some(dormant) = common.take_dormant(&self.connection.key) {
            self.go_on_anew(&account, dormant, common);
        }
        if self.bound.replace(account).is_some() {
            // A further bind has a position of its own, so that no tab stands where one of before did.
            self.position += 1;
        }
        if let Some(presence) = self.own_presence.as_ref().filter(|_| !self.stanzas.announces()) {
            let presence = Entry::of_worker(presence.clone().into(), Kind::Presence);
            self.stanzas.put_first(presence);
        }
        self.stanzas.readdress(&jid);
        self.connection.uplink.open(common);
        self.stanzas.open(managed, &mut self.connection.uplink, common);
        let domain = jid::domain(&jid).to_owned();
        let (bound, position, generation, resumed) = (self.position, 0, 0, false);
        self.go_up(
            SessionInfo { jid, domain, features, position, generation, managed, resumed, bound },
            common,
        );
    }

    /// Stanzas flow: takes all tabs in.
    pub(crate) fn go_up(&mut self, info: SessionInfo, common: &mut Common<T>) {
        self.down = None;
        self.phase = Phase::Up(SessionInfo { generation: common.count(), ..info });
        let entries: Vec<_> = self.members.iter().map(|member| (member.port, member.entry)).collect();
        self.elect(common);
        for (port, entry) in entries {
            self.admit(port, entry.up(), common);
        }
        self.report_csi(common);
        self.post_receipts(common);
        self.ask_if_due(common);
        if let Some(account) = self.bound.clone() {
            self.restore_waiting(account, common);
        }
    }

    /// The stream is lost, and another will be dialled.
    fn lost(&mut self, error: &Error, news: bool, resumable: bool, common: &mut Common<T>) {
        self.lost = self.generation().or(self.lost);
        match &self.phase {
            Phase::Up(info) if resumable => {
                self.phase = Phase::Suspended(info.clone());
                self.suspend(common);
            }
            Phase::Suspended(_) if resumable => {}
            Phase::Up(info) | Phase::Suspended(info) => {
                self.phase = Phase::Reconnecting(info.clone());
                self.stream_over(None, !error.blames_us(), common);
            }
            Phase::Reopening(_) if !resumable => {
                self.manage(Report::NotResumed(None), common);
            }
            _ => {}
        }
        if news {
            let mut reconnecting = because(StatusCode::Reconnecting, error.condition(), error);
            reconnecting.close_code = error.close_code();
            self.down = Some(reconnecting.clone());
            self.tell(&reconnecting, common);
        }
    }

    /// Forgets what ended with the stream, and sees to what was sent over it. `handled`: how much of that
    /// the server had handled, if it says so; `repeats`: whether anything of that may be sent again.
    pub(crate) fn stream_over(&mut self, handled: Option<u32>, repeats: bool, common: &mut Common<T>) {
        self.presences.clear();
        // Where the session was to be resumed, the app counts on the worker to announce it.
        let was_managed = self.handled.take().is_some() || self.stanzas.are_kept();
        if !was_managed || !repeats {
            self.own_presence = None;
        }
        self.farewell = None;
        let announces = self.own_presence.is_some();
        let unhandled = self.stanzas.settle(handled, repeats, announces, common.time_of_day);
        self.post_receipts(common);
        self.stop_asking(common);
        for member in &mut self.members {
            member.claims.clear();
            if matches!(self.phase, Phase::Reconnecting(_)) {
                // A tab that was there when the stream was lost hears everything of the next one.
                member.entry = JoinKind::Opened;
            }
        }
        common.timers.set(Timer::Farewell(self.id()), None);
        let waiting = self.stanzas.waiting_requests();
        let outcome = |id: Box<str>| match was_managed {
            true => Outcome::Lost(lost_request(unhandled.contains(&id))),
            false => Outcome::Disconnected,
        };
        self.settle_books(&waiting, outcome, common);
    }

    /// The server has this many more stanzas, as the requests that carried them say (BOSH).
    pub(crate) fn taken(&mut self, stanzas: u32, common: &mut Common<T>) {
        self.stanzas.taken(stanzas);
        self.post_receipts(common);
    }

    /// Closes the books of IQs: over a stream that is gone nobody answers, and nobody waits for an
    /// answer, but for the requests with these ids. `outcome`: what becomes of the request with an id.
    fn settle_books(
        &mut self,
        unsent: &[Box<str>],
        outcome: impl Fn(Box<str>) -> Outcome<T>,
        common: &mut Common<T>,
    ) {
        for position in self.incoming.abandon() {
            common.timers.set(Timer::Ping(self.id(), position), None);
        }
        for (port, token, id) in self.outgoing.abandon(unsent) {
            common.unanswered(port, token, outcome(id));
        }
    }

    /// Closes the session cleanly. The server has this long to close it too.
    pub(crate) fn close(&mut self, patience: Duration, common: &mut Common<T>) {
        let was = std::mem::replace(&mut self.phase, Phase::Closing);
        if was != Phase::Closing {
            self.report(StatusCode::Disconnecting, common);
        }
        if matches!(was, Phase::Up(_)) {
            self.connection.uplink.hurry();
            if let Some(handled) = &self.handled {
                // XEP-0198 §4: what no tab has seen is the server's to keep.
                let ack = handled.ack(self.handled_up_to(common));
                self.connection.uplink.send(ack.into(), common);
            }
            // RFC 6121 §4.5.1: `unavailable` goes out before the stream is closed, so that contacts
            // hear it from us.
            let unavailable = "<presence xmlns=\"jabber:client\" type=\"unavailable\"/>".to_owned();
            let uplink = &mut self.connection.uplink;
            self.stanzas.submit_own(unavailable.into(), Kind::Presence, uplink, common);
            // The server may say so until it closes the stream too.
            self.ask_now(common);
            // Nothing follows `<close/>`, such as the answer to a request that a tab leaves open.
            self.stanzas.close();
        }
        self.feed(stream::Input::Close(patience), common);
    }

    /// Closes a session without tabs, or, for a page to come, leaves it to the server.
    pub(crate) fn retire(&mut self, common: &mut Common<T>) {
        if self.is_kept {
            self.connection.uplink.carrier.abandon(common);
        }
        self.close(stream::CLOSE, common);
    }

    /// Ends the session: its tabs hear why. Returns its key.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn end(mut self, error: Option<Error>, common: &mut Common<T>) -> Key {
        let id = self.id();
        let is_open = matches!(self.phase, Phase::Up(_) | Phase::Suspended(_) | Phase::Reopening(_));
        let goes_on = is_open && self.connection.session.former().is_some();
        if goes_on {
            self.lull(common);
        } else {
            self.settle_books(&[], |_| Outcome::Disconnected, common);
            self.stanzas.finish(common);
        }
        self.post_receipts(common);
        self.stop_asking(common);
        // The tabs hear of dropped frames now or never.
        common.timers.set(Timer::Gap(id), None);
        self.tell_gap(common);
        for timer in [Timer::Grace(id), Timer::Farewell(id), Timer::Gap(id), Timer::Backlog(id)] {
            common.timers.set(timer, None);
        }
        common.outputs.extend(self.owned.take().map(Output::Disown));
        for member in &self.members {
            let mut statuses = self.last_statuses(member, error.as_ref());
            if let Some(first) = statuses.first_mut() {
                first.close_code = error.as_ref().and_then(Error::close_code);
            }
            common.detach(member.port, statuses);
        }
        let key = self.key().clone();
        if goes_on {
            self.sleep(common);
        }
        key
    }

    /// The statuses that a tab hears, in order, when the session is over.
    fn last_statuses(&self, member: &Member<T>, error: Option<&Error>) -> Vec<Status> {
        match (&self.phase, error, self.handed_over) {
            (_, None | Some(Error::NotClosed | Error::AuthRefused { .. }), Some(why)) => {
                vec![because(StatusCode::Disconnected, None, &why)]
            }
            (Phase::Connecting | Phase::Reopening(_) | Phase::Unbound(_), Some(error), _)
                if member.entry == JoinKind::Attached =>
            {
                vec![because(StatusCode::AttachFail, error.condition(), error)]
            }
            // No server refused anything: the mechanism's tab is gone.
            (
                Phase::Suspended(_) | Phase::Reconnecting(_),
                Some(error @ Error::Sasl(sasl::Error::Unspoken(_))),
                _,
            ) => {
                vec![because(StatusCode::Disconnected, error.condition(), error)]
            }
            (Phase::Connecting | Phase::Reopening(_) | Phase::Unbound(_), Some(error), _) => {
                vec![attempt_failed(error), because(StatusCode::Disconnected, error.condition(), error)]
            }
            (Phase::Suspended(_) | Phase::Reconnecting(_), Some(error), _) => {
                vec![redial_failed(error), because(StatusCode::Disconnected, error.condition(), error)]
            }
            // A tab that closed the session before the verdict need not hear the verdict.
            (Phase::Closing, Some(Error::AuthRefused { .. }), _) => session_over(None),
            // The server may never have known this session.
            (Phase::Up(_), Some(error), _) if self.connection.session.is_continued() => {
                vec![attempt_failed(error), because(StatusCode::Disconnected, error.condition(), error)]
            }
            (_, error, _) => session_over(error),
        }
    }

    /// An app has assigned other options for the requests of a session over BOSH.
    pub(crate) fn assign(&mut self, http: HttpOptions, common: &mut Common<T>) {
        self.connection.uplink.carrier.assign(http, common);
        // A token that is fresh may open what was closed to the former one.
        self.connection.session.hasten(common.now);
    }

    /// Whether a tab keeps the numbers of the session over BOSH.
    pub(crate) fn keep_numbers(&mut self, port: PortId, keepalive: bool, common: &mut Common<T>) {
        if let Some(member) = self.member(port) {
            member.keepalive = keepalive;
            self.tell_numbers(&[port], common);
        }
    }

    /// The session over BOSH has other numbers: tells the tabs that keep them, and the only tab of an
    /// engine in its page, to which a post costs nothing.
    pub(crate) fn numbers_changed(&self, common: &mut Common<T>) {
        let is_told = |member: &&Member<T>| member.keepalive || !common.config.shared;
        let ports: Vec<_> = self.members.iter().filter(is_told).map(|member| member.port).collect();
        self.tell_numbers(&ports, common);
    }

    pub(crate) fn tell_numbers(&self, ports: &[PortId], common: &mut Common<T>) {
        let Phase::Up(SessionInfo { jid, .. }) = &self.phase else { return };
        for port in ports {
            let line = self.connection.uplink.carrier.line(common);
            if let Some(numbers) = line.and_then(|line| line.numbers(jid)) {
                common.post_if_it_keeps_up(*port, FromWorker::BoshSession(numbers));
            }
        }
    }

    /// Tells every tab this status.
    fn report(&self, code: StatusCode, common: &mut Common<T>) {
        self.tell(&status(code), common);
    }

    fn tell(&self, status: &Status, common: &mut Common<T>) {
        for member in &self.members {
            common.post(member.port, FromWorker::Status(status.clone()));
        }
    }

    /// Logs a line, to the worker's console and to the session's tabs.
    pub(crate) fn log(&self, level: LogLevel, text: String, common: &mut Common<T>) {
        common.log_to(&self.ports(), level, text);
    }
}

/// Whether the features name this namespace.
fn offers(features: &str, namespace: &str) -> bool {
    features.split(['"', '\'']).any(|part| part == namespace)
}

/// Why a request of a session that was lost has no answer.
pub(crate) fn lost_request(unhandled: bool) -> Fault {
    let (condition, text) = match unhandled {
        true => ("not-handled", "the session was lost before the server had handled the request"),
        false => ("unknown", "the session was lost, and nobody knows whether the server handled the request"),
    };
    Fault { condition: condition.to_owned(), text: text.to_owned() }
}
