//! How a tab comes into a session: it opens it, joins it with the same credentials, has others tried, or
//! attaches.

use std::time::Duration;

use epode_protocol::{
    Before, Credentials, FromWorker, LogLevel, MechanismOffer, Options, Role, Status, StatusCode, Text,
};
use epode_session::stream::jid;
use epode_session::stream::sasl::{Proof, ScramKeys, Secret};
use epode_session::{Account, Mechanisms, Purpose, stream};

use crate::connection::Connection;
use crate::key::Key;
use crate::mailbox::Gap;
use crate::shared_session::{Contender, JoinKind, Member, Parked, Phase, SharedSession, Trial};
use crate::status::{because, status};
use crate::tab_state::Stage;
use crate::timer::Timer;
use crate::{Hub, PortId, SessionId};

/// How long a tab that lost its worker waits for another tab to bring credentials: all learn of a death at
/// once from its lock, and of silence one after the other.
const RESTORE: Duration = Duration::from_secs(4);
const RESTORE_FROM_SILENCE: Duration = Duration::from_secs(30);

/// What the tabs of a detour hear when their session is up.
const DETOUR: &str = "the worker runs and does not answer: this session is of another one, beside it";

/// How many sessions have positions of their own, of 2^32 each: browsers hold no more than 2^53.
const SESSIONS: u32 = 1 << 21;

impl<T: Text> Hub<T> {
    pub(crate) fn connect_asked(
        &mut self,
        port: PortId,
        service: &str,
        jid: &str,
        credentials: Credentials,
        options: Options,
    ) {
        self.start_over(port);
        // The resource is that of the session which the other worker has.
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
            Ok(account) => self.connect(port, account, options),
            Err(error) => {
                let code = match error {
                    epode_session::Error::Sasl(_) => StatusCode::AuthFail,
                    _ => StatusCode::ConnFail,
                };
                let failed = because(code, error.condition(), &error);
                let over = because(StatusCode::Disconnected, error.condition(), &error);
                self.common.detach(port, vec![failed, over]);
            }
        }
    }

    /// Joins the session of this account where the credentials are the same, opens it where there is none,
    /// and otherwise tries the credentials beside it: when no other login of the account is under way, and
    /// unless the server has refused them just now.
    pub(crate) fn connect(&mut self, port: PortId, account: Account, mut options: Options) {
        let key = self.key(port, &account, &options);
        let shared = self.sessions.iter().find(|(_, shared)| shared.connection.key == key);
        if let Some((id, shared)) = shared
            && shared.phase != Phase::Closing
            && shared.connection.session.account().same_credentials(&account, shared.connection.keys.as_ref())
        {
            let id = *id;
            // Not the session's, but each tab's own.
            let waits = std::mem::take(&mut options.explicit_binding);
            if shared.connection.options != options {
                let text =
                    "joined a session that another tab opened with other options; those hold".to_owned();
                self.common.post(port, FromWorker::Log { level: LogLevel::Warn, text });
            }
            return self.join(id, port, JoinKind::Joined, waits, Vec::new());
        }
        let changes =
            shared.is_some_and(|(_, shared)| matches!(shared.phase, Phase::Closing | Phase::Connecting));
        if changes || self.trials.values().any(|trial| trial.connection.key == key) {
            self.wait(port);
            self.contenders.push(Contender { port, key, account, options });
        } else if let Some(failed) = self.common.refusals.spare(self.common.now, &key, &account) {
            let over = Status { code: StatusCode::Disconnected, ..failed.clone() };
            self.common.detach(port, vec![failed, over]);
        } else if shared.is_some() {
            self.try_credentials(port, key, account, options);
        } else {
            self.open(port, account, key, options);
        }
    }

    /// What these tabs waited for is over: each has its turn, in the order in which they came.
    pub(crate) fn let_contend(&mut self, key: &Key) {
        for contender in std::mem::take(&mut self.contenders) {
            match contender.key == *key {
                true => self.connect(contender.port, contender.account, contender.options),
                false => self.contenders.push(contender),
            }
        }
    }

    /// The tabs that wait with just these credentials, which need not be tried for each.
    pub(crate) fn equal_contenders(&mut self, key: &Key, account: &Account) -> Vec<PortId> {
        let equal =
            |waiting: &mut Contender| waiting.key == *key && waiting.account.same_credentials(account, None);
        self.contenders.extract_if(.., equal).map(|equal| equal.port).collect()
    }

    /// Where nothing is shared, each port has sessions of its own.
    fn key(&self, port: PortId, account: &Account, options: &Options) -> Key {
        Key::new(account, options, (!self.common.config.shared).then_some(port), &self.common.config.unicode)
    }

    fn open(&mut self, port: PortId, mut account: Account, key: Key, mut options: Options) {
        self.expect_scram(&key, &mut account);
        let explicit = std::mem::take(&mut options.explicit_binding);
        let own_mechanisms = own_mechanisms(&options);
        let purpose = Purpose::Join { reconnect: options.reconnect, explicit };
        let (service, restored) = (key.service.clone(), key.account.clone());
        let connection = Connection::new(key, account, options, purpose, &mut self.common);
        let id = connection.id;
        // A position says of which session it is.
        let start = u64::from(self.numbered % SESSIONS) << 32;
        self.numbered = self.numbered.wrapping_add(1);
        self.sessions.insert(id, SharedSession::new(connection, start));
        self.join(id, port, JoinKind::Opened, explicit, own_mechanisms);
        self.restore_into(id, service, restored);
        self.own(id);
    }

    /// Where SCRAM was spoken with these credentials, or in the session that is there, nothing weaker will
    /// do.
    fn expect_scram(&self, key: &Key, account: &mut Account) {
        let beside = self.sessions.values().find(|shared| shared.connection.key == *key);
        if beside.is_some_and(|shared| shared.connection.session.account().expects_scram())
            || self.common.refusals.were_proven(key, account)
        {
            account.expect_scram();
        }
    }

    /// Tabs whose worker died have been waiting for somebody with credentials for this account.
    pub(crate) fn restore_into(&mut self, id: SessionId, service: String, account: String) {
        let waiting = Stage::Restoring(service, account);
        let restoring: Vec<PortId> =
            self.common.tabs.iter().filter(|(_, tab)| tab.stage == waiting).map(|(port, _)| *port).collect();
        let attach = self.sessions.get(&id).is_some_and(|shared| shared.connection.options.attach);
        for port in restoring {
            self.common.timers.set(Timer::Restore(port), None);
            match attach {
                // They were in a session that was bound.
                true => self.join(id, port, JoinKind::Attached, false, Vec::new()),
                false => self.keep_out(port),
            }
        }
    }

    /// Tries a tab's credentials on a second stream, which authenticates, does not bind, and is closed again.
    fn try_credentials(&mut self, port: PortId, key: Key, mut account: Account, options: Options) {
        self.wait(port);
        self.expect_scram(&key, &mut account);
        let connection = Connection::new(key, account, options, Purpose::Verify, &mut self.common);
        let id = connection.id;
        self.trials.insert(id, Trial { connection, port: Some(port), verified: false });
        self.start(id);
    }

    /// The server took these credentials: their tab may join, or open what was closed in the meantime.
    pub(crate) fn verified(
        &mut self,
        port: PortId,
        account: Account,
        options: Options,
        keys: Option<ScramKeys>,
    ) {
        let key = self.key(port, &account, &options);
        let there = self
            .sessions
            .iter_mut()
            .find(|(_, shared)| shared.connection.key == key && shared.phase != Phase::Closing);
        match there {
            Some((id, shared)) => {
                let id = *id;
                // They are the newest that are known to be good: the next dial will need such.
                let adopted = shared.connection.session.adopt(account);
                if adopted {
                    shared.connection.keys = keys;
                    shared.down = None;
                    for member in &mut shared.members {
                        member.has_credentials = false;
                    }
                }
                // Of what the session goes on with it has brought nothing otherwise.
                let entry = if adopted { JoinKind::Joined } else { JoinKind::Attached };
                // A session that rests dials with them at once.
                self.feed(id, stream::Input::Timeout);
                self.join(id, port, entry, options.explicit_binding, own_mechanisms(&options));
            }
            None => self.connect(port, account, options),
        }
    }

    pub(crate) fn attach(&mut self, port: PortId, service: &str, account: Option<&str>, waits: bool) {
        self.start_over(port);
        let account = account.map(|account| jid::prepared(jid::bare(account), &self.common.config.unicode));
        let of_service = self
            .sessions
            .iter()
            .filter(|(_, shared)| shared.connection.key.service == service && shared.phase != Phase::Closing)
            .filter(|(_, shared)| shared.connection.key.port.is_none_or(|owner| owner == port))
            .filter(|(_, shared)| account.as_ref().is_none_or(|account| shared.is_of(account)));
        let (open, closed): (Vec<_>, Vec<_>) = of_service
            .map(|(id, shared)| (*id, shared.connection.options.attach))
            .partition(|(_, attach)| *attach);
        let why = match &open[..] {
            [(id, _)] => return self.join(*id, port, JoinKind::Attached, waits, Vec::new()),
            [] if closed.is_empty() => "there is no session to attach to",
            [] => return self.keep_out(port),
            _ => "there are several sessions of this service: connect with credentials to say which",
        };
        self.common.detach(port, vec![because(StatusCode::AttachFail, None, &why)]);
    }

    /// Who opened the session wants a proof of everybody.
    fn keep_out(&mut self, port: PortId) {
        let why = "this session was opened with `attach: false`: nobody joins it without credentials";
        self.common.detach(port, vec![because(StatusCode::AttachFail, Some("credentials-required"), &why)]);
    }

    /// A worker died under this tab, which has no credentials: it joins whoever brings them, soon.
    pub(crate) fn restore(&mut self, port: PortId, service: String, account: &str) {
        self.start_over(port);
        let account = jid::prepared(jid::bare(account), &self.common.config.unicode).into_owned();
        let there = self.sessions.iter().find(|(_, shared)| {
            shared.connection.key.service == service
                && shared.is_of(&account)
                && shared.phase != Phase::Closing
        });
        if let Some((id, shared)) = there {
            let id = *id;
            return match shared.connection.options.attach {
                true => self.join(id, port, JoinKind::Attached, false, Vec::new()),
                false => self.keep_out(port),
            };
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

    /// `waits`: whether the tab is content to wait until a resource is bound; `own_mechanisms`: those that
    /// live in it.
    fn join(
        &mut self,
        id: SessionId,
        port: PortId,
        entry: JoinKind,
        waits: bool,
        own_mechanisms: Vec<String>,
    ) {
        // The tab may have vanished while its credentials were under trial.
        let Some(tab) = self.common.tabs.get_mut(&port) else { return };
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        tab.stage = Stage::In(id);
        tab.mailbox.change_session();
        tab.mailbox.stanza_limit = shared.connection.options.queue_stanzas as usize;
        tab.mailbox.byte_limit = shared.connection.options.queue_size as usize;
        let parked = shared.take_parked(&tab.tab, self.common.now);
        shared.members.push(Member { own_mechanisms, parked, ..Member::new(port, entry, shared.position) });
        let (up, unbound) = (shared.is_up(), shared.phase == Phase::Unbound);
        let down = shared.down.clone();
        self.common.timers.set(Timer::Grace(id), None);
        if let Some(down) = down {
            self.common.post(port, FromWorker::Status(down));
        }
        if up {
            self.elect(id);
            self.admit(id, port, entry.up());
            self.report_csi(id);
        } else if !waits {
            self.bind(id, None);
        } else if unbound {
            self.common.post(port, FromWorker::Status(status(StatusCode::BindRequired)));
        }
    }

    /// A tab wants a resource bound, now or, since the session is not that far, without waiting then.
    pub(crate) fn bind(&mut self, id: SessionId, resource: Option<String>) {
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        shared.connection.session.handle_input(self.common.now, stream::Input::Bind { resource }.into());
        if shared.phase == Phase::Unbound {
            shared.phase = Phase::Connecting;
            self.drain(id);
        }
    }

    /// Tells a tab that the session is up, from which position on it hears, and sends what it has been
    /// waiting to send.
    pub(crate) fn admit(&mut self, id: SessionId, port: PortId, code: StatusCode) {
        let Some(tab) = self.common.tabs.get_mut(&port) else { return };
        let Some(shared) = self.sessions.get_mut(&id) else { return };
        let Phase::Up(info) = &shared.phase else { return };
        let mut info = info.clone();
        let kept = shared.member(port).and_then(|member| member.parked.take());
        // The page before it may have gone after this one came.
        let parked = kept.or_else(|| shared.take_parked(&tab.tab, self.common.now));
        let (start, parked) = match (parked, tab.before.take()) {
            (Some(parked), Some(Before { position, .. }))
                if (shared.start..=shared.position).contains(&position) =>
            {
                (position, Some(parked))
            }
            // The page before stood in another session still, and was unloaded before it heard of this one.
            (Some(parked), Some(_)) if parked.claims.is_empty() => (parked.start, Some(parked)),
            _ => (shared.position, None),
        };
        let secondary = shared.primary != Some(port);
        let keys = shared.connection.keys.as_ref().map(ScramKeys::to_text);
        // What was given up and is still remembered is not missing.
        let (forgotten, admitted) = (shared.ring.forgotten(), shared.position);
        let gap = parked.as_ref().and_then(|parked| parked.gap).filter(|gap| gap.from <= forgotten);
        let mut has_credentials = false;
        if let Some(member) = shared.member(port) {
            has_credentials = member.has_credentials;
            member.claims.clear();
            (member.start, member.admitted) = (start, admitted);
            // Of what was dropped behind the page before it a page hears as well.
            member.told = member.told.min(start);
            (member.backlog, member.former_claims) = match parked {
                Some(Parked { mut kept, claims, .. }) => {
                    kept.retain(|inbound| inbound.position > start);
                    (kept.into(), claims)
                }
                None => (Vec::new(), Vec::new()),
            };
        }
        info.position = start;
        let pending = std::mem::take(&mut tab.pending);
        let mut up = status(code);
        up.session = Some(info);
        up.text = self.common.config.detour.then(|| DETOUR.to_owned());
        // The role comes first, so that it is known in the callback of the status; the primary has heard its
        // own.
        if secondary {
            self.common.post(port, FromWorker::Role(Role::Secondary));
        }
        if let Some(keys) = keys.filter(|_| has_credentials) {
            self.common
                .post(port, FromWorker::Keys { keys: epode_protocol::Secret::new(keys.expose().to_owned()) });
        }
        self.common.post(port, FromWorker::Status(up));
        if let Some(gap) = gap {
            self.common.post(port, Gap { to: gap.to.min(forgotten), ..gap }.told());
        }
        self.tell_gap(id);
        for pending in pending {
            self.take(port, pending);
        }
        self.post_receipts(id);
    }
}

fn own_mechanisms(options: &Options) -> Vec<String> {
    options.own_mechanisms.iter().map(|offer| offer.name.clone()).collect()
}
