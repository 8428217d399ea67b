//! Requests of the tabs that wait for an answer.

use std::collections::VecDeque;

use epode_protocol::Token;
use epode_session::stream::jid::Unicode;
use epode_session::stream::xml::Head;

use super::answers;
use crate::{PortId, Table};

/// The most requests without an asker that are remembered. Their answers may still come, and must
/// not be taken for answers to others.
pub(crate) const ORPHANS: usize = 1024;

/// A request of a tab, or an equal one of several tabs, that waits for an answer.
#[derive(Debug)]
pub(crate) struct OutgoingRequest {
    /// The tabs that asked; none if no tab waits any more.
    pub(crate) askers: Vec<Asker>,
    to: Option<Box<str>>,
    /// The content of the request, if equal requests may share its answer.
    question: Option<String>,
}

/// A tab that waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asker {
    pub(crate) port: PortId,
    pub(crate) reply: Reply,
    /// The id that the tab gave, if the request went out with another.
    pub(crate) original_id: Option<String>,
}

/// How an answer is posted to the tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// As the response to the tab's request.
    Response(Token),
    /// As a stanza: the tab sent the IQ by `send`, and has a handler for the answer.
    Delivery,
}

/// What to do with a request that was entered.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Entered {
    /// Send the request, with another id if there is one: two tabs may use the same id, or none.
    Send {
        /// The id.
        id: Option<String>,
    },
    /// Nothing: another tab has asked the same, and shares its answer.
    Shared {
        /// The id that the question went out with.
        id: Box<str>,
    },
}

/// The requests of the tabs that wait for an answer, by the id that they went out with.
#[derive(Default, Debug)]
pub(crate) struct OutgoingRequests {
    open: Table<Box<str>, OutgoingRequest>,
    /// The ids of requests whose answer may be shared, by content.
    shared: Table<String, Box<str>>,
    orphans: VecDeque<Box<str>>,
    /// The id of the worker's own latest request.
    probe: Option<Box<str>>,
    spliced: u64,
}

impl OutgoingRequests {
    /// Enters a request. `question` is its content without the id, if it may share the answer of an
    /// equal request.
    pub(crate) fn enter(
        &mut self,
        head: &Head,
        port: PortId,
        reply: Reply,
        question: Option<String>,
    ) -> Entered {
        let id = head.id.as_ref().map(|id| id.to_string());
        let shared = question.as_ref().and_then(|question| self.shared.get(question).cloned());
        if let Some((wire_id, request)) =
            shared.and_then(|id| self.open.get_mut(&id).map(|request| (id, request)))
        {
            let original_id = id.filter(|id| **id != *wire_id);
            request.askers.push(Asker { port, reply, original_id });
            return Entered::Shared { id: wire_id };
        }
        let (wire_id, original_id) = match &head.id {
            Some(id) if !self.open.contains_key(id) => (id.clone(), None),
            _ => (self.fresh_id(), id),
        };
        let changed = head.id.as_ref() != Some(&wire_id);
        if let Some(question) = &question {
            self.shared.insert(question.clone(), wire_id.clone());
        }
        let askers = vec![Asker { port, reply, original_id }];
        let id = changed.then(|| wire_id.to_string());
        self.open.insert(wire_id, OutgoingRequest { askers, to: head.to.clone(), question });
        Entered::Send { id }
    }

    /// Enters a request of the worker's own to the server; the id. The former one is remembered no longer:
    /// some servers never answer.
    pub(crate) fn probe(&mut self, domain: &str) -> Box<str> {
        if let Some(former) = self.probe.take()
            && !self.is_awaited(&former)
        {
            self.strike(&former);
        }
        let id = self.fresh_id();
        self.probe = Some(id.clone());
        let to = Some(domain.into());
        self.open.insert(id.clone(), OutgoingRequest { askers: Vec::new(), to, question: None });
        id
    }

    /// The number of answers that this tab waits for.
    pub(crate) fn of(&self, port: PortId) -> usize {
        self.open.values().flat_map(|request| &request.askers).filter(|asker| asker.port == port).count()
    }

    /// Removes the request that this stanza answers: by id and sender (RFC 6120 §8.2.3).
    pub(crate) fn answered(&mut self, head: &Head, own: &str, unicode: &Unicode) -> Option<OutgoingRequest> {
        let id = head.id.as_ref()?;
        let request = self.open.get(id)?;
        if !answers(request.to.as_deref(), head.from.as_deref(), own, unicode) {
            return None;
        }
        self.strike(id)
    }

    /// A tab no longer waits for this answer.
    pub(crate) fn forget(&mut self, port: PortId, token: Token) {
        self.orphan(|asker| asker.port == port && asker.reply == Reply::Response(token));
    }

    /// A tab no longer waits for any answer. Returns the tokens of its requests.
    pub(crate) fn forget_all(&mut self, port: PortId) -> Vec<Token> {
        let askers =
            self.open.values().flat_map(|request| &request.askers).filter(|asker| asker.port == port);
        let tokens = askers.filter_map(|asker| match asker.reply {
            Reply::Response(token) => Some(token),
            Reply::Delivery => None,
        });
        let tokens = tokens.collect();
        self.orphan(|asker| asker.port == port);
        tokens
    }

    /// Whether a tab waits for the answer to the request with this id.
    pub(crate) fn is_awaited(&self, id: &str) -> bool {
        self.open.get(id).is_some_and(|request| !request.askers.is_empty())
    }

    /// Removes all requests but those with these ids. Returns the tabs that wait for a response, with
    /// their tokens and the ids of their requests.
    pub(crate) fn abandon(&mut self, kept: &[Box<str>]) -> Vec<(PortId, Token, Box<str>)> {
        let requests = std::mem::take(self);
        self.spliced = requests.spliced;
        let (kept, open): (Vec<_>, Vec<_>) = requests.open.into_iter().partition(|(id, _)| kept.contains(id));
        for (id, request) in kept {
            if let Some(question) = &request.question {
                self.shared.insert(question.clone(), id.clone());
            }
            self.open.insert(id, request);
        }
        let asked = |(id, request): (Box<str>, OutgoingRequest)| {
            request.askers.into_iter().map(move |asker| (id.clone(), asker))
        };
        open.into_iter()
            .flat_map(asked)
            .filter_map(|(id, asker)| match asker.reply {
                Reply::Response(token) => Some((asker.port, token, id)),
                Reply::Delivery => None,
            })
            .collect()
    }

    /// The number of requests that tabs wait for, of shared questions, and of requests that no tab
    /// waits for any more.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        let waited_for = self.open.values().filter(|request| !request.askers.is_empty()).count();
        (waited_for, self.shared.keys().count(), self.open.keys().count() - waited_for)
    }

    /// Removes a request that was answered, or could not be sent.
    pub(crate) fn strike(&mut self, id: &str) -> Option<OutgoingRequest> {
        let request = self.open.remove(id)?;
        if let Some(question) = &request.question {
            self.shared.remove(question);
        }
        Some(request)
    }

    fn orphan(&mut self, of: impl Fn(&Asker) -> bool) {
        for (id, request) in self.open.iter_mut() {
            let before = request.askers.len();
            request.askers.retain(|asker| !of(asker));
            if request.askers.is_empty() && before > 0 {
                self.orphans.push_back(id.clone());
                // A tab that asks the same now must not wait for an answer that has not come so
                // far.
                if let Some(question) = request.question.take() {
                    self.shared.remove(&question);
                }
            }
        }
        while self.orphans.len() > ORPHANS {
            if let Some(id) = self.orphans.pop_front()
                && self.open.get(&id).is_some_and(|request| request.askers.is_empty())
            {
                self.strike(&id);
            }
        }
    }

    fn fresh_id(&mut self) -> Box<str> {
        loop {
            self.spliced += 1;
            let id = format!("epode-{}", self.spliced).into_boxed_str();
            if !self.open.contains_key(&id) {
                return id;
            }
        }
    }
}

/// The content of a request whose answer several tabs may share, since apps tend to ask it in each
/// tab: discovery (XEP-0030), vCards (XEP-0054) and the items of a node (XEP-0060). `None` for any
/// other.
pub(crate) fn question(head: &Head, text: &str) -> Option<String> {
    const COMMON: [(&str, &str); 4] = [
        ("query", "http://jabber.org/protocol/disco#info"),
        ("query", "http://jabber.org/protocol/disco#items"),
        ("vCard", "vcard-temp"),
        ("pubsub", "http://jabber.org/protocol/pubsub"),
    ];
    let payload = head.payload.as_ref()?;
    let common = COMMON.contains(&(&*payload.name, &*payload.namespace));
    (common && head.kind.as_deref() == Some("get")).then(|| {
        let mut text = text.to_owned();
        if let Some(id) = &head.id_span {
            text.replace_range(id.clone(), "");
        }
        text
    })
}
