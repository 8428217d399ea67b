//! The bodies that the server sends, taken apart into frames.

use std::borrow::Cow;

use epode_xml::{Child, Element, Limits, Violation, Wrapper};

use crate::body::ns;
use crate::error::Error;
use crate::terms::Terms;

/// The length of a wrong root element's name in an error, in characters.
const NAME: usize = 64;

/// A response, taken apart.
pub(crate) struct Answer {
    /// The stanzas, each as a frame of RFC 7395.
    pub(crate) frames: Vec<String>,
    /// Whether features are among them.
    pub(crate) features: bool,
    /// Of the first response; Prosody repeats it in each.
    pub(crate) sid: Option<String>,
    /// Whether this is the request, with its attributes: so ejabberd 24.12 answers a repetition.
    is_copy: bool,
    /// The terms that the server grants, if this is the first response.
    pub(crate) terms: Terms,
    /// A server may tell `from`, `authid` and `xmpp:version` late (XEP-0124 §7.2, XEP-0206 §4).
    pub(crate) from: Option<String>,
    pub(crate) authid: Option<String>,
    pub(crate) version: Option<String>,
    /// The rid of a response that the server has sent and the client has not acknowledged (XEP-0124 §9.2).
    pub(crate) report: Option<u64>,
    /// The highest rid that the server has, if that is higher than the one it answers (XEP-0124 §9.1).
    pub(crate) ack: Option<u64>,
    /// The end of the session, in a terminating body.
    pub(crate) end: Option<End>,
}

/// The end of a session (XEP-0124 §17.2).
pub(crate) struct End {
    pub(crate) condition: Option<String>,
    /// The address in `see-other-uri`.
    pub(crate) elsewhere: Option<String>,
}

impl Answer {
    /// Reads a response. `asked` is the terms of the session request.
    pub(crate) fn read(status: u16, text: &str, asked: &Terms, limits: &Limits) -> Result<Answer, Error> {
        if status != 200 {
            return Err(Error::Http { status });
        }
        let body = Wrapper::cut(text, limits)?;
        if !body.is("body", ns::HTTPBIND) {
            let name = match body.name() {
                "body" => "body of another namespace".to_owned(),
                name => name.chars().take(NAME).collect(),
            };
            return Err(Error::NotBody(name));
        }
        let kind = body.attr("type", "");
        if kind.as_deref() == Some("error") {
            return Err(Error::NotTaken);
        }
        let owned = |name, namespace| body.attr(name, namespace).map(Cow::into_owned);
        let mut answer = Answer {
            frames: Vec::with_capacity(body.children.len()),
            features: false,
            sid: owned("sid", "").filter(|sid| !sid.is_empty()),
            is_copy: body.attr("rid", "").is_some(),
            terms: granted(&body, asked),
            from: owned("from", ""),
            authid: owned("authid", ""),
            version: owned("version", ns::XBOSH),
            report: number(&body, "report"),
            ack: number(&body, "ack"),
            end: (kind.as_deref() == Some("terminate"))
                .then(|| End { condition: owned("condition", ""), elsewhere: None }),
        };
        answer.take_children(&body, limits)?;
        Ok(answer)
    }

    /// Whether the server does not know the session, or the request of that rid.
    pub(crate) fn is_of_unknown_request(&self) -> bool {
        let condition = self.end.as_ref().and_then(|end| end.condition.as_deref());
        condition == Some("item-not-found") && self.frames.is_empty()
    }

    /// Whether the server names the session in this response by itself.
    pub(crate) fn names_session(&self) -> bool {
        self.sid.is_some() && !self.is_copy
    }

    /// Makes a frame of each child. A stanza without an own namespace is in that of `<body/>`, but means
    /// `jabber:client` (XEP-0206 §2).
    fn take_children(&mut self, body: &Wrapper<'_>, limits: &Limits) -> Result<(), Violation> {
        let default = body.default_namespace();
        let default = if matches!(&*default, ns::HTTPBIND | "") { ns::CLIENT } else { &*default };
        let mut error = String::new();
        let mut bytes = 0;
        for child in &body.children {
            if self.is_copy && is_own(child) {
                continue;
            }
            let document = body.document(child, default);
            // Each frame repeats the declarations of the body, which may be long.
            bytes += document.len();
            if bytes > 2 * limits.bytes {
                return Err(Violation::TooLong { bytes, limit: 2 * limits.bytes });
            }
            match (&mut self.end, child.name(), &*child.namespace) {
                (Some(end), "uri", ns::HTTPBIND) => {
                    let uri = Element::parse(&document, &Limits::default()).map(|uri| uri.text());
                    end.elsewhere = uri.ok().map(|uri| uri.trim().to_owned());
                }
                // Older servers send the content of a stream error without `<stream:error/>` (XEP-0206 §6).
                (Some(_), _, ns::STREAM_ERRORS) => error.push_str(&document),
                (_, name, namespace) => {
                    self.features |= name == "features" && namespace == ns::STREAMS;
                    self.frames.push(document);
                }
            }
        }
        if !error.is_empty() {
            let open = ["<stream:error xmlns:stream='", ns::STREAMS, "'>"].concat();
            self.frames.push([&open, &*error, "</stream:error>"].concat());
        }
        Ok(())
    }
}

/// Whether the client has sent this stanza: a response that is a copy of its request keeps the stanzas of
/// that if it has no other. A server says where a stanza comes from, but for the results of requests to the
/// account (RFC 6120 §8.1.2.1).
fn is_own(child: &Child<'_>) -> bool {
    let is_answer = matches!(child.attr("type").as_deref(), Some("result" | "error"));
    matches!(child.name(), "message" | "presence" | "iq") && child.attr("from").is_none() && !is_answer
}

/// The terms that the server grants (XEP-0124 §7.2): no more than the client asked for. A missing or
/// malformed number grants the client's own.
fn granted(body: &Wrapper<'_>, asked: &Terms) -> Terms {
    let seconds = |name| number(body, name).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    let hold = seconds("hold").map_or(asked.hold, |hold| hold.min(asked.hold));
    Terms {
        wait: seconds("wait").map_or(asked.wait, |wait| wait.min(asked.wait)),
        hold,
        requests: seconds("requests").unwrap_or(hold.saturating_add(1)),
        polling: seconds("polling").unwrap_or(0),
        inactivity: seconds("inactivity"),
        versioned: body.attr("ver", "").is_some(),
    }
}

fn number(body: &Wrapper<'_>, name: &str) -> Option<u64> {
    body.attr(name, "")?.trim().parse().ok()
}
