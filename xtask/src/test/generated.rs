//! Checks that the committed TypeScript is the one that the tests of the crate `protocol` write.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::run;
use crate::workspace::{cargo, program, root};

const FOLDER: &str = "port/ts/protocol";

/// Empties the folder, so that no file outlives its type, writes the files anew and compares.
pub fn check() -> Result<()> {
    let half_an_hour = Duration::from_secs(1800);
    let tests = ["test", "--quiet", "--package", "epode-protocol"];
    // Tests that do not compile would leave the folder empty.
    run(cargo().args(tests).arg("--no-run"), half_an_hour)?;
    let folder = root().join(FOLDER);
    fs::remove_dir_all(&folder)?;
    fs::create_dir(&folder)?;
    run(cargo().args(tests), half_an_hour)?;
    let written = fs::read_dir(folder)?.next().is_some();
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
