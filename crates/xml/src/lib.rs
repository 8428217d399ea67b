//! Reads the parts of a frame that Epode needs, and enforces the restricted XML of RFC 6120 §11.
//!
//! A frame of RFC 7395 is one XML document, sent by the server or by a tab. Neither is trusted: a
//! stanza that is not well-formed would end the stream that all tabs share.
//!
//! One strict reader reads every text exactly once. quick-xml cuts the text into tags and character
//! data; the reader adds the rules that a fast parser leaves out: legal characters and names,
//! namespaces, unique attributes, one root, and no comments, processing instructions, document type
//! declarations, or entities beyond the five predefined ones (RFC 6120 §11.1). The result is either
//!
//! - a [`Head`]: the parts of a stanza that routing needs. No tree is built, since the stanza
//!   travels on as the text that arrived; or
//! - an [`Element`]: an owned tree, to read the small documents of a negotiation and to build the
//!   answers.
//!
//! A [`Wrapper`] is a document that carries others, such as the `<body/>` of BOSH: the wrapper is cut
//! into those documents, and each of them is then read as above.
//!
//! A refusal is a [`Violation`]: the broken rule, the place in the text, and the stream error that
//! answers.
//!
//! ```
//! use epode_xml::{Head, Limits};
//!
//! let text = "<message to='juliet@capulet.example'><body>Hi</body></message>";
//! let head = Head::read(text, &Limits::default())?;
//! assert_eq!(head.to.as_deref(), Some("juliet@capulet.example"));
//! # Ok::<(), epode_xml::Violation>(())
//! ```

mod chars;
mod element;
mod escape;
mod garbled;
mod head;
mod reader;
mod scope;
mod tag;
mod violation;
mod wrapper;

pub use element::Element;
pub use escape::escape;
pub use garbled::{first_name, is_blank};
pub use head::{Head, Payload};
pub use violation::Violation;
pub use wrapper::{Child, Wrapper};

/// The largest document that is accepted; a larger one is a violation of policy
/// (RFC 6120 §4.9.3.14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The length of the whole text, in bytes of UTF-8.
    pub bytes: usize,
    /// How deep elements may nest; the root is level 1. This bound protects the stack too: an
    /// [`Element`] is written and dropped by recursion.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 8 << 20, depth: 100 }
    }
}
