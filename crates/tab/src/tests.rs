//! A tab and its worker, word by word; the worker is the test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use epode_protocol::{
    AttachBosh, Backfill, BoshSession, Delivery, FromWorker, HttpOptions, Options, Origin, Outcome, Outgoing,
    Role, Secret, Selector, Status, ToWorker,
};

use super::*;
use page::*;

/// A time of day.
const TODAY: f64 = 1.8e12;
const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

mod asking;
mod claims;
mod delivery;
mod dying;
mod elsewhere;
mod greeting;
mod leaving;
mod losing;
mod page;
mod reloading;
mod silence;
