use crate::Limits;
use crate::reader::{Reader, Token};
use crate::tag::Attribute;
use crate::violation::Violation;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// The parts of a stanza that routing needs, read in the same pass that checks it. Values are
/// unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The qualified name of the root as written: `message`, or `stream:features`.
    pub tag: Box<str>,
    /// The namespace of the root, or "" for none.
    pub namespace: Box<str>,
    /// `id`, RFC 6120 §8.1.3.
    pub id: Option<Box<str>>,
    /// `type`, RFC 6120 §8.1.4.
    pub kind: Option<Box<str>>,
    /// `from`, RFC 6120 §8.1.2.
    pub from: Option<Box<str>>,
    /// `to`, RFC 6120 §8.1.1.
    pub to: Option<Box<str>>,
    /// The distinct namespaces of the root and all its descendants, in order of appearance. A
    /// prefixed element with an `xmlns` attribute contributes that namespace too. "No namespace" is
    /// not listed.
    pub namespaces: Vec<Box<str>>,
    /// The first child element of the root.
    pub payload: Option<Payload>,
    /// Byte range in the text of the raw value of `id`, without its quotes: another id can be
    /// spliced in there.
    pub id_span: Option<Range<usize>>,
    /// Whether the root has neither a prefix nor an `xmlns` attribute, so that its namespace is
    /// inherited.
    pub undeclared: bool,
    /// Byte offset directly after the root's name in its opening tag: an attribute can be spliced
    /// in there.
    pub root_end: usize,
}

/// The first child element of a stanza; it tells the purpose of an IQ (RFC 6120 §8.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Its local name.
    pub name: Box<str>,
    /// Its namespace, or "" for none.
    pub namespace: Box<str>,
}

impl Head {
    /// Reads `text`, which must be one stanza, and checks all of it.
    pub fn read(text: &str, limits: &Limits) -> Result<Head, Violation> {
        Head::build(Reader::new(text, limits)?, text)
    }

    /// Like [`read`](Head::read), for a frame from the server. Some proxies cut such frames out of
    /// a TCP stream, where `<stream:stream/>` declares namespaces for its content. So an element
    /// without a namespace is in `jabber:client` here. The prefix `stream` is bound only in a root
    /// that has it, such as `stream:features`: tabs get a stanza's text unchanged, and could not
    /// resolve the prefix.
    pub fn read_in_stream(text: &str, limits: &Limits) -> Result<Head, Violation> {
        Head::build(Reader::within_stream(text, limits)?, text)
    }

    fn build<'t>(mut reader: Reader<'t>, text: &'t str) -> Result<Head, Violation> {
        // The reader's first token is the opening tag of the root; a text without a root is an
        // error.
        reader.next()?;
        let mut namespaces = Namespaces::default();
        let mut head = Head::of_root(&reader, text);
        if reader.tag.prefix != "stream" {
            reader.scope.unbind_stream();
        }
        namespaces.note_element(&reader);
        while let Some(token) = reader.next()? {
            if let Token::Open = token {
                namespaces.note_element(&reader);
                // The first element to open inside the root is its first child.
                if head.payload.is_none() {
                    let namespace = reader.namespace.as_ref().into();
                    head.payload = Some(Payload { name: reader.tag.local.into(), namespace });
                }
            }
        }
        head.namespaces = namespaces.distinct.iter().map(|namespace| namespace.as_ref().into()).collect();
        Ok(head)
    }

    fn of_root<'t>(reader: &Reader<'t>, text: &'t str) -> Head {
        let tag = &reader.tag;
        let value = |name| tag.attribute(name).map(|attribute| boxed(attribute.value()));
        Head {
            tag: tag.qualified(text).into(),
            namespace: reader.namespace.as_ref().into(),
            id: value("id"),
            kind: value("type"),
            from: value("from"),
            to: value("to"),
            namespaces: Vec::new(),
            payload: None,
            id_span: tag.attribute("id").map(Attribute::span),
            undeclared: tag.prefix.is_empty() && tag.attribute("xmlns").is_none(),
            root_end: tag.name_end,
        }
    }
}

fn boxed(value: Cow<'_, str>) -> Box<str> {
    match value {
        Cow::Borrowed(value) => value.into(),
        Cow::Owned(value) => value.into(),
    }
}

/// Distinct namespaces in order of appearance. The few of an honest stanza are compared directly;
/// further ones go through an index, so that a hostile stanza with thousands of them is not slow to
/// read.
#[derive(Default)]
struct Namespaces<'t> {
    distinct: Vec<Cow<'t, str>>,
    index: BTreeSet<Cow<'t, str>>,
}

impl<'t> Namespaces<'t> {
    const COMPARED: usize = 16;

    fn note_element(&mut self, reader: &Reader<'t>) {
        self.note(reader.namespace.clone());
        if !reader.tag.prefix.is_empty()
            && let Some(own) = reader.tag.attribute("xmlns")
        {
            self.note(own.value());
        }
    }

    fn note(&mut self, namespace: Cow<'t, str>) {
        if namespace.is_empty() || self.distinct.iter().take(Self::COMPARED).any(|known| *known == namespace)
        {
            return;
        }
        if self.distinct.len() < Self::COMPARED || self.index.insert(namespace.clone()) {
            self.distinct.push(namespace);
        }
    }
}
