// Sockets on which the worker's script dials and opens a stream before the engine asks for them.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { load } from './load.mjs';

const SERVICE = 'wss://chat.example/ws';
const connectAs = (jid) => ({ Connect: { service: SERVICE, jid, credentials: { password: 'secret' } } });
const CONNECT = connectAs('juliet@chat.example/balcony');
/** As the engine's `framing::open` writes it; crates/session/tests/session.rs has the same text. */
const GREETING = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='chat.example' version='1.0'/>";

/** Every socket made so far. */
let made = [];

globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  closed = false;
  sent = [];

  constructor(...how) {
    if (how[0] === 'wss://') throw new SyntaxError('not an address');
    this.how = how;
    made.push(this);
  }

  send(text) {
    this.sent.push(text);
  }

  close() {
    this.closed = true;
  }

  /** Raises an event of the socket. */
  befall(type) {
    this.readyState = type === 'open' ? 1 : 3;
    this[`on${type}`]?.(new Event(type));
  }

  /** A frame of the server arrives. */
  bring(data) {
    this.onmessage?.(new MessageEvent('message', { data }));
  }
};

const { dialEarly, dial: dialGreeting } = await load('worker/ts/dialler.ts');
const dial = (url, greeting = GREETING) => dialGreeting(url, greeting);

/** Collects the events of a socket from now on. */
function told(socket) {
  const events = [];
  for (const type of ['open', 'message', 'close'])
    socket[`on${type}`] = ({ data = type }) => events.push(data);
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

test('the address that a tab connects to is dialled once, and the engine gets that socket', () => {
  dialEarly({ Hello: { versions: [1] } });
  assert.equal(made.length, 0);
  dialEarly(CONNECT);
  dialEarly(CONNECT);
  assert.deepEqual(
    made.map(({ how }) => how),
    [[SERVICE, 'xmpp']],
  );
  assert.equal(dial(SERVICE), made[0]);
  mock.timers.tick(60_000);
  assert.equal(made[0].closed, false, 'it is in use');
  // A redial gets another socket.
  assert.notEqual(dial(SERVICE), made[0]);
  assert.deepEqual(made[1].how, [SERVICE, 'xmpp']);
});

test('an address that was not dialled early is dialled when the engine asks', () => {
  dialEarly(CONNECT);
  assert.notEqual(dial('wss://other.example/'), made[0]);
  assert.equal(dial(SERVICE), made[0]);
});

test('each domain gets an early socket of its own', () => {
  dialEarly(CONNECT);
  dialEarly(connectAs('chat.example'));
  dialEarly(connectAs('juliet@other.example'));
  assert.equal(made.length, 2);
  for (const socket of made) socket.befall('open');
  const [first, second] = made;
  assert.deepEqual(second.sent, [GREETING.replace('chat.example', 'other.example')]);
  assert.equal(dial(SERVICE, second.sent[0]), second);
  assert.equal(dial(SERVICE), first);
});

test('a stream is opened once the socket is open, and the frames wait for the engine', async () => {
  dialEarly(CONNECT);
  assert.deepEqual(made[0].sent, []);
  made[0].befall('open');
  assert.deepEqual(made[0].sent, [GREETING]);
  made[0].bring('<open/>');
  made[0].bring('<features/>');
  const socket = dial(SERVICE);
  const events = told(socket);
  await microtasks();
  socket.send(GREETING);
  made[0].bring('<success/>');
  assert.deepEqual(events, ['open', '<open/>', '<features/>', '<success/>']);
  socket.send('<auth/>');
  socket.send(GREETING);
  assert.deepEqual(
    made[0].sent,
    [GREETING, '<auth/>', GREETING],
    'after authentication the stream is opened anew',
  );
});

test('on a socket that opens after the engine took it, the engine opens the stream', () => {
  dialEarly(CONNECT);
  const socket = dial(SERVICE);
  const events = told(socket);
  made[0].befall('open');
  socket.send(GREETING);
  assert.deepEqual([events, made[0].sent], [['open'], [GREETING]]);
});

test('a JID whose domain would break the <open/> is not dialled early', () => {
  for (const jid of ["juliet@it's", 'juliet@<b>', 'juliet@a&b', 'juliet@', 'a b', '', 7, undefined])
    dialEarly(connectAs(jid));
  assert.equal(made.length, 0);
});

test('the engine hears that its socket is already open, and each later event once', async () => {
  dialEarly(CONNECT);
  made[0].befall('open');
  const events = told(dial(SERVICE));
  assert.deepEqual(events, [], 'not while it dials');
  await microtasks();
  assert.deepEqual(events, ['open']);
  made[0].befall('close');
  assert.deepEqual(events, ['open', 'close']);
});

for (const befell of [['close'], ['open', 'close']]) {
  test(`a socket that ended before the engine asked is not used: ${befell.join(', then ')}`, async () => {
    dialEarly(CONNECT);
    for (const type of befell) made[0].befall(type);
    const events = told(dial(SERVICE));
    assert.equal(made.length, 2);
    made[1].befall('open');
    await microtasks();
    assert.deepEqual(events, ['open']);
  });
}

test('a socket that is closing, and has not raised close yet, is not used', async () => {
  dialEarly(CONNECT);
  made[0].befall('open');
  made[0].readyState = 2;
  const events = told(dial(SERVICE));
  assert.equal(made.length, 2);
  made[0].befall('close');
  await microtasks();
  assert.deepEqual(events, []);
});

test('after an early socket has ended, the same address can be dialled early again', () => {
  dialEarly(CONNECT);
  made[0].befall('close');
  dialEarly(CONNECT);
  assert.equal(made.length, 2);
  mock.timers.tick(9_999);
  assert.equal(dial(SERVICE), made[1], 'the time of the first is not that of the second');
});

test('an engine that drops its socket at once hears none of its events', async () => {
  dialEarly(CONNECT);
  made[0].befall('open');
  made[0].bring('<open/>');
  const events = told(dial(SERVICE));
  made[0].onopen = made[0].onmessage = made[0].onclose = null;
  await microtasks();
  assert.deepEqual(events, []);
});

test('an early socket that the engine does not ask for is closed after 10 s', () => {
  dialEarly(CONNECT);
  mock.timers.tick(9_999);
  assert.equal(made[0].closed, false);
  mock.timers.tick(1);
  assert.equal(made[0].closed, true);
  assert.deepEqual(made[0].sent, [], 'no stream was opened');
  assert.notEqual(dial(SERVICE), made[0]);
});

test('a socket on which the server ended the stream is not used, whatever the prefix of its element', () => {
  for (const [last, ended] of [
    ["<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", true],
    ["<f-1:close xmlns:f-1='urn:ietf:params:xml:ns:xmpp-framing'/>", true],
    ["<?xml version='1.0'?>\n<s.é:error xmlns:s.é='http://etherx.jabber.org/streams'></s.é:error>", true],
    ["<stream:error xmlns:stream='http://etherx.jabber.org/streams'>", true],
    ["<closed xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", false],
    ["<s:features xmlns:s='http://etherx.jabber.org/streams'><s:error/></s:features>", false],
  ]) {
    made = [];
    dialEarly(CONNECT);
    made[0].befall('open');
    made[0].bring(last);
    assert.equal(made[0].closed, ended, last);
    assert.equal(dial(SERVICE) === made[0], !ended, last);
  }
});

test('an early stream that the engine does not ask for is closed with <close/> (RFC 7395 §3.6)', () => {
  dialEarly(CONNECT);
  made[0].befall('open');
  mock.timers.tick(10_000);
  assert.deepEqual(made[0].sent, [GREETING, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"]);
  assert.equal(made[0].closed, true);
});

test('a message or an address that is malformed is not dialled early', () => {
  for (const said of [
    null,
    undefined,
    'Connect',
    42,
    [],
    {},
    { Connect: null },
    { Connect: { service: 7, jid: 'a@b' } },
  ])
    dialEarly(said);
  dialEarly({ Connect: { service: 'wss://', jid: 'juliet@chat.example' } });
  assert.equal(made.length, 0);
  assert.throws(() => dial('wss://'), /not an address/);
});
