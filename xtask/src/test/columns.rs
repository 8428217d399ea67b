//! No line is wider than 110 columns, also where rustfmt and biome leave a comment or a literal as it is.

use anyhow::{Result, ensure};

use crate::workspace;

const WIDTH: usize = 110;
const EXTENSIONS: [&str; 8] = [".rs", ".ts", ".mjs", ".js", ".css", ".md", ".toml", ".html"];
/// Written by the tests of `epode-protocol`.
const GENERATED: &str = "port/ts/protocol/";

/// Names the lines that are too wide.
pub fn check() -> Result<()> {
    let mut wide = Vec::new();
    for (path, text) in workspace::texts(&EXTENSIONS)? {
        if !path.starts_with(GENERATED) {
            wide.extend(wide_lines(&path, &text));
        }
    }
    ensure!(wide.is_empty(), "{}", wide.join("\n"));
    Ok(())
}

fn wide_lines(path: &str, text: &str) -> Vec<String> {
    let mut wide = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let width = line.chars().count();
        if width > WIDTH && !is_excused(path, line) {
            wide.push(format!("{path}:{number}: {width} columns"));
        }
    }
    wide
}

/// Whether a line cannot be broken: one word (an address, say), a row of a table, or a line of a script that
/// only one literal makes too wide. In Rust, but not in a script, `\` continues a literal in the next line.
fn is_excused(path: &str, line: &str) -> bool {
    let is_word = !line.trim_start_matches([' ', '/', '*', '#', '!', '-']).trim_end().contains(' ');
    let is_row = path.ends_with(".md") && line.trim_start().starts_with('|');
    let is_script = [".ts", ".mjs", ".js"].iter().any(|extension| path.ends_with(extension));
    is_word || is_row || is_script && fits_without_a_literal(line)
}

/// Whether the line is narrow enough without its longest literal. A comment has no literals.
fn fits_without_a_literal(line: &str) -> bool {
    let characters: Vec<char> = line.chars().collect();
    let mut rest = if line.trim_start().starts_with("* ") { &[] } else { &characters[..] };
    let mut longest = 0;
    while !matches!(rest, [] | ['/', '/' | '*', ..]) {
        let length = literal(rest);
        longest = longest.max(length.unwrap_or(0));
        rest = &rest[length.unwrap_or(1)..];
    }
    characters.len() - longest <= WIDTH
}

/// How long the literal is with which these characters begin, if that ends among them.
fn literal(characters: &[char]) -> Option<usize> {
    let (quote @ ('\'' | '"' | '`'), inside) = characters.split_first()? else { return None };
    let mut is_escaped = false;
    let end = inside.iter().position(|character| {
        let ends = character == quote && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        ends
    });
    Some(end? + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many signs, without a space.
    fn word(length: usize) -> String {
        "x".repeat(length)
    }

    #[test]
    fn a_word_that_no_space_divides_is_excused_also_in_a_comment() {
        let address = word(120);
        for path in ["a.rs", "a.ts", "a.md", "a.toml", "a.html", "a.css"] {
            for start in ["", "    ", "//! ", "    /// ", " * ", "# ", "- "] {
                assert!(is_excused(path, &format!("{start}{address}")), "{path} {start}");
                assert!(!is_excused(path, &format!("{start}see {address}")), "{path} {start}");
            }
        }
    }

    #[test]
    fn a_row_of_a_table_is_excused_in_markdown_alone() {
        let row = format!("| a | {} |", word(110));
        assert!(is_excused("a.md", &row) && !is_excused("a.rs", &row) && !is_excused("a.mjs", &row));
    }

    #[test]
    fn a_line_that_one_literal_makes_too_wide_is_excused_in_scripts_alone() {
        for quote in ["'", "\"", "`"] {
            let title = format!("  test({quote}a b \\{quote}{}{quote}, async (t) => {{", word(100));
            for path in ["a.ts", "a.mjs", "a.js"] {
                assert!(is_excused(path, &title), "{path} {title}");
            }
            assert!(!is_excused("a.rs", &title) && !is_excused("a.html", &title));
        }
    }

    #[test]
    fn a_line_that_is_too_wide_without_its_longest_literal_is_not_excused() {
        for line in [
            format!("call('a', {}, b)", word(110)),
            format!("call('a {}', 'a {}', {})", word(10), word(20), word(111)),
            format!("call('a {}', 'b {}')", word(110), word(120)),
            format!("call('a {}", word(110)),
        ] {
            assert!(line.chars().count() > WIDTH && !is_excused("a.ts", &line), "{line}");
        }
    }

    #[test]
    fn no_comment_is_excused_for_what_it_quotes() {
        for start in ["// ", "  // a ", "/* ", "/** ", " * ", "call(a); // ", "call('//'); /* "] {
            let line = format!("{start}it says 'b {}'", word(110));
            assert!(!is_excused("a.ts", &line), "{line}");
        }
    }

    #[test]
    fn columns_are_characters_and_lines_are_named() {
        let text = format!("{0}\n{0}ü\n\na b\n", "ü ".repeat(WIDTH / 2));
        assert_eq!(wide_lines("a.rs", &text), ["a.rs:2: 111 columns"]);
    }
}
