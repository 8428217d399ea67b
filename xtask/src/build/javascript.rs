//! From TypeScript and glue to what a page or a worker loads.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{CLIENT, dist};
use crate::process::run;
use crate::workspace::npm_tool;

/// Supported by all browsers that have wasm reference types and private class members, which cost 1.2 KB
/// where they must be made up.
const TARGET: &str = "--target=es2022,chrome96,firefox90,safari15";

/// Around the page's script for script tags, AMD and CommonJS. `here` stands for `import.meta.url`, which
/// only modules have.
const UMD: [&str; 2] = [
    r#"((root, make) => {
  if (typeof module === "object" && module.exports) module.exports = make();
  else if (typeof define === "function" && define.amd) define(make);
  else {
    const epode = (root.epode = make());
    for (const name of ["Strophe", "$build", "$iq", "$msg", "$pres", "stx"]) root[name] = epode[name];
  }
})(globalThis, (here => () => {"#,
    r#"return epode; })(globalThis.document?.currentScript?.src || globalThis.location?.href));"#,
];

/// Has Chromium compile a whole script where it is loaded, beside the main thread, instead of each function
/// when it is first called: before CONNECTED most are. Another browser, and a bundler, sees a comment.
const ALL_CALLED: &str = "//# allFunctionsCalledOnLoad";

/// The worker script twice, with its wasm beside it and inside it, the page's module, and the engine that it
/// loads where there is no worker.
pub fn bundle() -> Result<()> {
    let dist = dist();
    fs::create_dir_all(&dist)?;
    // The loader decides what `import wasm from "….wasm"` means in worker.ts: an address or the bytes
    // themselves.
    esbuild(worker("epode-worker.js").args(["--loader:.wasm=file", "--asset-names=epode-worker"]))?;
    esbuild(worker("epode-worker.inline.js").arg("--loader:.wasm=binary"))?;
    // What only some pages need is a file of its own, and no chunk that all load.
    esbuild(
        script("client-shim/ts/index.ts", "epode.js").args(["--format=esm", "--external:*/epode-engine.js"]),
    )?;
    esbuild(script("client-shim/ts/epode-engine.ts", "epode-engine.js").arg("--format=esm"))?;
    let [banner, footer] = UMD;
    let mut umd = script("client-shim/ts/index.ts", "epode.umd.js");
    umd.args(["--format=iife", "--global-name=epode", "--external:*/epode-engine.js"]);
    umd.args([
        "--define:import.meta.url=here",
        &format!("--banner:js={ALL_CALLED}\n{banner}"),
        &format!("--footer:js={footer}"),
    ]);
    esbuild(&mut umd)?;
    // Where a package is one of modules, Node.js takes no other name for what is not.
    copy(&dist.join("epode.umd.js"), &dist.join("epode.umd.cjs"))?;
    // epode.js says `new URL("./epode.wasm", import.meta.url)`, which every bundler recognises; and
    // epode-engine.js names the worker's.
    copy(&CLIENT.wasm(), &dist.join("epode.wasm"))
}

/// Copies a file, and says which where that fails.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

/// The type declarations of the package.
pub fn declare() -> Result<()> {
    let types = dist().join("types");
    let _ = fs::remove_dir_all(&types);
    tsc(&["--project", "client-shim"])?;
    ensure!(types.join("index.d.ts").exists(), "tsc wrote no dist/types/index.d.ts");
    // The same declarations for modules and for `require`.
    fs::write(types.join("package.json"), "{ \"type\": \"commonjs\" }\n")?;
    for file in ["epode.d.ts", "epode.d.cts"] {
        fs::write(dist().join(file), "export * from \"./types/index.js\";\n")?;
    }
    Ok(())
}

/// Checks the types of both halves and writes nothing.
pub fn check_types() -> Result<()> {
    tsc(&["--project", "worker", "--noEmit"])?;
    tsc(&["--project", "client-shim", "--noEmit"])
}

/// A module of its own out of glue that nobody imports here.
pub fn glue(entry: &Path, file: &Path) -> Result<()> {
    esbuild(minify(entry, file).arg("--format=esm"))
}

/// A classic script, so that it runs in a shared worker of either type: `import.meta` must not occur in it.
fn worker(file: &str) -> Command {
    let mut command = script("worker/ts/worker.ts", file);
    command.args(["--format=iife", "--define:import.meta.url=self.location.href"]);
    command
}

fn script(entry: &str, file: &str) -> Command {
    let mut command = minify(Path::new(entry), &dist().join(file));
    // esbuild takes the last banner.
    command.arg("--sourcemap").arg(format!("--banner:js={ALL_CALLED}"));
    command
}

/// esbuild, about to make one minified file of a script and all it imports.
fn minify(entry: &Path, file: &Path) -> Command {
    let mut command = npm_tool("esbuild");
    command.arg(entry).args(["--bundle", "--minify", "--legal-comments=none", "--log-level=warning"]);
    command.arg(TARGET).arg(format!("--outfile={}", file.display()));
    command
}

fn esbuild(command: &mut Command) -> Result<()> {
    run(command, Duration::from_secs(120)).map(drop)
}

fn tsc(arguments: &[&str]) -> Result<()> {
    run(npm_tool("tsc").args(["--pretty", "false"]).args(arguments), Duration::from_secs(300)).map(drop)
}
