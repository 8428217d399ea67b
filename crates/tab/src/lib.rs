//! The per-tab end of the protocol, pure.
