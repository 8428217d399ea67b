//! The text of a stanza as the JavaScript string it came as.

use std::cell::RefCell;

use epode_port::{Js, Writer};
use epode_protocol::port::{Read, Write, Wrong};
use epode_protocol::{Join, Slice, Text};
use js_sys::{Array, JsString};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

/// A stanza on its way through: never re-encoded, the same string for every port.
#[derive(Clone, Debug)]
pub(crate) struct Stanza(JsValue);

impl Stanza {
    pub(crate) fn as_js(&self) -> &JsValue {
        &self.0
    }
}

impl From<JsValue> for Stanza {
    fn from(value: JsValue) -> Self {
        Stanza(value)
    }
}

impl From<String> for Stanza {
    fn from(text: String) -> Self {
        Stanza(JsValue::from(text))
    }
}

impl Read<Js> for Stanza {
    fn read(value: &Js) -> Result<Self, Wrong> {
        if value.0.is_string() { Ok(Stanza(value.0.clone())) } else { Err(Wrong::default()) }
    }
}

impl Write<Writer> for Stanza {
    fn write(&self, at: &'static str, to: &mut Writer) {
        to.value(at, &self.0);
    }
}

impl Join for Stanza {
    fn join(mut texts: Vec<Self>) -> (Self, Vec<u32>) {
        let lengths =
            texts.iter().map(|text| text.0.dyn_ref::<JsString>().map_or(0, JsString::length)).collect();
        if texts.len() == 1 {
            return (texts.remove(0), lengths);
        }
        let texts: Array = texts.into_iter().map(|text| text.0).collect();
        (Stanza(texts.join("").into()), lengths)
    }
}

impl Slice for Stanza {
    fn slice(&self, start: u32, end: u32) -> Self {
        self.0
            .dyn_ref::<JsString>()
            .map_or_else(|| self.clone(), |text| Stanza(text.slice(start, end).into()))
    }
}

impl Text for Stanza {
    /// What is not a string reads as the empty text, which no check lets through.
    fn with_str<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        match self.0.dyn_ref::<JsString>() {
            // Longer than any limit: its beginning is as much too long, and is not worth three times its
            // memory.
            Some(text) if text.length() > HUGE => Self(text.slice(0, HUGE).into()).with_str(read),
            Some(text) => SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
                Ok(mut scratch) => scratch.with(text, read),
                Err(_) => read(&String::from(text)),
            }),
            None => read(""),
        }
    }

    // Character by character: for a copy the browser first makes a string of its own.
    fn begins_with(&self, ascii: &str) -> bool {
        self.0.dyn_ref::<JsString>().is_some_and(|text| {
            (0..).zip(ascii.bytes()).all(|(at, byte)| text.char_code_at(at) == f64::from(byte))
        })
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// A buffer that texts are copied into, one after the other: four times as fast as a string argument of
/// wasm-bindgen.
struct Scratch {
    memory: JsValue,
    buffer: Vec<u8>,
}

/// In UTF-16 units: what is longer breaks every limit on the size of a stanza.
const HUGE: u32 = 16 << 20;

/// A buffer that one huge stanza made large is not kept.
const KEPT: usize = 1 << 20;

impl Scratch {
    fn new() -> Self {
        Scratch { memory: wasm_bindgen::memory(), buffer: Vec::new() }
    }

    fn with<R>(&mut self, text: &JsString, read: impl FnOnce(&str) -> R) -> R {
        let length = text.length() as usize;
        // A UTF-16 unit takes at most three bytes of UTF-8.
        let room = length * 3;
        if self.buffer.len() < room || self.buffer.len() > KEPT.max(room) {
            self.buffer = vec![0; room.max(4096)];
        }
        let written = self.encode(text);
        let copy = &mut self.buffer[..written];
        // `encodeInto` writes UTF-8 whatever the string holds (a lone surrogate becomes U+FFFD); an encoder
        // that did not would be refused here as an empty text.
        let result = read(std::str::from_utf8(copy).unwrap_or_default());
        // Nothing of an account is left here when the session is over.
        copy.fill(0);
        result
    }

    fn encode(&mut self, text: &JsString) -> usize {
        let written = encode_into(text, &self.memory, self.buffer.as_mut_ptr(), self.buffer.len());
        (written as usize).min(self.buffer.len())
    }
}

// The view is made and used in one step there. Made here, it would first be entered in the table of
// references, which may grow, and the memory with it; a view of the memory as it was takes nothing.
#[wasm_bindgen(inline_js = "
const encoder = new TextEncoder();
export const encodeInto = (text, memory, at, room) =>
    encoder.encodeInto(text, new Uint8Array(memory.buffer, at, room)).written;
")]
extern "C" {
    #[wasm_bindgen(js_name = encodeInto)]
    fn encode_into(text: &JsString, memory: &JsValue, at: *mut u8, room: usize) -> u32;
}
