//! The parts of messages that are about BOSH (XEP-0124, XEP-0206).

use serde::{Deserialize, Serialize};

use crate::port::{Read, Write};
use crate::{Options, Secret};

/// How to open a session over BOSH.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct BoshOptions {
    /// For how many seconds the server may hold a request; 0 for a session that polls. `None`: 60.
    pub wait: Option<u32>,
    /// How many requests the server may hold; 0 for a session that polls. `None`: 1.
    pub hold: Option<u32>,
    /// The server behind a connection manager that serves several (XEP-0124 §7.1).
    pub route: Option<String>,
    /// What each request is made with.
    pub http: HttpOptions,
}

/// How to go on with a session over BOSH.
#[derive(Clone, Debug, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct AttachBosh {
    /// Absolute `http:` or `https:` URL of the service.
    pub service: String,
    /// The numbers.
    pub session: BoshSession,
    /// As in [`Connect`](crate::ToWorker::Connect); what concerns logins does not count.
    pub options: Options,
    /// What each request is made with.
    pub http: HttpOptions,
}

/// What each HTTP request of a session is made with. The options of the tab that opened the session hold for
/// all of its requests, until a tab [assigns](crate::ToWorker::HttpOptions) others.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct HttpOptions {
    /// Headers beside `Content-Type`, with names and values that `fetch` takes.
    pub headers: Vec<HttpHeader>,
    /// Whether requests to another origin carry cookies.
    pub with_credentials: bool,
    /// `None`: `text/xml; charset=utf-8`.
    pub content_type: Option<String>,
}

/// A header of a request. Its value may be a token: `Debug` does not print the value.
#[derive(Clone, Debug, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct HttpHeader {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Secret,
}

/// A session at the server, in numbers: whoever has these can go on with it. So a page may keep them for the
/// page that a reload puts in its place.
#[derive(Clone, Debug, Serialize, Deserialize, Read, Write)]
#[cfg_attr(test, derive(PartialEq, ts_rs::TS), ts(export))]
pub struct BoshSession {
    /// The full JID that the server bound.
    pub jid: String,
    /// The session's id: with a rid, all that a stranger needs to take the session.
    pub sid: Secret,
    /// The rid of the next request.
    #[cfg_attr(test, ts(type = "number"))]
    pub next: u64,
    /// The rid of the first request whose response has not come; as `next` where none is missing, or where
    /// nobody has kept this number.
    #[cfg_attr(test, ts(type = "number"))]
    pub lowest: u64,
    /// For how many seconds the server may hold a request. `None`, as in the next three, where the page does
    /// not know; the worker always says.
    pub wait: Option<u32>,
    /// How many requests the server may hold.
    pub hold: Option<u32>,
    /// How many requests may be unanswered (`requests`).
    pub window: Option<u32>,
    /// For how many seconds the server keeps a session without a request; `None` also where it names none.
    pub inactivity: Option<u32>,
}
