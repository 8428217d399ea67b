//! One tab and the app in it, which only listens. It keeps what it was told in order, and what each of its
//! handlers heard.

use std::collections::VecDeque;

use epode_protocol::{
    Batch, ClaimId, Criteria, Delivery, Origin, Outcome, Position, Role, Selector, SessionInfo, StatusCode,
    ToWorker,
};
use epode_session::stream::xml::{Head, Limits};
use epode_tab::{Event, Tab};

use super::world::{stream_of, unicode};
use crate::inbound::Inbound;

pub(super) struct Page {
    pub(super) tab: Tab<String>,
    /// Names the tab, and the pages before and after a reload.
    pub(super) name: String,
    pub(super) visible: bool,
    /// Whether it took the place of another that was unloaded.
    pub(super) was_loaded: bool,
    /// The position of the latest stanza.
    pub(super) position: Position,
    /// How many posts it has read.
    pub(super) posts: usize,
    /// What arrived while the page read nothing; `None` while it reads.
    pub(super) unread: Option<VecDeque<epode_tab::Input<String>>>,
    /// The handlers it adds in each CONNECTED or ATTACHED callback.
    pub(super) begins_with: Vec<Selector>,
    /// The handlers it adds, once, while it handles a stanza with these words.
    pub(super) upon: Vec<(String, Selector)>,
    /// The session that it believes in, as it was told.
    pub(super) session: Option<SessionInfo>,
    /// Whether it wants to be in a session, and has not heard that it is in none.
    pub(super) hopes: bool,
    /// What it posted and has not reached the worker; `None` while all does.
    pub(super) unsent: Option<VecDeque<ToWorker<String>>>,
    /// The time of day, and how much the worker has been given.
    pub(super) time: f64,
    pub(super) came: usize,
    /// The first that it was told of.
    pub(super) joined: Option<SessionInfo>,
    pub(super) role: Option<Role>,
    pub(super) handlers: Vec<Handler>,
    /// Those of streams that are over, which hear nothing any more.
    pub(super) former: Vec<Handler>,
    /// What was given up: the full JID of the session, first and last position.
    pub(super) gaps: Vec<(String, Position, Position)>,
    /// How many of them nobody has counted.
    pub(super) new_gaps: usize,
    heard: Vec<Event<String>>,
}

/// A handler, and what it heard.
pub(super) struct Handler {
    pub(super) claim: ClaimId,
    pub(super) selector: Selector,
    /// The session that it belongs to, and the stream over which it came up.
    pub(super) jid: String,
    pub(super) stream: u64,
    pub(super) after: After,
    /// Whether it hears what every other does.
    pub(super) live: bool,
    pub(super) heard: Vec<Heard>,
}

/// Since when a handler is there.
#[derive(Clone, Debug)]
pub(super) enum After {
    /// It was added while exactly this was handled.
    Position(Position),
    Stanza(String),
    /// It was added when nothing was handled.
    Leisure {
        /// After this at least.
        position: Position,
        /// How much of what came had come long before, and was not on its way to the page.
        old: usize,
        /// How much had come.
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
    /// What is between the quotes of its `id`.
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
    pub(super) fn hear(&mut self, event: Event<String>) {
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

    /// The app wants a session: the one it is in ends for it, without a word.
    pub(super) fn turn(&mut self) {
        self.hopes = true;
        self.session = None;
        self.handlers.clear();
    }

    /// Over which stream its session came up, if it is in one.
    pub(super) fn stream(&self) -> Option<u64> {
        self.session.as_ref().map(stream_of)
    }

    /// Whether the worker serves it, as far as it has heard, and it waits for nothing else.
    pub(super) fn is_settled(&self) -> bool {
        self.unread.is_none()
            && (self.tab.is_welcome() || self.tab.is_over())
            && (self.session.is_some() || !self.hopes)
    }

    /// Whether one of its handlers is for this stanza.
    pub(super) fn handles(&self, text: &str) -> bool {
        let inbound = read(text);
        self.handlers
            .iter()
            .any(|handler| matches!(&handler.selector, Selector::Stanza(criteria) if inbound.meets(criteria)))
    }

    /// Adds a handler, while something is handled or at leisure.
    pub(super) fn add(&mut self, selector: Selector, after: After) -> ClaimId {
        let claim = self.tab.claim(self.time, selector.clone());
        if let Some(session) = &self.session {
            let (jid, stream) = (session.jid.clone(), stream_of(session));
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
        let before = self.tab.before().position;
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

    /// What was heard since it was last asked.
    pub(super) fn events(&mut self) -> Vec<Event<String>> {
        std::mem::take(&mut self.heard)
    }

    /// `Connected alice@localhost/desk`, `AuthFail not-authorized`, `Primary`, `Received <message/>`,
    /// `written 2`, `failed 3 invalid-from`, `response 1 result <iq/>`, `response 1 timeout`, `Warn words`.
    pub(super) fn in_words(event: Event<String>) -> String {
        match event {
            Event::Status(status) => {
                let jid = status.session.map(|session| session.jid);
                let detail = jid.or(status.condition).map(|detail| format!(" {detail}")).unwrap_or_default();
                format!("{:?}{detail}", status.code)
            }
            Event::Keys(keys) => format!("keys {}", keys.expose()),
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
            Event::Response(token, outcome) => {
                let outcome = match outcome {
                    Outcome::Result(text) => format!("result {text}"),
                    Outcome::Error(text) => format!("error {text}"),
                    Outcome::Timeout => "timeout".to_owned(),
                    Outcome::Disconnected => "disconnected".to_owned(),
                    Outcome::Refused(fault) => format!("refused {}", fault.condition),
                };
                format!("response {token} {outcome}")
            }
            Event::Log(level, text) => format!("{level:?} {text}"),
        }
    }
}

/// The stanza of a batch that holds one, as in everything that a page has [heard](Page::events).
pub(super) fn only(batch: Batch<String>) -> Delivery<String> {
    let mut stanzas = batch.into_deliveries();
    let stanza = stanzas.next().expect("a stanza");
    assert!(stanzas.next().is_none(), "more than one stanza");
    stanza
}
