// The credentials that tabs bring, and the logins that they cost a scripted server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { SASL, startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const ALICE = 'alice@localhost';

/** Accepts one password, and records each that it is asked about. */
function doorkeeper() {
  const asked = [];
  return {
    asked,
    answer(frame) {
      const [, password] = /^<auth[^>]*>([^<]*)</.exec(frame) ?? [];
      if (password === undefined) return undefined;
      asked.push(Buffer.from(password, 'base64').toString().split('\0').at(-1));
      return [
        asked.at(-1) === 'right'
          ? `<success xmlns="${SASL}"/>`
          : `<failure xmlns="${SASL}"><not-authorized/></failure>`,
      ];
    },
  };
}

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name, null)));
    after(() => stage?.close());

    const play = async (t, options) => {
      const door = doorkeeper();
      const server = await startScripted({ answer: door.answer });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws });
      const how = ownWorker(options);
      const tabs = async (count) => Promise.all(Array.from({ length: count }, () => scene.open(how)));
      return { scene, server, asked: door.asked, tabs };
    };

    test('eight tabs with one wrong password cost one login; the right one gets in', async (t) => {
      const { server, asked, tabs } = await play(t);
      const [inside, right, ...wrong] = await tabs(10);
      await inside.connect(ALICE, 'right');
      await inside.up();
      await Promise.all([...wrong.map((tab) => tab.connect(ALICE, 'wrong')), right.connect(ALICE, 'right')]);
      for (const tab of wrong) assert.equal((await tab.status('AUTHFAIL')).condition, 'not-authorized');
      assert.equal(await right.up(), 'ATTACHED');
      assert.deepEqual(asked, ['right', 'wrong']);
      // A second try of the same app: the reason says that the server was not asked.
      await wrong[0].evaluate(() => (heard.statuses.length = 0));
      await wrong[0].connect(ALICE, 'wrong');
      assert.match(
        (await wrong[0].status('AUTHFAIL')).reason,
        /not-authorized; that was \d+ s ago, and the server was not asked again: it can be in \d+ s$/,
      );
      assert.deepEqual(asked, ['right', 'wrong']);
      server.streams[0].send(
        `<message xmlns="jabber:client" from="romeo@localhost"><body>still here</body></message>`,
      );
      for (const tab of [inside, right])
        await tab.eventually('the message', ({ messages }) => messages.includes('still here'));
    });

    test('after five refusals the server is not asked, and the reason says for how long', async (t) => {
      const { asked, tabs } = await play(t);
      const [tab] = await tabs(1);
      for (const password of ['a', 'b', 'c', 'd', 'e', 'right']) {
        await tab.evaluate(() => (heard.statuses.length = 0));
        await tab.connect(ALICE, password);
        await tab.status('DISCONNECTED');
      }
      const { condition, reason } = await tab.status('AUTHFAIL');
      assert.equal(condition, 'too-many-attempts');
      assert.match(reason, /it can be in (59\d|600) s$/);
      assert.deepEqual(asked, ['a', 'b', 'c', 'd', 'e']);
    });

    test('with attach: false no tab joins without credentials, not even after a reload', async (t) => {
      const { asked, tabs } = await play(t, { attach: false });
      const [opener, guest, other] = await tabs(3);
      await opener.connect(ALICE, 'right');
      await opener.up();
      await guest.attach();
      const { condition, reason } = await guest.status('ATTACHFAIL');
      assert.equal(condition, 'credentials-required');
      assert.match(reason, /attach: false/);
      await other.connect(ALICE, 'right');
      assert.equal(await other.up(), 'ATTACHED');
      await other.reload();
      await other.attach();
      assert.equal((await other.status('ATTACHFAIL')).condition, 'credentials-required');
      await other.evaluate(() => (heard.statuses.length = 0));
      await other.connect(ALICE, 'right');
      assert.equal(await other.up(), 'ATTACHED');
      assert.deepEqual(asked, ['right']);
    });

    test('PLAIN sends the password as typed, and EXTERNAL is not tried if there is a password', async (t) => {
      const { asked, tabs } = await play(t);
      const [tab] = await tabs(1);
      const typed = 'gru\u0308\u00DF \u2168 \u00AD\u05D0p';
      await tab.connect(ALICE, typed);
      await tab.status('AUTHFAIL');
      assert.deepEqual(asked, [typed]);

      const server = await startScripted({ mechanisms: ['EXTERNAL'] });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws });
      const other = await scene.open(ownWorker());
      await other.connect(ALICE, 'secret');
      assert.equal((await other.status('CONNFAIL')).condition, 'no-auth-mech');
      await eventually('the end of the stream', () =>
        server.streams[0].frames.some((frame) => frame.startsWith('<close')),
      );
      assert.ok(!server.streams[0].frames.some((frame) => frame.startsWith('<auth')));
    });
  });
}
