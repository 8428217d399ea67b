//! SASLprep (RFC 4013): brings user names and passwords into one form, whatever keyboard they were
//! typed on.
//!
//! The tables are those of RFC 3454 without the characters that NFKC (UAX 15) replaces, since the
//! text is normalised first, by a function of the platform. Code points that Unicode 3.2 had not
//! assigned are allowed, as in a query (RFC 3454 §7).

use zeroize::Zeroizing;

use crate::{Error, Secret};

/// The prepared form of `text`. `field` is `user name` or `password`, for the error; `nfkc`
/// normalises.
///
/// # Errors
/// [`Error::Prohibited`] for a prohibited character (§2.3), [`Error::Bidirectional`] for text that
/// breaks the rule for right-to-left text (§2.4).
pub fn prepare(text: &str, field: &'static str, nfkc: fn(&str) -> String) -> Result<Secret, Error> {
    let prepared = match text.is_ascii() {
        true => text.to_owned(),
        false => nfkc(&mapped(text)),
    };
    let prepared = Secret::new(prepared);
    let (mut begins, mut ends) = (None, false);
    let (mut right, mut left) = (false, false);
    for character in prepared.expose().chars().map(u32::from) {
        if is_prohibited(character) {
            return Err(Error::Prohibited { field });
        }
        ends = is_right_to_left(character);
        begins = begins.or(Some(ends));
        right |= ends;
        left |= is_left_to_right(character);
    }
    // RFC 3454 §6: text with right-to-left characters has no left-to-right ones, and begins and
    // ends with the former.
    if right && (left || begins != Some(true) || !ends) {
        return Err(Error::Bidirectional { field });
    }
    Ok(prepared)
}

/// The mapping of RFC 4013 §2.1.
fn mapped(text: &str) -> Zeroizing<String> {
    // No mapping lengthens the text, so the buffer never grows: growing would leave copies of a
    // password in memory.
    let mut mapped = Zeroizing::new(String::with_capacity(text.len()));
    for character in text.chars() {
        match u32::from(character) {
            // Table C.1.2 comes before B.1, since both list U+200B.
            0xa0 | 0x1680 | 0x2000..=0x200b | 0x202f | 0x205f | 0x3000 => mapped.push(' '),
            _ if is_mapped_to_nothing(character) => {}
            _ => mapped.push(character),
        }
    }
    mapped
}

/// Whether a character is mapped to nothing (RFC 3454, table B.1).
pub fn is_mapped_to_nothing(character: char) -> bool {
    matches!(
        u32::from(character),
        0xad | 0x34f | 0x1806 | 0x180b..=0x180d | 0x200b..=0x200d | 0x2060 | 0xfe00..=0xfe0f | 0xfeff
    )
}

/// Whether a character is prohibited (RFC 4013 §2.3): tables C.2 to C.9.
fn is_prohibited(character: u32) -> bool {
    matches!(
        character,
        // C.2: control characters.
        0..=0x1f | 0x7f..=0x9f | 0x6dd | 0x70f | 0x180e | 0x2028..=0x2029 | 0x2061..=0x2063
        | 0x1d173..=0x1d17a
        // C.3: private use.
        | 0xe000..=0xf8ff | 0xf0000..=0x10ffff
        // C.4: non-character code points; those at the end of each plane are matched below.
        | 0xfdd0..=0xfdef
        // C.6: inappropriate for plain text.
        | 0xfff9..=0xfffd
        // C.7: inappropriate for canonical representation.
        | 0x2ff0..=0x2ffb
        // C.8: change display properties, or are deprecated.
        | 0x200e..=0x200f | 0x202a..=0x202e | 0x206a..=0x206f
        // C.9: tagging characters.
        | 0xe0001 | 0xe0020..=0xe007f
    ) || character & 0xfffe == 0xfffe
}

/// Whether a character is of table D.1 (RFC 3454).
fn is_right_to_left(character: u32) -> bool {
    is_in(character, RIGHT_TO_LEFT)
}

/// Whether a character is of table D.2 (RFC 3454).
fn is_left_to_right(character: u32) -> bool {
    match u8::try_from(character) {
        Ok(latin) if latin.is_ascii() => latin.is_ascii_alphabetic(),
        _ => {
            is_in(character, LEFT_TO_RIGHT)
                || matches!(
                    character,
                    0x10300..=0x1034a | 0x10400..=0x1044d | 0x1d000..=0x1d166 | 0x1d16a..=0x1d172
                        | 0x1d183..=0x1d184 | 0x1d18c..=0x1d1a9 | 0x1d1ae..=0x1d1dd | 0x20000..=0x2a6d6
                )
        }
    }
}

fn is_in(character: u32, ranges: &[[u16; 2]]) -> bool {
    ranges.iter().any(|&[first, last]| (u32::from(first)..=u32::from(last)).contains(&character))
}

/// Table D.1 without the characters that NFKC replaces. Here and below, a range may span code
/// points that Unicode 3.2 had not assigned.
#[rustfmt::skip]
const RIGHT_TO_LEFT: &[[u16; 2]] = &[
    [0x5be, 0x5be], [0x5c0, 0x5c0], [0x5c3, 0x5c3], [0x5d0, 0x5f4], [0x61b, 0x64a], [0x66d, 0x66f],
    [0x671, 0x6d5], [0x6e5, 0x6e6], [0x6fa, 0x710], [0x712, 0x72c], [0x780, 0x7a5], [0x7b1, 0x7b1],
    [0xfe73, 0xfe73],
];

/// Table D.2 up to U+FFFF, likewise.
#[rustfmt::skip]
const LEFT_TO_RIGHT: &[[u16; 2]] = &[
    [0xc0, 0xd6], [0xd8, 0xf6], [0xf8, 0x2ad], [0x2bb, 0x2c1], [0x2d0, 0x2d1], [0x2ee, 0x2ee],
    [0x386, 0x3f3], [0x400, 0x482], [0x48a, 0x589], [0x903, 0x939], [0x93d, 0x940], [0x949, 0x94c],
    [0x950, 0x950], [0x960, 0x961], [0x964, 0x970], [0x982, 0x9b9], [0x9be, 0x9c0], [0x9c7, 0x9cc],
    [0x9d7, 0x9e1], [0x9e6, 0x9f1], [0x9f4, 0x9fa], [0xa05, 0xa39], [0xa3e, 0xa40], [0xa5c, 0xa6f],
    [0xa72, 0xa74], [0xa83, 0xab9], [0xabd, 0xac0], [0xac9, 0xacc], [0xad0, 0xaef], [0xb02, 0xb39],
    [0xb3d, 0xb3e], [0xb40, 0xb40], [0xb47, 0xb4c], [0xb57, 0xb70], [0xb83, 0xbbf], [0xbc1, 0xbcc],
    [0xbd7, 0xc39], [0xc41, 0xc44], [0xc60, 0xcbe], [0xcc0, 0xcc4], [0xcc7, 0xccb], [0xcd5, 0xd40],
    [0xd46, 0xd4c], [0xd57, 0xdc6], [0xdcf, 0xdd1], [0xdd8, 0xe30], [0xe32, 0xe32], [0xe40, 0xe46],
    [0xe4f, 0xeb0], [0xeb2, 0xeb2], [0xebd, 0xec6], [0xed0, 0xf17], [0xf1a, 0xf34], [0xf36, 0xf36],
    [0xf38, 0xf38], [0xf3e, 0xf6a], [0xf7f, 0xf7f], [0xf85, 0xf85], [0xf88, 0xf8b], [0xfbe, 0xfc5],
    [0xfc7, 0x102c], [0x1031, 0x1031], [0x1038, 0x1038], [0x1040, 0x1057], [0x10a0, 0x169a],
    [0x16a0, 0x1711], [0x1720, 0x1731], [0x1735, 0x1751], [0x1760, 0x1770], [0x1780, 0x17b6],
    [0x17be, 0x17c5], [0x17c7, 0x17c8], [0x17d4, 0x17da], [0x17dc, 0x17e9], [0x1810, 0x18a8],
    [0x1e00, 0x1ffc], [0x2180, 0x2183], [0x2336, 0x237a], [0x2395, 0x2395], [0x3005, 0x3007],
    [0x3021, 0x3029], [0x3031, 0x3035], [0x303b, 0x303c], [0x3041, 0x3096], [0x309d, 0x309e],
    [0x30a1, 0x30fa], [0x30fc, 0x312c], [0x3190, 0x31ff], [0x327f, 0x327f], [0x3400, 0x4db5],
    [0x4e00, 0x9fa5], [0xa000, 0xa48c], [0xac00, 0xd7a3], [0xfa0e, 0xfa29],
];
