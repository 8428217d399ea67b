//! What crosses a MessagePort between a tab and the worker: one definition for both ends.
//!
//! A tab opens with [`ToWorker::Hello`] and hears [`FromWorker::Welcome`], or [`FromWorker::Refused`] in
//! words. It then joins a session: [`ToWorker::Connect`] with credentials, [`ToWorker::Attach`] without, or
//! [`ToWorker::Negotiate`] by a login of its own. After [`FromWorker::Joining`], [`FromWorker::Status`]
//! reports each step. The tab then claims stanzas ([`ToWorker::Claim`]; a [`Selector`] says here, for both
//! ends, which stanzas a claim matches). Such stanzas come as [`FromWorker::Stanza`] and
//! [`FromWorker::Deliver`], each with its **position**, the number that the worker gave the stanza on
//! arrival. A send ends in [`FromWorker::Written`] or [`FromWorker::Failed`], a request in a
//! [`FromWorker::Response`]. [`ToWorker::Leave`] says goodbye for this
//! tab, [`ToWorker::Disconnect`] ends the session for all.
//!
//! Posts travel within a **window**: the tab acknowledges its handled posts ([`ToWorker::Ack`]) every half
//! window, and when the worker asks ([`FromWorker::Ping`]). Posts beyond the window wait in the worker, in
//! one queue, so that nothing overtakes. If too many wait, the oldest are dropped, and a [`FromWorker::Gap`]
//! says which.
//!
//! The enums are generic over the text of a stanza. In a browser a text stays the JavaScript string that came
//! from the socket: the worker hands the same string to every port, and a batch is one string. In native
//! tests a text is a [`String`]. Everything else is plain data. The tests of this crate generate the
//! TypeScript in `port/ts/protocol/`.
//!
//! Both ends ignore variants they do not know, so that a newer end can speak to an older one.

// The derives name this crate as others do.
extern crate self as epode_protocol;

mod batch;
mod bosh;
mod from_worker;
pub mod port;
mod selector;
mod text;
mod to_worker;

pub use batch::Batch;
pub use bosh::{AttachBosh, BoshOptions, BoshSession, HttpHeader, HttpOptions};
pub use from_worker::{
    Backfill, Delivery, Fate, Fault, FromWorker, LogLevel, Origin, Outcome, Refusal, Role, SessionInfo,
    Status, StatusCode, TabInfo,
};
pub use selector::{Claim, ClaimId, Criteria, Seen, Selector};
pub use text::{Join, Slice, Text};
pub use to_worker::{
    Checkpoint, Credentials, Hello, ManagementOptions, MechanismOffer, Options, Outgoing, Secret, ToWorker,
};

/// The version of the protocol that this build speaks. A worker speaks the one before, too, once there is
/// one.
pub const VERSION: u32 = 1;

/// A tab's number for one of its sends or requests; the answer carries the same number. Each tab counts its
/// own.
pub type Token = u32;

/// The number the worker gave an inbound stanza of a session on arrival; rises by one, never goes back, and
/// no two sessions of a worker share one: a position says of which session it is. Browsers hold it as a
/// double, up to 2^53.
pub type Position = u64;

/// How much a tab may be posted ahead of its acknowledgement, by [weight]: 64 single stanzas, or 2 batches.
/// Both ends count on the same number: another number is another [`VERSION`].
pub const WINDOW: u32 = 64;

/// The weight in the window of a post with this many stanzas. A tab that is posted batches has fallen behind:
/// the fewer batches are on their way, the larger is the next, and the less each of its stanzas costs.
pub fn weight(stanzas: usize) -> u32 {
    if stanzas > 1 { WINDOW / 2 } else { 1 }
}

#[cfg(test)]
mod tests;
