//! From the two wasm crates and their TypeScript to `client-shim/dist`, the content of the npm package:
//!
//! ```text
//! worker       ─ cargo ─ wasm-bindgen ─ wasm-opt ─┬─ esbuild ─ epode-worker.js + epode-worker.wasm
//!                                                 ├─ esbuild ─ epode-worker.inline.js
//!                                                 └─ esbuild ─ epode-engine.js
//! client-shim  ─ cargo ─ wasm-bindgen ─ wasm-opt ─── esbuild ─ epode.js, epode.umd.js + epode.wasm
//!                                                    tsc ───── epode.d.ts and the declarations behind it
//! LICENSE-*, THIRD-PARTY.txt: our licences, and those of what is compiled in
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

/// Where everything that a browser loads ends up.
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

/// What a build needs: no apt, no root, and nobody else who builds in this tree.
pub fn prepare() -> Result<()> {
    stage("setup: no other build", keep_others_out)?;
    stage("setup: wasm target", setup::wasm_target)?;
    stage("setup: npm packages", setup::npm_packages)
}

/// Held while this process builds.
static TREE: Mutex<Option<File>> = Mutex::new(None);

/// Waits for other builds in this tree, and keeps them out until [`let_others_in`]: each would delete what
/// the other has just made.
pub fn keep_others_out() -> Result<()> {
    let tree = File::open(dist().parent().unwrap_or(root()))?;
    tree.lock()?;
    *TREE.lock().unwrap_or_else(PoisonError::into_inner) = Some(tree);
    Ok(())
}

/// The build is over. What this process runs next, the tests say, may build too.
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

/// What npm packs besides: our licences, and those of others.
pub fn licences() -> Result<()> {
    let package = root().join("client-shim");
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        javascript::copy(&root().join(name), &package.join(name))?;
    }
    notices::write(&package)
}

/// The wasm modules with their glue.
pub fn wasm_crates() -> Result<()> {
    WORKER.build()?;
    CLIENT.build()
}
