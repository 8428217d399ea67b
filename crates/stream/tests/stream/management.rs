//! Stream management (XEP-0198): enabled after binding, resumed in its place.

use epode_stream::management;
use epode_stream::xml::Limits;
use epode_stream::{Config, Error, Event, Former, Input, Management, PeerMisbehaved, Purpose, Report};
use epode_testkit::{self as testkit, ManagementFault, Misbehaviour};

use crate::frames::*;
use crate::line::Line;
use crate::peer::{Peer, stream_error};
use crate::{SECOND, alice, verifying};

const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='abc' resume='true' max='300'/>";
const ENABLE_SENT: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true'/>";
const RESUME_SENT: &str = "<resume xmlns='urn:xmpp:sm:3' previd='a&amp;b' h='7'/>";
const R: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn offer() -> String {
    BIND.replace("<bind", "<sm xmlns='urn:xmpp:sm:3'/><bind")
}

fn managing() -> Config {
    Config { management: Some(Management { resume: true, max: None }), ..alice() }
}

/// What is needed to resume the session of this SM-ID.
fn former(id: &str, max: Option<u32>) -> Former {
    Former { id: id.to_owned(), received: 0, max, outbound: Limits::default(), unanswered: false }
}

fn resuming() -> Config {
    let former = Former { received: 7, ..former("a&b", None) };
    Config { former: Some(former), ..managing() }
}

/// A stream that was told these frames after the features with stream management.
fn told(config: Config, frames: &[&str]) -> Peer {
    Peer::after(config, &[&[OPEN, PLAIN, SUCCESS, OPEN, &offer()], frames].concat())
}

fn managed() -> Peer {
    told(managing(), &[BOUND, ENABLED])
}

fn reports(peer: &mut Peer) -> Vec<Report> {
    let reports = peer.events().into_iter().filter_map(|event| match event {
        Event::Management(report) => Some(report),
        _ => None,
    });
    reports.collect()
}

fn ack(h: &str) -> String {
    format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>")
}

#[test]
fn it_is_asked_for_right_after_binding_and_nobody_waits_for_the_answer() {
    let mut peer = told(managing(), &[]);
    assert_eq!(peer.answer(BOUND), [ENABLE_SENT]);
    let events = peer.events();
    assert!(matches!(&events[..], [.., Event::Bound(bound)] if bound.managed), "{events:?}");
    assert!(peer.say(MESSAGE).is_some());
    peer.say(ENABLED);
    assert_eq!(reports(&mut peer), [Report::Enabled(Some(former("abc", Some(300))))]);
    assert_eq!(peer.patience(), None);
}

#[test]
fn a_legacy_session_comes_first() {
    let features =
        offer().replace("</stream", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></stream");
    let mut peer = Peer::after(managing(), &[OPEN, PLAIN, SUCCESS, OPEN, &features]);
    assert_eq!(peer.answer(BOUND), [SESSION_SENT]);
    assert_eq!(peer.answer(SESSION), [ENABLE_SENT]);
}

#[test]
fn only_what_is_wanted_and_offered_is_asked_for() {
    let plain = Management { resume: false, max: None };
    let timed = Management { resume: true, max: Some(600) };
    let with = |management: Management| Config { management: Some(management), ..alice() };
    for (config, features, sent) in [
        (alice(), offer(), vec![]),
        (managing(), BIND.to_owned(), vec![]),
        (managing(), offer().replace("sm:3", "sm:2"), vec![]),
        (with(plain), offer(), vec!["<enable xmlns='urn:xmpp:sm:3'/>"]),
        (with(timed), offer(), vec!["<enable xmlns='urn:xmpp:sm:3' resume='true' max='600'/>"]),
    ] {
        let mut peer = Peer::after(config, &[OPEN, PLAIN, SUCCESS, OPEN, &features]);
        assert_eq!(peer.answer(BOUND), sent);
        let events = peer.events();
        let managed = !sent.is_empty();
        assert!(matches!(&events[..], [.., Event::Bound(bound)] if bound.managed == managed), "{events:?}");
    }
    let mut peer = Peer::after(Config { management: managing().management, ..verifying() }, &[OPEN, PLAIN]);
    assert_eq!(peer.answer(SUCCESS), [CLOSE]);
}

#[test]
fn an_answer_without_resume_or_without_an_id_means_that_nothing_can_be_resumed() {
    for (enabled, id) in [
        (ENABLED.replace("'true'", "'1'"), Some(former("abc", Some(300)))),
        (ENABLED.replace(" max='300'", ""), Some(former("abc", None))),
        (ENABLED.replace("'300'", "'for ever'"), Some(former("abc", None))),
        (ENABLED.replace(" resume='true'", ""), None),
        (ENABLED.replace("'true'", "'false'"), None),
        (ENABLED.replace(" id='abc'", ""), None),
        (ENABLED.replace("'abc'", "''"), None),
    ] {
        let mut peer = told(managing(), &[BOUND]);
        peer.say(&enabled);
        assert_eq!(reports(&mut peer), [Report::Enabled(id)], "{enabled}");
    }
}

#[test]
fn a_server_that_refuses_or_is_silent_is_used_without() {
    let failed = "<failed xmlns='urn:xmpp:sm:3'>\
        <internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
    let mut peer = told(managing(), &[BOUND]);
    peer.say(failed);
    assert_eq!(reports(&mut peer), [Report::Unmanaged("internal-server-error".to_owned())]);
    assert_eq!(peer.patience(), None);

    let mut silent = told(managing(), &[BOUND]);
    assert_eq!(silent.patience(), Some(20 * SECOND));
    silent.advance(20 * SECOND);
    assert_eq!(reports(&mut silent), [Report::Unmanaged("timeout".to_owned())]);

    for (peer, late) in [(&mut peer, &[ENABLED, failed, R, &ack("1")][..]), (&mut silent, &[failed, R])] {
        for late in late {
            peer.say(late);
            assert!(matches!(&peer.events()[..], [Event::Dropped(_)]), "{late}");
        }
        assert_eq!(peer.sent(), [""; 0]);
        assert!(peer.say(MESSAGE).is_some());
    }
    // The server counts its stanzas all the same, and waits for our acknowledgements.
    silent.say(ENABLED);
    silent.say(R);
    assert_eq!(reports(&mut silent), [Report::Enabled(None), Report::AckRequested]);
}

#[test]
fn requests_and_acknowledgements_are_reported() {
    let mut peer = managed();
    peer.say(R);
    peer.say(&ack("3"));
    peer.say(&ack("4294967295"));
    let reports = reports(&mut peer);
    assert_eq!(reports[..], [Report::AckRequested, Report::Acknowledged(3), Report::Acknowledged(u32::MAX)]);
    assert_eq!([management::ack(5), management::request()], ["<a xmlns='urn:xmpp:sm:3' h='5'/>", R]);
    for useless in [ENABLED, "<failed xmlns='urn:xmpp:sm:3'/>", "<enable xmlns='urn:xmpp:sm:3'/>"] {
        peer.say(useless);
        assert!(matches!(&peer.events()[..], [Event::Dropped(_)]), "{useless}");
    }
}

#[test]
fn before_the_answer_to_enable_there_is_nothing_to_acknowledge() {
    let mut peer = told(managing(), &[BOUND]);
    for early in [R, &ack("0")] {
        peer.say(early);
        assert!(matches!(&peer.events()[..], [Event::Dropped(_)]), "{early}");
    }
    assert!(peer.say(MESSAGE).is_some());
}

#[test]
fn an_acknowledgement_without_a_number_ends_the_stream() {
    for broken in ["<a xmlns='urn:xmpp:sm:3'/>", &ack("many"), &ack("-1"), &ack("4294967296")] {
        let mut peer = managed();
        peer.say(broken);
        assert_eq!(peer.ended(), Some(PeerMisbehaved::NoCount("a".to_owned()).into()));
        assert_eq!(stream_error(&peer.sent()).as_deref(), Some("undefined-condition"));
    }
}

#[test]
fn an_acknowledgement_of_what_was_not_sent_ends_the_stream_with_both_counts() {
    let mut peer = managed();
    peer.input(Input::AckedTooMuch { handled: 10, sent: 8 });
    assert_eq!(peer.ended(), Some(PeerMisbehaved::AckedTooMuch { handled: 10, sent: 8 }.into()));
    let sent = peer.sent();
    assert_eq!(stream_error(&sent).as_deref(), Some("undefined-condition"));
    let detail = "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></stream:error>";
    assert!(sent[0].ends_with(detail), "{}", sent[0]);
}

#[test]
fn a_former_session_is_resumed_in_the_place_of_binding() {
    let mut peer = Peer::after(resuming(), &[OPEN, PLAIN, SUCCESS, OPEN]);
    assert_eq!(peer.answer(&offer()), [RESUME_SENT]);
    assert!(peer.stream.is_resuming());
    assert_eq!(peer.answer("<resumed xmlns='urn:xmpp:sm:3' previd='a&amp;b' h='4'/>"), [""; 0]);
    let events = peer.events();
    assert!(matches!(&events[..], [Event::Management(Report::Resumed(4))]), "{events:?}");
    assert!(!peer.stream.is_resuming());
    assert_eq!(peer.patience(), None);
    assert!(peer.say(MESSAGE).is_some());
    peer.say(R);
    assert_eq!(reports(&mut peer), [Report::AckRequested]);
}

// XEP-0478: what the server takes.
#[test]
fn the_limits_of_the_former_session_hold_unless_others_are_told() {
    let outbound = Limits { bytes: 10_000, ..Limits::default() };
    for (told, bytes) in [("", 10_000), ("<max-bytes>20000</max-bytes>", 20_000)] {
        let config = Config { former: Some(Former { outbound, ..former("a&b", None) }), ..managing() };
        let limits = format!("<limits xmlns='urn:xmpp:stream-limits:0'>{told}</limits><bind");
        let mut peer = Peer::after(config, &[OPEN, PLAIN, SUCCESS, OPEN]);
        peer.say(&offer().replace("<bind", &limits));
        peer.say("<resumed xmlns='urn:xmpp:sm:3' previd='a&amp;b' h='4'/>");
        assert_eq!(peer.stream.outbound().bytes, bytes);
    }
}

#[test]
fn a_resource_is_bound_on_the_same_stream_if_the_session_is_gone() {
    for (failed, h) in [
        (
            "<failed xmlns='urn:xmpp:sm:3'>\
             <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
            None,
        ),
        ("<failed xmlns='urn:xmpp:sm:3' h='9'/>", Some(9)),
        ("<failed xmlns='urn:xmpp:sm:3' h='?'><undreamt-of/></failed>", None),
    ] {
        let mut peer = told(resuming(), &[]);
        assert_eq!(peer.answer(failed), [BIND_SENT], "{failed}");
        assert_eq!(reports(&mut peer), [Report::NotResumed(h)]);
        assert_eq!(peer.answer(BOUND), [ENABLE_SENT]);
        assert!(!peer.stream.is_resuming());
    }
}

#[test]
fn a_server_that_does_not_offer_it_any_more_binds_a_resource() {
    let mut peer = Peer::after(resuming(), &[OPEN, PLAIN, SUCCESS, OPEN]);
    assert_eq!(peer.answer(BIND), [BIND_SENT]);
    assert_eq!(reports(&mut peer), [Report::NotResumed(None)]);
    assert_eq!(peer.answer(BOUND), [""; 0]);
}

#[test]
fn an_app_that_binds_itself_does_so_only_if_the_session_is_gone() {
    let purpose = || Purpose::Bind { resource: None, explicit: true, yields: false };
    let mut peer = told(Config { purpose: purpose(), ..resuming() }, &[]);
    peer.say("<resumed xmlns='urn:xmpp:sm:3' previd='a&amp;b' h='0'/>");
    assert!(matches!(&peer.events()[..], [Event::Management(Report::Resumed(0))]));
    let mut peer = told(Config { purpose: purpose(), ..resuming() }, &[]);
    assert_eq!(peer.answer("<failed xmlns='urn:xmpp:sm:3'/>"), [""; 0]);
    let events = peer.events();
    assert!(matches!(&events[..], [Event::Management(Report::NotResumed(None)), Event::BindRequired(_)]));
}

#[test]
fn a_resumption_that_breaks_a_rule_ends_the_stream() {
    for (resumed, error) in [
        ("<resumed xmlns='urn:xmpp:sm:3' previd='other' h='0'/>", PeerMisbehaved::ResumedAnother),
        ("<resumed xmlns='urn:xmpp:sm:3' h='0'/>", PeerMisbehaved::ResumedAnother),
        ("<resumed xmlns='urn:xmpp:sm:3' previd='a&amp;b'/>", PeerMisbehaved::NoCount("resumed".to_owned())),
    ] {
        let mut peer = told(resuming(), &[]);
        peer.say(resumed);
        assert_eq!(peer.ended(), Some(error.into()), "{resumed}");
        assert_eq!(stream_error(&peer.sent()).as_deref(), Some("undefined-condition"));
    }
    let mut silent = told(resuming(), &[]);
    silent.advance(20 * SECOND);
    assert_eq!(silent.ended(), Some(Error::Timeout("resuming the session")));
    assert!(silent.stream.is_resuming());
}

#[test]
fn what_comes_before_the_resumption_is_kept_for_it() {
    let mut peer = told(resuming(), &[]);
    for early in [MESSAGE, R, MESSAGE] {
        assert!(peer.say(early).is_none());
    }
    assert!(peer.events().is_empty());
    peer.say("<resumed xmlns='urn:xmpp:sm:3' previd='a&amp;b' h='0'/>");
    let events = peer.events();
    assert!(
        matches!(&events[..], [Event::Management(_), Event::Early(..), Event::Dropped(_), Event::Early(..)]),
        "{events:?}"
    );
}

#[test]
fn whatever_a_server_does_wrong_about_it_the_resource_is_bound() {
    for fault in ManagementFault::all() {
        for config in [managing(), resuming()] {
            let management = Some(testkit::Management::default());
            let mut line = Line::new(config, testkit::Config { management, ..testkit::Config::default() });
            line.server.misbehave(Misbehaviour::Management(fault));
            line.open();
            let up = line.bound.is_some();
            line.exhaust();
            assert!(up && line.is_bound(), "{fault:?}");
        }
    }
}
