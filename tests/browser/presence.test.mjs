// Presence of one client in many tabs: a late tab learns who is there, and the tabs' presence is one.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { booked, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Every presence sent, as text on the wire. */
    const announced = (scene) =>
      scene.wire.connections[0].texts('client').filter((text) => text.startsWith('<presence'));

    test('a late tab gets the current presences, marked as replayed, of contacts still there', async (t) => {
      const scene = await stage.scene(t);
      const options = ownWorker();
      const [first] = await scene.connected(1, options);
      await notePresences(first);
      const [friend, visitor, latecomer] = [
        await scene.peer('friend'),
        await scene.peer('visitor'),
        await scene.peer('latecomer'),
      ];
      const to = `${scene.jid}/tab0`;
      const present = (peer, status) =>
        peer.send(`<presence xmlns="jabber:client" to="${to}"><status>${status}</status></presence>`);
      present(friend, 'away');
      present(friend, 'here');
      present(visitor, 'here');
      visitor.send(`<presence xmlns="jabber:client" to="${to}" type="unavailable"/>`);
      await eventually('the presences', async () => (await presences(first)).length === 4);
      assert.ok((await presences(first)).every(({ replayed }) => !replayed));

      const late = await scene.open(options);
      await late.evaluate(
        (jid, password) => {
          window.presences = [];
          const note = (presence) =>
            presences.push({
              from: presence.getAttribute('from'),
              type: presence.getAttribute('type'),
              status: presence.textContent,
              replayed: connection.isReplayed(presence),
            });
          connection.connect(jid, password, (status, ...rest) => {
            onStatus(status, ...rest);
            if (status === epode.Strophe.Status.ATTACHED)
              connection.addHandler((presence) => note(presence), null, 'presence');
          });
        },
        scene.jid,
        scene.password,
      );
      await late.up();
      await eventually('the replay', async () => (await presences(late)).length > 0);
      present(latecomer, 'news');
      await eventually('the news', async () =>
        (await presences(late)).some(({ status }) => status === 'news'),
      );
      assert.deepEqual(await presences(late), [
        { from: friend.jid, type: null, status: 'here', replayed: true },
        { from: latecomer.jid, type: null, status: 'news', replayed: false },
      ]);
      // The first tab has got every presence once.
      await eventually('the news', async () => (await presences(first)).length === 5);
      assert.deepEqual([...new Set((await presences(first)).map(({ replayed }) => replayed))], [false]);
    });

    test('equal presences of several tabs are sent once, a different one is sent', async (t) => {
      const scene = await stage.scene(t);
      const tabs = await scene.connected(3, ownWorker());
      const announce = (tab, show) =>
        tab.evaluate((show) => connection.send(show ? epode.$pres().c('show').t(show) : epode.$pres()), show);
      for (const tab of tabs) assert.deepEqual(await announce(tab), { status: 'written' });
      for (const tab of tabs) await tab.settle();
      assert.equal(announced(scene).length, 1);
      await announce(tabs[1], 'away');
      await announce(tabs[2], 'away');
      await announce(tabs[0]);
      for (const tab of tabs) await tab.settle();
      assert.equal(announced(scene).length, 3);
    });

    test('unavailable from a closing tab is not sent, from a tab that stays it is', async (t) => {
      const scene = await stage.scene(t);
      const [closing, staying, other] = await scene.connected(3, ownWorker());
      await closing.evaluate(() => connection.send(epode.$pres()));
      await closing.evaluate(() =>
        addEventListener(
          'pagehide',
          () => {
            connection.send(epode.$pres({ type: 'unavailable' }));
            connection.flush();
          },
          { capture: true },
        ),
      );
      await closing.close();
      await booked('its departure', staying, (known) => known.length === 2);
      // The worker holds `unavailable` back for as long, in case it is the last message of a tab.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await other.settle();
      assert.ok(
        announced(scene).every((presence) => !presence.includes('unavailable')),
        announced(scene).join(),
      );
      await staying.evaluate(() => connection.send(epode.$pres({ type: 'unavailable' })));
      await scene.wire.connections[0].frame('client', /<presence[^>]*unavailable/);
      assert.equal(scene.wire.open().length, 1);
    });
  });
}

const presences = (tab) => tab.evaluate(() => presences);

const notePresences = (tab) =>
  tab.evaluate(() => {
    window.presences = [];
    connection.addHandler(
      (presence) =>
        presences.push({ status: presence.textContent, replayed: connection.isReplayed(presence) }),
      null,
      'presence',
    );
  });
