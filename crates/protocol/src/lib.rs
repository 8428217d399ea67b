//! What crosses a MessagePort between a tab and the worker: one definition for both ends.
//!
//! A tab opens with [`ToWorker::Hello`] and hears [`FromWorker::Welcome`], or [`FromWorker::Refused`] in words. It then joins a session:
//! [`ToWorker::Connect`] with credentials, or [`ToWorker::Attach`] without. [`FromWorker::Status`] tells how that goes. From then on stanzas
//! come as [`FromWorker::Deliver`], each with its **position**, the number that the worker gave it on arrival; what a tab sends
//! ends in [`FromWorker::Written`] or [`FromWorker::Failed`], what it asks in a [`FromWorker::Response`]. [`ToWorker::Leave`] says goodbye for this tab,
//! [`ToWorker::Disconnect`] for all.
//!
//! The enums are generic over the text of a stanza: in a browser it stays the JavaScript string it was, so that the worker
//! hands the same string to every port; in native tests it is a [`String`]. Everything else is plain data. The TypeScript in
//! `client-shim/ts/protocol/` is generated from here by this crate's tests.
//!
//! Both ends ignore variants they do not know, so that a newer end can speak to an older one.

mod from_worker;
mod text;
mod to_worker;

pub use from_worker::{
    Delivery, Fault, FromWorker, LogLevel, Origin, Outcome, Refusal, Role, SessionInfo, Status, StatusCode,
};
pub use text::Text;
pub use to_worker::{Credentials, Hello, MechanismOffer, Options, Outgoing, Password, ToWorker};

/// The version of the protocol that this build speaks. A worker speaks the one before, too, once there is one.
pub const VERSION: u32 = 1;

/// What a tab calls one of its sends or requests; the answer carries the same number. Each tab counts its own.
pub type Token = u32;

/// The number the worker gave an inbound stanza of a session on arrival; counts from 1, never goes back, never repeats. Browsers hold it
/// as a double: 2^53 stanzas are enough.
pub type Position = u64;

#[cfg(test)]
mod tests;
