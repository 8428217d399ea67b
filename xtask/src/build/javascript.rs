//! Makes the scripts that a page or a worker loads, from TypeScript and glue.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{CLIENT, WORKER, dist};
use crate::process::run;
use crate::workspace::npm_tool;

/// The oldest browsers that have both wasm reference types and private class members; emulating the
/// latter would cost 1.2 KB.
const TARGET: &str = "--target=es2022,chrome96,firefox90,safari15";

/// The wrapper of the page's script for script tags, AMD and CommonJS.
const UMD: [&str; 2] = [
    r#"((root, make) => {
  if (typeof module === "object" && module.exports) module.exports = make();
  else if (typeof define === "function" && define.amd) define(make);
  else Object.assign(root, (root.epode = make()).default);
})(globalThis, () => {"#,
    "return epode; });",
];

/// The names that Strophe's builds make global. The default export of each entry is an object with them.
const GLOBALS: [&str; 7] = ["Strophe", "$build", "$iq", "$msg", "$pres", "stx", "toStanza"];

/// The scripts of `epode/strophe`, which replaces `strophe.js`: they set the globals of Strophe's builds, and
/// leave lost connections to the app, as Strophe does. They import the scripts of `epode`, so an app that
/// loads both entries has one Strophe.
const STROPHE: [(&str, &str); 2] = [
    (
        "strophe.js",
        r#"import epode from "./epode.js";
export * from "./epode.js";
export { default } from "./epode.js";
Object.assign(globalThis, epode);
epode.Strophe.Connection.defaults.reconnect = false;
"#,
    ),
    (
        "strophe.cjs",
        r#"module.exports = require("./epode.umd.cjs");
Object.assign(globalThis, module.exports.default);
module.exports.Connection.defaults.reconnect = false;
"#,
    ),
];

/// The constant `BESIDE` of `engine.ts` and `worker.ts` says whether a script fetches its wasm or contains
/// it.
const BESIDE: &str = "--define:BESIDE=true";
const INSIDE: &str = "--define:BESIDE=undefined";

/// Makes Chromium compile the whole script as it loads, off the main thread, instead of each
/// function at its first call: most are called before CONNECTED. Other browsers and bundlers see a
/// comment.
const ALL_CALLED: &str = "//# allFunctionsCalledOnLoad";

/// Bundles the worker's script and the page's module, each with its wasm inside and again with its wasm
/// beside it; the engine that the module loads if there is no worker, and its part of BOSH, which it loads if
/// the service is no WebSocket; and the forms that are not modules.
pub fn bundle() -> Result<()> {
    let dist = dist();
    // No file of an earlier build may pass for part of this one.
    let _ = fs::remove_dir_all(&dist);
    fs::create_dir_all(&dist)?;
    // A classic script runs in a shared worker of either type.
    let worker = |file| script("worker/ts/worker.ts", file, "iife");
    esbuild(worker("epode-worker.js").arg(BESIDE))?;
    esbuild(worker("epode-worker.inline.js").arg(INSIDE))?;
    copy(&WORKER.wasm(), &dist.join("epode-worker.wasm"))?;
    // What only some pages need is a file of its own and not a chunk that all pages load.
    let page = |entry, file, format| {
        let mut page = script(entry, file, format);
        page.args(["--external:*/epode-engine.js", "--external:*/epode-bosh.js"]);
        page
    };
    esbuild(page("client-shim/ts/index.ts", "epode.js", "esm").arg(INSIDE))?;
    esbuild(page("client-shim/ts/beside.ts", "epode.beside.js", "esm").arg(BESIDE))?;
    copy(&CLIENT.wasm(), &dist.join("epode.wasm"))?;
    esbuild(&mut script("worker/ts/epode-engine.ts", "epode-engine.js", "esm"))?;
    esbuild(&mut script("client-shim/ts/epode-bosh.ts", "epode-bosh.js", "esm"))?;
    let [banner, footer] = UMD;
    let mut umd = page("client-shim/ts/index.ts", "epode.umd.js", "iife");
    // Only the code that locates a wasm beside the script uses `import.meta`; this form leaves it out.
    umd.args([INSIDE, "--global-name=epode", "--log-override:empty-import-meta=silent"]);
    umd.arg(format!("--banner:js={ALL_CALLED}\n{banner}")).arg(format!("--footer:js={footer}"));
    esbuild(&mut umd)?;
    // In a package of modules, Node.js takes a script for CommonJS only under the name .cjs.
    copy(&dist.join("epode.umd.js"), &dist.join("epode.umd.cjs"))?;
    for (name, script) in STROPHE {
        fs::write(dist.join(name), script)?;
    }
    Ok(())
}

/// Copies a file; an error names `from`.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

/// Where the modules of the package are among the declarations, which come from several folders.
const MODULES: &str = "types/client-shim/ts";

/// Writes the type declarations of the package.
pub fn declare() -> Result<()> {
    let types = dist().join("types");
    let _ = fs::remove_dir_all(&types);
    tsc(&["--project", "client-shim"])?;
    let index = format!("{MODULES}/index.d.ts");
    ensure!(dist().join(&index).exists(), "tsc wrote no dist/{index}");
    fs::write(types.join("package.json"), "{ \"type\": \"commonjs\" }\n")?;
    let page = declarations("index");
    let globals: String =
        GLOBALS.iter().map(|name| format!("  var {name}: typeof epode.{name};\n")).collect();
    let strophe = format!("{page}declare global {{\n{globals}}}\n");
    // The same declarations for modules and for `require`.
    for extension in ["ts", "cts"] {
        fs::write(dist().join(format!("epode.d.{extension}")), &page)?;
        fs::write(dist().join(format!("strophe.d.{extension}")), &strophe)?;
    }
    fs::write(dist().join("epode.beside.d.ts"), declarations("beside"))?;
    Ok(())
}

/// The declarations of one entry of the package. The default is spelt out: for TypeScript the default of a
/// CommonJS module means something else to `import` than to `require`.
fn declarations(module: &str) -> String {
    let member = |name| format!("  /** The export `{name}`. */\n  {name}: typeof names.{name};\n");
    let members: String = GLOBALS.iter().map(member).collect();
    format!(
        "export * from \"./{MODULES}/{module}.js\";
import type * as names from \"./{MODULES}/{module}.js\";
/** The names that Strophe's builds make global; `epode/strophe` does so, too. */
declare const epode: {{\n{members}}};
export default epode;
"
    )
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

fn script(entry: &str, file: &str, format: &str) -> Command {
    let mut command = minify(Path::new(entry), &dist().join(file));
    command.arg(format!("--format={format}"));
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
