//! The SharedWorker: the crate that touches web-sys on the worker's side.
