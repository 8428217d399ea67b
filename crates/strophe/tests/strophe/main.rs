//! What pages of strophe.js hear at Epode's worker.

mod common;
mod elsewhere;
mod logging_in;
mod logouts;
mod losses;
mod requests;
mod unloading;
mod version_0;
mod walk;
mod world;
