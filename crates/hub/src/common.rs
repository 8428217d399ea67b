//! What every session and every tab shares: the clock, the timers, the tabs' mailboxes, the
//! outputs. Whoever acts is handed it.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{FromWorker, LogLevel, Options, Outcome, Status, StatusCode, Text, Token};
use epode_session::Management;
use epode_session::stream::jid;

use crate::dormant::Dormant;
use crate::key::Key;
use crate::mailbox::{Latest, Mailbox, Stanza};
use crate::outbound::Refused;
use crate::refusals::Refusals;
use crate::status::because;
use crate::tab_state::{PENDING, PendingSend, Stage, TabState};
use crate::timer::{Timer, Timers};
use crate::uplink::lines::Line;
use crate::{Config, Output, PortId, SessionId, SocketId, Table};

/// The most tabs of which it is known where they were.
const REMEMBERED: usize = 128;

/// By how many milliseconds the time of day runs ahead of the engine's clock in a sleep.
const SLEEP: f64 = 2000.0;

/// What every session and every tab shares.
pub(crate) struct Common<T> {
    pub(crate) config: Config,
    pub(crate) now: Duration,
    /// The latest [time of day](epode_protocol::ToWorker#time-of-day) that the worker was told.
    pub(crate) time_of_day: f64,
    /// By how many milliseconds that is ahead of `now`.
    ahead: f64,
    pub(crate) tabs: Table<PortId, TabState<T>>,
    pub(crate) refusals: Refusals,
    /// The servers that have counted wrongly (XEP-0198).
    miscounts: Vec<String>,
    pub(crate) timers: Timers,
    pub(crate) outputs: VecDeque<Output<T>>,
    pub(crate) lines: Table<SocketId, Line>,
    /// Sessions that are down, and that their apps may open again.
    pub(crate) dormant: Vec<Dormant<T>>,
    /// The session that each tab was in last, by the tab's name, oldest first.
    been_in: Vec<(String, Key)>,
    /// The latest delivery of this task, for tabs that are given the same.
    latest: Latest<T>,
    /// Whether [`Output::Defer`] is out for this task.
    deferred: bool,
    counter: u32,
}

impl<T: Text> Common<T> {
    pub(crate) fn new(config: Config) -> Self {
        Common {
            refusals: Refusals::new(config.secret.clone()),
            config,
            miscounts: Vec::new(),
            now: Duration::ZERO,
            time_of_day: 0.0,
            ahead: f64::INFINITY,
            tabs: Table::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            lines: Table::default(),
            dormant: Vec::new(),
            been_in: Vec::new(),
            latest: Latest::default(),
            deferred: false,
            counter: 0,
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output<T>> {
        let output = self.outputs.pop_front();
        if output.is_none() {
            self.latest = Latest::default();
        }
        output
    }

    /// Notes the time of day. True if the machine has slept since the last time: the clock of the engine
    /// may stand still then.
    pub(crate) fn tell_time(&mut self, time: f64) -> bool {
        self.time_of_day = time;
        let ahead = time - self.now.as_secs_f64() * 1000.0;
        std::mem::replace(&mut self.ahead, ahead) + SLEEP < ahead
    }

    /// The server of this account counts wrongly. Nobody asks it to count again while this worker lives: with
    /// `reconnect: false` it would end each session.
    pub(crate) fn note_miscount(&mut self, key: &Key) {
        if !self.is_miscounted(key) {
            self.miscounts.push(server(key));
        }
    }

    fn is_miscounted(&self, key: &Key) -> bool {
        self.miscounts.contains(&server(key))
    }

    /// The stream management that is wanted. Over BOSH, request ids say what the server has received.
    pub(crate) fn management(&self, key: &Key, options: &Options, is_socket: bool) -> Option<Management> {
        let management = options.management.as_ref().filter(|_| is_socket && !self.is_miscounted(key));
        management.map(|management| Management { resume: management.resume, max: management.max })
    }

    /// A number that was never used before, for a session, a socket or an exchange.
    pub(crate) fn count(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn log(&mut self, level: LogLevel, text: String) {
        self.outputs.push_back(Output::Log(level, text));
    }

    /// Logs a line about a session: to the worker's console, and to the session's own tabs. A tab
    /// with a full window does not get the line, since a server can cause any number of lines.
    pub(crate) fn log_to(&mut self, ports: &[PortId], level: LogLevel, text: String) {
        for port in ports {
            self.post_if_it_keeps_up(*port, FromWorker::Log { level, text: text.clone() });
        }
        self.log(level, text);
    }

    /// Logs why a frame of a page's own login is not sent. Never the frame, which may hold a password.
    pub(crate) fn unsaid(&mut self, port: PortId, why: &str) {
        let text = format!("port {}: a frame of a login was not sent: {why}", port.0);
        self.log_to(&[port], LogLevel::Warn, text);
    }

    /// Logs a frame of the server that no tab hears: its first name, its length in bytes of UTF-8,
    /// and the rule that the frame breaks. The server chose the name, so the name is cut, and loses
    /// characters that no name may have.
    pub(crate) fn log_dropped(&mut self, ports: &[PortId], name: &str, size: usize, rule: &str) {
        let name: String = name
            .chars()
            .filter(|char| char.is_ascii_alphanumeric() || ":-_.".contains(*char))
            .take(32)
            .collect();
        self.log_to(ports, LogLevel::Warn, format!("dropped <{name}> of {size} bytes: {rule}"));
    }

    /// A tab is in the session of this key, which is up.
    pub(crate) fn was_in(&mut self, port: PortId, key: &Key) {
        let Some(TabState { tab: name, .. }) = self.tabs.get(&port) else { return };
        self.been_in.retain(|(tab, _)| tab != name);
        self.been_in.push((name.clone(), key.clone()));
        if self.been_in.len() > REMEMBERED {
            self.been_in.remove(0);
        }
    }

    /// A tab turns to the session of this key: how another ends, in which it was, is not its affair any more.
    pub(crate) fn wants_no_other(&mut self, port: PortId, key: &Key) {
        let Some(TabState { tab: name, .. }) = self.tabs.get(&port) else { return };
        self.been_in.retain(|(tab, session)| tab != name || session == key);
    }

    /// The tabs whose latest session was that of this key. Where they were is forgotten.
    pub(crate) fn take_been_in(&mut self, key: &Key) -> Vec<PortId> {
        let Common { been_in, tabs, .. } = self;
        let was_in = |name: &str| been_in.iter().any(|(tab, session)| tab == name && session == key);
        let ports = tabs.iter().filter(|(_, tab)| was_in(&tab.tab)).map(|(port, _)| *port).collect();
        been_in.retain(|(_, session)| session != key);
        ports
    }

    /// The session that a tab is in.
    pub(crate) fn session_of(&self, port: PortId) -> Option<SessionId> {
        match self.tabs.get(&port)?.stage {
            Stage::In(id) => Some(id),
            _ => None,
        }
    }

    /// Whether the tab has room in its window.
    pub(crate) fn keeps_up(&self, port: PortId) -> bool {
        self.tabs.get(&port).is_some_and(|tab| tab.mailbox.credit() > 0)
    }

    /// Posts a message to a tab, after everything that waits for the tab.
    pub(crate) fn post(&mut self, port: PortId, message: FromWorker<T>) {
        self.put(port, |mailbox| mailbox.push(message));
    }

    /// The same for a message without which a tab that is slow or frozen does as well.
    pub(crate) fn post_if_it_keeps_up(&mut self, port: PortId, message: FromWorker<T>) {
        if self.keeps_up(port) {
            self.post(port, message);
        }
    }

    /// Posts a stanza to a tab, after everything that waits for the tab.
    pub(crate) fn deliver(&mut self, port: PortId, stanza: Stanza<T>) {
        self.put(port, |mailbox| mailbox.push_stanza(stanza));
    }

    /// Posts to a tab at once, past its window: for messages about the port and not about a
    /// session.
    pub(crate) fn post_now(&mut self, port: PortId, message: FromWorker<T>) {
        self.outputs.push_back(Output::Post(port, Rc::new(message)));
    }

    /// Changes a tab's mailbox, and posts what may leave it.
    pub(crate) fn put(&mut self, port: PortId, change: impl FnOnce(&mut Mailbox<T>)) {
        let Common { tabs, now, latest, deferred, outputs, .. } = self;
        if let Some(tab) = tabs.get_mut(&port) {
            change(&mut tab.mailbox);
            flush(port, &mut tab.mailbox, *now, latest, deferred, outputs);
        }
    }

    /// The task is over: what waited for its end may leave. A lone stanza leaves at once, but under
    /// a flood many stanzas arrive in one task of the worker. Those leave in one post, since a post
    /// costs many times as much as one more stanza in it.
    pub(crate) fn end_of_task(&mut self) {
        self.deferred = false;
        let ports: Vec<PortId> = self.tabs.keys().copied().collect();
        for port in ports {
            self.put(port, Mailbox::end_of_task);
        }
    }

    /// Tells a tab that the session's first tab has set `attach: false`.
    pub(crate) fn keep_out(&mut self, port: PortId) {
        let why = "this session was opened with `attach: false`: nobody joins it without credentials";
        self.detach(port, vec![because(StatusCode::AttachFail, Some("credentials-required"), &why)]);
    }

    /// Takes a tab out of its session, or out of waiting for one. The tab hears these statuses; its
    /// pending sends are refused.
    pub(crate) fn detach(&mut self, port: PortId, statuses: Vec<Status>) {
        let Some(tab) = self.tabs.get_mut(&port) else { return };
        tab.stage = Stage::Greeted;
        // A frozen tab may not acknowledge for days what it was posted.
        tab.mailbox.change_session();
        for pending in std::mem::take(&mut tab.pending) {
            self.turn_down(port, pending);
        }
        for status in statuses {
            self.post(port, FromWorker::Status(status));
        }
    }

    /// Takes a send of a tab that is in no session: keeps the send if a session may come, or
    /// refuses it.
    pub(crate) fn take(&mut self, port: PortId, pending: PendingSend<T>) {
        match self.tabs.get(&port).map(|tab| &tab.stage) {
            Some(Stage::Waiting | Stage::Restoring(..)) => self.put_off(port, pending),
            _ => self.refuse(port, pending, &Refused::NotConnected),
        }
    }

    /// Keeps a send until the tab's session is up.
    pub(crate) fn put_off(&mut self, port: PortId, pending: PendingSend<T>) {
        match self.tabs.get_mut(&port) {
            Some(tab) if tab.pending.len() < PENDING => tab.pending.push_back(pending),
            _ => self.refuse(port, pending, &Refused::TooMany),
        }
    }

    /// Refuses a pending send, since the session did not come up.
    pub(crate) fn turn_down(&mut self, port: PortId, pending: PendingSend<T>) {
        match pending {
            PendingSend::Request { token, .. } => self.unanswered(port, token, Outcome::Disconnected),
            pending => self.refuse(port, pending, &Refused::NotConnected),
        }
    }

    /// Ends a request that nobody answers.
    pub(crate) fn unanswered(&mut self, port: PortId, token: Token, outcome: Outcome<T>) {
        self.timers.set(Timer::Answer(port, token), None);
        self.post(port, FromWorker::Response { token, outcome, position: 0 });
    }

    pub(crate) fn refuse(&mut self, port: PortId, pending: PendingSend<T>, refused: &Refused) {
        let fault = refused.fault();
        match pending {
            PendingSend::Send { token, .. } => self.post(port, FromWorker::Failed { token, fault }),
            PendingSend::Request { token, .. } => {
                self.timers.set(Timer::Answer(port, token), None);
                let outcome = Outcome::Refused(fault);
                self.post(port, FromWorker::Response { token, outcome, position: 0 });
            }
        }
    }
}

/// The server of an account: a service, and a domain there.
fn server(key: &Key) -> String {
    [&*key.service, " ", jid::domain(&key.account)].concat()
}

/// Posts what may leave a mailbox. Asks for the end of the task, once, if something waits for that.
fn flush<T: Text>(
    port: PortId,
    mailbox: &mut Mailbox<T>,
    now: Duration,
    latest: &mut Latest<T>,
    deferred: &mut bool,
    outputs: &mut VecDeque<Output<T>>,
) {
    while let Some(message) = mailbox.next_post(now, latest) {
        outputs.push_back(Output::Post(port, message));
    }
    if mailbox.holds_back() && !std::mem::replace(deferred, true) {
        outputs.push_back(Output::Defer);
    }
}
