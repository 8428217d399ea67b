//! The BOSH sessions that carry streams. A line has the number of a socket and poses as one: to the
//! stream, whose frames a session's carrier hands it, and to the hub, which it gives frames and its
//! end. Below it the browser carries out requests.

use std::rc::Rc;
use std::time::Duration;

use epode_bosh::{Bosh, Cache, Config, Input, Output as Said, RequestId, Restore, Terms};
use epode_protocol::{BoshOptions, BoshSession, FromWorker, HttpOptions, Secret, Text};
use epode_session::stream;
use epode_session::stream::xml::Limits;

use crate::timer::Timer;
use crate::{Hub, Output, PortId, Request, SocketId};

/// How one account's sessions over BOSH are opened.
#[derive(Debug)]
pub(crate) struct Binding {
    wait: Option<u32>,
    hold: Option<u32>,
    route: Option<String>,
    pub(crate) http: Rc<HttpOptions>,
    /// The session to go on with, at the first dial.
    session: Option<BoshSession>,
}

/// One BOSH session.
pub(crate) struct Line {
    state: State,
    url: String,
    /// The options of each request to come.
    pub(crate) http: Rc<HttpOptions>,
    /// The numbers of the latest [`Cache`].
    cache: Option<Cache>,
}

enum State {
    /// The browser draws the randomness.
    Drawing(Opening),
    /// Requests pass. The nonce is for the stream.
    Open(Box<Bosh>, String),
    Over,
}

/// The parts of a session request, or of a session to go on with.
struct Opening {
    greeting: String,
    terms: Terms,
    route: Option<String>,
    session: Option<BoshSession>,
}

impl Binding {
    pub(crate) fn new(BoshOptions { wait, hold, route, http }: BoshOptions) -> Self {
        Binding { wait, hold, route, http: Rc::new(http), session: None }
    }

    /// Goes on with this session.
    pub(crate) fn of(session: BoshSession, http: HttpOptions) -> Self {
        let BoshSession { wait, hold, .. } = session;
        Binding { wait, hold, route: None, http: Rc::new(http), session: Some(session) }
    }

    /// The options again.
    pub(crate) fn into_options(self) -> BoshOptions {
        let Binding { wait, hold, route, http, .. } = self;
        BoshOptions { wait, hold, route, http: Rc::unwrap_or_clone(http) }
    }

    /// The names, for an app, of the options in which this differs from what a tab brings.
    pub(crate) fn differs_from(&self, other: &BoshOptions) -> Vec<&'static str> {
        let Terms { wait, hold, .. } = Terms::default();
        let asked =
            |options: (Option<u32>, Option<u32>)| (options.0.unwrap_or(wait), options.1.unwrap_or(hold));
        let headers = |http: &HttpOptions| -> Vec<(String, String)> {
            http.headers.iter().map(|one| (one.name.clone(), one.value.expose().to_owned())).collect()
        };
        [
            ("wait, hold", asked((self.wait, self.hold)) != asked((other.wait, other.hold))),
            ("route", self.route != other.route),
            ("customHeaders", headers(&self.http) != headers(&other.http)),
            ("withCredentials", self.http.with_credentials != other.http.with_credentials),
            ("contentType", self.http.content_type != other.http.content_type),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

impl Line {
    pub(super) fn new(url: String, greeting: String, binding: &mut Binding) -> Self {
        let known = Terms::default();
        let session = binding.session.take();
        let terms = Terms {
            wait: binding.wait.unwrap_or(known.wait),
            hold: binding.hold.unwrap_or(known.hold),
            requests: session.as_ref().and_then(|session| session.window).unwrap_or(known.requests),
            inactivity: session.as_ref().and_then(|session| session.inactivity),
            ..known
        };
        let opening = Opening { greeting, terms, route: binding.route.clone(), session };
        Line { state: State::Drawing(opening), url, http: binding.http.clone(), cache: None }
    }

    /// The session's numbers, for a page that keeps them. `jid` is the full JID.
    pub(crate) fn numbers(&self, jid: &str) -> Option<BoshSession> {
        let (State::Open(bosh, _), Some(Cache { sid, next, lowest })) = (&self.state, &self.cache) else {
            return None;
        };
        let Terms { wait, hold, requests, inactivity, .. } = *bosh.terms();
        Some(BoshSession {
            jid: jid.to_owned(),
            sid: Secret::new(sid.clone()),
            next: *next,
            lowest: *lowest,
            wait: Some(wait),
            hold: Some(hold),
            window: Some(requests),
            inactivity,
        })
    }

    /// Whether this is the session with that id.
    pub(crate) fn has_sid(&self, sid: &Secret) -> bool {
        match &self.state {
            State::Drawing(opening) => {
                opening.session.as_ref().is_some_and(|session| session.sid.expose() == sid.expose())
            }
            State::Open(bosh, _) => bosh.sid() == sid.expose(),
            State::Over => false,
        }
    }

    /// Takes a frame of the stream.
    pub(super) fn say(&mut self, now: Duration, frame: &str, counts: bool) {
        self.input(now, if counts { Input::Stanza(frame) } else { Input::Frame(frame) });
    }

    /// The stream is gone. The session ends when all that was said has left.
    pub(super) fn hang_up(&mut self, now: Duration) {
        match self.state {
            State::Open(..) => self.input(now, Input::Close(stream::CLOSE)),
            _ => self.state = State::Over,
        }
    }

    /// Another page may go on with the session: nothing leaves any more.
    pub(super) fn abandon(&mut self, now: Duration) {
        match self.state {
            State::Open(..) => self.input(now, Input::Abandon),
            _ => self.state = State::Over,
        }
    }

    fn input(&mut self, now: Duration, input: Input<'_>) {
        if let State::Open(bosh, _) = &mut self.state {
            bosh.handle_input(now, input);
        }
    }

    fn open(&mut self, now: Duration, nonce: String, random: u64) {
        let limits = Limits::default();
        let State::Drawing(opening) = std::mem::replace(&mut self.state, State::Over) else { return };
        let Opening { greeting, terms, route, session } = opening;
        let bosh = match session {
            Some(BoshSession { sid, next, lowest, .. }) => {
                let cache = Cache { sid: sid.into_inner(), next, lowest };
                self.cache = Some(cache.clone());
                Bosh::restore(now, Restore { cache, terms, random, limits })
            }
            None => {
                let Terms { wait, hold, .. } = terms;
                let (greeting, route) = (&*greeting, route.as_deref());
                Bosh::open(now, Config { greeting, wait, hold, route, random, limits })
            }
        };
        self.state = State::Open(Box::new(bosh), nonce);
    }

    fn poll(&mut self) -> Option<Said> {
        match &mut self.state {
            State::Open(bosh, _) => bosh.poll_output(),
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Open(bosh, _) => bosh.deadline(),
            _ => None,
        }
    }
}

impl<T: Text> Hub<T> {
    /// The randomness for a session is there.
    pub(crate) fn drawn(&mut self, socket: SocketId, nonce: String, random: u64) {
        if let Some(line) = self.common.lines.get_mut(&socket) {
            line.open(self.common.now, nonce, random);
            self.follow_line(socket);
        }
    }

    pub(crate) fn responded(&mut self, socket: SocketId, request: RequestId, status: u16, text: &T) {
        if let Some(line) = self.common.lines.get_mut(&socket) {
            let now = self.common.now;
            text.with_str(|text| line.input(now, Input::Response { request, status, text }));
            self.follow_line(socket);
        }
    }

    pub(crate) fn line_input(&mut self, socket: SocketId, input: Input<'_>) {
        if let Some(line) = self.common.lines.get_mut(&socket) {
            line.input(self.common.now, input);
            self.follow_line(socket);
        }
    }

    /// The browser may be on another network.
    pub(crate) fn lines_online(&mut self) {
        for socket in self.common.lines.keys().copied().collect::<Vec<_>>() {
            self.line_input(socket, Input::Online);
        }
    }

    /// The input that the worker was given has been handled: requests may leave.
    pub(crate) fn end_task_of_lines(&mut self) {
        for socket in self.common.lines.keys().copied().collect::<Vec<_>>() {
            self.line_input(socket, Input::EndOfTask);
            let line = self.common.lines.get(&socket);
            let deadline = line.and_then(Line::deadline);
            if line.is_some_and(|line| matches!(line.state, State::Over)) {
                self.common.lines.remove(&socket);
            }
            self.common.timers.set(Timer::Line(socket), deadline);
        }
    }

    /// Carries out what a line wants.
    fn follow_line(&mut self, socket: SocketId) {
        while let Some(line) = self.common.lines.get_mut(&socket)
            && let Some(said) = line.poll()
        {
            match said {
                Said::Opened => {
                    let State::Open(_, nonce) = &mut line.state else { return };
                    let nonce = std::mem::take(nonce);
                    self.socket_input(socket, stream::Input::Opened { nonce });
                }
                Said::Frame(frame) => self.frame(socket, frame.into()),
                Said::Taken(stanzas) => {
                    if let Some(id) = self.on_socket(socket) {
                        self.with(id, |shared, common| shared.taken(stanzas, common));
                    }
                }
                Said::Request { id, body, carries } => {
                    let (url, options) = (line.url.clone(), line.http.clone());
                    let request = Request { url, options, body, carries };
                    self.common.outputs.push_back(Output::Request(socket, id, request));
                }
                Said::Abort(id) => self.common.outputs.push_back(Output::Abort(socket, id)),
                Said::Cache(cache) => {
                    line.cache = Some(cache);
                    if let Some(id) = self.on_socket(socket) {
                        self.with(id, |shared, common| shared.numbers_changed(common));
                    }
                }
                Said::HttpError(status) => {
                    for port in self.tabs_on(socket) {
                        self.common.post_if_it_keeps_up(port, FromWorker::HttpError { status });
                    }
                }
                Said::Closed(error) => {
                    line.state = State::Over;
                    self.socket_input(
                        socket,
                        match error {
                            Some(error) => stream::Input::Failed(error),
                            None => stream::Input::Closed { code: 0, reason: "" },
                        },
                    );
                }
            }
        }
    }

    /// The tabs of the stream that this socket carries.
    fn tabs_on(&self, socket: SocketId) -> Vec<PortId> {
        let Some(id) = self.on_socket(socket) else { return Vec::new() };
        match self.sessions.get(&id) {
            Some(shared) => shared.ports(),
            None => self.trials.get(&id).and_then(|trial| trial.port).into_iter().collect(),
        }
    }
}
