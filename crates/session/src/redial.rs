//! Which errors end a session that was up, and when to dial again after the others.
//!
//! | cause | again? | when |
//! |---|---|---|
//! | stream error `conflict` while the session is up: another client took it | no | |
//! | a server that does not prove itself | no | |
//! | `account-disabled`, `credentials-expired` | no | |
//! | outdated keys of SCRAM, without a password | no | |
//! | no page is left that has the credentials | no | |
//! | we closed it | no | |
//! | `not-authorized` | twice | after 30 s at least, then after 5 min |
//! | we gave up a stream that was up: no answer came | yes | within a second, then as below |
//! | the network: no answer, a lost or refused socket | yes | after [`Backoff`], up to 60 s |
//! | any other error | yes | likewise; up to 5 min from the fifth equal error in a row on |
//!
//! While the browser says that it is offline, one dial in 60 s is made all the same, because browsers
//! are wrong about that. When something suggests that a dial may succeed now, such as a browser that
//! is online again, the dial is made within a second; if that dial fails, the delays go on as before.
//!
//! Servers answer `not-authorized` while their user database is away, so one refusal proves
//! nothing; three stay below the number that locks accounts. A failing network is not the server's
//! fault: once it is back, users shall be back within a minute.
//!
//! A lost socket does not say whose fault the loss is. A server that restarts loses the sockets of all
//! its users in one second, so nobody dials at once after that. `cargo xtask bench storm` shows who
//! dials when.

use std::time::Duration;

use epode_stream::{Error, bosh, sasl};

use crate::backoff::Backoff;

/// The shortest delay after the first and the second `not-authorized`.
const REFUSED: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(300)];

/// The number of equal errors in a row from which on the cap of the delay grows from [`OFTEN`] to
/// [`RARELY`].
const SAME: u32 = 5;
const RARELY: Duration = Duration::from_secs(300);
const OFTEN: Duration = Duration::from_secs(60);

/// The cause that stands for all failures of the network.
const NETWORK: &str = "";

/// Decides when to dial again.
#[derive(Debug)]
pub(crate) struct Redial {
    backoff: Backoff,
    /// Number of refusals of the credentials since they were last accepted.
    refused: usize,
    /// The time before which the credentials must not be tried again, whatever happens.
    not_before: Duration,
    /// The latest cause, and how many times in a row it came.
    cause: String,
    row: u32,
}

impl Redial {
    /// `seed` sets the jitter.
    pub(crate) fn new(seed: u64) -> Self {
        Redial {
            backoff: Backoff::new(seed),
            refused: 0,
            not_before: Duration::ZERO,
            cause: NETWORK.to_owned(),
            row: 0,
        }
    }

    /// The session is up.
    pub(crate) fn up(&mut self, now: Duration) {
        self.renew();
        self.backoff.up(now);
    }

    /// The session that came up last was no use.
    pub(crate) fn was_mute(&mut self) {
        self.backoff.was_mute();
    }

    /// There are new credentials, which no server has refused.
    pub(crate) fn renew(&mut self) {
        self.refused = 0;
        self.not_before = Duration::ZERO;
    }

    /// When to dial if a dial may succeed now.
    pub(crate) fn soon(&mut self, now: Duration) -> Duration {
        self.not_before.max(now + self.backoff.soon())
    }

    /// The delay before a dial of a browser that says that it is offline.
    pub(crate) fn offline(&self, now: Duration) -> Duration {
        OFTEN.max(self.not_before.saturating_sub(now))
    }

    /// The delay after a stream that ended with this error. `up`: whether the session was up until
    /// then. `None` if the error ends the session.
    pub(crate) fn rest(&mut self, now: Duration, error: &Error, up: bool) -> Option<Duration> {
        if is_final(error, up) {
            return None;
        }
        if is_refusal(error) {
            self.refused += 1;
            self.not_before = now + *REFUSED.get(self.refused - 1)?;
        }
        let cause = cause(error);
        if self.backoff.failed(now) {
            self.row = 0;
        }
        self.row = if *self.cause == *cause { self.row + 1 } else { 1 };
        self.cause = cause.to_owned();
        let cap = if self.row >= SAME && cause != NETWORK { RARELY } else { OFTEN };
        let mut delay = self.backoff.delay(now, cap);
        if up && is_ours(error) {
            delay = delay.min(self.backoff.soon());
        }
        Some(delay.max(self.not_before.saturating_sub(now)))
    }
}

/// The cause of an error, by which two errors count as equal: the condition that somebody named,
/// else the rule that the server broke.
pub(crate) fn cause(error: &Error) -> &str {
    match error.is_of_network() {
        true => NETWORK,
        false => error.condition().or_else(|| error.stream_error()).unwrap_or(NETWORK),
    }
}

fn is_final(error: &Error, up: bool) -> bool {
    match error {
        // A `conflict` before the stream is up means that the server still holds the former stream
        // (RFC 6120 §4.9.3.3).
        Error::StreamError { condition, .. } => up && condition == "conflict",
        Error::AuthRefused { condition, .. } => {
            matches!(condition.as_str(), "account-disabled" | "credentials-expired")
        }
        Error::Sasl(sasl::Error::KeysOutdated | sasl::Error::Unspoken(_)) => true,
        Error::NotClosed => true,
        error => error.is_impostor(),
    }
}

/// Whether we ended a stream because no answer came: other browsers need not have lost theirs.
fn is_ours(error: &Error) -> bool {
    matches!(error, Error::Timeout(_) | Error::Bosh(bosh::Error::Silent))
}

fn is_refusal(error: &Error) -> bool {
    match error {
        Error::AuthRefused { condition, .. } => condition == "not-authorized",
        // The same as an error value of SCRAM (RFC 5802 §7). Other values, such as `no-resources`,
        // say nothing about the credentials.
        Error::Sasl(sasl::Error::ServerError(word)) => matches!(&**word, "invalid-proof" | "unknown-user"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn refused(condition: &str) -> Error {
        Error::AuthRefused { condition: condition.to_owned(), text: None, complaint: None }
    }

    fn stream_error(condition: &str) -> Error {
        Error::StreamError { condition: condition.to_owned(), text: None, elsewhere: None }
    }

    fn terminated(condition: &str) -> bosh::Error {
        bosh::Error::Terminated { condition: Some(condition.to_owned()), elsewhere: None }
    }

    fn lost() -> Error {
        Error::SocketClosed { code: 1006, reason: String::new() }
    }

    #[test]
    fn few_things_end_a_session_that_was_up() {
        for (error, ends) in [
            (stream_error("conflict"), true),
            (refused("account-disabled"), true),
            (refused("credentials-expired"), true),
            (sasl::Error::KeysOutdated.into(), true),
            (sasl::Error::Signature.into(), true),
            (sasl::Error::SignatureMissing.into(), true),
            (sasl::Error::ServerNonce.into(), true),
            (sasl::Error::UnexpectedSuccess.into(), true),
            (sasl::Error::Unspoken("X".to_owned()).into(), true),
            (Error::OtherAccount("bob@b".to_owned()), true),
            (Error::NotClosed, true),
            (lost(), false),
            (Error::Timeout("it"), false),
            (stream_error("host-unknown"), false),
            (stream_error("policy-violation"), false),
            (stream_error("see-other-host"), false),
            (stream_error("not-authorized"), false),
            (stream_error("anything-new"), false),
            (refused("not-authorized"), false),
            (refused("temporary-auth-failure"), false),
            (refused("invalid-mechanism"), false),
            (sasl::Error::NoMechanism { offered: Vec::new() }.into(), false),
            (sasl::Error::IterationCount(1).into(), false),
            (sasl::Error::Gone("X".to_owned()).into(), false),
            (epode_stream::PeerMisbehaved::NoMechanisms.into(), false),
            (epode_stream::PeerMisbehaved::NoBind.into(), false),
            (Error::BindRefused { step: "resource", condition: "conflict".to_owned(), text: None }, false),
            (Error::ClosedByServer { elsewhere: Some("wss://x/".to_owned()) }, false),
            (terminated("host-gone").into(), false),
            (bosh::Error::Http { status: 404 }.into(), false),
        ] {
            assert_eq!(Redial::new(1).rest(Duration::ZERO, &error, true).is_none(), ends, "{error:?}");
        }
    }

    #[test]
    fn a_conflict_about_a_stream_that_is_not_up_yet_is_about_the_former_one() {
        assert!(Redial::new(1).rest(Duration::ZERO, &stream_error("conflict"), false).is_some());
    }

    #[test]
    fn credentials_are_refused_for_good_at_the_third_time() {
        let mut redial = Redial::new(1);
        assert_eq!(redial.rest(Duration::ZERO, &refused("not-authorized"), true), Some(MINUTE / 2));
        // These errors neither count as refusals nor reset the count.
        let busy = sasl::Error::ServerError("no-resources".to_owned()).into();
        for error in [refused("temporary-auth-failure"), lost(), busy] {
            let rest = redial.rest(Duration::from_secs(1), &error, true);
            assert!(
                rest >= Some(MINUTE / 2 - Duration::from_secs(1)),
                "a lost connection is no way around it"
            );
        }
        assert_eq!(redial.rest(MINUTE, &refused("not-authorized"), true), Some(5 * MINUTE));
        // The same as an error value of SCRAM.
        assert_eq!(
            redial.rest(6 * MINUTE, &sasl::Error::ServerError("invalid-proof".to_owned()).into(), true),
            None
        );
    }

    #[test]
    fn credentials_that_were_taken_meanwhile_or_are_others_begin_anew() {
        let forgetting: [fn(&mut Redial); 2] = [|redial| redial.up(MINUTE), |redial| redial.renew()];
        for forget in forgetting {
            let mut redial = Redial::new(1);
            for _ in 0..2 {
                redial.rest(Duration::ZERO, &refused("not-authorized"), true);
            }
            forget(&mut redial);
            let rest = redial.rest(MINUTE, &refused("not-authorized"), true);
            assert!(rest >= Some(MINUTE / 2) && rest <= Some(MINUTE), "{rest:?}");
        }
    }

    #[test]
    fn the_same_error_again_and_again_is_met_ever_more_rarely() {
        let longest = |error: &Error, times: u32| {
            let mut redial = Redial::new(7);
            let mut now = Duration::ZERO;
            let rests = (0..times).filter_map(|_| {
                let rest = redial.rest(now, error, false);
                now += rest.unwrap_or_default();
                rest
            });
            rests.max().unwrap_or_default()
        };
        let unknown = stream_error("host-unknown");
        assert!(longest(&unknown, 5) <= MINUTE);
        let rarely = longest(&unknown, 20);
        assert!(rarely > 2 * MINUTE && rarely <= 5 * MINUTE, "{rarely:?}");
        let of_network = [bosh::Error::Unreachable, bosh::Error::Silent, bosh::Error::Http { status: 502 }];
        for error in of_network.into_iter().map(Error::from).chain([lost()]) {
            assert!(longest(&error, 20) <= MINUTE, "the network is not the server's fault: {error}");
        }
        assert!(longest(&terminated("policy-violation").into(), 20) > 2 * MINUTE);
    }

    #[test]
    fn a_stream_that_we_gave_up_is_dialled_anew_within_a_second_and_one_that_the_server_ended_is_not() {
        for (error, soon) in [
            (Error::Timeout("waiting"), true),
            (bosh::Error::Silent.into(), true),
            (bosh::Error::Unreachable.into(), false),
            (lost(), false),
            (Error::ClosedByServer { elsewhere: None }, false),
            (stream_error("system-shutdown"), false),
        ] {
            let longest = |up| {
                let rest = |seed: u64| Redial::new(seed << 50).rest(Duration::ZERO, &error, up);
                (1..100).map(rest).max().flatten()
            };
            assert_eq!(longest(true) <= Some(Duration::from_secs(1)), soon, "{error}");
            assert!(longest(false) > Some(Duration::from_secs(4)), "a dial that no server answers: {error}");
        }
    }

    #[test]
    fn another_error_in_between_or_a_session_that_was_up_begins_the_row_anew() {
        let unknown = stream_error("host-unknown");
        let mut redial = Redial::new(7);
        for round in 0..20 {
            let error = if round % 5 == 4 { stream_error("system-shutdown") } else { unknown.clone() };
            assert!(redial.rest(Duration::ZERO, &error, true).is_some_and(|rest| rest <= MINUTE), "{round}");
        }
        let mut redial = Redial::new(7);
        for round in 0..20 {
            if round % 4 == 3 {
                redial.up(MINUTE * round);
            }
            let rest = redial.rest(MINUTE * round + MINUTE / 2, &unknown, true);
            assert!(rest.is_some_and(|rest| rest <= MINUTE), "{round}");
        }
    }
}
