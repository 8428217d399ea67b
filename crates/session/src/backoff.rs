//! The delay before the next dial.
//!
//! From the loss of a stream on, time is cut into slots, and each slot has one dial, at a random
//! moment of the slot (full jitter). A slot is as long as the outage before the slot, and at least
//! [`FIRST`]: 8.5, 8.5, 17, 30, 30 … seconds under a cap of 60. No delay exceeds the cap, because two
//! neighbouring slots together do not.
//!
//! Slots that follow each other keep a crowd apart. Delays that overlap do not: the second dials of
//! some browsers fall together with the first dials of others.

use std::time::Duration;

/// A session that was up for this long starts from the shortest delay again.
const STABLE: Duration = Duration::from_secs(10);

/// The length of the first slot. A server that goes down and comes back at once is dialled by a
/// ninth of its users in each second at most.
const FIRST: Duration = Duration::from_millis(8_500);

/// The delay of a dial that is hastened is at most this long.
const SOON: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Backoff {
    outage: Option<Outage>,
    up_since: Option<Duration>,
    random: u64,
}

#[derive(Debug)]
struct Outage {
    since: Duration,
    /// The end of the latest slot.
    end: Duration,
}

impl Backoff {
    /// `seed` sets the jitter, which keeps browsers that lost a server together from coming back
    /// together.
    pub(crate) fn new(seed: u64) -> Self {
        Backoff { outage: None, up_since: None, random: seed | 1 }
    }

    pub(crate) fn up(&mut self, now: Duration) {
        self.up_since = Some(now);
    }

    /// What came up last was no use: the outage goes on.
    pub(crate) fn was_mute(&mut self) {
        self.up_since = None;
    }

    /// Takes note of a failure; returns whether an outage begins with it.
    pub(crate) fn failed(&mut self, now: Duration) -> bool {
        if self.up_since.take().is_some_and(|since| now.saturating_sub(since) >= STABLE) {
            self.outage = None;
        }
        self.outage.is_none()
    }

    /// The delay after the failure that has just happened.
    pub(crate) fn delay(&mut self, now: Duration, cap: Duration) -> Duration {
        let jitter = self.jitter();
        let longest = cap / 2;
        let outage = self.outage.get_or_insert(Outage { since: now, end: now });
        // Dials that were hastened use up slots early.
        let start = outage.end.clamp(now, now + longest);
        let length = start.saturating_sub(outage.since).clamp(FIRST, longest);
        outage.end = start + length;
        start - now + length.mul_f64(jitter)
    }

    /// The delay of a dial that something has hastened: another moment for each of the browsers that
    /// share a network.
    pub(crate) fn soon(&mut self) -> Duration {
        SOON.mul_f64(self.jitter())
    }

    /// A number between 0 and 1, by xorshift64: no secret depends on it.
    fn jitter(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(60);
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

    /// The times of the first dials, each of which fails at once, and the ends of their slots.
    fn dials(seed: u64, count: usize) -> Vec<(Duration, Duration)> {
        let mut backoff = Backoff::new(seed);
        let mut now = Duration::ZERO;
        let mut dial = || {
            let delay = backoff.delay(now, CAP);
            assert!(delay <= CAP, "{delay:?}");
            now += delay;
            (now, backoff.outage.as_ref().map_or(Duration::ZERO, |outage| outage.end))
        };
        (0..count).map(|_| dial()).collect()
    }

    #[test]
    fn each_slot_has_one_dial_and_slots_grow_to_half_the_cap() {
        let mut early = 0;
        for seed in 1..=200 {
            let mut start = Duration::ZERO;
            let lengths = [8_500, 8_500, 17_000, 30_000, 30_000, 30_000];
            for (length, (at, end)) in lengths.into_iter().zip(dials(SEED.wrapping_mul(seed), 6)) {
                assert_eq!(end - start, Duration::from_millis(length));
                assert!(at >= start && at <= end, "{at:?} of {start:?} to {end:?}");
                early += u32::from(at - start < (end - start) / 2);
                start = end;
            }
        }
        assert!((500..700).contains(&early), "{early} of 1,200 in the first half");
    }

    #[test]
    fn a_dial_that_fails_late_is_followed_by_a_slot_from_then_on() {
        let mut backoff = Backoff::new(SEED);
        backoff.delay(Duration::ZERO, CAP);
        let delay = backoff.delay(Duration::from_secs(25), CAP);
        assert!(delay <= Duration::from_secs(25));
        assert_eq!(backoff.outage.map(|outage| outage.end), Some(Duration::from_secs(50)));
    }

    #[test]
    fn dials_that_are_hastened_neither_begin_the_slots_anew_nor_push_the_next_one_away() {
        let mut backoff = Backoff::new(SEED);
        let delays: Vec<_> = (0..100).map(|_| backoff.delay(Duration::ZERO, CAP)).collect();
        assert!(delays.iter().all(|delay| *delay <= CAP));
        assert!(delays[50..].iter().all(|delay| *delay >= CAP / 2), "{delays:?}");
        assert!(delays[50..].windows(2).any(|pair| pair[0].abs_diff(pair[1]) > FIRST), "with jitter");
        assert!((0..100).map(|_| backoff.soon()).all(|delay| delay <= SOON));
    }

    #[test]
    fn only_a_session_that_stayed_up_begins_anew() {
        let at = Duration::from_secs;
        let mut backoff = Backoff::new(SEED);
        for _ in 0..5 {
            backoff.delay(Duration::ZERO, CAP);
        }
        backoff.up(at(100));
        assert!(!backoff.failed(at(101)));
        backoff.delay(at(101), CAP);
        assert_eq!(backoff.outage.as_ref().map(|outage| outage.end), Some(at(131)));
        backoff.up(at(200));
        assert!(backoff.failed(at(210)));
        assert!(backoff.delay(at(210), CAP) <= FIRST);
        assert_eq!(backoff.outage.as_ref().map(|outage| outage.end), Some(at(210) + FIRST));
    }
}
