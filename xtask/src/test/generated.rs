//! Checks that the committed TypeScript is the one that the tests of the crate `protocol` write.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::run;
use crate::workspace::{cargo, program, root};

const FOLDER: &str = "client-shim/ts/protocol";

/// Writes the files anew and compares.
pub fn check() -> Result<()> {
    run(cargo().args(["test", "--quiet", "--package", "epode-protocol"]), Duration::from_secs(1800))?;
    let written = std::fs::read_dir(root().join(FOLDER)).is_ok_and(|mut files| files.next().is_some());
    ensure!(written, "the tests of epode-protocol wrote nothing into {FOLDER}");
    let git = |arguments: &[&str]| {
        run(program("git").args(arguments).args(["--", FOLDER]), Duration::from_secs(60))
    };
    let changed = git(&["diff", "HEAD"])?;
    ensure!(
        changed.is_empty(),
        "{FOLDER} is stale; commit what the tests of epode-protocol have written:\n{changed}"
    );
    let new = git(&["ls-files", "--others", "--exclude-standard"])?;
    ensure!(
        new.is_empty(),
        "{FOLDER} lacks files; commit what the tests of epode-protocol have written:\n{new}"
    );
    Ok(())
}
