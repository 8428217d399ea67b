//! rxml's verdict whether a text is an acceptable document.

use epode_xml::{Head, Violation};
use rxml::error::EndOrError;
use rxml::parser::Options;
use rxml::{Parse, Parser, WithOptions};

/// Whether rxml accepts `text`. The text is adapted first where rxml is stricter than the
/// specifications:
///
/// - line ends are normalised as XML 1.0 §2.11 demands; rxml refuses a bare carriage return in a
///   value;
/// - white space before a root without XML declaration is removed; XML 1.0 §2.1 allows it;
/// - U+FEFF and U+FFFD, which are name characters, become another name character.
pub fn accepts(text: &str) -> bool {
    let mut parser = Parser::with_options(Options { max_token_length: 1 << 20, ..Options::default() });
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace(['\u{FEFF}', '\u{FFFD}'], "é");
    let root = text.trim_start_matches([' ', '\t', '\n']);
    let mut rest = if root.starts_with("<?") { text.as_bytes() } else { root.as_bytes() };
    loop {
        match parser.parse(&mut rest, true) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(EndOrError::Error(_)) => return false,
            Err(EndOrError::NeedMoreData) => return false,
        }
    }
}

/// Whether the two parsers may differ on `text`. Unlike the specifications, rxml
///
/// - refuses references longer than eight characters, such as `&#0000000065;`;
/// - wants `standalone` to be `yes`, and to follow `encoding`;
/// - accepts a second `xmlns` attribute in a tag;
/// - accepts declarations of the namespace of `xmlns`;
/// - accepts references to white space outside of the root.
pub fn may_differ(text: &str, ours: &Result<Head, Violation>) -> bool {
    let long = |behind: &str| {
        behind.split_once(';').is_some_and(|(name, _)| name.starts_with('#') && name.len() > 8)
    };
    text.split('&').skip(1).any(long)
        || text.starts_with("<?xml") && text.contains("standalone")
        || text.matches("xmlns").count() > 1 && matches!(ours, Err(Violation::RepeatedAttribute { .. }))
        || text.contains("2000/xmlns/") && matches!(ours, Err(Violation::NamespaceDeclaration { .. }))
        || text.contains("&#") && matches!(ours, Err(Violation::TextOutsideRoot { .. }))
}
