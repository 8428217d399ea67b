use thiserror::Error;

/// The rule of XML 1.0, Namespaces in XML 1.0 or RFC 6120 that a text breaks. `at` is a byte offset
/// into the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// The text is longer than [`Limits::bytes`](crate::Limits::bytes).
    #[error("{bytes} bytes, where {limit} are allowed")]
    TooLong {
        /// Length of the text, in bytes.
        bytes: usize,
        /// Greatest length allowed, in bytes.
        limit: usize,
    },
    /// An element nests deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("element at {at} nests deeper than {limit} levels")]
    TooDeep {
        /// Offset of the tag.
        at: usize,
        /// Greatest depth allowed.
        limit: usize,
    },
    /// More namespace prefixes are in scope than any honest stanza needs.
    #[error("declaration at {at} brings more than {limit} prefixes into scope")]
    TooManyPrefixes {
        /// Offset of the declaration's value.
        at: usize,
        /// Greatest number of prefixes in scope.
        limit: usize,
    },
    /// More elements in a [`Wrapper`](crate::Wrapper) than it may carry.
    #[error("element at {at} is one more than the {limit} that may be carried")]
    TooManyChildren {
        /// Where its tag begins.
        at: usize,
        /// How many may be carried.
        limit: usize,
    },

    /// A comment (RFC 6120 §11.1).
    #[error("comment at {at}")]
    Comment {
        /// Offset of the comment.
        at: usize,
    },
    /// A processing instruction (RFC 6120 §11.1).
    #[error("processing instruction at {at}")]
    ProcessingInstruction {
        /// Offset of the instruction.
        at: usize,
    },
    /// A document type declaration (RFC 6120 §11.1).
    #[error("document type declaration at {at}")]
    DocumentType {
        /// Offset of the declaration.
        at: usize,
    },
    /// A reference to an entity other than the five predefined ones (RFC 6120 §11.1).
    #[error("reference at {at} to an entity that is not predefined")]
    Entity {
        /// Offset of the `&`.
        at: usize,
    },

    /// A byte order mark before the root, where XMPP takes U+FEFF for a character of text
    /// (RFC 6120 §11.6).
    #[error("byte order mark at the start")]
    ByteOrderMark,
    /// An XML declaration that is misplaced, malformed, or not of version 1.0.
    #[error("XML declaration at {at} that is misplaced, malformed or not of version 1.0")]
    Declaration {
        /// Offset of the declaration.
        at: usize,
    },
    /// An XML declaration that names another encoding than UTF-8 (RFC 6120 §11.6).
    #[error("XML declaration that names another encoding than UTF-8")]
    Encoding,
    /// A literal character outside the production `Char` of XML 1.0.
    #[error("illegal character at {at}")]
    Character {
        /// Offset of the character.
        at: usize,
    },
    /// A reference without `;`, without a name or digits, or to a character outside the production
    /// `Char`.
    #[error("malformed or illegal reference at {at}")]
    Reference {
        /// Offset of the `&`.
        at: usize,
    },
    /// Text, a reference or CDATA outside the root element.
    #[error("text at {at}, outside of the root element")]
    TextOutsideRoot {
        /// Offset of the text.
        at: usize,
    },
    /// The sequence `]]>` in text.
    #[error("`]]>` in the text at {at}")]
    CDataEnd {
        /// Offset of the sequence.
        at: usize,
    },
    /// Markup that is cut off, or unknown to XML.
    #[error("markup at {at} that is cut off or unknown")]
    Markup {
        /// Offset of the `<`.
        at: usize,
    },
    /// The name of an element or attribute is not a `QName` of Namespaces in XML.
    #[error("no qualified name at {at}")]
    Name {
        /// Offset at which a name should begin.
        at: usize,
    },
    /// A tag holds something else than white space, names, `=` and quoted values.
    #[error("malformed attribute at {at}")]
    Attribute {
        /// Offset at which reading failed.
        at: usize,
    },
    /// Two attributes without white space between them.
    #[error("no white space before the attribute at {at}")]
    MissingSpace {
        /// Offset of the later attribute.
        at: usize,
    },
    /// `<` in the value of an attribute.
    #[error("`<` in the attribute value at {at}")]
    LessThanInValue {
        /// Offset of the `<`.
        at: usize,
    },
    /// Two attributes of one element with the same name, or with the same local name and namespace.
    #[error("attribute repeated in the tag at {at}")]
    RepeatedAttribute {
        /// Offset of the tag.
        at: usize,
    },
    /// A prefix that no declaration binds.
    #[error("unbound namespace prefix at {at}")]
    UnboundPrefix {
        /// Offset of the name.
        at: usize,
    },
    /// A declaration that unbinds a prefix, or that rebinds `xml`, `xmlns` or one of their
    /// namespaces.
    #[error("namespace declaration at {at} that Namespaces in XML forbids")]
    NamespaceDeclaration {
        /// Offset of the declaration's value.
        at: usize,
    },
    /// An end tag that does not close the innermost open element.
    #[error("end tag at {at} that closes another element than the innermost")]
    EndTag {
        /// Offset of the tag.
        at: usize,
    },
    /// The text ends inside an element.
    #[error("the text ends inside of an element")]
    Unclosed,
    /// The text has no element.
    #[error("no element")]
    NoRoot,
    /// A second element follows the root.
    #[error("second root element at {at}")]
    SecondRoot {
        /// Offset of the element.
        at: usize,
    },
}

impl Violation {
    /// The stream error condition that answers this violation (RFC 6120 §4.9.3), as an element
    /// name.
    pub fn condition(&self) -> &'static str {
        use Violation::*;
        match self {
            TooLong { .. } | TooDeep { .. } | TooManyPrefixes { .. } | TooManyChildren { .. } => {
                "policy-violation"
            }
            Comment { .. } | ProcessingInstruction { .. } | DocumentType { .. } | Entity { .. } => {
                "restricted-xml"
            }
            UnboundPrefix { .. } => "bad-namespace-prefix",
            Encoding => "unsupported-encoding",
            _ => "not-well-formed",
        }
    }
}
