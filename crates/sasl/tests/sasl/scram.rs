//! Whole exchanges, with the messages of the RFCs and of `vectors.py`.

use epode_sasl::{Credentials, Error, Hash, MechanismName};

use crate::{RFC_5802_FINAL, credentials, keys, mechanism, proof_sent, response, started, user};

#[test]
fn the_exchange_of_rfc_5802_section_5() {
    Exchange {
        mechanism: "SCRAM-SHA-1",
        credentials: user(),
        nonce: "fyko+d2lbbFgONRv9qkxdawL",
        client_first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        server_first: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        client_final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        server_final: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    }
    .check();
}

#[test]
fn the_exchange_of_rfc_7677_section_3() {
    Exchange {
        mechanism: "SCRAM-SHA-256",
        credentials: user(),
        nonce: "rOprNGfwEbeRWgbNEkqO",
        client_first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        client_final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        server_final: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    }
    .check();
}

/// Four hashes; names and authzids with `,` and `=`, passwords from none to longer than a block, other
/// alphabets, extensions.
#[test]
fn the_exchanges_that_an_independent_implementation_computed() {
    let lines: Vec<&str> = include_str!("../vectors.tsv").lines().collect();
    assert_eq!(lines.len(), 20);
    for line in lines {
        let [
            mechanism,
            authcid,
            authzid,
            password,
            nonce,
            client_first,
            server_first,
            client_final,
            server_final,
        ] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("nine columns: {line}");
        };
        let authzid = (!authzid.is_empty()).then(|| authzid.to_owned());
        let credentials = Credentials { authzid, ..credentials(authcid, password) };
        Exchange { mechanism, credentials, nonce, client_first, server_first, client_final, server_final }
            .check();
    }
}

#[test]
fn a_server_may_sign_in_a_last_challenge_which_is_answered_with_nothing() {
    for data in [None, Some(&b""[..])] {
        let mut scram = proof_sent();
        assert_eq!(response(scram.challenge(RFC_5802_FINAL.as_bytes()).unwrap()), "");
        assert_eq!(scram.success(data), Ok(()));
    }
}

#[test]
fn the_keys_name_what_they_were_derived_under() {
    let mut scram = started(MechanismName::ScramSha384, &user(), "nonce");
    let keys = keys(scram.challenge(b"r=nonce2,s=c2FsdA==,i=4096").unwrap());
    assert_eq!((keys.hash(), keys.salt(), keys.iterations()), (Hash::Sha384, &b"salt"[..], 4096));
    assert_eq!(keys.hash().as_str(), "SHA-384");
    assert_eq!((keys.client_key().len(), keys.server_key().len()), (48, 48));
}

#[test]
fn an_empty_authzid_counts_as_none() {
    let empty = Credentials { authzid: Some(String::new()), ..user() };
    let mut scram = mechanism(MechanismName::ScramSha1, &empty, "nonce").unwrap();
    assert_eq!(scram.start().unwrap(), b"n,,n=user,r=nonce");
}

#[test]
fn scram_says_its_first_message_once() {
    let mut scram = started(MechanismName::ScramSha1, &user(), "nonce");
    assert_eq!(scram.start(), None);
    assert!(matches!(scram.challenge(b"r=nonce2,s=c2FsdA==,i=4096"), Err(Error::UnexpectedChallenge)));
}

struct Exchange<'a> {
    mechanism: &'a str,
    credentials: Credentials,
    nonce: &'a str,
    client_first: &'a str,
    server_first: &'a str,
    client_final: &'a str,
    server_final: &'a str,
}

impl Exchange<'_> {
    fn check(&self) {
        let name = MechanismName::parse(self.mechanism).unwrap();
        let mut scram = mechanism(name.clone(), &self.credentials, self.nonce).unwrap();
        assert_eq!(scram.name(), name);
        assert_eq!(String::from_utf8(scram.start().unwrap()).unwrap(), self.client_first);
        let keys = keys(scram.challenge(self.server_first.as_bytes()).unwrap());
        assert_eq!(response(scram.derived(keys).unwrap()), self.client_final);
        assert_eq!(scram.success(Some(self.server_final.as_bytes())), Ok(()));
    }
}
