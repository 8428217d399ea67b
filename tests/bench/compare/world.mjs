// A contestant with its tabs in a new browser, in front of a source: a scenario measures a world.

import { setTimeout as pause } from 'node:timers/promises';

import { openBrowser } from './browser.mjs';
import { cpu, memory, spent } from './processes.mjs';
import { mark, message } from './stanzas.mjs';
import { startControl } from './tabs.mjs';

/**
 * The length of a flood in seconds, and its least and greatest number of stanzas: Epode queues at
 * most 10,000 for a tab.
 */
const SECONDS = 1.5;
const LEAST = 500;
const MOST = 8_000;

/**
 * How many milliseconds a browser is busy after it has opened a window: Chromium loads the pages of
 * its address bar.
 */
const SETTLED = 1_000;

export const now = () => performance.timeOrigin + performance.now();

export class World {
  /** The tabs, in order of opening and of connecting. */
  tabs = [];
  /** The latest rate in stanzas per second, by size. */
  #paces = {};

  constructor(parts) {
    Object.assign(this, parts);
  }

  /**
   * Starts a browser and opens tabs that have loaded nothing of the contestant yet.
   * @param {{ browserName: string, web: object, source: object, contestant: string, count: number,
   * effort: number }} how an `effort` below 1 shortens the longer measurements
   */
  static async open({ browserName, ...rest }) {
    const world = new World({ ...rest, control: await startControl() });
    try {
      world.browser = await openBrowser(browserName);
      for (let i = 0; i < rest.count; i++) world.tabs.push((await world.openTab()).tab);
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  /** Connects the tabs. */
  async connect() {
    for (const tab of this.tabs) {
      await tab.ask('load');
      await tab.ask('connect', this.source.account);
    }
    // A real server delivers messages to a session after its presence.
    await pause(200);
    this.source.checkManaged?.();
    this.bytesUp = this.source.bytes?.() ?? 0;
    await this.warmUp();
  }

  /** Opens a tab of a profile that has loaded nothing yet. */
  async openTab(profile = this.browser) {
    const { url, tab } = this.control.expect();
    const address = this.web.url(
      `/bench/page.html?contestant=${this.contestant}&control=${encodeURIComponent(url)}`,
    );
    const close = await profile.open(address);
    return { tab: await tab, close };
  }

  /**
   * Opens a tab that connects, and closes the tab again.
   * @param {{ profile?: object, ahead?: number }} how `ahead` is how many milliseconds pass between
   * `new Connection` and `connect()`; with none, both are in one task
   * @returns the milliseconds `connected`, from the call (or calls) until the session is up, and
   * `whole`, from the opening of the tab, including the import
   */
  async timeTab({ profile, ahead = 0 } = {}) {
    const { tab, close } = await this.openTab(profile);
    await pause(SETTLED);
    const { opened, loaded } = await tab.ask('load');
    if (ahead) {
      await tab.ask('construct', this.source.account);
      await pause(ahead);
    }
    const connected = await tab.ask('connect', this.source.account);
    await close();
    return { whole: opened + loaded + connected, connected };
  }

  /** Lets all compilers see the kinds of stanzas to come. */
  async warmUp() {
    for (const [size, stanzas] of [
      [300, 500],
      [2_048, 100],
    ])
      this.#paces[size] = (await this.flood({ stanzas, size })).rate;
  }

  /**
   * Measures the rate for the length of the next flood of this size; earlier, shorter floods
   * consist mostly of start-up.
   */
  async findPace(size) {
    this.#paces[size] = (await this.flood({ size })).rate;
  }

  /**
   * Sends messages to all tabs and waits until each tab has handled those that it listens to.
   *
   * @param {{ as?: (index: number) => object, size?: number, stanzas?: number, share?: number }}
   * how `as` returns how the tab of this index listens (see page.js); with `share`, tabs listen to
   * one of so many stanzas, and the others are headlines
   * @returns {{ rate: number, cpu: number }} stanzas per second, and microseconds per stanza of all
   * processes of the browser
   */
  async flood({ as = () => ({ as: 'elements' }), size = 300, stanzas = this.length(size), share = 1 } = {}) {
    const to = this.source.account.jid;
    const type = (number) => (number % share === 0 ? 'chat' : 'headline');
    const texts = Array.from({ length: stanzas }, (_, number) =>
      message({ to, number, size, type: type(number) }),
    );
    const listens = this.tabs.map((_, index) => ({ type: 'chat', ...as(index) }));
    await this.listen((index) => listens[index]);
    const send = this.source.prepare([...texts, mark(to)]);
    const finished = this.ask('finished');
    const before = cpu(this.browser.pid);
    const begun = now();
    send();
    const reports = await finished;
    const used = spent(before, cpu(this.browser.pid));
    reports.forEach(({ handled, disordered }, index) => {
      const expected = listens[index].as === 'nothing' ? 0 : Math.ceil(stanzas / share);
      if (handled !== expected) throw new Error(`tab ${index} has handled ${handled} of ${expected} stanzas`);
      if (disordered) throw new Error(`tab ${index} has handled ${disordered} stanzas out of order`);
    });
    const seconds = (Math.max(...reports.map(({ at }) => at)) - begun) / 1_000;
    return { rate: stanzas / seconds, cpu: used / stanzas };
  }

  /**
   * Sends stanzas one at a time. @returns the delays in all tabs in milliseconds, and the browser's
   * microseconds per stanza
   */
  async drip({ perSecond, seconds }) {
    const to = this.source.account.jid;
    const stanzas = Math.round(perSecond * seconds);
    await this.listen(() => ({ as: 'delays', type: 'chat' }));
    const finished = this.ask('finished');
    const before = cpu(this.browser.pid);
    const begun = performance.now();
    for (let number = 0; number < stanzas; number++) {
      await pause(Math.max(0, begun + (number * 1_000) / perSecond - performance.now()));
      this.source.prepare([message({ to, number: now() })])();
    }
    this.source.prepare([mark(to)])();
    const reports = await finished;
    const used = spent(before, cpu(this.browser.pid));
    for (const { handled } of reports) {
      if (handled !== stanzas) throw new Error(`a tab has handled ${handled} of ${stanzas} stanzas`);
    }
    return { delays: reports.flatMap(({ delays }) => delays), cpu: used / stanzas };
  }

  /**
   * The number of stanzas for a flood of this size, which takes the same time for each contestant,
   * by its latest rate. With equal numbers the slowest would take twenty times as long as the
   * fastest, whose start-up would dominate.
   */
  length(size) {
    const stanzas = Math.min(SECONDS * this.#paces[size], MOST);
    return Math.round(Math.max(stanzas, LEAST) * this.effort);
  }

  /**
   * Makes every tab listen, and waits for a message of each at the server. That message follows the
   * claim, which therefore holds when the flood begins.
   */
  async listen(how) {
    await this.ask('listen', (_, index) => how(index));
    const through = this.source.received(this.tabs.length);
    await this.ask('send', () => ({ to: this.source.contact, body: 'ready', count: 1 }));
    await through;
  }

  /** Sends a command to all tabs. */
  ask(command, argument = () => undefined) {
    return Promise.all(this.tabs.map((tab, index) => tab.ask(command, argument(tab, index))));
  }

  /** The bytes on the wire for a message that all tabs handle. */
  async bytesPerStanza() {
    const before = this.source.bytes();
    const stanzas = 100;
    await this.flood({ stanzas });
    return (this.source.bytes() - before) / stanzas;
  }

  /** Waits; returns the seconds of CPU that the browser spends meanwhile. */
  async rest(seconds) {
    const begun = performance.now();
    let before = cpu(this.browser.pid);
    let used = 0;
    // A thread that has ended is missing from the next reading, so readings are frequent.
    for (let second = 1; second <= seconds; second++) {
      await pause(begun + second * 1_000 - performance.now());
      const after = cpu(this.browser.pid);
      used += spent(before, after);
      before = after;
    }
    return used / 1e6;
  }

  /** The memory of the browser in bytes. */
  memory() {
    return memory(this.browser.pid);
  }

  async stop() {
    await this.browser?.stop();
    await this.control.stop();
    await this.source.stop();
  }
}
