// The page's scripts come from another origin, as from a server for static files: the cases that
// work, and the reasons of those that do not.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { Stage } from './stage.mjs';
import { ROOTS, startWeb } from './web.mjs';

const LIBRARY = [
  'epode.js',
  'epode.umd.js',
  'epode.beside.js',
  'epode.wasm',
  'epode-engine.js',
  'epode-worker.js',
];
const WORKER = { options: { worker: '/epode-worker.js' } };
const ALONE = { options: { worker: '' } };

for (const name of BROWSERS) {
  describe(`in ${name}, with the scripts on another origin`, () => {
    let stage, other;
    before(async () => {
      stage = await Stage.open(name);
      other = await startWeb();
      for (const file of LIBRARY) {
        const body = await readFile(ROOTS['/'] + file);
        other.overrides.set(`/closed/${file}`, { body });
        other.overrides.set(`/open/${file}`, { body, headers: { 'Access-Control-Allow-Origin': '*' } });
      }
      // A script that any page may read, and its wasm not.
      other.overrides.set('/half/epode.beside.js', other.overrides.get('/open/epode.beside.js'));
      other.overrides.set('/half/epode.wasm', other.overrides.get('/closed/epode.wasm'));
      const [page, app] = await Promise.all(
        ['app.html', 'app.js'].map((file) => readFile(ROOTS['/pages/'] + file, 'utf8')),
      );
      const { overrides } = stage.web;
      overrides.set('/tag/app.js', { body: app.replace(/^import .*$/m, '') });
      const tag = (path, attributes) =>
        `<script src="${other.url(path)}/epode.umd.js"${attributes}></script><script`;
      overrides.set('/tag/closed.html', { body: page.replace('<script', tag('/closed', '')) });
      overrides.set('/tag/open.html', { body: page.replace('<script', tag('/open', '')) });
      overrides.set('/tag/anonymous.html', { body: page.replace('<script', tag('/open', ' crossorigin')) });
      for (const [path, script] of [
        ['open', 'open/epode.js'],
        ['beside', 'open/epode.beside.js'],
        ['half', 'half/epode.beside.js'],
      ]) {
        overrides.set(`/${path}/app.html`, { body: page });
        overrides.set(`/${path}/app.js`, { body: app.replace('../epode.js', other.url(`/${script}`)) });
      }
    });
    after(async () => {
      await stage?.close();
      await other?.stop();
    });

    for (const path of ['/open/app.html', '/beside/app.html', '/tag/open.html', '/tag/closed.html']) {
      test(`a tab of ${path} connects through its own origin's worker`, async (t) => {
        const scene = await stage.scene(t);
        await scene.connected(1, { path, ...WORKER });
      });
    }

    for (const path of ['/open/app.html', '/tag/anonymous.html']) {
      test(`a tab of ${path} connects without a worker`, async (t) => {
        const scene = await stage.scene(t);
        await scene.connected(1, { path, ...ALONE });
      });
    }

    for (const [what, path, options, reason] of [
      // Firefox resolves the engine against the script's address nevertheless.
      ...(name === 'chromium'
        ? [
            [
              'a tag without crossorigin loads no engine',
              '/tag/open.html',
              ALONE,
              /engine.*could not be loaded/,
            ],
          ]
        : []),
      [
        'without CORS the wasm of the page is not fetched',
        '/half/app.html',
        WORKER,
        /wasm of the page could not be fetched from .*\/half\/epode\.wasm/,
      ],
      [
        'a worker of another origin is refused',
        '/open/app.html',
        null,
        /\/open\/epode-worker\.js is cross-origin: .*from the origin of the page/,
      ],
    ]) {
      test(`${what}, and the page hears why`, async (t) => {
        const scene = await stage.scene(t, { quiet: false });
        const tab = await scene.open({
          path,
          ...(options ?? { options: { worker: other.url('/open/epode-worker.js') } }),
        });
        await tab.connect(scene.jid, scene.password);
        assert.match((await tab.status('CONNFAIL')).reason, reason);
      });
    }
  });
}
