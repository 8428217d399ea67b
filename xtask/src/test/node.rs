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
/// For all files. They take half an hour on two cores, and CI has 90 minutes for everything.
const LIMIT: Duration = Duration::from_secs(4200);

/// Files that need the machine for themselves: the first builds, and what the others load is not there
/// meanwhile; the second keeps two servers and two browsers busy by itself.
const APART: [&str; 2] = ["tests/browser/demo.test.mjs", "tests/browser/bosh-endurance.test.mjs"];

/// How many files share the cores with their browsers and servers. Most of a file is spent waiting: for
/// redials, for a browser to start, for a dead worker to be noticed. One at a time takes twice as long.
const AT_A_TIME: u32 = 2;

/// Runs the files that need the machine for themselves.
pub fn run_apart() -> Result<Report> {
    report(node(1).args(APART))
}

/// Runs all other files.
pub fn run() -> Result<Report> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut files)?;
    }
    ensure!(!files.is_empty(), "no *.test.mjs below {}", FOLDERS.join(" or "));
    files.retain(|file| APART.iter().all(|apart| file != Path::new(apart)));
    files.sort();
    report(node(AT_A_TIME).args(files))
}

fn report(node: &mut Command) -> Result<Report> {
    tally::of_node(node, LIMIT)
}

/// Runs the tests of apps, with every tool that there is one for.
pub fn run_apps() -> Result<Report> {
    let mut files = Vec::new();
    collect(&root().join("tests/apps"), &mut files)?;
    report(node(1).env("APPS", "all").args(files))
}

fn node(at_a_time: u32) -> Command {
    let mut node = program("node");
    node.args(["--test", "--test-reporter=tap", FILE_LIMIT]);
    node.arg(format!("--test-concurrency={at_a_time}"));
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
