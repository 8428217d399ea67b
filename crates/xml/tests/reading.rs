//! Texts that are accepted, and the result of reading them.
#![allow(clippy::unwrap_used, reason = "every text here must be accepted")]

use epode_xml::{Element, Head, Limits, Payload, escape};

fn head(text: &str) -> Head {
    Head::read(text, &Limits::default()).unwrap_or_else(|violation| panic!("{text:?}: {violation}"))
}

fn element(text: &str) -> Element {
    Element::parse(text, &Limits::default()).unwrap_or_else(|violation| panic!("{text:?}: {violation}"))
}

fn namespaces(text: &str) -> Vec<String> {
    head(text).namespaces.into_iter().map(String::from).collect()
}

#[test]
fn well_formed_documents_are_accepted() {
    let accepted = [
        "<a/>",
        " \r\n\t<a />\n",
        "<a></a \n>",
        "<?xml version='1.0'?><a/>",
        "<?xml version = \"1.0\"  encoding='utf-8' ?>\n<a/>",
        "<?xml version='1.0' encoding='UTF-8' standalone='yes'?><a/>",
        "<?xml version='1.0' standalone='no'?><a/>",
        "<a><![CDATA[<b>&c;]]]]></a>",
        "<a>]] > ]&gt; ></a>",
        "<a>&amp;&lt;&gt;&apos;&quot;&#9;&#x10FFFF;&#0000000065;</a>",
        "<a b='>' c=\"'\" d = '\"'\te\n=\n''/>",
        "<é.-1\u{B7}\u{300} _='\u{7F}\u{85}\u{FFFD}'/>",
        "<\u{FEFF}\u{EFFFF}/>",
        "<a>\u{FEFF}\u{10FFFF}</a>",
        "<xml:a xml:lang='en' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns=''><b xmlns='u' c='' p:c='' xmlns:p='u'/></a>",
        "<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>",
        "<a xmlnsx='1' xmlfoo='2' XMLNS='3'/>",
    ];
    for text in accepted {
        head(text);
        element(text);
    }
}

#[test]
fn a_head_tells_what_a_stanza_is_and_what_it_is_about() {
    let text = "<iq xmlns='jabber:client' type='set' id='a&amp;b' \
         from=\"o&apos;neill@c.example\" to='d.example/\u{E9}'>\
                <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource/></bind><other/></iq>";
    let read = head(text);
    assert_eq!((&*read.tag, &*read.namespace), ("iq", "jabber:client"));
    assert_eq!(read.id.as_deref(), Some("a&b"));
    assert_eq!(read.kind.as_deref(), Some("set"));
    assert_eq!(read.from.as_deref(), Some("o'neill@c.example"));
    assert_eq!(read.to.as_deref(), Some("d.example/é"));
    let bind = Payload { name: "bind".into(), namespace: "urn:ietf:params:xml:ns:xmpp-bind".into() };
    assert_eq!(read.payload, Some(bind));
    assert_eq!(&text[read.id_span.unwrap()], "a&amp;b");
    assert_eq!(&text[..read.root_end], "<iq");
}

#[test]
fn a_head_without_attributes_or_children_has_none() {
    let read = head("<?xml version='1.0'?> <p:a xmlns:p='u' p:id='1'>text</p:a>");
    assert_eq!((&*read.tag, &*read.namespace, read.root_end), ("p:a", "u", 26));
    assert_eq!((read.id, read.kind, read.from, read.to, read.payload), (None, None, None, None, None));
    assert_eq!(read.id_span, None);
}

#[test]
fn the_payload_is_the_first_child_whatever_text_or_grandchild_comes_before() {
    let read = head("<a>text&amp;<b><c/></b><d/></a>");
    assert_eq!(&*read.payload.unwrap().name, "b");
}

#[test]
fn namespaces_are_listed_once_in_the_order_in_which_they_appear() {
    assert_eq!(namespaces("<a xmlns='1'><b xmlns='2'><c xmlns='1'/></b><d xmlns='3'/></a>"), ["1", "2", "3"]);
    assert_eq!(namespaces("<a><b xmlns='&#49;'/><c xmlns=''/></a>"), ["1"]);
}

#[test]
fn a_prefixed_element_also_lists_the_default_namespace_that_it_declares() {
    assert_eq!(namespaces("<p:a xmlns:p='1' xmlns='2'/>"), ["1", "2"]);
    assert_eq!(namespaces("<a xmlns='1' xmlns:p='unused'><p:b xmlns:p='2'/></a>"), ["1", "2"]);
}

#[test]
fn more_namespaces_than_are_compared_one_by_one_are_still_distinct() {
    let children: String = (0..100).map(|number| format!("<b xmlns='{}'/>", number % 40)).collect();
    assert_eq!(
        namespaces(&format!("<a>{children}</a>")),
        (0..40).map(|number| number.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn an_element_knows_its_names_attributes_children_and_text() {
    let read = element(
        "<p:a xmlns:p='u' xmlns='v' b='1' p:b='2' xml:lang='en'>\
         one<b>two</b>&#x33;<![CDATA[<4>]]><p:b/></p:a>",
    );
    assert!(read.is("a", "u") && !read.is("a", "v") && !read.is("b", "u"));
    assert_eq!((read.attr("b"), read.attr("xml:lang")), (Some("1"), Some("en")));
    assert_eq!((read.attr("p:b"), read.attr("xmlns"), read.attr("lang")), (None, None, None));
    assert_eq!(read.text(), "one3<4>");
    assert_eq!(read.child("b", "v").unwrap().text(), "two");
    assert_eq!(read.child("b", "u").unwrap().text(), "");
    assert_eq!(read.children().map(Element::namespace).collect::<Vec<_>>(), ["v", "u"]);
}

#[test]
fn white_space_is_normalised_where_it_is_written_and_kept_where_it_is_referred_to() {
    let read = element("<a b=' 1\t2\r\n3\r4&#9;&#10;&#13;'>1\r\n2\r3\t&#13;<![CDATA[\r\n]]></a>");
    assert_eq!(read.attr("b"), Some(" 1 2 3 4\t\n\r"));
    assert_eq!(read.text(), "1\n2\n3\t\r\n");
    assert_eq!(element("<a b='\n\n'/>").attr("b"), Some("  "));
}

#[test]
fn a_written_element_declares_a_namespace_only_where_it_changes() {
    let child =
        || Element::new("b", "v").with_child(Element::new("c", "v")).with_child(Element::new("d", ""));
    let written = Element::new("a", "u").with_child(child()).with_child(child()).to_string();
    let child = "<b xmlns='v'><c/><d xmlns=''/></b>";
    assert_eq!(written, format!("<a xmlns='u'>{child}{child}</a>"));
}

#[test]
fn a_written_element_keeps_attributes_in_the_order_given_and_prefixed_ones_bound() {
    let written = Element::new("a", "")
        .with_attr("z", "1")
        .with_attr("xml:lang", "en")
        .with_attr("b", "'\"<&>\n")
        .to_string();
    assert_eq!(written, "<a z='1' xml:lang='en' b='&apos;&quot;&lt;&amp;&gt;&#10;'/>");
    let read = element("<a xmlns:p='u&amp;' p:c='1' p:d='2'><p:b p:e='3'/></a>").to_string();
    assert_eq!(read, "<a xmlns:p='u&amp;' p:c='1' p:d='2'><b xmlns='u&amp;' xmlns:p='u&amp;' p:e='3'/></a>");
}

#[test]
fn an_element_in_the_namespace_of_xml_is_written_with_that_prefix() {
    let written = element("<xml:a xmlns='u'><b/></xml:a>").to_string();
    assert_eq!(written, "<xml:a><b xmlns='u'/></xml:a>");
    assert_eq!(element(&written).to_string(), written);
}

#[test]
fn an_attribute_that_is_set_again_has_the_later_value() {
    let built =
        Element::new("a", "").with_attr("xml:lang", "de").with_attr("b", "1").with_attr("xml:lang", "en");
    assert_eq!(built.to_string(), "<a b='1' xml:lang='en'/>");
}

#[test]
fn any_text_survives_escaping_in_content_and_in_either_quote() {
    let text = "<a b='c' d=\"e\">&amp;]]>\t\r\n\r\u{85}é\u{1F600}";
    let escaped = escape(text);
    let read = element(&format!("<a b='{escaped}' c=\"{escaped}\">{escaped}</a>"));
    assert_eq!((read.attr("b"), read.attr("c"), read.text().as_str()), (Some(text), Some(text), text));
    assert_eq!(element(&Element::new("a", "").with_text(text).with_attr("b", text).to_string()).text(), text);
}

#[test]
fn what_needs_no_escaping_is_not_copied_and_what_cannot_be_expressed_is_replaced() {
    assert!(matches!(escape("plain é"), std::borrow::Cow::Borrowed("plain é")));
    assert_eq!(escape("\u{0}a\u{FFFE}\u{1B}"), "\u{FFFD}a\u{FFFD}\u{FFFD}");
}
