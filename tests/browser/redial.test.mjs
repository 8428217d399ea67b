// Redials: what tabs hear of a lost connection, and that their stanzas are neither lost nor sent twice.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { back, booked, books, networkOf, own, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Browsers write failed connections on the console. */
    const noisy = (t) => stage.scene(t, { quiet: false });

    test('after a lost connection tabs hear RECONNECTING and CONNECTED, with new handlers', async (t) => {
      const scene = await noisy(t);
      const tabs = await scene.connected(3, ownWorker());
      const peer = await scene.peer('peer');
      // A handler that is not added again at CONNECTED.
      await tabs[0].evaluate(() =>
        connection.addHandler((message) => heard.foreign.push(message.textContent), null, 'message'),
      );
      const answer = tabs[1].ask(`<iq type="get" to="${peer.jid}"><query xmlns="urn:example:slow"/></iq>`);
      const [, id] = / id=['"]([^'"]+)/.exec(await peer.frame(/urn:example:slow/)) ?? [];
      const begun = performance.now();
      scene.wire.cut();
      await Promise.all(tabs.map((tab) => tab.status('RECONNECTING')));
      assert.deepEqual(await Promise.all(tabs.map((tab) => back(tab))), [
        'CONNECTED',
        'CONNECTED',
        'CONNECTED',
      ]);
      const backAfter = performance.now() - begun;
      t.diagnostic(`back after ${backAfter.toFixed()} ms`);
      // The first dial comes within 8.5 s.
      assert.ok(backAfter < 9_500, `back after ${backAfter.toFixed()} ms`);
      assert.equal(scene.wire.connections.length, 2);
      const resumed = await Promise.all(tabs.map((tab) => tab.evaluate(() => connection.hasResumed())));
      assert.deepEqual(resumed, [true, true, true]);

      // The session is the same, so the answer to a question of before comes.
      const jid = await tabs[0].evaluate(() => connection.jid);
      peer.send(`<iq xmlns="jabber:client" type="result" id="${id}" to="${jid}"/>`);
      assert.match((await answer).ok, /^<iq/);
      peer.say(jid, 'again');
      for (const tab of tabs) {
        await tab.eventually('the message', ({ messages }) => messages.length > 0);
        await tab.settle();
        const { messages, foreign, statuses } = await tab.heard();
        assert.deepEqual([messages, foreign], [['again'], []]);
        assert.deepEqual(
          statuses.slice(-2).map(({ status }) => status),
          ['RECONNECTING', 'CONNECTED'],
        );
      }
      assert.equal((await books(tabs[0])).filter(({ role }) => role === 'primary').length, 1);
      await eventually('the end of the old session', async () => String(await scene.sessions()) === jid);
    });

    test('a redial does not change roles', async (t) => {
      const scene = await noisy(t);
      const tabs = await scene.connected(2, ownWorker());
      const roles = async () =>
        (await Promise.all(tabs.map((tab) => tab.evaluate(() => connection.role)))).sort();
      await eventually('the roles', async () => String(await roles()) === 'primary,secondary');
      scene.wire.cut();
      await Promise.all(tabs.map((tab) => tab.status('RECONNECTING')));
      assert.deepEqual(await roles(), ['primary', 'secondary']);
      await Promise.all(tabs.map((tab) => back(tab)));
      await Promise.all(tabs.map((tab) => tab.settle()));
      assert.deepEqual(await roles(), ['primary', 'secondary']);
    });

    test('stanzas sent while the server is away leave once and in order when it is back', async (t) => {
      const scene = await noisy(t);
      const [first, second] = await scene.connected(2, ownWorker());
      const peer = await scene.peer('peer');
      scene.wire.refuse = true;
      scene.wire.cut();
      await Promise.all([first, second].map((tab) => tab.status('RECONNECTING')));
      await first.evaluate((to) => {
        window.receipts = ['one', 'two', 'three'].map((body) =>
          connection.send(epode.$msg({ to }).c('body').t(body)),
        );
      }, peer.jid);
      const answer = second.ask(`<iq type="get"><ping xmlns="urn:xmpp:ping"/></iq>`);
      const late = await scene.open({ options: first.options });
      await late.connect(scene.jid, scene.password);
      scene.wire.refuse = false;
      await Promise.all([first, second].map((tab) => back(tab)));
      assert.match(await late.up(), /ATTACHED|CONNECTED/);
      await eventually('the messages', () => peer.bodies().length >= 3);
      assert.deepEqual(
        await first.evaluate(() => Promise.all(receipts)),
        Array(3).fill({ status: 'written' }),
      );
      assert.match((await answer).ok, /type="result"/);
      await second.settle();
      assert.deepEqual(peer.bodies(), ['one', 'two', 'three']);
      assert.equal(scene.wire.open().length, 1);
      assert.ok(!(await first.statuses()).includes('DISCONNECTED'));
    });

    test('a logout while the server is away ends the session and its redials', async (t) => {
      const scene = await noisy(t);
      const tabs = await scene.connected(2, ownWorker());
      scene.wire.refuse = true;
      scene.wire.cut();
      await Promise.all(tabs.map((tab) => tab.status('RECONNECTING')));
      await tabs[1].evaluate(() => connection.disconnect());
      await Promise.all(tabs.map((tab) => tab.status('DISCONNECTED')));
      scene.wire.refuse = false;
      await tabs[0].evaluate(() => void (heard.statuses.length = 0));
      await tabs[0].connect(scene.jid, scene.password);
      assert.equal(await tabs[0].up(), 'CONNECTED');
      assert.equal(scene.wire.connections.length, 2);
      assert.ok(!(await tabs[1].statuses()).slice(-1).includes('ATTACHED'));
    });

    if (name !== 'chromium') return;

    test('the worker does not dial while offline, and dials within a second when online again', async (t) => {
      const scene = await noisy(t);
      const options = ownWorker();
      const [tab, other] = await scene.connected(2, options);
      const offline = await networkOf(stage.browser, options.options.worker);
      await offline(true);
      scene.wire.cut();
      await Promise.all([tab, other].map((tab) => tab.status('RECONNECTING')));
      // Longer than the delay of the first dial.
      await new Promise((resolve) => setTimeout(resolve, 9_000));
      assert.equal(scene.wire.connections.length, 1);
      const begun = performance.now();
      await offline(false);
      await Promise.all([tab, other].map((tab) => back(tab)));
      const backAfter = performance.now() - begun;
      t.diagnostic(`back after ${backAfter.toFixed()} ms`);
      assert.ok(backAfter < 2_000, `back after ${backAfter.toFixed()} ms`);
      assert.equal(scene.wire.connections.length, 2);
      await booked('both tabs', tab, (known) => known.length === 2);
      assert.ok((await own(tab)).awake);
    });
  });
}
