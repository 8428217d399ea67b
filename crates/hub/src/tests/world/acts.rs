//! What tabs, the server and the network do. Nothing of it arrives before [`World::run`].

use std::time::Duration;

use epode_protocol::{Credentials, Options, Outgoing, Secret, ToWorker, Token};
use epode_testkit::{self as testkit, ConnectionId};

use super::{Arrival, World};
use crate::tests::page::Page;
use crate::{Input, PortId};

impl World {
    /// A port at which no tab has said anything.
    pub(in crate::tests) fn port(&mut self) -> PortId {
        self.ports += 1;
        let port = PortId(self.ports);
        self.open_ports.insert(port);
        self.pages.insert(port, Page::default());
        self.at_hub(Input::PortOpened(port));
        port
    }

    /// A tab that has said hello.
    pub(in crate::tests) fn tab(&mut self) -> PortId {
        self.tab_that_is(true)
    }

    pub(in crate::tests) fn hidden_tab(&mut self) -> PortId {
        self.tab_that_is(false)
    }

    /// A tab in the session of this account, joined with the right password; what it heard is
    /// forgotten.
    pub(in crate::tests) fn online(&mut self, jid: &str) -> PortId {
        let tab = self.tab();
        self.connect(tab, jid, &password(jid));
        self.forget();
        tab
    }

    pub(in crate::tests) fn connect(&mut self, tab: PortId, jid: &str, password: &str) {
        self.connect_as(tab, jid, Some(password), Options::default());
    }

    pub(in crate::tests) fn connect_as(
        &mut self,
        tab: PortId,
        jid: &str,
        password: Option<&str>,
        options: Options,
    ) {
        let password = password.map(|password| Secret::new(password.to_owned()));
        let credentials = Credentials { authcid: None, password, keys: None };
        let (service, jid) = (self.service.to_owned(), jid.to_owned());
        self.say(tab, ToWorker::Connect { service, jid, credentials, options, bosh: None });
    }

    /// Connects, and waits until some tab binds.
    pub(in crate::tests) fn connect_to_bind(&mut self, tab: PortId, jid: &str, password: &str) {
        let options = Options { explicit_binding: true, ..Options::default() };
        self.connect_as(tab, jid, Some(password), options);
    }

    pub(in crate::tests) fn bind(&mut self, tab: PortId, resource: Option<&str>) {
        self.say(tab, ToWorker::Bind { resource: resource.map(str::to_owned) });
    }

    /// The mechanism that lives in the tab answers.
    pub(in crate::tests) fn respond(&mut self, tab: PortId, token: Token, response: Option<&str>) {
        let response = response.map(|response| Secret::new(response.to_owned()));
        self.say(tab, ToWorker::SaslResponse { exchange: token, response });
    }

    /// The mechanism fails.
    pub(in crate::tests) fn abort(&mut self, tab: PortId, token: Token) {
        self.say(tab, ToWorker::SaslAbort { exchange: token });
    }

    pub(in crate::tests) fn attach(&mut self, tab: PortId, jid: Option<&str>) {
        let (service, jid) = (self.service.to_owned(), jid.map(str::to_owned));
        self.say(tab, ToWorker::Attach { service, jid, explicit_binding: false });
    }

    pub(in crate::tests) fn send(&mut self, tab: PortId, stanza: &str) -> Token {
        self.send_all(tab, &[stanza])
    }

    /// Sends these stanzas in one post; the token of the last one.
    pub(in crate::tests) fn send_all(&mut self, tab: PortId, stanzas: &[&str]) -> Token {
        let first = self.number(tab, stanzas.len() as u32);
        let outgoing = |(token, &text): (Token, &&str)| Outgoing { token, text: text.to_owned() };
        self.say(tab, ToWorker::Send { stanzas: (first..).zip(stanzas).map(outgoing).collect() });
        first + stanzas.len() as u32 - 1
    }

    /// A request without a time limit.
    pub(in crate::tests) fn request(&mut self, tab: PortId, iq: &str) -> Token {
        self.ask(tab, iq, None)
    }

    pub(in crate::tests) fn request_within(&mut self, tab: PortId, iq: &str, timeout: Duration) -> Token {
        self.ask(tab, iq, Some(timeout.as_millis() as u32))
    }

    fn ask(&mut self, tab: PortId, iq: &str, timeout: Option<u32>) -> Token {
        let token = self.number(tab, 1);
        self.say(tab, ToWorker::Request { token, text: iq.to_owned(), timeout });
        token
    }

    /// The first of so many tokens.
    pub(super) fn number(&mut self, tab: PortId, count: u32) -> Token {
        self.with_tab(tab, |tab, _| tab.number(count))
    }

    /// The tab reports that no handler took the latest stanza it was delivered.
    pub(in crate::tests) fn pass_up(&mut self, tab: PortId) {
        let position = self.position(tab);
        self.say(tab, ToWorker::Unhandled { position });
    }

    pub(in crate::tests) fn show(&mut self, tab: PortId, visible: bool) {
        self.say(tab, ToWorker::Visibility { visible });
    }

    pub(in crate::tests) fn disconnect(&mut self, tab: PortId) {
        self.say(tab, ToWorker::Disconnect { reason: None, timeout: 3000 });
    }

    pub(in crate::tests) fn leave(&mut self, tab: PortId) {
        self.with_tab(tab, |tab, now| tab.handle_input(now, epode_tab::Input::Leave));
    }

    /// The tab is gone without a message: the worker notices by its Web Lock.
    pub(in crate::tests) fn kill(&mut self, tab: PortId) {
        self.pages.remove(&tab);
        self.at_hub(Input::PortClosed(tab));
    }

    pub(in crate::tests) fn say(&mut self, tab: PortId, wish: ToWorker<String>) {
        if matches!(
            wish,
            ToWorker::Connect { .. }
                | ToWorker::Attach { .. }
                | ToWorker::AttachBosh(_)
                | ToWorker::Negotiate { .. }
        ) {
            self.page(tab).turn();
        }
        let wish = serde_json::to_value(wish).expect("a message is plain data");
        self.with_tab(tab, |tab, now| tab.handle_input(now, epode_tab::Input::Say(wish)));
    }

    /// Posts to the worker past the tab's own machine.
    pub(in crate::tests) fn at_hub(&mut self, input: Input<String>) {
        self.queue.push_back(Arrival::AtHub(input));
    }

    /// Lets frames [flow](World::flowing) again: the held ones reach the server now, unless a test
    /// has read them already.
    pub(in crate::tests) fn let_flow(&mut self) {
        self.flowing = true;
        for sent in &self.sent {
            let frame = testkit::Input::Frame(ConnectionId(sent.stream), sent.text.clone());
            self.queue.push_back(Arrival::AtServer(frame));
        }
        self.run();
    }

    /// The server sends this text to the sessions of a JID.
    pub(in crate::tests) fn server_says(&mut self, to: &str, stanza: &str) {
        self.run();
        self.server.deliver(to, stanza);
        self.drain_server();
    }

    /// The server sends stanzas that are all there when the worker reads the first.
    pub(in crate::tests) fn server_says_in_one_turn(
        &mut self,
        to: &str,
        stanzas: impl Iterator<Item = String>,
    ) {
        self.run();
        for stanza in stanzas {
            self.server.deliver(to, &stanza);
        }
        self.drain_server();
    }

    /// The network ends every socket, and is there again: a dial within a second has its answer.
    pub(in crate::tests) fn cut(&mut self) {
        self.end_sockets();
        self.at_hub(Input::Online(true));
    }

    /// The server, or the network before it, ends every socket.
    pub(in crate::tests) fn end_sockets(&mut self) {
        self.run();
        for connection in self.server.connections().into_keys() {
            self.server.drop_connection(connection);
        }
        self.drain_server();
    }

    /// The server ends the connection of this full JID in some way.
    pub(in crate::tests) fn ends(&mut self, jid: &str, end: impl FnOnce(&mut testkit::Server, ConnectionId)) {
        self.run();
        let mut connections = self.server.connections().into_iter();
        if let Some((connection, _)) = connections.find(|(_, bound)| bound.as_deref() == Some(jid)) {
            end(&mut self.server, connection);
        }
        self.drain_server();
    }

    fn tab_that_is(&mut self, visible: bool) -> PortId {
        let port = self.port();
        self.introduce(port, format!("tab-{}", port.0), visible, None);
        port
    }
}

/// The right password of an account.
pub(in crate::tests) fn password(jid: &str) -> String {
    format!("secret-{}", jid.split('@').next().unwrap_or_default())
}
