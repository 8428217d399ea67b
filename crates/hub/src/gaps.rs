//! Frames of the server that could not be read, and what each tab has been told of them.

use std::time::Duration;

use epode_protocol::Text;
use epode_session::stream::Dropped;

use crate::common::Common;
use crate::mailbox::Gap;
use crate::shared_session::{Phase, SharedSession};
use crate::timer::Timer;

/// The shortest time between two gaps that a tab is told of.
const GAPS: Duration = Duration::from_secs(1);

/// The most dropped frames that are remembered one by one for tabs that have not heard of them.
const MISSING: usize = 64;

impl<T: Text> SharedSession<T> {
    /// Counts a frame of the server that was dropped: if it was a stanza it takes a position, and
    /// every tab hears that a stanza is missing there.
    #[inline(never)] // Rare.
    pub(crate) fn frame_dropped(&mut self, dropped: &Dropped, common: &mut Common<T>) {
        common.log_dropped(&self.ports(), &dropped.name, dropped.size, &dropped.rule);
        if !dropped.is_stanza() {
            return;
        }
        self.position += 1;
        if let (Phase::Suspended(_) | Phase::Reopening(_), Some(handled)) = (&self.phase, &mut self.handled) {
            handled.skip();
        }
        self.missing.push_back(Gap::at(self.position, dropped.condition));
        if self.missing.len() > MISSING {
            // Two gaps become one if no tab has heard of just the first.
            let SharedSession { missing, members, .. } = self;
            let apart = |at: usize| {
                members.iter().any(|member| (missing[at].to..missing[at + 1].from).contains(&member.told))
            };
            let at = (0..MISSING).find(|at| !apart(*at)).unwrap_or_default();
            if let Some(next) = missing.remove(at + 1) {
                missing[at] = missing[at].and(next);
            }
        }
        self.tell_gap(common);
    }

    /// Tells every tab of the dropped frames that it has not heard of, once per [`GAPS`] at most. A
    /// tab whose window is full hears of them when it has caught up, so that what a contact can
    /// cause does not pile up.
    pub(crate) fn tell_gap(&mut self, common: &mut Common<T>) {
        if self.missing.is_empty()
            || common.timers.runs(Timer::Gap(self.id()))
            || !matches!(self.phase, Phase::Up(_) | Phase::Suspended(_) | Phase::Reconnecting(_))
        {
            return;
        }
        let mut told = Vec::new();
        for member in &mut self.members {
            let keeps_up = common.keeps_up(member.port);
            let untold = self.missing.iter().filter(|gap| keeps_up && gap.to > member.told);
            if let Some(gap) = untold.copied().reduce(Gap::and) {
                member.told = gap.to;
                told.push((member.port, gap));
            }
        }
        if !told.is_empty() {
            common.timers.set(Timer::Gap(self.id()), Some(common.now + GAPS));
        }
        for (port, gap) in told {
            common.post(port, gap.told());
        }
    }
}
