//! A stream as its session sees it, in the order of its life: dial, negotiate, exchange stanzas,
//! close; and every way in which the other end can spoil it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod carried;
mod chaos;
mod closing;
mod established;
mod foreign;
mod frames;
mod jid;
mod line;
mod management;
mod misbehaviour;
mod negotiation;
mod peer;
mod refusals;
mod relay;
mod timers;

use std::time::Duration;

use epode_stream::jid::Unicode;
use epode_stream::sasl::{Credentials, MechanismName, Secret};
use epode_stream::xml::Limits;
use epode_stream::{Config, Purpose};

const SECOND: Duration = Duration::from_secs(1);

/// The Unicode functions for tests.
fn unicode() -> Unicode {
    use epode_testkit::unicode::{host, lower, nfc, nfkc};
    Unicode { nfc, nfkc, lower, host }
}

/// Alice, who may use any mechanism and asks for the resource `tab`.
fn alice() -> Config {
    Config {
        domain: "localhost".to_owned(),
        credentials: Credentials {
            jid: Some("alice@localhost".to_owned()),
            authcid: Some("alice".to_owned()),
            authzid: None,
            proof: Some(Secret::new("secret-alice".to_owned()).into()),
        },
        allowed: MechanismName::ALL.iter().cloned().map(Into::into).collect(),
        plaintext: true,
        purpose: Purpose::Bind { resource: Some("tab".to_owned()), explicit: false, yields: false },
        limits: Limits::default(),
        known: None,
        management: None,
        former: None,
        unicode: unicode(),
    }
}

/// Alice, who only wants to know whether her password is right.
fn verifying() -> Config {
    Config { purpose: Purpose::Verify, ..alice() }
}

/// An anonymous login.
fn anonymous() -> Config {
    Config {
        credentials: Credentials::default(),
        purpose: Purpose::Bind { resource: None, explicit: false, yields: false },
        ..alice()
    }
}
