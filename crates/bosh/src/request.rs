//! A request whose response has not been processed.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::answer::Answer;
use crate::{Carries, RequestId};

/// A request, kept until its response is processed: a repetition is an exact copy (XEP-0124 §14.3).
pub(crate) struct Request {
    pub(crate) rid: u64,
    /// Zeroized after use: a body may carry a password.
    pub(crate) body: Zeroizing<String>,
    pub(crate) carries: Carries,
    /// The number of stanzas that the server is not known to have.
    pub(crate) stanzas: u32,
    pub(crate) attempt: Attempt,
    /// When the last attempt left.
    pub(crate) sent: Duration,
    /// The number of failed attempts.
    pub(crate) failures: u32,
}

/// The state of the last attempt at a request.
pub(crate) enum Attempt {
    /// The request has to leave for the first time.
    New,
    /// The request has to leave again.
    Due,
    /// The request has left.
    UnderWay(RequestId),
    /// The response has come, and an earlier response has not.
    Answered(Box<Answer>),
}

impl Request {
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.attempt, Attempt::New)
    }

    pub(crate) fn is_due(&self) -> bool {
        matches!(self.attempt, Attempt::Due)
    }

    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.attempt, Attempt::Answered(_))
    }

    /// When the attempt left that is under way.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.under_way().map(|_| self.sent)
    }

    pub(crate) fn under_way(&self) -> Option<RequestId> {
        match self.attempt {
            Attempt::UnderWay(id) => Some(id),
            _ => None,
        }
    }
}
