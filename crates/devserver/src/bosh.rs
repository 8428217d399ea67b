//! `/http-bind` carries bodies between HTTP and the connection manager; `/http-bind/requests` tells a test
//! what was asked there.
//!
//! The query of the address says what the service grants, and how it misbehaves (see [`Service`]), so a page
//! chooses with its address: `/http-bind?fault=status&status=502&from=6&times=2`. Each query is a service of
//! its own, which counts its own requests.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use epode_testkit::{Random, bosh::terminate};
use futures::stream;
use serde::Serialize;
use tokio::time::sleep;

use crate::embedded::Control;
use service::{Fault, Service};

mod service;

/// How many requests the journal remembers.
const JOURNAL: usize = 10_000;

/// How much later than its successor a response comes that is out of order.
const DISORDER: Duration = Duration::from_millis(150);

/// The size of a response that is too large for any client.
const LARGE: usize = 10 << 20;

const ELSEWHERE: &str = "/http-bind/elsewhere";

const PAGE: &str =
    "<!DOCTYPE html><html><body><h1>It works!</h1><p>Now point your BOSH client here.</body></html>";

#[derive(Clone)]
struct Entrance {
    control: Control,
    seed: u64,
    books: Arc<Mutex<Books>>,
}

/// What was asked so far.
#[derive(Default)]
struct Books {
    /// How many POST requests each query has had.
    asked: BTreeMap<String, u64>,
    journal: VecDeque<Entry>,
}

/// A request, as the journal tells it.
#[derive(Debug, Clone, Serialize)]
struct Entry {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: String,
}

pub(crate) fn routes(control: Control, frame_limit: usize, seed: u64) -> Router {
    let entrance = Entrance { control, seed, books: Arc::default() };
    // The manager answers a body that is too long; only twice that length ends the request.
    Router::new()
        .route("/http-bind", any(ask))
        .route("/http-bind/", any(ask))
        .route(ELSEWHERE, any(elsewhere))
        .route("/http-bind/requests", get(journal))
        .layer(DefaultBodyLimit::max(2 * frame_limit))
        .with_state(entrance)
}

/// The requests whose query is the same, all without a query.
async fn journal(State(entrance): State<Entrance>, RawQuery(query): RawQuery) -> Response {
    let books = entrance.books.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = |entry: &&Entry| query.as_ref().is_none_or(|query| *query == entry.query);
    let entries: Vec<Entry> = books.journal.iter().filter(asked).cloned().collect();
    ([(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(entries)).into_response()
}

/// Where a redirect leads: nobody should come here.
async fn elsewhere(
    State(entrance): State<Entrance>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    entrance.note(ELSEWHERE, query.unwrap_or_default(), &method, &headers, &body);
    html(StatusCode::OK)
}

async fn ask(
    State(entrance): State<Entrance>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let service = match Service::read(&query) {
        Ok(service) => service,
        Err(reason) => return (StatusCode::BAD_REQUEST, reason).into_response(),
    };
    let number = entrance.note("/http-bind", query, &method, &headers, &body);
    let fault = service.fault(number);
    let response = match method {
        Method::OPTIONS => StatusCode::OK.into_response(),
        Method::POST => match std::str::from_utf8(&body) {
            Ok(body) => entrance.answer(body, &service, fault, number).await,
            Err(_) => StatusCode::BAD_REQUEST.into_response(),
        },
        // As Prosody and ejabberd answer a browser.
        _ => html(StatusCode::OK),
    };
    match fault {
        Some(Fault::Cors) => response,
        _ => with_cors(response, &headers),
    }
}

impl Entrance {
    /// Notes a request; its number among the POSTs of its query, from 0 on.
    fn note(&self, path: &str, query: String, method: &Method, headers: &HeaderMap, body: &[u8]) -> u64 {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = String::from_utf8_lossy(body).into_owned();
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = books.asked.entry(query.clone()).or_default();
        let number = *asked;
        *asked += u64::from(method == Method::POST);
        if books.journal.len() == JOURNAL {
            books.journal.pop_front();
        }
        let (method, path) = (method.to_string(), path.to_owned());
        books.journal.push_back(Entry { method, path, query, headers, body });
        number
    }

    async fn answer(&self, body: &str, service: &Service, fault: Option<Fault>, number: u64) -> Response {
        match fault {
            Some(Fault::Html) => html(StatusCode::OK),
            Some(Fault::Status(status)) => html(status),
            Some(Fault::Redirect(status)) => (status, [(header::LOCATION, ELSEWHERE)]).into_response(),
            Some(Fault::Silent) => std::future::pending().await,
            Some(Fault::Body(text)) => xml(text.to_owned()),
            Some(Fault::DeadSid) => xml(terminate("item-not-found")),
            Some(Fault::Large) => {
                let filler = "x".repeat(LARGE);
                xml(format!(
                    "<body xmlns='http://jabber.org/protocol/httpbind'><message>{filler}</message></body>"
                ))
            }
            Some(Fault::NoSid) => xml(without_sid(&self.ask(body, service).await)),
            Some(Fault::Cut(seed)) => self.cut(body, service, Random::new(seed ^ self.seed ^ number)).await,
            Some(Fault::Disorder) => {
                let answer = self.ask(body, service).await;
                if number.is_multiple_of(2) {
                    sleep(DISORDER).await;
                }
                xml(answer)
            }
            Some(Fault::Cors) | None => xml(self.ask(body, service).await),
        }
    }

    /// The answer of the manager; "" when the server is gone.
    async fn ask(&self, body: &str, service: &Service) -> String {
        self.control.request(body.to_owned(), service.terms).await.unwrap_or_default()
    }

    /// Breaks the connection of every third request: before the manager has heard of the request, or
    /// somewhere in the response.
    async fn cut(&self, body: &str, service: &Service, mut random: Random) -> Response {
        match random.below(6) {
            0 => broken(String::new()),
            1 => {
                let mut answer = self.ask(body, service).await;
                let places: Vec<usize> = answer.char_indices().map(|(place, _)| place).collect();
                answer.truncate(places.get(random.below(places.len() as u64) as usize).copied().unwrap_or(0));
                broken(answer)
            }
            _ => xml(self.ask(body, service).await),
        }
    }
}

/// Lets every page ask, with credentials and with any header, as Prosody's and ejabberd's settings can.
fn with_cors(mut response: Response, asked: &HeaderMap) -> Response {
    let mut allow = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    if let Some(origin) = asked.get(header::ORIGIN) {
        allow(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        allow(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        allow(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}

fn xml(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

fn html(status: StatusCode) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

/// A response that breaks off after this text.
fn broken(text: String) -> Response {
    let cut = std::io::Error::other("the connection is cut");
    let parts = stream::iter([Ok(Bytes::from(text)), Err(cut)]);
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], Body::from_stream(parts)).into_response()
}

/// The body without its `sid`.
fn without_sid(body: &str) -> String {
    match body.split_once(" sid='") {
        Some((head, rest)) => head.to_owned() + rest.split_once('\'').map_or("", |(_, rest)| rest),
        None => body.to_owned(),
    }
}
