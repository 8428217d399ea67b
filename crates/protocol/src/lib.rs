//! What crosses a MessagePort between a tab and the worker: one definition for both ends.
//!
//! A tab opens with [`ToWorker::Hello`] and hears [`FromWorker::Welcome`], or [`FromWorker::Refused`] in
//! words. It then joins a session: [`ToWorker::Connect`] with credentials, or [`ToWorker::Attach`] without.
//! Behind [`FromWorker::Joining`], [`FromWorker::Status`] tells how that goes. It then says what it wants to
//! hear ([`ToWorker::Claim`]; what a [`Selector`] matches is decided here, for both ends), and such stanzas
//! come as [`FromWorker::Stanza`] and [`FromWorker::Deliver`], each with its **position**, the number that
//! the worker gave it on arrival; what a tab sends ends in [`FromWorker::Written`] or [`FromWorker::Failed`],
//! what it asks in a [`FromWorker::Response`]. [`ToWorker::Leave`] says goodbye for this tab,
//! [`ToWorker::Disconnect`] for all.
//!
//! Posts travel within a **window**: the tab acknowledges what it has handled ([`ToWorker::Ack`]) every half
//! window, and what it has no credit for waits in the worker, in one queue, so that nothing overtakes. If too
//! much waits, the oldest is given up, and a [`FromWorker::Gap`] says what.
//!
//! The enums are generic over the text of a stanza: in a browser it stays the JavaScript string it was, so
//! that the worker hands the same string to every port, and what travels together is one string; in native
//! tests it is a [`String`]. Everything else is plain data. The TypeScript in `port/ts/protocol/` is
//! generated from here by this crate's tests.
//!
//! Both ends ignore variants they do not know, so that a newer end can speak to an older one.

// The derives name this crate as others do.
extern crate self as epode_protocol;

mod batch;
mod from_worker;
pub mod port;
mod selector;
mod text;
mod to_worker;

pub use batch::Batch;
pub use from_worker::{
    Backfill, Delivery, Fault, FromWorker, LogLevel, Origin, Outcome, Refusal, Role, SessionInfo, Status,
    StatusCode, TabInfo,
};
pub use selector::{Claim, ClaimId, Criteria, Seen, Selector};
pub use text::{Join, Slice, Text};
pub use to_worker::{Checkpoint, Credentials, Hello, MechanismOffer, Options, Outgoing, Secret, ToWorker};

/// The version of the protocol that this build speaks. A worker speaks the one before, too, once there is
/// one.
pub const VERSION: u32 = 1;

/// What a tab calls one of its sends or requests; the answer carries the same number. Each tab counts its
/// own.
pub type Token = u32;

/// The number the worker gave an inbound stanza of a session on arrival; rises by one, never goes back, and
/// no two sessions of a worker share one: a position says of which session it is. Browsers hold it as a
/// double, up to 2^53.
pub type Position = u64;

/// What a tab may be given that it has not acknowledged, by [weight]: 64 stanzas one by one, or 2 batches.
/// Both ends count on the same: another number is another [`VERSION`].
pub const WINDOW: u32 = 64;

/// What a post with so many stanzas weighs in the window. A tab that is given batches has fallen behind: the
/// fewer of them are on their way, the larger the next, and the less each stanza in it costs. One that keeps
/// up needs no more than a word now and then.
pub fn weight(stanzas: usize) -> u32 {
    if stanzas > 1 { WINDOW / 2 } else { 1 }
}

#[cfg(test)]
mod tests;
