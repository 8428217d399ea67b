//! The mechanisms as a stream sees them, in the order of the calls: choose, start, challenge,
//! derive, success.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod choosing;
mod derivation;
mod hostile;
mod oauth;
mod refusals;
mod saslprep;
mod scram;
mod secrecy;
mod simple;

use epode_sasl::{Credentials, Derivation, Error, Mechanism, MechanismName, ScramKeys, Secret, Step};
use unicode_normalization::UnicodeNormalization as _;

/// `user` with the password `pencil`, as in the RFCs.
fn user() -> Credentials {
    credentials("user", "pencil")
}

fn credentials(authcid: &str, password: &str) -> Credentials {
    Credentials {
        jid: None,
        authcid: Some(authcid.to_owned()),
        authzid: None,
        proof: Some(Secret::new(password.to_owned()).into()),
    }
}

fn nfkc(text: &str) -> String {
    text.nfkc().collect()
}

fn mechanism(
    name: MechanismName,
    credentials: &Credentials,
    nonce: &str,
) -> Result<Box<dyn Mechanism>, Error> {
    epode_sasl::mechanism(name, credentials, nonce, nfkc)
}

/// A SCRAM machine that has sent its first message.
fn started(name: MechanismName, credentials: &Credentials, nonce: &str) -> Box<dyn Mechanism> {
    let mut scram = mechanism(name.clone(), credentials, nonce).unwrap();
    scram.start().unwrap();
    scram
}

fn derivation(step: Step) -> Derivation {
    match step {
        Step::Derive(derivation) => derivation,
        Step::Respond(response) => panic!("answered at once: {response:?}"),
        Step::Relay(challenge) => panic!("passed on {challenge:?}"),
    }
}

fn response(step: Step) -> String {
    match step {
        Step::Respond(response) => String::from_utf8(response).unwrap(),
        Step::Derive(derivation) => panic!("asked for {derivation:?}"),
        Step::Relay(challenge) => panic!("passed on {challenge:?}"),
    }
}

/// Keys for a challenge, derived in one go.
fn keys(step: Step) -> ScramKeys {
    derivation(step).advance(u32::MAX).unwrap()
}

const RFC_5802_FIRST: &str = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
const RFC_5802_FINAL: &str = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";

/// The exchange of RFC 5802 §5, up to the client's proof.
fn proof_sent() -> Box<dyn Mechanism> {
    let mut scram = started(MechanismName::ScramSha1, &user(), "fyko+d2lbbFgONRv9qkxdawL");
    let keys = keys(scram.challenge(RFC_5802_FIRST.as_bytes()).unwrap());
    scram.derived(keys).unwrap();
    scram
}
