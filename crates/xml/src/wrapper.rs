use crate::Limits;
use crate::chars::is_space;
use crate::escape::escape;
use crate::reader::blame;
use crate::scope::Scope;
use crate::tag::{Attribute, Tag};
use crate::violation::Violation;
use quick_xml::events::Event;
use std::borrow::Cow;
use std::ops::Range;

/// The largest number of children: each costs memory of its own, however short its text is.
const CHILDREN: usize = 1 << 16;

/// A document that carries others, such as the `<body/>` of BOSH (XEP-0124 §5): the root, and its children as
/// documents of their own.
///
/// The root is read strictly. The children are only cut apart, and their reader checks each: so a stanza that
/// breaks a rule of RFC 6120 §11 costs no other stanza. Text, comments and processing instructions between
/// the children are skipped.
///
/// ```
/// use epode_xml::{Limits, Wrapper};
///
/// let text = "<body xmlns='b' xmlns:s='s' rid='1'><s:features/><iq xmlns='i'/><iq/></body>";
/// let body = Wrapper::cut(text, &Limits::default())?;
/// assert_eq!(body.attr("rid", "").as_deref(), Some("1"));
/// let documents: Vec<String> = body.children.iter().map(|child| body.document(child, "b")).collect();
/// assert_eq!(documents, ["<s:features xmlns='b' xmlns:s='s'/>", "<iq xmlns='i'/>", "<iq xmlns='b'/>"]);
/// # Ok::<(), epode_xml::Violation>(())
/// ```
pub struct Wrapper<'t> {
    /// The children of the root, in document order.
    pub children: Vec<Child<'t>>,
    text: &'t str,
    root: Tag<'t>,
    scope: Scope<'t>,
}

/// A child of the root of a [`Wrapper`].
pub struct Child<'t> {
    /// The namespace; "" for none, or if the opening tag is malformed.
    pub namespace: Cow<'t, str>,
    /// The place in the text of the document.
    pub span: Range<usize>,
    /// The opening tag; without a name if malformed.
    tag: Tag<'t>,
}

impl<'t> Child<'t> {
    /// The local name; "" if the opening tag is malformed.
    pub fn name(&self) -> &'t str {
        self.tag.local
    }

    /// The value of the attribute with this name and no prefix.
    pub fn attr(&self, name: &str) -> Option<Cow<'t, str>> {
        self.tag.attribute(name).map(Attribute::value)
    }
}

impl<'t> Wrapper<'t> {
    /// Cuts a document apart.
    pub fn cut(text: &'t str, limits: &Limits) -> Result<Wrapper<'t>, Violation> {
        if text.len() > limits.bytes {
            return Err(Violation::TooLong { bytes: text.len(), limit: limits.bytes });
        }
        if text.starts_with('\u{FEFF}') {
            return Err(Violation::ByteOrderMark);
        }
        let mut cutter = quick_xml::Reader::from_str(text);
        // The reader of a child refuses a reference without an end.
        cutter.config_mut().allow_dangling_amp = true;
        let (root, scope, children) = (Tag::default(), Scope::default(), Vec::new());
        let mut wrapper = Wrapper { children, text, root, scope };
        let mut level = 0;
        loop {
            // The text lies in memory as a whole, so an offset into it fits a usize.
            let at = cutter.buffer_position() as usize;
            let event = cutter.read_event().map_err(|error| blame(&error, at))?;
            let end = cutter.buffer_position() as usize;
            match event {
                Event::Start(_) => {
                    level += 1;
                    wrapper.open(level, at, end - 1)?;
                }
                Event::Empty(_) => {
                    wrapper.open(level + 1, at, end - 2)?;
                    wrapper.close(level + 1, end);
                }
                Event::End(_) => {
                    wrapper.close(level, end);
                    level -= 1;
                }
                Event::DocType(_) if level < 2 => return Err(Violation::DocumentType { at }),
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if level == 0 => {
                    if let Some(first) = text[at..end].bytes().position(|byte| !is_space(byte)) {
                        return Err(Violation::TextOutsideRoot { at: at + first });
                    }
                }
                Event::Eof if level > 0 => return Err(Violation::Unclosed),
                Event::Eof if wrapper.root.local.is_empty() => return Err(Violation::NoRoot),
                Event::Eof => return Ok(wrapper),
                _ => {}
            }
        }
    }

    /// Whether the root has this local name and this namespace.
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.root.local == name && self.scope.element(self.root.prefix).as_deref() == Some(namespace)
    }

    /// The local name of the root.
    pub fn name(&self) -> &'t str {
        self.root.local
    }

    /// The value of the attribute of the root that has this name and this namespace; "" for none.
    pub fn attr(&self, name: &str, namespace: &str) -> Option<Cow<'t, str>> {
        let mut attributes = self.root.attributes.iter();
        let found = attributes
            .find(|one| one.local == name && self.scope.attribute(one).as_deref() == Some(namespace))?;
        Some(found.value())
    }

    /// The default namespace that the root declares; "" for none.
    pub fn default_namespace(&self) -> Cow<'t, str> {
        self.scope.element("").unwrap_or_default()
    }

    /// A child as a document of its own: the opening tag gains the root's declarations of prefixes that the
    /// child may use, and `default` as default namespace if the child declares none.
    pub fn document(&self, child: &Child<'_>, default: &str) -> String {
        let text = &self.text[child.span.clone()];
        if child.name().is_empty() {
            return text.to_owned();
        }
        let declares = |prefix: &str| child.tag.attributes.iter().any(|one| one.declares() == Some(prefix));
        let (before, behind) = text.split_at(child.tag.name_end - child.span.start);
        let mut document = String::with_capacity(text.len() + default.len() + 10);
        document.push_str(before);
        if !default.is_empty() && !declares("") {
            declare(&mut document, "", default);
        }
        for attribute in &self.root.attributes {
            // A match in character data, or below another declaration, adds a declaration without effect.
            if let Some(prefix) = attribute.declares().filter(|prefix| !prefix.is_empty())
                && !declares(prefix)
                && names(text, prefix)
            {
                declare(&mut document, prefix, &attribute.value());
            }
        }
        document.push_str(behind);
        document
    }

    fn open(&mut self, level: usize, at: usize, end: usize) -> Result<(), Violation> {
        match level {
            1 if !self.root.local.is_empty() => Err(Violation::SecondRoot { at }),
            1 => {
                self.root.read(self.text, at, end)?;
                self.scope.open(level, &self.root)?;
                self.scope.element(self.root.prefix).ok_or(Violation::UnboundPrefix { at: at + 1 })?;
                Ok(())
            }
            2 if self.children.len() == CHILDREN => Err(Violation::TooManyChildren { at, limit: CHILDREN }),
            2 => {
                let child = self.child(at, end);
                self.children.push(child);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn child(&mut self, at: usize, end: usize) -> Child<'t> {
        let mut child =
            Child { namespace: Cow::Borrowed(""), span: at..self.text.len(), tag: Tag::default() };
        match child.tag.read(self.text, at, end).and_then(|()| self.scope.open(2, &child.tag)) {
            Ok(()) => child.namespace = self.scope.element(child.tag.prefix).unwrap_or_default(),
            Err(_) => child.tag = Tag::default(),
        }
        self.scope.close(2);
        child
    }

    fn close(&mut self, level: usize, end: usize) {
        if level == 2
            && let Some(child) = self.children.last_mut()
        {
            child.span.end = end;
        }
    }
}

/// Whether `text` may have a name with this prefix.
fn names(text: &str, prefix: &str) -> bool {
    text.match_indices(prefix).any(|(at, _)| text[at + prefix.len()..].starts_with(':'))
}

fn declare(document: &mut String, prefix: &str, namespace: &str) {
    document.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
    document.push_str(prefix);
    document.push_str("='");
    document.push_str(&escape(namespace));
    document.push('\'');
}
