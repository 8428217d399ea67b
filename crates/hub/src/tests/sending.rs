//! Tabs' stanzas: what is corrected, what is refused, and what waits.

use std::time::Duration;

use super::world::World;

const ALICE: &str = "alice@localhost/desk";

#[test]
fn what_a_tab_sends_is_written_in_order_and_said_so() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.flowing = false;
    let stanzas: Vec<String> =
        (0..50).map(|n| format!("<message xmlns='jabber:client' id='{n}'/>")).collect();
    for stanza in &stanzas[..25] {
        world.send(tab, stanza);
    }
    let rest: Vec<&str> = stanzas[25..].iter().map(String::as_str).collect();
    world.send_all(tab, &rest);
    assert_eq!(world.sent(), stanzas);
    let heard = world.heard(tab);
    assert_eq!(heard.len(), 26);
    assert_eq!(heard[25], "written 50");
}

#[test]
fn a_bad_stanza_is_refused_and_the_stream_unharmed() {
    let cases = [
        // RFC 6120 §11.
        ("", "not-well-formed"),
        ("<message xmlns='jabber:client'>", "not-well-formed"),
        ("<message xmlns='jabber:client'/><message xmlns='jabber:client'/>", "not-well-formed"),
        ("<message xmlns='jabber:client'>&nbsp;</message>", "restricted-xml"),
        ("<message xmlns='jabber:client'><!-- --></message>", "restricted-xml"),
        ("<?php ?><message xmlns='jabber:client'/>", "restricted-xml"),
        ("<!DOCTYPE x><message xmlns='jabber:client'/>", "restricted-xml"),
        ("<message xmlns='jabber:client'>\u{1}</message>", "not-well-formed"),
        ("<x:message/>", "bad-namespace-prefix"),
        // A stanza that says it has no namespace gets none.
        ("<message xmlns=''/>", "not-well-formed"),
        // RFC 6120 §8: not a stanza.
        ("<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>", "unsupported-stanza-type"),
        ("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "unsupported-stanza-type"),
        ("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "unsupported-stanza-type"),
        ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "unsupported-stanza-type"),
        ("<r xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
        ("<a h='1' xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"),
        ("<message xmlns='jabber:server'/>", "unsupported-stanza-type"),
        ("<query xmlns='jabber:client'/>", "unsupported-stanza-type"),
        ("<query/>", "unsupported-stanza-type"),
        ("<anything xmlns='urn:xmpp:csi:0'/>", "unsupported-stanza-type"),
        // RFC 6120 §8.1.2.1.
        ("<message xmlns='jabber:client' from='bob@localhost'/>", "invalid-from"),
        ("<message xmlns='jabber:client' from='alice@localhost/other'/>", "invalid-from"),
        ("<presence xmlns='jabber:client' from=''/>", "invalid-from"),
        // RFC 6120 §8.2.3.
        ("<iq xmlns='jabber:client' id='1'/>", "invalid-iq-type"),
        ("<iq xmlns='jabber:client' id='1' type='do'/>", "invalid-iq-type"),
        ("<iq xmlns='jabber:client' id='1' type='result'/>", "not-asked"),
    ];
    let mut world = World::new();
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    for (stanza, condition) in cases {
        let token = world.send(tab, stanza);
        assert_eq!(world.heard(tab), [format!("failed {token} {condition}")], "{stanza}");
        assert!(world.sent().is_empty(), "{stanza}");
    }
    assert!(world.heard(other).is_empty());
    world.send(tab, "<message xmlns='jabber:client' to='alice@localhost/desk' id='fine'/>");
    assert!(world.heard(other).iter().any(|word| word.starts_with("Received ") && word.contains("fine")));
}

#[test]
fn a_stanza_longer_than_any_may_be_is_refused() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    let long = format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(8 << 20));
    let token = world.send(tab, &long);
    assert_eq!(world.heard(tab)[0], format!("failed {token} policy-violation"));
}

#[test]
fn one_bad_stanza_of_many_does_not_keep_the_others() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.flowing = false;
    world.send_all(tab, &["<presence xmlns='jabber:client'/>", "<bad", "<message xmlns='jabber:client'/>"]);
    assert_eq!(world.sent(), ["<presence xmlns='jabber:client'/>", "<message xmlns='jabber:client'/>"]);
    assert_eq!(world.heard(tab), ["failed 2 not-well-formed", "written 3"]);
}

#[test]
fn what_a_frame_needs_is_put_right() {
    let mut world = World::new();
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    world.flowing = false;
    for (given, sent) in [
        ("<message to='b@c'/>", "<message xmlns=\"jabber:client\" to='b@c'/>"),
        ("<message/>", "<message xmlns=\"jabber:client\"/>"),
        ("<message><body/></message>", "<message xmlns=\"jabber:client\"><body/></message>"),
        ("\n\t <presence xmlns='jabber:client' id='1'/>", "<presence xmlns='jabber:client' id='1'/>"),
        (
            "<?xml version='1.0'?><presence xmlns='jabber:client' id='2'/>",
            "<presence xmlns='jabber:client' id='2'/>",
        ),
        ("<?xml version='1.0'?>\n<presence/>", "<presence xmlns=\"jabber:client\"/>"),
        // A stanza that needs no correction is sent unchanged, to the byte.
        (
            "<presence  xmlns = \"jabber:client\" ></presence >\n",
            "<presence  xmlns = \"jabber:client\" ></presence >\n",
        ),
        // Some servers do not know prefixes.
        ("<c:message xmlns:c='jabber:client'/>", "<message xmlns='jabber:client'/>"),
        ("<message from='alice@localhost'/>", "<message xmlns=\"jabber:client\" from='alice@localhost'/>"),
        (
            "<message xmlns='jabber:client' from='Alice@localhost/desk'/>",
            "<message xmlns='jabber:client' from='Alice@localhost/desk'/>",
        ),
    ] {
        world.send(tab, given);
        assert_eq!(world.sent(), [sent]);
        assert_eq!(world.heard(other), [format!("Sent {sent}")]);
    }
    for (given, sent) in [
        ("<iq type='get'/>", "<iq id=\"epode-1\" xmlns=\"jabber:client\" type='get'/>"),
        (" <iq type='get' id='1'/>", "<iq xmlns=\"jabber:client\" type='get' id='1'/>"),
        (
            "<?xml version='1.0'?><iq type='get' id='1'><a id='1'/></iq>",
            "<iq xmlns=\"jabber:client\" type='get' id='epode-2'><a id='1'/></iq>",
        ),
        ("<iq type='get' id=''/>", "<iq xmlns=\"jabber:client\" type='get' id=''/>"),
        ("<iq type='get' id=\"\"/>", "<iq xmlns=\"jabber:client\" type='get' id=\"epode-3\"/>"),
        (
            "<iq data-id='x' xml:id='y' type='get'/>",
            "<iq id=\"epode-4\" xmlns=\"jabber:client\" data-id='x' xml:id='y' type='get'/>",
        ),
    ] {
        world.send(tab, given);
        assert_eq!(world.sent(), [sent]);
    }
    assert_eq!(world.heard(tab).len(), 16);
}

#[test]
fn what_is_sent_before_the_session_is_up_waits_and_goes_out_in_order() {
    let mut world = World::new();
    let (first, second) = (world.tab(), world.tab());
    world.flowing = false;
    for tab in [first, second] {
        world.connect(tab, ALICE, "secret-alice");
        let name = format!("tab{}", tab.0);
        world.send_all(tab, &[&format!("<message id='{name}-1'/>"), "<bad"]);
        world.request(tab, &format!("<iq type='get' id='{name}-2'/>"));
        world.send(tab, &format!("<message id='{name}-3'/>"));
    }
    assert!(world.heard(first).is_empty());
    // Only now do frames reach the server.
    world.let_flow();
    let sent = world.sent();
    let ids: Vec<&str> = sent
        .iter()
        .filter_map(|frame| frame.split("id='").nth(1)?.split('\'').next())
        .filter(|id| id.starts_with("tab"))
        .collect();
    assert_eq!(ids, ["tab1-1", "tab1-2", "tab1-3", "tab2-1", "tab2-2", "tab2-3"]);
    let heard = world.heard(first);
    let at = |word: &str| {
        heard.iter().position(|heard| heard.starts_with(word)).unwrap_or_else(|| panic!("{word}: {heard:?}"))
    };
    assert!(at("Connected") < at("failed 2 not-well-formed"));
    assert!(at("failed 2") < at("written 4"));
    assert!(world.heard(second).contains(&"written 4".to_owned()));
}

#[test]
fn what_waits_is_bounded() {
    let mut world = World::new();
    let tab = world.tab();
    world.flowing = false;
    world.connect(tab, ALICE, "secret-alice");
    let stanzas = ["<message/>"; 1001];
    let last = world.send_all(tab, &stanzas);
    assert_eq!(world.heard(tab), [format!("failed {last} too-many")]);
    let token = world.request(tab, "<iq type='get' id='1'/>");
    assert_eq!(world.heard(tab), [format!("response {token} refused too-many")]);
}

#[test]
fn what_waits_for_a_session_that_does_not_come_up_fails() {
    let mut world = World::new();
    let tab = world.tab();
    world.connect(tab, ALICE, "wrong");
    world.send_all(tab, &["<message/>", "<message/>"]);
    let asked = world.request_within(tab, "<iq type='get' id='1'/>", Duration::from_secs(60));
    let heard = world.heard(tab);
    assert_eq!(
        heard,
        [
            "Authenticating".to_owned(),
            "failed 1 not-connected".to_owned(),
            "failed 2 not-connected".to_owned(),
            format!("response {asked} disconnected"),
            "AuthFail not-authorized".to_owned(),
            "Disconnected not-authorized".to_owned(),
        ]
    );
    assert!(world.nothing_is_due());
}

#[test]
fn a_request_can_time_out_while_it_still_waits_and_is_then_not_sent() {
    let mut world = World::new();
    let tab = world.tab();
    world.flowing = false;
    world.connect(tab, ALICE, "secret-alice");
    let token = world.request_within(tab, "<iq type='get' id='late'/>", Duration::from_secs(1));
    world.advance(Duration::from_secs(1));
    assert_eq!(world.heard(tab), [format!("response {token} timeout")]);
    world.let_flow();
    assert_eq!(world.heard(tab).last().unwrap(), "Connected alice@localhost/desk");
    assert!(!world.sent().iter().any(|frame| frame.contains("late")));
}

#[test]
fn the_servers_limit_holds_for_every_tab() {
    let mut world = World::new();
    let tab = world.tab();
    world.flowing = false;
    world.connect(tab, ALICE, "secret-alice");
    let socket = world.open_sockets()[0];
    for frame in [
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>",
        "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
         <mechanism>PLAIN</mechanism></mechanisms></f:features>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>",
        "<f:features xmlns:f='http://etherx.jabber.org/streams'>\
         <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
         <limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>100</max-bytes></limits></f:features>",
        "<iq xmlns='jabber:client' type='result' id='epode-bind'>\
         <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>alice@localhost/desk</jid></bind></iq>",
    ] {
        world.at_hub(crate::Input::Frame(socket, frame.to_owned()));
    }
    world.forget();
    let body = |length: usize| format!("<message>{}</message>", "x".repeat(length - 19));
    let fits = body(100 - " xmlns=\"jabber:client\"".len());
    world.send_all(tab, &[&fits, &fits.replace("x<", "xx<"), &body(100)]);
    // The limit counts the added namespace too.
    assert_eq!(world.heard(tab), ["failed 2 policy-violation", "failed 3 policy-violation", "written 1"]);
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn an_iq_that_its_id_on_the_wire_makes_too_long_is_refused_and_asked_of_nobody() {
    let mut world = World::new();
    world.offers = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>100</max-bytes>\
        <idle-seconds>60</idle-seconds></limits>";
    let (tab, other) = (world.online(ALICE), world.online(ALICE));
    world.flowing = false;
    let iq = |padding: usize| {
        let padding = "x".repeat(padding);
        format!("<iq xmlns='jabber:client' type='get' id='1'><q xmlns='{padding}'/></iq>")
    };
    let fits = iq(100 - iq(0).len());
    let token = world.request(tab, &fits);
    assert_eq!(world.sent(), std::slice::from_ref(&fits));
    // This id is taken.
    let refused = world.request(other, &fits);
    assert_eq!(world.heard(other).last().unwrap(), &format!("response {refused} refused policy-violation"));
    assert!(world.sent().is_empty());
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='result' id='epode-1'/>");
    assert!(world.heard(other).is_empty(), "nobody was asked that");
    world.server_says(ALICE, "<iq xmlns='jabber:client' type='result' id='1'/>");
    assert!(world.heard(tab).last().unwrap().starts_with(&format!("response {token} result")));
}

// A contact chooses the id, and how it has to be escaped.
#[test]
fn a_refusal_that_is_longer_than_the_server_takes_is_not_sent_and_not_in_silence() {
    let mut world = World::new();
    world.offers = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>1000</max-bytes></limits>";
    world.online(ALICE);
    world.forget();
    for quotes in [100, 200] {
        let id = "'".repeat(quotes);
        world.server_says(
            ALICE,
            &format!(
                "<iq xmlns='jabber:client' type='get' id=\"{id}\" from='romeo@x/y'>\
                <ping xmlns='urn:xmpp:ping'/></iq>"
            ),
        );
        world.advance(Duration::from_secs(30));
        let (sent, logged) = (world.sent(), world.logged());
        match quotes {
            100 => assert!(sent.len() == 1 && sent[0].contains("service-unavailable"), "{sent:?}"),
            _ => assert!(
                sent.is_empty() && logged[0].ends_with("where 1000 are allowed"),
                "{sent:?} {logged:?}"
            ),
        }
    }
}
