//! The books of IQs: requests of the tabs, and requests to the tabs.

use epode_session::stream::jid::{self, Unicode};

pub(crate) use incoming::{IncomingRequests, NextStep, PING, is_ping, is_push, pushes};
#[cfg(test)]
pub(crate) use outgoing::ORPHANS;
pub(crate) use outgoing::{Entered, OutgoingRequests, Reply, question};

mod incoming;
mod outgoing;

/// Whether an answer `from` this JID is one to an IQ that went `to` that JID, in the session of
/// `own`. The server speaks for our own account and for its domain, with or without `from` (RFC
/// 6120 §8.1.2.1); anybody else must be the JID that was asked.
fn answers(to: Option<&str>, from: Option<&str>, own: &str, unicode: &Unicode) -> bool {
    let same = |a: &str, b: &str| jid::answers(a, b, unicode);
    let for_us = |jid: &str| same(jid, own) || same(jid, jid::bare(own));
    let server = |jid: &str| same(jid, jid::domain(own));
    match (to, from) {
        (None, None) => true,
        (None, Some(from)) => for_us(from) || server(from),
        (Some(to), None) => for_us(to) || server(to),
        (Some(to), Some(from)) if for_us(to) => for_us(from) || same(from, to),
        (Some(to), Some(from)) => same(from, to),
    }
}
