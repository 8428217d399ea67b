//! Requests of pages, and requests to pages: each ends once, and as soon as nothing delays it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::tests::page::Event;
use epode_protocol::{Fate, Token};

use super::{Manner, Model, Written, quoted};
use crate::PortId;
use crate::tab_state::{ANSWER, QUIET};

/// What a page has asked for and not heard the end of.
#[derive(Default)]
pub(super) struct Wishes {
    /// The ids of the stanzas that are sent exactly once, if they are.
    pub(super) sends: BTreeMap<Token, Option<String>>,
    /// The sends of which it has not heard what became of them.
    pub(super) fates: BTreeSet<Token>,
    pub(super) requests: BTreeMap<Token, Request>,
    pub(super) questions: BTreeSet<Token>,
}

/// A request of a page.
#[derive(Debug)]
pub(super) struct Request {
    /// The latest time at which it ends.
    pub(super) until: Option<Duration>,
    /// For a request that nobody answers: its stream, once known.
    pub(super) silent: Option<Option<u64>>,
}

/// A request from outside, which the worker was given.
pub(super) struct Demand {
    stream: u64,
    /// The words of the answer that tell whom it is for.
    to: &'static str,
    /// The pages that may answer, and have neither done so nor passed it on.
    holders: BTreeSet<PortId>,
    /// The time at which the worker knows that all of them are asleep; an awake page keeps the
    /// request.
    until: Duration,
    pub(super) answers: usize,
}

impl Wishes {
    pub(super) fn len(&self) -> usize {
        self.sends.len() + self.requests.len() + self.questions.len()
    }

    /// Number of its requests that nobody answers.
    pub(super) fn silent(&self) -> usize {
        self.requests.values().filter(|request| request.silent.is_some()).count()
    }

    /// Crosses off what has ended; `written` is what has left the worker.
    pub(super) fn hear(&mut self, event: &Event, written: &BTreeSet<String>, place: &str) {
        match event {
            Event::Written(up_to) => {
                let waiting = self.sends.split_off(&(up_to + 1));
                let told = std::mem::replace(&mut self.sends, waiting);
                for id in told.into_values().flatten() {
                    assert!(written.contains(&id), "{place}: {id} is written, as it was told, and is not");
                }
            }
            Event::Failed(token, fault) => {
                self.fates.remove(token);
                let id = self.sends.remove(token).unwrap_or_else(|| panic!("{place}: {token} ended twice"));
                // A dead worker may or may not have done it.
                let left = id.is_some_and(|id| fault.condition != "worker-lost" && written.contains(&id));
                assert!(!left, "{place}: {token} failed, as it was told, and has left");
            }
            Event::Fate(token, Fate::Acknowledged | Fate::Unmanaged) => {
                self.fates = self.fates.split_off(&(token + 1));
            }
            Event::Fate(token, Fate::Failed(_)) => {
                self.fates.remove(token);
            }
            Event::Response(token, _) => {
                assert!(self.requests.remove(token).is_some(), "{place}: {token} ended twice");
            }
            Event::Tabs(token, _) => assert!(self.questions.remove(token), "{place}: {token} ended twice"),
            _ => {}
        }
    }
}

impl Model {
    /// A request reaches the worker: from a contact or, for all tabs, from the server.
    pub(super) fn server_asks(&mut self, account: &str) {
        self.number += 1;
        let (kind, to) = match self.random.below(2) {
            0 => ("type='get' from='carol@localhost/x'", "carol@localhost/x"),
            _ => ("type='set'", ""),
        };
        let request =
            format!("<iq xmlns='jabber:client' id='{}' {kind}><q xmlns='urn:x'/></iq>", self.number);
        // Nothing that is on its way arrives in between.
        self.world.run();
        let bound = self.world.server.connections().into_iter();
        let mut streams = bound.filter(|(_, jid)| jid.as_deref().is_some_and(|jid| jid.starts_with(account)));
        if let Some((stream, _)) = streams.next_back() {
            let mut holders: BTreeSet<PortId> = self.pages.keys().copied().collect();
            holders.retain(|tab| {
                let page = self.world.page(*tab);
                page.stream() == Some(stream.0) && page.handles(&request)
            });
            let until = self.world.clock.now() + QUIET + ANSWER;
            let demand = Demand { stream: stream.0, to, holders, until, answers: 0 };
            self.demands.insert(self.number.to_string(), demand);
        }
        self.world.server_says(account, &request);
    }

    /// A page was given a request: it answers, passes it on, or is silent.
    pub(super) fn answer(&mut self, tab: PortId, id: &str, position: u64) {
        let Some(demand) = self.demands.get_mut(id) else { return };
        // A page that is frozen again before anybody looks was awake just now.
        demand.until = self.world.clock.now() + QUIET + ANSWER;
        match self.random.below(3) {
            0 => {
                let to = if self.random.below(8) == 0 { "nobody@localhost" } else { demand.to };
                if to == demand.to {
                    demand.holders.remove(&tab);
                }
                let to = if to.is_empty() { String::new() } else { format!(" to='{to}'") };
                let answer = format!("<iq xmlns='jabber:client' type='result' id='{id}'{to}/>");
                self.sends(tab, &answer, None);
            }
            1 => {
                demand.holders.remove(&tab);
                self.world.say(tab, epode_protocol::ToWorker::Unhandled { position });
            }
            _ => {}
        }
    }

    /// Notes what has left the worker since the last call.
    pub(super) fn note_transmitted(&mut self, place: &str) {
        for sent in self.world.transmitted() {
            let text = sent.text.replace('"', "'");
            let Some(id) = quoted(&text, "id") else { continue };
            if text.starts_with("<iq") {
                let answers = text.contains(" type='result'") || text.contains(" type='error'");
                if let Some(demand) = self.demands.get_mut(id).filter(|_| answers) {
                    demand.answers += 1;
                    assert_eq!(demand.answers, 1, "{place}: answers to request {id}");
                    assert_eq!(demand.stream, sent.stream, "{place}: request {id} came over another stream");
                    assert_eq!(quoted(&text, "to").unwrap_or_default(), demand.to, "{place}: {text}");
                }
            } else if let Some((sender, _)) = id.split_once('.') {
                let news = self.left.insert(id.to_owned()) || text.starts_with("<presence");
                // Whether a managed session sends too much again is seen by the answers.
                assert!(news || self.manner != Manner::Plain, "{place}: {text} left twice");
                if let Some(session) =
                    self.world.session_of(sent.stream).filter(|_| id.ends_with(char::is_numeric))
                {
                    self.managed.due.push((session, id.to_owned()));
                }
                let sender = PortId(sender.parse().expect("the model gave it one"));
                let (stream, position, text) = (sent.generation, sent.position, sent.text);
                self.written.push(Written { stream, position, sender, text });
            }
        }
    }

    /// Once everything has arrived, whatever nothing delays is over.
    pub(super) fn look_at_wishes(&mut self, place: &str) {
        let now = self.world.clock.now();
        for (tab, known) in &mut self.pages {
            let page = self.world.page(*tab);
            let Wishes { sends, requests, questions, .. } = &mut known.wishes;
            let late = requests.values().any(|request| request.until.is_some_and(|until| until < now));
            assert!(page.unread.is_some() || !late, "{place}: {tab:?} waits for too long");
            if page.is_settled() {
                let stream = page.stream();
                let waits = |request: &mut Request| {
                    stream.is_some_and(|stream| {
                        request.silent.as_mut().is_some_and(|over| *over.get_or_insert(stream) == stream)
                    })
                };
                assert!(
                    sends.is_empty() && requests.values_mut().all(waits) && questions.is_empty(),
                    "{place}: {tab:?}: {sends:?} {requests:?} {questions:?} have not ended"
                );
            }
        }
        let streams: BTreeSet<u64> =
            self.world.server.connections().into_keys().map(|stream| stream.0).collect();
        // A request over a stream that is over gets no answer.
        self.demands.retain(|_, demand| streams.contains(&demand.stream));
        for (id, demand) in &mut self.demands {
            demand.holders.retain(|tab| {
                self.pages.contains_key(tab) && self.world.page(*tab).stream() == Some(demand.stream)
            });
            if demand.holders.iter().any(|tab| self.world.page(*tab).unread.is_none()) {
                demand.until = now + QUIET + ANSWER;
            }
            let held = !demand.holders.is_empty() && now < demand.until;
            assert!(held || demand.answers == 1, "{place}: {} answers to request {id}", demand.answers);
        }
    }

    pub(super) fn sends(&mut self, tab: PortId, stanza: &str, id: Option<String>) {
        let token = self.world.send(tab, stanza);
        // A page whose wish died with a worker does not hear.
        let follows = self.world.hub.view().tab(tab).is_some_and(|tab| tab.follows());
        let wishes = &mut self.know(tab).wishes;
        wishes.sends.insert(token, id);
        wishes.fates.extend(follows.then_some(token));
    }
}
