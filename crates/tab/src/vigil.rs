//! Whether the worker still answers. A Web Lock tells of its death, where the browser has locks; where it has
//! none, and of a worker that runs and does not answer, nothing tells but its silence.
//!
//! The worker asks each tab that has been quiet for 10 s
//! ([`FromWorker::Ping`](epode_protocol::FromWorker::Ping)), so one that answers has spoken before a tab that
//! waits for [`SILENCE`] asks in its turn: the timer is set anew again and again, and rings for nobody.

use std::time::Duration;

/// After what silence the tab asks.
pub(crate) const SILENCE: Duration = Duration::from_secs(15);

/// How long hello, and that question, may be without an answer.
pub const ANSWER: Duration = Duration::from_secs(10);

/// A timer that rings later than this says more of the page than of the worker: it was frozen or busy, or the
/// machine slept, and what the worker has said meanwhile may be waiting to be heard.
const LATE: Duration = Duration::from_secs(2);

/// What came before an alarm rang may be heard behind it, since browsers choose among task queues (HTML,
/// "event loops"): for so long it is waited for.
pub(crate) const OVERTAKEN: Duration = Duration::from_millis(100);

/// The deadline moves in steps of this, so that what comes often sets no timer each time.
const STEP: Duration = Duration::from_secs(1);

/// A time, as [`Duration`]s are counted in here: their arithmetic would cost a page some hundred bytes.
pub(crate) type Millis = u64;

/// So much later.
pub(crate) fn after(time: Millis, wait: Duration) -> Millis {
    time + wait.as_millis() as Millis
}

/// The watch over a worker that has spoken.
#[derive(Default)]
pub(crate) struct Vigil {
    pub(crate) until: Millis,
    asked: Option<Asked>,
}

/// The tab has asked, when it had been given so many posts; and whether it has asked twice.
struct Asked {
    posts: u32,
    again: bool,
}

/// What is to be done when the deadline has come.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Alarm {
    /// Nothing.
    Rest,
    /// Ask the worker whether it answers.
    Ask,
    /// It does not.
    Silent,
}

impl Vigil {
    /// The worker said something.
    pub(crate) fn heard(&mut self, now: Millis) {
        let until = after(now, SILENCE);
        if self.asked.take().is_some() || until >= after(self.until, STEP) {
            self.until = until;
        }
    }

    /// The worker is asked, by a tab that was given so many posts.
    pub(crate) fn ask(&mut self, now: Millis, posts: u32) {
        *self = Vigil { until: after(now, ANSWER), asked: Some(Asked { posts, again: false }) };
    }

    /// The deadline has come. Stanzas, which come most often, are no news to [`Self::heard`]: by the number
    /// of `posts` they count all the same.
    pub(crate) fn ring(&mut self, now: Millis, posts: u32) -> Alarm {
        match &self.asked {
            Some(asked) if asked.posts != posts => {
                self.heard(now);
                Alarm::Rest
            }
            Some(asked) if asked.again => Alarm::Silent,
            asked => {
                let again = asked.is_some();
                let in_time = again && now < after(self.until, LATE);
                let until = after(now, if in_time { OVERTAKEN } else { ANSWER });
                *self = Vigil { until, asked: Some(Asked { posts, again }) };
                Alarm::Ask
            }
        }
    }
}
