// The proxy of the chaos does to bytes what it says.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from '../browser/apps.mjs';
import { startTcp } from './tcp.mjs';

/** A server that keeps what it hears, a proxy, and a client; `bytes` counts what the client heard. */
async function scene(t, options) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = [];
  server.on('connection', (socket) => {
    const side = { socket, heard: 0, isOpen: true };
    socket.on('data', (data) => (side.heard += data.length)).on('error', () => {});
    socket.on('close', () => (side.isOpen = false));
    sockets.push(side);
  });
  const tcp = await startTcp({
    upstream: `ws://127.0.0.1:${server.address().port}/path`,
    ...options,
  });
  const clients = [];
  t.after(async () => {
    for (const { socket } of [...clients, ...sockets]) socket.destroy();
    server.close();
    await tcp.stop();
  });
  const open = async () => {
    const socket = connect(new URL(tcp.url).port, '127.0.0.1');
    const side = { socket, heard: 0, isOpen: true, error: undefined };
    socket.on('data', (data) => (side.heard += data.length));
    socket.on('error', ({ code }) => (side.error = code));
    socket.on('close', () => (side.isOpen = false));
    clients.push(side);
    const count = sockets.length;
    await eventually('a connection', () => sockets.length > count || !side.isOpen);
    return [side, sockets.at(-1)];
  };
  return { tcp, open };
}

test('bytes pass both ways, at the path of the server', async (t) => {
  const { tcp, open } = await scene(t);
  assert.equal(new URL(tcp.url).pathname, '/path');
  const [client, server] = await open();
  client.socket.write('x'.repeat(100_000));
  server.socket.write('y'.repeat(70_000));
  await eventually('all bytes', () => server.heard === 100_000 && client.heard === 70_000);
});

test('a cut lets exactly so many bytes through, and ends both sockets', async (t) => {
  for (const from of ['client', 'server']) {
    const { tcp, open } = await scene(t);
    const [client, server] = await open();
    server.socket.write('before');
    await eventually('what was before', () => client.heard === 6);
    tcp.open()[0].cutAfter({ from, bytes: 1234 });
    const [source, sink] = from === 'client' ? [client, server] : [server, client];
    const had = sink.heard;
    source.socket.write('x'.repeat(5_000));
    await eventually('the cut', () => !client.isOpen && !server.isOpen);
    assert.equal(sink.heard - had, 1234, from);
    assert.equal(tcp.open().length, 0);
  }
});

test('a rough cut is a reset, and the side of the server may linger', async (t) => {
  const { tcp, open } = await scene(t);
  const [client, server] = await open();
  tcp.open()[0].cutAfter({ from: 'client', bytes: 10, rough: true, lingers: true });
  client.socket.write('x'.repeat(20));
  await eventually('the cut', () => !client.isOpen);
  assert.equal(client.error, 'ECONNRESET');
  await pause(100);
  assert.ok(server.isOpen);
});

test('a black hole takes all bytes and tells nobody', async (t) => {
  const { tcp, open } = await scene(t);
  const [client, server] = await open();
  tcp.open()[0].swallow();
  client.socket.write('x');
  server.socket.write('x');
  await pause(100);
  assert.deepEqual([client.heard, server.heard, client.isOpen, server.isOpen], [0, 0, true, true]);
  const [next] = await open();
  assert.ok(next.isOpen, 'another connection is as any');
});

test('a rate and a delay hold bytes back', async (t) => {
  const { tcp, open } = await scene(t);
  const [client, server] = await open();
  tcp.rate = 10_000;
  client.socket.write('x'.repeat(5_000));
  await pause(200);
  assert.ok(server.heard < 4_000, `${server.heard} of 5,000 in 0.2 s`);
  await eventually('all bytes', () => server.heard === 5_000);
  Object.assign(tcp, { rate: 0, delay: 200 });
  const begun = performance.now();
  client.socket.write('x');
  await eventually('the byte', () => server.heard === 5_001);
  assert.ok(performance.now() - begun >= 190);
});

test('a server that is away refuses, and a cut can be set for the next connection', async (t) => {
  const { tcp, open } = await scene(t);
  tcp.away = true;
  const [refused] = await open();
  assert.ok(!refused.isOpen);
  Object.assign(tcp, { away: false, next: { from: 'server', bytes: 3 } });
  const [client, server] = await open();
  server.socket.write('12345');
  await eventually('the cut', () => !client.isOpen);
  assert.equal(client.heard, 3);
  assert.ok((await open())[0].isOpen);
});

test('frames of a client can be kept whole', async (t) => {
  const { open } = await scene(t, { wholeFrames: true });
  const [client, server] = await open();
  const frame = (length) => {
    const extended = length < 126 ? [length] : [126, length >> 8, length & 255];
    extended[0] |= 128;
    return Buffer.concat([Buffer.from([129, ...extended, 1, 2, 3, 4]), Buffer.alloc(length)]);
  };
  const head = 'GET / HTTP/1.1\r\n\r\n';
  let expected = 0;
  for (const whole of [Buffer.from(head), frame(0), frame(100), frame(300), frame(125)]) {
    client.socket.write(whole.subarray(0, whole.length - 1));
    await pause(30);
    assert.equal(server.heard, expected);
    client.socket.write(whole.subarray(whole.length - 1));
    expected += whole.length;
    await eventually('the frame', () => server.heard === expected);
  }
  const two = Buffer.concat([frame(10), frame(20), frame(30).subarray(0, 9)]);
  client.socket.write(two);
  await pause(50);
  assert.equal(server.heard, expected + 16 + 26);
});
