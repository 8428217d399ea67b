//! What pages of strophe.js hear at Epode's worker.

mod flows;
mod world;
