//! From responses to the frames of the server.

use std::time::Duration;

use epode_xml::{Element, Violation};

use crate::answer::{Answer, End};
use crate::body::ns;
use crate::request::{Attempt, Request};
use crate::timer::Timer;
use crate::{Bosh, Carries, Error, Header, Output, Phase, RequestId};

/// The time for which a response may be missing after a response to a later request: servers answer in the
/// order of the rids (XEP-0124 §14.2), so the missing response has left the server. Each repetition may take
/// twice as long.
const LATE: Duration = Duration::from_secs(5);

/// The bytes that a slow line sends in a second.
const UPLOAD: u64 = 1 << 14;

/// The wait before the only repetition of the session request: a person waits for the outcome.
const SECOND_TRY: Duration = Duration::from_secs(1);

/// How often a server may be silent before a request that it does not know ends the session.
const SILENCES: u32 = 3;

/// How many requests in a row a server may not know of a session that lives.
const UNKNOWN: u32 = 10;

/// The number of repetitions of a request that an HTTP status refuses.
const REFUSALS: u32 = 3;

impl Bosh {
    pub(crate) fn response(&mut self, id: RequestId, status: u16, text: &str) {
        let Some(at) = self.position(id) else { return };
        match Answer::read(status, text, &self.terms, &self.limits) {
            Ok(answer) => {
                match answer.is_of_unknown_request() {
                    true => self.unknown += 1,
                    false => (self.silences, self.unknown) = (0, 0),
                }
                let request = &mut self.requests[at];
                self.timers.clear(Timer::Answer(request.rid));
                request.attempt = Attempt::Answered(Box::new(answer));
                self.outage.end(self.now);
                // The line is up: other failed requests need not wait.
                self.timers.clear(Timer::Repeat);
                self.process();
            }
            Err(error) => self.failed(at, error),
        }
    }

    pub(crate) fn no_response(&mut self, id: RequestId) {
        if let Some(at) = self.position(id) {
            self.failed(at, Error::Unreachable);
        }
    }

    /// No response has come to the request with this rid in time.
    pub(crate) fn silence(&mut self, rid: u64) {
        // A session request has one deadline for both attempts.
        let opens = self.phase == Phase::Requesting;
        let is_silent = |one: &Request| one.rid == rid && (opens || one.under_way().is_some());
        if let Some(at) = self.requests.iter().position(is_silent) {
            self.abort(at);
            self.silences += u32::from(at == 0);
            self.failed(at, Error::Silent);
        }
    }

    /// Repeats all requests that are under way: servers answer an equal rid with the kept response, or hold
    /// the repetition in the place of the first request (XEP-0124 §14.3). A repeated session request might
    /// open a second session, so the first keeps its time.
    pub(crate) fn online(&mut self) {
        if self.phase != Phase::Requesting {
            for at in 0..self.requests.len() {
                self.abort(at);
            }
        }
        self.timers.clear(Timer::Repeat);
    }

    fn position(&self, id: RequestId) -> Option<usize> {
        self.requests.iter().position(|request| request.under_way() == Some(id))
    }

    /// Aborts an attempt that is under way; the request is due again.
    fn abort(&mut self, at: usize) {
        let request = &mut self.requests[at];
        if let Some(id) = request.under_way() {
            request.attempt = Attempt::Due;
            self.outputs.push_back(Output::Abort(id));
        }
    }

    /// An attempt has failed: the request is repeated, or the session is over.
    fn failed(&mut self, at: usize, error: Error) {
        match error {
            Error::Unreachable => self.outputs.push_back(Output::HttpError(0)),
            Error::Http { status } => self.outputs.push_back(Output::HttpError(status)),
            _ => {}
        }
        let request = &mut self.requests[at];
        request.attempt = Attempt::Due;
        self.outage.note(self.now, request.sent);
        let failures = request.failures;
        request.failures += 1;
        if self.is_hopeless(&error, failures) {
            return self.finish(Some(error));
        }
        let delay = match self.phase {
            Phase::Requesting => SECOND_TRY,
            _ => self.outage.delay(failures),
        };
        if delay > Duration::ZERO {
            self.timers.set(Timer::Repeat, self.now + delay);
        }
    }

    /// Whether a failure ends the session. `failures` counts the earlier failures of the same request.
    fn is_hopeless(&self, error: &Error, failures: u32) -> bool {
        if matches!(error, Error::NotXml(Violation::TooLong { .. } | Violation::TooManyChildren { .. })) {
            // The server has kept this response, and would give the same again.
            return true;
        }
        if self.phase == Phase::Requesting {
            return !error.is_of_network() || failures > 0;
        }
        if error.is_refusal() && (!self.terms.versioned || failures >= REFUSALS) {
            return true;
        }
        self.outage.is_lost(self.now, &self.terms)
    }

    /// Processes the responses that have come, in the order of the rids.
    fn process(&mut self) {
        while let Some(Request { attempt: Attempt::Answered(_), .. }) = self.requests.front()
            && let Some(request) = self.requests.pop_front()
        {
            let Request { carries, stanzas, sent, attempt: Attempt::Answered(answer), .. } = request else {
                return;
            };
            let later = !self.requests.is_empty() || self.next < self.unused;
            let is_silent = self.silences >= SILENCES && !self.requests.iter().any(Request::is_answered);
            let is_lost = is_silent || self.unknown >= UNKNOWN;
            if later && answer.is_of_unknown_request() && !is_lost {
                // If the session lives, the response to the next request tells of these, too.
                if let Some(next) = self.requests.front_mut() {
                    next.stanzas += stanzas;
                }
                self.ask_again();
            } else {
                if answer.end.as_ref().is_none_or(|end| end.condition.is_none()) {
                    self.taken(stanzas, answer.ack);
                }
                self.take(carries, sent, *answer);
            }
        }
    }

    /// The server has these stanzas, and those of the requests up to the rid that it acknowledges.
    fn taken(&mut self, mut stanzas: u32, ack: Option<u64>) {
        let is_acknowledged = |request: &&mut Request| ack.is_some_and(|ack| request.rid <= ack);
        for request in self.requests.iter_mut().take_while(is_acknowledged) {
            stanzas += std::mem::take(&mut request.stanzas);
        }
        if stanzas > 0 {
            self.outputs.push_back(Output::Taken(stanzas));
        }
    }

    /// The server has no response to a request. Prosody 13 makes none to the repetition of a request whose
    /// connection breaks before the next request arrives; both were taken, and the session lives. Chromium
    /// may have repeated the request by itself, where a connection broke that had been used before. The
    /// repetition of the next request says so, or that there is no session any more: then a response that has
    /// come is none of it. While the stream talks on there is always a next request, so this has an end. A
    /// server that is silent again and again, and then does not know what it was silent about, has lost
    /// responses, and their stanzas.
    fn ask_again(&mut self) {
        for at in 0..self.requests.len() {
            self.abort(at);
            let request = &mut self.requests[at];
            if !request.is_new() {
                request.attempt = Attempt::Due;
                request.failures += 1;
            }
        }
    }

    /// Sets the deadlines of the requests that are under way. A server that has more requests than it holds
    /// answers the first at once, and so it does with a request that it has overtaken (XEP-0124 §14.2): one
    /// of these that is silent for long is repeated soon. A held request has the time that was agreed on.
    pub(crate) fn watch(&mut self) {
        let answered = self.requests.iter().rposition(Request::is_answered);
        let is_full = self.requests.len() > self.terms.hold.max(1) as usize;
        for (at, request) in self.requests.iter().enumerate().filter(|(_, one)| one.under_way().is_some()) {
            let timer = Timer::Answer(request.rid);
            if is_full || answered.is_some_and(|answered| at < answered) {
                let upload = Duration::from_secs(request.body.len() as u64 / UPLOAD);
                let patience = (LATE + upload) * (1 << request.failures.min(4));
                self.timers.hasten(timer, self.now + patience);
            } else {
                self.timers.set(timer, request.sent + self.terms.answer_time());
            }
        }
    }

    /// Processes a response.
    fn take(&mut self, carried: Carries, sent: Duration, answer: Answer) {
        let opens = self.phase == Phase::Requesting;
        self.keeps_broken |= !opens && answer.names_session();
        if opens {
            match (answer.sid, &answer.end) {
                (Some(sid), _) => self.sid = sid,
                // The stream error in the first response has to reach the stream.
                (None, Some(_)) if !answer.frames.is_empty() => {}
                (None, Some(_)) => return self.end(answer.end),
                (None, None) => return self.finish(Some(Error::NoSid)),
            }
            self.phase = Phase::Open;
            self.terms = answer.terms;
            self.outputs.push_back(Output::Opened);
        }
        let is_empty = answer.frames.is_empty();
        self.pace.note_answer(self.now, sent, carried == Carries::Nothing && is_empty, !is_empty);
        let header = &mut self.header;
        header.from = answer.from.or(header.from.take());
        header.authid = answer.authid.or(header.authid.take());
        header.version = answer.version.or(header.version.take());
        for frame in answer.frames {
            self.hand_up(frame, answer.features);
        }
        if let Some(rid) = answer.report
            && let Some(at) = self.requests.iter().position(|request| request.rid == rid)
        {
            self.abort(at);
        }
        let is_farewell = |carries| carries == Carries::Farewell;
        let ends = answer.end.is_some() || is_farewell(carried);
        if ends && (is_farewell(carried) || self.requests.iter().any(|one| is_farewell(one.carries))) {
            // The condition does not matter: ejabberd tells `other-request` on the held request.
            self.end(None);
        } else if ends {
            self.end(answer.end);
        }
    }

    /// Gives the stream a frame of the server, after `<open/>` if this is the stream's first frame.
    fn hand_up(&mut self, frame: String, features: bool) {
        if self.phase == Phase::Deaf {
            return;
        }
        if !std::mem::replace(&mut self.header.told, true) {
            let open = self.server_open(features);
            self.outputs.push_back(Output::Frame(open));
        }
        self.pace.note_heard(&frame);
        self.outputs.push_back(Output::Frame(frame));
    }

    /// `<open/>` (RFC 7395 §3.4), made of the attributes of the bodies so far. A server that offers features
    /// speaks version 1.0 (RFC 6120 §4.7.5), even without `xmpp:version`.
    fn server_open(&self, features: bool) -> String {
        let Header { from, authid, version, .. } = &self.header;
        let version = version.as_deref().or(features.then_some("1.0"));
        let mut open = Element::new("open", ns::FRAMING);
        for (name, value) in [("version", version), ("from", from.as_deref()), ("id", authid.as_deref())] {
            if let Some(value) = value {
                open = open.with_attr(name, value);
            }
        }
        open.to_string()
    }

    /// The server has ended the session, or has answered the terminating body.
    fn end(&mut self, end: Option<End>) {
        match end {
            Some(End { condition: Some(condition), elsewhere }) => {
                self.finish(Some(Error::Terminated { condition: Some(condition), elsewhere }));
            }
            Some(_) if self.phase == Phase::Requesting => {
                self.finish(Some(Error::Terminated { condition: None, elsewhere: None }));
            }
            _ => {
                if self.phase == Phase::Open {
                    let close = Element::new("close", ns::FRAMING).to_string();
                    self.outputs.push_back(Output::Frame(close));
                }
                self.finish(None);
            }
        }
    }
}
