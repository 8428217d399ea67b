//! The WebSocket.

use epode_hub::{Input, SocketId};
use epode_protocol::LogLevel;
use js_sys::JsString;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::text::Stanza;
use crate::{Dial, browser, driver};

/// A WebSocket with the subprotocol `xmpp` (RFC 7395 §3.1). Dropping it closes it; what was written before
/// still goes out.
pub(crate) struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

/// Browsers do not say which of the two is the reason.
const REFUSED: &str = "the browser refuses this address: a Content-Security-Policy must allow it by \
    connect-src, and a page on https allows wss:// only";

impl Socket {
    /// Dials. The error is the browser's sentence about the address.
    pub(crate) fn dial(id: SocketId, url: &str, greeting: &str, dial: &Dial) -> Result<Socket, String> {
        let socket =
            dial.call2(&JsValue::NULL, &url.into(), &greeting.into()).map_err(|error| in_words(&error))?;
        let socket: WebSocket = socket.unchecked_into();
        // A socket that a policy forbids is closed at once in Chromium, without the event that says so.
        if socket.ready_state() == WebSocket::CLOSED {
            return Err(REFUSED.to_owned());
        }
        let opened = socket.clone();
        let on_open = Closure::<dyn FnMut()>::new(move || {
            // A server that does not choose the subprotocol does not speak XMPP here (RFC 7395 §3.1).
            driver::run(match opened.protocol().as_str() {
                "xmpp" => Input::SocketOpened(id, browser::nonce()),
                _ => Input::SocketClosed(id, 0, "the server does not speak the subprotocol xmpp".to_owned()),
            });
        });
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            driver::run(Input::Frame(id, text_of(event.data())));
        });
        let closed = socket.clone();
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            let reason = match event.reason() {
                // Browsers keep to themselves what went wrong before the socket was open.
                reason if reason.is_empty() && closed.protocol().is_empty() => {
                    "nobody answers there with a WebSocket of the subprotocol xmpp".to_owned()
                }
                reason => reason,
            };
            driver::run(Input::SocketClosed(id, event.code(), reason));
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Socket { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    pub(crate) fn transmit(&self, text: &Stanza) {
        let text = text.as_js().unchecked_ref::<JsString>();
        if send(&self.socket, text).is_err() {
            // Only a socket that is still connecting refuses, and the stream speaks first when it is open.
            browser::log(LogLevel::Error, "the socket refused a frame");
        }
    }

    /// The bytes that were written and that the network has not taken.
    pub(crate) fn kept(&self) -> usize {
        self.socket.buffered_amount() as usize
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Refused only for a bad code or reason, of which there is none.
        drop(self.socket.close());
    }
}

/// The text of a frame. RFC 7395 §3.2 wants text; of a proxy that makes binary frames of them the bytes are
/// taken as UTF-8.
fn text_of(data: JsValue) -> Stanza {
    match data.dyn_into::<js_sys::ArrayBuffer>() {
        Ok(bytes) => String::from_utf8_lossy(&js_sys::Uint8Array::new(&bytes).to_vec()).into_owned().into(),
        Err(text) => text.into(),
    }
}

/// Sends the JavaScript string itself; web-sys would copy it into wasm and out again.
fn send(socket: &WebSocket, text: &JsString) -> Result<(), JsValue> {
    socket.unchecked_ref::<Sender>().send(text)
}

#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    type Sender;
    #[wasm_bindgen(method, catch)]
    fn send(this: &Sender, text: &JsString) -> Result<(), JsValue>;
}

fn in_words(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => REFUSED.to_owned(),
    }
}
