//! From `<open/>` to an authenticated stream: RFC 7395 §3, RFC 6120 §6.

use epode_xml::Element;

use super::{
    ConnectionId, Fault, LegacySession, Misbehaviour, OpenFault, Server, Stage,
    connection::{State, in_stream},
    sasl::{Context, Step},
};
use crate::ns;
use crate::unicode::local;

/// The number of failures of SASL that ends a stream (RFC 6120 §6.4.5 recommends two to five).
const TRIES: u32 = 3;

impl Server {
    pub(super) fn handle_frame(&mut self, id: ConnectionId, text: &str) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if matches!(connection.state, State::Silent) {
            return;
        }
        let element = match Element::parse(text, &self.limits) {
            Ok(element) => element,
            Err(violation) => return self.stream_error(id, violation.condition()),
        };
        if element.is("close", ns::FRAMING) {
            return self.handle_close(id);
        }
        match &connection.state {
            State::Opening => self.expect_open(id, &element),
            State::Authenticating => self.expect_auth(id, &element),
            State::Exchanging(_) => self.expect_response(id, &element),
            State::Reopening { user } => {
                let user = user.clone();
                self.expect_reopen(id, user, &element);
            }
            State::Binding { user } => {
                let user = user.clone();
                self.expect_bind(id, &user, &element);
            }
            State::Bound(_) if element.namespace() == ns::SM && self.config.management.is_some() => {
                self.handle_management(id, &element);
            }
            State::Bound(_) => self.handle_stanza(id, element),
            State::Closing | State::Deaf | State::Silent => {}
        }
    }

    fn expect_open(&mut self, id: ConnectionId, element: &Element) {
        if let Err(condition) = self.check_open(element) {
            return self.stream_error(id, condition);
        }
        let open = self.opening(id);
        if !self.say_at(id, Stage::Open, open) {
            return;
        }
        let offered: Vec<&str> = match self.misbehaviour(id) {
            Some(Misbehaviour::NoMechanisms) => Vec::new(),
            _ => self.config.offered().collect(),
        };
        let mechanisms = offered.iter().fold(Element::new("mechanisms", ns::SASL), |list, name| {
            list.with_child(Element::new("mechanism", ns::SASL).with_text(name))
        });
        let mut features = if offered.is_empty() { Vec::new() } else { vec![mechanisms] };
        let registration = self.config.registration.then(|| Element::new("register", ns::REGISTER_FEATURE));
        features.extend(registration);
        if self.say_at(id, Stage::Mechanisms, in_stream("features", &features)) {
            self.enter(id, State::Authenticating);
        }
    }

    fn expect_auth(&mut self, id: ConnectionId, element: &Element) {
        if self.config.registration && element.is("iq", ns::CLIENT) {
            return self.register(id, element);
        }
        if !element.is("auth", ns::SASL) {
            return self.refuse_before_authentication(id, element);
        }
        self.statistics.sasl_started += 1;
        let mechanism = element.attr("mechanism").unwrap_or_default().to_owned();
        let step = self.sasl(id, |mut context| context.begin(&mechanism, element.text().trim()));
        self.take(id, step);
    }

    fn expect_response(&mut self, id: ConnectionId, element: &Element) {
        if element.is("abort", ns::SASL) {
            return self.take(id, Step::Failure("aborted"));
        }
        if !element.is("response", ns::SASL) {
            return self.refuse_before_authentication(id, element);
        }
        let Some(State::Exchanging(exchange)) = self.enter(id, State::Authenticating) else { return };
        let response = element.text();
        // Only `<auth/>` and `<success/>` may have "=" for empty data, but some clients send it
        // here too.
        let response = response.trim().strip_prefix('=').unwrap_or(response.trim());
        let step = self.sasl(id, |mut context| context.proceed(exchange, response));
        self.take(id, step);
    }

    fn expect_reopen(&mut self, id: ConnectionId, user: String, element: &Element) {
        if let Err(condition) = self.check_open(element) {
            return self.stream_error(id, condition);
        }
        let open = self.open_element().to_string();
        if !self.say_at(id, Stage::Reopen, open) {
            return;
        }
        let session = Element::new("session", ns::SESSION);
        let mut features = match self.misbehaviour(id) {
            Some(Misbehaviour::NoBinding) => Vec::new(),
            _ => vec![Element::new("bind", ns::BIND)],
        };
        features.extend(self.config.management.is_some().then(|| Element::new("sm", ns::SM)));
        match self.config.legacy_session {
            LegacySession::Absent => {}
            LegacySession::Optional => {
                features.push(session.with_child(Element::new("optional", ns::SESSION)));
            }
            LegacySession::Required => features.push(session),
        }
        if self.say_at(id, Stage::Features, in_stream("features", &features)) {
            self.enter(id, State::Binding { user });
        }
    }

    /// Carries out a step of SASL.
    fn take(&mut self, id: ConnectionId, step: Step) {
        match step {
            Step::Challenge(payload, exchange) => {
                let challenge = Element::new("challenge", ns::SASL).with_text(&payload);
                if self.say_at(id, Stage::Challenge, challenge.to_string()) {
                    self.enter(id, State::Exchanging(exchange));
                }
            }
            Step::Success { user, data } => {
                let success = Element::new("success", ns::SASL).with_text(&data.unwrap_or_default());
                if self.say_at(id, Stage::Outcome, success.to_string()) {
                    self.statistics.sasl_succeeded += 1;
                    self.enter(id, State::Reopening { user: local(&user) });
                }
            }
            Step::Failure(condition) => {
                let failure = Element::new("failure", ns::SASL).with_child(Element::new(condition, ns::SASL));
                if self.say_at(id, Stage::Outcome, failure.to_string()) {
                    self.statistics.sasl_failed += 1;
                    self.enter(id, State::Authenticating);
                    self.count_refusal(id);
                }
            }
        }
    }

    fn count_refusal(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.refusals += 1;
        if connection.refusals >= TRIES {
            self.stream_error(id, "policy-violation");
        }
    }

    fn sasl(&mut self, id: ConnectionId, step: impl FnOnce(Context<'_>) -> Step) -> Step {
        step(Context {
            config: &self.config,
            random: &mut self.random,
            vault: &mut self.vault,
            misbehaviour: self.connections.get(&id).and_then(|connection| connection.misbehaviour.as_ref()),
        })
    }

    fn check_open(&self, element: &Element) -> Result<(), &'static str> {
        if element.name() != "open" {
            Err("not-authorized")
        } else if element.namespace() != ns::FRAMING {
            Err("invalid-namespace")
        } else if element.attr("version") != Some("1.0") {
            Err("unsupported-version")
        } else if element.attr("to") != Some(&self.config.domain) {
            Err("host-unknown")
        } else {
            Ok(())
        }
    }

    pub(super) fn say_open(&mut self, id: ConnectionId) {
        let open = self.open_element().to_string();
        self.say(id, open);
    }

    fn open_element(&mut self) -> Element {
        Element::new("open", ns::FRAMING)
            .with_attr("from", &self.config.domain)
            .with_attr("id", &self.random.token(9))
            .with_attr("version", "1.0")
            .with_attr("xml:lang", "en")
    }

    /// The first `<open/>`, with the scripted fault if any.
    fn opening(&mut self, id: ConnectionId) -> String {
        let right = self.open_element();
        let fault = match self.misbehaviour(id) {
            Some(Misbehaviour::Open(fault)) => *fault,
            _ => return right.to_string(),
        };
        let namespace = if fault == OpenFault::Namespace { ns::STREAM } else { ns::FRAMING };
        let attribute = |name: &str, value: &str| match (fault, name) {
            (OpenFault::Version, "version") => Some("2.0".to_owned()),
            (OpenFault::From, "from") => Some("elsewhere.example".to_owned()),
            (OpenFault::MissingVersion, "version")
            | (OpenFault::MissingFrom, "from")
            | (OpenFault::MissingId, "id") => None,
            _ => Some(value.to_owned()),
        };
        let attributes = ["from", "id", "version"].into_iter();
        let kept = attributes.filter_map(|name| Some((name, attribute(name, right.attr(name)?)?)));
        kept.fold(Element::new("open", namespace), |open, (name, value)| open.with_attr(name, &value))
            .to_string()
    }

    fn refuse_before_authentication(&mut self, id: ConnectionId, element: &Element) {
        // RFC 6120 §4.9.3.12: only SASL is allowed before authentication; SASL out of turn is a
        // SASL failure.
        if element.namespace() == ns::SASL {
            self.take(id, Step::Failure("malformed-request"));
        } else {
            self.stream_error(id, "not-authorized");
        }
    }

    /// Sends the frame of `stage`, or commits the fault scripted for that stage and returns false.
    pub(super) fn say_at(&mut self, id: ConnectionId, stage: Stage, frame: String) -> bool {
        let fault: Option<Fault> = match self.misbehaviour(id) {
            Some(Misbehaviour::At(at, fault)) if *at == stage => Some(fault.clone()),
            _ => None,
        };
        match fault {
            Some(fault) => {
                self.commit(id, fault);
                false
            }
            None => {
                self.say(id, frame);
                true
            }
        }
    }

    pub(super) fn enter(&mut self, id: ConnectionId, state: State) -> Option<State> {
        let connection = self.connections.get_mut(&id)?;
        Some(std::mem::replace(&mut connection.state, state))
    }

    pub(super) fn misbehaviour(&self, id: ConnectionId) -> Option<&Misbehaviour> {
        self.connections.get(&id)?.misbehaviour.as_ref()
    }
}
