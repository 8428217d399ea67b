// Where the wasm of a page comes from, and the sentence that says why it does not.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { load } from './load.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { load: start, unpack } = await load('port/ts/wasm.ts');
const glue = { imports: () => ({}), loaded() {} };

/** Runs `work` in a process where this global is something else. */
async function having(name, value, work) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
  try {
    return await work();
  } finally {
    if (before) Object.defineProperty(globalThis, name, before);
    else delete globalThis[name];
  }
}

/** What loading from this address comes to where the server gives this answer. */
function answered(answer) {
  return having(
    'fetch',
    async () => answer,
    () => start(glue, new URL('https://a.example/w.wasm'), 'the page'),
  );
}

test('text becomes the bytes that the build wrote', () => {
  // As in the test of xtask/src/build/wasm.rs.
  assert.deepEqual([...unpack('#[]~ #!m')], [0, 56, 57, 90, 91, 255]);
  assert.deepEqual([...unpack('')], []);
});

test('without WebAssembly the reason says so, whoever wants to load', async () => {
  for (const who of ['the page', 'the worker'])
    await assert.rejects(
      having('WebAssembly', undefined, () => start(glue, new Uint8Array(), who)),
      new RegExp(`no WebAssembly for ${who}.*switched off`),
    );
});

test('a page in the place of the wasm is called a page, and a status is named', async () => {
  const headers = { 'content-type': 'text/html; charset=utf-8' };
  await assert.rejects(
    answered(new Response('<!doctype html>', { headers })),
    /w\.wasm.*answered with a page/,
  );
  await assert.rejects(answered(new Response('', { status: 404 })), /not at .*w\.wasm.*404/);
});

test('epode/beside fetches the wasm from beside the script, or from where setWasm says', async () => {
  const { outputFiles } = await build({
    entryPoints: [`${root}client-shim/ts/engine.ts`],
    bundle: true,
    format: 'esm',
    external: ['*/epode-engine.js'],
    define: { BESIDE: 'true', 'import.meta.url': '"https://app.example/js/app.js"' },
    write: false,
  });
  assert.ok(outputFiles[0].text.length < 50_000, 'the wasm is not inside');
  const script = Buffer.from(outputFiles[0].contents).toString('base64');
  const { loadTab, setWasm } = await import(`data:text/javascript;base64,${script}`);
  const asked = [];
  const fetch = async (url) => (asked.push(url.href), new Response('', { status: 404 }));
  await having('fetch', fetch, () => assert.rejects(loadTab(), /404/));
  setWasm('../assets/epode.wasm');
  await having('document', { baseURI: 'https://app.example/pages/' }, () =>
    having('fetch', fetch, () => assert.rejects(loadTab(), /404/)),
  );
  assert.deepEqual(asked, ['https://app.example/js/epode.wasm', 'https://app.example/assets/epode.wasm']);
});
