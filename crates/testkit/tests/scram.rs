//! SCRAM with a client that is written here, by RFC 5802 alone.

mod common;

use base64::{Engine, engine::general_purpose::STANDARD};
use common::*;
use epode_testkit::{Config, ConnectionId, Misbehaviour, ScramFault};
use epode_xml::Element;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use pbkdf2::pbkdf2_hmac;
use sha2::Digest;

const CLIENT_FIRST_BARE: &str = "n=alice,r=rOprNGfwEbeRWgbNEkqO";

#[test]
fn each_of_the_four_mechanisms_proves_both_sides() {
    let world = &mut World::default();
    assert!(is_mutual::<sha1::Sha1>(world, "SCRAM-SHA-1", "secret-alice"));
    assert!(is_mutual::<sha2::Sha256>(world, "SCRAM-SHA-256", "secret-alice"));
    assert!(is_mutual::<sha2::Sha384>(world, "SCRAM-SHA-384", "secret-alice"));
    assert!(is_mutual::<sha2::Sha512>(world, "SCRAM-SHA-512", "secret-alice"));
    assert_eq!(world.server.statistics().sasl_succeeded, 4);
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let world = &mut World::default();
    let id = begin(world);
    let wrong = exchange::<sha2::Sha256>(world, id, "SCRAM-SHA-256", CLIENT_FIRST_BARE, "secret-bob");
    assert_eq!(condition(&wrong.answer), "not-authorized");
    let id = begin(world);
    let nobody = exchange::<sha2::Sha256>(world, id, "SCRAM-SHA-256", "n=nobody,r=abc", "secret-alice");
    assert_eq!(condition(&nobody.answer), "not-authorized");
}

#[test]
fn the_signature_may_come_as_a_challenge_of_its_own() {
    let world = &mut World::new(Config { signature_in_challenge: true, ..Config::default() });
    let id = begin(world);
    let signed = exchange::<sha2::Sha256>(world, id, "SCRAM-SHA-256", CLIENT_FIRST_BARE, "secret-alice");
    assert!(signed.answer.is("challenge", SASL));
    assert_eq!(decode(&signed.answer), format!("v={}", signed.signature));
    let success = world.answer(id, &format!("<response xmlns='{SASL}'/>"));
    assert!(success.is("success", SASL));
    assert_eq!(success.text(), "");
}

#[test]
fn salts_stay_unless_each_login_is_to_have_its_own() {
    let salts = |config: Config| {
        let world = &mut World::new(config);
        let mut salt = || {
            let id = begin(world);
            let challenge = world.answer(id, &auth("SCRAM-SHA-256", &format!("n,,{CLIENT_FIRST_BARE}")));
            attribute(&decode(&challenge), "s").to_owned()
        };
        (salt(), salt())
    };
    let (first, second) = salts(Config::default());
    assert_eq!(first, second);
    let (first, second) = salts(Config { fresh_salts: true, ..Config::default() });
    assert_ne!(first, second);
}

#[test]
fn a_client_that_insists_on_channel_binding_is_refused() {
    let world = &mut World::default();
    let id = begin(world);
    let failure = world.answer(id, &auth("SCRAM-SHA-256", "p=tls-exporter,,n=alice,r=abc"));
    assert_eq!(condition(&failure), "malformed-request");
}

#[test]
fn each_scripted_fault_of_the_challenge_is_in_the_challenge() {
    let challenge = |fault| {
        let world = &mut World::default();
        world.server.misbehave(Misbehaviour::Scram(fault));
        let id = begin(world);
        let challenge = world.answer(id, &auth("SCRAM-SHA-256", &format!("n,,{CLIENT_FIRST_BARE}")));
        String::from_utf8_lossy(&STANDARD.decode(challenge.text()).unwrap_or_default()).into_owned()
    };
    let ours = "rOprNGfwEbeRWgbNEkqO";
    assert!(!attribute(&challenge(ScramFault::WrongNonce), "r").starts_with(ours));
    assert_eq!(attribute(&challenge(ScramFault::NonceNotLonger), "r"), ours);
    assert_eq!(attribute(&challenge(ScramFault::Iterations(1)), "i"), "1");
    assert_eq!(attribute(&challenge(ScramFault::IterationsNotANumber), "i"), "many");
    assert!(STANDARD.decode(attribute(&challenge(ScramFault::SaltNotBase64), "s")).is_err());
    assert!(!challenge(ScramFault::MissingSalt).contains(",s="));
    assert!(challenge(ScramFault::MandatoryExtension).starts_with("m="));
    assert_eq!(challenge(ScramFault::ChallengeNotBase64), "");
    assert!(challenge(ScramFault::ChallengeNotText).contains('\u{fffd}'));
}

#[test]
fn each_scripted_fault_of_the_signature_is_in_the_success() {
    let success = |fault| {
        let world = &mut World::default();
        world.server.misbehave(Misbehaviour::Scram(fault));
        let id = begin(world);
        let outcome = exchange::<sha2::Sha256>(world, id, "SCRAM-SHA-256", CLIENT_FIRST_BARE, "secret-alice");
        assert!(outcome.answer.is("success", SASL));
        outcome
    };
    assert_eq!(success(ScramFault::MissingSignature).answer.text(), "");
    let forged = success(ScramFault::WrongSignature);
    assert!(decode(&forged.answer).starts_with("v="));
    assert_ne!(decode(&forged.answer), format!("v={}", forged.signature));
    assert_eq!(decode(&success(ScramFault::SignatureNotBase64).answer), "v=*not base64*");
    assert_eq!(decode(&success(ScramFault::ErrorInSuccess).answer), "e=other-error");
}

#[test]
fn success_without_proof_comes_at_once() {
    let world = &mut World::default();
    world.server.misbehave(Misbehaviour::Scram(ScramFault::SuccessWithoutProof));
    let id = begin(world);
    let answer = world.answer(id, &auth("SCRAM-SHA-256", &format!("n,,{CLIENT_FIRST_BARE}")));
    assert!(answer.is("success", SASL));
}

struct Outcome {
    answer: Element,
    /// The signature that the server must send.
    signature: String,
}

fn begin(world: &mut World) -> ConnectionId {
    let id = world.connect();
    world.ask(id, OPEN);
    id
}

fn is_mutual<D: EagerHash + Digest>(world: &mut World, mechanism: &str, password: &str) -> bool {
    let id = begin(world);
    let outcome = exchange::<D>(world, id, mechanism, CLIENT_FIRST_BARE, password);
    outcome.answer.is("success", SASL) && decode(&outcome.answer) == format!("v={}", outcome.signature)
}

fn exchange<D: EagerHash + Digest>(
    world: &mut World,
    id: ConnectionId,
    mechanism: &str,
    client_first_bare: &str,
    password: &str,
) -> Outcome {
    let challenge = world.answer(id, &auth(mechanism, &format!("n,,{client_first_bare}")));
    let server_first = decode(&challenge);
    let salt = STANDARD.decode(attribute(&server_first, "s")).expect("a salt");
    let iterations = attribute(&server_first, "i").parse().expect("an iteration count");
    let mut salted = vec![0; <D as Digest>::output_size()];
    pbkdf2_hmac::<D>(password.as_bytes(), &salt, iterations, &mut salted);

    let without_proof = format!("c=biws,r={}", attribute(&server_first, "r"));
    let auth_message = format!("{client_first_bare},{server_first},{without_proof}");
    let client_key = hmac::<D>(&salted, "Client Key");
    let client_signature = hmac::<D>(&D::digest(&client_key), &auth_message);
    let proof: Vec<u8> = client_key.iter().zip(&client_signature).map(|(a, b)| a ^ b).collect();
    let signature = STANDARD.encode(hmac::<D>(&hmac::<D>(&salted, "Server Key"), &auth_message));
    let answer = world.answer(id, &response(&format!("{without_proof},p={}", STANDARD.encode(proof))));
    Outcome { answer, signature }
}

fn hmac<D: EagerHash>(key: &[u8], data: &str) -> Vec<u8> {
    let mut mac = Hmac::<D>::new_from_slice(key).expect("a key of any length");
    mac.update(data.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn decode(element: &Element) -> String {
    String::from_utf8(STANDARD.decode(element.text()).expect("base64")).expect("text")
}

fn attribute<'a>(message: &'a str, name: &str) -> &'a str {
    message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).expect("the attribute")
}
