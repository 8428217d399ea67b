//! JIDs are the same in any spelling of RFC 7622, and none is rewritten on its way.

use epode_protocol::{Criteria, Selector, ToWorker};
use epode_testkit as testkit;

use super::PortId;
use super::world::{SERVICE, World};
use crate::Input;

const ALICE: &str = "alice@localhost/desk";

fn get(to: &str) -> String {
    format!("<iq xmlns='jabber:client' type='get' id='q' to='{to}'><query xmlns='jabber:iq:version'/></iq>")
}

fn answer(from: &str) -> String {
    format!("<iq xmlns='jabber:client' type='result' id='q' from='{from}'/>")
}

/// A server where `müller` and `straße` have accounts too.
fn europe() -> World {
    let account = |user: &str| testkit::Account { user: user.to_owned(), password: "secret".to_owned() };
    World::with(testkit::Config {
        accounts: ["müller", "straße", "strasse"].map(account).to_vec(),
        mechanisms: vec!["PLAIN".to_owned()],
        ..testkit::Config::default()
    })
}

/// A tab that connected with this JID, and its latest event.
fn connected(world: &mut World, jid: &str) -> (PortId, String) {
    let tab = world.tab();
    world.connect(tab, jid, "secret");
    let heard = world.heard(tab);
    (tab, heard.last().cloned().unwrap_or_default())
}

#[test]
fn an_answer_reaches_its_asker_however_who_was_asked_spells_himself() {
    for (to, from) in [
        ("MÜLLER@chat.example", "müller@chat.example"),
        ("mu\u{308}ller@chat.example/x", "müller@chat.example/x"),
        ("ｊｕｌｉｅｔ@chat.example", "juliet@chat.example"),
        ("romeo@bücher.example", "romeo@xn--bcher-kva.example"),
        ("romeo@xn--bcher-kva.example", "romeo@bücher.example"),
        ("Romeo@BÜCHER.Example./Balkon", "romeo@xn--bcher-kva.example/Balkon"),
        ("ΣΊΣΥΦΟΣ@chat.example", "σίσυφος@chat.example"),
        ("chat.example.", "CHAT.example"),
        ("room@muc.example/ﬁｎ", "room@muc.example/fin"),
        ("room@muc.example/fin", "room@muc.example/ﬁn"),
        ("room@muc.example/mu\u{308}ller", "room@muc.example/müller"),
    ] {
        let mut world = World::new();
        let (tab, other) = (world.online(ALICE), world.online(ALICE));
        world.flowing = false;
        let token = world.request(tab, &get(to));
        assert_eq!(world.sent(), [get(to)], "what is sent is as it was typed");
        world.server_says(ALICE, &answer(from));
        assert_eq!(world.heard(tab), [format!("response {token} result {}", answer(from))], "{to} {from}");
        assert!(world.heard(other).is_empty() && world.logged().is_empty());
    }
}

#[test]
fn a_handler_for_a_bare_jid_hears_its_sender_whatever_his_resource_is() {
    let long = "x".repeat(2000);
    for sender in ["Romeo@Chat.example", "mu\u{308}ller@chat.example", "juliet@chat.example."] {
        for resource in ["", "/", "/orchard", "/Ⅸ", &format!("/{long}")] {
            let mut world = World::new();
            let tab = world.tab();
            let criteria = Criteria { from: Some(sender.to_owned()), bare: true, ..Criteria::default() };
            world.begins_with(tab, &[Selector::Stanza(criteria)]);
            world.connect(tab, ALICE, "secret-alice");
            world.forget();
            let message = format!("<message xmlns='jabber:client' from='{sender}{resource}'/>");
            world.server_says(ALICE, &message);
            assert_eq!(world.heard(tab), [format!("Received {message}")]);
        }
    }
}

#[test]
fn nobody_answers_for_somebody_who_is_only_like_him() {
    for (to, from) in [
        ("straße@chat.example", "strasse@chat.example"),
        ("ς@chat.example", "σ@chat.example"),
        ("room@muc.example/Nick", "room@muc.example/nick"),
        ("a b@chat.example", "A b@chat.example"),
        ("ﬁ@chat.example", "fi@chat.example"),
        ("romeo@chat.example/\u{ad}", "romeo@chat.example"),
        ("romeo@chat.example/\u{ad}", "romeo@chat.example/\u{200b}"),
    ] {
        let mut world = World::new();
        let tab = world.online(ALICE);
        world.flowing = false;
        world.request(tab, &get(to));
        world.server_says(ALICE, &answer(from));
        assert!(world.heard(tab).iter().all(|heard| !heard.starts_with("response")), "{to} {from}");
        assert_eq!(world.logged().len(), 1, "{to} {from}");
    }
}

#[test]
fn the_answer_of_a_tab_finds_its_request_in_another_spelling() {
    let mut world = World::new();
    let tab = world.online(ALICE);
    world.flowing = false;
    world.server_says(
        ALICE,
        "<iq xmlns='jabber:client' type='get' id='v' from='müller@bücher.example/ﬁ'>\
         <query xmlns='jabber:iq:version'/></iq>",
    );
    world.forget();
    let result =
        "<iq xmlns='jabber:client' type='result' id='v' to='MU\u{308}LLER@xn--bcher-kva.example/fi'/>";
    world.send(tab, result);
    assert_eq!(world.sent(), [result]);
    assert!(world.nothing_is_due());
}

#[test]
fn an_account_has_one_session_and_one_lock_in_whatever_case_and_composition_it_is_typed() {
    let mut world = europe();
    let (_, heard) = connected(&mut world, "müller@localhost/x");
    assert!(heard.starts_with("Connected müller@localhost/x"), "{heard}");
    for typed in [
        "mu\u{308}ller@localhost",
        "MÜLLER@LOCALHOST",
        "MU\u{308}LLER@localhost.",
        "ｍüller@localhost/elsewhere",
    ] {
        let (_, heard) = connected(&mut world, typed);
        assert!(heard.starts_with("Attached müller@localhost/x"), "{typed}: {heard}");
    }
    assert_eq!(world.hub.view().sessions().count(), 1);
    let names: Vec<String> = world.hub.view().sessions().map(|session| session.name()).collect();
    assert_eq!(names[0].trim_end(), format!("epode-session {} müller@localhost", SERVICE));
}

#[test]
fn accounts_that_are_only_alike_have_sessions_of_their_own() {
    let mut world = europe();
    for typed in ["straße@localhost/x", "strasse@localhost/x"] {
        let (_, heard) = connected(&mut world, typed);
        assert!(heard.starts_with(&format!("Connected {typed}")), "{heard}");
    }
    assert_eq!(world.hub.view().sessions().count(), 2);
}

#[test]
fn a_tab_attaches_by_any_spelling_of_the_account() {
    let mut world = europe();
    connected(&mut world, "strasse@localhost/x");
    connected(&mut world, "MÜLLER@localhost/x");
    for typed in ["mu\u{308}ller@localhost", "müller@LocalHost./other"] {
        let tab = world.tab();
        world.attach(tab, Some(typed));
        let heard = world.heard(tab);
        assert!(
            heard.last().is_some_and(|heard| heard.starts_with("Attached müller@localhost/x")),
            "{heard:?}"
        );
    }
    let tab = world.tab();
    world.attach(tab, Some("straße@localhost"));
    assert!(world.heard(tab).last().is_some_and(|heard| heard.starts_with("AttachFail")));
}

#[test]
fn a_tab_that_lost_its_worker_comes_back_in_any_spelling() {
    let mut world = europe();
    let waits = world.tab();
    let jid = "MU\u{308}LLER@localhost/x".to_owned();
    world.at_hub(Input::Message(
        waits,
        ToWorker::Restore { service: SERVICE.to_owned(), jid: jid.clone() },
        0.0,
    ));
    connected(&mut world, "müller@localhost/x");
    let late = world.tab();
    world.at_hub(Input::Message(late, ToWorker::Restore { service: SERVICE.to_owned(), jid }, 0.0));
    world.run();
    let members: Vec<_> = world.hub.view().sessions().map(|session| session.members().len()).collect();
    assert_eq!(members, [3]);
}

#[test]
fn a_stanza_from_oneself_is_sent_in_whatever_spelling() {
    let mut world = europe();
    let (tab, _) = connected(&mut world, "müller@localhost/x");
    world.forget();
    world.flowing = false;
    for from in ["MÜLLER@localhost", "mu\u{308}ller@localhost./x", "müller@localhost/x"] {
        let message = format!("<message xmlns='jabber:client' from='{from}' to='nobody@localhost'/>");
        world.send(tab, &message);
        assert!(world.sent().contains(&message), "{from}");
    }
    let message = "<message xmlns='jabber:client' from='muller@localhost' to='nobody@localhost'/>";
    let token = world.send(tab, message);
    assert!(world.heard(tab).contains(&format!("failed {token} invalid-from")));
    assert!(!world.sent().contains(&message.to_owned()));
}

#[test]
fn a_push_of_ones_own_account_reaches_all_tabs_in_whatever_spelling() {
    for from in [
        "MÜLLER@localhost",
        "mu\u{308}ller@localhost",
        "müller@localhost/x",
        "Müller@LOCALHOST/x",
        "localhost.",
    ] {
        let mut world = europe();
        let tabs =
            [connected(&mut world, "müller@localhost/x").0, connected(&mut world, "müller@localhost").0];
        world.forget();
        let push = format!(
            "<iq xmlns='jabber:client' type='set' id='p' from='{from}'><query xmlns='jabber:iq:roster'/></iq>"
        );
        world.server_says("müller@localhost/x", &push);
        for tab in tabs {
            assert_eq!(world.heard(tab), [format!("Received {push}")], "{from}");
        }
    }
}

#[test]
fn a_handler_hears_its_sender_in_whatever_spelling() {
    for (wanted, bare, from, hears) in [
        ("MÜLLER@chat.example", true, "müller@chat.example/x", true),
        ("mu\u{308}ller@chat.example/x", false, "müller@chat.example/x", true),
        ("müller@chat.example", false, "müller@chat.example/x", false),
        ("bücher.example", false, "xn--bcher-kva.example", true),
        ("Bob@LOCALHOST", true, "bob@localhost/x", true),
        ("bob@localhost/X", false, "bob@localhost/x", false),
        // Whatever Strophe matches is matched, JID or not.
        ("no jid@@/", false, "no jid@@/", true),
    ] {
        let mut world = World::new();
        let tab = world.tab();
        let criteria = Criteria { from: Some(wanted.to_owned()), bare, ..Criteria::default() };
        world.begins_with(tab, &[Selector::Stanza(criteria)]);
        world.connect(tab, ALICE, "secret-alice");
        world.forget();
        world.server_says(ALICE, &format!("<message xmlns='jabber:client' id='m' from='{from}'/>"));
        let heard = world.heard(tab);
        assert_eq!(heard.len(), usize::from(hears), "{wanted} {from}: {heard:?}");
    }
}

#[test]
fn who_has_gone_is_not_there_in_another_spelling() {
    for (from, gone) in [
        ("müller@chat.example/x", "MÜLLER@chat.example/x"),
        ("mu\u{308}ller@chat.example/x", "müller@chat.example/x"),
        ("müller@bücher.example/x", "Müller@xn--bcher-kva.example"),
    ] {
        let mut world = World::new();
        let _first = world.online(ALICE);
        world.server_says(ALICE, &format!("<presence xmlns='jabber:client' id='1' from='{from}'/>"));
        world.server_says(
            ALICE,
            &format!("<presence xmlns='jabber:client' type='unavailable' from='{gone}'/>"),
        );
        world.run();
        let mut sessions = world.hub.view().sessions();
        assert!(sessions.all(|session| session.presences().next().is_none()), "{from} {gone}");
    }
}
