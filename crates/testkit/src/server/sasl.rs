//! The server's side of SASL (RFC 6120 §6, RFC 4422), one message at a time.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Config,
    misbehaviour::{Misbehaviour, ScramFault},
    scram::{self, ClientFirst, Hash, Vault},
};
use crate::random::Random;

/// The parts of the server that a step needs.
pub(super) struct Context<'a> {
    pub config: &'a Config,
    pub random: &'a mut Random,
    pub vault: &'a mut Vault,
    pub misbehaviour: Option<&'a Misbehaviour>,
}

/// An exchange that waits for the client's next message.
#[derive(Debug)]
pub(super) enum Exchange {
    /// `<auth/>` came without an initial response.
    Initial(Mechanism),
    Scram(scram::Exchange),
    /// The reason for refusing the token went out as a challenge; a dummy response is due
    /// (RFC 7628 §3.2.3).
    TokenRefused,
    /// X-ECHO has asked a question. `proven`: the password was right, and this question is the
    /// last.
    Echo {
        user: String,
        expected: String,
        proven: bool,
    },
    /// The server's signature went out as a challenge; an empty response is due (RFC 5802 §5).
    Signed {
        user: String,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Mechanism {
    Plain,
    Anonymous,
    OAuthBearer,
    XOAuth2,
    External,
    /// A mechanism that no library knows: the client sends its user name, answers `password? NONCE`
    /// by the nonce and the password, then `again? NONCE` by the nonce.
    Echo,
    Scram(Hash),
}

/// The server's next message. Payloads are the text of the element: base64, unless a fault says
/// otherwise.
pub(super) enum Step {
    Challenge(String, Exchange),
    Success { user: String, data: Option<String> },
    Failure(&'static str),
}

impl Context<'_> {
    /// Answers `<auth/>`.
    pub fn begin(&mut self, mechanism: &str, initial_response: &str) -> Step {
        if let Some(Misbehaviour::Refuse(condition)) = self.misbehaviour {
            return Step::Failure(condition);
        }
        let offered = self.config.offered().any(|offered| offered == mechanism);
        match Mechanism::named(mechanism).filter(|_| offered) {
            None => Step::Failure("invalid-mechanism"),
            Some(mechanism) if initial_response.is_empty() => {
                Step::Challenge(String::new(), Exchange::Initial(mechanism))
            }
            // A lone `=` is an initial response of zero length (RFC 6120 §6.4.2).
            Some(mechanism) if initial_response == "=" => self.initial(mechanism, ""),
            Some(mechanism) => match decode(initial_response) {
                Ok(message) => self.initial(mechanism, &message),
                Err(condition) => Step::Failure(condition),
            },
        }
    }

    /// Answers `<response/>`.
    pub fn proceed(&mut self, exchange: Exchange, response: &str) -> Step {
        let message = match decode(response) {
            Ok(message) => message,
            Err(condition) => return Step::Failure(condition),
        };
        match exchange {
            Exchange::Initial(mechanism) => self.initial(mechanism, &message),
            Exchange::Scram(exchange) => self.finish_scram(exchange, &message),
            Exchange::TokenRefused if message == "\x01" => Step::Failure("not-authorized"),
            Exchange::TokenRefused => Step::Failure("malformed-request"),
            Exchange::Echo { expected, .. } if message != expected => Step::Failure("not-authorized"),
            Exchange::Echo { user, proven: true, .. } => Step::Success { user, data: None },
            Exchange::Echo { user, .. } => self.ask_echo(user, "again?", "", true),
            Exchange::Signed { user } if message.is_empty() => Step::Success { user, data: None },
            Exchange::Signed { .. } => Step::Failure("malformed-request"),
        }
    }

    fn initial(&mut self, mechanism: Mechanism, message: &str) -> Step {
        match mechanism {
            Mechanism::Plain => self.plain(message),
            Mechanism::Anonymous => Step::Success {
                user: format!("anonymous-{}", self.random.token(6)).to_lowercase(),
                data: None,
            },
            Mechanism::OAuthBearer => self.oauth_bearer(message),
            Mechanism::XOAuth2 => self.x_oauth2(message),
            Mechanism::External => match &self.config.certificate {
                Some(user) => self.authorized(user, Some(message).filter(|name| !name.is_empty())),
                None => Step::Failure("not-authorized"),
            },
            Mechanism::Echo => match self.config.password(message) {
                Some(password) => {
                    let password = format!(" {password}");
                    self.ask_echo(message.to_owned(), "password?", &password, false)
                }
                None => Step::Failure("not-authorized"),
            },
            Mechanism::Scram(hash) => self.begin_scram(hash, message),
        }
    }

    fn ask_echo(&mut self, user: String, question: &str, more: &str, proven: bool) -> Step {
        // A nonce that is not ASCII.
        let nonce = format!("¿{}", self.random.token(6));
        let expected = format!("{nonce}{more}");
        Step::Challenge(
            STANDARD.encode(format!("{question} {nonce}")),
            Exchange::Echo { user, expected, proven },
        )
    }

    /// RFC 4616: `[authzid] NUL authcid NUL passwd`.
    fn plain(&self, message: &str) -> Step {
        let parts: Vec<&str> = message.split('\0').collect();
        let [authzid, user, password] = parts[..] else { return Step::Failure("malformed-request") };
        match self.config.password(user) {
            Some(expected) if expected == password => {
                self.authorized(user, Some(authzid).filter(|name| !name.is_empty()))
            }
            _ => Step::Failure("not-authorized"),
        }
    }

    /// RFC 7628 §3.1. Like some servers, this one only looks at the token, not at the name.
    fn oauth_bearer(&self, message: &str) -> Step {
        let token = message.strip_prefix("n,a=").and_then(|rest| rest.split_once(",\x01auth=Bearer "));
        let Some(token) = token.and_then(|(_, rest)| rest.strip_suffix("\x01\x01")) else {
            return Step::Failure("malformed-request");
        };
        match self.config.bearer(token) {
            Some(user) => Step::Success { user: user.to_owned(), data: None },
            None => {
                let reason = r#"{"status":"invalid_token","scope":"chat"}"#;
                Step::Challenge(STANDARD.encode(reason), Exchange::TokenRefused)
            }
        }
    }

    fn x_oauth2(&self, message: &str) -> Step {
        let parts: Vec<&str> = message.split('\0').collect();
        let ["", jid, token] = parts[..] else { return Step::Failure("malformed-request") };
        match self.config.bearer(token) {
            Some(user) if jid == format!("{user}@{}", self.config.domain) => {
                Step::Success { user: user.to_owned(), data: None }
            }
            _ => Step::Failure("not-authorized"),
        }
    }

    fn begin_scram(&mut self, hash: Hash, message: &str) -> Step {
        let first = match ClientFirst::parse(message) {
            Ok(first) => first,
            Err(condition) => return Step::Failure(condition),
        };
        if let Step::Failure(condition) = self.authorized(&first.user, first.authzid.as_deref()) {
            return Step::Failure(condition);
        }
        let fault = self.scram_fault();
        if fault == Some(ScramFault::SuccessWithoutProof) {
            return Step::Success { user: first.user, data: None };
        }
        let Config { iterations, fresh_salts, .. } = *self.config;
        let password = self.config.password(&first.user);
        let credentials =
            self.vault.credentials(&first.user, password, hash, iterations, fresh_salts, self.random);
        let server_nonce = self.random.token(18);
        let (exchange, server_first) = scram::Exchange::begin(&first, credentials, &server_nonce, fault);
        let challenge = match fault {
            Some(ScramFault::ChallengeNotBase64) => "*not base64*".to_owned(),
            Some(ScramFault::ChallengeNotText) => STANDARD.encode([b'r', b'=', 0xff, 0xfe]),
            _ => STANDARD.encode(server_first),
        };
        Step::Challenge(challenge, Exchange::Scram(exchange))
    }

    fn finish_scram(&self, exchange: scram::Exchange, message: &str) -> Step {
        match exchange.finish(message, self.scram_fault()) {
            Err(condition) => Step::Failure(condition),
            Ok(server_final) => {
                let data = server_final.map(|text| STANDARD.encode(text));
                match data {
                    Some(data) if self.config.signature_in_challenge => {
                        Step::Challenge(data, Exchange::Signed { user: exchange.user })
                    }
                    data => Step::Success { user: exchange.user, data },
                }
            }
        }
    }

    /// Checks that `user` acts only as its own bare JID (RFC 6120 §6.3.8).
    fn authorized(&self, user: &str, authzid: Option<&str>) -> Step {
        if authzid.is_none_or(|name| name == format!("{user}@{}", self.config.domain)) {
            Step::Success { user: user.to_owned(), data: None }
        } else {
            Step::Failure("invalid-authzid")
        }
    }

    fn scram_fault(&self) -> Option<ScramFault> {
        match self.misbehaviour {
            Some(Misbehaviour::Scram(fault)) => Some(*fault),
            _ => None,
        }
    }
}

impl Mechanism {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "PLAIN" => Self::Plain,
            "ANONYMOUS" => Self::Anonymous,
            "OAUTHBEARER" => Self::OAuthBearer,
            "X-OAUTH2" => Self::XOAuth2,
            "EXTERNAL" => Self::External,
            "X-ECHO" => Self::Echo,
            "SCRAM-SHA-1" => Self::Scram(Hash::Sha1),
            "SCRAM-SHA-256" => Self::Scram(Hash::Sha256),
            "SCRAM-SHA-384" => Self::Scram(Hash::Sha384),
            "SCRAM-SHA-512" => Self::Scram(Hash::Sha512),
            _ => return None,
        })
    }
}

fn decode(base64: &str) -> Result<String, &'static str> {
    let bytes = STANDARD.decode(base64).map_err(|_| "incorrect-encoding")?;
    String::from_utf8(bytes).map_err(|_| "malformed-request")
}
