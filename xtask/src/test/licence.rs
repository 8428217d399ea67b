//! Licences as crates name them: an expression of SPDX.

use std::collections::BTreeSet;

/// Whether these licences alone meet an expression. `AND` binds closer than `OR` (SPDX 3.0, annex B). Older
/// crates write `/` for `OR`. A licence `WITH` an exception is a licence of its own.
pub fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any(&mut words, allowed);
    met == Some(true) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// Alternatives; `None` for words that are no expression.
fn any(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut met = all(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed)?;
    }
    Some(met)
}

fn all(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut met = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed)?;
    }
    Some(met)
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> Option<bool> {
    match words.next()? {
        "(" => {
            let met = any(words, allowed)?;
            words.next_if_eq(&")").map(|_| met)
        }
        ")" | "AND" | "OR" | "WITH" => None,
        name if words.next_if_eq(&"WITH").is_some() => {
            Some(allowed.contains(&format!("{name} WITH {}", words.next()?)))
        }
        name => Some(allowed.contains(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str) -> bool {
        is_met(expression, &["MIT", "Zlib"].map(str::to_owned).into())
    }

    #[test]
    fn of_alternatives_one_is_enough_and_all_of_a_conjunction_are_needed() {
        assert!(met("MIT") && met("GPL-3.0 OR MIT") && met("MIT/Apache-2.0") && met("Apache-2.0 / MIT"));
        assert!(met("MIT AND Zlib") && met("(GPL-3.0 OR MIT) AND Zlib") && met("GPL-3.0 AND X OR MIT"));
        assert!(!met("GPL-3.0") && !met("MIT AND GPL-3.0") && !met("(MIT OR Zlib) AND GPL-3.0"));
        assert!(!met("GPL-3.0 OR MIT AND GPL-3.0"));
    }

    #[test]
    fn an_exception_makes_another_licence_of_one() {
        assert!(!met("MIT WITH Classpath-exception-2.0"));
        assert!(met("GPL-2.0 WITH Classpath-exception-2.0 OR MIT"));
    }

    #[test]
    fn words_that_are_no_expression_are_not_met() {
        for expression in ["", "OR", "MIT OR", "MIT Zlib", "(MIT", "MIT)", "MIT AND", "MIT OR MIT WITH"] {
            assert!(!met(expression), "{expression}");
        }
    }
}
