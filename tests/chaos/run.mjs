// One run of chaos: tabs of one account send and hear numbered messages, while the network between them and
// the server breaks in seeded ways, the server is restarted, and tabs reload, freeze and crash.
//
// Each message goes to the sender's own account, so that every tab hears each. The first tab is the witness:
// it stays from the first message to the last, and its process is the worker's.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { eventually } from '../browser/apps.mjs';
import { crash, freeze, networkOf } from '../browser/life.mjs';
import { Peer } from '../browser/peer.mjs';
import { ROOTS } from '../browser/web.mjs';
import { Random } from './random.mjs';
import { startTcp } from './tcp.mjs';
import { judge } from './verdict.mjs';

/** What the web server of a run serves. */
export const CHAOS_ROOTS = { ...ROOTS, '/chaos/': fileURLToPath(new URL('./', import.meta.url)) };

const PASSWORD = 'secret';
/** How long a break may last: a browser that gets no answer notices after 15 s, and dials in up to 60 s. */
const BREAK = 120_000;
/** The milliseconds between two rounds in which tabs send. */
const ROUND = 250;
let runs = 0;

/**
 * @typedef {{ seed: number, tabs: number, messages: number, breaks: number, restarts: number,
 *   reloads: number, crashes: number, freezes: number, kinds?: string[], options?: object,
 *   patience?: number }} Plan `patience`: the milliseconds after which the browser says that it is online
 */

/**
 * Runs a plan; returns the verdict, and how often each kind of break came.
 * @param {{ browser: object, web: object, server: object, say?: (line: string) => void }} stage
 * @param {Plan} plan
 */
export async function chaos(stage, plan) {
  const run = new Run(stage, plan);
  try {
    await run.begin();
    // Whatever fails first ends the others.
    await Promise.all([run.send(), run.breakNetwork(), run.disturbTabs()]);
    await run.settle();
    return await run.verdict();
  } finally {
    await run.end();
  }
}

class Run {
  #tabs = [];
  /** The books of tabs that are gone. */
  #closed = [];
  /** Breaks and restarts that are over. */
  #broken = 0;
  #kinds = {};
  #life = 0;
  #isOver = false;

  constructor({ browser, web, server, say = () => {} }, plan) {
    Object.assign(this, { browser, web, server, say, plan });
    const random = new Random(plan.seed);
    [this.sending, this.breaking, this.disturbing] = [random.branch(), random.branch(), random.branch()];
    this.user = `chaos${++runs}`;
    this.worker = `/epode-worker.js?chaos${runs}`;
  }

  async begin() {
    this.tcp = await startTcp({ upstream: this.server.ws, wholeFrames: !this.server.takesHalfFrames });
    this.jid = await this.server.register(this.user, PASSWORD);
    await archiveNothing(this.server, this.user);
    // The first tab starts the worker.
    this.#tabs.push(await this.#open('t0'));
    const others = Array.from({ length: this.plan.tabs - 1 }, (_, index) => this.#open(`t${index + 1}`));
    this.#tabs.push(...(await Promise.all(others)));
    this.offline = await networkOf(this.browser, this.worker);
  }

  /** Tabs send in rounds, as fast as the breaks come, so that messages are on the way at each break. */
  async send() {
    const { messages, tabs, breaks, restarts } = this.plan;
    const all = breaks + restarts;
    for (let sent = 0; sent < messages; ) {
      await pause(ROUND);
      this.#check();
      const due = Math.min(messages, Math.ceil((messages * (this.#broken + 1)) / (all + 1)));
      for (let turn = 0; turn < tabs && sent < due; turn++) {
        const tab = this.sending.pick(this.#tabs);
        const count = Math.min(this.sending.between(1, 3), due - sent);
        const lengths = [this.sending.between(1, 80), this.sending.between(80, 1_500)];
        if (await tab.say(count, lengths)) sent += count;
      }
    }
  }

  async breakNetwork() {
    const { breaks, restarts } = this.plan;
    const acts = Array(breaks).fill('break');
    for (let restart = 0; restart < restarts; restart++)
      acts.splice(this.breaking.between(1, acts.length), 0, 'restart');
    for (const act of acts) {
      await pause(this.breaking.between(300, 1_500));
      this.#check();
      const kind = act === 'restart' ? act : this.breaking.pick(this.plan.kinds ?? KINDS);
      const begun = performance.now();
      const redials = await this.#redials();
      const known = (await this.#losses()).length;
      const told = [this.tcp.wire.refusals.length, this.tcp.wire.faults.length];
      await BREAKS[kind](this);
      await this.#up(kind, async () => (await this.#redials()) > redials);
      this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
      this.#broken++;
      const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
      const how = (await this.#isResumed()) ? 'resumed' : 'bound anew';
      this.say(`${this.#broken} of ${acts.length}: ${kind}, ${how} after ${seconds} s`);
      for (const reason of (await this.#losses()).slice(known)) this.say(`    ${reason}`);
      const { refusals, faults } = this.tcp.wire;
      for (const text of [...refusals.slice(told[0]), ...faults.slice(told[1])]) this.say(`    ${text}`);
    }
  }

  /** Waits for the end of a break; in a run without patience the browser soon says that it is online. */
  async #up(kind, isUp) {
    const { patience = BREAK } = this.plan;
    await eventually('the next dial', isUp, patience).catch(async () => {
      await this.offline(true);
      await this.offline(false);
    });
    await eventually(`the end of a break by ${kind}`, isUp, BREAK);
  }

  /** Tabs other than the witness reload, freeze and crash. */
  async disturbTabs() {
    const { reloads, crashes, freezes } = this.plan;
    const acts = [
      ...Array(reloads).fill('reload'),
      ...Array(crashes).fill('crash'),
      ...Array(freezes).fill('freeze'),
    ];
    const all = this.plan.breaks + this.plan.restarts;
    for (let count = 0; acts.length > 0; count++) {
      const [act] = acts.splice(this.disturbing.between(0, acts.length - 1), 1);
      // Spread over the breaks.
      const due = (all * count) / (count + 1 + acts.length);
      await eventually('its turn', () => this.#isOver || this.#broken >= due, BREAK * all);
      await pause(this.disturbing.between(0, 1_000));
      this.#check();
      await this[act](this.disturbing.pick(this.#tabs.slice(1)));
    }
  }

  /** The page has kept its book, and joins as another life of the tab. */
  async reload(tab) {
    tab.isBusy = true;
    await tab.page.reload({ waitUntil: 'load' });
    // What was open then has no page to hear of it.
    await this.#join(tab);
    tab.isBusy = false;
  }

  async freeze(tab) {
    tab.isBusy = tab.mayMiss = true;
    const thaw = await freeze(tab);
    await pause(this.disturbing.between(500, 8_000));
    await thaw();
    tab.isBusy = false;
  }

  /** What the tab has heard since its book was read is lost with it; another tab takes its place. */
  async crash(tab) {
    this.#tabs.splice(this.#tabs.indexOf(tab), 1);
    const book = await tab.book();
    this.#closed.push({ ...unheard(book), until: 0, mayMiss: true });
    await crash(tab);
    const next = await this.#open(`${tab.name}c`);
    // The witness may be slower to hear than the tab that has just come.
    await pause(500);
    next.since = await this.#tabs[0].count();
    this.#tabs.push(next);
  }

  /** Waits until every message has its fate, and all tabs have heard what there is. */
  async settle() {
    const { tcp } = this;
    Object.assign(tcp, { delay: 0, rate: 0, next: undefined });
    const fates = async () => {
      const open = await Promise.all(this.#tabs.map((tab) => tab.pending()));
      return open.every((count) => count === 0);
    };
    // A message without a fate is a fault that the verdict names.
    await eventually('all fates', fates, BREAK).catch(() => {});
    let before = '';
    const stands = async () => {
      const now = String(await Promise.all(this.#tabs.map((tab) => tab.count())));
      const stood = now === before;
      before = now;
      await pause(1_000);
      return stood;
    };
    await eventually('silence', stands, BREAK);
  }

  async verdict() {
    const books = [...(await Promise.all(this.#tabs.map((tab) => tab.book()))), ...this.#closed];
    const managed = this.plan.options?.enableStreamManagement ?? true;
    return { ...judge({ books, wire: this.tcp.wire, managed }), kinds: this.#kinds };
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#tabs.map(({ page }) => page.close().catch(() => {})));
    await this.tcp?.stop();
  }

  async #open(name) {
    const page = await this.browser.openTab(this.web.url('/chaos/page.html'));
    const tab = new Tab(name, page);
    await this.#join(tab);
    return tab;
  }

  async #join(tab) {
    const { page } = tab;
    await eventually("the page's script", () => page.evaluate(() => window.ready === true));
    const up = await page.evaluate(
      (life, service, options, jid, password) => {
        const before = book.statuses.length;
        for (const [id, { status }] of Object.entries(book.sent))
          if (status === 'pending') book.sent[id] = { status: 'unheard' };
        window.join(life, service, options, jid, password);
        return before;
      },
      `${tab.name}-${++this.#life}`,
      this.tcp.url,
      { worker: this.worker, ...this.plan.options },
      `${this.jid}/chaos`,
      PASSWORD,
    );
    const isUp = (from) =>
      book.statuses.slice(from).some(({ status }) => /^(CONNECTED|ATTACHED)$/.test(status));
    await eventually(`the way of ${tab.name} into the session`, () => page.evaluate(isUp, up), BREAK);
  }

  /** How often the witness came up again. */
  #redials() {
    return this.#tabs[0].page.evaluate(
      () => book.statuses.filter(({ status }) => status === 'CONNECTED').length,
    );
  }

  /** Why the witness lost its connections. */
  #losses() {
    return this.#tabs[0].page.evaluate(() =>
      book.statuses.filter(({ status }) => status === 'RECONNECTING').map(({ reason }) => reason),
    );
  }

  #isResumed() {
    return this.#tabs[0].page.evaluate(() => book.statuses.at(-1).resumed);
  }

  #check() {
    assert.ok(!this.#isOver, 'another part of the run has failed');
  }
}

/** A tab of a run. */
class Tab {
  /** How many messages the witness had heard when the tab came. */
  since = 0;
  mayMiss = false;
  /** Whether the page cannot be asked now. */
  isBusy = false;

  constructor(name, page) {
    this.name = name;
    this.page = page;
  }

  /** Sends; false if the page is busy. */
  async say(count, lengths) {
    if (this.isBusy) return false;
    try {
      await this.page.evaluate((count, lengths) => say(count, lengths), count, lengths);
      return true;
    } catch {
      // The page went away meanwhile: a message of a page that goes may not be sent at all.
      return false;
    }
  }

  pending() {
    return this.page.evaluate(
      () => Object.values(book.sent).filter(({ status }) => status === 'pending').length,
    );
  }

  count() {
    return this.page.evaluate(() => book.heard.length);
  }

  async book() {
    const { name, since, mayMiss } = this;
    return { name, since, mayMiss, until: Infinity, ...(await this.page.evaluate(() => book)) };
  }
}

/** A book whose page cannot hear of what is open. */
function unheard(book) {
  const sent = Object.entries(book.sent).map(([id, fate]) => [
    id,
    fate.status === 'pending' ? { status: 'unheard' } : fate,
  ]);
  return { ...book, sent: Object.fromEntries(sent) };
}

/** The ways to break; each returns when the break has begun. */
const BREAKS = {
  /** In the middle of a frame. */
  cut: (run) => cut(run),
  /** The wire is slow first. */
  trickle: async (run) => {
    run.tcp.rate = run.breaking.between(3_000, 20_000);
    await pause(run.breaking.between(500, 2_000));
    await cut(run);
    run.tcp.rate = 0;
  },
  delay: async (run) => {
    run.tcp.delay = run.breaking.between(50, 400);
    await pause(run.breaking.between(500, 2_000));
    await cut(run);
    run.tcp.delay = 0;
  },
  /** The browser changes its network, and says so. */
  roam: async (run) => {
    await run.offline(true);
    await cut(run);
    await pause(run.breaking.between(100, 1_000));
    await run.offline(false);
  },
  /** The next connection is cut too, in the middle of its login or of what is sent again. */
  twice: async (run) => {
    run.tcp.next = { from: side(run), bytes: run.breaking.between(100, 6_000) };
    await cut(run);
  },
  /** Nobody is told that nothing gets through. */
  silence: async (run) => run.tcp.open().forEach((connection) => connection.swallow()),
  restart: (run) => run.server.restart(run.breaking.between(0, 3_000)),
};
export const KINDS = ['cut', 'cut', 'cut', 'roam', 'roam', 'trickle', 'delay', 'twice', 'twice', 'silence'];

/** Cuts at a random byte, or after a while if so many bytes do not come. */
async function cut(run) {
  const { breaking, tcp } = run;
  const how = { from: side(run), bytes: breaking.between(0, 4_000) };
  how.rough = breaking.chance(0.5);
  how.lingers = breaking.chance(0.3);
  const connections = tcp.open();
  for (const connection of connections) connection.cutAfter(how);
  await eventually('a cut', () => connections.every(({ isOpen }) => !isOpen), 1_500).catch(() =>
    connections.filter(({ isOpen }) => isOpen).forEach((connection) => connection.end(how)),
  );
}

/** The side whose frame is cut: only the server's, if half a frame of the client is too much for it. */
const side = ({ breaking, server }) =>
  breaking.pick(server.takesHalfFrames ? ['client', 'server'] : ['server']);

/**
 * An account asks the server to archive nothing (XEP-0313 §5): the archives of both servers take the longer
 * for a message the more they have, and after some thousand messages too long to resume a session.
 */
async function archiveNothing(server, user) {
  const peer = await Peer.login(server, user, PASSWORD);
  peer.send(
    '<iq xmlns="jabber:client" type="set" id="prefs"><prefs xmlns="urn:xmpp:mam:2" default="never"/></iq>',
  );
  const answer = await peer.frame(/<iq [^>]*id=["']prefs["']/);
  peer.close();
  assert.match(answer, /type=["']result["']/);
}

/** The verdict in a few lines. */
export function summary({ violations, count, kinds }) {
  const counted = Object.entries(count).filter(([, number]) => number > 0);
  const broken = Object.entries(kinds).map(([kind, number]) => `${number} × ${kind}`);
  return [
    counted.map(([name, number]) => `${name} ${number}`).join(', '),
    `breaks: ${broken.join(', ')}`,
    ...(violations.length > 0 ? [`${violations.length} faults:`] : ['no fault']),
    ...violations.slice(0, 15).map((violation) => `  ${violation}`),
  ].join('\n');
}
