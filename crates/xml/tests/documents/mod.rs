//! Generated documents, and ways to break them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A document that is mostly acceptable: names, prefixes and attributes are drawn from small pools, so that
/// some collide.
pub fn document() -> impl Strategy<Value = String> {
    let prolog = select(
        &["", "", "", " \n", "<?xml version='1.0'?>", "<?xml version=\"1.0\" encoding='UTF-8'?>\n"][..],
    );
    (prolog, element(), select(&["", "", "\n"][..]))
        .prop_map(|(prolog, root, end)| format!("{prolog}{root}{end}"))
}

/// A [`document`] with up to six random edits.
pub fn mutated() -> impl Strategy<Value = String> {
    (document(), vec((any::<prop::sample::Index>(), 0..4_u8, select(PIECES)), 0..6)).prop_map(
        |(mut text, edits)| {
            for (index, edit, piece) in edits {
                let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                let at = *index.get(&starts);
                let char = text[at..].chars().next().map_or(0, char::len_utf8);
                match edit {
                    0 => text.insert_str(at, piece),
                    1 => text.replace_range(at..at + char, ""),
                    2 => text.replace_range(at..at + char, piece),
                    _ => text.truncate(at),
                }
            }
            text
        },
    )
}

/// Pieces of markup in a row, inside a root or without one.
pub fn rubble() -> impl Strategy<Value = String> {
    (any::<bool>(), vec(select(PIECES), 0..12)).prop_map(|(inside, pieces)| match inside {
        true => format!("<a>{}</a>", pieces.concat()),
        false => pieces.concat(),
    })
}

fn element() -> impl Strategy<Value = String> {
    let leaf = (name(), attributes()).prop_map(|(name, attributes)| format!("<{name}{attributes}/>"));
    leaf.prop_recursive(4, 24, 4, |inner| {
        let content = prop_oneof![3 => inner, 2 => text().prop_map(str::to_owned)];
        (name(), attributes(), vec(content, 0..4), select(&["", "", "", " ", "\n"][..])).prop_map(
            |(name, attributes, content, space)| {
                format!("<{name}{attributes}>{}</{name}{space}>", content.concat())
            },
        )
    })
}

fn name() -> impl Strategy<Value = &'static str> {
    select(&["a", "b", "message", "x-1", "é", "p:a", "q:b", "xml:c"][..])
}

fn attributes() -> impl Strategy<Value = String> {
    let declarations = select(
        &["", " xmlns:p='urn:p' xmlns:q='urn:q'", " xmlns='urn:d'", " xmlns:p='urn:q' xmlns:q='urn:q'"][..],
    );
    (declarations, vec((attribute_name(), value()), 0..3)).prop_map(|(mut attributes, more)| {
        let declared = std::mem::take(&mut attributes);
        more.into_iter().fold(declared.to_owned(), |all, (name, value)| format!("{all} {name}={value}"))
    })
}

fn attribute_name() -> impl Strategy<Value = &'static str> {
    select(
        &["id", "type", "to", "from", "p:id", "q:id", "p:x", "xml:lang", "xmlns", "xmlns:p", "xmlns:r"][..],
    )
}

fn value() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "''",
            "'1'",
            "\"it's\"",
            "'a&amp;b'",
            "'&#x41;&#9;'",
            "'>'",
            "' a\tb\r\nc '",
            "'urn:p'",
            "'é\u{1F600}'",
            "'\u{FFFD}'",
        ][..],
    )
}

fn text() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "text",
            " ",
            "\r\n\t",
            "\r",
            "&lt;&gt;&amp;&apos;&quot;",
            "&#10;&#13;&#x1F600;",
            "<![CDATA[<&]]>",
            "]]",
            ">",
            "é\u{FFFD}\u{85}",
        ][..],
    )
}

const PIECES: &[&str] = &[
    "<",
    ">",
    "/",
    "&",
    ";",
    "'",
    "\"",
    "=",
    ":",
    "!",
    "?",
    "-",
    "]",
    "[",
    "#",
    " ",
    "\n",
    "\t",
    "\r",
    "a",
    "x",
    "1",
    "é",
    ".",
    "</",
    "/>",
    "</a>",
    "<a>",
    "<a/>",
    "<b ",
    "<p:a>",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<!---->",
    "<?",
    "?>",
    "<?xml",
    "<?xml ",
    "<?xml version='1.0'?>",
    "<?xml version='1.1'?>",
    "<?a?>",
    "<!DOCTYPE a>",
    "<!DOCTYPE",
    "<!doctype a [",
    "&amp;",
    "&lt",
    "&x;",
    "&#1;",
    "&#0;",
    "&#65;",
    "&#x41;",
    "&#X41;",
    "&#xFFFE;",
    "&#xD800;",
    "&#x110000;",
    "&#;",
    "&#x;",
    "&#+5;",
    "&#13;",
    "&a:b;",
    "\u{0}",
    "\u{1}",
    "\u{B}",
    "\u{7F}",
    "\u{85}",
    "\u{A0}",
    "\u{2028}",
    "\u{B7}",
    "\u{300}",
    "\u{37E}",
    "\u{D7}",
    "\u{FEFF}",
    "\u{FFFD}",
    "\u{FFFE}",
    "\u{FFFF}",
    "\u{EFFFF}",
    "\u{F0000}",
    "\u{10FFFF}",
    " id='1'",
    " id=''",
    "id='1'",
    " id=1",
    " id",
    " p:id='1'",
    " q:id='2'",
    " xmlns=''",
    " xmlns='u'",
    " xmlns:p='urn:q'",
    " xmlns:p=''",
    " xmlns:xml='u'",
    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    " xmlns:r='http://www.w3.org/XML/1998/namespace'",
    " xmlns='http://www.w3.org/XML/1998/namespace'",
    " xmlns:xmlns='u'",
    " xmlns:r='http://www.w3.org/2000/xmlns/'",
    " xmlns='http://www.w3.org/2000/xmlns/'",
    " xmlns:r='urn&#58;p'",
    " xml:lang='en'",
    " xml='1'",
    "xmlns:",
    "p:",
    ":p",
];
