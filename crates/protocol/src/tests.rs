#![allow(clippy::unwrap_used)] // a test may

use serde_json::json;

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
fn stanzas_travel_as_one_text() {
    let stanzas = [
        Delivery(3, Origin::Received, "<message/>".to_owned()),
        Delivery(5, Origin::Received, "<presence/>".to_owned()),
    ];
    let message = FromWorker::from(stanzas.to_vec());
    let json = serde_json::to_string(&message).unwrap();
    let columns = r#""positions":[3,5],"origins":null,"lengths":[10,11],"text":"<message/><presence/>""#;
    assert_eq!(json, format!("{{\"Deliver\":{{{columns}}}}}"));
    let read = serde_json::from_str::<FromWorker<String>>(&json).unwrap();
    assert_eq!(read, message);
    let FromWorker::Deliver(batch) = read else { panic!("{read:?}") };
    assert_eq!((batch.len(), batch.is_empty()), (2, false));
    assert!(batch.into_deliveries().eq(stanzas));
}

#[test]
fn a_stanza_alone_travels_as_an_array_of_two() {
    let message = FromWorker::from(vec![Delivery(3, Origin::Received, "<iq/>".to_owned())]);
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(json, r#"[3,"<iq/>"]"#);
    assert_eq!(serde_json::from_str::<FromWorker<String>>(&json).unwrap(), message);
    // What is not received, or not alone, says so.
    for stanzas in [vec![], vec![Origin::Sent], vec![Origin::Received, Origin::Received]] {
        let stanzas =
            stanzas.into_iter().map(|origin| Delivery(3, origin, "<iq/>".to_owned())).collect::<Vec<_>>();
        let FromWorker::Deliver(batch) = FromWorker::from(stanzas.clone()) else { panic!("{stanzas:?}") };
        assert!(batch.into_deliveries().eq(stanzas));
    }
}

#[test]
fn where_a_stanza_comes_from_travels_too() {
    let stanzas = [
        Delivery(3, Origin::Received, "<message/>".to_owned()),
        Delivery(3, Origin::Sent, "<presence/>".to_owned()),
        Delivery(1, Origin::Replayed, "<iq/>".to_owned()),
    ];
    assert!(stanzas.iter().cloned().collect::<Batch<_>>().into_deliveries().eq(stanzas));
}

#[test]
fn columns_that_do_not_fit_are_cut_and_nothing_breaks() {
    let deliveries = |origins, lengths: &[u32], text: &str| {
        let columns = json!({"positions": [1, 2], "origins": origins, "lengths": lengths, "text": text});
        let batch: Batch<String> = serde_json::from_value(columns).unwrap();
        batch
            .into_deliveries()
            .map(|Delivery(position, _, text)| format!("{position}{text}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(deliveries(None, &[2, 2], "aabb"), ["1aa", "2bb"]);
    assert_eq!(deliveries(None, &[2], "aabb"), ["1aa"]);
    assert_eq!(deliveries(None, &[2, 9], "aabb"), ["1aa", "2"]);
    assert_eq!(deliveries(None, &[u32::MAX, u32::MAX], "aabb"), ["1", "2"]);
    assert_eq!(deliveries(None, &[1, 2], "äb"), ["1", "2"]);
    assert_eq!(deliveries(Some(vec![Origin::Sent]), &[2, 2], "aabb"), ["1aa"]);
}

#[test]
fn a_password_is_not_printed() {
    let credentials =
        Credentials { authcid: None, password: Some(Secret::new("hunter2".into())), keys: None };
    assert!(!format!("{credentials:?}").contains("hunter2"));
}

#[test]
fn neither_a_header_nor_a_session_id_is_printed() {
    let header = HttpHeader { name: "X-Token".into(), value: Secret::new("hunter2".into()) };
    let http = HttpOptions { headers: vec![header], ..HttpOptions::default() };
    let bosh = BoshOptions { wait: None, hold: None, route: None, http };
    let sid = Secret::new("hunter3".into());
    let (wait, hold, window, inactivity) = (None, None, None, None);
    let session =
        BoshSession { jid: "a@b/c".into(), sid, next: 2, lowest: 1, wait, hold, window, inactivity };
    let printed = format!("{bosh:?} {session:?}");
    assert!(printed.contains("X-Token") && !printed.contains("hunter"), "{printed}");
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

#[test]
fn among_several_types_the_empty_one_is_for_none() {
    let criteria = |types: &[&str]| Criteria {
        types: Some(types.iter().map(|kind| (*kind).to_owned()).collect()),
        ..Criteria::default()
    };
    let none = Seen { kind: None, ..seen(&[]) };
    assert!(criteria(&["", "unavailable"]).met_by(&none));
    assert!(!criteria(&["unavailable"]).met_by(&none));
    assert!(!criteria(&["", "unavailable"]).met_by(&seen(&[])));
}
