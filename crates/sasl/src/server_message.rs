//! The two messages of a SCRAM server, read by the grammar of RFC 5802 §7.

use std::ops::RangeInclusive;

use base64ct::{Base64, Encoding};

use crate::Error;

/// The accepted iteration counts. Fewer would make the password cheap to guess (RFC 5802 §5.1,
/// RFC 7677 §4); more would take a browser seconds.
const ITERATIONS: RangeInclusive<u64> = 4_096..=1_000_000;

/// `r=…,s=…,i=…`; extensions are ignored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerFirst<'a> {
    /// The whole message, which is part of AuthMessage.
    pub(crate) text: &'a str,
    /// The client's nonce, followed by the server's.
    pub(crate) nonce: &'a str,
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
}

impl<'a> ServerFirst<'a> {
    pub(crate) fn parse(data: &'a [u8], client_nonce: &str) -> Result<Self, Error> {
        let message = "server-first-message";
        let text = read(data, message)?;
        let mut attributes = Attributes { message, rest: Some(text) };

        let nonce = attributes.next_if('r')?.ok_or_else(|| attributes.expected("r="))?;
        let theirs = nonce.strip_prefix(client_nonce).ok_or(Error::ServerNonce)?;
        if !is_nonce(theirs) {
            return Err(Error::ServerNonce);
        }

        let salt = attributes.next_if('s')?.filter(|salt| !salt.is_empty()).ok_or(Error::SaltMissing)?;
        let salt = Base64::decode_vec(salt).map_err(|_| Error::Salt)?;

        let iterations = attributes.next_if('i')?.ok_or_else(|| attributes.expected("i="))?;
        let iterations =
            iteration_count(iterations).ok_or_else(|| attributes.expected("a number after i="))?;

        attributes.pass_over_extensions()?;
        Ok(Self { text, nonce, salt, iterations: within_bounds(iterations)? })
    }
}

/// The signature in `v=…`, or the server's refusal `e=…` as [`Error::ServerError`].
pub(crate) fn server_signature(data: &[u8]) -> Result<Vec<u8>, Error> {
    let message = "server-final-message";
    let mut attributes = Attributes { message, rest: Some(read(data, message)?) };
    let signature = attributes.next_if('v')?.ok_or_else(|| attributes.expected("v= or e="))?;
    let signature = Base64::decode_vec(signature).map_err(|_| attributes.expected("base64 after v="))?;
    attributes.pass_over_extensions()?;
    Ok(signature)
}

/// One or more printable ASCII characters, no comma (`printable` of RFC 5802 §7).
pub(crate) fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// `posit-number`: digits that do not begin with 0. A number too large for `u64` becomes
/// `u64::MAX`, which is out of bounds all the same.
fn iteration_count(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !text.starts_with('0')).then(|| text.parse().unwrap_or(u64::MAX))
}

fn within_bounds(iterations: u64) -> Result<u32, Error> {
    match u32::try_from(iterations) {
        Ok(count) if ITERATIONS.contains(&iterations) => Ok(count),
        _ => Err(Error::IterationCount(iterations)),
    }
}

fn read<'a>(data: &'a [u8], message: &'static str) -> Result<&'a str, Error> {
    match std::str::from_utf8(data) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Error::Malformed { message, expected: "UTF-8 without NUL" }),
    }
}

/// `name=value` pairs with commas between them, in order.
struct Attributes<'a> {
    message: &'static str,
    /// The text not yet read; `None` after the last pair.
    rest: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    /// The value of the next attribute if it has this name.
    ///
    /// If `m=` or `e=` comes instead, the exchange ends.
    fn next_if(&mut self, name: char) -> Result<Option<&'a str>, Error> {
        let Some((found, value, rest)) = self.peek()? else { return Ok(None) };
        match found {
            _ if found == name => {
                self.rest = rest;
                Ok(Some(value))
            }
            'm' => Err(Error::MandatoryExtension),
            'e' => Err(Error::ServerError(value.to_owned())),
            _ => Ok(None),
        }
    }

    fn pass_over_extensions(&mut self) -> Result<(), Error> {
        while let Some((name, value, rest)) = self.peek()? {
            if name == 'm' {
                return Err(Error::MandatoryExtension);
            }
            if value.is_empty() {
                return Err(self.expected("a value in each extension"));
            }
            self.rest = rest;
        }
        Ok(())
    }

    /// Name, value, and the text after the comma.
    #[expect(clippy::type_complexity, reason = "a name would say no more than the line above")]
    fn peek(&self) -> Result<Option<(char, &'a str, Option<&'a str>)>, Error> {
        let Some(rest) = self.rest else { return Ok(None) };
        let (attribute, rest) = match rest.split_once(',') {
            Some((attribute, rest)) => (attribute, Some(rest)),
            None => (rest, None),
        };
        match attribute.split_once('=') {
            Some((name, value)) if name.len() == 1 && name.as_bytes()[0].is_ascii_alphabetic() => {
                Ok(Some((char::from(name.as_bytes()[0]), value, rest)))
            }
            _ => Err(self.expected("attributes of the form a=value")),
        }
    }

    fn expected(&self, expected: &'static str) -> Error {
        Error::Malformed { message: self.message, expected }
    }
}
