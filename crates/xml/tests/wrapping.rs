//! Documents that carry others, cut apart.
#![allow(clippy::unwrap_used, reason = "what must be accepted is unwrapped")]

use epode_xml::{Head, Limits, Violation, Wrapper};

const HTTPBIND: &str = "http://jabber.org/protocol/httpbind";

fn cut(text: &str) -> Wrapper<'_> {
    Wrapper::cut(text, &Limits::default()).unwrap_or_else(|violation| panic!("{text:?}: {violation}"))
}

fn documents(text: &str, default: &str) -> Vec<String> {
    let wrapper = cut(text);
    wrapper.children.iter().map(|child| wrapper.document(child, default)).collect()
}

fn refusal(text: &str) -> Option<Violation> {
    Wrapper::cut(text, &Limits::default()).err()
}

#[test]
fn a_wrapper_knows_its_name_and_its_attributes_by_their_namespaces() {
    let body = cut(
        "<?xml version='1.0'?>\n<body xmlns='http://jabber.org/protocol/httpbind' xmlns:x='urn:xmpp:xbosh'
            sid='a&amp;b' x:version='1.0' version='2'/> ",
    );
    assert!(body.is("body", HTTPBIND) && !body.is("body", "") && !body.is("html", HTTPBIND));
    assert_eq!((body.name(), body.default_namespace().as_ref()), ("body", HTTPBIND));
    assert_eq!(body.attr("sid", "").as_deref(), Some("a&b"));
    assert_eq!(body.attr("version", "urn:xmpp:xbosh").as_deref(), Some("1.0"));
    assert_eq!(body.attr("version", "").as_deref(), Some("2"));
    assert_eq!(body.attr("rid", ""), None);
    assert!(cut("<b:body xmlns:b='http://jabber.org/protocol/httpbind'/>").is("body", HTTPBIND));
}

#[test]
fn the_children_are_cut_out_with_what_is_in_them_and_nothing_from_between() {
    let text = "<b> <message><body>Hi</body></message>\n<!-- so --><?so?>so &amp; so<iq a='>'/><b></b ></b>";
    assert_eq!(documents(text, ""), ["<message><body>Hi</body></message>", "<iq a='>'/>", "<b></b >"]);
    let body = cut(text);
    assert_eq!(body.children.iter().map(|child| child.name()).collect::<Vec<_>>(), ["message", "iq", "b"]);
    assert_eq!(&text[body.children[1].span.clone()], "<iq a='>'/>");
    assert_eq!((body.children[1].attr("a").as_deref(), body.children[1].attr("b")), (Some(">"), None));
}

#[test]
fn a_child_is_in_the_namespace_that_its_prefix_or_the_default_says() {
    let body = cut("<b xmlns='u' xmlns:p='v'><a/><a xmlns='w'/><p:a/><q:a xmlns:q='x'/><r:a/></b>");
    let namespaces: Vec<_> = body.children.iter().map(|child| &*child.namespace).collect();
    assert_eq!(namespaces, ["u", "w", "v", "x", ""]);
}

#[test]
fn a_child_gets_the_default_namespace_only_where_it_declares_none() {
    assert_eq!(
        documents("<b xmlns='u'><a/><a xmlns='w'/><a xmlns=''/><a ><a xmlns='w'/></a></b>", "v&'"),
        [
            "<a xmlns='v&amp;&apos;'/>",
            "<a xmlns='w'/>",
            "<a xmlns=''/>",
            "<a xmlns='v&amp;&apos;' ><a xmlns='w'/></a>"
        ]
    );
}

#[test]
fn a_child_gets_the_prefixes_that_it_uses_and_does_not_declare() {
    let declared = "xmlns:p=\"'u'\" xmlns:q='v'";
    let text = format!("<b {declared}><a/><p:a/><a p:c=''/><a><q:c/></a><p:a xmlns:p='w' q:c=''/></b>");
    assert_eq!(
        documents(&text, ""),
        [
            "<a/>",
            "<p:a xmlns:p='&apos;u&apos;'/>",
            "<a xmlns:p='&apos;u&apos;' p:c=''/>",
            "<a xmlns:q='v'><q:c/></a>",
            "<p:a xmlns:q='v' xmlns:p='w' q:c=''/>"
        ]
    );
}

#[test]
fn a_child_that_breaks_a_rule_costs_no_other_child() {
    for broken in [
        "<a><!-- --></a>",
        "<a>\u{1}</a>",
        "<a>&nbsp;</a>",
        "<a>R&D</a>",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<q:a/>",
        "<1/>",
        "<a xmlns:xmlns='u'/>",
        "<a>]]></a>",
        "<a><?b?></a>",
    ] {
        let text = format!("<b><message/>{broken}<iq/></b>");
        let documents = documents(&text, "");
        assert_eq!(documents, ["<message/>", broken, "<iq/>"]);
        assert!(Head::read(&documents[1], &Limits::default()).is_err(), "{broken}");
    }
}

#[test]
fn a_document_that_cannot_be_cut_apart_is_refused() {
    let limits = Limits { bytes: 20, ..Limits::default() };
    let long = Wrapper::cut("<b>123456789012345678</b>", &limits).err();
    assert_eq!(long, Some(Violation::TooLong { bytes: 25, limit: 20 }));
    for (text, violation) in [
        ("", Violation::NoRoot),
        ("\u{FEFF}<b/>", Violation::ByteOrderMark),
        ("R&D", Violation::TextOutsideRoot { at: 0 }),
        ("{\"a\": 1}", Violation::TextOutsideRoot { at: 0 }),
        ("<b/>x", Violation::TextOutsideRoot { at: 4 }),
        ("<b/><b/>", Violation::SecondRoot { at: 4 }),
        ("<b><a>", Violation::Unclosed),
        ("<b><a></b></a>", Violation::EndTag { at: 6 }),
        ("</b>", Violation::EndTag { at: 0 }),
        ("<b><a", Violation::Markup { at: 3 }),
        ("<!DOCTYPE html><html/>", Violation::DocumentType { at: 0 }),
        ("<b><!DOCTYPE html></b>", Violation::DocumentType { at: 3 }),
        ("<p:b/>", Violation::UnboundPrefix { at: 1 }),
        ("<b a=1/>", Violation::Attribute { at: 5 }),
    ] {
        assert_eq!(refusal(text), Some(violation), "{text}");
    }
    let many = format!("<b>{}</b>", "<a/>".repeat(1 << 16));
    assert_eq!(cut(&many).children.len(), 1 << 16);
    let more = format!("<b>{}</b>", "<a/>".repeat((1 << 16) + 1));
    let violation = Violation::TooManyChildren { at: 3 + (4 << 16), limit: 1 << 16 };
    assert_eq!((violation.condition(), refusal(&more)), ("policy-violation", Some(violation.clone())));
}
