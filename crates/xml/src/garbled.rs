//! Facts about a text that is not XML.

use crate::chars::is_space;

/// Whether a text is empty or only white space, which some servers send to keep an idle WebSocket
/// alive.
pub fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// The local name of the first start tag in `text`, or "" if there is none; in a frame of a server,
/// the kind of the stanza. Comments, processing instructions and CDATA sections are skipped.
pub fn first_name(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let markup = &rest[at + 1..];
        let end = match markup {
            _ if markup.starts_with("!--") => "-->",
            _ if markup.starts_with("![CDATA[") => "]]>",
            _ if markup.starts_with('?') => "?>",
            _ => {
                let name = markup.split(|char: char| !is_name(char)).next().unwrap_or_default();
                let local = name.rsplit(':').next().unwrap_or_default();
                if !local.is_empty() {
                    return local;
                }
                rest = markup;
                continue;
            }
        };
        let Some(end) = markup.find(end) else { break };
        rest = &markup[end..];
    }
    ""
}

/// Whether a character may be part of a name. Approximate, but exact for the names of stanzas.
fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, ':' | '-' | '_' | '.') || !char.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_white_space_is_blank_and_another_is_not() {
        for text in ["", " ", "\r\n", "\t \n"] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["x", "\u{a0}", "\u{feff}", " <a/>", "\u{b}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn the_first_name_is_that_of_the_stanza_however_broken_it_is() {
        for (text, name) in [
            ("<message xmlns='jabber:client'><jabber:x:oob/></message>", "message"),
            ("<c:presence xmlns:c='jabber:client'", "presence"),
            ("  <iq", "iq"),
            ("<iq/><message/>", "iq"),
            ("<!-- <presence/> --><message>", "message"),
            ("<?xml version='1.0'?>\n<message>", "message"),
            ("<![CDATA[<iq>]]><message>", "message"),
            ("\u{feff}<message/>", "message"),
            ("< message><body/>", "body"),
            ("</message>", ""),
            ("<!-- never ends <message/>", ""),
            ("R&D", ""),
            ("<", ""),
            ("<:/>", ""),
            ("", ""),
        ] {
            assert_eq!(first_name(text), name, "{text}");
        }
    }
}
