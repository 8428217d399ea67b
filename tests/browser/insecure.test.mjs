// Over plain http from another machine, which is no secure context: no Web Locks, no SubtleCrypto. Nobody is
// told of a death; silence tells of it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { backdoor } from './backdoor.mjs';
import { BROWSERS } from './browsers.mjs';
import { back, booked, books, crash, own, ownWorker } from './life.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const HOST = 'epode.test';
/**
 * Pages that have been hidden for so many seconds, and not for five minutes, are slowed down as far as
 * Chromium does that.
 */
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

    test('tabs log in by SCRAM and share the session; one that closes is gone, one that reloads finds what came meanwhile', async (t) => {
      const scene = await stage.scene(t);
      scene.service = scene.service.replace('127.0.0.1', HOST);
      const [first, second, third] = await scene.connected(3);
      assert.deepEqual(await isSecure(first), [false, false, false]);
      assert.match(
        scene.wire.connections[0].texts('client').find((text) => text.startsWith('<auth')),
        /SCRAM-/,
      );
      assert.equal(scene.wire.connections.length, 1);
      // Firefox loses the last word of a tab that is closed.
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

    test('a password is not shown to whoever listens', async (t) => {
      const server = await startScripted({ mechanisms: ['PLAIN'] });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws.replace('127.0.0.1', HOST) });
      const tab = await scene.open();
      await tab.connect('alice@localhost', 'secret');
      assert.equal((await tab.status('CONNFAIL')).condition, 'plaintext-refused');
      assert.ok(!server.streams.some(({ frames }) => frames.some((frame) => frame.startsWith('<auth'))));
    });

    test('a worker that dies is noticed within 30 s by a page that is visible, within 90 s by a hidden one, and replaced', async (t) => {
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
      // Long enough for the timers of a hidden page to be as slow as they get.
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

    test('one that runs and does not answer is gone round', async (t) => {
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
