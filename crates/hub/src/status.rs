//! The statuses that a tab hears when a stream ends, in Strophe's terms (strophe.js `Status`).

use std::fmt::Display;

use epode_protocol::{Status, StatusCode};
use epode_session::stream::{Error, PeerMisbehaved, sasl};

/// A status without a reason.
pub(crate) fn status(code: StatusCode) -> Status {
    Status { code, condition: None, text: None, features: None, session: None, close_code: None }
}

/// A status with its reason: the condition, if one is defined, and a sentence.
pub(crate) fn because(code: StatusCode, condition: Option<&str>, text: &dyn Display) -> Status {
    Status {
        code,
        condition: condition.map(str::to_owned),
        text: Some(text.to_string()),
        features: None,
        session: None,
        close_code: None,
    }
}

/// The status if the server names another address. Only the app may go there: the browser could not
/// verify that the address speaks for the domain (RFC 6120 §4.9.3.19), and the credentials were not
/// meant for it.
fn redirected(error: &Error) -> Option<Status> {
    error.elsewhere().map(|address| because(StatusCode::Redirect, Some(address), error))
}

/// The status for an error that ended a first login.
pub(crate) fn attempt_failed(error: &Error) -> Status {
    if let Some(redirected) = redirected(error) {
        return redirected;
    }
    let code = match error {
        // Strophe reports a lack of common mechanisms as a failure to connect: no credentials were
        // tried.
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

/// The status for an error that ended the attempts to be up again.
pub(crate) fn redial_failed(error: &Error) -> Status {
    let mut failed = attempt_failed(error);
    if error.is_impostor() {
        let text = format!("{error}. The server has not proven who it is; it is not dialled again by itself");
        failed.text = Some(text);
    }
    failed
}

/// The status for an error that ended a trial: whatever concerns the credentials is AUTHFAIL.
pub(crate) fn trial_failed(error: &Error) -> Status {
    match error {
        Error::Sasl(_) => because(StatusCode::AuthFail, error.condition(), error),
        _ => attempt_failed(error),
    }
}

/// The statuses, in order, when a session that was up is over.
pub(crate) fn session_over(error: Option<&Error>) -> Vec<Status> {
    let Some(error) = error else { return vec![status(StatusCode::Disconnected)] };
    let disconnected = because(StatusCode::Disconnected, error.condition(), error);
    if let Some(redirected) = redirected(error) {
        return vec![redirected, disconnected];
    }
    match error {
        Error::NotClosed => vec![because(StatusCode::ConnTimeout, None, error), disconnected],
        // No side did anything wrong.
        Error::SocketClosed { .. } | Error::ClosedByServer { .. } => vec![disconnected],
        _ => vec![because(StatusCode::Error, error.condition(), error), disconnected],
    }
}
