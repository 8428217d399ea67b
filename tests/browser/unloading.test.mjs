// Stanzas that an app sends while its page is unloaded leave; a disconnect during unloading ends no
// session of other tabs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const JID = 'alice@localhost';
const alone = () => ({ options: { worker: '' } });

/** Ways to unload a page. `beforeunload` is dispatched first, except when a driver closes a tab. */
const WAYS = {
  reload: ({ page }) => page.reload(),
  navigate: ({ page }, web) => page.goto(web.url('/pages/client.html')),
  close: ({ page }) => page.close(),
};

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => {
      stage = await Stage.open(name, null);
      // The default `no-store` would keep the page out of the back/forward cache.
      stage.web.overrides.set('/pages/app.html', { headers: { 'Cache-Control': 'no-cache' } });
    });
    after(() => stage?.close());

    /** A server, and tabs whose sessions are up. */
    const serve = async (t, count, how = ownWorker(), quiet = true) => {
      const server = await startScripted();
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws, quiet });
      const tabs = [];
      for (let index = 0; index < count; index++) {
        const tab = await scene.open(how);
        tabs.push(tab);
        await speakLast(tab, 'before');
        await tab.connect(JID, 'secret');
        await tab.up();
      }
      return [scene, server, tabs];
    };

    for (const [way, go] of Object.entries(WAYS)) {
      for (const unloads of [true, false]) {
        test(`a tab sends in all listeners at ${way}, ${unloads ? 'with' : 'without'} unload`, async (t) => {
          const [, server, [tab, other]] = await serve(t, 2);
          await speakLast(tab, 'behind', { unloads });
          await tab.page.bringToFront();
          await go(tab, stage.web);
          const { frames } = server.streams[0];
          const due = expected(way, { unloads });
          await eventually('the last words', () => due.every((word) => leaves(frames).includes(word))).catch(
            () => {},
          );
          assert.deepEqual(leaves(frames).toSorted(), due.toSorted());
          assert.equal(server.streams.length, 1);
          assert.ok(!frames.some((frame) => /^<close|^<presence(?! to=)/.test(frame)), frames.join('\n'));
          // A tab sees the stanzas that other tabs send.
          await other.eventually('what the other tab sent', ({ foreign }) => foreign.length >= due.length);
          assert.deepEqual((await other.heard()).log, []);
        });
      }
    }

    test('stanzas that the only tab sends while it reloads precede those of the next page', async (t) => {
      const [scene, server, [tab]] = await serve(t, 1);
      await speakLast(tab, 'behind');
      await tab.page.bringToFront();
      await tab.reload();
      await tab.connect(JID, 'secret');
      await tab.up();
      await tab.say('romeo@localhost', 'back');
      const due = expected('reload', {});
      if (name === 'chromium') {
        assert.equal(server.streams.length, 1);
        await server.streams[0].frame(/back/);
        const { frames } = server.streams[0];
        assert.deepEqual(leaves(frames).toSorted(), due.toSorted());
        assert.ok(
          frames.findLastIndex((frame) => frame.includes('room')) <
            frames.findIndex((frame) => frame.includes('back')),
        );
      } else {
        // The worker ends with its last page, and loses posts that it has not read.
        t.diagnostic(`${leaves(server.streams[0].frames).length} of ${due.length} words left`);
      }
      assert.ok(scene);
    });

    test('without a worker the page sends its last stanzas before <close/>', async (t) => {
      for (const [way, go] of Object.entries(WAYS)) {
        for (const unloads of [true, false]) {
          const [, server, [tab]] = await serve(t, 1, alone(), false);
          await speakLast(tab, 'behind', { unloads });
          await tab.page.bringToFront();
          await go(tab, stage.web);
          const [{ frames, socket }] = server.streams;
          await eventually('the end of the socket', () => socket.readyState === 3);
          const due = expected(way, { unloads });
          if (name === 'chromium') {
            assert.deepEqual(leaves(frames).toSorted(), due.toSorted(), `${way}, ${unloads}`);
            assert.match(frames.at(-1), /^<close/);
          } else {
            // If the browser has closed the socket before `pagehide`, only earlier stanzas leave:
            // see alone.test.mjs.
            const said = leaves(frames);
            for (const word of due.filter((word) => word.startsWith('beforeunload')))
              assert.ok(said.includes(word), `${way}: ${said}`);
            t.diagnostic(`${way}: ${said.length} of ${due.length} words left`);
          }
        }
      }
    });

    test('without a worker, stanzas after a disconnect in beforeunload precede <close/> too', async (t) => {
      const [, server, [tab]] = await serve(t, 1, alone(), false);
      await tab.evaluate(() => addEventListener('beforeunload', () => connection.disconnect()));
      await speakLast(tab, 'behind');
      await tab.page.bringToFront();
      await tab.reload();
      const [{ frames, socket }] = server.streams;
      await eventually('the end of the socket', () => socket.readyState === 3);
      // Firefox has closed the socket by then.
      if (name === 'firefox') return;
      assert.deepEqual(leaves(frames).toSorted(), expected('reload', {}).toSorted());
      assert.match(frames.at(-1), /^<close/);
    });

    for (const kind of ['beforeunload', 'pagehide', 'unload']) {
      for (const count of [2, 1]) {
        test(`disconnect in ${kind} of one tab of ${count} leaves the session up`, async (t) => {
          const [, server, [tab, other]] = await serve(t, count);
          await other?.evaluate(() => (epode.Strophe.log = (_, text) => heard.log.push(text)));
          await tab.evaluate((kind) => {
            addEventListener(kind, () => {
              // As many apps of Strophe do.
              connection.options.sync = true;
              connection.flush();
              connection.disconnect('bye');
            });
          }, kind);
          await tab.page.bringToFront();
          await tab.reload();
          await tab.attach();
          if (other) {
            await other.eventually('the reason', ({ log }) =>
              log.find((line) => /asked to end the session while its page was unloaded: it left/.test(line)),
            );
            assert.deepEqual(await other.statuses(), ['CONNECTING', 'ATTACHED']);
          }
          // In Firefox the worker ends with its last page.
          if (!other && name === 'firefox') return;
          assert.equal(await tab.up(), 'ATTACHED');
          assert.equal(server.streams.length, 1);
          const { frames } = server.streams[0];
          assert.ok(!frames.some((frame) => /^<close|^<presence(?! to=)/.test(frame)), frames.join('\n'));
        });
      }
    }

    test('a page that stays after a disconnect in beforeunload hears DISCONNECTED, alone', async (t) => {
      const [, server, [tab, other]] = await serve(t, 2);
      await tab.evaluate(() => {
        connection.disconnection_timeout = 600;
        addEventListener('beforeunload', () => connection.disconnect(), { once: true });
      });
      await tab.page.bringToFront();
      // A download leaves the page open, and no event says so.
      stage.web.overrides.set('/download', {
        headers: { 'Content-Disposition': 'attachment', 'Content-Type': 'application/octet-stream' },
        body: 'x',
      });
      const before = await tab.statuses();
      await tab.evaluate(() => void (location.href = '/download'));
      await tab.evaluate(() => new Promise((soon) => setTimeout(soon, 100)));
      assert.deepEqual(await tab.statuses(), before, 'while it may be unloaded it hears nothing');
      await tab.evaluate(() => connection.send(epode.$pres({ to: 'room@localhost/still-here' })));
      await server.streams[0].frame(/still-here/);
      await tab.status('DISCONNECTED');
      assert.deepEqual((await tab.statuses()).slice(before.length), ['DISCONNECTING', 'DISCONNECTED']);
      assert.equal(await tab.evaluate(() => connection.connected || connection.disconnecting), false);
      assert.ok(!(await other.statuses()).includes('DISCONNECTED'));
      await tab.evaluate(() => void (heard.statuses.length = 0));
      await tab.connect(JID, 'secret');
      assert.equal(await tab.up(), 'ATTACHED');
      await tab.evaluate(() => new Promise((soon) => setTimeout(soon, 700)));
      assert.equal((await tab.statuses()).at(-1), 'ATTACHED');
      assert.equal(server.streams.length, 1);
    });

    test('after a page stayed, a connect or a real logout is not disturbed by the timer', async (t) => {
      const [, server, [tab, other]] = await serve(t, 2);
      const stay = (then) =>
        tab.evaluate(
          async (then, jid) => {
            connection.disconnection_timeout = 500;
            heard.statuses.length = 0;
            addEventListener('beforeunload', () => connection.disconnect(), { once: true });
            dispatchEvent(new Event('beforeunload'));
            if (then === 'connect')
              connection.connect(jid, 'secret', onStatus, undefined, undefined, undefined, undefined, 500);
            else connection.disconnect();
            await new Promise((soon) => setTimeout(soon, 900));
          },
          then,
          JID,
        );
      await stay('connect');
      assert.deepEqual(await tab.statuses(), ['CONNECTING', 'ATTACHED']);
      await stay('disconnect');
      assert.deepEqual(await tab.statuses(), ['DISCONNECTING', 'DISCONNECTED']);
      await other.status('DISCONNECTED');
      assert.equal(server.streams.length, 1);
    });

    if (name !== 'chromium') return;

    test('a page that enters the back/forward cache sends last stanzas and is not evicted', async (t) => {
      for (const how of [ownWorker(), alone()]) {
        const [, server, [tab]] = await serve(t, 1, how);
        await speakLast(tab, 'behind', { unloads: false });
        await tab.evaluate(() => (window.cached = true));
        await tab.page.bringToFront();
        await tab.page.goto(stage.web.url('/pages/client.html'));
        const due = expected('navigate', { unloads: false });
        await eventually('the last words', () => leaves(server.streams[0].frames).length >= due.length);
        await tab.page.goBack();
        const reasons = await tab.evaluate(
          () => window.cached || performance.getEntriesByType('navigation')[0].notRestoredReasons,
        );
        assert.equal(reasons, true, 'the page was not cached');
        await tab.eventually('the way back', ({ statuses }) =>
          /^(CONNECTED|ATTACHED)$/.test(statuses.at(-1).status),
        );
        assert.deepEqual(leaves(server.streams[0].frames).toSorted(), due.toSorted());
        assert.deepEqual(await tab.evaluate(() => connection.tabs().then((tabs) => tabs.length)), 1);
      }
    });

    test('a page that disconnects as it enters the cache is out of the session when restored', async (t) => {
      const [, server, [tab, other]] = await serve(t, 2);
      await tab.evaluate(() => {
        window.cached = true;
        connection.disconnection_timeout = 300;
        addEventListener('pagehide', () => connection.disconnect());
      });
      await tab.page.goto(stage.web.url('/pages/client.html'));
      await new Promise((later) => setTimeout(later, 500));
      await tab.page.goBack();
      assert.equal(await tab.evaluate(() => window.cached), true, 'the page was not cached');
      await tab.status('DISCONNECTED');
      assert.deepEqual((await tab.statuses()).slice(-2), ['DISCONNECTING', 'DISCONNECTED']);
      assert.ok(!(await tab.statuses()).includes('RECONNECTING'));
      assert.ok(!(await other.statuses()).includes('DISCONNECTED'));
      assert.equal(server.streams.length, 1);
    });
  });
}

/** Makes a page leave a room in every kind of listener, added before or after those of the library. */
const speakLast = (tab, when, { unloads = true } = {}) =>
  tab.evaluate(
    (when, unloads) => {
      const leave = (kind) =>
        connection.send(epode.$pres({ to: `room@localhost/${kind}-${when}`, type: 'unavailable' }));
      const hidden = (kind) => document.visibilityState === 'hidden' && window.isGoing && leave(kind);
      addEventListener('pagehide', () => leave('pagehide'));
      if (when === 'before') return;
      addEventListener('beforeunload', () => leave('beforeunload'));
      addEventListener('pagehide', () => (window.isGoing = true));
      addEventListener('pagehide', () => leave('pagehide-capture'), true);
      window.onpagehide = () => leave('onpagehide');
      addEventListener(
        'pagehide',
        () =>
          void Promise.resolve()
            .then(() => {})
            .then(() => leave('pagehide-promise')),
      );
      addEventListener('pagehide', () => (leave('pagehide-flushed'), connection.flush()));
      document.addEventListener('visibilitychange', () => hidden('visibilitychange'));
      addEventListener('visibilitychange', () => hidden('visibilitychange-window'));
      if (unloads) addEventListener('unload', () => leave('unload'));
    },
    when,
    unloads,
  );

/** The names of the listeners whose stanzas must leave. */
function expected(way, { unloads = true }) {
  const words = ['pagehide-before'];
  const kinds = [
    'pagehide',
    'pagehide-capture',
    'onpagehide',
    'pagehide-promise',
    'pagehide-flushed',
    'visibilitychange',
    'visibilitychange-window',
  ];
  // A driver that closes a tab dispatches no `beforeunload`.
  if (way !== 'close') kinds.push('beforeunload');
  if (unloads) kinds.push('unload');
  return [...words, ...kinds.map((kind) => `${kind}-behind`)];
}

/** The names of the listeners whose stanzas are among the frames. */
const leaves = (frames) =>
  frames.flatMap(
    (frame) =>
      /to=["']room@localhost\/([^"']*)["'].*unavailable|unavailable.*to=["']room@localhost\/([^"']*)["']/
        .exec(frame)
        ?.slice(1)
        .filter(Boolean) ?? [],
  );
