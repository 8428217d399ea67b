// After a deploy the worker script has another address: pages of before share one worker, pages of now
// another.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

/**
 * In a page: says hello by hand, in these versions, and answers with the worker's first word. A refusal is
 * answered as a page would.
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

    test('do not fight over an account: the newer takes it over, and pages of before hear what to do', async (t) => {
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

    test('that speak other versions: a page too new for its worker has it make room, and pages of before are back on a fresh one', async (t) => {
      const scene = await stage.scene(t);
      const [old] = await scene.connected(1, ownWorker());
      const page = await scene.open(old);
      const { worker } = old.options;
      const known = await page.evaluate(greet, worker, [1]);
      // Its own version and no other: as the next release of the page would say.
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
