//! One tab, as the worker knows it.

use std::collections::VecDeque;

use epode_protocol::Token;

use crate::SessionId;

/// How many stanzas a tab may hand in before its session is up.
pub(crate) const HELD: usize = 1000;

/// One tab, as the worker knows it.
pub(crate) struct Port<T> {
    pub(crate) stage: Stage,
    /// The Web Lock that it holds while it lives.
    pub(crate) lock: Option<String>,
    pub(crate) visible: bool,
    /// What it wants to send as soon as its session is up.
    pub(crate) held: VecDeque<Held<T>>,
}

/// How far a tab has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// It has not introduced itself.
    New,
    /// It has; it is in no session.
    Greeted,
    /// Its credentials wait for, or are under, trial.
    Waiting,
    /// It shares this session.
    In(SessionId),
}

/// What a tab wants to send.
pub(crate) enum Held<T> {
    Send { token: Token, text: T },
    Request { token: Token, text: T },
}

impl<T> Port<T> {
    pub(crate) fn new() -> Self {
        Port { stage: Stage::New, lock: None, visible: false, held: VecDeque::new() }
    }
}
