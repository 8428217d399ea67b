// If the browser has no SharedWorker, each page runs the same script as a dedicated worker.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { connectionFailure, keepAnswers, MISSTEPS } from './missteps.mjs';
import { Stage } from './stage.mjs';
import { ROOTS } from './web.mjs';

/** Makes the page keep a list of its workers, and note which were terminated. */
const COUNTED = `window.workers = [];
  window.Worker = class extends Worker {
    constructor(...how) { super(...how); this.ended = false; workers.push(this); }
    terminate() { super.terminate(); this.ended = true; }
  };`;

for (const name of BROWSERS) {
  describe(`in ${name}, without SharedWorker`, () => {
    let stage;
    before(async () => {
      stage = await Stage.open(name);
      const page = await (await fetch(stage.web.url('/pages/app.html'))).text();
      stage.web.overrides.set('/pages/app.html', {
        body: page.replace('<script', `<script>${COUNTED}</script><script`),
      });
      // In a file, which policies for scripts let pass.
      const library = await readFile(`${ROOTS['/']}epode.js`);
      stage.web.overrides.set('/epode.js', { body: `delete self.SharedWorker;\n${library}` });
    });
    after(() => stage.close());

    test('each tab has its own session, and the app sees no other difference', async (t) => {
      const scene = await stage.scene(t);
      const tabs = [await scene.open(), await scene.open()];
      for (const [index, tab] of tabs.entries()) {
        await tab.connect(`${scene.jid}/tab${index}`, scene.password);
        assert.equal(await tab.up(), 'CONNECTED');
        assert.equal(await tab.evaluate(() => typeof SharedWorker), 'undefined');
      }
      assert.equal(scene.wire.connections.length, 2);
      const peer = await scene.peer('peer');
      for (const [index, tab] of tabs.entries()) {
        peer.say(`${scene.jid}/tab${index}`, `for ${index}`);
        await tab.eventually('the message', ({ messages }) => messages.includes(`for ${index}`));
      }
      await tabs[0].close();
      await tabs[1].settle();
      assert.deepEqual((await tabs[1].heard()).messages, ['for 1']);
      assert.deepEqual(await tabs[1].statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
    });

    test('a worker that its page has left is terminated, after time to close the stream', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open();
      for (let round = 0; round < 3; round++) {
        await tab.connect(`${scene.jid}/tab${round}`, scene.password);
        await tab.eventually('CONNECTED', ({ statuses }) => statuses.at(-1)?.status === 'CONNECTED');
        await tab.evaluate(() => {
          connection.reset();
          heard.statuses.length = 0;
        });
      }
      await tab.eventually('the end of each', async () =>
        tab.evaluate(() => workers.length === 3 && workers.every(({ ended }) => ended)),
      );
      for (const stream of scene.wire.connections) assert.match(stream.texts('client').at(-1), /^<close/);
    });

    for (const { what, arrange, reason } of MISSTEPS) {
      test(`when ${what}, CONNFAIL says so`, async (t) => {
        const scene = await stage.scene(t, { quiet: false });
        keepAnswers(t, stage.web);
        const tab = await scene.open(await arrange(stage.web));
        assert.equal(await tab.evaluate(() => typeof SharedWorker), 'undefined');
        assert.match((await connectionFailure(tab)).condition, reason);
      });
    }
  });
}
