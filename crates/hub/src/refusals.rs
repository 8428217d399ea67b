//! The logins that servers have refused of late. One proof is tried once, and each account is tried
//! a few times only: neither a stubborn app nor many tabs can get an account locked.

use std::time::Duration;

use epode_protocol::{Status, StatusCode};
use epode_session::Account;
use epode_session::stream::Error;
use epode_session::stream::sasl::{self, Fingerprint, Secret};

use crate::key::Key;
use crate::status::because;

/// How long a refused proof is not tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// The number of refusals of an account within this time after which no login is tried.
const MOST: usize = 5;
const WITHIN: Duration = Duration::from_secs(600);

/// The refusals of late, oldest first. Of a proof there is only its fingerprint, under a key that
/// is gone with this worker.
#[derive(Debug)]
pub(crate) struct Refusals {
    key: Secret,
    all: Vec<Refusal>,
    /// The proofs that have logged in by SCRAM, for as long as this worker lives.
    proven: Vec<(Key, Fingerprint)>,
}

#[derive(Debug)]
struct Refusal {
    whose: Key,
    proof: Option<Fingerprint>,
    error: Error,
    at: Duration,
}

impl Refusals {
    pub(crate) fn new(key: Secret) -> Self {
        Refusals { key, all: Vec::new(), proven: Vec::new() }
    }

    /// Notes the error of an attempt, if it says that the server refused the proof.
    pub(crate) fn note(&mut self, now: Duration, whose: &Key, account: &Account, error: &Error) {
        if !account.is_anonymous() && judges_proof(error) {
            let (whose, proof) = (whose.without_port(), account.fingerprint(&self.key));
            self.all.push(Refusal { whose, proof, error: error.clone(), at: now });
        }
    }

    /// The server took these credentials: its former refusals of them are void. `scram`: whether by
    /// SCRAM.
    pub(crate) fn forgive(&mut self, whose: &Key, account: &Account, scram: bool) {
        let whose = whose.without_port();
        let Some(proof) = account.fingerprint(&self.key) else { return };
        self.all.retain(|refusal| refusal.whose != whose || refusal.proof.as_ref() != Some(&proof));
        let known = (whose, proof);
        if scram && !self.proven.contains(&known) {
            self.proven.push(known);
        }
    }

    /// Whether these credentials have logged in by SCRAM. An app that dials by itself begins with a
    /// first login each time.
    pub(crate) fn were_proven(&self, whose: &Key, account: &Account) -> bool {
        let whose = whose.without_port();
        account.fingerprint(&self.key).is_some_and(|proof| self.proven.contains(&(whose, proof)))
    }

    /// The status for a tab whose credentials are not to be tried now, if so.
    pub(crate) fn spare(&mut self, now: Duration, whose: &Key, account: &Account) -> Option<Status> {
        self.all.retain(|refusal| refusal.at + WITHIN > now);
        let whose = whose.without_port();
        let of_account: Vec<&Refusal> = self.all.iter().filter(|refusal| refusal.whose == whose).collect();
        let proof = account.fingerprint(&self.key);
        let mut same = of_account.iter().filter(|refusal| proof.is_some() && refusal.proof == proof);
        let same = same.next_back().filter(|refusal| refusal.at + AGAIN > now);
        let first = of_account.len().checked_sub(MOST).map(|at| of_account[at]);
        // The reason that holds for longer, so that the time in its text is true.
        match (same, first) {
            (Some(Refusal { error, at, .. }), first)
                if first.is_none_or(|first| first.at + WITHIN < *at + AGAIN) =>
            {
                let (ago, left) = ((now - *at).as_secs(), whole_seconds(*at + AGAIN - now));
                let text = format!(
                    "{error}; that was {ago} s ago, and the server was not asked again: it can be in {left} s"
                );
                Some(because(StatusCode::AuthFail, error.condition(), &text))
            }
            (_, Some(first)) => {
                let left = whole_seconds(first.at + WITHIN - now);
                let text = format!(
                    "the server has refused {MOST} logins of this account within 10 minutes, \
                     and was not asked again, lest it lock the account: \
                     it can be in {left} s"
                );
                Some(because(StatusCode::AuthFail, Some("too-many-attempts"), &text))
            }
            _ => None,
        }
    }
}

/// Whether the server has looked at the proof and refused it.
pub(crate) fn judges_proof(error: &Error) -> bool {
    match error {
        // RFC 6120 §6.5: these conditions are about the exchange, or are temporary.
        Error::AuthRefused { condition, .. } => !matches!(
            condition.as_str(),
            "aborted"
                | "encryption-required"
                | "incorrect-encoding"
                | "invalid-mechanism"
                | "malformed-request"
                | "mechanism-too-weak"
                | "temporary-auth-failure"
        ),
        Error::OtherAccount(_) => true,
        // RFC 5802 §7.
        Error::Sasl(sasl::Error::ServerError(why)) => {
            matches!(why.as_str(), "invalid-proof" | "unknown-user")
        }
        _ => false,
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000) as u64
}
