//! The text of a stanza, wherever it lives.

/// The text of a stanza on its way through the worker: a JavaScript string in a browser, a [`String`] in
/// native tests. Cloning is cheap in the browser: every port is handed the same string.
pub trait Text: Join + Clone + From<String> {
    /// Reads the text. In a browser this copies it once, into a buffer that is used again and again.
    fn with_str<R>(&self, read: impl FnOnce(&str) -> R) -> R;

    /// Whether the text begins with these characters, which are ASCII. In a browser nothing is copied.
    fn begins_with(&self, ascii: &str) -> bool {
        self.with_str(|text| text.starts_with(ascii))
    }
}

/// Texts that can travel as one.
pub trait Join: Sized {
    /// The texts one behind the other, and the length of each.
    fn join(texts: Vec<Self>) -> (Self, Vec<u32>);
}

/// Text that others travelled in.
pub trait Slice {
    /// What stands between these places; what lies beyond the end is empty.
    fn slice(&self, start: u32, end: u32) -> Self;
}

impl Text for String {
    fn with_str<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(self)
    }
}

impl Join for String {
    fn join(texts: Vec<Self>) -> (Self, Vec<u32>) {
        (texts.concat(), texts.iter().map(|text| text.len() as u32).collect())
    }
}

impl Slice for String {
    fn slice(&self, start: u32, end: u32) -> Self {
        self.get(start as usize..end as usize).unwrap_or_default().to_owned()
    }
}
