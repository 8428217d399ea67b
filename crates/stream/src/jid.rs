//! The parts of a JID (RFC 7622 §3.1), split where they split; never validated beyond that: the server has the last word.

/// Splits `local@domain/resource`. The resource may hold any character, `@` and `/` among them.
pub fn split(jid: &str) -> (Option<&str>, &str, Option<&str>) {
    let (bare, resource) = match jid.split_once('/') {
        Some((bare, resource)) => (bare, Some(resource)),
        None => (jid, None),
    };
    match bare.split_once('@') {
        Some((local, domain)) => (Some(local), domain, resource),
        None => (None, bare, resource),
    }
}

/// The JID without its resource.
pub fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}

/// The domain of a JID.
pub fn domain(jid: &str) -> &str {
    split(jid).1
}

/// Whether two JIDs name the same bare JID. ASCII case does not count in local part and domain (RFC 7622 §3.2, §3.3); other
/// letters must be equal, so this may say no where a full comparison would say yes, and never the reverse.
pub fn same_bare(a: &str, b: &str) -> bool {
    bare(a).eq_ignore_ascii_case(bare(b))
}

/// Whether two JIDs are the same. Case counts in the resource, and only there.
pub fn same(a: &str, b: &str) -> bool {
    same_bare(a, b) && split(a).2 == split(b).2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jid_splits_at_its_first_slash_and_the_at_sign_before_it() {
        assert_eq!(split("a@b/c@d/e"), (Some("a"), "b", Some("c@d/e")));
        assert_eq!(split("b/c@d"), (None, "b", Some("c@d")));
        assert_eq!(split("b"), (None, "b", None));
        assert_eq!(bare("a@b/c"), "a@b");
        assert_eq!(domain("a@b/c"), "b");
    }

    #[test]
    fn case_counts_only_in_the_resource() {
        assert!(same("A@B/c", "a@b/c"));
        assert!(!same("a@b/C", "a@b/c"));
        assert!(same_bare("A@B/x", "a@b/y"));
        assert!(!same("a@b", "a@b/c"));
    }
}
