// SCRAM-SHA-384, which no server at hand offers, against the cryptography of Node.js; and
// violations by a server during the login.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eitherWay } from './either-way.mjs';
import { scram } from './scram.mjs';
import { bound, opening, SASL } from './scripted.mjs';

const JID = 'alice@localhost';
const PASSWORD = 'pencil';
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-384'];

/** A signature that a server without the password could make up. */
const forged = (message) =>
  `v=${Buffer.from(message.slice(2), 'base64')
    .map((byte, index) => (index ? byte : byte ^ 1))
    .toString('base64')}`;
const withScram = (bent) => ({ answer: scram({ hash: 'SHA-384', password: PASSWORD, ...bent }).answer });
const challenge = (text) => `<challenge xmlns="${SASL}">${text}</challenge>`;
/** A server that sends these frames instead of its standard answer. */
const instead = (name, said) => ({
  mechanisms: ['PLAIN'],
  answer: (frame) => (frame.startsWith(`<${name}`) ? said(frame) : undefined),
});

/** Violations by a server, and the status and condition that the app hears. */
const MISSTEPS = [
  ['forges its signature', withScram({ final: forged }), 'AUTHFAIL', 'scram-signature-mismatch'],
  ['leaves its signature out', withScram({ final: () => null }), 'AUTHFAIL', 'scram-signature-missing'],
  [
    'breaks its challenge off',
    withScram({ first: (message) => message.replace(/,i=.*/, '') }),
    'AUTHFAIL',
    'scram-malformed',
  ],
  [
    'reorders its challenge',
    withScram({ first: (message) => message.replace(/^(r=.*),(s=.*),i/, '$2,$1,i') }),
    'AUTHFAIL',
    'scram-malformed',
  ],
  [
    'sends a challenge that is no base64',
    { answer: (frame) => (frame.startsWith('<auth') ? [challenge('%')] : undefined) },
    'AUTHFAIL',
    'incorrect-encoding',
  ],
  [
    'sends a reason that is no JSON',
    { mechanisms: ['OAUTHBEARER'], login: [challenge(Buffer.from('invalid_token').toString('base64'))] },
    'AUTHFAIL',
    'oauth-error-malformed',
  ],
  ['offers only unknown mechanisms', { mechanisms: ['X-UNHEARD-OF'] }, 'CONNFAIL', 'no-auth-mech'],
  ['offers no mechanisms', instead('open', () => opening('')), 'CONNFAIL', 'no-auth-mech'],
  ['binds a resource without a JID', instead('iq', (request) => [bound(request, '')]), 'CONNFAIL', ''],
  [
    'sends a frame of 10 MB',
    instead('auth', () => [challenge('x'.repeat(10 << 20))]),
    'CONNFAIL',
    'policy-violation',
  ],
];

eitherWay(({ serve: serveWith }) => {
  const serve = (t, how) => serveWith(t, { mechanisms: MECHANISMS, ...how });
  const logOut = async (tab) => {
    await tab.evaluate(() => connection.disconnect());
    await tab.status('DISCONNECTED');
    await tab.evaluate(() => void (heard.statuses.length = 0));
  };

  test('SCRAM-SHA-384 authenticates the client and the server', async (t) => {
    const { answer, keys } = scram({ hash: 'SHA-384', password: PASSWORD });
    const [server, tab] = await serve(t, { answer });
    await tab.connect(JID, PASSWORD);
    assert.equal(await tab.up(), 'CONNECTED');
    assert.match(server.streams[0].frames[1], /^<auth .*mechanism=["']SCRAM-SHA-384["']/);
    assert.deepEqual(await tab.evaluate(() => connection.scram_keys), keys);
    await logOut(tab);
    // The derived keys replace the password.
    await tab.connect(JID, keys);
    assert.equal(await tab.up(), 'CONNECTED');
    await logOut(tab);
    await tab.connect(JID, 'pen');
    assert.equal((await tab.status('AUTHFAIL')).condition, 'not-authorized');
  });

  for (const [what, options, status, condition] of MISSTEPS) {
    test(`a server that ${what} is ${status} with ${condition || 'a reason'}`, async (t) => {
      const [, tab] = await serve(t, options);
      await tab.connect(JID, PASSWORD);
      const failure = await tab.status(status);
      t.diagnostic(failure.reason);
      assert.equal(failure.condition, condition || failure.reason);
      assert.equal((await tab.status('DISCONNECTED')).reason, failure.reason);
      const statuses = (await tab.statuses()).filter((status) => status !== 'AUTHENTICATING');
      assert.deepEqual(statuses, ['CONNECTING', status, 'DISCONNECTED']);
    });
  }

  test('a frame of 10 MB is dropped in a session, and the next is read', async (t) => {
    const [server, tab] = await serve(t, { mechanisms: ['PLAIN'] });
    await tab.evaluate(() => (connection.onGap = ({ reason, count }) => heard.iqs.push([reason, count])));
    await tab.connect(JID, PASSWORD);
    await tab.up();
    server.streams[0].send(`<message xmlns="jabber:client"><body>${'x'.repeat(10 << 20)}</body></message>`);
    server.streams[0].send(`<message xmlns="jabber:client"><body>small</body></message>`);
    await tab.eventually('the next', ({ messages }) => messages.length > 0);
    const { messages, iqs } = await tab.heard();
    assert.deepEqual([messages, iqs], [['small'], [['policy-violation', 1]]]);
    assert.equal(server.streams.length, 1);
  });
});
