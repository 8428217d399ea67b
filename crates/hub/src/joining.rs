//! Which session a tab comes into: it opens one, joins one with the same credentials, has others
//! tried, attaches, or returns after the worker's death.

use std::fmt::Display;
use std::time::Duration;

use epode_protocol::{
    AttachBosh, BoshOptions, Credentials, FromWorker, LogLevel, MechanismOffer, Options, Status, StatusCode,
    Text,
};
use epode_session::stream::sasl::{Proof, ScramKeys, Secret};
use epode_session::stream::{Error, jid};
use epode_session::{Account, Input, Mechanisms, Purpose, stream};

use crate::connection::Connection;
use crate::contenders::Contender;
use crate::key::Key;
use crate::member::JoinKind;
use crate::shared_session::{Phase, SharedSession};
use crate::status::{because, status, trial_failed};
use crate::tab_state::Stage;
use crate::timer::Timer;
use crate::trial::Trial;
use crate::uplink::lines::Binding;
use crate::{Hub, PortId, SessionId};

/// How long a tab that lost its worker waits for another tab to bring credentials. By their Web
/// Locks all tabs notice a death at once; by silence they notice one after the other.
const RESTORE: Duration = Duration::from_secs(4);
const RESTORE_FROM_SILENCE: Duration = Duration::from_secs(30);

/// The number of sessions with positions of their own, 2^32 each: numbers in JavaScript are exact
/// up to 2^53.
const SESSIONS: u32 = 1 << 21;

impl<T: Text> Hub<T> {
    pub(crate) fn connect_asked(
        &mut self,
        port: PortId,
        service: &str,
        jid: &str,
        credentials: Credentials,
        options: Options,
        bosh: Option<BoshOptions>,
    ) {
        self.start_over(port);
        // The resource belongs to the session that the other worker has.
        let jid = if self.common.config.detour { jid::bare(jid) } else { jid };
        let pairs = |offers: &Vec<MechanismOffer>| -> Vec<(String, u32)> {
            offers.iter().map(|offer| (offer.name.clone(), offer.priority)).collect()
        };
        let (ours, own) = (pairs(&options.mechanisms), pairs(&options.own_mechanisms));
        let Credentials { authcid, password, keys } = credentials;
        let secret = |secret: epode_protocol::Secret| Secret::new(secret.into_inner());
        let proof = match keys.map(secret) {
            Some(keys) => ScramKeys::parse(keys.expose()).map(|keys| Some(Proof::Keys(keys))),
            None => Ok(password.map(|password| secret(password).into())),
        };
        let account = proof.map_err(Into::into);
        let account = account.and_then(|proof| {
            let mechanisms = Mechanisms { ours: &ours, listed: options.listed, foreign: &own };
            Account::new(service, jid, authcid, proof, mechanisms, self.common.config.unicode)
        });
        match account {
            Ok(account) => {
                let bosh = is_http(service).then(|| bosh.unwrap_or_default());
                self.connect(port, account, options, bosh);
            }
            Err(error) => {
                let code = match error {
                    epode_session::Error::Sasl(_) => StatusCode::AuthFail,
                    _ => StatusCode::ConnFail,
                };
                self.common.detach(port, failure(code, error.condition(), &error));
            }
        }
    }

    /// Joins the session of this account if the credentials are the same, and opens one if there is
    /// none. Otherwise the credentials are tried beside the session, once no other login of the
    /// account is under way, and unless the server has just refused them.
    pub(crate) fn connect(
        &mut self,
        port: PortId,
        account: Account,
        mut options: Options,
        bosh: Option<BoshOptions>,
    ) {
        let key = self.key(port, &account, &options);
        self.turn_to(port, &key);
        let shared = self.sessions.iter().find(|(_, shared)| *shared.key() == key);
        if let Some((id, shared)) = shared
            && shared.phase != Phase::Closing
            && !shared.connection.session.is_continued()
            && shared.connection.session.account().same_credentials(&account, shared.connection.keys.as_ref())
        {
            let id = *id;
            // This option is each tab's own.
            let waits = std::mem::take(&mut options.explicit_binding);
            let binding = shared.connection.uplink.carrier.binding.as_ref();
            let differences =
                binding.zip(bosh).map(|(own, other)| own.differs_from(&other)).unwrap_or_default();
            if shared.connection.options != options || !differences.is_empty() {
                let mut text =
                    "joined a session that another tab opened with other options; those hold".to_owned();
                if !differences.is_empty() {
                    text += &[" (", &*differences.join(", "), ")"].concat();
                }
                self.common.post(port, FromWorker::Log { level: LogLevel::Warn, text });
            }
            return self
                .with(id, |shared, common| shared.join(port, JoinKind::Joined, waits, Vec::new(), common));
        }
        let is_changing =
            |phase: &Phase| matches!(phase, Phase::Closing | Phase::Connecting | Phase::Reopening(_));
        let changes = shared.is_some_and(|(_, shared)| is_changing(&shared.phase));
        if changes
            || self.trials.values().any(|trial| !trial.connection.relays && trial.connection.key == key)
        {
            self.wait(port);
            self.contenders.push(Contender { port, key, account, options, bosh });
        } else if let Some(failed) = self.common.refusals.spare(self.common.now, &key, &account) {
            let over = Status { code: StatusCode::Disconnected, ..failed.clone() };
            self.common.detach(port, vec![failed, over]);
        } else if shared.is_some() {
            self.try_credentials(port, key, account, options, bosh);
        } else {
            self.open(port, account, key, options, bosh);
        }
    }

    /// The login that these tabs waited for is over: each takes its turn, in the order in which
    /// they came.
    pub(crate) fn let_contend(&mut self, key: &Key) {
        self.let_go_on(key);
        for contender in self.contenders.take(key) {
            self.connect(contender.port, contender.account, contender.options, contender.bosh);
        }
    }

    /// The key of an account's session. Where nothing is shared, each port has sessions of its own.
    pub(crate) fn key(&self, port: PortId, account: &Account, options: &Options) -> Key {
        Key::new(account, options, (!self.common.config.shared).then_some(port), &self.common.config.unicode)
    }

    fn open(
        &mut self,
        port: PortId,
        mut account: Account,
        key: Key,
        mut options: Options,
        bosh: Option<BoshOptions>,
    ) {
        self.expect_scram(&key, &mut account);
        let explicit = std::mem::take(&mut options.explicit_binding);
        let own_mechanisms = own_mechanisms(&options);
        let management = self.common.management(&key, &options, bosh.is_none());
        let purpose = Purpose::Join { reconnect: options.reconnect, explicit, management };
        let binding = bosh.map(Binding::new);
        let former = self.common.take_dormant(&key);
        let connection = Connection::new(key, account, options, purpose, binding, &mut self.common);
        let id = self.found(connection);
        self.with(id, |shared, common| {
            if let Some(former) = former {
                shared.go_on(former, common);
            }
            shared.join(port, JoinKind::Opened, explicit, own_mechanisms, common);
            shared.restore_waiting(shared.key().account.clone(), common);
            shared.own(common);
        });
    }

    /// Founds a session of this connection, which nobody has joined yet.
    pub(crate) fn found(&mut self, connection: Connection) -> SessionId {
        let id = connection.id;
        // Each session has a range of positions of its own, so that a position tells the session.
        let start = u64::from(self.numbered % SESSIONS) << 32;
        self.numbered = self.numbered.wrapping_add(1);
        self.sessions.insert(id, SharedSession::new(connection, start));
        id
    }

    /// Forbids weaker mechanisms than SCRAM, if SCRAM was spoken with these credentials, or in the
    /// session that is there.
    fn expect_scram(&self, key: &Key, account: &mut Account) {
        let beside = self.sessions.values().find(|shared| shared.key() == key);
        if beside.is_some_and(|shared| shared.connection.session.account().expects_scram())
            || self.common.refusals.were_proven(key, account)
        {
            account.expect_scram();
        }
    }

    /// Tries a tab's credentials on a second stream, which authenticates, binds nothing and is
    /// closed again.
    fn try_credentials(
        &mut self,
        port: PortId,
        key: Key,
        mut account: Account,
        options: Options,
        bosh: Option<BoshOptions>,
    ) {
        self.expect_scram(&key, &mut account);
        let (purpose, binding) = (Purpose::Verify, bosh.map(Binding::new));
        let connection = Connection::new(key, account, options, purpose, binding, &mut self.common);
        self.try_on(port, connection);
    }

    /// Has a tab log in on a connection of its own.
    pub(crate) fn try_on(&mut self, port: PortId, connection: Connection) {
        self.wait(port);
        let id = connection.id;
        self.trials.insert(id, Trial::new(connection, port));
        self.feed(id, Input::Start);
    }

    /// Sees to the outcome of a trial. Its tab joins, or hears why not, as do all tabs that wait
    /// with the same credentials.
    #[inline(never)] // Out of the way of a cold start.
    pub(crate) fn trial_over(&mut self, trial: Trial, error: Option<Error>) {
        let Trial { connection, port, verified, .. } = trial;
        let Connection { key, session, options, keys, uplink, .. } = connection;
        match (port, error) {
            (Some(port), _) if verified => {
                let bosh = uplink.carrier.binding.map(|binding| binding.into_options());
                self.verified(port, session.account().clone(), options, bosh, keys);
            }
            (port, Some(error)) if !verified => {
                let equal = self.contenders.take_equal(&key, session.account());
                for port in port.into_iter().chain(equal.iter().map(|contender| contender.port)) {
                    let mut failed = trial_failed(&error);
                    failed.close_code = error.close_code();
                    let over = because(StatusCode::Disconnected, error.condition(), &error);
                    self.common.detach(port, vec![failed, over]);
                }
            }
            (Some(port), _) => self.common.detach(port, vec![status(StatusCode::Disconnected)]),
            (None, _) => {}
        }
        self.let_contend(&key);
    }

    /// The server took these credentials: their tab joins the session, or opens it if it was closed
    /// meanwhile.
    fn verified(
        &mut self,
        port: PortId,
        account: Account,
        options: Options,
        bosh: Option<BoshOptions>,
        keys: Option<ScramKeys>,
    ) {
        let key = self.key(port, &account, &options);
        let open = |shared: &&SharedSession<T>| *shared.key() == key && shared.phase != Phase::Closing;
        let Some(id) = self.sessions.values().find(open).map(SharedSession::id) else {
            if account.is_relayed() {
                let why = "the session ended while this tab logged in to join it: log in again";
                return self.common.detach(port, failure(StatusCode::ConnFail, None, &why));
            }
            return self.connect(port, account, options, bosh);
        };
        let mut entry = JoinKind::Attached;
        self.with(id, |shared, common| {
            // If the session keeps its own credentials, the tab counts as one without.
            if shared.adopt(account, keys) {
                entry = JoinKind::Joined;
            }
            // A session that waits for its next dial dials at once.
            shared.feed(stream::Input::Timeout, common);
        });
        self.with(id, |shared, common| {
            shared.join(port, entry, options.explicit_binding, own_mechanisms(&options), common);
        });
    }

    pub(crate) fn attach(&mut self, port: PortId, service: &str, account: Option<&str>, waits: bool) {
        self.start_over(port);
        let account = account.map(|account| jid::prepared(jid::bare(account), &self.common.config.unicode));
        let meant = self
            .sessions
            .values()
            .filter(|shared| shared.key().service == service && shared.phase != Phase::Closing)
            .filter(|shared| shared.key().port.is_none_or(|owner| owner == port))
            .filter(|shared| account.as_ref().is_none_or(|account| shared.is_of(account)));
        let (open, closed): (Vec<_>, Vec<_>) = meant.partition(|shared| shared.connection.options.attach);
        let open: Vec<_> = open.into_iter().map(|shared| (shared.id(), shared.key().clone())).collect();
        let why = match &open[..] {
            [(id, key)] => {
                self.turn_to(port, key);
                return self.with(*id, |shared, common| shared.attach(port, waits, common));
            }
            [] if closed.is_empty() && self.common.config.shared => {
                "there is no session to attach to: call connect, which opens one, or finds one that pages of \
                 another library have"
            }
            [] if closed.is_empty() => "there is no session to attach to: call connect",
            [] => return self.common.keep_out(port),
            _ => "there are several sessions of this service: connect with credentials to say which",
        };
        self.common.detach(port, vec![because(StatusCode::AttachFail, None, &why)]);
    }

    /// Takes in a tab that has the numbers of a BOSH session: into the session with this sid, or of this
    /// account, or into a new one that goes on with the numbers.
    pub(crate) fn attach_bosh(&mut self, port: PortId, attach: AttachBosh) {
        self.start_over(port);
        let AttachBosh { service, session, options, http } = attach;
        let service = &*service;
        let unicode = self.common.config.unicode;
        let (none, by_default) = (None, Mechanisms::default());
        let account = match Account::new(service, &session.jid, none, None, by_default, unicode) {
            Ok(account) if is_http(service) => account,
            Ok(_) => {
                let why = epode_session::Error::Service(service.to_owned());
                return self.common.detach(port, failure(StatusCode::ConnFail, None, &why));
            }
            Err(why) => return self.common.detach(port, failure(StatusCode::ConnFail, None, &why)),
        };
        let key = self.key(port, &account, &options);
        self.turn_to(port, &key);
        let common = &self.common;
        let has_sid = |shared: &SharedSession<T>| {
            shared.connection.uplink.carrier.line(common).is_some_and(|line| line.has_sid(&session.sid))
        };
        let there = self.sessions.values().find(|shared| {
            let is_meant = shared.is_of(&key.account) && shared.key().port == key.port;
            shared.key().service == service && shared.phase != Phase::Closing && (has_sid(shared) || is_meant)
        });
        if let Some(shared) = there {
            let (id, may_join) = (shared.id(), has_sid(shared) || shared.connection.options.attach);
            if may_join {
                return self.with(id, |shared, common| {
                    shared.join(port, JoinKind::Restored, false, Vec::new(), common);
                });
            }
            let why = "this session was opened with `attach: false`: nobody joins it without credentials";
            let condition = Some("credentials-required");
            return self.common.detach(port, failure(StatusCode::ConnFail, condition, &why));
        }
        let purpose = Purpose::Continue { reconnect: options.reconnect };
        let binding = Some(Binding::of(session, http));
        let connection = Connection::new(key, account, options, purpose, binding, &mut self.common);
        let id = self.found(connection);
        self.with(id, |shared, common| {
            shared.join(port, JoinKind::Restored, false, Vec::new(), common);
            shared.own(common);
        });
    }

    /// Brings back a tab that lost its worker and has no credentials: it joins the session of
    /// whoever brings them.
    pub(crate) fn restore(&mut self, port: PortId, service: String, account: &str) {
        self.start_over(port);
        let account = jid::prepared(jid::bare(account), &self.common.config.unicode).into_owned();
        let there = self.sessions.values().find(|shared| {
            shared.key().service == service
                && shared.is_of(&account)
                && shared.is_proven()
                && shared.phase != Phase::Closing
        });
        if let Some(id) = there.map(SharedSession::id) {
            return self.with(id, |shared, common| shared.attach(port, false, common));
        }
        if let Some(tab) = self.common.tabs.get_mut(&port) {
            tab.stage = Stage::Restoring(service, account);
            let told = self.common.config.lock.is_some() && !self.common.config.detour;
            let patience = if told { RESTORE } else { RESTORE_FROM_SILENCE };
            self.common.timers.set(Timer::Restore(port), Some(self.common.now + patience));
        }
    }

    pub(crate) fn restore_timeout(&mut self, port: PortId) {
        let text = "the worker died, and no tab has the credentials: connect again";
        let over = because(StatusCode::Disconnected, Some("credentials-required"), &text);
        self.common.detach(port, vec![over]);
    }

    fn wait(&mut self, port: PortId) {
        if let Some(tab) = self.common.tabs.get_mut(&port) {
            tab.stage = Stage::Waiting;
        }
    }
}

/// What a tab hears of a failed attempt.
pub(crate) fn failure(code: StatusCode, condition: Option<&str>, why: &dyn Display) -> Vec<Status> {
    vec![because(code, condition, why), because(StatusCode::Disconnected, condition, why)]
}

/// Whether the service speaks BOSH.
pub(crate) fn is_http(service: &str) -> bool {
    service.starts_with("http")
}

fn own_mechanisms(options: &Options) -> Vec<String> {
    options.own_mechanisms.iter().map(|offer| offer.name.clone()).collect()
}
