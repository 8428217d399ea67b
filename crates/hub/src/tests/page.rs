//! A tab and its app, which only listens: the page keeps what it heard, in order, for each handler.

use std::collections::VecDeque;

use epode_protocol::{
    Batch, BoshSession, ClaimId, Criteria, Delivery, Fate, Fault, FromWorker, LogLevel, Origin, Outcome,
    Position, Role, Secret, Selector, SessionInfo, Status, StatusCode, TabInfo, ToWorker, Token,
};
use epode_session::stream::xml::{Head, Limits};
use epode_tab::Tab;
use serde_json::Value;

use super::world::{generation_of, stream_of, unicode};
use crate::inbound::Inbound;

pub(super) struct Page {
    pub(super) tab: Tab<Value>,
    /// The name of the tab, which a reload keeps.
    pub(super) name: String,
    pub(super) visible: bool,
    /// Whether the page took the place of one that was unloaded.
    pub(super) was_loaded: bool,
    /// The position of the latest stanza.
    pub(super) position: Position,
    /// Number of posts that the page has read.
    pub(super) posts: usize,
    /// The posts that arrived while the page reads nothing; `None` while it reads.
    pub(super) unread: Option<VecDeque<Arriving>>,
    /// The handlers that it adds in each callback of CONNECTED or ATTACHED.
    pub(super) begins_with: Vec<Selector>,
    /// The handlers that it adds, once, while it handles a stanza that contains the text.
    pub(super) upon: Vec<(String, Selector)>,
    /// The session that the page was told last.
    pub(super) session: Option<SessionInfo>,
    /// Whether the page wants a session, and has not heard that there is none.
    pub(super) hopes: bool,
    /// The messages that have not reached the worker; `None` while all do.
    pub(super) unsent: Option<VecDeque<ToWorker<String>>>,
    /// The time of day, and the number of stanzas that the worker was given.
    pub(super) time: f64,
    pub(super) came: usize,
    /// The first session that the page was told.
    pub(super) joined: Option<SessionInfo>,
    pub(super) role: Option<Role>,
    pub(super) handlers: Vec<Handler>,
    /// Handlers of streams that are over, which hear nothing more.
    pub(super) former: Vec<Handler>,
    /// The gaps: full JID of the session, first and last position.
    pub(super) gaps: Vec<(String, Position, Position)>,
    /// Number of gaps that nobody has counted.
    pub(super) new_gaps: usize,
    heard: Vec<Event>,
}

/// What arrives at a tab.
pub(super) enum Arriving {
    Message(FromWorker<String>),
    /// The news that its worker died.
    Death,
}

/// What the app hears.
#[derive(Debug)]
pub(super) enum Event {
    Status(Status),
    Keys(Secret),
    Frame(String),
    Challenge(Token, String, Option<String>),
    Role(Role),
    Stanzas(Batch<String>),
    Stanza(Position, String),
    Caught(ClaimId, Origin, String),
    Claimed(ClaimId),
    Gap(Position, Position, u32),
    Written(Token),
    Failed(Token, Fault),
    Fate(Token, Fate),
    Backlog(u32, u32),
    Response(Token, Outcome<String>),
    Tabs(Token, Vec<TabInfo>),
    Numbers(BoshSession),
    HttpError(u16),
    Unmanaged,
    Log(LogLevel, String),
}

impl Event {
    /// What the app hears of a message, if it is not a `Claimed`, of which it hears each part.
    pub(super) fn of(message: FromWorker<String>) -> Self {
        match message {
            FromWorker::Status(status) => Event::Status(status),
            FromWorker::Keys { keys } => Event::Keys(keys),
            FromWorker::SaslChallenge { exchange, mechanism, challenge } => {
                Event::Challenge(exchange, mechanism, challenge)
            }
            FromWorker::Frame { text } => Event::Frame(text),
            FromWorker::Role(role) => Event::Role(role),
            FromWorker::Deliver(batch) => Event::Stanzas(batch),
            FromWorker::Stanza(position, text) => Event::Stanza(position, text),
            FromWorker::Gap { from, to, count, .. } => Event::Gap(from, to, count),
            FromWorker::Written { up_to } => Event::Written(up_to),
            FromWorker::Failed { token, fault } => Event::Failed(token, fault),
            FromWorker::Fate { token, fate } => Event::Fate(token, fate),
            FromWorker::Backlog { stanzas, bytes } => Event::Backlog(stanzas, bytes),
            FromWorker::Response { token, outcome, .. } => Event::Response(token, outcome),
            FromWorker::Tabs { token, tabs } => Event::Tabs(token, tabs),
            FromWorker::BoshSession(numbers) => Event::Numbers(numbers),
            FromWorker::HttpError { status } => Event::HttpError(status),
            FromWorker::Unmanaged => Event::Unmanaged,
            FromWorker::Log { level, text } => Event::Log(level, text),
            other => panic!("{other:?} is not for the app"),
        }
    }
}

/// A handler and the stanzas that it heard.
pub(super) struct Handler {
    pub(super) claim: ClaimId,
    pub(super) selector: Selector,
    /// The session of the handler, and the stream, see [`generation_of`].
    pub(super) jid: String,
    pub(super) stream: u64,
    pub(super) after: After,
    /// Whether the worker has confirmed its claim.
    pub(super) live: bool,
    pub(super) heard: Vec<Heard>,
}

/// Since when a handler is there.
#[derive(Clone, Debug)]
pub(super) enum After {
    /// It was added while the stanza at this position was handled.
    Position(Position),
    /// It was added while this stanza was handled, which came with the answer to a claim.
    Stanza(String),
    /// It was added while no stanza was handled.
    Leisure {
        /// It hears stanzas after this position, at least.
        position: Position,
        /// Number of stanzas that had come long before, and were not on their way to the page.
        old: usize,
        /// Number of stanzas that had come.
        came: usize,
    },
}

/// A stanza that a handler heard.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) origin: Origin,
    pub(super) text: String,
}

impl Heard {
    /// The value of its `id`.
    pub(super) fn id(&self) -> &str {
        self.text.split(" id='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or_default()
    }
}

fn read(text: &str) -> Inbound<()> {
    let head = Head::read(text, &Limits::default()).expect("the worker has checked it");
    Inbound::new(0, head, (), 0, &unicode())
}

/// The selector of a handler for all stanzas of this name.
pub(super) fn all(name: &str) -> Selector {
    Selector::Stanza(Criteria { name: Some(name.to_owned()), ..Criteria::default() })
}

impl Default for Page {
    fn default() -> Self {
        Page {
            tab: Tab::default(),
            name: String::new(),
            visible: true,
            was_loaded: false,
            position: 0,
            posts: 0,
            unread: None,
            begins_with: vec![Selector::Stanza(Criteria::default()), Selector::Sent],
            upon: Vec::new(),
            session: None,
            hopes: false,
            unsent: None,
            time: 0.0,
            came: 0,
            joined: None,
            role: None,
            handlers: Vec::new(),
            former: Vec::new(),
            gaps: Vec::new(),
            new_gaps: 0,
            heard: Vec::new(),
        }
    }
}

impl Page {
    pub(super) fn hear(&mut self, event: Event) {
        match &event {
            Event::Stanza(position, text) => {
                let stanza = Delivery(*position, Origin::Received, text.clone());
                return self.hear(Event::Stanzas([stanza].into_iter().collect()));
            }
            Event::Stanzas(batch) => {
                for Delivery(position, origin, text) in batch.clone().into_deliveries() {
                    self.tab.at(position);
                    self.position = position;
                    self.handle(None, Some(position), origin, &text);
                    self.heard.push(Event::Stanzas([Delivery(position, origin, text)].into_iter().collect()));
                }
                return;
            }
            Event::Caught(claim, origin, text) => {
                self.handle(Some(*claim), None, *origin, text);
            }
            Event::Claimed(claim) => {
                let handlers = self.handlers.iter_mut().filter(|handler| handler.claim == *claim);
                handlers.for_each(|handler| handler.live = true);
                return;
            }
            Event::Gap(from, to, _) => {
                self.new_gaps += 1;
                let jid = self.session.as_ref().map(|session| session.jid.clone());
                self.gaps.push((jid.unwrap_or_default(), *from, *to));
            }
            Event::Role(role) => self.role = Some(*role),
            Event::Status(status) => match (&status.session, status.code) {
                (Some(session), _) => {
                    assert!(self.handlers.is_empty(), "the app is in a session already");
                    self.session = Some(session.clone());
                    self.joined.get_or_insert(session.clone());
                    for selector in self.begins_with.clone() {
                        self.add(selector, After::Position(session.position));
                    }
                }
                (None, StatusCode::Reconnecting | StatusCode::Disconnected | StatusCode::AttachFail) => {
                    self.session = None;
                    self.hopes = status.code == StatusCode::Reconnecting;
                    self.former.append(&mut self.handlers);
                }
                _ => {}
            },
            _ => {}
        }
        self.heard.push(event);
    }

    /// The app connects or attaches: its present session ends for it, without an event.
    pub(super) fn turn(&mut self) {
        self.hopes = true;
        self.session = None;
        self.handlers.clear();
    }

    /// The stream that its session came up over, if it is in one.
    pub(super) fn stream(&self) -> Option<u64> {
        self.session.as_ref().map(stream_of)
    }

    /// Whether the page has a session that is up, and waits for nothing else.
    pub(super) fn is_settled(&self) -> bool {
        self.unread.is_none()
            && (self.tab.is_welcome() || self.tab.is_over())
            && (self.session.is_some() || !self.hopes)
    }

    /// Whether a handler of the page is for this stanza.
    pub(super) fn handles(&self, text: &str) -> bool {
        let inbound = read(text);
        self.handlers
            .iter()
            .any(|handler| matches!(&handler.selector, Selector::Stanza(criteria) if inbound.meets(criteria)))
    }

    /// Adds a handler, while a stanza is handled or not.
    pub(super) fn add(&mut self, selector: Selector, after: After) -> ClaimId {
        let claim =
            self.tab.claim(self.time, serde_json::to_value(&selector).expect("a selector is plain data"));
        if let Some(session) = &self.session {
            let (jid, stream) = (session.jid.clone(), generation_of(session));
            let (live, heard) = (false, Vec::new());
            self.handlers.push(Handler { claim, selector, jid, stream, after, live, heard });
        }
        claim
    }

    fn handle(&mut self, only: Option<ClaimId>, position: Option<Position>, origin: Origin, text: &str) {
        let inbound = read(text);
        let is_for = |selector: &Selector| match origin {
            Origin::Sent => *selector == Selector::Sent,
            Origin::Received | Origin::Replayed => inbound.is_claimed_by(selector),
        };
        for handler in &mut self.handlers {
            let wanted =
                only.map_or(handler.live, |claim| claim == handler.claim) && is_for(&handler.selector);
            let heard = Heard { origin, text: text.to_owned() };
            handler.heard.extend(wanted.then_some(heard));
        }
        let before = self.tab.checkpoint().position;
        for (_, selector) in
            self.upon.extract_if(.., |(words, _)| text.contains(&**words)).collect::<Vec<_>>()
        {
            let after = match (position, origin) {
                (Some(_), _) => After::Position(before),
                (None, Origin::Replayed) => After::Leisure { position: before, old: 0, came: self.came },
                (None, _) => After::Stanza(text.to_owned()),
            };
            self.add(selector, after);
        }
    }

    /// The events since the last call.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.heard)
    }

    /// `Connected alice@localhost/desk`, `AuthFail not-authorized`, `Primary`, `Received <message/>`,
    /// `written 2`, `failed 3 invalid-from`, `response 1 result <iq/>`, `response 1 timeout`, `Warn words`.
    pub(super) fn in_words(event: Event) -> String {
        match event {
            Event::Status(status) => {
                let jid = status.session.map(|session| session.jid);
                let detail = jid.or(status.condition).map(|detail| format!(" {detail}")).unwrap_or_default();
                format!("{:?}{detail}", status.code)
            }
            Event::Keys(keys) => format!("keys {}", keys.expose()),
            Event::Frame(text) => format!("frame {text}"),
            Event::Challenge(_, mechanism, challenge) => {
                format!("{mechanism} {}", challenge.as_deref().unwrap_or("begin"))
            }
            Event::Role(role) => format!("{role:?}"),
            Event::Stanza(_, text) => format!("Received {text}"),
            Event::Stanzas(batch) => {
                let Delivery(_, origin, text) = only(batch);
                format!("{origin:?} {text}")
            }
            Event::Caught(_, origin, text) => format!("{origin:?} {text}"),
            Event::Claimed(claim) => format!("claimed {claim}"),
            Event::Gap(from, to, count) => format!("gap {from} to {to}: {count}"),
            Event::Tabs(token, tabs) => format!("tabs {token}: {}", tabs.len()),
            Event::Written(token) => format!("written {token}"),
            Event::Failed(token, fault) => format!("failed {token} {}", fault.condition),
            Event::Fate(token, fate) => match fate {
                Fate::Acknowledged => format!("acknowledged {token}"),
                Fate::Unmanaged => format!("unmanaged {token}"),
                Fate::Resent { maybe_twice: false } => format!("resent {token}"),
                Fate::Resent { maybe_twice: true } => format!("resent {token} maybe twice"),
                Fate::Failed(fault) => format!("lost {token} {}", fault.condition),
            },
            Event::Backlog(stanzas, bytes) => format!("backlog {stanzas} {bytes}"),
            Event::Response(token, outcome) => {
                let outcome = match outcome {
                    Outcome::Result(text) => format!("result {text}"),
                    Outcome::Error(text) => format!("error {text}"),
                    Outcome::Timeout => "timeout".to_owned(),
                    Outcome::Disconnected => "disconnected".to_owned(),
                    Outcome::Lost(fault) => format!("lost {}", fault.condition),
                    Outcome::Refused(fault) => format!("refused {}", fault.condition),
                };
                format!("response {token} {outcome}")
            }
            Event::Numbers(BoshSession { next, lowest, .. }) => format!("numbers {}", next - lowest),
            Event::HttpError(status) => format!("HTTP {status}"),
            Event::Unmanaged => "unmanaged".to_owned(),
            Event::Log(level, text) => format!("{level:?} {text}"),
        }
    }
}

/// The one stanza of a batch, as in each event of [`Page::events`].
pub(super) fn only(batch: Batch<String>) -> Delivery<String> {
    let mut stanzas = batch.into_deliveries();
    let stanza = stanzas.next().expect("a stanza");
    assert!(stanzas.next().is_none(), "more than one stanza");
    stanza
}
