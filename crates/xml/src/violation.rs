use thiserror::Error;

/// The rule of XML 1.0, of Namespaces in XML 1.0 or of RFC 6120 that a text breaks. `at` is a byte offset
/// into that text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// The text is longer than [`Limits::bytes`](crate::Limits::bytes).
    #[error("{bytes} bytes, where {limit} are allowed")]
    TooLong {
        /// How long the text is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// An element nests deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("element at {at} nests deeper than {limit} levels")]
    TooDeep {
        /// Where the tag begins.
        at: usize,
        /// How many levels are allowed.
        limit: usize,
    },
    /// More namespace prefixes are in scope than any stanza needs.
    #[error("declaration at {at} brings more than {limit} prefixes into scope")]
    TooManyPrefixes {
        /// Where the value of the declaration begins.
        at: usize,
        /// How many may be in scope.
        limit: usize,
    },

    /// A comment (RFC 6120 §11.1).
    #[error("comment at {at}")]
    Comment {
        /// Where it begins.
        at: usize,
    },
    /// A processing instruction (RFC 6120 §11.1).
    #[error("processing instruction at {at}")]
    ProcessingInstruction {
        /// Where it begins.
        at: usize,
    },
    /// A document type declaration (RFC 6120 §11.1).
    #[error("document type declaration at {at}")]
    DocumentType {
        /// Where it begins.
        at: usize,
    },
    /// A reference to an entity other than the five predefined ones (RFC 6120 §11.1).
    #[error("reference at {at} to an entity that is not predefined")]
    Entity {
        /// Where the `&` is.
        at: usize,
    },

    /// A byte order mark, which is a character of text here (RFC 6120 §11.6) and stands before the root.
    #[error("byte order mark at the start")]
    ByteOrderMark,
    /// An XML declaration that is misplaced, malformed, or of another version than 1.0.
    #[error("XML declaration at {at} that is misplaced, malformed or not of version 1.0")]
    Declaration {
        /// Where it begins.
        at: usize,
    },
    /// An XML declaration that names another encoding than UTF-8 (RFC 6120 §11.6).
    #[error("XML declaration that names another encoding than UTF-8")]
    Encoding,
    /// A character outside of the production `Char` of XML 1.0, written out.
    #[error("illegal character at {at}")]
    Character {
        /// Where it is.
        at: usize,
    },
    /// A reference without an end, without a name or digits, or to a character outside of the production
    /// `Char`.
    #[error("malformed or illegal reference at {at}")]
    Reference {
        /// Where the `&` is.
        at: usize,
    },
    /// Text, a reference or CDATA outside of the root element.
    #[error("text at {at}, outside of the root element")]
    TextOutsideRoot {
        /// Where it begins.
        at: usize,
    },
    /// The sequence `]]>` in text.
    #[error("`]]>` in the text at {at}")]
    CDataEnd {
        /// Where the sequence begins.
        at: usize,
    },
    /// Markup that is cut off or that is none of XML's.
    #[error("markup at {at} that is cut off or unknown")]
    Markup {
        /// Where its `<` is.
        at: usize,
    },
    /// The name of an element or attribute is not a `QName` of Namespaces in XML.
    #[error("no qualified name at {at}")]
    Name {
        /// Where the name should begin.
        at: usize,
    },
    /// Something in a tag that is not white space, a name, `=` and a quoted value.
    #[error("malformed attribute at {at}")]
    Attribute {
        /// Where the reader stopped to understand.
        at: usize,
    },
    /// Two attributes without white space between them.
    #[error("no white space before the attribute at {at}")]
    MissingSpace {
        /// Where the later attribute begins.
        at: usize,
    },
    /// `<` in the value of an attribute.
    #[error("`<` in the attribute value at {at}")]
    LessThanInValue {
        /// Where it is.
        at: usize,
    },
    /// Two attributes of one element with the same name, or with the same local name in the same namespace.
    #[error("attribute repeated in the tag at {at}")]
    RepeatedAttribute {
        /// Where the tag begins.
        at: usize,
    },
    /// A prefix that no declaration binds.
    #[error("unbound namespace prefix at {at}")]
    UnboundPrefix {
        /// Where the name begins.
        at: usize,
    },
    /// A declaration that unbinds a prefix, or that gives `xml` or `xmlns`, or their namespaces, another
    /// meaning.
    #[error("namespace declaration at {at} that Namespaces in XML forbids")]
    NamespaceDeclaration {
        /// Where the value of the declaration begins.
        at: usize,
    },
    /// An end tag that does not close the innermost open element.
    #[error("end tag at {at} that closes another element than the innermost")]
    EndTag {
        /// Where it begins.
        at: usize,
    },
    /// The text ends inside of an element.
    #[error("the text ends inside of an element")]
    Unclosed,
    /// There is no element in the text.
    #[error("no element")]
    NoRoot,
    /// A second element follows the root.
    #[error("second root element at {at}")]
    SecondRoot {
        /// Where it begins.
        at: usize,
    },
}

impl Violation {
    /// The stream error that answers this violation, by its element name (RFC 6120 §4.9.3).
    pub fn condition(&self) -> &'static str {
        use Violation::*;
        match self {
            TooLong { .. } | TooDeep { .. } | TooManyPrefixes { .. } => "policy-violation",
            Comment { .. } | ProcessingInstruction { .. } | DocumentType { .. } | Entity { .. } => {
                "restricted-xml"
            }
            UnboundPrefix { .. } => "bad-namespace-prefix",
            Encoding => "unsupported-encoding",
            _ => "not-well-formed",
        }
    }
}
