//! No text makes the XML reader panic; the reader accepts the same texts as rxml; an element that is written
//! and read again stays the same.
#![no_main]

use epode_xml::{Element, Head, Limits};
use libfuzzer_sys::fuzz_target;

#[path = "../../../crates/xml/tests/oracle/mod.rs"]
mod oracle;

fuzz_target!(|text: &str| {
    let head = Head::read(text, &Limits::default());
    if !oracle::may_differ(text, &head) {
        assert_eq!(head.is_ok(), oracle::accepts(text), "{text:?} is read as {head:?}");
    }
    match Element::parse(text, &Limits::default()) {
        Ok(element) => {
            let written = element.to_string();
            assert_eq!(Element::parse(&written, &Limits::default()).as_ref(), Ok(&element), "{written:?}");
        }
        Err(violation) => assert_eq!(Some(violation), head.err()),
    }
});
