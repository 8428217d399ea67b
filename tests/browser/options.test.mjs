// Every option for a WebSocket, with and without a worker, in snippets as apps of Strophe write
// them, with only the import changed.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { BROWSERS } from './browsers.mjs';
import { run } from './snippets.mjs';
import { Stage } from './stage.mjs';

/** The handshake of the only connection. */
const handshake = ({ wire }) => wire.connections[0];
/** The mechanism of the only login. */
const mechanism = (scene) => /^<auth .*mechanism=["']([^"']*)/.exec(handshake(scene).texts('client')[1])[1];

/**
 * Snippets of apps, and the effect to check once they are connected. Globals of the page are
 * `service`, `jid`, `password` and `onStatus`; `given` replaces some of them. `worker` is the
 * option, or nothing. A service on the page's host reaches the scene's server.
 */
const SNIPPETS = [
  {
    what: 'mechanisms are classes exported by the package, and restrict the login',
    on: ['prosody', 'ejabberd'],
    code: (worker) => `
      import { Strophe, SASLSHA256, SASLSHA512 } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} mechanisms: [SASLSHA256, SASLSHA512] });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene }) =>
      assert.equal(
        mechanism(scene),
        { prosody: 'SCRAM-SHA-256', ejabberd: 'SCRAM-SHA-512' }[scene.server.name],
      ),
  },
  {
    what: 'mechanisms are on Strophe too, and a weaker one alone is used',
    on: ['prosody', 'ejabberd'],
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} mechanisms: [Strophe.SASLSHA1] });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene }) => assert.equal(mechanism(scene), 'SCRAM-SHA-1'),
  },
  {
    what: 'registerSASLMechanisms does the same after the constructor',
    code: (worker) => `
      import { Strophe, SASLPlain } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} });
      conn.registerSASLMechanisms([SASLPlain]);
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene }) => assert.equal(mechanism(scene), 'PLAIN'),
  },
  {
    what: 'a token takes the place of the password',
    given: ({ user }) => ({ jid: `${user}@oauth.localhost`, password: `token-${user}` }),
    code: (worker) => `
      import { Strophe, SASLOAuthBearer } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} mechanisms: [SASLOAuthBearer] });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene }) => assert.equal(mechanism(scene), 'OAUTHBEARER'),
  },
  {
    what: 'a token for X-OAUTH2 does too',
    on: ['ejabberd'],
    given: async ({ server, jid }) => ({ password: await server.token(jid) }),
    code: (worker) => `
      import { Strophe, SASLXOAuth2 } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} mechanisms: [SASLXOAuth2] });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene }) => assert.equal(mechanism(scene), 'X-OAUTH2'),
  },
  {
    what: 'a JID without a localpart logs in anonymously',
    on: ['prosody', 'ejabberd'],
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} });
      conn.connect("anon.localhost", null, onStatus);`,
    check: async ({ scene, tab }) => {
      assert.equal(mechanism(scene), 'ANONYMOUS');
      assert.match(await tab.evaluate(() => connection.jid), /^[^@/]+@anon\.localhost\/./);
    },
  },
  {
    what: "a mechanism of the app's own is a class that runs in the page",
    code: (worker) => `
      import { Strophe, SASLMechanism } from "epode";
      class SASLMyPlain extends SASLMechanism {
        constructor(mechname = "PLAIN", isClientFirst = true, priority = 99) {
          super(mechname, isClientFirst, priority);
        }
        test(connection) {
          return connection.authcid !== null;
        }
        onChallenge(connection) {
          const { authcid, authzid, domain, pass } = connection;
          window.asked = [authcid, authzid, domain];
          return "\\u0000" + authcid + "\\u0000" + pass;
        }
      }
      const conn = new Strophe.Connection(service, { ${worker} mechanisms: [SASLMyPlain] });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene, tab }) => {
      assert.equal(mechanism(scene), 'PLAIN');
      assert.deepEqual(await tab.evaluate(() => window.asked), [scene.user, scene.jid, 'localhost']);
    },
  },
  {
    what: 'explicitResourceBinding waits at BINDREQUIRED until the callback calls bind()',
    on: ['prosody', 'ejabberd'],
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} explicitResourceBinding: true });
      conn.connect(jid + "/balcony", password, (status, condition) => {
        onStatus(status, condition);
        if (status === Strophe.Status.BINDREQUIRED) conn.bind();
      });`,
    statuses: ['CONNECTING', 'AUTHENTICATING', 'BINDREQUIRED', 'CONNECTED'],
    check: async ({ scene }) => assert.deepEqual(await scene.sessions(), [`${scene.jid}/balcony`]),
  },
  {
    what: "with protocol, a service with a leading slash is at the root of the page's host",
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection("/xmpp-websocket/", { ${worker} protocol: "ws" });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene, stage }) => {
      const { path, headers } = handshake(scene);
      assert.equal(path, '/xmpp-websocket/');
      assert.equal(headers.host, new URL(stage.web.origin).host);
      assert.equal(headers['sec-websocket-protocol'], 'xmpp');
    },
  },
  {
    what: "with protocol, any other relative service is in the page's folder",
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection("xmpp?v=1", { ${worker} protocol: "ws" });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene }) => assert.equal(handshake(scene).path, '/pages/xmpp?v=1'),
  },
  {
    what: 'cookies are values by name, or values with attributes, and the server gets them',
    code: (worker) => `
      import { Strophe } from "epode";
      const tomorrow = new Date(Date.now() + 86_400_000);
      const conn = new Strophe.Connection("/pages/elsewhere/xmpp", {
        ${worker}
        protocol: "ws",
        cookies: {
          folder: "a=b",
          rooted: { value: "1", path: "/" },
          placed: { value: "there", path: "/pages/elsewhere", expires: tomorrow, domain: location.hostname },
          past: { value: "unseen", path: "/", expires: new Date(1) },
        },
      });
      conn.connect(jid, password, onStatus);`,
    check: async ({ scene, tab }) => {
      const { path, headers } = handshake(scene);
      assert.equal(path, '/pages/elsewhere/xmpp');
      assert.deepEqual(headers.cookie.split('; ').sort(), ['folder=a=b', 'placed=there', 'rooted=1']);
      const seen = await tab.evaluate(() => document.cookie);
      assert.deepEqual(seen.split('; ').sort(), ['folder=a=b', 'rooted=1']);
    },
  },
  {
    what: 'options for BOSH have no effect on a WebSocket',
    on: ['prosody', 'ejabberd'],
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, {
        ${worker}
        sync: true,
        customHeaders: ["X-App: 1"],
        keepalive: true,
        withCredentials: true,
        contentType: "text/plain; charset=utf-8",
      });
      conn.options.sync = false;
      conn.connect(jid, password, onStatus, 60, 1, undefined);`,
    check: async ({ scene, tab }) => {
      assert.equal(handshake(scene).headers['x-app'], undefined);
      await tab.settle();
    },
  },
];

const SERVERS = { prosody: startProsody, ejabberd: startEjabberd };

for (const name of BROWSERS) {
  for (const server of Object.keys(SERVERS)) {
    describe(`in ${name}, on ${server}`, () => {
      let stage;
      before(async () => (stage = await Stage.open(name, SERVERS[server])));
      after(() => stage?.close());

      for (const {
        what,
        given = () => ({}),
        code,
        check,
        statuses = ['CONNECTING', 'AUTHENTICATING', 'CONNECTED'],
        on = ['prosody'],
      } of SNIPPETS) {
        if (!on.includes(server)) continue;
        for (const isShared of [true, false]) {
          test(`${what}, ${isShared ? 'with' : 'without'} a worker`, async (t) => {
            const scene = await stage.scene(t);
            stage.web.upgrade = scene.wire.upgrade;
            t.after(() => (stage.web.upgrade = undefined));
            const before = stage.web.requests.length;
            const tab = await scene.open({ path: '/pages/snippets.html' });
            const { service, jid, password } = scene;
            await run(
              tab,
              { service, jid, password, ...(await given(scene)) },
              code(isShared ? `worker: "/epode-worker.js",` : ''),
            );
            assert.equal(await tab.up(), 'CONNECTED');
            assert.deepEqual(await tab.statuses(), statuses);
            await check({ scene, stage, tab });
            const loaded = stage.web.requests.slice(before);
            assert.equal(loaded.includes('/epode-engine.js'), !isShared, `it loaded ${loaded}`);
            // Otherwise the worker would dial again, at the wire of the next test.
            await tab.evaluate(() => connection.disconnect());
            await tab.status('DISCONNECTED');
            assert.equal(scene.wire.connections.length, 1);
          });
        }
      }
    });
  }
}
