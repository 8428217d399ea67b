//! JIDs (RFC 7622): their parts, and whether two JIDs are equal. The prepared form is for
//! comparison alone: a JID goes to the server unchanged, since the server decides which JIDs are
//! valid.

use std::borrow::Cow;

use epode_sasl::is_mapped_to_nothing;

/// The platform's Unicode functions: tables of our own would be larger than all other code here.
#[derive(Clone, Copy, Debug)]
pub struct Unicode {
    /// NFC (UAX 15).
    pub nfc: fn(&str) -> String,
    /// NFKC (UAX 15).
    pub nfkc: fn(&str) -> String,
    /// Lower case by the rules for no particular language.
    pub lower: fn(&str) -> String,
    /// The host of a URL with this domain (URL Standard §3.5): A-labels in lower case. `None` if
    /// that is no domain.
    pub host: fn(&str) -> Option<String>,
}

/// The greatest length of a part, in bytes (RFC 7622 §3.1).
const LONGEST: usize = 1023;

/// Splits `local@domain/resource`. The resource may hold any character, `@` and `/` among them.
pub fn split(jid: &str) -> (Option<&str>, &str, Option<&str>) {
    let (bare, resource) = match jid.split_once('/') {
        Some((bare, resource)) => (bare, Some(resource)),
        None => (jid, None),
    };
    match bare.split_once('@') {
        Some((local, domain)) => (Some(local), domain, resource),
        None => (None, bare, resource),
    }
}

/// The JID without its resource.
pub fn bare(jid: &str) -> &str {
    jid.split_once('/').map_or(jid, |(bare, _)| bare)
}

/// The domain of a JID.
pub fn domain(jid: &str) -> &str {
    split(jid).1
}

/// The form in which a JID is compared. An invalid JID is compared as it is.
pub fn prepared<'a>(jid: &'a str, unicode: &Unicode) -> Cow<'a, str> {
    let bare = bare(jid);
    // The short cut for most JIDs: prepared already, or invalid and thus compared as they are.
    if jid.is_ascii() && !bare.ends_with('.') && !bare.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(jid);
    }
    prepare(jid, unicode).map_or(Cow::Borrowed(jid), Cow::Owned)
}

/// Whether two JIDs are equal once prepared.
pub fn same(a: &str, b: &str, unicode: &Unicode) -> bool {
    a == b || prepared(a, unicode) == prepared(b, unicode)
}

/// Whether two JIDs have equal bare JIDs.
pub fn same_bare(a: &str, b: &str, unicode: &Unicode) -> bool {
    same(bare(a), bare(b), unicode)
}

/// Whether a stanza from `a` may answer a request to `b`. Some servers compare resources by
/// RFC 7622; others fold them by the older Resourceprep (RFC 3920, appendix B) and answer from the
/// folded resource.
pub fn answers(a: &str, b: &str, unicode: &Unicode) -> bool {
    let folds =
        |a: &str, b: &str| matches!((fold(a, unicode), fold(b, unicode)), (Some(a), Some(b)) if a == b);
    same(a, b, unicode)
        || matches!((split(a).2, split(b).2), (Some(of_a), Some(of_b)) if folds(of_a, of_b))
            && same_bare(a, b, unicode)
}

fn prepare(jid: &str, unicode: &Unicode) -> Option<String> {
    let (local, domain, resource) = split(jid);
    let mut prepared = String::with_capacity(jid.len());
    if let Some(local) = local {
        prepared.extend([&*localpart(local, unicode)?, "@"]);
    }
    prepared.push_str(&domainpart(domain, unicode)?);
    if let Some(resource) = resource {
        // An empty or overlong resource is compared as it is: the rest still tells whose JID this
        // is.
        prepared.extend(["/", &*resourcepart(resource, unicode).unwrap_or_else(|| resource.to_owned())]);
    }
    Some(prepared)
}

/// The profile UsernameCaseMapped (RFC 8265 §3.3): maps width and case, then composes.
fn localpart(local: &str, unicode: &Unicode) -> Option<String> {
    let local = match local.is_ascii() {
        true => local.to_ascii_lowercase(),
        false => (unicode.nfc)(&(unicode.lower)(&widths(local, unicode))),
    };
    // RFC 8264 §9.17 excludes characters with a compatibility equivalent. A server with the older
    // Nodeprep maps such a character to another one.
    let allowed = !local.contains(is_prohibited) && (local.is_ascii() || (unicode.nfkc)(&local) == local);
    part(local).filter(|_| allowed)
}

/// An IDN as A-labels, without the final dot (RFC 7622 §3.2); or an IP address.
fn domainpart(domain: &str, unicode: &Unicode) -> Option<String> {
    let of_name = |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if domain.starts_with('[') {
        return part(domain.to_ascii_lowercase());
    }
    // A URL may hold more than a domain, such as a port, and its parser drops some characters:
    // neither belongs here.
    if !domain.bytes().all(of_name) || domain.contains(is_mapped_to_nothing) {
        return None;
    }
    let mut prepared = match domain.is_ascii() {
        true => domain.to_ascii_lowercase(),
        false => (unicode.host)(domain)?,
    };
    if prepared.ends_with('.') {
        prepared.pop();
    }
    let last = prepared.rsplit('.').next()?;
    // The URL parser takes a number as last label, in any script, for an IPv4 address.
    let taken_for_address = !domain.is_ascii() && last.starts_with(|first: char| first.is_ascii_digit());
    let allowed = !taken_for_address && !prepared.split('.').any(str::is_empty);
    part(prepared).filter(|_| allowed)
}

/// The profile OpaqueString (RFC 8265 §4.2) without its mapping of rare spaces: composes, and no
/// more.
fn resourcepart(resource: &str, unicode: &Unicode) -> Option<String> {
    part(if resource.is_ascii() { resource.to_owned() } else { (unicode.nfc)(resource) })
}

/// The form that Resourceprep (RFC 3920, appendix B) gives a resource.
fn fold(resource: &str, unicode: &Unicode) -> Option<String> {
    let rest: String = resource.chars().filter(|char| !is_mapped_to_nothing(*char)).collect();
    part((unicode.nfkc)(&rest)).filter(|_| resource.len() <= LONGEST)
}

/// Maps halfwidth and fullwidth characters to the characters that they stand for (RFC 8264 §5.2.1).
fn widths(text: &str, unicode: &Unicode) -> String {
    let mut mapped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\u{ff01}'..='\u{ffee}' => mapped.push_str(&(unicode.nfkc)(char.encode_utf8(&mut [0; 4]))),
            _ => mapped.push(char),
        }
    }
    mapped
}

/// ASCII characters that a localpart must not hold (RFC 7622 §3.3.1); others pass.
fn is_prohibited(char: char) -> bool {
    char <= ' ' || "\"&'/:<>@\u{7f}".contains(char)
}

fn part(text: String) -> Option<String> {
    Some(text).filter(|text| (1..=LONGEST).contains(&text.len()))
}
