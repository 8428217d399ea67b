// The promises of a connection, on a real server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { Stage } from './stage.mjs';

for (const name of BROWSERS) {
  describe(`in ${name}, on Prosody`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    test('ready settles in a tab that opens the session, joins it, or is refused', async (t) => {
      const scene = await stage.scene(t);
      const tabs = [await scene.open(), await scene.open()];
      const join = (tab, password) =>
        tab.evaluate(
          async (jid, password) => {
            // Read before connect is called.
            const { ready } = connection;
            connection.connect(jid, password, window.onStatus);
            try {
              const { jid, authenticated } = await ready;
              return { jid, authenticated };
            } catch (error) {
              const { AuthenticationError } = epode;
              return {
                name: error.name,
                condition: error.condition,
                own:
                  error instanceof AuthenticationError &&
                  AuthenticationError === epode.Strophe.AuthenticationError,
              };
            }
          },
          `${scene.jid}/desk`,
          password,
        );
      for (const tab of tabs)
        assert.deepEqual(await join(tab, 'secret'), { jid: `${scene.jid}/desk`, authenticated: true });
      assert.deepEqual(
        [await tabs[0].statuses(), await tabs[1].statuses()].map((statuses) => statuses.at(-1)),
        ['CONNECTED', 'ATTACHED'],
      );
      const stranger = await scene.open();
      assert.deepEqual(await join(stranger, 'wrong'), {
        name: 'AuthenticationError',
        condition: 'not-authorized',
        own: true,
      });
      // A rejection that nobody handles would be an error of the page, and so fail the scene.
      const other = await scene.open();
      await other.connect(`${scene.jid}/desk`, 'wrong');
      await other.status('DISCONNECTED');
    });

    test('iq settles with the result, an error, a timeout or an abort', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await scene.connected(1);
      const peer = await scene.peer('slow');
      const ask = (iq, options) =>
        tab.evaluate(
          async (iq, { abort, ...options }) => {
            const controller = new AbortController();
            if (abort) setTimeout(() => controller.abort(), abort);
            try {
              const result = await connection.iq(iq, { ...options, signal: controller.signal });
              return result.getAttribute('type');
            } catch ({ name, type, condition }) {
              return [name, type, condition].filter((fact) => fact);
            }
          },
          iq,
          options ?? {},
        );
      assert.equal(await ask(`<iq type="get"><ping xmlns="urn:xmpp:ping"/></iq>`), 'result');
      assert.deepEqual(await ask(`<iq type="get" to="localhost"><query xmlns="urn:example:nothing"/></iq>`), [
        'StanzaError',
        'cancel',
        'service-unavailable',
      ]);
      const slow = `<iq type="get" to="${peer.jid}"><query xmlns="urn:example:slow"/></iq>`;
      assert.deepEqual(await ask(slow, { timeout: 200 }), ['TimeoutError']);
      assert.deepEqual(await ask(slow, { abort: 50 }), ['AbortError']);
      const refused = () =>
        connection
          .iq(epode.$iq({ type: 'get' }).c('query', { node: '\u0002' }))
          .catch(({ name, condition }) => [name, condition]);
      assert.deepEqual(await tab.evaluate(refused), ['RefusedError', 'not-well-formed']);
      const open = ask(slow);
      await eventually(
        'all of those questions',
        () => peer.frames.filter((frame) => frame.includes('urn:example:slow')).length === 3,
      );
      await tab.evaluate(() => connection.disconnect());
      assert.deepEqual(await open, ['DisconnectedError', 'not-connected']);
    });

    test('a loop for each stream gets every stanza selected, across a resumption', async (t) => {
      const scene = await stage.scene(t);
      const [tab, other] = await scene.connected(2);
      const peer = await scene.peer('peer');
      await tab.evaluate((from) => {
        window.heard.loop = [];
        window.loop = (async () => {
          for (;;) {
            await connection.ready;
            const stanzas = connection.stanzas({ name: 'message', from, matchBareFromJid: true });
            window.heard.loops = (window.heard.loops ?? 0) + 1;
            for await (const stanza of stanzas) {
              window.heard.loop.push(stanza.textContent);
              // The first turn lasts until all other messages have arrived.
              if (window.heard.loop.length === 1) await new Promise((go) => (window.go = go));
            }
          }
        })().catch((error) => (window.heard.end = error.name));
      }, peer.jid.split('/')[0]);
      const bodies = (from) => Array.from({ length: 100 }, (_, index) => `${from + index}`);
      for (const body of bodies(0)) peer.say(`${scene.jid}/tab0`, body);
      await tab.eventually('all of it, in a handler', ({ messages }) => messages.length === 100);
      await other.say(`${scene.jid}/tab0`, 'not from the peer');
      await tab.eventually('that too', ({ messages }) => messages.length === 101);
      assert.deepEqual((await tab.heard()).loop, ['0']);
      await tab.evaluate(() => window.go());
      await tab.eventually('all of it', ({ loop }) => loop.length >= 100);
      scene.wire.cut();
      await tab.status('RECONNECTING');
      // No loop runs now, and the next begins when this has come.
      for (const body of bodies(100)) peer.say(`${scene.jid}/tab0`, body);
      await tab.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      for (const body of bodies(200)) peer.say(`${scene.jid}/tab0`, body);
      await tab.eventually('all of it', ({ loop }) => loop.length >= 300);
      assert.equal(await tab.evaluate(() => connection.hasResumed()), true);
      const { loop, loops } = await tab.heard();
      assert.deepEqual([loop, loops], [[...bodies(0), ...bodies(100), ...bodies(200)], 2]);
      await other.evaluate(() => connection.disconnect());
      await tab.eventually('the end', ({ end }) => end === 'DisconnectedError');
    });
  });
}
