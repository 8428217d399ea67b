//! The strict reader below [`Head`](crate::Head) and [`Element`](crate::Element), the only place
//! that enforces the rules.

use crate::Limits;
use crate::chars::{first_illegal, is_space};
use crate::escape::resolve;
use crate::scope::Scope;
use crate::tag::{Attribute, Tag};
use crate::violation::Violation;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::events::Event;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// One step through a document; each `Open` has its `Close`.
pub(crate) enum Token<'t> {
    /// An element begins: see the reader's `tag` and `namespace`.
    Open,
    Close,
    /// Content as written; the caller normalises its line ends.
    Text(&'t str),
    /// The character that a reference in content stands for.
    Char(char),
}

pub(crate) struct Reader<'t> {
    /// The element that was opened last.
    pub(crate) tag: Tag<'t>,
    /// The namespace of that element, or "" for none.
    pub(crate) namespace: Cow<'t, str>,
    /// How many elements are open.
    pub(crate) level: usize,
    /// The namespace declarations in scope.
    pub(crate) scope: Scope<'t>,
    text: &'t str,
    depth: usize,
    cutter: quick_xml::Reader<&'t [u8]>,
    /// Whether the last tag was an empty-element tag, so that the next token is its `Close`.
    empty: bool,
    root_seen: bool,
}

impl<'t> Reader<'t> {
    /// Applies the rules that concern the text as a whole: length, byte order mark, legal
    /// characters.
    pub(crate) fn new(text: &'t str, limits: &Limits) -> Result<Self, Violation> {
        if text.len() > limits.bytes {
            return Err(Violation::TooLong { bytes: text.len(), limit: limits.bytes });
        }
        if text.starts_with('\u{FEFF}') {
            return Err(Violation::ByteOrderMark);
        }
        if let Some(at) = first_illegal(text) {
            return Err(Violation::Character { at });
        }
        Ok(Reader {
            tag: Tag { attributes: Vec::with_capacity(8), ..Tag::default() },
            namespace: Cow::Borrowed(""),
            level: 0,
            scope: Scope::default(),
            text,
            depth: limits.depth,
            cutter: quick_xml::Reader::from_str(text),
            empty: false,
            root_seen: false,
        })
    }

    /// Like `new`, with the declarations of `<stream:stream/>` in scope.
    pub(crate) fn within_stream(text: &'t str, limits: &Limits) -> Result<Self, Violation> {
        Ok(Reader { scope: Scope::within_stream(), ..Reader::new(text, limits)? })
    }

    /// The next token, or `None` at the end of a document that broke no rule.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'t>>, Violation> {
        if self.empty {
            self.empty = false;
            return Ok(Some(self.close()));
        }
        loop {
            let at = self.position();
            let event = self.cutter.read_event().map_err(|error| blame(&error, at))?;
            return match event {
                Event::Start(_) => self.open(at, self.position() - 1).map(Some),
                Event::Empty(_) => {
                    self.empty = true;
                    self.open(at, self.position() - 2).map(Some)
                }
                Event::End(_) => Ok(Some(self.close())),
                Event::Text(_) => match self.content(at)? {
                    Some(text) => Ok(Some(Token::Text(text))),
                    None => continue,
                },
                Event::CData(_) => {
                    self.require_inside(at)?;
                    Ok(Some(Token::Text(&self.text[at + "<![CDATA[".len()..self.position() - "]]>".len()])))
                }
                Event::GeneralRef(_) => {
                    self.require_inside(at)?;
                    resolve(&self.text[at + 1..self.position() - 1], at).map(|char| Some(Token::Char(char)))
                }
                Event::Decl(_) => {
                    declaration(&self.text[at..self.position()], at)?;
                    continue;
                }
                Event::PI(_) => Err(Violation::ProcessingInstruction { at }),
                Event::Comment(_) => Err(Violation::Comment { at }),
                Event::DocType(_) => Err(Violation::DocumentType { at }),
                Event::Eof if self.level > 0 => Err(Violation::Unclosed),
                Event::Eof if !self.root_seen => Err(Violation::NoRoot),
                Event::Eof => Ok(None),
            };
        }
    }

    fn position(&self) -> usize {
        // The text is in memory, so each offset into it fits a usize.
        self.cutter.buffer_position() as usize
    }

    fn open(&mut self, at: usize, end: usize) -> Result<Token<'t>, Violation> {
        if self.level == 0 && self.root_seen {
            return Err(Violation::SecondRoot { at });
        }
        if self.level == self.depth {
            return Err(Violation::TooDeep { at, limit: self.depth });
        }
        self.root_seen = true;
        self.level += 1;
        self.tag.read(self.text, at, end)?;
        self.scope.open(self.level, &self.tag)?;
        self.namespace =
            self.scope.element(self.tag.prefix).ok_or(Violation::UnboundPrefix { at: at + 1 })?;
        self.check_attributes()?;
        Ok(Token::Open)
    }

    fn close(&mut self) -> Token<'t> {
        self.scope.close(self.level);
        self.level -= 1;
        Token::Close
    }

    /// Requires bound prefixes and unique expanded names (Namespaces in XML §6.3). The few
    /// attributes of an honest tag are compared in pairs, without allocation; more of them go
    /// through a set, so that a hostile tag is not slow.
    fn check_attributes(&self) -> Result<(), Violation> {
        const COMPARED: usize = 8;
        let attributes = &self.tag.attributes;
        for attribute in attributes {
            if self.scope.attribute(attribute).is_none() {
                return Err(Violation::UnboundPrefix { at: attribute.name_at });
            }
        }
        let repeated = if attributes.len() <= COMPARED {
            let twice = |a: &Attribute<'t>, b: &Attribute<'t>| {
                a.local == b.local
                    && (a.prefix == b.prefix || self.scope.attribute(a) == self.scope.attribute(b))
            };
            attributes.iter().enumerate().any(|(index, b)| attributes[..index].iter().any(|a| twice(a, b)))
        } else {
            let mut seen = BTreeSet::new();
            attributes
                .iter()
                .any(|attribute| !seen.insert((attribute.local, self.scope.attribute(attribute))))
        };
        if repeated { Err(Violation::RepeatedAttribute { at: self.tag.at }) } else { Ok(()) }
    }

    /// Text as written, or `None` for white space outside the root.
    fn content(&self, at: usize) -> Result<Option<&'t str>, Violation> {
        let text = &self.text[at..self.position()];
        if self.level == 0 {
            return match text.bytes().position(|byte| !is_space(byte)) {
                None => Ok(None),
                Some(first) => Err(Violation::TextOutsideRoot { at: at + first }),
            };
        }
        // Texts are short, so a search for `]` is cheaper than setting up one for `]]>`.
        match text.match_indices(']').find(|&(at, _)| text[at..].starts_with("]]>")).map(|(at, _)| at) {
            None => Ok(Some(text)),
            Some(first) => Err(Violation::CDataEnd { at: at + first }),
        }
    }

    fn require_inside(&self, at: usize) -> Result<(), Violation> {
        if self.level == 0 { Err(Violation::TextOutsideRoot { at }) } else { Ok(()) }
    }
}

/// Accepts `<?xml version='1.0'?>` at the very start, optionally with `encoding` (UTF-8) and then
/// `standalone` (XML 1.0 §2.8).
fn declaration(text: &str, at: usize) -> Result<(), Violation> {
    let malformed = || Violation::Declaration { at };
    let rest = text.strip_prefix("<?xml").and_then(|rest| rest.strip_suffix("?>"));
    let mut rest = rest.filter(|_| at == 0).ok_or_else(malformed)?;
    if pseudo_attribute(&mut rest, "version") != Some("1.0") {
        return Err(malformed());
    }
    if let Some(encoding) = pseudo_attribute(&mut rest, "encoding")
        && !encoding.eq_ignore_ascii_case("utf-8")
    {
        return Err(Violation::Encoding);
    }
    if let Some(standalone) = pseudo_attribute(&mut rest, "standalone")
        && !matches!(standalone, "yes" | "no")
    {
        return Err(malformed());
    }
    if rest.bytes().all(is_space) { Ok(()) } else { Err(malformed()) }
}

/// Removes white space, `name`, `=` and a quoted value from the start of `rest` and returns the
/// value; changes nothing if they are not there.
fn pseudo_attribute<'t>(rest: &mut &'t str, name: &str) -> Option<&'t str> {
    let space = |char: char| char.is_ascii() && is_space(char as u8);
    let behind = rest.strip_prefix(space)?.trim_start_matches(space).strip_prefix(name)?;
    let behind = behind.trim_start_matches(space).strip_prefix('=')?.trim_start_matches(space);
    let quote = behind.chars().next().filter(|char| matches!(char, '\'' | '"'))?;
    let (value, behind) = behind[1..].split_once(quote)?;
    *rest = behind;
    Some(value)
}

/// The violation for an error of quick-xml. `at` is the offset where quick-xml began to read.
pub(crate) fn blame(error: &Error, at: usize) -> Violation {
    match error {
        Error::IllFormed(IllFormedError::UnclosedReference) => Violation::Reference { at },
        Error::IllFormed(IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_)) => {
            Violation::EndTag { at }
        }
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => Violation::Comment { at },
        Error::IllFormed(IllFormedError::MissingDoctypeName) => Violation::DocumentType { at },
        _ => Violation::Markup { at },
    }
}
