//! The delay before the next dial.

use std::time::Duration;

/// A session that was up for this long starts from the shortest delay again.
const STABLE: Duration = Duration::from_secs(10);

const FIRST: Duration = Duration::from_secs(1);

/// Exponential delays with jitter: up to 1, 2, 4 … seconds, at most a cap, and each at least half
/// of that.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    up_since: Option<Duration>,
    random: u64,
}

impl Backoff {
    /// `seed` sets the jitter, which keeps browsers that lost a server together from coming back
    /// together.
    pub(crate) fn new(seed: u64) -> Self {
        Backoff { failures: 0, up_since: None, random: seed | 1 }
    }

    pub(crate) fn up(&mut self, now: Duration) {
        self.up_since = Some(now);
    }

    /// The delay after the failure that has just happened.
    pub(crate) fn delay(&mut self, now: Duration, cap: Duration) -> Duration {
        if self.up_since.take().is_some_and(|since| now.saturating_sub(since) >= STABLE) {
            self.failures = 0;
        }
        let longest = FIRST.saturating_mul(1 << self.failures.min(16)).min(cap);
        self.failures += 1;
        longest.mul_f64(0.5 + 0.5 * self.jitter())
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

    #[test]
    fn the_first_delay_is_within_a_second_and_the_later_ones_grow_to_a_cap() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(seed * 7919);
            let mut longest = FIRST;
            for _ in 0..12 {
                let delay = backoff.delay(Duration::ZERO, CAP);
                assert!(delay <= longest && delay >= longest / 2, "{delay:?} of {longest:?}");
                longest = (longest * 2).min(CAP);
            }
        }
    }

    #[test]
    fn only_a_session_that_stayed_up_begins_anew() {
        let mut backoff = Backoff::new(1);
        for _ in 0..5 {
            backoff.delay(Duration::ZERO, CAP);
        }
        backoff.up(Duration::from_secs(100));
        assert!(backoff.delay(Duration::from_secs(101), CAP) > FIRST);
        backoff.up(Duration::from_secs(200));
        assert!(backoff.delay(Duration::from_secs(210), CAP) <= FIRST);
    }
}
