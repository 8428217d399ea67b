// One contestant with its tabs in a browser of its own, in front of one source: what a scenario measures.

import { setTimeout as pause } from 'node:timers/promises';

import { openBrowser } from './browser.mjs';
import { cpu, memory, spent } from './processes.mjs';
import { mark, message } from './stanzas.mjs';
import { median } from './statistics.mjs';
import { startControl } from './tabs.mjs';

/**
 * How long a flood lasts, and the stanzas it has at least, and at most: Epode keeps 10,000 for a tab that
 * cannot follow.
 */
const SECONDS = 1.5;
const LEAST = 500;
const MOST = 8_000;

/**
 * How long a browser is busy with itself after it has opened a window: Chromium loads the pages of its
 * address bar.
 */
const SETTLED = 1_000;

export const now = () => performance.timeOrigin + performance.now();

export class World {
  /** Connected tabs, in the order in which they came. */
  tabs = [];
  /** The bytes that the empty tabs took. */
  empty = 0;
  /** The stanzas per second that were seen last, by their size. */
  #paces = {};

  constructor(parts) {
    Object.assign(this, parts);
  }

  /**
   * Starts a browser and connects a contestant's tabs.
   * @param {{ browserName: string, web: object, source: object, contestant: string, count: number, effort:
   * number }} how `effort` shortens what takes long, where it is less than 1
   */
  static async open({ browserName, ...rest }) {
    const world = new World({ ...rest, control: await startControl() });
    try {
      world.browser = await openBrowser(browserName);
      const opened = [];
      for (let i = 0; i < rest.count; i++) opened.push(await world.openTab());
      world.empty = memory(world.browser.pid);
      for (const { tab } of opened) {
        await tab.ask('load');
        await tab.ask('connect', world.source.account);
        world.tabs.push(tab);
      }
      // A tab's presence is what a real server waits for.
      await pause(200);
      world.bytesUp = world.source.bytes?.() ?? 0;
      await world.warmUp();
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  /** Opens a tab with nothing in it yet. */
  async openTab(options) {
    const { url, tab } = this.control.expect();
    const address = this.web.url(
      `/bench/page.html?contestant=${this.contestant}&control=${encodeURIComponent(url)}`,
    );
    const close = await this.browser.open(address, options);
    return { tab: await tab, close };
  }

  /**
   * Opens tabs that connect, one after the other, and closes each.
   * @returns the medians of the milliseconds in the tab: `connected` from `new Connection` until the session
   * is up, `whole` from the opening of the tab, import included
   */
  async timeTabs(times, options) {
    const wholes = [];
    const connects = [];
    for (let time = 0; time < times; time++) {
      const { tab, close } = await this.openTab(options);
      await pause(SETTLED);
      const { opened, loaded } = await tab.ask('load');
      const connected = await tab.ask('connect', this.source.account);
      wholes.push(opened + loaded + connected);
      connects.push(connected);
      await close();
    }
    return { whole: median(wholes), connected: median(connects) };
  }

  /** Lets everybody's compilers see what comes. */
  async warmUp() {
    for (const [size, stanzas] of [
      [300, 500],
      [2_048, 100],
    ])
      this.#paces[size] = (await this.flood({ stanzas, size })).rate;
  }

  /** Learns how long a flood of this size has to be: the short ones of the beginning are all start. */
  async findPace(size) {
    this.#paces[size] = (await this.flood({ size })).rate;
  }

  /**
   * Sends messages to all tabs and waits until each has handled all that concerns it.
   *
   * @param {{ as?: (index: number) => object, size?: number, stanzas?: number, share?: number }} how `as`:
   * what the tab of this number listens to (see page.js); `share`: one of so many stanzas is what tabs listen
   * to, the rest is a headline
   * @returns {{ rate: number, cpu: number }} stanzas per second, and microseconds per stanza of all the
   * browser's processes
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
   * Sends a stanza at a time. @returns the delays of all tabs in milliseconds, and the browser's microseconds
   * per stanza
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
   * How many stanzas of this size make a flood: as long for one contestant as for the other, by what was seen
   * before. As many would take the slowest twenty times as long as the fastest, whose start would be all that
   * is measured.
   */
  length(size) {
    const stanzas = Math.min(SECONDS * this.#paces[size], MOST);
    return Math.round(Math.max(stanzas, LEAST) * this.effort);
  }

  /**
   * Has every tab listen, and waits until everybody between it and the server knows: a word that it sends
   * behind that has come through. A claim that is still on its way to a worker when a flood begins would miss
   * some of it.
   */
  async listen(how) {
    await this.ask('listen', (_, index) => how(index));
    const through = this.source.received(this.tabs.length);
    await this.ask('send', () => ({ to: this.source.contact, body: 'ready', count: 1 }));
    await through;
  }

  /** Asks all tabs. */
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

  /** The bytes of the browser's memory. */
  memory() {
    return memory(this.browser.pid);
  }

  async stop() {
    await this.browser?.stop();
    await this.control.stop();
    await this.source.stop();
  }
}
