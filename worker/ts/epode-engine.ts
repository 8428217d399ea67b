/**
 * The engine in the page: stream, session and hub, which else run in the worker, for connections without one.
 * A script of its own beside `epode.js`, with the worker's wasm inside, which no other page loads.
 *
 * A page and its engine are joined by calls and not by a channel: what a page says while it is unloaded must
 * be done before it is gone.
 */
import { failed, imports, loaded, online, responded } from '../pkg/epode_worker.js';
import text from '../pkg/epode_worker_text.js';
import type { Port } from '../../port/ts/port.ts';
import { accept, start } from './ports.ts';
import { withBlocking } from './blocking.ts';
import { http } from './http.ts';
import type { FromWorker } from '../../port/ts/protocol/FromWorker.ts';
import { type load, unpack } from '../../port/ts/wasm.ts';

export { block } from './blocking.ts';

/** The engine's ends of the ports that are open. */
const ends = new Set<Port>();
/** Why the engine serves nobody any more. */
let failure: string | undefined;

/** Starts the engine; to be called once. */
export async function begin(how: typeof load): Promise<void> {
  await how({ imports, loaded }, unpack(text), 'the page');
  // Nothing is shared, and no worker is to be ended.
  const nothing = (): void => {};
  start(
    undefined,
    { own: nothing, seek: nothing, disown: nothing, exit: nothing },
    (url) => new WebSocket(url, 'xmpp'),
    withBlocking(http, {
      responded: (...answer) => attempt(() => responded(...answer)),
      failed: (...request) => attempt(() => failed(...request)),
    }),
    false,
    false,
  );
  for (const name of ['online', 'offline']) addEventListener(name, probe);
  // What goes wrong in a timer or at a socket is nobody's to catch.
  addEventListener('error', probe);
}

/**
 * Opens a port. What the page posts is done when `postMessage` returns; what the engine posts is heard a
 * little later, never within.
 */
export function open(): Port {
  const page: Port = {
    onmessage: null,
    postMessage(data) {
      const said = (): void => attempt(() => hand(engine, data));
      // A page that disconnects now leaves before.
      if (data === 'Leave' || (data as { Disconnect?: object }).Disconnect) last(said);
      else said();
    },
    close() {
      if (ends.delete(engine)) page.postMessage('Leave');
      page.onmessage = null;
    },
  };
  const engine: Port = {
    onmessage: null,
    postMessage: (data: FromWorker<string>) => queueMicrotask(() => hand(page, data)),
    close: () => void ends.delete(engine),
  };
  ends.add(engine);
  attempt(() => accept(engine));
  return page;
}

/**
 * Says goodbye. Nothing is written behind it, so in a listener of `pagehide` it waits for those of the app,
 * which may speak there and later: for the last event of a page that is gone then, and for a task of one that
 * goes into the back/forward cache.
 */
function last(said: () => void): void {
  const { event, document } = globalThis as Unloading;
  if (event?.type !== 'pagehide') said();
  else if (event.persisted) setTimeout(said);
  // Where a policy forbids its listeners, adding one is noted on the console.
  else if (document?.featurePolicy?.allowsFeature('unload') === false) said();
  else addEventListener('unload', said);
}

/** What a page has that a worker has not, which reads these types too. */
interface Unloading {
  event?: { type: string; persisted?: boolean };
  document?: { featurePolicy?: { allowsFeature(name: string): boolean } };
}

/**
 * Tells the engine of the network, and learns so whether it still lives: one that panicked throws at every
 * call.
 */
function probe(): void {
  attempt(() => online(navigator.onLine));
}

function attempt(call: () => void): void {
  try {
    if (failure === undefined) return call();
  } catch (error) {
    failure = `the engine broke: ${(error as Error).message}; reload the page`;
  }
  for (const end of ends)
    end.postMessage({ Refused: { Engine: { detail: failure } } } satisfies FromWorker<string>);
}

function hand(port: Port, data: unknown): void {
  port.onmessage?.call(port as MessagePort, { data } as MessageEvent);
}
