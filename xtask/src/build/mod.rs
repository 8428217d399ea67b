//! Builds `client-shim/dist`, the content of the npm package, from the two wasm crates and their
//! TypeScript:
//!
//! ```text
//! worker       ─ cargo ─ wasm-bindgen ─ wasm-opt ─┬─ esbuild ─ epode-worker.js + epode-worker.wasm
//!                                                 ├─ esbuild ─ epode-worker.inline.js
//!                                                 └─ esbuild ─ epode-engine.js
//! client-shim  ─ cargo ─ wasm-bindgen ─ wasm-opt ─┬─ esbuild ─ epode.js, epode.umd.js, strophe.js
//!                                                 ├─ esbuild ─ epode.beside.js + epode.wasm
//!                                                 └─ esbuild ─ epode-bosh.js
//!                                                    tsc ───── epode.d.ts and the declarations for it
//! LICENSE-*, THIRD-PARTY.txt: our licences, and those of compiled third-party code
//! ```

pub mod javascript;
pub mod notices;
pub mod sizes;
pub mod wasm;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use crate::setup;
use crate::stage::{explain, stage};
use crate::workspace::root;
use wasm::WasmCrate;

/// The crate of the shared worker.
const WORKER: WasmCrate = WasmCrate { package: "epode-worker", features: "", output: "worker/pkg" };
/// The crate of the page's half.
const CLIENT: WasmCrate = WasmCrate { package: "epode-client-shim", features: "", output: "client-shim/pkg" };

/// The folder of everything that a browser loads.
pub fn dist() -> PathBuf {
    root().join("client-shim/dist")
}

/// `cargo xtask build`.
pub fn command() -> Result<String> {
    prepare().and_then(|()| everything()).inspect_err(explain)?;
    let sizes = sizes::measure(&dist())?;
    print!("\n{}\n", sizes::table(&sizes));
    Ok(format!("built {} files in client-shim/dist", sizes.len()))
}

/// Prepares a build, without apt and without root, and keeps other builds in this tree waiting.
pub fn prepare() -> Result<()> {
    stage("setup: no other build", keep_others_out)?;
    stage("setup: wasm target", setup::wasm_target)?;
    stage("setup: npm packages", setup::npm_packages)
}

/// The lock that this process holds while it builds.
static TREE: Mutex<Option<File>> = Mutex::new(None);

/// Waits for other builds in this tree, and keeps them waiting until [`let_others_in`]: each would
/// delete the files that the other has just made.
pub fn keep_others_out() -> Result<()> {
    let tree = File::open(dist().parent().unwrap_or(root()))?;
    tree.lock()?;
    *TREE.lock().unwrap_or_else(PoisonError::into_inner) = Some(tree);
    Ok(())
}

/// Ends the lock, since programs that this process runs next, such as the tests, may build too.
pub fn let_others_in() {
    TREE.lock().unwrap_or_else(PoisonError::into_inner).take();
}

/// All stages of the build.
pub fn everything() -> Result<()> {
    stage("build: wasm", wasm_crates)?;
    stage("build: scripts", javascript::bundle)?;
    stage("build: licences", licences)?;
    stage("build: type declarations", javascript::declare)?;
    let_others_in();
    Ok(())
}

/// Writes the licences into the npm package: ours, and those of others.
pub fn licences() -> Result<()> {
    let package = root().join("client-shim");
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        javascript::copy(&root().join(name), &package.join(name))?;
    }
    notices::write(&package)
}

/// Builds the wasm modules with their glue.
pub fn wasm_crates() -> Result<()> {
    WORKER.build()?;
    CLIENT.build()
}
