// Each failure is reported soon, with the right status and a helpful reason, in the tab that it concerns.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { freePort } from '../servers/keeper.mjs';
import { BROWSERS } from './browsers.mjs';
import {
  connectionFailure,
  FALLBACK,
  keepAnswers,
  MISSTEPS,
  NO_WASM,
  serveBeside,
  serveCopy,
} from './missteps.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';
import { ROOTS } from './web.mjs';

/** The options of a page without a worker. */
const ALONE = { options: { worker: '' } };

/** Mistakes about what the page loads. */
const PAGES = [
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
      await serveBeside(web, '/spa-page', FALLBACK);
      return { path: '/spa-page/pages/app.html' };
    },
    reason: /wasm of the page is not at .*\/spa-page\/epode\.wasm: the server answered with a page/,
  },
  {
    what: "the page's response forbids to fetch the page's wasm",
    arrange: async (web) => {
      await serveBeside(web, '/no-fetch', undefined, { 'Content-Security-Policy': "connect-src 'none'" });
      return { path: '/no-fetch/pages/app.html' };
    },
    reason: /wasm of the page could not be fetched from .*\/no-fetch\/epode\.wasm.*connect-src/,
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

    for (const { what, arrange, reason } of [...MISSTEPS, ...PAGES]) {
      test(`when ${what}, CONNFAIL says so`, async (t) => {
        // Browsers report some of these on the console too.
        const scene = await stage.scene(t, { quiet: false });
        keepAnswers(t, stage.web);
        const tab = await scene.open(await arrange(stage.web));
        assert.match((await connectionFailure(tab)).condition, reason);
      });
    }

    test('a worker that stays silent is CONNFAIL, with the findings about its script', async (t) => {
      const scene = await stage.scene(t, { quiet: false });
      keepAnswers(t, stage.web);
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
      keepAnswers(t, stage.web);
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
      keepAnswers(t, stage.web);
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

    test('under the policies that the README names a tab connects', async (t) => {
      // Firefox complains that it may not load the icon of the site.
      const scene = await stage.scene(t, { quiet: false });
      keepAnswers(t, stage.web);
      const readme = await readFile(new URL('../../client-shim/README.md', import.meta.url), 'utf8');
      const [page, script] = readme
        .match(/^Content-Security-Policy: .*/gm)
        .map((header) => ({ 'Content-Security-Policy': header.replace(/^.*?: /, '') }));
      await serveCopy(stage.web, '/strict', page);
      const policy = script['Content-Security-Policy'].replace('wss://chat.example', scene.service);
      stage.web.overrides.set('/strict/worker.js', {
        headers: { 'Content-Security-Policy': policy },
        body: await readFile(`${ROOTS['/']}epode-worker.inline.js`),
      });
      await scene.connected(2, { path: '/strict/pages/app.html', options: { worker: '/strict/worker.js' } });
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
      assert.equal((await tabs[0].say('alice@localhost', 'sending works again')).status, 'written');
      await server.streams[1].frame(/sending works again/);
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

      // One is back, and logs out: the app of the other must not undo that.
      await tabs[0].connect('alice@localhost', 'x');
      await tabs[0].eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      await tabs[0].evaluate(() => connection.disconnect());
      await tabs[0].eventually('the end', ({ statuses }) => statuses.at(-1).status === 'DISCONNECTED');
      await tabs[1].connect('alice@localhost', 'x');
      assert.match((await tabs[1].status('AUTHFAIL')).condition, /another tab has logged out/);
      assert.equal(server.streams.length, 2);
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
