// Tabs that share one session, on Prosody.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { opening, SASL, startScripted } from './scripted.mjs';
import { closedCleanly, shareOneSession } from './sharing.mjs';
import { Stage } from './stage.mjs';

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';

/** A scripted server, and a scene whose worker waits `delay` milliseconds for its wasm. */
async function coldStart(stage, test, delay, { server: how, quiet } = {}) {
  const server = await startScripted(how);
  test.after(() => server.stop());
  const scene = await stage.scene(test, { service: server.ws, quiet });
  stage.web.overrides.set('/epode-worker.wasm', { delay });
  test.after(() => stage.web.overrides.clear());
  return { server, scene };
}

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    for (const count of [1, 4, 16]) {
      test(`${count === 1 ? 'one tab has' : `${count} tabs share`} one session from login to logout`, async (t) => {
        await shareOneSession(await stage.scene(t), count);
      });
    }

    test("the worker's address is relative to the base URL of the page", async (t) => {
      const scene = await stage.scene(t);
      const page = await (await fetch(stage.web.url('/pages/app.html'))).text();
      stage.web.overrides.set('/pages/app.html', {
        body: page.replace('</script>', '</script><base href="/">'),
      });
      t.after(() => stage.web.overrides.clear());
      const { options } = ownWorker();
      const tab = await scene.open({ options: { ...options, worker: options.worker.slice(1) } });
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
    });

    test('a tab that connects while another is still connecting joins its session', async (t) => {
      const scene = await stage.scene(t);
      const [first, second] = [await scene.open(), await scene.open()];
      scene.wire.delay = 200;
      await first.connect(`${scene.jid}/first`, scene.password);
      await first.status('AUTHENTICATING');
      await second.connect(`${scene.jid}/second`, scene.password);
      assert.deepEqual(
        await first.statuses(),
        ['CONNECTING', 'AUTHENTICATING'],
        'it was not still connecting',
      );
      assert.deepEqual([await first.up(), await second.up()], ['CONNECTED', 'ATTACHED']);
      assert.equal(await second.evaluate(() => connection.jid), `${scene.jid}/first`);
      assert.equal(scene.wire.connections.length, 1);
      assert.equal(scene.logins(), 1);
    });

    test('the attempt of a tab that closes is completed for another', async (t) => {
      const scene = await stage.scene(t);
      const [first, second] = [await scene.open(), await scene.open()];
      scene.wire.delay = 200;
      await first.connect(`${scene.jid}/first`, scene.password);
      await first.status('AUTHENTICATING');
      await second.connect(`${scene.jid}/second`, scene.password);
      await first.close();
      assert.equal(await second.up(), 'ATTACHED');
      assert.equal(scene.wire.connections.length, 1);
    });

    test('the session goes on when the tab that opened it closes', async (t) => {
      const scene = await stage.scene(t);
      const [first, second] = await scene.connected(2);
      const peer = await scene.peer('peer');
      await first.close();
      await second.eventually('the role', ({ roles }) => roles.at(-1) === 'primary');
      peer.say(`${scene.jid}/tab0`, 'still there?');
      await second.eventually('the message', ({ messages }) => messages.length === 1);
      await second.say(peer.jid, 'yes');
      await peer.frame(/<body>yes</);
      assert.equal(scene.wire.connections.length, 1);
      assert.equal(scene.wire.open().length, 1);
      assert.ok(!(await second.statuses()).includes('DISCONNECTED'));
    });

    test('a tab that reloads beside another joins the session again', async (t) => {
      const scene = await stage.scene(t);
      const [first, second] = await scene.connected(2);
      await first.reload();
      await first.connect(`${scene.jid}/other`, scene.password);
      assert.equal(await first.up(), 'ATTACHED');
      assert.equal(await first.evaluate(() => connection.jid), `${scene.jid}/tab0`);
      const peer = await scene.peer('peer');
      peer.say(`${scene.jid}/tab0`, 'hi');
      for (const tab of [first, second]) {
        await tab.eventually('the message', ({ messages }) => messages.length > 0);
        await tab.settle();
        assert.deepEqual((await tab.heard()).messages, ['hi']);
      }
      assert.equal(scene.wire.connections.length, 1);
    });

    test('after a logout the same tabs log in again', async (t) => {
      const scene = await stage.scene(t);
      const [first, second] = await scene.connected(2);
      await first.evaluate(() => connection.disconnect());
      await Promise.all([first, second].map((tab) => tab.status('DISCONNECTED')));
      for (const tab of [second, first]) {
        await tab.evaluate(() => void (heard.statuses.length = 0));
        await tab.connect(`${scene.jid}/again`, scene.password);
        assert.equal(await tab.up(), tab === second ? 'CONNECTED' : 'ATTACHED');
      }
      assert.equal(scene.wire.connections.length, 2);
      assert.equal(scene.wire.open().length, 1);
    });

    test('a tab without credentials attaches', async (t) => {
      const scene = await stage.scene(t);
      const [first] = await scene.connected(1);
      const second = await scene.open();
      await second.attach();
      assert.equal(await second.up(), 'ATTACHED');
      assert.equal(await second.evaluate(() => connection.jid), `${scene.jid}/tab0`);
      await second.say(`${scene.jid}/tab0`, 'to all of us');
      for (const tab of [first, second])
        await tab.eventually('the message', ({ messages }) => messages.includes('to all of us'));
      assert.equal(scene.logins(), 1);
    });

    test('without a session, attach fails and a connect may follow', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open();
      await tab.attach();
      const { condition } = await tab.status('ATTACHFAIL');
      assert.match(condition, /no session/);
      assert.equal(scene.wire.connections.length, 0);
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
    });

    test('two accounts have separate sessions, and no tab hears the other account', async (t) => {
      const scene = await stage.scene(t);
      const other = await stage.server.register(`${scene.user}-other`, 'other secret');
      const [one, two] = [await scene.open(), await scene.open()];
      await one.connect(`${scene.jid}/a`, scene.password);
      await two.connect(`${other}/b`, 'other secret');
      assert.deepEqual([await one.up(), await two.up()], ['CONNECTED', 'CONNECTED']);
      assert.equal(scene.wire.open().length, 2);
      await one.say(`${other}/b`, 'from one');
      await two.say(`${scene.jid}/a`, 'from two');
      await one.eventually('a message', ({ messages }) => messages.length > 0);
      await two.eventually('a message', ({ messages }) => messages.length > 0);
      await Promise.all([one.settle(), two.settle()]);
      const [first, second] = [await one.heard(), await two.heard()];
      assert.deepEqual([first.messages, second.messages], [['from two'], ['from one']]);
      assert.deepEqual([first.foreign, second.foreign], [[], []]);

      // Attach without an account cannot choose between two sessions.
      const third = await scene.open();
      await third.attach();
      assert.match((await third.status('ATTACHFAIL')).condition, /several sessions/);
      // After a reload a tab attaches to the account that it had.
      await one.reload();
      await one.attach();
      assert.equal(await one.up(), 'ATTACHED');
      assert.equal(await one.evaluate(() => connection.jid), `${scene.jid}/a`);
      await one.evaluate(() => connection.disconnect());
      await one.status('DISCONNECTED');
      await two.settle();
      assert.ok(!(await two.statuses()).includes('DISCONNECTED'));
    });

    test('anonymous tabs share a session, unless they give another sessionKey', async (t) => {
      const scene = await stage.scene(t);
      const tabs = [];
      for (const sessionKey of ['ours', 'ours', 'mine']) {
        const tab = await scene.open({ options: { sessionKey } });
        await tab.connect('anon.localhost');
        tabs.push([await tab.up(), await tab.evaluate(() => connection.jid)]);
      }
      const [[first, jid], [second, same], [third, own]] = tabs;
      assert.deepEqual([first, second, third], ['CONNECTED', 'ATTACHED', 'CONNECTED']);
      assert.match(jid, /@anon\.localhost\//);
      assert.equal(same, jid);
      assert.notEqual(own, jid);
    });

    test('calls before the worker is reached are carried out in order once the session is up', async (t) => {
      const scene = await stage.scene(t);
      await stage.web.putWasmBeside({ delay: 300 });
      t.after(() => stage.web.overrides.clear());
      const peer = await scene.peer('peer');
      const tab = await scene.open();
      const answer = await tab.evaluate(
        (jid, password, to) =>
          new Promise((resolve) => {
            const events = [];
            connection.connect(jid, password, (status) => events.push(status));
            events.push('connect has returned');
            connection.addHandler((message) => events.push(message.textContent), null, 'message', 'headline');
            connection.send(epode.$msg({ to }).c('body').t('first'));
            connection.send([
              epode.$msg({ to }).c('body').t('second'),
              epode.$msg({ to: jid, type: 'headline' }).c('body').t('to me'),
            ]);
            connection.sendIQ(epode.$iq({ type: 'get' }).c('ping', { xmlns: 'urn:xmpp:ping' }), () =>
              resolve([...events, 'answer']),
            );
            connection.send(epode.$msg({ to }).c('body').t('third'));
          }),
        `${scene.jid}/early`,
        scene.password,
        peer.jid,
      );
      assert.deepEqual(answer, [1, 'connect has returned', 3, 5, 'to me', 'answer']);
      await eventually('the messages', () => peer.bodies().length === 3);
      assert.deepEqual(peer.bodies(), ['first', 'second', 'third']);
      const sent = scene.wire.connections[0]
        .texts('client')
        .filter((text) => /^<(message|iq).*(body|ping)/.test(text));
      assert.deepEqual(
        sent.map((text) => /<ping|first|second|to me|third/.exec(text)[0]),
        ['first', 'second', 'to me', '<ping', 'third'],
      );
    });

    test('a new worker opens the stream while its wasm loads, and logs in over that socket', async (t) => {
      const { server, scene } = await coldStart(stage, t, 1_500);
      const tabs = [await scene.open(ownWorker())];
      tabs.push(await scene.open({ options: tabs[0].options }));
      for (const tab of tabs) await tab.connect('alice@localhost', 'secret');
      await eventually('the greeting', () => server.streams[0]?.frames.length > 0, 1_000);
      assert.deepEqual((await Promise.all(tabs.map((tab) => tab.up()))).sort(), ['ATTACHED', 'CONNECTED']);
      assert.equal(server.streams.length, 1);
      assert.deepEqual(
        server.streams[0].frames.map((frame) => /\w+/.exec(frame)[0]),
        ['open', 'auth', 'open', 'iq'],
        'it is greeted once',
      );
    });

    test('if the server closes the early socket before the login, the worker dials again', async (t) => {
      const { server, scene } = await coldStart(stage, t, 1_500);
      const tab = await scene.open(ownWorker());
      await tab.connect('alice@localhost', 'secret');
      await eventually('the socket', () => server.streams.length > 0, 1_000);
      server.streams[0].socket.close(1001);
      assert.equal(await tab.up(), 'CONNECTED');
      assert.deepEqual(await tab.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      assert.equal(server.streams.length, 2);
    });

    test('if the server closes the early stream before the login, the worker dials again', async (t) => {
      let first = true;
      const answer = (frame) => {
        if (!frame.startsWith('<open') || !first) return undefined;
        first = false;
        return [
          ...opening(`<mechanisms xmlns="${SASL}"><mechanism>PLAIN</mechanism></mechanisms>`),
          `<close xmlns="${FRAMING}"/>`,
        ];
      };
      const { server, scene } = await coldStart(stage, t, 1_500, { server: { answer } });
      const tab = await scene.open(ownWorker());
      await tab.connect('alice@localhost', 'secret');
      assert.equal(await tab.up(), 'CONNECTED');
      assert.deepEqual(
        server.streams.map(({ frames }) => frames.slice(0, 2).map((frame) => /\w+/.exec(frame)[0])),
        [
          ['open', 'close'],
          ['open', 'auth'],
        ],
      );
    });

    test('if the app disconnects while the worker starts, the early stream is closed', async (t) => {
      const { server, scene } = await coldStart(stage, t, 1_500);
      const tab = await scene.open(ownWorker());
      await tab.connect('alice@localhost', 'secret');
      await eventually('the greeting', () => server.streams[0]?.frames.length > 0, 1_000);
      await tab.evaluate(() => connection.disconnect());
      await tab.status('DISCONNECTED');
      await eventually(
        'the end of the stream',
        () => server.streams[0].frames.at(-1).startsWith('<close'),
        15_000,
      );
      assert.equal(server.streams.length, 1);
    });

    test('if the server refuses the early socket, CONNFAIL says why', async (t) => {
      const { server, scene } = await coldStart(stage, t, 500, {
        server: { subprotocol: false },
        quiet: false,
      });
      const tab = await scene.open(ownWorker());
      await tab.connect('alice@localhost', 'secret');
      assert.match((await tab.status('CONNFAIL')).condition, /subprotocol xmpp/);
      await tab.status('DISCONNECTED');
      // Chromium closes a socket without the subprotocol itself, so the engine dials again; Firefox
      // leaves the socket open, and the engine uses it.
      assert.equal(server.streams.length, name === 'chromium' ? 2 : 1);
    });

    if (name === 'chromium') {
      test('a worker that outlives its last tab closes the session after a grace time', async (t) => {
        const scene = await stage.scene(t);
        const [first, second] = await scene.connected(2);
        await first.close();
        await second.close();
        const left = performance.now();
        await closedCleanly(scene);
        const waited = scene.wire.connections[0].closedAt - left;
        assert.ok(waited > 8_000 && waited < 15_000, `it waited ${waited.toFixed()} ms`);
      });

      test('a tab restored from the back/forward cache joins again and gets each stanza once', async (t) => {
        const scene = await stage.scene(t);
        // The default `no-store` would keep the page out of the back/forward cache.
        stage.web.overrides.set('/pages/app.html', { headers: { 'Cache-Control': 'no-cache' } });
        t.after(() => stage.web.overrides.clear());
        const [tab, other] = await scene.connected(2);
        const peer = await scene.peer('peer');
        await tab.evaluate(() => (window.cached = true));
        await tab.page.goto(stage.web.url('/pages/client.html'));
        peer.say(`${scene.jid}/tab0`, 'while it was away');
        await other.eventually('the message', ({ messages }) => messages.length === 1);
        await tab.page.goBack();
        const reasons = await tab.evaluate(
          () => window.cached || performance.getEntriesByType('navigation')[0].notRestoredReasons,
        );
        assert.equal(reasons, true, 'the page was not cached');
        await tab.status('RECONNECTING');
        await tab.eventually('the way back', ({ statuses }) =>
          /CONNECTED|ATTACHED/.test(statuses.at(-1).status),
        );
        peer.say(`${scene.jid}/tab0`, 'back');
        await tab.eventually('the message', ({ messages }) => messages.includes('back'));
        await tab.settle();
        // The worker has kept the first message for the tab.
        assert.deepEqual((await tab.heard()).messages, ['while it was away', 'back']);
        assert.deepEqual((await tab.statuses()).slice(-2), ['RECONNECTING', 'ATTACHED']);
        assert.equal(scene.wire.connections.length, 1);
      });

      test('a single tab that reloads finds its session again', async (t) => {
        const scene = await stage.scene(t);
        const [tab] = await scene.connected(1);
        await tab.reload();
        await tab.attach();
        assert.equal(await tab.up(), 'ATTACHED');
        assert.equal(scene.wire.connections.length, 1);
      });
    } else {
      test('the connection ends with the last tab', async (t) => {
        const scene = await stage.scene(t);
        const [tab] = await scene.connected(1);
        await tab.close();
        await eventually('the end', () => scene.wire.open().length === 0);
      });
    }
  });
}
