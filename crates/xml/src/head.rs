use crate::Limits;
use crate::reader::{Reader, Token};
use crate::tag::Attribute;
use crate::violation::Violation;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// What routing needs of a stanza, read in the pass that checks it. No tree is built. Values are unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The qualified name of the root as written: `message`, or `stream:features`.
    pub tag: Box<str>,
    /// The namespace of the root; "" when it has none.
    pub namespace: Box<str>,
    /// `id`, RFC 6120 §8.1.3.
    pub id: Option<Box<str>>,
    /// `type`, RFC 6120 §8.1.4.
    pub kind: Option<Box<str>>,
    /// `from`, RFC 6120 §8.1.2.
    pub from: Option<Box<str>>,
    /// `to`, RFC 6120 §8.1.1.
    pub to: Option<Box<str>>,
    /// The distinct namespaces of the root and all its descendants, in the order in which they first appear:
    /// what each element is in, and for a prefixed element that carries an `xmlns` attribute of its own also
    /// that value. No namespace is not listed.
    pub namespaces: Vec<Box<str>>,
    /// The first child element of the root.
    pub payload: Option<Payload>,
    /// The raw value of `id`, between its quotes, as a byte range of the text: for another id to be spliced
    /// in.
    pub id_span: Option<Range<usize>>,
    /// Whether the root has neither a prefix nor an `xmlns` of its own: its namespace is that of what is
    /// around it.
    pub undeclared: bool,
    /// The byte offset just behind the root's name in its opening tag: for an attribute to be spliced in.
    pub root_end: usize,
}

/// The first child element of a stanza: what an IQ is about (RFC 6120 §8.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Its local name.
    pub name: Box<str>,
    /// Its namespace; "" when it has none.
    pub namespace: Box<str>,
}

impl Head {
    /// Reads and checks the whole of `text`, which is one stanza.
    pub fn read(text: &str, limits: &Limits) -> Result<Head, Violation> {
        Head::build(Reader::new(text, limits)?, text)
    }

    /// The same for a frame of a server, which may lack what `<stream:stream/>` declares over TCP: some
    /// proxies cut their frames out of such a stream. An element without a namespace is in `jabber:client`;
    /// the prefix `stream` is bound for the root, and for what is in a root that has it. In a stanza it is
    /// not: tabs are given that text as it is.
    pub fn read_in_stream(text: &str, limits: &Limits) -> Result<Head, Violation> {
        Head::build(Reader::within_stream(text, limits)?, text)
    }

    fn build<'t>(mut reader: Reader<'t>, text: &'t str) -> Result<Head, Violation> {
        // In front of the root's opening tag the reader yields nothing, and without a root it yields an
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
                // What opens first inside of the root is its child.
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

/// Distinct namespaces in order. The few that honest stanzas hold are compared one by one, more of them
/// through an index, so that a stanza of nothing but namespaces is not slow to read.
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
