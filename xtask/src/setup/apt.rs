//! Installs Debian packages without side effects: no service starts, and no apt source is left.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::sources::{Source, codename, main_archive, parse_deb822, parse_list};
use crate::process::run;
use crate::workspace::{program, target};

const LISTS: &str = "/etc/apt/sources.list.d";
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Whether this program may install packages.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Installs packages from the release itself and packages from its backports.
pub fn install(release: &[&str], backports: &[&str]) -> Result<()> {
    let os_release = fs::read_to_string("/etc/os-release").context("/etc/os-release cannot be read")?;
    let codename = codename(&os_release).context("/etc/os-release names no VERSION_CODENAME")?;
    let sources = SourcesWithBackports::new(codename)?;
    let _quiet = NoServices::new()?;
    let before = port_mappers();
    let outcome = (|| {
        run(sources.apt_get().arg("update"), Duration::from_secs(300))
            .context("apt could not update its lists")?;
        let install = |packages: &[&str], suite: &[&str]| -> Result<()> {
            if packages.is_empty() {
                return Ok(());
            }
            let mut apt = sources.apt_get();
            apt.args(["install", "--yes", "--no-install-recommends"]).args(suite).args(packages);
            run(&mut apt, Duration::from_secs(1200)).context("apt could not install the packages")?;
            Ok(())
        };
        install(release, &[])?;
        install(backports, &["--target-release", &format!("{codename}-backports")])
    })();
    // Installing ejabberd leaves Erlang's port mapper running.
    for process in port_mappers().difference(&before) {
        run(program("kill").arg(process.to_string()), Duration::from_secs(10))?;
    }
    outcome
}

/// A folder with this machine's apt sources and the backports of its release, deleted on drop. The
/// machine's own folder is never changed.
struct SourcesWithBackports {
    folder: PathBuf,
}

impl SourcesWithBackports {
    fn new(codename: &str) -> Result<Self> {
        let mut known =
            fs::read_to_string("/etc/apt/sources.list").map_or(Vec::new(), |text| parse_list(&text));
        let folder = target().join("apt-sources");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let sources = Self { folder };
        for entry in fs::read_dir(LISTS).with_context(|| format!("{LISTS} cannot be read"))? {
            let path = entry?.path();
            let Some(read) = reader(&path) else { continue };
            let text =
                fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            known.extend(read(&text));
            fs::write(sources.folder.join(path.file_name().unwrap_or_default()), text)?;
        }
        let archive = main_archive(&known, codename).with_context(|| {
            format!("no apt source of this machine carries the suite {codename} with main")
        })?;
        fs::write(sources.folder.join("backports-for-tests.sources"), archive.backports(codename))?;
        Ok(sources)
    }

    fn apt_get(&self) -> Command {
        let mut apt = program("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "--quiet"]);
        for option in [
            &*format!("Dir::Etc::SourceParts={}", self.folder.display()),
            "DPkg::Lock::Timeout=300",
            "Dpkg::Options::=--force-confold",
        ] {
            apt.args(["-o", option]);
        }
        apt
    }
}

impl Drop for SourcesWithBackports {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn reader(path: &Path) -> Option<fn(&str) -> Vec<Source>> {
    match path.extension()?.to_str()? {
        "sources" => Some(parse_deb822),
        "list" => Some(parse_list),
        _ => None,
    }
}

/// Until dropped, no package may start a service (Debian policy §9.3.3.1: `policy-rc.d`, exit code
/// 101).
struct NoServices {
    /// The place of the machine's own policy until then.
    aside: PathBuf,
}

impl NoServices {
    fn new() -> Result<Self> {
        let aside = PathBuf::from(format!("{POLICY}.aside"));
        // The machine's own policy may still be aside if an earlier run was killed.
        if !aside.exists() && Path::new(POLICY).exists() {
            fs::rename(POLICY, &aside)?;
        }
        let policy = Self { aside };
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        Ok(policy)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        let _ = fs::remove_file(POLICY);
        if self.aside.exists() {
            let _ = fs::rename(&self.aside, POLICY);
        }
    }
}

/// The process ids of the running Erlang port mappers.
fn port_mappers() -> BTreeSet<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|entry| fs::read_to_string(entry.path().join("comm")).is_ok_and(|name| name.trim() == "epmd"))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
