//! The network and the server of sessions over BOSH: requests go to a connection manager before the
//! scripted server, and responses come back, or are lost on their way.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use epode_protocol::HttpOptions;
use epode_testkit::bosh::{self, Manager, Terms};

use super::{Arrival, World};
use crate::{Carries, Input, Request, RequestId, SocketId};

/// The same accounts as over a WebSocket.
pub(in crate::tests) const BOSH: &str = "http://localhost/http-bind";

/// The HTTP side of a world.
pub(in crate::tests) struct Http {
    manager: Manager,
    pub(in crate::tests) terms: Terms,
    /// The requests under way, by the manager's number.
    under_way: BTreeMap<bosh::RequestId, (SocketId, RequestId)>,
    /// Every request that has left, aborted ones too.
    asked: Vec<Asked>,
    /// The number of responses from now on that are lost.
    pub(in crate::tests) cuts: u32,
    /// The number of requests from now on that are lost.
    pub(in crate::tests) losses: u32,
    /// Whether requests vanish, without an answer or an error.
    pub(in crate::tests) silent: bool,
    /// The status and the text of every response, if no request reaches the manager.
    pub(in crate::tests) instead: Option<(u16, String)>,
    pub(super) deadline: Option<Duration>,
    count: u64,
}

/// A request that has left.
#[derive(Clone)]
pub(in crate::tests) struct Asked {
    pub(in crate::tests) url: String,
    pub(in crate::tests) body: String,
    pub(in crate::tests) carries: Carries,
    pub(in crate::tests) options: Rc<HttpOptions>,
}

impl Http {
    pub(super) fn new() -> Self {
        Http {
            manager: Manager::new(1 << 20, 1),
            terms: Terms::default(),
            under_way: BTreeMap::new(),
            asked: Vec::new(),
            cuts: 0,
            losses: 0,
            silent: false,
            instead: None,
            deadline: None,
            count: 0,
        }
    }

    /// Nobody hears the responses that are on their way, nor that they are lost.
    pub(in crate::tests) fn forget(&mut self) {
        self.under_way.clear();
    }
}

impl World {
    /// A world whose tabs connect over BOSH.
    pub(in crate::tests) fn over_bosh() -> Self {
        World { service: BOSH, ..World::new() }
    }

    /// The requests that have left since the last call.
    pub(in crate::tests) fn asked(&mut self) -> Vec<Asked> {
        self.run();
        self.asked_so_far()
    }

    /// The same, without letting anything arrive first.
    pub(in crate::tests) fn asked_so_far(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.http.asked)
    }

    /// The server ends every stream by this stream error.
    pub(in crate::tests) fn server_fails(&mut self, condition: &str) {
        self.run();
        for connection in self.server.connections().into_keys() {
            self.server.stream_error(connection, condition);
        }
        self.drain_server();
    }

    /// The requests that are under way.
    pub(in crate::tests) fn under_way(&mut self) -> usize {
        self.run();
        self.http.under_way.len()
    }

    /// The next deadline of the manager has come.
    pub(super) fn manager_timeout(&mut self, now: Duration) {
        if self.http.deadline.take_if(|at| *at <= now).is_some() {
            self.http.manager.handle_input(now, bosh::Input::Timeout);
        }
    }

    pub(super) fn draw(&mut self, socket: SocketId) {
        assert!(socket.0 > self.sockets, "{socket:?} used twice");
        self.sockets = socket.0;
        self.dials += 1;
        let (nonce, random) = (self.random.token(18), self.random.number());
        self.at_hub(Input::Drawn(socket, nonce, random));
    }

    pub(super) fn ask_manager(&mut self, socket: SocketId, id: RequestId, request: Request) {
        let Request { url, options, body, carries } = request;
        assert!(url.ends_with("/http-bind"), "{url}");
        let opens = !body.contains(" sid='");
        self.http.asked.push(Asked { url, body: body.clone(), carries, options });
        if let Some((status, text)) = self.http.instead.clone() {
            return self.at_hub(Input::Response(socket, id, status, text));
        }
        let lost = self.http.losses > 0;
        self.http.losses = self.http.losses.saturating_sub(1);
        if lost || opens && !self.reachable {
            return self.at_hub(Input::Failed(socket, id));
        }
        self.http.count += 1;
        let number = bosh::RequestId(self.http.count);
        self.http.under_way.insert(number, (socket, id));
        if self.http.silent {
            return;
        }
        self.queue.push_back(Arrival::AtManager(number, body));
    }

    pub(super) fn abort_request(&mut self, socket: SocketId, id: RequestId) {
        self.http.under_way.retain(|_, request| *request != (socket, id));
    }

    pub(super) fn at_manager(&mut self, number: bosh::RequestId, body: String) {
        let now = self.clock.now();
        self.http.manager.handle_input(now, bosh::Input::Request(number, body, self.http.terms));
        self.drain_server();
    }

    /// The server says a frame, or closes, on a connection of the manager.
    pub(super) fn tell_manager(&mut self, input: bosh::Input) {
        self.http.manager.handle_input(self.clock.now(), input);
    }

    /// Carries out one thing that the manager wants; false if there is none.
    pub(super) fn follow_manager(&mut self) -> bool {
        match self.http.manager.poll_output() {
            None => return false,
            Some(bosh::Output::Server(input)) => self.server.handle_input(self.clock.now(), input),
            Some(bosh::Output::Timeout(at)) => self.http.deadline = Some(at),
            Some(bosh::Output::Respond(number, body)) => {
                if let Some((socket, id)) = self.http.under_way.remove(&number) {
                    let is_cut = self.http.cuts > 0;
                    self.http.cuts = self.http.cuts.saturating_sub(1);
                    self.at_hub(match is_cut {
                        true => Input::Failed(socket, id),
                        false => Input::Response(socket, id, 200, body),
                    });
                }
            }
        }
        true
    }
}
