//! One tab, as the worker knows it.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{Before, Token};

use crate::SessionId;
use crate::mailbox::Mailbox;

/// How many stanzas a tab may hand in before its session is up.
pub(crate) const PENDING: usize = 1000;

/// How long a tab may say nothing before it is asked whether it is there.
pub(crate) const QUIET: Duration = Duration::from_secs(10);

/// How long it may take to answer that, before it counts as asleep.
pub(crate) const ANSWER: Duration = Duration::from_secs(4);

/// How long one may be asleep whose death nobody would report, before it counts as dead.
pub(crate) const GONE: Duration = Duration::from_secs(300);

/// How many requests of a tab may wait for their answers.
pub(crate) const ASKED: usize = 1000;

/// One tab, as the worker knows it.
pub(crate) struct TabState<T> {
    pub(crate) stage: Stage,
    /// Whether it speaks no version of ours.
    pub(crate) refused: bool,
    /// Whether its death is reported: it holds a Web Lock.
    pub(crate) watched: bool,
    /// Its name, which survives a reload.
    pub(crate) tab: String,
    /// Where the page before a reload stood, until this one joins a session.
    pub(crate) before: Option<Before>,
    pub(crate) visible: bool,
    pub(crate) awake: bool,
    /// Whether it was asked if it is there, and has not answered.
    pub(crate) asked: bool,
    /// When it last said something.
    pub(crate) heard: Duration,
    /// What it wants to send as soon as its session is up.
    pub(crate) pending: VecDeque<PendingSend<T>>,
    pub(crate) mailbox: Mailbox<T>,
}

/// How far a tab has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// It has not introduced itself.
    New,
    /// It has; it is in no session.
    Greeted,
    /// Its credentials wait for, or are under, trial.
    Waiting,
    /// A worker died under it, and it has no credentials: another tab may bring them, for this service and
    /// account.
    Restoring(String, String),
    /// It shares this session.
    In(SessionId),
}

/// How fit a tab is for what must be done once.
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
            before: None,
            visible: false,
            awake: true,
            asked: false,
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
