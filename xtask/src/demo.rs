//! `cargo xtask demo`: serves everything that a browser loads, with the embedded server, on
//! loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::args::DemoOptions;
use crate::build;
use crate::process::run;
use crate::stage::{explain, stage};
use crate::workspace::{cargo, root, target};

/// The port if none is asked for and this one is free.
const PORT: u16 = 5800;

/// Builds, then replaces this process by the demo's server, which prints its address. So ending
/// this process ends the server.
pub fn command(options: &DemoOptions) -> Result<String> {
    prepare().inspect_err(explain)?;
    println!();
    let port = options.port.unwrap_or_else(|| {
        if is_free(PORT) {
            return PORT;
        }
        println!("Port {PORT} is taken, so it is another one this time.");
        0
    });
    let mut server = Command::new(target().join("debug/epode-devserver"));
    server.current_dir(root()).args(["--port", &port.to_string()]).arg("--files").arg(build::dist());
    if let Some(url) = &options.server {
        server.args(["--server", url]);
    }
    if options.bosh {
        server.arg("--bosh");
    }
    let error = server.exec();
    Err(error).context("the demo's server cannot be started")
}

fn prepare() -> Result<()> {
    build::prepare()?;
    build::everything()?;
    stage("build: demo server", || {
        run(cargo().args(["build", "--quiet", "--package", "epode-devserver"]), Duration::from_secs(1800))?;
        Ok(())
    })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
