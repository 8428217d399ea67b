//! Mechanisms without a password: OAUTHBEARER, X-OAUTH2, EXTERNAL.

use epode_sasl::{Credentials, Error, Mechanism, MechanismName, Secret};

use crate::{mechanism, response, user};

/// The token of RFC 7628 §4.1.
const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

fn bearer(token: &str) -> Credentials {
    Credentials {
        jid: Some("user@example.com".to_owned()),
        proof: Some(Secret::new(token.to_owned()).into()),
        ..user()
    }
}

fn spoken(name: MechanismName, credentials: &Credentials) -> (Box<dyn Mechanism>, String) {
    let mut machine = mechanism(name.clone(), credentials, "").unwrap();
    let message = machine.start().unwrap();
    (machine, String::from_utf8(message).unwrap())
}

#[test]
fn oauthbearer_names_the_account_and_shows_the_token_as_rfc_7628_section_3_1_has_it() {
    let (mut machine, message) = spoken(MechanismName::OAuthBearer, &bearer(TOKEN));
    assert_eq!(message, format!("n,a=user@example.com,\x01auth=Bearer {TOKEN}\x01\x01"));
    assert_eq!(machine.success(None), Ok(()));
    assert_eq!(machine.success(None), Err(Error::UnexpectedSuccess));

    let odd = Credentials { jid: Some("a,b=c@example.com".to_owned()), ..bearer(TOKEN) };
    let (_, message) = spoken(MechanismName::OAuthBearer, &odd);
    assert!(message.starts_with("n,a=a=2Cb=3Dc@example.com,\x01"), "{message:?}");
}

#[test]
fn the_servers_reason_is_answered_with_a_kvsep_and_kept_for_the_failure_that_follows() {
    let reason = r#"{"status":"invalid_token","scope":"example_scope",
    "openid-configuration":"https://example.com/.well-known/openid-configuration"}"#;
    let (mut machine, _) = spoken(MechanismName::OAuthBearer, &bearer(TOKEN));
    assert_eq!(machine.complaint(), None);
    let (mut machine, _) = spoken(MechanismName::OAuthBearer, &bearer(TOKEN));
    assert_eq!(response(machine.challenge(reason.as_bytes()).unwrap()), "\x01");
    assert_eq!(machine.complaint().as_deref(), Some(reason));
}

#[test]
fn after_its_reason_a_server_can_only_refuse() {
    let refused = || {
        let (mut machine, _) = spoken(MechanismName::OAuthBearer, &bearer(TOKEN));
        machine.challenge(br#"{"status":"invalid_token"}"#).unwrap();
        machine
    };
    assert_eq!(refused().success(None), Err(Error::UnexpectedSuccess));
    assert_eq!(refused().challenge(br#"{"status":"x"}"#).err(), Some(Error::UnexpectedChallenge));
}

#[test]
fn a_reason_that_is_none_is_called_by_its_name() {
    for reason in [
        &b""[..],
        b"invalid_token",
        b"{}",
        br#"{"scope":"x"}"#,
        br#"{"status":"x""#,
        b"{\"status\":\"\xff\"}",
    ] {
        let (mut machine, _) = spoken(MechanismName::OAuthBearer, &bearer(TOKEN));
        assert_eq!(
            machine.challenge(reason).err(),
            Some(Error::TokenError),
            "{}",
            String::from_utf8_lossy(reason)
        );
        assert_eq!(machine.success(None), Err(Error::UnexpectedSuccess));
        assert_eq!(machine.complaint(), None);
    }
}

#[test]
fn x_oauth2_shows_the_bare_jid_and_the_token() {
    let (mut machine, message) = spoken(MechanismName::XOAuth2, &bearer(TOKEN));
    assert_eq!(message, format!("\0user@example.com\0{TOKEN}"));
    assert_eq!(machine.success(None), Ok(()));
}

#[test]
fn what_no_header_could_hold_is_no_token() {
    for name in [MechanismName::OAuthBearer, MechanismName::XOAuth2] {
        for token in ["", "a b", "a\x01auth=b", "a\0b", "tökén", "a\n"] {
            assert_eq!(mechanism(name.clone(), &bearer(token), "").err(), Some(Error::Token), "{token:?}");
        }
        let nameless = Credentials { jid: None, ..bearer(TOKEN) };
        assert_eq!(mechanism(name.clone(), &nameless, "").err(), Some(Error::AuthcidMissing));
        let tokenless = Credentials { proof: None, ..bearer(TOKEN) };
        assert_eq!(mechanism(name.clone(), &tokenless, "").err(), Some(Error::PasswordMissing));
    }
}

#[test]
fn external_names_the_account_only_where_that_is_not_the_very_name_it_authenticates_by() {
    let external = |credentials: &Credentials| spoken(MechanismName::External, credentials).1;
    assert_eq!(external(&bearer(TOKEN)), "user@example.com");
    assert_eq!(external(&Credentials { authcid: Some("user@example.com".to_owned()), ..bearer(TOKEN) }), "");
    assert_eq!(external(&Credentials::default()), "");
}
