//! The commands of this repository: build, demo, test, bench.
fn main() {}
