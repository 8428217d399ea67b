//! SASL (RFC 4422) as the client speaks it: mechanisms without I/O.
//!
//! The server lists the mechanisms it offers; [`choose`] picks the strongest that it offers, the app allows
//! and the [`Credentials`] fit. [`mechanism`] makes the machine for it, from a nonce that the caller drew.
//! From then on the caller only carries messages:
//!
//! ```text
//!   start ──► <auth>          the initial response, if the mechanism has one
//!   challenge ◄── <challenge>  Step::Respond ──► <response>
//!                              Step::Derive: a key is to be derived first, in slices
//!   derived ◄── keys           Step::Respond ──► <response>
//!   success ◄── <success>      Ok only if the server has proven that it knows the password too
//! ```
//!
//! Deriving a key from a password is slow on purpose, and the worker has tabs to serve. So PBKDF2 is not a
//! call but a value, a [`Derivation`], which its owner advances by as many iterations as fit between two
//! other tasks.
//!
//! Messages are in the clear; base64 belongs to the stream that carries them (RFC 6120 §6.4.2). An error of a
//! mechanism is final: a machine that has returned one refuses whatever comes next.
//!
//! An app may bring mechanisms of its own ([`MechanismName::Foreign`]). Those are chosen here, and spoken
//! elsewhere: [`Step::Relay`].
//!
//! **Secrets** live in a [`Secret`] or in a value that is wiped when dropped, and no `Debug` prints them.
//!
//! [`Credentials`] hold what was typed. **SASLprep** ([`prepare`]; RFC 4013) is SCRAM's, where both sides
//! hash user name and password: the same name typed composed or decomposed gives the same message. PLAIN and
//! tokens cross as they were typed, since there the server prepares (RFC 4616 §2).
//!
//! One mechanism, one file; those that say one message and are done share the machine `one_message.rs`. A
//! further one is a file beside them, a [`MechanismName`], its line in `fits` of `choose.rs`, and its line in
//! [`mechanism`].

mod anonymous;
mod choose;
mod credentials;
mod derivation;
mod error;
mod external;
mod fingerprint;
mod foreign;
mod hash;
mod json;
mod keys;
mod mechanism;
mod name;
mod oauth_bearer;
mod one_message;
mod plain;
mod saslprep;
mod scram;
mod secret;
mod server_message;
mod x_oauth2;

pub use choose::{Allowed, Choice, choose};
pub use credentials::{Credentials, Proof};
pub use derivation::Derivation;
pub use error::Error;
pub use fingerprint::Fingerprint;
pub use hash::Hash;
pub use keys::ScramKeys;
pub use mechanism::{Mechanism, Step, mechanism};
pub use name::MechanismName;
pub use saslprep::{is_mapped_to_nothing, prepare};
pub use secret::Secret;
