//! What is read and written here is what serde reads and writes.
#![allow(clippy::unwrap_used)] // a test may

use proptest::prelude::*;
use serde_json::{Value as Plain, json};

use super::*;
use crate::*;

/// Each variant of what a tab says, with something in each place.
fn said() -> Vec<Plain> {
    let options = json!({
        "mechanisms": [{"name": "PLAIN", "priority": 50}], "listed": true, "own_mechanisms": [],
        "session_key": null, "explicit_binding": false, "reconnect": true, "attach": true,
        "reload_grace": 10_000, "queue_stanzas": 3, "queue_size": u32::MAX,
        "management": {"max_unacked": 5, "resume": true, "max": 300},
    });
    let credentials = json!({"authcid": null, "password": "sesame", "keys": null});
    let criteria = json!({
        "ns": null, "name": "iq", "types": ["get", "set"], "id": null, "from": null, "bare": false,
        "ignore_fragment": true,
    });
    let claims = json!([
        {"id": 1, "selector": {"Stanza": criteria}},
        {"id": 2, "selector": "Everything"},
        {"id": 3, "selector": "Sent"},
    ]);
    let http = json!({
        "headers": [{"name": "X-A", "value": "open"}], "with_credentials": true, "content_type": "text/plain",
    });
    let bosh = json!({"wait": 0, "hold": null, "route": "r", "http": http});
    let before = json!({"boot": "b", "position": (1u64 << 53) - 1});
    vec![
        json!({"Hello": {"versions": [1], "tab": "t", "lock": "l", "before": before, "visible": true}}),
        json!({"Connect": {
            "service": "ws://s/", "jid": "a@b", "credentials": credentials, "options": options, "bosh": bosh,
        }}),
        json!({"AttachBosh": {
            "service": "http://s/", "session": bosh_session(), "options": options, "http": http,
        }}),
        json!({"HttpOptions": http}),
        json!({"Keepalive": {"on": true}}),
        json!({"Attach": {"service": "s", "jid": null, "explicit_binding": true}}),
        json!({"Restore": {"service": "s", "jid": "a@b"}}),
        json!({"Bind": {"resource": "r"}}),
        json!({"SaslResponse": {"exchange": 3, "response": "r"}}),
        json!({"SaslAbort": {"exchange": 4}}),
        json!({"Claim": {"claims": claims, "from": 7, "made": 1_800_000_000_000u64, "generation": 2}}),
        json!({"Release": {"claims": [7, 9]}}),
        json!({"Ack": {"posts": 8}}),
        json!({"Send": {"stanzas": [{"token": 4, "text": "<a/>"}, {"token": 5, "text": "<b/>"}]}}),
        json!({"Request": {"token": 6, "text": "<iq/>", "timeout": 100}}),
        json!({"Unhandled": {"position": 9}}),
        json!({"Visibility": {"visible": false}}),
        json!("StepAside"),
        json!("Freeze"),
        json!("Pong"),
        json!("Ping"),
        json!("Follow"),
        json!({"Tabs": {"token": 5}}),
        json!({"Disconnect": {"reason": "enough", "timeout": 3000}}),
        json!("Leave"),
    ]
}

fn bosh_session() -> Plain {
    json!({
        "jid": "a@b/c", "sid": "s", "next": (1u64 << 53) - 1, "lowest": 7, "wait": 60, "hold": 1,
        "window": null, "inactivity": 30,
    })
}

/// Each variant of what the worker says, likewise.
fn told() -> Vec<Plain> {
    let session = json!({
        "jid": "a@b/c", "domain": "b", "features": "<f/>", "position": 3, "generation": 2, "managed": true,
        "resumed": false, "bound": 1,
    });
    let status = json!({
        "code": "Connected", "condition": null, "text": "t", "features": "<f/>", "session": session,
        "close_code": 1006,
    });
    let stanzas = json!([[1, "Received", "<a/>"], [2, "Replayed", "<b/>"]]);
    let tab = json!({
        "tab": "t", "own": true, "role": "Secondary", "visible": true, "awake": false, "credit": 16,
        "waiting": 2, "claims": 3,
    });
    let fault = json!({"condition": "c", "text": "t"});
    vec![
        json!({"Welcome": {"version": 1, "boot": "b", "lock": null}}),
        json!({"Refused": {"Version": {"speaks": [1, 2]}}}),
        json!({"Refused": {"Malformed": {"detail": "d"}}}),
        json!({"Refused": {"Engine": {"detail": "d"}}}),
        json!("Joining"),
        json!({"Status": status}),
        json!({"Keys": {"keys": "k"}}),
        json!({"SaslChallenge": {"exchange": 1, "mechanism": "X", "challenge": null}}),
        json!({"Role": "Primary"}),
        json!({"Deliver": {
            "positions": [3, 3], "origins": ["Sent", "Received"], "lengths": [4, 4], "text": "<a/><b/>",
        }}),
        json!({"Claimed": {"claims": [{"claim": 7, "stanzas": stanzas}, {"claim": 8, "stanzas": []}]}}),
        json!({"Backlog": {"stanzas": 3, "bytes": 300}}),
        json!({"Gap": {"from": 1, "to": 2, "count": 2, "reason": "r"}}),
        json!("Ping"),
        json!("Pong"),
        json!({"Tabs": {"token": 5, "tabs": [tab]}}),
        json!({"Written": {"up_to": 5}}),
        json!({"Fate": {"token": 5, "fate": "Acknowledged"}}),
        json!({"Fate": {"token": 5, "fate": "Unmanaged"}}),
        json!({"Fate": {"token": 5, "fate": {"Resent": {"maybe_twice": true}}}}),
        json!({"Fate": {"token": 5, "fate": {"Failed": {"condition": "c", "text": "t"}}}}),
        json!("Unmanaged"),
        json!({"Failed": {"token": 4, "fault": fault}}),
        json!({"Response": {"token": 4, "outcome": {"Result": "<iq/>"}, "position": 2}}),
        json!({"Response": {"token": 4, "outcome": {"Lost": fault}, "position": 0}}),
        json!({"Response": {"token": 4, "outcome": {"Error": "<iq/>"}, "position": 2}}),
        json!({"Response": {"token": 4, "outcome": "Timeout", "position": 2}}),
        json!({"Response": {"token": 4, "outcome": {"Refused": fault}, "position": 2}}),
        json!({"BoshSession": bosh_session()}),
        json!({"HttpError": {"status": 502}}),
        json!({"Log": {"level": "Warn", "text": "x"}}),
        json!([5, "<a/>"]),
    ]
}

#[test]
fn each_message_is_written_as_serde_writes_it() {
    for plain in said() {
        let message: ToWorker<String> = serde_json::from_value(plain.clone()).unwrap();
        assert_eq!(Json::of(&message), plain);
    }
    for plain in told() {
        let message: FromWorker<String> = serde_json::from_value(plain.clone()).unwrap();
        assert_eq!(Json::of(&message), plain);
    }
}

#[test]
fn each_message_is_read_as_serde_reads_it() {
    for plain in said() {
        let expected: ToWorker<String> = serde_json::from_value(plain.clone()).unwrap();
        assert_eq!(ToWorker::read(&plain), Ok(expected));
    }
}

/// Reads as serde does, but for what [`Read`] refuses and serde takes: a record as a list of its fields, a
/// variant without content as a record, and numbers that a double cannot hold.
fn compare(plain: &Plain) -> Result<ToWorker<String>, Wrong> {
    let read = ToWorker::read(plain);
    match (&read, serde_json::from_value::<ToWorker<String>>(plain.clone())) {
        (Ok(read), Ok(expected)) => assert_eq!(*read, expected),
        (Ok(_), Err(error)) => panic!("serde refuses {plain}: {error}"),
        (Err(_), _) => {}
    }
    read
}

/// What is said of a message that is refused.
fn complaint(plain: &Plain) -> Option<String> {
    compare(plain).unwrap_err().in_words::<ToWorker<String>, _>(plain)
}

/// Each message that this one becomes when one place in it holds one of these values, and that place.
fn spoilt(plain: &Plain, wrong: &[Plain]) -> Vec<(String, Plain)> {
    let inner: Vec<(String, &Plain)> = match plain {
        Plain::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Plain::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for (at, value) in inner {
        let mut replace = |path: String, value: Plain| {
            let mut whole = plain.clone();
            match &mut whole {
                Plain::Array(items) => items[at.parse::<usize>().unwrap()] = value,
                whole => whole[&at] = value,
            }
            all.push((path, whole));
        };
        wrong.iter().for_each(|value| replace(at.clone(), value.clone()));
        for (path, value) in spoilt(value, wrong) {
            replace(format!("{at}.{path}"), value);
        }
    }
    all
}

#[test]
fn what_serde_refuses_is_refused_wherever_it_stands() {
    let wrong = [
        json!(null),
        json!("hunter2"),
        json!(""),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1u64 << 32),
        json!(1u64 << 53),
        json!({}),
        json!([]),
        json!([null]),
        json!([1.5]),
        json!([{}]),
        json!({"Stanza": {}}),
        json!({"novelty": 1}),
    ];
    let mut refused = 0;
    for plain in said() {
        for (_, spoilt) in spoilt(&plain, &wrong) {
            refused += usize::from(compare(&spoilt).is_err());
        }
    }
    assert!(refused > 700, "{refused}");
}

#[test]
fn what_is_wrong_is_named_by_its_message_and_its_innermost_field() {
    let of = |path: &[&str], value: Plain, plain: &Plain| {
        let mut plain = plain.clone();
        let mut place = &mut plain;
        for name in path {
            place = &mut place[name];
        }
        *place = value;
        complaint(&plain)
    };
    let said = said();
    let connect = &said[1];
    for (path, field) in [
        (&["Connect", "options", "reconnect"][..], "reconnect"),
        (&["Connect", "options"], "options"),
        (&["Connect", "credentials", "password"], "password"),
        (&["Connect"], "content"),
    ] {
        assert_eq!(of(path, json!(7), connect), Some(format!("a message Connect with a wrong {field}")));
    }
    let claim = |selector: Plain| {
        let claims = json!([{"id": 1, "selector": selector}]);
        json!({"Claim": {"claims": claims, "from": 0, "made": 0}})
    };
    for (selector, field) in [
        (json!("None"), "selector"),
        (json!({"Stanza": {"bare": 1}}), "bare"),
        (json!({"Sent": 1}), "selector"),
    ] {
        assert_eq!(complaint(&claim(selector)), Some(format!("a message Claim with a wrong {field}")));
    }
    for unknown in
        [json!(null), json!(42), json!("Nonsense"), json!(""), json!([]), json!({}), json!({"Novelty": {}})]
    {
        assert_eq!(complaint(&unknown), None, "{unknown}");
    }
    let two = json!({"Tabs": {"token": 5}, "Ack": {"posts": 1}});
    assert_eq!(complaint(&two), None);
    for (plain, name) in [(json!("Hello"), "Hello"), (json!({"Leave": {}}), "Leave")] {
        assert_eq!(complaint(&plain), Some(format!("a message {name} with a wrong content")));
    }
}

#[test]
fn what_is_not_given_may_be_left_out_and_what_is_not_known_is_passed_over() {
    let plain = json!({"Disconnect": {"timeout": 0, "novelty": 1}});
    assert_eq!(compare(&plain), Ok(ToWorker::Disconnect { reason: None, timeout: 0 }));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        tab in ".*", lock: Option<String>, boot in ".*", position in 0..1u64 << 53, visible: bool,
        versions: Vec<u32>,
    ) {
        let before = visible.then_some(Checkpoint { boot, position });
        let hello: ToWorker<String> = ToWorker::Hello(Hello { versions, tab, lock, before, visible });
        prop_assert_eq!(ToWorker::read(&Json::of(&hello)), Ok(hello));
    }

    #[test]
    fn nothing_that_is_written_in_the_place_of_a_message_is_taken_for_one(names in "[A-Za-z ]*") {
        prop_assert!(names == "Leave" || compare(&json!(names)).is_err() || said().contains(&json!(names)));
    }
}
