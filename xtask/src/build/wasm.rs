//! One crate on its way to a small wasm module with JavaScript glue.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use crate::process::run;
use crate::workspace::{cargo, npm_tool, root, target};

/// What rustc emits for wasm32-unknown-unknown and what wasm-bindgen adds. Named one by one: with all features on,
/// wasm-opt makes modules that Node 20 refuses.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// A crate of the workspace that becomes a wasm module.
pub struct WasmCrate {
    /// Its name for cargo.
    pub package: &'static str,
    /// Its features, separated by commas.
    pub features: &'static str,
    /// The folder, from the root of the workspace, that is emptied and then holds the results.
    pub output: &'static str,
}

impl WasmCrate {
    /// Builds `<name>.js`, `<name>.d.ts` and `<name>_bg.wasm`.
    pub fn build(&self) -> Result<()> {
        let mut cargo = cargo();
        cargo.args(["build", "--quiet", "--profile", "wasm", "--target", "wasm32-unknown-unknown"]);
        cargo.args(["--package", self.package, "--features", self.features]);
        cargo.arg("--config").arg(nameless_sources()?);
        run(&mut cargo, Duration::from_secs(1800))?;

        let compiled = target().join(format!("wasm32-unknown-unknown/wasm/{}.wasm", self.name()));
        let module = fs::read(&compiled).with_context(|| format!("{} cannot be read", compiled.display()))?;
        let output = root().join(self.output);
        let stamp = output.join(".stamp");
        let inputs = self.stamp(&module);
        if fs::read_to_string(&stamp).is_ok_and(|before| before == inputs) && self.wasm().exists() {
            return Ok(());
        }
        // Nothing of an earlier build may be taken for part of this one.
        let _ = fs::remove_dir_all(&output);
        bind(&compiled, &output, &self.name())?;
        // It describes the raw exports, and would hide from tsc what importing a .wasm file means in these bundles.
        fs::remove_file(self.wasm().with_added_extension("d.ts"))?;
        optimise(&self.wasm())?;
        fs::write(stamp, inputs)?;
        Ok(())
    }

    /// The finished wasm module.
    pub fn wasm(&self) -> PathBuf {
        root().join(self.output).join(format!("{}_bg.wasm", self.name()))
    }

    /// The glue around it.
    pub fn glue(&self) -> PathBuf {
        root().join(self.output).join(format!("{}.js", self.name()))
    }

    fn name(&self) -> String {
        self.package.replace('-', "_")
    }

    /// Changes when the module, this program or the version of wasm-opt changes.
    fn stamp(&self, module: &[u8]) -> String {
        let mut hasher = DefaultHasher::new();
        module.hash(&mut hasher);
        let own = std::env::current_exe().and_then(fs::metadata).and_then(|own| own.modified()).ok();
        own.hash(&mut hasher);
        fs::read(root().join("node_modules/binaryen/package.json")).ok().hash(&mut hasher);
        format!("{:016x}\n", hasher.finish())
    }
}

/// Has panics name the sources of other crates without saying where they lie on the machine that built the module.
fn nameless_sources() -> Result<String> {
    let home = match (std::env::var_os("CARGO_HOME"), std::env::home_dir()) {
        (Some(home), _) => PathBuf::from(home),
        (None, Some(home)) => home.join(".cargo"),
        (None, None) => return Ok("target.wasm32-unknown-unknown.rustflags=[]".to_owned()),
    };
    // One folder for each registry. This program was built from them, so they are there.
    let registries = fs::read_dir(home.join("registry/src")).into_iter().flatten();
    let flags: Vec<String> = registries
        .map(|registry| Ok(format!("{:?}", format!("--remap-path-prefix={}=", registry?.path().display()))))
        .collect::<Result<_>>()?;
    Ok(format!("target.wasm32-unknown-unknown.rustflags=[{}]", flags.join(",")))
}

fn bind(compiled: &Path, output: &Path, name: &str) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(compiled)
        .out_name(name)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    // Each script names the module's address itself; a second default address in the glue misleads bundlers.
    bindgen.omit_default_module_path(true);
    bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate(output))
        .map_err(|error| anyhow!("wasm-bindgen: {error:?}"))
}

fn optimise(module: &Path) -> Result<()> {
    let mut wasm_opt = npm_tool("wasm-opt");
    // The lowest kilobyte is the end of the stack, which rustc puts first. A second round finds what that allows.
    wasm_opt.args(["-Oz", "--low-memory-unused", "-Oz"]).args(FEATURES).arg(module).arg("-o").arg(module);
    run(&mut wasm_opt, Duration::from_secs(900))?;
    Ok(())
}
