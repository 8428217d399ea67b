import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const mechanisms = await load('client-shim/ts/mechanisms.ts', 'client-shim/ts/login.ts');
const { SASLMechanism, SASLPlain, Login, ALL } = mechanisms;
const made = (classes) => classes.map((Mechanism) => new Mechanism());
const NINE = [
  'SHA512',
  'SHA384',
  'SHA256',
  'SHA1',
  'Plain',
  'OAuthBearer',
  'XOAuth2',
  'Anonymous',
  'External',
];
const nine = NINE.map((name) => new mechanisms[`SASL${name}`]());

test('without a list, a login considers the nine mechanisms', () => {
  const names = (mechanisms) => mechanisms.map(({ mechname }) => mechname).sort();
  assert.deepEqual(names(made(ALL)), names(nine));
});

test('the nine mechanisms come in the order of their priorities', () => {
  assert.deepEqual(
    nine.map(({ mechname, isClientFirst, priority }) => [mechname, isClientFirst, priority]),
    [
      ['SCRAM-SHA-512', true, 72],
      ['SCRAM-SHA-384', true, 71],
      ['SCRAM-SHA-256', true, 70],
      ['SCRAM-SHA-1', true, 60],
      ['PLAIN', true, 50],
      ['OAUTHBEARER', true, 40],
      ['X-OAUTH2', true, 30],
      ['ANONYMOUS', false, 20],
      ['EXTERNAL', true, 10],
    ],
  );
});

test('the test of a mechanism passes if the login has the credentials that it needs', () => {
  const running = (connection) =>
    nine.filter((mechanism) => mechanism.test(connection)).map(({ mechname }) => mechname);
  const named = ['SCRAM-SHA-512', 'SCRAM-SHA-384', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'];
  const token = ['OAUTHBEARER', 'X-OAUTH2'];
  assert.deepEqual(running({ authcid: 'a', pass: 'p' }), [...named, ...token, 'EXTERNAL']);
  assert.deepEqual(running({ authcid: 'a', pass: null }), [...named, 'EXTERNAL']);
  assert.deepEqual(running({ authcid: null, pass: 'p' }), [...token, 'ANONYMOUS', 'EXTERNAL']);
  assert.deepEqual(running({ authcid: null }), ['ANONYMOUS', 'EXTERNAL']);
});

test('an app may choose name and priority', () => {
  const { mechname, isClientFirst, priority } = new SASLPlain('X-PLAIN', false, 99);
  assert.deepEqual([mechname, isClientFirst, priority], ['X-PLAIN', false, 99]);
});

test('a mechanism that overrides onChallenge runs in the page, the nine do not', async () => {
  class Own extends SASLMechanism {
    constructor() {
      super('X-OWN', true, 99);
    }
    onChallenge(connection, challenge) {
      return `${connection.authcid} ${challenge}`;
    }
  }
  const login = new Login(made([...ALL, Own]), { authcid: 'a', pass: 'p' });
  assert.deepEqual([login.own, login.mechanisms.length], [1, NINE.length], 'a user name rules ANONYMOUS out');
  const [own] = login.mechanisms;
  assert.ok(own instanceof Own);
  assert.equal(own.test({ authcid: null }), true);
  assert.equal(await own.clientChallenge({ authcid: 'a' }), 'a undefined');
  assert.equal(new Login(made(ALL), { authcid: 'a', pass: 'p' }).own, 0);
  assert.throws(() => new SASLMechanism('X-NONE', true, 1).clientChallenge({ authcid: 'a' }), /X-NONE/);
});
