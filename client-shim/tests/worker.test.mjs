// The worker's script; each test makes its own engine.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the script with this engine in a scope of its own, a worker's or not; returns the scope. */
async function run(engine, isWorker = true) {
  const stub = `export const { ${Object.keys(engine)} } = globalThis.engine;`;
  const { outputFiles } = await build({
    entryPoints: [`${root}worker/ts/worker.ts`],
    bundle: true,
    format: 'iife',
    write: false,
    plugins: [
      {
        name: 'engine',
        setup(build) {
          build.onResolve({ filter: /\/pkg\/|\/ports\.ts$/ }, ({ path }) => ({ path, namespace: 'engine' }));
          build.onLoad({ filter: /.*/, namespace: 'engine' }, ({ path }) => ({
            contents: path.endsWith('_text.js') ? EMPTY : stub,
          }));
        },
      },
    ],
  });
  const scope = {
    location: new URL('https://app.example/epode-worker.js'),
    addEventListener() {},
    close() {},
    onconnect: null,
  };
  globalThis.engine = engine;
  const names = ['self', 'navigator', 'setTimeout', 'WorkerGlobalScope'];
  new Function(...names, outputFiles[0].text)(scope, {}, () => {}, isWorker ? Object : undefined);
  return scope;
}

function port() {
  const heard = [];
  return { heard, postMessage: (message) => heard.push(message) };
}

const idle = {
  accept() {},
  denied() {},
  failed() {},
  imports: () => ({}),
  loaded() {},
  online() {},
  owned() {},
  responded() {},
  start() {},
  wanted() {},
};
/** An empty wasm module, as the build writes it. */
const EMPTY = 'export default "# ) ; 5$###"';
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

test('an engine that panics on the first ports tells all tabs', async () => {
  const broken = () => {
    throw new Error('unreachable');
  };
  for (const engine of [
    { ...idle, start: broken },
    { ...idle, accept: broken },
  ]) {
    const scope = await run(engine);
    const ports = [port(), port()];
    for (const port of ports) scope.onconnect({ ports: [port] });
    await settled();
    for (const { heard } of ports)
      assert.deepEqual(heard.at(-1), { Refused: { Engine: { detail: 'unreachable' } } });
  }
});

test('messages of tabs that arrive while the engine loads are handed to it with their ports', async () => {
  const accepted = [];
  const scope = await run({ ...idle, accept: (...words) => accepted.push(words) });
  const ports = [port(), port()];
  for (const port of ports) scope.onconnect({ ports: [port] });
  ports[1].onmessage({ data: 'first' });
  ports[1].onmessage({ data: 'second' });
  await settled();
  assert.deepEqual(accepted, [
    [ports[0], [], 0],
    [ports[1], ['first', 'second'], 0],
  ]);
});

test('while the engine loads, the worker script answers pings', async () => {
  const accepted = [];
  const scope = await run({ ...idle, accept: (...words) => accepted.push(words) });
  const asking = port();
  scope.onconnect({ ports: [asking] });
  for (const data of ['hello', 'Ping']) asking.onmessage({ data });
  assert.deepEqual(asking.heard.slice(1), ['Pong']);
  await settled();
  assert.deepEqual(accepted, [[asking, ['hello'], 0]]);
});

test('nothing is kept of ports that have closed', async () => {
  const refs = [];
  const { WeakRef: original } = globalThis;
  globalThis.WeakRef = class {
    asked = 0;
    constructor() {
      refs.push(this);
    }
    deref() {
      this.asked++;
    }
  };
  try {
    const scope = await run(idle);
    for (let i = 0; i < 5; i++) scope.onconnect({ ports: [port()] });
    assert.deepEqual(
      refs.map(({ asked }) => asked),
      [1, 1, 1, 1, 0],
      'each is asked once, and then forgotten',
    );
  } finally {
    globalThis.WeakRef = original;
  }
});

test('while the engine loads, a page of strophe.js waits as any other, and hears nothing but its own words', async () => {
  const accepted = [];
  const scope = await run({ ...idle, accept: (...words) => accepted.push(words) });
  const [theirs, ours, silent] = [port(), port(), port()];
  for (const port of [theirs, ours, silent]) scope.onconnect({ ports: [port] });
  const word = ['_connect', 'ws://s/', 'a@b', 3];
  theirs.onmessage({ data: word });
  ours.onmessage({ data: { Hello: {} } });
  assert.deepEqual(theirs.heard, []);
  assert.deepEqual(ours.heard, [{ Log: { level: 'Debug', text: 'the worker is starting' } }]);
  assert.deepEqual(silent.heard, []);
  await settled();
  assert.deepEqual(
    accepted.map(([port, said]) => [port, said]),
    [
      [theirs, [word]],
      [ours, [{ Hello: {} }]],
      [silent, []],
    ],
  );
});

test('a page or a server that imports the script hears what it is, and where its address belongs', async () => {
  await assert.rejects(run(idle, false), /the worker of Epode.*the option "worker".*README/);
});
