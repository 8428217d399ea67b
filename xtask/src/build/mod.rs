//! From the two wasm crates and their TypeScript to `client-shim/dist`, the content of the npm package:
//!
//! ```text
//! worker       ─ cargo ─ wasm-bindgen ─ wasm-opt ─┬─ esbuild ─ epode-worker.js + epode-worker.wasm
//!                                                 └─ esbuild ─ epode-worker.inline.js
//! client-shim  ─ cargo ─ wasm-bindgen ─ wasm-opt ─── esbuild ─ epode.js + epode.wasm
//!                                                    tsc ───── epode.d.ts and the declarations behind it
//! ```

pub mod javascript;
pub mod sizes;
pub mod wasm;

use std::path::PathBuf;

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

/// What a build needs: no apt, no root.
pub fn prepare() -> Result<()> {
    stage("setup: wasm target", setup::wasm_target)?;
    stage("setup: npm packages", setup::npm_packages)
}

/// All stages of the build.
pub fn everything() -> Result<()> {
    stage("build: wasm", wasm_crates)?;
    stage("build: scripts", javascript::bundle)?;
    stage("build: type declarations", javascript::declare)
}

/// The wasm modules with their glue.
pub fn wasm_crates() -> Result<()> {
    WORKER.build()?;
    CLIENT.build()
}
