//! The text of a stanza, wherever it lives.

/// The text of a stanza on its way through: a JavaScript string in a browser, a [`String`] in native tests. Cloning is cheap in the
/// browser: every port is handed the same string.
pub trait Text: Clone + From<String> {
    /// Reads the text. In a browser this copies it once, into a buffer that is used again and again.
    fn with_str<R>(&self, read: impl FnOnce(&str) -> R) -> R;
}

impl Text for String {
    fn with_str<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(self)
    }
}
