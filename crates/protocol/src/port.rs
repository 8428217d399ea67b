//! A message as the value that crosses a port.
//!
//! [`Read`] and [`Write`] are derived from the definition of each message, and have the shape of serde's
//! derives; field names hold the two ends together. A [`Value`] is read and a [`Writer`] writes: values of
//! JavaScript in a browser, JSON in native tests. The derives of serde would be ten times as much code for a
//! browser to load, since a deserializer visits a value, and this reader asks the value for its fields.

pub use epode_protocol_derive::{Read, Write};

use crate::Position;

#[cfg(any(test, feature = "json"))]
mod json;

#[cfg(any(test, feature = "json"))]
pub use json::Json;

/// The largest whole number that a double tells from its neighbours.
const SAFE: f64 = (1u64 << 53) as f64 - 1.0;

/// A value that came through a port. Ports carry plain data, so reading a value runs no code of the sender.
pub trait Value: Sized {
    /// Whether the value is `null` or absent.
    fn is_nothing(&self) -> bool;
    /// Whether the value is a record, which has fields.
    fn is_record(&self) -> bool;
    /// The value as a flag.
    fn flag(&self) -> Option<bool>;
    /// The value as a number; NaN for any other value.
    fn number(&self) -> f64;
    /// The value as a text.
    fn text(&self) -> Option<String>;
    /// The length of the list; `None` for any other value.
    fn length(&self) -> Option<u32>;
    /// This item of a list.
    fn item(&self, index: u32) -> Self;
    /// This field of a record; nothing if the record has no such field.
    fn field(&self, name: &'static str) -> Self;
    /// The index of the value's variant among these `names`, which spaces separate, and the content of the
    /// variant. A variant without content is a text.
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

/// A type that is read from a value.
pub trait Read<V>: Sized {
    /// The names of the variants, which spaces separate; empty for a type without variants.
    const VARIANTS: &'static str = "";

    /// Reads the value; the error names the place where the value breaks the protocol.
    fn read(value: &V) -> Result<Self, Wrong>;
}

/// A type that is written as a value.
pub trait Write<W> {
    /// Writes the value under this name.
    fn write(&self, at: &'static str, to: &mut W);
}

/// The place where a value breaks the protocol: the innermost wrong field, or no name for a value without
/// fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrong(&'static str);

impl Wrong {
    /// The error in words, if the variant is known. The words do not quote the value, which may be a
    /// password.
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

/// Content that the reader ignores.
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
    // A cast changes a number that is negative, fractional or NaN.
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

impl<T: Read<V>, V> Read<V> for Box<T> {
    fn read(value: &V) -> Result<Self, Wrong> {
        T::read(value).map(Box::new)
    }
}

impl<T: Read<V>, V: Value> Read<V> for Vec<T> {
    fn read(value: &V) -> Result<Self, Wrong> {
        // `collect` into a `Result` compiles to more code.
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

impl<T: Write<W>, W> Write<W> for Box<T> {
    fn write(&self, at: &'static str, to: &mut W) {
        (**self).write(at, to);
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
