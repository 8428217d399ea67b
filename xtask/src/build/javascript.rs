//! Makes the scripts that a page or a worker loads, from TypeScript and glue.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{CLIENT, dist};
use crate::process::run;
use crate::workspace::npm_tool;

/// The oldest browsers that have both wasm reference types and private class members; emulating the
/// latter would cost 1.2 KB.
const TARGET: &str = "--target=es2022,chrome96,firefox90,safari15";

/// The wrapper of the page's script for script tags, AMD and CommonJS. `here` replaces
/// `import.meta.url`, which only modules have.
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

/// Makes Chromium compile the whole script as it loads, off the main thread, instead of each
/// function at its first call: most are called before CONNECTED. Other browsers and bundlers see a
/// comment.
const ALL_CALLED: &str = "//# allFunctionsCalledOnLoad";

/// Bundles the worker's script with its wasm beside it and again with its wasm inside; the page's
/// module; and the engine that the module loads if there is no worker.
pub fn bundle() -> Result<()> {
    let dist = dist();
    fs::create_dir_all(&dist)?;
    // The loader decides whether `import wasm from "….wasm"` in worker.ts means an address or the
    // bytes themselves.
    esbuild(worker("epode-worker.js").args(["--loader:.wasm=file", "--asset-names=epode-worker"]))?;
    esbuild(worker("epode-worker.inline.js").arg("--loader:.wasm=binary"))?;
    // The engine, which only some pages need, is a file of its own and not a chunk that all pages
    // load.
    esbuild(
        script("client-shim/ts/index.ts", "epode.js").args(["--format=esm", "--external:*/epode-engine.js"]),
    )?;
    esbuild(script("worker/ts/epode-engine.ts", "epode-engine.js").arg("--format=esm"))?;
    let [banner, footer] = UMD;
    let mut umd = script("client-shim/ts/index.ts", "epode.umd.js");
    umd.args(["--format=iife", "--global-name=epode", "--external:*/epode-engine.js"]);
    umd.args([
        "--define:import.meta.url=here",
        &format!("--banner:js={ALL_CALLED}\n{banner}"),
        &format!("--footer:js={footer}"),
    ]);
    esbuild(&mut umd)?;
    // In a package of modules, Node.js takes a script for CommonJS only under the name .cjs.
    copy(&dist.join("epode.umd.js"), &dist.join("epode.umd.cjs"))?;
    // Both names are found by every bundler: epode.js has
    // `new URL("./epode.wasm", import.meta.url)`, and epode-engine.js names the worker's module.
    copy(&CLIENT.wasm(), &dist.join("epode.wasm"))
}

/// Copies a file; an error names `from`.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

/// The path of the package's own module among the declarations, which come from several folders.
const INDEX: &str = "client-shim/ts/index.js";

/// Writes the type declarations of the package.
pub fn declare() -> Result<()> {
    let types = dist().join("types");
    let _ = fs::remove_dir_all(&types);
    tsc(&["--project", "client-shim"])?;
    ensure!(types.join(INDEX).with_extension("d.ts").exists(), "tsc wrote no dist/types/{INDEX}");
    // The same declarations serve modules and `require`.
    fs::write(types.join("package.json"), "{ \"type\": \"commonjs\" }\n")?;
    for file in ["epode.d.ts", "epode.d.cts"] {
        fs::write(dist().join(file), format!("export * from \"./types/{INDEX}\";\n"))?;
    }
    Ok(())
}

/// Checks the types of both halves without writing files.
pub fn check_types() -> Result<()> {
    tsc(&["--project", "worker", "--noEmit"])?;
    tsc(&["--project", "client-shim", "--noEmit"])
}

/// Makes a module of glue that no script here imports.
pub fn glue(entry: &Path, file: &Path) -> Result<()> {
    esbuild(minify(entry, file).arg("--format=esm"))
}

/// A classic script, which runs in a shared worker of either type; `import.meta` must not occur in
/// it.
fn worker(file: &str) -> Command {
    let mut command = script("worker/ts/worker.ts", file);
    command.args(["--format=iife", "--define:import.meta.url=self.location.href"]);
    command
}

fn script(entry: &str, file: &str) -> Command {
    let mut command = minify(Path::new(entry), &dist().join(file));
    // esbuild uses only the last `--banner`.
    command.arg("--sourcemap").arg(format!("--banner:js={ALL_CALLED}"));
    command
}

/// The esbuild command that makes one minified file of a script and all its imports.
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
