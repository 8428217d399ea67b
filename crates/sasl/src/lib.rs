//! SASL mechanisms without I/O: one trait, one file each.
