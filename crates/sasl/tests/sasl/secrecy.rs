use epode_sasl::{MechanismName, Proof, ScramKeys, Secret};

use crate::{credentials, keys, started};

#[test]
fn debug_prints_no_secret() {
    let credentials = credentials("user", "correct horse");
    let mut scram = started(MechanismName::ScramSha1, &credentials, "nonce");
    let step = scram.challenge(b"r=nonce2,s=c2FsdA==,i=4096").unwrap();
    assert_eq!(format!("{:?}", credentials.proof), "Some(Password(…))");
    assert_eq!(format!("{step:?}"), "Derive(Derivation { hash: Sha1, left: 4095, .. })");
    assert_eq!(format!("{:?}", keys(step)), "ScramKeys { hash: Sha1, iterations: 4096, .. }");
    for printed in [format!("{credentials:?}"), format!("{credentials:#?}")] {
        assert!(printed.contains("user") && !printed.contains("horse"), "{printed}");
    }
}

#[test]
fn secrets_are_equal_when_their_texts_are() {
    let secret = |text: &str| Secret::from(text.to_owned());
    assert_eq!(secret("pencil"), secret("pencil"));
    assert_eq!(secret("pencil").clone().expose(), "pencil");
    for other in ["", "pencils", "pencim", "Pencil"] {
        assert_ne!(secret("pencil"), secret(other));
    }
}

#[test]
fn a_proof_is_known_again_by_its_fingerprint_which_says_nothing_of_it_without_the_key() {
    let secret = |text: &str| Secret::from(text.to_owned());
    let print =
        |name: &str, password: &str, key: &str| Proof::from(secret(password)).fingerprint(name, &secret(key));
    let known = print("user", "pencil", "key");
    assert_eq!(known, print("user", "pencil", "key"));
    for other in [
        print("user", "pencil", "another"),
        print("user", "Pencil", "key"),
        print("use", "rpencil", "key"),
        print("userp", "encil", "key"),
        print("user", "", "key"),
    ] {
        assert_ne!(known, other);
    }
    assert_eq!(format!("{known:?}"), "…");
    let keys = "SHA-1$4096:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let by_keys = Proof::Keys(ScramKeys::parse(keys).unwrap()).fingerprint("user", &secret("key"));
    assert_ne!(by_keys, print("user", keys, "key"), "keys are no password that reads like them");
}
