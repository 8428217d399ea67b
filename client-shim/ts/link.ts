/**
 * The link of one connection to the worker: the port, the Web Lock that tells the worker that this page lives, and the
 * tab's end of the protocol, which is wasm.
 *
 * What the app wants before the wasm is there waits here, in order. If there will never be a worker, every wish hears why.
 */
import init, { Tab, type Audience } from '../pkg/epode_client_shim.js';
import { resolveWorker } from './service.ts';
import { load } from './wasm.ts';
import { hear, outlet } from './wire.ts';

/** What the app wants: `run` it on the tab, or `fail` it for a reason. */
export interface Wish {
  run(tab: Tab): void;
  fail?(reason: string): void;
}

/** What a link reports besides what its `Audience` hears. */
export interface Events {
  /** There is no worker for this page, and why: all wishes have failed. */
  unlinked(reason: string): void;
  /** The page is back from the back/forward cache: the worker took it for gone. */
  revived(): void;
}

/** The name under which pages of an origin share the worker of one script. */
const NAME = 'epode';

/** The page's wasm, loaded once for all connections. */
let engine: Promise<void> | undefined;

function loadEngine(): Promise<void> {
  engine ??= load(init, new URL('./epode.wasm', import.meta.url), 'the page').catch((error: unknown) => {
    engine = undefined;
    throw error;
  });
  return engine;
}

/** One connection's link to the worker. */
export class Link {
  readonly #events: Events;
  readonly #audience: Audience;
  readonly #id = randomId();
  #port: MessagePort | undefined;
  #tab: Tab | undefined;
  #wishes: Wish[] = [];
  #alarm: ReturnType<typeof setTimeout> | undefined;
  #unlock: (() => void) | undefined;
  #ended = false;

  constructor(worker: string | URL, audience: Audience, events: Events) {
    this.#events = events;
    this.#audience = audience;
    void this.#open(worker);
  }

  /** Whether nothing can come of this link any more. */
  get ended(): boolean {
    return this.#ended || this.#tab?.is_over() === true;
  }

  /** Carries out a wish, at once or as soon as it can be. */
  run(wish: Wish): void {
    if (this.#tab) wish.run(this.#tab);
    else this.#wishes.push(wish);
  }

  /** Says goodbye for this page; the session goes on for others. */
  leave(): void {
    if (this.#ended) return;
    this.#tab?.leave(performance.now());
    this.#end();
  }

  async #open(script: string | URL): Promise<void> {
    try {
      const url = resolveWorker(script, location.href);
      if (typeof SharedWorker === 'undefined') throw new Error('this browser has no SharedWorker');
      // The worker starts while the wasm of the page is on its way.
      const worker = startWorker(url);
      worker.addEventListener('error', () => void this.#failed(url));
      this.#port = worker.port;
      const [, lock] = await Promise.all([loadEngine(), this.#hold(`epode-tab-${this.#id}`)]);
      if (!this.#ended) this.#greet(worker.port, url, lock);
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  /** The lock comes before the hello: once greeted, the worker waits for it. */
  #hold(name: string): Promise<string | undefined> {
    // Locks need a secure context.
    if (!navigator.locks) return Promise.resolve(undefined);
    return new Promise((held, refused) => {
      navigator.locks
        .request(name, () => {
          held(name);
          return new Promise<void>((unlock) => (this.#unlock = unlock));
        })
        .catch(refused);
    });
  }

  #greet(port: MessagePort, url: URL, lock: string | undefined): void {
    const tab = new Tab({ ...this.#audience, ...outlet((message) => port.postMessage(message)) });
    this.#tab = tab;
    port.onmessage = ({ data }) => {
      hear(tab, data);
      this.#wind(tab, url);
    };
    document.addEventListener('visibilitychange', this.#visibility);
    addEventListener('pagehide', this.#hidden);
    addEventListener('pageshow', this.#shown);
    tab.opened(performance.now(), this.#id, lock, isVisible());
    this.#wind(tab, url);
    for (const wish of this.#wishes.splice(0)) wish.run(tab);
  }

  /** Sets the alarm for the tab's next deadline. */
  #wind(tab: Tab, url: URL): void {
    clearTimeout(this.#alarm);
    const deadline = tab.deadline();
    if (deadline === undefined || this.#ended) return;
    this.#alarm = setTimeout(() => void this.#silent(tab, url), Math.ceil(deadline - performance.now()));
  }

  /** The worker has not answered. Browsers do not always report a script that is not there. */
  async #silent(tab: Tab, url: URL): Promise<void> {
    const reason = await Promise.race([whatIsAt(url), new Promise<undefined>((giveUp) => setTimeout(giveUp, 1_000))]);
    if (this.#ended) return;
    if (reason !== undefined && tab.deadline() !== undefined) return this.#fail(reason);
    tab.timeout(performance.now());
    this.#wind(tab, url);
  }

  /** The browser says only that the worker failed to start; the address itself tells more. */
  async #failed(url: URL): Promise<void> {
    // Firefox also reports what goes wrong in a worker that runs, which the worker tells by itself.
    if (this.#tab && this.#tab.deadline() === undefined) return;
    const reason = await whatIsAt(url);
    this.#fail(reason ?? `the browser does not start the worker script ${url.href}: a Content-Security-Policy without worker-src for it, or an error in it`);
  }

  #fail(reason: string): void {
    if (this.#ended) return;
    if (this.#tab) {
      this.#tab.lost(performance.now(), 'worker-failed', reason);
      this.#end();
      return;
    }
    this.#end();
    for (const wish of this.#wishes.splice(0)) wish.fail?.(reason);
    this.#events.unlinked(reason);
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#alarm);
    this.#unlock?.();
    document.removeEventListener('visibilitychange', this.#visibility);
    removeEventListener('pagehide', this.#hidden);
    this.#port?.close();
  }

  readonly #visibility = (): void => this.#tab?.visibility(performance.now(), isVisible());

  // A page that goes into the back/forward cache would keep the lock, and a post from the worker would evict it: it leaves, like one that
  // is closed, and comes anew.
  readonly #hidden = (): void => {
    this.#tab?.leave(performance.now());
    this.#end();
  };

  readonly #shown = ({ persisted }: PageTransitionEvent): void => {
    if (!persisted) return;
    removeEventListener('pageshow', this.#shown);
    this.#events.revived();
  };
}

function startWorker(url: URL): SharedWorker {
  try {
    // Pages that ask for an extended lifetime and pages that do not exclude each other, so all ask, from the first release on.
    return new SharedWorker(url, { name: NAME, extendedLifetime: true } as WorkerOptions);
  } catch (error) {
    throw new Error(`the browser does not start the worker script ${url.href}: ${(error as Error).message}`);
  }
}

/** Why what is at this address cannot be the worker script, or nothing where it can. */
async function whatIsAt(url: URL): Promise<string | undefined> {
  try {
    const response = await fetch(url, { cache: 'no-store', credentials: 'same-origin' });
    const type = response.headers.get('content-type') ?? 'no content type';
    if (!response.ok) return `the worker script is not at ${url.href}: the server answered ${response.status}`;
    if (!/javascript|ecmascript/i.test(type)) return `what is at ${url.href} is not a script but ${type}`;
    return undefined;
  } catch (error) {
    return `the worker script ${url.href} cannot be fetched: ${(error as Error).message}`;
  }
}

function isVisible(): boolean {
  return document.visibilityState === 'visible';
}

function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
