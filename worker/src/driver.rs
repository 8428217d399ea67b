//! The run loop: what happens goes into the hub, what the hub wants is done.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use epode_hub::session::stream::sasl::{Derivation, Secret};
use epode_hub::{Config, Hub, Input, Output, PortId, SocketId, Table};
use epode_protocol::FromWorker;
use epode_strophe::Strophe;
use js_sys::Function;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;

use crate::browser::{self, Alarm};
use crate::socket::Socket;
use crate::text::Stanza;
use crate::to_port::Ports;
use crate::{Dial, Http, Ownership};

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// How long a session waits for a tab after the last one has left.
const GRACE: Duration = Duration::from_secs(10);

/// How long one slice of a derivation may keep the worker from its tabs.
const SLICE: Duration = Duration::from_millis(4);

struct Worker {
    hub: Hub<Stanza>,
    strophe: Strophe<Stanza>,
    ports: Ports,
    sockets: Table<SocketId, Socket>,
    ownership: Ownership,
    dial: Dial,
    http: Http,
    alarm: Alarm,
    alarm_rang: Function,
    deferred: Function,
}

pub(crate) fn start(
    lock: Option<String>,
    ownership: Ownership,
    dial: Dial,
    http: Http,
    ports: Ports,
    (shared, detour): (bool, bool),
) {
    let alarm_rang = Closure::<dyn FnMut()>::new(|| {
        with(|worker| worker.alarm.fired());
        run_strophe(epode_strophe::Input::Timeout);
        run(Input::Timeout);
    });
    let deferred = Closure::<dyn FnMut()>::new(|| run(Input::Deferred));
    let worker = Worker {
        hub: Hub::new(Config {
            boot: browser::nonce(),
            lock,
            shared,
            detour,
            grace: GRACE,
            seed: browser::seed(),
            secret: Secret::new(browser::nonce()),
            unicode: browser::UNICODE,
        }),
        strophe: Strophe::default(),
        ports,
        sockets: Table::default(),
        ownership,
        dial,
        http,
        alarm: Alarm::default(),
        alarm_rang: alarm_rang.into_js_value().unchecked_into(),
        deferred: deferred.into_js_value().unchecked_into(),
    };
    WORKER.with(|slot| *slot.borrow_mut() = Some(worker));
}

/// One turn. 1. The hub takes note. 2. What it wants is done, in order. 3. The alarm is set for the next
/// deadline.
pub(crate) fn run(input: Input<Stanza>) {
    with(|worker| {
        let now = browser::now();
        worker.hub.handle_input(now, input);
        worker.rest(now);
    });
}

/// The same, that begins with a page of strophe.js.
pub(crate) fn run_strophe(input: epode_strophe::Input<Stanza>) {
    with(|worker| {
        let now = browser::now();
        worker.strophe.handle_input(now, input);
        worker.rest(now);
    });
}

/// Whether this is the port of a page of strophe.js.
pub(crate) fn is_of_strophe(port: PortId) -> bool {
    with(|worker| worker.strophe.has(port)).unwrap_or_default()
}

impl Worker {
    /// Does what is to be done, until there is nothing.
    fn rest(&mut self, now: Duration) {
        loop {
            while let Some(output) = self.hub.poll_output() {
                self.carry_out(output);
            }
            let Some(output) = self.strophe.poll_output() else { break };
            self.carry_out_strophe(now, output);
        }
        self.ports.rest();
        let deadlines = self.hub.deadline().into_iter().chain(self.strophe.deadline());
        self.alarm.set(now, deadlines.min(), &self.alarm_rang);
    }

    #[inline(never)] // Out of the way of our own pages.
    fn carry_out_strophe(&mut self, now: Duration, output: epode_strophe::Output<Stanza>) {
        use epode_strophe::Output::{ClosePort, Post, Say, Seek};
        match output {
            Say(port, message) => {
                self.hub.handle_input(now, Input::Message(port, message, js_sys::Date::now()));
            }
            Post(port, word) => self.ports.post_word(port, &word),
            Seek(name) => self.ownership.seek(&name),
            ClosePort(port) => self.ports.close(port),
        }
    }

    #[inline(never)] // Out of the way of our own pages.
    fn tell_strophe(&mut self, port: PortId, message: Rc<FromWorker<Stanza>>) {
        self.strophe.handle_input(browser::now(), epode_strophe::Input::Told(port, message));
    }

    fn carry_out(&mut self, output: Output<Stanza>) {
        match output {
            Output::Post(port, message) if self.strophe.has(port) => self.tell_strophe(port, message),
            Output::ClosePort(port) if self.strophe.has(port) => {}
            Output::Post(port, message) => self.ports.post(port, message),
            Output::Watch(port, lock) => {
                browser::when_free(&lock, move || run(Input::PortClosed(port)));
            }
            Output::ClosePort(port) => self.ports.close(port),
            Output::Own(name) => self.ownership.own(&name),
            Output::Seek(name) => self.ownership.seek(&name),
            Output::Disown(name) => self.ownership.disown(&name),
            Output::Exit => self.ownership.exit(),
            Output::Dial(socket, url, greeting) => match Socket::dial(socket, &url, &greeting, &self.dial) {
                Ok(opened) => drop(self.sockets.insert(socket, opened)),
                // The browser refuses the address itself, or this page may not go there.
                Err(reason) => browser::later(move || run(Input::SocketClosed(socket, 0, reason))),
            },
            Output::Draw(socket) => browser::later(move || {
                run(Input::Drawn(socket, browser::nonce(), browser::seed()));
            }),
            Output::Request(socket, id, request) => self.http.request(socket, id, &request),
            Output::Abort(socket, id) => self.http.abort(socket, id),
            Output::Transmit(socket, text) => {
                if let Some(socket) = self.sockets.get(&socket) {
                    socket.transmit(&text);
                }
            }
            Output::Measure(id) => {
                if let Some(socket) = self.sockets.get(&id) {
                    self.hub.handle_input(browser::now(), Input::Measured(id, socket.kept()));
                }
            }
            Output::CloseSocket(socket) => drop(self.sockets.remove(&socket)),
            Output::Derive(socket, derivation) => derive(socket, derivation),
            Output::Defer => browser::defer(&self.deferred),
            Output::Log(level, text) => browser::log(level, &text),
        }
    }
}

/// Derives in slices, each a task of its own: tabs are served in between.
fn derive(socket: SocketId, mut derivation: Derivation) {
    browser::later(move || {
        let began = browser::now();
        loop {
            if let Some(keys) = derivation.advance(256) {
                return run(Input::Derived(socket, keys));
            }
            if browser::now().saturating_sub(began) >= SLICE {
                return derive(socket, derivation);
            }
        }
    });
}

fn with<R>(act: impl FnOnce(&mut Worker) -> R) -> Option<R> {
    WORKER.with(|slot| match slot.try_borrow_mut() {
        Ok(mut slot) => slot.as_mut().map(act),
        // No call out of the run loop comes back into it: posting, sending and closing only queue tasks. So
        // an earlier event ended in a panic, perhaps where nobody saw it: in the callback of a lock.
        Err(_) => wasm_bindgen::throw_str("the worker panicked"),
    })
}
