//! The parts of a JID (RFC 7622 §3.1), split where they split, and whether two JIDs are one. None is ever
//! rewritten on its way to the server, which has the last word on what a JID may be: the prepared form is for
//! comparing alone.

use std::borrow::Cow;

use epode_sasl::is_mapped_to_nothing;

/// What the platform knows of Unicode: its tables would be larger than all that is written here.
#[derive(Clone, Copy, Debug)]
pub struct Unicode {
    /// NFC (UAX 15).
    pub nfc: fn(&str) -> String,
    /// NFKC (UAX 15).
    pub nfkc: fn(&str) -> String,
    /// Lower case, as no language in particular has it.
    pub lower: fn(&str) -> String,
    /// The host of a URL with this domain (URL Standard §3.5): A-labels in lower case. `None` for what is no
    /// domain.
    pub host: fn(&str) -> Option<String>,
}

/// What a part may take at most, in bytes (RFC 7622 §3.1).
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

/// The form in which a JID is compared. One that cannot be prepared is compared as it is.
pub fn prepared<'a>(jid: &'a str, unicode: &Unicode) -> Cow<'a, str> {
    let bare = bare(jid);
    // Most are in that form already, and what cannot be prepared keeps its own.
    if jid.is_ascii() && !bare.ends_with('.') && !bare.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(jid);
    }
    prepare(jid, unicode).map_or(Cow::Borrowed(jid), Cow::Owned)
}

/// Whether two JIDs are the same.
pub fn same(a: &str, b: &str, unicode: &Unicode) -> bool {
    a == b || prepared(a, unicode) == prepared(b, unicode)
}

/// Whether two JIDs name the same bare JID.
pub fn same_bare(a: &str, b: &str, unicode: &Unicode) -> bool {
    same(bare(a), bare(b), unicode)
}

/// Whether what comes from `a` may answer what went to `b`. Some servers compare resources as RFC 7622 has
/// it, some fold them by the older Resourceprep (RFC 3920, appendix B) and answer from what comes of that.
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
        // One that is none, or too long, is compared as it is: whose it is, the rest says all the same.
        prepared.extend(["/", &*resourcepart(resource, unicode).unwrap_or_else(|| resource.to_owned())]);
    }
    Some(prepared)
}

/// The profile UsernameCaseMapped (RFC 8265 §3.3): width, case, composition.
fn localpart(local: &str, unicode: &Unicode) -> Option<String> {
    let local = match local.is_ascii() {
        true => local.to_ascii_lowercase(),
        false => (unicode.nfc)(&(unicode.lower)(&widths(local, unicode))),
    };
    // RFC 8264 §9.17: nothing that has a compatibility equivalent is left. Such a character is another on a
    // server that knows the older Nodeprep.
    let allowed = !local.contains(is_prohibited) && (local.is_ascii() || (unicode.nfkc)(&local) == local);
    part(local).filter(|_| allowed)
}

/// IDNs in the spelling of their A-labels, without the dot of the root (RFC 7622 §3.2), and addresses.
fn domainpart(domain: &str, unicode: &Unicode) -> Option<String> {
    let of_name = |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if domain.starts_with('[') {
        return part(domain.to_ascii_lowercase());
    }
    // Whatever else a URL may say is none of a domain's, and what it leaves out is in none.
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
    // A URL takes numbers in whatever script for an address.
    let taken_for_address = !domain.is_ascii() && last.starts_with(|first: char| first.is_ascii_digit());
    let allowed = !taken_for_address && !prepared.split('.').any(str::is_empty);
    part(prepared).filter(|_| allowed)
}

/// The profile OpaqueString (RFC 8265 §4.2), but for rare spaces: composition is all that does not count.
fn resourcepart(resource: &str, unicode: &Unicode) -> Option<String> {
    part(if resource.is_ascii() { resource.to_owned() } else { (unicode.nfc)(resource) })
}

/// What Resourceprep makes of a resource.
fn fold(resource: &str, unicode: &Unicode) -> Option<String> {
    let rest: String = resource.chars().filter(|char| !is_mapped_to_nothing(*char)).collect();
    part((unicode.nfkc)(&rest)).filter(|_| resource.len() <= LONGEST)
}

/// The same text with its halfwidth and fullwidth characters as what they stand for (RFC 8264 §5.2.1).
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

/// What no local part may hold (RFC 7622 §3.3.1); what lies beyond ASCII is not judged.
fn is_prohibited(char: char) -> bool {
    char <= ' ' || "\"&'/:<>@\u{7f}".contains(char)
}

fn part(text: String) -> Option<String> {
    Some(text).filter(|text| (1..=LONGEST).contains(&text.len()))
}
