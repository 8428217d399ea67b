//! Equality of JIDs by RFC 7622, and for answers by RFC 3920 too.

use epode_stream::jid::{answers, bare, domain, prepared, same, same_bare, split};
use epode_testkit::unicode::host;

use super::unicode;

/// Equal in every comparison.
fn one(a: &str, b: &str) {
    assert!(same(a, b, &unicode()), "{a} {b} {} {}", prepared(a, &unicode()), prepared(b, &unicode()));
    assert!(answers(a, b, &unicode()) && same_bare(a, b, &unicode()), "{a} {b}");
}

fn two(a: &str, b: &str) {
    assert!(!same(a, b, &unicode()), "{a} {b}");
    assert!(same(a, a, &unicode()) && answers(b, b, &unicode()), "{a} {b}");
}

/// Different in every comparison, that of answers included.
fn strangers(a: &str, b: &str) {
    two(a, b);
    assert!(!answers(a, b, &unicode()) && !answers(b, a, &unicode()), "{a} {b}");
}

#[test]
fn a_jid_splits_at_its_first_slash_and_the_at_sign_before_it() {
    assert_eq!(split("a@b/c@d/e"), (Some("a"), "b", Some("c@d/e")));
    assert_eq!(split("b/c@d"), (None, "b", Some("c@d")));
    assert_eq!(split("b"), (None, "b", None));
    assert_eq!(bare("a@b/c"), "a@b");
    assert_eq!(domain("a@b/c"), "b");
}

#[test]
fn the_tests_know_as_much_of_idns_as_browsers() {
    for (domain, ascii) in [
        ("bücher.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
        ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
    ] {
        assert_eq!(host(domain).as_deref(), Some(ascii));
    }
}

#[test]
fn case_counts_only_in_the_resource() {
    one("A@B/c", "a@b/c");
    strangers("a@b/C", "a@b/c");
    strangers("a@b", "a@b/c");
    assert!(same_bare("A@B/x", "a@b/y", &unicode()));
    one("МАША@пример.example", "маша@ПРИМЕР.example");
    one("𐐀@b", "𐐨@b");
}

#[test]
fn composition_and_width_count_in_no_local_part() {
    one("müller@b", "MÜLLER@b");
    one("müller@b", "mu\u{308}ller@b");
    one("müller@b/x", "MU\u{308}LLER@B/x");
    one("ｊｕｌｉｅｔ@b", "Juliet@b");
    one("ガ@b", "ｶﾞ@b");
    // Both marks of one letter, in either order.
    one("a\u{323}\u{307}@b", "a\u{307}\u{323}@b");
    one("Å@b", "\u{212b}@b");
}

// RFC 7622 §3.5 names these pairs.
#[test]
fn case_is_that_of_no_language_in_particular_and_no_letter_becomes_another() {
    one("Σ@b", "σ@b");
    strangers("ς@b", "σ@b");
    one("ΣΊΣΥΦΟΣ@b", "σίσυφος@b");
    strangers("fußball@b", "fussball@b");
    one("FUẞBALL@b", "fußball@b");
    one("I@b", "i@b");
    strangers("ı@b", "i@b");
    strangers("İ@b", "i@b");
    one("İ@b", "i\u{307}@b");
}

#[test]
fn a_domain_is_the_same_in_either_spelling_and_with_the_dot_of_the_root() {
    one("a@bücher.example", "a@xn--bcher-kva.example");
    one("a@BÜCHER.example/r", "a@XN--BCHER-KVA.Example/r");
    one("a@bu\u{308}cher.example", "a@bücher.example");
    one("bücher.example", "bücher。example");
    one("a@chat.example.", "a@chat.example");
    one("a@bücher.example.", "a@xn--bcher-kva.example");
    one("chat.example./x", "CHAT.example/x");
    one("a@ｃhat.example", "a@chat.example");
    strangers("a@faß.de", "a@fass.de");
    one("a@[2001:DB8::1]", "a@[2001:db8::1]");
}

#[test]
fn resources_are_compared_as_they_are_but_for_composition_and_folded_for_answers() {
    one("a@b/mu\u{308}ller", "a@b/müller");
    for (a, b) in [
        ("ﬁ", "fi"),
        ("Ⅸ", "IX"),
        ("ｎick", "nick"),
        ("soft\u{ad}ly", "softly"),
        ("x\u{200b}", "x"),
        ("²", "2"),
        ("x\u{a0}y", "x y"),
    ] {
        let (a, b) = (format!("room@Muc.b/{a}"), format!("room@muc.b/{b}"));
        two(&a, &b);
        assert!(answers(&a, &b, &unicode()) && answers(&b, &a, &unicode()), "{a} {b}");
    }
    strangers("a@b/Straße", "a@b/straße");
    strangers("a@b/ß", "a@b/ss");
    strangers("a@b/ﬁ", "c@b/fi");
    // Both fold to nothing.
    strangers("a@b/\u{ad}", "a@b/\u{200b}");
    strangers("a@b/\u{ad}", "a@b/");
    strangers("a@b/\u{ad}", "a@b");
}

#[test]
fn what_cannot_be_prepared_is_only_what_it_is_itself() {
    let long = "x".repeat(1024);
    let wide = "Ü".repeat(600);
    for (a, b) in [
        ("a b@C", "a b@c"),
        ("A:b@c", "a:b@c"),
        ("A@b/", "a@b"),
        ("@B", "b"),
        ("@B", "@b"),
        ("A@", "a@"),
        ("A@.", "a@"),
        ("a@b..", "a@b."),
        ("a@B..c", "a@b..c"),
        ("ﬁ@b", "fi@b"),
        ("Ⅸ@b", "ix@b"),
        ("a＠b", "a@b"),
        ("a＠b@c", "a@b@c"),
        ("ü@a＠b", "ü@a@b"),
        ("ü／@b", "ü/@b"),
        ("a@ü%41.example", "a@üa.example"),
        ("a@exa\u{ad}mple.com", "a@example.com"),
        ("a@1２7.1", "a@127.0.0.1"),
        ("a@ü:80", "a@ü"),
        ("a@ü?x", "a@ü"),
        ("a@ü\\x", "a@ü"),
        (&format!("{long}@B"), &format!("{long}@b")),
        (&format!("{wide}@b"), &format!("{}@b", wide.to_lowercase())),
    ] {
        strangers(a, b);
    }
    // A JID with an invalid resource is still recognised by the rest.
    for resource in ["", &long] {
        one(&format!("Ü@B./{resource}"), &format!("u\u{308}@b/{resource}"));
        strangers(&format!("a@b/{resource}"), "a@b");
        strangers(&format!("a@b/{resource}"), "a@b/x");
    }
    for odd in [
        "",
        "@",
        "/",
        "@/",
        "//",
        "a@b@c/d",
        ".",
        "ü@.",
        "\u{0}@\u{0}/\u{0}",
        "ü@ü@ü",
        "\u{ad}@\u{ad}/\u{ad}",
    ] {
        one(odd, odd);
    }
}

#[test]
fn preparing_twice_is_preparing_once() {
    for jid in
        ["MU\u{308}LLER@BÜCHER.example./Ａ\u{a0}", "ΣΊΣΥΦΟΣ@b", "İ@b", "ﬁ@B", "a b@C", "Å@Å.b", "ｶﾞ@x。b"]
    {
        let once = prepared(jid, &unicode());
        assert_eq!(prepared(&once, &unicode()), once);
        let bared = prepared(bare(jid), &unicode());
        assert_eq!(bare(&once), bared);
    }
}
