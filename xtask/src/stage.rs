//! Stages: each says what it does, how long it took, and when it fails what was wrong.

use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context, Result};

/// Runs one stage. Its name stands before it starts, its time behind it when it ends; what it returns as an
/// error gets the name of the stage in front.
pub fn stage<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    print!("{name:.<44} ");
    // Nothing is lost when the terminal is gone, except the view.
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

/// Prints why a stage failed, whole, with every line set in.
pub fn explain(error: &anyhow::Error) {
    for line in error
        .chain()
        .skip(1)
        .flat_map(|cause| cause.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
    {
        println!("    {line}");
    }
}
