// Mechanisms of an app's own, which run in the page, on a scripted server that sends two challenges.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { ownWorker } from './life.mjs';
import { SASL, startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const challenge = (text) => `<challenge xmlns="${SASL}">${Buffer.from(text).toString('base64')}</challenge>`;
const LOGIN = [challenge('¿one'), challenge('two')];
const JID = 'alice@localhost';

/** The initial response and the responses of a client, without base64. */
const said = (stream) =>
  stream.frames
    .filter((frame) => /^<(auth|response)/.test(frame))
    .map((frame) => Buffer.from(/>([^<]*)</.exec(frame)?.[1] ?? '', 'base64').toString());

/** Connects with X-ECHO, which answers challenges as `how` says, and records its calls. */
const connect = (tab, how = 'echoes', { pass = 'sécret', clientFirst = true, registers = false } = {}) =>
  tab.evaluate(
    async (service, options, jid, how, pass, clientFirst, registers) => {
      const { SASLMechanism } = await import('/epode.js');
      const calls = (window.calls = []);
      class Echo extends SASLMechanism {
        constructor() {
          super('X-ECHO', clientFirst, 100);
        }
        onStart(connection) {
          calls.push(`start ${connection.jid}`);
        }
        clientChallenge(connection) {
          return connection.authcid;
        }
        onChallenge(connection, challenge) {
          calls.push(`challenge ${challenge}`);
          switch (how) {
            case 'throws':
              throw new Error('out of words');
            case 'rejects':
              return Promise.reject(new Error('out of words'));
            case 'refuses':
              return false;
            case 'never answers':
              return new Promise(() => {});
            default:
              return Promise.resolve(`${challenge} ${connection.pass}`);
          }
        }
        onSuccess() {
          calls.push('success');
        }
        onFailure() {
          calls.push('failure');
        }
      }
      window.make(service, registers ? options : { ...options, mechanisms: [Echo] });
      if (registers) connection.registerSASLMechanism(Echo);
      heard.statuses.length = 0;
      connection.connect(jid, pass, window.onStatus);
    },
    tab.service,
    tab.options,
    JID,
    how,
    pass,
    clientFirst,
    registers,
  );
const calls = (tab) => tab.evaluate(() => calls);

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name, null)));
    after(() => stage?.close());

    const serve = async (t, options = {}) => {
      const server = await startScripted({ mechanisms: ['PLAIN', 'X-ECHO'], login: LOGIN, ...options });
      t.after(() => server.stop());
      // A mechanism that throws logs an error on the console of its page.
      return [server, await stage.scene(t, { service: server.ws, quiet: false })];
    };

    for (const worker of [undefined, '']) {
      test(`a mechanism runs in its page ${worker === '' ? 'without' : 'with'} a worker`, async (t) => {
        const [server, scene] = await serve(t);
        const tab = await scene.open(worker === '' ? { options: { worker } } : ownWorker());
        await connect(tab);
        assert.equal(await tab.up(), 'CONNECTED');
        assert.match(server.streams[0].frames[1], /^<auth .*mechanism=["']X-ECHO["']/);
        assert.deepEqual(said(server.streams[0]), ['alice', '¿one sécret', 'two sécret']);
        assert.deepEqual(await calls(tab), [`start ${JID}`, 'challenge ¿one', 'challenge two', 'success']);
      });
    }

    test('a mechanism that is not client first sends no initial response', async (t) => {
      const [server, scene] = await serve(t);
      const tab = await scene.open(ownWorker());
      await connect(tab, 'echoes', { clientFirst: false });
      await tab.up();
      assert.deepEqual(said(server.streams[0]), ['', '¿one sécret', 'two sécret']);
    });

    test('a registered mechanism competes by its priority', async (t) => {
      const [server, scene] = await serve(t);
      const tab = await scene.open(ownWorker());
      await connect(tab, 'echoes', { registers: true });
      await tab.up();
      assert.equal(said(server.streams[0])[0], 'alice');

      const [plain, other] = await serve(t, { mechanisms: ['PLAIN'], login: [] });
      const without = await other.open(ownWorker());
      await connect(without, 'echoes', { registers: true });
      await without.up();
      assert.deepEqual(said(plain.streams[0]), ['\0alice\0sécret']);
    });

    for (const how of ['throws', 'rejects', 'refuses']) {
      test(`a mechanism that ${how} is AUTHFAIL with its name, and is logged in its page`, async (t) => {
        const [, scene] = await serve(t);
        const tab = await scene.open(ownWorker());
        await connect(tab, how);
        const { condition, reason } = await tab.status('AUTHFAIL');
        assert.deepEqual(
          [condition, reason],
          ['mechanism-failed', 'the mechanism X-ECHO failed in its page'],
        );
        await tab.status('DISCONNECTED');
        assert.deepEqual((await calls(tab)).slice(-2), ['challenge ¿one', 'failure']);
        const { log } = await tab.heard();
        assert.match(
          log.join('\n'),
          how === 'refuses' ? /X-ECHO did not answer with a string/ : /X-ECHO failed: Error\n.*onChallenge/s,
        );
      });
    }

    test("a refusal by the server is AUTHFAIL with the server's condition", async (t) => {
      const [, scene] = await serve(t, {
        login: [...LOGIN, `<failure xmlns="${SASL}"><not-authorized/></failure>`],
      });
      const tab = await scene.open(ownWorker());
      await connect(tab);
      assert.equal((await tab.status('AUTHFAIL')).condition, 'not-authorized');
      assert.equal((await calls(tab)).at(-1), 'failure');
    });

    test('when the tab dies while its mechanism computes, the next tab logs in', async (t) => {
      const [server, scene] = await serve(t);
      const worker = ownWorker();
      const [host, dies, next] = [
        await scene.open(worker),
        await scene.open(worker),
        await scene.open(worker),
      ];
      // The worker lives in the process of this tab, and so outlives the next one.
      await host.attach();
      await host.status('ATTACHFAIL');
      await connect(dies, 'never answers');
      await eventually('the question', async () => (await calls(dies)).length === 2);
      await connect(next);
      await dies.close();
      assert.equal(await next.up(), 'CONNECTED');
      assert.deepEqual(said(server.streams[1]), ['alice', '¿one sécret', 'two sécret']);
    });

    test('a further tab logs in for itself on a second stream; a redial asks an open tab', async (t) => {
      const [server, scene] = await serve(t);
      const worker = ownWorker();
      const [host, first, second] = [
        await scene.open(worker),
        await scene.open(worker),
        await scene.open(worker),
      ];
      await host.attach();
      await host.status('ATTACHFAIL');
      await connect(first);
      await first.up();
      await connect(second);
      assert.equal(await second.up(), 'ATTACHED');
      assert.equal(server.streams.length, 2);
      const asked = [`start ${JID}`, 'challenge ¿one', 'challenge two', 'success'];
      assert.deepEqual(await calls(first), asked);
      assert.deepEqual(await calls(second), asked);
      await first.close();
      server.streams[0].tcp.destroy();
      await second.status('RECONNECTING');
      await second.eventually('CONNECTED', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      assert.equal((await calls(second)).filter((call) => call === 'success').length, 2);
      await host.attach();
      await host.status('ATTACHED');
      await second.close();
      await host.evaluate(() => void (heard.statuses.length = 0));
      server.streams[2].tcp.destroy();
      assert.equal((await host.status('DISCONNECTED')).condition, 'credentials-required');
    });

    test('a mechanism is not asked for a login that the app has left', async (t) => {
      const [server, scene] = await serve(t);
      const tab = await scene.open(ownWorker());
      await tab.attach();
      await tab.status('ATTACHFAIL');
      await tab.evaluate(
        async (service, options) => {
          const { SASLMechanism } = await import('/epode.js');
          window.calls = [];
          class Echo extends SASLMechanism {
            constructor() {
              super('X-ECHO', true, 100);
            }
            clientChallenge(connection) {
              calls.push(connection.jid);
              return connection.authcid;
            }
            onChallenge() {
              return '';
            }
          }
          window.make(service, { ...options, mechanisms: [Echo] });
          connection.connect('bob@localhost', 'secret', window.onStatus);
          // The worker's challenge arrives during this second, and is handled after the next connect.
          for (const end = performance.now() + 1_000; performance.now() < end; );
          connection.connect('alice@localhost', 'secret', window.onStatus);
        },
        tab.service,
        tab.options,
      );
      await tab.up();
      assert.deepEqual(await calls(tab), ['alice@localhost']);
      assert.equal(server.streams.length, 2);
    });

    test('the worker carries out the exchange of a subclass that overrides none of it', async (t) => {
      const [server, scene] = await serve(t, { login: [] });
      const tab = await scene.open(ownWorker());
      await tab.evaluate(
        async (service, options, jid) => {
          const { SASLPlain } = await import('/epode.js');
          class Eager extends SASLPlain {
            constructor() {
              super('PLAIN', true, 200);
            }
          }
          window.make(service, { ...options, mechanisms: [Eager] });
          connection.connect(jid, 'secret', window.onStatus);
        },
        tab.service,
        tab.options,
        JID,
      );
      await tab.up();
      assert.deepEqual(said(server.streams[0]), ['\0alice\0secret']);
    });
  });
}
