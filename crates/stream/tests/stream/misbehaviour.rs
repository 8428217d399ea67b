//! The scripted server breaks each rule it knows.

use std::time::Duration;

use epode_stream::sasl::{self, MechanismName};
use epode_stream::{Config, Error, PeerMisbehaved};
use epode_testkit::{self as testkit, BindFault, Fault, Misbehaviour, OpenFault, ScramFault, Stage};

use crate::line::Line;
use crate::{alice, anonymous, verifying};

/// Plays a stream until no deadline is left; returns how long that took. Only one hash is allowed,
/// since each derivation takes time.
fn played(mut config: Config, misbehaviour: &Misbehaviour) -> (Line, Duration) {
    config
        .allowed
        .retain(|allowed| matches!(allowed.name, MechanismName::ScramSha1 | MechanismName::Anonymous));
    let server = testkit::Config { anonymous: true, ..testkit::Config::default() };
    let mut line = Line::new(config, server);
    line.server.misbehave(misbehaviour.clone());
    line.open();
    let took = line.exhaust();
    (line, took)
}

/// Faults without consequences: the server decides under which name it opens the stream, and which
/// JID it binds.
fn is_harmless(misbehaviour: &Misbehaviour) -> bool {
    matches!(
        misbehaviour,
        Misbehaviour::Open(
            OpenFault::MissingId
                | OpenFault::From
                | OpenFault::MissingFrom
                | OpenFault::Version
                | OpenFault::MissingVersion
        ) | Misbehaviour::Bind(BindFault::OtherAccount)
    )
}

#[test]
fn no_misbehaviour_hangs_or_is_believed() {
    for misbehaviour in Misbehaviour::all() {
        let (line, took) = played(alice(), &misbehaviour);
        if is_harmless(&misbehaviour) {
            assert!(line.stages.contains(&"bound"), "{misbehaviour:?}: {:?}", line.ends);
            continue;
        }
        assert!(matches!(line.ends[..], [Some(_)]), "{misbehaviour:?}: {:?}", line.ends);
        assert!(!line.stages.contains(&"bound"), "{misbehaviour:?}");
        assert!(line.stream.is_closed() && took <= Duration::from_secs(20), "{misbehaviour:?}: {took:?}");
    }
}

#[test]
fn an_anonymous_stream_does_not_hang_either() {
    for misbehaviour in Misbehaviour::all() {
        let never = matches!(misbehaviour, Misbehaviour::Scram(_));
        let (line, took) = played(anonymous(), &misbehaviour);
        let bound = never || is_harmless(&misbehaviour);
        assert_eq!(line.stages.contains(&"bound"), bound, "{misbehaviour:?}: {:?}", line.ends);
        assert!(bound || matches!(line.ends[..], [Some(_)]), "{misbehaviour:?}: {:?}", line.ends);
        assert!(bound || took <= Duration::from_secs(20), "{misbehaviour:?}: {took:?}");
    }
}

#[test]
fn a_stream_that_verifies_hears_what_comes_before_success_and_no_more() {
    for misbehaviour in Misbehaviour::all() {
        let later = match &misbehaviour {
            Misbehaviour::At(stage, _) => *stage > Stage::Outcome,
            Misbehaviour::NoBinding | Misbehaviour::Bind(_) => true,
            other => is_harmless(other),
        };
        let (line, _) = played(verifying(), &misbehaviour);
        match line.ends[..] {
            [None] => assert!(later && line.stages.contains(&"authenticated"), "{misbehaviour:?}"),
            [Some(_)] => assert!(!later && !line.stages.contains(&"authenticated"), "{misbehaviour:?}"),
            _ => panic!("{misbehaviour:?}: {:?}", line.ends),
        }
    }
}

#[test]
fn each_fault_of_scram_is_called_by_its_name() {
    use sasl::Error::*;
    let malformed = |message, expected| Error::Sasl(Malformed { message, expected });
    for fault in ScramFault::ALL {
        let expected = match fault {
            ScramFault::WrongNonce | ScramFault::NonceNotLonger => ServerNonce.into(),
            ScramFault::Iterations(0) | ScramFault::IterationsNotANumber => {
                malformed("server-first-message", "a number after i=")
            }
            ScramFault::Iterations(count) => IterationCount(count).into(),
            ScramFault::SaltNotBase64 => Salt.into(),
            ScramFault::MissingSalt => SaltMissing.into(),
            ScramFault::MandatoryExtension => MandatoryExtension.into(),
            ScramFault::Truncated => malformed("server-first-message", "i="),
            ScramFault::Reordered => malformed("server-first-message", "r="),
            ScramFault::ChallengeNotBase64 => PeerMisbehaved::NotBase64.into(),
            ScramFault::ChallengeNotText => malformed("server-first-message", "UTF-8 without NUL"),
            ScramFault::MissingSignature => SignatureMissing.into(),
            ScramFault::WrongSignature => Signature.into(),
            ScramFault::SignatureNotBase64 => malformed("server-final-message", "base64 after v="),
            ScramFault::ErrorInSuccess => ServerError("other-error".to_owned()).into(),
            ScramFault::SuccessWithoutProof => UnexpectedSuccess.into(),
        };
        let (line, _) = played(alice(), &Misbehaviour::Scram(fault));
        assert_eq!(line.ends, [Some(expected)], "{fault:?}");
    }
}

#[test]
fn a_frame_of_10_mb_is_not_read_at_any_stage() {
    // Not while the bind request is unanswered: a contact may have had such a frame relayed, so the
    // stream drops it.
    for stage in Stage::ALL.into_iter().filter(|stage| *stage != Stage::Bind) {
        let (line, took) = played(alice(), &Misbehaviour::At(stage, Fault::oversize(10 << 20)));
        let error = line.ends[0].as_ref().unwrap();
        assert_eq!(error.condition(), Some("policy-violation"), "{stage:?}: {error:?}");
        assert_eq!(took, Duration::ZERO, "{stage:?}");
    }
}

#[test]
fn a_refusal_keeps_the_servers_own_word() {
    for condition in ["not-authorized", "account-disabled", "credentials-expired", "temporary-auth-failure"] {
        let (line, _) = played(alice(), &Misbehaviour::Refuse(condition));
        let error = line.ends[0].as_ref().unwrap();
        assert!(matches!(error, Error::AuthRefused { .. }), "{error:?}");
        assert_eq!(error.condition(), Some(condition));
    }
}
