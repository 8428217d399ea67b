//! A tab and its worker, word by word; the worker is the test.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use epode_protocol::Options;

use super::*;

/// A time of day.
const TODAY: f64 = 1.8e12;
const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn the_first_word_of_a_tab_is_hello() {
    let mut page = Page::opened();
    let Some(ToWorker::Hello(hello)) = page.posts.pop() else { panic!("no hello") };
    assert_eq!((hello.versions, hello.tab.as_str()), (vec![VERSION], "tab-1"));
    assert_eq!((hello.lock.as_deref(), hello.visible), (Some("lock-1"), true));
    assert!(page.posts.is_empty());
}

#[test]
fn what_the_app_wants_before_the_welcome_goes_out_behind_it_in_order() {
    let mut page = Page::default();
    page.connect();
    page.tab.send(["<a/>".to_owned()]);
    page.open();
    page.tab.request("<b/>".to_owned(), Some(2 * SECOND));
    page.tab.send(["<c/>".to_owned(), "<d/>".to_owned()]);
    page.say(ToWorker::Visibility { visible: false });
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_)]), "{:?}", page.posts);
    page.posts.clear();
    page.welcome();
    let expected = [
        Page::connect_word(),
        ToWorker::Send { stanzas: vec![outgoing(1, "<a/>")] },
        ToWorker::Request { token: 2, text: "<b/>".to_owned(), timeout: Some(2000) },
        ToWorker::Send { stanzas: vec![outgoing(3, "<c/>"), outgoing(4, "<d/>")] },
        ToWorker::Visibility { visible: false },
    ];
    assert_eq!(format!("{:?}", page.posts), format!("{expected:?}"));
    assert_eq!(page.tab.deadline(), None, "who is welcome waits for nothing");
}

#[test]
fn the_wish_to_join_goes_out_right_behind_hello_and_is_not_said_twice() {
    let mut page = Page::opened();
    page.connect();
    page.tab.send(["<a/>".to_owned()]);
    page.drain();
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]), "{:?}", page.posts);
    page.posts.clear();
    page.welcome();
    assert!(matches!(&page.posts[..], [ToWorker::Send { .. }]), "{:?}", page.posts);
    // What it says of the session is about this wish.
    page.hear(up(1));
    assert_eq!(page.heard(), ["Connected"]);
}

#[test]
fn a_wish_that_went_out_early_is_said_again_to_the_next_worker() {
    let mut page = Page::opened();
    page.connect();
    page.posts.clear();
    page.input(Input::Died);
    assert_eq!(page.reopened, 1);
    page.open();
    page.welcome();
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]), "{:?}", page.posts);
}

#[test]
fn a_worker_that_is_too_old_may_refuse_the_early_wish_as_well() {
    let mut page = Page::opened();
    page.connect();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION - 1] }));
    page.hear(FromWorker::Refused(Refusal::Malformed { detail: "what?".to_owned() }));
    assert!(!page.tab.is_over() && page.heard().is_empty());
    page.posts.clear();
    page.timeout(STEP_ASIDE);
    page.open();
    page.welcome();
    assert!(matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Connect { .. }]), "{:?}", page.posts);
}

#[test]
fn a_second_welcome_changes_nothing() {
    let mut page = Page::welcomed();
    page.tab.send(["<a/>".to_owned()]);
    page.drain();
    page.posts.clear();
    page.welcome();
    assert!(page.posts.is_empty() && page.heard().is_empty());
}

#[test]
fn to_send_nothing_is_nothing() {
    let mut page = Page::welcomed();
    page.tab.send([]);
    page.drain();
    assert!(page.posts.is_empty());
}

#[test]
fn tokens_rise_by_one_over_sends_and_requests_alike() {
    let mut page = Page::welcomed();
    assert_eq!(page.tab.send(["<a/>".to_owned(), "<b/>".to_owned()]), 2);
    assert_eq!(page.tab.request("<c/>".to_owned(), None), 3);
    assert_eq!(page.tab.send(["<d/>".to_owned()]), 4);
}

#[test]
fn a_time_limit_longer_than_the_wire_can_say_is_the_longest_it_can() {
    let mut page = Page::welcomed();
    page.tab.request("<a/>".to_owned(), Some(Duration::MAX));
    page.drain();
    assert!(matches!(&page.posts[..], [ToWorker::Request { timeout: Some(u32::MAX), .. }]));
}

#[test]
fn a_worker_that_gives_no_sign_of_life_is_lost_after_eight_seconds() {
    let mut page = Page::opened();
    page.connect();
    assert_eq!(page.tab.deadline(), Some(PATIENCE));
    page.timeout(PATIENCE - MOMENT);
    assert!(page.heard().is_empty() && !page.tab.is_over());
    page.timeout(PATIENCE);
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
    assert!(page.tab.is_over());
    assert_eq!(page.tab.deadline(), None);
}

#[test]
fn one_that_has_given_a_sign_of_life_has_a_minute_from_then_on() {
    let mut page = Page::opened();
    page.connect();
    page.now = 7 * SECOND;
    page.hear(FromWorker::Log { level: LogLevel::Info, text: "loading".to_owned() });
    assert_eq!(page.heard(), ["Info loading"]);
    assert_eq!(page.tab.deadline(), Some(7 * SECOND + LONG_PATIENCE));
    page.timeout(7 * SECOND + LONG_PATIENCE - MOMENT);
    assert!(!page.tab.is_over());
    page.timeout(7 * SECOND + LONG_PATIENCE);
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
    // It did answer, so the reason must not be that it is another script.
    assert_eq!(page.reason(), "the worker did not get ready within 60 s");
}

#[test]
fn a_worker_that_is_not_understood_is_noted_and_not_taken_for_alive() {
    let mut page = Page::opened();
    page.input(Input::Malformed("what?".to_owned()));
    assert_eq!(page.heard(), ["Warn the worker was not understood: what?"]);
    assert_eq!(page.tab.deadline(), Some(PATIENCE));
}

#[test]
fn each_refusal_is_told_in_words() {
    for (refusal, condition, word) in [
        (Refusal::Version { speaks: vec![9] }, "worker-version", "reload"),
        (Refusal::Malformed { detail: "no Hello".into() }, "worker-protocol", "no Hello"),
        (Refusal::Engine { detail: "wasm-unsafe-eval".into() }, "worker-failed", "wasm-unsafe-eval"),
    ] {
        let mut page = Page::opened();
        page.connect();
        let token = page.tab.send(["<a/>".to_owned()]);
        page.hear(FromWorker::Refused(refusal));
        let heard = page.heard();
        assert_eq!(heard, [format!("failed {token} {condition}").as_str(), "ConnFail", "Disconnected"]);
        assert!(page.reason().contains(word), "{}", page.reason());
        assert!(page.tab.is_over());
    }
}

#[test]
fn everything_that_is_open_ends_when_the_worker_is_lost() {
    let mut page = Page::welcomed();
    page.connect();
    page.tab.send(["<a/>".to_owned(), "<b/>".to_owned(), "<c/>".to_owned()]);
    page.tab.request("<d/>".to_owned(), None);
    page.tab.request("<e/>".to_owned(), Some(SECOND));
    page.hear(status(StatusCode::Connected));
    page.hear(FromWorker::Written { up_to: 1 });
    page.hear(FromWorker::Failed { token: 2, fault: fault("invalid-from") });
    page.hear(FromWorker::Response { token: 4, outcome: Outcome::Timeout, position: 0 });
    assert_eq!(page.heard(), ["Connected", "written 1", "failed 2 invalid-from", "response 4 Timeout"]);
    page.input(Input::Lost(fault("worker-lost")));
    assert_eq!(page.heard(), ["failed 3 worker-lost", "response 5 Disconnected", "Disconnected"]);
    // Once.
    page.input(Input::Lost(fault("worker-lost")));
    assert!(page.heard().is_empty());
}

#[test]
fn everything_that_still_waited_for_the_welcome_ends_too_and_is_never_posted() {
    let mut page = Page::opened();
    page.tab.send(["<a/>".to_owned()]);
    page.tab.request("<b/>".to_owned(), None);
    page.posts.clear();
    page.input(Input::Lost(fault("worker-lost")));
    assert_eq!(page.heard(), ["failed 1 worker-lost", "response 2 Disconnected"]);
    page.welcome();
    page.open();
    page.posts.clear();
    page.welcome();
    assert!(page.posts.is_empty() && page.heard().is_empty());
}

#[test]
fn what_is_wanted_of_a_lost_worker_ends_at_once() {
    let mut page = Page::welcomed();
    page.input(Input::Lost(fault("worker-lost")));
    page.tab.send(["<a/>".to_owned(), "<b/>".to_owned()]);
    page.tab.request("<c/>".to_owned(), None);
    page.connect();
    assert_eq!(
        page.heard(),
        [
            "failed 1 worker-lost",
            "failed 2 worker-lost",
            "response 3 Disconnected",
            "ConnFail",
            "Disconnected"
        ]
    );
    assert!(page.posts.is_empty());
}

#[test]
fn an_app_hears_the_end_of_what_it_believes_and_no_more() {
    use StatusCode::*;
    for (codes, end) in [
        (&[][..], &["ConnFail", "Disconnected"][..]),
        (&[Authenticating], &["ConnFail", "Disconnected"]),
        (&[Connected], &["Disconnected"]),
        (&[Attached], &["Disconnected"]),
        (&[Attached, Disconnecting], &["Disconnected"]),
        (&[AuthFail, Disconnected], &[]),
        (&[Connected, Disconnected], &[]),
        (&[AttachFail], &[]),
    ] {
        let mut page = Page::welcomed();
        page.connect();
        for code in codes {
            page.hear(status(*code));
        }
        page.heard();
        page.input(Input::Lost(fault("worker-lost")));
        assert_eq!(page.heard(), end, "{codes:?}");
    }
    let mut page = Page::welcomed();
    page.input(Input::Lost(fault("worker-lost")));
    assert!(page.heard().is_empty(), "an app that wants nothing is told nothing");
}

#[test]
fn a_lost_worker_that_speaks_after_all_is_not_heard() {
    let mut page = Page::opened();
    page.connect();
    page.tab.send(["<a/>".to_owned()]);
    page.timeout(PATIENCE);
    page.heard();
    page.posts.clear();
    page.welcome();
    page.hear(status(StatusCode::Connected));
    page.hear(FromWorker::Role(Role::Primary));
    page.hear(FromWorker::Written { up_to: 1 });
    page.hear(deliver(&[1]));
    assert!(page.heard().is_empty() && page.posts.is_empty());
    assert!(page.tab.is_over());
}

#[test]
fn a_tab_starts_afresh_on_a_new_port_and_its_tokens_go_on() {
    let mut page = Page::welcomed();
    let before = page.tab.send(["<a/>".to_owned()]);
    page.input(Input::Lost(fault("worker-lost")));
    page.posts.clear();
    page.heard();
    page.open();
    assert!(!page.tab.is_over());
    let after = page.tab.send(["<b/>".to_owned()]);
    assert_eq!(after, before + 1);
    page.posts.clear();
    page.welcome();
    let expected: ToWorker<String> = ToWorker::Send { stanzas: vec![outgoing(after, "<b/>")] };
    assert_eq!(format!("{:?}", page.posts), format!("[{expected:?}]"));
}

#[test]
fn a_batch_comes_out_stanza_by_stanza_in_order() {
    let mut page = Page::welcomed();
    page.hear(deliver(&[3, 4, 5]));
    assert_eq!(page.heard(), ["3 Received <m/>", "4 Received <m/>", "5 Received <m/>"]);
}

#[test]
fn an_end_comes_once_for_each_token_and_never_for_one_that_was_not_given() {
    let mut page = Page::welcomed();
    page.tab.send(["<a/>".to_owned(), "<b/>".to_owned()]);
    page.tab.request("<c/>".to_owned(), None);
    let failed = |token| FromWorker::Failed { token, fault: fault("x") };
    for _ in 0..2 {
        page.hear(failed(1));
        page.hear(FromWorker::Response { token: 3, outcome: Outcome::Timeout, position: 0 });
    }
    for token in [0, 3, 7, u32::MAX] {
        page.hear(failed(token));
    }
    for token in [0, 1, 7, u32::MAX] {
        page.hear(FromWorker::Response { token, outcome: Outcome::Disconnected, position: 0 });
    }
    assert_eq!(page.heard(), ["failed 1 x", "response 3 Timeout"]);
    page.hear(FromWorker::Written { up_to: u32::MAX });
    page.hear(failed(2));
    assert_eq!(page.heard(), [format!("written {}", u32::MAX)]);
    page.input(Input::Lost(fault("worker-lost")));
    assert!(page.heard().is_empty());
}

/// A tab, and the app and the port on either side of it.
#[derive(Default)]
struct Page {
    tab: Tab<String>,
    now: Duration,
    posts: Vec<ToWorker<String>>,
    events: Vec<Event<String>>,
    reason: String,
    /// The lock of the worker that the tab waits on.
    watched: Option<String>,
    /// How many times the tab asked for a new port.
    reopened: u32,
    /// Whether the worker takes its time to hear what the tab says.
    slow: bool,
    /// Whether it has said welcome, and the wishes to join that it heard before.
    welcomed: bool,
    early: u32,
}

impl Page {
    fn opened() -> Self {
        let mut page = Self::default();
        page.open();
        page
    }

    fn welcomed() -> Self {
        let mut page = Self::opened();
        page.welcome();
        page.posts.clear();
        page
    }

    /// In a session that it hears from behind this position.
    fn up_at(position: Position) -> Self {
        let mut page = Self::welcomed();
        page.connect();
        page.input(Input::Message(up(position)));
        page
    }

    fn open(&mut self) {
        (self.welcomed, self.early) = (false, 0);
        self.input(Input::Opened {
            tab: "tab-1".into(),
            lock: Some("lock-1".into()),
            visible: true,
            before: None,
        });
    }

    fn welcome(&mut self) {
        self.welcome_under(None);
    }

    fn welcome_under(&mut self, lock: Option<&str>) {
        let (boot, lock) = ("boot-1".to_owned(), lock.map(str::to_owned));
        self.hear(FromWorker::Welcome { version: VERSION, boot, lock });
        self.welcomed = true;
        for _ in 0..std::mem::take(&mut self.early) {
            self.hear(FromWorker::Joining);
        }
    }

    fn connect(&mut self) {
        self.say(Self::connect_word());
    }

    fn connect_word() -> ToWorker<String> {
        let credentials = epode_protocol::Credentials {
            authcid: None,
            password: Some(Secret::new("secret".to_owned())),
            keys: None,
        };
        let (service, jid) = ("ws://localhost/".to_owned(), "a@b".to_owned());
        ToWorker::Connect { service, jid, credentials, options: Options::default() }
    }

    fn say(&mut self, wish: ToWorker<String>) {
        self.input(Input::Say(wish));
    }

    fn hear(&mut self, message: FromWorker<String>) {
        self.input(Input::Message(message));
    }

    fn timeout(&mut self, now: Duration) {
        self.now = now;
        self.input(Input::Timeout);
    }

    fn input(&mut self, input: Input<String>) {
        self.tab.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.tab.poll_output() {
            match output {
                Output::Post(message) => {
                    let joins = matches!(
                        message,
                        ToWorker::Connect { .. } | ToWorker::Attach { .. } | ToWorker::Restore { .. }
                    );
                    self.posts.push(message);
                    if joins && !self.welcomed {
                        self.early += 1;
                    } else if joins && !self.slow {
                        self.tab.handle_input(self.now, Input::Message(FromWorker::Joining));
                    }
                }
                Output::Event(event) => self.events.push(event),
                Output::Watch(lock) => self.watched = Some(lock),
                Output::Reopen => self.reopened += 1,
            }
        }
    }

    /// What the app was told since it was last asked.
    fn heard(&mut self) -> Vec<String> {
        self.drain();
        let in_words = |event| match event {
            Event::Status(status) => {
                self.reason = status.text.unwrap_or_default();
                format!("{:?}", status.code)
            }
            Event::Challenge(token, mechanism, challenge) => format!("{mechanism} {token} {challenge:?}"),
            Event::Role(role) => format!("{role:?}"),
            Event::Stanzas(batch) => {
                let in_words = |Delivery(position, origin, text)| format!("{position} {origin:?} {text}");
                batch.into_deliveries().map(in_words).collect::<Vec<_>>().join("\n")
            }
            Event::Caught(claim, origin, text) => format!("caught {claim} {origin:?} {text}"),
            Event::Claimed(claim) => format!("claimed {claim}"),
            Event::Gap(from, to, count) => format!("gap {from} to {to}: {count}"),
            Event::Tabs(token, tabs) => format!("tabs {token}: {}", tabs.len()),
            Event::Written(up_to) => format!("written {up_to}"),
            Event::Failed(token, fault) => format!("failed {token} {}", fault.condition),
            Event::Response(token, outcome) => format!("response {token} {outcome:?}"),
            Event::Keys(keys) => format!("keys {}", keys.expose()),
            Event::Log(level, text) => format!("{level:?} {text}"),
        };
        let lines = std::mem::take(&mut self.events).into_iter().map(in_words);
        lines.flat_map(|lines| lines.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// The claims that were posted: their numbers, the position they hold from, and when they were made.
    fn said_claims(&self) -> Vec<(Vec<ClaimId>, Position, f64)> {
        let claim = |post: &ToWorker<String>| match post {
            ToWorker::Claim { claims, from, made } => {
                Some((claims.iter().map(|claim| claim.id).collect(), *from, *made))
            }
            _ => None,
        };
        self.posts.iter().filter_map(claim).collect()
    }

    /// The words that came with the latest status.
    fn reason(&self) -> &str {
        &self.reason
    }
}

fn outgoing(token: Token, text: &str) -> Outgoing<String> {
    Outgoing { token, text: text.to_owned() }
}

fn status(code: StatusCode) -> FromWorker<String> {
    FromWorker::Status(Status { code, condition: None, text: None, session: None, close_code: None })
}

fn deliver(positions: &[Position]) -> FromWorker<String> {
    let stanza = |position: &Position| Delivery(*position, Origin::Received, "<m/>".to_owned());
    FromWorker::Deliver(positions.iter().map(stanza).collect())
}

fn caught(claim: ClaimId, positions: &[Position]) -> FromWorker<String> {
    let stanza = |position: &Position| Delivery(*position, Origin::Received, "<m/>".to_owned());
    FromWorker::Claimed { claims: vec![Caught { claim, stanzas: positions.iter().map(stanza).collect() }] }
}

fn fault(condition: &str) -> Fault {
    Fault { condition: condition.to_owned(), text: condition.to_owned() }
}

fn up(position: Position) -> FromWorker<String> {
    let session = epode_protocol::SessionInfo {
        jid: "a@b/c".to_owned(),
        domain: "b".to_owned(),
        features: String::new(),
        position,
    };
    FromWorker::Status(Status {
        code: StatusCode::Connected,
        condition: None,
        text: None,
        session: Some(session),
        close_code: None,
    })
}

#[test]
fn a_claim_holds_from_the_stanza_that_was_being_handled_and_one_made_at_leisure_from_now() {
    let mut page = Page::welcomed();
    page.connect();
    let early = page.tab.claim(TODAY, Selector::Everything);
    page.posts.clear();
    page.tab.handle_input(page.now, Input::Message(up(5)));
    page.tab.handle_input(page.now, Input::Message(deliver(&[7, 8, 9])));
    // In the callback of the status.
    assert!(matches!(page.tab.poll_output(), Some(Output::Event(Event::Status(_)))));
    let in_status = page.tab.claim(TODAY, Selector::Sent);
    assert!(matches!(page.tab.poll_output(), Some(Output::Event(Event::Stanzas(_)))));
    page.tab.at(7);
    let in_stanza = page.tab.claim(TODAY, Selector::Sent);
    assert_eq!(page.tab.before().position, 7);
    page.tab.at(8);
    let in_next = page.tab.claim(TODAY, Selector::Sent);
    page.drain();
    let at_leisure = page.tab.claim(TODAY, Selector::Sent);
    page.drain();
    let said = page.said_claims();
    assert_eq!(
        said,
        [
            (vec![early, in_status], 5, 0.0),
            (vec![in_stanza], 7, 0.0),
            (vec![in_next], 8, 0.0),
            (vec![at_leisure], 9, TODAY)
        ]
    );
}

#[test]
fn a_claim_made_while_a_caught_stanza_is_handled_holds_from_that_stanza() {
    let mut page = Page::up_at(5);
    let first = page.tab.claim(TODAY, Selector::Everything);
    page.drain();
    page.posts.clear();
    page.tab.handle_input(page.now, Input::Message(deliver(&[6, 9])));
    page.tab.handle_input(page.now, Input::Message(caught(first, &[7, 8])));
    let mut made = None;
    while let Some(output) = page.tab.poll_output() {
        match output {
            Output::Event(Event::Caught(..)) if made.is_none() => {
                made = Some(page.tab.claim(TODAY, Selector::Sent));
            }
            Output::Post(post) => page.posts.push(post),
            _ => {}
        }
    }
    assert_eq!(page.said_claims(), [(vec![made.unwrap()], 7, 0.0)]);
    assert_eq!(page.tab.before().position, 9, "what was handled stays handled");
}

#[test]
fn a_page_after_a_reload_goes_on_behind_what_the_one_before_has_caught() {
    let mut page = Page::up_at(5);
    let claim = page.tab.claim(TODAY, Selector::Everything);
    page.drain();
    page.tab.handle_input(page.now, Input::Message(caught(claim, &[6, 7])));
    page.drain();
    assert_eq!(page.tab.before().position, 7);
}

// A request goes to one tab after the other, under the position at which it came.
#[test]
fn a_stanza_that_comes_late_does_not_take_the_tab_back() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(4));
    page.hear(deliver(&[9]));
    page.tab.handle_input(page.now, Input::Message(deliver(&[5])));
    while let Some(output) = page.tab.poll_output() {
        if let Output::Post(ToWorker::Claim { from, made, .. }) = output {
            return assert_eq!((from, made, page.tab.before().position), (9, 0.0, 9));
        }
        page.tab.at(5);
        page.tab.claim(TODAY, Selector::Everything);
    }
    panic!("nothing was claimed");
}

#[test]
fn every_half_window_is_acknowledged_behind_what_it_acknowledges() {
    let mut page = Page::welcomed();
    page.posts.clear();
    for position in 1..=u64::from(WINDOW * 5 / 4) {
        page.hear(deliver(&[position]));
        page.drain();
    }
    let acks = page.posts.iter().filter_map(|post| match post {
        ToWorker::Ack { posts } => Some(*posts),
        _ => None,
    });
    assert_eq!(acks.collect::<Vec<_>>(), [WINDOW / 2, WINDOW]);
}

#[test]
fn a_ping_is_answered() {
    let mut page = Page::welcomed();
    page.posts.clear();
    page.hear(FromWorker::Ping);
    page.drain();
    assert!(matches!(page.posts[..], [ToWorker::Pong]));
}

#[test]
fn when_the_worker_dies_another_is_asked_for_and_the_tab_comes_back_with_its_credentials() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.tab.send(["<a/>".to_owned()]);
    let asked = page.tab.request("<b/>".to_owned(), None);
    page.heard();
    page.input(Input::Died);
    let heard = page.heard();
    assert_eq!(
        heard,
        [
            "failed 1 worker-lost".to_owned(),
            format!("response {asked} Disconnected"),
            "Reconnecting".to_owned()
        ]
    );
    assert_eq!(page.reopened, 1);
    page.tab.send(["<c/>".to_owned()]);
    page.posts.clear();
    page.open();
    page.welcome();
    let [ToWorker::Hello(_), ToWorker::Connect { credentials, .. }, ToWorker::Send { .. }] = &page.posts[..]
    else {
        panic!("{:?}", page.posts)
    };
    assert!(credentials.password.is_some());
}

#[test]
fn a_tab_that_attached_asks_to_be_restored() {
    let mut page = Page::welcomed();
    page.say(ToWorker::Attach { service: "ws://x/".to_owned(), jid: None, explicit_binding: false });
    page.hear(up(0));
    page.input(Input::Died);
    page.posts.clear();
    page.open();
    page.welcome();
    assert!(
        matches!(&page.posts[..], [ToWorker::Hello(_), ToWorker::Restore { jid, .. }] if jid == "a@b/c"),
        "{:?}",
        page.posts
    );
}

#[test]
fn a_tab_that_was_in_a_session_comes_back_without_waiting_and_one_that_waited_waits_again() {
    for was_up in [false, true] {
        let mut page = Page::welcomed();
        let ToWorker::Connect { service, jid, credentials, options } = Page::connect_word() else {
            unreachable!()
        };
        let options = Options { explicit_binding: true, ..options };
        page.say(ToWorker::Connect { service, jid, credentials, options });
        let status = |code| Status { code, condition: None, text: None, session: None, close_code: None };
        page.hear(FromWorker::Status(status(StatusCode::BindRequired)));
        if was_up {
            page.hear(up(0));
        }
        page.input(Input::Died);
        page.posts.clear();
        page.open();
        page.welcome();
        let [ToWorker::Hello(_), ToWorker::Connect { options, .. }] = &page.posts[..] else {
            panic!("{:?}", page.posts)
        };
        assert_eq!(options.explicit_binding, !was_up);
    }
}

#[test]
fn workers_that_die_young_are_not_tried_again_at_once() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.input(Input::Died);
    page.open();
    page.welcome();
    page.input(Input::Died);
    assert_eq!(page.reopened, 1);
    let due = page.tab.deadline().unwrap();
    assert!(due > page.now);
    page.timeout(due);
    assert_eq!(page.reopened, 2);
}

// Firefox may hand out ports to a worker that has closed itself.
#[test]
fn when_a_worker_has_died_a_port_at_which_nobody_speaks_is_given_up_for_another() {
    let mut page = Page::up_at(4);
    page.input(Input::Died);
    for reopened in 1..=4 {
        assert_eq!((page.reopened, page.tab.is_over()), (reopened, false));
        page.open();
        let deadline = page.tab.deadline().unwrap();
        assert_eq!(deadline - page.now, if reopened < 4 { RETRY } else { PATIENCE });
        page.timeout(deadline);
    }
    assert!(page.tab.is_over(), "nobody was there in {:?}", page.now);
    assert_eq!(page.heard(), ["Connected", "Reconnecting", "Disconnected"]);
}

#[test]
fn a_worker_that_is_too_old_is_asked_once_to_make_room() {
    let mut page = Page::opened();
    page.connect();
    page.posts.clear();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION - 1] }));
    page.drain();
    assert!(matches!(page.posts[..], [ToWorker::StepAside]), "{:?}", page.posts);
    assert!(page.heard().is_empty() && !page.tab.is_over());
    let due = page.tab.deadline().unwrap();
    page.timeout(due);
    assert_eq!(page.reopened, 1);
    page.open();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION - 1] }));
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
}

#[test]
fn a_worker_that_is_newer_than_the_page_is_not_asked_to_make_room() {
    let mut page = Page::opened();
    page.connect();
    page.hear(FromWorker::Refused(Refusal::Version { speaks: vec![VERSION + 1] }));
    assert_eq!(page.heard(), ["ConnFail", "Disconnected"]);
    assert!(page.reason().contains("reload the page"), "{}", page.reason());
}

#[test]
fn a_worker_that_breaks_is_replaced_like_one_that_dies() {
    let mut page = Page::opened();
    page.connect();
    page.welcome_under(Some("worker-1"));
    page.hear(up(0));
    page.heard();
    let broke = || FromWorker::Refused(Refusal::Engine { detail: "the worker broke".to_owned() });
    page.hear(broke());
    assert_eq!(page.heard(), ["Error the worker broke"]);
    page.input(Input::Died);
    assert_eq!(page.heard(), ["Reconnecting"]);
    assert_eq!((page.reopened, page.watched.as_deref()), (1, Some("worker-1")));
    // One whose death would go unnoticed is given up.
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.heard();
    page.hear(broke());
    assert_eq!(page.heard(), ["Disconnected"]);
}

#[test]
fn a_logout_that_the_worker_takes_into_its_grave_is_one_all_the_same() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.heard();
    page.say(ToWorker::Disconnect { reason: None, timeout: 3000 });
    page.input(Input::Died);
    assert_eq!(page.heard(), ["Disconnected"]);
    page.posts.clear();
    page.open();
    page.welcome();
    assert!(matches!(page.posts[..], [ToWorker::Hello(_)]), "it does not come back: {:?}", page.posts);
}

#[test]
fn a_logout_that_waited_for_the_next_worker_is_told_to_it_and_nothing_else_is() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    page.input(Input::Died);
    page.say(ToWorker::Disconnect { reason: None, timeout: 3000 });
    assert_eq!(page.heard(), ["Connected", "Reconnecting"]);
    page.posts.clear();
    page.open();
    page.welcome();
    assert!(matches!(page.posts[1..], [ToWorker::Disconnect { .. }]), "{:?}", page.posts);
}

#[test]
fn until_it_has_joined_a_page_stands_where_the_one_before_it_stood() {
    let mut page = Page::default();
    let before = Before { boot: "boot-1".to_owned(), position: 7 };
    let (tab, lock) = ("tab-1".to_owned(), None);
    page.input(Input::Opened { tab, lock, visible: true, before: Some(before.clone()) });
    assert_eq!(page.tab.before(), before);
    page.welcome();
    assert_eq!(page.tab.before(), before);
    page.connect();
    page.hear(up(9));
    assert_eq!(page.tab.before().position, 9);
}

#[test]
fn where_the_page_before_stood_with_another_worker_means_nothing() {
    let mut page = Page::default();
    let before = Some(Before { boot: "boot-0".to_owned(), position: 7 });
    page.input(Input::Opened { tab: "tab-1".to_owned(), lock: None, visible: true, before });
    page.welcome();
    assert_eq!(page.tab.before(), Before { boot: "boot-1".to_owned(), position: 0 });
}

#[test]
fn what_is_not_understood_counts_in_the_window_all_the_same() {
    let mut page = Page::welcomed();
    for _ in 0..WINDOW / 2 {
        page.input(Input::Malformed("a variant of later".to_owned()));
    }
    let half = WINDOW / 2;
    assert!(matches!(page.posts[..], [ToWorker::Ack { posts }] if posts == half), "{:?}", page.posts);
}

#[test]
fn a_claim_that_nobody_holds_any_more_is_given_back() {
    let mut page = Page::welcomed();
    page.connect();
    page.hear(up(0));
    let claim = page.tab.claim(TODAY, Selector::Everything);
    page.drain();
    page.hear(status(StatusCode::Reconnecting));
    page.hear(up(0));
    page.posts.clear();
    page.hear(caught(claim, &[1]));
    let given_back = matches!(&page.posts[..], [ToWorker::Release { claims }] if *claims == [claim]);
    assert!(given_back, "{:?}", page.posts);
    assert!(!page.heard().contains(&"caught 1 Received <m/>".to_owned()));
}

#[test]
fn what_is_on_its_way_of_a_session_that_the_app_has_left_is_not_taken_for_the_next() {
    let mut page = Page::welcomed();
    page.connect();
    let sent = page.tab.send(["<a/>".to_owned()]);
    page.hear(status(StatusCode::ConnFail));
    assert_eq!(page.heard(), ["ConnFail"]);
    // As apps do in their callback.
    page.slow = true;
    page.connect();
    page.connect();
    page.hear(status(StatusCode::Disconnected));
    page.hear(up(7));
    page.hear(deliver(&[8]));
    page.hear(FromWorker::Gap { from: 8, to: 9, count: 1 });
    page.hear(FromWorker::Failed { token: sent, fault: fault("not-connected") });
    page.hear(FromWorker::Joining);
    page.hear(status(StatusCode::Disconnected));
    page.hear(FromWorker::Joining);
    assert_eq!(page.heard(), ["failed 1 not-connected"], "a send ends, whatever it was for");
    page.hear(up(2));
    page.hear(deliver(&[3]));
    assert_eq!(page.heard(), ["Connected", "3 Received <m/>"]);
    assert_eq!(page.tab.before().position, 3);
}
