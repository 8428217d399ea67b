//! Characters to references and back.

use crate::chars::{is_legal, ncname};
use crate::violation::Violation;
use std::borrow::Cow;

/// Escapes `text` for content and for attribute values in either quote: `& < > ' "` become
/// references. So do tab and line ends, which a reader would otherwise normalise away
/// (XML 1.0 §2.11, §3.3.3). Characters that XML 1.0 cannot express, such as U+0000, become U+FFFD.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_with(text, |char| match char {
        '\t' => Some("&#9;"),
        '\n' => Some("&#10;"),
        _ => always(char),
    })
}

/// Like [`escape`], but for content alone: tab and newline stay as they are.
pub(crate) fn escape_content(text: &str) -> Cow<'_, str> {
    escape_with(text, always)
}

fn always(char: char) -> Option<&'static str> {
    match char {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\'' => Some("&apos;"),
        '"' => Some("&quot;"),
        '\r' => Some("&#13;"),
        _ if is_legal(char) => None,
        _ => Some("\u{FFFD}"),
    }
}

fn escape_with(text: &str, replacement: impl Fn(char) -> Option<&'static str>) -> Cow<'_, str> {
    let mut escaped = String::new();
    let mut copied = 0;
    for (at, char) in text.char_indices() {
        if let Some(replacement) = replacement(char) {
            escaped.push_str(&text[copied..at]);
            escaped.push_str(replacement);
            copied = at + char.len_utf8();
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    escaped.push_str(&text[copied..]);
    Cow::Owned(escaped)
}

/// The character that a reference stands for. `name` is the text between `&` and `;`; `at` is the
/// offset of the `&`.
pub(crate) fn resolve(name: &str, at: usize) -> Result<char, Violation> {
    let malformed = Violation::Reference { at };
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "amp" => Ok('&'),
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ if !name.is_empty() && ncname(name) == name.len() => Err(Violation::Entity { at }),
            _ => Err(malformed),
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // Without digits the code stays 0, which is no legal character either.
    let mut code: u32 = 0;
    for digit in digits.chars() {
        let digit = digit.to_digit(radix).ok_or(Violation::Reference { at })?;
        code = code.saturating_mul(radix).saturating_add(digit);
    }
    char::from_u32(code).filter(|&char| is_legal(char)).ok_or(malformed)
}

/// The value of an attribute, normalised by XML 1.0 §3.3.3. The references in `raw` have been
/// checked.
pub(crate) fn attribute_value(raw: &str) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        value.push_str(&rest[..at]);
        let found = &rest[at..];
        rest = if let Some(reference) = found.strip_prefix('&') {
            let (name, behind) = reference.split_once(';').unwrap_or((reference, ""));
            value.extend(resolve(name, 0));
            behind
        } else {
            value.push(' ');
            found.strip_prefix("\r\n").unwrap_or(&found[1..])
        };
    }
    value.push_str(rest);
    value
}

/// Text with its line ends normalised by XML 1.0 §2.11.
pub(crate) fn line_ends(raw: &str) -> Cow<'_, str> {
    let mut lines = raw.split('\r');
    let mut text = Cow::Borrowed(lines.next().unwrap_or_default());
    for line in lines {
        let text = text.to_mut();
        text.push('\n');
        text.push_str(line.strip_prefix('\n').unwrap_or(line));
    }
    text
}
