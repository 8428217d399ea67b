// The test harness itself.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';

import { until } from '../servers/keeper.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { BROWSERS, launch } from './browsers.mjs';
import { startWeb } from './web.mjs';
import { startWire } from './wire.mjs';

const OPEN = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>`;

describe('the wire', () => {
  let prosody, wire;
  before(async () => {
    prosody = await startProsody();
    wire = await startWire({ upstream: prosody.ws });
  });
  after(async () => {
    await wire?.stop();
    await prosody?.stop();
  });

  const dial = async () => {
    const socket = new WebSocket(wire.url, 'xmpp');
    await once(socket, 'open');
    return { socket, connection: wire.connections.at(-1) };
  };

  test("relays the server's frames and records both directions", async () => {
    const { socket, connection } = await dial();
    assert.equal(socket.protocol, 'xmpp');
    const received = [];
    socket.on('message', (data) => received.push(data.toString()));
    socket.send(OPEN);
    const features = await connection.frame('server', /<stream:features/);
    assert.match(features, /SCRAM-SHA-256/);
    assert.deepEqual(connection.texts('client'), [OPEN]);
    assert.match(connection.texts('server')[0], /^<open /);
    await until(() => received.length === 2, { what: 'both answers', limit: 10_000 });
    assert.deepEqual(received, connection.texts('server'));
    assert.ok(connection.frames[0].at <= connection.frames[1].at);

    socket.close(1000);
    await once(socket, 'close');
    assert.equal(connection.closedBy, 'client');
    assert.equal(connection.code, 1000);
    assert.equal(wire.open().length, 0);
  });

  test('cuts without a closing handshake', async () => {
    const { socket, connection } = await dial();
    socket.send(OPEN);
    await connection.frame('server', /<stream:features/);
    wire.cut();
    const [code] = await once(socket, 'close');
    assert.equal(code, 1006);
    assert.equal(connection.closedBy, 'wire');
  });

  test('refuses handshakes while told to', async () => {
    const connections = wire.connections.length;
    wire.refuse = true;
    const socket = new WebSocket(wire.url, 'xmpp');
    const [error] = await once(socket, 'error');
    assert.match(error.message, /503/);
    wire.refuse = false;
    assert.equal(wire.connections.length, connections);
    (await dial()).socket.terminate();
  });

  test('delays and swallows frames', async () => {
    const { socket, connection } = await dial();
    wire.delay = 150;
    const sent = performance.now();
    socket.send(OPEN);
    await once(socket, 'message');
    assert.ok(performance.now() - sent >= 290, 'once on the way there and once on the way back');
    wire.delay = 0;
    wire.swallow = true;
    socket.send(`<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>`);
    await connection.frame('client', /<close /);
    await assert.rejects(connection.frame('server', /<close /, 300), /no frame of the server/);
    wire.swallow = false;
    socket.terminate();
  });
});

describe('the web server', () => {
  let web;
  before(async () => (web = await startWeb()));
  after(() => web?.stop());

  test('serves wasm with its type and nothing outside its folders', async () => {
    const wasm = await fetch(web.url('/epode-worker.wasm'));
    assert.equal(wasm.headers.get('content-type'), 'application/wasm');
    assert.deepEqual([...new Uint8Array(await wasm.arrayBuffer()).slice(0, 4)], [0x00, 0x61, 0x73, 0x6d]);
    assert.equal((await fetch(web.url('/%2e%2e%2fpackage.json'))).status, 404);
    assert.equal((await fetch(web.url('/pages/%2e%2e%2fweb.mjs'))).status, 404);
  });

  test('can change its answer to each path', async () => {
    web.overrides.set('/epode.js', {
      status: 503,
      headers: { 'Content-Security-Policy': 'x' },
      delay: 100,
      body: 'no',
    });
    const begun = performance.now();
    const response = await fetch(web.url('/epode.js'));
    assert.ok(performance.now() - begun >= 99);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('content-security-policy'), 'x');
    assert.equal(await response.text(), 'no');
    web.overrides.clear();
    assert.equal((await fetch(web.url('/epode.js'))).status, 200);
    assert.ok(web.requests.filter((path) => path === '/epode.js').length === 2);
  });
});

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let web, browser;
    before(async () => {
      web = await startWeb();
      browser = await launch(name);
    });
    after(async () => {
      await browser?.stop();
      await web?.stop();
    });

    for (const script of ['/epode-worker.js', '/epode-worker.inline.js']) {
      test(`a page says Hello to ${script} and is welcomed`, async () => {
        const tab = await browser.openTab(web.url(`/pages/hello.html?worker=${script}`));
        const answer = await tab.evaluate(() => window.answer);
        assert.ok(answer.Welcome, JSON.stringify(answer));
        await tab.close();
        assert.deepEqual(browser.errors, []);
      });
    }

    test('a second tab is welcomed by the same worker', async () => {
      const first = await browser.openTab(web.url('/pages/hello.html'));
      await first.evaluate(() => window.answer);
      const before = web.requests.filter((path) => path === '/epode-worker.wasm').length;
      const second = await browser.openTab(web.url('/pages/hello.html'));
      assert.ok((await second.evaluate(() => window.answer)).Welcome);
      assert.equal(web.requests.filter((path) => path === '/epode-worker.wasm').length, before);
      await first.close();
      await second.close();
    });

    test("the page's module loads without an error", async () => {
      const tab = await browser.openTab(web.url('/pages/client.html'));
      assert.notEqual(await tab.evaluate(() => Object.keys(window.epode).length), 0);
      await tab.close();
      assert.deepEqual(browser.errors, []);
    });

    test('errors of a page are collected', async () => {
      const tab = await browser.openTab(web.url('/pages/client.html'));
      await tab.evaluate(() => console.error('it hurts'));
      await tab.close();
      assert.deepEqual(
        browser.errors.splice(0).map((error) => error.text),
        ['it hurts'],
      );
    });
  });
}

test('in Chromium the errors of a shared worker are collected', async () => {
  const web = await startWeb();
  const browser = await launch('chromium');
  try {
    const body = `onconnect = ({ ports: [port] }) => setTimeout(() => { console.error("worker hurts"); port.postMessage(1); }, 500);`;
    web.overrides.set('/loud.js', { body });
    const tab = await browser.openTab(web.url('/pages/hello.html?worker=/loud.js'));
    await tab.evaluate(() => window.answer);
    const deadline = Date.now() + 5_000;
    while (browser.errors.length === 0 && Date.now() < deadline) await tab.evaluate(() => 0);
    assert.deepEqual(browser.errors, [{ where: web.url('/loud.js'), text: 'worker hurts' }]);
  } finally {
    await browser.stop();
    await web.stop();
  }
});
