//! What every session and every tab is handed: the clock, the timers, the tabs' mailboxes, the way out.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::{FromWorker, LogLevel, Outcome, Status, StatusCode, Text, Token};

use crate::mailbox::{Latest, Mailbox, Stanza};
use crate::outbound::Refused;
use crate::refusals::Refusals;
use crate::status::because;
use crate::tab_state::{PENDING, PendingSend, Stage, TabState};
use crate::timer::{Timer, Timers};
use crate::{Config, Output, PortId, SessionId, Table};

/// What every session and every tab is handed.
pub(crate) struct Common<T> {
    pub(crate) config: Config,
    pub(crate) now: Duration,
    pub(crate) tabs: Table<PortId, TabState<T>>,
    pub(crate) refusals: Refusals,
    pub(crate) timers: Timers,
    pub(crate) outputs: VecDeque<Output<T>>,
    /// What was delivered last in this task.
    latest: Latest<T>,
    /// Whether the end of this task was asked for.
    deferred: bool,
    counter: u32,
}

impl<T: Text> Common<T> {
    pub(crate) fn new(config: Config) -> Self {
        Common {
            refusals: Refusals::new(config.secret.clone()),
            config,
            now: Duration::ZERO,
            tabs: Table::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
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

    /// A number that names a session, a socket or an exchange, and is never used twice.
    pub(crate) fn count(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn log(&mut self, level: LogLevel, text: String) {
        self.outputs.push_back(Output::Log(level, text));
    }

    /// Logs a line about a session: on the worker's console, and in its own tabs. A tab that is behind is
    /// spared the line, for nothing bounds how many lines a server can cause.
    pub(crate) fn log_to(&mut self, ports: &[PortId], level: LogLevel, text: String) {
        for port in ports {
            if self.keeps_up(*port) {
                self.post(*port, FromWorker::Log { level, text: text.clone() });
            }
        }
        self.log(level, text);
    }

    /// Logs what the server sent and no tab hears: its first name, its length in bytes of UTF-8, and the rule
    /// that it breaks. The name is the server's: it is cut short, and what could not stand in a name is left
    /// out.
    pub(crate) fn log_dropped(&mut self, ports: &[PortId], name: &str, size: usize, rule: &str) {
        let name: String = name
            .chars()
            .filter(|char| char.is_ascii_alphanumeric() || ":-_.".contains(*char))
            .take(32)
            .collect();
        self.log_to(ports, LogLevel::Warn, format!("dropped <{name}> of {size} bytes: {rule}"));
    }

    /// The session that a tab is in.
    pub(crate) fn session_of(&self, port: PortId) -> Option<SessionId> {
        match self.tabs.get(&port)?.stage {
            Stage::In(id) => Some(id),
            _ => None,
        }
    }

    /// Whether nothing waits for a tab.
    pub(crate) fn keeps_up(&self, port: PortId) -> bool {
        self.tabs.get(&port).is_some_and(|tab| tab.mailbox.credit() > 0)
    }

    /// Posts to a tab, after everything that waits for it.
    pub(crate) fn post(&mut self, port: PortId, message: FromWorker<T>) {
        self.put(port, |mailbox| mailbox.push(message));
    }

    /// Posts a stanza to a tab, after everything that waits for it.
    pub(crate) fn deliver(&mut self, port: PortId, stanza: Stanza<T>) {
        self.put(port, |mailbox| mailbox.push_stanza(stanza));
    }

    /// Posts to a tab at once: what belongs to the port, and not to a session.
    pub(crate) fn post_now(&mut self, port: PortId, message: FromWorker<T>) {
        self.outputs.push_back(Output::Post(port, Rc::new(message)));
    }

    /// Changes what waits for a tab, and posts what may leave.
    pub(crate) fn put(&mut self, port: PortId, change: impl FnOnce(&mut Mailbox<T>)) {
        let Common { tabs, now, latest, deferred, outputs, .. } = self;
        if let Some(tab) = tabs.get_mut(&port) {
            change(&mut tab.mailbox);
            flush(port, &mut tab.mailbox, *now, latest, deferred, outputs);
        }
    }

    /// A stanza leaves at once when nothing has left just before it. Under a flood many arrive before the
    /// worker has its next task: those leave together, since a post costs many times what one more stanza in
    /// it does.
    pub(crate) fn end_of_task(&mut self) {
        self.deferred = false;
        let ports: Vec<PortId> = self.tabs.keys().copied().collect();
        for port in ports {
            self.put(port, Mailbox::end_of_task);
        }
    }

    /// Who opened the session wants a proof of everybody.
    pub(crate) fn keep_out(&mut self, port: PortId) {
        let why = "this session was opened with `attach: false`: nobody joins it without credentials";
        self.detach(port, vec![because(StatusCode::AttachFail, Some("credentials-required"), &why)]);
    }

    /// A tab is in no session any more. The tab hears why, and what it still wanted to send is not sent.
    pub(crate) fn detach(&mut self, port: PortId, statuses: Vec<Status>) {
        let Some(tab) = self.tabs.get_mut(&port) else { return };
        tab.stage = Stage::Greeted;
        for pending in std::mem::take(&mut tab.pending) {
            self.turn_down(port, pending);
        }
        for status in statuses {
            self.post(port, FromWorker::Status(status));
        }
    }

    /// Takes what a tab of no session wants to send: keeps it if a session is on its way, or says why not.
    pub(crate) fn take(&mut self, port: PortId, pending: PendingSend<T>) {
        match self.tabs.get(&port).map(|tab| &tab.stage) {
            Some(Stage::Waiting | Stage::Restoring(..)) => self.put_off(port, pending),
            _ => self.refuse(port, pending, &Refused::NotConnected),
        }
    }

    /// Keeps what a tab wants to send until its session is up.
    pub(crate) fn put_off(&mut self, port: PortId, pending: PendingSend<T>) {
        match self.tabs.get_mut(&port) {
            Some(tab) if tab.pending.len() < PENDING => tab.pending.push_back(pending),
            _ => self.refuse(port, pending, &Refused::TooMany),
        }
    }

    /// The session did not come up: what was to be sent is not.
    pub(crate) fn turn_down(&mut self, port: PortId, pending: PendingSend<T>) {
        match pending {
            PendingSend::Request { token, .. } => self.disconnected(port, token),
            pending => self.refuse(port, pending, &Refused::NotConnected),
        }
    }

    /// The session that was asked is gone, and with it the answer.
    pub(crate) fn disconnected(&mut self, port: PortId, token: Token) {
        self.timers.set(Timer::Answer(port, token), None);
        self.post(port, FromWorker::Response { token, outcome: Outcome::Disconnected, position: 0 });
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

/// Posts what may leave a mailbox; what waits for the end of the task has that end asked for, once.
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
