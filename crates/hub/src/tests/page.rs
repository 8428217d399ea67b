//! One tab and the app in it, which only listens: it has one handler, for everything, and looks on when others send.

use epode_protocol::{Criteria, Outcome, Position, Selector};
use epode_tab::{Event, Tab};

#[derive(Default)]
pub(super) struct Page {
    pub(super) tab: Tab<String>,
    /// The position of the latest stanza.
    pub(super) position: Position,
    heard: Vec<Event<String>>,
}

impl Page {
    pub(super) fn hear(&mut self, event: Event<String>) {
        match &event {
            Event::Stanza { position, .. } => self.position = *position,
            Event::Status(status) if status.session.is_some() => {
                self.tab.claim(Selector::Stanza(Criteria::default()));
                self.tab.claim(Selector::Sent);
            }
            Event::Claimed(_) => return,
            _ => {}
        }
        self.heard.push(event);
    }

    /// What was heard since it was last asked.
    pub(super) fn events(&mut self) -> Vec<Event<String>> {
        std::mem::take(&mut self.heard)
    }

    /// `Connected alice@localhost/desk`, `AuthFail not-authorized`, `Primary`, `Received <message/>`, `written 2`,
    /// `failed 3 invalid-from`, `response 1 result <iq/>`, `response 1 timeout`, `Warn words`.
    pub(super) fn in_words(event: Event<String>) -> String {
        match event {
            Event::Status(status) => {
                let jid = status.session.map(|session| session.jid);
                let detail = jid.or(status.condition).map(|detail| format!(" {detail}")).unwrap_or_default();
                format!("{:?}{detail}", status.code)
            }
            Event::Role(role) => format!("{role:?}"),
            Event::Stanza { origin, text, .. } => format!("{origin:?} {text}"),
            Event::Caught(_, origin, text) => format!("{origin:?} {text}"),
            Event::Claimed(claim) => format!("claimed {claim}"),
            Event::Gap(from, to, count) => format!("gap {from} to {to}: {count}"),
            Event::Tabs(token, tabs) => format!("tabs {token}: {}", tabs.len()),
            Event::Written(token) => format!("written {token}"),
            Event::Failed(token, fault) => format!("failed {token} {}", fault.condition),
            Event::Response(token, outcome) => {
                let outcome = match outcome {
                    Outcome::Result(text) => format!("result {text}"),
                    Outcome::Error(text) => format!("error {text}"),
                    Outcome::Timeout => "timeout".to_owned(),
                    Outcome::Disconnected => "disconnected".to_owned(),
                    Outcome::Refused(fault) => format!("refused {}", fault.condition),
                };
                format!("response {token} {outcome}")
            }
            Event::Log(level, text) => format!("{level:?} {text}"),
        }
    }
}
