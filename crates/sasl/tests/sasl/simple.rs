//! PLAIN and ANONYMOUS.

use epode_sasl::{Credentials, Error, MechanismName, Step};

use crate::{credentials, mechanism, user};

#[test]
fn plain_sends_authzid_authcid_and_password_with_nul_between_them() {
    let with_authzid = Credentials { authzid: Some("romeo@example.net".to_owned()), ..user() };
    let mut plain = mechanism(MechanismName::Plain, &with_authzid, "").unwrap();
    assert_eq!(plain.start().unwrap(), b"romeo@example.net\0user\0pencil");
    assert_eq!(plain.success(None), Ok(()));

    let mut plain = mechanism(MechanismName::Plain, &credentials("jürgen", "grüß,=Gott"), "").unwrap();
    assert_eq!(plain.start().unwrap(), "\0jürgen\0grüß,=Gott".as_bytes());
}

#[test]
fn plain_sends_what_was_typed_since_the_server_prepares() {
    for (name, password) in
        [("ju\u{308}rgen", "gru\u{308}ß"), ("ﬁ", "Ⅸ\u{AD}\u{A0}"), ("a\u{E000}", "\u{7}אp")]
    {
        let mut plain = mechanism(MechanismName::Plain, &credentials(name, password), "").unwrap();
        assert_eq!(plain.start().unwrap(), format!("\0{name}\0{password}").into_bytes());
    }
}

#[test]
fn plain_says_its_message_once() {
    let mut plain = mechanism(MechanismName::Plain, &user(), "").unwrap();
    assert!(plain.start().is_some());
    assert_eq!(plain.start(), None);
}

#[test]
fn plain_has_no_challenge_and_does_not_recover_from_one() {
    let mut plain = mechanism(MechanismName::Plain, &user(), "").unwrap();
    plain.start().unwrap();
    assert!(matches!(plain.challenge(b""), Err(Error::UnexpectedChallenge)));
    assert_eq!(plain.success(None), Err(Error::UnexpectedSuccess));
}

#[test]
fn plain_believes_no_success_before_it_has_spoken_nor_a_second_one() {
    let mut plain = mechanism(MechanismName::Plain, &user(), "").unwrap();
    assert_eq!(plain.success(None), Err(Error::UnexpectedSuccess));

    let mut plain = mechanism(MechanismName::Plain, &user(), "").unwrap();
    plain.start().unwrap();
    assert_eq!(plain.success(None), Ok(()));
    assert_eq!(plain.success(None), Err(Error::UnexpectedSuccess));
}

#[test]
fn credentials_with_nul_are_refused_before_anything_is_sent() {
    for (field, credentials) in [
        ("authcid", credentials("us\0er", "pencil")),
        ("password", credentials("user", "pen\0cil")),
        ("authzid", Credentials { authzid: Some("\0".to_owned()), ..user() }),
    ] {
        for name in [MechanismName::Plain, MechanismName::ScramSha256] {
            assert_eq!(
                mechanism(name.clone(), &credentials, "nonce").err(),
                Some(Error::Nul { field }),
                "{name:?}"
            );
        }
    }
}

#[test]
fn anonymous_waits_and_answers_one_empty_challenge() {
    let mut anonymous = mechanism(MechanismName::Anonymous, &Credentials::default(), "").unwrap();
    assert_eq!(anonymous.name(), MechanismName::Anonymous);
    assert_eq!(anonymous.start(), None);
    assert!(matches!(anonymous.challenge(b"").unwrap(), Step::Respond(response) if response.is_empty()));
    assert!(matches!(anonymous.challenge(b""), Err(Error::UnexpectedChallenge)));
    assert_eq!(anonymous.success(None), Err(Error::UnexpectedSuccess));
}

#[test]
fn anonymous_succeeds_with_and_without_a_challenge() {
    for challenges in 0..2 {
        let mut anonymous = mechanism(MechanismName::Anonymous, &Credentials::default(), "").unwrap();
        anonymous.start();
        for _ in 0..challenges {
            anonymous.challenge(b"").unwrap();
        }
        assert_eq!(anonymous.success(None), Ok(()));
    }
}
