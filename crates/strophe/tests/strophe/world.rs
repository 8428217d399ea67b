//! The worker without a browser, pages of strophe.js at its ports, and a scripted server: on one clock.
//!
//! A [`Page`] does what strophe.js 5.0.0 does at each word, as far as the words show it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use epode_hub::session::stream::jid::Unicode;
use epode_hub::session::stream::sasl::{
    Credentials, Mechanism, MechanismName, Proof, Secret, Step, mechanism,
};
use epode_hub::{Config, Hub, Input, Keeper, Output, PortId, SocketId};
use epode_protocol::port::{Json, Read};
use epode_protocol::{FromWorker, ToWorker};
use epode_strophe::{Said, Strophe};
use epode_testkit::{self as testkit, ConnectionId, Random, Server, unicode};
use epode_xml::{Element, Limits};
use serde_json::{Value, json};

pub(crate) const SERVICE: &str = "ws://localhost/xmpp";
const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
const SCRAM: &str = "SCRAM-SHA-1";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";

pub(crate) struct World {
    pub(crate) hub: Hub<String>,
    pub(crate) strophe: Strophe<String>,
    pub(crate) server: Server,
    /// Whether sockets open.
    pub(crate) reachable: bool,
    /// Whether what the worker writes is lost on its way, as in the last moments of a connection.
    pub(crate) loses: bool,
    /// The frames that have reached the server.
    pub(crate) arrived: Vec<String>,
    now: Duration,
    random: Random,
    queue: VecDeque<Arrival>,
    server_deadline: Option<Duration>,
    pages: BTreeMap<PortId, Page>,
    sockets: Vec<SocketId>,
    /// Whether a worker of Epode's pages keeps every session.
    pub(crate) denies: bool,
    /// The session, or the service, that the worker sought last.
    sought: Option<String>,
    pub(crate) dials: usize,
    /// The frames that the worker has written.
    pub(crate) sent: Vec<String>,
    pub(crate) closed: BTreeSet<PortId>,
    /// The name under which the hub knows the page at a port.
    pub(crate) names: BTreeMap<PortId, String>,
    ports: u32,
}

enum Arrival {
    AtHub(Input<String>),
    AtStrophe(PortId, Value),
    AtPage(PortId, Value),
    /// What the hub posts to a tab of ours.
    AtTab(PortId, FromWorker<String>),
    AtServer(testkit::Input),
    Dial(SocketId),
}

/// A page at its port.
#[derive(Default)]
pub(crate) struct Page {
    jid: String,
    password: String,
    /// Whether the page of strophe.js has stream management on.
    pub(crate) manages: bool,
    /// Whether it waits before it binds.
    pub(crate) waits: bool,
    /// Whether it speaks version 0.
    pub(crate) is_old: bool,
    pub(crate) is_anonymous: bool,
    /// Whether it logs in with its certificate.
    pub(crate) is_certified: bool,
    /// Whether it logs in by SCRAM, and how far it is.
    pub(crate) speaks_scram: bool,
    scram: Option<Box<dyn Mechanism>>,
    /// Whether its app does something before it logs in.
    pub(crate) waits_to_log_in: bool,
    posted: usize,
    pub(crate) authenticated: bool,
    wants_session: bool,
    /// `hasResumed()` of strophe.js.
    pub(crate) has_resumed: bool,
    /// Whether it has gone, or closed this port.
    pub(crate) gone: bool,
    /// Whether it runs nothing, or one long task; and what waits meanwhile.
    pub(crate) frozen: bool,
    unread: Vec<Value>,
    /// Every word that the page was told, but for those of its login.
    heard: Vec<Value>,
    pub(crate) role: String,
    pub(crate) bound: String,
    /// What the app is told: statuses of strophe.js.
    pub(crate) statuses: Vec<String>,
    /// What a tab of ours was posted.
    posts: Vec<FromWorker<String>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(testkit::Config::default())
    }

    pub(crate) fn with(config: testkit::Config) -> Self {
        // With its certificate a page logs in, and the worker cannot.
        let external = config.certificate.is_some().then(|| "EXTERNAL".to_owned());
        let mechanisms = ["PLAIN".to_owned()].into_iter().chain(external).collect();
        Self::of(testkit::Config { mechanisms, ..config })
    }

    /// One whose pages may speak SCRAM: nor can the worker repeat that.
    pub(crate) fn with_scram(config: testkit::Config) -> Self {
        let mechanisms = [SCRAM, "PLAIN"].map(str::to_owned).to_vec();
        Self::of(testkit::Config { mechanisms, ..config })
    }

    fn of(config: testkit::Config) -> Self {
        World {
            hub: Hub::new(Config {
                boot: "boot-1".to_owned(),
                lock: None,
                shared: true,
                detour: false,
                grace: Duration::from_secs(10),
                seed: 1,
                secret: Secret::new("known to this worker alone".to_owned()),
                unicode: Unicode {
                    nfc: unicode::nfc,
                    nfkc: unicode::nfkc,
                    lower: unicode::lower,
                    host: unicode::host,
                },
            }),
            strophe: Strophe::default(),
            server: Server::new(config, 1),
            reachable: true,
            loses: false,
            arrived: Vec::new(),
            now: Duration::ZERO,
            random: Random::new(1),
            queue: VecDeque::new(),
            server_deadline: None,
            pages: BTreeMap::new(),
            sockets: Vec::new(),
            denies: false,
            sought: None,
            dials: 0,
            sent: Vec::new(),
            closed: BTreeSet::new(),
            names: BTreeMap::new(),
            ports: 0,
        }
    }

    /// A port at which nothing was said.
    pub(crate) fn port(&mut self) -> PortId {
        self.ports += 1;
        let port = PortId(self.ports);
        self.pages.insert(port, Page::default());
        self.queue.push_back(Arrival::AtHub(Input::PortOpened(port)));
        port
    }

    /// A page has just been loaded: its first port says goodbye, and another is there.
    pub(crate) fn load(&mut self) -> PortId {
        let constructor = self.port();
        self.says(constructor, json!(["_bye"]));
        self.port()
    }

    /// A page has just been loaded, and logs in.
    pub(crate) fn login(&mut self, jid: &str) -> PortId {
        let port = self.load();
        self.connect(port, jid);
        port
    }

    pub(crate) fn connect(&mut self, port: PortId, jid: &str) {
        let user = jid.split('@').next().unwrap_or_default();
        self.connect_with(port, jid, &format!("secret-{user}"));
    }

    pub(crate) fn connect_with(&mut self, port: PortId, jid: &str, password: &str) {
        let page = self.page(port);
        (page.jid, page.password) = (jid.to_owned(), password.to_owned());
        let word = match page.is_old {
            true => json!(["_connect", SERVICE, jid]),
            false => json!(["_connect", SERVICE, jid, 3]),
        };
        self.says(port, word);
    }

    /// A page has just been loaded, and attaches.
    pub(crate) fn attach(&mut self) -> PortId {
        let port = self.load();
        self.says(port, json!(["_attach", SERVICE, 3]));
        port
    }

    /// The page does with another port what it did with this one, as at each `connect` or `attach`.
    pub(crate) fn next_port(&mut self, port: PortId) -> PortId {
        self.says(port, json!(["_bye"]));
        // strophe.js closes it.
        self.page(port).gone = true;
        let next = self.port();
        let Page { jid, password, .. } = self.page(port);
        let (jid, password) = (jid.clone(), password.clone());
        let page = self.page(next);
        (page.jid, page.password) = (jid, password);
        next
    }

    /// A page goes on, and reads what has come meanwhile.
    pub(crate) fn thaw(&mut self, port: PortId) {
        self.reads(port, usize::MAX);
        self.page(port).frozen = false;
    }

    /// A page that is busy reads so many words.
    pub(crate) fn reads(&mut self, port: PortId, count: usize) {
        self.run();
        let page = self.page(port);
        page.frozen = false;
        let count = count.min(page.unread.len());
        let read: Vec<Value> = page.unread.drain(..count).collect();
        for word in read {
            self.at_page(port, word);
        }
        self.page(port).frozen = true;
    }

    /// `disconnect()` of strophe.js.
    pub(crate) fn log_out(&mut self, port: PortId) {
        self.sends(port, "<presence xmlns='jabber:client' type='unavailable'/>");
        self.sends(port, &format!("<close xmlns='{FRAMING}'/>"));
        self.says(port, json!(["_closeSocket"]));
    }

    pub(crate) fn sends(&mut self, port: PortId, text: &str) {
        self.says(port, json!(["send", text]));
    }

    pub(crate) fn says(&mut self, port: PortId, word: Value) {
        self.queue.push_back(Arrival::AtStrophe(port, word));
    }

    /// A tab of ours says this.
    pub(crate) fn tab_says(&mut self, port: PortId, message: ToWorker<String>) {
        self.queue.push_back(Arrival::AtHub(Input::Message(port, message, 0.0)));
    }

    /// What a tab of ours was posted since the last call.
    pub(crate) fn posts(&mut self, port: PortId) -> Vec<FromWorker<String>> {
        self.run();
        std::mem::take(&mut self.page(port).posts)
    }

    /// The server sends this to the account.
    pub(crate) fn server_says(&mut self, text: &str) {
        self.run();
        let socket = self.sockets.first().copied().expect("a session has a socket");
        self.queue.push_back(Arrival::AtHub(Input::Frame(socket, text.to_owned())));
    }

    /// The server sends this to the sessions of a JID.
    pub(crate) fn delivers(&mut self, jid: &str, text: &str) {
        self.run();
        self.server.deliver(jid, text);
        self.drain_server();
    }

    /// A worker of Epode's pages has the session that a page sought last.
    pub(crate) fn is_beside(&mut self) {
        self.run();
        let name = self.sought.take().expect("the worker asks for what a page wants");
        let beside = Keeper::Beside("epode".to_owned());
        self.strophe.handle_input(self.now, epode_strophe::Input::Denied(name.clone()));
        self.queue.push_back(Arrival::AtHub(Input::Denied(name, beside)));
    }

    /// The connection is lost.
    pub(crate) fn cut(&mut self) {
        self.run();
        self.loses = false;
        for socket in std::mem::take(&mut self.sockets) {
            self.server.handle_input(self.now, testkit::Input::Closed(ConnectionId(socket.0.into())));
            self.queue.push_back(Arrival::AtHub(Input::SocketClosed(socket, 1006, String::new())));
        }
    }

    /// What a page was told since the last call, without its login and what keeps a page alive.
    pub(crate) fn heard(&mut self, port: PortId) -> Vec<Value> {
        self.run();
        std::mem::take(&mut self.page(port).heard)
    }

    /// The same, without the log.
    pub(crate) fn words(&mut self, port: PortId) -> Vec<Value> {
        let mut heard = self.heard(port);
        heard.retain(|word| word[0] != "log");
        heard
    }

    /// How many words the page was told so far.
    pub(crate) fn posted(&mut self, port: PortId) -> usize {
        self.run();
        self.page(port).posted
    }

    pub(crate) fn statuses(&mut self, port: PortId) -> Vec<String> {
        self.run();
        std::mem::take(&mut self.page(port).statuses)
    }

    pub(crate) fn sent(&mut self) -> Vec<String> {
        self.run();
        std::mem::take(&mut self.sent)
    }

    pub(crate) fn forget(&mut self) {
        self.run();
        self.sent.clear();
        for page in self.pages.values_mut() {
            page.heard.clear();
            page.statuses.clear();
        }
    }

    pub(crate) fn page(&mut self, port: PortId) -> &mut Page {
        self.pages.get_mut(&port).expect("the test asks a page that there is")
    }

    /// Lets everything arrive, and all that follows from it.
    pub(crate) fn run(&mut self) {
        let mut steps = 0;
        while let Some(arrival) = self.queue.pop_front() {
            steps += 1;
            assert!(steps < 100_000, "the world does not come to rest");
            match arrival {
                Arrival::AtHub(input) => {
                    self.hub.handle_input(self.now, input);
                    self.rest();
                }
                // Nothing comes out of a port that is closed at the other end.
                Arrival::AtStrophe(port, _) if self.closed.contains(&port) => {}
                Arrival::AtStrophe(port, word) => {
                    let said = Said::read(&word).expect("a page says lists");
                    self.strophe.handle_input(self.now, epode_strophe::Input::Said(port, said));
                    self.rest();
                }
                Arrival::AtPage(port, word) => self.at_page(port, word),
                Arrival::AtTab(port, message) => {
                    if matches!(message, FromWorker::Ping) {
                        self.tab_says(port, ToWorker::Pong);
                    }
                    self.page(port).posts.push(message);
                }
                Arrival::AtServer(input) => {
                    self.server.handle_input(self.now, input);
                    self.drain_server();
                }
                Arrival::Dial(socket) if self.reachable => {
                    self.server.handle_input(self.now, testkit::Input::Opened(ConnectionId(socket.0.into())));
                    self.drain_server();
                    let nonce = self.random.token(18);
                    self.queue.push_back(Arrival::AtHub(Input::SocketOpened(socket, nonce)));
                }
                Arrival::Dial(socket) => {
                    self.queue.push_back(Arrival::AtHub(Input::SocketClosed(socket, 1006, String::new())));
                }
            }
        }
    }

    /// Lets time pass, with all that happens meanwhile.
    pub(crate) fn advance(&mut self, elapsed: Duration) {
        self.run();
        let until = self.now + elapsed;
        loop {
            let deadlines = [self.hub.deadline(), self.strophe.deadline(), self.server_deadline];
            let Some(at) = deadlines.into_iter().flatten().min().filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            self.server_deadline.take_if(|at| *at <= self.now);
            self.server.handle_input(self.now, testkit::Input::Timeout);
            self.drain_server();
            self.strophe.handle_input(self.now, epode_strophe::Input::Timeout);
            self.hub.handle_input(self.now, Input::Timeout);
            self.rest();
            let deadlines = [self.hub.deadline(), self.strophe.deadline()];
            assert!(deadlines.into_iter().flatten().all(|at| at > self.now), "the worker spins");
            self.run();
        }
        self.now = until;
    }

    /// What the driver of the worker does.
    fn rest(&mut self) {
        loop {
            while let Some(output) = self.hub.poll_output() {
                self.carry_out(output);
            }
            match self.strophe.poll_output() {
                None => break,
                Some(epode_strophe::Output::Say(port, message)) => {
                    if let ToWorker::Hello(hello) = &message {
                        self.names.insert(port, hello.tab.clone());
                    }
                    self.hub.handle_input(self.now, Input::Message(port, message, 0.0));
                }
                Some(epode_strophe::Output::Post(port, word)) => {
                    assert!(!self.closed.contains(&port), "{word:?} to the closed {port:?}");
                    self.queue.push_back(Arrival::AtPage(port, Json::of(&word)));
                }
                Some(epode_strophe::Output::Seek(name)) => self.sought = Some(name),
                Some(epode_strophe::Output::ClosePort(port)) => drop(self.closed.insert(port)),
            }
        }
    }

    fn carry_out(&mut self, output: Output<String>) {
        match output {
            Output::Post(port, message) if self.strophe.has(port) => {
                self.strophe.handle_input(self.now, epode_strophe::Input::Told(port, message));
            }
            Output::Post(port, message) => {
                self.queue.push_back(Arrival::AtTab(port, Rc::unwrap_or_clone(message)));
            }
            Output::ClosePort(port) if self.strophe.has(port) => {}
            Output::ClosePort(port) => drop(self.closed.insert(port)),
            Output::Own(name) => self.queue.push_back(Arrival::AtHub(match self.denies {
                true => Input::Denied(name, Keeper::Beside("epode".to_owned())),
                false => Input::Owned(name),
            })),
            Output::Dial(socket, ..) => {
                self.dials += 1;
                self.sockets.push(socket);
                self.queue.push_back(Arrival::Dial(socket));
            }
            Output::Measure(socket) => self.queue.push_back(Arrival::AtHub(Input::Measured(socket, 0))),
            Output::Transmit(socket, frame) => {
                self.sent.push(frame.clone());
                if self.loses {
                    return;
                }
                self.arrived.push(frame.clone());
                let at = testkit::Input::Frame(ConnectionId(socket.0.into()), frame);
                self.queue.push_back(Arrival::AtServer(at));
            }
            Output::CloseSocket(socket) => {
                self.sockets.retain(|open| *open != socket);
                self.queue
                    .push_back(Arrival::AtServer(testkit::Input::Closed(ConnectionId(socket.0.into()))));
            }
            Output::Derive(socket, mut derivation) => {
                let keys = derivation.advance(u32::MAX).expect("no derivation is longer than that");
                self.queue.push_back(Arrival::AtHub(Input::Derived(socket, keys)));
            }
            Output::Defer => self.queue.push_back(Arrival::AtHub(Input::Deferred)),
            Output::Seek(name) => self.sought = Some(name),
            Output::Watch(..) | Output::Disown(_) | Output::Log(..) => {}
            Output::Exit | Output::Draw(_) | Output::Request(..) | Output::Abort(..) => {
                panic!("nobody asks for that here: {output:?}")
            }
        }
    }

    fn drain_server(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                testkit::Output::Frame(ConnectionId(id), frame) => {
                    self.queue.push_back(Arrival::AtHub(Input::Frame(SocketId(id as u32), frame)));
                }
                testkit::Output::Close(ConnectionId(id)) => {
                    let closed = Input::SocketClosed(SocketId(id as u32), 1000, String::new());
                    self.queue.push_back(Arrival::AtHub(closed));
                }
                testkit::Output::Timeout(at) => self.server_deadline = Some(at),
            }
        }
    }

    /// What strophe.js does at this word.
    fn at_page(&mut self, port: PortId, word: Value) {
        let page = self.page(port);
        page.posted += 1;
        if page.gone {
            return;
        }
        if page.frozen {
            return page.unread.push(word);
        }
        let name = word[0].as_str().unwrap_or_default().to_owned();
        match &*name {
            "_ping" => return self.says(port, json!(["_pong"])),
            "_closeSocket" => return self.says(port, json!(["_closeSocket"])),
            "_onOpen" => return self.begin(port),
            "_smNoState" => return self.bind(port),
            "_role" => page.role = word[1].as_str().unwrap_or_default().to_owned(),
            "_promote" => page.role = "primary".to_owned(),
            "_smResumed" => {
                (page.authenticated, page.has_resumed) = (true, true);
                page.bound = word[1].as_str().unwrap_or_default().to_owned();
                page.statuses.push("CONNECTED".to_owned());
            }
            "_attachCallback" => {
                page.authenticated = word[1] == 8;
                page.bound = word[2].as_str().unwrap_or_default().to_owned();
                page.statuses.push(if word[1] == 8 { "ATTACHED" } else { "ATTACHFAIL" }.to_owned());
            }
            "_onClose" => {
                let was_in = std::mem::take(&mut page.authenticated);
                let reason = word[1].as_str().or(word[1]["reason"].as_str()).unwrap_or_default();
                if !was_in {
                    page.statuses.push(format!("CONNFAIL {reason}"));
                }
                page.statuses.push("DISCONNECTED".to_owned());
                page.heard.push(word);
                return self.says(port, json!(["_closeSocket"]));
            }
            "_onMessage" if !page.authenticated && !page.jid.is_empty() => {
                let text = word[1]["data"].as_str().unwrap_or_default().to_owned();
                return self.log_in(port, &text);
            }
            _ => {}
        }
        self.page(port).heard.push(word);
    }

    fn begin(&mut self, port: PortId) {
        self.sends(port, &format!("<open xmlns='{FRAMING}' to='localhost' version='1.0'/>"));
    }

    fn log_in(&mut self, port: PortId, text: &str) {
        let element = Element::parse_in_stream(text, &Limits::default()).expect("a frame is well-formed");
        let (limits, page) = (Limits::default(), self.page(port));
        let element_of = |text: &str| Element::parse_in_stream(text, &limits).expect("well-formed");
        match element.name() {
            "open" => {}
            "error" => {
                page.statuses.push("CONNFAIL".to_owned());
                self.says(port, json!(["_closeSocket"]));
            }
            "features" if page.waits_to_log_in => {}
            "features" if element.child("mechanisms", SASL).is_some() => {
                let user = page.jid.split('@').next().unwrap_or_default();
                let proof = STANDARD.encode(format!("\0{user}\0{}", page.password));
                let auth = match (page.is_anonymous, page.is_certified) {
                    _ if page.speaks_scram => {
                        let credentials = Credentials {
                            jid: Some(page.jid.clone()),
                            authcid: Some(user.to_owned()),
                            authzid: None,
                            proof: Some(Proof::Password(Secret::new(page.password.clone()))),
                        };
                        let name = MechanismName::ScramSha1;
                        let mut scram =
                            mechanism(name, &credentials, "cG90YXRvLXBvdGF0by1wb3RhdG8=", unicode::nfkc)
                                .expect("these credentials are for SCRAM");
                        let first = STANDARD.encode(scram.start().expect("SCRAM begins"));
                        page.scram = Some(scram);
                        format!("<auth xmlns='{SASL}' mechanism='{SCRAM}'>{first}</auth>")
                    }
                    (true, _) => format!("<auth xmlns='{SASL}' mechanism='ANONYMOUS'/>"),
                    (_, true) => format!("<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>"),
                    _ => format!("<auth xmlns='{SASL}' mechanism='PLAIN'>{proof}</auth>"),
                };
                self.sends(port, &auth);
            }
            "features" => {
                page.wants_session = element.child("session", SESSION).is_some();
                match element.children().any(|child| child.is("sm", "urn:xmpp:sm:3")) && page.manages {
                    true => self.says(port, json!(["_smFeatures"])),
                    false => self.bind(port),
                }
            }
            "challenge" if page.scram.is_some() => {
                let challenge = STANDARD.decode(element.text()).expect("a challenge is base64");
                let scram = page.scram.as_mut().expect("the page speaks SCRAM");
                let step = scram.challenge(&challenge).and_then(|step| match step {
                    Step::Derive(mut derivation) => {
                        scram.derived(derivation.advance(u32::MAX).expect("no derivation is longer"))
                    }
                    step => Ok(step),
                });
                let Ok(Step::Respond(response)) = step else { panic!("SCRAM goes on otherwise: {step:?}") };
                let response = STANDARD.encode(response);
                self.sends(port, &format!("<response xmlns='{SASL}'>{response}</response>"));
            }
            "challenge" => self.sends(port, &format!("<response xmlns='{SASL}'/>")),
            "success" => self.begin(port),
            "failure" => page.statuses.push("AUTHFAIL".to_owned()),
            "iq" if element.attr("id") == Some("_bind_auth_2") => {
                let bound = element_of(text);
                let jid = bound.child("bind", BIND).and_then(|bind| bind.child("jid", BIND));
                match jid {
                    None => page.statuses.push("AUTHFAIL".to_owned()),
                    Some(jid) => {
                        page.bound = jid.text();
                        if page.wants_session {
                            let session = format!("<session xmlns='{SESSION}'/>");
                            self.sends(port, &iq("_session_auth_2", &session));
                        } else {
                            self.ready(port);
                        }
                    }
                }
            }
            "iq" if element.attr("id") == Some("_session_auth_2") => self.ready(port),
            _ => page.heard.push(json!(["_onMessage", { "data": text }])),
        }
    }

    /// The app or strophe.js asks for the resource of the JID.
    pub(crate) fn bind(&mut self, port: PortId) {
        let page = self.page(port);
        if std::mem::take(&mut page.waits) {
            return page.statuses.push("BINDREQUIRED".to_owned());
        }
        let resource =
            page.jid.split_once('/').map(|(_, resource)| format!("<resource>{resource}</resource>"));
        let bind = format!("<bind xmlns='{BIND}'>{}</bind>", resource.unwrap_or_default());
        self.sends(port, &iq("_bind_auth_2", &bind));
    }

    fn ready(&mut self, port: PortId) {
        let page = self.page(port);
        page.authenticated = true;
        page.statuses.push("CONNECTED".to_owned());
        if !page.is_old {
            let jid = page.bound.clone();
            self.says(port, json!(["_bound", jid]));
        }
    }
}

fn iq(id: &str, payload: &str) -> String {
    format!("<iq xmlns='jabber:client' type='set' id='{id}'>{payload}</iq>")
}

/// A word with a frame.
pub(crate) fn message(text: &str) -> Value {
    json!(["_onMessage", { "data": text }])
}
