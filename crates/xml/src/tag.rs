//! The content of an opening tag, between `<` and `>`.

use crate::chars::{self, is_space, ncname};
use crate::escape::{attribute_value, resolve};
use crate::violation::Violation;
use std::borrow::Cow;
use std::ops::Range;

/// An opening tag, names split at their colons. The reader reuses one value for all tags of a
/// document.
#[derive(Default)]
pub(crate) struct Tag<'t> {
    /// Byte offset of the `<`.
    pub(crate) at: usize,
    pub(crate) prefix: &'t str,
    pub(crate) local: &'t str,
    /// Byte offset directly after the name.
    pub(crate) name_end: usize,
    pub(crate) attributes: Vec<Attribute<'t>>,
}

/// One attribute, namespace declarations included.
#[derive(Clone, Copy)]
pub(crate) struct Attribute<'t> {
    pub(crate) prefix: &'t str,
    pub(crate) local: &'t str,
    /// Byte offset of the name.
    pub(crate) name_at: usize,
    /// The text between the quotes, as written.
    pub(crate) raw: &'t str,
    /// Byte offset of `raw`.
    pub(crate) at: usize,
    /// Whether the value equals `raw`: there is no reference and no white space to normalise.
    plain: bool,
}

impl<'t> Attribute<'t> {
    /// The value with references resolved and white space normalised (XML 1.0 §3.3.3).
    pub(crate) fn value(&self) -> Cow<'t, str> {
        if self.plain { Cow::Borrowed(self.raw) } else { Cow::Owned(attribute_value(self.raw)) }
    }

    /// Byte range of `raw`.
    pub(crate) fn span(&self) -> Range<usize> {
        self.at..self.at + self.raw.len()
    }

    /// The prefix that this attribute declares, or "" for the default namespace; `None` if it is no
    /// namespace declaration.
    pub(crate) fn declares(&self) -> Option<&'t str> {
        match (self.prefix, self.local) {
            ("xmlns", prefix) => Some(prefix),
            ("", "xmlns") => Some(""),
            _ => None,
        }
    }
}

impl<'t> Tag<'t> {
    /// Reads the tag of `text` whose `<` is at offset `at` and whose `>` or `/>` is at `end`.
    pub(crate) fn read(&mut self, text: &'t str, at: usize, end: usize) -> Result<(), Violation> {
        self.attributes.clear();
        self.at = at;
        let mut cursor = Cursor { text: &text[..end], at: at + 1 };
        (self.prefix, self.local) = cursor.qname()?;
        self.name_end = cursor.at;
        loop {
            let spaced = cursor.space();
            if cursor.at == end {
                return Ok(());
            }
            if !spaced {
                // After the element's name, any other character would make the name illegal.
                let at = cursor.at;
                return Err(match self.attributes.is_empty() {
                    true => Violation::Name { at },
                    false => Violation::MissingSpace { at },
                });
            }
            let attribute = cursor.attribute()?;
            self.attributes.push(attribute);
        }
    }

    /// The name as written.
    pub(crate) fn qualified(&self, text: &'t str) -> &'t str {
        &text[self.at + 1..self.name_end]
    }

    /// The attribute with this name and no prefix.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute<'t>> {
        self.attributes.iter().find(|attribute| attribute.prefix.is_empty() && attribute.local == name)
    }
}

struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space; returns whether there was any.
    fn space(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        self.at > start
    }

    /// Prefix (or "") and local name.
    fn qname(&mut self) -> Result<(&'t str, &'t str), Violation> {
        let first = self.ncname()?;
        if self.peek() != Some(b':') {
            return Ok(("", first));
        }
        self.at += 1;
        Ok((first, self.ncname()?))
    }

    fn ncname(&mut self) -> Result<&'t str, Violation> {
        let start = self.at;
        match ncname(&self.text[start..]) {
            0 => Err(Violation::Name { at: start }),
            length => {
                self.at += length;
                Ok(&self.text[start..self.at])
            }
        }
    }

    fn attribute(&mut self) -> Result<Attribute<'t>, Violation> {
        let name_at = self.at;
        let (prefix, local) = self.qname()?;
        self.space();
        self.expect(b'=')?;
        self.space();
        let quote = self.peek().filter(|byte| matches!(byte, b'\'' | b'"'));
        let quote = quote.ok_or(Violation::Attribute { at: self.at })?;
        self.at += 1;
        let at = self.at;
        let plain = self.value(quote)?;
        let raw = &self.text[at..self.at];
        self.at += 1;
        Ok(Attribute { prefix, local, name_at, raw, at, plain })
    }

    fn expect(&mut self, byte: u8) -> Result<(), Violation> {
        if self.peek() != Some(byte) {
            return Err(Violation::Attribute { at: self.at });
        }
        self.at += 1;
        Ok(())
    }

    /// Moves to the closing quote; returns whether the value equals the raw text.
    fn value(&mut self, quote: u8) -> Result<bool, Violation> {
        let mut plain = true;
        loop {
            self.at += chars::plain(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                None => return Err(Violation::Attribute { at: self.at }),
                Some(byte) if byte == quote => return Ok(plain),
                Some(b'<') => return Err(Violation::LessThanInValue { at: self.at }),
                Some(b'&') => {
                    plain = false;
                    self.reference()?;
                }
                // The other quote stands for itself.
                Some(byte) => {
                    plain &= !is_space(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn reference(&mut self) -> Result<(), Violation> {
        let at = self.at;
        let behind = &self.text[at + 1..];
        let length =
            behind.find([';', '\'', '"', '<', '&']).filter(|&length| behind.as_bytes()[length] == b';');
        let length = length.ok_or(Violation::Reference { at })?;
        resolve(&behind[..length], at)?;
        self.at += length + 2;
        Ok(())
    }
}
