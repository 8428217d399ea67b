//! Resolution of prefixes to namespaces (Namespaces in XML 1.0).

use crate::tag::{Attribute, Tag};
use crate::violation::Violation;
use std::borrow::Cow;

pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
pub(crate) const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The declarations of `<stream:stream/>`, which hold for its content (RFC 6120 §4.8): the default
/// namespace, and the namespace of the prefix `stream`.
const CLIENT: &str = "jabber:client";
const STREAMS: &str = "http://etherx.jabber.org/streams";

/// The most prefixes in scope at once. Resolving a prefix searches all of them, so a hostile
/// document could otherwise make that slow.
const PREFIXES: usize = 100;

/// The declarations in scope, innermost last, each with the level of its element.
#[derive(Default)]
pub(crate) struct Scope<'t> {
    /// The default namespace outside the document, or "" for none.
    around: &'static str,
    /// Whether the prefix `stream` is bound outside the document.
    stream: bool,
    defaults: Vec<(usize, Cow<'t, str>)>,
    prefixes: Vec<(usize, &'t str, Cow<'t, str>)>,
}

impl<'t> Scope<'t> {
    /// A scope inside `<stream:stream/>`.
    pub(crate) fn within_stream() -> Self {
        Scope { around: CLIENT, stream: true, ..Scope::default() }
    }

    /// Makes `stream` an unbound prefix unless the document declares it.
    pub(crate) fn unbind_stream(&mut self) {
        self.stream = false;
    }

    /// Adds the declarations of an element that opens at `level`.
    pub(crate) fn open(&mut self, level: usize, tag: &Tag<'t>) -> Result<(), Violation> {
        for attribute in &tag.attributes {
            let Some(prefix) = attribute.declares() else { continue };
            let namespace = attribute.value();
            check(prefix, &namespace, attribute)?;
            if prefix.is_empty() {
                self.defaults.push((level, namespace));
            } else if self.prefixes.len() < PREFIXES {
                self.prefixes.push((level, prefix, namespace));
            } else {
                return Err(Violation::TooManyPrefixes { at: attribute.at, limit: PREFIXES });
            }
        }
        Ok(())
    }

    /// Removes the declarations of the element that closes at `level`.
    pub(crate) fn close(&mut self, level: usize) {
        while self.defaults.pop_if(|(of, _)| *of == level).is_some() {}
        while self.prefixes.pop_if(|(of, ..)| *of == level).is_some() {}
    }

    /// The namespace of an element with this prefix; `None` if the prefix is unbound.
    pub(crate) fn element(&self, prefix: &str) -> Option<Cow<'t, str>> {
        if prefix.is_empty() {
            let around = Cow::Borrowed(self.around);
            return Some(self.defaults.last().map_or(around, |(_, namespace)| namespace.clone()));
        }
        self.prefixed(prefix)
    }

    /// The namespace of an attribute; `None` if its prefix is unbound. The default namespace does
    /// not apply to attributes (Namespaces in XML §6.2).
    pub(crate) fn attribute(&self, attribute: &Attribute<'t>) -> Option<Cow<'t, str>> {
        if attribute.declares().is_some() {
            return Some(Cow::Borrowed(XMLNS));
        }
        if attribute.prefix.is_empty() { Some(Cow::Borrowed("")) } else { self.prefixed(attribute.prefix) }
    }

    fn prefixed(&self, prefix: &str) -> Option<Cow<'t, str>> {
        if prefix == "xml" {
            return Some(Cow::Borrowed(XML));
        }
        let declared = self.prefixes.iter().rev().find(|(_, of, _)| *of == prefix);
        let around = || (self.stream && prefix == "stream").then_some(Cow::Borrowed(STREAMS));
        declared.map(|(.., namespace)| namespace.clone()).or_else(around)
    }
}

/// Refuses the declarations that Namespaces in XML §3 forbids.
fn check(prefix: &str, namespace: &str, attribute: &Attribute<'_>) -> Result<(), Violation> {
    let legal = match prefix {
        "xmlns" => false,
        "xml" => namespace == XML,
        "" => namespace != XML && namespace != XMLNS,
        _ => !namespace.is_empty() && namespace != XML && namespace != XMLNS,
    };
    if legal { Ok(()) } else { Err(Violation::NamespaceDeclaration { at: attribute.at }) }
}
