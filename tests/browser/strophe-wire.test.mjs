// The wire of strophe.js, spoken by hand: its versions, its words, its ends, and garbage.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { startScripted } from './scripted.mjs';
import { areOne, attach, connect, openStage, pages, rawPort, share } from './strophe.mjs';

const FRAMING = 'xmlns="urn:ietf:params:xml:ns:xmpp-framing"';
const OPEN = ['send', `<open ${FRAMING} to="localhost" version="1.0"/>`];
const CLOSE = ['send', `<close ${FRAMING}/>`];
const AUTH = [
  'send',
  `<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${Buffer.from('\0alice\0secret').toString('base64')}</auth>`,
];
const BIND = [
  'send',
  '<iq xmlns="jabber:client" type="set" id="_bind_auth_2"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>raw</resource></bind></iq>',
];

/** What no page of Strophe says as its first word, or at all. */
const GARBAGE = [
  [],
  [42],
  [null],
  [{}],
  [[]],
  ['_novelty'],
  ['_novelty', 'of', { a: 'later version' }],
  ['_connect'],
  ['_connect', 7, {}, 3],
  ['_connect', 'no address', 'no jid', 3],
  ['_connect', 'ws://127.0.0.1:9/', '', 3],
  ['_attach'],
  ['_attach', 7, 3],
  ['send'],
  ['send', 42],
  ['send', 'no xml'],
  ['send', '<presence/>'],
  ['send', '<message><body>not closed</message>'],
  ['_bound'],
  ['_bound', { a: 'jid' }],
  ['_smFeatures'],
  ['_relinquish'],
  ['_closeSocket'],
  ['_pong'],
  ['_bye'],
  ['__proto__'],
  ['constructor'],
];
/** Words that want no answer at a port that is in no session. */
const SILENT = /^\["_(pong|bye|relinquish|closeSocket)"/;

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await openStage(name)));
    after(() => stage?.close());

    /** A session of two pages, and a third page whose ports a test speaks at. */
    const besidePages = async (t) => {
      const scene = await stage.scene(t);
      const how = pages();
      const tabs = await share(scene, 2, how);
      const page = await scene.open(how);
      return { scene, tabs, page, port: () => rawPort(page) };
    };

    test('a page of version 3 logs in word by word, and a second attaches', async (t) => {
      const { scene, page, server } = await scripted(t, stage);
      const port = await rawPort(page);
      await port.post(['_connect', scene.service, 'alice@localhost/raw', 3]);
      assert.deepEqual((await port.word('_role'))[1], 'primary');
      await port.word('_onOpen');
      const frame = (pattern) => port.word('_onMessage', ([, { data }]) => pattern.test(data));
      await port.post(OPEN);
      await frame(/^<open/);
      await frame(/mechanisms/);
      await port.post(AUTH);
      await frame(/^<success/);
      await port.forget();
      await port.post(OPEN);
      await frame(/^<open/);
      await frame(/xmpp-bind/);
      await port.post(BIND);
      const [, { data }] = await frame(/_bind_auth_2/);
      const [, jid] = /<jid>(.*)<\/jid>/.exec(data);
      assert.equal(jid, server.jid);
      await port.post(['_bound', jid]);

      const second = await rawPort(page);
      await second.post(['_attach', scene.service, 3]);
      assert.deepEqual(await second.word('_attachCallback'), ['_attachCallback', 8, jid]);
      assert.deepEqual(await second.word('_role'), ['_role', 'secondary', jid]);
      const order = (await second.said()).map(([word]) => word).filter((word) => word !== 'log');
      assert.deepEqual(order.slice(0, 2), ['_role', '_attachCallback']);

      await second.post(['send', '<presence xmlns="jabber:client"/>']);
      assert.match((await port.word('_onStanzaSent'))[1], /^<presence/);
      const message = '<message xmlns="jabber:client" from="romeo@localhost"><body>hi</body></message>';
      server.streams[0].send(message);
      for (const one of [port, second])
        assert.ok(await one.word('_onMessage', ([, { data }]) => data.includes('hi')));
      assert.equal((await second.said()).filter(([word]) => word === '_onStanzaSent').length, 0);
    });

    test('another version is told so in words, and harms no page', async (t) => {
      const { scene, tabs, port } = await besidePages(t);
      for (const version of [1, 2, 4, 99, 'three', {}]) {
        for (const words of [
          ['_connect', scene.service, `${scene.jid}/raw`, version],
          ['_attach', scene.service, version],
        ]) {
          const raw = await port();
          await raw.post(words);
          const text = JSON.stringify(words);
          const [, , sentence] = await raw.word('log', ([, level]) => level === 'fatal');
          assert.match(sentence, /version|protocol/, text);
          const failure = words[0] === '_connect' ? '_onClose' : '_attachCallback';
          assert.notEqual((await raw.word(failure))[1], 8, text);
        }
      }
      await areOne(scene, tabs);
    });

    test('a page without a version is served, or told so in words', async (t) => {
      const { scene, tabs, port } = await besidePages(t);
      const [attaches, connects] = [await port(), await port()];
      await attaches.post(['_attach', scene.service]);
      const answer = await attaches.word('_attachCallback').catch(() => attaches.word('_onClose'));
      if (answer[0] === '_attachCallback' && answer[1] === 8) assert.match(answer[2], /^user\d+@localhost\//);
      await connects.post(['_connect', scene.service, `${scene.jid}/raw`]);
      await eventually('an answer', async () => (await connects.said()).length > 0);
      // Such a page knows no roles, and says of what it does not know that it is unhandled.
      const known = /^(log|_onOpen|_onMessage|_onClose|_attachCallback)$/;
      for (const one of [attaches, connects])
        assert.deepEqual(
          (await one.said()).filter(([word]) => !known.test(word)),
          [],
        );
      await areOne(scene, tabs);
    });

    test('garbage and unknown words are answered in words, and harm no page', async (t) => {
      const { scene, tabs, port } = await besidePages(t);
      for (const word of GARBAGE) {
        const raw = await port();
        await raw.post(word);
        const text = JSON.stringify(word);
        if (!SILENT.test(text))
          await eventually(`an answer to ${text}`, async () => (await raw.said()).length > 0);
        // Only a word makes it a port of Strophe's; and one that has asked for a session need not ask again.
        if (typeof word[0] === 'string' && word[0] !== '_connect') {
          await raw.post(['_attach', scene.service, 3]);
          await raw.word('_attachCallback').catch((error) => {
            throw new Error(`after ${text}: ${error.message}`);
          });
        }
        await raw.post(['_bye']);
      }
      await areOne(scene, tabs);
    });

    test('garbage of a page that is in the session harms neither the page nor the others', async (t) => {
      const { scene, tabs, port } = await besidePages(t);
      const raw = await port();
      await raw.post(['_attach', scene.service, 3]);
      await raw.word('_attachCallback');
      const unharmful = GARBAGE.filter(([word]) => !/^_(connect|attach|closeSocket|bye)$/.test(word));
      await raw.post(...unharmful, null, 42, 'word', {}, { Hello: {} });
      await raw.post([
        'send',
        `<message xmlns="jabber:client" to="${scene.jid}"><body>all well</body></message>`,
      ]);
      for (const tab of tabs)
        await tab.eventually('the reflection', ({ foreign }) => foreign.includes('all well'));
      await raw.word('log');
      await raw.post(['_bye']);
      await areOne(scene, tabs);
    });

    test('a port that has not asked for a session, or in vain, is in none', async (t) => {
      const scene = await stage.scene(t);
      const how = pages();
      const page = await scene.open(how);
      const [silent, bye, vain] = [await rawPort(page), await rawPort(page), await rawPort(page)];
      await bye.post(['_bye'], ['_pong']);
      await vain.post(['_attach', scene.service, 3]);
      assert.deepEqual(await vain.word('_attachCallback', ([, status]) => status === 12), [
        '_attachCallback',
        12,
      ]);
      await vain.forget();
      const tabs = await share(scene, 2, how);
      const { jid } = await areOne(scene, tabs);
      for (const port of [silent, bye, vain]) {
        await port.post(
          ['send', `<message xmlns="jabber:client" to="${jid}"><body>no</body></message>`],
          ['_pong'],
        );
        const heard = (await port.said()).filter(
          ([word]) => word !== 'log' && word !== '_ping' && word !== '_onClose',
        );
        assert.deepEqual(heard, []);
      }
      await areOne(scene, tabs, ['after']);
      for (const tab of tabs) assert.ok(!(await tab.heard()).messages.includes('no'));
    });

    test('a close with a goodbye within a second is an unload, and else a logout of all', async (t) => {
      const { scene, tabs, port } = await besidePages(t);
      // A page that has just been loaded has let go of the port of its constructor.
      const load = async () => {
        await (await port()).post(['_bye']);
        return port();
      };
      for (const wait of [0, 300]) {
        const raw = await load();
        await raw.post(['_attach', scene.service, 3]);
        await raw.word('_attachCallback');
        const gone = '<presence xmlns="jabber:client" type="unavailable"/>';
        await raw.post(['send', gone], CLOSE, ['_closeSocket']);
        if (wait) await pause(wait);
        await raw.post(['_bye']);
      }
      await pause(1_500);
      const { jid } = await areOne(scene, tabs);
      assert.ok(
        !scene.wire.connections[0].texts('client').some((text) => text.includes('type="unavailable"')),
      );
      const raw = await load();
      await raw.post(['_attach', scene.service, 3]);
      assert.equal((await raw.word('_attachCallback'))[2], jid);
      await raw.post(CLOSE, ['_closeSocket']);
      for (const tab of tabs) await tab.status('DISCONNECTED', 5_000);
      await eventually('the end of the session', async () => (await scene.sessions()).length === 0);
    });

    test('a port that speaks again after its goodbye is heard', async (t) => {
      const { scene, tabs, port } = await besidePages(t);
      const [attaches, shown] = [await port(), await port()];
      for (const raw of [attaches, shown]) {
        await raw.post(['_attach', scene.service, 3]);
        await raw.word('_attachCallback');
        await raw.post(['_bye']);
        await raw.forget();
      }
      await attaches.post(['_attach', scene.service, 3]);
      await attaches.word('_attachCallback');
      // A page says so when it is shown again, out of the back/forward cache.
      await shown.post(['_pong']);
      await eventually('an answer', async () =>
        (await shown.said()).some(([word]) => word === '_role' || word === '_onClose'),
      );
      for (const raw of [attaches, shown]) await raw.post(['_bye']);
      await areOne(scene, tabs);
    });

    test('the end of a login that is under way ends that login alone', async (t) => {
      const { scene, tabs, port } = await besidePages(t);
      const raw = await port();
      await raw.post(['_connect', scene.service, `${scene.jid}/raw`, 3]);
      await raw.word('_onOpen');
      await raw.post(OPEN, CLOSE, ['_closeSocket']);
      await pause(1_500);
      await areOne(scene, tabs);
      // The port may begin anew.
      await raw.forget();
      await raw.post(['_attach', scene.service, 3]);
      await raw.word('_attachCallback', ([, status]) => status === 8);
    });

    test('an app that logs out while its page unloads ends no session of others', async (t) => {
      const scene = await stage.scene(t);
      const how = pages();
      const [stays, goes] = await share(scene, 2, how);
      await goes.evaluate(() => addEventListener('beforeunload', () => connection.disconnect('unload')));
      await goes.reload();
      await pause(1_500);
      await areOne(scene, [stays]);
      // A Firefox that is driven closes a tab without Strophe's own `_bye`: there this is a logout.
      if (name === 'firefox') return;
      await attach(goes);
      await goes.evaluate(() => addEventListener('pagehide', () => connection.disconnect('unload')));
      await goes.close();
      await pause(1_500);
      await areOne(scene, [stays], ['four']);
    });

    test('while the wasm loads a page waits, and hears a sentence if there is none', async (t) => {
      const scene = await stage.scene(t);
      t.after(() => stage.web.overrides.delete('/epode-worker.wasm'));
      stage.web.overrides.set('/epode-worker.wasm', { delay: 1_500 });
      const early = await scene.open(pages());
      await connect(scene, early);
      stage.web.overrides.set('/epode-worker.wasm', { status: 404 });
      const none = await scene.open(pages());
      await none.connect(scene.jid, scene.password);
      assert.match((await none.status('CONNFAIL')).condition, /wasm/);
      await none.status('DISCONNECTED');
      // The worker is there for half a second more.
      await pause(700);
      assert.deepEqual(await none.statuses(), ['CONNECTING', 'CONNFAIL', 'DISCONNECTED']);
      const also = await scene.open(pages());
      await also.attach();
      await also.status('ATTACHFAIL');
    });
  });
}

/** A server that says only what the test wants, and a page for a test's ports. */
async function scripted(t, stage) {
  const server = await startScripted();
  t.after(() => server.stop());
  const scene = await stage.scene(t, { service: server.ws });
  return { server, scene, page: await scene.open(pages()) };
}
