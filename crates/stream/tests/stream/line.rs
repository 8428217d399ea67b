//! A stream and a scripted server at the two ends of one socket, on one clock.

use std::time::Duration;

use epode_stream::{Bound, Config, Error, Event, Input, Output, Stream};
use epode_testkit::{self as testkit, Clock, ConnectionId, Server};

const SOCKET: ConnectionId = ConnectionId(1);

pub struct Line {
    pub stream: Stream,
    pub server: Server,
    clock: Clock,
    /// The frames that the stream transmitted.
    pub sent: Vec<String>,
    pub stages: Vec<&'static str>,
    pub bound: Option<Bound>,
    /// The ends that the stream reported.
    pub ends: Vec<Option<Error>>,
    server_deadline: Option<Duration>,
}

impl Line {
    /// Whether stanzas flow.
    pub fn is_bound(&self) -> bool {
        self.bound.is_some() && self.ends.is_empty()
    }

    pub fn new(config: Config, server: testkit::Config) -> Self {
        let clock = Clock::new();
        Line {
            stream: Stream::new(clock.now(), config),
            server: Server::new(server, 1),
            clock,
            sent: Vec::new(),
            stages: Vec::new(),
            bound: None,
            ends: Vec::new(),
            server_deadline: None,
        }
    }

    /// Opens the socket; both sides then say all they can without time passing.
    pub fn open(&mut self) {
        self.server.handle_input(self.clock.now(), testkit::Input::Opened(SOCKET));
        self.stream
            .handle_input(self.clock.now(), Input::Opened { nonce: "fyko+d2lbbFgONRv9qkxdawL".into() });
        self.settle();
    }

    /// Lets time pass until no deadline is left; returns how long that took.
    pub fn exhaust(&mut self) -> Duration {
        let before = self.clock.now();
        while let Some(at) = self.stream.deadline().into_iter().chain(self.server_deadline.take()).min() {
            self.clock.advance_to(at);
            self.server.handle_input(self.clock.now(), testkit::Input::Timeout);
            self.stream.handle_input(self.clock.now(), Input::Timeout);
            self.settle();
        }
        self.clock.now() - before
    }

    fn settle(&mut self) {
        loop {
            if let Some(output) = self.stream.poll_output() {
                self.carry_out(output);
            } else if let Some(output) = self.server.poll_output() {
                match output {
                    testkit::Output::Frame(_, frame) => {
                        if self.stream.frame(self.clock.now(), &frame).is_some() {
                            self.stages.push("stanza");
                        }
                    }
                    testkit::Output::Close(_) => {
                        let closed = Input::Closed { code: 1000, reason: "" };
                        self.stream.handle_input(self.clock.now(), closed);
                    }
                    testkit::Output::Timeout(at) => self.server_deadline = Some(at),
                }
            } else {
                return;
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        let now = self.clock.now();
        match output {
            Output::Transmit(frame) => {
                self.server.handle_input(now, testkit::Input::Frame(SOCKET, frame.clone()));
                self.sent.push(frame);
            }
            Output::CloseSocket => self.server.handle_input(now, testkit::Input::Closed(SOCKET)),
            Output::Derive(mut derivation) => {
                let keys = derivation.advance(u32::MAX).unwrap();
                self.stream.handle_input(now, Input::Derived(keys));
            }
            Output::Ask { .. } => unreachable!("no mechanism is foreign here"),
            Output::Relay(_) | Output::Unsaid(_) | Output::LoggedIn(_) | Output::Event(Event::Refused(_)) => {
                unreachable!("no page logs in here")
            }
            Output::Event(Event::Authenticating) => self.stages.push("authenticating"),
            Output::Event(Event::Authenticated(_)) => self.stages.push("authenticated"),
            Output::Event(Event::BindRequired(_)) => self.stages.push("bind required"),
            Output::Event(Event::Bound(bound)) => {
                self.stages.push("bound");
                self.bound = Some(bound);
            }
            Output::Event(Event::Early(..)) => self.stages.push("early stanza"),
            Output::Event(Event::Management(_)) => self.stages.push("management"),
            Output::Event(Event::Dropped(_)) => self.stages.push("dropped"),
            Output::Event(Event::Ended(error)) => self.ends.push(error),
        }
    }
}
