//! For each rule of an exchange, a message that breaks it.

use epode_sasl::{Credentials, Error, MechanismName};

use crate::{RFC_5802_FINAL, RFC_5802_FIRST, derivation, keys, mechanism, proof_sent, started, user};

const FIRST: &str = "server-first-message";
const FINAL: &str = "server-final-message";

#[test]
fn each_broken_rule_of_a_server_first_message_has_its_error() {
    let form = malformed(FIRST, "attributes of the form a=value");
    let number = malformed(FIRST, "a number after i=");
    let table: &[(&[u8], Error)] = &[
        // The form.
        (b"", form.clone()),
        (b"gibberish", form.clone()),
        (b"\xffr=nonce2,s=c2FsdA==,i=4096", malformed(FIRST, "UTF-8 without NUL")),
        (b"r=nonce2,s=c2FsdA==,i=4096\0", malformed(FIRST, "UTF-8 without NUL")),
        (b"r=nonce2,s=c2FsdA==,i=4096,", form.clone()),
        (b"r=nonce2,s=c2FsdA==,i=4096,xy=1", form.clone()),
        (b"r=nonce2,s=c2FsdA==,i=4096,1=1", form.clone()),
        (b"r=nonce2,s=c2FsdA==,i=4096,x", form),
        (b"r=nonce2,s=c2FsdA==,i=4096,x=", malformed(FIRST, "a value in each extension")),
        // The order.
        (b"s=c2FsdA==,r=nonce2,i=4096", malformed(FIRST, "r=")),
        (b"x=1,r=nonce2,s=c2FsdA==,i=4096", malformed(FIRST, "r=")),
        (b"R=nonce2,s=c2FsdA==,i=4096", malformed(FIRST, "r=")),
        (b"r=nonce2,s=c2FsdA==", malformed(FIRST, "i=")),
        (b"r=nonce2,s=c2FsdA==,x=1,i=4096", malformed(FIRST, "i=")),
        // A mandatory extension.
        (b"m=x,r=nonce2,s=c2FsdA==,i=4096", Error::MandatoryExtension),
        (b"r=nonce2,m=x,s=c2FsdA==,i=4096", Error::MandatoryExtension),
        (b"r=nonce2,s=c2FsdA==,i=4096,x=1,m=x", Error::MandatoryExtension),
        // The nonce.
        (b"r=,s=c2FsdA==,i=4096", Error::ServerNonce),
        (b"r=nonce,s=c2FsdA==,i=4096", Error::ServerNonce),
        (b"r=nonc2,s=c2FsdA==,i=4096", Error::ServerNonce),
        (b"r=Nonce2,s=c2FsdA==,i=4096", Error::ServerNonce),
        (b"r=2nonce,s=c2FsdA==,i=4096", Error::ServerNonce),
        (b"r=nonce 2,s=c2FsdA==,i=4096", Error::ServerNonce),
        ("r=nonceé,s=c2FsdA==,i=4096".as_bytes(), Error::ServerNonce),
        // The salt.
        (b"r=nonce2", Error::SaltMissing),
        (b"r=nonce2,i=4096", Error::SaltMissing),
        (b"r=nonce2,s=,i=4096", Error::SaltMissing),
        (b"r=nonce2,s=c2FsdA,i=4096", Error::Salt),
        (b"r=nonce2,s=c2FsdB==,i=4096", Error::Salt),
        (b"r=nonce2,s=c2Fs dA=,i=4096", Error::Salt),
        (b"r=nonce2,s=____,i=4096", Error::Salt),
        (b"r=nonce2,s==,i=4096", Error::Salt),
        // The iteration count.
        (b"r=nonce2,s=c2FsdA==,i=1", Error::IterationCount(1)),
        (b"r=nonce2,s=c2FsdA==,i=4095", Error::IterationCount(4095)),
        (b"r=nonce2,s=c2FsdA==,i=1000001", Error::IterationCount(1_000_001)),
        (b"r=nonce2,s=c2FsdA==,i=4294971392", Error::IterationCount(4_294_971_392)),
        (b"r=nonce2,s=c2FsdA==,i=99999999999999999999999", Error::IterationCount(u64::MAX)),
        (b"r=nonce2,s=c2FsdA==,i=", number.clone()),
        (b"r=nonce2,s=c2FsdA==,i=0", number.clone()),
        (b"r=nonce2,s=c2FsdA==,i=04096", number.clone()),
        (b"r=nonce2,s=c2FsdA==,i=+4096", number.clone()),
        (b"r=nonce2,s=c2FsdA==,i=-4096", number.clone()),
        (b"r=nonce2,s=c2FsdA==,i=4096.0", number),
        // A refusal before its time.
        (b"e=unknown-user", Error::ServerError("unknown-user".to_owned())),
    ];
    for (message, error) in table {
        let mut scram = started(MechanismName::ScramSha1, &user(), "nonce");
        let said = String::from_utf8_lossy(message);
        assert_eq!(scram.challenge(message).err().as_ref(), Some(error), "{said}");
        // An error is final.
        assert_eq!(
            scram.challenge(b"r=nonce2,s=c2FsdA==,i=4096").err(),
            Some(Error::UnexpectedChallenge),
            "{said}"
        );
        assert_eq!(scram.success(None), Err(Error::UnexpectedSuccess), "{said}");
    }
}

#[test]
fn each_broken_rule_of_a_server_final_message_has_its_error() {
    let base64 = malformed(FINAL, "base64 after v=");
    let table: &[(&[u8], Error)] = &[
        (b"x", malformed(FINAL, "attributes of the form a=value")),
        (b"\xff", malformed(FINAL, "UTF-8 without NUL")),
        (b"x=1,v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", malformed(FINAL, "v= or e=")),
        (b"m=1,v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", Error::MandatoryExtension),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,m=1", Error::MandatoryExtension),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,", malformed(FINAL, "attributes of the form a=value")),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ", base64.clone()),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKR=", base64.clone()),
        (b"v=***", base64),
        (b"v=", Error::Signature),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsA==", Error::Signature),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKUA", Error::Signature),
        (b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", Error::Signature),
        (b"e=invalid-proof", Error::ServerError("invalid-proof".to_owned())),
        (b"e=other-error,x=1", Error::ServerError("other-error".to_owned())),
    ];
    for (message, error) in table {
        let said = String::from_utf8_lossy(message);
        assert_eq!(proof_sent().success(Some(message)).as_ref(), Err(error), "as success: {said}");
        let mut scram = proof_sent();
        assert_eq!(scram.challenge(message).err().as_ref(), Some(error), "as challenge: {said}");
        assert_eq!(scram.success(Some(RFC_5802_FINAL.as_bytes())), Err(Error::UnexpectedSuccess), "{said}");
    }
}

#[test]
fn extensions_behind_the_signature_are_passed_over() {
    assert_eq!(proof_sent().success(Some(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,x=1,Y=a=b")), Ok(()));
}

#[test]
fn a_server_that_skips_its_proof_is_not_believed() {
    for data in [None, Some(&b""[..])] {
        assert_eq!(proof_sent().success(data), Err(Error::SignatureMissing));
    }
    let server_final = Some(RFC_5802_FINAL.as_bytes());
    for data in [None, Some(&b""[..]), server_final] {
        let mut scram = mechanism(MechanismName::ScramSha1, &user(), "nonce").unwrap();
        assert_eq!(scram.success(data), Err(Error::UnexpectedSuccess), "before the first message");

        let mut scram = started(MechanismName::ScramSha1, &user(), "nonce");
        assert_eq!(scram.success(data), Err(Error::UnexpectedSuccess), "before the first challenge");

        let mut scram = started(MechanismName::ScramSha1, &user(), "nonce");
        scram.challenge(b"r=nonce2,s=c2FsdA==,i=4096").unwrap();
        assert_eq!(scram.success(data), Err(Error::UnexpectedSuccess), "while keys are derived");
    }
}

#[test]
fn success_comes_once() {
    let mut scram = proof_sent();
    assert_eq!(scram.success(Some(RFC_5802_FINAL.as_bytes())), Ok(()));
    assert_eq!(scram.success(Some(RFC_5802_FINAL.as_bytes())), Err(Error::UnexpectedSuccess));
}

#[test]
fn a_challenge_out_of_order_is_refused() {
    let mut scram = mechanism(MechanismName::ScramSha1, &user(), "nonce").unwrap();
    assert_eq!(scram.challenge(b"r=nonce2,s=c2FsdA==,i=4096").err(), Some(Error::UnexpectedChallenge));

    let mut scram = started(MechanismName::ScramSha1, &user(), "nonce");
    scram.challenge(b"r=nonce2,s=c2FsdA==,i=4096").unwrap();
    assert_eq!(scram.challenge(b"r=nonce3,s=c2FsdA==,i=4096").err(), Some(Error::UnexpectedChallenge));

    let mut scram = proof_sent();
    scram.challenge(RFC_5802_FINAL.as_bytes()).unwrap();
    assert_eq!(scram.challenge(RFC_5802_FINAL.as_bytes()).err(), Some(Error::UnexpectedChallenge));
}

#[test]
fn keys_that_were_not_asked_for_are_refused() {
    let ask = |name: MechanismName, first: &str| {
        let mut scram = started(name, &user(), "fyko+d2lbbFgONRv9qkxdawL");
        let step = scram.challenge(first.as_bytes()).unwrap();
        (scram, step)
    };
    let keys = keys(ask(MechanismName::ScramSha1, RFC_5802_FIRST).1);

    for (name, first) in [
        (MechanismName::ScramSha256, RFC_5802_FIRST.to_owned()),
        (MechanismName::ScramSha1, RFC_5802_FIRST.replace("s=QSXC", "s=QSXD")),
        (MechanismName::ScramSha1, RFC_5802_FIRST.replace("i=4096", "i=4097")),
    ] {
        let (mut scram, _) = ask(name.clone(), &first);
        assert_eq!(scram.derived(keys.clone()).err(), Some(Error::UnexpectedKeys), "{name:?} {first}");
    }

    let mut early = started(MechanismName::ScramSha1, &user(), "nonce");
    assert_eq!(early.derived(keys.clone()).err(), Some(Error::UnexpectedKeys));
    let mut late = proof_sent();
    assert_eq!(late.derived(keys.clone()).err(), Some(Error::UnexpectedKeys));
    let mut plain = mechanism(MechanismName::Plain, &user(), "").unwrap();
    assert_eq!(plain.derived(keys).err(), Some(Error::UnexpectedKeys));
}

#[test]
fn the_bounds_of_the_iteration_count_are_allowed() {
    for (count, left) in [("4096", 4095), ("1000000", 999_999)] {
        let mut scram = started(MechanismName::ScramSha512, &user(), "nonce");
        let step = scram.challenge(format!("r=nonce2,s=c2FsdA==,i={count}").as_bytes()).unwrap();
        assert_eq!(derivation(step).iterations_left(), left);
    }
}

#[test]
fn what_the_caller_gets_wrong_is_refused_before_anything_is_sent() {
    for nonce in ["", "a,b", "a b", "a\n", "\u{7f}", "ä", "\0"] {
        let refused = mechanism(MechanismName::ScramSha1, &user(), nonce).err();
        assert_eq!(refused, Some(Error::ClientNonce), "{nonce:?}");
    }
    for name in [MechanismName::ScramSha512, MechanismName::Plain] {
        for authcid in [None, Some(String::new())] {
            let nameless = Credentials { authcid, ..user() };
            assert_eq!(mechanism(name.clone(), &nameless, "nonce").err(), Some(Error::AuthcidMissing));
        }
        let passwordless = Credentials { proof: None, ..user() };
        assert_eq!(mechanism(name.clone(), &passwordless, "nonce").err(), Some(Error::PasswordMissing));
    }
}

#[test]
fn each_error_has_a_condition_of_its_own() {
    let errors = [
        Error::NoMechanism { offered: Vec::new() },
        Error::PlaintextRefused(MechanismName::Plain),
        Error::AuthcidMissing,
        Error::PasswordMissing,
        Error::Keys,
        Error::KeysOutdated,
        Error::Token,
        Error::Prohibited { field: "password" },
        Error::Bidirectional { field: "password" },
        Error::Nul { field: "authcid" },
        Error::ClientNonce,
        Error::UnexpectedKeys,
        Error::UnexpectedChallenge,
        Error::UnexpectedSuccess,
        Error::TokenError,
        malformed(FIRST, "r="),
        Error::MandatoryExtension,
        Error::ServerNonce,
        Error::SaltMissing,
        Error::Salt,
        Error::IterationCount(1),
        Error::ServerError(String::new()),
        Error::Signature,
        Error::SignatureMissing,
    ];
    let conditions: std::collections::BTreeSet<&str> = errors.iter().map(Error::condition).collect();
    assert_eq!(conditions.len(), errors.len());
    for condition in conditions {
        assert!(condition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{condition}");
    }
}

fn malformed(message: &'static str, expected: &'static str) -> Error {
    Error::Malformed { message, expected }
}
