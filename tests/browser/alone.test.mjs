// Without the option `worker` the engine runs in the page: each connection has its own session, and
// the app sees no other difference.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { shareOneSession } from './sharing.mjs';
import { Stage } from './stage.mjs';

const alone = { options: { worker: '' } };
/**
 * Whether `<close/>` reaches the server when a page goes. Firefox closes the sockets of a page that
 * navigates before `pagehide`, with code 1001 (going away), and loses some of the frames sent while
 * a tab is closed.
 */
const CLOSES = { chromium: true, firefox: false };

for (const name of BROWSERS) {
  describe(`in ${name}, without a worker`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** The paths requested from the web server since the test began. */
    const requested = () => {
      const before = stage.web.requests.length;
      return () => stage.web.requests.slice(before);
    };

    test('a tab connects, hears, sends, asks and logs out', async (t) => {
      const loaded = requested();
      await shareOneSession(await stage.scene(t), 1, alone);
      assert.equal(loaded().filter((path) => path === '/epode-engine.js').length, 1);
      assert.ok(!loaded().some((path) => path.startsWith('/epode-worker') || path.endsWith('.wasm')));
    });

    test('the engine is loaded at connect, and only by pages without a worker', async (t) => {
      const loaded = requested();
      const scene = await stage.scene(t);
      const [idle] = [await scene.open(alone), ...(await scene.connected(1))];
      assert.ok(!loaded().includes('/epode-engine.js'));
      await idle.evaluate(() => void connection.addHandler(() => true, null, 'message'));
      assert.ok(!loaded().includes('/epode-engine.js'));
    });

    test('each tab has its own session, and so has each connection of a page', async (t) => {
      const scene = await stage.scene(t);
      const tabs = [await scene.open(alone), await scene.open(alone)];
      for (const [index, tab] of tabs.entries()) {
        await tab.connect(`${scene.jid}/tab${index}`, scene.password);
        assert.equal(await tab.up(), 'CONNECTED');
        assert.equal(await tab.evaluate(() => connection.role), 'primary');
      }
      const second = await tabs[0].evaluate(
        (service, jid, password) =>
          new Promise((up) => {
            window.second = new epode.Strophe.Connection(service);
            second.connect(
              jid,
              password,
              (status) => status === epode.Strophe.Status.CONNECTED && up(second.jid),
            );
          }),
        scene.service,
        `${scene.jid}/second`,
        scene.password,
      );
      const jids = [`${scene.jid}/tab0`, `${scene.jid}/tab1`, second];
      assert.equal(scene.wire.connections.length, 3);
      assert.deepEqual((await scene.sessions()).sort(), jids.toSorted());
      const peer = await scene.peer('peer');
      for (const [index, tab] of tabs.entries()) {
        peer.say(jids[index], `for ${index}`);
        await tab.eventually('the message', ({ messages }) => messages.includes(`for ${index}`));
        assert.deepEqual((await tab.heard()).messages, [`for ${index}`]);
      }
      await tabs[0].evaluate(() => connection.disconnect());
      await tabs[0].status('DISCONNECTED');
      await tabs[1].settle();
      assert.equal(scene.wire.open().length, 2);
      assert.deepEqual(await tabs[1].statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
    });

    test('a connection that is lost is dialled again', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1, alone);
      scene.wire.cut();
      await tab.status('RECONNECTING');
      await tab.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      await tab.settle();
      assert.equal(scene.wire.open().length, 1);
    });

    test('a connection connects again after a logout, and after a login that failed', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open(alone);
      await tab.connect(scene.jid, 'wrong');
      assert.equal((await tab.status('AUTHFAIL')).condition, 'not-authorized');
      await tab.status('DISCONNECTED');
      for (let login = 0; login < 2; login++) {
        await tab.evaluate(() => void (heard.statuses.length = 0));
        await tab.connect(scene.jid, scene.password);
        assert.equal(await tab.up(), 'CONNECTED');
        await tab.evaluate(() => connection.disconnect());
        await tab.status('DISCONNECTED');
      }
      // The page knows when the stream has ended; the socket ends a little later.
      await eventually('the end of the sockets', () => scene.wire.open().length === 0, 2_000);
    });

    test('a session ends with its page, and after a reload there is none to attach to', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1, alone);
      await tab.reload();
      await ended(scene, CLOSES[name]);
      await tab.attach();
      assert.match((await tab.status('ATTACHFAIL')).reason, /no session to attach to/);
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
      await tab.close();
      await ended(scene, CLOSES[name]);
    });

    test('reset ends the session, since no other tab shares it', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1, alone);
      await tab.evaluate(() => connection.reset());
      await ended(scene, true);
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
    });

    if (name !== 'chromium') return;

    test('a page that is restored from the back/forward cache logs in again', async (t) => {
      // The default `no-store` would keep the page out of the back/forward cache.
      stage.web.overrides.set('/pages/app.html', { headers: { 'Cache-Control': 'no-cache' } });
      t.after(() => stage.web.overrides.clear());
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1, alone);
      await tab.evaluate(() => (window.cached = true));
      await tab.page.goto(stage.web.url('/pages/client.html'));
      await ended(scene, true);
      await tab.page.goBack();
      const reasons = await tab.evaluate(
        () => window.cached || performance.getEntriesByType('navigation')[0].notRestoredReasons,
      );
      assert.equal(reasons, true, 'the page was not cached');
      await tab.status('RECONNECTING');
      await tab.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      await tab.settle();
      assert.deepEqual((await tab.statuses()).slice(-3), ['RECONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      assert.equal(scene.wire.open().length, 1);
    });
  });
}

/**
 * Waits until the latest connection has ended with its page: if the page `closes` its stream, with
 * `<close/>` (RFC 7395 §3.6), and with the end of the session on the server.
 */
async function ended(scene, closes) {
  const connection = scene.wire.connections.at(-1);
  await eventually('the end of the socket', () => connection.closedAt !== undefined);
  assert.notEqual(connection.code, 1006);
  if (!closes) return;
  assert.match(connection.texts('client').at(-1), /^<close /);
  await eventually('the end of the session', async () => (await scene.sessions()).length === 0);
}
