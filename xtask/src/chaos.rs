//! `cargo xtask chaos`: messages over a network that breaks, against real servers.

use anyhow::{Context, Result, ensure};

use crate::build;
use crate::setup;
use crate::stage::{explain, stage};
use crate::workspace::program;

/// Runs the script, which prints its progress and the verdict.
pub fn command(seed: u64) -> Result<String> {
    prepare().inspect_err(explain)?;
    let mut node = program("node");
    let status = node.arg("tests/chaos/main.mjs").arg(seed.to_string()).status();
    ensure!(
        status.context("node cannot be started")?.success(),
        "messages were lost, or came twice: see above"
    );
    Ok("each message that was acknowledged arrived once, in order, at every tab".to_owned())
}

fn prepare() -> Result<()> {
    build::prepare()?;
    stage("setup: browsers and servers", setup::for_tests)?;
    build::everything()
}
