//! For each rule: a text that breaks it, and the stream error that answers.
#![allow(clippy::unwrap_used, reason = "what must be accepted is unwrapped")]

use epode_xml::Violation::{self, *};
use epode_xml::{Element, Head, Limits};

const REFUSALS: &[(&str, Violation)] = &[
    // RFC 6120 §11.1
    ("<!-- --><a/>", Comment { at: 0 }),
    ("<a><!-- --></a>", Comment { at: 3 }),
    ("<a/><!---->", Comment { at: 4 }),
    ("<a><!-- -- --></a>", Comment { at: 3 }),
    ("<?php ?><a/>", ProcessingInstruction { at: 0 }),
    ("<a><?xml-stylesheet href='a'?></a>", ProcessingInstruction { at: 3 }),
    ("<a/><?b?>", ProcessingInstruction { at: 4 }),
    ("<!DOCTYPE a><a/>", DocumentType { at: 0 }),
    ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", DocumentType { at: 0 }),
    ("<!DOCTYPE ><a/>", DocumentType { at: 0 }),
    ("<a>&nbsp;</a>", Entity { at: 3 }),
    ("<a b='1&nbsp;'/>", Entity { at: 7 }),
    // RFC 6120 §11.6 and XML 1.0 §2.8
    ("\u{FEFF}<a/>", ByteOrderMark),
    ("<?xml version='1.1'?><a/>", Declaration { at: 0 }),
    ("<?xml version='1.00'?><a/>", Declaration { at: 0 }),
    ("<?xml?><a/>", Declaration { at: 0 }),
    ("<?xml encoding='UTF-8'?><a/>", Declaration { at: 0 }),
    ("<?xml version='1.0'encoding='UTF-8'?><a/>", Declaration { at: 0 }),
    ("<?xml version='1.0' standalone='maybe'?><a/>", Declaration { at: 0 }),
    ("<?xml version='1.0' b='c'?><a/>", Declaration { at: 0 }),
    ("<?xml version='1.0\"?><a/>", Declaration { at: 0 }),
    (" <?xml version='1.0'?><a/>", Declaration { at: 1 }),
    ("<?xml version='1.0'?><?xml version='1.0'?><a/>", Declaration { at: 21 }),
    ("<a><?xml version='1.0'?></a>", Declaration { at: 3 }),
    ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", Encoding),
    // XML 1.0 §2.2 and §4.1
    ("<a>\u{0}</a>", Character { at: 3 }),
    ("<a>123456789\u{B}</a>", Character { at: 12 }),
    ("<a b='\u{1F}'/>", Character { at: 6 }),
    ("<a>12\u{FFFE}</a>", Character { at: 5 }),
    ("<a><![CDATA[\u{FFFF}]]></a>", Character { at: 12 }),
    ("<a>&#0;</a>", Reference { at: 3 }),
    ("<a>&#1;</a>", Reference { at: 3 }),
    ("<a b='&#x1F;'/>", Reference { at: 6 }),
    ("<a>&#xD800;</a>", Reference { at: 3 }),
    ("<a>&#xFFFE;</a>", Reference { at: 3 }),
    ("<a>&#x110000;</a>", Reference { at: 3 }),
    ("<a>&#4294967361;</a>", Reference { at: 3 }),
    ("<a>&#X41;</a>", Reference { at: 3 }),
    ("<a>&#+65;</a>", Reference { at: 3 }),
    ("<a>&#;</a>", Reference { at: 3 }),
    ("<a>&#x;</a>", Reference { at: 3 }),
    ("<a>&;</a>", Reference { at: 3 }),
    ("<a>& b</a>", Reference { at: 3 }),
    ("<a>b & c;</a>", Reference { at: 5 }),
    ("<a b='&'/>", Reference { at: 6 }),
    ("<a b='&amp' c=';'/>", Reference { at: 6 }),
    // XML 1.0 §2.1, §2.4, §2.5, §3
    ("", NoRoot),
    (" \n", NoRoot),
    ("<?xml version='1.0'?>", NoRoot),
    ("a<a/>", TextOutsideRoot { at: 0 }),
    ("<a/>\n b", TextOutsideRoot { at: 6 }),
    ("<a/>\u{A0}", TextOutsideRoot { at: 4 }),
    ("<a/>&#32;", TextOutsideRoot { at: 4 }),
    ("<![CDATA[ ]]><a/>", TextOutsideRoot { at: 0 }),
    ("<a/><b/>", SecondRoot { at: 4 }),
    ("<a></a><a></a>", SecondRoot { at: 7 }),
    ("<a>]]></a>", CDataEnd { at: 3 }),
    ("<a><![CDATA[]]>b]]></a>", CDataEnd { at: 16 }),
    ("<a", Markup { at: 0 }),
    ("<a b='", Markup { at: 0 }),
    ("<a b='/>", Markup { at: 0 }),
    ("<a><![CDATA[</a>", Markup { at: 3 }),
    ("<a><![cdata[]]></a>", Markup { at: 3 }),
    ("<a><!b></a>", Markup { at: 3 }),
    ("<a>", Unclosed),
    ("<a><b></b>", Unclosed),
    ("<a/><", Markup { at: 4 }),
    ("<a></b>", EndTag { at: 3 }),
    ("<a><b></a></b>", EndTag { at: 6 }),
    ("<a></a></a>", EndTag { at: 7 }),
    ("</a>", EndTag { at: 0 }),
    ("<a></ a>", EndTag { at: 3 }),
    ("<a></a b='c'>", EndTag { at: 3 }),
    // Names: XML 1.0 §2.3, Namespaces in XML §4
    ("<1m/>", Name { at: 1 }),
    ("<-m/>", Name { at: 1 }),
    ("<a:b:c/>", Name { at: 4 }),
    ("<:a/>", Name { at: 1 }),
    ("<a:/>", Name { at: 3 }),
    ("<a:1/>", Name { at: 3 }),
    ("< a/>", Name { at: 1 }),
    ("<>", Name { at: 1 }),
    ("<a/ >", Name { at: 2 }),
    ("<\u{D7}/>", Name { at: 1 }),
    ("<\u{B7}/>", Name { at: 1 }),
    ("<p:\u{300}/>", Name { at: 3 }),
    ("<a\u{37E}/>", Name { at: 2 }),
    ("<a\u{F0000}/>", Name { at: 2 }),
    ("<a 1='2'/>", Name { at: 3 }),
    ("<a b:='2'/>", Name { at: 5 }),
    ("<a b:c:d='2'/>", Attribute { at: 6 }),
    // Attributes: XML 1.0 §3.1
    ("<a b/>", Attribute { at: 4 }),
    ("<a b=/>", Attribute { at: 5 }),
    ("<a b=c/>", Attribute { at: 5 }),
    ("<a b c='d'/>", Attribute { at: 5 }),
    ("<a ='b'/>", Name { at: 3 }),
    ("<a'b'/>", Name { at: 2 }),
    ("<a b='1'c='2'/>", MissingSpace { at: 8 }),
    ("<a b='1'/ >", MissingSpace { at: 8 }),
    ("<a b='<'/>", LessThanInValue { at: 6 }),
    ("<a b=\"</a>\"/>", LessThanInValue { at: 6 }),
    ("<a b='1' b='1'/>", RepeatedAttribute { at: 0 }),
    ("<a><b xmlns='1' xmlns='2'/></a>", RepeatedAttribute { at: 3 }),
    ("<a xmlns:p='1' xmlns:p='1'/>", RepeatedAttribute { at: 0 }),
    ("<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", RepeatedAttribute { at: 0 }),
    ("<a xmlns:p='u' xmlns:q='&#117;' p:b='' q:b=''/>", RepeatedAttribute { at: 0 }),
    ("<a b='' c='' d='' e='' f='' g='' h='' i='' j='' b=''/>", RepeatedAttribute { at: 0 }),
    ("<a c='' d='' e='' f='' g='' xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", RepeatedAttribute { at: 0 }),
    // Namespaces in XML §3, §5
    ("<p:a/>", UnboundPrefix { at: 1 }),
    ("<a p:b='c'/>", UnboundPrefix { at: 3 }),
    ("<a><b xmlns:p='u'/><p:c/></a>", UnboundPrefix { at: 20 }),
    ("<a xmlns:p='u'><b q:c=''/></a>", UnboundPrefix { at: 18 }),
    ("<xmlns:a/>", UnboundPrefix { at: 1 }),
    ("<a xmlns:p=''/>", NamespaceDeclaration { at: 12 }),
    ("<a xmlns:xml='u'/>", NamespaceDeclaration { at: 14 }),
    ("<a xmlns:xmlns='u'/>", NamespaceDeclaration { at: 16 }),
    ("<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", NamespaceDeclaration { at: 16 }),
    ("<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", NamespaceDeclaration { at: 12 }),
    ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", NamespaceDeclaration { at: 10 }),
    ("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", NamespaceDeclaration { at: 12 }),
    ("<a xmlns='http://www.w3.org/XML/1998/namespac&#101;'/>", NamespaceDeclaration { at: 10 }),
];

#[test]
fn every_broken_rule_is_named_with_its_place() {
    for (text, violation) in REFUSALS {
        assert_eq!(Head::read(text, &Limits::default()).as_ref().err(), Some(violation), "{text:?}");
        assert_eq!(Element::parse(text, &Limits::default()).as_ref().err(), Some(violation), "{text:?}");
    }
}

#[test]
fn an_illegal_character_is_found_wherever_it_stands_and_whatever_stands_around_it() {
    let legal = |char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{FFFD}');
    let chars = ('\u{0}'..='\u{100}').chain('\u{FF80}'..='\u{FFFF}');
    for (char, filler) in chars.flat_map(|char| ['a', '\n', 'é', '\u{FEFF}'].map(|filler| (char, filler))) {
        for before in 0..9 {
            let filler = filler.to_string();
            let text = format!("<a><![CDATA[{}{char}{}]]></a>", filler.repeat(before), filler.repeat(8));
            let refused = Head::read(&text, &Limits::default()).err();
            let at = 12 + before * filler.len();
            assert_eq!(refused, (!legal(char)).then_some(Character { at }), "{text:?}");
        }
    }
}

#[test]
fn a_stream_error_answers_every_violation() {
    let conditions = [
        ("<a><!----></a>", "restricted-xml"),
        ("<?b?><a/>", "restricted-xml"),
        ("<!DOCTYPE a><a/>", "restricted-xml"),
        ("<a>&b;</a>", "restricted-xml"),
        ("<p:a/>", "bad-namespace-prefix"),
        ("<a p:b=''/>", "bad-namespace-prefix"),
        ("<?xml version='1.0' encoding='latin1'?><a/>", "unsupported-encoding"),
        ("<a>", "not-well-formed"),
        ("<a>\u{1}</a>", "not-well-formed"),
    ];
    for (text, condition) in conditions {
        assert_eq!(Head::read(text, &Limits::default()).unwrap_err().condition(), condition, "{text:?}");
    }
}

#[test]
fn a_text_may_be_as_long_as_the_limit_and_no_longer() {
    let read = |bytes| Head::read("<a>é</a>", &Limits { bytes, ..Limits::default() }).map(drop);
    assert_eq!(read(9), Ok(()));
    assert_eq!(read(8), Err(TooLong { bytes: 9, limit: 8 }));
    assert_eq!(read(8).unwrap_err().condition(), "policy-violation");
}

#[test]
fn elements_may_nest_as_deep_as_the_limit_and_no_deeper() {
    let nested = |depth: usize| "<a>".repeat(depth - 1) + "<a/>" + &"</a>".repeat(depth - 1);
    let read = |text: &str| Head::read(text, &Limits::default()).map(drop);
    assert_eq!(read(&nested(100)), Ok(()));
    assert_eq!(read(&nested(101)), Err(TooDeep { at: 300, limit: 100 }));
    assert_eq!(read(&nested(101)).unwrap_err().condition(), "policy-violation");
    assert_eq!(read(&format!("<a>{}</a>", "<b/>".repeat(1000))), Ok(()));
}

#[test]
fn prefixes_in_scope_are_bounded_and_those_out_of_scope_are_not_counted() {
    let declare = |from, to| (from..to).map(|number| format!(" xmlns:p{number}='u'")).collect::<String>();
    let read = |text: String| Head::read(&text, &Limits::default()).map(drop);
    assert_eq!(read(format!("<a>{}</a>", format!("<b{}/>", declare(0, 60)).repeat(3))), Ok(()));
    assert_eq!(read(format!("<a{}><b{}/></a>", declare(0, 60), declare(60, 100))), Ok(()));
    let refused = read(format!("<a{}><b{}/></a>", declare(0, 60), declare(60, 101))).unwrap_err();
    assert!(matches!(refused, TooManyPrefixes { limit: 100, .. }), "{refused:?}");
    assert_eq!(refused.condition(), "policy-violation");
}
