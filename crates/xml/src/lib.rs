//! Frame text → what Epode needs of it; the restricted XML of RFC 6120 §11, enforced.
//!
//! A frame of RFC 7395 is one XML document. It comes in from the server, or out of a tab on its way to the
//! server, and in neither direction is it trusted: a stanza that is not well-formed would end the stream
//! which all tabs share.
//!
//! Every text is read exactly once, by one strict reader. quick-xml cuts it into tags and text; the reader
//! adds the rules that a fast parser leaves out: legal characters and names, namespaces, unique attributes,
//! one root, and no comments, processing instructions, document types or entities of its own (RFC 6120
//! §11.1). What it gives away is either
//!
//! - a [`Head`]: what routing needs of a stanza. No tree is built, for the stanza itself travels on as the
//!   text it came as; or
//! - an [`Element`]: an owned tree, for the small documents of a negotiation, and for building the answers to
//!   them.
//!
//! Refusals are [`Violation`]s: they say which rule was broken and where, and which stream error answers
//! them.
//!
//! ```
//! use epode_xml::{Head, Limits};
//!
//! let head = Head::read("<message to='juliet@capulet.example'><body>Hi</body></message>", &Limits::default())?;
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

pub use element::Element;
pub use escape::escape;
pub use garbled::{first_name, is_blank};
pub use head::{Head, Payload};
pub use violation::Violation;

/// How large a document may be before it is refused as a violation of policy (RFC 6120 §4.9.3.14).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The length of the whole text, in bytes of UTF-8.
    pub bytes: usize,
    /// How deep elements may nest; the root is level 1. An [`Element`] is written and dropped by recursion,
    /// so this also bounds the stack.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 8 << 20, depth: 100 }
    }
}
