// If a worker runs and does not answer, new pages and its own make a detour around it; they wait
// for one that is loading.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { backdoor } from './backdoor.mjs';
import { BROWSERS } from './browsers.mjs';
import { back, books } from './life.mjs';
import { Stage } from './stage.mjs';
import { ROOTS } from './web.mjs';

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    test('pages make a detour around a worker that does not answer, and find it once it does', async (t) => {
      const scene = await stage.scene(t);
      const door = backdoor(stage.web);
      t.after(() => door.release());
      const [old, idle] = await scene.connected(2, door.options);
      await door.wedge(old);
      const begun = performance.now();
      const seconds = () => (performance.now() - begun) / 1000;

      const fresh = [await scene.open(door.options), await scene.open(door.options)];
      for (const tab of fresh) await tab.connect(`${scene.jid}/tab0`, scene.password);
      const up = await Promise.all(fresh.map((tab) => tab.up(20_000)));
      t.diagnostic(`a fresh page was up after ${seconds().toFixed(1)} s`);
      assert.ok(seconds() < 15, `up after ${seconds()} s`);
      assert.deepEqual(up.sort(), ['ATTACHED', 'CONNECTED'], 'they share the detour');
      for (const tab of fresh) {
        const { statuses, log } = await tab.heard();
        assert.match(statuses.at(-1).reason, /does not answer/);
        assert.match(log.join(), /does not answer.*gone round/);
      }
      const jids = await Promise.all([old, ...fresh].map((tab) => tab.evaluate(() => connection.jid)));
      assert.notEqual(jids[1], jids[0], "the resource is still the other session's");
      assert.equal(jids[2], jids[1]);
      assert.deepEqual((await scene.sessions()).sort(), [jids[0], jids[1]].sort());
      assert.equal(scene.wire.open().length, 2, 'nothing was taken from the session of the other');

      // The wedged worker's own tabs: one sends, one is idle.
      const receipt = old.say(`${scene.jid}/tab0`, 'to nobody');
      for (const tab of [old, idle]) {
        assert.match((await tab.status('RECONNECTING', 40_000)).reason, /does not answer/);
        assert.equal(await back(tab), 'ATTACHED');
      }
      t.diagnostic(`its tabs were back after ${seconds().toFixed(1)} s`);
      assert.ok(seconds() < 40, `back after ${seconds()} s`);
      const { status, condition } = await receipt;
      assert.deepEqual([status, condition], ['failed', 'worker-lost']);
      assert.equal((await books(old)).length, 4);
      const peer = await scene.peer('peer');
      assert.deepEqual(await idle.say(peer.jid, 'by the detour'), { status: 'written' });
      await peer.frame(/by the detour/);

      // The next page uses the first worker; the others stay at the detour.
      door.release();
      const next = await scene.open(door.options);
      await next.connect(`${scene.jid}/tab0`, scene.password);
      await next.up(5_000);
      assert.deepEqual((await next.heard()).log, []);
      assert.equal(await next.evaluate(() => connection.jid), `${scene.jid}/tab0`);
      assert.equal((await books(next)).length, 1);
      assert.equal((await books(old)).length, 4, 'who is at the detour stays there');
    });

    test('a page that is too busy to read the answer reads it before it judges', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1);
      await tab.page.bringToFront();
      // The page asks when it is shown. Its timer is due while it is busy, but not late enough to
      // prove that.
      for (let round = 0; round < 2; round++) {
        await tab.evaluate((busy) => {
          document.dispatchEvent(new Event('visibilitychange'));
          for (const end = performance.now() + busy; performance.now() < end; );
        }, 10_500);
        await new Promise((later) => setTimeout(later, 500));
        const { statuses, log } = await tab.heard();
        assert.equal(statuses.at(-1).status, 'CONNECTED');
        assert.deepEqual(log, []);
      }
    });

    test('pages make no detour around a worker whose script and wasm are loading', async (t) => {
      const scene = await stage.scene(t);
      t.after(() => stage.web.overrides.clear());
      for (const file of ['epode-worker.js', 'epode-worker.wasm']) {
        stage.web.overrides.set(`/slow/${file}`, { delay: 15_000, body: await readFile(ROOTS['/'] + file) });
      }
      const tab = await scene.open({ options: { worker: '/slow/epode-worker.js' } });
      await tab.connect(`${scene.jid}/tab0`, scene.password);
      assert.equal(await tab.up(50_000), 'CONNECTED');
      const { statuses, log } = await tab.heard();
      assert.equal(statuses.at(-1).reason, null);
      assert.deepEqual(log, []);
      assert.equal(await tab.evaluate(() => connection.jid), `${scene.jid}/tab0`);
      assert.equal(scene.logins(), 1);
    });
  });
}
