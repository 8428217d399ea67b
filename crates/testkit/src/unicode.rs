//! A browser's Unicode functions, as far as tests need them: a part of UTS 46, and no code that is
//! under test.

use unicode_normalization::UnicodeNormalization as _;

/// `String.prototype.normalize("NFC")`.
pub fn nfc(text: &str) -> String {
    text.nfc().collect()
}

/// `String.prototype.normalize("NFKC")`.
pub fn nfkc(text: &str) -> String {
    text.nfkc().collect()
}

/// `String.prototype.toLowerCase()`.
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// A localpart in the form in which the scripted server compares it.
pub(crate) fn local(text: &str) -> String {
    nfc(&lower(text))
}

/// The host of a URL with this domain, its labels in ASCII.
pub fn host(domain: &str) -> Option<String> {
    let mapped = nfkc(&lower(domain)).replace(['\u{3002}', '\u{ff61}'], ".");
    let label = |label: &str| match label.is_ascii() {
        true => Some(label.to_owned()),
        false => Some(format!("xn--{}", punycode(label)?)),
    };
    let labels: Option<Vec<String>> = mapped.split('.').map(label).collect();
    let host = labels?.join(".");
    let forbidden = |char: char| char <= ' ' || "#/:<>?@[\\]^|%\u{7f}".contains(char);
    Some(host).filter(|host| !host.is_empty() && !host.contains(forbidden))
}

/// The encoding procedure of RFC 3492 §6.3.
fn punycode(label: &str) -> Option<String> {
    let mut encoded: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(encoded.len()).ok()?;
    if basic > 0 {
        encoded.push('-');
    }
    let (mut from, mut delta, mut bias, mut handled) = (0x80_u32, 0_u32, 72_u32, basic);
    while let Some(next) = label.chars().map(u32::from).filter(|char| *char >= from).min() {
        delta = delta.checked_add((next - from).checked_mul(handled + 1)?)?;
        for char in label.chars().map(u32::from) {
            delta += u32::from(char < next);
            if char != next {
                continue;
            }
            let (mut rest, mut k) = (delta, 36_u32);
            loop {
                let threshold = k.saturating_sub(bias).clamp(1, 26);
                if rest < threshold {
                    break;
                }
                encoded.push(digit(threshold + (rest - threshold) % (36 - threshold)));
                rest = (rest - threshold) / (36 - threshold);
                k += 36;
            }
            encoded.push(digit(rest));
            bias = adapted(delta, handled + 1, handled == basic);
            delta = 0;
            handled += 1;
        }
        delta += 1;
        from = next + 1;
    }
    Some(encoded)
}

/// Bias adaptation (RFC 3492 §6.1).
fn adapted(delta: u32, length: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / length;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

fn digit(value: u32) -> char {
    char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[value as usize])
}
