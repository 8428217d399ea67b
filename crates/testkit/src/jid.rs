use std::fmt;

use crate::unicode;

/// A JID, normalised when it is parsed. Case and composition are all of RFC 7622 that the accounts
/// of the scripted server need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Jid {
    /// `local@domain`, or the domain alone.
    pub bare: String,
    pub resource: Option<String>,
}

impl Jid {
    pub fn parse(text: &str) -> Option<Self> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource.to_owned())),
            None => (text, None),
        };
        let (local, domain) = bare.split_once('@').unwrap_or(("x", bare));
        let well_formed = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
        (well_formed && resource.as_deref() != Some(""))
            .then(|| Self { bare: unicode::local(bare), resource })
    }

    pub fn full(bare: &str, resource: &str) -> Self {
        Self { bare: bare.to_owned(), resource: Some(resource.to_owned()) }
    }

    pub fn domain(&self) -> &str {
        self.bare.split_once('@').map_or(&self.bare, |(_, domain)| domain)
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resource {
            Some(resource) => write!(formatter, "{}/{resource}", self.bare),
            None => formatter.write_str(&self.bare),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_may_hold_slashes_and_at_signs() {
        let jid = Jid::parse("Alice@LocalHost/a/b@c").expect("a full JID");
        assert_eq!((jid.bare.as_str(), jid.resource.as_deref()), ("alice@localhost", Some("a/b@c")));
        assert_eq!(jid.domain(), "localhost");
    }

    #[test]
    fn addresses_with_an_empty_part_are_refused() {
        for text in ["", "@localhost", "alice@", "alice@localhost/", "a@b@c"] {
            assert_eq!(Jid::parse(text), None, "{text}");
        }
    }
}
