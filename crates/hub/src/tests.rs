//! The worker as its tabs and its server see it, in the order of a session's life.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::PortId;

mod acknowledging;
mod alone;
mod answering;
mod asking;
mod attempts;
mod binding;
mod bosh;
mod claims;
mod counting;
mod detour;
mod dying;
mod garbled;
mod greeting;
mod joining;
mod keys;
mod leaving;
mod liveness;
mod managing;
mod model;
mod naming;
mod own_mechanisms;
mod ownership;
mod pace;
mod page;
mod prefixes;
mod presence;
mod redialling;
mod refusals;
mod relaying;
mod reloading;
mod reopening;
mod repeating;
mod resuming;
mod routing;
mod sending;
mod sharing;
mod sleeping;
mod trials;
mod view;
mod walk;
mod windows;
mod world;
