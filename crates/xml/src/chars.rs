//! The character classes of XML 1.0 (fifth edition) and Namespaces in XML 1.0.

/// White space, production `S`.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Production `Char`.
pub(crate) fn is_legal(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Byte offset of the first character that production `Char` excludes.
pub(crate) fn first_illegal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        if is_suspicious(u64::from_le_bytes(*word))
            && let Some(at) = first_illegal_in(bytes, index * 8, 8)
        {
            return Some(at);
        }
    }
    first_illegal_in(bytes, words.len() * 8, rest.len())
}

/// Whether one of these eight bytes may be a control character, or 0xEF, the first byte of U+FFFE
/// and U+FFFF.
fn is_suspicious(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = ONES * 0x80;
    let lowered = word.wrapping_sub(ONES * 0x20);
    if (lowered | word) & HIGH == 0 {
        // The usual case, in three operations: all bytes are ASCII, none is a control character.
        return false;
    }
    let flipped = word ^ (ONES * 0xEF);
    let equals_ef = flipped.wrapping_sub(ONES) & !flipped;
    (lowered & !word | equals_ef) & HIGH != 0
}

fn first_illegal_in(bytes: &[u8], start: usize, count: usize) -> Option<usize> {
    (start..start + count).find(|&at| match bytes[at] {
        b'\t' | b'\n' | b'\r' => false,
        0..b' ' => true,
        0xEF => matches!(bytes[at..], [_, 0xBF, 0xBE | 0xBF, ..]),
        _ => false,
    })
}

/// Length in bytes of the name without colon (`NCName`) at the start of `text`; 0 if there is none.
pub(crate) fn ncname(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(&first) if first < 0x80 && CLASSES[usize::from(first)] & START == 0 => return 0,
        _ => {}
    }
    let mut at = 0;
    loop {
        at += run(&bytes[at..], |byte| CLASSES[usize::from(byte)] & NAME != 0);
        match text[at..].chars().next() {
            Some(char) if is_wide_start(char) || at > 0 && is_wide_rest(char) => at += char.len_utf8(),
            _ => return at,
        }
    }
}

/// Length of the run at the start of `bytes`, the rest of an attribute value, that needs no
/// attention: no quote, reference, `<` or white space but U+0020.
pub(crate) fn plain(bytes: &[u8]) -> usize {
    run(bytes, |byte| CLASSES[usize::from(byte)] & SPECIAL == 0)
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

/// Begins a name.
const START: u8 = 1;
/// Is part of a name.
const NAME: u8 = 2;
/// Ends an attribute value or has a meaning in it.
const SPECIAL: u8 = 4;

/// The classes of ASCII characters. Bytes of other characters have no class.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        classes[byte] = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => START | NAME,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            b'\'' | b'"' | b'<' | b'&' | b'\t' | b'\n' | b'\r' => SPECIAL,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Production `NameStartChar` beyond ASCII.
fn is_wide_start(char: char) -> bool {
    matches!(char,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// The characters beyond ASCII that `NameChar` adds to `NameStartChar`.
fn is_wide_rest(char: char) -> bool {
    matches!(char, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
