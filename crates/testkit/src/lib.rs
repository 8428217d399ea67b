//! Fake clock, bad wire, scripted XMPP server: the other end for every test of Epode.
//!
//! A test holds a [`Clock`] that only moves when told to, and a [`Server`] that does no I/O. Output
//! of the machine under test becomes an [`Input`] of the server, and the other way round; between
//! the two, a [`Wire`] may delay frames or break. Minutes of protocol pass in milliseconds, and the
//! same seed always gives the same nonces, salts, resources and breakages.
//!
//! The life of a connection to the server:
//!
//! 1. [`Input::Opened`]: a WebSocket is open. The server waits for `<open/>` (RFC 7395 §3.4) and
//!    answers with its own `<open/>` and the mechanisms on offer.
//! 2. Registration, if allowed (XEP-0077), and SASL (RFC 6120 §6): PLAIN, ANONYMOUS, EXTERNAL, a token, or
//!    SCRAM with one of four hashes. On success, a second `<open/>`.
//! 3. Resource binding (RFC 6120 §7). The connection is then a session of its account.
//! 4. Stanzas: messages with carbons and an offline store, presence between the accounts, rosters, pings,
//!    service discovery, and requests from one session to another.
//! 5. `<close/>`, or [`Input::Closed`] if the socket is lost. Either way the contacts receive
//!    `unavailable`, unless the client may resume the session (XEP-0198, [`Config::management`]): then a
//!    lost session waits for that.
//!
//! [`Server::misbehave`] makes the next connection fail at a chosen point of steps 1 to 3, in each
//! way in which a peer can break the rules of the negotiation; [`Misbehaviour::all`] lists these
//! ways. `epode-devserver` puts the same server on a real socket. [`bosh`] puts HTTP before it.

pub mod bosh;
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
    Account, BindFault, Config, ConnectionId, Fault, Input, LegacySession, Management, ManagementFault,
    Misbehaviour, OpenFault, Output, ResourceConflict, ScramFault, Server, Stage, Statistics,
};
pub use wire::{Weather, Wire};
