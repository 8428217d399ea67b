//! `cargo xtask test`: all checks and tests. After a failed stage the later ones still run, unless
//! they need its result. The last line counts tests as their runners count them; a failed stage
//! without tests counts as one failure.

mod columns;
mod deny;
mod generated;
mod licence;
mod node;
mod tally;
mod unused;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::build::{self, javascript, sizes};
use crate::process::run;
use crate::setup;
use crate::stage::{explain, stage};
use crate::workspace::{cargo, npm_tool};
use tally::Tally;

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);
const WASM_CRATES: [&str; 9] = [
    "--package",
    "epode-port",
    "--package",
    "epode-worker",
    "--package",
    "epode-client-shim",
    "--package",
    "empty-client",
    "--all-features",
];

/// Runs all stages and prints the count.
pub fn command() -> ExitCode {
    let mut course = Course::default();
    course.check("setup: no other build", build::keep_others_out);
    course.check("setup: wasm target", setup::wasm_target);
    course.check("setup: npm packages", setup::npm_packages);
    course.check("setup: browsers and servers", setup::for_tests);
    course.check("check: formatting", || {
        cargo_quietly(&["fmt", "--all", "--check"], &["--", "--color", "never"])
    });
    course.check("check: scripts and styles", || {
        let biome = ["ci", "--error-on-warnings", "--colors=off", "."];
        run(npm_tool("biome").args(biome), Duration::from_secs(120)).map(drop)
    });
    course.check("check: columns", columns::check);
    course.check("check: clippy", || {
        cargo_quietly(&["clippy", "--quiet", "--all-targets"], &["--", "--deny", "warnings"])
    });
    course.check("check: clippy, wasm crates", || {
        let target = ["clippy", "--quiet", "--target", "wasm32-unknown-unknown"];
        cargo_quietly(&[&target[..], &WASM_CRATES].concat(), &["--", "--deny", "warnings"])
    });
    course.check("check: documentation", documentation);
    course.check("check: dependencies of others", deny::check);
    course.check("check: unused dependencies", unused::check);
    course.tests("test: crates", || tally::of_cargo(cargo().args(["test", "--no-fail-fast"]), HALF_AN_HOUR));
    course.check("check: generated TypeScript", generated::check);
    let built = course.check("build: wasm", build::wasm_crates)
        && course.check("build: scripts", javascript::bundle)
        && course.check("build: licences", build::licences)
        && course.check("build: type declarations", javascript::declare);
    build::let_others_in();
    if built {
        course.check("check: types", javascript::check_types);
        course.check("check: size budgets", || sizes::check_budgets(&sizes::measure(&build::dist())?));
    }
    course.tests("test: demo, endurance", || {
        ensure!(built, "not run, because the build failed");
        node::run_apart()
    });
    course.tests("test: scripts, browsers, servers", || {
        ensure!(built, "not run, because the build failed");
        node::run()
    });
    course.end()
}

/// Runs only the tests of apps, with every build tool. `cargo xtask test` runs a few of them.
pub fn apps() -> ExitCode {
    let mut course = Course::default();
    course.check("setup: browsers and servers", setup::for_tests);
    let built = build::prepare().and_then(|()| build::everything()).inspect_err(explain).is_ok();
    course.tests("test: apps", || {
        ensure!(built, "not run, because the build failed");
        node::run_apps()
    });
    course.end()
}

/// The results so far.
#[derive(Default)]
struct Course {
    tally: Tally,
    failures: Vec<String>,
}

impl Course {
    /// Runs a stage that succeeds or fails as a whole.
    fn check(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        let result = stage(name, work).inspect_err(explain);
        if result.is_err() {
            self.tally.failed += 1;
            self.failures.push(name.to_owned());
        }
        result.is_ok()
    }

    /// Runs a stage of tests.
    fn tests(&mut self, name: &str, work: impl FnOnce() -> Result<tally::Report>) {
        let mut counted = Tally::default();
        let verdict = stage(name, || {
            let report = work()?;
            counted = report.tally;
            report.verdict()
        });
        if let Err(error) = &verdict {
            explain(error);
            // A runner that fails without a failed test counts as one failure.
            counted.failed = counted.failed.max(1);
            self.failures.push(name.to_owned());
        }
        self.tally += counted;
    }

    fn end(self) -> ExitCode {
        let Tally { passed, failed, .. } = self.tally;
        if !self.failures.is_empty() {
            println!("\nfailed: {}", self.failures.join("; "));
        }
        println!("{passed} passed, {failed} failed");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Runs rustdoc, which finds broken links above all.
fn documentation() -> Result<()> {
    let wasm = [&["--target", "wasm32-unknown-unknown"], &WASM_CRATES[..]].concat();
    for crates in [&[][..], &wasm] {
        let mut cargo = cargo();
        cargo.env("RUSTDOCFLAGS", "--deny warnings").args(["doc", "--quiet", "--no-deps"]).args(crates);
        run(&mut cargo, HALF_AN_HOUR)?;
    }
    Ok(())
}

fn cargo_quietly(arguments: &[&str], more: &[&str]) -> Result<()> {
    run(cargo().args(arguments).args(more), HALF_AN_HOUR).map(drop)
}
