//! Fake clock, bad wire, scripted XMPP server: the other end of everything Epode does.
//!
//! A test holds a [`Clock`] that only moves when told to, and a [`Server`] that does no I/O. What the machine
//! under test transmits becomes an [`Input`] of the server, what the server says becomes an input of the
//! machine; between the two, a [`Wire`] may delay frames or break. Minutes of protocol pass in milliseconds,
//! and the same seed always gives the same nonces, salts, resources and breakages.
//!
//! The life of a connection to the server:
//!
//! 1. [`Input::Opened`]: a WebSocket is there. The server waits for `<open/>` (RFC 7395 §3.4) and answers
//!    with its own and with the mechanisms on offer.
//! 2. SASL (RFC 6120 §6): PLAIN, ANONYMOUS, EXTERNAL, a token, or SCRAM with one of four hashes. On success,
//!    a second `<open/>`.
//! 3. Resource binding (RFC 6120 §7), after which the connection is a session of its account.
//! 4. Stanzas: messages with carbons and an offline store, presence between the accounts, rosters, pings,
//!    service discovery, and requests from one session to another.
//! 5. `<close/>`, or [`Input::Closed`] when the socket is simply gone. The contacts hear `unavailable` either
//!    way.
//!
//! [`Server::misbehave`] makes the next connection go wrong at a chosen point of 1 to 3, in each way in which
//! a peer can break the rules of the negotiation; [`Misbehaviour::all`] lists them. `epode-devserver` puts
//! the same server on a real socket.

mod clock;
mod jid;
mod ns;
mod random;
mod server;
pub mod unicode;
mod wire;

pub use clock::Clock;
pub use random::Random;
pub use server::{
    Account, BindFault, Config, ConnectionId, Fault, Input, LegacySession, Misbehaviour, OpenFault, Output,
    ResourceConflict, ScramFault, Server, Stage, Statistics,
};
pub use wire::{Weather, Wire};
