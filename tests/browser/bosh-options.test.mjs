// Every option for BOSH, with and without a worker, in snippets as apps of Strophe write them, with only the
// import changed; what a page keeps for the page after it; and services that answer wrongly. `SNIPPETS` has
// each option and each snippet of Strophe's page ConnectionOptions by its name: a relative service; wait,
// hold and route; sync, given and toggled; customHeaders, withCredentials, contentType, cookies; keepalive
// with restore; restore with connect in its callback; attach; explicitResourceBinding.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { startDevserver } from './devserver.mjs';
import { startHttpWire } from './http-wire.mjs';
import { prebind } from './prebind.mjs';
import { run } from './snippets.mjs';
import { Stage } from './stage.mjs';

const SERVERS = { prosody: startProsody, ejabberd: startEjabberd };
const KEPT = 'strophe-bosh-session';

/**
 * Snippets of apps, and the effect to check once they are connected. Globals of the page are `service`, on
 * another origin of the page's site, `jid`, `password`, `onStatus`, and what `before` returns. `worker` is
 * the option, or nothing.
 */
const SNIPPETS = [
  {
    what: "a relative service is on the page's host, and one session with two requests at most",
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection("/http-bind/", { ${worker} });
      conn.connect(jid, password, onStatus);`,
    check: async ({ wire }) => {
      for (const { path, method, headers } of wire.requests) {
        assert.deepEqual([path, method], ['/http-bind/', 'POST']);
        assert.equal(headers['content-type'], 'text/xml; charset=utf-8');
      }
      assert.equal(wire.sids().size, 1);
      // The page hears that the session is up before the next poll has left.
      const held = () => wire.requests.filter(({ status }) => status === undefined).length === 1;
      await eventually('one request that the server holds', held);
    },
  },
  {
    what: 'wait, hold and route count',
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} });
      conn.connect(jid, password, onStatus, 5, 1, "xmpp:localhost:5222");`,
    check: async ({ wire }) => {
      const [first] = wire.posts();
      const terms = ['wait', 'hold', 'route'].map((name) => first.attribute(name));
      assert.deepEqual(terms, ['5', '1', 'xmpp:localhost:5222']);
    },
  },
  {
    what: 'sync makes requests that carry something synchronous, without a worker alone',
    code: (worker) => `
      import { Strophe } from "epode";
      window.opened = [];
      const { open } = XMLHttpRequest.prototype;
      XMLHttpRequest.prototype.open = function (...given) {
        opened.push(given[2]);
        return open.apply(this, given);
      };
      const conn = new Strophe.Connection(service, { ${worker} sync: true });
      // For so long the server may hold a request that blocks the page.
      conn.connect(jid, password, onStatus, 2);`,
    check: async ({ wire, tab, isShared }) => {
      const say = () => tab.say('nobody@localhost', 'sync?');
      await say();
      const opened = await tab.evaluate(() => window.opened);
      const { log } = await tab.heard();
      const warned = log.filter((line) => line.includes('option sync')).length;
      assert.deepEqual([opened, warned], isShared ? [[], 1] : [[false], 0]);
      await tab.evaluate(() => (connection.options.sync = false));
      await say();
      await tab.settle();
      assert.equal((await tab.evaluate(() => window.opened)).length, opened.length);
      await tab.evaluate(() => (connection.options.sync = true));
      await say();
      const again = (await tab.evaluate(() => window.opened)).length - opened.length;
      assert.equal(again, isShared ? 0 : 1);
      await tab.evaluate(() => (connection.options.sync = false));
      assert.equal(wire.sids().size, 1);
    },
  },
  {
    what: 'customHeaders are in each request, and a token that is assigned is in the next, though nothing is sent',
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} customHeaders: ["X-App: 1", "X-Token: a:b"] });
      conn.connect(jid, password, onStatus, 2);`,
    check: async ({ wire, tab }) => {
      const values = () =>
        wire.posts().map(({ headers }) => [headers['x-app'], headers['x-token']].join(' '));
      assert.deepEqual([...new Set(values())], ['1 a:b']);
      await tab.evaluate(() => (connection.options.customHeaders = { 'X-Token': 'fresh' }));
      await eventually('the next request', () => values().at(-1) === ' fresh');
    },
  },
  {
    what: 'withCredentials sends the cookies of another origin, and without it there are none',
    code: (worker) => `
      import { Strophe } from "epode";
      document.cookie = "visitor=7; path=/";
      const conn = new Strophe.Connection(service, { ${worker} withCredentials: true });
      conn.connect(jid, password, onStatus);`,
    check: async ({ wire, tab }) => {
      for (const { headers } of wire.posts()) assert.equal(headers.cookie, 'visitor=7');
      const before = wire.posts().length;
      await tab.evaluate(() => {
        connection.options.withCredentials = false;
        connection.send(epode.$pres());
      });
      // A request that was on its way already may come between.
      const said = ({ body }) => body.includes('<presence');
      const next = await eventually('the presence', () => wire.posts().slice(before).find(said));
      assert.equal(next.headers.cookie, undefined);
    },
  },
  {
    what: 'contentType replaces the type of requests, and spares those that ask for permission',
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} contentType: "text/plain; charset=utf-8" });
      conn.connect(jid, password, onStatus);`,
    check: async ({ wire }) => {
      for (const { method, headers } of wire.requests) {
        assert.equal(method, 'POST');
        assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
      }
    },
  },
  {
    what: 'cookies are sent to the own origin',
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection("/http-bind/", {
        ${worker}
        cookies: { plain: "a=b", rooted: { value: "1", path: "/" } },
      });
      conn.connect(jid, password, onStatus);`,
    check: async ({ wire }) => {
      for (const { headers } of wire.posts()) assert.match(headers.cookie, /rooted=1/);
    },
  },
  {
    what: 'keepalive keeps the session as Strophe does, and restore goes on with it after a reload',
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} keepalive: true });
      try {
        conn.restore(jid, onStatus);
      } catch (error) {
        if (error.name !== "StropheSessionError") throw error;
        conn.connect(jid, password, onStatus);
      }`,
    check: async ({ wire, tab, again }) => {
      const kept = await tab.evaluate((key) => JSON.parse(sessionStorage.getItem(key)), KEPT);
      assert.deepEqual(Object.keys(kept), ['jid', 'rid', 'sid']);
      const full = await tab.evaluate(() => connection.jid);
      assert.deepEqual([kept.jid, kept.sid], [full, [...wire.sids()][0]]);
      await again();
      assert.equal(await tab.up(), 'ATTACHED');
      assert.deepEqual(await tab.evaluate(() => [connection.restored, connection.jid]), [true, full]);
      await tab.settle();
      assert.equal(wire.sids().size, 1);
      const rids = wire.posts().map((asked) => Number(asked.attribute('rid')));
      // The page before had a request under way: its answer is asked for again.
      assert.ok(Math.max(...rids) >= kept.rid, `${rids} after ${kept.rid}`);
    },
  },
  {
    what: 'restore of a session that is gone is CONNFAIL, and connect there is CONNECTED',
    code: (worker) => `
      import { Strophe } from "epode";
      sessionStorage.setItem("${KEPT}", JSON.stringify({ jid: jid + "/gone", sid: "gone", rid: 7 }));
      const conn = new Strophe.Connection(service, { ${worker} keepalive: true });
      conn.restore(jid, (status, condition) => {
        if (status === Strophe.Status.CONNFAIL) {
          window.refused = condition;
          conn.connect(jid, password, onStatus);
        }
      });`,
    check: async ({ tab }) => assert.equal(await tab.evaluate(() => window.refused), 'item-not-found'),
  },
  {
    what: "attach goes on with a session that the app's server has opened",
    before: async ({ service, jid, password }) => ({ session: await prebind(service, jid, password) }),
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} });
      conn.attach(session.jid, session.sid, session.rid, onStatus, 60, 1, 2);`,
    up: 'ATTACHED',
    check: async ({ wire, tab, session }) => {
      assert.deepEqual(await tab.say(session.jid, 'to itself'), { status: 'written' });
      await tab.eventually('the message', ({ messages }) => messages.includes('to itself'));
      assert.deepEqual([...wire.sids()], [session.sid]);
      const rids = wire.posts().map((asked) => Number(asked.attribute('rid')));
      assert.equal(Math.min(...rids), session.rid);
      assert.equal(await tab.evaluate(() => connection.jid), session.jid);
    },
  },
  {
    what: 'explicitResourceBinding waits for bind, and the server holds a request meanwhile',
    code: (worker) => `
      import { Strophe } from "epode";
      const conn = new Strophe.Connection(service, { ${worker} explicitResourceBinding: true });
      conn.connect(jid + "/chosen", password, (status, ...more) => {
        onStatus(status, ...more);
        if (status === Strophe.Status.BINDREQUIRED) setTimeout(() => conn.bind(), 1_000);
      }, 60);`,
    check: async ({ wire, tab }) => {
      assert.match(await tab.evaluate(() => connection.jid), /\/chosen$/);
      const bind = wire.posts().find(({ body }) => body.includes('urn:ietf:params:xml:ns:xmpp-bind'));
      // A body says up to where answers have come only while one is missing.
      assert.ok(bind.attribute('ack'), bind.body);
    },
  },
];

for (const name of BROWSERS) {
  for (const server of Object.keys(SERVERS)) {
    describe(`in ${name}, on ${server}`, () => {
      let stage;
      before(async () => (stage = await Stage.open(name, SERVERS[server])));
      after(() => stage?.close());

      for (const { what, before, code, up = 'CONNECTED', check } of SNIPPETS) {
        for (const isShared of [true, false]) {
          test(`${what}, ${isShared ? 'with' : 'without'} a worker`, async (t) => {
            const wire = await startHttpWire({ upstream: stage.server.http });
            t.after(() => wire.stop());
            stage.web.pass = wire.pass;
            t.after(() => (stage.web.pass = undefined));
            const service = wire.url.replace('127.0.0.1', 'localhost');
            const scene = await stage.scene(t, { service, quiet: false });
            const loaded = stage.web.requests.length;
            const tab = await scene.open({ path: '/pages/snippets.html' });
            const { jid, password } = scene;
            const given = await before?.({ service: stage.server.http, jid, password });
            const globals = { service, jid, password, ...given };
            const start = () => run(tab, globals, code(isShared ? `worker: "/epode-worker.js",` : ''));
            await start();
            assert.equal(await tab.up(), up);
            const again = async () => {
              await tab.reload();
              await start();
            };
            await check({ wire, tab, isShared, again, ...given });
            assert.ok(stage.web.requests.slice(loaded).includes('/epode-bosh.js'));
            await tab.evaluate(() => connection.disconnect());
            await tab.status('DISCONNECTED');
            assert.equal(await tab.evaluate((key) => sessionStorage.getItem(key), KEPT), null);
          });
        }
      }
    });
  }

  describe(`in ${name}, on the scripted server`, () => {
    let stage, server;
    before(async () => {
      server = await startDevserver();
      stage = await Stage.open(name, null);
    });
    after(async () => {
      await stage?.close();
      await server?.stop();
    });

    const alone = { options: { worker: '' } };
    const connect = (tab, user = 'alice') => tab.connect(`${user}@localhost`, `secret-${user}`);

    for (const [query, reason] of [
      ['fault=html', /other than BOSH/],
      ['fault=status&status=404', /HTTP 404/],
      ['fault=status&status=502', /HTTP 502/],
      ['fault=redirect&status=302', /redirect/],
      ['fault=redirect&status=307', /redirect/],
      ['fault=cors', /CORS/],
      ['fault=not-xml', /other than BOSH/],
      ['fault=not-body', /<bodies\/>/],
      ['fault=namespace', /other than BOSH/],
      ['fault=empty', /other than BOSH/],
      ['fault=no-sid', /without sid/],
      ['fault=large', /other than BOSH/],
      ['fault=dead-sid', /item-not-found/],
    ]) {
      test(`${query} is CONNFAIL within 5 s in words, and other tabs notice nothing`, async (t) => {
        const scene = await stage.scene(t, { service: server.bosh(), quiet: false });
        const other = await scene.open();
        await connect(other, 'bob');
        await other.up();
        for (const how of [{}, alone]) {
          const tab = await scene.open({ ...how, service: server.bosh(query) });
          await connect(tab);
          assert.match((await tab.status('CONNFAIL', 5_000)).reason, reason);
          await tab.status('DISCONNECTED', 1_000);
          const asked = await server.journal(tab.service);
          assert.ok(!asked.some(({ path }) => path.endsWith('elsewhere')), 'the redirect was followed');
        }
        await other.settle();
        assert.deepEqual(await other.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
        // The next test may find the same worker, which keeps this session for 10 s after the tab: with six
        // held requests the browser sends no other to this host.
        await other.evaluate(() => connection.disconnect());
        await other.status('DISCONNECTED');
      });
    }

    test('what an app or a former page gets wrong is an error in words, and other tabs notice nothing', async (t) => {
      const scene = await stage.scene(t, { service: server.bosh(), quiet: false });
      const other = await scene.open();
      await connect(other, 'bob');
      await other.up();
      const password = 'hunter2';
      for (const how of [{}, { worker: '' }]) {
        for (const [options, reason] of [
          [{ customHeaders: ['X-App: 1', password] }, /entry 2 of customHeaders has no colon/],
          [{ customHeaders: [`X-App: ${password}\r\nX: 1`] }, /the header X-App .* line break/],
          [{ contentType: `${password}\n` + 1 }, /contentType has a line break/],
        ]) {
          const tab = await scene.open({ options: { ...how, ...options } });
          await connect(tab);
          await refused(tab, reason, password);
        }
        const named = server.bosh().replace('://', `://alice:${password}@`);
        const tab = await scene.open({ service: named, options: how });
        await connect(tab);
        await refused(tab, /a user name inside/, password);

        const stale = await prebind(server.bosh(), 'alice@localhost', 'secret-alice');
        for (const [rid, reason] of [
          [Number.NaN, /rid as a whole number/],
          [stale.rid - 50, /item-not-found/],
        ]) {
          const tab = await scene.open({ options: how });
          await tab.evaluate(
            (jid, sid, rid) => connection.attach(jid, sid, rid, onStatus),
            stale.jid,
            stale.sid,
            rid,
          );
          await refused(tab, reason, stale.sid);
        }
        for (const garbage of ['<body/>', '{"jid":"alice@localhost/x","sid":"s","rid":"soon"}', '[]']) {
          const tab = await scene.open({ options: { ...how, keepalive: true } });
          const thrown = await tab.evaluate(
            (key, garbage) => {
              sessionStorage.setItem(key, garbage);
              try {
                connection.restore(null, onStatus);
              } catch ({ name, message }) {
                return `${name}: ${message}`;
              }
            },
            KEPT,
            garbage,
          );
          assert.equal(thrown, 'StropheSessionError: _restore: no restoreable session.');
          // As the snippet of the page goes on.
          await connect(tab);
          await tab.up();
          await tab.evaluate(() => connection.disconnect());
          await tab.status('DISCONNECTED');
        }
      }
      await other.settle();
      assert.deepEqual(await other.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
    });

    for (const query of [
      'fault=late-features',
      'fault=disorder',
      'fault=cut&seed=1',
      'fault=status&from=6&times=2',
    ]) {
      test(`${query} is survived: every stanza comes once, both ways`, async (t) => {
        const scene = await stage.scene(t, { service: server.bosh(query), quiet: false });
        const tab = await scene.open();
        const peer = await scene.open({ service: server.ws });
        await connect(peer, 'bob');
        await peer.up();
        await connect(tab);
        await tab.up(60_000);
        for (const one of [tab, peer]) {
          await one.evaluate(() => void connection.send(epode.$pres()));
          // Else the first messages go to whoever has been online before.
          await one.settle();
        }
        const numbers = Array.from({ length: 60 }, (_, number) => String(number));
        const talk = (one, to) =>
          one.evaluate(
            async (to, numbers) => {
              for (const number of numbers) {
                connection.send(epode.$msg({ to, type: 'chat' }).c('body').t(number));
                if (number % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
              }
            },
            to,
            numbers,
          );
        await Promise.all([talk(tab, 'bob@localhost'), talk(peer, 'alice@localhost')]);
        for (const one of [tab, peer]) {
          await one.eventually('all messages', ({ messages }) => messages.length >= numbers.length, 60_000);
          assert.deepEqual((await one.heard()).messages, numbers);
        }
        await tab.evaluate(() => connection.disconnect());
        await tab.status('DISCONNECTED');
      });
    }

    test('without a worker, a page that is left ends its session, but not with keepalive', async (t) => {
      for (const keepalive of [false, true]) {
        const scene = await stage.scene(t, { service: server.bosh('inactivity=20'), quiet: false });
        const tab = await scene.open({ options: { worker: '', keepalive } });
        await connect(tab);
        await tab.up();
        // Of a tab that is closed in Firefox, the last request is lost now and then.
        if (name === 'firefox') await tab.page.goto('about:blank');
        else await tab.close();
        const ended = async () =>
          (await server.journal(scene.service)).some(({ body }) => body.includes('terminate'));
        if (!keepalive) await eventually('the end of the session', ended);
        else {
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          assert.equal(await ended(), false);
        }
      }
    });

    test('without a worker, a reload goes on with the session, and nothing is lost', async (t) => {
      const scene = await stage.scene(t, { service: server.bosh(), quiet: false });
      const tab = await scene.open({ options: { worker: '', keepalive: true } });
      const peer = await scene.open({ service: server.ws });
      await connect(peer, 'bob');
      await peer.up();
      await connect(tab);
      await tab.up();
      await tab.evaluate(() => void connection.send(epode.$pres()));
      await tab.settle();
      await tab.reload();
      await peer.say('alice@localhost', 'while it was away');
      await tab.evaluate(() => connection.restore(null, onStatus));
      assert.equal(await tab.up(), 'ATTACHED');
      await tab.eventually('the message', ({ messages }) => messages.includes('while it was away'));
      const sids = (await server.journal(scene.service)).map(({ body }) => /\ssid='([^']*)'/.exec(body)?.[1]);
      assert.equal(new Set(sids.filter(Boolean)).size, 1);
    });

    test('two tabs with one kept session never spend a rid twice', async (t) => {
      for (const how of [{}, { worker: '' }]) {
        const scene = await stage.scene(t, { service: server.bosh(), quiet: false });
        const options = { keepalive: true, ...how };
        const tab = await scene.open({ options });
        await connect(tab);
        await tab.up();
        await tab.settle();
        const kept = await tab.evaluate((key) => sessionStorage.getItem(key), KEPT);
        const copy = await scene.open({ options });
        await copy.evaluate(
          (key, kept) => {
            sessionStorage.setItem(key, kept);
            connection.restore(null, onStatus);
          },
          KEPT,
          kept,
        );
        if (how.worker === undefined) assert.equal(await copy.up(), 'ATTACHED');
        else assert.match((await copy.status('CONNFAIL')).reason, /another tab has this session/);
        await tab.settle();
        const bodies = (await server.journal(scene.service)).map(({ body }) => body);
        const byRid = new Map();
        for (const body of bodies) {
          const rid = /\srid='(\d+)'/.exec(body)?.[1];
          if (byRid.has(rid)) assert.equal(body, byRid.get(rid), 'two bodies have one rid');
          byRid.set(rid, body);
        }
        await tab.evaluate(() => connection.disconnect());
        await tab.status('DISCONNECTED');
      }
    });

    test('attach goes on with the session of another page, by jid, sid and rid', async (t) => {
      const scene = await stage.scene(t, { service: server.bosh(), quiet: false });
      const first = await scene.open({ options: { worker: '', keepalive: true } });
      await connect(first);
      await first.up();
      await first.settle();
      const { jid, sid, rid } = await first.evaluate((key) => JSON.parse(sessionStorage.getItem(key)), KEPT);
      await first.close();
      const tab = await scene.open();
      await tab.evaluate(
        (jid, sid, rid) => connection.attach(jid, sid, rid, onStatus, 60, 1, 5),
        jid,
        sid,
        rid,
      );
      assert.equal(await tab.up(), 'ATTACHED');
      await tab.settle();
      assert.deepEqual(await tab.evaluate(() => [connection.jid, connection._proto.sid]), [jid, sid]);
    });

    test('a service that is assigned changes the transport, both ways', async (t) => {
      const scene = await stage.scene(t, { service: server.ws, quiet: false });
      for (const how of [{}, alone]) {
        const tab = await scene.open(how);
        const services = [server.ws, server.bosh(), server.ws];
        for (const [index, service] of services.entries()) {
          await tab.evaluate((service) => {
            heard.statuses.length = 0;
            connection._proto._doDisconnect();
            connection.service = service;
          }, service);
          await connect(tab);
          await tab.up();
          await tab.settle();
          const isBosh = await tab.evaluate(() => connection._proto instanceof epode.Strophe.Bosh);
          assert.equal(isBosh, index === 1);
          await tab.evaluate(() => connection.disconnect());
          await tab.status('DISCONNECTED');
        }
      }
    });

    test('a page on a WebSocket loads nothing of BOSH', async (t) => {
      const scene = await stage.scene(t, { service: server.ws });
      const loaded = stage.web.requests.length;
      const tab = await scene.open({ options: { keepalive: true, customHeaders: ['bad'] } });
      await connect(tab);
      await tab.up();
      assert.ok(!stage.web.requests.slice(loaded).includes('/epode-bosh.js'));
    });
  });
}

/** The attempt is CONNFAIL for this reason, and nothing that was heard or logged has the secret. */
async function refused(tab, reason, secret) {
  assert.match((await tab.status('CONNFAIL', 5_000)).reason, reason);
  await tab.status('DISCONNECTED', 1_000);
  assert.ok(!JSON.stringify(await tab.heard()).includes(secret));
}
