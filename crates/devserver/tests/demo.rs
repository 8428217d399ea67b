//! The server on a real socket, with tokio-tungstenite instead of a browser.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use epode_devserver::{Control, Devserver, Error, Options};
use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";

#[tokio::test]
async fn two_accounts_log_in_and_chat() {
    let running = Running::start(Options::default()).await;
    let (mut alice, mut bob) = (running.log_in("alice").await, running.log_in("bob").await);
    alice
        .say("<message xmlns='jabber:client' to='bob@localhost' type='chat'><body>Hi, Bob</body></message>")
        .await;
    let heard = bob.hear("<body>Hi, Bob</body>").await;
    assert!(heard.contains("from='alice@localhost/test'"), "{heard}");
    bob.say(
        "<message xmlns='jabber:client' to='alice@localhost' type='chat'><body>Hi, Alice</body></message>",
    )
    .await;
    assert!(alice.hear("<body>Hi, Alice</body>").await.contains("from='bob@localhost/test'"));

    let stats = running.get("/stats").await;
    for count in [
        "\"openConnections\":2",
        "\"boundSessions\":2",
        "\"saslSucceeded\":2",
        "\"cleanCloses\":0",
        "\"connectionsByAccount\":{\"alice@localhost\":1,\"bob@localhost\":1}",
    ] {
        assert!(stats.body.contains(count), "{}", stats.body);
    }
    running.stop().await;
}

#[tokio::test]
async fn close_is_answered_and_the_socket_is_closed_after_it() {
    let running = Running::start(Options::default()).await;
    let mut alice = running.log_in("alice").await;
    alice.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    alice.hear("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    assert_eq!(alice.close_code().await, Some(CloseCode::Normal));
    assert!(running.get("/stats").await.body.contains("\"cleanCloses\":1"));
}

#[tokio::test]
async fn a_socket_that_breaks_ends_its_session() {
    let running = Running::start(Options::default()).await;
    let (alice, mut bob) = (running.log_in("alice").await, running.log_in("bob").await);
    drop(alice);
    bob.hear("type='unavailable'").await;
    assert!(running.get("/stats").await.body.contains("\"boundSessions\":1"));
}

#[tokio::test]
async fn a_socket_without_the_subprotocol_is_refused() {
    let running = Running::start(Options::default()).await;
    let url = format!("ws://{}/xmpp-websocket", running.address);
    match connect_async(url).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 400),
        other => panic!("refused, not {other:?}"),
    }
}

#[tokio::test]
async fn a_binary_message_ends_the_socket_as_unsupported() {
    let running = Running::start(Options::default()).await;
    let mut client = running.connect().await;
    client.socket.send(Message::binary(OPEN.as_bytes().to_vec())).await.unwrap();
    assert_eq!(client.close_code().await, Some(CloseCode::Unsupported));
}

#[tokio::test]
async fn a_frame_of_more_than_a_mebibyte_ends_the_stream() {
    let running = Running::start(Options::default()).await;
    let mut alice = running.log_in("alice").await;
    let body = "x".repeat(1 << 20);
    alice.say(&format!("<message xmlns='jabber:client'><body>{body}</body></message>")).await;
    alice.hear("<policy-violation").await;
}

#[tokio::test]
async fn a_test_can_script_the_server_while_it_runs() {
    let running = Running::start(Options::default()).await;
    let mut alice = running.log_in("alice").await;
    running
        .control
        .with(|server| server.deliver("alice@localhost/test", "<message id='pushed'/>"))
        .await
        .unwrap();
    alice.hear("<message id='pushed'/>").await;
}

#[tokio::test]
async fn shutting_down_says_so_to_every_session() {
    let running = Running::start(Options::default()).await;
    let mut alice = running.log_in("alice").await;
    let stopped = tokio::spawn(running.stop());
    alice.hear("<system-shutdown").await;
    alice.say("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>").await;
    assert_eq!(alice.close_code().await, Some(CloseCode::Normal));
    timeout(Duration::from_secs(5), stopped).await.expect("the server stops").unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let running = Running::start(Options::default()).await;
    let port = running.address.port();
    let error = Devserver::bind(Options { port, ..Options::default() }).await.unwrap_err();
    assert!(matches!(error, Error::PortTaken { port: taken } if taken == port), "{error}");
    assert!(error.to_string().contains(&port.to_string()));
}

#[tokio::test]
async fn the_page_and_the_package_come_with_their_types_and_are_never_cached() {
    let files = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dist");
    std::fs::create_dir_all(&files).unwrap();
    std::fs::write(files.join("epode.wasm"), b"\0asm").unwrap();
    std::fs::write(files.join("epode.js"), b"export {};").unwrap();
    let running = Running::start(Options { files, ..Options::default() }).await;
    for (path, content_type) in [
        ("/", "text/html"),
        ("/demo.js", "text/javascript"),
        ("/demo.css", "text/css"),
        ("/settings", "application/json"),
        ("/stats", "application/json"),
        ("/dist/epode.wasm", "application/wasm"),
        ("/dist/epode.js", "text/javascript"),
    ] {
        let answer = running.get(path).await;
        assert!(answer.head.starts_with("HTTP/1.1 200"), "{path}: {}", answer.head);
        assert!(answer.head.contains(&format!("content-type: {content_type}")), "{path}: {}", answer.head);
        assert!(answer.head.contains("cache-control: no-store"), "{path}: {}", answer.head);
    }
    for path in ["/dist/missing.js", "/dist/../Cargo.toml", "/dist/%2e%2e/Cargo.toml"] {
        assert!(running.get(path).await.head.starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[tokio::test]
async fn the_page_learns_whom_it_can_log_in_as_and_where() {
    let embedded = Running::start(Options::default()).await;
    let settings = embedded.get("/settings").await.body;
    assert!(settings.contains(r#""server":null"#), "{settings}");
    assert!(settings.contains(r#"{"jid":"alice@localhost","password":"secret-alice"}"#), "{settings}");

    let server = Some("wss://xmpp.example/ws".to_owned());
    let elsewhere = Running::start(Options { server, ..Options::default() }).await;
    let settings = elsewhere.get("/settings").await.body;
    assert_eq!(settings, r#"{"server":"wss://xmpp.example/ws","bosh":false,"accounts":[]}"#);
    for path in ["/stats", "/xmpp-websocket", "/http-bind"] {
        assert!(elsewhere.get(path).await.head.starts_with("HTTP/1.1 404"), "{path}");
    }
}

/// A server on a port of its own, until it is dropped.
struct Running {
    address: SocketAddr,
    control: Control,
    shutdown: oneshot::Sender<()>,
    served: JoinHandle<Result<(), Error>>,
}

struct Answer {
    head: String,
    body: String,
}

struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Running {
    async fn start(options: Options) -> Self {
        let devserver = Devserver::bind(Options { port: 0, ..options }).await.unwrap();
        let (address, control) = (devserver.address(), devserver.control());
        let (shutdown, asked) = oneshot::channel();
        let served = tokio::spawn(devserver.run(async {
            // Dropping the sender asks for the shutdown too.
            let _ = asked.await;
        }));
        Self { address, control, shutdown, served }
    }

    async fn stop(self) {
        self.shutdown.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    async fn get(&self, path: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer { head: head.to_owned(), body: body.to_owned() }
    }

    async fn connect(&self) -> Client {
        let mut request = format!("ws://{}/xmpp-websocket", self.address).into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "xmpp".parse().unwrap());
        let (socket, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "xmpp");
        Client { socket }
    }

    async fn log_in(&self, user: &str) -> Client {
        let mut client = self.connect().await;
        client.say(OPEN).await;
        client.hear("<stream:features").await;
        let plain = STANDARD.encode(format!("\0{user}\0secret-{user}"));
        client
            .say(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"))
            .await;
        client.hear("<success").await;
        client.say(OPEN).await;
        client.hear("<bind").await;
        client
            .say(
                "<iq xmlns='jabber:client' type='set' id='bind'>\
                 <bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>test</resource></bind></iq>",
            )
            .await;
        client.hear(&format!("<jid>{user}@localhost/test</jid>")).await;
        client.say("<presence xmlns='jabber:client'/>").await;
        client.hear(&format!("from='{user}@localhost/test'")).await;
        client
    }
}

impl Client {
    async fn say(&mut self, frame: &str) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }

    /// The next frame that contains `text`.
    async fn hear(&mut self, text: &str) -> String {
        loop {
            match self.next().await {
                Some(Message::Text(frame)) if frame.contains(text) => return frame.to_string(),
                Some(_) => {}
                None => panic!("the socket ended before {text}"),
            }
        }
    }

    async fn close_code(&mut self) -> Option<CloseCode> {
        loop {
            match self.next().await? {
                Message::Close(frame) => return frame.map(|frame| frame.code),
                _ => continue,
            }
        }
    }

    async fn next(&mut self) -> Option<Message> {
        let message = timeout(Duration::from_secs(5), self.socket.next()).await.expect("an answer in time");
        message.and_then(Result::ok)
    }
}
