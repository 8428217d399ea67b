//! Browsers that lost a server together, and when each of them dials again.
//!
//! A server loses all its connections at one moment, refuses dials for the time of an outage, and is
//! back. Each browser is a whole [`Session`], the code that the worker runs, on a fake clock. Browsers
//! know nothing of each other, so that they are simulated one by one: a million need no more memory
//! than one.

use std::time::Duration;

use epode_session::stream::jid::Unicode;
use epode_session::stream::{self, sasl::Secret};
use epode_session::{Account, Event, Input, Mechanisms, Output, Purpose, Session};
use epode_testkit::{Random, unicode};

/// A round trip between browser and server.
pub const ROUND_TRIP: Duration = Duration::from_millis(50);

/// The greatest part of all browsers that may dial in one second.
pub const BUSIEST: f64 = 0.15;

/// All sessions were up for this long when the server went away.
const LOSS: Duration = Duration::from_secs(3600);

/// The server's frames of a login, a round trip apart, the last of which ends the login.
const LOGIN: [&[&str]; 4] =
    [&[OPEN, MECHANISMS], &["<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"], &[OPEN, BIND], &[BOUND]];
const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>";
const MECHANISMS: &str = "<features xmlns='http://etherx.jabber.org/streams'>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>\
    </features>";
const BIND: &str = "<features xmlns='http://etherx.jabber.org/streams'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>";
const BOUND: &str = "<iq xmlns='jabber:client' type='result' id='epode-bind'>\
    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>";

/// The rule by which a browser dials again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// The rule of [`Session`].
    Session,
    /// This delay after each failure.
    Fixed(Duration),
}

/// What a server saw of its users in the seconds from the loss on.
#[derive(Debug)]
pub struct Course {
    /// The number of browsers.
    pub browsers: u32,
    /// The time from the loss until the server is back.
    pub outage: Duration,
    /// The number of dials in each second.
    pub dials: Vec<u32>,
    /// The number of logins that ended in each second.
    pub logins: Vec<u32>,
    /// The time from the loss until half of the browsers were back, to a hundredth of a second.
    pub half_back: Duration,
}

impl Course {
    /// Simulates that many browsers over an outage.
    pub fn of(browsers: u32, outage: Duration, rule: Rule, seed: u64) -> anyhow::Result<Course> {
        let mut course =
            Course { browsers, outage, dials: Vec::new(), logins: Vec::new(), half_back: Duration::ZERO };
        let mut back = Vec::new();
        let mut seeds = Random::new(seed);
        let account = account()?;
        for _ in 0..browsers {
            let seed = seeds.number();
            let login = match rule {
                Rule::Session => course.session(&account, seed)?,
                Rule::Fixed(delay) => course.fixed(delay),
            };
            count(&mut course.logins, login);
            count_in(&mut back, login, Duration::from_millis(10));
        }
        let mut all = 0;
        let half = back.iter().position(|count| {
            all += count;
            all >= browsers.div_ceil(2)
        });
        course.half_back = Duration::from_millis(10) * u32::try_from(half.unwrap_or(back.len()) + 1)?;
        Ok(course)
    }

    /// The number of dials in the busiest second.
    pub fn busiest(&self) -> u32 {
        self.dials.iter().copied().max().unwrap_or_default()
    }

    /// The goals that are missed, in words.
    pub fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let busiest = f64::from(self.busiest()) / f64::from(self.browsers);
        if busiest > BUSIEST {
            missed.push(format!("the busiest second saw {:.1} % of the browsers dial", busiest * 100.0));
        }
        if self.half_back > self.half_due() {
            missed.push(format!("half of the browsers were back only after {:?}", self.half_back));
        }
        missed
    }

    /// The time from the loss within which half of the browsers shall be back.
    pub fn half_due(&self) -> Duration {
        (self.outage * 3 / 2).max(Duration::from_secs(15))
    }

    /// Runs a browser from the loss on; returns when its login ended.
    fn session(&mut self, account: &Account, seed: u64) -> anyhow::Result<Duration> {
        let join = Purpose::Join { reconnect: true, explicit: false, management: None };
        let mut session = Session::new(Duration::ZERO, account.clone(), join, seed);
        session.handle_input(Duration::ZERO, Input::Start);
        anyhow::ensure!(log_in(&mut session, Duration::ZERO).is_some(), "the first login failed");
        let mut now = LOSS;
        loop {
            session.handle_input(now, stream::Input::Closed { code: 1006, reason: "" }.into());
            drain(&mut session, |_| false);
            let due = session.deadline();
            now = due.ok_or_else(|| anyhow::anyhow!("a session does not dial again"))?;
            session.handle_input(now, stream::Input::Timeout.into());
            anyhow::ensure!(drain(&mut session, |output| matches!(output, Output::Dial(..))), "no dial");
            count(&mut self.dials, now - LOSS);
            if now - LOSS >= self.outage {
                let login = log_in(&mut session, now);
                return login
                    .map(|at| at - LOSS)
                    .ok_or_else(|| anyhow::anyhow!("a login at a server that is back failed"));
            }
            now += ROUND_TRIP;
        }
    }

    /// A browser that dials after a fixed delay; returns when its login ended.
    fn fixed(&mut self, delay: Duration) -> Duration {
        let mut now = delay;
        loop {
            count(&mut self.dials, now);
            if now >= self.outage {
                return now + login_time();
            }
            now += ROUND_TRIP + delay;
        }
    }
}

/// Logs in after a dial; returns the time at which the session is up.
fn log_in(session: &mut Session, mut now: Duration) -> Option<Duration> {
    // TCP, TLS and the handshake of the WebSocket.
    now += 3 * ROUND_TRIP;
    session.handle_input(now, stream::Input::Opened { nonce: "n0nce".into() }.into());
    for frames in LOGIN {
        now += ROUND_TRIP;
        for frame in frames {
            session.frame(now, frame);
        }
    }
    drain(session, |output| matches!(output, Output::Event(Event::Bound(_)))).then_some(now)
}

/// The time of a login from the dial on.
fn login_time() -> Duration {
    ROUND_TRIP * (3 + LOGIN.len() as u32)
}

/// Takes all outputs; returns whether one of them is the one looked for.
fn drain(session: &mut Session, is_it: fn(&Output) -> bool) -> bool {
    let mut found = false;
    while let Some(output) = session.poll_output() {
        found |= is_it(&output);
    }
    found
}

fn account() -> anyhow::Result<Account> {
    let unicode =
        Unicode { nfc: unicode::nfc, nfkc: unicode::nfkc, lower: unicode::lower, host: unicode::host };
    let password = Secret::new("secret".into()).into();
    Ok(Account::new("wss://b/", "a@b/c", None, Some(password), Mechanisms::default(), unicode)?)
}

fn count(seconds: &mut Vec<u32>, at: Duration) {
    count_in(seconds, at, Duration::from_secs(1));
}

/// Counts an event in its slice of time.
fn count_in(slices: &mut Vec<u32>, at: Duration, slice: Duration) {
    let index = (at.as_micros() / slice.as_micros()) as usize;
    if slices.len() <= index {
        slices.resize(index + 1, 0);
    }
    slices[index] += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outages that the goals name.
    const OUTAGES: [u64; 3] = [10, 60, 600];

    #[test]
    fn a_thousand_browsers_come_back_soon_and_not_together() -> anyhow::Result<()> {
        for outage in OUTAGES.map(Duration::from_secs) {
            for seed in 1..=5 {
                let course = Course::of(1_000, outage, Rule::Session, seed)?;
                assert_eq!(course.missed(), [""; 0], "{outage:?}, seed {seed}: {course:?}");
                assert_eq!(course.logins.iter().sum::<u32>(), 1_000, "all are back");
                let dials: u32 = course.dials.iter().sum();
                assert!(dials >= 2_000, "most browsers dial in vain first: {dials}");
            }
        }
        Ok(())
    }

    #[test]
    fn nobody_waits_longer_than_a_minute_once_the_server_is_back() -> anyhow::Result<()> {
        for outage in OUTAGES {
            let course = Course::of(1_000, Duration::from_secs(outage), Rule::Session, 7)?;
            let last = course.logins.len() as u64 - 1;
            assert!((outage..=outage + 60).contains(&last), "{outage} s: the last after {last} s");
        }
        Ok(())
    }

    #[test]
    fn a_fixed_delay_misses_the_goal_and_that_is_told() -> anyhow::Result<()> {
        let course = Course::of(1_000, Duration::from_secs(10), Rule::Fixed(Duration::from_secs(5)), 1)?;
        assert_eq!(course.missed(), ["the busiest second saw 100.0 % of the browsers dial"]);
        let course = Course::of(1_000, Duration::from_secs(60), Rule::Fixed(Duration::from_secs(500)), 1)?;
        assert_eq!(course.missed().len(), 2, "{:?}", course.missed());
        Ok(())
    }
}
