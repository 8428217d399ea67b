#![allow(clippy::unwrap_used)] // a test may

use super::*;

#[test]
fn a_message_crosses_as_plain_tagged_data() {
    let message = ToWorker::Request { token: 7, text: "<iq/>".to_owned(), timeout: Some(1000) };
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(json, r#"{"Request":{"token":7,"text":"<iq/>","timeout":1000}}"#);
    assert_eq!(serde_json::from_str::<ToWorker<String>>(&json).unwrap(), message);
    assert_eq!(serde_json::to_string(&ToWorker::<String>::Leave).unwrap(), r#""Leave""#);
}

#[test]
fn a_delivery_is_a_tuple() {
    let message =
        FromWorker::Deliver { stanzas: vec![Delivery(3, Origin::Received, "<message/>".to_owned())] };
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(json, r#"{"Deliver":{"stanzas":[[3,"Received","<message/>"]]}}"#);
    assert_eq!(serde_json::from_str::<FromWorker<String>>(&json).unwrap(), message);
}

#[test]
fn a_password_is_not_printed() {
    let credentials =
        Credentials { authcid: None, password: Some(Secret::new("hunter2".into())), keys: None };
    assert!(!format!("{credentials:?}").contains("hunter2"));
}

#[test]
fn every_status_stands_at_its_number() {
    for (number, code) in StatusCode::ALL.into_iter().enumerate() {
        assert_eq!(code as usize, number);
    }
}

fn seen<'a>(namespaces: &'a [Box<str>]) -> Seen<'a> {
    Seen { tag: "message", kind: Some("chat"), id: Some("1"), from: Some("a@b/c"), namespaces }
}

#[test]
fn criteria_are_met_only_all_together() {
    let namespaces = ["jabber:client".into(), "urn:x#y".into()];
    let seen = seen(&namespaces);
    let text = |text: &str| Some(text.to_owned());
    let any = Criteria::default;
    for (criteria, met) in [
        (any(), true),
        (Criteria { name: text("message"), ..any() }, true),
        (Criteria { name: text("iq"), ..any() }, false),
        (Criteria { types: Some(vec!["normal".into(), "chat".into()]), ..any() }, true),
        (Criteria { types: Some(vec![]), ..any() }, false),
        (Criteria { id: text("1"), from: text("a@b/c"), ..any() }, true),
        (Criteria { id: text("1"), from: text("a@b"), ..any() }, false),
        (Criteria { from: text("a@b"), bare: true, ..any() }, true),
        (Criteria { ns: text("urn:x#y"), ..any() }, true),
        (Criteria { ns: text("urn:x"), ..any() }, false),
        (Criteria { ns: text("urn:x"), ignore_fragment: true, ..any() }, true),
        (Criteria { ns: text("urn:x#y"), ignore_fragment: true, ..any() }, false),
        (Criteria { ns: text("jabber:client"), name: text("presence"), ..any() }, false),
    ] {
        assert_eq!(criteria.met_by(&seen), met, "{criteria:?}");
    }
}
