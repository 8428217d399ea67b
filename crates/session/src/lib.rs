//! One account across many streams.
