// The port between a page and the engine in that page; each test makes its own engine.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const idle = {
  accept() {},
  failed() {},
  imports() {},
  loaded() {},
  online() {},
  responded() {},
  start() {},
};
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Loads the script with this engine and starts it; `raise` dispatches an event of the window. */
async function run(engine) {
  const { outputFiles } = await build({
    entryPoints: [`${root}worker/ts/epode-engine.ts`],
    bundle: true,
    format: 'esm',
    write: false,
    plugins: [
      {
        name: 'engine',
        setup(build) {
          build.onResolve({ filter: /\/pkg\/|\/ports\.ts$/ }, ({ path }) => ({ path, namespace: 'engine' }));
          build.onLoad({ filter: /.*/, namespace: 'engine' }, ({ path }) => ({
            contents: path.endsWith('_text.js')
              ? 'export default ""'
              : `export const { ${Object.keys(engine)} } = globalThis.engine;`,
          }));
        },
      },
    ],
  });
  const listeners = [];
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { onLine: true } });
  globalThis.engine = engine;
  globalThis.addEventListener = (name, listener) => listeners.push([name, listener]);
  // The random suffix gives each test a module of its own.
  const source = `${outputFiles[0].text.replaceAll('import.meta.url', '"https://app.example/epode-engine.js"')}//${Math.random()}`;
  const script = await import(`data:text/javascript;base64,${Buffer.from(source).toString('base64')}`);
  await script.begin(async () => {});
  return {
    ...script,
    raise: (name) => listeners.filter(([known]) => known === name).forEach(([, listener]) => listener()),
  };
}

/** The page's end of a new port, and the messages that arrive there. */
function open(script) {
  const port = script.open();
  const heard = [];
  port.onmessage = ({ data }) => heard.push(data);
  return { port, heard };
}

test('the engine handles a message within postMessage, and the page gets the answer later', async () => {
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

test('a page that closes its end says Leave once and gets no further message', async () => {
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

test('an engine that panics on a message tells all open ports, and later ones', async () => {
  const script = await run({ ...idle, accept: (port) => (port.onmessage = broken) });
  const tabs = [open(script), open(script)];
  tabs[0].port.postMessage('Pong');
  tabs.push(open(script));
  await settled();
  for (const { heard } of tabs) assert.deepEqual(heard.at(-1), REFUSED);
});

test('an engine that panicked in a timer is noticed at the error event of the window', async () => {
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
