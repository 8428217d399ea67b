// The worker script. Ports that come before the wasm is there wait in a queue: `onconnect` must be set before
// anything is awaited, or the first page is lost for ever.

import { accept, start } from './ports.ts';
import type { FromWorker } from '../../port/ts/protocol/FromWorker.ts';
import { noteWord, refuseStrophe } from './strophe-port.ts';
import { load, unpack } from '../../port/ts/wasm.ts';
import { DETOUR, lockOf } from '../../port/ts/names.ts';
import { denied, imports, loaded, online, owned, wanted } from '../pkg/epode_worker.js';
import text from '../pkg/epode_worker_text.js';
import { ownership } from './ownership';
import { dial, dialEarly } from './dialler';
import { http } from './http';

declare const self: SharedWorkerGlobalScope & DedicatedWorkerGlobalScope;
/** The build defines this constant for the script whose wasm is a file beside the script. */
declare const BESIDE: true | undefined;

if (typeof WorkerGlobalScope === 'undefined')
  throw new Error(
    'this script is the worker of Epode, and nothing to import: its address is the option "worker"; the README of the package has the line for each build tool',
  );

/**
 * Where the browser has no SharedWorker this script is the worker of one page, which sends its port in a
 * message.
 */
const shared = 'onconnect' in self;

/**
 * For how many milliseconds the only page of a worker may speak behind its goodbye: a shared worker hears it
 * anyway.
 */
const LAST_WORDS = shared ? 0 : 20;

/** Ports that wait for the engine, each with what its tab has said; `null` once the engine runs. */
let waiting: [port: MessagePort, said: unknown[]][] | null = [];
/** Why there is no engine, once that is known. */
let failure: string | undefined;
/** Every port ever opened that may still be heard at the other end. */
const ports = new Set<WeakRef<MessagePort>>();

self[shared ? 'onconnect' : 'onmessage'] = ({ ports: [port] }: MessageEvent) => {
  if (!port) return;
  for (const known of ports) if (!known.deref()) ports.delete(known);
  ports.add(new WeakRef(port));
  if (failure === undefined && !waiting) return accept(port, [], LAST_WORDS);
  if (failure !== undefined) refuse(port, failure);
  const said: unknown[] = [];
  waiting?.push([port, said]);
  port.onmessage = ({ data }) => {
    if (data === 'Ping') return say(port, 'Pong');
    noteWord(port, data);
    // A sign of life: on a slow line the wasm takes a while.
    if (said.length === 0 && !Array.isArray(data))
      say(port, { Log: { level: 'Debug', text: 'the worker is starting' } });
    if (failure !== undefined) return void refuseStrophe(port, failure);
    said.push(data);
    dialEarly(data);
  };
};

// A panic in the engine is a bug of ours, and what it left behind cannot be trusted: the tabs hear so, and
// the worker goes.
self.addEventListener('error', (event) => fail(`the worker broke: ${event.message}`));

Promise.all([
  hold(),
  load(
    { imports, loaded },
    typeof BESIDE === 'undefined' ? unpack(text) : new URL('epode-worker.wasm', self.location.href),
    'the worker',
  ),
])
  .then(([lock]) => {
    start(lock, ownership({ owned, denied, wanted }, leave), dial, http, shared, self.name === DETOUR);
    heedNetwork();
    const queued = waiting ?? [];
    waiting = null;
    for (const [port, said] of queued) accept(port, said, LAST_WORDS);
  })
  .catch((error: Error) => fail(error.message));

/** Tells whether the browser is on any network, whenever that changes. */
function heedNetwork(): void {
  const tell = (): void => online(navigator.onLine);
  self.addEventListener('online', tell);
  self.addEventListener('offline', tell);
  // Chromium fires neither in a worker; there the kind of network changes with it.
  const { connection } = navigator as { connection?: EventTarget };
  connection?.addEventListener('change', tell);
}

/**
 * Takes the lock by which tabs learn that this worker died: before the first welcome, or a tab that waits for
 * it would have it at once.
 */
async function hold(): Promise<string | undefined> {
  // Locks need a secure context.
  if (!navigator.locks) return undefined;
  const name = `${lockOf(self.name, self.location.href)}${Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('')}`;
  return new Promise((held, refused) => {
    navigator.locks
      .request(name, () => {
        held(name);
        return new Promise<never>(() => {});
      })
      .catch(refused);
  });
}

function fail(detail: string): void {
  if (failure !== undefined) return;
  failure = detail;
  for (const port of ports) {
    const alive = port.deref();
    if (alive) refuse(alive, detail);
  }
  leave();
}

/**
 * Late enough for posts and ports that are on their way, soon enough for the next page to start a fresh
 * worker.
 */
function leave(): void {
  setTimeout(() => self.close(), 500);
}

function refuse(port: MessagePort, detail: string): void {
  if (!refuseStrophe(port, detail)) say(port, { Refused: { Engine: { detail } } });
}

function say(port: MessagePort, message: FromWorker<string>): void {
  port.postMessage(message);
}
