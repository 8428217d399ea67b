//! Messages as the JavaScript values that cross a `MessagePort`: read from a [`Js`], written by a [`Writer`].
//!
//! Both ends of a port share this crate, and the scripts of both ends share `ts` beside it. The functions
//! here know how to look at a value and how to make an object. Which messages there are, and which fields
//! each has, is defined in `epode-protocol`.

use epode_protocol::port::{Value, Write, Writer as Writes};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A value that came through a port.
#[derive(Clone, Debug)]
pub struct Js(pub JsValue);

/// To be called once, before the first [`Js`] is read.
pub fn start() {
    remember(wasm_bindgen::memory());
}

// Names are constants of the wasm module, so a name is decoded once and then found by its address.
#[wasm_bindgen(inline_js = "
let memory;
const known = new Map();
const words = (at, length) => {
    const place = at * 4096 + length;
    if (!known.has(place))
        known.set(place, new TextDecoder().decode(new Uint8Array(memory.buffer, at, length)).split(' '));
    return known.get(place);
};
export const remember = (own) => void (memory = own);
export const isRecord = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
export const number = (value) => typeof value === 'number' ? value : NaN;
export const text = (value) => typeof value === 'string' ? value : undefined;
export const length = (value) => Array.isArray(value) ? value.length : -1;
export const item = (list, index) => list[index];
export const field = (record, at, length) => record[words(at, length)[0]];
export const content = (record) => Object.values(record)[0];
export const withFlag = (record, at, length, flag) => {
    const copy = JSON.parse(JSON.stringify(record));
    const path = [...words(at, length)];
    const last = path.pop();
    path.reduce((place, name) => place[name], copy)[last] = flag;
    return copy;
};
export const variant = (value, at, length) => {
    const [name, more] = isRecord(value) ? Object.keys(value) : [value];
    return more === undefined ? words(at, length).indexOf(name) : -1;
};
")]
extern "C" {
    fn remember(own: JsValue);
    #[wasm_bindgen(js_name = isRecord)]
    fn is_record(value: &JsValue) -> bool;
    fn number(value: &JsValue) -> f64;
    fn text(value: &JsValue) -> Option<String>;
    /// The length of a list; -1 for any other value.
    fn length(value: &JsValue) -> i32;
    fn item(list: &JsValue, index: u32) -> JsValue;
    fn field(record: &JsValue, at: *const u8, length: usize) -> JsValue;
    fn content(record: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = withFlag)]
    fn with_flag(record: &JsValue, at: *const u8, length: usize, flag: bool) -> JsValue;
    /// The index of the variant among these names, or -1.
    fn variant(value: &JsValue, at: *const u8, length: usize) -> i32;
}

impl Value for Js {
    fn is_nothing(&self) -> bool {
        self.0.is_undefined() || self.0.is_null()
    }

    fn is_record(&self) -> bool {
        is_record(&self.0)
    }

    fn flag(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn number(&self) -> f64 {
        number(&self.0)
    }

    fn text(&self) -> Option<String> {
        text(&self.0)
    }

    fn length(&self) -> Option<u32> {
        length(&self.0).try_into().ok()
    }

    fn item(&self, index: u32) -> Self {
        Js(item(&self.0, index))
    }

    fn field(&self, name: &'static str) -> Self {
        Js(field(&self.0, name.as_ptr(), name.len()))
    }

    fn variant(&self, names: &'static str) -> Option<(usize, Option<Self>)> {
        let index = variant(&self.0, names.as_ptr(), names.len()).try_into().ok()?;
        Some((index, is_record(&self.0).then(|| Js(content(&self.0)))))
    }

    fn with_flag(&self, path: &'static str, flag: bool) -> Self {
        Js(with_flag(&self.0, path.as_ptr(), path.len(), flag))
    }
}

impl Write<Writer> for Js {
    fn write(&self, at: &'static str, to: &mut Writer) {
        to.value(at, &self.0);
    }
}

#[wasm_bindgen(typescript_custom_section)]
const WRITER: &str = r#"
/** Makes an object, part after part: see `Writer` in `epode_protocol::port`. None of these may throw. */
export interface Writer {
  put(at: string, value: unknown): void;
  push(value: unknown): void;
  record(at: string): void;
  list(at: string): void;
  close(): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The script's `Writer`.
    #[wasm_bindgen(typescript_type = "Writer")]
    pub type Writer;

    #[wasm_bindgen(method, js_name = put)]
    fn put_value(this: &Writer, at: &str, value: &JsValue);
    #[wasm_bindgen(method, js_name = push)]
    fn push_value(this: &Writer, value: &JsValue);
    #[wasm_bindgen(method, js_name = put)]
    fn put_number(this: &Writer, at: &str, number: f64);
    #[wasm_bindgen(method, js_name = push)]
    fn push_number(this: &Writer, number: f64);
    #[wasm_bindgen(method, js_name = put)]
    fn put_text(this: &Writer, at: &str, text: &str);
    #[wasm_bindgen(method, js_name = record)]
    fn open_record(this: &Writer, at: &str);
    #[wasm_bindgen(method, js_name = list)]
    fn open_list(this: &Writer, at: &str);
    #[wasm_bindgen(method, js_name = close)]
    fn close_last(this: &Writer);
}

impl Writer {
    /// Writes a JavaScript value unchanged.
    pub fn value(&self, at: &str, value: &JsValue) {
        if at.is_empty() { self.push_value(value) } else { self.put_value(at, value) }
    }
}

impl Writes for Writer {
    fn nothing(&mut self, at: &'static str) {
        self.value(at, &JsValue::NULL);
    }

    fn flag(&mut self, at: &'static str, flag: bool) {
        self.value(at, &JsValue::from_bool(flag));
    }

    fn number(&mut self, at: &'static str, number: f64) {
        // Columns of numbers are long, and their items have no names to decode.
        if at.is_empty() { self.push_number(number) } else { self.put_number(at, number) }
    }

    fn text(&mut self, at: &'static str, text: &str) {
        self.put_text(at, text);
    }

    fn record(&mut self, at: &'static str) {
        self.open_record(at);
    }

    fn list(&mut self, at: &'static str) {
        self.open_list(at);
    }

    fn close(&mut self) {
        self.close_last();
    }
}
