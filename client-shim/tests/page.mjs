// A page without a browser: the DOM of jsdom, the real wasm, and a worker that says what the test says.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { giveDom } from './load.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const wasm = await readFile(`${root}client-shim/pkg/epode_client_shim_bg.wasm`);

/** What a browser gives its pages, as far as a connection asks for it. */
export const window = giveDom();
/** Every port that the page opened, oldest first. */
export const ports = [];
/** Raises an error of the worker, as its page hears it, for each port. */
export const raise = [];
/**
 * The lock of the workers to come. Whoever waits for it has it at once: such a worker dies when it has said
 * welcome.
 */
export const dying = { lock: null };
/** The Web Locks that are held, by name. */
export const locks = new Set();
/** How the page's wasm is served; a test may break it. */
export const web = {
  fetch: async () => new Response(wasm, { headers: { 'content-type': 'application/wasm' } }),
};

/** The worker's end of a port: `posted` is what the page said, `say` answers. */
class Port {
  posted = [];
  closed = false;
  onmessage = null;

  postMessage(message) {
    if (this.closed) return;
    this.posted.push(structuredClone(message));
    if (message.Hello)
      queueMicrotask(() => this.say({ Welcome: { version: 1, boot: 'boot', lock: dying.lock } }));
    if (message.Connect || message.Attach) queueMicrotask(() => this.say('Joining'));
  }

  say(...messages) {
    for (const data of messages) if (!this.closed) this.onmessage?.({ data });
  }

  /** What was said under this name. */
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
  sessionStorage: { getItem: () => null, setItem() {}, removeItem() {} },
  fetch: (...request) => web.fetch(...request),
  addEventListener: window.addEventListener.bind(window),
  removeEventListener: window.removeEventListener.bind(window),
  SharedWorker: class {
    port = new Port();
    constructor() {
      ports.push(this.port);
    }
    addEventListener(type, listener) {
      if (type === 'error') raise.push(listener);
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

// A page watches over its worker for as long as it lives, and these live as long as nothing else does: such a
// wait keeps no test from ending.
const { setTimeout: wait } = globalThis;
globalThis.setTimeout = (callback, delay, ...rest) => {
  const timer = wait(callback, delay, ...rest);
  return delay > 5_000 ? timer.unref() : timer;
};

const { outputFiles } = await build({
  stdin: {
    contents: ['connection', 'builder', 'constants', 'errors', 'log', 'mechanisms', 'plugins']
      .map((name) => `export * from './client-shim/ts/${name}.ts';`)
      .join('\n'),
    resolveDir: root,
    loader: 'ts',
  },
  bundle: true,
  format: 'esm',
  target: 'es2022',
  define: { 'import.meta.url': '"https://app.example/epode.js"' },
  write: false,
});
/** Where the script is imported from; behind a `#` it is another copy, with wasm of its own. */
export const source = `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`;
export const epode = await import(source);
export const { addConnectionPlugin, Connection, $iq, $msg, $pres, sink, Status } = epode;

/** A little later: the wasm is there, locks are granted, everything that was posted is heard. */
export const settled = () => new Promise((resolve) => setTimeout(resolve, 30));

/** What the worker says when the session is up. */
export function up(code, jid = 'alice@chat.example/desk') {
  const features = '<stream:features xmlns:stream="http://etherx.jabber.org/streams"/>';
  return {
    Status: {
      code,
      condition: null,
      text: null,
      session: { jid, domain: 'chat.example', features, position: 0 },
    },
  };
}

/** Any other status. */
export function status(code, text = null) {
  return { Status: { code, condition: null, text, session: null } };
}

export function deliver(...texts) {
  if (texts.length === 1) return [1, texts[0]];
  const positions = texts.map((_, index) => index + 1);
  return {
    Deliver: { positions, origins: null, lengths: texts.map(({ length }) => length), text: texts.join('') },
  };
}

/** A connection that has heard CONNECTED; its statuses so far, and the port it has. */
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
