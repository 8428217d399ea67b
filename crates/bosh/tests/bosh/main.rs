//! A session, in the order of its life.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod closing;
mod line;
mod model;
mod opening;
mod polling;
mod refusals;
mod repeating;
mod restoring;
mod stanzas;
mod stream;
mod walk;
