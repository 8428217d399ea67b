//! Whose session it is, and how it may be opened.

use epode_stream::Config;
use epode_stream::jid::{self, Unicode};
use epode_stream::sasl::{
    Allowed, Credentials, Fingerprint, MechanismName, Proof, ScramKeys, Secret, prepare,
};
use epode_stream::xml::Limits;

use crate::{Error, Purpose};

/// An account at a service, with what is needed to log in to it again and again. `Debug` prints no secret.
#[derive(Clone, Debug)]
pub struct Account {
    service: String,
    jid: String,
    authcid: Option<String>,
    /// Whether that is what the JID says.
    implied: bool,
    authzid: Option<String>,
    proof: Option<Proof>,
    allowed: Vec<Allowed>,
    /// Whether the app has listed the mechanisms itself.
    listed: bool,
    /// Whether nobody else can read what crosses the transport.
    private: bool,
    /// Whether the server has once proven by SCRAM that it knows the password.
    proven: bool,
    /// Whom the server bound for these credentials, as a bare JID; nobody where nobody in particular logs in.
    known: Option<String>,
    unicode: Unicode,
}

/// The mechanisms that an app allows, by name and priority.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mechanisms<'a> {
    /// Those that are ours; with none, and none listed, all.
    pub ours: &'a [(String, u32)],
    /// Whether the app has listed them itself.
    pub listed: bool,
    /// Those that the app speaks itself, also in the place of one of ours.
    pub foreign: &'a [(String, u32)],
}

impl Account {
    /// An account, from what the app gave.
    ///
    /// `service` is an absolute `ws:` or `wss:` URL; `jid` is bare or full, or a bare domain for ANONYMOUS;
    /// `authcid` stands in for the JID's local part. Both it and the password stay as they were typed; SCRAM
    /// prepares them (RFC 4013) by way of `unicode`.
    ///
    /// # Errors
    /// If the URL or the JID cannot be meant.
    pub fn new(
        service: &str,
        jid: &str,
        authcid: Option<String>,
        proof: Option<Proof>,
        Mechanisms { ours, listed, foreign }: Mechanisms<'_>,
        unicode: Unicode,
    ) -> Result<Self, Error> {
        let private = is_private(service)?;
        let (local, domain, _) = jid::split(jid);
        if domain.is_empty() || local.is_some_and(str::is_empty) {
            return Err(Error::Jid(jid.to_owned()));
        }
        let ours: Vec<Allowed> = match ours {
            [] if !listed => MechanismName::ALL.iter().cloned().map(Into::into).collect(),
            named => named
                .iter()
                .filter_map(|(name, priority)| {
                    Some(Allowed { name: MechanismName::parse(name)?, priority: *priority })
                })
                .collect(),
        };
        let spoken = |ours: &Allowed| foreign.iter().any(|(name, _)| name == ours.name.as_str());
        let mut allowed: Vec<Allowed> = foreign
            .iter()
            .map(|(name, priority)| Allowed {
                name: MechanismName::Foreign(name.clone()),
                priority: *priority,
            })
            .collect();
        allowed.extend(ours.into_iter().filter(|ours| !spoken(ours)));
        let authcid = authcid.filter(|name| !name.is_empty()).or_else(|| local.map(str::to_owned));
        let implied = local.is_some() && authcid.as_deref() == local;
        // RFC 6120 §6.3.8: the authzid only if it differs from what the authcid stands for.
        let stands_for_it = [local, Some(jid::bare(jid))].contains(&authcid.as_deref());
        let authzid = local.filter(|_| !stands_for_it).map(|_| jid::bare(jid).to_owned());
        Ok(Account {
            service: service.to_owned(),
            jid: jid.to_owned(),
            authcid,
            implied,
            authzid,
            proof,
            allowed,
            listed,
            private,
            proven: false,
            known: None,
            unicode,
        })
    }

    /// The URL of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The bare JID, or the domain for ANONYMOUS.
    pub fn bare_jid(&self) -> &str {
        jid::bare(&self.jid)
    }

    /// Who logs in, where the JID does not say so: the name given beside a bare domain, however it was typed.
    pub fn name_beside_domain(&self) -> Option<String> {
        let name = self.authcid.as_deref().filter(|_| jid::split(&self.jid).0.is_none())?;
        let prepared = prepare(name, "user name", self.unicode.nfkc);
        Some(prepared.map_or_else(|_| name.to_owned(), |prepared| prepared.expose().to_owned()))
    }

    /// Whether nobody in particular logs in.
    pub fn is_anonymous(&self) -> bool {
        self.authcid.is_none()
    }

    /// Whether `other`, whose JID is the same in whatever spelling, proves the same as this account, as far
    /// as can be told without asking the server: never, where the app may speak for itself. The keys that
    /// were `derived` at the login of this account are as good as what they were derived from. In constant
    /// time.
    pub fn same_credentials(&self, other: &Account, derived: Option<&ScramKeys>) -> bool {
        let is_derived =
            || matches!((&other.proof, derived), (Some(Proof::Keys(keys)), Some(derived)) if keys == derived);
        !self.may_be_foreign()
            && !other.may_be_foreign()
            && self.same_name(other)
            && (self.proof == other.proof || is_derived())
    }

    /// Whether both log in by the same name.
    fn same_name(&self, other: &Account) -> bool {
        self.implied && other.implied || self.authcid == other.authcid
    }

    /// What these credentials are known again by, under a key that nobody else has: nothing where there is no
    /// proof, or the app may speak for itself.
    pub fn fingerprint(&self, key: &Secret) -> Option<Fingerprint> {
        let proof = self.proof.as_ref().filter(|_| !self.may_be_foreign())?;
        // The name in the JID, in whatever spelling, is no part of the proof: whose it is, its account says.
        let name = self.authcid.as_deref().filter(|_| !self.implied);
        Some(proof.fingerprint(name.unwrap_or_default(), key))
    }

    /// Whether the app may speak for itself.
    fn may_be_foreign(&self) -> bool {
        self.allowed.iter().any(|allowed| matches!(allowed.name, MechanismName::Foreign(_)))
    }

    /// Takes over the credentials of another that stands for the same account, with the mechanisms that use
    /// them; not what only the app can say in the place of what is known here.
    pub(crate) fn adopt(&mut self, other: Account) -> bool {
        let better = self.may_be_foreign() || !other.may_be_foreign();
        if better {
            // Another name may stand for another account.
            if !self.same_name(&other) {
                self.known = other.known;
            }
            self.authcid = other.authcid;
            self.implied = other.implied;
            self.authzid = other.authzid;
            self.proof = other.proof;
            self.allowed = other.allowed;
            self.listed = other.listed;
        }
        self.proven |= other.proven;
        better
    }

    /// The server has proven by SCRAM that it knows the password of this account, or has so to another stream
    /// of it: no later dial shows it the password itself. A server that offers less than it did, or whoever
    /// poses as it, is not to be told what SCRAM was there to keep. Another hash is no less (XEP-0474 guards
    /// against it for the sake of guessers): it shows nothing either, the server proves itself again, and one
    /// whose store was migrated stays within reach.
    pub fn expect_scram(&mut self) {
        self.proven = true;
    }

    /// Whether it is [expected](Self::expect_scram).
    pub fn expects_scram(&self) -> bool {
        self.proven
    }

    /// The server bound this full JID: the next stream is to be the same account; and, unless it `yielded`,
    /// asks for the same resource.
    pub(crate) fn bound(&mut self, jid: &str, yielded: bool) {
        if let (Some(_), (_, _, Some(resource))) = (&self.authcid, jid::split(jid)) {
            self.known = Some(jid::bare(jid).to_owned());
            if !yielded {
                self.jid = [self.bare_jid(), "/", resource].concat();
            }
        }
    }

    /// What a stream of this account needs to know; `again`: whether it was up before.
    pub(crate) fn config(&self, purpose: Purpose, again: bool) -> Config {
        let (local, domain, resource) = jid::split(&self.jid);
        Config {
            domain: domain.to_owned(),
            credentials: Credentials {
                jid: local.map(|_| self.bare_jid().to_owned()),
                authcid: self.authcid.clone(),
                authzid: self.authzid.clone(),
                proof: self.proof.clone(),
            },
            // An app that lists a mechanism that shows the secret has decided that it may be seen.
            allowed: match self.proven && !self.listed {
                true => self.allowed.iter().filter(|allowed| !allowed.name.shows_secret()).cloned().collect(),
                false => self.allowed.clone(),
            },
            plaintext: self.private || self.listed,
            purpose: match purpose {
                Purpose::Join { explicit, .. } => {
                    // RFC 7622 §3.4: one that is there has at least one character.
                    let resource = resource.filter(|resource| !resource.is_empty()).map(str::to_owned);
                    epode_stream::Purpose::Bind { resource, explicit, yields: again }
                }
                Purpose::Verify => epode_stream::Purpose::Verify,
            },
            limits: Limits::default(),
            known: self.known.clone(),
            unicode: self.unicode,
        }
    }
}

/// Whether what crosses this URL can be read only by its two ends: TLS, or a host that is this machine.
fn is_private(service: &str) -> Result<bool, Error> {
    let error = || Error::Service(service.to_owned());
    let (scheme, rest) = service.split_once(':').ok_or_else(error)?;
    let rest = rest.strip_prefix("//").ok_or_else(error)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() {
        return Err(error());
    }
    match scheme {
        "wss" => Ok(true),
        "ws" => Ok(is_loopback(host)),
        _ => Err(error()),
    }
}

/// RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3. Addresses in the form that browsers give them; any
/// other counts as foreign.
fn is_loopback(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_address = name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok());
    name == "localhost"
        || name.ends_with(".localhost")
        || name == "::1"
        || (is_address && name.starts_with("127."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may

    use super::*;
    use crate::tests::unicode;

    fn account(service: &str, jid: &str, mechanisms: Mechanisms<'_>) -> Result<Account, Error> {
        Account::new(service, jid, None, Some(Secret::new("secret".into()).into()), mechanisms, unicode())
    }

    #[test]
    fn a_password_crosses_in_the_clear_only_where_nobody_else_can_read_or_the_app_says_so() {
        let plain = [("PLAIN".to_owned(), 50)];
        let by_default = Mechanisms::default();
        let allowed = Mechanisms { ours: &plain, ..by_default };
        let listed = Mechanisms { listed: true, ..allowed };
        for (service, mechanisms, expected) in [
            ("wss://chat.example/ws", by_default, true),
            ("ws://chat.example/ws", by_default, false),
            ("ws://chat.example/ws", allowed, false),
            ("ws://chat.example/ws", listed, true),
            ("ws://localhost:5280/ws", by_default, true),
            ("ws://app.localhost/ws", by_default, true),
            ("ws://127.8.0.1/ws", by_default, true),
            ("ws://127.0.0.256/ws", by_default, false),
            ("ws://127.1/ws", by_default, false),
            ("ws://127.0.0.1.5/ws", by_default, false),
            ("ws://128.0.0.1/ws", by_default, false),
            ("ws://[::1]:80/ws", by_default, true),
            ("ws://[::2]/ws", by_default, false),
            ("ws://localhost.example/ws", by_default, false),
            ("ws://127.0.0.1.example/ws", by_default, false),
            ("ws://localhost@evil.example/ws", by_default, false),
            ("ws://evil.example/?@localhost", by_default, false),
        ] {
            let account = account(service, "a@b", mechanisms).unwrap();
            assert_eq!(
                account.config(Purpose::Verify, false).plaintext,
                expected,
                "{service} {mechanisms:?}"
            );
        }
    }

    #[test]
    fn a_service_or_a_jid_that_cannot_be_meant_is_an_error() {
        for service in ["", "chat.example", "http://chat.example/ws", "ws://", "ws:///x"] {
            assert_eq!(
                account(service, "a@b", Mechanisms::default()).unwrap_err(),
                Error::Service(service.to_owned())
            );
        }
        for jid in ["", "@b", "a@", "a@/r"] {
            assert_eq!(
                account("ws://x/", jid, Mechanisms::default()).unwrap_err(),
                Error::Jid(jid.to_owned())
            );
        }
    }

    #[test]
    fn acting_as_somebody_else_names_both() {
        let account = |authcid: &str| {
            let account = Account::new(
                "ws://x/",
                "a@b/r",
                Some(authcid.into()),
                None,
                Mechanisms::default(),
                unicode(),
            )
            .unwrap();
            account.config(Purpose::Join { reconnect: true, explicit: false }, false).credentials
        };
        assert_eq!(account("admin").authzid.as_deref(), Some("a@b"));
        assert_eq!(account("a").authzid, None);
        assert_eq!(account("a@b").authzid, None);
        assert_eq!(account("").authcid.as_deref(), Some("a"));
    }

    #[test]
    fn behind_scram_nothing_shows_the_secret_but_what_the_app_has_listed() {
        let named = [("SCRAM-SHA-1".to_owned(), 60), ("PLAIN".to_owned(), 50)];
        let own = [("PLAIN".to_owned(), 50)];
        let by_default = Mechanisms::default();
        let names = |account: &Account| -> Vec<String> {
            let allowed = account.config(Purpose::Verify, false).allowed;
            allowed.iter().map(|allowed| allowed.name.as_str().to_owned()).collect()
        };
        for (mechanisms, kept) in [
            (by_default, false),
            (Mechanisms { ours: &named, ..by_default }, false),
            (Mechanisms { ours: &named, listed: true, ..by_default }, true),
            (Mechanisms { foreign: &own, ..by_default }, true),
        ] {
            let mut account = account("wss://x/", "a@b", mechanisms).unwrap();
            assert!(names(&account).contains(&"PLAIN".to_owned()));
            account.expect_scram();
            assert!(names(&account).contains(&"SCRAM-SHA-1".to_owned()));
            assert_eq!(names(&account).contains(&"PLAIN".to_owned()), kept, "{mechanisms:?}");
            assert!(kept || !names(&account).iter().any(|name| name.contains("OAUTH")));
        }
    }

    #[test]
    fn names_and_passwords_go_to_the_mechanism_as_they_were_typed() {
        let account = |jid: &str, name: &str, password: &str| {
            let password = Some(Secret::new(password.into()).into());
            Account::new("ws://x/", jid, Some(name.into()), password, Mechanisms::default(), unicode())
                .unwrap()
        };
        let credentials = account("Ⅸ@b", "Ⅸ", "p\u{AD}Ⅸ").config(Purpose::Verify, false).credentials;
        assert_eq!((credentials.authcid.as_deref(), credentials.authzid), (Some("Ⅸ"), None));
        assert_eq!(credentials.jid.as_deref(), Some("Ⅸ@b"));
        assert_eq!(credentials.proof, Some(Secret::new("p\u{AD}Ⅸ".into()).into()));
        // But of whom there is one session, is one however it was typed.
        assert_eq!(account("b", "Ⅸ", "p").name_beside_domain().as_deref(), Some("IX"));
        assert_eq!(account("b", "a\u{E000}", "p").name_beside_domain().as_deref(), Some("a\u{E000}"));
    }
}
