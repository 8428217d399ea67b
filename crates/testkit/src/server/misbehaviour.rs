/// One way in which the server breaks the rules on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misbehaviour {
    /// The server commits the fault instead of this stage, and does nothing more.
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
    /// Stream management goes wrong. Only a server that offers it ([`Config::management`]) can
    /// misbehave so, thus [`Misbehaviour::all`] leaves these out.
    ///
    /// [`Config::management`]: crate::Config::management
    Management(ManagementFault),
}

/// The server's steps of the negotiation, in order.
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

/// A fault that can happen instead of any step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Silence for ever: not even `<close/>` is answered.
    Silence,
    /// The socket is closed without `<close/>`.
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

/// A fault in `<open/>`.
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

/// A fault in the server's side of SCRAM (RFC 5802).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramFault {
    /// A nonce that does not start with the client's.
    WrongNonce,
    /// The client's nonce, with nothing added.
    NonceNotLonger,
    /// This many iterations.
    Iterations(u64),
    /// An iteration count that is not a number.
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
    /// A signature made without the password.
    WrongSignature,
    /// A signature that is not base64.
    SignatureNotBase64,
    /// `<success/>` with `e=other-error` instead of a signature.
    ErrorInSuccess,
    /// `<success/>` before the client's proof.
    SuccessWithoutProof,
}

/// A fault in the answer to a bind request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindFault {
    /// A result without `<jid/>`.
    MissingJid,
    /// A JID without a resource.
    BareJid,
    /// A malformed JID.
    MalformedJid,
    /// The JID of another account.
    OtherAccount,
    /// A result with another id.
    OtherId,
    /// An error with this condition (RFC 6120 §7.6.2.1, §7.7.2).
    Error(&'static str),
}

/// A fault in the server's side of stream management (XEP-0198).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManagementFault {
    /// `<failed/>` with this condition answers `<enable/>`.
    RefuseEnable(&'static str),
    /// The session cannot be resumed.
    NotResumable,
    /// `<enabled/>` comes only after the third stanza of the client.
    EnabledLate,
    /// `<enabled/>` comes twice.
    EnabledTwice,
    /// This many `<r/>` follow `<enabled/>`.
    Requests(u32),
    /// Each `<a/>` counts one stanza that was not sent.
    AcksTooMuch,
    /// Each `<a/>` leaves out one stanza.
    AcksTooLittle,
    /// No `<r/>` is answered.
    AcksNever,
    /// Each `<r/>` is answered twice.
    AcksTwice,
    /// `<a/>` has no count.
    AcksWithoutCount,
    /// `<failed/>` with this condition answers `<resume/>`, and the former session ends.
    RefuseResume {
        /// The condition.
        condition: &'static str,
        /// Whether the server tells how many stanzas it had received.
        tells: bool,
    },
    /// `<resumed/>` has a lower count than the server's latest `<a/>`.
    ResumesWithLess,
    /// `<resumed/>` counts stanzas that were not sent.
    ResumesWithMore,
    /// `<resumed/>` names another session.
    ResumesAnother,
    /// What follows `<resumed/>` is called not well-formed, and the session ends (Prosody 13).
    Chokes,
}

impl Misbehaviour {
    /// All misbehaviours: each stage with each fault, and the faults of single stages.
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
    /// All faults, with a bad frame of each kind.
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

    /// An empty frame.
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

    /// A well-formed element of an unknown namespace.
    pub fn unexpected_element() -> Self {
        Self::frame("<surprise xmlns='urn:example:surprise'/>")
    }

    /// A stream error without the prefix `stream`, in a default namespace: unusual, but legal.
    pub fn unprefixed_stream_error() -> Self {
        Self::frame(
            "<error xmlns='http://etherx.jabber.org/streams'>\
             <system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>",
        )
    }

    /// A frame for each construct that RFC 6120 §11.1 forbids.
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
    /// All faults.
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
    /// All faults, with iteration counts that are too low, zero, too high, and too large for 32
    /// bits.
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

impl ManagementFault {
    /// All faults, with the conditions by which servers refuse.
    pub fn all() -> Vec<Self> {
        let conditions = ["item-not-found", "feature-not-implemented", "unexpected-request", "undreamt-of"];
        let refusals = conditions.into_iter().flat_map(|condition| {
            [true, false].map(|tells| Self::RefuseResume { condition, tells }).into_iter()
        });
        let others = [
            Self::NotResumable,
            Self::EnabledLate,
            Self::EnabledTwice,
            Self::Requests(10_000),
            Self::AcksTooMuch,
            Self::AcksTooLittle,
            Self::AcksNever,
            Self::AcksTwice,
            Self::AcksWithoutCount,
            Self::ResumesWithLess,
            Self::ResumesWithMore,
            Self::ResumesAnother,
            Self::Chokes,
        ];
        conditions.map(Self::RefuseEnable).into_iter().chain(refusals).chain(others).collect()
    }
}

impl BindFault {
    /// All faults.
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
