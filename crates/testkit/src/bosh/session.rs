//! One session: rids, held requests, and the responses that are kept for repetitions.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use epode_xml::{Element, Limits, escape};

use super::{Output, RequestId, Terms, terminate};
use crate::{ConnectionId, Input, ns};

/// A request, and the time of its arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub id: RequestId,
    pub at: Duration,
}

/// A request with its body.
#[derive(Debug)]
pub(super) struct Request {
    pub arrival: Arrival,
    pub element: Element,
    pub restarts: bool,
}

#[derive(Debug)]
pub(super) struct Session {
    pub connection: ConnectionId,
    sid: String,
    domain: String,
    wait: u32,
    hold: usize,
    terms: Terms,
    /// Whether the first response has left.
    opened: bool,
    /// The server's first `<open/>`.
    header: Option<Element>,
    /// The highest rid that was processed.
    last: u64,
    /// The requests that came before a lower rid.
    early: BTreeMap<u64, Request>,
    held: VecDeque<(u64, Arrival)>,
    /// The last responses, for repetitions.
    kept: BTreeMap<u64, String>,
    outbox: Vec<String>,
    /// Whether the server has said a stream error.
    failed: bool,
    /// The tag of the terminating body, once the stream is over.
    end: Option<Element>,
    /// When the last response left.
    answered: Duration,
    over: bool,
}

impl Session {
    pub fn new(
        sid: &str,
        connection: ConnectionId,
        domain: &str,
        rid: u64,
        arrival: Arrival,
        (wait, hold, terms): (u32, usize, Terms),
    ) -> Self {
        Self {
            connection,
            sid: sid.to_owned(),
            domain: domain.to_owned(),
            wait,
            hold,
            terms,
            opened: false,
            header: None,
            last: rid,
            early: BTreeMap::new(),
            held: VecDeque::from([(rid, arrival)]),
            kept: BTreeMap::new(),
            outbox: Vec::new(),
            failed: false,
            end: None,
            answered: arrival.at,
            over: false,
        }
    }

    /// The `<open/>` that begins the stream, or begins it anew.
    pub fn greeting(&self) -> Output {
        let open =
            Element::new("open", ns::FRAMING).with_attr("to", &self.domain).with_attr("version", "1.0");
        self.say(open.to_string())
    }

    /// A body of the client.
    pub fn request(&mut self, rid: u64, request: Request) -> Vec<Output> {
        let id = request.arrival.id;
        if rid <= self.last {
            return self.repeat(rid, request.arrival);
        }
        // XEP-0124 §14.2: the window is as large as the number of requests that the session allows.
        if rid > self.last + self.requests() {
            self.over = true;
            return vec![
                Output::Respond(id, terminate("item-not-found")),
                Output::Server(Input::Closed(self.connection)),
            ];
        }
        self.early.insert(rid, request);
        let mut outputs = Vec::new();
        while let Some(request) = self.early.remove(&(self.last + 1)) {
            self.last += 1;
            self.process(request, &mut outputs);
        }
        outputs
    }

    /// The server says this.
    pub fn hear(&mut self, frame: String) {
        // A frame that is no XML is a misbehaviour of the server's, and goes on as it is.
        let element = Element::parse(&frame, &Limits { bytes: usize::MAX, ..Limits::default() });
        match element {
            Ok(open) if open.name() == "open" => drop(self.header.get_or_insert(open)),
            Ok(close) if close.is("close", ns::FRAMING) => self.finish(close.attr("see-other-uri")),
            Ok(error) if error.is("error", ns::STREAM) => {
                self.failed = true;
                self.outbox.push(frame);
            }
            _ => self.outbox.push(frame),
        }
    }

    /// The server has closed the connection.
    pub fn cut(&mut self) {
        self.end.get_or_insert_with(|| ending(Some("remote-connection-failed")));
    }

    /// Answers requests: with stanzas, or because the session holds too many, or held one too long.
    pub fn settle(&mut self, now: Duration) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some((rid, Arrival { id, at })) = self.held.front().copied()
            && self.is_due(now, at)
        {
            self.held.pop_front();
            let body = self.body();
            self.kept.insert(rid, body.clone());
            while self.kept.len() as u64 > self.requests() {
                self.kept.pop_first();
            }
            self.answered = now;
            outputs.push(Output::Respond(id, body));
            if self.end.is_some() && self.held.is_empty() {
                self.over = true;
                // The client says no `<close/>` to a session that has ended.
                outputs.push(Output::Server(Input::Closed(self.connection)));
            }
        }
        if self.held.is_empty() && now > self.answered + self.terms.inactivity && !self.over {
            self.over = true;
            outputs.push(Output::Server(Input::Closed(self.connection)));
        }
        outputs
    }

    /// Whether the session is to be forgotten.
    pub fn is_over(&self) -> bool {
        self.over
    }

    pub fn deadline(&self) -> Option<Duration> {
        Some(match self.held.front() {
            Some((_, Arrival { at, .. })) => *at + Duration::from_secs(self.wait.into()),
            None => self.answered + self.terms.inactivity + Duration::from_millis(1),
        })
    }

    /// XEP-0124 §14.3: the response is given once more. A repetition of a held request takes its place.
    fn repeat(&mut self, rid: u64, arrival: Arrival) -> Vec<Output> {
        if let Some(held) = self.held.iter_mut().find(|(of, _)| *of == rid) {
            let before = std::mem::replace(&mut held.1, arrival);
            let error = Element::new("body", ns::HTTPBIND).with_attr("type", "error").to_string();
            return vec![Output::Respond(before.id, error)];
        }
        let kept = self.kept.get(&rid).cloned();
        vec![Output::Respond(arrival.id, kept.unwrap_or_else(|| terminate("item-not-found")))]
    }

    fn process(&mut self, request: Request, outputs: &mut Vec<Output>) {
        let Request { arrival, element, restarts } = request;
        self.held.push_back((self.last, arrival));
        if restarts {
            outputs.push(self.greeting());
        }
        outputs.extend(element.children().map(|stanza| self.say(stanza.to_string())));
        if element.attr("type") == Some("terminate") {
            outputs.push(self.say(Element::new("close", ns::FRAMING).to_string()));
        }
    }

    fn is_due(&self, now: Duration, since: Duration) -> bool {
        if self.end.is_some() || !self.opened && self.terms.late_features && self.header.is_some() {
            return true;
        }
        let waited = now >= since + Duration::from_secs(self.wait.into());
        !self.outbox.is_empty() || self.held.len() > self.hold || waited
    }

    /// The next body: what waits for the client, and the end if the stream is over.
    fn body(&mut self) -> String {
        let is_first = !std::mem::replace(&mut self.opened, true);
        let mut tag = self.end.clone().unwrap_or_else(|| Element::new("body", ns::HTTPBIND));
        let mut stream = String::new();
        let content = match is_first && self.terms.late_features && self.end.is_none() {
            true => String::new(),
            false => self.outbox.drain(..).collect(),
        };
        if is_first {
            let terms = [
                ("sid", self.sid.clone()),
                ("wait", self.wait.to_string()),
                ("hold", self.hold.to_string()),
                ("requests", self.requests().to_string()),
                ("inactivity", self.terms.inactivity.as_secs().to_string()),
                ("ver", "1.6".to_owned()),
            ];
            tag = terms.iter().fold(tag, |tag, (name, value)| tag.with_attr(name, value));
            let header = |name| self.header.as_ref().and_then(|open| open.attr(name));
            for (name, value) in [("from", header("from")), ("authid", header("id"))] {
                tag = value.into_iter().fold(tag, |tag, value| tag.with_attr(name, value));
            }
            if let Some(version) = header("version") {
                stream = format!(
                    " xmlns:xmpp='{}' xmpp:version='{}' xmpp:restartlogic='true'",
                    ns::XBOSH,
                    escape(version)
                );
            }
        }
        around(&tag, &stream, &content)
    }

    /// The stream is over, as the server says.
    fn finish(&mut self, elsewhere: Option<&str>) {
        let end = match elsewhere {
            Some(uri) => {
                ending(Some("see-other-uri")).with_child(Element::new("uri", ns::HTTPBIND).with_text(uri))
            }
            None => ending(self.failed.then_some("remote-stream-error")),
        };
        self.end.get_or_insert(end);
    }

    fn say(&self, frame: String) -> Output {
        Output::Server(Input::Frame(self.connection, frame))
    }

    /// The number of requests that the client may have under way (XEP-0124 §11).
    fn requests(&self) -> u64 {
        self.hold as u64 + 1
    }
}

fn ending(condition: Option<&str>) -> Element {
    let body = Element::new("body", ns::HTTPBIND).with_attr("type", "terminate");
    condition.into_iter().fold(body, |body, condition| body.with_attr("condition", condition))
}

/// Writes the body around stanzas, which may be anything that a misbehaving server says. The prefix `stream`
/// is declared here, as real servers do.
fn around(tag: &Element, stream: &str, content: &str) -> String {
    let text = tag.to_string();
    let declared = format!(" xmlns:stream='{}'{stream}", ns::STREAM);
    let (head, children) = match text.strip_suffix("</body>") {
        Some(text) => text.split_once('>').unwrap_or((text, "")),
        None => (text.trim_end_matches("/>"), ""),
    };
    format!("{head}{declared}>{content}{children}</body>")
}
