// Each failure is reported soon, with the right status and a helpful reason, in the tab that it concerns.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { freePort } from '../servers/keeper.mjs';
import { BROWSERS } from './browsers.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';
import { ROOTS } from './web.mjs';

/** The longest acceptable wait of a user, in milliseconds. */
const SOON = 10_000;

/**
 * Serves a copy of the built package and of the page in another folder, where a test may change
 * them without affecting other tests.
 */
async function serveCopy(web, folder, headers = {}) {
  const put = async (path, file) =>
    web.overrides.set(`${folder}${path}`, { headers, body: await readFile(file) });
  for (const file of ['epode.js', 'epode-engine.js', 'epode-worker.js', 'epode-worker.wasm'])
    await put(`/${file}`, ROOTS['/'] + file);
  for (const file of ['app.html', 'app.js']) await put(`/pages/${file}`, ROOTS['/pages/'] + file);
}

/** The same, with the page's wasm beside its script. */
async function serveBeside(web, folder, wasm, headers) {
  await serveCopy(web, folder, headers);
  const body = await readFile(`${ROOTS['/']}epode.beside.js`);
  web.overrides.set(`${folder}/epode.js`, { headers, body });
  if (wasm) web.overrides.set(`${folder}/epode.wasm`, wasm);
}

const NO_WASM = { 'Content-Security-Policy': "script-src 'self'" };

/** The options of a page without a worker. */
const ALONE = { options: { worker: '' } };

/**
 * Mistakes of an app or its operator about the worker: how to `arrange` one, and the `reason` to expect.
 */
const MISSTEPS = [
  {
    what: 'the worker script is not there',
    arrange: () => ({ options: { worker: '/nowhere/epode-worker.js' } }),
    reason: /worker script.*\/nowhere\/epode-worker\.js.*404; .*copy of epode-worker\.inline\.js/,
  },
  {
    what: 'the worker script is a page, as servers of single-page apps send for unknown paths',
    arrange: (web) => {
      web.overrides.set('/spa/epode-worker.js', {
        headers: { 'Content-Type': 'text/html' },
        body: '<!doctype html><title>App</title>',
      });
      return { options: { worker: '/spa/epode-worker.js' } };
    },
    reason: /\/spa\/epode-worker\.js is not a script but text\/html; .*copy of/,
  },
  {
    what: 'the worker script is some other script',
    arrange: (web) => {
      web.overrides.set('/other/epode-worker.js', { body: 'this is not JavaScript' });
      return { options: { worker: '/other/epode-worker.js' } };
    },
    reason: /worker script .*\/other\/epode-worker\.js/,
  },
  {
    what: 'the worker script is on another origin',
    arrange: (web) => ({
      options: { worker: `${web.origin.replace('localhost', '127.0.0.1')}/epode-worker.js` },
    }),
    reason: /cross-origin.*http:\/\/localhost/,
  },
  {
    what: "the worker's address is malformed",
    arrange: () => ({ options: { worker: 'http://' } }),
    reason: /http:\/\/ is not a URL/,
  },
  {
    what: "the worker's response forbids wasm",
    arrange: async (web) => {
      await serveCopy(web, '/csp-worker', NO_WASM);
      return { options: { worker: '/csp-worker/epode-worker.js' } };
    },
    reason: /Content-Security-Policy of the worker.*wasm-unsafe-eval/,
  },
  {
    what: "the page's response forbids wasm",
    arrange: async (web) => {
      await serveCopy(web, '/csp-page', NO_WASM);
      return { path: '/csp-page/pages/app.html' };
    },
    reason: /Content-Security-Policy of the page.*wasm-unsafe-eval/,
  },
  {
    what: "the page's response forbids workers",
    arrange: async (web) => {
      await serveCopy(web, '/no-workers', { 'Content-Security-Policy': "worker-src 'none'" });
      return { path: '/no-workers/pages/app.html' };
    },
    reason: /worker script .*(worker-src|Content.Security.Policy)/i,
  },
  {
    what: "the worker's wasm is not there",
    arrange: async (web) => {
      await serveCopy(web, '/bare-worker');
      web.overrides.delete('/bare-worker/epode-worker.wasm');
      return { options: { worker: '/bare-worker/epode-worker.js' } };
    },
    reason: /wasm of the worker is not at .*\/bare-worker\/epode-worker\.wasm.*404/,
  },
  {
    what: "the page's wasm is not there",
    arrange: async (web) => {
      await serveBeside(web, '/bare-page');
      return { path: '/bare-page/pages/app.html' };
    },
    reason: /wasm of the page is not at .*\/bare-page\/epode\.wasm.*404/,
  },
  {
    what: "the page's wasm is a page",
    arrange: async (web) => {
      await serveBeside(web, '/spa-page', {
        headers: { 'Content-Type': 'text/html' },
        body: '<!doctype html><title>App</title>',
      });
      return { path: '/spa-page/pages/app.html' };
    },
    reason: /wasm of the page is not at .*\/spa-page\/epode\.wasm: the server answered with a page/,
  },
  {
    what: "there is no worker, and no engine beside the page's script",
    arrange: async (web) => {
      await serveCopy(web, '/no-engine');
      web.overrides.delete('/no-engine/epode-engine.js');
      return { path: '/no-engine/pages/app.html', ...ALONE };
    },
    reason: /engine.*option "worker".*could not be loaded.*\/no-engine\/epode-engine\.js/,
  },
  {
    what: "there is no worker, and the page's response forbids wasm",
    arrange: async (web) => {
      await serveCopy(web, '/csp-engine', NO_WASM);
      return { path: '/csp-engine/pages/app.html', ...ALONE };
    },
    reason: /Content-Security-Policy of the page.*wasm-unsafe-eval/,
  },
  {
    what: "there is no worker, and the page's response forbids the engine's script",
    arrange: async (web) => {
      const allowed = ['/csp-script/epode.js', '/csp-script/pages/'].map((path) => web.origin + path);
      await serveCopy(web, '/csp-script', {
        'Content-Security-Policy': `script-src ${allowed.join(' ')} 'wasm-unsafe-eval'`,
      });
      return { path: '/csp-script/pages/app.html', ...ALONE };
    },
    reason: /engine.*could not be loaded/,
  },
];

/** Service addresses that cannot work, and the reason to expect. */
const ADDRESSES = [
  ['', /empty address/],
  ['ftp://localhost/http-bind', /http-bind is not the address of a service.*BOSH/],
  ['localhost:5280/xmpp', /xmpp is not the address of a service/],
  ['ws://', /not a URL/],
  ['wss://[/', /not a URL/],
];

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Connects; returns the CONNFAIL, which must come soon. */
    const connectionFailure = async (tab, jid = 'alice@localhost', password = 'secret') => {
      await tab.connect(jid, password);
      const failure = await tab.status('CONNFAIL', SOON);
      await tab.status('DISCONNECTED', SOON);
      assert.equal(failure.reason, (await tab.status('DISCONNECTED')).reason);
      const statuses = await tab.statuses();
      assert.deepEqual([statuses[0], ...statuses.slice(-2)], ['CONNECTING', 'CONNFAIL', 'DISCONNECTED']);
      assert.ok(statuses.length <= 4, `${statuses}`);
      return failure;
    };

    for (const { what, arrange, reason } of MISSTEPS) {
      test(`when ${what}, CONNFAIL says so`, async (t) => {
        // Browsers report some of these on the console too.
        const scene = await stage.scene(t, { quiet: false });
        t.after(() => stage.web.overrides.clear());
        const tab = await scene.open(await arrange(stage.web));
        assert.match((await connectionFailure(tab)).condition, reason);
      });
    }

    test('a worker that stays silent is CONNFAIL, with the findings about its script', async (t) => {
      const scene = await stage.scene(t, { quiet: false });
      t.after(() => stage.web.overrides.clear());
      stage.web.overrides.set('/silent.js', { body: 'onconnect = () => {};' });
      const silent = await scene.open({ options: { worker: '/silent.js' } });
      const unreported = await scene.open({ options: { worker: '/unreported.js' } });
      await unreported.evaluate(() => {
        const { SharedWorker } = window;
        window.SharedWorker = function (...how) {
          const worker = new SharedWorker(...how);
          worker.addEventListener = () => {};
          return worker;
        };
      });
      const failures = await Promise.all([connectionFailure(silent), connectionFailure(unreported)]);
      assert.match(failures[0].condition, /worker did not answer.*is its script the one of this package/);
      assert.match(failures[1].condition, /worker script.*unreported\.js.*404/);
    });

    for (const [service, reason] of ADDRESSES) {
      test(`the service ${JSON.stringify(service)} is CONNFAIL with a reason`, async (t) => {
        const scene = await stage.scene(t);
        scene.service = service;
        const { condition } = await connectionFailure(await scene.open());
        assert.match(condition, reason);
      });
    }

    test('a JID without a domain is CONNFAIL with a reason', async (t) => {
      const scene = await stage.scene(t);
      const { condition } = await connectionFailure(await scene.open(), 'alice@');
      assert.match(condition, /alice@.*JID|JID.*alice@/);
    });

    test('a dead server is CONNFAIL with a reason', async (t) => {
      const scene = await stage.scene(t, { quiet: false });
      scene.service = `ws://127.0.0.1:${await freePort()}/`;
      const { condition } = await connectionFailure(await scene.open());
      assert.match(condition, /could not be reached.*nobody answers/);
    });

    test("a worker whose policy forbids the server's address is CONNFAIL with that as a reason", async (t) => {
      const scene = await stage.scene(t, { quiet: false });
      t.after(() => stage.web.overrides.clear());
      await serveCopy(stage.web, '/csp-service', {
        'Content-Security-Policy': "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'",
      });
      const tabs = [
        await scene.open({ options: { worker: '/csp-service/epode-worker.js' } }),
        await scene.open({ path: '/csp-service/pages/app.html', ...ALONE }),
      ];
      for (const tab of tabs)
        assert.match((await connectionFailure(tab)).condition, /Content-Security-Policy.*connect-src/);
    });

    test('without WebAssembly in the page or in the worker CONNFAIL says so', async (t) => {
      const scene = await stage.scene(t, { quiet: false });
      t.after(() => stage.web.overrides.clear());
      const body = `delete self.WebAssembly;\n${await readFile(`${ROOTS['/']}epode-worker.js`)}`;
      stage.web.overrides.set('/no-wasm/epode-worker.js', { body });
      const bare = await scene.open({ options: { worker: '/no-wasm/epode-worker.js' } });
      assert.match((await connectionFailure(bare)).condition, /no WebAssembly for the worker.*switched off/);
      // Before the page's script runs: the constructor of a connection loads the wasm.
      const script = `delete self.WebAssembly;\n${await readFile(`${ROOTS['/']}epode.js`)}`;
      stage.web.overrides.set('/epode.js', { body: script });
      for (const options of [{}, ALONE]) {
        const tab = await scene.open(options);
        assert.match((await connectionFailure(tab)).condition, /no WebAssembly for the page.*switched off/);
      }
    });

    test('a server that goes away during the login is CONNFAIL with a reason', async (t) => {
      // During the login: a socket that ends before, while the worker starts, is dialled again.
      const answer = (frame, { socket }) =>
        frame.startsWith('<auth') ? (socket.terminate(), []) : undefined;
      const server = await startScripted({ answer });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws, quiet: false });
      const { condition } = await connectionFailure(await scene.open());
      assert.match(condition, /connection was lost/);
      assert.equal(server.streams.length, 1);
    });

    test('a server that does not speak the subprotocol xmpp is CONNFAIL with a reason', async (t) => {
      const server = await startScripted({ subprotocol: false });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws, quiet: false });
      const { condition } = await connectionFailure(await scene.open());
      assert.match(condition, /could not be reached.*subprotocol xmpp/);
    });

    test("a wrong password is AUTHFAIL with the server's condition", async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open();
      await tab.connect(scene.jid, 'wrong');
      const { condition, reason } = await tab.status('AUTHFAIL');
      assert.equal(condition, 'not-authorized');
      assert.match(reason, /refused the login/);
      await tab.status('DISCONNECTED');
      assert.deepEqual(await tab.statuses(), ['CONNECTING', 'AUTHENTICATING', 'AUTHFAIL', 'DISCONNECTED']);
      await tab.evaluate(() => void (heard.statuses.length = 0));
      await tab.connect(scene.jid, scene.password);
      assert.equal(await tab.up(), 'CONNECTED');
    });

    test('a wrong password beside a session that is up fails in its own tab alone', async (t) => {
      const scene = await stage.scene(t);
      const [good] = await scene.connected(1);
      const bad = await scene.open();
      await bad.connect(scene.jid, 'wrong');
      assert.equal((await bad.status('AUTHFAIL')).condition, 'not-authorized');
      await bad.status('DISCONNECTED');
      const secret = await bad.say(`${scene.jid}/tab0`, 'let me in');
      assert.deepEqual([secret.status, secret.condition], ['failed', 'not-connected']);
      await good.settle();
      assert.deepEqual(await good.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
      assert.deepEqual((await good.heard()).messages, []);
      assert.equal(scene.wire.open().length, 1);
      assert.deepEqual(await scene.sessions(), [`${scene.jid}/tab0`]);
    });

    test('a tab with the right password joins while another is refused', async (t) => {
      const scene = await stage.scene(t);
      const [bad, good] = [await scene.open(), await scene.open()];
      scene.wire.delay = 100;
      await bad.connect(scene.jid, 'wrong');
      await bad.status('AUTHENTICATING');
      await good.connect(scene.jid, scene.password);
      assert.equal((await bad.status('AUTHFAIL')).condition, 'not-authorized');
      assert.equal(await good.up(), 'CONNECTED');
    });

    test('no common mechanism is CONNFAIL with no-auth-mech', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open();
      await tab.evaluate((service) => {
        connection = window.make(service, { mechanisms: [epode.Strophe.SASLSHA512] });
      }, scene.service);
      assert.equal((await connectionFailure(tab, scene.jid)).condition, 'no-auth-mech');
    });

    test('after a lost connection every tab hears RECONNECTING, then CONNECTED; requests fail', async (t) => {
      const server = await startScripted();
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws });
      const tabs = [await scene.open(), await scene.open()];
      for (const tab of tabs) {
        await tab.connect('alice@localhost', 'x');
        await tab.up();
      }
      const answer = tabs[1].ask(`<iq type="get" id="lost"><query xmlns="urn:example:silence"/></iq>`);
      await server.streams[0].frame(/urn:example:silence/);
      server.streams[0].socket.terminate();
      assert.deepEqual(await answer, { err: null });
      for (const tab of tabs) {
        assert.match((await tab.status('RECONNECTING')).condition, /connection was lost/);
        await tab.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
        assert.deepEqual((await tab.statuses()).slice(-2), ['RECONNECTING', 'CONNECTED']);
      }
      assert.equal(server.streams.length, 2);
      // Sending works again.
      await tabs[0].say('alice@localhost', 'again');
    });

    test('with reconnect: false, every tab hears DISCONNECTED when the connection is lost', async (t) => {
      const server = await startScripted();
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws });
      const options = { reconnect: false };
      const tabs = [await scene.open({ options }), await scene.open({ options })];
      for (const tab of tabs) {
        await tab.connect('alice@localhost', 'x');
        await tab.up();
      }
      const answer = tabs[1].ask(`<iq type="get" id="lost"><query xmlns="urn:example:silence"/></iq>`);
      await server.streams[0].frame(/urn:example:silence/);
      server.streams[0].socket.terminate();
      assert.deepEqual(await answer, { err: null });
      for (const tab of tabs)
        assert.match((await tab.status('DISCONNECTED')).condition, /connection was lost/);
      const receipt = await tabs[0].say('bob@localhost', 'too late');
      assert.deepEqual([receipt.status, receipt.condition], ['failed', 'not-connected']);
    });

    test('a stream of forbidden frames alone is ended, and dialled again', async (t) => {
      const server = await startScripted();
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws });
      const tabs = [await scene.open(), await scene.open()];
      for (const tab of tabs) {
        await tab.connect('alice@localhost', 'x');
        await tab.up();
      }
      for (let count = 0; count < 16; count++)
        server.streams[0].send(`<!DOCTYPE lolz><message xmlns="jabber:client"><body>hi</body></message>`);
      for (const tab of tabs) {
        assert.equal((await tab.status('RECONNECTING')).condition, 'restricted-xml');
        await tab.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
        assert.deepEqual((await tab.heard()).messages, []);
      }
      await server.streams[0].frame(/<restricted-xml/);
    });
  });
}
