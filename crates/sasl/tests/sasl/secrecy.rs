use epode_sasl::{MechanismName, Secret};

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
