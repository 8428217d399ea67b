//! `/xmpp-websocket` carries frames between a socket and the embedded server; `/stats` reports the
//! server's counters; `/cut` breaks sockets.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use epode_testkit::{Input, Server, Statistics};
use futures::SinkExt;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use crate::embedded::{Control, Frames};

/// The most sockets that may be open at once.
const CONNECTIONS: usize = 256;

/// How long nobody comes in after a cut: long enough for a person to send something meanwhile.
const CUT_TIME: Duration = Duration::from_secs(5);

/// How long a socket may refuse to take a frame.
const SEND_TIME: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct Entrance {
    control: Control,
    places: Arc<Semaphore>,
    /// When sockets are let in again after a cut.
    open_from: Arc<Mutex<Option<Instant>>>,
    frame_limit: usize,
}

/// The answer to `/stats`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(flatten)]
    statistics: Statistics,
    /// Number of sessions of each bare JID.
    connections_by_account: BTreeMap<String, u64>,
}

pub(crate) fn routes(control: Control, frame_limit: usize) -> Router {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let entrance = Entrance { control, places, open_from: Arc::default(), frame_limit };
    Router::new()
        .route("/xmpp-websocket", get(enter))
        .route("/stats", get(statistics))
        .route("/cut", post(cut))
        .with_state(entrance)
}

/// Breaks the sockets of the bare JID in the body, without a word, and lets nobody in for [`CUT_TIME`].
async fn cut(State(entrance): State<Entrance>, jid: String) -> StatusCode {
    *entrance.open_from.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + CUT_TIME);
    let drop = move |server: &mut Server| {
        for (id, bound) in server.connections() {
            if bound.is_some_and(|bound| bound.split('/').next() == Some(&*jid)) {
                server.drop_connection(id);
            }
        }
    };
    match entrance.control.with(drop).await {
        Some(()) => StatusCode::NO_CONTENT,
        None => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn statistics(State(entrance): State<Entrance>) -> Response {
    match entrance.control.with(|server| Stats::of(server)).await {
        Some(stats) => Json(stats).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// RFC 7395 §3.1: accepts only sockets with the subprotocol `xmpp`.
async fn enter(State(entrance): State<Entrance>, upgrade: WebSocketUpgrade) -> Response {
    let open_from = *entrance.open_from.lock().unwrap_or_else(PoisonError::into_inner);
    if open_from.is_some_and(|open_from| Instant::now() < open_from) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    // The server answers a frame that is too long with a stream error; only twice that length ends
    // the socket.
    let limit = 2 * entrance.frame_limit;
    let upgrade = upgrade.protocols(["xmpp"]).max_message_size(limit).max_frame_size(limit);
    if upgrade.selected_protocol().is_none() {
        return (StatusCode::BAD_REQUEST, "The WebSocket subprotocol is xmpp (RFC 7395).\n").into_response();
    }
    match entrance.places.clone().try_acquire_owned() {
        Ok(place) => upgrade.on_upgrade(move |socket| carry(socket, entrance.control, place)),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "Too many connections.\n").into_response(),
    }
}

async fn carry(mut socket: WebSocket, control: Control, _place: OwnedSemaphorePermit) {
    let (id, mut frames) = control.open().await;
    let code = loop {
        tokio::select! {
            frame = frames.next() => match frame {
                Some(frame) => {
                    if !send(&mut socket, frame, &mut frames).await {
                        break None;
                    }
                }
                None => break Some(close_code::NORMAL),
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => control.input(Input::Frame(id, text.to_string())).await,
                // RFC 7395 §3.2: text only.
                Some(Ok(Message::Binary(_))) => break Some(close_code::UNSUPPORTED),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => break None,
            },
        }
    };
    control.input(Input::Closed(id)).await;
    if let Some(code) = code {
        let _ = timeout(SEND_TIME, close(socket, code)).await;
    }
}

/// Writes a frame, and all further ones that are waiting, in one burst. False if the socket does
/// not take them in time.
async fn send(socket: &mut WebSocket, first: String, frames: &mut Frames) -> bool {
    let burst = async {
        let mut frame = Some(first);
        while let Some(text) = frame {
            socket.feed(Message::text(text)).await?;
            frame = frames.ready();
        }
        socket.flush().await
    };
    matches!(timeout(SEND_TIME, burst).await, Ok(Ok(())))
}

/// The closing handshake of RFC 6455 §7.1: the peer ends the connection, since its data may still
/// be under way.
async fn close(mut socket: WebSocket, code: u16) {
    let frame = CloseFrame { code, reason: "".into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

impl Stats {
    fn of(server: &Server) -> Self {
        let mut connections_by_account = BTreeMap::new();
        for jid in server.connections().into_values().flatten() {
            let account = jid.split('/').next().unwrap_or(&jid).to_owned();
            *connections_by_account.entry(account).or_default() += 1;
        }
        Self { statistics: server.statistics(), connections_by_account }
    }
}
