//! Which stanzas a tab wants: what a claim matches, decided in one place for both ends.

use serde::{Deserialize, Serialize};

use crate::port::{Read, Write};

/// What a tab calls one of its claims. Each tab counts its own.
pub type ClaimId = u32;

/// Which stanzas a claim matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Claim {
    /// Its number.
    pub id: ClaimId,
    /// Which stanzas.
    pub selector: Selector,
}

/// Which stanzas a claim is for. It may select too much, never too little: the handler in the tab has the
/// last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub enum Selector {
    /// Those from the server that meet all criteria. A tab with such a claim can be asked what others
    /// request.
    Stanza(Criteria),
    /// All from the server, for a hook that only looks on.
    Everything,
    /// Those that other tabs of the session send.
    Sent,
}

/// What a stanza must meet; what is not given is met by all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Criteria {
    /// The namespace of the stanza or of anything within it.
    pub ns: Option<String>,
    /// The tag name, qualified or without its prefix.
    pub name: Option<String>,
    /// The `type`: one of these; the empty one is for a stanza without.
    pub types: Option<Vec<String>>,
    /// The `id`.
    pub id: Option<String>,
    /// The `from`, compared as whoever asks has prepared both (RFC 7622).
    pub from: Option<String>,
    /// Whether `from` is a bare JID, which the sender's bare JID must equal.
    pub bare: bool,
    /// Whether what follows a `#` in a namespace of the stanza does not count.
    pub ignore_fragment: bool,
}

/// What was read of a stanza, as far as criteria can name it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The qualified name of the root, which is in the namespace of stanzas.
    pub tag: &'a str,
    /// Its `type`.
    pub kind: Option<&'a str>,
    /// Its `id`.
    pub id: Option<&'a str>,
    /// Its `from`, prepared likewise.
    pub from: Option<&'a str>,
    /// Every namespace in it.
    pub namespaces: &'a [Box<str>],
}

impl Criteria {
    /// Whether the stanza meets all criteria. The cheap ones are looked at first.
    pub fn met_by(&self, seen: &Seen<'_>) -> bool {
        let is = |wanted: &Option<String>, there: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == there)
        };
        (is(&self.name, Some(seen.tag)) || is(&self.name, seen.tag.split_once(':').map(|(_, local)| local)))
            && is(&self.id, seen.id)
            && self
                .types
                .as_ref()
                .is_none_or(|types| types.iter().any(|kind| kind == seen.kind.unwrap_or_default()))
            && is(&self.from, if self.bare { seen.from.map(bare) } else { seen.from })
            && self.ns.as_deref().is_none_or(|ns| seen.namespaces.iter().any(|there| self.names(ns, there)))
    }

    fn names(&self, wanted: &str, there: &str) -> bool {
        match there.split_once('#') {
            Some((stem, _)) if self.ignore_fragment => wanted == stem,
            _ => wanted == there,
        }
    }
}

fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}
