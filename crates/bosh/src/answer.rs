//! The bodies that the server sends, read into frames.

use std::borrow::Cow;

use epode_xml::{Element, Limits, Wrapper};

use crate::body::ns;
use crate::error::Error;
use crate::terms::Terms;

/// How much of the name of an element is kept that should be `<body/>`, in characters.
const NAME: usize = 64;

/// What a response says.
pub(crate) struct Answer {
    /// The stanzas, each as a frame of RFC 7395.
    pub(crate) frames: Vec<String>,
    /// Whether features are among them.
    pub(crate) features: bool,
    /// `sid`: some servers repeat it in every response.
    pub(crate) sid: Option<String>,
    /// What the server grants, where this response opens a session.
    pub(crate) terms: Terms,
    /// `from`, `authid` and `xmpp:version`, which a server may tell late (XEP-0124 §7.2, XEP-0206 §4).
    pub(crate) from: Option<String>,
    pub(crate) authid: Option<String>,
    pub(crate) version: Option<String>,
    /// The rid of a request whose response was sent and has not been acknowledged (XEP-0124 §9.2).
    pub(crate) report: Option<u64>,
    /// The end of the session, if this is it.
    pub(crate) end: Option<End>,
}

/// The end of a session (XEP-0124 §17.2).
pub(crate) struct End {
    pub(crate) condition: Option<String>,
    /// The address in `see-other-uri`.
    pub(crate) elsewhere: Option<String>,
}

impl Answer {
    /// Reads a response. `asked` is what the session request asked for, where no response has granted it yet.
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
            terms: granted(&body, asked),
            from: owned("from", ""),
            authid: owned("authid", ""),
            version: owned("version", ns::XBOSH),
            report: number(&body, "report"),
            end: (kind.as_deref() == Some("terminate"))
                .then(|| End { condition: owned("condition", ""), elsewhere: None }),
        };
        answer.take_children(&body);
        Ok(answer)
    }

    /// Makes a frame of each child. A stanza without a namespace of its own is in that of `<body/>`, and is
    /// meant to be in `jabber:client` (XEP-0206 §2).
    fn take_children(&mut self, body: &Wrapper<'_>) {
        let default = body.default_namespace();
        let default = if matches!(&*default, ns::HTTPBIND | "") { ns::CLIENT } else { &*default };
        let mut error = String::new();
        for child in &body.children {
            let document = body.document(child, default);
            match (&mut self.end, child.name(), &*child.namespace) {
                (Some(end), "uri", ns::HTTPBIND) => {
                    let uri = Element::parse(&document, &Limits::default()).map(|uri| uri.text());
                    end.elsewhere = uri.ok().map(|uri| uri.trim().to_owned());
                }
                // Older servers say what is in a stream error without the error around it.
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
    }
}

/// What the server grants (XEP-0124 §7.2): no more than was asked for, and what was asked for where it says
/// nothing, or nothing that is a number.
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
