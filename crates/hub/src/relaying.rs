//! Logins that pages make themselves, each on a stream of its own: a hesitant or dying page touches no
//! other. Success makes the stream the session of the account, or proves that the tab may join the
//! session that is there.

use epode_protocol::{Options, Secret, StatusCode, Text};
use epode_session::stream::sasl;
use epode_session::stream::{self, jid};
use epode_session::{Account, Input, Purpose};

use crate::connection::Connection;
use crate::joining::{failure, is_http};
use crate::key::Key;
use crate::member::JoinKind;
use crate::shared_session::Phase;
use crate::trial::Trial;
use crate::uplink::lines::Binding;
use crate::{Hub, PortId, SessionId};

impl<T: Text> Hub<T> {
    /// Opens a stream on which the page of this tab logs in.
    pub(crate) fn negotiate(&mut self, port: PortId, service: &str, jid: &str, options: Options) {
        self.start_over(port);
        // As for a tab that connects.
        let jid = if self.common.config.detour { jid::bare(jid) } else { jid };
        let account = match Account::relayed(service, jid, self.common.config.unicode) {
            Ok(account) => account,
            Err(error) => {
                return self.common.detach(port, failure(StatusCode::ConnFail, error.condition(), &error));
            }
        };
        let key = self.key(port, &account, &options);
        self.turn_to(port, &key);
        self.seek(&key, &account);
        let binding = is_http(service).then(|| Binding::new(Default::default()));
        let connection = Connection::new(key, account, options, Purpose::Relay, binding, &mut self.common);
        self.try_on(port, connection);
    }

    /// Takes a frame of a page for its stream.
    pub(crate) fn relay(&mut self, port: PortId, text: Secret) {
        let trial = self.trials.iter().find(|(_, trial)| trial.connection.relays && trial.port == Some(port));
        match trial.map(|(id, _)| *id) {
            Some(id) => {
                let text = sasl::Secret::new(text.into_inner());
                self.feed(id, stream::Input::Relay(&text).into());
            }
            None => self.common.unsaid(port, "the tab has no stream to log in on"),
        }
    }

    /// A page has logged in. While the former session of the account is being closed, that waits.
    pub(crate) fn logged_in(&mut self, id: SessionId) {
        let Some(Trial { connection, port: Some(port), waits, .. }) = self.trials.get_mut(&id) else {
            return;
        };
        let port = *port;
        let account = connection.session.account();
        // Nobody knows whose session this is: it is shared with no other tab.
        let is_nameless = account.is_anonymous() && account.is_relayed();
        let owner = (is_nameless || !self.common.config.shared).then_some(port);
        let key = Key::new(account, &connection.options, owner, &self.common.config.unicode);
        connection.key = key.clone();
        let lives = self.sessions.values().find(|shared| *shared.key() == key).map(|shared| &shared.phase);
        *waits = lives == Some(&Phase::Closing);
        match lives {
            Some(Phase::Closing) => {}
            Some(_) => {
                connection.session.settle(Purpose::Verify);
                self.feed(id, Input::Start);
            }
            None => self.found_on(id, port),
        }
    }

    /// The stream on which a page has logged in becomes the session of the account.
    fn found_on(&mut self, id: SessionId, port: PortId) {
        let Some(Trial { mut connection, .. }) = self.trials.remove(&id) else { return };
        let explicit = std::mem::take(&mut connection.options.explicit_binding);
        let is_socket = connection.uplink.carrier.binding.is_none();
        let management = self.common.management(&connection.key, &connection.options, is_socket);
        let reconnect = connection.options.reconnect;
        connection.session.settle(Purpose::Join { reconnect, explicit, management });
        // Another account's login must not cost this account what waits for it.
        let proven = connection.session.proves_account();
        let former = proven.then(|| self.common.take_dormant(&connection.key)).flatten();
        let id = self.found(connection);
        self.with(id, |shared, common| {
            if let Some(former) = former {
                shared.go_on(former, common);
            }
            shared.join(port, JoinKind::Opened, explicit, Vec::new(), common);
            if proven {
                shared.restore_waiting(shared.key().account.clone(), common);
            }
            shared.own(common);
        });
    }

    /// The former session of this account is over: pages that have logged in meanwhile go on.
    pub(crate) fn let_go_on(&mut self, key: &Key) {
        let waiting = self.trials.iter().filter(|(_, trial)| trial.waits && trial.connection.key == *key);
        for id in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.logged_in(id);
        }
    }
}
