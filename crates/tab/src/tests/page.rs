//! A tab in a test's hands. What crosses its port is JSON here.

use epode_protocol::port::Json;
use serde_json::{Value, from_value, to_value};

use super::*;

/// A tab, and the app and the port on either side of it.
#[derive(Default)]
pub(super) struct Page {
    pub(super) tab: Tab<Value>,
    pub(super) now: Duration,
    pub(super) posts: Vec<ToWorker<String>>,
    pub(super) events: Vec<FromWorker<String>>,
    pub(super) reason: String,
    /// What it has left for the page after it.
    pub(super) kept: Option<Checkpoint>,
    /// The lock of the worker that the tab waits on.
    pub(super) watched: Option<String>,
    /// How many times the tab asked for a new port, and whether the latest is to be one of the detour.
    pub(super) reopened: u32,
    pub(super) detour: bool,
    /// Of which worker the latest port is to be.
    pub(super) place: Place,
    /// What is found out about a worker that has not spoken.
    pub(super) runs: Option<bool>,
    /// Whether the worker answers a ping.
    pub(super) answers: bool,
    /// Whether the worker takes its time to hear what the tab says.
    pub(super) slow: bool,
    /// Whether it has said welcome, and the wishes to join that it heard before.
    pub(super) welcomed: bool,
    pub(super) early: u32,
}

impl Page {
    pub(super) fn opened() -> Self {
        let mut page = Self::default();
        page.open();
        page
    }

    pub(super) fn welcomed() -> Self {
        let mut page = Self::opened();
        page.welcome();
        page.posts.clear();
        page
    }

    /// In a session that it hears from behind this position.
    pub(super) fn up_at(position: Position) -> Self {
        let mut page = Self::welcomed();
        page.connect();
        page.hear(up(position));
        page
    }

    pub(super) fn open(&mut self) {
        (self.welcomed, self.early) = (false, 0);
        self.input(Input::Opened {
            tab: "tab-1".into(),
            lock: Some("lock-1".into()),
            visible: true,
            before: None,
        });
    }

    /// After a death: waits until the tab asks for another port, and opens it.
    pub(super) fn reopen(&mut self) {
        let reopened = self.reopened;
        self.timeout(self.tab.deadline().expect("it rests"));
        assert_eq!(self.reopened, reopened + 1);
        self.open();
    }

    pub(super) fn welcome(&mut self) {
        self.welcome_under(None);
    }

    pub(super) fn welcome_under(&mut self, lock: Option<&str>) {
        let (boot, lock) = ("boot-1".to_owned(), lock.map(str::to_owned));
        self.hear(FromWorker::Welcome { version: VERSION, boot, lock });
        self.welcomed = true;
        for _ in 0..std::mem::take(&mut self.early) {
            self.hear(FromWorker::Joining);
        }
    }

    pub(super) fn connect(&mut self) {
        self.say(Self::connect_word());
    }

    pub(super) fn connect_word() -> ToWorker<String> {
        let credentials = epode_protocol::Credentials {
            authcid: None,
            password: Some(Secret::new("secret".to_owned())),
            keys: None,
        };
        let (service, jid) = ("ws://localhost/".to_owned(), "a@b".to_owned());
        ToWorker::Connect { service, jid, credentials, options: Options::default(), bosh: None }
    }

    pub(super) fn say(&mut self, message: ToWorker<String>) {
        self.input(Input::Say(to_value(message).unwrap()));
    }

    /// Sends stanzas; the token of the last.
    pub(super) fn send<const N: usize>(&mut self, texts: [&str; N]) -> Token {
        let first = self.tab.number(N as u32);
        let stanzas = (first..).zip(texts).map(|(token, text)| outgoing(token, text)).collect();
        self.say(ToWorker::Send { stanzas });
        first + N as u32 - 1
    }

    pub(super) fn request(&mut self, text: &str, timeout: Option<u32>) -> Token {
        let token = self.tab.number(1);
        self.say(ToWorker::Request { token, text: text.to_owned(), timeout });
        token
    }

    /// Adds a handler.
    pub(super) fn claim(&mut self, selector: Selector) -> ClaimId {
        self.tab.claim(TODAY, to_value(selector).unwrap())
    }

    /// The worker says this, and the app handles it.
    pub(super) fn hear(&mut self, message: FromWorker<String>) {
        self.handle(message, |_, _| {});
    }

    /// The worker says this. At each stanza of it, and at a status, the app does that.
    pub(super) fn handle(
        &mut self,
        message: FromWorker<String>,
        mut act: impl FnMut(&mut Self, Option<Position>),
    ) {
        let is_shown = match &message {
            FromWorker::Deliver(batch) => self.tab.delivered(batch.end(), batch.len()),
            FromWorker::Stanza(position, _) => self.tab.delivered(*position, 1),
            message => self.tab.hear(self.now, &to_value(message).unwrap()),
        };
        if is_shown {
            assert!(self.tab.poll_output().is_none(), "what follows waits until the message is handled");
            match &message {
                FromWorker::Deliver(batch) => {
                    for Delivery(position, ..) in batch.clone().into_deliveries() {
                        self.tab.at(position);
                        act(self, Some(position));
                    }
                }
                FromWorker::Stanza(position, _) => {
                    self.tab.at(*position);
                    act(self, Some(*position));
                }
                FromWorker::Claimed { claims } => {
                    for Backfill { stanzas, .. } in claims {
                        for Delivery(position, origin, _) in stanzas {
                            let position = (*origin == Origin::Received).then_some(*position);
                            self.tab.caught(position);
                            act(self, position);
                        }
                        self.tab.claimed();
                    }
                }
                _ => act(self, None),
            }
            self.events.push(message);
            self.tab.handled();
        }
        self.drain();
    }

    pub(super) fn timeout(&mut self, now: Duration) {
        self.now = now;
        self.input(Input::Timeout { runs: self.runs });
    }

    /// Lets time pass up to this moment, each deadline in its turn.
    pub(super) fn wait(&mut self, until: Duration) {
        while let Some(deadline) = self.tab.deadline().filter(|deadline| *deadline <= until) {
            self.timeout(deadline);
        }
        self.now = until;
    }

    pub(super) fn input(&mut self, input: Input<Value>) {
        self.tab.handle_input(self.now, input);
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.tab.poll_output() {
            match output {
                Output::Pass(message) => self.posted(from_value(message).unwrap()),
                Output::Post(word) => self.posted(from_value(Json::of(&word)).unwrap()),
                Output::Show(news) => self.events.push(from_value(Json::of(&news)).unwrap()),
                Output::Keep(checkpoint) => self.kept = Some(checkpoint),
                Output::Watch(lock) => self.watched = Some(lock),
                Output::Reopen(place) => {
                    self.reopened += 1;
                    self.detour = place == Place::Detour;
                    self.place = place;
                }
            }
        }
    }

    fn posted(&mut self, message: ToWorker<String>) {
        let joins = matches!(
            message,
            ToWorker::Connect { .. }
                | ToWorker::Attach { .. }
                | ToWorker::AttachBosh(_)
                | ToWorker::Restore { .. }
        );
        let asks = matches!(message, ToWorker::Ping);
        self.posts.push(message);
        if asks && self.answers {
            self.hear(FromWorker::Pong);
        } else if joins && !self.welcomed {
            self.early += 1;
        } else if joins && !self.slow {
            self.hear(FromWorker::Joining);
        }
    }

    /// What the app was told since it was last asked.
    pub(super) fn heard(&mut self) -> Vec<String> {
        self.drain();
        let stanza = |Delivery(position, origin, text)| format!("{position} {origin:?} {text}");
        let in_words = |event| match event {
            FromWorker::Status(status) => {
                self.reason = status.text.unwrap_or_default();
                format!("{:?}", status.code)
            }
            FromWorker::Role(role) => format!("{role:?}"),
            FromWorker::Stanza(position, text) => format!("{position} Received {text}"),
            FromWorker::Deliver(batch) => batch.into_deliveries().map(stanza).collect::<Vec<_>>().join("\n"),
            FromWorker::Gap { from, to, count, .. } => format!("gap {from} to {to}: {count}"),
            FromWorker::Tabs { token, tabs } => format!("tabs {token}: {}", tabs.len()),
            FromWorker::Written { up_to } => format!("written {up_to}"),
            FromWorker::Failed { token, fault } => format!("failed {token} {}", fault.condition),
            FromWorker::Response { token, outcome, .. } => format!("response {token} {outcome:?}"),
            FromWorker::Log { level, text } => format!("{level:?} {text}"),
            other => format!("{other:?}"),
        };
        let lines = std::mem::take(&mut self.events).into_iter().map(in_words);
        lines.flat_map(|lines| lines.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// The claims that were posted: their numbers, the position they hold from, and when they were made.
    pub(super) fn said_claims(&self) -> Vec<(Vec<ClaimId>, Position, f64)> {
        let claim = |post: &ToWorker<String>| match post {
            ToWorker::Claim { claims, from, made, .. } => {
                Some((claims.iter().map(|claim| claim.id).collect(), *from, *made))
            }
            _ => None,
        };
        self.posts.iter().filter_map(claim).collect()
    }

    /// The words that came with the latest status.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }
}

pub(super) fn outgoing(token: Token, text: &str) -> Outgoing<String> {
    Outgoing { token, text: text.to_owned() }
}

pub(super) fn status(code: StatusCode) -> FromWorker<String> {
    FromWorker::Status(Status {
        code,
        condition: None,
        text: None,
        features: None,
        session: None,
        close_code: None,
    })
}

pub(super) fn deliver(positions: &[Position]) -> FromWorker<String> {
    let stanza = |position: &Position| Delivery(*position, Origin::Received, "<m/>".to_owned());
    FromWorker::from(positions.iter().map(stanza).collect::<Vec<_>>())
}

pub(super) fn caught(claim: ClaimId, positions: &[Position]) -> FromWorker<String> {
    let stanza = |position: &Position| Delivery(*position, Origin::Received, "<m/>".to_owned());
    FromWorker::Claimed { claims: vec![Backfill { claim, stanzas: positions.iter().map(stanza).collect() }] }
}

pub(super) fn fault(condition: &str) -> Fault {
    Fault { condition: condition.to_owned(), text: condition.to_owned() }
}

pub(super) fn up(position: Position) -> FromWorker<String> {
    let session = epode_protocol::SessionInfo {
        jid: "a@b/c".to_owned(),
        domain: "b".to_owned(),
        features: String::new(),
        position,
        generation: 1,
        managed: false,
        resumed: false,
        bound: 0,
    };
    FromWorker::Status(Status {
        code: StatusCode::Connected,
        condition: None,
        text: None,
        features: None,
        session: Some(session),
        close_code: None,
    })
}
