// The build for script tags: its globals, and that it loads its files from beside itself, wherever
// the page is.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { Stage } from './stage.mjs';
import { ROOTS } from './web.mjs';

const LIBRARY = ['epode.umd.js', 'epode-engine.js'];

for (const name of BROWSERS) {
  describe(`in ${name}, with a script tag`, () => {
    let stage;
    before(async () => {
      stage = await Stage.open(name);
      const { overrides } = stage.web;
      for (const file of LIBRARY)
        overrides.set(`/tag/lib/${file}`, { body: await readFile(ROOTS['/'] + file) });
      const [page, app] = await Promise.all(
        ['app.html', 'app.js'].map((file) => readFile(ROOTS['/pages/'] + file, 'utf8')),
      );
      overrides.set('/tag/app.html', {
        body: page.replace('<script', `<script src="lib/epode.umd.js"></script><script`),
      });
      overrides.set('/tag/app.js', { body: app.replace(/^import .*$/m, '') });
    });
    after(() => stage?.close());

    test('the globals are those of Strophe, and epode', async (t) => {
      const tab = await (await stage.scene(t)).open({ path: '/tag/app.html' });
      const globals = await tab.evaluate(() => ({
        same: ['Strophe', '$build', '$iq', '$msg', '$pres', 'stx', 'toStanza'].every(
          (name) => window[name] === epode[name] && window[name] !== undefined,
        ),
        built: $msg({ to: 'a@b' }).c('body').t('1 < 2').toString(),
        further: Object.keys(epode).filter(
          (name) => name !== 'Strophe' && !name.startsWith('$') && name in window,
        ),
      }));
      assert.deepEqual(globals, {
        same: true,
        built: `<message to="a@b" xmlns="jabber:client"><body>1 &lt; 2</body></message>`,
        further: ['stx', 'toStanza'],
      });
    });

    for (const worker of ['/epode-worker.js', '']) {
      test(`a tab connects ${worker ? 'with' : 'without'} a worker`, async (t) => {
        const before = stage.web.requests.length;
        const scene = await stage.scene(t);
        const [tab] = await scene.connected(1, { path: '/tag/app.html', options: { worker } });
        await tab.settle();
        const loaded = stage.web.requests.slice(before).filter((path) => path.startsWith('/tag/lib/'));
        const wanted = worker ? LIBRARY.slice(0, 1) : LIBRARY;
        assert.deepEqual(loaded.sort(), wanted.map((file) => `/tag/lib/${file}`).sort());
      });
    }
  });
}
