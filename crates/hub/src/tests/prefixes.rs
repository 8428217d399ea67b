//! Only expanded names count (Namespaces in XML 1.0 §2.1): a prefix says nothing by itself.

use epode_protocol::{Criteria, Selector};

use super::claims::tab_with;
use super::page::all;
use super::world::World;

const ALICE: &str = "alice@localhost/desk";

#[test]
fn a_handler_for_a_name_hears_it_with_any_prefix_and_one_for_the_prefix_too() {
    let mut world = World::new();
    let ns = Selector::Stanza(Criteria { ns: Some("urn:x".to_owned()), ..Criteria::default() });
    let tabs =
        ["message", "c:message", "presence", "d:message"].map(|name| tab_with(&mut world, &[all(name)]));
    let nested = tab_with(&mut world, &[ns]);
    world.server_says(ALICE, "<c:message xmlns:c='jabber:client' id='m'><y:q xmlns:y='urn:x'/></c:message>");
    world.server_says(ALICE, "<message xmlns='jabber:client' id='n'/>");
    let handled = tabs.map(|tab| world.handled(tab).concat());
    assert_eq!(handled, ["m n", "m", "", ""]);
    assert_eq!(world.handled(nested), ["m"]);
}

#[test]
fn an_answer_with_a_prefix_is_one_and_its_id_is_given_back_in_its_place() {
    let mut world = World::new();
    let (a, b) = (world.online(ALICE), world.online(ALICE));
    world.flowing = false;
    let get = |id: &str| {
        format!("<c:iq xmlns:c='jabber:client' id='{id}' type='get'><p:ping xmlns:p='urn:xmpp:ping'/></c:iq>")
    };
    let tokens = [world.request(a, &get("q")), world.request(b, &get("q"))];
    let plain =
        |id: &str| format!("<iq xmlns='jabber:client' id{id} type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(world.sent(), [plain("='q'"), plain("='epode-1'")]);
    let result = |id: &str| format!("<s:iq xmlns:s='jabber:client' s:id='no' type='result' id=\"{id}\"/>");
    world.server_says(ALICE, &result("epode-1"));
    world.server_says(ALICE, &result("q"));
    assert_eq!(world.heard(a), [format!("response {} result {}", tokens[0], result("q"))]);
    assert_eq!(world.heard(b), [format!("response {} result {}", tokens[1], result("q"))]);
}

#[test]
fn what_a_tab_sends_with_a_prefix_is_taken_and_leaves_without() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.flowing = false;
    world.request(tab, "<c:iq xmlns:c='jabber:client' type='get'><ping xmlns='urn:xmpp:ping'/></c:iq>");
    assert_eq!(
        world.sent(),
        ["<iq id=\"epode-1\" xmlns='jabber:client' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"]
    );
    world.send(
        tab,
        "<c:message xmlns:c='jabber:client' xmlns='urn:y' to='bob@localhost'><c:body>&lt;</c:body>\
         <z><c:q xmlns='urn:x' c:a='1'><r/></c:q></z></c:message>",
    );
    assert_eq!(
        world.sent(),
        ["<message xmlns='jabber:client' to='bob@localhost'><body>&lt;</body>\
          <z xmlns='urn:y'><q xmlns='jabber:client' xmlns:c='jabber:client' c:a='1'>\
          <r xmlns='urn:x'/></q></z></message>"]
    );
    let presence = "<c:presence xmlns:c='jabber:client'/>";
    world.send(tab, presence);
    world.send(tab, presence);
    assert_eq!(world.sent(), ["<presence xmlns='jabber:client'/>"], "it says nothing new");
    world.forget();
    for (stranger, condition) in [
        ("<x:message xmlns:x='urn:other' to='bob@localhost'/>", "unsupported-stanza-type"),
        ("<c:iq xmlns:c='jabber:client' c:type='get' id='q'/>", "invalid-iq-type"),
        ("<c:message xmlns:c='jabber:client' from='bob@localhost'/>", "invalid-from"),
        ("<c:message to='bob@localhost'/>", "bad-namespace-prefix"),
    ] {
        let token = world.send(tab, stranger);
        let heard = world.heard(tab);
        assert_eq!(heard[0], format!("failed {token} {condition}"), "{stranger}");
        assert!(world.sent().is_empty());
    }
}

#[test]
fn requests_pushes_and_presences_are_known_behind_a_prefix() {
    let mut world = World::new();
    let tabs = [world.online(ALICE), world.online(ALICE)];
    world.flowing = false;
    let push = "<c:iq xmlns:c='jabber:client' type='set' id='p'><r:query xmlns:r='jabber:iq:roster'/></c:iq>";
    world.server_says(ALICE, push);
    for tab in tabs {
        assert_eq!(world.heard(tab), [format!("Received {push}")]);
    }
    let ask = "<c:iq xmlns:c='jabber:client' type='get' id='v' from='bob@localhost/x'>\
        <v:query xmlns:v='jabber:iq:version'/></c:iq>";
    world.server_says(ALICE, ask);
    assert_eq!(world.heard(tabs[0]), [format!("Received {ask}")]);
    assert!(world.heard(tabs[1]).is_empty());
    world.send(tabs[0], "<d:iq xmlns:d='jabber:client' type='result' id='v' to='bob@localhost/x'/>");
    assert_eq!(world.sent(), ["<iq xmlns='jabber:client' type='result' id='v' to='bob@localhost/x'/>"]);
    world.server_says(ALICE, "<c:presence xmlns:c='jabber:client' id='1' from='bob@localhost/x'/>");
    let late = tab_with(&mut world, &[all("presence")]);
    world.run();
    assert_eq!(world.handled(late), ["1"]);
}

#[test]
fn what_only_looks_like_a_stanza_is_heard_by_nobody_and_ends_nothing() {
    let mut world = World::new();
    let tab = tab_with(&mut world, &[all("message"), all("x:message")]);
    for other in [
        "<x:message xmlns:x='urn:other' id='1'/>",
        "<message xmlns='urn:other' id='1'/>",
        "<c:message xmlns:c='urn:other' xmlns='jabber:client' id='1'/>",
    ] {
        world.server_says(ALICE, other);
        assert_eq!(world.handled(tab), ["", ""], "{other}");
    }
    world.server_says(ALICE, "<message xmlns='jabber:client' id='2'/>");
    assert_eq!(world.handled(tab), ["2", ""]);
}
