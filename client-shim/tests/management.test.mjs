// Stream management as apps see it: the fates of what was sent, and what the connection says of its session.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Connection, dying, online, ports, settled, sink, status, Status, up } from './page.mjs';

let logged;
beforeEach(() => {
  logged = [];
  sink.log = (_level, text) => logged.push(text);
});

const stanza = (id) => `<message xmlns="jabber:client" id="${id}"/>`;
const byNow = (promise) => Promise.race([promise, settled().then(() => 'pending')]);

/** A session that is up, managed or not, resumed or not. */
const session = (code, more) => {
  const message = up(code);
  Object.assign(message.Status.session, { managed: true, resumed: false }, more);
  return message;
};

/** A connection that has sent these, all written; the receipts, and the tokens. */
async function sent(...ids) {
  const page = await online();
  const receipts = ids.map((id) => page.connection.send(stanza(id)));
  await settled();
  const tokens = page.port.said('Send').flatMap(({ Send }) => Send.stanzas.map(({ token }) => token));
  page.port.say({ Written: { up_to: tokens.at(-1) } });
  return { ...page, receipts: await Promise.all(receipts), tokens };
}

test('an app that asks for no fate costs the worker no post', async () => {
  const { port, receipts } = await sent('a');
  assert.equal(receipts[0].status, 'written');
  assert.deepEqual({ ...receipts[0] }, { status: 'written' });
  assert.deepEqual(port.said('Follow'), []);
});

test('the worker is asked once, and tells the fate of everything up to a stanza', async () => {
  const { port, receipts, tokens } = await sent('a', 'b', 'c');
  const fates = receipts.map(({ acknowledged }) => acknowledged);
  assert.deepEqual(port.said('Follow'), ['Follow']);
  port.say({ Fate: { token: tokens[1], fate: 'Acknowledged' } });
  assert.deepEqual(await fates[0], { status: 'acknowledged' });
  assert.deepEqual(await fates[1], { status: 'acknowledged' });
  assert.equal(await byNow(fates[2]), 'pending');
  port.say({ Fate: { token: tokens[2], fate: 'Unmanaged' } });
  assert.deepEqual(await fates[2], { status: 'unmanaged' });
  // Who asks later hears the same.
  assert.deepEqual(await receipts[0].acknowledged, { status: 'acknowledged' });
  assert.deepEqual(await receipts[2].acknowledged, { status: 'unmanaged' });
});

test('a stanza that was sent again says so with its fate', async () => {
  const { port, receipts, tokens } = await sent('a', 'b', 'c');
  port.say({ Fate: { token: tokens[0], fate: { Resent: { maybe_twice: true } } } });
  port.say({ Fate: { token: tokens[1], fate: { Resent: { maybe_twice: false } } } });
  const fates = receipts.map(({ acknowledged }) => acknowledged);
  assert.equal(await byNow(fates[0]), 'pending');
  port.say({ Fate: { token: tokens[2], fate: 'Acknowledged' } });
  assert.deepEqual(await Promise.all(fates), [
    { status: 'acknowledged', resent: true, maybeTwice: true },
    { status: 'acknowledged', resent: true },
    { status: 'acknowledged' },
  ]);
});

test('a stanza that may have arrived twice stays one, however often it is sent again', async () => {
  const { port, receipts, tokens } = await sent('a');
  for (const maybe_twice of [true, false]) {
    port.say({ Fate: { token: tokens[0], fate: { Resent: { maybe_twice } } } });
  }
  port.say({ Fate: { token: tokens[0], fate: 'Acknowledged' } });
  assert.deepEqual(await receipts[0].acknowledged, {
    status: 'acknowledged',
    resent: true,
    maybeTwice: true,
  });
});

test('a stanza that may be lost is logged, whether or not the app asks, and who asks later hears why', async () => {
  const { port, receipts, tokens } = await sent('a', 'b');
  port.say({ Fate: { token: tokens[0], fate: { Failed: { condition: 'not-resumed', text: 'lost' } } } });
  port.say({ Fate: { token: tokens[1], fate: 'Acknowledged' } });
  assert.deepEqual(logged, ['a stanza that was written may be lost: not-resumed']);
  assert.deepEqual(await receipts[0].acknowledged, {
    status: 'failed',
    condition: 'not-resumed',
    text: 'lost',
  });
  assert.deepEqual(await receipts[1].acknowledged, { status: 'acknowledged' });
});

test('who asks late hears of each stanza that a session can lose at once', async () => {
  const { port, receipts, tokens } = await sent(...Array(20_000).keys(), 'last');
  const last = tokens.pop();
  for (const token of tokens) {
    port.say({ Fate: { token, fate: { Failed: { condition: 'not-resumed', text: '' } } } });
  }
  port.say({ Fate: { token: last, fate: 'Acknowledged' } });
  assert.equal((await receipts[0].acknowledged).status, 'failed');
  assert.equal((await receipts.at(-1).acknowledged).status, 'acknowledged');
});

test('a stanza that was never sent has failed, by the same condition', async () => {
  const { connection, port } = await online();
  const receipt = connection.send('<nonsense/>');
  await settled();
  const [{ token }] = port.said('Send').at(-1).Send.stanzas;
  port.say({ Failed: { token, fault: { condition: 'not-a-stanza', text: 'no' } } });
  const { status: fate, condition, acknowledged } = await receipt;
  assert.deepEqual([fate, condition], ['failed', 'not-a-stanza']);
  assert.deepEqual(await acknowledged, { status: 'failed', condition: 'not-a-stanza', text: 'no' });
});

test('no fate hangs when the connection is left, nor of a link that is long gone', async () => {
  const { connection, receipts, port, tokens } = await sent('a', 'b');
  port.say({ Fate: { token: tokens[0], fate: 'Acknowledged' } });
  const { acknowledged } = receipts[1];
  connection.reset();
  assert.deepEqual((await acknowledged).condition, 'unknown');
  assert.deepEqual((await receipts[1].acknowledged).condition, 'unknown');
  assert.deepEqual(await receipts[0].acknowledged, { status: 'acknowledged' });
});

test('what a worker had written and dies with has an unknown fate, and the next worker is asked anew', async (t) => {
  const { locks } = navigator;
  const { request } = locks;
  let die;
  locks.request = (name, ...rest) => {
    if (name !== 'worker') return request(name, ...rest);
    die = rest.at(-1);
    return new Promise(() => {});
  };
  dying.lock = 'worker';
  t.after(() => Object.assign(locks, { request }) && (dying.lock = null));
  const { connection, port, receipts, tokens } = await sent('a', 'b');
  port.say({ Fate: { token: tokens[0], fate: 'Acknowledged' } });
  const fates = receipts.map(({ acknowledged }) => acknowledged);
  die();
  await settled();
  assert.deepEqual(await fates[0], { status: 'acknowledged' });
  const { status: fate, condition, text } = await fates[1];
  assert.deepEqual([fate, condition], ['failed', 'unknown']);
  assert.match(text, /worker died/);
  const next = ports.at(-1);
  assert.notEqual(next, port);
  next.say(session('Connected'));
  const receipt = connection.send(stanza('c'));
  await settled();
  const [{ token }] = next.said('Send').at(-1).Send.stanzas;
  next.say({ Written: { up_to: token } });
  const { acknowledged } = await receipt;
  assert.deepEqual(next.said('Follow'), ['Follow']);
  next.say({ Fate: { token, fate: 'Acknowledged' } });
  assert.deepEqual(await acknowledged, { status: 'acknowledged' });
});

test('a page sees what a session has of stream management, before the callback', async () => {
  const seen = [];
  const connection = new Connection('wss://chat.example/ws', { worker: '/epode-worker.js' });
  const note = (name) => () => seen.push(name);
  connection.sm.onEnabled = note('onEnabled');
  connection.sm.onResumed = note('onResumed');
  connection.sm.onFailed = (_view, lost) => seen.push(`onFailed ${lost}`);
  connection.connect('alice@chat.example', 'secret', (code) => {
    if (code === Status.CONNECTING) return;
    seen.push([code, connection.hasResumed(), connection.isStreamManagementEnabled(), connection.restored]);
  });
  await settled();
  const port = ports.at(-1);
  assert.deepEqual(port.said('Connect').at(-1).Connect.options.management, {
    max_unacked: 5,
    resume: true,
    max: null,
  });
  assert.equal(connection.sm.state.id, '');
  port.say(session('Connected'));
  assert.deepEqual(seen.splice(0), [[Status.CONNECTED, false, true, false], 'onEnabled']);
  assert.equal(connection.sm.state.id, 'epode');
  assert.equal(connection.sm.boundJid, 'alice@chat.example/desk');
  port.say(status('Reconnecting'));
  // An app that asks while the page is unloaded has to learn that the session goes on.
  assert.equal(connection.sm.state.id, 'epode');
  port.say(session('Connected', { resumed: true }));
  assert.deepEqual(seen.splice(0).slice(1), ['onResumed', [Status.CONNECTED, true, true, true]]);
  port.say('Unmanaged');
  assert.deepEqual(seen.splice(0), ['onFailed false']);
  assert.deepEqual([connection.isStreamManagementEnabled(), connection.hasResumed()], [false, true]);
  port.say(session('Connected', { resumed: true }));
  seen.length = 0;
  port.say(status('Reconnecting'));
  port.say(session('Connected'));
  assert.deepEqual(seen.splice(0).slice(1), [
    'onFailed true',
    [Status.CONNECTED, false, true, false],
    'onEnabled',
  ]);
  port.say('Unmanaged');
  assert.deepEqual(seen.splice(0), ['onFailed false']);
  assert.equal(connection.isStreamManagementEnabled(), false);
  port.say(status('Disconnected'));
  assert.deepEqual([connection.sm.state.id, connection.restored], ['', false]);
});

test('a tab that joins is restored, and hears whether the stream was resumed', async () => {
  const { connection, port } = await online();
  port.say(status('Reconnecting'));
  port.say(session('Attached', { resumed: true }));
  assert.deepEqual([connection.restored, connection.hasResumed()], [true, true]);
  port.say(status('Reconnecting'));
  port.say(session('Connected', { managed: false }));
  assert.deepEqual([connection.restored, connection.hasResumed()], [false, false]);
});

test('the features show an app no stream management, which is the worker’s', async () => {
  const { connection, port } = await online();
  port.say(status('Reconnecting'));
  const features =
    '<stream:features xmlns:stream="http://etherx.jabber.org/streams"><sm xmlns="urn:xmpp:sm:3"/><sm xmlns="urn:xmpp:sm:2"/><ver xmlns="urn:xmpp:features:rosterver"/></stream:features>';
  port.say(session('Connected', { features }));
  assert.deepEqual(
    [...connection.features.children].map(({ localName }) => localName),
    ['ver'],
  );
  assert.equal(connection.sm.serverSupported, true);
});

test('what an app sends of stream management is refused without a word in its log', async () => {
  const { connection, port } = await online();
  for (const [text, lines] of [
    ['<enable xmlns="urn:xmpp:sm:3" resume="true"/>', 0],
    ["<r xmlns='urn:xmpp:sm:3'/>", 0],
    ['<enable xmlns="urn:example"/>', 1],
  ]) {
    const receipt = connection.send(text);
    await settled();
    const [{ token }] = port.said('Send').at(-1).Send.stanzas;
    logged = [];
    port.say({ Failed: { token, fault: { condition: 'not-a-stanza', text: 'no' } } });
    assert.equal((await receipt).condition, 'not-a-stanza');
    await settled();
    assert.equal(logged.length, lines, text);
  }
});

test('a connection says how much waits in the worker, until the session is over', async () => {
  const { connection, port } = await online();
  assert.deepEqual(connection.backlog, { stanzas: 0, bytes: 0 });
  port.say(status('Reconnecting'), { Backlog: { stanzas: 3, bytes: 300 } });
  assert.deepEqual(connection.backlog, { stanzas: 3, bytes: 300 });
  port.say(status('Disconnected'));
  assert.deepEqual(connection.backlog, { stanzas: 0, bytes: 0 });
});

test('options of stream management', async () => {
  const asked = async (options) => {
    const connection = new Connection('wss://chat.example/ws', { worker: '/w.js', ...options });
    connection.connect('alice@chat.example', 'secret');
    await settled();
    return [connection, ports.at(-1).said('Connect').at(-1).Connect.options.management];
  };
  const [off, none] = await asked({ enableStreamManagement: false });
  assert.deepEqual(
    [off.sm, off.hasResumed(), off.isStreamManagementEnabled(), none],
    [undefined, false, false, null],
  );
  const streamManagement = { maxUnacked: 0, requestResume: false, max: 60, storage: {} };
  const [, management] = await asked({ streamManagement });
  assert.deepEqual(management, { max_unacked: 0, resume: false, max: 60 });
  assert.equal(logged.filter((text) => text.includes('streamManagement.storage')).length, 1);
});
