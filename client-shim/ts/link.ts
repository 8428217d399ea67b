/**
 * The link of one connection to the worker, or to the engine in the page: the port, the Web Lock that tells
 * the worker that this page lives, and the tab's end of the protocol, which is wasm.
 *
 * What the app wants before the wasm is there waits here, in order. If there will never be a worker, every
 * command hears why.
 */
import { DETOUR, NAME } from '../../port/ts/names.ts';
import { Writer } from '../../port/ts/writer.ts';
import { Tab, type Page } from '../pkg/epode_client_shim.js';
import { loadTab, openHere, type Port } from './engine.ts';
import { leaveCheckpoint, takeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { describe, warn } from './log.ts';
import type { Batch } from '../../port/ts/protocol/Batch.ts';
import type { Backfill } from '../../port/ts/protocol/Backfill.ts';
import type { FromWorker } from '../../port/ts/protocol/FromWorker.ts';
import type { ToWorker } from '../../port/ts/protocol/ToWorker.ts';
import { rehearse } from './rehearsal.ts';
import { resolveWorker } from './service.ts';
import { startEarly, startWorker, whatIsAt, whereabouts } from './worker.ts';

/** What the app wants: `run` it on the tab, or `fail` it for a reason. */
export interface Command {
  run(tab: Tab): void;
  fail?(reason: string): void;
}

/** The command to say this to the worker. */
export function say(message: ToWorker<string>): Command {
  return { run: (tab) => tab.say(performance.now(), message) };
}

/** What a link reports. */
export interface Events {
  /** The worker, or the tab in its place, says this: anything but stanzas and challenges. */
  told(message: Told): void;
  /** A stanza came in, or another tab sent it. */
  stanza(position: number, sent: boolean, text: string): void;
  /** A stanza for one claim alone, which came before the claim did. */
  caught(claim: number, replayed: boolean, text: string): void;
  /** The claim hears what every other does. */
  claimed(claim: number): void;
  /** A mechanism of this page is to answer a challenge, or to begin; rejects when it fails. */
  challenged(mechanism: string, challenge: string | null): Promise<string | undefined>;
  /** There is no worker for this page, and why: all commands have failed. */
  unlinked(reason: string): void;
  /** Another worker takes the place of one that died or hangs. */
  reopened(): void;
  /** The page is back from the back/forward cache: the worker took it for gone. */
  revived(): void;
}

/** A message that is no stanza alone. */
export type Told = Exclude<FromWorker<string>, unknown[]>;

type Challenge = Extract<Told, { SaslChallenge: unknown }>['SaslChallenge'];

/** Why nothing comes of a command at a link that was left. */
const LEFT = 'the connection was reset';

/** How long a worker that is this page's alone has to close its stream, when nobody speaks to it any more. */
const FAREWELL = 5_000;

/**
 * The links of this page that last: each leaves word under a name of its own, which the link that takes its
 * place after a reload finds.
 */
const slots = new Set<string>();

/**
 * Starts the worker and loads the page's wasm for the links to come. A failure is not reported here: the link
 * tries again, and reports its own.
 */
export function prepare(script: string | URL): void {
  // A dedicated worker would serve one link alone, which may never come.
  if (typeof SharedWorker === 'undefined') return;
  try {
    startEarly(resolveWorker(script, document.baseURI, globalThis.origin));
  } catch {
    return;
  }
  loadTab()
    // A link that is there already goes the way itself.
    .then(() => slots.size || rehearse())
    .catch(() => {});
}

/** One connection's link to the worker. */
export class Link {
  readonly #events: Events;
  readonly #script: string | URL | undefined;
  /**
   * Names this link among those of its page, before and after a reload: by its service, and its number among
   * several of one service.
   */
  readonly slot: string;
  /** Where the page before a reload stood, until the worker was told. */
  #before: Checkpoint | undefined;
  readonly #id: string;
  readonly #lock: string;
  #port: Port | undefined;
  /** Where the browser has no SharedWorker: the worker of this link alone. */
  #own: Worker | undefined;
  /** Where the worker's script is, and by which name it runs. */
  #url: URL | undefined;
  #name = NAME;
  /** Ends the wait for the worker's death. */
  #watch = new AbortController();
  /** The position of the stanza that is being handled, when some are. */
  #at: number | undefined;
  #tab: Tab | undefined;
  /** How often the app has asked to be in a session. */
  #joins = 0;
  #commands: Command[] = [];
  #alarm: ReturnType<typeof setTimeout> | undefined;
  /** When the alarm rings. */
  #rings: number | undefined;
  #unlock: (() => void) | undefined;
  #ended = false;

  /** @param needs what must be there before the first command; if that fails, all commands fail */
  constructor(
    worker: string | URL | undefined,
    service: string,
    events: Events,
    needs: Promise<unknown> | undefined,
  ) {
    this.#events = events;
    this.#script = worker;
    // First of all: nothing else takes as long.
    const reached = this.#reach();
    let slot = service;
    for (let number = 2; slots.has(slot); number++) slot = `${service} ${number}`;
    slots.add((this.slot = slot));
    this.#before = takeCheckpoint(`epode-tab ${slot}`);
    this.#id = this.#before?.tab ?? randomId();
    // Of the page instance: the page before a reload may hold its own a moment longer.
    this.#lock = `epode-tab-${this.#id}-${randomId()}`;
    // From now on: a page may be gone before it has greeted the worker.
    addEventListener('pagehide', this.#hidden);
    addEventListener('pageshow', this.#shown);
    void this.#open(reached, needs);
  }

  /** Whether nothing can come of this link any more. */
  get ended(): boolean {
    // While its page is unloaded it hears nothing any more, and what is said is said.
    return (this.#ended && !this.#port) || this.#tab?.is_over() === true;
  }

  /** Carries out a command, at once or as soon as it can be. */
  run(command: Command): void {
    if (this.#tab) {
      if (this.#at !== undefined) this.#tab.at(this.#at);
      command.run(this.#tab);
    } else if (this.#ended) command.fail?.(LEFT);
    else this.#commands.push(command);
  }

  /** Carries out a command to be in a session: of what is being shown to the app nothing more is. */
  join(command: Command): void {
    this.#joins++;
    this.run(command);
  }

  /** Says goodbye for this page; the session goes on for others. */
  leave(): void {
    if (!this.#ended && this.#tab) {
      // Of what the app is being shown it handles nothing more, and the goodbye does not wait for that.
      this.#tab.handled();
      this.#tab.leave(performance.now());
    }
    this.#fold();
    for (const command of this.#commands.splice(0)) command.fail?.(LEFT);
  }

  /**
   * A `Disconnect` while the page is about to be unloaded is said behind the goodbye, where it ends nothing:
   * the worker says so in its log.
   */
  part(message: ToWorker<string>): void {
    this.run({ run: (tab) => tab.part(performance.now(), message) });
  }

  async #open(reached: Promise<Port>, needs: Promise<unknown> | undefined): Promise<void> {
    try {
      // The worker starts while the wasm of the page is on its way.
      const [port, lock] = await Promise.all([reached, this.#hold(), loadTab(), needs]);
      if (!this.#ended) this.#greet(port, lock);
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  /** Opens a port: to the worker, which is started or found, else to the engine in this page. */
  async #reach(): Promise<Port> {
    this.#watch.abort();
    this.#port?.close();
    const port = this.#script ? this.#start(this.#script) : await openHere();
    this.#port = port;
    if (this.#ended) this.#close();
    return port;
  }

  #start(script: string | URL): MessagePort {
    const url = resolveWorker(script, document.baseURI, globalThis.origin);
    const [worker, port] = startWorker(url, this.#name);
    this.#own?.terminate();
    this.#own = 'terminate' in worker ? worker : undefined;
    worker.addEventListener('error', () => void this.#failed(url, port));
    this.#url = url;
    return port;
  }

  /** The lock comes before the hello: once greeted, the worker waits for it. */
  #hold(): Promise<string | undefined> {
    // Locks need a secure context. An engine in the page goes with it.
    if (!this.#script || !navigator.locks) return Promise.resolve(undefined);
    return new Promise((held, refused) => {
      navigator.locks
        .request(this.#lock, () => {
          held(this.#lock);
          if (this.#ended) return undefined;
          return new Promise<void>((unlock) => (this.#unlock = unlock));
        })
        .catch(refused);
    });
  }

  #greet(port: Port, lock: string | undefined): void {
    const writer = new Writer();
    const post = (message: unknown): void => this.#port?.postMessage(message);
    const page: Page = {
      pass: post,
      post: () => post(writer.take()),
      show: () => this.#tell(writer.take() as Told),
      keep: (boot, position) => leaveCheckpoint(`epode-tab ${this.slot}`, { tab: this.#id, boot, position }),
      watch: (lock) => this.#await(lock, tab),
      reopen: (detour, elsewhere) => void this.#reopen(tab, lock, elsewhere ?? (detour ? DETOUR : NAME)),
    };
    const tab = new Tab(page, writer);
    this.#tab = tab;
    document.addEventListener('visibilitychange', this.#visibility);
    document.addEventListener('freeze', this.#frozen);
    document.addEventListener('resume', this.#visibility);
    this.#meet(port, tab, lock);
    for (const command of this.#commands.splice(0)) command.run(tab);
  }

  /** Tells the tab what the worker posted, and shows the app what is for it. */
  #hear(tab: Tab, port: Port, data: FromWorker<string>): void {
    let isShown = false;
    try {
      const stanzas = stanzasOf(data);
      isShown = stanzas ? tab.delivered(...stanzas.extent) : tab.hear(performance.now(), data);
      if (!isShown) return;
      if (stanzas) this.#showEach(stanzas);
      else if (hasTag(data, 'Claimed')) this.#showMissed(tab, data.Claimed.claims);
      else if (hasTag(data, 'SaslChallenge')) this.#challenged(port, data.SaslChallenge);
      else this.#tell(data as Told);
    } catch (error) {
      // The tab has read only what moves it: the rest may be of another form.
      warn(`the worker was not understood: ${describe(error)}`);
    } finally {
      if (isShown) tab.handled();
    }
  }

  /** An app that leaves, in a callback say, hears nothing of what was to follow. */
  #tell(message: Told): void {
    if (!this.#ended) this.#events.told(message);
  }

  /**
   * Shows the app stanzas, one after the other. An app that leaves at one of them, or goes elsewhere, sees no
   * more.
   */
  #showEach({ batch, extent: [, count] }: Stanzas): void {
    const joins = this.#joins;
    const { positions, origins, lengths, text } = batch;
    let start = 0;
    for (let index = 0; index < count && joins === this.#joins && !this.#ended; index++) {
      const end = start + lengths[index]!;
      this.#at = positions[index]!;
      this.#events.stanza(this.#at, origins?.[index] === 'Sent', text.slice(start, end));
      start = end;
    }
    this.#at = undefined;
  }

  /** Shows the app what claims had missed before they held. */
  #showMissed(tab: Tab, claims: Backfill<string>[]): void {
    for (const { claim, stanzas } of claims) {
      for (const [position, origin, text] of stanzas) {
        tab.caught(origin === 'Received' ? position : undefined);
        if (!this.#ended) this.#events.caught(claim, origin === 'Replayed', text);
      }
      tab.claimed();
      if (!this.#ended) this.#events.claimed(claim);
    }
  }

  /** Introduces the tab at this port. */
  #meet(port: Port, tab: Tab, lock: string | undefined): void {
    port.onmessage = ({ data }) => {
      if (this.#ended) return;
      this.#hear(tab, port, data);
      // A stanza alone, which is what comes most often, moves no deadline.
      if (!Array.isArray(data)) this.#wind(tab);
    };
    tab.opened(
      performance.now(),
      this.#id,
      lock,
      isVisible(),
      this.#before?.boot,
      this.#before?.position ?? 0,
    );
    this.#before = undefined;
    this.#wind(tab);
  }

  /** Whatever becomes of this worker, the answer is for no other. */
  #challenged(port: Port, { exchange, mechanism, challenge }: Challenge): void {
    const answer = (message: ToWorker<string>): void => port.postMessage(message);
    this.#events.challenged(mechanism, challenge).then(
      (response) => answer({ SaslResponse: { exchange, response: response ?? null } }),
      () => answer({ SaslAbort: { exchange } }),
    );
  }

  /** Waits for the death of the worker that holds this lock. */
  #await(lock: string, tab: Tab): void {
    const { signal } = (this.#watch = new AbortController());
    navigator.locks
      .request(lock, { signal, mode: 'shared' }, () => {
        if (!this.#ended && !signal.aborted) {
          // What it said last and was not heard yet is part of what is lost.
          this.#close();
          tab.died(performance.now());
          this.#wind(tab);
        }
      })
      .catch(() => {
        // Aborted: this tab does not care any more.
      });
  }

  async #reopen(tab: Tab, lock: string | undefined, name: string): Promise<void> {
    // An engine in the page that broke is not replaced.
    if (!this.#script) return this.#fail('the engine broke: reload the page');
    this.#name = name;
    this.#events.reopened();
    if (this.#ended) return;
    try {
      const port = await this.#reach();
      if (!this.#ended) this.#meet(port, tab, lock);
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  /** Sets the alarm for the tab's next deadline. */
  #wind(tab: Tab): void {
    if (tab.is_over()) return this.#fold();
    const deadline = tab.deadline();
    if (deadline === this.#rings || this.#ended) return;
    clearTimeout(this.#alarm);
    this.#rings = deadline;
    if (deadline !== undefined)
      this.#alarm = setTimeout(() => void this.#due(tab), Math.ceil(deadline - performance.now()));
  }

  /** The worker has not answered. Browsers do not always report a script that is not there. */
  async #due(tab: Tab): Promise<void> {
    this.#rings = undefined;
    const found = this.#url && tab.is_greeting() ? await whereabouts(this.#url, this.#name) : undefined;
    if (this.#ended) return;
    if (typeof found === 'string') {
      if (tab.is_greeting()) return this.#fail(found);
    } else tab.timeout(performance.now(), found);
    this.#wind(tab);
  }

  /** The browser says only that the worker failed to start; the address itself tells more. */
  async #failed(url: URL, port: Port): Promise<void> {
    // Firefox also reports what goes wrong in a worker that runs, which the worker tells by itself, and in
    // one that is gone.
    const matters = (): boolean => this.#port === port && (!this.#tab || this.#tab.is_greeting());
    if (!matters()) return;
    const found = await whatIsAt(url);
    if (matters())
      this.#fail(
        typeof found === 'string'
          ? found
          : `the browser does not start the worker script ${url.href}: a Content-Security-Policy without worker-src for it, or an error in it`,
      );
  }

  #fail(reason: string): void {
    if (this.#ended) return;
    if (this.#tab) {
      this.#tab.lost(performance.now(), reason);
      return this.#fold();
    }
    this.#fold();
    for (const command of this.#commands.splice(0)) command.fail?.(reason);
    this.#events.unlinked(reason);
  }

  /** Nothing can come of this link any more, nor of the page's return. */
  #fold(): void {
    this.#end();
    this.#close();
    document.removeEventListener('freeze', this.#frozen);
    removeEventListener('pageshow', this.#shown);
  }

  #close(): void {
    this.#port?.close();
    this.#port = undefined;
  }

  #end(): void {
    if (!this.#ended) {
      slots.delete(this.slot);
      // Nobody was told where the page before a reload stood: the next page may be.
      if (this.#before) leaveCheckpoint(`epode-tab ${this.slot}`, this.#before);
      const worker = this.#own;
      if (worker) setTimeout(() => worker.terminate(), FAREWELL);
    }
    this.#ended = true;
    clearTimeout(this.#alarm);
    this.#unlock?.();
    this.#watch.abort();
    document.removeEventListener('visibilitychange', this.#visibility);
    document.removeEventListener('resume', this.#visibility);
    removeEventListener('pagehide', this.#hidden);
  }

  readonly #visibility = (): void => {
    say({ Visibility: { visible: isVisible() } }).run(this.#tab!);
    this.#wind(this.#tab!);
  };

  // A page that goes into the back/forward cache would keep the lock, and a post from the worker would evict
  // it: it leaves, like one that is closed, and comes anew. The port stays: what the app sends in later
  // listeners is sent.
  readonly #hidden = (): void => {
    this.#tab?.unload(performance.now());
    this.#end();
  };

  // It will not answer until it is shown again: whatever must be done once is another tab's from now on. One
  // that has left goes into the cache.
  readonly #frozen = (): void => {
    if (this.#ended) this.#close();
    else if (this.#tab) say('Freeze').run(this.#tab);
  };

  readonly #shown = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted) return;
    removeEventListener('pageshow', this.#shown);
    this.#events.revived();
  };
}

/** Stanzas for the app, and what the tab hears of them: the highest position and the number of stanzas. */
interface Stanzas {
  batch: Batch<string>;
  extent: [end: number, count: number];
}

/** The stanzas of a message that has nothing else. */
function stanzasOf(message: FromWorker<string>): Stanzas | undefined {
  if (Array.isArray(message)) {
    const [position, text] = message;
    if (typeof position !== 'number' || typeof text !== 'string') return undefined;
    const batch = { positions: [position], origins: null, lengths: [text.length], text };
    return { batch, extent: [position, 1] };
  }
  if (!hasTag(message, 'Deliver')) return undefined;
  const batch = message.Deliver;
  const { positions, lengths, text } = batch;
  if (positions.length !== lengths.length || typeof text !== 'string') return undefined;
  return {
    batch,
    extent: [positions.reduce((end, position) => Math.max(end, position), 0), positions.length],
  };
}

/** Whether a message is of this variant. */
function hasTag<T extends string>(
  message: FromWorker<string>,
  tag: T,
): message is Extract<FromWorker<string>, Record<T, unknown>> {
  return typeof message === 'object' && message !== null && tag in message;
}

function isVisible(): boolean {
  return document.visibilityState === 'visible';
}

function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
