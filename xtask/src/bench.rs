//! `cargo xtask bench`: measurements.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::args::Bench;
use crate::build::wasm::WasmCrate;
use crate::build::{self, javascript, sizes};
use crate::process::run;
use crate::setup;
use crate::stage::{explain, stage};
use crate::workspace::{cargo, program, root, target};

/// Page loads per variant.
const LOADS: &str = "25";
/// The folder in which the variants of the empty client are built.
const OUTPUT: &str = "tests/bench/empty-client/pkg";
const EMPTY_CLIENTS: [(&str, WasmCrate); 2] = [
    (
        "bare",
        WasmCrate { package: "empty-client", features: "", output: "tests/bench/empty-client/pkg/bare" },
    ),
    (
        "codec",
        WasmCrate {
            package: "empty-client",
            features: "codec",
            output: "tests/bench/empty-client/pkg/codec",
        },
    ),
];

/// `cargo xtask bench …`.
pub fn command(bench: Bench) -> Result<String> {
    match bench {
        Bench::EmptyClient => empty_client().inspect_err(explain),
        Bench::Element => element().inspect_err(explain),
        Bench::Storm { tabs, seed } => storm(tabs, seed).inspect_err(explain),
        Bench::Compare(options) => compare(&options).inspect_err(explain),
    }
}

/// Measures Epode beside Strophe and hand-written workers. The script prints its progress and the
/// results.
fn compare(options: &[String]) -> Result<String> {
    build::prepare()?;
    stage("setup: browsers and servers", setup::for_tests)?;
    build::everything()?;
    let output = target().join("bench");
    let mut node = program("node");
    node.arg("tests/bench/compare/run.mjs").arg("--output").arg(&output).args(options);
    let status = node.status().context("node cannot be started")?;
    ensure!(status.success(), "not everything could be measured: see above");
    let summary = output.join("summary.txt");
    fs::read_to_string(&summary).with_context(|| format!("{} cannot be read", summary.display()))
}

/// Measures bytes, and the time from import to the first answer in Chromium.
fn empty_client() -> Result<String> {
    build::prepare()?;
    stage("setup: browsers and servers", setup::for_tests)?;
    let output = root().join(OUTPUT);
    stage("build: empty clients", || {
        for (variant, client) in &EMPTY_CLIENTS {
            client.build()?;
            fs::copy(client.wasm(), output.join(format!("{variant}.wasm")))?;
            javascript::glue(&client.glue(), &output.join(format!("{variant}.js")))?;
        }
        Ok(())
    })?;
    let times = stage("measure: time to first use", || {
        let mut node = program("node");
        node.arg("tests/bench/empty-client/run.mjs").arg(&output).arg(LOADS);
        run(&mut node, Duration::from_secs(900))
    })?;
    print!("\n{}\n{times}\n", sizes::table(&sizes::measure(&output)?));
    Ok(format!("measured {} empty clients, {LOADS} loads each", EMPTY_CLIENTS.len()))
}

/// Measures the time that a tab takes to make the element of a stanza.
fn element() -> Result<String> {
    build::prepare()?;
    stage("setup: browsers and servers", setup::for_tests)?;
    let times = stage("measure: elements", || {
        let mut node = program("node");
        node.arg("tests/bench/element/run.mjs");
        run(&mut node, Duration::from_secs(300))
    })?;
    print!("\n{times}\n");
    Ok("measured what elements cost".to_owned())
}

/// Simulates browsers that lost a server together. Fails if too many dial at once, or too late.
fn storm(tabs: u64, seed: u64) -> Result<String> {
    let arguments = ["run", "--quiet", "--release", "--package", "storm", "--"];
    let numbers = [tabs.to_string(), seed.to_string()];
    let mut cargo = cargo();
    cargo.args(arguments).args(&numbers);
    let tables = stage("measure: a server that was away", || run(&mut cargo, Duration::from_secs(1800)))?;
    println!("{tables}");
    Ok("all goals reached".to_owned())
}
