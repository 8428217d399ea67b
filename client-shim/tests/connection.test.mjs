// A `Connection` whose app calls it at inconvenient moments.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import {
  $iq,
  $msg,
  addConnectionPlugin,
  Connection,
  Status,
  deliver,
  dying,
  epode,
  locks,
  online,
  ports,
  raise,
  settled,
  sink,
  source,
  status,
  up,
  web,
  window,
} from './page.mjs';

const { CONNECTING, CONNFAIL, CONNECTED, DISCONNECTED, DISCONNECTING, RECONNECTING } = Status;
const HI = '<message xmlns="jabber:client" from="bob@chat.example"><body>hi</body></message>';

let lines = [];
beforeEach(() => {
  lines = [];
  sink.log = (_, line) => void lines.push(line);
});

/** The value of a promise if it is settled by now, else `undefined`. */
const byNow = (promise) => Promise.race([promise, settled()]);

/** The page goes into the back/forward cache and is restored. */
function goAndComeBack() {
  for (const name of ['pagehide', 'pageshow']) {
    const event = new window.Event(name);
    Object.defineProperty(event, 'persisted', { value: true });
    window.dispatchEvent(event);
  }
}

test('a reset ends open sends, requests and questions', async () => {
  const { connection } = await online();
  const receipt = connection.send($msg());
  await settled();
  const answers = [];
  connection.sendIQ($iq({ type: 'get' }), null, (answer) => answers.push(answer));
  const tabs = connection.tabs();
  connection.reset();
  assert.equal((await byNow(receipt))?.condition, 'not-connected');
  assert.deepEqual(answers, [null]);
  assert.deepEqual(await byNow(tabs), []);
});

test('a reset ends sends and requests that wait for the wasm', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.connect('alice@chat.example', 'secret');
  const receipt = connection.send($msg());
  const answers = [];
  connection.sendIQ($iq({ type: 'get' }), null, (answer) => answers.push(answer));
  const tabs = connection.tabs();
  connection.reset();
  assert.equal((await byNow(receipt))?.condition, 'not-connected');
  assert.equal(answers.length, 1);
  assert.deepEqual(await byNow(tabs), []);
});

test('a time limit of 0, or that is not a number, is no limit', async () => {
  const { connection, port } = await online();
  for (const timeout of [0, NaN, undefined, null, 1500])
    connection.sendIQ($iq({ type: 'get' }), null, null, timeout);
  connection.iq($iq({ type: 'get' }), { timeout: NaN }).catch(() => {});
  await settled();
  const limits = port.said('Request').map(({ Request }) => Request.timeout);
  assert.deepEqual(limits, [null, null, null, null, 1500, null]);
});

test('the wasm loads whatever its Content-Type', async () => {
  const { fetch } = web;
  for (const type of ['application/octet-stream', '']) {
    // Each copy of the script loads its own wasm.
    const { Connection: Fresh } = await import(`${source}#${type}`);
    web.fetch = async (...request) =>
      new Response(await (await fetch(...request)).arrayBuffer(), { headers: { 'content-type': type } });
    const connection = new Fresh('wss://chat.example/ws', { worker: '/epode-worker.js' });
    connection.connect('alice@chat.example', 'secret');
    await settled();
    ports.at(-1).say(up('Connected'));
    assert.equal(connection.connected, true, type);
  }
  web.fetch = fetch;
});

test('a pending receipt of one session does not delay the receipts of the next', async () => {
  const { connection } = await online();
  // Tokens restart with each link: this send has a higher token than the first send of the next session.
  connection.sendIQ($iq({ type: 'get' }));
  connection.send($msg());
  await settled();
  connection.reset();
  connection.connect('alice@chat.example', 'secret');
  await settled();
  const port = ports.at(-1);
  port.say(up('Connected'));
  const receipt = connection.send($msg());
  await settled();
  port.say({ Written: { up_to: 1 } });
  assert.deepEqual({ ...(await byNow(receipt)) }, { status: 'written' });
});

test('a stanza that is held back is not sent from another account', async () => {
  const { connection, port } = await online();
  connection.pause();
  const receipt = connection.send($msg());
  await settled();
  port.say(status('Disconnected'));
  connection.connect('carol@chat.example', 'secret');
  connection.resume();
  await settled();
  assert.deepEqual(port.said('Send'), []);
  assert.equal((await byNow(receipt))?.condition, 'not-connected');
});

test('after a reset and a connect, a page from the back/forward cache reconnects once', async () => {
  const { connection } = await online();
  connection.reset();
  const statuses = [];
  connection.connect('alice@chat.example', 'secret', (status) => statuses.push(status));
  await settled();
  assert.equal(ports.at(-1).said('Hello').length, 1);
  goAndComeBack();
  assert.deepEqual(statuses, [CONNECTING, RECONNECTING]);
});

test('sends and requests open at the entry to the back/forward cache end at the return', async () => {
  const { connection } = await online();
  const receipt = connection.send($msg());
  const answers = [];
  connection.sendIQ($iq({ type: 'get' }), null, (answer) => answers.push(answer));
  goAndComeBack();
  assert.equal((await byNow(receipt))?.condition, 'not-connected');
  assert.deepEqual(answers, [null]);
});

test('stanzas after the one during which the app resets the connection reach no hook', async () => {
  const { connection, port } = await online();
  const seen = [];
  connection.rawInput = (text) => {
    seen.push(text);
    connection.reset();
  };
  port.say(deliver(HI, HI, HI));
  assert.equal(seen.length, 1);
});

test('a reset in a callback says goodbye', async () => {
  const { port } = await online(function (status) {
    if (status === CONNECTED) this.reset();
  });
  assert.deepEqual([port.said('Leave').length, port.closed], [1, true]);
});

test('connecting again ends the former session and its handlers', async () => {
  const { connection, port } = await online();
  const heard = [];
  connection.addHandler(() => heard.push('old'), null, 'message');
  port.say({ Claimed: { claims: [{ claim: 1, stanzas: [] }] } });
  connection.connect('alice@chat.example', 'secret', (status) => {
    if (status === Status.ATTACHED) connection.addHandler(() => heard.push('new'), null, 'message');
  });
  assert.equal(connection.authenticated, false);
  await settled();
  port.say(up('Attached'));
  await settled();
  const { claims } = port.said('Claim').at(-1).Claim;
  port.say({ Claimed: { claims: claims.map(({ id }) => ({ claim: id, stanzas: [] })) } }, deliver(HI));
  assert.deepEqual(heard, ['new']);
});

test('connecting in the callback of a failure is not undone by the end of the lost worker', async () => {
  const statuses = [];
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const callback = (status) => {
    statuses.push(status);
    if (status === CONNFAIL && statuses.length < 4)
      connection.connect('alice@chat.example', 'secret', callback);
  };
  connection.connect('alice@chat.example', 'secret', callback);
  await settled();
  const lost = ports.at(-1);
  lost.say({ Refused: { Malformed: { detail: 'broken' } } });
  await settled();
  const port = ports.at(-1);
  assert.notEqual(port, lost);
  port.say(up('Connected'));
  assert.deepEqual(statuses, [CONNECTING, CONNFAIL, CONNECTING, CONNECTED]);
});

test('connecting in the callback of a failure is not undone by its DISCONNECTED', async () => {
  const statuses = [];
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const callback = (status) => {
    statuses.push(status);
    if (status === CONNFAIL && statuses.length < 4)
      connection.connect('alice@chat.example', 'secret', callback);
  };
  connection.connect('alice@chat.example', 'secret', callback);
  await settled();
  const port = ports.at(-1);
  port.say(status('ConnFail'), status('Disconnected'));
  await settled();
  port.say(up('Connected'));
  assert.deepEqual(statuses, [CONNECTING, CONNFAIL, CONNECTING, CONNECTED]);
});

test('when a worker refuses the page, the page closes the port and releases its lock', async () => {
  const held = locks.size;
  const { connection, port } = await online();
  assert.equal(locks.size, held + 1);
  port.say({ Refused: { Malformed: { detail: 'broken' } } });
  await settled();
  assert.ok(port.closed);
  assert.equal(locks.size, held);
  assert.equal(connection.connected, false);
});

test('an error of a dead worker does not keep the page from starting the next', async () => {
  dying.lock = 'worker-1';
  const statuses = [];
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.connect('alice@chat.example', 'secret', (status) => statuses.push(status));
  await settled();
  dying.lock = null;
  const port = ports.at(-1);
  assert.ok(port.closed);
  raise.at(-1)();
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.notEqual(ports.at(-1), port, 'it rests, and asks for another');
  assert.equal(ports.at(-1).said('Connect').length, 1);
  ports.at(-1).say(up('Connected'));
  assert.equal(statuses.at(-1), CONNECTED, statuses.join());
  connection.reset();
  await settled();
});

test('a lock that is granted after the reset is released', async () => {
  const held = locks.size;
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.connect('alice@chat.example', 'secret');
  connection.reset();
  await settled();
  assert.equal(locks.size, held);
});

test('a log that throws stops nothing', async () => {
  const { connection, port } = await online();
  sink.log = () => {
    throw new Error('the log is broken');
  };
  connection.addHandler(
    () => {
      throw new Error('boo');
    },
    null,
    'message',
  );
  await settled();
  port.say(
    { Claimed: { claims: [{ claim: 1, stanzas: [] }] } },
    { Log: { level: 'Warn', text: 'x' } },
    deliver(HI),
  );
  const answers = [];
  connection.sendIQ($iq({ type: 'get' }), (answer) => answers.push(answer.getAttribute('id')));
  await settled();
  const { token } = port.said('Request')[0].Request;
  port.say({
    Response: { token, outcome: { Result: '<iq xmlns="jabber:client" type="result" id="1"/>' }, position: 2 },
  });
  assert.deepEqual(answers, ['1']);
});

test('disconnecting is true as soon as disconnect returns', async () => {
  const { connection, statuses, port } = await online();
  connection.disconnect();
  assert.equal(connection.disconnecting, true);
  port.say(status('Disconnecting'), status('Disconnected'));
  assert.equal(connection.disconnecting, false);
  assert.deepEqual(statuses.slice(-2), [DISCONNECTING, DISCONNECTED]);
});

test('a logout in a listener of an event of the app is a logout, whatever the name of the event', async () => {
  for (const type of ['room-unload', 'unloaded', 'pagehidden', 'constructor']) {
    const { connection, port } = await online();
    globalThis.event = new Event(type);
    connection.disconnect();
    delete globalThis.event;
    assert.equal(port.said('Disconnect').length, 1, type);
    connection.reset();
  }
});

test('disconnecting tells the worker how long the server may take', async () => {
  for (const [given, told] of [
    [undefined, 3000],
    [500, 500],
    [0, 0],
    [Infinity, 2 ** 32 - 1],
  ]) {
    const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
    connection.connect(
      'alice@chat.example',
      'secret',
      () => {},
      undefined,
      undefined,
      undefined,
      undefined,
      given,
    );
    await settled();
    const port = ports.at(-1);
    port.say(up('Connected'));
    connection.disconnect('enough');
    assert.deepEqual(port.said('Disconnect')[0].Disconnect, { reason: 'enough', timeout: told });
    connection.reset();
  }
});

test('a handler for a close code of the WebSocket is called before the status is reported', async () => {
  const heard = [];
  const { connection, port } = await online((status) => heard.push(status));
  connection.addProtocolErrorHandler('websocket', 1006, () => heard.push('replaced'));
  connection.addProtocolErrorHandler('websocket', 1006, function (code) {
    heard.push(code, this === connection);
    throw new Error('mine');
  });
  connection.addProtocolErrorHandler('HTTP', 1001, () => heard.push('BOSH'));
  heard.length = 0;
  for (const close_code of [1001, null, 1006])
    port.say({ Status: { code: 'Reconnecting', condition: null, text: null, session: null, close_code } });
  assert.deepEqual(heard, [RECONNECTING, RECONNECTING, 1006, true, RECONNECTING]);
  assert.match(lines.at(-1), /addProtocolErrorHandler threw: Error/);
});

test('a handler added while the session is down gets stanzas of the next session', async () => {
  const { connection, port } = await online();
  const down = (condition) =>
    port.say({ Status: { code: 'Reconnecting', condition, text: null, session: null, close_code: null } });
  const heard = [];
  down(null);
  connection.addHandler((message) => heard.push(message.getAttribute('id')), null, 'message');
  down('host-unknown');
  port.say(up('Connected'));
  await settled();
  port.say({
    Claimed: {
      claims: port
        .said('Claim')
        .at(-1)
        .Claim.claims.map(({ id }) => ({ claim: id, stanzas: [] })),
    },
  });
  port.say([9, `<message xmlns="jabber:client" id="1"/>`]);
  assert.deepEqual(heard, ['1']);
});

test('a tab that attaches knows the JID, domain and features', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  let known;
  connection.attach(function (status) {
    if (status === Status.ATTACHED)
      known = [this.jid, this.domain, this.features.tagName, this.connected, this.authenticated];
  });
  await settled();
  ports.at(-1).say(up('Attached'));
  assert.deepEqual(known, ['alice@chat.example/desk', 'chat.example', 'stream:features', true, true]);
});

test('features are there from BINDREQUIRED on, and gone at the next attempt', async () => {
  const options = { worker: '/epode-worker.js', explicitResourceBinding: true };
  const connection = new Connection('wss://chat.example/ws', options);
  const known = [];
  const note = (status) => known.push([status, connection.features?.tagName ?? null]);
  connection.connect('alice@chat.example', 'secret', note);
  await settled();
  const asked = status('BindRequired');
  asked.Status.features = '<stream:features xmlns:stream="http://etherx.jabber.org/streams"/>';
  ports.at(-1).say(asked);
  connection.connect('alice@chat.example', 'secret', note);
  assert.deepEqual(known, [
    [CONNECTING, null],
    [Status.BINDREQUIRED, 'stream:features'],
    [CONNECTING, null],
  ]);
});

test('behind a callback attach ignores the arguments of BOSH, which without one it refuses', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const heard = [];
  // So calls strophejs-plugin-roster.
  connection.attach(
    (status) => heard.push(status),
    null,
    null,
    () => heard.push('the other'),
  );
  await settled();
  ports.at(-1).say(up('Attached'));
  assert.deepEqual(heard, [Status.ATTACHED]);
  const refused = {
    name: 'StropheSessionError',
    message: 'The "attach" method is not available for your connection protocol',
  };
  assert.throws(() => connection.attach('alice@chat.example', 'sid', 'rid'), refused);
  assert.throws(() => connection.attach(null, 'sid'), refused);
});

test('a handler that waits for a session survives an attach that finds none', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const heard = [];
  // So does a plugin in its `init`.
  connection.addHandler((message) => heard.push(message.getAttribute('id')), null, 'message');
  connection.attach(() => {});
  await settled();
  const port = ports.at(-1);
  port.say(status('AttachFail', 'there is no session to attach to'));
  connection.connect('alice@chat.example', 'secret');
  await settled();
  port.say(up('Connected'));
  await settled();
  const claims = port.said('Claim').flatMap(({ Claim }) => Claim.claims);
  port.say({ Claimed: { claims: claims.map(({ id }) => ({ claim: id, stanzas: [] })) } });
  port.say(deliver('<message xmlns="jabber:client" id="1"/>'));
  assert.deepEqual(heard, ['1']);
});

test('an answer that goes through sendIQ is sent, and nobody is called back', async () => {
  const { connection, port } = await online();
  const heard = [];
  const called = (stanza) => heard.push(stanza);
  for (const type of ['result', 'error'])
    assert.equal(connection.sendIQ($iq({ type, id: type, to: 'a@b' }), called, called, 5), type);
  assert.notEqual(connection.sendIQ($iq({ type: 'result' })), '');
  await settled();
  const sent = port.said('Send').flatMap(({ Send }) => Send.stanzas.map(({ text }) => text));
  assert.equal(sent.length, 3);
  assert.match(sent[0], /type="result".*id="result"|id="result".*type="result"/);
  assert.equal(port.said('Request').length, 0);
  assert.deepEqual(heard, []);
});

test('a connect with unusable arguments leaves the session that the tab was in', async () => {
  const { connection, statuses, port } = await online();
  connection.connect('alice@chat.example', 1234, (status) => statuses.push(status));
  await settled();
  assert.deepEqual(statuses.slice(-3), [CONNECTING, CONNFAIL, DISCONNECTED]);
  assert.ok(port.posted.includes('Leave'));
});

test('a connect without a JID fails with the reason', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const heard = [];
  connection.connect(undefined, 'secret', (status, condition) => heard.push([status, condition]));
  await settled();
  assert.deepEqual(heard[1], [
    CONNFAIL,
    'connect takes the JID as a string, and a password or the keys of SCRAM',
  ]);
});

test('an infinite amount in an option becomes the greatest u32', async () => {
  const connection = new Connection('wss://chat.example/ws', {
    worker: '/w.js',
    reloadGrace: Infinity,
    queue: { stanzas: Infinity, bytes: 2 ** 40 },
  });
  connection.connect('alice@chat.example', 'secret');
  await settled();
  const { options } = ports.at(-1).said('Connect')[0].Connect;
  assert.deepEqual(
    [options.reload_grace, options.queue_stanzas, options.queue_size],
    [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1],
  );
});

test('held-back stanzas and requests keep their order, and stanzas sent before the pause leave', async () => {
  const { connection, port } = await online();
  const posted = () =>
    port.posted
      .flatMap(({ Send, Request }) => (Send ? Send.stanzas : Request ? [Request] : []))
      .map(({ text }) => /id="(.)"/.exec(text)[1]);
  connection.send($msg({ id: '0' }));
  connection.pause();
  connection.send($msg({ id: 'a' }));
  connection.sendIQ($iq({ type: 'get', id: 'b' }));
  connection.send($msg({ id: 'c' }));
  await settled();
  connection.flush();
  assert.equal(connection.paused, true);
  assert.deepEqual(posted(), ['0']);
  connection.resume();
  assert.equal(connection.paused, false);
  assert.deepEqual(posted(), ['0', 'a', 'b', 'c']);
});

test('the time of a request runs while it is held back', async (t) => {
  const { connection, port } = await online();
  t.mock.timers.enable({ apis: ['setTimeout'] });
  connection.pause();
  const failures = [];
  connection.sendIQ($iq({ type: 'get' }), null, (failure) => failures.push(failure), 300);
  connection.sendIQ($iq({ type: 'get', id: 'b' }), null, () => {}, 60_000);
  t.mock.timers.tick(299);
  assert.deepEqual(failures, []);
  t.mock.timers.tick(1);
  assert.deepEqual(failures, [null]);
  connection.resume();
  const asked = port.said('Request').map(({ Request }) => Request);
  assert.equal(asked.length, 1, 'what nobody waits for is not asked');
  assert.ok(asked[0].timeout <= 60_000);
});

test('arguments that should be strings are converted, and break nothing', async () => {
  const { connection, port } = await online();
  connection.addHandler(() => true, null, 'iq', null, 5);
  assert.equal(port.said('Claim').at(-1).Claim.claims.at(-1).selector.Stanza.id, '5');
  connection.sendIQ($iq({ type: 'get', id: 'x' }), null, null, '5s');
  assert.equal(port.said('Request').at(-1).Request.timeout, null);
  connection.disconnect(new Event('click'));
  assert.match(port.said('Disconnect').at(-1).Disconnect.reason, /object Event/);
});

test('priorities that are negative or fractional keep their order', async () => {
  const { SASLPlain, SASLOAuthBearer, SASLSHA1 } = epode;
  class Late extends SASLPlain {
    priority = -1;
  }
  class Between extends SASLOAuthBearer {
    priority = 0.5;
  }
  const { connection, port } = await online();
  connection.registerSASLMechanisms([Between, Late, SASLSHA1]);
  connection.connect('alice@chat.example', 'secret', null, null, null, null, 5);
  const { options, credentials } = port.said('Connect').at(-1).Connect;
  assert.deepEqual(Object.fromEntries(options.mechanisms.map(({ name, priority }) => [name, priority])), {
    PLAIN: 0,
    OAUTHBEARER: 1,
    'SCRAM-SHA-1': 2,
  });
  assert.equal(credentials.authcid, '5');
});

test('the stanzas sent in one task are posted together at its end, or at flush', async () => {
  const { connection, port } = await online();
  const posts = () => port.said('Send').map(({ Send }) => Send.stanzas.length);
  connection.send($msg());
  connection.send($msg());
  assert.deepEqual(posts(), []);
  await settled();
  assert.deepEqual(posts(), [2]);
  connection.send($msg());
  connection.flush();
  assert.deepEqual(posts(), [2, 1]);
});

test('a connection that was reset connects again with its jid, without its handlers', async () => {
  const heard = [];
  const { connection, statuses, port } = await online();
  connection.addHandler(() => heard.push('old'), null, 'message');
  connection.addTimedHandler(1, () => heard.push('timed'));
  connection.reset();
  assert.ok(port.posted.includes('Leave') && port.closed);
  assert.deepEqual(
    [connection.connected, connection.authenticated, connection.disconnecting],
    [false, false, false],
  );
  const { jid, domain, connect_callback } = connection;
  assert.deepEqual([jid, domain], ['alice@chat.example/desk', 'chat.example']);
  statuses.length = 0;
  connection.connect(jid, 'secret', connect_callback);
  await settled();
  assert.equal(ports.at(-1).said('Connect')[0].Connect.jid, jid);
  ports.at(-1).say(up('Connected'), deliver(HI));
  await settled();
  assert.deepEqual(statuses, [CONNECTING, CONNECTED]);
  assert.deepEqual(heard, []);
});

test('a plugin is part of each later connection, and hears each status before the callback', async () => {
  const heard = [];
  const plugin = {
    init(connection) {
      // Each connection has its own object.
      this.connection = connection;
      heard.push(['init', connection.service, connection.jid]);
    },
    statusChanged(status, condition) {
      heard.push(['plugin', status, condition, this.connection.authenticated]);
      if (status === CONNECTED) this.connection.addHandler(() => heard.push('handler'), null, 'message');
      throw new Error('mine');
    },
    answer: () => 42,
  };
  const earlier = new Connection('wss://chat.example/earlier');
  addConnectionPlugin('greeter', plugin);
  addConnectionPlugin('idle', {});
  const { connection, port } = await online(function (status, condition) {
    heard.push(['callback', status, condition, this.authenticated]);
  });
  assert.equal(earlier.greeter, undefined);
  assert.equal(connection.greeter.answer(), 42);
  assert.equal(connection.greeter.connection, connection);
  assert.equal(
    new Connection('wss://chat.example/other').greeter.connection.service,
    'wss://chat.example/other',
  );
  assert.equal(connection.greeter.connection, connection);
  port.say(status('Error', 'restricted-xml'));
  assert.deepEqual(heard, [
    ['init', 'wss://chat.example/ws', ''],
    ['plugin', CONNECTING, null, false],
    ['callback', CONNECTING, null, false],
    ['plugin', CONNECTED, null, true],
    ['callback', CONNECTED, null, true],
    ['init', 'wss://chat.example/other', ''],
    ['plugin', Status.ERROR, 'restricted-xml', true],
    ['callback', Status.ERROR, 'restricted-xml', true],
  ]);
  assert.match(lines.join('\n'), /the plugin greeter threw: Error/);
  port.say({ Claimed: { claims: [{ claim: 1, stanzas: [] }] } }, deliver(HI));
  assert.equal(heard.at(-1), 'handler');
  addConnectionPlugin('greeter', {});
});

test('disconnect without a connection reports DISCONNECTING and DISCONNECTED', () => {
  const heard = [];
  const connection = new Connection('wss://chat.example/ws');
  connection.connect_callback = (status, condition) => heard.push([status, condition]);
  connection.disconnect('enough');
  assert.deepEqual(heard, [
    [Status.DISCONNECTING, 'enough'],
    [Status.DISCONNECTED, 'enough'],
  ]);
});

test('an app may assign another service before it connects', async () => {
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.service = 'wss://other.example/ws';
  connection.connect('alice@chat.example', 'secret', () => {});
  await settled();
  assert.equal(ports.at(-1).said('Connect')[0].Connect.service, 'wss://other.example/ws');
  connection.reset();
});

test('a hook on the prototype works for every connection', async () => {
  const heard = [];
  Connection.prototype.rawInput = (text) => heard.push(text);
  try {
    const { connection, port } = await online();
    assert.equal(port.said('Claim')[0].Claim.claims[0].selector, 'Everything');
    port.say(deliver('<message xmlns="jabber:client"/>'));
    assert.deepEqual(heard, ['<message xmlns="jabber:client"/>']);
    connection.reset();
  } finally {
    delete Connection.prototype.rawInput;
  }
});

test('a malformed cookie makes the constructor throw', () => {
  assert.throws(() => new Connection('wss://chat.example/ws', { cookies: { 'a b': 'c' } }), {
    message: /name of the cookie "a b"/,
  });
});

test('registering adds or replaces a mechanism; only a list permits PLAIN unencrypted', async () => {
  const { SASLPlain, SASLSHA1 } = epode;
  const connection = new Connection('ws://chat.example/ws', { worker: '/epode-worker.js' });
  const offered = async () => {
    connection.connect('alice@chat.example', 'secret');
    await settled();
    const { mechanisms, own_mechanisms, listed } = ports.at(-1).said('Connect').at(-1).Connect.options;
    connection.reset();
    assert.deepEqual(own_mechanisms, []);
    return [listed, Object.fromEntries(mechanisms.map(({ name, priority }) => [name, priority]))];
  };
  const [listed, all] = await offered();
  assert.equal(listed, false);
  assert.equal(Object.keys(all).length, 8, 'all but ANONYMOUS');
  connection.registerSASLMechanism(
    class extends SASLSHA1 {
      priority = 99;
    },
  );
  assert.deepEqual(await offered(), [false, { ...all, 'SCRAM-SHA-1': 99 }]);
  connection.registerSASLMechanism(
    class extends SASLPlain {
      test = () => false;
    },
  );
  const { PLAIN, ...others } = all;
  assert.deepEqual(await offered(), [false, { ...others, 'SCRAM-SHA-1': 99 }]);
  connection.registerSASLMechanisms([SASLPlain]);
  assert.deepEqual(await offered(), [true, { PLAIN }]);
  connection.registerSASLMechanisms();
  assert.deepEqual(await offered(), [false, all]);
});

test('a mechanism may read the connection and its password, and call its methods', async () => {
  let seen;
  class Looking extends epode.SASLMechanism {
    constructor() {
      super('X-LOOKING', true, 99);
    }
    test(connection) {
      const { features, role, authcid, pass, jid, ready } = connection;
      seen = {
        features,
        role,
        authcid,
        pass,
        jid,
        ready: ready instanceof Promise,
        id: connection.getUniqueId('x'),
      };
      connection._mine = 7;
      return connection._mine === 7;
    }
  }
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  connection.registerSASLMechanism(Looking);
  connection.connect('alice@chat.example', 'secret');
  const { id, ...rest } = seen;
  assert.deepEqual(rest, {
    features: null,
    role: null,
    authcid: 'alice',
    pass: 'secret',
    jid: 'alice@chat.example',
    ready: true,
  });
  assert.match(id, /x$/);
  connection.reset();
  await settled();
});

test('only ws and wss are protocols', () => {
  for (const protocol of ['ws', 'wss', '', undefined, null]) new Connection('/ws', { protocol });
  for (const protocol of ['https', 'WS', 1])
    assert.throws(() => new Connection('/ws', { protocol }), { message: /protocol is "ws" or "wss", not/ });
});
