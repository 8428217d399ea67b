//! The places of the workspace, and the ways to call its programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process::run;

/// The root of the workspace.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The folder in which cargo builds.
pub fn target() -> PathBuf {
    // A relative path in this variable starts at the workspace, where all commands run.
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}

/// The files with these endings that git tracks or would track: the path of each from the root, and its text.
pub fn texts(extensions: &[&str]) -> Result<Vec<(String, String)>> {
    let mut git = program("git");
    git.args(["ls-files", "-z", "--deduplicate", "--cached", "--others", "--exclude-standard"]);
    let listed = run(&mut git, Duration::from_secs(60))?;
    let mut texts = Vec::new();
    for file in listed.split_terminator('\0') {
        let path = root().join(file);
        // Deleted files are listed until that is committed.
        if extensions.iter().any(|extension| file.ends_with(extension)) && path.exists() {
            texts.push((file.to_owned(), fs::read_to_string(path)?));
        }
    }
    Ok(texts)
}

/// A program that runs at the root of the workspace and speaks English.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).env("LC_ALL", "C.UTF-8");
    command
}

/// The cargo that runs this program.
pub fn cargo() -> Command {
    let mut command = program(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.env("CARGO_TERM_COLOR", "never");
    command
}

/// A program from the npm packages.
pub fn npm_tool(name: &str) -> Command {
    program(&root().join("node_modules/.bin").join(name).to_string_lossy())
}
