//! What is on its way to a page, which acknowledges nothing by itself.
//!
//! A page of version 3 answers each `_ping` by a `_pong`, in order with what it was told before: behind each
//! half window of posts the page is told a `_ping`, and its `_pong` acknowledges them. A page of version 0 is
//! told `_closeSocket`, which it says back. A page says `_pong` unasked when it is shown or woken: then posts
//! count as handled that are still on their way, until the page has answered all it was asked.

use std::time::Duration;

use epode_protocol::{Position, WINDOW, weight};

/// How long posts that are less than half a window wait for the page to be asked. What was told within that
/// time before a reload is told to the next page again.
pub(crate) const LINGER: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(crate) struct Window {
    /// How many posts the page was told, and the latest position in them.
    posts: u32,
    pub(crate) position: Position,
    /// What the posts weigh behind the latest question.
    unasked: u32,
    /// The questions that the page has not answered: what it was told before each.
    asked: Vec<(u32, Position)>,
    /// Up to which position the page has handled what it was told.
    pub(crate) handled: Position,
    /// The session that the page was in last, as positions tell it.
    pub(crate) session: Option<u64>,
    /// When the page is to be asked at the latest.
    pub(crate) due: Option<Duration>,
}

impl Window {
    /// A session begins behind this position.
    pub(crate) fn begin(&mut self, position: Position) {
        (self.position, self.handled) = (position, position);
        self.session = Some(position >> 32);
    }

    /// The page was told this many stanzas in one post of the hub, up to this position.
    pub(crate) fn count(&mut self, now: Duration, stanzas: usize, position: Option<Position>) {
        self.posts = self.posts.wrapping_add(1);
        self.unasked += weight(stanzas);
        self.position = self.position.max(position.unwrap_or_default());
        self.due.get_or_insert(now + LINGER);
    }

    /// Whether the page is to be asked now.
    pub(crate) fn asks(&self, now: Duration) -> bool {
        self.unasked >= WINDOW / 2 || self.due.is_some_and(|due| due <= now)
    }

    /// Whether the page has a question to answer.
    pub(crate) fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The page is asked.
    pub(crate) fn ask(&mut self) {
        (self.unasked, self.due) = (0, None);
        self.asked.push((self.posts, self.position));
    }

    /// The page cannot be asked, and is told nothing but how its login goes: all counts as handled. How many
    /// posts that is, ever, if that is news. Questions of before are answered in their turn.
    pub(crate) fn concede(&mut self) -> Option<u32> {
        let is_news = self.due.take().is_some();
        (self.unasked, self.handled) = (0, self.position);
        is_news.then_some(self.posts)
    }

    /// The page answers: how many posts it has handled, ever. `None` if it was not asked.
    pub(crate) fn answered(&mut self) -> Option<u32> {
        let (posts, position) = (!self.asked.is_empty()).then(|| self.asked.remove(0))?;
        // The question may be of a former session.
        if position >> 32 == self.position >> 32 {
            self.handled = self.handled.max(position);
        }
        Some(posts)
    }
}
