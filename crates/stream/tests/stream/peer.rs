//! A stream whose server is played by the test, frame by frame.

use std::time::Duration;

use epode_stream::sasl::Derivation;
use epode_stream::xml::Head;
use epode_stream::{Config, Error, Event, Input, Login, Output, Stream};
use epode_testkit::Clock;

use crate::frames::*;

pub struct Peer {
    pub stream: Stream,
    pub clock: Clock,
    /// The frames transmitted since the last look.
    sent: Vec<String>,
    /// The events since the last look.
    events: Vec<Event>,
    pub derivation: Option<Derivation>,
    /// The questions to a foreign mechanism since the last look.
    pub asked: Vec<(String, Option<String>)>,
    /// The frames for the page that logs in, since the last look.
    pub relayed: Vec<String>,
    /// Why frames of that page were not sent, since the last look.
    pub unsaid: Vec<String>,
    pub login: Option<Login>,
    pub socket_closed: bool,
    /// Whether a resource is bound, and the stream has not ended.
    bound: bool,
}

impl Peer {
    /// A stream whose socket is being dialled.
    pub fn dialling(config: Config) -> Self {
        let clock = Clock::new();
        let stream = Stream::new(clock.now(), config);
        Peer {
            stream,
            clock,
            sent: Vec::new(),
            events: Vec::new(),
            derivation: None,
            asked: Vec::new(),
            relayed: Vec::new(),
            unsaid: Vec::new(),
            login: None,
            socket_closed: false,
            bound: false,
        }
    }

    /// A stream whose socket has opened.
    pub fn opened(config: Config) -> Self {
        let mut peer = Self::dialling(config);
        peer.input(Input::Opened { nonce: "fyko+d2lbbFgONRv9qkxdawL".to_owned() });
        peer
    }

    /// A stream that has heard all of these frames.
    pub fn after(config: Config, frames: &[&str]) -> Self {
        let mut peer = Self::opened(config);
        for frame in frames {
            peer.say(frame);
        }
        peer.sent.clear();
        peer.events.clear();
        peer
    }

    /// A stream with a bound resource.
    pub fn bound() -> Self {
        let peer = Self::after(crate::alice(), &NEGOTIATION);
        assert!(peer.is_bound());
        peer
    }

    pub fn input(&mut self, input: Input<'_>) {
        self.bound &= !matches!(input, Input::Close(_));
        self.stream.handle_input(self.clock.now(), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.stream.poll_output() {
            match output {
                Output::Transmit(frame) => self.sent.push(frame),
                Output::CloseSocket => self.socket_closed = true,
                Output::Derive(derivation) => self.derivation = Some(derivation),
                Output::Ask { mechanism, challenge } => self.asked.push((mechanism, challenge)),
                Output::Relay(frame) => self.relayed.push(frame),
                Output::Unsaid(rule) => self.unsaid.push(rule),
                Output::LoggedIn(login) => self.login = Some(login),
                Output::Event(event) => {
                    match event {
                        Event::Bound(_) => self.bound = true,
                        Event::Ended(_) => self.bound = false,
                        _ => {}
                    }
                    self.events.push(event);
                }
            }
        }
    }

    /// Whether stanzas flow.
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// Says a frame; returns its head if the stream lets it pass as a stanza.
    pub fn say(&mut self, frame: &str) -> Option<Head> {
        let head = self.stream.frame(self.clock.now(), frame);
        self.drain();
        head
    }

    /// Says the frame; returns what the stream transmits in answer.
    pub fn answer(&mut self, frame: &str) -> Vec<String> {
        self.say(frame);
        self.sent()
    }

    pub fn advance(&mut self, elapsed: Duration) {
        self.clock.advance(elapsed);
        self.input(Input::Timeout);
    }

    pub fn sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Time left until the stream's deadline.
    pub fn patience(&self) -> Option<Duration> {
        self.stream.deadline().map(|at| at - self.clock.now())
    }

    /// The reason why the stream ended. Asserts that there was one end, that the socket is closed
    /// and no deadline left, and that nothing follows from further inputs.
    pub fn ended(&mut self) -> Option<Error> {
        let mut events = self.events();
        let Some(Event::Ended(error)) = events.pop() else { panic!("not ended: {events:?}") };
        assert!(!events.iter().any(|event| matches!(event, Event::Ended(_))), "ended twice");
        assert!(self.socket_closed && self.stream.is_closed() && !self.bound);
        assert_eq!(self.stream.deadline(), None);
        let sent = self.sent();
        assert!(self.say(MESSAGE).is_none() && self.say(CLOSE).is_none());
        self.input(Input::Opened { nonce: "another".to_owned() });
        self.input(Input::Close(epode_stream::CLOSE));
        self.input(Input::Closed { code: 1006, reason: "" });
        self.advance(Duration::from_secs(3600));
        assert!(self.events().is_empty() && self.sent().is_empty(), "spoke after its end");
        self.sent = sent;
        error
    }
}

/// The condition of the stream error among the sent frames, if any; the last frame must be
/// `<close/>`.
pub fn stream_error(sent: &[String]) -> Option<String> {
    let [errors @ .., close] = sent else { panic!("nothing sent") };
    assert_eq!(close, CLOSE);
    let error = errors.iter().find(|frame| frame.starts_with("<stream:error"))?;
    let element = epode_stream::xml::Element::parse(error, &epode_stream::xml::Limits::default()).unwrap();
    assert!(element.is("error", "http://etherx.jabber.org/streams"));
    let condition = element.children().next().unwrap();
    assert_eq!(condition.namespace(), "urn:ietf:params:xml:ns:xmpp-streams");
    Some(condition.name().to_owned())
}
