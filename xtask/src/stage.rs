//! Stages: each prints its name, its time, and the reason if it fails.

use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context, Result};

/// Runs a stage. Prints its name at the start and its time at the end; an error gets the name of
/// the stage as context.
pub fn stage<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    print!("{name:.<44} ");
    // Without a terminal only the display is lost.
    let _ = std::io::stdout().flush();
    let started = Instant::now();
    let result = work();
    let seconds = started.elapsed().as_secs_f64();
    match &result {
        Ok(_) => println!("{seconds:6.1} s"),
        Err(_) => println!("{seconds:6.1} s  FAILED"),
    }
    result.with_context(|| name.to_owned())
}

/// Prints the whole reason why a stage failed, each line indented.
pub fn explain(error: &anyhow::Error) {
    for line in error
        .chain()
        .skip(1)
        .flat_map(|cause| cause.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
    {
        println!("    {line}");
    }
}
