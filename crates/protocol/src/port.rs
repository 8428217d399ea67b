//! A message as the value that crosses a port.
//!
//! [`Read`] and [`Write`] are derived from the definition of each message, as serde's traits are, and have
//! its shape; field names hold the two ends together. What a value is, says a [`Value`] for reading and a
//! [`Writer`] for writing: JavaScript's in a browser, JSON in native tests. Against serde's own derives this
//! is a tenth of the code that a browser loads, since a value is looked at and not visited.

pub use epode_protocol_derive::{Read, Write};

use crate::Position;

#[cfg(any(test, feature = "json"))]
mod json;

#[cfg(any(test, feature = "json"))]
pub use json::Json;

/// The largest whole number that a double tells from its neighbours.
const SAFE: f64 = (1u64 << 53) as f64 - 1.0;

/// A value that came through a port. Only plain data does, so looking at a value runs no code of the sender.
pub trait Value: Sized {
    /// Whether it is `null`, or not there.
    fn is_nothing(&self) -> bool;
    /// Whether it is a record: it has fields.
    fn is_record(&self) -> bool;
    /// The flag that it is.
    fn flag(&self) -> Option<bool>;
    /// The number that it is; NaN if it is none.
    fn number(&self) -> f64;
    /// The text that it is.
    fn text(&self) -> Option<String>;
    /// How many items it has, if it is a list.
    fn length(&self) -> Option<u32>;
    /// This item of a list.
    fn item(&self, index: u32) -> Self;
    /// This field of a record; nothing if the record has no such field.
    fn field(&self, name: &'static str) -> Self;
    /// Which of these variants it is, by their `names` with a space between each two, and its content, if it
    /// is not its name alone.
    fn variant(&self, names: &'static str) -> Option<(usize, Option<Self>)>;
    /// A copy in which the field at the end of this path is this flag. The names of the path have a space
    /// between each two.
    fn with_flag(&self, path: &'static str, flag: bool) -> Self;
}

/// Makes a value, part after part. Each part goes into the record that is open, under the name `at`, or into
/// the list that is open, where `at` does not matter.
pub trait Writer {
    /// Writes `null`.
    fn nothing(&mut self, at: &'static str);
    /// Writes a flag.
    fn flag(&mut self, at: &'static str, flag: bool);
    /// Writes a number.
    fn number(&mut self, at: &'static str, number: f64);
    /// Writes a text.
    fn text(&mut self, at: &'static str, text: &str);
    /// Opens a record.
    fn record(&mut self, at: &'static str);
    /// Opens a list.
    fn list(&mut self, at: &'static str);
    /// Closes the record or list that was opened last.
    fn close(&mut self);
}

/// What can be read from a value.
pub trait Read<V>: Sized {
    /// The names of its variants, with a space between each two; of what has none, nothing.
    const VARIANTS: &'static str = "";

    /// Reads the value, or says where it is not of the protocol.
    fn read(value: &V) -> Result<Self, Wrong>;
}

/// What can be written as a value.
pub trait Write<W> {
    /// Writes it under this name.
    fn write(&self, at: &'static str, to: &mut W);
}

/// Where a value is not of the protocol: the innermost field that is wrong, if the value has fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong(&'static str);

impl Wrong {
    /// Says so in words, if the variant is known. The value is not quoted: it may be a password.
    pub fn in_words<M: Read<V>, V: Value>(self, value: &V) -> Option<String> {
        let (index, _) = value.variant(M::VARIANTS)?;
        let variant = M::VARIANTS.split(' ').nth(index)?;
        let field = if self.0.is_empty() { "content" } else { self.0 };
        Some(["a message ", variant, " with a wrong ", field].concat())
    }

    fn within(self, name: &'static str) -> Self {
        if self.0.is_empty() { Wrong(name) } else { self }
    }
}

/// A value that is a record.
pub struct Record<'a, V>(&'a V);

impl<'a, V: Value> Record<'a, V> {
    /// The record that this value is.
    pub fn of(value: &'a V) -> Result<Self, Wrong> {
        if value.is_record() { Ok(Record(value)) } else { Err(Wrong::default()) }
    }

    /// Reads this field.
    #[inline(never)]
    pub fn field<T: Read<V>>(&self, name: &'static str) -> Result<T, Wrong> {
        T::read(&self.0.field(name)).map_err(|wrong| wrong.within(name))
    }
}

/// What may be anything.
#[derive(Debug)]
pub struct Anything;

impl<V> Read<V> for Anything {
    fn read(_: &V) -> Result<Self, Wrong> {
        Ok(Anything)
    }
}

impl<V: Value> Read<V> for bool {
    fn read(value: &V) -> Result<Self, Wrong> {
        value.flag().ok_or(Wrong::default())
    }
}

impl<V: Value> Read<V> for u32 {
    fn read(value: &V) -> Result<Self, Wrong> {
        Ok(whole(value, f64::from(u32::MAX))? as u32)
    }
}

impl<V: Value> Read<V> for Position {
    fn read(value: &V) -> Result<Self, Wrong> {
        Ok(whole(value, SAFE)? as Position)
    }
}

/// A [time of day](crate::ToWorker#time-of-day), which is whole.
impl<V: Value> Read<V> for f64 {
    fn read(value: &V) -> Result<Self, Wrong> {
        whole(value, SAFE)
    }
}

fn whole<V: Value>(value: &V, highest: f64) -> Result<f64, Wrong> {
    let number = value.number();
    // What is negative, broken or no number at all is another when it was a whole one.
    if number <= highest && number as u64 as f64 == number { Ok(number) } else { Err(Wrong::default()) }
}

impl<V: Value> Read<V> for String {
    fn read(value: &V) -> Result<Self, Wrong> {
        value.text().ok_or(Wrong::default())
    }
}

impl<T: Read<V>, V: Value> Read<V> for Option<T> {
    fn read(value: &V) -> Result<Self, Wrong> {
        if value.is_nothing() { Ok(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Read<V>, V: Value> Read<V> for Vec<T> {
    fn read(value: &V) -> Result<Self, Wrong> {
        // Shorter, compiled, than `collect`.
        let mut items = Vec::new();
        for index in 0..value.length().ok_or(Wrong::default())? {
            items.push(T::read(&value.item(index))?);
        }
        Ok(items)
    }
}

impl<W: Writer> Write<W> for bool {
    fn write(&self, at: &'static str, to: &mut W) {
        to.flag(at, *self);
    }
}

impl<W: Writer> Write<W> for u16 {
    fn write(&self, at: &'static str, to: &mut W) {
        to.number(at, f64::from(*self));
    }
}

impl<W: Writer> Write<W> for u32 {
    fn write(&self, at: &'static str, to: &mut W) {
        to.number(at, f64::from(*self));
    }
}

impl<W: Writer> Write<W> for Position {
    fn write(&self, at: &'static str, to: &mut W) {
        to.number(at, *self as f64);
    }
}

impl<W: Writer> Write<W> for f64 {
    fn write(&self, at: &'static str, to: &mut W) {
        to.number(at, *self);
    }
}

impl<W: Writer> Write<W> for String {
    fn write(&self, at: &'static str, to: &mut W) {
        to.text(at, self);
    }
}

impl<T: Write<W>, W: Writer> Write<W> for Option<T> {
    fn write(&self, at: &'static str, to: &mut W) {
        match self {
            Some(content) => content.write(at, to),
            None => to.nothing(at),
        }
    }
}

impl<T: Write<W>, W: Writer> Write<W> for Vec<T> {
    fn write(&self, at: &'static str, to: &mut W) {
        to.list(at);
        self.iter().for_each(|item| item.write("", to));
        to.close();
    }
}

#[cfg(test)]
mod tests;
