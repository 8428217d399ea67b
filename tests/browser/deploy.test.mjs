// After a deploy the worker script may have another address: then old pages share one worker, and
// new pages another.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

/**
 * Runs in a page: says hello by hand, with these versions, and returns the worker's first message.
 * After a refusal, asks the worker to step aside, as a page would.
 */
const greet = (worker, versions) =>
  new Promise((told) => {
    const { port } = new SharedWorker(worker, { name: 'epode', extendedLifetime: true });
    port.onmessage = ({ data }) => {
      if (data.Refused) port.postMessage('StepAside');
      told(data);
    };
    port.postMessage({ Hello: { versions, tab: 'by-hand', lock: null, before: null, visible: true } });
  });

for (const name of BROWSERS) {
  describe(`in ${name}, two workers`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage.close());

    test('do not fight over an account: the newer takes over, old pages are told to reload', async (t) => {
      const scene = await stage.scene(t);
      const [old] = await scene.connected(1);
      const fresh = await scene.open({ options: { worker: '/epode-worker.js?v=2' } });
      await fresh.connect(`${scene.jid}/tab0`, scene.password);
      assert.equal(await fresh.up(), 'CONNECTED');
      assert.match((await old.status('DISCONNECTED')).condition, /newer version of this app took over/);

      await old.connect(`${scene.jid}/tab0`, scene.password);
      assert.match((await old.status('CONNFAIL')).condition, /newer version of this app has the session/);
      assert.deepEqual(await fresh.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      assert.equal(scene.wire.open().length, 1);
      assert.match(scene.wire.connections[0].texts('client').at(-1), /^<close/);
    });

    test('of different versions: one too old for a page steps aside, and its pages reconnect', async (t) => {
      const scene = await stage.scene(t);
      const [old] = await scene.connected(1, ownWorker());
      const page = await scene.open(old);
      const { worker } = old.options;
      const known = await page.evaluate(greet, worker, [1]);
      // Only the version of a later release.
      assert.deepEqual(await page.evaluate(greet, worker, [2]), { Refused: { Version: { speaks: [1] } } });
      await old.status('RECONNECTING');
      await old.eventually(
        'CONNECTED again',
        ({ statuses }) => statuses.filter(({ status }) => status === 'CONNECTED').length === 2,
      );
      const fresh = await page.evaluate(greet, worker, [1]);
      assert.notEqual(fresh.Welcome.boot, known.Welcome.boot, 'it is another worker');
      assert.match(scene.wire.connections[0].texts('client').at(-1), /^<close/);
      assert.equal(scene.wire.open().length, 1);
    });

    test('have different accounts at the same time', async (t) => {
      const scene = await stage.scene(t);
      const other = await stage.scene(t);
      const [old] = await scene.connected(1);
      const [fresh] = await other.connected(1, { options: { worker: '/epode-worker.js?v=2' } });
      await old.settle();
      assert.deepEqual(await old.statuses(), await fresh.statuses());
    });
  });
}
