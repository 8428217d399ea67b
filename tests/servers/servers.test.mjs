// The servers that the tests start do what the tests rely on.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';

import { startEjabberd } from './ejabberd.mjs';
import { listens, until } from './keeper.mjs';
import { startProsody } from './prosody.mjs';

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';

/** A raw XMPP connection that has logged in with PLAIN and bound a resource. */
async function login(server, host, user, password) {
  const socket = new WebSocket(server.ws, 'xmpp');
  const frames = [];
  socket.on('message', (data) => frames.push(data.toString()));
  const expect = (pattern) =>
    until(() => frames.find((frame) => pattern.test(frame)), { what: String(pattern), limit: 10_000 });
  await once(socket, 'open');
  socket.send(`<open xmlns="${FRAMING}" to="${host}" version="1.0"/>`);
  await expect(/<stream:features.*mechanisms/s);
  const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
  socket.send(`<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${response}</auth>`);
  await expect(/<success|<failure/);
  if (frames.some((frame) => frame.includes('<failure'))) throw new Error(frames.at(-1));
  frames.length = 0;
  socket.send(`<open xmlns="${FRAMING}" to="${host}" version="1.0"/>`);
  await expect(/<stream:features.*bind/s);
  socket.send(
    `<iq xmlns="jabber:client" type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>`,
  );
  const bound = await expect(/<jid>/);
  return { socket, jid: /<jid>(.*)<\/jid>/.exec(bound)[1] };
}

for (const [start, hosts, mechanisms] of [
  [startProsody, ['localhost', 'hashed.localhost'], ['SCRAM-SHA-1', 'SCRAM-SHA-256', 'PLAIN']],
  [
    startEjabberd,
    ['localhost', 'scram.localhost'],
    ['SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'],
  ],
]) {
  describe(start === startProsody ? 'Prosody' : 'ejabberd', () => {
    let server;
    before(async () => (server = await start()));
    after(() => server?.stop());

    test('offers the mechanisms that the tests rely on', async () => {
      const socket = new WebSocket(server.ws, 'xmpp');
      const frames = [];
      socket.on('message', (data) => frames.push(data.toString()));
      await once(socket, 'open');
      socket.send(`<open xmlns="${FRAMING}" to="localhost" version="1.0"/>`);
      await until(() => frames.length === 2, { what: 'features', limit: 10_000 });
      for (const mechanism of mechanisms)
        assert.ok(frames[1].includes(`<mechanism>${mechanism}</mechanism>`), frames[1]);
      socket.terminate();
    });

    for (const host of hosts) {
      test(`a registered account of ${host} logs in and has a session until it leaves`, async () => {
        assert.equal(await server.register('alice', 'secret', host), `alice@${host}`);
        await assert.rejects(login(server, host, 'alice', 'wrong'), /not-authorized/);
        assert.deepEqual(await server.sessions(), []);
        const { socket, jid } = await login(server, host, 'alice', 'secret');
        assert.ok(jid.startsWith(`alice@${host}/`));
        assert.deepEqual(
          (await server.sessions()).map((session) => session.jid),
          [jid],
        );
        socket.send(`<close xmlns="${FRAMING}"/>`);
        await until(async () => (await server.sessions()).length === 0, { what: 'an end', limit: 10_000 });
      });
    }

    test('has the same address and accounts after a restart, without the sessions', async () => {
      await server.register('carol', 'secret');
      const { socket } = await login(server, 'localhost', 'carol', 'secret');
      const { ws } = server;
      await Promise.all([server.restart(100), once(socket, 'close')]);
      assert.equal(server.ws, ws);
      assert.deepEqual(await server.sessions(), []);
      (await login(server, 'localhost', 'carol', 'secret')).socket.terminate();
    });

    test('registering a name twice is an error', async () => {
      await server.register('bob', 'secret');
      await assert.rejects(server.register('bob', 'secret'));
    });

    test('accepts BOSH at its own address', async () => {
      const body = `<body xmlns="http://jabber.org/protocol/httpbind" rid="1" to="localhost" wait="5" hold="1" ver="1.6"
        xmpp:version="1.0" xmlns:xmpp="urn:xmpp:xbosh" content="text/xml; charset=utf-8"/>`;
      const response = await fetch(server.http, { method: 'POST', body });
      assert.match(await response.text(), /sid=/);
    });
  });
}

test('ejabberd issues tokens for X-OAUTH2', async () => {
  const server = await startEjabberd();
  try {
    const jid = await server.register('alice', 'secret');
    const token = await server.token(jid);
    const socket = new WebSocket(server.ws, 'xmpp');
    let received = '';
    socket.on('message', (data) => (received += data));
    await once(socket, 'open');
    socket.send(`<open xmlns="${FRAMING}" to="localhost" version="1.0"/>`);
    await until(() => received.includes('<mechanism>X-OAUTH2</mechanism>'), {
      what: 'X-OAUTH2',
      limit: 10_000,
    });
    const response = Buffer.from(`\0alice\0${token}`).toString('base64');
    socket.send(`<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="X-OAUTH2">${response}</auth>`);
    await until(() => received.includes('<success'), { what: 'success', limit: 10_000 });
    socket.terminate();
  } finally {
    await server.stop();
  }
});

test('a server ends with the test that started it, even when that is killed', async () => {
  const script = `
    const { startProsody } = await import(${JSON.stringify(new URL('prosody.mjs', import.meta.url).href)});
    const server = await startProsody();
    console.log(new URL(server.ws).port);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = await once(child.stdout.setEncoding('utf8'), 'data');
  assert.ok(await listens(Number(port)));
  child.kill('SIGKILL');
  await until(async () => !(await listens(Number(port))), { what: 'the end of Prosody', limit: 15_000 });
});
