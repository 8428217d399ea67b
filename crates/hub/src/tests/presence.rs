//! One presence for all tabs, and whether anybody looks.

use std::time::Duration;

use epode_protocol::Selector;
use epode_testkit as testkit;

use super::page::all;
use super::world::World;

const ALICE: &str = "alice@localhost/desk";
const HERE: &str = "<presence xmlns='jabber:client'/>";
const AWAY: &str = "<presence xmlns='jabber:client'><show>away</show></presence>";
const GONE: &str = "<presence xmlns='jabber:client' type='unavailable'/>";
const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

fn contact_says(world: &mut World, resource: &str, rest: &str) {
    let presence =
        format!("<presence xmlns='jabber:client' id='{resource}' from='bob@localhost/{resource}'{rest}/>");
    world.server_says(ALICE, &presence);
    world.run();
}

#[test]
fn an_undirected_presence_equal_to_the_last_is_not_sent_again() {
    let mut world = World::new();
    let (first, second) = (world.online(ALICE), world.online(ALICE));
    let mut sends = |tab, presence: &str| {
        let token = world.send(tab, presence);
        world.run();
        assert!(world.heard(tab).contains(&format!("written {token}")), "it is as good as sent");
        world.sent().len()
    };
    assert_eq!(sends(first, HERE), 1);
    assert_eq!(sends(second, HERE), 0);
    assert_eq!(sends(second, AWAY), 1);
    assert_eq!(sends(first, AWAY), 0);
    assert_eq!(sends(first, HERE), 1);
    // A directed presence is for its addressee, and always sent.
    assert_eq!(sends(first, "<presence xmlns='jabber:client' to='bob@localhost'/>"), 1);
    assert_eq!(sends(second, "<presence xmlns='jabber:client' to='bob@localhost'/>"), 1);
    // On the next stream the presence is sent anew.
    world.cut();
    world.advance(SECOND);
    world.forget();
    world.send(first, HERE);
    assert_eq!(world.sent(), [HERE]);
}

#[test]
fn a_closing_tabs_unavailable_takes_nobody_offline_while_others_are_open() {
    for says_so in [true, false] {
        let mut world = World::new();
        let (closes, stays) = (world.online(ALICE), world.online(ALICE));
        world.send(stays, HERE);
        world.forget();
        world.send(closes, GONE);
        world.unload(closes, says_so);
        world.advance(10 * SECOND);
        assert!(world.sent().is_empty());
        assert_eq!(world.heard(stays), ["Primary"], "nor does it see it sent");
    }
}

#[test]
fn an_unavailable_that_is_meant_is_sent_after_a_second() {
    let mut world = World::new();
    let (says, other) = (world.online(ALICE), world.online(ALICE));
    world.send(says, HERE);
    world.forget();
    let token = world.send(says, GONE);
    assert_eq!(world.heard(says), [format!("written {token}")]);
    assert!(world.sent().is_empty());
    world.advance(SECOND);
    assert_eq!(world.sent(), [GONE]);
    assert_eq!(world.heard(other)[0], format!("Sent {GONE}"));
    // Then being available is news again.
    world.send(other, HERE);
    assert_eq!(world.sent(), [HERE]);
}

#[test]
fn an_unavailable_is_taken_back_by_whoever_is_here_and_sent_at_once_where_nobody_else_is() {
    let mut world = World::new();
    let (says, other) = (world.online(ALICE), world.online(ALICE));
    world.send(says, HERE);
    world.send(says, GONE);
    world.forget();
    world.send(other, HERE);
    world.advance(10 * SECOND);
    assert!(world.sent().is_empty(), "the server believes so already");
    world.kill(other);
    world.send(says, GONE);
    assert_eq!(world.sent(), [GONE]);
}

#[test]
fn a_contact_that_is_gone_with_all_its_resources_is_not_replayed() {
    let mut world = World::new();
    world.online(ALICE);
    contact_says(&mut world, "desk", "");
    contact_says(&mut world, "phone", "");
    world.server_says(ALICE, "<presence xmlns='jabber:client' from='bobby@localhost/desk'/>");
    world.server_says(ALICE, "<presence xmlns='jabber:client' from='bob@localhost' type='unavailable'/>");
    let late = world.tab();
    world.begins_with(late, &[all("presence")]);
    world.attach(late, None);
    let replayed: Vec<_> =
        world.heard(late).into_iter().filter(|heard| heard.starts_with("Replayed")).collect();
    assert!(replayed.len() == 1 && replayed[0].contains("bobby"), "{replayed:?}");
}

// A tab that joins late needs the presence of contacts.
#[test]
fn a_late_joiner_hears_the_contacts_current_presence_replayed_and_not_those_who_left() {
    let mut world = World::new();
    let first = world.online(ALICE);
    contact_says(&mut world, "desk", "");
    contact_says(&mut world, "phone", "");
    contact_says(&mut world, "tablet", "");
    contact_says(&mut world, "phone", " type='unavailable'");
    contact_says(&mut world, "desk", " xml:lang='en'");
    let late = world.tab();
    world.begins_with(late, &[all("message")]);
    world.attach(late, None);
    world.forget();
    // Not before the tab claims presence.
    assert!(world.heard(late).is_empty());
    let claim = world.adds(late, all("presence"));
    contact_says(&mut world, "watch", "");
    let heard = world.heard(late);
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard[0].starts_with("Replayed ") && heard[0].contains("xml:lang"), "{heard:?}");
    assert!(heard[1].starts_with("Replayed ") && heard[1].contains("tablet"), "{heard:?}");
    assert!(heard[2].starts_with("Received ") && heard[2].contains("watch"), "{heard:?}");
    assert!(world.handlers(late).iter().any(|handler| handler.claim == claim));
    assert_eq!(
        world.handled(first)[0],
        "desk phone tablet phone desk watch",
        "and who was there hears nothing twice"
    );
}

#[test]
fn whoever_came_between_a_late_joiner_and_its_claim_is_replayed_too() {
    let mut world = World::new();
    world.online(ALICE);
    contact_says(&mut world, "desk", "");
    let late = world.tab();
    world.begins_with(late, &[all("message")]);
    world.attach(late, None);
    contact_says(&mut world, "phone", "");
    contact_says(&mut world, "desk", " xml:lang='en'");
    world.adds(late, all("presence"));
    world.run();
    let mut handled: Vec<_> = world.handled(late)[1].split(' ').map(str::to_owned).collect();
    handled.sort();
    assert_eq!(handled, ["desk", "phone"]);
}

#[test]
fn a_presence_is_replayed_once_and_so_a_handler_that_adds_another_does_not_go_round_for_ever() {
    let mut world = World::new();
    world.online(ALICE);
    contact_says(&mut world, "desk", "");
    let late = world.tab();
    world.begins_with(late, &[Selector::Everything, all("presence"), all("presence")]);
    world.adds_upon(late, "id='desk'", all("presence"));
    world.attach(late, None);
    world.adds(late, all("presence"));
    contact_says(&mut world, "phone", "");
    let handled = world.handled(late);
    assert_eq!(handled[..3], ["desk phone"; 3]);
    assert!(handled[3..].iter().all(|handled| handled == "phone"), "{handled:?}");
}

#[test]
fn what_others_said_on_a_stream_that_is_lost_is_not_replayed() {
    let mut world = World::new();
    world.online(ALICE);
    contact_says(&mut world, "desk", "");
    world.cut();
    world.advance(SECOND);
    contact_says(&mut world, "phone", "");
    let late = world.tab();
    world.attach(late, None);
    assert_eq!(world.handled(late)[0], "phone");
}

#[test]
fn the_server_hears_whether_anybody_looks_where_it_wants_to_know() {
    let mut world = World::new();
    world.offers = "<csi xmlns='urn:xmpp:csi:0'/>";
    let (inactive, active) = ("<inactive xmlns=\"urn:xmpp:csi:0\"/>", "<active xmlns=\"urn:xmpp:csi:0\"/>");
    let (first, second) = (world.online(ALICE), world.online(ALICE));
    assert!(world.sent().is_empty(), "a client begins as active");
    world.show(first, false);
    assert!(world.sent().is_empty());
    world.show(second, false);
    world.advance(SECOND - MOMENT);
    world.show(first, true);
    world.show(first, false);
    world.advance(SECOND - MOMENT);
    assert!(world.sent().is_empty(), "a person changes from tab to tab");
    world.advance(MOMENT);
    assert_eq!(world.sent(), [inactive]);
    world.show(first, true);
    assert_eq!(world.sent(), [active]);
    world.freeze(first);
    world.advance(SECOND);
    assert_eq!(world.sent(), [inactive], "a frozen page shows nothing");
    world.let_read(first);
    world.show(first, true);
    assert_eq!(world.sent(), [active]);
    world.kill(first);
    world.advance(SECOND);
    assert_eq!(world.sent(), [inactive]);
    world.cut();
    world.advance(2 * SECOND);
    assert_eq!(world.sent().last().unwrap(), inactive, "the next stream is told anew");

    let mut world = World::new();
    let tab = world.online(ALICE);
    world.show(tab, false);
    assert!(world.sent().is_empty(), "not where it does not offer to hear it");
}

#[test]
fn the_default_server_of_these_tests_is_the_scripted_one() {
    // Presence between the server's own accounts shows that the replayed one is as a real server
    // sends it.
    let mut world =
        World::with(testkit::Config { mechanisms: vec!["PLAIN".into()], ..testkit::Config::default() });
    let (alice, bob) = (world.online(ALICE), world.online("bob@localhost/desk"));
    world.send(alice, HERE);
    world.send(bob, HERE);
    world.run();
    let late = world.tab();
    world.attach(late, Some("alice@localhost"));
    let heard = world.heard(late);
    assert!(
        heard.iter().any(|word| word.starts_with("Replayed") && word.contains("bob@localhost/desk")),
        "{heard:?}"
    );
    world.disconnect(bob);
    let later = world.tab();
    world.run();
    world.attach(later, Some("alice@localhost"));
    let heard = world.heard(later);
    assert!(!heard.iter().any(|word| word.contains("bob@localhost/desk")), "{heard:?}");
}

// Anybody may direct presence at us, from any number of resources.
#[test]
fn of_who_is_there_no_more_is_remembered_than_a_worker_can_bear() {
    let mut world = World::new();
    world.online(ALICE);
    contact_says(&mut world, "phone", "");
    let flood = (0..10_000).map(|number| format!("<presence xmlns='jabber:client' from='x@evil/{number}'/>"));
    world.server_says_in_one_turn(ALICE, flood);
    contact_says(&mut world, "phone", " to='alice@localhost'");
    contact_says(&mut world, "large", &format!(" to='{}'", "x".repeat(8 << 10)));
    let presences: Vec<_> = world.hub.view().sessions().flat_map(|session| session.presences()).collect();
    assert_eq!(presences.len(), 8192);
    assert!(
        presences.iter().any(|known| known.text.contains("phone") && known.text.contains(" to=")),
        "the latest"
    );
    assert!(!presences.iter().any(|known| known.text.contains("large")));
}
