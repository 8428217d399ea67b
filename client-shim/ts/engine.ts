/** What a connection loads, once for all: the page's wasm, and without a worker the engine. */
import { imports, loaded } from '../pkg/epode_client_shim.js';
import text from '../pkg/epode_client_shim_text.js';
import type { Port } from '../../port/ts/port.ts';
import { load, unpack } from '../../port/ts/wasm.ts';

export type { Port };

/** The build defines this constant for `epode/beside`, whose wasm is a file beside the script. */
declare const BESIDE: true | undefined;

let address: string | URL | undefined;

/**
 * Sets the address of `epode.wasm`, relative to the page's base URL, for all connections of the page that are
 * made later. By default the file is beside the script.
 */
export function setWasm(url: string | URL): void {
  address = url;
}

/** Loads the page's wasm. */
export const loadTab = once(() => load({ imports, loaded }, source(), 'the page'));

function source(): URL | BufferSource {
  if (typeof BESIDE === 'undefined') return unpack(text);
  return address ? new URL(address, document.baseURI) : new URL('./epode.wasm', import.meta.url);
}

/** The engine in this page, once it is loaded. */
let engine: typeof import('./epode-engine.js') | undefined;

/** Loads the engine into this page. */
const loadEngine = once(async () => {
  engine = await import('./epode-engine.js').catch((error: Error) => {
    throw new Error(
      `the engine, which the page loads where there is no option "worker", could not be loaded: ${error.message}; it is a file beside epode.js, which the script-src of a Content-Security-Policy must allow`,
    );
  });
  await engine.begin(load);
  return engine;
});

/** The page's part of BOSH, once it is loaded. */
export let bosh: typeof import('./epode-bosh.js') | undefined;

/** Loads the page's part of BOSH. */
export const loadBosh = once(async () => {
  bosh = await import('./epode-bosh.js').catch((error: Error) => {
    throw new Error(
      `epode-bosh.js, which the page loads where the service is not a WebSocket, could not be loaded: ${error.message}`,
    );
  });
  return bosh;
});

/** Makes the requests of a session of the engine in this page synchronous, or not: from the next on. */
export function block(sid: string, on: boolean): void {
  engine?.block(sid, on);
}

/** Opens a port to the engine in this page. */
export async function openHere(): Promise<Port> {
  return (await loadEngine()).open();
}

/** What could not be loaded is tried again when it is needed again. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () =>
    (loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    }));
}
