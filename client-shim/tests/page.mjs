// A page without a browser: the DOM of jsdom, the real wasm, and a worker that each test scripts.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { giveDom } from './load.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const wasm = await readFile(`${root}client-shim/pkg/epode_client_shim_bg.wasm`);

/** The browser's objects that a connection uses. */
export const window = giveDom();
/** The worker's ends of the ports that the page opened, oldest first. */
export const ports = [];
/** The ports of which the page said first that no tab is there: no connection wanted these early ports. */
export const early = [];
/** For each port, a function that raises an error event of its worker. */
export const raise = [];
/**
 * The lock that further workers name in `Welcome`. The lock is granted at once, so such a
 * worker dies right after `Welcome`.
 */
export const dying = { lock: null };
/** The names of the Web Locks that are held. */
export const locks = new Set();
/** Serves the page's wasm; a test may replace `fetch`. */
export const web = {
  fetch: async () => new Response(wasm, { headers: { 'content-type': 'application/wasm' } }),
};

/** The worker's end of a port: `posted` holds the messages of the page, `say` answers. */
class Port {
  posted = [];
  closed = false;
  onmessage = null;

  postMessage(message) {
    if (this.closed) return;
    if (message === 'Leave' && this.posted.length === 0) early.push(...ports.splice(ports.indexOf(this), 1));
    this.posted.push(structuredClone(message));
    if (message.Hello)
      queueMicrotask(() => this.say({ Welcome: { version: 1, boot: 'boot', lock: dying.lock } }));
    const { Connect, Attach, AttachBosh, Negotiate } = message;
    if (Connect || Attach || AttachBosh || Negotiate) queueMicrotask(() => this.say('Joining'));
  }

  say(...messages) {
    for (const data of messages) if (!this.closed) this.onmessage?.({ data });
  }

  /** The messages of this variant. */
  said(name) {
    return this.posted.filter(
      (message) => message === name || (typeof message === 'object' && name in message),
    );
  }

  close() {
    this.closed = true;
  }
}

Object.assign(globalThis, {
  location: new URL('https://app.example/index.html'),
  origin: 'https://app.example',
  sessionStorage: window.sessionStorage,
  fetch: (...request) => web.fetch(...request),
  addEventListener: window.addEventListener.bind(window),
  removeEventListener: window.removeEventListener.bind(window),
  SharedWorker: class extends EventTarget {
    port = new Port();
    constructor() {
      super();
      ports.push(this.port);
      raise.push(() => this.dispatchEvent(new Event('error')));
    }
  },
});
Object.defineProperty(globalThis, 'navigator', {
  configurable: true,
  value: {
    locks: {
      async request(name, options, callback = options) {
        await null;
        locks.add(name);
        await callback();
        locks.delete(name);
      },
    },
  },
});

// A page's timers that watch its worker must not keep the test process alive.
const { setTimeout: wait } = globalThis;
globalThis.setTimeout = (callback, delay, ...rest) => {
  const timer = wait(callback, delay, ...rest);
  return delay > 5_000 ? timer.unref() : timer;
};

const { outputFiles } = await build({
  stdin: {
    contents: ['connection', 'builder', 'constants', 'errors', 'log', 'mechanisms', 'plugins', 'transports']
      .map((name) => `export * from './client-shim/ts/${name}.ts';`)
      .join('\n'),
    resolveDir: root,
    loader: 'ts',
  },
  bundle: true,
  format: 'esm',
  target: 'es2022',
  define: { 'import.meta.url': '"https://app.example/epode.js"', BESIDE: 'true' },
  write: false,
});
/** The URL of the script; with a fragment, another copy of the script with its own wasm. */
export const source = `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`;
export const epode = await import(source);
export const { addConnectionPlugin, Connection, $iq, $msg, $pres, sink, Status } = epode;

/** Waits until the wasm is loaded, locks are granted and posted messages are handled. */
export const settled = () => new Promise((resolve) => setTimeout(resolve, 30));

/** The `Status` of a session that is up. */
export function up(code, jid = 'alice@chat.example/desk') {
  const features = '<stream:features xmlns:stream="http://etherx.jabber.org/streams"/>';
  return {
    Status: {
      code,
      condition: null,
      text: null,
      session: { jid, domain: 'chat.example', features, position: 0, generation: 1 },
    },
  };
}

/** Any other `Status`. */
export function status(code, text = null, condition = null) {
  return { Status: { code, condition, text, session: null } };
}

export function deliver(...texts) {
  if (texts.length === 1) return [1, texts[0]];
  const positions = texts.map((_, index) => index + 1);
  return {
    Deliver: { positions, origins: null, lengths: texts.map(({ length }) => length), text: texts.join('') },
  };
}

/** A connection that has reported CONNECTED, its statuses so far, and its port. */
export async function online(callback = () => {}) {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const statuses = [];
  connection.connect('alice@chat.example', 'secret', function (status, ...rest) {
    statuses.push(status);
    callback.call(this, status, ...rest);
  });
  await settled();
  const port = ports.at(-1);
  port.say(up('Connected'));
  await settled();
  return { connection, statuses, port };
}
