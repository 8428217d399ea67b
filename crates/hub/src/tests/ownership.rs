//! Two workers of one origin: which of them has the session.

use epode_protocol::{Credentials, Hello, Options, Secret, ToWorker, VERSION};

use super::world::{SERVICE, config};
use crate::{Config, Hub, Input, Keeper, Output, PortId};

const PORT: PortId = PortId(1);

/// A worker whose only tab wants to be Alice; the outputs of the worker.
fn worker() -> (Hub<String>, Vec<Output<String>>) {
    worker_of(config())
}

fn worker_of(config: Config) -> (Hub<String>, Vec<Output<String>>) {
    let mut hub = Hub::new(config);
    let hello =
        Hello { versions: vec![VERSION], tab: "t".to_owned(), lock: None, before: None, visible: true };
    hub.handle_input(super::world::GRACE, Input::PortOpened(PORT));
    hub.handle_input(super::world::GRACE, Input::Message(PORT, ToWorker::Hello(hello), 0.0));
    let credentials =
        Credentials { authcid: None, password: Some(Secret::new("secret-alice".to_owned())), keys: None };
    let (service, jid) = (SERVICE.to_owned(), "alice@localhost".to_owned());
    let connect = ToWorker::Connect { service, jid, credentials, options: Options::default(), bosh: None };
    let outputs = told(&mut hub, Input::Message(PORT, connect, 0.0));
    (hub, outputs)
}

fn told(hub: &mut Hub<String>, input: Input<String>) -> Vec<Output<String>> {
    hub.handle_input(super::world::GRACE, input);
    std::iter::from_fn(|| hub.poll_output()).collect()
}

fn name(outputs: &[Output<String>]) -> String {
    let own = outputs.iter().find_map(|output| match output {
        Output::Own(name) => Some(name.clone()),
        _ => None,
    });
    own.expect("a session is made one's own before anything is dialled")
}

fn says(outputs: &[Output<String>], what: &str) -> bool {
    outputs.iter().any(|output| format!("{output:?}").contains(what))
}

#[test]
fn a_detour_neither_waits_for_a_session_nor_takes_it() {
    let (_, outputs) = worker_of(Config { detour: true, ..config() });
    assert!(!outputs.iter().any(|output| matches!(output, Output::Own(_))), "{outputs:?}");
    assert!(outputs.iter().any(|output| matches!(output, Output::Dial(..))), "{outputs:?}");
}

#[test]
fn nothing_is_dialled_before_the_session_is_ours() {
    let (mut hub, outputs) = worker();
    assert!(!says(&outputs, "Dial"), "{outputs:?}");
    let outputs = told(&mut hub, Input::Owned(name(&outputs)));
    assert!(says(&outputs, "Dial"), "{outputs:?}");
}

#[test]
fn a_session_that_a_newer_worker_has_stays_there_and_the_tab_hears_what_to_do() {
    let (mut hub, outputs) = worker();
    let outputs = told(&mut hub, Input::Denied(name(&outputs), Keeper::Newer));
    assert!(says(&outputs, "ConnFail") && says(&outputs, "reload the page"), "{outputs:?}");
    assert!(says(&outputs, "Disconnected") && !says(&outputs, "Dial"), "{outputs:?}");
}

#[test]
fn a_tab_whose_session_another_worker_of_the_script_has_is_sent_there() {
    let (mut hub, outputs) = worker();
    let beside = Keeper::Beside("Strophe XMPP Connection".to_owned());
    let outputs = told(&mut hub, Input::Denied(name(&outputs), beside));
    assert!(says(&outputs, "Elsewhere { worker: \"Strophe XMPP Connection\" }"), "{outputs:?}");
    assert!(!says(&outputs, "Status") && !says(&outputs, "Dial"), "{outputs:?}");
}

#[test]
fn a_tab_whose_session_a_worker_of_another_script_has_hears_what_to_do() {
    let (mut hub, outputs) = worker();
    let outputs = told(&mut hub, Input::Denied(name(&outputs), Keeper::Other));
    assert!(says(&outputs, "ConnFail") && says(&outputs, "the same worker script"), "{outputs:?}");
}

#[test]
fn a_newer_worker_is_handed_the_session_and_the_tabs_hear_why() {
    let (mut hub, outputs) = worker();
    let name = name(&outputs);
    told(&mut hub, Input::Owned(name.clone()));
    let outputs = told(&mut hub, Input::Wanted(name.clone()));
    assert!(says(&outputs, "Disconnected") && says(&outputs, "took over"), "{outputs:?}");
    let disowned = |output: &Output<String>| matches!(output, Output::Disown(let_go) if *let_go == name);
    assert!(outputs.iter().any(disowned), "{outputs:?}");
}

#[test]
fn a_session_that_nobody_wants_any_more_is_let_go() {
    let (mut hub, outputs) = worker();
    let name = name(&outputs);
    told(&mut hub, Input::Message(PORT, ToWorker::Disconnect { reason: None, timeout: 3000 }, 0.0));
    let outputs = told(&mut hub, Input::Owned(name));
    assert!(says(&outputs, "Disown") && !says(&outputs, "Dial"), "{outputs:?}");
}

#[test]
fn a_worker_makes_room_for_a_page_that_is_too_new_for_it_and_for_no_other() {
    let (mut hub, outputs) = worker();
    told(&mut hub, Input::Owned(name(&outputs)));
    // A page that is served has no reason to ask.
    let outputs = told(&mut hub, Input::Message(PORT, ToWorker::StepAside, 0.0));
    assert!(!says(&outputs, "Exit"), "{outputs:?}");

    let newer = PortId(2);
    hub.handle_input(super::world::GRACE, Input::PortOpened(newer));
    let versions = vec![VERSION + 1];
    let hello = Hello { versions, tab: "n".to_owned(), lock: None, before: None, visible: true };
    let outputs = told(&mut hub, Input::Message(newer, ToWorker::Hello(hello), 0.0));
    assert!(says(&outputs, "Refused"), "{outputs:?}");
    let outputs = told(&mut hub, Input::Message(newer, ToWorker::StepAside, 0.0));
    assert!(says(&outputs, "CloseSocket") && matches!(outputs.last(), Some(Output::Exit)), "{outputs:?}");
    assert!(!says(&outputs, "Disconnected"), "its tabs are to come back, as if it had died: {outputs:?}");
}

#[test]
fn whatever_happens_meanwhile_nothing_is_dialled_before_the_session_is_ours() {
    let (mut hub, outputs) = worker();
    let name = name(&outputs);
    for online in [false, true] {
        let outputs = told(&mut hub, Input::Online(online));
        assert!(!says(&outputs, "Dial"), "{outputs:?}");
    }
    let outputs = told(&mut hub, Input::Owned(name));
    assert!(says(&outputs, "Dial"), "{outputs:?}");
}

#[test]
fn a_session_that_is_ended_before_it_is_ours_is_never_dialled() {
    let (mut hub, outputs) = worker();
    let name = name(&outputs);
    let bye = ToWorker::Disconnect { reason: None, timeout: 3_000 };
    let outputs = told(&mut hub, Input::Message(PortId(1), bye, 0.0));
    assert!(!says(&outputs, "Dial") && says(&outputs, "Disconnected"), "{outputs:?}");
    let outputs = told(&mut hub, Input::Owned(name));
    assert!(!says(&outputs, "Dial") && says(&outputs, "Disown"), "{outputs:?}");
}
