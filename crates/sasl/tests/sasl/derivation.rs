use epode_sasl::{Derivation, MechanismName, ScramKeys};
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use crate::{credentials, derivation, started, user};

#[test]
fn slices_of_any_size_give_the_same_keys() {
    let whole = ask(MechanismName::ScramSha256, "pencil", b"salt", 4096).advance(u32::MAX).unwrap();
    for slice in [1, 7, 1000, 4094, 4095, 4096] {
        let mut derivation = ask(MechanismName::ScramSha256, "pencil", b"salt", 4096);
        let keys = loop {
            let left = derivation.iterations_left();
            if let Some(keys) = derivation.advance(slice) {
                assert!(left <= slice);
                break keys;
            }
            assert_eq!(derivation.iterations_left(), left - slice);
        };
        assert_eq!(derivation.iterations_left(), 0);
        assert_eq!(pair(&keys), pair(&whole), "slices of {slice}");
    }
}

#[test]
fn a_slice_of_nothing_is_no_progress_and_a_finished_derivation_stays_finished() {
    let mut derivation = ask(MechanismName::ScramSha1, "pencil", b"salt", 4096);
    assert!(derivation.advance(0).is_none());
    assert_eq!(derivation.iterations_left(), 4095);
    let keys = derivation.advance(4095).unwrap();
    assert_eq!(pair(&derivation.advance(0).unwrap()), pair(&keys));
    assert_eq!(pair(&derivation.advance(1000).unwrap()), pair(&keys));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_keys_are_those_of_another_pbkdf2(
        name in prop::sample::select(&MechanismName::ALL[..4]),
        password in "[ -~]{0,200}",
        salt in prop::collection::vec(any::<u8>(), 1..100),
        iterations in 4096..4200_u32,
        slice in 100..5000_u32,
    ) {
        let mut derivation = ask(name.clone(), &password, &salt, iterations);
        let keys = loop {
            if let Some(keys) = derivation.advance(slice) {
                break keys;
            }
        };
        let oracle = match name {
            MechanismName::ScramSha1 => oracle::<Sha1>,
            MechanismName::ScramSha256 => oracle::<Sha256>,
            MechanismName::ScramSha384 => oracle::<Sha384>,
            _ => oracle::<Sha512>,
        };
        let expected = oracle(password.as_bytes(), &salt, iterations, keys.client_key().len());
        prop_assert_eq!((keys.client_key().to_vec(), keys.server_key().to_vec()), expected);
    }
}

fn ask(name: MechanismName, password: &str, salt: &[u8], iterations: u32) -> Derivation {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut scram = started(name.clone(), &credentials(&user().authcid.unwrap(), password), "nonce");
    let first = format!("r=nonce2,s={},i={iterations}", STANDARD.encode(salt));
    derivation(scram.challenge(first.as_bytes()).unwrap())
}

fn pair(keys: &ScramKeys) -> (&[u8], &[u8]) {
    (keys.client_key(), keys.server_key())
}

/// ClientKey and ServerKey.
fn oracle<H: EagerHash>(password: &[u8], salt: &[u8], iterations: u32, length: usize) -> (Vec<u8>, Vec<u8>) {
    let mut salted = vec![0; length];
    pbkdf2::pbkdf2_hmac::<H>(password, salt, iterations, &mut salted);
    let mac = |text: &[u8]| {
        Hmac::<H>::new_from_slice(&salted).unwrap().chain_update(text).finalize().into_bytes().to_vec()
    };
    (mac(b"Client Key"), mac(b"Server Key"))
}
