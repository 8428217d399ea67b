//! Who shares which session: tabs say hello, join, are tried, leave, and end it for all.

use std::collections::VecDeque;
use std::time::Duration;

use epode_protocol::{
    Before, Credentials, FromWorker, Hello, LogLevel, MechanismOffer, Options, Refusal, Role, StatusCode,
    TabInfo, Text, ToWorker, Token, VERSION,
};
use epode_session::stream::jid;
use epode_session::stream::sasl::{Proof, ScramKeys, Secret};
use epode_session::{Account, Mechanisms, Purpose, stream};

use crate::inbound::in_order;
use crate::outbox::{Gap, Outbox};
use crate::port::{ANSWER, GONE, Held, QUIET, Stage};
use crate::room::{Entry, Fitness, Ghost, Key, Member, Phase, Room, Trial};
use crate::status::{because, status};
use crate::timer::Timer;
use crate::{Hub, Output, PortId, SessionId};

/// How long a tab that lost its worker waits for another tab to bring credentials.
const RESTORE: Duration = Duration::from_secs(4);

/// How many sessions have positions of their own, of 2^32 each: browsers hold no more than 2^53.
const SESSIONS: u32 = 1 << 21;

/// What a tab that leaves a session still wanted of it.
struct Unfinished<T> {
    asked: Vec<Token>,
    held: VecDeque<Held<T>>,
}

/// Tabs come.
impl<T: Text> Hub<T> {
    pub(crate) fn message(&mut self, port: PortId, message: ToWorker<T>, time: f64) {
        let Some(tab) = self.ports.get_mut(&port) else { return };
        let is_new = tab.stage == Stage::New;
        tab.heard = self.now;
        tab.asked = false;
        let woke = !std::mem::replace(&mut tab.awake, true);
        match message {
            ToWorker::Hello(hello) => self.hello(port, hello),
            ToWorker::StepAside => {
                let refused = tab.refused;
                self.step_aside(refused);
            }
            // It was told so already.
            _ if tab.refused => return,
            _ if is_new => self.malformed(port, "the first word must be Hello".to_owned()),
            ToWorker::Connect { service, jid, credentials, options } => {
                self.connect_asked(port, &service, &jid, credentials, options);
            }
            ToWorker::Attach { service, jid, explicit_binding } => {
                self.attach(port, &service, jid.as_deref(), explicit_binding);
            }
            ToWorker::Restore { service, jid } => self.restore(port, service, &jid),
            ToWorker::Bind { resource } => {
                if let Stage::In(id) = tab.stage {
                    self.bind(id, resource);
                }
            }
            ToWorker::SaslResponse { exchange, response } => {
                let said = response.map(|response| Secret::new(response.into_inner()));
                self.answered(port, exchange, stream::Answer::Say(said));
            }
            ToWorker::SaslAbort { exchange } => self.answered(port, exchange, stream::Answer::Failed),
            ToWorker::Claim { claims, from, made } => {
                let ago = (made > 0.0).then_some(time - made);
                self.claim(port, claims, from, ago);
            }
            ToWorker::Release { claims } => self.release_claims(port, &claims),
            ToWorker::Ack { posts } => {
                tab.outbox.acknowledge(posts);
                self.flush(port);
            }
            ToWorker::Send { stanzas } => {
                let up_to = stanzas.last().map(|stanza| stanza.token);
                for stanza in stanzas {
                    self.take(port, Held::Send { token: stanza.token, text: stanza.text });
                }
                // Of those that wait for the session the tab hears when they are written.
                let waits = self.ports.get(&port).is_some_and(|tab| !tab.held.is_empty());
                if let Some(up_to) = up_to.filter(|_| !waits) {
                    self.post(port, FromWorker::Written { up_to });
                }
            }
            ToWorker::Request { token, text, timeout } => {
                let at = timeout.map(|timeout| self.now + Duration::from_millis(timeout.into()));
                self.timers.set(Timer::Answer(port, token), at);
                self.take(port, Held::Request { token, text });
            }
            ToWorker::Unhandled { position } => {
                if let Stage::In(id) = tab.stage {
                    self.unhandled(id, position, port);
                }
            }
            ToWorker::Visibility { visible } => {
                tab.visible = visible;
                self.fitness_changed(port);
            }
            ToWorker::Freeze => {
                tab.awake = false;
                self.fitness_changed(port);
            }
            ToWorker::Pong => {}
            ToWorker::Tabs { token } => self.tabs(port, token),
            ToWorker::Disconnect { reason, timeout } => {
                self.disconnect(port, reason, Duration::from_millis(timeout.into()));
            }
            ToWorker::Leave => self.port_closed(port),
        }
        if woke {
            self.fitness_changed(port);
        }
    }

    /// What a tab posted is not of the protocol: before it said hello it hears so, later it is only noted, since a newer tab may say
    /// more than this worker knows.
    pub(crate) fn malformed(&mut self, port: PortId, detail: String) {
        self.log(LogLevel::Warn, format!("port {}: not understood: {detail}", port.0));
        if self.ports.get(&port).is_some_and(|tab| tab.stage == Stage::New) {
            self.post_now(port, FromWorker::Refused(Refusal::Malformed { detail }));
        }
    }

    fn hello(&mut self, port: PortId, hello: Hello) {
        let Some(tab) = self.ports.get_mut(&port).filter(|tab| tab.stage == Stage::New) else { return };
        if !hello.versions.contains(&VERSION) {
            tab.refused = true;
            self.post_now(port, FromWorker::Refused(Refusal::Version { speaks: vec![VERSION] }));
            return;
        }
        tab.stage = Stage::Greeted;
        tab.tab = hello.tab;
        tab.before = hello.before.filter(|before| before.boot == self.config.boot);
        tab.visible = hello.visible;
        tab.watched = hello.lock.is_some();
        self.outputs.extend(hello.lock.map(|lock| Output::Watch(port, lock)));
        self.timers.set(Timer::Life(port), Some(self.now + QUIET));
        let (boot, lock) = (self.config.boot.clone(), self.config.lock.clone());
        self.post_now(port, FromWorker::Welcome { version: VERSION, boot, lock });
    }

    fn connect_asked(
        &mut self,
        port: PortId,
        service: &str,
        jid: &str,
        credentials: Credentials,
        options: Options,
    ) {
        self.start_over(port);
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
            Account::new(service, jid, authcid, proof, mechanisms, self.config.nfkc)
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
                self.release(port, vec![failed, over]);
            }
        }
    }

    /// Joins the session of this account where the credentials are the same, opens it where there is none, and otherwise
    /// waits for it or tries the credentials beside it.
    pub(crate) fn connect(&mut self, port: PortId, account: Account, mut options: Options) {
        let key = self.key(port, &account, &options);
        let Some((id, room)) = self.rooms.iter_mut().find(|(_, room)| room.key == key) else {
            return self.open(port, account, key, options);
        };
        let id = *id;
        let same = room.session.account().same_credentials(&account);
        if room.phase == Phase::Closing || (!same && room.phase == Phase::Connecting) {
            room.contenders.push((port, account, options));
            self.wait(port);
        } else if same {
            // Not the session's, but each tab's own.
            let waits = std::mem::take(&mut options.explicit_binding);
            if room.options != options {
                let text =
                    "joined a session that another tab opened with other options; those hold".to_owned();
                self.post(port, FromWorker::Log { level: LogLevel::Warn, text });
            }
            self.join(id, port, Entry::Joined, waits, Vec::new());
        } else {
            self.try_credentials(port, account, options);
        }
    }

    /// Where nothing is shared, each port has sessions of its own.
    fn key(&self, port: PortId, account: &Account, options: &Options) -> Key {
        Key::new(account, options, (!self.config.shared).then_some(port))
    }

    fn open(&mut self, port: PortId, account: Account, key: Key, mut options: Options) {
        let explicit = std::mem::take(&mut options.explicit_binding);
        let speaks = speaks(&options);
        let purpose = Purpose::Join { reconnect: options.reconnect, explicit };
        let (id, session) = self.session_for(account, purpose);
        let (service, account) = (key.service.clone(), key.account.clone());
        // A position says of which session it is.
        let start = u64::from(self.sessions % SESSIONS) << 32;
        self.sessions = self.sessions.wrapping_add(1);
        self.rooms.insert(id, Room::new(key, session, options, start));
        self.join(id, port, Entry::Opened, explicit, speaks);
        // Tabs whose worker died have been waiting for somebody with credentials.
        let waiting = Stage::Restoring(service, account);
        let restoring: Vec<PortId> =
            self.ports.iter().filter(|(_, tab)| tab.stage == waiting).map(|(port, _)| *port).collect();
        for port in restoring {
            self.timers.set(Timer::Restore(port), None);
            // They were in a session that was bound.
            self.join(id, port, Entry::Attached, false, Vec::new());
        }
        self.own(id);
    }

    /// Tries a tab's credentials on a second stream, which authenticates, does not bind, and is closed again.
    pub(crate) fn try_credentials(&mut self, port: PortId, account: Account, options: Options) {
        self.wait(port);
        let (id, session) = self.session_for(account, Purpose::Verify);
        let trial = Trial {
            port: Some(port),
            session,
            socket: None,
            exchange: None,
            options,
            verified: false,
            keys: None,
        };
        self.trials.insert(id, trial);
        self.drain(id, None);
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
        let there = self.rooms.iter_mut().find(|(_, room)| room.key == key && room.phase != Phase::Closing);
        match there {
            Some((id, room)) => {
                let id = *id;
                // They are the newest that are known to be good: the next dial will need such.
                let adopted = room.session.adopt(account);
                if adopted {
                    room.keys = keys;
                    for member in &mut room.members {
                        member.brought = false;
                    }
                }
                // Of what the session goes on with it has brought nothing otherwise.
                let entry = if adopted { Entry::Joined } else { Entry::Attached };
                self.join(id, port, entry, options.explicit_binding, speaks(&options));
            }
            None => self.connect(port, account, options),
        }
    }

    fn attach(&mut self, port: PortId, service: &str, account: Option<&str>, waits: bool) {
        self.start_over(port);
        let mut of_service = self
            .rooms
            .iter()
            .filter(|(_, room)| room.key.service == service && room.phase != Phase::Closing)
            .filter(|(_, room)| room.key.port.is_none_or(|owner| owner == port))
            .filter(|(_, room)| account.is_none_or(|account| jid::same_bare(&room.key.account, account)));
        let (found, another) = (of_service.next().map(|(id, _)| *id), of_service.next().is_some());
        drop(of_service);
        let why = match found {
            Some(id) if !another => return self.join(id, port, Entry::Attached, waits, Vec::new()),
            Some(_) => "there are several sessions of this service: connect with credentials to say which",
            None => "there is no session to attach to",
        };
        self.release(port, vec![because(StatusCode::AttachFail, None, &why)]);
    }

    /// A worker died under this tab, which has no credentials: it joins whoever brings them, soon.
    fn restore(&mut self, port: PortId, service: String, account: &str) {
        self.start_over(port);
        let account = jid::bare(account).to_ascii_lowercase();
        let there = self.rooms.iter().find(|(_, room)| {
            room.key.service == service && room.key.account == account && room.phase != Phase::Closing
        });
        if let Some((id, _)) = there {
            let id = *id;
            return self.join(id, port, Entry::Attached, false, Vec::new());
        }
        if let Some(tab) = self.ports.get_mut(&port) {
            tab.stage = Stage::Restoring(service, account);
            self.timers.set(Timer::Restore(port), Some(self.now + RESTORE));
        }
    }

    pub(crate) fn restore_timeout(&mut self, port: PortId) {
        let text = "the worker died, and no tab has the credentials: connect again";
        let over = because(StatusCode::Disconnected, Some("credentials-required"), &text);
        self.release(port, vec![over]);
    }

    fn wait(&mut self, port: PortId) {
        if let Some(tab) = self.ports.get_mut(&port) {
            tab.stage = Stage::Waiting;
        }
    }

    /// `waits`: whether the tab is content to wait until a resource is bound; `speaks`: the mechanisms that live in it.
    fn join(&mut self, id: SessionId, port: PortId, entry: Entry, waits: bool, speaks: Vec<String>) {
        // The tab may have vanished while its credentials were under trial.
        let Some(tab) = self.ports.get_mut(&port) else { return };
        let Some(room) = self.rooms.get_mut(&id) else { return };
        tab.stage = Stage::In(id);
        tab.outbox.change_session();
        tab.outbox.stanza_limit = room.options.queue_stanzas as usize;
        tab.outbox.byte_limit = room.options.queue_size as usize;
        room.members.push(Member { speaks, ..Member::new(port, entry, room.position) });
        let (up, unbound) = (room.is_up(), room.phase == Phase::Unbound);
        self.timers.set(Timer::Grace(id), None);
        if up {
            self.elect(id);
            self.admit(id, port, entry.up());
            self.indicate(id);
        } else if !waits {
            self.bind(id, None);
        } else if unbound {
            self.post(port, FromWorker::Status(status(StatusCode::BindRequired)));
        }
    }

    /// A tab wants a resource bound, now or, since the session is not that far, without waiting then.
    fn bind(&mut self, id: SessionId, resource: Option<String>) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        room.session.handle_input(self.now, stream::Input::Bind { resource }.into());
        if room.phase == Phase::Unbound {
            room.phase = Phase::Connecting;
            self.drain(id, None);
        }
    }

    /// Tells a tab that the session is up, from which position on it hears, and sends what it has been waiting to send.
    pub(crate) fn admit(&mut self, id: SessionId, port: PortId, code: StatusCode) {
        let Some(tab) = self.ports.get_mut(&port) else { return };
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let Phase::Up(info) = &room.phase else { return };
        let mut info = info.clone();
        let now = self.now;
        room.ghosts.retain(|ghost| ghost.until > now);
        let ghost =
            room.ghosts.iter().position(|ghost| ghost.tab == tab.tab).map(|at| room.ghosts.remove(at));
        let (base, ghost) = match (ghost, tab.before.take()) {
            (Some(ghost), Some(Before { position, .. }))
                if (room.start..=room.position).contains(&position) =>
            {
                (position, Some(ghost))
            }
            // The page before stood in another session still, and was unloaded before it heard of this one.
            (Some(ghost), Some(_)) if ghost.claims.is_empty() => (ghost.base, Some(ghost)),
            _ => (room.position, None),
        };
        let secondary = room.primary != Some(port);
        let keys = room.keys.as_ref().map(ScramKeys::to_text);
        // What was given up and is still remembered is not missing.
        let (forgotten, admitted) = (room.ring.forgotten(), room.position);
        let gap = ghost.as_ref().and_then(|ghost| ghost.gap).filter(|gap| gap.from <= forgotten);
        let mut brought = false;
        if let Some(member) = room.member(port) {
            brought = member.brought;
            member.claims.clear();
            (member.base, member.admitted) = (base, admitted);
            (member.backlog, member.known) = match ghost {
                Some(Ghost { mut kept, claims, .. }) => {
                    kept.retain(|inbound| inbound.position > base);
                    (kept.into(), claims)
                }
                None => (Vec::new(), Vec::new()),
            };
        }
        info.position = base;
        let held = std::mem::take(&mut tab.held);
        let mut up = status(code);
        up.session = Some(info);
        // The role comes first, so that it is known in the callback of the status; the primary has heard its own.
        if secondary {
            self.post(port, FromWorker::Role(Role::Secondary));
        }
        if let Some(keys) = keys.filter(|_| brought) {
            self.post(port, FromWorker::Keys { keys: epode_protocol::Secret::new(keys.expose().to_owned()) });
        }
        self.post(port, FromWorker::Status(up));
        if let Some(Gap { from, to, count }) = gap {
            self.post(port, Gap { from, to: to.min(forgotten), count }.told());
        }
        let mut written = None;
        for held in held {
            if let Held::Send { token, .. } = &held {
                written = Some(*token);
            }
            self.take(port, held);
        }
        if let Some(up_to) = written {
            self.post(port, FromWorker::Written { up_to });
        }
    }
}

/// Tabs live.
impl<T: Text> Hub<T> {
    /// A tab has been quiet: it is asked whether it is there, and if it was asked already, it is asleep.
    pub(crate) fn life(&mut self, port: PortId) {
        let Some(tab) = self.ports.get_mut(&port) else { return };
        let quiet_until = tab.heard + QUIET;
        if quiet_until > self.now {
            return self.timers.set(Timer::Life(port), Some(quiet_until));
        }
        if tab.asked {
            if !tab.watched && tab.heard + GONE <= self.now {
                let detail = "this page has said nothing for minutes: connect again".to_owned();
                self.post_now(port, FromWorker::Refused(Refusal::Engine { detail }));
                return self.port_closed(port);
            }
            // What it says next wakes it, and nothing else does.
            let slept = std::mem::replace(&mut tab.awake, false);
            self.timers.set(Timer::Life(port), Some(self.now + QUIET));
            if slept {
                self.fitness_changed(port);
            }
        } else {
            tab.asked = true;
            self.timers.set(Timer::Life(port), Some(self.now + ANSWER));
            self.post_now(port, FromWorker::Ping);
        }
    }

    fn fitness_changed(&mut self, port: PortId) {
        if let Some(Stage::In(id)) = self.ports.get(&port).map(|tab| tab.stage.clone()) {
            self.elect(id);
            self.indicate(id);
        }
    }

    /// Sees to it that exactly one tab of the session is primary.
    pub(crate) fn elect(&mut self, id: SessionId) {
        let Some(room) = self.rooms.get_mut(&id).filter(|room| room.is_up()) else { return };
        let changed = room.elect(|port| self.ports.get(&port).map_or(Fitness::Asleep, |tab| tab.fitness()));
        for (port, role) in changed {
            self.post(port, FromWorker::Role(role));
        }
    }

    /// Tells the server whether anybody looks (XEP-0352 §4), where it wants to know.
    pub(crate) fn indicate(&mut self, id: SessionId) {
        let Some(room) = self.rooms.get_mut(&id).filter(|room| room.is_up()) else { return };
        let Some(inactive) = room.inactive else { return };
        let looking =
            |port: &PortId| self.ports.get(port).is_some_and(|tab| tab.fitness() == Fitness::Visible);
        let nobody = !room.ports().iter().any(looking);
        if nobody != inactive {
            room.inactive = Some(nobody);
            let name = if nobody { "inactive" } else { "active" };
            self.transmit(id, format!("<{name} xmlns=\"urn:xmpp:csi:0\"/>").into());
        }
    }

    fn tabs(&mut self, port: PortId, token: Token) {
        let room = match self.ports.get(&port).map(|tab| &tab.stage) {
            Some(Stage::In(id)) => self.rooms.get(id),
            _ => None,
        };
        let tabs = room.map(|room| {
            let info = |member: &Member<T>| {
                let tab = self.ports.get(&member.port)?;
                Some(TabInfo {
                    tab: tab.tab.clone(),
                    own: member.port == port,
                    role: if room.primary == Some(member.port) { Role::Primary } else { Role::Secondary },
                    visible: tab.visible,
                    awake: tab.awake,
                    credit: tab.outbox.credit(),
                    waiting: tab.outbox.waiting() as u32,
                    claims: member.claims.len() as u32,
                })
            };
            room.members.iter().filter_map(info).collect()
        });
        self.post(port, FromWorker::Tabs { token, tabs: tabs.unwrap_or_default() });
    }
}

/// Tabs go.
impl<T: Text> Hub<T> {
    /// The tab is gone, or says goodbye; it may be reloading.
    pub(crate) fn port_closed(&mut self, port: PortId) {
        let Some(outbox) =
            self.ports.get_mut(&port).map(|tab| std::mem::replace(&mut tab.outbox, Outbox::new()))
        else {
            return;
        };
        self.leave(port, Some(outbox));
        self.ports.remove(&port);
        self.timers.set(Timer::Life(port), None);
        self.outputs.push_back(Output::ClosePort(port));
    }

    /// The tab wants another session: what it wanted of the former one, and still waits for, ends here.
    fn start_over(&mut self, port: PortId) {
        let Some(Unfinished { asked, held }) = self.leave(port, None) else { return };
        for token in asked {
            self.disconnected(port, token);
        }
        for held in held {
            self.turn_down(port, held);
        }
        self.post(port, FromWorker::Joining);
    }

    /// The tab is in no session any more. It is told nothing: a word to a page in the back/forward cache would evict it. `outbox` is what it
    /// leaves unheard, if it may come back for it.
    fn leave(&mut self, port: PortId, outbox: Option<Outbox<T>>) -> Option<Unfinished<T>> {
        let tab = self.ports.get_mut(&port)?;
        let stage = std::mem::replace(&mut tab.stage, Stage::Greeted);
        let held = std::mem::take(&mut tab.held);
        let mut asked = Vec::new();
        match stage {
            Stage::New => tab.stage = Stage::New,
            Stage::Greeted => {}
            Stage::Waiting => self.withdraw(port),
            Stage::Restoring(..) => self.timers.set(Timer::Restore(port), None),
            Stage::In(id) => asked = self.leave_session(id, port, outbox),
        }
        for held in &held {
            if let Held::Request { token, .. } = held {
                self.timers.set(Timer::Answer(port, *token), None);
            }
        }
        for token in &asked {
            self.timers.set(Timer::Answer(port, *token), None);
        }
        Some(Unfinished { asked, held })
    }

    fn withdraw(&mut self, port: PortId) {
        for room in self.rooms.values_mut() {
            room.contenders.retain(|(contender, ..)| *contender != port);
        }
        let Some((id, trial)) = self.trials.iter_mut().find(|(_, trial)| trial.port == Some(port)) else {
            return;
        };
        trial.port = None;
        let id = *id;
        self.feed(id, stream::Input::Close(stream::CLOSE));
    }

    /// The requests that the tab waited for.
    fn leave_session(&mut self, id: SessionId, port: PortId, outbox: Option<Outbox<T>>) -> Vec<Token> {
        let Some(room) = self.rooms.get_mut(&id) else { return Vec::new() };
        let Some(at) = room.members.iter().position(|member| member.port == port) else { return Vec::new() };
        let member = room.members.remove(at);
        // Also while nobody is elected: who comes back is told its role anew.
        room.primary.take_if(|primary| *primary == port);
        let for_good = outbox.is_some();
        let grace = if self.config.shared { room.options.reload_grace } else { 0 };
        let grace = Duration::from_millis(grace.into());
        if let (Some(outbox), Some(tab), false) = (outbox, self.ports.get(&port), grace.is_zero()) {
            room.ghosts.retain(|ghost| ghost.tab != tab.tab && ghost.until > self.now);
            let kept = in_order(member.backlog.iter().chain(outbox.unacknowledged()));
            let mut ghost = Ghost {
                tab: tab.tab.clone(),
                base: member.base,
                claims: member.claims.into_iter().map(|(_, claim)| claim).collect(),
                bytes: kept.iter().map(|inbound| inbound.size).sum(),
                kept: kept.into(),
                gap: outbox.given_up(),
                until: self.now + grace,
            };
            // What was in flight counts as well: a page that reloads before it handles anything must not gather more each time.
            ghost.trim(&room.options);
            room.ghosts.push(ghost);
        }
        if room.farewell.as_ref().is_some_and(|(sender, _)| *sender == port) && !room.members.is_empty() {
            // It was its farewell: the account stays online for the others.
            room.farewell = None;
            self.timers.set(Timer::Farewell(id), None);
        }
        let asked = room.asks.forget_all(port);
        let orphaned = room.demands.gone(port);
        let empty = room.members.is_empty();
        self.elect(id);
        for position in orphaned {
            self.unhandled(id, position, port);
        }
        if empty && !self.config.shared {
            self.close_session(id, stream::CLOSE);
            if for_good {
                // The page may be gone before another event.
                self.close_socket(id);
                self.feed(id, stream::Input::Closed { code: 0, reason: "" });
            }
        } else if empty {
            self.timers.set(Timer::Grace(id), Some(self.now + self.config.grace.max(grace)));
        } else {
            self.indicate(id);
        }
        self.speaker_gone(id, port);
        asked
    }

    /// A tab ends the session, for all.
    fn disconnect(&mut self, port: PortId, reason: Option<String>, patience: Duration) {
        let Some(tab) = self.ports.get(&port) else { return };
        match tab.stage.clone() {
            Stage::In(id) => {
                let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                self.log(LogLevel::Info, format!("port {} ends the session{why}", port.0));
                self.close_session(id, patience);
            }
            Stage::Waiting => {
                self.withdraw(port);
                self.release(port, vec![status(StatusCode::Disconnected)]);
            }
            Stage::New | Stage::Greeted | Stage::Restoring(..) => {
                self.timers.set(Timer::Restore(port), None);
                self.release(port, vec![status(StatusCode::Disconnected)]);
            }
        }
    }

    /// Closes a session, cleanly: the server has this long to do so too.
    pub(crate) fn close_session(&mut self, id: SessionId, patience: Duration) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let was = std::mem::replace(&mut room.phase, Phase::Closing);
        if was != Phase::Closing {
            self.report(id, StatusCode::Disconnecting);
        }
        if matches!(was, Phase::Up(_)) {
            // RFC 6121 §4.5.1: before the stream is closed, so that contacts hear it from us.
            self.transmit(id, "<presence xmlns=\"jabber:client\" type=\"unavailable\"/>".to_owned().into());
        }
        self.feed(id, stream::Input::Close(patience));
    }
}

fn speaks(options: &Options) -> Vec<String> {
    options.own_mechanisms.iter().map(|offer| offer.name.clone()).collect()
}
