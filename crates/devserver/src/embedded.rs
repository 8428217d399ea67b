//! The task that owns the scripted server and its connection manager, and tells both the time.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use epode_testkit::{
    Config, ConnectionId, Input, Output, Server,
    bosh::{self, Manager, RequestId, Terms},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until, timeout},
};

/// The most bytes that may wait for one connection. A client that reads too slowly for that is cut
/// off.
const OUTLET_LIMIT: usize = 64 << 20;

/// The most inputs that may wait for the server; after that, senders wait.
const INLET_LIMIT: usize = 256;

/// How long the clients may take to close their streams when the server shuts down.
const SHUTDOWN_TIME: Duration = Duration::from_secs(1);

/// Access to the running server, by which a test scripts it.
#[derive(Debug, Clone)]
pub struct Control {
    commands: mpsc::Sender<Command>,
    next_connection: Arc<AtomicU64>,
}

/// Frames on their way to one socket, and their size in bytes.
#[derive(Debug)]
pub(crate) struct Frames {
    receiver: mpsc::UnboundedReceiver<String>,
    waiting: Arc<AtomicUsize>,
}

enum Command {
    Open(ConnectionId, Outlet),
    Input(Input),
    Request(String, Terms, oneshot::Sender<String>),
    Script(Script),
}

type Script = Box<dyn FnOnce(&mut Server) + Send>;

struct Outlet {
    sender: mpsc::UnboundedSender<String>,
    waiting: Arc<AtomicUsize>,
}

/// Starts the task. It ends when the last [`Control`] is gone.
pub(crate) fn start(config: Config, seed: u64) -> Control {
    let (commands, inlet) = mpsc::channel(INLET_LIMIT);
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let embedded = Embedded {
        manager: Manager::new(config.frame_limit, seed),
        server: Server::new(Config { epoch, ..config }, seed),
        started: Instant::now(),
        deadline: None,
        manager_deadline: None,
        outlets: BTreeMap::new(),
        requests: BTreeMap::new(),
        next_request: 0,
    };
    tokio::spawn(embedded.run(inlet));
    Control { commands, next_connection: Arc::new(AtomicU64::new(1)) }
}

impl Control {
    /// Calls `script` with the server, between two inputs, and returns its result; `None` if the
    /// server is gone.
    pub async fn with<T: Send + 'static>(
        &self,
        script: impl FnOnce(&mut Server) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let script: Script = Box::new(move |server| {
            // The caller may have stopped waiting.
            let _ = answer.send(script(server));
        });
        self.commands.send(Command::Script(script)).await.ok()?;
        answered.await.ok()
    }

    pub(crate) async fn open(&self) -> (ConnectionId, Frames) {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let outlet = Outlet { sender, waiting: waiting.clone() };
        // If the server is gone, the outlet is dropped and the frames end at once.
        let _ = self.commands.send(Command::Open(id, outlet)).await;
        (id, Frames { receiver, waiting })
    }

    pub(crate) async fn input(&self, input: Input) {
        let _ = self.commands.send(Command::Input(input)).await;
    }

    /// The answer of the connection manager to a body; `None` if the server is gone.
    pub(crate) async fn request(&self, body: String, terms: Terms) -> Option<String> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Request(body, terms, answer)).await.ok()?;
        answered.await.ok()
    }

    pub(crate) async fn shut_down(&self) {
        let end_all = |server: &mut Server| {
            for id in server.connections().into_keys() {
                server.stream_error(id, "system-shutdown");
            }
        };
        self.with(end_all).await;
        let all_gone = async {
            while self.with(|server| server.connections().is_empty()).await == Some(false) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        // Clients that do not close in time are cut off with the process.
        let _ = timeout(SHUTDOWN_TIME, all_gone).await;
    }
}

impl Frames {
    /// The next frame; `None` once the server has closed the connection.
    pub async fn next(&mut self) -> Option<String> {
        let frame = self.receiver.recv().await;
        self.taken(frame)
    }

    /// The next frame if one is waiting.
    pub fn ready(&mut self) -> Option<String> {
        let frame = self.receiver.try_recv().ok();
        self.taken(frame)
    }

    fn taken(&self, frame: Option<String>) -> Option<String> {
        self.waiting.fetch_sub(frame.as_ref().map_or(0, String::len), Ordering::Relaxed);
        frame
    }
}

impl Outlet {
    /// False if nobody reads, or too slowly.
    fn send(&self, frame: String) -> bool {
        let waiting = self.waiting.fetch_add(frame.len(), Ordering::Relaxed);
        waiting < OUTLET_LIMIT && self.sender.send(frame).is_ok()
    }
}

struct Embedded {
    server: Server,
    manager: Manager,
    started: Instant,
    deadline: Option<Instant>,
    manager_deadline: Option<Instant>,
    outlets: BTreeMap<ConnectionId, Outlet>,
    /// Who waits for the answers of the manager.
    requests: BTreeMap<RequestId, oneshot::Sender<String>>,
    next_request: u64,
}

impl Embedded {
    async fn run(mut self, mut inlet: mpsc::Receiver<Command>) {
        loop {
            // 1. Do all that the server and the manager want done. The server goes first, so that the manager
            //    answers with all that the server has to say.
            loop {
                if let Some(output) = self.server.poll_output() {
                    self.handle_output(output);
                } else if let Some(output) = self.manager.poll_output() {
                    self.handle_manager_output(output);
                } else {
                    break;
                }
            }
            // 2. Wait for the next command or for a deadline.
            let (deadline, manager_deadline) = (self.deadline, self.manager_deadline);
            tokio::select! {
                command = inlet.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => return,
                },
                () = at(deadline) => {
                    self.deadline = None;
                    self.input(Input::Timeout);
                }
                () = at(manager_deadline) => {
                    self.manager_deadline = None;
                    self.manager_input(bosh::Input::Timeout);
                }
            }
        }
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Open(id, outlet) => {
                self.outlets.insert(id, outlet);
                self.input(Input::Opened(id));
            }
            Command::Input(input) => {
                if let Input::Closed(id) = input {
                    self.outlets.remove(&id);
                }
                self.input(input);
            }
            Command::Request(body, terms, answer) => {
                let id = RequestId(self.next_request);
                self.next_request += 1;
                self.requests.insert(id, answer);
                self.manager_input(bosh::Input::Request(id, body, terms));
            }
            Command::Script(script) => script(&mut self.server),
        }
    }

    fn handle_output(&mut self, output: Output) {
        match output {
            Output::Frame(id, frame) if Manager::has(id) => {
                self.manager_input(bosh::Input::Frame(id, frame));
            }
            Output::Frame(id, frame) => {
                let is_sent = self.outlets.get(&id).is_some_and(|outlet| outlet.send(frame));
                if !is_sent && self.outlets.remove(&id).is_some() {
                    self.input(Input::Closed(id));
                }
            }
            Output::Close(id) if Manager::has(id) => self.manager_input(bosh::Input::Closed(id)),
            Output::Close(id) => {
                self.outlets.remove(&id);
            }
            Output::Timeout(deadline) => self.deadline = Some(self.started + deadline),
        }
    }

    fn handle_manager_output(&mut self, output: bosh::Output) {
        match output {
            bosh::Output::Server(input) => self.input(input),
            bosh::Output::Respond(id, body) => {
                if let Some(answer) = self.requests.remove(&id) {
                    // The client may have given the request up.
                    let _ = answer.send(body);
                }
            }
            bosh::Output::Timeout(deadline) => self.manager_deadline = Some(self.started + deadline),
        }
    }

    fn input(&mut self, input: Input) {
        self.server.handle_input(self.started.elapsed(), input);
    }

    fn manager_input(&mut self, input: bosh::Input) {
        self.manager.handle_input(self.started.elapsed(), input);
    }
}

/// Completes at the deadline; never without one.
async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
