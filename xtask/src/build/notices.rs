//! The licences of third-party code in the wasm modules, which must go with every copy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{CLIENT, WORKER};
use crate::process::run;
use crate::workspace::{cargo, program};

const LIMIT: Duration = Duration::from_secs(120);
const TARGET: &str = "wasm32-unknown-unknown";

/// The first lines of the text.
const HEAD: &str =
    "What others wrote and is compiled into epode.wasm, epode-worker.wasm and the scripts around them.\n";

/// A crate, or the standard library.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    name: String,
    version: String,
    /// The licence as an SPDX expression.
    licence: String,
}

/// Writes `THIRD-PARTY.txt` to this folder.
pub fn write(folder: &Path) -> Result<()> {
    let mut notices = Notices::default();
    let (metadata, compiled) = (metadata()?, compiled()?);
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let word = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let part = Part { name: word("name"), version: word("version"), licence: word("license") };
        // A package without a source is of this workspace.
        if package["source"].is_null() || !compiled.contains(&format!("{} v{}", part.name, part.version)) {
            continue;
        }
        let manifest = PathBuf::from(word("manifest_path"));
        notices.add(part, manifest.parent().unwrap_or(&manifest), is_licence)?;
    }
    let (rust, licences) = standard_library()?;
    notices.add(rust, &licences, |file| ["MIT.txt", "Apache-2.0.txt"].contains(&file))?;
    fs::write(folder.join("THIRD-PARTY.txt"), notices.text())?;
    Ok(())
}

/// All packages that cargo knows for this target, with the places of their sources.
fn metadata() -> Result<Value> {
    let mut metadata = cargo();
    metadata.args(["metadata", "--quiet", "--locked", "--format-version=1", "--filter-platform", TARGET]);
    let json = run(&mut metadata, LIMIT)?;
    serde_json::from_str(&json).context("cargo metadata wrote no JSON")
}

/// The packages that are compiled into the modules, as `name v1.2.3`. Macros run in the compiler
/// and do not count.
fn compiled() -> Result<Vec<String>> {
    let mut tree = cargo();
    tree.args(["tree", "--quiet", "--locked", "--target", TARGET, "--prefix", "none"]);
    tree.args(["--edges", "normal,no-proc-macro", "--package", WORKER.package, "--package", CLIENT.package]);
    let crates = run(&mut tree, LIMIT)?;
    Ok(crates.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect())
}

/// Rust's standard library, and the folder of licences that comes with the compiler.
fn standard_library() -> Result<(Part, PathBuf)> {
    let said = |what: &[&str]| run(program("rustc").args(what), LIMIT);
    let (version, sysroot) = (said(&["--version"])?, said(&["--print", "sysroot"])?);
    let version = version.split(' ').nth(1).unwrap_or_default().to_owned();
    let licence = "MIT OR Apache-2.0".to_owned();
    let part = Part { name: "The Rust standard library".to_owned(), version, licence };
    Ok((part, Path::new(sysroot.trim_end()).join("share/doc/rust/licenses")))
}

fn is_licence(file: &str) -> bool {
    let file = file.to_ascii_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT"]
        .iter()
        .any(|name| file.starts_with(name))
}

/// Parts, and the texts of their licences. Each text is kept once, with all its parts.
#[derive(Default)]
struct Notices {
    parts: Vec<Part>,
    texts: BTreeMap<String, Vec<Part>>,
}

impl Notices {
    /// Adds a part with the licences in this folder.
    fn add(&mut self, part: Part, folder: &Path, is_licence: fn(&str) -> bool) -> Result<()> {
        let mut found = false;
        for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let path = entry?.path();
            if !path.is_file() || !path.file_name().is_some_and(|name| is_licence(&name.to_string_lossy())) {
                continue;
            }
            let text = fs::read_to_string(&path).with_context(|| format!("{} is no text", path.display()))?;
            self.note(&part, &text);
            found = true;
        }
        ensure!(found, "{} {} comes without the text of its licence", part.name, part.version);
        self.parts.push(part);
        Ok(())
    }

    fn note(&mut self, part: &Part, text: &str) {
        let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
        let of = self.texts.entry(lines.join("\n")).or_default();
        if !of.contains(part) {
            of.push(part.clone());
        }
    }

    /// The whole text, which does not depend on the order of the parts.
    fn text(mut self) -> String {
        self.parts.sort();
        let mut written = HEAD.to_owned() + "\n";
        for Part { name, version, licence } in &self.parts {
            let _ = writeln!(written, "{name} {version}: {licence}");
        }
        let mut texts: Vec<_> = self
            .texts
            .into_iter()
            .map(|(text, mut of)| {
                of.sort();
                (of, text)
            })
            .collect();
        texts.sort();
        for (of, text) in texts {
            let of: Vec<_> =
                of.iter().map(|Part { name, version, .. }| format!("{name} {version}")).collect();
            let _ = write!(written, "\n{:-<80}\n{}\n\n{text}\n", "", of.join(", "));
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::root;

    fn part(name: &str) -> Part {
        Part { name: name.to_owned(), version: "1.0.0".to_owned(), licence: "MIT".to_owned() }
    }

    #[test]
    fn a_text_stands_once_with_all_it_is_of_in_whatever_order_they_came() {
        let mut texts = Vec::new();
        for names in [["b", "a"], ["a", "b"]] {
            let mut notices = Notices::default();
            for name in names {
                notices.parts.push(part(name));
                notices.note(&part(name), if name == "a" { "Take it.\r\n" } else { "\nTake it." });
            }
            notices.note(&part("b"), "Or leave it.");
            texts.push(notices.text());
        }
        let line = "-".repeat(80);
        let expected = format!(
            "{HEAD}\na 1.0.0: MIT\nb 1.0.0: MIT\n\n\
             {line}\na 1.0.0, b 1.0.0\n\nTake it.\n\n{line}\nb 1.0.0\n\nOr leave it.\n"
        );
        assert_eq!(texts, [expected.clone(), expected]);
    }

    #[test]
    fn what_comes_without_a_licence_is_not_passed_over() {
        let error = Notices::default()
            .add(part("a"), &root().join("docs"), is_licence)
            .map_err(|error| error.to_string());
        assert_eq!(error, Err("a 1.0.0 comes without the text of its licence".to_owned()));
    }
}
