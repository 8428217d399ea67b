use crate::Limits;
use crate::escape::{escape, escape_content, line_ends};
use crate::reader::{Reader, Token};
use crate::scope::XML;
use crate::violation::Violation;
use std::fmt::{self, Display, Formatter};

/// An owned element with its content, namespaces resolved.
///
/// For the small documents of a negotiation: read with [`parse`](Element::parse), or built with
/// [`new`](Element::new) and the `with_…` calls; written by [`Display`].
///
/// ```
/// use epode_xml::Element;
///
/// let bind = Element::new("bind", "urn:ietf:params:xml:ns:xmpp-bind")
///     .with_child(Element::new("resource", "urn:ietf:params:xml:ns:xmpp-bind").with_text("balcony"));
/// let iq = Element::new("iq", "jabber:client");
/// let iq = iq.with_attr("type", "set").with_attr("id", "b1").with_child(bind);
/// assert_eq!(
///     iq.to_string(),
///     "<iq xmlns='jabber:client' type='set' id='b1'>\
///      <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    name: Box<str>,
    namespace: Box<str>,
    attributes: Vec<Attribute>,
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    /// "" for an attribute in no namespace.
    prefix: Box<str>,
    local: Box<str>,
    namespace: Box<str>,
    value: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// Reads a text that consists of one element.
    pub fn parse(text: &str, limits: &Limits) -> Result<Element, Violation> {
        Element::build(Reader::new(text, limits)?)
    }

    /// Like [`parse`](Element::parse), for a frame from the server. Some proxies cut such frames
    /// out of a TCP stream, where `<stream:stream/>` declares namespaces for its content. So an
    /// element without a namespace is in `jabber:client` here, and the prefix `stream` is bound.
    pub fn parse_in_stream(text: &str, limits: &Limits) -> Result<Element, Violation> {
        Element::build(Reader::within_stream(text, limits)?)
    }

    fn build(mut reader: Reader<'_>) -> Result<Element, Violation> {
        // The open elements, innermost last. The first is a placeholder that takes in the root
        // when the root closes.
        let mut open = vec![Element::new("", "")];
        while let Some(token) = reader.next()? {
            match token {
                Token::Open => open.push(Element::of_tag(&reader)),
                Token::Close => {
                    if let Some(closed) = open.pop()
                        && let Some(parent) = open.last_mut()
                    {
                        parent.nodes.push(Node::Element(closed));
                    }
                }
                Token::Text(text) => push_text(&mut open, &line_ends(text)),
                Token::Char(char) => push_text(&mut open, char.encode_utf8(&mut [0; 4])),
            }
        }
        match open.pop().and_then(|mut parent| parent.nodes.pop()) {
            Some(Node::Element(root)) => Ok(root),
            _ => Err(Violation::NoRoot),
        }
    }

    /// An empty element. `name` is a local name, without prefix; `namespace` is "" for none.
    pub fn new(name: &str, namespace: &str) -> Element {
        Element { name: name.into(), namespace: namespace.into(), attributes: Vec::new(), nodes: Vec::new() }
    }

    /// Sets an attribute that has no prefix, or the prefix `xml`, such as `xml:lang`.
    pub fn with_attr(mut self, name: &str, value: &str) -> Element {
        let (prefix, local, namespace) = match name.strip_prefix("xml:") {
            Some(local) => ("xml", local, XML),
            None => ("", name, ""),
        };
        self.attributes.retain(|attribute| !attribute.is(name));
        self.attributes.push(Attribute {
            prefix: prefix.into(),
            local: local.into(),
            namespace: namespace.into(),
            value: value.into(),
        });
        self
    }

    /// Appends a child element.
    pub fn with_child(mut self, child: Element) -> Element {
        self.nodes.push(Node::Element(child));
        self
    }

    /// Appends text, which [`Display`] escapes.
    pub fn with_text(mut self, text: &str) -> Element {
        self.push_text(text);
        self
    }

    /// The local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace, or "" for none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether the element has this local name and this namespace.
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        *self.name == *name && *self.namespace == *namespace
    }

    /// The value of the attribute with this name, which has no prefix, or the prefix `xml`, as in
    /// `xml:lang`.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.is(name)).map(|attribute| &*attribute.value)
    }

    /// The first child element with this local name and this namespace.
    pub fn child(&self, name: &str, namespace: &str) -> Option<&Element> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// The child elements in document order.
    pub fn children(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The text of this element itself, without that of its children.
    pub fn text(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    fn of_tag(reader: &Reader<'_>) -> Element {
        let mut element = Element::new(reader.tag.local, &reader.namespace);
        for attribute in reader.tag.attributes.iter().filter(|attribute| attribute.declares().is_none()) {
            element.attributes.push(Attribute {
                prefix: attribute.prefix.into(),
                local: attribute.local.into(),
                // Never `None`: the reader has already resolved every prefix.
                namespace: reader.scope.attribute(attribute).unwrap_or_default().into(),
                value: attribute.value().into(),
            });
        }
        element
    }

    /// Joins neighbouring texts into one node, so that equality does not depend on how they were
    /// written (CDATA, references).
    fn push_text(&mut self, text: &str) {
        match self.nodes.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(before)) => before.push_str(text),
            _ => self.nodes.push(Node::Text(text.to_owned())),
        }
    }

    fn write(&self, f: &mut Formatter<'_>, default: &str) -> fmt::Result {
        // The namespace of the prefix `xml` must not be declared as the default
        // (Namespaces in XML §3).
        let (prefix, inner) = match &*self.namespace {
            XML => ("xml:", default),
            namespace => ("", namespace),
        };
        write!(f, "<{prefix}{}", self.name)?;
        if inner != default {
            write!(f, " xmlns='{}'", escape(inner))?;
        }
        self.write_attributes(f)?;
        if self.nodes.is_empty() {
            return f.write_str("/>");
        }
        f.write_str(">")?;
        for node in &self.nodes {
            match node {
                Node::Element(child) => child.write(f, inner)?,
                Node::Text(text) => f.write_str(&escape_content(text))?,
            }
        }
        write!(f, "</{prefix}{}>", self.name)
    }

    fn write_attributes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, attribute) in self.attributes.iter().enumerate() {
            let Attribute { prefix, local, namespace, value } = attribute;
            if prefix.is_empty() {
                write!(f, " {local}='{}'", escape(value))?;
                continue;
            }
            let declared = self.attributes[..index].iter().any(|before| before.prefix == *prefix);
            if **namespace != *XML && !declared {
                write!(f, " xmlns:{prefix}='{}'", escape(namespace))?;
            }
            write!(f, " {prefix}:{local}='{}'", escape(value))?;
        }
        Ok(())
    }
}

impl Attribute {
    fn is(&self, name: &str) -> bool {
        match name.strip_prefix("xml:") {
            Some(local) => *self.namespace == *XML && *self.local == *local,
            None => self.namespace.is_empty() && *self.local == *name,
        }
    }
}

/// Writes `xmlns` only where the default namespace changes, attributes in their order, values in
/// `'`.
impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, "")
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.push_text(text);
    }
}
