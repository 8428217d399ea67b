//! Checks whether a text is JSON (RFC 8259). The app parses the content itself: a parser here would
//! be larger than all mechanisms together.

/// The deepest nesting accepted; no honest reason comes close.
const DEPTH: u32 = 16;

/// Whether the text is an object with a string under `name`.
pub(crate) fn is_object_with(text: &str, name: &str) -> bool {
    let mut json = Json { rest: text.as_bytes(), name: name.as_bytes(), found: false };
    json.space();
    json.rest.first() == Some(&b'{') && json.value(0).is_some() && json.rest.is_empty() && json.found
}

/// A reader; each step answers `None` where the text is not JSON.
struct Json<'a> {
    rest: &'a [u8],
    name: &'a [u8],
    found: bool,
}

impl<'a> Json<'a> {
    /// Reads a value and the space after it.
    fn value(&mut self, depth: u32) -> Option<()> {
        match *self.rest.first()? {
            _ if depth > DEPTH => return None,
            b'"' => drop(self.string()?),
            b'{' => self.list(b'}', |json| {
                let name = json.string()?;
                json.space();
                json.take(b':')?;
                json.found |= depth == 0 && name == json.name && json.rest.first() == Some(&b'"');
                json.value(depth + 1)
            })?,
            b'[' => self.list(b']', |json| json.value(depth + 1))?,
            _ => {
                let end = self.rest.iter().position(|byte| b",]} \t\r\n".contains(byte));
                let word = self.advance(end.unwrap_or(self.rest.len()));
                if !matches!(word, b"true" | b"false" | b"null") && !is_number(word) {
                    return None;
                }
            }
        }
        self.space();
        Some(())
    }

    /// Reads from the opening bracket at hand to `end`, with commas between the items.
    fn list(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.advance(1);
        self.space();
        if self.take(end).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.take(end).is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    /// Reads a string; returns the raw text between its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let mut at = 0;
        loop {
            match *self.rest.get(at)? {
                b'"' => break,
                b'\\' => match *self.rest.get(at + 1)? {
                    b'u' if self.rest.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => at += 6,
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                    _ => return None,
                },
                0..0x20 => return None,
                _ => at += 1,
            }
        }
        let string = self.advance(at);
        self.advance(1);
        Some(string)
    }

    /// Reads this byte and the space after it.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.rest.first() == Some(&byte)).then(|| {
            self.advance(1);
            // Space after a quote belongs to the string.
            if byte != b'"' {
                self.space();
            }
        })
    }

    fn space(&mut self) {
        let end = self.rest.iter().position(|byte| !b" \t\r\n".contains(byte));
        self.advance(end.unwrap_or(self.rest.len()));
    }

    fn advance(&mut self, by: usize) -> &'a [u8] {
        let (passed, rest) = self.rest.split_at(by);
        self.rest = rest;
        passed
    }
}

/// Whether a word is a number (RFC 8259 §6).
fn is_number(word: &[u8]) -> bool {
    let digits = |word: &mut &[u8]| {
        let end = word.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
        let (digits, rest) = word.split_at(end);
        *word = rest;
        digits.len()
    };
    let mut rest = word.strip_prefix(b"-").unwrap_or(word);
    let zero = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || (zero && whole > 1) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction;
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_object_with;

    #[test]
    fn an_object_is_told_from_what_is_none() {
        for good in [
            r#"{"status":"invalid_token"}"#,
            " {\t\"scope\" : \"a b\" ,\r\n\"status\" : \"\\u00e9\\\"\" } ",
            r#"{"a":[],"b":{},"c":[1,-0.5e+3,0,true,null,"x",{"status":1}],"status":""}"#,
        ] {
            assert!(is_object_with(good, "status"), "{good}");
        }
        for bad in [
            "",
            "{",
            "{}",
            "null",
            "[]",
            r#""status""#,
            "not json",
            r#"{"status":1}"#,
            r#"{"a":{"status":"x"}}"#,
            r#"{"status":"x"}x"#,
            r#"{"status":"x",}"#,
            r#"{"status":"x""#,
            r#"{"status" "x"}"#,
            r#"{status:"x"}"#,
            r#"{"status":"x","a":01}"#,
            r#"{"status":"x","a":1.}"#,
            r#"{"status":"x","a":1e}"#,
            r#"{"status":"x","a":-}"#,
            r#"{"status":"x","a":}"#,
            r#"{"status":"x","a":nul}"#,
            r#"{"status":"\x"}"#,
            r#"{"status":"\u12g4"}"#,
            r#"{"status":"\u12"}"#,
            "{\"status\":\"\n\"}",
            r#"{"status":"x","a":[1 2]}"#,
            r#"{"status":"x","a":[1,]}"#,
        ] {
            assert!(!is_object_with(bad, "status"), "{bad}");
        }
        let deep = format!(r#"{{"status":"x","a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(!is_object_with(&deep, "status"));
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_a_parser(text in r#"[ {}\[\]:,"a0-9.eE+\\ntrufls-]{0,12}"#) {
            // A number too large for the parser is still good grammar.
            let exponent = |tail: &str| {
                tail.trim_start_matches(['+', '-']).bytes().take_while(u8::is_ascii_digit).count()
            };
            proptest::prop_assume!(text.split(['e', 'E']).skip(1).all(|tail| exponent(tail) < 3));
            let text = format!(r#"{{"status":"x","b":{text}}}"#);
            let parsed = serde_json::from_str::<serde_json::Value>(&text);
            let object = parsed.is_ok_and(|value| value["status"].is_string());
            proptest::prop_assert_eq!(is_object_with(&text, "status"), object, "{}", text);
        }
    }
}
