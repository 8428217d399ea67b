//! The HTTP requests of BOSH sessions, which the script makes.

use epode_hub::{Carries, Input, Request, RequestId, SocketId};
use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::driver;

/// The `Content-Type` of requests, unless the app chooses another.
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

#[wasm_bindgen(typescript_custom_section)]
const HTTP: &str = r#"
/** Makes requests, and answers each by `responded` or `failed`, later. None of these may throw. */
export interface Http {
  request(
    socket: number,
    id: number,
    url: string,
    body: string,
    headers: string[],
    withCredentials: boolean,
    isFarewell: boolean,
    isPoll: boolean,
  ): void;
  abort(socket: number, id: number): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The script's `Http`.
    #[wasm_bindgen(typescript_type = "Http")]
    pub type Http;
    #[wasm_bindgen(method, js_name = request)]
    fn send(
        this: &Http,
        socket: u32,
        id: u32,
        url: &str,
        body: &str,
        headers: Array,
        with_credentials: bool,
        is_farewell: bool,
        is_poll: bool,
    );
    #[wasm_bindgen(method, js_name = abort)]
    fn cancel(this: &Http, socket: u32, id: u32);
}

impl Http {
    pub(crate) fn request(&self, SocketId(socket): SocketId, RequestId(id): RequestId, request: &Request) {
        let Request { url, options, body, carries } = request;
        let headers = Array::new();
        for text in ["Content-Type", options.content_type.as_deref().unwrap_or(CONTENT_TYPE)] {
            headers.push(&text.into());
        }
        for header in &options.headers {
            headers.push(&(&*header.name).into());
            headers.push(&header.value.expose().into());
        }
        let (is_farewell, is_poll) = (*carries == Carries::Farewell, *carries == Carries::Nothing);
        self.send(socket, id, url, body, headers, options.with_credentials, is_farewell, is_poll);
    }

    pub(crate) fn abort(&self, SocketId(socket): SocketId, RequestId(id): RequestId) {
        self.cancel(socket, id);
    }
}

/// A request was answered with this status, or 0 for a redirect that the browser hides, and this text.
#[wasm_bindgen]
pub fn responded(socket: u32, id: u32, status: u16, text: JsValue) {
    driver::run(Input::Response(SocketId(socket), RequestId(id), status, text.into()));
}

/// A request failed without a whole response.
#[wasm_bindgen]
pub fn failed(socket: u32, id: u32) {
    driver::run(Input::Failed(SocketId(socket), RequestId(id)));
}
