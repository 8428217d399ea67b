/// One way in which the server breaks the rules on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misbehaviour {
    /// In place of what belongs to this stage, the server does that, and nothing more after it.
    At(Stage, Fault),
    /// The server's first `<open/>` is wrong.
    Open(OpenFault),
    /// The first features offer no mechanism at all.
    NoMechanisms,
    /// SASL fails with this condition (RFC 6120 §6.5), whatever the credentials.
    Refuse(&'static str),
    /// The server's side of SCRAM is wrong.
    Scram(ScramFault),
    /// The features after authentication offer no resource binding (RFC 6120 §7.3.1).
    NoBinding,
    /// The answer to the bind request is wrong.
    Bind(BindFault),
}

/// What the server says during negotiation, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The first `<open/>`.
    Open,
    /// The features with the mechanisms.
    Mechanisms,
    /// A SASL challenge.
    Challenge,
    /// SASL's `<success/>` or `<failure/>`.
    Outcome,
    /// The second `<open/>`.
    Reopen,
    /// The features with resource binding.
    Features,
    /// The answer to the bind request.
    Bind,
}

/// What can happen in place of anything the server should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing at all, for ever. Not even `<close/>` is answered.
    Silence,
    /// The socket ends without a word.
    Cut,
    /// `<close/>`.
    Close,
    /// `<close see-other-uri=…/>` (RFC 7395 §3.6.1).
    SeeOtherUri(&'static str),
    /// A stream error with this condition, then `<close/>`.
    StreamError(&'static str),
    /// `<see-other-host>` with this host (RFC 6120 §4.9.3.19), then `<close/>`.
    SeeOtherHost(&'static str),
    /// This frame, then nothing but the answer to `<close/>`.
    Frame(String),
}

/// What can be wrong with `<open/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFault {
    /// Another namespace than that of RFC 7395.
    Namespace,
    /// Version 2.0.
    Version,
    /// No version, which stands for 0.9 (RFC 6120 §4.7.5).
    MissingVersion,
    /// No stream id.
    MissingId,
    /// The name of another domain.
    From,
    /// No domain at all (RFC 6120 §4.7.1).
    MissingFrom,
}

/// What can be wrong with the server's side of SCRAM (RFC 5802).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramFault {
    /// A nonce that does not start with the client's.
    WrongNonce,
    /// The client's nonce, with nothing added.
    NonceNotLonger,
    /// This many iterations.
    Iterations(u64),
    /// An iteration count that is no number.
    IterationsNotANumber,
    /// A salt that is not base64.
    SaltNotBase64,
    /// No salt.
    MissingSalt,
    /// A mandatory extension (`m=`), which no client may accept.
    MandatoryExtension,
    /// A challenge that breaks off before the iteration count.
    Truncated,
    /// A challenge whose attributes stand in another order.
    Reordered,
    /// A challenge that is not base64.
    ChallengeNotBase64,
    /// A challenge that is not UTF-8.
    ChallengeNotText,
    /// `<success/>` without a server signature.
    MissingSignature,
    /// The signature of someone who does not know the password.
    WrongSignature,
    /// A signature that is not base64.
    SignatureNotBase64,
    /// `e=other-error` where the signature belongs, yet in `<success/>`.
    ErrorInSuccess,
    /// `<success/>` before the client has proved anything.
    SuccessWithoutProof,
}

/// What can be wrong with the answer to a bind request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindFault {
    /// A result without `<jid/>`.
    MissingJid,
    /// A JID without a resource.
    BareJid,
    /// A JID that is none.
    MalformedJid,
    /// The JID of another account.
    OtherAccount,
    /// A result with another id.
    OtherId,
    /// An error with this condition (RFC 6120 §7.6.2.1, §7.7.2).
    Error(&'static str),
}

impl Misbehaviour {
    /// Every misbehaviour there is: each stage with each fault, and whatever only one stage can get wrong.
    pub fn all() -> Vec<Self> {
        let anywhere = Stage::ALL
            .into_iter()
            .flat_map(|stage| Fault::all().into_iter().map(move |fault| Self::At(stage, fault)));
        let refusals =
            ["not-authorized", "account-disabled", "credentials-expired", "temporary-auth-failure"];
        anywhere
            .chain(OpenFault::ALL.map(Self::Open))
            .chain([Self::NoMechanisms, Self::NoBinding])
            .chain(refusals.map(Self::Refuse))
            .chain(ScramFault::ALL.map(Self::Scram))
            .chain(BindFault::ALL.map(Self::Bind))
            .collect()
    }
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Mechanisms,
        Self::Challenge,
        Self::Outcome,
        Self::Reopen,
        Self::Features,
        Self::Bind,
    ];
}

impl Fault {
    /// Every fault, the frames in each way in which a frame can be bad.
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Silence,
            Self::Cut,
            Self::Close,
            Self::SeeOtherUri("wss://other.example/xmpp-websocket"),
            Self::SeeOtherHost("other.example"),
            Self::not_well_formed(),
            Self::empty(),
            Self::two_roots(),
            Self::oversize(4 << 20),
            Self::unexpected_element(),
            Self::unprefixed_stream_error(),
        ];
        all.extend(["conflict", "host-unknown", "not-authorized", "system-shutdown"].map(Self::StreamError));
        all.extend(Self::restricted_xml());
        all
    }

    /// A frame whose element never ends.
    pub fn not_well_formed() -> Self {
        Self::frame("<message xmlns='jabber:client'><body>")
    }

    /// A frame of no characters.
    pub fn empty() -> Self {
        Self::frame("")
    }

    /// Two elements in one frame (RFC 7395 §3.3.3).
    pub fn two_roots() -> Self {
        Self::frame("<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>")
    }

    /// A well-formed frame of at least `bytes`.
    pub fn oversize(bytes: usize) -> Self {
        Self::Frame(format!("<message xmlns='jabber:client'><body>{}</body></message>", "x".repeat(bytes)))
    }

    /// Well-formed, and of a namespace that nobody speaks.
    pub fn unexpected_element() -> Self {
        Self::frame("<surprise xmlns='urn:example:surprise'/>")
    }

    /// A stream error whose namespace is the default one instead of the prefix `stream`: odd, and legal.
    pub fn unprefixed_stream_error() -> Self {
        Self::frame(
            "<error xmlns='http://etherx.jabber.org/streams'>\
             <system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>",
        )
    }

    /// One frame for each thing that RFC 6120 §11.1 forbids.
    pub fn restricted_xml() -> Vec<Self> {
        let forbidden = [
            "<!-- a comment --><presence xmlns='jabber:client'/>",
            "<?php instruction?><presence xmlns='jabber:client'/>",
            "<!DOCTYPE x [<!ENTITY e 'e'>]><presence xmlns='jabber:client'/>",
            "<message xmlns='jabber:client'><body>&e;</body></message>",
        ];
        forbidden.map(Self::frame).to_vec()
    }

    fn frame(text: &str) -> Self {
        Self::Frame(text.to_owned())
    }
}

impl OpenFault {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Namespace,
        Self::Version,
        Self::MissingVersion,
        Self::MissingId,
        Self::From,
        Self::MissingFrom,
    ];
}

impl ScramFault {
    /// All of them, the iteration count too low, zero, too high, and beyond what 32 bits hold.
    pub const ALL: [Self; 19] = [
        Self::WrongNonce,
        Self::NonceNotLonger,
        Self::Iterations(0),
        Self::Iterations(1),
        Self::Iterations(1_000_000_000),
        Self::Iterations(1 << 40),
        Self::IterationsNotANumber,
        Self::SaltNotBase64,
        Self::MissingSalt,
        Self::MandatoryExtension,
        Self::Truncated,
        Self::Reordered,
        Self::ChallengeNotBase64,
        Self::ChallengeNotText,
        Self::MissingSignature,
        Self::WrongSignature,
        Self::SignatureNotBase64,
        Self::ErrorInSuccess,
        Self::SuccessWithoutProof,
    ];
}

impl BindFault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MissingJid,
        Self::BareJid,
        Self::MalformedJid,
        Self::OtherAccount,
        Self::OtherId,
        Self::Error("not-allowed"),
        Self::Error("resource-constraint"),
    ];
}
