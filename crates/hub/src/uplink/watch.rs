//! Whether the server is still there. A connection can be dead without a word: the network changed, a
//! laptop slept, a proxy forgot it.
//!
//! What is written is answered by a server that is there, or is followed by a probe that is. When neither
//! that nor any other frame comes for [`PATIENCE`], and nothing of what the socket keeps has left
//! meanwhile, the connection is dead. A socket whose bytes leave is slow. An idle connection is probed
//! [now and then](IDLE).
//!
//! The watch itself is looked at when it is [due](Watch::due), and says what to do then.

use std::time::Duration;

/// How long the server may be silent after a write: in general, and after an event by which the
/// connection may have died.
const PATIENCE: Duration = Duration::from_secs(15);
const IMPATIENCE: Duration = Duration::from_secs(5);

/// The time between two looks while an answer is due, and from a write to the probe.
const STEP: Duration = Duration::from_secs(5);

/// The longest time without a frame before an idle connection is probed, while a tab is looked at and
/// while none is. The shortest is four fifths of that: proxies like to forget a connection after a minute.
const IDLE: Duration = Duration::from_secs(60);
const INACTIVE: Duration = Duration::from_secs(300);

/// A look that is late by more than this was kept by a machine that slept, or was busy, and proves nothing:
/// the answer may be there and not read yet. A browser that keeps all timers late is believed after a few.
const LATE: Duration = Duration::from_secs(2);
const LATE_IN_A_ROW: u32 = 3;

/// What to do when the watch is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Wait until the watch is due again.
    Wait,
    /// Ask the server for an answer.
    Probe,
    /// The connection is dead.
    Dead,
}

/// The watch on one connection.
#[derive(Debug)]
pub(crate) struct Watch {
    /// When the connection began, while there is one.
    since: Option<Duration>,
    /// When a frame came last.
    heard: Duration,
    /// How many connections in a row have died after the server had said only what belongs to a login.
    mute: u32,
    /// What was written since then and is not answered.
    unanswered: Option<Unanswered>,
    due: Duration,
    /// The number of looks in a row that were late.
    late: u32,
    random: u64,
    /// The share of the longest time that the connection may be idle.
    share: f64,
}

#[derive(Debug)]
struct Unanswered {
    since: Duration,
    /// When the connection is dead.
    dead: Duration,
    probed: bool,
    /// Whether the probe waits for a socket that keeps less.
    waits: bool,
    /// The bytes that the socket kept when it was measured last.
    kept: usize,
}

impl Unanswered {
    fn since(now: Duration, probed: bool, patience: Duration) -> Self {
        Unanswered { since: now, dead: now + patience, probed, waits: false, kept: 0 }
    }
}

impl Watch {
    /// `seed` sets the jitter of probes.
    pub(super) fn new(seed: u64) -> Self {
        let (never, always) = (Duration::MAX, Duration::ZERO);
        let mut watch = Watch {
            since: None,
            mute: 0,
            heard: always,
            unanswered: None,
            due: never,
            late: 0,
            random: seed,
            share: 1.0,
        };
        watch.draw();
        watch
    }

    /// The connection begins.
    pub(super) fn open(&mut self, now: Duration) {
        self.since = Some(now);
        self.heard(now);
        self.due = now + IDLE.mul_f64(self.share);
    }

    /// A frame came.
    pub(crate) fn heard(&mut self, now: Duration) {
        (self.heard, self.unanswered, self.late) = (now, None, 0);
        if self.since.is_some_and(|since| since + STEP <= now) {
            self.mute = 0;
        }
    }

    /// Something was written that the server answers. True if the watch is due earlier for that.
    pub(super) fn wrote(&mut self, now: Duration) -> bool {
        if self.unanswered.is_some() {
            return false;
        }
        self.unanswered = Some(Unanswered::since(now, false, self.patience()));
        let is_earlier = now + STEP < self.due;
        self.due = self.due.min(now + STEP);
        is_earlier
    }

    /// The socket keeps this many bytes; `fell`: some have left.
    pub(super) fn measured(&mut self, kept: usize, fell: bool, now: Duration) {
        let Some(unanswered) = &mut self.unanswered else { return };
        // The system takes some bytes though the wire be dead: all that a socket kept for a moment. What is
        // seen to leave between two looks, and not to the end, somebody takes.
        if fell && unanswered.kept > 0 && kept > 0 {
            unanswered.dead = unanswered.dead.max(now + PATIENCE);
        }
        unanswered.kept = kept;
    }

    /// The machine woke, or changed its network: what was silent before that proves nothing.
    pub(crate) fn woke(&mut self, now: Duration) {
        self.unanswered = None;
        self.doubt(now);
    }

    /// The connection may have died, and a person waits. True if the server is to be asked.
    pub(crate) fn doubt(&mut self, now: Duration) -> bool {
        let patience = self.patience();
        let unanswered = self.unanswered.get_or_insert(Unanswered::since(now, false, patience));
        unanswered.dead = unanswered.dead.min(now + IMPATIENCE);
        self.due = unanswered.dead;
        !std::mem::replace(&mut unanswered.probed, true)
    }

    /// The connection is dead. True if the server says no more than a login each time.
    pub(crate) fn died(&mut self) -> bool {
        let said_more = self.since.take().is_none_or(|since| since + STEP <= self.heard);
        self.mute = if said_more { 0 } else { self.mute + 1 };
        self.mute > 1
    }

    /// Whether the server was silent so long that a doubt is due.
    pub(crate) fn is_silent(&self, now: Duration) -> bool {
        self.heard + STEP <= now
    }

    /// Looks at the connection. `inactive`: whether no tab is looked at; `asked`: whether what was written
    /// last is a question already.
    pub(crate) fn look(&mut self, now: Duration, inactive: bool, asked: bool) -> Verdict {
        if now > self.due + LATE && self.late < LATE_IN_A_ROW {
            self.late += 1;
            self.woke(now);
            return Verdict::Probe;
        }
        let Some(unanswered) = &mut self.unanswered else {
            let idle = if inactive { INACTIVE } else { IDLE }.mul_f64(self.share);
            if self.heard + idle > now {
                self.due = self.heard + idle;
                return Verdict::Wait;
            }
            self.draw();
            self.unanswered = Some(Unanswered::since(now, true, self.patience()));
            self.due = now + STEP;
            return Verdict::Probe;
        };
        if unanswered.dead <= now {
            return Verdict::Dead;
        }
        let probes = !unanswered.probed && unanswered.since + STEP <= now;
        unanswered.probed |= probes;
        let step = if unanswered.probed { now } else { unanswered.since } + STEP;
        self.due = unanswered.dead.min(step);
        if probes && !asked { Verdict::Probe } else { Verdict::Wait }
    }

    /// How long the server may be silent after a write. Browsers tell nothing of a frame before its end, so a
    /// large frame on a slow wire looks dead, and is sent again after each resume: the patience doubles with
    /// each connection that dies so, up to two minutes.
    fn patience(&self) -> Duration {
        PATIENCE * (1 << self.mute.min(3))
    }

    /// Whether a probe is due, or has no answer yet.
    pub(super) fn is_probing(&self) -> bool {
        self.unanswered.as_ref().is_some_and(|unanswered| unanswered.probed)
    }

    /// The probe is to be written, or `waits` until the socket keeps less: then it has its time from there.
    pub(super) fn put_off(&mut self, waits: bool, now: Duration) {
        let Some(unanswered) = &mut self.unanswered else { return };
        if std::mem::replace(&mut unanswered.waits, waits) && !waits {
            unanswered.dead = unanswered.dead.max(now + IMPATIENCE);
        }
    }

    /// Whether a probe waits for a socket that keeps less.
    pub(super) fn is_put_off(&self) -> bool {
        self.unanswered.as_ref().is_some_and(|unanswered| unanswered.waits)
    }

    /// When to [look](Watch::look) again.
    pub(crate) fn due(&self) -> Duration {
        self.due
    }

    /// Draws how much of the longest time the connection may be idle this time.
    fn draw(&mut self) {
        // A linear congruential generator (Knuth's MMIX): no secret depends on it.
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.share = 1.0 - 0.2 * (self.random >> 40) as f64 / (1_u64 << 24) as f64;
    }
}
