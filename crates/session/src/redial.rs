//! What ends a session that was up, and when another stream is tried otherwise.
//!
//! | cause | again? | when |
//! |---|---|---|
//! | stream error `conflict` while it is up: somebody else has the session | no | |
//! | a server that does not prove itself | no | |
//! | `account-disabled`, `credentials-expired` | no | |
//! | keys of SCRAM that are outdated: there is no password | no | |
//! | nobody is left who has the credentials | no | |
//! | we closed it | no | |
//! | `not-authorized` | twice | after 30 s at least, then after 5 min |
//! | the network: no answer, a lost or refused socket | yes | [`Backoff`], up to 60 s |
//! | everything else | yes | the same; up to 5 min from the fifth time in a row on |
//!
//! Servers say `not-authorized` while their database of users is away, so one refusal proves nothing; three
//! stay below what locks accounts. What the network does is not held against the server: when it is back, its
//! users are to be back within the minute.

use std::time::Duration;

use epode_stream::Error;
use epode_stream::sasl;

use crate::backoff::Backoff;

/// How long to rest at least after the first `not-authorized`, and after the second.
const REFUSED: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(300)];

/// How often the same error may come in a row, before the server is dialled more rarely; and how rarely.
const SAME: u32 = 5;
const RARELY: Duration = Duration::from_secs(300);
const OFTEN: Duration = Duration::from_secs(60);

/// The word for whatever is wrong with the network.
const NETWORK: &str = "";

/// Decides when to dial again.
#[derive(Debug)]
pub(crate) struct Redial {
    backoff: Backoff,
    /// How often the credentials were refused since they were last taken.
    refused: usize,
    /// When they may be put to the server again, whatever happens until then.
    not_before: Duration,
    /// The latest cause, and how often it came in a row.
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

    /// There are other credentials, which nobody has refused.
    pub(crate) fn renew(&mut self) {
        self.refused = 0;
        self.not_before = Duration::ZERO;
    }

    /// When to dial, where something speaks for doing so at once.
    pub(crate) fn soonest(&self, now: Duration) -> Duration {
        self.not_before.max(now)
    }

    /// How long to rest after a stream that ended so, and was `up` until then; `None` if it ends the session.
    pub(crate) fn rest(&mut self, now: Duration, error: &Error, up: bool) -> Option<Duration> {
        if is_final(error, up) {
            return None;
        }
        if is_refusal(error) {
            self.refused += 1;
            self.not_before = now + *REFUSED.get(self.refused - 1)?;
        }
        let cause = cause(error);
        self.row = if *self.cause == *cause { self.row + 1 } else { 1 };
        self.cause = cause.to_owned();
        let cap = if self.row >= SAME && cause != NETWORK { RARELY } else { OFTEN };
        Some(self.backoff.delay(now, cap).max(self.not_before.saturating_sub(now)))
    }
}

/// Errors with the same cause are one error that comes back: the condition that somebody named, else the rule
/// that the server broke.
pub(crate) fn cause(error: &Error) -> &str {
    match error.is_of_network() {
        true => NETWORK,
        false => error.condition().or_else(|| error.stream_error()).unwrap_or(NETWORK),
    }
}

fn is_final(error: &Error, up: bool) -> bool {
    match error {
        // Said to a new stream it means that the server has not missed the former one yet (RFC 6120
        // §4.9.3.3).
        Error::StreamError { condition, .. } => up && condition == "conflict",
        Error::AuthRefused { condition, .. } => {
            matches!(condition.as_str(), "account-disabled" | "credentials-expired")
        }
        Error::Sasl(sasl::Error::KeysOutdated | sasl::Error::Unspoken(_)) => true,
        Error::NotClosed => true,
        error => error.is_impostor(),
    }
}

fn is_refusal(error: &Error) -> bool {
    match error {
        Error::AuthRefused { condition, .. } => condition == "not-authorized",
        // The same in SCRAM's own words (RFC 5802 §7); its others, such as `no-resources`, say nothing of the
        // credentials.
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
        // None counts, and none makes the count begin anew.
        let busy = sasl::Error::ServerError("no-resources".to_owned()).into();
        for error in [refused("temporary-auth-failure"), lost(), busy] {
            let rest = redial.rest(Duration::from_secs(1), &error, true);
            assert!(
                rest >= Some(MINUTE / 2 - Duration::from_secs(1)),
                "a lost connection is no way around it"
            );
        }
        assert_eq!(redial.rest(MINUTE, &refused("not-authorized"), true), Some(5 * MINUTE));
        // The same in SCRAM's own words.
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
            assert!(redial.rest(MINUTE, &lost(), true) < Some(MINUTE / 3));
            assert_eq!(redial.rest(MINUTE, &refused("not-authorized"), true), Some(MINUTE / 2));
        }
    }

    #[test]
    fn the_same_error_again_and_again_is_met_ever_more_rarely() {
        let longest = |error: &Error, times: u32| {
            let mut redial = Redial::new(7);
            (0..times).filter_map(|_| redial.rest(Duration::ZERO, error, true)).max().unwrap_or_default()
        };
        let unknown = stream_error("host-unknown");
        assert!(longest(&unknown, 5) <= MINUTE);
        let rarely = longest(&unknown, 20);
        assert!(rarely > 2 * MINUTE && rarely <= 5 * MINUTE, "{rarely:?}");
        assert!(longest(&lost(), 20) <= MINUTE, "the network is not the server's fault");
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
