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
import { BASE, install, run, serve, sourcesOf } from './apps.mjs';
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

/** What the app hears in a tab of its own, until its login is over or `limit` milliseconds have passed. */
async function open(tabs, address, limit) {
  const tab = await browser.openTab(address);
  tabs.push(tab);
  const heard = () => tab.evaluate(() => window.heard ?? []);
  const isOver = async () => /written|failed|DISCONNECTED/.test(await heard());
  await eventually('the end of the login', isOver, limit).catch(() => {});
  return heard();
}

/**
 * Two tabs share the session of the worker at this address, and a third has an engine of its own. Where the
 * `worker` has a wrong address, the app hears what is wrong.
 */
async function look(url, wrong = []) {
  const address = `${url}?service=${encodeURIComponent(server.ws)}`;
  const tabs = [];
  try {
    for (const [query, ...expected] of [
      ['', 'CONNECTING', 'AUTHENTICATING', 'CONNECTED', 'written'],
      ['', 'CONNECTING', 'ATTACHED', 'written'],
      ['&alone', 'CONNECTING', 'AUTHENTICATING', 'CONNECTED', 'written'],
    ]) {
      const heard = await open(tabs, address + query, 30_000);
      assert.deepEqual(heard, expected, `${address}${query} ${JSON.stringify(browser.errors)}`);
    }
    assert.deepEqual(browser.errors.splice(0), []);
    for (const [worker, reason] of wrong) {
      const heard = await open(tabs, `${address}&worker=${encodeURIComponent(worker)}`, 10_000);
      assert.deepEqual(
        heard.map((line) => line.split(':')[0]),
        ['CONNECTING', 'CONNFAIL', 'DISCONNECTED'],
      );
      for (const line of heard.slice(1)) assert.match(line, reason);
    }
  } finally {
    browser.errors.length = 0;
    for (const tab of tabs) await tab.close();
  }
}

/**
 * An address at which there is nothing, for which most servers in development have a page, and others 404.
 */
const NOWHERE = 'nowhere/epode-worker.js';
const IS_NOT_THERE =
  /nowhere\/epode-worker\.js(: the server answered 404| is not a script but text\/html); the option "worker" must be/;

async function lookServed(folder, command, path = '/') {
  const port = String(await freePort());
  const [name, ...args] = command(port);
  const program = await serve(folder, name, args, port, { BASE_PATH: path.slice(0, -1) });
  try {
    await look(`http://localhost:${port}${path}`, [[path + NOWHERE, IS_NOT_THERE]]);
  } finally {
    await program.stop();
  }
}

/** What a server of files can have in the place of the worker, and what the app hears of that. */
function misplace(web, base) {
  const plain = { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' };
  web.overrides.set(`${base}page.js`, { headers: { 'Content-Type': 'text/html' }, body: '<!doctype html>' });
  web.overrides.set(`${base}plain.js`, { headers: plain, body: 'onconnect = () => {};' });
  return [
    [base + NOWHERE, /nowhere\/epode-worker\.js: the server answered 404; the option "worker" must be/],
    [`${base}page.js`, /page\.js is not a script but text\/html; the option "worker" must be/],
    [`${base}plain.js`, /plain\.js is not a script but text\/plain; the option "worker" must be/],
    [
      web.url(`${base}page.js`).replace('localhost', '127.0.0.1'),
      /cross-origin: .*of the page, http.*; serve/,
    ],
  ];
}

test('docs/apps.md has the table', async () => {
  const file = new URL('../../docs/apps.md', import.meta.url);
  const text = await readFile(file, 'utf8');
  const now = text.replace(/^\|[\s\S]*\|$/m, (await table()).trimEnd());
  // Whoever tries all of them has the table written.
  if (now !== text && chosen === 'all') await writeFile(file, now);
  assert.equal(text, now);
});

test('the README of the package has the line of each tool, and the app of that tool has it', async () => {
  const readme = await readFile(new URL('../../client-shim/README.md', import.meta.url), 'utf8');
  for (const { name, of = name, line } of TOOLS) {
    const [code] = /(?<=^`)(cp \S+|[^`]*)/.exec(line);
    assert.ok(readme.includes(code), `${name}: ${code} is not in the README`);
    if (code.startsWith('cp ')) continue;
    const sources = await Promise.all([name, of].map(sourcesOf));
    assert.ok(sources.join('').includes(code), `${name}: ${code} is not in the app`);
  }
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
        await look(web.url(`${base}index.html`), misplace(web, base));
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
