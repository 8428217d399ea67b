// Apps of a few lines, each built by its own tool, log in from two tabs: after a production build, below
// another path, and served by the tool itself. With APPS=all the apps of all tools are tested, else the few
// that every run can afford.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { eventually } from '../browser/apps.mjs';
import { launch } from '../browser/browsers.mjs';
import { startScripted } from '../browser/scripted.mjs';
import { startWeb } from '../browser/web.mjs';
import { freePort } from '../servers/keeper.mjs';
import { BASE, install, run, serve } from './apps.mjs';
import { outOf, table, TOOLS } from './tools.mjs';

const chosen = process.env.APPS ?? 'quick';
const apps = TOOLS.filter(
  ({ name, quick }) => chosen === 'all' || (chosen === 'quick' ? quick : name === chosen),
);

let server, browser;
before(async () => {
  server = await startScripted();
  browser = await launch('chromium');
});
after(async () => {
  await browser?.stop();
  await server?.stop();
});

/** Two tabs share the session of the worker at this address, and a third has an engine of its own. */
async function look(url) {
  const address = `${url}?service=${encodeURIComponent(server.ws)}`;
  const tabs = [];
  try {
    for (const [query, ...expected] of [
      ['', 'CONNECTING', 'AUTHENTICATING', 'CONNECTED', 'written'],
      ['', 'CONNECTING', 'ATTACHED', 'written'],
      ['&alone', 'CONNECTING', 'AUTHENTICATING', 'CONNECTED', 'written'],
    ]) {
      const tab = await browser.openTab(address + query);
      tabs.push(tab);
      const heard = () => tab.evaluate(() => window.heard ?? []);
      const isOver = async () => /written|failed|DISCONNECTED/.test(await heard());
      await eventually('the end of the login', isOver, 30_000).catch(() => {});
      assert.deepEqual(await heard(), expected, `${address}${query} ${JSON.stringify(browser.errors)}`);
    }
    assert.deepEqual(browser.errors.splice(0), []);
  } finally {
    browser.errors.length = 0;
    for (const tab of tabs) await tab.close();
  }
}

async function lookServed(folder, command, path = '/') {
  const port = String(await freePort());
  const [name, ...args] = command(port);
  const program = await serve(folder, name, args, port);
  try {
    await look(`http://localhost:${port}${path}`);
  } finally {
    await program.stop();
  }
}

test('docs/apps.md has the table', async () => {
  const file = new URL('../../docs/apps.md', import.meta.url);
  const text = await readFile(file, 'utf8');
  const now = text.replace(/^\|[\s\S]*\|$/m, (await table()).trimEnd());
  // Whoever tries all of them has the table written.
  if (now !== text && chosen === 'all') await writeFile(file, now);
  assert.equal(text, now);
});

for (const { name, of, build, start, dev, preview, ...more } of apps) {
  describe(name, () => {
    let folder;
    before(async () => (folder = await install(name, { of })));

    for (const base of ['/', BASE]) {
      test(`built and served at ${base}`, async (t) => {
        await build.call(more, folder, base);
        if (start) return lookServed(folder, start, base);
        const web = await startWeb({ [base]: `${folder}/${outOf(base)}/` });
        t.after(() => web.stop());
        await look(web.url(`${base}index.html`));
      });
    }

    if (preview) test('its own preview', () => lookServed(folder, preview));

    if (dev) {
      test('in development', () => lookServed(folder, dev));

      test('in development, with the package linked', async () => {
        await lookServed(await install(name, { of, linked: true }), dev);
      });
    }
  });
}

if (chosen === 'all' || chosen === 'vitest') {
  test('Vitest with jsdom', async () => {
    await run(await install('vitest'), 'vitest', ['run', '--reporter=verbose']);
  });
}
