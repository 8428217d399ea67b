//! Installs missing tools. Each step first checks, within milliseconds, whether all is there. If a
//! tool cannot be installed, the error says in one sentence what to do by hand.

mod apt;
mod packages;
mod sources;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{exists, run};
use crate::workspace::{npm_tool, program, root};

pub use packages::for_tests;

const WASM: &str = "wasm32-unknown-unknown";
/// The lowest version of Node.js that jsdom and the options of the test runner need.
const NODE: (u32, u32) = (20, 19);

/// Installs Rust's standard library for wasm, by rustup.
pub fn wasm_target() -> Result<()> {
    let mut rustc = program(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()));
    let printed = run(rustc.args(["--print", "target-libdir", "--target", WASM]), Duration::from_secs(60))?;
    let installed = fs::read_dir(printed.trim()).is_ok_and(|mut files| files.next().is_some());
    if installed {
        return Ok(());
    }
    ensure!(
        exists("rustup"),
        "Rust's standard library for {WASM} is not installed, and there is no rustup to add it: \
         install it with the \
         package manager that installed Rust, or install rustup (https://rustup.rs)"
    );
    run(program("rustup").args(["target", "add", WASM]), Duration::from_secs(600))
        .with_context(|| format!("rustup could not add {WASM}: is the network there?"))?;
    Ok(())
}

/// Installs the npm packages of the lock file into `node_modules`.
pub fn npm_packages() -> Result<()> {
    ensure!(exists("node"), "Node.js is not installed: install version {}.{} or later", NODE.0, NODE.1);
    let version = run(program("node").arg("--version"), Duration::from_secs(60))?;
    ensure!(
        node_version(&version).is_some_and(|version| version >= NODE),
        "Node.js is {}, too old: install version {}.{} or later",
        version.trim(),
        NODE.0,
        NODE.1
    );
    let lock = fs::read(root().join("package-lock.json")).context("package-lock.json cannot be read")?;
    let installed = root().join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|before| before == lock) && npm_tool_exists("esbuild") {
        return Ok(());
    }
    ensure!(exists("npm"), "npm is not installed: it comes with Node.js, or as a package of its own");
    let arguments = ["ci", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund"];
    run(program("npm").args(arguments), Duration::from_secs(900))
        .context("npm could not install the packages of package-lock.json: is the network there?")?;
    fs::write(installed, lock)?;
    Ok(())
}

fn npm_tool_exists(name: &str) -> bool {
    fs::exists(npm_tool(name).get_program()).unwrap_or(false)
}

fn node_version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Fails with the sentence that tells the user what to install by hand.
fn by_hand<T>(why: &str, lacking: &[&str]) -> Result<T> {
    bail!("{why}: install {} by hand (names of Debian's packages) and start again", lacking.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_node_compares_as_numbers() {
        assert_eq!(node_version("v20.9.0\n"), Some((20, 9)));
        assert!(node_version("v20.9.0") < Some(NODE));
        assert!(node_version("v22.1.0") > Some(NODE));
        assert_eq!(node_version("20.19.0"), None);
    }
}
