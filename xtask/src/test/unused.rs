//! Dependencies that a manifest names and no source does.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use toml::Table;

use crate::workspace;

/// A path and the text of the file.
type File = (String, String);

/// Names the dependencies of the workspace, of each crate, and of npm that could go.
pub fn check() -> Result<()> {
    let files =
        workspace::texts(&[".rs", ".ts", ".js", ".mjs", "Cargo.toml", "package.json", "package-lock.json"])?;
    let mut unused = of_cargo(&files)?;
    unused.extend(of_npm(&files)?);
    ensure!(unused.is_empty(), "{}", unused.join("\n"));
    Ok(())
}

/// A member's manifest uses a dependency of the workspace, and the member's sources one of the member.
fn of_cargo(files: &[File]) -> Result<Vec<String>> {
    let mut unused = Vec::new();
    let mut workspace = BTreeSet::new();
    let mut inherited = BTreeSet::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
        let manifest: Table = text.parse().with_context(|| path.clone())?;
        let shared = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
        workspace.extend(entries(shared).map(|(name, _)| name.clone()));
        let folder = path.trim_end_matches("Cargo.toml");
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, how) in entries(manifest.get(kind)) {
                let word = name.replace('-', "_");
                let is_used = files.iter().any(|(path, text)| {
                    path.starts_with(folder) && path.ends_with(".rs") && has_word(text, &word)
                });
                if !is_used {
                    unused.push(format!("{path}: no source uses {name}"));
                }
                if how.get("workspace").is_some() {
                    inherited.insert(name.clone());
                }
            }
        }
    }
    unused.extend(workspace.difference(&inherited).map(|name| format!("Cargo.toml: no member uses {name}")));
    Ok(unused)
}

/// A package is used where its name, or that of a program in it, begins a string or a path.
fn of_npm(files: &[File]) -> Result<Vec<String>> {
    let json = |wanted: &str| -> Result<Value> {
        let text = files.iter().find(|(path, _)| path == wanted).map_or("{}", |(_, text)| text);
        serde_json::from_str(text).with_context(|| wanted.to_owned())
    };
    let (manifest, lock) = (json("package.json")?, json("package-lock.json")?);
    let names = |object: &Value| -> Vec<String> {
        object.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let is_used = |name: &String| {
        let quoted = ["'", "\"", "node_modules/"].map(|before| format!("{before}{name}"));
        let starts = |text: &str| {
            let mut rests = quoted.iter().flat_map(|start| text.split(start).skip(1));
            rests.any(|rest| rest.starts_with(['\'', '"', '/']))
        };
        files.iter().any(|(path, text)| !path.ends_with(".json") && starts(text))
    };
    let mut unused = Vec::new();
    for name in names(&manifest["devDependencies"]) {
        let programs = names(&lock["packages"][format!("node_modules/{name}")]["bin"]);
        if !std::iter::once(&name).chain(&programs).any(is_used) {
            unused.push(format!("package.json: nothing uses {name}"));
        }
    }
    Ok(unused)
}

fn entries(table: Option<&toml::Value>) -> impl Iterator<Item = (&String, &toml::Value)> {
    table.and_then(toml::Value::as_table).into_iter().flatten()
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.split(|character| !is_part(character)).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Vec<File> {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_crate_that_no_member_and_no_source_names_is_told() -> Result<()> {
        let root = ("Cargo.toml", "[workspace.dependencies]\na-b = '1'\nc = '1'\nd = '1'");
        let member =
            ("m/Cargo.toml", "[dependencies]\na-b.workspace = true\n[dev-dependencies]\nc.workspace = true");
        let source = ("m/src/lib.rs", "use a_b::x; use c_d::y;");
        let elsewhere = ("n/src/lib.rs", "use c::z;");
        assert_eq!(
            of_cargo(&files(&[root, member, source, elsewhere]))?,
            ["m/Cargo.toml: no source uses c", "Cargo.toml: no member uses d"]
        );
        let own = ("n/Cargo.toml", "[dependencies]\nc = '2'");
        let root = ("Cargo.toml", "[workspace.dependencies]\nc = '1'");
        assert_eq!(of_cargo(&files(&[root, own, elsewhere]))?, ["Cargo.toml: no member uses c"]);
        let test = ("m/tests/c.rs", "use c::z;");
        let root = ("Cargo.toml", "[workspace.dependencies]\na-b = '1'\nc = '1'");
        assert_eq!(of_cargo(&files(&[root, member, source, test]))?, [""; 0]);
        assert!(of_cargo(&files(&[("Cargo.toml", "[")])).is_err());
        Ok(())
    }

    #[test]
    fn a_package_is_used_by_its_name_or_by_its_program() -> Result<()> {
        let manifest =
            ("package.json", r#"{ "devDependencies": { "a": "1", "@b/c": "1", "d": "1", "f": "1" } }"#);
        let lock =
            ("package-lock.json", r#"{ "packages": { "node_modules/@b/c": { "bin": { "e": "e.js" } } } }"#);
        let none = ("x.mjs", "import 'abc'; a(d, 'xd', \"f.g\");");
        assert_eq!(of_npm(&files(&[manifest, lock, none]))?.len(), 4);
        let import = ("x.mjs", "import g from 'a/g'; const dist = '../node_modules/f/dist';");
        let program = ("x.rs", "run(\"e\")");
        assert_eq!(of_npm(&files(&[manifest, lock, import, program]))?, ["package.json: nothing uses d"]);
        Ok(())
    }
}
