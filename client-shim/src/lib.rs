//! The wasm half of the npm package `epode`: the tab's end of the protocol ([`epode_tab::Tab`]) as a
//! JavaScript class.
//!
//! `ts/link.ts` opens the port, and `ts/connection.ts` is the API. The page keeps the content of a message,
//! and the tab reads only the parts that move its state: a message of the worker comes in as the object that
//! was posted, and the page shows that object to the app. A message of the app goes out the same way. Logic
//! here, manners there.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use epode_port::{Js, Writer};
use epode_protocol::port::Write;
use epode_protocol::{Checkpoint, Fault};
use epode_tab::{Input, Output, Place};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The allocator of `std`, which has it compiled for speed, at the size that the profile asks for.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// The tab's end of the protocol. Times are milliseconds of `performance.now()`.
#[wasm_bindgen]
pub struct Tab {
    tab: RefCell<epode_tab::Tab<Js>>,
    page: Page,
    writer: RefCell<Writer>,
    /// The page may call back into the tab: what follows waits its turn, so that order holds.
    busy: Cell<bool>,
}

#[wasm_bindgen(typescript_custom_section)]
const PAGE: &str = r#"
/** What a tab has done in its page. None of these may throw. */
export interface Page {
  /** Post this to the worker: the app has said it. */
  pass(message: unknown): void;
  /** Post what was written to the worker. */
  post(): void;
  /** Show what was written to the app. */
  show(): void;
  /** Keep this for the page that a reload puts in the place of this one. */
  keep(boot: string, position: number): void;
  /** Call `died` when this Web Lock is free. */
  watch(lock: string): void;
  /**
   * Open a port to a new worker, or for a detour to the one beside it, or to the one with the name
   * `elsewhere`, and call `opened`.
   */
  reopen(detour: boolean, elsewhere?: string): void;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The page's half.
    #[wasm_bindgen(typescript_type = "Page")]
    pub type Page;

    #[wasm_bindgen(method)]
    fn pass(this: &Page, message: &JsValue);
    #[wasm_bindgen(method)]
    fn post(this: &Page);
    #[wasm_bindgen(method)]
    fn show(this: &Page);
    #[wasm_bindgen(method)]
    fn keep(this: &Page, boot: &str, position: f64);
    #[wasm_bindgen(method)]
    fn watch(this: &Page, lock: &str);
    #[wasm_bindgen(method)]
    fn reopen(this: &Page, detour: bool, elsewhere: Option<String>);

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn time_of_day() -> f64;
}

/// What happens to the tab.
#[wasm_bindgen]
impl Tab {
    /// A tab that has not spoken.
    #[wasm_bindgen(constructor)]
    pub fn new(page: Page, writer: Writer) -> Tab {
        epode_port::start();
        Tab { tab: RefCell::default(), page, writer: RefCell::new(writer), busy: Cell::new(false) }
    }

    /// The port is open: says hello, as `tab`, from a page instance that holds the Web Lock `lock`. After a
    /// reload `boot` and `position` are those that the page before was to `keep`.
    pub fn opened(
        &self,
        now: f64,
        tab: String,
        lock: Option<String>,
        visible: bool,
        boot: Option<String>,
        position: f64,
    ) {
        let before = boot.map(|boot| Checkpoint { boot, position: position as u64 });
        self.handle(now, Input::Opened { tab, lock, visible, before });
    }

    /// The page is unloaded.
    pub fn unload(&self, now: f64) {
        self.handle(now, Input::Unload);
    }

    /// The worker died: its lock is free.
    pub fn died(&self, now: f64) {
        self.handle(now, Input::Died);
    }

    /// The worker cannot be reached, and why.
    pub fn lost(&self, now: f64, text: String) {
        self.handle(now, Input::Lost(Fault { condition: "worker-failed".to_owned(), text }));
    }

    /// The deadline has come. While `is_greeting`: whether the worker `runs`, or its script is on its way.
    pub fn timeout(&self, now: f64, runs: Option<bool>) {
        self.handle(now, Input::Timeout { runs });
    }

    /// When to call `timeout`.
    pub fn deadline(&self) -> Option<f64> {
        self.tab.borrow().deadline().map(|at| at.as_secs_f64() * 1000.0)
    }

    /// Whether the worker has not welcomed this tab yet.
    pub fn is_greeting(&self) -> bool {
        self.tab.borrow().is_greeting()
    }

    /// Whether a new port is needed.
    pub fn is_over(&self) -> bool {
        self.tab.borrow().is_over()
    }
}

/// Messages of the worker.
#[wasm_bindgen]
impl Tab {
    /// The worker posted this. If the result is true, the page shows the message to the app and then calls
    /// `handled`.
    pub fn hear(&self, now: f64, message: JsValue) -> bool {
        let now = Duration::from_millis(now as u64);
        let is_shown = self.tab.borrow_mut().hear(now, &Js(message));
        self.pump();
        is_shown
    }

    /// As `hear`, for a `Deliver` or a `Stanza`: so many stanzas, up to this position.
    pub fn delivered(&self, end: f64, stanzas: usize) -> bool {
        let is_shown = self.tab.borrow_mut().delivered(end as u64, stanzas);
        self.pump();
        is_shown
    }

    /// The app is being shown the stanza of this position. To be called before the app makes a claim.
    pub fn at(&self, position: f64) {
        self.tab.borrow_mut().at(position as u64);
    }

    /// The app is being shown a stanza that a claim had missed; a replayed presence has no position.
    pub fn caught(&self, position: Option<f64>) {
        self.tab.borrow_mut().caught(position.map(|position| position as u64));
    }

    /// The app was shown all stanzas that a claim had missed.
    pub fn claimed(&self) {
        self.tab.borrow_mut().claimed();
    }

    /// The app was shown all of the message.
    pub fn handled(&self) {
        self.tab.borrow_mut().handled();
        self.pump();
    }
}

/// What the app wants.
#[wasm_bindgen]
impl Tab {
    /// Says this to the worker: a `ToWorker`.
    pub fn say(&self, now: f64, message: JsValue) {
        self.handle(now, Input::Say(Js(message)));
    }

    /// Ends the session by this `Disconnect`, while the page is about to be unloaded: only this tab leaves.
    pub fn part(&self, now: f64, message: JsValue) {
        self.handle(now, Input::Part(Js(message)));
    }

    /// Leaves the session, which goes on for other tabs.
    pub fn leave(&self, now: f64) {
        self.handle(now, Input::Leave);
    }

    /// The first of so many tokens, which rise by one.
    pub fn number(&self, count: u32) -> u32 {
        self.tab.borrow_mut().number(count)
    }

    /// Claims the stanzas of this `Selector`; the claim's number.
    pub fn claim(&self, selector: JsValue) -> u32 {
        let claim = self.tab.borrow_mut().claim(time_of_day(), Js(selector));
        self.pump();
        claim
    }

    /// Gives a claim up.
    pub fn release(&self, claim: u32) {
        self.tab.borrow_mut().release(claim);
        self.pump();
    }
}

impl Tab {
    fn handle(&self, now: f64, input: Input<Js>) {
        let now = Duration::from_millis(now as u64);
        self.tab.borrow_mut().handle_input(now, input);
        self.pump();
    }

    fn pump(&self) {
        if self.busy.replace(true) {
            return;
        }
        loop {
            let output = self.tab.borrow_mut().poll_output();
            match output {
                Some(Output::Pass(Js(message))) => self.page.pass(&message),
                Some(Output::Post(word)) => {
                    self.write(&word);
                    self.page.post();
                }
                Some(Output::Show(news)) => {
                    self.write(&news);
                    self.page.show();
                }
                Some(Output::Keep(Checkpoint { boot, position })) => self.page.keep(&boot, position as f64),
                Some(Output::Watch(lock)) => self.page.watch(&lock),
                Some(Output::Reopen(Place::Elsewhere(worker))) => self.page.reopen(false, Some(worker)),
                Some(Output::Reopen(place)) => self.page.reopen(place == Place::Detour, None),
                None => break,
            }
        }
        self.busy.set(false);
    }

    fn write(&self, message: &impl Write<Writer>) {
        message.write("", &mut *self.writer.borrow_mut());
    }
}
