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
    let credentials = Credentials { authcid: None, password: Some(Password::new("hunter2".into())) };
    assert!(!format!("{credentials:?}").contains("hunter2"));
}

#[test]
fn every_status_stands_at_its_number() {
    for (number, code) in StatusCode::ALL.into_iter().enumerate() {
        assert_eq!(code as usize, number);
    }
}
