//! Any inputs in any order: no panic, at most one end, and nothing after that end.

use std::time::Duration;

use epode_stream::sasl::ScramKeys;
use epode_stream::{Config, Event, Input};
use proptest::prelude::*;

use crate::frames::*;
use crate::peer::Peer;
use crate::{alice, anonymous, verifying};

#[derive(Clone, Debug)]
enum Act {
    Open(String),
    Say(String),
    Gone(u16),
    Close,
    Derived,
    Wait(u64),
}

const CHALLENGE: &str = "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==</challenge>";

fn frame() -> impl Strategy<Value = String> {
    const FRAMES: &[&str] = &[
        OPEN,
        CLOSE,
        PLAIN,
        SUCCESS,
        BIND,
        BIND_AND_SESSION,
        BOUND,
        SESSION,
        MESSAGE,
        CHALLENGE,
        "",
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<iq xmlns='jabber:client' type='error' id='epode-bind'/>",
    ];
    prop_oneof![
        6 => prop::sample::select(FRAMES).prop_map(str::to_owned),
        2 => Just(offering(&["SCRAM-SHA-1", "ANONYMOUS"])),
        1 => ".*",
        1 => "[<>/a-z=' ]{0,30}",
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => frame().prop_map(Act::Say),
        1 => ".*".prop_map(Act::Open),
        1 => any::<u16>().prop_map(Act::Gone),
        1 => Just(Act::Close),
        3 => Just(Act::Derived),
        2 => (0_u64..25).prop_map(Act::Wait),
    ]
}

fn some_config() -> impl Strategy<Value = Config> {
    (0..3).prop_map(|which| match which {
        0 => alice(),
        1 => verifying(),
        _ => anonymous(),
    })
}

/// A negotiation that goes well for a while, and then random acts.
fn acts() -> impl Strategy<Value = Vec<Act>> {
    let well = (0..=NEGOTIATION.len()).prop_map(|steps| {
        let opened = std::iter::once(Act::Open("fyko+d2lbbFgONRv9qkxdawL".to_owned()));
        opened.chain(NEGOTIATION[..steps].iter().map(|frame| Act::Say((*frame).to_owned()))).collect()
    });
    let well = prop_oneof![9 => well, 1 => Just(Vec::new())];
    (well, prop::collection::vec(act(), 0..25)).prop_map(|(well, rest): (Vec<Act>, _)| [well, rest].concat())
}

/// Keys that fit only an exchange with the salt of RFC 5802 §5.
fn some_keys() -> ScramKeys {
    let mut peer = Peer::after(alice(), &[OPEN, &offering(&["SCRAM-SHA-1"]), CHALLENGE]);
    peer.derivation.take().unwrap().advance(u32::MAX).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_survives_whatever_comes_and_ends_at_most_once(config in some_config(), acts in acts()) {
        static KEYS: std::sync::OnceLock<ScramKeys> = std::sync::OnceLock::new();
        let mut peer = Peer::dialling(config);
        let mut bound = 0;
        let mut ended = false;
        for act in acts {
            match act {
                Act::Open(nonce) => peer.input(Input::Opened { nonce }),
                Act::Say(frame) => prop_assert!(peer.say(&frame).is_none() || bound == 1 && !ended),
                Act::Gone(code) => peer.input(Input::Closed { code, reason: "gone" }),
                Act::Close => peer.input(Input::Close(epode_stream::CLOSE)),
                Act::Derived => peer.input(Input::Derived(KEYS.get_or_init(some_keys).clone())),
                Act::Wait(seconds) => peer.advance(Duration::from_secs(seconds)),
            }
            for event in peer.events() {
                prop_assert!(!ended, "{event:?} behind the end");
                match event {
                    Event::Ended(_) => ended = true,
                    Event::Bound(_) => bound += 1,
                    Event::Early(..) => prop_assert_eq!(bound, 1),
                    Event::Authenticating
                    | Event::Authenticated(_)
                    | Event::Refused(_)
                    | Event::BindRequired(_)
                    | Event::Management(_)
                    | Event::Dropped(_) => {}
                }
            }
            prop_assert_eq!(ended, peer.stream.is_closed());
            prop_assert!(!ended || peer.socket_closed && peer.stream.deadline().is_none());
            prop_assert!(bound <= 1);
        }
        // A stream that waits for the server has a deadline.
        if peer.derivation.is_none() && !peer.is_bound() {
            peer.advance(Duration::from_secs(20));
            prop_assert!(peer.stream.is_closed());
        }
    }
}
