//! What tabs ask of the server and its users.

use std::collections::VecDeque;

use epode_protocol::Token;
use epode_session::stream::jid::Unicode;
use epode_session::stream::xml::Head;

use super::answers;
use crate::{PortId, Table};

/// Answers that nobody waits for any more are still expected, so that a late one is not taken for another's;
/// this many.
pub(crate) const ORPHANS: usize = 1024;

/// An IQ of a tab, or of several that ask the same, whose answer is outstanding.
#[derive(Debug)]
pub(crate) struct OutgoingRequest {
    /// Who asked; nobody, when nobody waits for it any more.
    pub(crate) askers: Vec<Asker>,
    to: Option<Box<str>>,
    /// What is asked, where an equal question need not be asked again.
    question: Option<String>,
}

/// A tab that waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asker {
    pub(crate) port: PortId,
    pub(crate) reply: Reply,
    /// The id the tab gave, where another one went over the wire.
    pub(crate) original_id: Option<String>,
}

/// How an answer goes back to the tab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    /// As the response to its request.
    Response(Token),
    /// As any stanza: the tab sent the IQ by itself and has a handler for the answer.
    Delivery,
}

/// What to do about an IQ that was entered.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Entered {
    /// Send it, with this id where that is not its own: two tabs may use the same, or none.
    Send {
        /// The id.
        id: Option<String>,
    },
    /// Another tab has asked the same; its answer is for both.
    Shared,
}

/// The IQs of the tabs whose answers are outstanding, by the id that went over the wire.
#[derive(Default, Debug)]
pub(crate) struct OutgoingRequests {
    open: Table<Box<str>, OutgoingRequest>,
    /// The questions in flight that others may share.
    shared: Table<String, Box<str>>,
    orphans: VecDeque<Box<str>>,
    spliced: u64,
}

impl OutgoingRequests {
    /// Enters an IQ. `question` is what it asks, id aside, where an equal one in flight will do for both.
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
            return Entered::Shared;
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

    /// How many answers this tab waits for.
    pub(crate) fn of(&self, port: PortId) -> usize {
        self.open.values().flat_map(|request| &request.askers).filter(|asker| asker.port == port).count()
    }

    /// Strikes out the IQ that this stanza answers: its id, and from whom it was asked (RFC 6120 §8.2.3).
    pub(crate) fn answered(&mut self, head: &Head, own: &str, unicode: &Unicode) -> Option<OutgoingRequest> {
        let id = head.id.as_ref()?;
        let request = self.open.get(id)?;
        if !answers(request.to.as_deref(), head.from.as_deref(), own, unicode) {
            return None;
        }
        self.strike(id)
    }

    /// The tab with this request does not wait any more.
    pub(crate) fn forget(&mut self, port: PortId, token: Token) {
        self.orphan(|asker| asker.port == port && asker.reply == Reply::Response(token));
    }

    /// Nothing of this tab is waited for any more; the requests that were.
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

    /// Everybody who waits for a response; nobody does afterwards.
    pub(crate) fn abandon(&mut self) -> Vec<(PortId, Token)> {
        let requests = std::mem::take(self);
        let askers = requests.open.into_iter().flat_map(|(_, request)| request.askers);
        askers
            .filter_map(|asker| match asker.reply {
                Reply::Response(token) => Some((asker.port, token)),
                Reply::Delivery => None,
            })
            .collect()
    }

    /// How many IQs somebody waits for, how many questions may be shared, and how many IQs nobody waits for
    /// any more.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        let waited_for = self.open.values().filter(|request| !request.askers.is_empty()).count();
        (waited_for, self.shared.keys().count(), self.open.keys().count() - waited_for)
    }

    /// Strikes out an IQ: it is answered, or not sent.
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
                // Whoever asks again shall not wait for an answer that has not come so far.
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

/// What an IQ asks, where several tabs tend to ask the same and one answer does for all: discovery
/// (XEP-0030), vCards (XEP-0054) and the items of a node (XEP-0060). `None` for everything else.
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
