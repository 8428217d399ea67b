//! The character classes of XML 1.0 (fifth edition) and Namespaces in XML 1.0.

/// White space, production `S`.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Production `Char`.
pub(crate) fn is_legal(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Where the first character is that production `Char` excludes.
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

/// Whether one of eight bytes is a control character, or 0xEF, which begins U+FFFE and U+FFFF.
fn is_suspicious(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = ONES * 0x80;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let flipped = word ^ (ONES * 0xEF);
    let equals_ef = flipped.wrapping_sub(ONES) & !flipped;
    (below_space | equals_ef) & HIGH != 0
}

fn first_illegal_in(bytes: &[u8], start: usize, count: usize) -> Option<usize> {
    (start..start + count).find(|&at| match bytes[at] {
        b'\t' | b'\n' | b'\r' => false,
        0..b' ' => true,
        0xEF => matches!(bytes[at..], [_, 0xBF, 0xBE | 0xBF, ..]),
        _ => false,
    })
}

/// How many bytes at the start of `text` are a name without colon (`NCName`); 0 if it begins with none.
pub(crate) fn ncname(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let class = ASCII[usize::from(byte)];
        if class & NAME != 0 && (at > 0 || class & START != 0) {
            at += 1;
        } else if byte >= 0x80
            && let Some(char) = text[at..].chars().next()
            && (is_wide_start(char) || at > 0 && is_wide_rest(char))
        {
            at += char.len_utf8();
        } else {
            break;
        }
    }
    at
}

const START: u8 = 1;
const NAME: u8 = 2;

const ASCII: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 0x80 {
        classes[byte] = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => START | NAME,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// What `NameStartChar` holds beyond ASCII.
fn is_wide_start(char: char) -> bool {
    matches!(char,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// What `NameChar` adds to that.
fn is_wide_rest(char: char) -> bool {
    matches!(char, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
