// Pages of Epode and pages with the unmodified strophe.js in one origin: two workers of one script, which
// share one session or leave each other alone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startProsody } from '../servers/prosody.mjs';
import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { areOne, attach, connect, crossed, openStage, pages } from './strophe.mjs';

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await openStage(name, startProsody)));
    after(() => stage?.close());

    test('a page of Epode goes to the session of pages of strophe.js, and they are one', async (t) => {
      const scene = await stage.scene(t);
      const strophe = pages();
      const { worker } = strophe.options;
      const first = await scene.open(strophe);
      assert.equal(await connect(scene, first), 'CONNECTED');
      const epode = await scene.open({ options: { worker } });
      assert.equal(await connect(scene, epode, 1), 'ATTACHED');
      const { jid } = await areOne(scene, [first, epode]);
      assert.equal(jid, `${scene.jid}/tab0`);
      assert.ok(!(await epode.statuses()).includes('RECONNECTING'), 'the app hears nothing of the way');

      // What the page of Epode brought is better than nothing: the session is its too.
      const second = await scene.open(strophe);
      assert.equal(await attach(second), 'ATTACHED');
      await areOne(scene, [first, epode, second], ['four', 'five', 'six']);
      assert.deepEqual(await first.statuses(), ['CONNECTING', 'CONNECTED']);
    });

    test('a page of strophe.js hears at once that pages of Epode have the session, which loses nothing', async (t) => {
      const scene = await stage.scene(t);
      const strophe = pages();
      const epode = await scene.open({ options: { worker: strophe.options.worker } });
      assert.equal(await connect(scene, epode), 'CONNECTED');
      const late = await scene.open(strophe);
      await late.connect(`${scene.jid}/tab1`, scene.password);
      const began = Date.now();
      await late.status('DISCONNECTED');
      assert.ok(Date.now() - began < 5_000);
      const closes = (await crossed(late)).filter(([from, word]) => from === '<' && word === '_onClose');
      assert.equal(closes.length, 1, JSON.stringify(closes));
      assert.match(closes[0][2], /pages of Epode have this session/);
      const attaches = await scene.open(strophe);
      await attaches.attach();
      await attaches.status('ATTACHFAIL');
      await eventually('a warning', async () =>
        (await crossed(attaches)).some(
          ([from, word, level, text]) =>
            from === '<' &&
            word === 'log' &&
            level === 'warn' &&
            /^pages of Epode have this session/.test(text),
        ),
      );
      await late.eventually('a line in the log', ({ log }) =>
        log.some((line) => line.includes(closes[0][2])),
      );
      assert.deepEqual(await epode.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      await areOne(scene, [epode]);
      // Nothing stands in the way of the next attempt.
      await epode.evaluate(() => connection.disconnect());
      await epode.status('DISCONNECTED');
      await late.connect(`${scene.jid}/tab1`, scene.password);
      await late.status('CONNECTED');
    });

    test('pages of both kinds that start at once have one session in the end, and none hangs', async (t) => {
      for (const order of [
        ['epode', 'strophe'],
        ['strophe', 'epode'],
      ])
        for (const early of [0, 40, 150]) {
          const scene = await stage.scene(t);
          const how = pages();
          const { worker } = how.options;
          const tabs = { strophe: await scene.open(how), epode: await scene.open({ options: { worker } }) };
          await tabs[order[0]].connect(`${scene.jid}/tab0`, scene.password);
          await pause(early);
          await tabs[order[1]].connect(`${scene.jid}/tab1`, scene.password);
          await tabs.epode.up();
          await tabs.strophe.eventually('an outcome', ({ statuses }) =>
            /^(CONNECTED|DISCONNECTED)$/.test(statuses.at(-1)?.status),
          );
          const statuses = await tabs.epode.statuses();
          assert.ok(!statuses.some((status) => /FAIL|^DISC|^RECO/.test(status)), statuses.join());
          const isIn = (await tabs.strophe.statuses()).at(-1) === 'CONNECTED';
          t.diagnostic(`${order[0]} ${early} ms early: strophe.js is ${isIn ? 'in' : 'out'}`);
          await areOne(scene, isIn ? Object.values(tabs) : [tabs.epode]);
        }
    });
  });
}
