//! Runs the tests in Node: scripts, browsers, servers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Result, ensure};

use super::tally::{self, Report};
use crate::workspace::{program, root};

/// Folders in which every `*.test.mjs` is a test, at any depth.
const FOLDERS: [&str; 2] = ["client-shim/tests", "tests"];
/// The time limit for one file, in milliseconds: far more than any file needs, so only a hang
/// reaches it.
const FILE_LIMIT: &str = "--test-timeout=600000";
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs all files one after another, since they share the cores with browsers and servers.
pub fn run() -> Result<Report> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut files)?;
    }
    ensure!(!files.is_empty(), "no *.test.mjs below {}", FOLDERS.join(" or "));
    files.sort();
    tally::of_node(node().args(files), LIMIT)
}

/// Runs the tests of apps, with every tool that there is one for.
pub fn run_apps() -> Result<Report> {
    let mut files = Vec::new();
    collect(&root().join("tests/apps"), &mut files)?;
    tally::of_node(node().env("APPS", "all").args(files), LIMIT)
}

fn node() -> Command {
    let mut node = program("node");
    node.args(["--test", "--test-reporter=tap", "--test-concurrency=1", FILE_LIMIT]);
    node
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            if name != "node_modules" {
                collect(&path, files)?;
            }
        } else if name.ends_with(".test.mjs") {
            files.push(path.strip_prefix(root()).unwrap_or(&path).to_owned());
        }
    }
    Ok(())
}
