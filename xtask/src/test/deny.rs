//! The crates of others, held to `deny.toml`: cargo-deny's format, as far as `cargo metadata` can answer.
//! A key that this stage does not know is an error, so each line of the file holds on every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::licence;
use crate::process::run;
use crate::workspace::{cargo, root};

/// Compares, and names each crate with the line that it breaks.
pub fn check() -> Result<()> {
    let rules = Rules::read(&fs::read_to_string(root().join("deny.toml"))?)?;
    let mut metadata = cargo();
    metadata.args(["metadata", "--quiet", "--locked", "--format-version=1", "--all-features"]);
    let json = run(&mut metadata, Duration::from_secs(120))?;
    let graph: Graph = serde_json::from_str(&json).context("cargo metadata wrote something else")?;
    let breaches = rules.breaches(&graph);
    ensure!(breaches.is_empty(), "{}", breaches.join("\n"));
    Ok(())
}

/// `deny.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    graph: Scope,
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Scope {
    all_features: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    multiple_versions: String,
    multiple_versions_include_dev: bool,
    skip: Vec<Skip>,
    deny: Vec<Ban>,
}

/// A version that may stand beside another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    /// `name@1.2`, which means any 1.2.x.
    #[serde(rename = "crate")]
    spec: String,
    #[serde(rename = "reason")]
    _reason: String,
}

/// A crate that only its wrappers may depend on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    wrappers: BTreeSet<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    unknown_git: String,
    allow_registry: BTreeSet<String>,
}

/// Everything that cargo has resolved, and who depends on whom.
#[derive(Deserialize)]
struct Graph {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    /// `None` for a crate of this workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    /// Ids.
    dependencies: Vec<String>,
}

impl Rules {
    fn read(text: &str) -> Result<Self> {
        let rules: Self = toml::from_str(text).context("deny.toml")?;
        let Bans { multiple_versions, multiple_versions_include_dev, .. } = &rules.bans;
        let Sources { unknown_registry, unknown_git, .. } = &rules.sources;
        let strict = [multiple_versions, unknown_registry, unknown_git].iter().all(|level| *level == "deny");
        ensure!(
            strict && *multiple_versions_include_dev && rules.graph.all_features,
            "deny.toml: the switches that this stage knows are \"deny\" and true"
        );
        Ok(rules)
    }

    fn breaches(&self, graph: &Graph) -> Vec<String> {
        let mut breaches = Vec::new();
        for package in &graph.packages {
            breaches.extend(self.licenses.breach(package));
            breaches.extend(self.sources.breach(package));
        }
        self.bans.versions(graph, &mut breaches);
        self.bans.dependents(graph, &mut breaches);
        breaches
    }
}

impl Licences {
    fn breach(&self, Package { name, version, license, .. }: &Package) -> Option<String> {
        let expression = license.as_deref().unwrap_or_default();
        (!licence::is_met(expression, &self.allow))
            .then(|| format!("{name} {version}: [licenses] allow does not meet its licence, `{expression}`"))
    }
}

impl Sources {
    fn breach(&self, Package { name, version, source, .. }: &Package) -> Option<String> {
        let source = source.as_deref()?;
        let known = source.strip_prefix("registry+").is_some_and(|url| self.allow_registry.contains(url));
        (!known).then(|| format!("{name} {version}: [sources] allow-registry lacks its source, {source}"))
    }
}

impl Bans {
    /// Crates of which two versions remain beside those that are skipped, and entries that skip nothing.
    fn versions(&self, graph: &Graph, breaches: &mut Vec<String>) {
        let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for Package { name, version, .. } in &graph.packages {
            versions.entry(name).or_default().push(version);
        }
        versions.retain(|_, versions| versions.len() > 1);
        for Skip { spec, .. } in &self.skip {
            let (name, wanted) = spec.split_once('@').unwrap_or((spec, ""));
            let versions = versions.entry(name).or_default();
            let before = versions.len();
            versions.retain(|version| !is_of(version, wanted));
            if versions.len() == before {
                breaches.push(format!("{spec}: [bans] skip has no need of this entry"));
            }
        }
        for (name, versions) in versions {
            if versions.len() > 1 {
                let versions = versions.join(", ");
                breaches.push(format!("{name}: [bans] multiple-versions allows one of {versions}"));
            }
        }
    }

    /// Crates that depend on one that is not for them, and wrappers that do not.
    fn dependents(&self, graph: &Graph, breaches: &mut Vec<String>) {
        let names: BTreeMap<&str, &str> =
            graph.packages.iter().map(|package| (&*package.id, &*package.name)).collect();
        let name = |id: &str| names.get(id).copied().unwrap_or_default();
        for Ban { name: banned, wrappers, reason } in &self.deny {
            let dependents: BTreeSet<&str> = (graph.resolve.nodes.iter())
                .filter(|node| node.dependencies.iter().any(|id| name(id) == banned))
                .map(|node| name(&node.id))
                .collect();
            for dependent in &dependents {
                if !wrappers.contains(*dependent) {
                    breaches.push(format!("{dependent}: [bans] deny keeps {banned} from it ({reason})"));
                }
            }
            for wrapper in wrappers {
                if !dependents.contains(&**wrapper) {
                    breaches
                        .push(format!("{wrapper}: [bans] deny has no need of it as a wrapper of {banned}"));
                }
            }
        }
    }
}

/// Whether `version` begins with the numbers of `wanted`.
fn is_of(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULES: &str = r#"
        [graph]
        all-features = true
        [licenses]
        allow = ["MIT"]
        [bans]
        multiple-versions = "deny"
        multiple-versions-include-dev = true
        skip = [{ crate = "twice@0.1", reason = "two need it" }]
        deny = [{ crate = "clock", wrappers = ["edge"], reason = "time" }]
        [sources]
        unknown-registry = "deny"
        unknown-git = "deny"
        allow-registry = ["https://crates.example"]
    "#;

    /// What is said of these packages: name, version, licence, source, and the name of a dependency.
    fn breaches(packages: &[[&str; 5]]) -> Vec<String> {
        let mut described = Vec::new();
        let mut nodes = Vec::new();
        for [name, version, license, source, dependency] in packages {
            let id = format!("{name} {version}");
            let dependencies: Vec<_> = (packages.iter())
                .filter(|other| other[0] == *dependency)
                .map(|other| format!("{} {}", other[0], other[1]))
                .collect();
            let source = (!source.is_empty()).then_some(source);
            nodes.push(json!({ "id": id, "dependencies": dependencies }));
            described.push(
                json!({ "id": id, "name": name, "version": version, "license": license, "source": source }),
            );
        }
        let graph = json!({ "packages": described, "resolve": { "nodes": nodes } });
        let graph: Graph = serde_json::from_value(graph).expect("it is one");
        Rules::read(RULES).expect("they are some").breaches(&graph)
    }

    const REGISTRY: &str = "registry+https://crates.example";
    const CLOCK: [&str; 5] = ["clock", "1.0.0", "MIT", REGISTRY, ""];
    const EDGE: [&str; 5] = ["edge", "1.0.0", "MIT", "", "clock"];
    const TWICE: [[&str; 5]; 2] =
        [["twice", "0.1.9", "MIT", REGISTRY, ""], ["twice", "0.2.0", "MIT", REGISTRY, ""]];

    #[test]
    fn each_breach_names_the_crate_and_the_line() {
        let keeping = [CLOCK, EDGE, TWICE[0], TWICE[1]];
        assert_eq!(breaches(&keeping), [""; 0]);
        for (another, said) in [
            (
                ["left", "1.0.0", "GPL-3.0", REGISTRY, ""],
                "left 1.0.0: [licenses] allow does not meet its licence, `GPL-3.0`",
            ),
            (
                ["found", "1.0.0", "MIT", "git+https://crates.example", ""],
                "found 1.0.0: [sources] allow-registry lacks its source, git+https://crates.example",
            ),
            (
                ["other", "1.0.0", "MIT", "registry+https://other.example", ""],
                "other 1.0.0: [sources] allow-registry lacks its source, registry+https://other.example",
            ),
            (
                ["clock", "2.0.0", "MIT", REGISTRY, ""],
                "clock: [bans] multiple-versions allows one of 1.0.0, 2.0.0",
            ),
            (
                ["twice", "0.10.0", "MIT", REGISTRY, ""],
                "twice: [bans] multiple-versions allows one of 0.2.0, 0.10.0",
            ),
            (["core", "1.0.0", "MIT", "", "clock"], "core: [bans] deny keeps clock from it (time)"),
        ] {
            assert_eq!(breaches(&[&keeping[..], &[another]].concat()), [said]);
        }
    }

    #[test]
    fn an_exception_that_nothing_needs_is_a_breach() {
        assert_eq!(breaches(&[CLOCK, EDGE, TWICE[0]]), ["twice@0.1: [bans] skip has no need of this entry"]);
        assert_eq!(
            breaches(&[CLOCK, TWICE[0], TWICE[1]]),
            ["edge: [bans] deny has no need of it as a wrapper of clock"]
        );
    }

    #[test]
    fn a_file_that_says_more_or_less_than_is_checked_is_an_error() {
        assert!(Rules::read(RULES).is_ok());
        for (line, instead) in [
            ("all-features = true", "all-features = false"),
            ("multiple-versions = \"deny\"", "multiple-versions = \"warn\""),
            ("multiple-versions-include-dev = true", ""),
            ("unknown-git = \"deny\"", "unknown-git = \"allow\""),
            ("allow = [\"MIT\"]", "allow = [\"MIT\"]\nunused-allowed-license = \"deny\""),
            (", reason = \"two need it\"", ""),
        ] {
            assert!(RULES.contains(line) && Rules::read(&RULES.replace(line, instead)).is_err(), "{line}");
        }
    }
}
