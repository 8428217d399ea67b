//! The wire of strophe.js's pages at the worker's ports.
//!
//! A page that uses strophe.js with a shared worker speaks in lists, `[word, …]`. Here each such page is made
//! a tab like any other, and the hub learns nothing new: the words of a page become messages of a tab
//! ([`Output::Say`]), and what the hub posts becomes words ([`Output::Post`]).
//!
//! A port begins in no session (`page`). `_attach` joins the session that is there. `_connect` logs in: SASL
//! is relayed on a stream of the page's own, and the worker plays the server for the rest of the handshake
//! (`login`, `scenery`). Then the page claims everything, and its posts are acknowledged by what it answers
//! to a `_ping` (`window`).
//!
//! What the wire does not say is guessed: which page a port belongs to (`lineage`), whether a page that
//! closes its socket is unloaded or logs out (`page`), and who tries to log in again by itself after a logout
//! (`logouts`).
//!
//! As every layer: [`Strophe::handle_input`] takes what happened, [`Strophe::poll_output`] gives what to do.

use std::rc::Rc;
use std::time::Duration;

use epode_hub::{PortId, Table};
use epode_protocol::{FromWorker, Slice, Text, ToWorker};

use login::account_of;
use page::Page;
use room::Room;
pub use words::{Said, Word};

mod lineage;
mod login;
mod logouts;
mod page;
mod room;
mod scenery;
mod window;
mod words;

/// An event for the pages.
#[derive(Debug)]
pub enum Input<T> {
    /// A page says this. The first word of a port makes it one of a page of strophe.js.
    Said(PortId, Said<T>),
    /// The hub posts this to a page.
    Told(PortId, Rc<FromWorker<T>>),
    /// Another worker, of pages of Epode, has what [was sought](Output::Seek).
    Denied(String),
    /// The deadline of [`Strophe::deadline`] has come.
    Timeout,
}

/// Something that is to be done.
#[derive(Debug)]
pub enum Output<T> {
    /// Say this to the hub, as the tab of this port.
    Say(PortId, ToWorker<T>),
    /// Post this to the page.
    Post(PortId, Word<T>),
    /// Ask the workers of other pages for any session at this service.
    Seek(String),
    /// Close the port. Until then the port stays open, also when the hub closes it: a page may come back to
    /// it from the back/forward cache.
    ClosePort(PortId),
}

/// The pages of strophe.js. See the crate's documentation.
#[derive(Debug)]
pub struct Strophe<T> {
    pages: Table<PortId, Page>,
    room: Room<T>,
}

impl<T> Default for Strophe<T> {
    fn default() -> Self {
        Strophe { pages: Table::default(), room: Room::new() }
    }
}

impl<T> Strophe<T> {
    /// Whether this is the port of such a page.
    pub fn has(&self, port: PortId) -> bool {
        self.pages.contains_key(&port)
    }
}

impl<T: Text + Slice> Strophe<T> {
    /// Takes in an event. [`Strophe::poll_output`] returns what follows from it.
    pub fn handle_input(&mut self, now: Duration, input: Input<T>) {
        self.room.now = now;
        match input {
            Input::Said(port, said) => {
                if !self.has(port) {
                    self.pages.insert(port, Page::new(port));
                }
                if let Said::Connect { jid, .. } = &said {
                    self.hasten_logouts(port, &account_of(jid));
                }
                self.with(port, |page, room| page.hear(said, room));
            }
            Input::Told(port, message) => self.with(port, |page, room| page.told(&message, room)),
            Input::Denied(name) => {
                for page in self.pages.values_mut() {
                    page.denied(&name, &mut self.room);
                }
            }
            Input::Timeout => {
                self.room.tidy();
                for port in self.pages.keys().copied().collect::<Vec<_>>() {
                    self.with(port, |page, room| page.timeout(room));
                }
            }
        }
    }

    /// The next thing to do, in order; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output<T>> {
        self.room.outputs.pop_front()
    }

    /// The time at which [`Input::Timeout`] is due.
    pub fn deadline(&self) -> Option<Duration> {
        self.pages.values().filter_map(Page::deadline).chain(self.room.deadline()).min()
    }

    fn with(&mut self, port: PortId, act: impl FnOnce(&mut Page, &mut Room<T>)) {
        let Strophe { pages, room } = self;
        let Some(page) = pages.get_mut(&port) else { return };
        let before = page.logs_in_at().map(str::to_owned);
        act(page, room);
        let after = page.logs_in_at().map(str::to_owned);
        for port in std::mem::take(&mut room.closed) {
            pages.remove(&port);
            room.outputs.push_back(Output::ClosePort(port));
        }
        if before != after {
            self.login_changed(before, after);
        }
    }

    /// A page logs in to an account that another page has closed its socket of: that is no unloading page, or
    /// its goodbye would have come first.
    fn hasten_logouts(&mut self, port: PortId, account: &str) {
        let leaving = |page: &&Page| page.port != port && page.is_leaving() && page.is_in(account);
        for port in self.pages.values().filter(leaving).map(|page| page.port).collect::<Vec<_>>() {
            self.with(port, |page, room| page.log_out(room));
        }
    }

    /// A page logs in at one service, or has done so at another: the pages that waited for that take their
    /// turn.
    fn login_changed(&mut self, over: Option<String>, begun: Option<String>) {
        self.room.logging_in.extend(begun);
        let Some(over) = over else { return };
        if let Some(at) = self.room.logging_in.iter().position(|service| *service == over) {
            self.room.logging_in.remove(at);
        }
        for page in self.pages.values_mut() {
            page.login_over(&over, &mut self.room);
        }
    }
}
