//! Offline messages (XEP-0160), stamped with the time at which they were sent (XEP-0203).

use std::time::Duration;

use epode_xml::Element;

use super::{ConnectionId, Server};
use crate::ns;

/// The most messages kept for one account.
const CAPACITY: usize = 100;

impl Server {
    /// Keeps a message until the account has a session for it; false if the store is full.
    pub(super) fn store_offline(&mut self, account: &str, message: &Element) -> bool {
        let is_worth_keeping =
            message.child("body", ns::CLIENT).is_some() && message.child("no-store", ns::HINTS).is_none();
        if !is_worth_keeping {
            return true;
        }
        let kept = self.offline.entry(account.to_owned()).or_default();
        if kept.len() >= CAPACITY {
            return false;
        }
        let delay = Element::new("delay", ns::DELAY)
            .with_attr("from", &self.config.domain)
            .with_attr("stamp", &stamp(self.config.epoch + self.now));
        kept.push(message.clone().with_child(delay));
        true
    }

    /// Sends all kept messages to this session, which takes messages.
    pub(super) fn deliver_offline(&mut self, id: ConnectionId) {
        let Some(account) = self.session(id).map(|session| session.jid.bare.clone()) else { return };
        for message in self.offline.remove(&account).unwrap_or_default() {
            self.send(id, &message);
        }
    }
}

/// A time since 1970 in the format of XEP-0082.
fn stamp(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's `civil_from_days`, with eras of 400 years from 1 March of year 0.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_know_leap_years() {
        let at = |seconds| stamp(Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(951_868_799), "2000-02-29T23:59:59Z");
        assert_eq!(at(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
