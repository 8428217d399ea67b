// The option explicitResourceBinding: a login waits before it binds a resource until a tab calls bind().

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { crash, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const explicit = { explicitResourceBinding: true };
const bind = (tab) => tab.evaluate(() => connection.bind());

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Tabs of a session that waits for `bind`. */
    const waiting = async (scene, count, options) => {
      const tabs = [];
      for (let i = 0; i < count; i++) {
        const tab = await scene.open(options);
        await tab.connect(`${scene.jid}/tab${i}`, scene.password);
        await tab.status('BINDREQUIRED');
        tabs.push(tab);
      }
      return tabs;
    };

    test('every tab hears BINDREQUIRED, and any of them can bind', async (t) => {
      const scene = await stage.scene(t);
      const [idle, binds] = await waiting(scene, 2, { options: explicit });
      assert.deepEqual(await scene.sessions(), []);
      await bind(binds);
      assert.deepEqual(await Promise.all([idle.up(), binds.up()]), ['CONNECTED', 'ATTACHED']);
      assert.deepEqual(await idle.statuses(), ['CONNECTING', 'AUTHENTICATING', 'BINDREQUIRED', 'CONNECTED']);
      assert.deepEqual(await binds.statuses(), ['CONNECTING', 'BINDREQUIRED', 'ATTACHED']);
      // The resource comes from the JID of the tab that binds.
      assert.deepEqual(await scene.sessions(), [`${scene.jid}/tab1`]);
      assert.equal(scene.logins(), 1);
    });

    test('at BINDREQUIRED a tab has the features, also one that joins or was reloaded', async (t) => {
      const scene = await stage.scene(t);
      /** Connects; what the callback of BINDREQUIRED finds offered. */
      const offered = async (tab) => {
        await tab.evaluate(() => {
          const { onStatus } = window;
          window.onStatus = (status, ...more) => {
            if (status === epode.Strophe.Status.BINDREQUIRED)
              window.offered = connection.features && epode.Strophe.serialize(connection.features);
            onStatus(status, ...more);
          };
        });
        await tab.connect(scene.jid, scene.password);
        await tab.status('BINDREQUIRED');
        return tab.evaluate(() => window.offered);
      };
      const open = () => scene.open({ options: explicit });
      const [first, joins] = [await open(), await open()];
      const features = await offered(first);
      assert.match(features, /^<(stream:)?features.*urn:ietf:params:xml:ns:xmpp-bind/);
      assert.equal(await offered(joins), features);
      await first.reload();
      assert.equal(await offered(first), features);
      await bind(first);
      await joins.up();
      assert.equal(await joins.evaluate(() => epode.Strophe.serialize(connection.features)), features);
    });

    test('a tab without the option that joins makes the worker bind at once', async (t) => {
      const scene = await stage.scene(t);
      const [idle] = await waiting(scene, 1, { options: explicit });
      const joins = await scene.open();
      await joins.connect(scene.jid, scene.password);
      assert.deepEqual(await Promise.all([idle.up(), joins.up()]), ['CONNECTED', 'ATTACHED']);
      assert.deepEqual(await scene.sessions(), [`${scene.jid}/tab0`]);
    });

    test('bind() when the session does not wait for it only logs an error', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1);
      await bind(tab);
      await tab.settle();
      const { log, statuses } = await tab.heard();
      assert.deepEqual(log, ['bind was called, but the session does not wait for it']);
      assert.deepEqual(statuses.at(-1).status, 'CONNECTED');
    });

    test('a tab may log out while it waits, and log in again', async (t) => {
      const scene = await stage.scene(t);
      const [tab, other] = await waiting(scene, 2, { options: explicit });
      await tab.evaluate(() => connection.disconnect());
      for (const one of [tab, other]) {
        await one.status('DISCONNECTED');
        assert.deepEqual((await one.statuses()).slice(-3), ['BINDREQUIRED', 'DISCONNECTING', 'DISCONNECTED']);
      }
      await tab.evaluate(() => void (heard.statuses.length = 0));
      await tab.connect(scene.jid, scene.password);
      await tab.status('BINDREQUIRED');
      await bind(tab);
      assert.equal(await tab.up(), 'CONNECTED');
    });

    test('without a worker too a login waits for bind(), and a redial does not', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await waiting(scene, 1, { options: { worker: '', ...explicit } });
      await bind(tab);
      assert.equal(await tab.up(), 'CONNECTED');
      scene.wire.cut();
      await tab.status('RECONNECTING');
      await tab.eventually('CONNECTED again', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      assert.equal((await tab.statuses()).filter((status) => status === 'BINDREQUIRED').length, 1);
    });

    test('the wait outlives the tab that asked for it, and the crash of the worker', async (t) => {
      const scene = await stage.scene(t);
      const options = ownWorker(explicit);
      const [host, asker, left] = await waiting(scene, 3, options);
      await asker.close();
      if (name === 'chromium') {
        await left.evaluate(() => void (heard.statuses.length = 0));
        await crash(host);
        await left.status('BINDREQUIRED');
      }
      await bind(left);
      await left.up();
      assert.deepEqual(await scene.sessions(), [`${scene.jid}/tab2`]);
    });
  });
}
