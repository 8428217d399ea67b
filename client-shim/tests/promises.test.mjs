// The promises of a connection: `ready`, `iq` and `stanzas`.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import {
  $iq,
  Connection,
  Status,
  deliver,
  epode,
  online,
  ports,
  settled,
  sink,
  status,
  up,
} from './page.mjs';

const {
  AttachError,
  AuthenticationError,
  ConnectionError,
  DisconnectedError,
  RedirectError,
  RefusedError,
  StanzaError,
  TimeoutError,
  XmppError,
} = epode;
const ASK = '<iq type="get" id="q" xmlns="jabber:client"><query xmlns="urn:example"/></iq>';

const unhandled = [];
const note = (reason) => unhandled.push(reason);
before(() => process.on('unhandledRejection', note));
after(() => {
  process.off('unhandledRejection', note);
  assert.deepEqual(unhandled, []);
});
beforeEach(() => (sink.log = () => {}));

/** The outcome of a promise if it is settled by now. */
const byNow = (promise) =>
  Promise.race([
    promise.then(
      (value) => ({ value }),
      (error) => ({ error }),
    ),
    settled().then(() => 'pending'),
  ]);

/** A connection that has called `connect`, and its port. */
async function connecting() {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.connect('alice@chat.example', 'secret');
  await settled();
  return { connection, port: ports.at(-1) };
}

const because = (code, condition, text) => ({ Status: { code, condition, text, session: null } });
const message = (id) => `<message xmlns="jabber:client" id="${id}" from="bob@chat.example/x"/>`;

/** Confirms every claim made so far. */
function grant(port) {
  const claims = port.said('Claim').flatMap(({ Claim }) => Claim.claims);
  port.say({ Claimed: { claims: claims.map(({ id }) => ({ claim: id, stanzas: [] })) } });
}

/** Answers the latest request. */
function answer(port, outcome) {
  const { token } = port.said('Request').at(-1).Request;
  port.say({ Response: { token, outcome, position: 1 } });
}

// The session

test('ready waits for connect, and then for the session', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const { ready } = connection;
  assert.equal(await byNow(ready), 'pending');
  connection.connect('alice@chat.example', 'secret');
  await settled();
  ports.at(-1).say(status('Authenticating'));
  assert.equal(await byNow(ready), 'pending');
  assert.equal(connection.ready, ready);
  ports.at(-1).say(up('Connected'));
  assert.equal((await byNow(ready)).value, connection);
  assert.equal(connection.ready, ready);
});

test('ready is fulfilled after the callback, and stays fulfilled', async () => {
  const order = [];
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.ready.then(({ jid }) => order.push(jid));
  connection.attach((status) => order.push(status));
  await settled();
  ports.at(-1).say(up('Attached'));
  await settled();
  assert.deepEqual(order, [Status.ATTACHED, 'alice@chat.example/desk']);
  assert.equal(await connection.ready, connection);
});

test('each kind of failure rejects ready with its own class, when the attempt is over', async () => {
  for (const [code, Failure, name] of [
    ['ConnFail', ConnectionError, 'ConnectionError'],
    ['AuthFail', AuthenticationError, 'AuthenticationError'],
    ['ConnTimeout', TimeoutError, 'TimeoutError'],
    ['Redirect', RedirectError, 'RedirectError'],
  ]) {
    const { connection, port } = await connecting();
    const { ready } = connection;
    port.say(because(code, 'the-condition', 'a sentence'));
    assert.equal(await byNow(ready), 'pending', 'DISCONNECTED is yet to come');
    port.say(because('Disconnected', 'another', 'another sentence'));
    const { error } = await byNow(ready);
    assert.ok(error instanceof Failure && error instanceof XmppError && error instanceof Error, code);
    assert.deepEqual(
      [error.name, error.condition, error.message, error.element],
      [name, 'the-condition', 'a sentence', null],
    );
    assert.equal((await byNow(connection.ready)).error, error, 'and it stays so until the next attempt');
  }
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.attach();
  await settled();
  ports.at(-1).say(because('AttachFail', null, 'there is no session'));
  assert.ok((await byNow(connection.ready)).error instanceof AttachError);
});

test('an app that tries again when ready is rejected waits for the new attempt only', async () => {
  const { connection, port } = await connecting();
  const outcome = connection.ready.catch(() => {
    connection.connect('alice@chat.example', 'secret');
    return connection.ready;
  });
  port.say(because('AuthFail', 'not-authorized', 'no'), because('Disconnected', 'not-authorized', 'no'));
  await settled();
  assert.equal(await byNow(outcome), 'pending');
  ports.at(-1).say(up('Connected'));
  assert.equal((await byNow(outcome)).value, connection);
});

test('if the app connects in the callback of a failure, ready settles with the last attempt', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  let attempts = 0;
  const again = (status) => {
    if (status === Status.CONNFAIL && ++attempts === 1)
      connection.connect('alice@chat.example', 'secret', again);
  };
  connection.connect('alice@chat.example', 'secret', again);
  const { ready } = connection;
  await settled();
  ports.at(-1).say(because('ConnFail', null, 'unreachable'), because('Disconnected', null, 'unreachable'));
  assert.equal(await byNow(ready), 'pending');
  ports
    .at(-1)
    .say(
      because('Authenticating', null, null),
      because('AuthFail', 'not-authorized', 'no'),
      because('Disconnected', 'not-authorized', 'no'),
    );
  assert.ok((await byNow(ready)).error instanceof AuthenticationError);
});

test('an unusable service address rejects ready with the reason', async () => {
  const connection = new Connection('gopher://chat.example', { worker: '/epode-worker.js' });
  connection.connect('alice@chat.example', 'secret');
  const { error } = await byNow(connection.ready);
  assert.ok(error instanceof ConnectionError);
  assert.match(error.message, /gopher/);
});

test('ready is a new promise when the session is lost, and waits for the next', async () => {
  const { connection, port } = await online();
  const first = connection.ready;
  port.say(because('Reconnecting', null, 'the connection was lost'));
  const second = connection.ready;
  assert.notEqual(second, first);
  assert.equal((await byNow(first)).value, connection);
  assert.equal(await byNow(second), 'pending');
  port.say(up('Connected'));
  assert.equal((await byNow(second)).value, connection);
  port.say(
    because('Reconnecting', null, 'lost'),
    because('AuthFail', 'not-authorized', 'no'),
    because('Disconnected', 'not-authorized', 'no'),
  );
  assert.ok((await byNow(connection.ready)).error instanceof AuthenticationError);
});

test('after a logout ready is rejected until the next connect', async () => {
  const { connection, port } = await online();
  connection.disconnect();
  port.say(status('Disconnecting'), status('Disconnected'));
  const { error } = await byNow(connection.ready);
  assert.ok(error instanceof DisconnectedError);
  assert.equal(error.message, 'the session is over');
  connection.connect('alice@chat.example', 'secret');
  assert.equal(await byNow(connection.ready), 'pending');
  ports.at(-1).say(up('Connected'));
  assert.equal((await byNow(connection.ready)).value, connection);
});

test('reset rejects a pending ready, and the next ready is pending', async () => {
  const { connection } = await connecting();
  const { ready } = connection;
  connection.reset();
  assert.ok((await byNow(ready)).error instanceof DisconnectedError);
  assert.equal(await byNow(connection.ready), 'pending');
});

// An answer

test('iq is fulfilled with the result', async () => {
  const { connection, port } = await online();
  const result = connection.iq($iq({ type: 'get' }).c('query', { xmlns: 'urn:example' }));
  const { text, timeout } = port.said('Request')[0].Request;
  assert.match(text, /id="[^"]+:sendIQ"/);
  assert.equal(timeout, null);
  answer(port, { Result: '<iq xmlns="jabber:client" type="result" id="x"><fine/></iq>' });
  assert.equal((await result).firstChild.tagName, 'fine');
});

test('iq is rejected with the condition, type and text of the error stanza', async () => {
  const { connection, port } = await online();
  const { STANZAS } = epode.NS;
  for (const [content, type, condition, text] of [
    [
      `<query xmlns="urn:x"/><error type="wait"><text xmlns="${STANZAS}">later</text><policy-violation xmlns="${STANZAS}"/><own xmlns="urn:y"/></error>`,
      'wait',
      'policy-violation',
      'later',
    ],
    [
      `<error type="cancel"><own xmlns="urn:y"/><item-not-found xmlns="${STANZAS}"/></error>`,
      'cancel',
      'item-not-found',
      null,
    ],
    [
      `<x:error xmlns:x="urn:other"/><c:error xmlns:c="jabber:client" type="auth"><s:forbidden xmlns:s="${STANZAS}"/></c:error>`,
      'auth',
      'forbidden',
      null,
    ],
    ['<error/>', null, 'undefined-condition', null],
    ['', null, 'undefined-condition', null],
  ]) {
    const result = connection.iq(ASK);
    answer(port, { Error: `<iq xmlns="jabber:client" type="error" id="q">${content}</iq>` });
    const { error } = await byNow(result);
    assert.ok(error instanceof StanzaError && error instanceof XmppError, content);
    assert.deepEqual(
      [error.name, error.type, error.condition, error.text, error.element.tagName],
      ['StanzaError', type, condition, text, 'iq'],
    );
    assert.equal(error.message, text ? `${condition}: ${text}` : condition);
  }
});

test('iq is rejected at its timeout, at the end of the session, and when it breaks a rule', async () => {
  const { connection, port } = await online();
  const timed = connection.iq(ASK, { timeout: 250 });
  assert.equal(port.said('Request')[0].Request.timeout, 250);
  answer(port, 'Timeout');
  assert.ok((await byNow(timed)).error instanceof TimeoutError);

  const refused = connection.iq(ASK);
  answer(port, { Refused: { condition: 'not-well-formed', text: 'it has no end' } });
  const { error } = await byNow(refused);
  assert.ok(error instanceof RefusedError);
  assert.deepEqual([error.condition, error.message], ['not-well-formed', 'it has no end']);

  const lost = connection.iq(ASK);
  answer(port, 'Disconnected');
  assert.ok((await byNow(lost)).error instanceof DisconnectedError);

  const left = connection.iq(ASK);
  connection.reset();
  assert.ok((await byNow(left)).error instanceof DisconnectedError);
  const nowhere = (await byNow(connection.iq(ASK))).error;
  assert.ok(nowhere instanceof DisconnectedError);
  assert.equal(nowhere.condition, 'not-connected');
  assert.ok((await byNow(connection.iq(42))).error instanceof TypeError);
});

test('an aborted iq is rejected with the reason, and its answer is ignored', async () => {
  const { connection, port } = await online();
  const already = await byNow(connection.iq(ASK, { signal: AbortSignal.abort() }));
  assert.equal(already.error.name, 'AbortError');
  assert.deepEqual(port.said('Request'), []);

  const controller = new AbortController();
  const result = connection.iq(ASK, { signal: controller.signal });
  const reason = new Error('changed my mind');
  controller.abort(reason);
  assert.equal((await byNow(result)).error, reason);
  answer(port, { Result: '<iq xmlns="jabber:client" type="result" id="q"/>' });

  connection.pause();
  const paused = new AbortController();
  const held = connection.iq(ASK, { signal: paused.signal });
  paused.abort();
  assert.equal((await byNow(held)).error.name, 'AbortError');
  connection.resume();
  assert.equal(port.said('Request').length, 1, 'what was held back and given up is not asked');
});

test('each iq removes its listener from a signal that outlives it', async () => {
  const { connection, port } = await online();
  const { signal } = new AbortController();
  let listeners = 0;
  signal.addEventListener = () => void listeners++;
  signal.removeEventListener = () => void listeners--;
  for (const outcome of [{ Result: '<iq xmlns="jabber:client" type="result" id="q"/>' }, 'Timeout']) {
    const result = connection.iq(ASK, { signal });
    assert.equal(listeners, 1);
    answer(port, outcome);
    await byNow(result);
    assert.equal(listeners, 0);
  }
  const stanzas = connection.stanzas({}, { signal });
  assert.equal(listeners, 1);
  await stanzas.return();
  assert.equal(listeners, 0);
});

test('in a browser without signal.reason, an aborted wait is an AbortError', async () => {
  const { connection } = await online();
  const signal = AbortSignal.abort('lost');
  Object.defineProperty(signal, 'reason', { value: undefined });
  assert.equal((await byNow(connection.iq(ASK, { signal }))).error.name, 'AbortError');
});

// The next stanza

test('a loop gets the stanzas that it selects, in order, and misses none between two turns', async () => {
  const { connection, port } = await online();
  const stanzas = connection.stanzas({ name: 'message', from: 'bob@chat.example', matchBareFromJid: true });
  await settled();
  const { selector } = port.said('Claim').at(-1).Claim.claims[0];
  assert.deepEqual(
    [selector.Stanza.name, selector.Stanza.from, selector.Stanza.bare, selector.Stanza.ns],
    ['message', 'bob@chat.example', true, null],
  );
  grant(port);
  // These arrive before the first `next`.
  port.say(deliver(message(1), '<presence xmlns="jabber:client"/>', message(2)));
  const heard = [];
  const loop = (async () => {
    for await (const stanza of stanzas) {
      heard.push(stanza.getAttribute('id'));
      await settled();
      if (heard.length === 5) break;
    }
  })();
  await settled();
  port.say(deliver(message(3)));
  port.say(deliver(message(4), message(5)));
  await loop;
  assert.deepEqual(heard, ['1', '2', '3', '4', '5']);
});

test('two calls of next before any stanza get one stanza each, in order', async () => {
  const { connection, port } = await online();
  const stanzas = connection.stanzas();
  await settled();
  grant(port);
  const asked = [stanzas.next(), stanzas.next()];
  port.say(deliver(message(1), message(2), message(3)));
  const ids = (await Promise.all([...asked, stanzas.next()])).map(({ done, value }) => [
    done,
    value.getAttribute('id'),
  ]);
  assert.deepEqual(ids, [
    [false, '1'],
    [false, '2'],
    [false, '3'],
  ]);
});

test('a break releases the claim', async () => {
  const { connection, port } = await online();
  const stanzas = connection.stanzas({ name: 'message' });
  await settled();
  grant(port);
  port.say(deliver(message(1)));
  for await (const _ of stanzas) break;
  const { id } = port.said('Claim').at(-1).Claim.claims[0];
  assert.deepEqual(port.said('Release').at(-1).Release.claims, [id]);
  port.say(deliver(message(2)));
  assert.deepEqual(await stanzas.next(), { done: true, value: undefined });
});

test('a loop that is left before its first turn, or while it waits, ends at once', async () => {
  const { connection } = await online();
  const unborn = connection.stanzas();
  assert.deepEqual(await unborn.return(), { done: true, value: undefined });
  assert.deepEqual(await unborn.next(), { done: true, value: undefined });
  const waiting = connection.stanzas();
  const next = waiting.next();
  await waiting.return();
  assert.deepEqual((await byNow(next)).value, { done: true, value: undefined });
});

test('a loop gets the queued stanzas and then ends with its session, however that ends', async () => {
  for (const end of [
    (_, port) => port.say(status('Reconnecting')),
    (_, port) => port.say(status('Disconnected')),
    (connection) => connection.reset(),
    (connection) => connection.connect('alice@chat.example', 'secret'),
  ]) {
    const { connection, port } = await online();
    const [waits, has] = [connection.stanzas({ id: 'none' }), connection.stanzas({ name: 'message' })];
    await settled();
    grant(port);
    const next = waits.next();
    port.say(deliver(message(1)));
    end(connection, port);
    assert.deepEqual((await byNow(next)).value, { done: true, value: undefined });
    const ids = [];
    for await (const stanza of has) ids.push(stanza.getAttribute('id'));
    assert.deepEqual(ids, ['1']);
    connection.reset();
  }
});

test('an app that starts a loop for each session gets the stanzas of each session', async () => {
  const { connection, port } = await online();
  const heard = [];
  const app = (async () => {
    for (;;) {
      await connection.ready;
      for await (const stanza of connection.stanzas({ name: 'message' }))
        heard.push(stanza.getAttribute('id'));
    }
  })();
  await settled();
  grant(port);
  port.say(deliver(message(1)));
  await settled();
  port.say(because('Reconnecting', null, 'lost'));
  await settled();
  port.say(up('Connected'));
  await settled();
  grant(port);
  port.say(deliver(message(2)));
  await settled();
  port.say(status('Disconnected'));
  assert.ok((await byNow(app)).error instanceof DisconnectedError);
  assert.deepEqual(heard, ['1', '2']);
});

test('a loop that begins before the session is up gets its stanzas from the first', async () => {
  const { connection, port } = await connecting();
  const stanzas = connection.stanzas({ name: 'message' });
  port.say(up('Connected'));
  await settled();
  grant(port);
  port.say(deliver(message(1)));
  assert.equal((await byNow(stanzas.next())).value.value.getAttribute('id'), '1');
});

test('an aborted loop throws the reason and releases its claim', async () => {
  const { connection, port } = await online();
  const controller = new AbortController();
  const stanzas = connection.stanzas({ name: 'message' }, { signal: controller.signal });
  await settled();
  grant(port);
  port.say(deliver(message(1)));
  controller.abort();
  assert.equal(port.said('Release').length, 1);
  assert.equal((await byNow(stanzas.next())).error.name, 'AbortError', 'what waited is dropped');

  const waiting = new AbortController();
  const next = connection.stanzas({}, { signal: waiting.signal }).next();
  waiting.abort(new Error('enough'));
  assert.equal((await byNow(next)).error.message, 'enough');

  const claims = port.said('Claim').length;
  const never = connection.stanzas({}, { signal: AbortSignal.abort() });
  await settled();
  assert.equal((await byNow(never.next())).error.name, 'AbortError');
  assert.equal(port.said('Claim').length, claims);
  connection.stanzas({}, { signal: AbortSignal.abort() });
});
