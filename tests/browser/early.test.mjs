// A page that has made its connection, and has not connected: the worker and the page's wasm are there, and
// nothing else is.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { BROWSERS } from './browsers.mjs';
import { Stage } from './stage.mjs';

/** Time for what must not happen. */
const A_WHILE = 1_000;

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => {
      stage = await Stage.open(name);
      // The default `no-store` would keep the page out of the back/forward cache.
      stage.web.overrides.set('/pages/app.html', { headers: { 'Cache-Control': 'no-cache' } });
    });
    after(() => stage?.close());

    test('a hundred connections start one worker, which dials nothing and counts no tab', async (t) => {
      const scene = await stage.scene(t);
      const start = stage.web.requests.length;
      const tab = await scene.open();
      await tab.evaluate((service) => {
        for (let count = 1; count < 100; count++)
          new epode.Strophe.Connection(service, { worker: '/epode-worker.js' });
      }, scene.service);
      await pause(A_WHILE);
      const requests = stage.web.requests.slice(start);
      assert.equal(requests.filter((path) => path === '/epode-worker.js').length, 1);
      assert.ok(
        requests.every((path) => /\.(html|js|wasm)$/.test(path)),
        requests.join(),
      );
      assert.equal(scene.wire.connections.length, 0);
      const locks = () =>
        tab.evaluate(async () => (await navigator.locks.query()).held.map((lock) => lock.name));
      // The worker has started: its lock is held.
      assert.deepEqual(
        (await locks()).map((lock) => lock.startsWith('epode-tab')),
        [false],
      );
      const loaded = stage.web.requests.length;
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
      assert.deepEqual(stage.web.requests.slice(loaded), []);
      assert.equal(await tab.evaluate(() => connection.tabs().then((tabs) => tabs.length)), 1);
      assert.deepEqual((await tab.heard()).log, []);
    });

    test('the early port is silent until a connection takes the port', async (t) => {
      stage.web.overrides.set('/listening/worker.js', {
        body: `const heard = [];
          onconnect = ({ ports: [port] }) => {
            const words = [];
            heard.push(words);
            port.onmessage = ({ data }) => data === 'tell' ? port.postMessage(heard) : words.push(data);
          };`,
      });
      const scene = await stage.scene(t);
      const tab = await scene.open({ options: { worker: '/listening/worker.js' } });
      await pause(A_WHILE);
      const heard = () =>
        tab.evaluate(
          () =>
            new Promise((resolve) => {
              const { port } = new SharedWorker('/listening/worker.js', {
                name: 'epode',
                extendedLifetime: true,
              });
              port.onmessage = ({ data }) =>
                resolve(data.map((words) => words.map((word) => Object.keys(word))));
              port.postMessage('tell');
            }),
        );
      assert.deepEqual(await heard(), [[], []]);
      await tab.connect(scene.jid, scene.password);
      await pause(A_WHILE);
      assert.deepEqual((await heard()).slice(0, 2), [[['Hello'], ['Connect']], []]);
    });

    test('without the option worker, nothing is loaded before connect', async (t) => {
      const scene = await stage.scene(t);
      const start = stage.web.requests.length;
      await scene.open({ options: { worker: '' } });
      await pause(A_WHILE);
      const requests = stage.web.requests.slice(start);
      assert.ok(!requests.some((path) => /engine|worker/.test(path)), requests.join());
    });

    if (name !== 'chromium') return;

    test('a page that has only made its connection goes into the back/forward cache', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open();
      await pause(A_WHILE);
      await tab.evaluate(() => (window.cached = true));
      await tab.page.goto(stage.web.url('/pages/client.html'));
      await pause(A_WHILE);
      await tab.page.goBack();
      assert.equal(await tab.evaluate(() => window.cached), true, 'the page was not cached');
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
    });
  });
}
