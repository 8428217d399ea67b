// Sockets that are dialled before the engine asks for them.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { load } from './load.mjs';

const SERVICE = 'wss://chat.example/ws';
const CONNECT = { Connect: { service: SERVICE, jid: 'juliet@chat.example', credentials: { password: 'secret' } } };

/** Every socket that was made. */
let made = [];

globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 0;
  onopen = null;
  onclose = null;
  closed = false;

  constructor(...how) {
    if (how[0] === 'wss://') throw new SyntaxError('not an address');
    this.how = how;
    made.push(this);
  }

  close() {
    this.closed = true;
  }

  /** Something befalls it. */
  befall(type) {
    this.readyState = type === 'open' ? 1 : 3;
    this[`on${type}`]?.(new Event(type));
  }
};

const { foresee, dial } = await load('worker/ts/dialler.ts');

/** What a socket tells, from now on. */
function told(socket) {
  const events = [];
  for (const type of ['open', 'close']) socket[`on${type}`] = (event) => events.push(event.type);
  return events;
}

const microtasks = () => new Promise(setImmediate);

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  made = [];
});

afterEach(() => {
  mock.timers.tick(60_000);
  mock.timers.reset();
});

test('what a tab connects to is dialled once, and the engine gets that socket', () => {
  foresee({ Hello: { versions: [1] } });
  assert.equal(made.length, 0);
  foresee(CONNECT);
  foresee(CONNECT);
  assert.deepEqual(made.map(({ how }) => how), [[SERVICE, 'xmpp']]);
  assert.equal(dial(SERVICE), made[0]);
  mock.timers.tick(60_000);
  assert.equal(made[0].closed, false, 'it is in use');
  // A redial is a socket of its own.
  assert.notEqual(dial(SERVICE), made[0]);
  assert.deepEqual(made[1].how, [SERVICE, 'xmpp']);
});

test('another address than the foreseen is dialled anew', () => {
  foresee(CONNECT);
  assert.notEqual(dial('wss://other.example/'), made[0]);
  assert.equal(dial(SERVICE), made[0]);
});

test('the engine hears that its socket is open already, and once what comes later', async () => {
  foresee(CONNECT);
  made[0].befall('open');
  const events = told(dial(SERVICE));
  assert.deepEqual(events, [], 'not while it dials');
  await microtasks();
  assert.deepEqual(events, ['open']);
  made[0].befall('close');
  assert.deepEqual(events, ['open', 'close']);
});

for (const befell of [['close'], ['open', 'close']]) {
  test(`a socket that ended before the engine asked for it is none: ${befell.join(', then ')}`, async () => {
    foresee(CONNECT);
    for (const type of befell) made[0].befall(type);
    const events = told(dial(SERVICE));
    assert.equal(made.length, 2);
    made[1].befall('open');
    await microtasks();
    assert.deepEqual(events, ['open']);
  });
}

test('a socket that is ending, and has not said so, is none', async () => {
  foresee(CONNECT);
  made[0].befall('open');
  made[0].readyState = 2;
  const events = told(dial(SERVICE));
  assert.equal(made.length, 2);
  made[0].befall('close');
  await microtasks();
  assert.deepEqual(events, []);
});

test('after a socket that ended, the next that is foreseen is dialled', () => {
  foresee(CONNECT);
  made[0].befall('close');
  foresee(CONNECT);
  assert.equal(made.length, 2);
  mock.timers.tick(9_999);
  assert.equal(dial(SERVICE), made[1], 'the time of the first is not that of the second');
});

test('an engine that has let go of its socket at once hears nothing of it', async () => {
  foresee(CONNECT);
  made[0].befall('open');
  const events = told(dial(SERVICE));
  made[0].onopen = made[0].onclose = null;
  await microtasks();
  assert.deepEqual(events, []);
});

test('a socket that nobody asks for is closed', () => {
  foresee(CONNECT);
  mock.timers.tick(9_999);
  assert.equal(made[0].closed, false);
  mock.timers.tick(1);
  assert.equal(made[0].closed, true);
  assert.notEqual(dial(SERVICE), made[0]);
});

test('what is no address is left to the engine, and what is no message to nobody', () => {
  for (const said of [null, undefined, 'Connect', 42, [], {}, { Connect: null }, { Connect: { service: 7 } }]) foresee(said);
  foresee({ Connect: { service: 'wss://' } });
  assert.equal(made.length, 0);
  assert.throws(() => dial('wss://'), /not an address/);
});
