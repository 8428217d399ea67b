//! What the browser has to give besides ports and sockets: time, randomness, locks, timers, the console.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use epode_hub::session::stream::jid::Unicode;
use epode_protocol::LogLevel;
use js_sys::{Function, JsString, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(into: &Uint8Array);
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> i32;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: i32);

    #[wasm_bindgen(js_namespace = console)]
    fn debug(text: &str);
    #[wasm_bindgen(js_namespace = console)]
    fn info(text: &str);
    #[wasm_bindgen(js_namespace = console)]
    fn warn(text: &str);
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);

    #[wasm_bindgen(js_name = URL)]
    type Url;
    #[wasm_bindgen(catch, constructor, js_class = "URL")]
    fn new(url: &str) -> Result<Url, JsValue>;
    #[wasm_bindgen(method, getter, js_class = "URL")]
    fn hostname(this: &Url) -> String;

    type Scheduler;
    #[wasm_bindgen(thread_local_v2, js_name = scheduler)]
    static SCHEDULER: Option<Scheduler>;
    #[wasm_bindgen(method, js_name = postTask)]
    fn post_task(this: &Scheduler, callback: &Function);

}

/// Time since the worker began; it never goes back.
pub(crate) fn now() -> Duration {
    Duration::from_secs_f64(performance_now().max(0.0) / 1000.0)
}

/// 144 bits of randomness in 24 printable characters without a comma.
pub(crate) fn nonce() -> String {
    let bytes = Uint8Array::new_with_length(18);
    get_random_values(&bytes);
    Base64UrlUnpadded::encode_string(&bytes.to_vec())
}

/// What JavaScript knows of Unicode.
pub(crate) const UNICODE: Unicode = Unicode {
    nfc: |text| JsString::from(text).normalize("NFC").into(),
    nfkc: |text| JsString::from(text).normalize("NFKC").into(),
    lower: |text| JsString::from(text).to_lower_case().into(),
    host: |domain| Url::new(&["http://", domain].concat()).ok().map(|url| url.hostname()),
};

/// 64 bits of a cryptographic generator.
pub(crate) fn seed() -> u64 {
    let bytes = Uint8Array::new_with_length(8);
    get_random_values(&bytes);
    bytes.to_vec().into_iter().fold(0, |seed, byte| seed << 8 | u64::from(byte))
}

/// Calls back once nobody holds the lock any more. Nothing happens where the browser has no locks. Whoever
/// waits for it shares it then: a worker that does not answer would keep it from all others.
pub(crate) fn when_free(lock: &str, callback: impl FnOnce() + 'static) {
    // Refused only for a name that begins with a hyphen, or in a worker that is being torn down.
    #[wasm_bindgen(inline_js = "
        export function await_lock(lock, callback) {
            navigator.locks?.request(lock, { mode: 'shared' }, callback).catch(() => {});
        }
    ")]
    extern "C" {
        fn await_lock(lock: &str, callback: &Function);
    }
    await_lock(lock, Closure::once_into_js(callback).unchecked_ref());
}

/// The one timer of the run loop.
#[derive(Default)]
pub(crate) struct Alarm(Option<(i32, Duration)>);

impl Alarm {
    /// Sees to it that `callback` is called at `deadline`, and at no other.
    pub(crate) fn set(&mut self, now: Duration, deadline: Option<Duration>, callback: &Function) {
        if self.0.map(|(_, at)| at) == deadline {
            return;
        }
        if let Some((timer, _)) = self.0.take() {
            clear_timeout(timer);
        }
        self.0 = deadline.map(|at| {
            // Rounded up, so that the deadline has come when the timer fires.
            let milliseconds = (at.saturating_sub(now).as_secs_f64() * 1000.0).ceil();
            (set_timeout(callback, milliseconds.min(f64::from(i32::MAX))), at)
        });
    }

    /// The timer has fired.
    pub(crate) fn fired(&mut self) {
        self.0 = None;
    }
}

/// Calls back in a task of its own, after what waits already. Not by a timer: one that is set by another
/// waits for 4 ms, and in a hidden page for a second.
pub(crate) fn later(callback: impl FnOnce() + 'static) {
    #[wasm_bindgen(inline_js = "
        const { port1, port2 } = new MessageChannel(), errands = [];
        port1.onmessage = () => errands.shift()();
        export function later(errand) {
            errands.push(errand);
            port2.postMessage(null);
        }
    ")]
    extern "C" {
        fn later(errand: &Function);
    }
    later(Closure::once_into_js(callback).unchecked_ref());
}

/// Calls back in a task of its own, behind those that wait already. A timer would wait longer each time
/// (HTML, "timer initialization steps").
pub(crate) fn defer(callback: &Function) {
    SCHEDULER.with(|scheduler| match scheduler {
        Some(scheduler) => scheduler.post_task(callback),
        None => drop(set_timeout(callback, 0.0)),
    });
}

pub(crate) fn log(level: LogLevel, text: &str) {
    let text = format!("epode: {text}");
    match level {
        LogLevel::Debug => debug(&text),
        LogLevel::Info => info(&text),
        LogLevel::Warn => warn(&text),
        LogLevel::Error | LogLevel::Fatal => error(&text),
    }
}
