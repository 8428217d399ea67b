//! What a tab is told when a stream ends, in Strophe's terms (strophe.js `Status`).

use std::fmt::Display;

use epode_protocol::{Status, StatusCode};
use epode_session::stream::{Error, PeerMisbehaved, sasl};

/// A status without more to say.
pub(crate) fn status(code: StatusCode) -> Status {
    Status { code, condition: None, text: None, session: None, close_code: None }
}

/// A status with its reason: the condition, where one is defined, and a sentence.
pub(crate) fn because(code: StatusCode, condition: Option<&str>, text: &dyn Display) -> Status {
    Status {
        code,
        condition: condition.map(str::to_owned),
        text: Some(text.to_string()),
        session: None,
        close_code: None,
    }
}

/// The server wants to be met elsewhere. Nobody goes there but the app: what the browser would verify of that
/// address is not that it speaks for the domain (RFC 6120 §4.9.3.19), and to another address the credentials
/// were not given.
fn redirected(error: &Error) -> Option<Status> {
    error.elsewhere().map(|address| because(StatusCode::Redirect, Some(address), error))
}

/// What to call the error that ended an attempt to log in.
pub(crate) fn attempt_failed(error: &Error) -> Status {
    if let Some(redirected) = redirected(error) {
        return redirected;
    }
    let code = match error {
        // Strophe reports a lack of common mechanisms as a failure to connect: no credential was tried.
        Error::Sasl(sasl::Error::NoMechanism { .. } | sasl::Error::PlaintextRefused(_)) => {
            StatusCode::ConnFail
        }
        Error::AuthRefused { .. }
        | Error::OtherAccount(_)
        | Error::Sasl(_)
        | Error::BindRefused { .. }
        | Error::Peer(PeerMisbehaved::NotBase64) => StatusCode::AuthFail,
        Error::Timeout(_) => StatusCode::ConnTimeout,
        _ => StatusCode::ConnFail,
    };
    because(code, error.condition(), error)
}

/// The same for an attempt to be back.
pub(crate) fn redial_failed(error: &Error) -> Status {
    let mut failed = attempt_failed(error);
    if error.is_impostor() {
        let text = format!("{error}. The server has not proven who it is; it is not dialled again by itself");
        failed.text = Some(text);
    }
    failed
}

/// What to call the error that failed to verify a tab's credentials for a session that is up: whatever speaks
/// of them is AUTHFAIL.
pub(crate) fn trial_failed(error: &Error) -> Status {
    match error {
        Error::Sasl(_) => because(StatusCode::AuthFail, error.condition(), error),
        _ => attempt_failed(error),
    }
}

/// What tabs hear, in order, when a session that was up is over.
pub(crate) fn session_over(error: Option<&Error>) -> Vec<Status> {
    let Some(error) = error else { return vec![status(StatusCode::Disconnected)] };
    let disconnected = because(StatusCode::Disconnected, error.condition(), error);
    if let Some(redirected) = redirected(error) {
        return vec![redirected, disconnected];
    }
    match error {
        Error::NotClosed => vec![because(StatusCode::ConnTimeout, None, error), disconnected],
        // Nobody did anything wrong.
        Error::SocketClosed { .. } | Error::ClosedByServer { .. } => vec![disconnected],
        _ => vec![because(StatusCode::Error, error.condition(), error), disconnected],
    }
}
