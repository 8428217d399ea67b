//! The whole system without a browser: one worker, any number of tabs at its ports, one scripted
//! server behind its sockets, one clock.
//!
//! Whatever crosses a port or a socket waits in one queue, and arrives in the order in which it was
//! sent; [`World::run`] lets everything arrive. Time passes only in [`World::advance`]. `acts` has
//! what tabs, server and network do. [`World::heard`] and [`World::sent`] return what is new since
//! the last call. The same calls always give the same results.
//!
//! The world watches the worker. The worker must not post to a closed port or write to a closed
//! socket, use a number twice, ask to be woken for a deadline that has passed, or end a send or a
//! request twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::port::Json;
use epode_protocol::{Backfill, Delivery, FromWorker, Origin, Position, SessionInfo, Token};
use epode_session::stream::jid::Unicode;
use epode_session::stream::sasl::Secret;
use epode_session::stream::xml::{Head, Limits};
use epode_tab::Tab;
use epode_testkit::bosh::{self, Manager};
use epode_testkit::{self as testkit, Clock, ConnectionId, Random, Server};
use serde_json::{Value, from_value, to_value};

use super::page::{Arriving, Event, Page};
use crate::inbound::Inbound;
use crate::timer::Timer;
use crate::{Config, Hub, Input, Output, PortId, SocketId};

mod acts;
mod http;
mod lives;

pub(super) use acts::password;
pub(super) use http::{BOSH, Http};
pub(super) use lives::Unloaded;

/// The service of the accounts. Its host is this machine, so that passwords may be sent in the
/// clear.
pub(super) const SERVICE: &str = "ws://localhost/xmpp";

/// How long the worker keeps a session without tabs.
pub(super) const GRACE: Duration = Duration::from_secs(10);

pub(super) struct World {
    pub(super) hub: Hub<String>,
    pub(super) server: Server,
    /// The service that tabs connect to.
    pub(super) service: &'static str,
    pub(super) http: Http,
    /// Whether sockets open.
    pub(super) reachable: bool,
    /// Whether frames of the worker reach the server.
    pub(super) flowing: bool,
    /// The bytes of what the worker writes that a socket keeps.
    pub(super) kept: usize,
    /// How many bytes a second leave the sockets; `None` where what is kept is the test's.
    pub(super) rate: Option<usize>,
    drained: Duration,
    probes: usize,
    /// Whether frames of the server are lost on their way.
    pub(super) deaf: bool,
    /// Every message and presence that the worker was given.
    pub(super) routed: Vec<Routed>,
    /// Further features that the server offers.
    pub(super) offers: &'static str,
    /// Whether the browser has Web Locks; without them nobody hears of a death.
    pub(super) locks: bool,
    /// The number of the worker, which grows with each that dies.
    pub(super) epoch: u32,
    dials: usize,
    pub(super) clock: Clock,
    /// By how many milliseconds the clock of the machine was set.
    pub(super) set_by: f64,
    random: Random,
    pages: BTreeMap<PortId, Page>,
    queue: VecDeque<Arrival>,
    open_ports: BTreeSet<PortId>,
    open_sockets: BTreeSet<SocketId>,
    sent: Vec<Sent>,
    /// The sends and requests that have ended by a message other than [`FromWorker::Written`].
    ended: BTreeSet<(PortId, Token)>,
    logged: Vec<String>,
    server_deadline: Option<Duration>,
    ports: u32,
    sockets: u32,
}

/// A stanza that the worker was given.
pub(super) struct Routed {
    /// The full JID of the session.
    pub(super) jid: String,
    /// The stream that it came over; see [`generation_of`].
    pub(super) stream: u64,
    pub(super) at: Duration,
    pub(super) inbound: Inbound<String>,
}

/// A frame that the worker has transmitted.
pub(super) struct Sent {
    /// The connection, which is the stream's [number](stream_of) unless the stream resumed a session.
    pub(super) stream: u64,
    /// The stream that is up, see [`generation_of`]; 0 if none is.
    pub(super) generation: u64,
    /// The position of its session at that time.
    pub(super) position: Position,
    pub(super) text: String,
}

/// Something on its way.
enum Arrival {
    AtHub(Input<String>),
    AtTab(PortId, Arriving),
    AtServer(testkit::Input),
    AtManager(bosh::RequestId, String),
    Dial(SocketId),
}

/// The configuration of a world's worker.
pub(super) fn config() -> Config {
    Config {
        boot: "boot-1".to_owned(),
        lock: Some("worker-1".to_owned()),
        shared: true,
        detour: false,
        grace: GRACE,
        seed: 1,
        secret: Secret::new("known to this worker alone".to_owned()),
        unicode: unicode(),
    }
}

/// The worker's functions of Unicode.
pub(super) fn unicode() -> Unicode {
    use testkit::unicode::{host, lower, nfc, nfkc};
    Unicode { nfc, nfkc, lower, host }
}

impl World {
    /// Alice and Bob have accounts, whose passwords are `secret-alice` and `secret-bob`.
    pub(super) fn new() -> Self {
        Self::with(testkit::Config { mechanisms: vec!["PLAIN".to_owned()], ..testkit::Config::default() })
    }

    /// The same in a browser without Web Locks.
    pub(super) fn without_locks() -> Self {
        let mut world = Self::new();
        (world.locks, world.hub) = (false, Hub::new(Config { lock: None, ..config() }));
        world
    }

    pub(super) fn with(server: testkit::Config) -> Self {
        World {
            hub: Hub::new(config()),
            server: Server::new(server, 1),
            service: SERVICE,
            http: Http::new(),
            reachable: true,
            flowing: true,
            kept: 0,
            rate: None,
            drained: Duration::ZERO,
            probes: 0,
            deaf: false,
            routed: Vec::new(),
            offers: "",
            locks: true,
            epoch: 0,
            dials: 0,
            clock: Clock::new(),
            set_by: 0.0,
            random: Random::new(1),
            pages: BTreeMap::new(),
            queue: VecDeque::new(),
            open_ports: BTreeSet::new(),
            open_sockets: BTreeSet::new(),
            sent: Vec::new(),
            ended: BTreeSet::new(),
            logged: Vec::new(),
            server_deadline: None,
            ports: 0,
            sockets: 0,
        }
    }

    /// The sockets that are open, oldest first.
    pub(super) fn open_sockets(&mut self) -> Vec<SocketId> {
        self.run();
        self.open_sockets.iter().copied().collect()
    }

    /// How many sockets were dialled so far.
    pub(super) fn dials(&mut self) -> usize {
        self.run();
        self.dials
    }

    /// Lets one thing arrive; false if nothing is on its way.
    pub(super) fn step(&mut self) -> bool {
        let now = self.clock.now();
        match self.queue.pop_front() {
            None => return false,
            Some(Arrival::AtHub(input)) => self.feed(input),
            Some(Arrival::AtTab(port, input)) => {
                if let Some(page) = self.pages.get_mut(&port) {
                    match &mut page.unread {
                        Some(unread) => unread.push_back(input),
                        None => {
                            page.posts += 1;
                            self.tell(port, input);
                            self.drain_tab(port);
                        }
                    }
                }
            }
            Some(Arrival::AtServer(input)) => {
                self.server.handle_input(now, input);
                self.drain_server();
            }
            Some(Arrival::AtManager(number, body)) => self.at_manager(number, body),
            Some(Arrival::Dial(socket)) if self.reachable => {
                self.server.handle_input(now, testkit::Input::Opened(self.connection(socket)));
                self.drain_server();
                let nonce = self.random.token(18);
                self.at_hub(Input::SocketOpened(socket, nonce));
            }
            Some(Arrival::Dial(socket)) => self.at_hub(Input::SocketClosed(socket, 1006, String::new())),
        }
        true
    }

    /// Lets everything arrive, and all that follows from it.
    pub(super) fn run(&mut self) {
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < 1_000_000, "the world does not come to rest");
        }
    }

    /// Lets time pass, with all that happens meanwhile.
    pub(super) fn advance(&mut self, elapsed: Duration) {
        let until = self.clock.now() + elapsed;
        self.run();
        while let Some(at) = self.deadlines().min().filter(|at| *at <= until) {
            let now = self.clock.advance_to(at);
            self.server_deadline.take_if(|at| *at <= now);
            self.server.handle_input(now, testkit::Input::Timeout);
            self.manager_timeout(now);
            self.drain_server();
            let awake = self.pages.iter().filter(|(_, page)| page.unread.is_none());
            for port in awake.map(|(port, _)| *port).collect::<Vec<_>>() {
                self.with_tab(port, |tab, now| {
                    tab.handle_input(now, epode_tab::Input::Timeout { runs: None })
                });
            }
            self.feed(Input::Timeout);
            assert!(self.hub.deadline().is_none_or(|at| at > now), "the worker spins");
            self.run();
        }
        self.clock.advance_to(until);
    }

    /// The machine sleeps: time passes, and nothing happens but all that is due when the machine wakes.
    pub(super) fn sleep(&mut self, elapsed: Duration) {
        self.run();
        self.clock.advance_to(self.clock.now() + elapsed);
        self.advance(Duration::ZERO);
    }

    /// Some bytes more are written, after what has left until now.
    fn drain_socket(&mut self, more: usize) {
        if let Some(rate) = self.rate {
            let now = self.clock.now();
            let left = (now - self.drained).as_millis() as usize * rate / 1000;
            (self.kept, self.drained) = (self.kept.saturating_sub(left) + more, now);
        }
    }

    /// The events of the tab's app since the last call.
    pub(super) fn events(&mut self, tab: PortId) -> Vec<Event> {
        self.run();
        self.page(tab).events()
    }

    /// The same in words, see [`Page::in_words`], without log lines about dropped frames,
    /// which [`World::logged`] has, and without the backlog.
    pub(super) fn heard(&mut self, tab: PortId) -> Vec<String> {
        let words = self.events(tab).into_iter().map(Page::in_words);
        let is_beside = |words: &String| words.starts_with("Warn dropped") || words.starts_with("backlog");
        words.filter(|words| !is_beside(words)).collect()
    }

    /// The position of the latest stanza that was delivered to the tab.
    pub(super) fn position(&mut self, tab: PortId) -> Position {
        self.run();
        self.page(tab).position
    }

    /// The frames that the worker has written to any socket since the last call, without the
    /// [probes](World::probes) among them.
    pub(super) fn sent(&mut self) -> Vec<String> {
        self.run();
        let (probes, others) =
            self.transmitted().into_iter().map(|sent| sent.text).partition(|text| is_probe(text));
        self.probes += Vec::len(&probes);
        others
    }

    /// How many pings of the worker were sent to a server since the last call.
    pub(super) fn probes(&mut self) -> usize {
        let others: Vec<_> = self.sent();
        assert!(others.is_empty(), "{others:?}");
        std::mem::take(&mut self.probes)
    }

    /// The same with the stream of each frame, and without letting anything arrive first.
    pub(super) fn transmitted(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The lines on the worker's console since the last call.
    pub(super) fn logged(&mut self) -> Vec<String> {
        self.run();
        std::mem::take(&mut self.logged)
    }

    /// Whether the worker waits for nothing but to look after its tabs and servers.
    pub(super) fn nothing_is_due(&mut self) -> bool {
        self.run();
        self.hub.view().timers().all(|timer| matches!(timer, Timer::Heartbeat(_) | Timer::Watch(_)))
    }

    /// Forgets everything that was heard, sent and logged so far.
    pub(super) fn forget(&mut self) {
        self.run();
        self.sent.clear();
        self.logged.clear();
        for page in self.pages.values_mut() {
            page.events();
        }
    }

    pub(super) fn is_port_open(&mut self, tab: PortId) -> bool {
        self.run();
        self.open_ports.contains(&tab)
    }

    pub(super) fn page(&mut self, tab: PortId) -> &mut Page {
        self.pages.get_mut(&tab).expect("the test does not ask a tab that it killed")
    }

    fn time_of_day(&self) -> f64 {
        1.8e12 + self.set_by + self.clock.now().as_secs_f64() * 1000.0
    }

    fn with_tab<R>(&mut self, port: PortId, act: impl FnOnce(&mut Tab<Value>, Duration) -> R) -> R {
        let now = self.clock.now();
        let result = act(&mut self.page(port).tab, now);
        self.drain_tab(port);
        result
    }

    fn feed(&mut self, mut input: Input<String>) {
        if let Input::Message(_, _, time) = &mut input {
            *time = self.time_of_day();
        }
        let frame = match &input {
            Input::Frame(socket, text) => Some((*socket, text.clone(), self.reached(*socket))),
            _ => None,
        };
        self.hub.handle_input(self.clock.now(), input);
        if let Some((socket, text, before)) = frame {
            self.note_routed(socket, text, before);
        }
        while let Some(output) = self.hub.poll_output() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output<String>) {
        match output {
            Output::Post(port, message) => {
                assert!(self.open_ports.contains(&port), "{message:?} to the closed {port:?}");
                if let FromWorker::Failed { token, .. } | FromWorker::Response { token, .. } = &*message {
                    assert!(self.ended.insert((port, *token)), "{message:?} to {port:?}, a second time");
                }
                let message = Rc::unwrap_or_clone(message);
                self.queue.push_back(Arrival::AtTab(port, Arriving::Message(message)));
            }
            Output::Watch(port, lock) => assert_eq!(lock, format!("lock-{}", port.0)),
            Output::ClosePort(port) => assert!(self.open_ports.remove(&port), "{port:?} closed twice"),
            // There is no other worker.
            Output::Own(name) => self.at_hub(Input::Owned(name)),
            Output::Seek(_) => {}
            Output::Disown(_) => {}
            Output::Exit => panic!("nobody is too new for this worker"),
            Output::Dial(socket, ..) => {
                assert!(socket.0 > self.sockets, "{socket:?} used twice");
                self.sockets = socket.0;
                self.dials += 1;
                self.open_sockets.insert(socket);
                self.queue.push_back(Arrival::Dial(socket));
            }
            Output::Draw(socket) => self.draw(socket),
            Output::Request(socket, id, request) => self.ask_manager(socket, id, request),
            Output::Abort(socket, id) => self.abort_request(socket, id),
            Output::Measure(socket) => {
                self.drain_socket(0);
                if !self.flowing {
                    // Frames are held back by a wire that is slow, not dead.
                    self.kept = if self.kept == 0 { 50_000 } else { self.kept - 1 };
                }
                self.at_hub(Input::Measured(socket, self.kept));
            }
            Output::Transmit(socket, frame) => {
                self.drain_socket(frame.len());
                assert!(self.open_sockets.contains(&socket), "{frame} to the closed {socket:?}");
                let connection = self.connection(socket);
                let position = self.reached(socket).unwrap_or_default();
                let generation = self.generation_on(socket).unwrap_or_default();
                self.sent.push(Sent { stream: connection.0, generation, position, text: frame.clone() });
                // The scripted server does not know of XEP-0352.
                if self.flowing && !frame.contains("urn:xmpp:csi:0") {
                    // Some peers never answer; to the server it is a stanza like any other.
                    let silent = "<message xmlns='jabber:client' type='error' to='nobody@silent'/>";
                    let frame = if frame.contains("@silent") { silent.to_owned() } else { frame };
                    self.queue.push_back(Arrival::AtServer(testkit::Input::Frame(connection, frame)));
                }
            }
            Output::CloseSocket(socket) => {
                assert!(self.open_sockets.remove(&socket), "{socket:?} closed twice");
                let connection = self.connection(socket);
                self.queue.push_back(Arrival::AtServer(testkit::Input::Closed(connection)));
            }
            Output::Derive(socket, mut derivation) => {
                let keys = derivation.advance(u32::MAX).expect("no derivation is longer than that");
                self.at_hub(Input::Derived(socket, keys));
            }
            Output::Defer => self.at_hub(Input::Deferred),
            Output::Log(level, text) => self.logged.push(format!("{level:?} {text}")),
        }
    }

    /// Stanzas take the fast path of the tab, as in a browser.
    fn tell(&mut self, port: PortId, arriving: Arriving) {
        let now = self.clock.now();
        let tab = &mut self.page(port).tab;
        let message = match arriving {
            Arriving::Death => return tab.handle_input(now, epode_tab::Input::Died),
            Arriving::Message(message) => message,
        };
        let is_shown = match &message {
            FromWorker::Deliver(batch) => tab.delivered(batch.end(), batch.len()),
            FromWorker::Stanza(position, _) => tab.delivered(*position, 1),
            message => tab.hear(now, &to_value(message).expect("a message is plain data")),
        };
        if !is_shown {
            return;
        }
        match message {
            FromWorker::Claimed { claims } => {
                for Backfill { claim, stanzas } in claims {
                    // Who has removed the handler meanwhile has no use for this.
                    if !self.page(port).handlers.iter().any(|handler| handler.claim == claim) {
                        continue;
                    }
                    for Delivery(position, origin, text) in stanzas {
                        self.page(port).tab.caught((origin == Origin::Received).then_some(position));
                        self.tell_app(port, Event::Caught(claim, origin, text));
                    }
                    self.page(port).tab.claimed();
                    self.tell_app(port, Event::Claimed(claim));
                }
            }
            message => self.tell_app(port, Event::of(message)),
        }
        self.page(port).tab.handled();
    }

    fn tell_app(&mut self, port: PortId, event: Event) {
        let (time, came) = (self.time_of_day(), self.routed.len());
        let page = self.page(port);
        (page.time, page.came) = (time, came);
        page.hear(event);
    }

    fn drain_tab(&mut self, port: PortId) {
        while let Some(output) = self.pages.get_mut(&port).and_then(|page| page.tab.poll_output()) {
            match output {
                epode_tab::Output::Pass(message) => self.posted(port, message),
                epode_tab::Output::Post(word) => self.posted(port, Json::of(&word)),
                epode_tab::Output::Show(news) => {
                    let message = from_value(Json::of(&news)).expect("the worker might have said so");
                    self.tell_app(port, Event::of(message));
                }
                epode_tab::Output::Keep(_) => {}
                epode_tab::Output::Watch(lock) => assert_eq!(lock, "worker-1"),
                epode_tab::Output::Reopen { .. } => self.reopen(port),
            }
        }
    }

    fn posted(&mut self, port: PortId, message: Value) {
        let message = from_value(message).expect("a tab posts what is of the protocol");
        match &mut self.page(port).unsent {
            Some(unsent) => unsent.push_back(message),
            None => self.at_hub(Input::Message(port, message, 0.0)),
        }
    }

    /// Carries out what the server wants, and then what the manager before it wants, until both
    /// rest.
    fn drain_server(&mut self) {
        self.follow_server();
        while self.follow_manager() {
            self.follow_server();
        }
    }

    fn follow_server(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                testkit::Output::Frame(..) if self.deaf => {}
                testkit::Output::Frame(connection, frame) if Manager::has(connection) => {
                    let frame = self.named(frame, connection);
                    self.tell_manager(bosh::Input::Frame(connection, frame));
                }
                testkit::Output::Close(connection) if Manager::has(connection) => {
                    self.tell_manager(bosh::Input::Closed(connection));
                }
                testkit::Output::Frame(connection, frame) => {
                    if let Some(socket) = self.socket(connection) {
                        self.at_hub(Input::Frame(socket, self.named(frame, connection)));
                    }
                }
                testkit::Output::Close(connection) => {
                    if let Some(socket) = self.socket(connection) {
                        self.at_hub(Input::SocketClosed(socket, 1000, String::new()));
                    }
                }
                testkit::Output::Timeout(at) => self.server_deadline = Some(at),
            }
        }
    }

    fn deadlines(&self) -> impl Iterator<Item = Duration> {
        let awake = self.pages.values().filter(|page| page.unread.is_none());
        let tabs = awake.filter_map(|page| page.tab.deadline());
        self.hub.deadline().into_iter().chain(self.server_deadline).chain(self.http.deadline).chain(tabs)
    }

    /// The position that the session on this socket has reached.
    fn reached(&self, socket: SocketId) -> Option<Position> {
        self.hub.view().session_on(socket).map(|session| session.position())
    }

    /// The [number](stream_of) of the session whose stream is on this connection.
    pub(super) fn session_of(&self, connection: u64) -> Option<u64> {
        let socket = self.socket(ConnectionId(connection))?;
        self.hub.view().session_on(socket)?.living().map(stream_of)
    }

    /// The stream that is up on this socket.
    fn generation_on(&self, socket: SocketId) -> Option<u64> {
        self.hub.view().session_on(socket)?.info().map(generation_of)
    }

    fn note_routed(&mut self, socket: SocketId, text: String, before: Option<Position>) {
        let Some(position) = self.reached(socket).filter(|reached| Some(*reached) != before) else { return };
        let session = self.hub.view().session_on(socket);
        let jid = session.and_then(|session| session.jid()).unwrap_or_default().to_owned();
        let Ok(head) = Head::read_in_stream(&text, &Limits::default()) else { return };
        let Some(stream) = self.generation_on(socket) else { return };
        let (size, at) = (text.len(), self.clock.now());
        let inbound = Inbound::new(position, head, text, size, &unicode());
        self.routed.extend((!inbound.is_iq()).then_some(Routed { jid, stream, at, inbound }));
    }

    /// Gives each stream features of its own, by which tests tell streams apart.
    fn named(&self, frame: String, connection: ConnectionId) -> String {
        match frame.strip_suffix("</stream:features>") {
            Some(features) => {
                let (offers, number) = (self.offers, connection.0);
                format!("{features}{offers}<stream xmlns='epode:test'>{number}</stream></stream:features>")
            }
            None => frame,
        }
    }

    /// The server counts the connections of all workers.
    fn connection(&self, socket: SocketId) -> ConnectionId {
        ConnectionId(u64::from(self.epoch) << 32 | u64::from(socket.0))
    }

    /// `None` for a socket of a former worker.
    fn socket(&self, connection: ConnectionId) -> Option<SocketId> {
        (connection.0 >> 32 == u64::from(self.epoch)).then_some(SocketId(connection.0 as u32))
    }
}

/// Whether a frame is a ping by which the worker finds out whether the server is there.
fn is_probe(frame: &str) -> bool {
    frame.starts_with("<iq xmlns=\"jabber:client\" type=\"get\" id=\"epode-")
        && frame.contains("urn:xmpp:ping")
}

/// The number of the stream, whether it resumed a session or not; it grows from worker to worker.
pub(super) fn generation_of(session: &SessionInfo) -> u64 {
    stream_of(session) >> 32 << 32 | u64::from(session.generation)
}

/// The number of the stream that the session came up over; see [`World::named`]. A session that is
/// resumed keeps it.
pub(super) fn stream_of(session: &SessionInfo) -> u64 {
    let number = session.features.split("<stream xmlns='epode:test'>").nth(1);
    let number = number.and_then(|rest| rest.split('<').next()).and_then(|number| number.parse().ok());
    // A test that wrote the features itself has no number in them.
    number.unwrap_or_default()
}
