// Plain http from another machine is no secure context: without Web Locks a death is noticed only
// by silence; there is no SubtleCrypto either.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { backdoor } from './backdoor.mjs';
import { BROWSERS } from './browsers.mjs';
import { back, booked, books, crash, own, ownWorker } from './life.mjs';
import { connectionFailure, keepAnswers, MISSTEPS } from './missteps.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const HOST = 'epode.test';
/** Makes Chromium throttle the timers of a hidden page fully after 5 s instead of 5 min. */
const THROTTLED = {
  chromium: ['--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/5'],
  firefox: [],
};

const isSecure = (tab) =>
  tab.evaluate(() => [isSecureContext, navigator.locks !== undefined, crypto.subtle !== undefined]);

for (const name of BROWSERS) {
  describe(`in ${name}, without a secure context`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name, undefined, { host: HOST, args: THROTTLED[name] })));
    after(() => stage?.close());

    test('tabs log in by SCRAM and share a session; one closes, one reloads without loss', async (t) => {
      const scene = await stage.scene(t);
      scene.service = scene.service.replace('127.0.0.1', HOST);
      const [first, second, third] = await scene.connected(3);
      assert.deepEqual(await isSecure(first), [false, false, false]);
      assert.match(
        scene.wire.connections[0].texts('client').find((text) => text.startsWith('<auth')),
        /SCRAM-/,
      );
      assert.equal(scene.wire.connections.length, 1);
      // Firefox loses the `Leave` of a tab that is closed.
      const { tab: closed } = await own(second);
      await second.close();
      await booked(
        'its departure',
        first,
        (known) => !known.some(({ tab, awake }) => tab === closed && (awake || name === 'chromium')),
      );
      const peer = await scene.peer('peer');
      await third.reload();
      peer.say(`${scene.jid}/tab0`, 'meanwhile');
      await first.eventually('the message', ({ messages }) => messages.includes('meanwhile'));
      await third.attach();
      assert.equal(await third.up(), 'ATTACHED');
      await third.eventually('the message', ({ messages }) => messages.includes('meanwhile'));
      await third.settle();
      assert.deepEqual((await third.heard()).messages, ['meanwhile']);
      await booked('who is there', first, (known) => known.filter(({ awake }) => awake).length === 2);
    });

    test('a password is not sent over an unencrypted connection', async (t) => {
      const server = await startScripted({ mechanisms: ['PLAIN'] });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws.replace('127.0.0.1', HOST) });
      const tab = await scene.open();
      await tab.connect('alice@localhost', 'secret');
      assert.equal((await tab.status('CONNFAIL')).condition, 'plaintext-refused');
      assert.ok(!server.streams.some(({ frames }) => frames.some((frame) => frame.startsWith('<auth'))));
    });

    for (const { what, arrange, reason } of MISSTEPS) {
      test(`when ${what}, CONNFAIL says so`, async (t) => {
        const scene = await stage.scene(t, { quiet: false });
        keepAnswers(t, stage.web);
        const tab = await scene.open(await arrange(stage.web));
        assert.match((await connectionFailure(tab)).condition, reason);
      });
    }

    test('a dead worker is noticed by a visible page within 30 s, by a hidden one within 90 s', async (t) => {
      const scene = await stage.scene(t, { quiet: false });
      const door = backdoor(stage.web);
      const options = name === 'chromium' ? ownWorker() : door.options;
      const [host, hidden, attached, visible] = [
        ...(await scene.connected(2, options)),
        await scene.open(options),
        await scene.open(options),
      ];
      await attached.attach();
      await attached.up();
      await visible.connect(scene.jid, scene.password);
      await visible.up();
      assert.deepEqual(await isSecure(visible), [false, false, false]);
      await visible.page.bringToFront();
      await booked(
        'who is seen',
        visible,
        (known) => known.filter((tab) => tab.visible).length === 1 && known.find(({ own }) => own).visible,
      );
      // Until the timers of hidden pages are fully throttled.
      await new Promise((resolve) => setTimeout(resolve, 20_000));

      const begun = performance.now();
      await (name === 'chromium' ? crash(host) : door.die(host));
      const peer = await scene.peer('peer');
      const receipt = visible.say(peer.jid, 'into the void');
      const noticed = async (tab, limit) => {
        const { reason } = await tab.status('RECONNECTING', limit);
        assert.match(reason, /does not answer/);
        return (performance.now() - begun) / 1000;
      };
      const after = await Promise.all([
        noticed(visible, 31_000),
        noticed(hidden, 91_000),
        noticed(attached, 91_000),
      ]);
      t.diagnostic(`noticed after ${after.map((seconds) => seconds.toFixed(1)).join(', ')} s`);
      const { status, condition } = await receipt;
      assert.deepEqual([status, condition], ['failed', 'worker-lost']);
      for (const tab of [visible, hidden, attached]) await back(tab, 40_000);
      assert.equal(scene.wire.open().length, 1);
      assert.deepEqual(await visible.say(peer.jid, 'again'), { status: 'written' });
      await peer.frame(/again/);
      assert.equal((await books(visible)).filter(({ role }) => role === 'primary').length, 1);
    });

    test('pages make a detour around a worker that runs and does not answer', async (t) => {
      const scene = await stage.scene(t);
      const door = backdoor(stage.web);
      t.after(() => door.release());
      const [old] = await scene.connected(1, door.options);
      await door.wedge(old);
      const fresh = await scene.open(door.options);
      await fresh.connect(`${scene.jid}/tab0`, scene.password);
      assert.equal(await fresh.up(20_000), 'CONNECTED');
      assert.match((await fresh.heard()).statuses.at(-1).reason, /does not answer/);
      await old.status('RECONNECTING', 30_000);
      assert.equal(await back(old, 40_000), 'ATTACHED');
      assert.deepEqual(
        await Promise.all([old, fresh].map((tab) => books(tab).then(({ length }) => length))),
        [2, 2],
      );
    });
  });
}
