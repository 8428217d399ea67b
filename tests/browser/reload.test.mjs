// Reloads, the back/forward cache and duplicated tabs: a tab finds its session and misses no stanza.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { back, booked, books, crash, numbered, own, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const MESSAGES = 200;
const RELOADS = 3;

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    for (const how of ['connect', 'attach']) {
      test(`a tab that reloads while messages arrive and joins by ${how} gets each once`, async (t) => {
        const scene = await stage.scene(t);
        const [steady, reloading] = await scene.connected(2, ownWorker());
        const peer = await scene.peer('peer');
        await diarise(reloading);
        const { tab: identity } = await own(reloading);
        const bodies = numbered(MESSAGES);
        const saying = sayPaced(peer, `${scene.jid}/tab0`, bodies);
        for (let reload = 1; reload <= RELOADS; reload++) {
          // At various points, and not before the page has received some.
          await eventually(
            'some messages',
            async () => (await diary(reloading)).length >= (reload * MESSAGES) / (RELOADS + 2),
          );
          await reloading.reload();
          await diarise(reloading);
          await (how === 'connect' ? reloading.connect(scene.jid, scene.password) : reloading.attach());
          assert.equal(await reloading.up(), 'ATTACHED');
        }
        await saying;
        await eventually('the last message', async () => (await diary(reloading)).includes(bodies.at(-1)));
        await reloading.settle();
        assert.deepEqual(await diary(reloading), bodies);
        assert.deepEqual((await steady.heard()).messages, bodies);
        assert.equal((await own(reloading)).tab, identity, 'a reload makes no other tab of it');
        assert.equal((await books(steady)).length, 2);
        assert.equal(scene.wire.connections.length, 1);
      });
    }

    test('a page that is reloaded again before its wasm is loaded misses nothing', async (t) => {
      const scene = await stage.scene(t);
      const [steady, tab] = await scene.connected(2, ownWorker());
      const peer = await scene.peer('peer');
      t.after(() => stage.web.overrides.clear());
      await stage.web.putWasmBeside({ delay: 4_000 });
      stage.web.requests.length = 0;
      await tab.reload();
      await tab.connect(scene.jid, scene.password);
      await eventually('the request for the wasm', () => stage.web.requests.includes('/epode.wasm'));
      peer.say(`${scene.jid}/tab0`, 'meanwhile');
      await steady.eventually('the message', ({ messages }) => messages.length === 1);
      stage.web.overrides.clear();
      await tab.reload();
      await tab.connect(scene.jid, scene.password);
      await tab.up();
      await tab.settle();
      assert.deepEqual((await tab.heard()).messages, ['meanwhile']);
    });

    test('a page with two accounts of one service attaches to each again', async (t) => {
      const [scene, other] = [await stage.scene(t), await stage.scene(t)];
      // The other tab keeps the worker alive during the reload.
      const [, app] = await scene.connected(2, ownWorker());
      const second = (service, options, join) =>
        new Promise((told) => {
          window.second = new epode.Strophe.Connection(service, options);
          const callback = (status) => [5, 8, 12].includes(status) && told([status, window.second.jid]);
          if (join) window.second.connect(join.jid, join.password, callback);
          else window.second.attach(callback);
        });
      const join = { jid: `${other.jid}/tab1`, password: other.password };
      assert.deepEqual(await app.evaluate(second, app.service, app.options, join), [5, join.jid]);
      await app.reload();
      await app.attach();
      assert.equal(await app.up(), 'ATTACHED');
      assert.deepEqual(await app.evaluate(second, app.service, app.options, null), [8, join.jid]);
      assert.equal(await app.evaluate(() => connection.jid), `${scene.jid}/tab0`);
    });

    test('stanzas kept for a reload are not delivered again after the next reload', async (t) => {
      const scene = await stage.scene(t);
      const [steady, reloading] = await scene.connected(2, ownWorker());
      const peer = await scene.peer('peer');
      for (const body of ['first', 'second']) {
        await reloading.reload();
        peer.say(`${scene.jid}/tab0`, body);
        await steady.eventually('the message', ({ messages }) => messages.includes(body));
        await reloading.connect(scene.jid, scene.password);
        await reloading.eventually('the message', ({ messages }) => messages.includes(body));
        assert.deepEqual((await reloading.heard()).messages, [body]);
      }
    });

    test('without reloadGrace nothing is kept for a tab that reloads', async (t) => {
      const scene = await stage.scene(t);
      const [steady, reloading] = await scene.connected(2, ownWorker({ reloadGrace: 0 }));
      const peer = await scene.peer('peer');
      await reloading.reload();
      await booked('its departure', steady, (known) => known.length === 1);
      peer.say(`${scene.jid}/tab0`, 'while it was away');
      await steady.eventually('the message', ({ messages }) => messages.length === 1);
      await reloading.connect(scene.jid, scene.password);
      await reloading.up();
      await reloading.settle();
      assert.deepEqual((await reloading.heard()).messages, []);
    });

    test('a duplicated tab is another tab, and takes nothing from the original', async (t) => {
      const scene = await stage.scene(t);
      const [original, other] = await scene.connected(2, ownWorker());
      // Session storage, which is copied, now holds the entries that a reload needs.
      await original.reload();
      await original.connect(scene.jid, scene.password);
      await original.up();
      const peer = await scene.peer('peer');
      peer.say(`${scene.jid}/tab0`, 'to the original');
      await original.eventually('the message', ({ messages }) => messages.length === 1);

      const copy = await duplicate(t, original);
      await copy.evaluate(
        (service, options) => void window.make(service, options),
        original.service,
        original.options,
      );
      await copy.evaluate(
        (jid, password) => connection.connect(jid, password, onStatus),
        scene.jid,
        scene.password,
      );
      await eventually('the copy in the session', () =>
        copy.evaluate(() => heard.statuses.at(-1).status === 'ATTACHED'),
      );
      const known = await booked('all tabs', other, (known) => known.length === 3);
      assert.equal(new Set(known.map(({ tab }) => tab)).size, 3);
      peer.say(`${scene.jid}/tab0`, 'to both');
      await original.eventually('the message', ({ messages }) => messages.includes('to both'));
      await eventually('the message', () => copy.evaluate(() => heard.messages.includes('to both')));
      assert.deepEqual(await copy.evaluate(() => heard.messages), ['to both']);
      assert.deepEqual((await original.heard()).messages, ['to the original', 'to both']);
      await copy.close();
      await booked('the departure of the copy', other, (known) => known.length === 2);
    });

    if (name !== 'chromium') return;

    test('stanzas that arrive while the only tab reloads wait for it', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1, ownWorker());
      const peer = await scene.peer('peer');
      await tab.reload();
      peer.say(`${scene.jid}/tab0`, 'while nobody was there');
      await scene.wire.connections[0].frame('server', /while nobody was there/);
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'ATTACHED');
      await tab.eventually('the message', ({ messages }) => messages.length > 0);
      await tab.settle();
      assert.deepEqual((await tab.heard()).messages, ['while nobody was there']);
    });

    describe('the back/forward cache', () => {
      // The default `no-store` would keep the page out of the back/forward cache.
      before(() => stage.web.overrides.set('/pages/app.html', { headers: { 'Cache-Control': 'no-cache' } }));
      after(() => stage.web.overrides.clear());

      test('a page that was alone finds its session when it is restored', async (t) => {
        const scene = await stage.scene(t);
        const [tab] = await scene.connected(1, ownWorker());
        const peer = await scene.peer('peer');
        await goAway(stage, tab);
        peer.say(`${scene.jid}/tab0`, 'while it was away');
        await scene.wire.connections[0].frame('server', /while it was away/);
        t.diagnostic(`back in the session ${(await comeBack(tab)).toFixed()} ms after it is shown`);
        await tab.eventually('the message', ({ messages }) => messages.length > 0);
        assert.deepEqual(await tab.say(peer.jid, 'I am back'), { status: 'written' });
        await peer.frame(/I am back/);
        assert.deepEqual((await tab.heard()).messages, ['while it was away']);
        assert.deepEqual((await tab.statuses()).slice(-2), ['RECONNECTING', 'ATTACHED']);
        assert.equal(scene.wire.connections.length, 1);
      });

      test('a page in the cache is no tab of the worker, and no post of the worker evicts it', async (t) => {
        const scene = await stage.scene(t);
        const [tab, other] = await scene.connected(2, ownWorker());
        const peer = await scene.peer('peer');
        await goAway(stage, tab);
        await booked('its departure', other, (known) => known.length === 1);
        const bodies = numbered(50);
        for (const body of bodies) peer.say(`${scene.jid}/tab0`, body);
        await other.eventually('the messages', ({ messages }) => messages.length === bodies.length);
        t.diagnostic(`back in the session ${(await comeBack(tab)).toFixed()} ms after it is shown`);
        await tab.eventually('the messages', ({ messages }) => messages.length === bodies.length);
        assert.deepEqual((await tab.heard()).messages, bodies);
        await booked('its return', other, (known) => known.length === 2);
      });

      test('a page whose worker died meanwhile starts a new one when it is restored', async (t) => {
        const scene = await stage.scene(t);
        const [host, tab] = await scene.connected(2, ownWorker());
        await goAway(stage, tab);
        await booked('its departure', host, (known) => known.length === 1);
        await crash(host);
        await eventually('the end of the socket', () => scene.wire.open().length === 0);
        await comeBack(tab);
        assert.equal((await tab.statuses()).at(-1), 'CONNECTED');
        const peer = await scene.peer('peer');
        peer.say(await tab.evaluate(() => connection.jid), 'welcome back');
        await tab.eventually('the message', ({ messages }) => messages.includes('welcome back'));
        assert.equal(scene.wire.open().length, 1);
      });

      test('a page that is restored after a logout in another tab hears ATTACHFAIL', async (t) => {
        const scene = await stage.scene(t);
        const options = ownWorker();
        const [other] = await scene.connected(1, options);
        const tab = await scene.open(options);
        await tab.attach();
        await tab.up();
        await goAway(stage, tab);
        await other.evaluate(() => connection.disconnect());
        await other.status('DISCONNECTED');
        await tab.page.goBack();
        await tab.status('ATTACHFAIL');
        assert.equal(scene.wire.open().length, 0);
      });
    });
  });
}

/** Appends the messages of this page to session storage, where they survive reloads. */
const diarise = (tab) =>
  tab.evaluate(() => {
    heard.messages.push = (body) => {
      sessionStorage.setItem(
        'diary',
        JSON.stringify([...JSON.parse(sessionStorage.getItem('diary') ?? '[]'), body]),
      );
      return Array.prototype.push.call(heard.messages, body);
    };
  });

const diary = (tab) => tab.evaluate(() => JSON.parse(sessionStorage.getItem('diary') ?? '[]'));

/** Sends messages one by one, slowly enough for reloads in between. */
async function sayPaced(peer, to, bodies) {
  for (const body of bodies) {
    peer.say(to, body);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Opens the page again with a copy of its session storage, like a browser's "duplicate tab". */
async function duplicate(t, tab) {
  const popup = new Promise((resolve) => tab.page.once('popup', resolve));
  await tab.evaluate(() => void window.open(location.href));
  const copy = await popup;
  t.after(() => copy.isClosed() || copy.close());
  await eventually("the page's script", () => copy.evaluate(() => window.ready === true));
  return copy;
}

async function goAway(stage, tab) {
  await tab.evaluate(() => {
    window.cached = true;
    addEventListener('pageshow', () => (window.shownAt = performance.now()));
    const callback = connection.connect_callback;
    connection.connect_callback = (status, ...rest) => {
      if (status === epode.Strophe.Status.CONNECTED || status === epode.Strophe.Status.ATTACHED)
        window.upAt = performance.now();
      callback(status, ...rest);
    };
  });
  await tab.page.goto(stage.web.url('/pages/client.html'));
}

/** Goes back; returns the milliseconds from `pageshow` until the session is up. */
async function comeBack(tab) {
  await tab.page.goBack();
  const reasons = await tab.evaluate(
    () => window.cached || performance.getEntriesByType('navigation')[0].notRestoredReasons,
  );
  assert.equal(reasons, true, 'the page was not cached');
  await tab.status('RECONNECTING');
  await back(tab);
  return tab.evaluate(() => upAt - shownAt);
}
