//! One tab, as the worker knows it.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{Checkpoint, Fate, Token};

use crate::SessionId;
use crate::key::Key;
use crate::mailbox::Mailbox;

/// The most stanzas of a tab that wait for its session to come up.
pub(crate) const PENDING: usize = 1000;

/// How long a tab may be silent before the worker asks whether it is there.
pub(crate) const QUIET: Duration = Duration::from_secs(10);

/// How long a tab may take to answer that before it counts as asleep.
pub(crate) const ANSWER: Duration = Duration::from_secs(4);

/// How long a tab without a Web Lock may be asleep before it counts as gone.
pub(crate) const GONE: Duration = Duration::from_secs(300);

/// The most requests of a tab that may wait for an answer.
pub(crate) const ASKED: usize = 1000;

/// One tab, as the worker knows it.
pub(crate) struct TabState<T> {
    pub(crate) stage: Stage,
    /// Whether the tab speaks no version of ours.
    pub(crate) refused: bool,
    /// Whether the tab holds a Web Lock, by which its death is noticed.
    pub(crate) watched: bool,
    /// The name of the tab, which survives a reload.
    pub(crate) tab: String,
    /// The session that has let the tab go and may go on.
    pub(crate) former: Option<Key>,
    /// Where the former page stood, until this page claims something.
    pub(crate) before: Option<Checkpoint>,
    pub(crate) visible: bool,
    pub(crate) awake: bool,
    /// Whether the worker asked if the tab is there, and waits for an answer.
    pub(crate) asked: bool,
    /// Whether the tab wants to hear what becomes of each of its sends.
    pub(crate) follows: bool,
    /// How many stanzas of its session wait to be written, and their bytes, as the tab was told.
    pub(crate) backlog: (usize, usize),
    /// Up to which of its sends everything is over, while the tab does not follow.
    pub(crate) over: Option<(Token, Fate)>,
    /// The time of its latest message.
    pub(crate) heard: Duration,
    /// The stanzas that wait for its session to come up.
    pub(crate) pending: VecDeque<PendingSend<T>>,
    pub(crate) mailbox: Mailbox<T>,
}

/// How far a tab has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// It has not said hello.
    New,
    /// It is in no session.
    Greeted,
    /// Its credentials are tried, or wait for that.
    Waiting,
    /// It lost its worker and has no credentials; another tab may bring them, for this service and
    /// account.
    Restoring(String, String),
    /// It is in this session.
    In(SessionId),
}

/// How fit a tab is to be primary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fitness {
    Asleep,
    Hidden,
    Visible,
}

/// What a tab wants to send.
pub(crate) enum PendingSend<T> {
    Send { token: Token, text: T },
    Request { token: Token, text: T },
}

impl<T> TabState<T> {
    pub(crate) fn new(now: Duration) -> Self {
        TabState {
            stage: Stage::New,
            refused: false,
            watched: false,
            tab: String::new(),
            former: None,
            before: None,
            visible: false,
            awake: true,
            asked: false,
            follows: false,
            backlog: (0, 0),
            over: None,
            heard: now,
            pending: VecDeque::new(),
            mailbox: Mailbox::new(),
        }
    }

    pub(crate) fn fitness(&self) -> Fitness {
        match (self.awake, self.visible) {
            (false, _) => Fitness::Asleep,
            (true, false) => Fitness::Hidden,
            (true, true) => Fitness::Visible,
        }
    }
}
