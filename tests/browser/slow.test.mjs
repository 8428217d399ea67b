// A slow wire: every tab is told what waits for it, and the connection is not taken for a dead one.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startTcp } from '../chaos/tcp.mjs';
import { eventually } from './apps.mjs';
import { ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const MESSAGES = 200;
/** The length of each body, and the bytes that the wire carries in a second. */
const LENGTH = 12_000;
const RATE = 200_000;

describe('in chromium, on Prosody', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium')));
  after(() => stage?.close());

  test('what is sent in one task is a backlog in each tab, which ends, and arrives once', async (t) => {
    const tcp = await startTcp({ upstream: stage.server.ws });
    t.after(() => tcp.stop());
    const scene = await stage.scene(t, { service: tcp.url });
    const tabs = await scene.connected(2, ownWorker());
    const [tab, other] = tabs;
    const peer = await scene.peer('peer');
    for (const one of tabs) {
      await one.settle();
      await one.evaluate(() => {
        window.backlogs = [];
        setInterval(() => backlogs.push(connection.backlog.bytes), 50);
      });
    }
    tcp.rate = RATE;
    const begun = performance.now();
    await tab.evaluate(
      (to, count, length) => {
        for (let number = 0; number < count; number++) {
          const body = `${number}:${'x'.repeat(length)}`;
          void connection.send(epode.$msg({ to, type: 'chat' }).c('body').t(body));
        }
      },
      peer.jid,
      MESSAGES,
      LENGTH,
    );
    await eventually('all messages', () => peer.bodies().length >= MESSAGES, 25_000);
    const took = performance.now() - begun;
    for (const one of tabs) {
      await eventually('the end of the backlog', () => one.evaluate(() => backlogs.at(-1) === 0));
      const backlogs = await one.evaluate(() => backlogs.filter((bytes, at) => bytes !== backlogs[at - 1]));
      t.diagnostic(`${took.toFixed()} ms; bytes that waited: ${backlogs}`);
      // The socket takes a megabyte at once.
      assert.ok(Math.max(...backlogs) > 500_000, `at most ${Math.max(...backlogs)} bytes waited`);
      const falling = backlogs.slice(backlogs.indexOf(Math.max(...backlogs)));
      assert.deepEqual(
        falling,
        falling.toSorted((one, two) => two - one),
      );
      assert.ok(!(await one.statuses()).includes('RECONNECTING'));
    }
    assert.ok(took > (MESSAGES * LENGTH * 900) / RATE, 'the wire was slow');
    assert.equal(tcp.count, 1);
    assert.deepEqual(
      peer.bodies().map((body) => Number(body.split(':')[0])),
      Array.from({ length: MESSAGES }, (_, number) => number),
    );
    await other.settle();
  });
});
