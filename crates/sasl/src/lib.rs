//! The client's side of SASL (RFC 4422): mechanisms without I/O.
//!
//! [`choose`] picks the mechanism of the highest priority that the server offers, the app allows
//! and the [`Credentials`] fit. [`mechanism`] makes the state machine for that mechanism; the
//! caller supplies a random nonce. From then on the caller only carries messages:
//!
//! ```text
//!   start ──► <auth>          the initial response, if the mechanism has one
//!   challenge ◄── <challenge>  Step::Respond ──► <response>
//!                              Step::Derive: a key is to be derived first, in slices
//!   derived ◄── keys           Step::Respond ──► <response>
//!   success ◄── <success>      Ok only if the server has proven that it knows the password too
//! ```
//!
//! Deriving a key from a password is slow on purpose, and the worker has tabs to serve. So PBKDF2
//! is not a call but a value, a [`Derivation`], which its owner advances by as many iterations as
//! fit between two other tasks.
//!
//! Messages are in the clear; the stream that carries them applies base64 (RFC 6120 §6.4.2). An
//! error of a mechanism is final: a machine that has returned an error refuses all further input.
//!
//! An app may bring mechanisms of its own ([`MechanismName::Foreign`]). This crate chooses among
//! them too; a page of the app speaks them, through [`Step::Relay`].
//!
//! **Secrets** live in a [`Secret`] or in another value that is wiped when dropped, and no `Debug`
//! prints them.
//!
//! [`Credentials`] hold the text that was typed. Only SCRAM prepares that text by **SASLprep**
//! ([`prepare`]; RFC 4013), since both sides hash user name and password: a name must give the same
//! bytes whether typed composed or decomposed. PLAIN and the token mechanisms send the text as
//! typed, and the server prepares it (RFC 4616 §2).
//!
//! Each mechanism has a file; those with a single message share the machine in `one_message.rs`. A
//! new mechanism is a file beside them, a [`MechanismName`], a line in `fits` of `choose.rs`, and a
//! line in [`mechanism`].

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
