//! The server breaks the rules exactly as scripted.

mod common;

use std::time::Duration;

use common::*;
use epode_testkit::{BindFault, ConnectionId, Fault, Misbehaviour, OpenFault, Stage};

/// The client's frames for PLAIN after an empty challenge: one for each turn of the server.
fn script() -> [String; 5] {
    let ask_for_challenge = format!("<auth xmlns='{SASL}' mechanism='PLAIN'/>");
    [
        OPEN.to_owned(),
        ask_for_challenge,
        response("\0alice\0secret-alice"),
        OPEN.to_owned(),
        bind_request("tab"),
    ]
}

/// The number of frames that a well-behaved server sends before each stage.
fn frames_before(stage: Stage) -> usize {
    Stage::ALL.iter().position(|other| *other == stage).expect("a stage")
}

fn play(world: &mut World, misbehaviour: Misbehaviour) -> (ConnectionId, Vec<String>) {
    world.server.misbehave(misbehaviour);
    let id = world.connect();
    for frame in script() {
        world.say(id, &frame);
    }
    let heard = world.raw(id);
    (id, heard)
}

#[test]
fn a_bad_frame_comes_at_exactly_the_stage_that_was_asked_for_and_nothing_follows() {
    for stage in Stage::ALL {
        for fault in Fault::restricted_xml().into_iter().chain([Fault::not_well_formed(), Fault::two_roots()])
        {
            let Fault::Frame(text) = &fault else { panic!("a frame") };
            let mut world = World::default();
            let (_, heard) = play(&mut world, Misbehaviour::At(stage, fault.clone()));
            assert_eq!(heard.len(), frames_before(stage) + 1, "{stage:?}");
            assert_eq!(heard.last(), Some(text), "{stage:?}");
        }
    }
}

#[test]
fn silence_is_for_ever_at_each_stage() {
    for stage in Stage::ALL {
        let mut world = World::default();
        let (id, heard) = play(&mut world, Misbehaviour::At(stage, Fault::Silence));
        assert_eq!(heard.len(), frames_before(stage), "{stage:?}");
        world.advance(Duration::from_secs(3600));
        world.say(id, &format!("<close xmlns='{FRAMING}'/>"));
        assert_eq!(world.raw(id), [""; 0], "{stage:?}");
        assert!(!world.is_closed(id), "{stage:?}");
    }
}

#[test]
fn the_socket_can_be_cut_at_each_stage() {
    for stage in Stage::ALL {
        let mut world = World::default();
        let (id, heard) = play(&mut world, Misbehaviour::At(stage, Fault::Cut));
        assert_eq!(heard.len(), frames_before(stage), "{stage:?}");
        assert!(world.is_closed(id), "{stage:?}");
    }
}

#[test]
fn the_stream_can_end_in_an_error_at_each_stage() {
    for stage in Stage::ALL {
        let mut world = World::default();
        let (_, heard) = play(&mut world, Misbehaviour::At(stage, Fault::StreamError("system-shutdown")));
        let [.., error, close] = &heard[..] else { panic!("an error and a close") };
        assert!(error.contains("<system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'"), "{stage:?}");
        assert!(close.starts_with("<close"), "{stage:?}");
    }
}

#[test]
fn the_client_can_be_sent_elsewhere_in_both_ways() {
    let mut world = World::default();
    let (_, heard) =
        play(&mut world, Misbehaviour::At(Stage::Features, Fault::SeeOtherHost("other.example")));
    assert!(heard[5].contains("xmpp-streams'>other.example</see-other-host>"), "{heard:?}");
    let (_, heard) =
        play(&mut world, Misbehaviour::At(Stage::Open, Fault::SeeOtherUri("wss://other.example/")));
    assert_eq!(heard, [format!("<close xmlns='{FRAMING}' see-other-uri='wss://other.example/'/>")]);
}

#[test]
fn each_fault_of_the_open_is_in_the_open() {
    let open = |fault| play(&mut World::default(), Misbehaviour::Open(fault)).1.remove(0);
    assert!(open(OpenFault::Namespace).contains(&format!("xmlns='{STREAM}'")));
    assert!(open(OpenFault::Version).contains("version='2.0'"));
    assert!(!open(OpenFault::MissingVersion).contains("version="));
    assert!(!open(OpenFault::MissingId).contains(" id="));
    assert!(open(OpenFault::From).contains("from='elsewhere.example'"));
    assert!(!open(OpenFault::MissingFrom).contains("from="));
}

#[test]
fn features_can_come_without_mechanisms() {
    let (_, heard) = play(&mut World::default(), Misbehaviour::NoMechanisms);
    assert_eq!(heard[1], format!("<stream:features xmlns:stream='{STREAM}'></stream:features>"));
}

#[test]
fn features_can_come_without_resource_binding() {
    let (_, heard) = play(&mut World::default(), Misbehaviour::NoBinding);
    assert_eq!(heard[5], format!("<stream:features xmlns:stream='{STREAM}'></stream:features>"));
}

#[test]
fn any_sasl_condition_can_refuse_good_credentials() {
    let mut world = World::default();
    world.server.misbehave(Misbehaviour::Refuse("account-disabled"));
    let id = world.connect();
    world.ask(id, OPEN);
    assert_eq!(condition(&world.answer(id, &plain("alice", "secret-alice"))), "account-disabled");
}

#[test]
fn each_fault_of_the_bind_result_is_in_the_bind_result_and_binds_nothing() {
    let result = |fault| {
        let mut world = World::default();
        let heard = play(&mut world, Misbehaviour::Bind(fault)).1;
        assert_eq!(world.server.statistics().bound_sessions, 0);
        heard.last().expect("a bind result").clone()
    };
    assert!(result(BindFault::MissingJid).contains(&format!("<bind xmlns='{BIND}'/>")));
    assert!(result(BindFault::BareJid).contains("<jid>alice@localhost</jid>"));
    assert!(result(BindFault::MalformedJid).contains("<jid>@localhost/</jid>"));
    assert!(result(BindFault::OtherAccount).contains("<jid>mallory@localhost/x</jid>"));
    assert!(result(BindFault::OtherId).contains("id='another-id'"));
    assert!(result(BindFault::Error("not-allowed")).contains("<not-allowed"));
}

#[test]
fn each_misbehaviour_is_for_one_connection_and_they_come_in_order() {
    let mut world = World::default();
    world.server.misbehave(Misbehaviour::Refuse("account-disabled"));
    world.server.misbehave(Misbehaviour::At(Stage::Open, Fault::Cut));
    let (first, second, third) = (world.connect(), world.connect(), world.connect());
    for id in [third, second, first] {
        world.say(id, OPEN);
        world.say(id, &plain("alice", "secret-alice"));
    }
    assert_eq!(condition(&world.heard(first)[2]), "account-disabled");
    assert!(world.is_closed(second));
    assert!(world.heard(third)[2].is("success", SASL));
}

#[test]
fn whatever_the_server_does_wrong_the_next_connection_is_served_well() {
    for misbehaviour in Misbehaviour::all() {
        let mut world = World::default();
        play(&mut world, misbehaviour.clone());
        let id = world.bind("alice", "another");
        let ping = world.answer(id, &iq("get", "", "<ping xmlns='urn:xmpp:ping'/>"));
        assert_eq!(ping.attr("type"), Some("result"), "{misbehaviour:?}");
    }
}

#[test]
fn the_list_of_misbehaviours_names_each_once() {
    let all = Misbehaviour::all();
    for (index, misbehaviour) in all.iter().enumerate() {
        assert!(!all[..index].contains(misbehaviour), "{misbehaviour:?}");
    }
    assert!(all.len() > Stage::ALL.len() * 15, "{}", all.len());
}
