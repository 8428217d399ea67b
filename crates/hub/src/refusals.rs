//! What servers have refused lately. One proof is put to a server once, and few of an account at all: no app,
//! however it tries again, and no number of tabs gets an account locked.

use std::time::Duration;

use epode_protocol::{Status, StatusCode};
use epode_session::Account;
use epode_session::stream::Error;
use epode_session::stream::sasl::{self, Fingerprint, Secret};

use crate::key::Key;
use crate::status::because;

/// For how long a proof that was refused is not put to the server again.
const AGAIN: Duration = Duration::from_secs(60);

/// How many refusals an account may have in which time, before nobody asks for it any more.
const MOST: usize = 5;
const WITHIN: Duration = Duration::from_secs(600);

/// The refusals of the last while, oldest first. Of a proof there is only its fingerprint, under a key that
/// is gone with this worker.
#[derive(Debug)]
pub(crate) struct Refusals {
    key: Secret,
    all: Vec<Refusal>,
    /// The proofs by which somebody has logged in by SCRAM, for as long as this worker lives.
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

    /// An attempt came to this error. Only what the server says of the proof counts.
    pub(crate) fn note(&mut self, now: Duration, whose: &Key, account: &Account, error: &Error) {
        if !account.is_anonymous() && judges_proof(error) {
            let (whose, proof) = (whose.without_port(), account.fingerprint(&self.key));
            self.all.push(Refusal { whose, proof, error: error.clone(), at: now });
        }
    }

    /// The server took these credentials, perhaps by SCRAM: what it said of them before is void.
    pub(crate) fn forgive(&mut self, whose: &Key, account: &Account, scram: bool) {
        let whose = whose.without_port();
        let Some(proof) = account.fingerprint(&self.key) else { return };
        self.all.retain(|refusal| refusal.whose != whose || refusal.proof.as_ref() != Some(&proof));
        let known = (whose, proof);
        if scram && !self.proven.contains(&known) {
            self.proven.push(known);
        }
    }

    /// Whether these credentials have logged in by SCRAM: apps that dial again by themselves begin anew each
    /// time.
    pub(crate) fn were_proven(&self, whose: &Key, account: &Account) -> bool {
        let whose = whose.without_port();
        account.fingerprint(&self.key).is_some_and(|proof| self.proven.contains(&(whose, proof)))
    }

    /// What a tab hears that wants these credentials put to the server, if they are not to be.
    pub(crate) fn spare(&mut self, now: Duration, whose: &Key, account: &Account) -> Option<Status> {
        self.all.retain(|refusal| refusal.at + WITHIN > now);
        let whose = whose.without_port();
        let of_account: Vec<&Refusal> = self.all.iter().filter(|refusal| refusal.whose == whose).collect();
        let proof = account.fingerprint(&self.key);
        let mut same = of_account.iter().filter(|refusal| proof.is_some() && refusal.proof == proof);
        let same = same.next_back().filter(|refusal| refusal.at + AGAIN > now);
        let first = of_account.len().checked_sub(MOST).map(|at| of_account[at]);
        // Of two reasons it is the one that holds for longer: the time to wait is to be true.
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
                    "the server has refused {MOST} logins of this account within 10 minutes, and was not asked again, lest it lock the account: \
                     it can be in {left} s"
                );
                Some(because(StatusCode::AuthFail, Some("too-many-attempts"), &text))
            }
            _ => None,
        }
    }
}

/// Whether the server has looked at the proof and does not take it.
fn judges_proof(error: &Error) -> bool {
    match error {
        // RFC 6120 §6.5: what these say is about the exchange, or about nothing that lasts.
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
