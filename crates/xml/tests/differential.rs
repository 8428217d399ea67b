//! This crate and rxml share no code and must accept the same texts; `Head` and `Element` must agree.
//!
//! The cases come from a fixed seed. `XML_SEED=7` draws others; more are drawn by
//! `XML_CASES=1000000 cargo test -p epode-xml --test differential`.

mod documents;
mod oracle;

use documents::{document, mutated, rubble};
use epode_xml::{Element, Head, Limits, Wrapper};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestCaseResult, TestRng, TestRunner};

#[test]
fn rxml_accepts_what_this_reader_accepts_of_broken_documents() {
    hold(mutated(), |text| agree(&text));
}

#[test]
fn rxml_accepts_what_this_reader_accepts_of_rubble() {
    hold(rubble(), |text| agree(&text));
}

#[test]
fn an_element_survives_being_written_and_read_again() {
    hold(mutated(), |text| {
        if let Ok(element) = Element::parse(&text, &Limits::default()) {
            let written = element.to_string();
            agree(&written)?;
            prop_assert_eq!(Element::parse(&written, &Limits::default()), Ok(element));
        }
        Ok(())
    });
}

#[test]
fn a_head_says_of_a_stanza_what_its_element_says() {
    hold(mutated(), |text| {
        let (head, element) =
            (Head::read(&text, &Limits::default()), Element::parse(&text, &Limits::default()));
        match (head, element) {
            (Ok(head), Ok(element)) => same(&text, &head, &element),
            (head, element) => {
                prop_assert_eq!(head.err(), element.err());
                Ok(())
            }
        }
    });
}

#[test]
fn the_children_that_a_wrapper_is_cut_into_are_those_of_its_element() {
    hold(mutated(), |text| {
        let (Ok(element), wrapper) =
            (Element::parse(&text, &Limits::default()), Wrapper::cut(&text, &Limits::default()))
        else {
            return Ok(());
        };
        let wrapper = wrapper.map_err(|violation| TestCaseError::fail(violation.to_string()))?;
        prop_assert!(wrapper.is(element.name(), element.namespace()));
        let default = wrapper.default_namespace();
        let cut = wrapper.children.iter().map(|child| {
            let document = wrapper.document(child, &default);
            Element::parse(&document, &Limits::default()).inspect(|element| {
                assert!(element.is(child.name(), &child.namespace));
            })
        });
        let cut: Result<Vec<_>, _> = cut.collect();
        prop_assert_eq!(cut, Ok(element.children().cloned().collect()));
        Ok(())
    });
}

#[test]
fn most_generated_documents_are_acceptable_or_the_tests_above_say_little() {
    let mut accepted = 0;
    let mut total = 0;
    let counts = std::cell::RefCell::new((&mut accepted, &mut total));
    hold(document(), |text| {
        let mut counts = counts.borrow_mut();
        *counts.0 += u32::from(Head::read(&text, &Limits::default()).is_ok());
        *counts.1 += 1;
        Ok(())
    });
    assert!(accepted * 4 > total, "{accepted} of {total}");
}

fn agree(text: &str) -> TestCaseResult {
    let ours = Head::read(text, &Limits::default());
    if !oracle::may_differ(text, &ours) {
        prop_assert_eq!(ours.is_ok(), oracle::accepts(text), "{:?} is read as {:?}", text, ours);
    }
    Ok(())
}

fn same(text: &str, head: &Head, element: &Element) -> TestCaseResult {
    let local = head.tag.split_once(':').map_or(&*head.tag, |(_, local)| local);
    prop_assert_eq!((local, &*head.namespace), (element.name(), element.namespace()));
    let attributes = [("id", &head.id), ("type", &head.kind), ("from", &head.from), ("to", &head.to)];
    for (name, value) in attributes {
        prop_assert_eq!(value.as_deref(), element.attr(name));
    }
    let payload = head.payload.as_ref().map(|payload| (&*payload.name, &*payload.namespace));
    prop_assert_eq!(payload, element.children().next().map(|child| (child.name(), child.namespace())));
    each_namespace(element, &mut |namespace| head.namespaces.iter().any(|known| **known == *namespace))?;
    let opening = format!("<{}", head.tag);
    prop_assert!(text[..head.root_end].ends_with(&opening), "{} ends the root's name", head.root_end);
    prop_assert_eq!(head.id_span.is_some(), head.id.is_some());
    if let Some(span) = head.id_span.clone() {
        let mut spliced = text.to_owned();
        spliced.replace_range(span, "spliced");
        prop_assert_eq!(
            Head::read(&spliced, &Limits::default()).map(|head| head.id),
            Ok(Some("spliced".into()))
        );
    }
    Ok(())
}

fn each_namespace(element: &Element, known: &mut impl FnMut(&str) -> bool) -> TestCaseResult {
    prop_assert!(
        element.namespace().is_empty() || known(element.namespace()),
        "{} is missing",
        element.namespace()
    );
    element.children().try_for_each(|child| each_namespace(child, known))
}

fn hold(texts: impl Strategy<Value = String>, holds: impl Fn(String) -> TestCaseResult) {
    let number =
        |name, default| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default);
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("XML_SEED", 6120_u32).to_le_bytes());
    let config = Config { cases: number("XML_CASES", 2_000), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    if let Err(failure) = runner.run(&texts, holds) {
        panic!("{failure}");
    }
}
