// Any tab may vanish at any moment: how soon the worker notices, and that no other tab is affected.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { back, booked, books, crash, freeze, goneAfter, median, numbered, own, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

/**
 * The goal for the median time from the act until the worker's list shows it, in milliseconds, and
 * the number of tabs for each way to go.
 */
const GONE = 200;
const TIMES = 7;

/**
 * The goal for the time from the death of the worker's process until the session is up again, in
 * milliseconds.
 */
const REPLACED = 2_000;

const WAYS_TO_GO = {
  close: (tab) => tab.close(),
  navigate: (tab, web) => tab.page.goto(web.url('/pages/client.html')),
  reload: (tab) => tab.page.reload(),
  crash,
};

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    test('tabs that close, navigate, reload or crash soon leave the list; the session stays', async (t) => {
      const scene = await stage.scene(t);
      const options = ownWorker();
      const tabs = await scene.connected(16, options);
      const [host, observer, ...others] = tabs;
      const ways = Object.entries(WAYS_TO_GO).filter(([way]) => way !== 'crash' || name === 'chromium');
      assert.equal((await books(observer)).length, 16);
      for (const [way, go] of ways) {
        const times = [];
        for (const tab of others.splice(-TIMES)) {
          times.push(await goneAfter(observer, tab, (tab) => go(tab, stage.web)));
          // The page is in no session now.
          await tab.close();
        }
        t.diagnostic(`${way}: gone after ${times.map((time) => time.toFixed(0)).join(', ')} ms`);
        assert.ok(median(times) < GONE, `${way}: gone after ${times.map((time) => time.toFixed(0))} ms`);
        others.push(...(await scene.connected(TIMES, options)));
      }

      // When the primary goes, another tab becomes primary.
      const roles = () =>
        Promise.all([host, observer, ...others].map((tab) => tab.evaluate(() => connection.role)));
      await others.at(-1).page.bringToFront();
      await booked('the visible tab in charge', observer, (known) =>
        known.every(({ role, visible }) => (role === 'primary') === visible),
      );
      const left = others.length + 1;
      await others.pop().close();
      const known = await booked('its departure', observer, (known) => known.length === left);
      assert.equal(known.filter(({ role }) => role === 'primary').length, 1);
      await eventually(
        'one primary',
        async () => (await roles()).filter((role) => role === 'primary').length === 1,
      );

      const peer = await scene.peer('peer');
      peer.say(`${scene.jid}/tab0`, 'still there?');
      for (const tab of [host, observer, ...others]) {
        await tab.eventually('the message', ({ messages }) => messages.length === 1);
        assert.deepEqual((await tab.statuses()).slice(-1), [tab === host ? 'CONNECTED' : 'ATTACHED']);
      }
      assert.equal(scene.wire.connections.length, 1);
      assert.equal(scene.logins(), 1);
      assert.deepEqual(await scene.sessions(), [`${scene.jid}/tab0`]);
    });

    test('tabs() returns the list of the worker', async (t) => {
      const scene = await stage.scene(t);
      const tabs = await scene.connected(2, ownWorker());
      const known = await booked('the claims of both', tabs[0], (known) =>
        known.every(({ claims }) => claims > 0),
      );
      for (const { tab, own, role, visible, awake, credit, waiting, claims, ...more } of known) {
        assert.match(tab, /^[0-9a-f]{32}$/);
        assert.deepEqual(
          [typeof own, typeof visible, awake, waiting, claims, more],
          ['boolean', 'boolean', true, 0, 4, {}],
        );
        assert.match(role, /^(primary|secondary)$/);
        assert.ok(credit > 0 && credit <= 64, String(credit));
      }
      const seen = known.map(({ tab }) => tab);
      assert.equal(new Set(seen).size, 2);
      assert.deepEqual(
        known.map(({ own }) => own),
        [true, false],
      );
      assert.deepEqual(
        (await books(tabs[1])).map(({ tab, own }) => [tab, own]),
        [
          [seen[0], false],
          [seen[1], true],
        ],
      );
      await tabs[0].evaluate(() => connection.reset());
      await booked('its departure', tabs[1], (known) => known.length === 1);
      assert.deepEqual(await books(tabs[0]), [], 'outside a session there is nothing to tell');
    });

    // Firefox's driver can neither freeze nor crash a page, nor kill a process; `deploy.test.mjs`
    // shows there how tabs reconnect to a new worker.
    if (name !== 'chromium') return;

    test("when the worker's process is killed, the tabs start another, and the session is back", async (t) => {
      const scene = await stage.scene(t);
      const [host, ...survivors] = await scene.connected(4, ownWorker());
      const peer = await scene.peer('peer');
      // A handler of the former session must not be called in the next one.
      peer.say(`${scene.jid}/tab0`, 'before');
      for (const tab of survivors)
        await tab.eventually('the message', ({ messages }) => messages.length === 1);
      const begun = performance.now();
      await crash(host);
      await Promise.all(survivors.map((tab) => tab.status('RECONNECTING')));
      const heardAfter = performance.now() - begun;
      await Promise.all(survivors.map((tab) => back(tab)));
      const backAfter = performance.now() - begun;
      t.diagnostic(`heard of after ${heardAfter.toFixed()} ms, back after ${backAfter.toFixed()} ms`);
      assert.ok(backAfter < REPLACED, `back after ${backAfter.toFixed()} ms`);

      const statuses = await Promise.all(survivors.map((tab) => tab.statuses()));
      assert.deepEqual(statuses.map((heard) => heard.at(-1)).sort(), ['ATTACHED', 'ATTACHED', 'CONNECTED']);
      const jids = new Set(await Promise.all(survivors.map((tab) => tab.evaluate(() => connection.jid))));
      assert.equal(jids.size, 1, 'one session for all');
      await eventually(
        'the end of the old session',
        async () => String(await scene.sessions()) === String([...jids]),
      );
      assert.equal(scene.wire.connections.length, 2);
      assert.equal(scene.wire.open().length, 1);

      peer.say([...jids][0], 'after');
      for (const [index, tab] of survivors.entries()) {
        assert.deepEqual(await tab.say(peer.jid, `from ${index}`), { status: 'written' });
        await tab.eventually('the message', ({ messages }) => messages.includes('after'));
        await tab.settle();
        assert.deepEqual((await tab.heard()).messages, ['before', 'after']);
      }
      await eventually('what the tabs send', () => peer.bodies().length === survivors.length);
      assert.equal((await books(survivors[0])).filter(({ role }) => role === 'primary').length, 1);
    });

    test('when the worker dies requests end, and stanzas sent meanwhile leave with the next', async (t) => {
      const scene = await stage.scene(t);
      const [host, survivor] = await scene.connected(2, ownWorker());
      const peer = await scene.peer('peer');
      const answer = survivor.ask(
        `<iq type="get" to="${peer.jid}"><query xmlns="urn:example:silence"/></iq>`,
      );
      await peer.frame(/urn:example:silence/);
      await survivor.evaluate((to) => {
        const { onStatus } = window;
        connection.connect_callback = (status, ...rest) => {
          onStatus(status, ...rest);
          if (status === epode.Strophe.Status.RECONNECTING) {
            window.receipt = connection.send(epode.$msg({ to }).c('body').t('meanwhile'));
          }
        };
      }, peer.jid);
      await crash(host);
      assert.deepEqual(await answer, { err: null });
      await back(survivor);
      await peer.frame(/<body>meanwhile</);
      assert.deepEqual(await survivor.evaluate(() => receipt), { status: 'written' });
      assert.deepEqual(peer.bodies(), ['meanwhile']);
    });

    test('if no tab has credentials when the worker dies, each hears so and can connect', async (t) => {
      const scene = await stage.scene(t);
      const options = ownWorker();
      const [host] = await scene.connected(1, options);
      const survivors = [await scene.open(options), await scene.open(options)];
      for (const tab of survivors) {
        await tab.attach();
        await tab.up();
      }
      await crash(host);
      for (const tab of survivors) {
        assert.equal((await tab.status('DISCONNECTED')).condition, 'credentials-required');
        assert.deepEqual(await tab.statuses(), ['ATTACHED', 'RECONNECTING', 'DISCONNECTED']);
      }
      assert.equal(scene.wire.connections.length, 1);
      await survivors[0].connect(`${scene.jid}/again`, scene.password);
      await back(survivors[0]);
      assert.equal(scene.wire.open().length, 1);
    });

    test('one survivor with credentials suffices for the tabs that only attached', async (t) => {
      const scene = await stage.scene(t);
      const options = ownWorker();
      const [host] = await scene.connected(1, options);
      const [attached, connected] = [await scene.open(options), await scene.open(options)];
      await attached.attach();
      await attached.up();
      await connected.connect(scene.jid, scene.password);
      await connected.up();
      await crash(host);
      await Promise.all([attached, connected].map((tab) => tab.status('RECONNECTING')));
      assert.deepEqual(await Promise.all([attached, connected].map((tab) => back(tab))), [
        'ATTACHED',
        'CONNECTED',
      ]);
      assert.equal(scene.wire.connections.length, 2);
    });

    test('a frozen tab loses its role at once, and gets everything in order when it thaws', async (t) => {
      const scene = await stage.scene(t);
      const [frozen, other, third] = await scene.connected(3, ownWorker());
      const { tab: name } = await own(frozen);
      const thaw = await freezePrimary(scene, frozen);
      const begun = performance.now();
      const known = await booked('its sleep', other, (known) =>
        known.some(({ tab, awake }) => tab === name && !awake),
      );
      const noticedAfter = performance.now() - begun;
      t.diagnostic(`noticed after ${noticedAfter.toFixed()} ms`);
      // By the page's event, not by its silence, which would take 14 s.
      assert.ok(noticedAfter < 1_000, `noticed after ${noticedAfter.toFixed()} ms`);
      assert.deepEqual(known.map(({ role }) => role).sort(), ['primary', 'secondary', 'secondary']);
      assert.equal(known.find(({ tab }) => tab === name).role, 'secondary');

      const peer = await scene.peer('peer');
      const bodies = numbered(300);
      await sayInTurns(peer, scene, bodies, other);
      for (const tab of [other, third]) {
        await tab.eventually('the last message', ({ messages }) => messages.includes(bodies.at(-1)));
        assert.deepEqual((await tab.heard()).messages, bodies);
      }
      const { credit, waiting } = (await books(other)).find(({ tab }) => tab === name);
      assert.equal(credit, 0);
      assert.ok(waiting > 0);
      assert.deepEqual((await frozen.heard()).messages, [], 'it was not frozen');

      await thaw();
      await frozen.eventually('the last message', ({ messages }) => messages.includes(bodies.at(-1)));
      await frozen.settle();
      assert.deepEqual((await frozen.heard()).messages, bodies);
      await booked('its awakening', other, (known) =>
        known.every(({ awake, waiting }) => awake && waiting === 0),
      );
      assert.deepEqual(await frozen.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      assert.equal((await books(other)).filter(({ role }) => role === 'primary').length, 1);
    });

    test('if too much waits for a frozen tab, onGap counts exactly what is missing', async (t) => {
      const scene = await stage.scene(t);
      const [frozen, other] = await scene.connected(2, ownWorker({ queue: { stanzas: 40 } }));
      for (const tab of [frozen, other])
        await tab.evaluate(() => (connection.onGap = (gap) => heard.messages.push(gap)));
      const thaw = await freezePrimary(scene, frozen);
      const peer = await scene.peer('peer');
      const bodies = numbered(300);
      await sayInTurns(peer, scene, bodies, other);
      assert.deepEqual((await other.heard()).messages, bodies);
      await thaw();
      const { messages } = await frozen.eventually(
        'the last message',
        (heard) => heard.messages.includes(bodies.at(-1)) && heard,
      );
      const at = messages.findIndex((message) => typeof message !== 'string');
      const { from, to, count } = messages[at];
      const [first, rest] = [messages.slice(0, at), messages.slice(at + 1)];
      t.diagnostic(`${first.length} heard, ${count} given up, ${rest.length} waited`);
      assert.deepEqual([...first, ...bodies.slice(at, at + count), ...rest], bodies);
      assert.equal(rest.length, 40);
      // Only messages came meanwhile.
      assert.equal(to - from + 1, count);
      await frozen.settle();
      assert.equal((await frozen.heard()).messages.length, messages.length);
    });
  });
}

/** Makes a tab primary, puts it in the background, and freezes it. */
async function freezePrimary(scene, tab) {
  await tab.page.bringToFront();
  await booked('its role', tab, (known) => known.find(({ own }) => own).role === 'primary');
  const elsewhere = await scene.open();
  await elsewhere.page.bringToFront();
  await booked('the background', tab, (known) => known.every(({ visible }) => !visible));
  assert.equal((await own(tab)).role, 'primary');
  return freeze(tab);
}

/**
 * Sends messages in more event-loop tasks of the worker than a window has posts, no faster than a
 * tab that is awake can follow.
 */
async function sayInTurns(peer, { jid }, bodies, awake) {
  for (let from = 0; from < bodies.length; from += 3) {
    const turn = bodies.slice(from, from + 3);
    for (const body of turn) peer.say(`${jid}/tab0`, body);
    await awake.eventually('the messages so far', ({ messages }) => messages.includes(turn.at(-1)));
  }
}
