//! SASLprep: the examples of RFC 4013, prohibited text, and agreement with an independent
//! implementation.

use epode_sasl::{Error, MechanismName, prepare};
use proptest::prelude::*;
use stringprep::tables;

use crate::{credentials, keys, mechanism, nfkc, response, started};

fn prepared(text: &str) -> Result<String, Error> {
    prepare(text, "password", nfkc).map(|secret| secret.expose().to_owned())
}

const PROHIBITED: Result<String, Error> = Err(Error::Prohibited { field: "password" });
const BIDIRECTIONAL: Result<String, Error> = Err(Error::Bidirectional { field: "password" });

#[test]
fn the_examples_of_rfc_4013_section_3() {
    let examples = [
        ("I\u{AD}X", Ok("IX".to_owned())),
        ("user", Ok("user".to_owned())),
        ("USER", Ok("USER".to_owned())),
        ("\u{AA}", Ok("a".to_owned())),
        ("\u{2168}", Ok("IX".to_owned())),
        ("\u{7}", PROHIBITED),
        ("\u{627}\u{31}", BIDIRECTIONAL),
    ];
    for (text, expected) in examples {
        assert_eq!(prepared(text), expected, "{text:?}");
    }
}

#[test]
fn spaces_become_one_kind_and_what_nobody_sees_goes() {
    assert_eq!(prepared("a\u{A0}b\u{1680}c\u{2003}d\u{200B}e\u{3000}f"), Ok("a b c d e f".to_owned()));
    assert_eq!(prepared("e\u{AD}\u{301}"), Ok("é".to_owned()), "what goes does not come between");
    assert_eq!(prepared("a\u{200D}\u{FE0F}\u{FEFF}\u{2060}b"), Ok("ab".to_owned()));
    assert_eq!(prepared("ﬁ Å ½"), Ok("fi Å 1⁄2".to_owned()));
    assert_eq!(prepared("  a  "), Ok("  a  ".to_owned()));
    assert_eq!(prepared(""), Ok(String::new()));
}

#[test]
fn right_to_left_text_begins_and_ends_so_and_has_nothing_else_in_it() {
    for good in ["שלום", "شَلام", "א1ב", "א-😀ב", "א"] {
        assert!(prepared(good).is_ok(), "{good}");
    }
    for bad in ["אa", "aא", "אaב", "1א", "א!", "אяב", "א中ב", "א\u{20000}ב"] {
        assert_eq!(prepared(bad), BIDIRECTIONAL, "{bad}");
    }
}

#[test]
fn ascii_needs_no_normalisation() {
    let never = |_: &str| -> String { panic!("normalised") };
    assert!(prepare("correct horse", "password", never).is_ok());
    assert!(matches!(prepare("tab\t", "user name", never), Err(Error::Prohibited { field: "user name" })));
}

#[test]
fn scram_prepares_what_was_typed_and_the_same_name_and_password_give_the_same_message() {
    let said = |name: &str, password: &str| {
        let mut scram = started(MechanismName::ScramSha256, &credentials(name, password), "n");
        let keys = keys(scram.challenge(b"r=n2,s=c2FsdA==,i=4096").unwrap());
        response(scram.derived(keys).unwrap())
    };
    let first =
        |name: &str| mechanism(MechanismName::ScramSha256, &credentials(name, "p"), "n").unwrap().start();
    assert_eq!(first("ju\u{308}rgen").unwrap(), "n,,n=jürgen,r=n".as_bytes());
    assert_eq!(said("ju\u{308}rgen", "gru\u{308}ß\u{AD}"), said("jürgen", "grüß"));
    assert_ne!(said("jürgen", "grüß"), said("jürgen", "gruß"));
}

#[test]
fn what_scram_cannot_prepare_is_refused_there_and_nowhere_else() {
    let prohibited = |field| Error::Prohibited { field };
    for (name, password, error) in [
        ("a\u{E000}", "p", prohibited("user name")),
        ("a", "p\u{7}", prohibited("password")),
        ("a", "אp", Error::Bidirectional { field: "password" }),
        ("\u{AD}", "p", Error::AuthcidMissing),
    ] {
        let typed = credentials(name, password);
        assert_eq!(
            mechanism(MechanismName::ScramSha1, &typed, "n").err(),
            Some(error),
            "{name:?} {password:?}"
        );
        let mut plain = mechanism(MechanismName::Plain, &typed, "n").unwrap();
        assert_eq!(plain.start().unwrap(), format!("\0{name}\0{password}").into_bytes());
    }
}

#[test]
fn every_character_alone_fares_as_in_an_independent_implementation() {
    for character in (0..=0x10_ffff).filter_map(char::from_u32) {
        if !tables::unassigned_code_point(character) {
            agree(&character.to_string());
            // Between right-to-left letters, a character of table D.2 is refused.
            agree(&format!("א{character}א"));
        }
    }
}

proptest! {
    #[test]
    fn any_text_fares_as_in_an_independent_implementation(
        text in prop_oneof![
            "[ -~\u{A0}-\u{17F}\u{300}-\u{345}\u{5BE}-\u{6FF}\u{AD}\u{200B}-\u{2063}\u{FB1D}-\u{FEFF}]{0,6}",
            "\\PC{0,6}",
        ],
    ) {
        agree(&text);
    }
}

/// The other implementation prepares stored strings, which must not hold code points unassigned in
/// Unicode 3.2, and takes directions of writing from today's Unicode.
fn agree(text: &str) {
    let changed = |character| {
        matches!(character, '\u{CBF}' | '\u{CC6}' | '\u{1734}' | '\u{17B4}'..='\u{17B5}')
            || matches!(character, '\u{1885}'..='\u{1886}' | '\u{2132}' | '\u{302E}'..='\u{302F}')
            || matches!(character, '\u{2800}'..='\u{28FF}')
    };
    let differs = |character| tables::unassigned_code_point(character) || changed(character);
    if !nfkc(text).chars().chain(text.chars()).any(differs) {
        assert_eq!(
            prepared(text).ok(),
            stringprep::saslprep(text).ok().map(|text| text.into_owned()),
            "{text:?}"
        );
    }
}
