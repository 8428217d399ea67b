// What is shipped, as the bytes it is.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));

test('nothing tells where it was built', async () => {
  const files = (await readdir(dist)).filter((name) => /\.(js|cjs|wasm)$/.test(name));
  assert.ok(files.includes('epode-worker.wasm') && files.includes('epode.js'));
  for (const name of files) {
    const content = (await readFile(dist + name)).toString('latin1');
    for (const place of [root, `${homedir()}/`, 'registry/src']) assert.ok(!content.includes(place), `${name} names ${place}`);
  }
});
