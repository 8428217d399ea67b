// Registration in band (XEP-0077) on real servers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const DOMAIN = 'open.localhost';

/** Registers, and says what came of it. */
const register = (tab, domain, values) =>
  tab.evaluate(
    async (domain, values) => {
      let form;
      try {
        const registration = await connection.register(domain);
        form = [...registration.form.children].map(({ localName }) => localName);
        await registration.submit(values);
        return { form };
      } catch ({ name, condition, message }) {
        return { form, name, condition, message };
      }
    },
    domain,
    values,
  );

for (const [name, startServer] of [
  ...BROWSERS.map((name) => [name, startProsody]),
  ['chromium', startEjabberd],
]) {
  describe(`in ${name}, on ${startServer.name.replace('start', '')}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name, startServer)));
    after(() => stage?.close());

    for (const [where, how] of [
      ['with a worker', ownWorker],
      ['without one', () => ({ options: { worker: '' } })],
    ])
      test(`an account is registered ${where}, and logged in to; its name is taken then`, async (t) => {
        const scene = await stage.scene(t);
        const tab = await scene.open(how());
        const values = { username: `${scene.user}-new`, password: 'fresh' };
        const { form, ...failure } = await register(tab, DOMAIN, values);
        assert.deepEqual(failure, {});
        assert.ok(form.includes('username') && form.includes('password'), form.join());
        await tab.connect(`${values.username}@${DOMAIN}`, values.password);
        assert.equal(await tab.up(), 'CONNECTED');
        // The session goes on beside another registration.
        const again = await register(tab, DOMAIN, values);
        assert.deepEqual([again.name, again.condition], ['StanzaError', 'conflict'], again.message);
        await tab.settle();
        assert.deepEqual(await tab.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      });

    test('who gives up leaves nothing behind', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open(ownWorker());
      const reason = await tab.evaluate(async (domain) => {
        const registration = await connection.register(domain);
        registration.close();
        return registration.submit({ username: 'x', password: 'y' }).then(
          () => 'registered',
          ({ message }) => message,
        );
      }, DOMAIN);
      assert.equal(reason, 'the registration was closed');
      const isClosed = ({ closedAt }) => closedAt !== undefined;
      await eventually('the end of the stream', () => scene.wire.connections.every(isClosed));
      assert.equal(scene.wire.connections.length, 1);
    });
  });
}

describe('on a server that registers nobody', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium')));
  after(() => stage?.close());

  test('the app hears that, and why', async (t) => {
    const scene = await stage.scene(t);
    const tab = await scene.open(ownWorker());
    const { name, message, ...rest } = await register(tab, 'localhost', {});
    assert.ok(/^(StanzaError|ConnectionError|DisconnectedError)$/.test(name), `${name}: ${message}`);
    t.diagnostic(`${name} ${message} ${JSON.stringify(rest)}`);
  });
});
