//! BOSH on a real port, with a client of HTTP that is no browser.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use epode_devserver::{Control, Devserver, Options};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const HTTPBIND: &str = "xmlns='http://jabber.org/protocol/httpbind'";

#[tokio::test]
async fn a_session_is_opened_used_and_ended() {
    let mut client = Client::log_in("").await;
    let held = tokio::spawn(client.next("", ""));
    let deliver =
        |server: &mut epode_testkit::Server| server.deliver("alice@localhost", "<message id='pushed'/>");
    while !held.is_finished() {
        client.control.with(deliver).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(held.await.unwrap().body.contains("<message id='pushed'/>"));
    let end = client.next("type='terminate'", "").await;
    assert!(end.body.contains("type='terminate'") && !end.body.contains("condition"), "{}", end.body);
    assert_eq!(client.control.with(|server| server.statistics().clean_closes).await, Some(1));
}

#[tokio::test]
async fn a_session_that_is_silent_for_too_long_is_gone() {
    let mut client = Client::log_in("?inactivity=0").await;
    while client.control.with(|server| server.statistics().bound_sessions).await != Some(0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(client.next("", "").await.body.contains("condition='item-not-found'"));
}

#[tokio::test]
async fn the_service_answers_wrongly_as_its_address_says() {
    let address = start().await.0;
    for (query, head, body) in [
        ("fault=html", "HTTP/1.1 200", "<h1>It works!</h1>"),
        ("fault=status", "HTTP/1.1 502", "<html>"),
        ("fault=status&status=404", "HTTP/1.1 404", "<html>"),
        ("fault=redirect", "HTTP/1.1 307", ""),
        ("fault=redirect&status=302", "location: /http-bind/elsewhere", ""),
        ("fault=dead-sid", "HTTP/1.1 200", "condition='item-not-found'"),
        ("fault=error", "HTTP/1.1 200", "type='error'"),
        ("fault=not-xml", "HTTP/1.1 200", "<message></body>"),
        ("fault=not-body", "HTTP/1.1 200", "<bodies"),
        ("fault=namespace", "HTTP/1.1 200", "urn:example:surprise"),
        ("fault=no-sid", "HTTP/1.1 200", "<stream:features"),
        ("fault=late-features", "HTTP/1.1 200", "</body>"),
        ("fault=nonsense", "HTTP/1.1 400", "there is no fault nonsense"),
    ] {
        let answer = post(address, &format!("/http-bind?{query}"), OPEN).await;
        assert!(answer.head.contains(head) && answer.body.contains(body), "{query}: {answer:?}");
        assert_eq!(
            answer.body.contains(" sid='"),
            query == "fault=late-features",
            "{query}: {}",
            answer.body
        );
        assert_eq!(answer.body.contains("<stream:features"), query == "fault=no-sid", "{query}");
    }
    assert!(post(address, "/http-bind?fault=large", OPEN).await.body.len() > 10 << 20);
    assert!(
        timeout(Duration::from_millis(100), post(address, "/http-bind?fault=silent", OPEN)).await.is_err()
    );
}

#[tokio::test]
async fn a_fault_begins_and_ends_with_requests_of_the_same_address() {
    let address = start().await.0;
    let mut heads = Vec::new();
    for _ in 0..4 {
        heads.push(post(address, "/http-bind?fault=status&from=1&times=2", OPEN).await.head);
        assert!(post(address, "/http-bind?mark=other", OPEN).await.head.contains("200"));
    }
    let statuses: Vec<&str> = heads.iter().map(|head| &head[9..12]).collect();
    assert_eq!(statuses, ["200", "502", "502", "200"]);
}

#[tokio::test]
async fn cut_connections_lose_requests_and_responses_the_same_for_the_same_seed() {
    let outcomes = async |seed: u64| {
        let address = start().await.0;
        let mut whole = Vec::new();
        for _ in 0..30 {
            let answer = post(address, &format!("/http-bind?fault=cut&seed={seed}"), OPEN).await;
            whole.push(answer.body.contains("</body>"));
        }
        whole
    };
    let first = outcomes(1).await;
    assert!(first.contains(&true) && first.contains(&false));
    assert_eq!(first, outcomes(1).await);
    assert_ne!(first, outcomes(2).await);
}

#[tokio::test]
async fn every_page_may_ask_unless_the_service_forbids_it() {
    let address = start().await.0;
    let headers = "Origin: http://app.example\r\nAccess-Control-Request-Headers: x-app, content-type\r\n";
    let allowed = ask(address, "OPTIONS", "/http-bind", headers, "").await.head;
    for line in [
        "access-control-allow-origin: http://app.example",
        "access-control-allow-credentials: true",
        "access-control-allow-headers: x-app, content-type",
    ] {
        assert!(allowed.contains(line), "{allowed}");
    }
    let forbidden = ask(address, "OPTIONS", "/http-bind?fault=cors", headers, "").await.head;
    assert!(!forbidden.contains("access-control"), "{forbidden}");
}

#[tokio::test]
async fn the_journal_tells_each_request_with_its_headers() {
    let address = start().await.0;
    ask(address, "POST", "/http-bind?mark=1", "X-App: 7\r\n", OPEN).await;
    ask(address, "POST", "/http-bind?mark=2", "X-App: 8\r\n", OPEN).await;
    post(address, "/http-bind/elsewhere?mark=1", "lost").await;
    let journal = ask(address, "GET", "/http-bind/requests?mark=1", "", "").await.body;
    for part in [r#""method":"POST""#, r#""x-app":"7""#, "to='localhost'", r#""path":"/http-bind/elsewhere""#]
    {
        assert!(journal.contains(part), "{journal}");
    }
    assert!(!journal.contains(r#""x-app":"8""#), "{journal}");
}

const OPEN: &str =
    "<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='localhost' wait='5' hold='1'/>";

#[derive(Debug)]
struct Answer {
    head: String,
    body: String,
}

struct Client {
    address: SocketAddr,
    control: Control,
    path: String,
    rid: u64,
    sid: String,
}

impl Client {
    async fn log_in(query: &str) -> Self {
        let (address, control) = start().await;
        let path = format!("/http-bind{query}");
        let mut client = Self { address, control, path, rid: 1, sid: String::new() };
        let first = post(address, &client.path, OPEN).await.body;
        client.sid = first.split("sid='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        let plain = STANDARD.encode("\0alice\0secret-alice");
        let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>");
        assert!(client.next("", &auth).await.body.contains("<success"));
        let restart = "to='localhost' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'";
        assert!(client.next(restart, "").await.body.contains("<bind"));
        let bind = "<iq xmlns='jabber:client' type='set' id='b'>\
                    <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
        assert!(client.next("", bind).await.body.contains("<jid>"));
        client
    }

    fn next(&mut self, attributes: &str, content: &str) -> impl Future<Output = Answer> + Send + 'static {
        self.rid += 1;
        let Self { address, path, rid, sid, .. } = self;
        let body = format!("<body {HTTPBIND} rid='{rid}' sid='{sid}' {attributes}>{content}</body>");
        let (address, path) = (*address, path.clone());
        async move { post(address, &path, &body).await }
    }
}

async fn start() -> (SocketAddr, Control) {
    let devserver = Devserver::bind(Options { port: 0, ..Options::default() }).await.unwrap();
    let (address, control) = (devserver.address(), devserver.control());
    // The task ends with the test's runtime.
    drop(tokio::spawn(devserver.run(std::future::pending())));
    (address, control)
}

async fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    ask(address, "POST", path, "", body).await
}

/// One request over a connection of its own; the answer as far as it came.
async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         {headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A connection that is cut has said what it said before.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Answer { head: head.to_owned(), body: body.to_owned() }
}
