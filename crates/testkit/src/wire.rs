use std::{collections::VecDeque, ops::Range, time::Duration};

use crate::Random;

/// One direction of a connection. A message arrives later and in order, or never once the wire is
/// cut.
#[derive(Debug)]
pub struct Wire<T> {
    weather: Weather,
    random: Random,
    in_flight: VecDeque<(Duration, T)>,
    cut: bool,
}

/// How bad a [`Wire`] is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weather {
    /// How long a message takes. An empty range means no delay.
    pub latency: Range<Duration>,
    /// One message in this many cuts the wire instead of arriving; 0 for a wire that is never cut.
    pub cuts_one_in: u64,
}

impl<T> Wire<T> {
    /// A wire whose delays and cuts depend on `seed` alone.
    pub fn new(weather: Weather, seed: u64) -> Self {
        Self { weather, random: Random::new(seed), in_flight: VecDeque::new(), cut: false }
    }

    /// Sends a message, which never overtakes an earlier one.
    pub fn send(&mut self, now: Duration, message: T) {
        if self.weather.cuts_one_in > 0 && self.random.below(self.weather.cuts_one_in) == 0 {
            self.cut();
        }
        if self.cut {
            return;
        }
        let due = now + self.latency();
        let after_the_last = self.in_flight.back().map_or(due, |(last, _)| due.max(*last));
        self.in_flight.push_back((after_the_last, message));
    }

    /// The next message that arrived by `now`, if any.
    pub fn receive(&mut self, now: Duration) -> Option<T> {
        self.in_flight.pop_front_if(|(due, _)| *due <= now).map(|(_, message)| message)
    }

    /// The time at which the next message arrives, if any.
    pub fn deadline(&self) -> Option<Duration> {
        self.in_flight.front().map(|(due, _)| *due)
    }

    /// Cuts the wire. Messages that have not arrived are lost, as are all later ones.
    pub fn cut(&mut self) {
        self.cut = true;
        self.in_flight.clear();
    }

    /// Whether the wire has been cut.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    fn latency(&mut self) -> Duration {
        let Range { start, end } = self.weather.latency;
        let spread = end.saturating_sub(start).as_nanos();
        start + Duration::from_nanos(self.random.below(u64::try_from(spread).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(range: Range<u64>) -> Range<Duration> {
        Duration::from_secs(range.start)..Duration::from_secs(range.end)
    }

    #[test]
    fn messages_arrive_late_and_in_order() {
        let mut wire = Wire::new(Weather { latency: seconds(1..9), cuts_one_in: 0 }, 42);
        for number in 0..100 {
            wire.send(Duration::ZERO, number);
        }
        assert_eq!(wire.receive(Duration::ZERO), None);
        let arrived: Vec<i32> = std::iter::from_fn(|| wire.receive(Duration::from_secs(9))).collect();
        assert_eq!(arrived, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_arrives_over_a_wire_that_was_cut() {
        let mut wire = Wire::new(Weather::default(), 1);
        wire.send(Duration::ZERO, "under way");
        wire.cut();
        wire.send(Duration::ZERO, "too late");
        assert_eq!(wire.receive(Duration::MAX), None);
        assert_eq!(wire.deadline(), None);
    }

    #[test]
    fn bad_weather_cuts_the_wire_sooner_or_later_and_always_at_the_same_message() {
        let survivors = |seed| {
            let mut wire = Wire::new(Weather { latency: seconds(0..0), cuts_one_in: 20 }, seed);
            (0..1000)
                .take_while(|_| {
                    wire.send(Duration::ZERO, ());
                    !wire.is_cut()
                })
                .count()
        };
        assert!(survivors(3) < 1000);
        assert_eq!(survivors(3), survivors(3));
    }
}
