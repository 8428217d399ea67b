//! How tabs are slow, sleep and reload, and how a worker dies.

use std::collections::VecDeque;

use epode_protocol::{Checkpoint, ClaimId, Selector, ToWorker, Token};
use epode_testkit as testkit;

use super::{Arrival, World, config};
use crate::inbound::SAME_INSTANT;
use crate::tests::page::{After, Arriving, Handler};
use crate::{Config, Hub, Input, PortId};

/// What an unloaded page leaves to the next page of its tab.
pub(in crate::tests) struct Unloaded {
    pub(in crate::tests) name: String,
    pub(in crate::tests) before: Checkpoint,
}

impl World {
    /// The tab reads no posts: its page is busy, or frozen.
    pub(in crate::tests) fn hold(&mut self, tab: PortId) {
        self.run();
        self.hold_at_once(tab);
    }

    /// The same, before anything on its way has arrived.
    pub(in crate::tests) fn hold_at_once(&mut self, tab: PortId) {
        self.page(tab).unread.get_or_insert_default();
    }

    /// The tab reads again, from where it stopped.
    pub(in crate::tests) fn let_read(&mut self, tab: PortId) {
        for input in self.page(tab).unread.take().unwrap_or_default() {
            self.page(tab).posts += 1;
            self.tell(tab, input);
            self.drain_tab(tab);
        }
    }

    /// Number of posts that the tab has not read.
    pub(in crate::tests) fn unread(&mut self, tab: PortId) -> usize {
        self.run();
        self.page(tab).unread.as_ref().map_or(0, VecDeque::len)
    }

    /// Number of posts that the tab has read so far.
    pub(in crate::tests) fn posts(&mut self, tab: PortId) -> usize {
        self.run();
        self.page(tab).posts
    }

    /// Number of stanzas that wait for the tab in the worker.
    pub(in crate::tests) fn waiting(&mut self, tab: PortId) -> usize {
        self.run();
        self.hub.view().tab(tab).map_or(0, |tab| tab.waiting())
    }

    /// Number of claims of the tab that the worker knows.
    pub(in crate::tests) fn claims(&mut self, tab: PortId) -> usize {
        self.run();
        self.hub.view().sessions().map(|session| session.claims(tab)).sum()
    }

    /// Number of stanzas that are kept for pages that reload.
    pub(in crate::tests) fn kept(&mut self) -> usize {
        self.run();
        self.hub.view().sessions().flat_map(|session| session.parked()).map(|(_, kept, _)| kept).sum()
    }

    pub(in crate::tests) fn ask_tabs(&mut self, tab: PortId) -> Token {
        let token = self.number(tab, 1);
        self.say(tab, ToWorker::Tabs { token });
        token
    }

    /// The browser freezes the page, after the page could say so.
    pub(in crate::tests) fn freeze(&mut self, tab: PortId) {
        self.say(tab, ToWorker::Freeze);
        self.hold_at_once(tab);
    }

    /// The page is unloaded, and may say so. For all others it is closed; its Web Lock tells, if
    /// there are any.
    pub(in crate::tests) fn unload(&mut self, tab: PortId, says_so: bool) -> Unloaded {
        let page = self.pages.remove(&tab).expect("the test does not unload a page twice");
        if says_so {
            self.at_hub(Input::Message(tab, ToWorker::Leave, 0.0));
        }
        if self.locks {
            self.at_hub(Input::PortClosed(tab));
        }
        Unloaded { name: page.name, before: page.tab.checkpoint() }
    }

    /// The next page in the same tab.
    pub(in crate::tests) fn load(&mut self, word: Unloaded) -> PortId {
        let port = self.port();
        self.page(port).was_loaded = true;
        self.introduce(port, word.name, true, Some(word.before));
        port
    }

    pub(in crate::tests) fn reload(&mut self, tab: PortId) -> PortId {
        let word = self.unload(tab, true);
        self.load(word)
    }

    /// The process of the worker is killed: nothing arrives that was on its way. The tabs notice by
    /// its Web Lock, if there are any.
    pub(in crate::tests) fn worker_dies(&mut self) {
        let sockets = std::mem::take(&mut self.open_sockets);
        let connections: Vec<_> = sockets.into_iter().map(|socket| self.connection(socket)).collect();
        self.queue.retain(|arrival| matches!(arrival, Arrival::AtServer(_)));
        for connection in connections {
            self.queue.push_back(Arrival::AtServer(testkit::Input::Closed(connection)));
        }
        self.http.forget();
        self.epoch += 1;
        let lock = config().lock.filter(|_| self.locks);
        self.hub = Hub::new(Config { boot: format!("boot-{}", self.epoch + 1), lock, ..config() });
        self.sockets = 0;
        self.open_ports.clear();
        self.ended.clear();
        for (port, page) in &mut self.pages {
            if let Some(unread) = &mut page.unread {
                unread.clear();
            }
            if let Some(unsent) = &mut page.unsent {
                unsent.clear();
            }
            if self.locks {
                self.queue.push_back(Arrival::AtTab(*port, Arriving::Death));
            }
        }
    }

    /// The handlers that the page adds each time its session is up. By default one for everything,
    /// and the hook for what other tabs send.
    pub(in crate::tests) fn begins_with(&mut self, tab: PortId, selectors: &[Selector]) {
        self.page(tab).begins_with = selectors.to_vec();
    }

    /// The page adds this handler while it handles the next stanza that contains the text.
    pub(in crate::tests) fn adds_upon(&mut self, tab: PortId, words: &str, selector: Selector) {
        self.page(tab).upon.push((words.to_owned(), selector));
    }

    /// The page adds a handler while it handles no stanza.
    pub(in crate::tests) fn adds(&mut self, tab: PortId, selector: Selector) -> ClaimId {
        let (time, came) = (self.time_of_day(), self.routed.len());
        // Stanzas on their way to a page are not old to it, nor are those that were kept while it loaded, or
        // while its session was down.
        let on_its_way = |arrival: &Arrival| matches!(arrival, Arrival::AtTab(port, _) if *port == tab);
        let kept = self.hub.view().sessions().any(|session| session.keeps_for(tab));
        let behind = kept || self.queue.iter().any(on_its_way);
        let recent = self.clock.now().saturating_sub(3 * SAME_INSTANT);
        let old = self.routed.partition_point(|routed| routed.at < recent);
        let page = self.page(tab);
        let resumed = page.session.as_ref().is_some_and(|session| session.resumed);
        let old = if behind || page.unread.is_some() || page.was_loaded || resumed { 0 } else { old };
        page.time = time;
        let claim =
            page.add(selector, After::Leisure { position: page.tab.checkpoint().position, old, came });
        self.drain_tab(tab);
        claim
    }

    /// From now on the tab's messages do not reach the worker.
    pub(in crate::tests) fn hold_up(&mut self, tab: PortId) {
        self.run();
        self.page(tab).unsent.get_or_insert_default();
    }

    /// The held messages arrive, and so does whatever the tab posts from now on.
    pub(in crate::tests) fn let_through(&mut self, tab: PortId) {
        for message in self.page(tab).unsent.take().unwrap_or_default() {
            self.at_hub(Input::Message(tab, message, 0.0));
        }
    }

    /// The page removes a handler.
    pub(in crate::tests) fn removes(&mut self, tab: PortId, claim: ClaimId) {
        let page = self.page(tab);
        page.tab.release(claim);
        page.handlers.retain(|handler| handler.claim != claim);
        self.drain_tab(tab);
    }

    /// The page's handlers, in the order in which it added them.
    pub(in crate::tests) fn handlers(&mut self, tab: PortId) -> &[Handler] {
        self.run();
        &self.page(tab).handlers
    }

    /// The ids that its handlers heard, with spaces between, in the order in which it added them.
    pub(in crate::tests) fn handled(&mut self, tab: PortId) -> Vec<String> {
        let ids =
            |handler: &Handler| handler.heard.iter().map(|heard| heard.id()).collect::<Vec<_>>().join(" ");
        self.handlers(tab).iter().map(ids).collect()
    }

    pub(super) fn introduce(
        &mut self,
        port: PortId,
        name: String,
        visible: bool,
        before: Option<Checkpoint>,
    ) {
        let lock = self.locks.then(|| format!("lock-{}", port.0));
        let page = self.page(port);
        page.name.clone_from(&name);
        page.visible = visible;
        let tab = name;
        self.with_tab(port, |machine, now| {
            machine.handle_input(now, epode_tab::Input::Opened { tab, lock, visible, before });
        });
    }

    /// Opens a port to the present worker. Each worker has port numbers of its own.
    pub(super) fn reopen(&mut self, port: PortId) {
        let Some(page) = self.pages.get(&port) else { return };
        let (name, visible) = (page.name.clone(), page.visible);
        self.open_ports.insert(port);
        self.at_hub(Input::PortOpened(port));
        self.introduce(port, name, visible, None);
    }
}
