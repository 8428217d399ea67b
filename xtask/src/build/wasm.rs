//! Builds a crate into a small wasm module with JavaScript glue.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::mem;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::{Bindgen, Output};

use crate::process::run;
use crate::workspace::{cargo, npm_tool, root, target};

/// The features that rustc uses for wasm32-unknown-unknown and that wasm-bindgen adds. They are
/// listed since with `--all-features` wasm-opt makes modules that Node 20 refuses.
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
    /// The name of the package.
    pub package: &'static str,
    /// The enabled features, separated by commas.
    pub features: &'static str,
    /// The folder for the results, from the root of the workspace; emptied first.
    pub output: &'static str,
}

impl WasmCrate {
    /// Builds `<name>.js`, `<name>.d.ts`, `<name>_bg.wasm`, and `<name>_text.js`, the module as text.
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
        // No file of an earlier build may pass for part of this one.
        let _ = fs::remove_dir_all(&output);
        bind(&compiled, &output, &self.name())?;
        // That file declares the raw exports, and would hide from tsc the meaning of importing a
        // .wasm file in these bundles.
        fs::remove_file(self.wasm().with_added_extension("d.ts"))?;
        optimise(&self.wasm())?;
        fs::write(self.text(), format!("export default \"{}\";\n", printable(&fs::read(self.wasm())?)))?;
        fs::write(self.text().with_extension("d.ts"), "declare const text: string;\nexport default text;\n")?;
        fs::write(stamp, inputs)?;
        Ok(())
    }

    /// The finished wasm module.
    pub fn wasm(&self) -> PathBuf {
        root().join(self.output).join(format!("{}_bg.wasm", self.name()))
    }

    /// The finished wasm module as text, for scripts that have their wasm inside.
    fn text(&self) -> PathBuf {
        root().join(self.output).join(format!("{}_text.js", self.name()))
    }

    /// The glue of that module.
    pub fn glue(&self) -> PathBuf {
        root().join(self.output).join(format!("{}.js", self.name()))
    }

    fn name(&self) -> String {
        self.package.replace('-', "_")
    }

    /// A hash that changes with the module, this program and the version of wasm-opt.
    fn stamp(&self, module: &[u8]) -> String {
        let mut hasher = DefaultHasher::new();
        module.hash(&mut hasher);
        let own = std::env::current_exe().and_then(fs::metadata).and_then(|own| own.modified()).ok();
        own.hash(&mut hasher);
        fs::read(root().join("node_modules/binaryen/package.json")).ok().hash(&mut hasher);
        format!("{:016x}\n", hasher.finish())
    }
}

/// Keeps the folders of the building machine out of panics: these name the sources of other crates
/// by short paths.
fn nameless_sources() -> Result<String> {
    let home = match (std::env::var_os("CARGO_HOME"), std::env::home_dir()) {
        (Some(home), _) => PathBuf::from(home),
        (None, Some(home)) => home.join(".cargo"),
        (None, None) => return Ok("target.wasm32-unknown-unknown.rustflags=[]".to_owned()),
    };
    // There is one folder for each registry. They exist, since this program was built from them.
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
    // Each script names the address of its module; a second, default address in the glue would
    // mislead bundlers.
    bindgen.omit_default_module_path(true);
    let bound = bindgen.web(true).and_then(Bindgen::generate_output);
    let mut bound = bound.map_err(|error| anyhow!("wasm-bindgen: {error:?}"))?;
    let short = shorten(&mut bound);
    bound.emit(output).map_err(|error| anyhow!("wasm-bindgen: {error:?}"))?;
    edit(&output.join(format!("{name}.js")), |glue| once(&rename(glue, &short)) + LOADING)?;
    edit(&output.join(format!("{name}.d.ts")), |types| types.to_owned() + LOADING_TYPES)
}

/// The two functions around wasm-bindgen's loader. That loader also takes addresses, requests and
/// old forms of its argument; our scripts load only in one way (`port/ts/wasm.ts`), so
/// bundling drops the loader, 0.3 KB of the page's bytes.
const LOADING: &str = "export { __wbg_get_imports as imports, __wbg_finalize_init as loaded };\n";
const LOADING_TYPES: &str = "export function imports(): WebAssembly.Imports;
export function loaded(instance: WebAssembly.Instance): InitOutput;
";

fn edit(file: &Path, change: impl FnOnce(&str) -> String) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(fs::write(file, change(&text))?)
}

/// Short names by long ones.
#[derive(Default)]
struct Short {
    imports: HashMap<String, String>,
    exports: HashMap<String, String>,
}

/// Shortens the names that a module and its glue share to a letter or two. The long names stand in
/// both files and contain hashes, which do not compress.
fn shorten(bound: &mut Output) -> Short {
    let mut short = Short::default();
    let module = bound.wasm_mut();
    // Imports from other modules keep the names they have there.
    let from_glue = module.imports.iter_mut().filter(|import| import.module.ends_with("_bg.js"));
    for (number, import) in from_glue.enumerate() {
        let long = mem::replace(&mut import.name, letters(number));
        short.imports.insert(long, import.name.clone());
    }
    for (number, export) in module.exports.iter_mut().enumerate() {
        let long = mem::replace(&mut export.name, letters(number));
        short.exports.insert(long, export.name.clone());
    }
    short
}

/// `a` to `z`, `aa`, `ba`, and so on.
fn letters(number: usize) -> String {
    let letter = char::from(b'a' + (number % 26) as u8);
    match (number / 26).checked_sub(1) {
        Some(more) => format!("{letter}{}", letters(more)),
        None => letter.to_string(),
    }
}

/// Renames in the glue, where imports are functions and exports follow `wasm.`.
fn rename(glue: &str, short: &Short) -> String {
    let in_name = |character: char| character.is_alphanumeric() || "_$".contains(character);
    let mut renamed = String::with_capacity(glue.len());
    let mut rest = glue;
    while let Some(start) = rest.find(in_name) {
        let (before, name) = rest.split_at(start);
        let (name, after) = name.split_at(name.find(|character| !in_name(character)).unwrap_or(name.len()));
        renamed.push_str(before);
        let names = if renamed.ends_with("wasm.") { &short.exports } else { &short.imports };
        renamed.push_str(names.get(name).map_or(name, String::as_str));
        rest = after;
    }
    renamed + rest
}

/// Lists each module that is imported once: wasm-bindgen does so once for each function that it has.
fn once(glue: &str) -> String {
    let mut listed = HashSet::new();
    let mut lines: Vec<&str> = glue.split_inclusive('\n').collect();
    lines.retain(|line| match line.trim_start().strip_prefix("\"./snippets/") {
        Some(module) => listed.insert(module.split('"').next()),
        None => true,
    });
    lines.concat()
}

fn optimise(module: &Path) -> Result<()> {
    let mut wasm_opt = npm_tool("wasm-opt");
    // V8 compiles a function as a whole at its first call, on the calling thread. Code that only a
    // rare arm of a match calls must not be inlined, even if that is the only call.
    wasm_opt.arg("--one-caller-inline-max-function-size=400");
    // `--low-memory-unused` holds, since rustc puts the stack first and its end is the lowest
    // kilobyte. A second round uses what that option allows.
    wasm_opt.args(["-Oz", "--low-memory-unused", "-Oz"]).args(FEATURES).arg(module).arg("-o").arg(module);
    run(&mut wasm_opt, Duration::from_secs(900))?;
    Ok(())
}

/// Encodes bytes as printable ASCII that needs no escapes in a string literal; `unpack` in
/// `port/ts/wasm.ts` decodes it.
///
/// A byte below 91 becomes one character; another has a space or an exclamation mark before it. Bytes stay
/// apart, so brotli compresses the text almost as well as the module: 3 % larger, where base64 is 30 %.
fn printable(module: &[u8]) -> String {
    let mut text = String::with_capacity(module.len() * 5 / 4);
    for byte in module {
        match byte / 91 {
            0 => {}
            1 => text.push(' '),
            _ => text.push('!'),
        }
        // From `#` to `~`, without the backslash.
        let code = b'#' + byte % 91;
        text.push(char::from(if code < b'\\' { code } else { code + 1 }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_text_of_its_own_that_needs_no_escape() {
        let texts: HashSet<_> = (0..=255).map(|byte| printable(&[byte])).collect();
        assert_eq!(texts.len(), 256);
        let all = printable(&(0..=255).collect::<Vec<_>>());
        assert!(all.chars().all(|character| matches!(character, ' '..='~') && !"\"\\".contains(character)));
        assert_eq!(printable(&[0, 56, 57, 90, 91, 255]), "#[]~ #!m");
    }

    #[test]
    fn short_names_are_all_different() {
        let names: Vec<_> = (0..1000).map(letters).collect();
        assert_eq!([&*names[0], &*names[25], &*names[26], &*names[52]], ["a", "z", "aa", "ab"]);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 1000);
    }

    #[test]
    fn a_module_is_listed_once() {
        let line = |key: &str, name: &str| format!("    \"./{key}.js\": {name},\n");
        let glue =
            [line("a_bg", "import0"), line("snippets/b", "import1"), line("snippets/c", "import2")].concat();
        assert_eq!(once(&(glue.clone() + &line("snippets/b", "import3"))), glue);
    }

    #[test]
    fn only_whole_names_are_shortened_and_exports_only_behind_wasm() {
        let map = |long: &str, short: &str| HashMap::from([(long.to_owned(), short.to_owned())]);
        let short = Short { imports: map("__wbg_log_1f", "a"), exports: map("tabs", "b") };
        let glue = "{ __wbg_log_1f: function(tabs) { wasm.tabs(my.tabs, ...wasm.tabs.list, wasm.tabs_of, \
                    __wbg_log_1f2); }";
        let renamed = "{ a: function(tabs) { wasm.b(my.tabs, ...wasm.b.list, wasm.tabs_of, __wbg_log_1f2); }";
        assert_eq!(rename(glue, &short), renamed);
    }
}
