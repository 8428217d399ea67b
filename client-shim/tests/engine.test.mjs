// The port between a page and the engine in it, which here does what the test says.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const idle = { accept() {}, imports() {}, loaded() {}, online() {}, start() {} };
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** The script around this engine, begun; `raise` is what the browser tells its window. */
async function run(engine) {
  const { outputFiles } = await build({
    entryPoints: [`${root}client-shim/ts/epode-engine.ts`],
    bundle: true,
    format: 'esm',
    write: false,
    plugins: [
      {
        name: 'engine',
        setup(build) {
          build.onResolve({ filter: /\/pkg\/|engine-wire/ }, ({ path }) => ({ path, namespace: 'engine' }));
          build.onLoad({ filter: /.*/, namespace: 'engine' }, () => ({
            contents: `export const { ${Object.keys(engine)} } = globalThis.engine;`,
          }));
        },
      },
    ],
  });
  const listeners = [];
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { onLine: true } });
  globalThis.engine = engine;
  globalThis.addEventListener = (name, listener) => listeners.push([name, listener]);
  // Each test has a module of its own.
  const source = `${outputFiles[0].text.replaceAll('import.meta.url', '"https://app.example/epode-engine.js"')}//${Math.random()}`;
  const script = await import(`data:text/javascript;base64,${Buffer.from(source).toString('base64')}`);
  await script.begin(async () => {});
  return {
    ...script,
    raise: (name) => listeners.filter(([known]) => known === name).forEach(([, listener]) => listener()),
  };
}

/** A page's end of a new port, and what it hears. */
function open(script) {
  const port = script.open();
  const heard = [];
  port.onmessage = ({ data }) => heard.push(data);
  return { port, heard };
}

test('what the page posts is done when it has been posted, and what the engine posts is heard afterwards', async () => {
  const said = [];
  const script = await run({
    ...idle,
    accept(port) {
      port.onmessage = ({ data }) => {
        said.push(data);
        port.postMessage(`${data}, and so do I`);
      };
    },
  });
  const { port, heard } = open(script);
  port.postMessage('I leave');
  assert.deepEqual([said, heard], [['I leave'], []]);
  await settled();
  assert.deepEqual(heard, ['I leave, and so do I']);
});

test('a page that closes its end has left, once, and hears nothing any more', async () => {
  const said = [];
  let end;
  const script = await run({
    ...idle,
    accept(port) {
      end = port;
      port.onmessage = ({ data }) => said.push(data);
    },
  });
  const { port, heard } = open(script);
  end.postMessage('too late');
  port.close();
  port.close();
  await settled();
  assert.deepEqual([said, heard], [['Leave'], []]);
});

const broken = () => {
  throw new Error('unreachable');
};
const REFUSED = { Refused: { Engine: { detail: 'the engine broke: unreachable; reload the page' } } };

test('an engine that breaks over what a page says tells all who are there, and who comes later', async () => {
  const script = await run({ ...idle, accept: (port) => (port.onmessage = broken) });
  const tabs = [open(script), open(script)];
  tabs[0].port.postMessage('Pong');
  tabs.push(open(script));
  await settled();
  for (const { heard } of tabs) assert.deepEqual(heard.at(-1), REFUSED);
});

test('an engine that broke where nobody listened is noticed when the window hears of an error', async () => {
  const engine = { ...idle };
  const script = await run({ ...idle, online: () => engine.online() });
  const { heard } = open(script);
  script.raise('error');
  await settled();
  assert.deepEqual(heard, [], "an error of the app's own");
  engine.online = broken;
  script.raise('error');
  await settled();
  assert.deepEqual(heard, [REFUSED]);
});
