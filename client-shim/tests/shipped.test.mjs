// The files of the package, as bytes.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));

test('no file contains a path of the machine that built it', async () => {
  const files = (await readdir(dist)).filter((name) => /\.(js|cjs|wasm)$/.test(name));
  assert.ok(files.includes('epode-worker.wasm') && files.includes('epode.js'));
  for (const name of files) {
    const content = (await readFile(dist + name)).toString('latin1');
    for (const place of [root, `${homedir()}/`, 'registry/src'])
      assert.ok(!content.includes(place), `${name} names ${place}`);
  }
});

test('the notices name every crate compiled in, with its licence, without local paths', async () => {
  const notices = await readFile(`${root}client-shim/THIRD-PARTY.txt`, 'utf8');
  const lock = await readFile(`${root}Cargo.lock`, 'utf8');
  const [list, ...texts] = notices.split(`\n${'-'.repeat(80)}\n`);
  for (const name of ['serde', 'quick-xml', 'wasm-bindgen', 'The Rust standard library']) {
    const [line, version] = list.match(new RegExp(`^${name} (\\S+): .*MIT.*$`, 'm')) ?? [];
    assert.ok(line, `${name} is not named`);
    if (name.startsWith('The')) continue;
    assert.ok(lock.includes(`name = "${name}"\nversion = "${version}"`), `${line} is not what was compiled`);
    const own = texts.find((text) => text.split('\n', 1)[0].split(', ').includes(`${name} ${version}`));
    assert.match(own ?? '', /Permission is hereby granted|Apache License/);
  }
  // `syn` runs in the compiler, `tokio` and `ts-rs` in tests and tools; `epode-hub` is our own.
  for (const name of ['syn', 'tokio', 'ts-rs', 'epode-hub'])
    assert.ok(!list.includes(`\n${name} `), `${name} is none of it`);
  for (const place of [root, homedir(), 'registry'])
    assert.ok(!notices.includes(`${place}/`), `${place} is named`);
});
