//! The system packages for the whole-system tests: two browsers and two XMPP servers.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{apt, by_hand};
use crate::process::{exists, observe};
use crate::workspace::program;

/// A Debian package: the lowest major version that will do, and whether to take it from backports.
struct Package {
    name: &'static str,
    major: u32,
    backports: bool,
}

/// Prosody before 13 crashes on FAST and on stream management in SASL2; ejabberd before 24 does not
/// support SASL2.
const PACKAGES: &[Package] = &[
    Package { name: "chromium", major: 0, backports: false },
    Package { name: "firefox-esr", major: 0, backports: false },
    Package { name: "prosody", major: 13, backports: true },
    Package { name: "prosody-modules", major: 0, backports: true },
    Package { name: "ejabberd", major: 24, backports: true },
    Package { name: "erlang-p1-oauth2", major: 0, backports: true },
];

/// Installs the browsers and servers that are missing or too old. No service is started.
pub fn for_tests() -> Result<()> {
    let missing = lacking()?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = |backports| -> Vec<&'static str> {
        missing.iter().filter(|package| package.backports == backports).map(|package| package.name).collect()
    };
    let all: Vec<_> = missing.iter().map(|package| package.name).collect();
    if !exists("apt-get") {
        return by_hand("this machine has no apt", &all);
    }
    if !apt::is_root() {
        return by_hand("only root can install packages", &all);
    }
    apt::install(&names(false), &names(true))?;
    match lacking()?.first() {
        None => Ok(()),
        Some(package) if package.major > 0 => {
            bail!("{} is still older than {} after its installation", package.name, package.major)
        }
        Some(package) => bail!("{} is still missing after its installation", package.name),
    }
}

fn lacking() -> Result<Vec<&'static Package>> {
    if !exists("dpkg-query") {
        return by_hand("this machine has no dpkg", &PACKAGES.iter().map(|p| p.name).collect::<Vec<_>>());
    }
    let mut query = program("dpkg-query");
    query.args(["--show", "--showformat", "${Package} ${db:Status-Status} ${Version}\n"]);
    query.args(PACKAGES.iter().map(|package| package.name));
    // An unknown package makes dpkg-query fail, but the others are still listed.
    let listing = observe(&mut query, Duration::from_secs(60))?.output;
    Ok(PACKAGES.iter().filter(|package| !satisfied(package, &listing)).collect())
}

fn satisfied(package: &Package, listing: &str) -> bool {
    listing.lines().any(|line| {
        let mut words = line.split(' ');
        words.next() == Some(package.name)
            && words.next() == Some("installed")
            && words.next().and_then(major).is_some_and(|major| major >= package.major)
    })
}

/// The major number of a Debian version, `[epoch:]upstream[-revision]`.
fn major(version: &str) -> Option<u32> {
    let upstream = version.split_once(':').map_or(version, |(_, upstream)| upstream);
    let digits = upstream.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_number_of_a_debian_version_is_found() {
        assert_eq!(major("13.0.1-1~bpo12+1"), Some(13));
        assert_eq!(major("1:25.2.3+dfsg-1"), Some(25));
        assert_eq!(major("156.0.8078.79-1~deb12u1"), Some(156));
        assert_eq!(major("0~hg20250402"), Some(0));
        assert_eq!(major(""), None);
    }

    #[test]
    fn a_package_that_is_old_removed_or_unknown_is_lacking() {
        let prosody = Package { name: "prosody", major: 13, backports: true };
        assert!(satisfied(&prosody, "chromium installed 156.0\nprosody installed 13.0.1-1~bpo12+1\n"));
        assert!(!satisfied(&prosody, "prosody installed 0.12.3-1+deb12u1\n"));
        assert!(!satisfied(&prosody, "prosody config-files 13.0.1-1\n"));
        assert!(!satisfied(&prosody, "prosody-modules installed 14.0\n"));
        assert!(!satisfied(&prosody, "dpkg-query: no packages found matching prosody\n"));
    }
}
