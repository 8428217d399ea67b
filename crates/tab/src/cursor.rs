//! Where in the order of stanzas the tab is with what the app hears.

use epode_protocol::Position;

/// What something that the app hears is in the order of stanzas.
pub(crate) enum Step {
    /// A session begins behind this one.
    Start(Position),
    /// At this one, and so behind all before it; or back at it, for a request that others were asked first.
    At(Position),
    /// Somewhere in what ends with this one.
    Through(Position),
    /// Back at this one, for one claim alone; or at none, for what is no news.
    Caught(Option<Position>),
    /// Behind all that this claim had missed.
    Claimed,
}

#[derive(Default)]
pub(crate) struct Cursor {
    handled: Position,
    within: Option<Position>,
    /// Behind what is being handled the tab will be here.
    end: Position,
    /// The latest that one claim had missed.
    caught: Position,
}

impl Cursor {
    pub(crate) fn behind(handled: Position) -> Self {
        Cursor { handled, ..Cursor::default() }
    }

    /// The latest position that was handled.
    pub(crate) fn handled(&self) -> Position {
        self.handled
    }

    /// The position of what is being handled now.
    pub(crate) fn within(&self) -> Option<Position> {
        self.within
    }

    pub(crate) fn enter(&mut self, step: Step) {
        match step {
            // Positions of another session say nothing of this one.
            Step::Start(position) => *self = Cursor { within: Some(position), ..Cursor::behind(position) },
            Step::At(position) => {
                self.handled = self.handled.max(position);
                self.within = Some(self.handled);
            }
            Step::Through(position) => self.end = position,
            Step::Caught(position) => {
                self.within = position;
                self.caught = self.caught.max(position.unwrap_or_default());
            }
            // The page after a reload must not be given that again.
            Step::Claimed => {
                self.within = None;
                self.handled = self.handled.max(self.caught);
            }
        }
    }

    /// What was being handled has been.
    pub(crate) fn leave(&mut self) {
        self.within = None;
        self.handled = self.handled.max(std::mem::take(&mut self.end));
    }
}
