/** The worker, as a page starts it, and what can be said of one that does not answer. */

import { DETOUR, lockOf, NAME } from '../../port/ts/names.ts';
import type { ToWorker } from '../../port/ts/protocol/ToWorker.ts';

/** How long an early port stays open for a link, in milliseconds. */
const EARLY = 10_000;

/** The addresses at which this page has started a worker early. */
const started = new Set<string>();

/** An early port that no link has taken yet. */
interface Early {
  worker: SharedWorker | Worker;
  port: MessagePort;
  /** Closes the port. */
  drop(): void;
  timer: ReturnType<typeof setTimeout>;
}

/** By the address of the worker. */
const early = new Map<string, Early>();

/**
 * Starts the shared worker of this address for the links to come, once in a page. The first link takes the
 * port. A port that no link wants is closed; the browser keeps a worker for every page that has started the
 * worker, also after the port is closed.
 */
export function startEarly(url: URL): void {
  const { href } = url;
  if (started.has(href)) return;
  started.add(href);
  const [worker, port] = startWorker(url, NAME);
  const drop = (): void => {
    takeEarly(href);
    port.postMessage('Leave' satisfies ToWorker<string>);
    port.close();
  };
  const timer = setTimeout(drop, EARLY);
  early.set(href, { worker, port, drop, timer });
  // A link that starts the worker anew hears why there is none.
  worker.addEventListener('error', drop);
  // An open port keeps a page out of the back/forward cache.
  addEventListener('pagehide', drop);
}

/** Takes the early port of this address out, if there is one. */
function takeEarly(href: string): Early | undefined {
  const taken = early.get(href);
  if (!taken) return undefined;
  early.delete(href);
  clearTimeout(taken.timer);
  taken.worker.removeEventListener('error', taken.drop);
  removeEventListener('pagehide', taken.drop);
  return taken;
}

/**
 * Starts the worker of this script and name, or finds it; what tells of its failure, and a port to it. A
 * `Worker` is this caller's alone, who ends it.
 */
export function startWorker(url: URL, name: string): [SharedWorker | Worker, MessagePort] {
  try {
    if (typeof SharedWorker === 'undefined') {
      // The same script, for this page alone.
      const worker = new Worker(url, { name: 'alone' });
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(null, [port2]);
      return [worker, port1];
    }
    const ready = name === NAME ? takeEarly(url.href) : undefined;
    if (ready) return [ready.worker, ready.port];
    // Pages that ask for an extended lifetime and pages that do not exclude each other: all ask for that of a
    // worker of Epode's pages, and strophe.js for that of no worker.
    const extendedLifetime = name === NAME || name === DETOUR;
    const worker = new SharedWorker(url, { name, extendedLifetime } as WorkerOptions);
    return [worker, worker.port];
  } catch (error) {
    throw new Error(`the browser does not start the worker script ${url.href}: ${(error as Error).message}`);
  }
}

const CURE = 'the option "worker" must be the address of a copy of epode-worker.inline.js';

/** What is at this address; or, in a sentence, why it cannot be the worker script. */
export async function whatIsAt(url: URL, signal: AbortSignal | null = null): Promise<Response | string> {
  try {
    const response = await fetch(url, { cache: 'no-store', credentials: 'same-origin', signal });
    const type = response.headers.get('content-type') ?? 'no content type';
    if (!response.ok)
      return `the worker script is not at ${url.href}: the server answered ${response.status}; ${CURE}`;
    if (!/javascript|ecmascript/i.test(type))
      return `what is at ${url.href} is not a script but ${type}; ${CURE}`;
    return response;
  } catch (error) {
    return `the browser does not start the worker script ${url.href}, and the page may not look why: ${(error as Error).message} (no network, or a Content-Security-Policy whose connect-src forbids it); ${CURE}`;
  }
}

/**
 * Whether a worker that does not answer runs, or is on its way; `undefined` where its script may be some
 * other; or, in a sentence, why it cannot be there.
 */
export async function whereabouts(url: URL, worker: string): Promise<boolean | string | undefined> {
  const { held } = (await navigator.locks?.query()) ?? {};
  const runs = (href: string): boolean | undefined =>
    held?.some(({ name }) => name!.startsWith(lockOf(worker, href)));
  if (runs(url.href)) return true;
  const slow = new AbortController();
  setTimeout(() => slow.abort(), 2_000);
  const found = await whatIsAt(url, slow.signal);
  const script = typeof found === 'string' ? '' : await found.text().catch(() => '');
  // What does not reach this page does not reach the worker either.
  if (slow.signal.aborted) return false;
  if (typeof found === 'string') return found;
  if (!script.includes(lockOf('', '').split(' ')[0]!)) return undefined;
  // Where there are no locks: what has reached this page has reached the worker as well.
  return runs(found.url) ?? true;
}
