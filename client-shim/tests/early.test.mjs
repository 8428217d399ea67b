// What the constructor of a connection starts for the `connect` to come, and what it leaves alone.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { early, locks, ports, raise, settled, source, Status, web } from './page.mjs';

const SERVICE = 'wss://chat.example/ws';
const { SharedWorker } = globalThis;
const { fetch } = web;

/** The number of requests for the page's wasm. */
let requests = 0;
/** Another copy of the script, in which nothing has been started yet. */
let Connection;
let copies = 0;
beforeEach(async () => {
  globalThis.SharedWorker = SharedWorker;
  requests = early.length = ports.length = 0;
  web.fetch = (...request) => {
    requests++;
    return fetch(...request);
  };
  ({ Connection } = await import(`${source}#early-${++copies}`));
});

/** Connects, and returns the statuses so far. */
async function connect(connection) {
  const statuses = [];
  connection.connect('alice@chat.example', 'secret', (status) => statuses.push(status));
  await settled();
  return statuses;
}

test('a hundred connections start one worker and load the wasm once, and leave nothing else', async (t) => {
  const { addEventListener, removeEventListener } = globalThis;
  t.after(() => Object.assign(globalThis, { addEventListener, removeEventListener }));
  const heard = [];
  globalThis.addEventListener = (type) => heard.push(type);
  globalThis.removeEventListener = (type) => heard.splice(heard.indexOf(type), 1);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (let count = 0; count < 100; count++) new Connection(SERVICE, { worker: '/epode-worker.js' });
  assert.deepEqual([ports.length, locks.size, heard], [1, 0, ['pagehide']]);
  const [port] = ports;
  t.mock.timers.tick(9_999);
  assert.deepEqual([port.posted, port.closed], [[], false]);
  t.mock.timers.tick(1);
  assert.deepEqual([port.posted, port.closed, port.onmessage], [['Leave'], true, null]);
  assert.deepEqual([early.length, ports.length, locks.size, heard], [1, 0, 0, []]);
  t.mock.timers.reset();
  await settled();
  assert.equal(requests, 1);
});

test('a worker of another address is started, too', () => {
  for (const worker of ['/one.js', '/other.js', new URL('https://app.example/one.js')])
    new Connection(SERVICE, { worker });
  assert.equal(ports.length, 2);
});

test('the first connect takes the port and finds the wasm, the second opens a port of its own', async () => {
  const [first, second] = [1, 2].map(() => new Connection(SERVICE, { worker: '/epode-worker.js' }));
  await settled();
  assert.equal(ports.length, 1);
  for (const connection of [first, second]) await connect(connection);
  assert.deepEqual([early.length, ports.length, requests], [0, 2, 1]);
  for (const port of ports) assert.equal(port.said('Connect').length, 1);
  for (const connection of [first, second]) connection.reset();
});

test('a port that was closed, with its page or since no connect came, is not taken', async (t) => {
  const { addEventListener } = globalThis;
  t.after(() => Object.assign(globalThis, { addEventListener }));
  let hide;
  globalThis.addEventListener = (type, listener) => type === 'pagehide' && (hide ??= listener);
  const leave = {
    'by the clock': () => t.mock.timers.tick(10_000),
    'with its page': () => hide(),
  };
  for (const [how, close] of Object.entries(leave)) {
    ({ Connection } = await import(`${source}#early-${++copies}`));
    early.length = ports.length = 0;
    hide = undefined;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const connection = new Connection(SERVICE, { worker: '/epode-worker.js' });
    close();
    t.mock.timers.reset();
    await connect(connection);
    assert.deepEqual([early.length, ports.length], [1, 1], how);
    assert.equal(ports[0].said('Connect').length, 1, how);
    connection.reset();
  }
});

test('a worker that failed early is started anew at connect, which reports the failure', async () => {
  const connection = new Connection(SERVICE, { worker: '/epode-worker.js' });
  raise.at(-1)();
  assert.deepEqual([early.length, ports.length], [1, 0]);
  await connect(connection);
  assert.equal(ports[0].said('Connect').length, 1);
  connection.reset();
});

test('wasm that did not load is loaded again at connect', async () => {
  const { fetch } = web;
  web.fetch = async () => {
    requests++;
    throw new Error('offline');
  };
  const connection = new Connection(SERVICE, { worker: '/epode-worker.js' });
  await settled();
  assert.equal(requests, 1);
  web.fetch = fetch;
  await connect(connection);
  assert.equal(ports[0].said('Connect').length, 1);
  connection.reset();
});

test('an unusable address of the worker is reported at connect, and nothing is started for it', async () => {
  for (const worker of ['http://', 'https://other.example/epode-worker.js']) {
    const connection = new Connection(SERVICE, { worker });
    await settled();
    assert.deepEqual([early.length, ports.length, requests], [0, 0, 0]);
    assert.deepEqual(await connect(connection), [Status.CONNECTING, Status.CONNFAIL, Status.DISCONNECTED]);
    requests = 0;
    ({ Connection } = await import(`${source}#early-${++copies}`));
  }
});

test('a browser that throws at the start of the worker does so at connect only', async () => {
  globalThis.SharedWorker = class {
    constructor() {
      throw new Error('forbidden');
    }
  };
  const connection = new Connection(SERVICE, { worker: '/epode-worker.js' });
  assert.deepEqual(await connect(connection), [Status.CONNECTING, Status.CONNFAIL, Status.DISCONNECTED]);
});

test('without the option worker, or without SharedWorker, nothing is started', async (t) => {
  t.after(() => delete globalThis.Worker);
  let workers = 0;
  globalThis.Worker = class {
    constructor() {
      workers++;
    }
    postMessage() {}
  };
  new Connection(SERVICE);
  delete globalThis.SharedWorker;
  new Connection(SERVICE, { worker: '/epode-worker.js' });
  await settled();
  assert.deepEqual([early.length, ports.length, requests, workers], [0, 0, 0, 0]);
});
