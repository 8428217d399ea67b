// The worker script around its engine, which here does what the test says.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The script, run in a scope of its own with this engine; the scope. */
async function run(engine) {
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
          build.onResolve({ filter: /\/pkg\/|engine-wire/ }, ({ path }) => ({ path, namespace: 'engine' }));
          build.onLoad({ filter: /.*/, namespace: 'engine' }, ({ path }) => ({
            contents: path.endsWith('.wasm') ? EMPTY : stub,
          }));
        },
      },
    ],
  });
  const scope = { location: new URL('https://app.example/epode-worker.js'), addEventListener() {}, close() {}, onconnect: null };
  globalThis.engine = engine;
  new Function('self', 'navigator', 'setTimeout', outputFiles[0].text)(scope, {}, () => {});
  return scope;
}

function port() {
  const heard = [];
  return { heard, postMessage: (message) => heard.push(message) };
}

const idle = { accept() {}, denied() {}, imports: () => ({}), loaded() {}, online() {}, owned() {}, start() {}, wanted() {} };
/** A module of wasm without anything in it. */
const EMPTY = `export default new Uint8Array([0, ${[...'asm'].map((letter) => letter.charCodeAt())}, 1, 0, 0, 0])`;
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

test('an engine that breaks over the first ports says so to all tabs', async () => {
  const broken = () => {
    throw new Error('unreachable');
  };
  for (const engine of [{ ...idle, start: broken }, { ...idle, accept: broken }]) {
    const scope = await run(engine);
    const ports = [port(), port()];
    for (const port of ports) scope.onconnect({ ports: [port] });
    await settled();
    for (const { heard } of ports) assert.deepEqual(heard.at(-1), { Refused: { Engine: { detail: 'unreachable' } } });
  }
});

test('what tabs say while the engine is on its way is handed to it with their ports', async () => {
  const accepted = [];
  const scope = await run({ ...idle, accept: (...words) => accepted.push(words) });
  const ports = [port(), port()];
  for (const port of ports) scope.onconnect({ ports: [port] });
  ports[1].onmessage({ data: 'first' });
  ports[1].onmessage({ data: 'second' });
  await settled();
  assert.deepEqual(accepted, [[ports[0], []], [ports[1], ['first', 'second']]]);
});

test('of ports that are gone nothing is kept', async () => {
  const refs = [];
  const { WeakRef } = globalThis;
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
    assert.deepEqual(refs.map(({ asked }) => asked), [1, 1, 1, 1, 0], 'each is asked once, and then forgotten');
  } finally {
    globalThis.WeakRef = WeakRef;
  }
});
