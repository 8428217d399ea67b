//! A request that has no response yet, or whose response has to wait for an earlier one.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::answer::Answer;
use crate::{Carries, RequestId};

/// One request, kept until its response is processed: a repetition is an exact copy (XEP-0124 §14.3).
pub(crate) struct Request {
    pub(crate) rid: u64,
    /// A login is among these.
    pub(crate) body: Zeroizing<String>,
    pub(crate) carries: Carries,
    pub(crate) attempt: Attempt,
    /// When the last attempt left.
    pub(crate) sent: Duration,
    /// How many attempts have failed.
    pub(crate) failures: u32,
}

/// Where the last attempt at a request stands.
pub(crate) enum Attempt {
    /// The request is to leave, for the first time or again.
    Due,
    /// A response is awaited.
    UnderWay(RequestId),
    /// The response is here.
    Answered(Box<Answer>),
}

impl Request {
    pub(crate) fn is_due(&self) -> bool {
        matches!(self.attempt, Attempt::Due)
    }

    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.attempt, Attempt::Answered(_))
    }

    pub(crate) fn under_way(&self) -> Option<RequestId> {
        match self.attempt {
            Attempt::UnderWay(id) => Some(id),
            _ => None,
        }
    }
}
