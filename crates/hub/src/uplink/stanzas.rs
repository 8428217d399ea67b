//! The stanzas of a session on their way to the server, and the receipts of the tabs that sent them.
//!
//! A stanza waits while the session is down. It is written once the session is up, and kept until the
//! server has acknowledged it, if the server does that (XEP-0198). When the session is resumed, what is
//! not acknowledged is written again. When the session is lost, the server may or may not have handled
//! what was written: [`StanzaQueue::settle`] has the rules for that.

use epode_protocol::{Fate, Fault, FromWorker, Text, Token};
use epode_session::stream::management;

use super::Uplink;
use super::queue::{Queue, TooMuch};
use super::repeat;
use crate::PortId;
use crate::common::Common;
use crate::outbound::{Kind, Refused};

/// The most stanzas in the queue: while the session is down, and while it is up, which includes what the
/// server may leave unacknowledged; and the most bytes of them. One tab's may be half of each.
const WAITING: usize = 5000;
const UNACKNOWLEDGED: usize = 20_000;
const BYTES: usize = 16 << 20;

/// The stanzas of a session on their way to the server.
#[derive(Debug)]
pub(crate) struct StanzaQueue<T> {
    queue: Queue<Entry<T>>,
    state: State,
    /// Whether `<r/>` waits for its answer, and the id of the ping that was sent behind it, if that is late.
    asked: bool,
    witness: Option<Box<str>>,
    /// How many answers in a row have acknowledged nothing new.
    fruitless: u32,
    /// For each tab the latest token that is done with, and of which the tab has not been told.
    written: Vec<(PortId, Token)>,
    /// What else the tabs have not been told, in order.
    fates: Vec<(PortId, Token, Fate)>,
}

/// A stanza on its way.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) text: T,
    pub(crate) kind: Kind,
    /// The tab that sent it, and the token of a `send`; `None` for the worker's own stanzas, and for
    /// those of a tab that has left.
    pub(crate) sender: Option<PortId>,
    pub(crate) token: Option<Token>,
    /// Later sends, of this tab or of others, that are done with when this one is, since they said nothing
    /// new.
    pub(crate) done: Vec<(PortId, Token)>,
    /// Whether it waits to be sent again: its tab was told that it was written.
    pub(crate) again: bool,
    /// When it was sent, by the [time of day](epode_protocol::ToWorker#time-of-day).
    pub(crate) made: f64,
}

/// Why a stanza need not be sent.
pub(crate) enum Needless {
    /// The server is not to hear of it, or not now.
    Unsaid,
    /// A presence to everybody with this text says the same.
    Presence(String),
    /// A request that went out with this id asks the same.
    Request(Box<str>),
}

/// What becomes of stanzas now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// They wait: the session is down.
    Down,
    /// They are written, and nobody acknowledges them.
    Plain,
    /// They are written and count; it is not known yet whether the server counts them too.
    Enabling,
    /// They are written, and kept until the server has acknowledged them.
    Managed,
    /// They are written, and kept until the requests that carry them are answered (BOSH).
    Carried,
}

impl<T> Default for StanzaQueue<T> {
    fn default() -> Self {
        StanzaQueue {
            queue: Queue::default(),
            state: State::Down,
            asked: false,
            witness: None,
            fruitless: 0,
            written: Vec::new(),
            fates: Vec::new(),
        }
    }
}

impl<T> Entry<T> {
    /// A stanza of the worker's own.
    pub(crate) fn of_worker(text: T, kind: Kind) -> Self {
        Entry { text, kind, sender: None, token: None, done: Vec::new(), again: false, made: 0.0 }
    }

    /// All sends that are done with when this stanza is; those of one tab in order.
    fn sends(&self) -> impl Iterator<Item = (PortId, Token)> {
        self.sender.zip(self.token).into_iter().chain(self.done.iter().copied())
    }

    /// This tab hears nothing of it.
    fn forget(&mut self, port: PortId) {
        self.done.retain(|(sender, _)| *sender != port);
        if self.sender == Some(port) {
            (self.sender, self.token) = (None, None);
        }
    }

    fn sends_of(&self, port: PortId) -> Vec<Token> {
        self.sends().filter(|(sender, _)| *sender == port).map(|(_, token)| token).collect()
    }
}

impl<T: Text> StanzaQueue<T> {
    /// Whether a tab may send another stanza of this size.
    pub(crate) fn has_room(&self, port: PortId, size: usize) -> bool {
        let most = if self.state == State::Down { WAITING } else { UNACKNOWLEDGED };
        let (count, bytes) = (self.queue.len(), self.queue.bytes() + size);
        if count >= most || bytes > BYTES {
            return false;
        }
        let half = |count: usize, bytes: usize| count < most / 2 && bytes <= BYTES / 2;
        if half(count, bytes) {
            return true;
        }
        let own = self.queue.iter().filter(|(_, entry)| entry.sender == Some(port));
        let (count, bytes) = own.fold((0, size), |(count, bytes), (size, _)| (count + 1, bytes + size));
        half(count, bytes)
    }

    /// Takes a stanza, and writes it if the session is up.
    pub(crate) fn submit(
        &mut self,
        entry: Entry<T>,
        size: usize,
        uplink: &mut Uplink,
        common: &mut Common<T>,
    ) {
        self.queue.push(size, entry);
        self.flush(uplink, common);
    }

    /// The same for a stanza of the worker's own.
    pub(crate) fn submit_own(&mut self, text: T, kind: Kind, uplink: &mut Uplink, common: &mut Common<T>) {
        let size = text.with_str(str::len);
        self.submit(Entry::of_worker(text, kind), size, uplink, common);
    }

    /// A send of a tab is needless, and done with once all is that the tab sent before, and the stanza that
    /// says the same.
    pub(crate) fn note_done(&mut self, port: PortId, token: Token, why: &Needless) {
        let is_before = |entry: &&mut Entry<T>| {
            let same = || match why {
                Needless::Presence(presence) => {
                    entry.kind == Kind::Presence && entry.text.with_str(|text| text == presence)
                }
                Needless::Request(id) => {
                    entry.kind == Kind::Request && entry.text.with_str(repeat::id).as_ref() == Some(id)
                }
                Needless::Unsaid => false,
            };
            entry.sends().any(|(sender, _)| sender == port) || same()
        };
        let waits = self.queue.waiting_mut().any(|entry| !entry.again && is_before(&entry));
        if !waits {
            note(&mut self.written, port, token);
        }
        if let Some(entry) = self.queue.iter_mut().rfind(is_before) {
            entry.done.push((port, token));
            return;
        }
        let fate = if self.state == State::Plain { Fate::Unmanaged } else { Fate::Acknowledged };
        self.note_fate(port, token, fate);
    }

    /// The session is up on a new stream. `managed`: whether the server was asked to acknowledge.
    pub(crate) fn open(&mut self, managed: bool, uplink: &mut Uplink, common: &mut Common<T>) {
        debug_assert_eq!(self.queue.unacknowledged(), 0, "what belongs to the former session is settled");
        self.state = match (managed, uplink.is_measured()) {
            (true, _) => State::Enabling,
            (false, true) => State::Plain,
            (false, false) => State::Carried,
        };
        self.flush(uplink, common);
    }

    /// The server acknowledges what it is sent, unless it says so too late.
    pub(crate) fn enabled(&mut self) {
        if self.state == State::Enabling {
            self.state = State::Managed;
        }
    }

    /// The server will acknowledge nothing.
    pub(crate) fn unmanaged(&mut self) {
        self.state = State::Plain;
        self.stop_asking();
        for entry in self.queue.restart() {
            self.note_fates(&entry, &Fate::Unmanaged);
        }
    }

    /// The session goes on, on a new stream. The server has handled this many stanzas, and is sent the
    /// others again.
    pub(crate) fn resume(
        &mut self,
        handled: u32,
        uplink: &mut Uplink,
        common: &mut Common<T>,
    ) -> Result<(), TooMuch> {
        self.acknowledged(handled)?;
        self.state = State::Managed;
        self.queue.rewind();
        self.flush(uplink, common);
        Ok(())
    }

    /// The session is down.
    pub(crate) fn close(&mut self) {
        self.state = State::Down;
        self.stop_asking();
    }

    fn stop_asking(&mut self) {
        (self.asked, self.witness) = (false, None);
    }

    /// The server has handled this many stanzas.
    pub(crate) fn acknowledged(&mut self, handled: u32) -> Result<(), TooMuch> {
        self.stop_asking();
        if self.state == State::Plain {
            // A server that said too late that it counts.
            return Ok(());
        }
        let acknowledged = self.queue.acknowledge(handled)?;
        self.fruitless = if acknowledged.is_empty() { self.fruitless + 1 } else { 0 };
        for entry in acknowledged {
            self.note_fates(&entry, &Fate::Acknowledged);
        }
        Ok(())
    }

    /// Whether this count, the latest, is lower than a former one, and the first such in a row.
    pub(crate) fn takes_back(&self, handled: u32) -> bool {
        self.queue.is_past(handled) && self.fruitless == 1
    }

    /// The server has this many more stanzas.
    pub(crate) fn taken(&mut self, stanzas: u32) {
        // A line counts what it was given.
        debug_assert!(stanzas as usize <= self.queue.unacknowledged());
        let _ = self.acknowledged(self.queue.acknowledged().wrapping_add(stanzas));
    }

    /// The number of stanzas that were written and are not acknowledged, if the server acknowledges any
    /// and was not asked to.
    pub(crate) fn unasked(&self) -> usize {
        match self.state {
            State::Managed if !self.asked => self.queue.unacknowledged(),
            _ => 0,
        }
    }

    /// Asks the server what it has handled.
    pub(crate) fn ask(&mut self, uplink: &mut Uplink, common: &mut Common<T>) {
        if self.unasked() > 0 {
            self.asked = true;
            uplink.ask(management::request().into(), common);
        }
    }

    /// Asks the server for an acknowledgement, else for the answer to this ping.
    pub(crate) fn probe(&mut self, ping: impl FnOnce() -> T, uplink: &mut Uplink, common: &mut Common<T>) {
        match self.state {
            State::Managed => {
                self.asked = true;
                uplink.ask(management::request().into(), common);
            }
            // Each stanza counts.
            State::Enabling => self.submit_own(ping(), Kind::Request, uplink, common),
            State::Plain | State::Carried | State::Down => uplink.ask(ping(), common),
        }
    }

    /// Sends a ping behind the question that has no answer yet. False if one was sent before.
    pub(crate) fn send_witness(
        &mut self,
        ping: impl FnOnce() -> (Box<str>, T),
        uplink: &mut Uplink,
        common: &mut Common<T>,
    ) -> bool {
        let is_first = self.witness.is_none();
        if is_first {
            let (id, ping) = ping();
            self.witness = Some(id);
            self.submit_own(ping, Kind::Request, uplink, common);
        }
        is_first
    }

    /// Whether this is the id of that ping.
    pub(crate) fn is_witness(&self, id: Option<&str>) -> bool {
        self.witness.is_some() && self.witness.as_deref() == id
    }

    /// Whether stanzas are kept until the server has them.
    pub(crate) fn are_kept(&self) -> bool {
        matches!(self.state, State::Enabling | State::Managed | State::Carried)
    }

    /// How many answers of the server in a row have acknowledged nothing new.
    pub(crate) fn fruitless(&self) -> u32 {
        self.fruitless
    }

    /// Whether the server was asked for an acknowledgement.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked
    }

    /// The former session is over, and not resumed. `handled`: the number of stanzas that the server
    /// had handled, if it is known; `repeats`: whether what was written may be sent again at all;
    /// `announces`: whether the session says its presence anew.
    ///
    /// | written before, | beyond `handled` | `handled` unknown |
    /// |---|---|---|
    /// | message to a person, or headline | sent again | sent again if it has an `id`, not a headline |
    /// | message to a room, error | fails | fails |
    /// | presence to everybody | said anew by the session, or fails | likewise |
    /// | other presence, IQ | fails | fails |
    ///
    /// What was never written waits on. Returns the ids of the requests that the server has surely not
    /// handled.
    pub(crate) fn settle(
        &mut self,
        handled: Option<u32>,
        repeats: bool,
        announces: bool,
        time_of_day: f64,
    ) -> Vec<Box<str>> {
        let mut unhandled = Vec::new();
        // A count that is lower than a former one, or higher than ours, is no knowledge.
        let told = handled.filter(|handled| !self.queue.is_past(*handled));
        let known = told.is_some_and(|handled| self.acknowledged(handled).is_ok());
        self.close();
        let mut again: Vec<(usize, Entry<T>)> = Vec::new();
        for entry in self.queue.restart() {
            // The clock may have been set back since.
            let made = entry.made.min(time_of_day);
            let repeated =
                entry.text.with_str(|text| repeats.then(|| repeat::repeated(text, known, made))?);
            if let Some(text) = repeated {
                if let (Some(port), Some(token)) = (entry.sender, entry.token) {
                    self.fates.push((port, token, Fate::Resent { maybe_twice: !known }));
                }
                again.push((text.len(), Entry { text: text.into(), again: true, ..entry }));
                continue;
            }
            if entry.kind == Kind::Request && known {
                unhandled.extend(entry.text.with_str(repeat::id));
            }
            let is_said_anew =
                announces && entry.kind == Kind::Presence && entry.text.with_str(repeat::is_undirected);
            let text = "the session was lost before the server acknowledged this";
            let done = match is_said_anew {
                true => entry.sends().collect(),
                false => self.fail(entry, "not-resumed", text),
            };
            for (port, token) in done {
                let of_tab =
                    |before: &&mut (usize, Entry<T>)| before.1.sends().any(|(sender, _)| sender == port);
                match again.iter_mut().rfind(of_tab) {
                    Some((_, before)) => before.done.push((port, token)),
                    None => self.note_fate(port, token, Fate::Acknowledged),
                }
            }
        }
        self.queue.put_back(again.into_iter());
        unhandled
    }

    /// Has the worker's own stanza sent before all others in the next session.
    pub(crate) fn put_first(&mut self, entry: Entry<T>) {
        let size = entry.text.with_str(str::len);
        self.queue.put_back(std::iter::once((size, entry)));
    }

    /// The server knows us by another full JID: what waits names it as its sender.
    pub(crate) fn readdress(&mut self, jid: &str) {
        for entry in self.queue.waiting_mut() {
            if let Some(text) = entry.text.with_str(|text| repeat::readdressed(text, jid)) {
                entry.text = text.into();
            }
        }
    }

    /// Whether an undirected presence waits.
    pub(crate) fn announces(&self) -> bool {
        self.queue
            .iter()
            .any(|(_, entry)| entry.kind == Kind::Presence && entry.text.with_str(repeat::is_undirected))
    }

    /// The ids of the requests that wait, and were never written.
    pub(crate) fn waiting_requests(&mut self) -> Vec<Box<str>> {
        let requests = self.queue.waiting_mut().filter(|entry| entry.kind == Kind::Request);
        let ids = requests.filter_map(|entry| entry.text.with_str(repeat::id));
        // The worker itself waits for the answer to its ping.
        ids.filter(|id| self.witness.as_ref() != Some(id)).collect()
    }

    /// Takes the requests with these ids out, if they wait.
    pub(crate) fn withdraw_requests(&mut self, ids: &[Box<str>]) {
        self.queue.withdraw(|entry| {
            let id = || entry.text.with_str(repeat::id);
            entry.kind == Kind::Request && id().is_some_and(|id| ids.contains(&id))
        });
    }

    /// A tab turns to another session: what it sent and was not written is [not sent](Self::withdraw), and
    /// what was written ends for the tab. Returns the tokens of the former.
    fn end(&mut self, port: PortId) -> Vec<Token> {
        let mut tokens = self.withdraw(port);
        let written = self.written_by(port);
        tokens.extend(self.forget(port));
        for token in written {
            self.fail_send(port, token, "unknown", "the tab left before the server acknowledged this");
        }
        tokens
    }

    /// The sends of a tab that were written, and that the server has not acknowledged.
    pub(crate) fn written_by(&self, port: PortId) -> Vec<Token> {
        let sent = self.queue.unacknowledged();
        let all = self.queue.iter().enumerate();
        let written = all.filter(|(number, (_, entry))| *number < sent || entry.again);
        written.flat_map(|(_, (_, entry))| entry.sends_of(port)).collect()
    }

    /// A tab is out of the session, and may come back: what it sent and was not written is not sent, but for
    /// a presence to everybody, which another tab may have said too. Returns the tokens.
    pub(crate) fn withdraw(&mut self, port: PortId) -> Vec<Token> {
        let withdrawn = self.queue.withdraw(|entry| {
            let is_kept = || match entry.kind {
                Kind::Request => true,
                Kind::Presence => entry.text.with_str(repeat::is_undirected),
                _ => entry.again,
            };
            entry.sender == Some(port) && entry.token.is_some() && !is_kept()
        });
        let mut tokens: Vec<_> = withdrawn.iter().flat_map(|entry| entry.sends_of(port)).collect();
        for entry in self.queue.waiting_mut().filter(|entry| !entry.again) {
            tokens.extend(entry.sends_of(port));
            entry.forget(port);
        }
        tokens
    }

    /// A tab has left: it hears no more receipts, and what waits is sent for it. Returns the tokens of
    /// what waits.
    pub(crate) fn forget(&mut self, port: PortId) -> Vec<Token> {
        let waiting = self.queue.waiting_mut().filter(|entry| !entry.again);
        let tokens = waiting.flat_map(|entry| entry.sends_of(port)).collect();
        self.queue.iter_mut().for_each(|entry| entry.forget(port));
        self.written.retain(|(known, _)| *known != port);
        self.fates.retain(|(known, ..)| *known != port);
        tokens
    }

    /// A tab that has heard the end of the session turns to another one.
    pub(crate) fn part(&mut self, port: PortId, common: &mut Common<T>) {
        for token in self.end(port) {
            common.post(port, FromWorker::Failed { token, fault: Refused::NotConnected.fault() });
        }
        self.post_receipts(common);
    }

    /// The session is over: everything ends.
    pub(crate) fn finish(&mut self, common: &mut Common<T>) {
        let written = self.queue.unacknowledged();
        for number in 0.. {
            let Some((_, entry)) = self.queue.pop() else { break };
            if number < written || entry.again {
                let text = "the session ended before the server acknowledged this";
                for (port, token) in self.fail(entry, "unknown", text) {
                    self.note_fate(port, token, Fate::Acknowledged);
                }
            } else {
                for (port, token) in entry.sends() {
                    common.post(port, FromWorker::Failed { token, fault: Refused::NotConnected.fault() });
                }
            }
        }
        self.post_receipts(common);
    }

    /// Tells each tab up to which token its sends are done with, and what became of them.
    pub(crate) fn post_receipts(&mut self, common: &mut Common<T>) {
        for (port, up_to) in self.written.drain(..) {
            common.post(port, FromWorker::Written { up_to });
        }
        for (port, token, fate) in self.fates.drain(..) {
            let usual = matches!(fate, Fate::Acknowledged | Fate::Unmanaged);
            match common.tabs.get_mut(&port) {
                // A tab that does not ask is not posted what usually happens.
                Some(tab) if usual && !tab.follows => tab.over = Some((token, fate)),
                _ => common.post(port, FromWorker::Fate { token, fate }),
            }
        }
    }

    /// Writes what waits, as far as the socket has room.
    pub(crate) fn flush(&mut self, uplink: &mut Uplink, common: &mut Common<T>) {
        while self.state != State::Down && self.queue.waits() {
            if !uplink.has_room(self.asked) {
                return uplink.wait_for_room(common);
            }
            self.write_one(uplink, common);
        }
    }

    fn write_one(&mut self, uplink: &mut Uplink, common: &mut Common<T>) {
        if self.state == State::Plain {
            let Some((size, entry)) = self.queue.pop() else { return };
            if !entry.again {
                entry.sends().for_each(|(port, token)| note(&mut self.written, port, token));
            }
            self.note_fates(&entry, &Fate::Unmanaged);
            uplink.write(entry.text, size, common);
        } else if let Some((size, entry, first)) = self.queue.write() {
            uplink.write(entry.text.clone(), size, common);
            if first && !entry.again {
                entry.sends().for_each(|(port, token)| note(&mut self.written, port, token));
            }
        }
    }

    /// How many stanzas are still to be written, and their bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.queue.waiting()
    }

    fn note_fates(&mut self, entry: &Entry<T>, fate: &Fate) {
        for (port, token) in entry.sends() {
            self.note_fate(port, token, fate.clone());
        }
    }

    /// Notes the fate of all sends of a tab up to this one.
    fn note_fate(&mut self, port: PortId, token: Token, fate: Fate) {
        match self.fates.iter_mut().rfind(|(known, ..)| *known == port) {
            Some((_, latest, known)) if *known == fate => *latest = token,
            _ => self.fates.push((port, token, fate)),
        }
    }

    /// A stanza has failed, and with it the sends that it stood for. Returns those that are done with: only
    /// a presence and a request stand for others.
    fn fail(&mut self, entry: Entry<T>, condition: &str, text: &str) -> Vec<(PortId, Token)> {
        let stands_for_others = matches!(entry.kind, Kind::Presence | Kind::Request);
        let done = if stands_for_others { Vec::new() } else { entry.done.clone() };
        for (port, token) in entry.sends().filter(|send| !done.contains(send)) {
            self.fail_send(port, token, condition, text);
        }
        done
    }

    fn fail_send(&mut self, port: PortId, token: Token, condition: &str, text: &str) {
        let fault = Fault { condition: condition.to_owned(), text: text.to_owned() };
        self.fates.push((port, token, Fate::Failed(fault)));
    }
}

/// Notes the latest token of a tab. The tokens of a tab grow.
fn note(latest: &mut Vec<(PortId, Token)>, port: PortId, token: Token) {
    match latest.iter_mut().find(|(known, _)| *known == port) {
        Some((_, latest)) => *latest = token,
        None => latest.push((port, token)),
    }
}
