use std::time::Duration;

/// A clock that moves only when a test moves it. Times are durations since the test began.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    now: Duration,
}

impl Clock {
    /// A clock at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time since the test began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Lets `elapsed` pass and returns the new time.
    pub fn advance(&mut self, elapsed: Duration) -> Duration {
        self.now += elapsed;
        self.now
    }

    /// Moves on to `deadline`, or stays when that has already passed; returns the new time.
    pub fn advance_to(&mut self, deadline: Duration) -> Duration {
        self.now = self.now.max(deadline);
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stands_still_until_it_is_moved() {
        let mut clock = Clock::new();
        assert_eq!(clock.now(), Duration::ZERO);
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.now(), Duration::from_secs(3));
    }

    #[test]
    fn the_clock_never_goes_back() {
        let mut clock = Clock::new();
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.advance_to(Duration::from_secs(1)), Duration::from_secs(3));
        assert_eq!(clock.advance_to(Duration::from_secs(9)), Duration::from_secs(9));
    }
}
