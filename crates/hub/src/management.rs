//! Stream management (XEP-0198) as one session does it: one counter, since every stanza of the server has
//! its position already. *h* is the position less the one at which counting began.
//!
//! What the server is told is handled may be discarded by it. So a stanza counts as handled once every
//! awake tab that was posted it has acknowledged that post. A tab does so when the worker asks it, once no
//! more stanzas come. A tab that is slow holds the count back by [`OWED`] stanzas and for [`PATIENCE`] at
//! most: from then on the worker alone answers for it.

use std::time::Duration;

use epode_protocol::{FromWorker, LogLevel, Position, SessionInfo, Text};
use epode_session::stream::management;
use epode_session::{Report, stream};

use crate::PortId;
use crate::common::Common;
use crate::inbound::TRANSIT;
use crate::liveness::ping;
use crate::member::Member;
use crate::shared_session::{Phase, SharedSession};
use crate::timer::Timer;

/// The most stanzas that slow tabs hold back, and for how long; an acknowledgement that is on its way has as
/// long.
const OWED: Position = 256;
const PATIENCE: Duration = Duration::from_secs(5);

const TAKES_BACK: &str = "the server acknowledges fewer stanzas than before: that changes nothing";

/// The shortest time between two acknowledgements: a server may ask any number of times in a row.
const SOON: Duration = Duration::from_millis(10);

/// How long after an acknowledgement that left stanzas out the next one follows unasked, and how long
/// the server may leave stanzas unacknowledged before it is asked.
const LATER: Duration = Duration::from_secs(1);

/// How many times that time doubles at most, for a server whose answers acknowledge nothing new.
const DOUBLINGS: u32 = 6;

/// How long a question may have no answer before a ping follows it. Streams are processed in order: whose
/// answer to that comes first acknowledges nothing. How long that may have none, on the slowest of wires.
const UNANSWERED: Duration = Duration::from_secs(300);
const UNWITNESSED: Duration = Duration::from_secs(3600);

/// The stanzas of the server, as far as the server is told that they are handled.
#[derive(Debug)]
pub(crate) struct Handled {
    /// The position at which counting began.
    offset: Position,
    /// The position up to which the server was told last, and when.
    said: Position,
    at: Option<Duration>,
    /// Whether the server has asked since.
    asked: bool,
}

impl Handled {
    fn since(position: Position) -> Self {
        Handled { offset: position, said: position, at: None, asked: false }
    }

    /// The element that says that everything up to this position is handled.
    pub(crate) fn ack(&self, position: Position) -> String {
        management::ack(self.count(position))
    }

    /// A position is none of the server's count: a stanza that came before a stream resumed the session.
    pub(crate) fn skip(&mut self) {
        self.offset += 1;
        self.said += 1;
    }

    #[cfg(test)]
    pub(crate) fn said(&self) -> Position {
        self.said
    }

    /// A position as XEP-0198 counts, modulo 2^32.
    fn count(&self, position: Position) -> u32 {
        (position - self.offset) as u32
    }
}

impl<T: Text> SharedSession<T> {
    /// Takes in a report about the management of the stream.
    pub(crate) fn manage(&mut self, report: Report, common: &mut Common<T>) {
        match report {
            Report::Enabled(_) => {
                self.handled = Some(Handled::since(self.position));
                self.stanzas.enabled();
                self.ask_if_due(common);
            }
            Report::Unmanaged(condition) => {
                let text = format!("the server does not manage the stream: {condition}");
                self.log(LogLevel::Info, text, common);
                self.unmanaged(common);
            }
            Report::Resumed(handled) => self.resumed(handled, common),
            Report::NotResumed(handled) => {
                self.phase = match std::mem::replace(&mut self.phase, Phase::Connecting) {
                    Phase::Suspended(info) => Phase::Reconnecting(info),
                    Phase::Reopening(_) => Phase::Connecting,
                    phase => return self.phase = phase,
                };
                self.log(LogLevel::Info, "the session was not resumed".to_owned(), common);
                self.stream_over(handled, true, common);
            }
            Report::Acknowledged(handled) => match self.stanzas.acknowledged(handled) {
                Ok(()) => {
                    if self.stanzas.takes_back(handled) {
                        self.log(LogLevel::Warn, TAKES_BACK.to_owned(), common);
                    }
                    common.timers.set(Timer::RequestAck(self.id()), None);
                    self.flush(common);
                }
                Err(too_much) => self.feed(too_much.into(), common),
            },
            Report::AckRequested => {
                let now = common.now;
                let Some(handled) = &mut self.handled else { return };
                handled.asked = true;
                match handled.at.map(|at| at + SOON).filter(|soonest| *soonest > now) {
                    Some(soonest) => common.timers.set(Timer::Acknowledge(self.id()), Some(soonest)),
                    None => self.acknowledge(common),
                }
            }
        }
    }

    /// The server acknowledges nothing on this stream, as far as anybody can tell.
    fn unmanaged(&mut self, common: &mut Common<T>) {
        if let Phase::Up(info) = &mut self.phase {
            info.managed = false;
        }
        for member in &self.members {
            common.post(member.port, FromWorker::Unmanaged);
        }
        self.stanzas.unmanaged();
        self.post_receipts(common);
    }

    /// Tells the server how much is handled, if it has asked or that is news.
    pub(crate) fn acknowledge(&mut self, common: &mut Common<T>) {
        let up_to = self.handled_up_to(common);
        let (id, position) = (self.id(), self.position);
        let Some(handled) = self.handled.as_mut().filter(|_| matches!(self.phase, Phase::Up(_))) else {
            return;
        };
        let asked = std::mem::take(&mut handled.asked);
        if asked || up_to > handled.said {
            (handled.said, handled.at) = (up_to, Some(common.now));
            let ack = handled.ack(up_to);
            self.connection.uplink.send(ack.into(), common);
        }
        let behind = up_to < position;
        common.timers.set(Timer::Acknowledge(id), behind.then_some(common.now + LATER));
        // While stanzas come, each half window is acknowledged by itself. A server may ask without end.
        if behind && !asked && self.ring.before(common.now.saturating_sub(LATER / 2)).is_none() {
            for (port, _) in self.owing(common) {
                common.post_now(port, FromWorker::Ping);
            }
        }
    }

    /// Asks the server what it has handled, if enough is unacknowledged; soon, if anything is.
    pub(crate) fn ask_if_due(&mut self, common: &mut Common<T>) {
        let max = self.connection.options.management.as_ref().map_or(0, |management| management.max_unacked);
        let timer = Timer::RequestAck(self.id());
        match self.stanzas.unasked() {
            _ if self.stanzas.is_asked() && common.timers.runs(timer) => {}
            _ if self.stanzas.is_asked() => common.timers.set(timer, Some(common.now + UNANSWERED)),
            _ if max == 0 => {}
            0 => common.timers.set(timer, None),
            unasked if unasked >= max as usize => self.ask(common),
            _ if common.timers.runs(timer) => {}
            _ => {
                let later = LATER * (1 << self.stanzas.fruitless().min(DOUBLINGS));
                common.timers.set(timer, Some(common.now + later));
            }
        }
    }

    /// It is time to ask the server, or the question has no answer.
    pub(crate) fn ask_again(&mut self, common: &mut Common<T>) {
        if !self.stanzas.is_asked() {
            return self.ask(common);
        }
        let Phase::Up(info) = &self.phase else { return };
        let (outgoing, uplink) = (&mut self.outgoing, &mut self.connection.uplink);
        if self.stanzas.send_witness(|| ping(outgoing, &info.domain), uplink, common) {
            return common.timers.set(Timer::RequestAck(self.id()), Some(common.now + UNWITNESSED));
        }
        let text = "the server acknowledges nothing: the stream goes on without stream management".to_owned();
        self.log(LogLevel::Warn, text, common);
        // What is not kept cannot be sent again.
        self.connection.session.forget_former();
        self.unmanaged(common);
    }

    /// The server has answered this question: the acknowledgement of what came before must be on its way.
    pub(crate) fn note_answer(&self, id: Option<&str>, common: &mut Common<T>) {
        if self.stanzas.is_witness(id) {
            common.timers.hasten(Timer::RequestAck(self.id()), common.now + PATIENCE);
        }
    }

    /// The same at once, if anything is unacknowledged.
    pub(crate) fn ask_now(&mut self, common: &mut Common<T>) {
        if self.connection.options.management.as_ref().is_some_and(|management| management.max_unacked > 0) {
            self.ask(common);
        }
    }

    /// Asks the server what it has handled.
    pub(crate) fn ask(&mut self, common: &mut Common<T>) {
        self.stanzas.ask(&mut self.connection.uplink, common);
        self.await_answer(common);
    }

    /// The server has been asked, perhaps: it has its time to answer.
    pub(crate) fn await_answer(&mut self, common: &mut Common<T>) {
        let answer = self.stanzas.is_asked().then_some(common.now + UNANSWERED);
        common.timers.set(Timer::RequestAck(self.id()), answer);
    }

    /// Readies everything for a stream that resumes the session: what comes until then waits.
    pub(crate) fn suspend(&mut self, common: &mut Common<T>) {
        if let Some(handled) = &mut self.handled {
            // The memory of this worker is whole, so it answers for everything. The server will be told
            // so, and no lower count afterwards.
            handled.said = self.position;
            self.connection.session.received(handled.count(self.position));
        }
        self.stanzas.close();
        // The next stream has questions of its own, and times.
        self.stop_asking(common);
        let recent = self.ring.before(common.now.saturating_sub(TRANSIT)).unwrap_or(self.position);
        for member in &mut self.members {
            let tab = common.tabs.get(&member.port).map(|tab| tab.tab.clone());
            member.suspend(tab.unwrap_or_default(), self.position, recent);
        }
    }

    pub(crate) fn stop_asking(&mut self, common: &mut Common<T>) {
        for timer in [Timer::Acknowledge(self.id()), Timer::RequestAck(self.id())] {
            common.timers.set(timer, None);
        }
        self.connection.uplink.close(common);
    }

    fn resumed(&mut self, handled: u32, common: &mut Common<T>) {
        let (Phase::Suspended(info) | Phase::Reopening(info)) = &self.phase else { return };
        let info = SessionInfo { resumed: true, ..info.clone() };
        // XEP-0352 §5: a resumed session is active.
        self.inactive = self.inactive.map(|_| false);
        self.connection.uplink.open(common);
        match self.stanzas.resume(handled, &mut self.connection.uplink, common) {
            Ok(()) => self.go_up(info, common),
            Err(too_much) => self.feed(too_much.into(), common),
        }
    }

    /// The position up to which everything is handled. Never goes back.
    pub(crate) fn handled_up_to(&self, common: &Common<T>) -> Position {
        let Some(handled) = &self.handled else { return self.position };
        let old = self.ring.before(common.now.saturating_sub(PATIENCE)).unwrap_or(self.position);
        let least = handled.said.max(old).max(self.position.saturating_sub(OWED));
        let owed = self.owing(common).into_iter().map(|(_, oldest)| oldest - 1).min();
        owed.unwrap_or(self.position).min(self.position).max(least)
    }

    /// The awake tabs that have stanzas to acknowledge, and the position of the first.
    fn owing(&self, common: &Common<T>) -> Vec<(PortId, Position)> {
        let first = |member: &Member<T>| {
            let tab = common.tabs.get(&member.port).filter(|tab| tab.awake)?;
            let kept = member.parked.iter().flat_map(|parked| &parked.kept).chain(&member.backlog).next();
            let oldest =
                kept.map(|inbound| inbound.position).into_iter().chain(tab.mailbox.oldest()).min()?;
            Some((member.port, oldest))
        };
        self.members.iter().filter_map(first).collect()
    }
}

impl From<crate::uplink::TooMuch> for stream::Input<'_> {
    fn from(crate::uplink::TooMuch { handled, sent }: crate::uplink::TooMuch) -> Self {
        stream::Input::AckedTooMuch { handled, sent }
    }
}
