//! The machine's apt sources, in both formats of sources.list(5): deb822 (`.sources`), and one line
//! per source (`.list`).

/// An archive of packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Addresses, in apt's notation.
    pub uris: Vec<String>,
    /// Suites, such as `bookworm` and `bookworm-updates`.
    pub suites: Vec<String>,
    /// Components, such as `main`.
    pub components: Vec<String>,
    /// The keys that sign the archive: the value of `Signed-By`, with the line breaks of a folded
    /// field.
    pub signed_by: Option<String>,
}

impl Source {
    /// A deb822 file for the backports of a release, from this archive.
    pub fn backports(&self, codename: &str) -> String {
        let uris = self.uris.join(" ");
        let signed_by = self.signed_by.as_ref().map_or(String::new(), |keys| format!("Signed-By: {keys}\n"));
        format!("Types: deb\nURIs: {uris}\nSuites: {codename}-backports\nComponents: main\n{signed_by}")
    }
}

/// The main archive of a release: the source that has the plain codename among its suites, and
/// `main`.
pub fn main_archive<'a>(sources: &'a [Source], codename: &str) -> Option<&'a Source> {
    let carries = |list: &[String], name: &str| list.iter().any(|one| one.trim_end_matches('/') == name);
    sources.iter().find(|source| carries(&source.suites, codename) && carries(&source.components, "main"))
}

/// `VERSION_CODENAME` of an os-release file.
pub fn codename(os_release: &str) -> Option<&str> {
    let value = os_release.lines().find_map(|line| line.trim().strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// The enabled binary sources of a `.sources` file.
pub fn parse_deb822(text: &str) -> Vec<Source> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).filter_map(stanza).collect()
}

/// The binary sources of a `.list` file.
pub fn parse_list(text: &str) -> Vec<Source> {
    text.lines().filter_map(one_line).collect()
}

fn stanza(lines: &[&str]) -> Option<Source> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines {
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut()?;
            value.push('\n');
            value.push_str(line);
        } else {
            let (name, value) = line.split_once(':')?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let words = |name: &str| field(name).map_or(Vec::new(), |value| owned(value.split_whitespace()));
    let enabled =
        field("enabled").is_none_or(|value| !matches!(&*value.to_ascii_lowercase(), "no" | "false" | "0"));
    (enabled && words("types").iter().any(|kind| kind == "deb")).then(|| Source {
        uris: words("uris"),
        suites: words("suites"),
        components: words("components"),
        signed_by: field("signed-by").cloned(),
    })
}

fn one_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t']))?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    Some(Source {
        uris: vec![words.next()?.to_owned()],
        suites: vec![words.next()?.to_owned()],
        components: owned(words),
        signed_by: signed_by.map(|keys| keys.replace(',', " ")),
    })
}

fn owned<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEB822: &str = "\
# Debian's own
Types: deb
# a comment between the fields
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
";

    #[test]
    fn the_main_archive_is_found_beside_the_security_archive() {
        let sources = parse_deb822(DEB822);
        assert_eq!(sources.len(), 2);
        let main = main_archive(&sources, "bookworm").map(|source| source.backports("bookworm"));
        let expected = "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: bookworm-backports\n\
                        Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n";
        assert_eq!(main.as_deref(), Some(expected));
        assert_eq!(main_archive(&sources, "trixie"), None);
    }

    #[test]
    fn a_source_that_is_switched_off_or_has_no_binaries_is_not_used() {
        assert_eq!(parse_deb822("Enabled: no\nTypes: deb\nURIs: a:\nSuites: bookworm\nComponents: main"), []);
        assert_eq!(parse_deb822("Types: deb-src\nURIs: a:\nSuites: bookworm\nComponents: main"), []);
        assert_eq!(parse_list("deb-src a: bookworm main\n# deb a: bookworm main\n"), []);
    }

    #[test]
    fn an_embedded_key_keeps_its_lines() {
        let text =
            "Types: deb\nURIs: a:\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN\n .\n AAAA\n";
        let sources = parse_deb822(text);
        assert_eq!(sources[0].signed_by.as_deref(), Some("\n -----BEGIN\n .\n AAAA"));
        assert!(sources[0].backports("bookworm").ends_with("Signed-By: \n -----BEGIN\n .\n AAAA\n"));
    }

    #[test]
    fn the_one_line_format_is_read_with_and_without_options() {
        let text = "\
deb http://security.debian.org/debian-security bookworm-security main
deb [arch=amd64 signed-by=/k/a.gpg,/k/b.gpg] https://mirror.example/debian bookworm main contrib # near
deb http://deb.debian.org/debian bookworm-updates main
deb https://download.example/linux/debian bookworm stable
";
        let sources = parse_list(text);
        assert_eq!(sources.len(), 4);
        let main = main_archive(&sources, "bookworm");
        assert_eq!(main, Some(&sources[1]));
        assert_eq!(sources[1].uris, ["https://mirror.example/debian"]);
        assert_eq!(sources[1].components, ["main", "contrib"]);
        assert_eq!(sources[1].signed_by.as_deref(), Some("/k/a.gpg /k/b.gpg"));
    }

    #[test]
    fn an_archive_of_somebody_else_with_the_same_suite_is_passed_over() {
        let text = "deb https://download.example/linux/debian bookworm stable\n\
                    deb http://deb.debian.org/debian bookworm main\n";
        let sources = parse_list(text);
        assert_eq!(main_archive(&sources, "bookworm"), Some(&sources[1]));
    }

    #[test]
    fn the_codename_is_read_from_os_release() {
        assert_eq!(codename("NAME=\"Debian\"\nVERSION_CODENAME=bookworm\n"), Some("bookworm"));
        assert_eq!(codename("VERSION_CODENAME=\"noble\"\n"), Some("noble"));
        assert_eq!(codename("VERSION_CODENAME=\nID=debian\n"), None);
    }

    #[test]
    fn garbage_yields_no_source_and_no_panic() {
        for text in ["deb", "deb ", "deb [", "deb [a=b] x", " folded first", "no colon", "Types deb\n\n\n"] {
            assert_eq!(parse_deb822(text), [], "{text}");
            assert_eq!(parse_list(text), [], "{text}");
        }
    }
}
