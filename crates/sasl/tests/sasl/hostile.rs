//! Bytes that no honest server sends.

use epode_sasl::{Credentials, MechanismName, Step, prepare};
use proptest::prelude::*;

use crate::{RFC_5802_FINAL, RFC_5802_FIRST, keys, mechanism, nfkc, proof_sent, started, user};

proptest! {
    #[test]
    fn no_bytes_panic_at_any_moment(
        name in prop::sample::select(MechanismName::ALL),
        messages in prop::collection::vec((any::<bool>(), bytes()), 0..4),
    ) {
        let credentials = Credentials { jid: Some("user@example.net".to_owned()), ..user() };
        let mut machine = mechanism(name.clone(), &credentials, "nonce").unwrap();
        machine.start();
        for (success, message) in &messages {
            if *success {
                let _ = machine.success(Some(message));
            } else {
                let _ = machine.challenge(message);
            }
        }
    }

    #[test]
    fn no_bytes_but_the_signature_prove_a_server(message in bytes()) {
        prop_assert!(proof_sent_cheaply().success(Some(&message)).is_err());
        prop_assert!(proof_sent_cheaply().challenge(&message).is_err());
    }

    #[test]
    fn what_is_asked_for_lies_within_bounds_and_answers_our_nonce(
        message in "r=nonce[!-~]{1,3}(,[a-z]=[!-~]{0,6}){0,4}"
    ) {
        let mut scram = started(MechanismName::ScramSha1, &user(), "nonce");
        if let Ok(Step::Derive(derivation)) = scram.challenge(message.as_bytes()) {
            prop_assert!((4095..1_000_000).contains(&derivation.iterations_left()));
            prop_assert!(message.starts_with("r=nonce"));
        }
    }

    #[test]
    fn any_names_make_a_message_that_reads_back(authcid in "\\PC{1,20}", authzid in "\\PC{1,20}") {
        // The message holds the prepared form.
        let Ok(prepared) = prepare(&authcid, "user name", nfkc) else { return Ok(()) };
        prop_assume!(!prepared.expose().is_empty());
        let credentials = Credentials { authcid: Some(authcid), authzid: Some(authzid.clone()), ..user() };
        let first = mechanism(MechanismName::ScramSha1, &credentials, "nonce").unwrap().start().unwrap();
        let first = String::from_utf8(first).unwrap();
        let fields: Vec<&str> = first.split(',').collect();
        let unescape = |text: &str| text.replace("=2C", ",").replace("=3D", "=");
        prop_assert_eq!(fields.len(), 4);
        prop_assert_eq!(fields[0], "n");
        prop_assert_eq!(unescape(fields[1].strip_prefix("a=").unwrap()), authzid);
        prop_assert_eq!(unescape(fields[2].strip_prefix("n=").unwrap()), prepared.expose());
        prop_assert_eq!(fields[3], "r=nonce");
    }
}

#[test]
fn no_single_byte_of_the_server_final_message_can_be_changed() {
    let honest = RFC_5802_FINAL.as_bytes();
    assert_eq!(proof_sent().success(Some(honest)), Ok(()));

    let mut forged = honest.to_vec();
    for position in 0..honest.len() {
        for byte in (0..=u8::MAX).filter(|&byte| byte != honest[position]) {
            forged[position] = byte;
            let verified = proof_sent_cheaply().success(Some(&forged));
            assert!(verified.is_err(), "{}", String::from_utf8_lossy(&forged));
        }
        forged[position] = honest[position];
    }
    for length in 0..honest.len() {
        assert!(proof_sent_cheaply().success(Some(&honest[..length])).is_err(), "cut to {length}");
    }
}

/// Like [`proof_sent`], with keys that are derived only once for all cases.
fn proof_sent_cheaply() -> Box<dyn epode_sasl::Mechanism> {
    use std::sync::LazyLock;
    static KEYS: LazyLock<epode_sasl::ScramKeys> = LazyLock::new(|| keys(challenged().1));
    let (mut scram, _) = challenged();
    scram.derived(KEYS.clone()).unwrap();
    scram
}

fn challenged() -> (Box<dyn epode_sasl::Mechanism>, Step) {
    let mut scram = started(MechanismName::ScramSha1, &user(), "fyko+d2lbbFgONRv9qkxdawL");
    let step = scram.challenge(RFC_5802_FIRST.as_bytes()).unwrap();
    (scram, step)
}

/// Random bytes, and bytes that resemble a message.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        "([rsivemx]=?[ -~é\0]{0,12},?){0,5}".prop_map(String::into_bytes),
        "r=nonce[!-~]{0,4},s=[A-Za-z0-9+/=]{0,8},i=[0-9]{0,5}(,[a-z]=[a-z]?)?".prop_map(String::into_bytes),
    ]
}
