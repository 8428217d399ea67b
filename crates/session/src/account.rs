//! The account of a session, and the rules for logging in to it.

use epode_stream::jid::{self, Unicode};
use epode_stream::sasl::{
    Allowed, Credentials, Fingerprint, MechanismName, Proof, ScramKeys, Secret, prepare,
};
use epode_stream::xml::Limits;
use epode_stream::{Config, Former, Login};

use crate::{Bound, Error, Purpose};

/// An account at a service, with all that is needed to log in again and again. `Debug` prints no
/// secret.
#[derive(Clone, Debug)]
pub struct Account {
    service: String,
    jid: String,
    authcid: Option<String>,
    /// Whether the authcid is the localpart of the JID.
    implied: bool,
    authzid: Option<String>,
    proof: Option<Proof>,
    allowed: Vec<Allowed>,
    /// Whether the app has listed its mechanisms.
    listed: bool,
    /// Whether a page logs in itself, and keeps what it logs in with.
    relayed: bool,
    /// Whether the transport is safe from readers.
    private: bool,
    /// Whether the server has once proven by SCRAM that it knows the password.
    proven: bool,
    /// The account that the server bound for these credentials, as a bare JID; `None` before that,
    /// and for an anonymous login.
    known: Option<String>,
    unicode: Unicode,
}

/// The mechanisms that an app allows, by name and priority.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mechanisms<'a> {
    /// The mechanisms of [`stream::sasl`](crate::stream::sasl). An empty list means all of them,
    /// unless `listed`.
    pub ours: &'a [(String, u32)],
    /// Whether the app has listed its mechanisms.
    pub listed: bool,
    /// Mechanisms that the app speaks itself. Each replaces a mechanism of ours with the same name.
    pub foreign: &'a [(String, u32)],
}

impl Account {
    /// Makes an account from the app's options.
    ///
    /// `service` is an absolute URL: `ws:` or `wss:`, or `http:` or `https:` for BOSH. `jid` is bare or full,
    /// or a bare domain for ANONYMOUS. `authcid` replaces the JID's localpart as the user name. User name and
    /// password stay as typed; SCRAM prepares them (RFC 4013) by means of `unicode`.
    ///
    /// # Errors
    /// [`Error::Service`] or [`Error::Jid`] if the URL or the JID is malformed.
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
        // RFC 6120 §6.3.8: an authzid is sent only if the authcid does not imply it.
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
            relayed: false,
            private,
            proven: false,
            known: None,
            unicode,
        })
    }

    /// An account that a page logs in to itself.
    ///
    /// # Errors
    /// As for [`new`](Account::new).
    pub fn relayed(service: &str, jid: &str, unicode: Unicode) -> Result<Self, Error> {
        let account = Account::new(service, jid, None, None, Mechanisms::default(), unicode)?;
        Ok(Account { relayed: true, ..account })
    }

    /// The URL of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The bare JID, or the domain for ANONYMOUS.
    pub fn bare_jid(&self) -> &str {
        jid::bare(&self.jid)
    }

    /// The user name given beside a bare domain, prepared; `None` if the JID names the user.
    pub fn name_beside_domain(&self) -> Option<String> {
        let name = self.authcid.as_deref().filter(|_| jid::split(&self.jid).0.is_none())?;
        let prepared = prepare(name, "user name", self.unicode.nfkc);
        Some(prepared.map_or_else(|_| name.to_owned(), |prepared| prepared.expose().to_owned()))
    }

    /// Whether only a page can log in.
    pub fn is_relayed(&self) -> bool {
        self.relayed
    }

    /// Whether the login is anonymous.
    pub fn is_anonymous(&self) -> bool {
        self.authcid.is_none()
    }

    /// Whether `other`, an account with an equal JID, has the same credentials, as far as can be
    /// told without the server: never if the app may speak a mechanism itself. The keys `derived`
    /// at the login of this account count as the password that they were derived from. Compares
    /// secrets in constant time.
    pub fn same_credentials(&self, other: &Account, derived: Option<&ScramKeys>) -> bool {
        let is_derived =
            || matches!((&other.proof, derived), (Some(Proof::Keys(keys)), Some(derived)) if keys == derived);
        !self.may_be_foreign()
            && !other.may_be_foreign()
            && self.same_name(other)
            && (self.proof == other.proof || is_derived())
    }

    /// Whether both log in under the same name.
    fn same_name(&self, other: &Account) -> bool {
        self.implied && other.implied || self.authcid == other.authcid
    }

    /// A keyed hash that recognises these credentials; `None` if there is no proof, or the app may
    /// speak a mechanism itself.
    pub fn fingerprint(&self, key: &Secret) -> Option<Fingerprint> {
        let proof = self.proof.as_ref().filter(|_| !self.may_be_foreign())?;
        // A name implied by the JID is left out, since its spelling may differ and the caller knows
        // the account.
        let name = self.authcid.as_deref().filter(|_| !self.implied);
        Some(proof.fingerprint(name.unwrap_or_default(), key))
    }

    /// Whether a page logs in itself, or may speak a mechanism itself.
    fn may_be_foreign(&self) -> bool {
        self.relayed || self.allowed.iter().any(|allowed| matches!(allowed.name, MechanismName::Foreign(_)))
    }

    /// Takes over the credentials of `other`, which stands for the same account, with their
    /// mechanisms. Returns false if that would replace credentials that the worker can use by a
    /// mechanism that only a page can speak.
    pub(crate) fn adopt(&mut self, other: Account) -> bool {
        let better = !other.relayed && (self.may_be_foreign() || !other.may_be_foreign());
        if better {
            // Another user name may belong to another account.
            if !self.same_name(&other) {
                self.known = other.known;
            }
            self.authcid = other.authcid;
            self.implied = other.implied;
            self.authzid = other.authzid;
            self.proof = other.proof;
            self.allowed = other.allowed;
            self.listed = other.listed;
            self.relayed = false;
        }
        self.proven |= other.proven;
        better
    }

    /// A page has logged in: what it has shown by that is kept, if it suffices to log in again.
    pub(crate) fn logged_in(&mut self, login: Login) {
        let Login { mechanism, authcid, authzid, password } = login;
        let local = jid::split(&self.jid).0;
        self.relayed = password.is_none() && (mechanism != "ANONYMOUS" || local.is_some());
        if local.is_none() || password.is_some() {
            self.implied = local.is_some() && authcid.as_deref() == local;
            (self.authcid, self.authzid) = (authcid, authzid);
        }
        self.proof = password.map(Into::into);
    }

    /// The server has proven by SCRAM, on this or another stream, that it knows the password of
    /// this account. From now on no dial sends the password itself, unless the app listed a
    /// mechanism that does: a server that offers less than before, or an impostor, must not learn
    /// what SCRAM kept secret. SCRAM with another hash is allowed, although XEP-0474 guards against
    /// weaker ones: it shows no password either, the server proves itself again, and a server whose
    /// store was migrated stays within reach.
    pub fn expect_scram(&mut self) {
        self.proven = true;
    }

    /// Whether SCRAM is [expected](Self::expect_scram).
    pub fn expects_scram(&self) -> bool {
        self.proven
    }

    /// The server bound this full JID. The next stream must bind the same account, and asks for the
    /// same resource unless this one `yielded`.
    pub(crate) fn bound(&mut self, jid: &str, yielded: bool) {
        if let (Some(_), (_, _, Some(resource))) = (&self.authcid, jid::split(jid)) {
            self.known = Some(jid::bare(jid).to_owned());
            if !yielded {
                self.jid = [self.bare_jid(), "/", resource].concat();
            }
        }
    }

    /// The configuration for a stream of this account. `again`: whether the session was up before;
    /// `former`: the session to resume.
    pub(crate) fn config(&self, purpose: Purpose, again: bool, former: Option<Former>) -> Config {
        let (local, domain, resource) = jid::split(&self.jid);
        Config {
            domain: domain.to_owned(),
            credentials: Credentials {
                jid: local.map(|_| self.bare_jid().to_owned()),
                authcid: self.authcid.clone(),
                authzid: self.authzid.clone(),
                proof: self.proof.clone(),
            },
            // An app that lists a mechanism that shows the secret has accepted that.
            allowed: match self.proven && !self.listed {
                true => self.allowed.iter().filter(|allowed| !allowed.name.shows_secret()).cloned().collect(),
                false => self.allowed.clone(),
            },
            plaintext: self.private || self.listed,
            purpose: match purpose {
                Purpose::Join { explicit, .. } => {
                    // RFC 7622 §3.4: a resource has at least one character.
                    let resource = resource.filter(|resource| !resource.is_empty()).map(str::to_owned);
                    epode_stream::Purpose::Bind { resource, explicit, yields: again }
                }
                Purpose::Continue { .. } => {
                    let jid = self.jid.clone();
                    epode_stream::Purpose::Continue(Bound { jid, features: String::new(), managed: false })
                }
                Purpose::Relay => epode_stream::Purpose::Relay,
                Purpose::Verify => epode_stream::Purpose::Verify,
            },
            limits: Limits::default(),
            known: self.known.clone(),
            management: match purpose {
                Purpose::Join { management, .. } => management,
                Purpose::Continue { .. } | Purpose::Relay | Purpose::Verify => None,
            },
            former,
            unicode: self.unicode,
        }
    }
}

/// Whether only the two ends can read the traffic with this URL: TLS, or a host that is this
/// machine.
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
        "wss" | "https" => Ok(true),
        "ws" | "http" => Ok(is_loopback(host)),
        _ => Err(error()),
    }
}

/// A host that is this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). Only the forms
/// that browsers give to addresses are known; any other counts as foreign.
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
            ("https://chat.example/bosh", by_default, true),
            ("http://chat.example/bosh", by_default, false),
            ("http://chat.example/bosh", listed, true),
            ("http://localhost:5280/bosh", by_default, true),
        ] {
            let account = account(service, "a@b", mechanisms).unwrap();
            assert_eq!(
                account.config(Purpose::Verify, false, None).plaintext,
                expected,
                "{service} {mechanisms:?}"
            );
        }
    }

    #[test]
    fn a_service_or_a_jid_that_cannot_be_meant_is_an_error() {
        for service in ["", "chat.example", "ftp://chat.example/ws", "ws://", "http:///x"] {
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
            account
                .config(Purpose::Join { reconnect: true, explicit: false, management: None }, false, None)
                .credentials
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
            let allowed = account.config(Purpose::Verify, false, None).allowed;
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
        let credentials = account("Ⅸ@b", "Ⅸ", "p\u{AD}Ⅸ").config(Purpose::Verify, false, None).credentials;
        assert_eq!((credentials.authcid.as_deref(), credentials.authzid), (Some("Ⅸ"), None));
        assert_eq!(credentials.jid.as_deref(), Some("Ⅸ@b"));
        assert_eq!(credentials.proof, Some(Secret::new("p\u{AD}Ⅸ".into()).into()));
        // But the name that identifies the session is prepared.
        assert_eq!(account("b", "Ⅸ", "p").name_beside_domain().as_deref(), Some("IX"));
        assert_eq!(account("b", "a\u{E000}", "p").name_beside_domain().as_deref(), Some("a\u{E000}"));
    }

    #[test]
    fn a_password_that_a_page_showed_is_for_the_name_that_it_named() {
        let ours = account("wss://x/", "alice@b", Mechanisms::default()).unwrap();
        for (name, same) in [("alice", true), ("admin", false)] {
            let mut account = Account::relayed("wss://x/", "alice@b", unicode()).unwrap();
            assert!(account.is_relayed() && !account.same_credentials(&ours, None));
            account.logged_in(Login {
                mechanism: "PLAIN".to_owned(),
                authcid: Some(name.to_owned()),
                authzid: None,
                password: Some(Secret::new("secret".into())),
            });
            assert!(!account.is_relayed());
            assert_eq!(account.same_credentials(&ours, None), same, "{name}");
            assert_eq!(
                account.config(Purpose::Verify, false, None).credentials.authcid.as_deref(),
                Some(name)
            );
        }
    }
}
