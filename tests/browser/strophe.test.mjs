// Pages with the unmodified strophe.js that name this worker: everything that an app does in a day.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { crash } from './life.mjs';
import { startScripted } from './scripted.mjs';
import {
  areOne,
  attach,
  carriers,
  connect,
  crossed,
  forget,
  isUp,
  openStage,
  pages,
  rawPort,
  share,
} from './strophe.mjs';

const MANAGED = { enableStreamManagement: true };

const STAGES = [
  ...BROWSERS.map((name) => [name, startProsody]),
  // What ejabberd does otherwise shows in one browser as well as in two.
  ['chromium', startEjabberd],
];

for (const [name, startServer] of STAGES) {
  const onEjabberd = startServer === startEjabberd;
  describe(`in ${name}, on ${onEjabberd ? 'ejabberd' : 'Prosody'}`, () => {
    let stage;
    before(async () => (stage = await openStage(name, startServer)));
    after(() => stage?.close());

    for (const [what, options] of [
      ['without stream management', {}],
      ['with stream management', MANAGED],
    ]) {
      test(`${what}: one logs in by SCRAM, others attach and connect, all are one session`, async (t) => {
        const scene = await stage.scene(t);
        const tabs = await share(scene, 3, pages(options));
        assert.deepEqual(await tabs[0].statuses(), ['CONNECTING', 'CONNECTED']);
        assert.deepEqual(await tabs[1].statuses(), ['ATTACHED']);
        const { jid } = await areOne(scene, tabs);
        assert.equal(jid, `${scene.jid}/tab0`);
        // The exchange was that of the page, so the page has the keys.
        const keys = await tabs[0].evaluate(() => connection.scram_keys);
        assert.match(keys.name, onEjabberd ? /^SHA-512$/ : /^SHA-256$/);
        assert.ok(keys.ck && keys.sk && keys.salt && keys.iter > 0);
        const [auth] = scene.wire.connections[0].texts('client').filter((text) => text.startsWith('<auth'));
        assert.match(auth, /mechanism=["']SCRAM-/);
        if (options === MANAGED)
          for (const tab of tabs)
            await eventually('stream management', () =>
              tab.evaluate(() => connection.isStreamManagementEnabled() && connection.sm.state.id),
            );
        await logsOut(scene, tabs);
      });
    }

    test('anonymous pages share one session, and get one name', async (t) => {
      const scene = await stage.scene(t);
      const how = pages();
      const [first, other] = [await scene.open(how), await scene.open(how)];
      await first.connect('anon.localhost', '');
      assert.equal(await first.up(), 'CONNECTED');
      assert.equal(await attach(other), 'ATTACHED');
      const [jid, same] = await Promise.all([first, other].map((tab) => tab.evaluate(() => connection.jid)));
      assert.match(jid, /^[^@]+@anon\.localhost\/./);
      assert.equal(same, jid);
      assert.equal(scene.wire.connections.length, 1);
      for (const tab of [first, other]) await tab.settle();
    });

    test('a wrong password is AUTHFAIL, and the right one is taken afterwards', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open(pages());
      await tab.connect(scene.jid, 'wrong');
      await tab.status('AUTHFAIL');
      assert.deepEqual(await tab.statuses(), ['CONNECTING', 'AUTHFAIL']);
      await forget(tab);
      assert.equal(await connect(scene, tab), 'CONNECTED');
      await areOne(scene, [tab]);
    });

    test('a session that is lost with stream management is resumed, and nothing is lost', async (t) => {
      const scene = await stage.scene(t);
      const tabs = await share(scene, 2, pages(MANAGED));
      const { jid, peer } = await areOne(scene, tabs);
      for (const tab of tabs)
        await tab.evaluate((jid, password) => window.insist(jid, password), jid, scene.password);
      // A page is asked a little later what it has handled; what it was told last may be told again.
      await pause(1_000);
      scene.wire.refuse = true;
      scene.wire.cut();
      peer.say(jid, 'into the gap');
      await pause(200);
      scene.wire.refuse = false;
      for (const tab of tabs) {
        await tab.eventually('the message', ({ messages }) => messages.includes('into the gap'), 30_000);
        await tab.eventually('the way back', isUp);
      }
      const said = scene.wire.connections.flatMap((wire) => wire.texts('client'));
      assert.ok(said.some((text) => text.startsWith('<resume ')));
      assert.equal(said.filter((text) => text.includes('xmpp-bind')).length, 1);
      for (const tab of tabs) assert.ok(await tab.evaluate(() => connection.hasResumed()));
      assert.equal((await areOne(scene, tabs, ['four', 'five'])).jid, jid);
    });

    test('explicit binding: the app binds at BINDREQUIRED, where it has the features', async (t) => {
      for (const more of [{}, MANAGED]) {
        const scene = await stage.scene(t);
        const how = pages({ explicitResourceBinding: true, ...more });
        const [first, second] = [await scene.open(how), await scene.open(how)];
        const bind = (tab) =>
          tab.evaluate(
            (jid, password) => void window.connectAndBind(jid, password),
            `${scene.jid}/bound`,
            scene.password,
          );
        await bind(first);
        assert.equal(await first.up(), 'CONNECTED');
        assert.deepEqual(await first.statuses(), ['CONNECTING', 'BINDREQUIRED', 'CONNECTED']);
        assert.match((await first.heard()).offered, /xmpp-bind/);
        await bind(second);
        await second.up();
        assert.equal((await areOne(scene, [first, second])).jid, `${scene.jid}/bound`);
      }
    });

    test('eight pages that open at once are one session, with one login that binds', async (t) => {
      const scene = await stage.scene(t);
      const how = pages();
      const tabs = [];
      for (let index = 0; index < 8; index++) tabs.push(await scene.open(how));
      // Slow enough for all to join during the handshake.
      scene.wire.delay = 60;
      await Promise.all(tabs.map((tab, index) => tab.connect(`${scene.jid}/tab${index}`, scene.password)));
      await Promise.all(tabs.map((tab) => tab.up(40_000)));
      scene.wire.delay = 0;
      await areOne(scene, tabs);
      assert.equal(carriers(scene.wire.connections).length, 1);
    });

    test('a page that joins by connect or attach during the handshake waits for its end', async (t) => {
      const scene = await stage.scene(t);
      const how = pages();
      const [first, connects, attaches] = [
        await scene.open(how),
        await scene.open(how),
        await scene.open(how),
      ];
      scene.wire.delay = 150;
      await first.connect(`${scene.jid}/tab0`, scene.password);
      await scene.wire.connections[0]?.frame('client', /<open/);
      await connects.connect(`${scene.jid}/tab1`, scene.password);
      await attaches.attach();
      assert.equal(await first.up(), 'CONNECTED');
      assert.equal(await attaches.up(), 'ATTACHED');
      await connects.up();
      scene.wire.delay = 0;
      await areOne(scene, [first, connects, attaches]);
    });

    test('keys instead of a password: for the first page, and for one that joins', async (t) => {
      const scene = await stage.scene(t);
      // The salt of such a host stays the same from login to login, so its keys last.
      scene.jid = await scene.server.register(
        scene.user,
        scene.password,
        onEjabberd ? 'scram.localhost' : 'hashed.localhost',
      );
      const [first] = await share(scene, 1);
      const keys = await first.evaluate(() => connection.scram_keys);
      await logsOut(scene, [first]);
      const how = pages();
      const [again, joins] = [await scene.open(how), await scene.open(how)];
      for (const [index, tab] of [again, joins].entries()) {
        await tab.connect(`${scene.jid}/tab${index}`, keys);
        await tab.up();
      }
      const jids = await Promise.all([again, joins].map((tab) => tab.evaluate(() => connection.jid)));
      assert.deepEqual(jids, Array(2).fill(`${scene.jid}/tab0`));
      // Whatever stands before it.
      const object = ['', '1', '12'].map((before) => btoa(`${before}[object Object]`).slice(4, 20));
      for (const tab of [again, joins]) {
        const words = JSON.stringify(await crossed(tab));
        assert.ok(!object.some((it) => words.includes(it)), 'the keys are not taken for a password');
      }
    });

    test('a page that is reloaded attaches again, and a new page too', async (t) => {
      const scene = await stage.scene(t);
      const [first, second] = await share(scene, 2);
      for (const tab of [first, second]) {
        await tab.reload();
        assert.equal(await attach(tab), 'ATTACHED');
      }
      await areOne(scene, [first, second]);
      assert.equal(scene.logins(), 1);
    });

    test('an account is registered in band, and logs in', async (t) => {
      const scene = await stage.scene(t);
      const page = await scene.open(pages());
      const port = await rawPort(page);
      await port.post(['_connect', scene.service, 'open.localhost', 3]);
      await port.word('_onOpen');
      const framing = 'xmlns="urn:ietf:params:xml:ns:xmpp-framing"';
      await port.post(['send', `<open ${framing} to="open.localhost" version="1.0"/>`]);
      const frame = (pattern) => port.word('_onMessage', ([, { data }]) => pattern.test(data));
      await frame(/<register/);
      const iq = (type, content) =>
        `<iq xmlns="jabber:client" type="${type}" id="${type}"><query xmlns="jabber:iq:register">${content}</query></iq>`;
      await port.post(['send', iq('get', '')]);
      await frame(/<username/);
      const account = `<username>${scene.user}</username><password>new</password>`;
      await port.post(['send', iq('set', account)]);
      assert.match((await frame(/id=["']set/))[1].data, /type=["']result/);
      await port.post(['send', `<close ${framing}/>`], ['_closeSocket'], ['_bye']);
      await page.connect(`${scene.user}@open.localhost/new`, 'new');
      assert.equal(await page.up(), 'CONNECTED');
      await page.settle();
    });

    if (onEjabberd) return;

    test('to attach without a session is ATTACHFAIL, and a login may follow', async (t) => {
      const scene = await stage.scene(t);
      const tab = await scene.open(pages());
      await tab.attach();
      await tab.status('ATTACHFAIL');
      await forget(tab);
      assert.equal(await connect(scene, tab), 'CONNECTED');
    });

    test('where the server has PLAIN alone a page logs in, and a second has to prove itself', async (t) => {
      const { server, scene, asked } = await plain(t, stage);
      const how = pages();
      const [first, second, third] = await share(scene, 3, how);
      assert.deepEqual(await first.statuses(), ['CONNECTING', 'CONNECTED']);
      const stranger = await scene.open(how);
      await stranger.connect(scene.jid, 'wrong');
      await stranger.status('AUTHFAIL');
      assert.deepEqual(
        asked.slice(1).filter((password) => password !== 'secret'),
        ['wrong'],
      );
      const message = (body) =>
        `<message xmlns="jabber:client" from="romeo@localhost"><body>${body}</body></message>`;
      server.streams[0].send(message('hello'));
      for (const tab of [first, second, third])
        await tab.eventually('the message', ({ messages }) => messages.length === 1);
      assert.deepEqual((await stranger.heard()).messages, []);
      assert.equal(bindings(server), 1);
    });

    test('PLAIN at a real server: pages are one session, and come back after its end', async (t) => {
      const scene = await stage.scene(t);
      scene.jid = await scene.server.register(scene.user, scene.password, 'plain.localhost');
      const how = pages(MANAGED);
      const tabs = await share(scene, 2, how);
      await areOne(scene, tabs);
      const auths = scene.wire.connections
        .flatMap((wire) => wire.texts('client'))
        .filter((text) => text.startsWith('<auth'));
      assert.match(auths[0], /mechanism=["']PLAIN/);
      const stranger = await scene.open(how);
      await stranger.connect(scene.jid, 'wrong');
      await stranger.status('AUTHFAIL');
      scene.wire.cut();
      await eventually('another stream', () => carriers(scene.wire.open()).length > 0, 20_000);
      await areOne(scene, tabs, ['four', 'five']);
    });

    test('where a page logged in by PLAIN the worker redials by itself', async (t) => {
      const { server, scene } = await plain(t, stage);
      const tabs = await share(scene, 2);
      for (const tab of tabs)
        await tab.evaluate((jid, password) => window.insist(jid, password), scene.jid, scene.password);
      for (const stream of server.streams) stream.tcp.destroy();
      await eventually('another stream that binds', () => bindings(server) === 2);
      for (const tab of tabs) await tab.eventually('the way back', isUp);
      server.streams
        .find((stream, index) => index > 0 && isBound(stream))
        .send('<message xmlns="jabber:client" from="romeo@localhost"><body>again</body></message>');
      for (const tab of tabs) {
        await tab.eventually('the message', ({ messages }) => messages.includes('again'));
        assert.equal((await tab.heard()).messages.length, 1);
      }
    });

    test('a service that refuses is CONNFAIL with a reason, then DISCONNECTED', async (t) => {
      const scene = await stage.scene(t);
      scene.wire.refuse = true;
      const tab = await scene.open(pages());
      await tab.connect(scene.jid, scene.password);
      await tab.status('DISCONNECTED');
      assert.deepEqual(await tab.statuses(), ['CONNECTING', 'CONNFAIL', 'DISCONNECTED']);
      assert.match((await tab.heard()).statuses[1].condition, /\w{3}/);
      scene.wire.refuse = false;
      await forget(tab);
      assert.equal(await connect(scene, tab), 'CONNECTED');
    });

    test('the page that was first is closed, and the others go on', async (t) => {
      const scene = await stage.scene(t);
      const [first, ...others] = await share(scene, 3);
      await areOne(scene, [first, ...others]);
      await first.close();
      await eventually('another primary', async () => {
        const roles = await Promise.all(others.map((tab) => tab.evaluate(() => connection.role)));
        return roles.includes('primary');
      });
      await areOne(scene, others, ['four', 'five']);
      assert.equal(scene.wire.open().length, 1);
    });

    test('the only page is reloaded, and logs in anew under the same name', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await share(scene, 1, pages(MANAGED));
      await tab.reload();
      await tab.attach();
      await tab.eventually('an answer', ({ statuses }) => statuses.length > 0);
      if (!isUp(await tab.heard())) {
        await forget(tab);
        await connect(scene, tab);
      }
      assert.equal((await areOne(scene, [tab])).jid, `${scene.jid}/tab0`);
    });

    test('another account at the same worker is another session', async (t) => {
      const [scene, other] = [await stage.scene(t), await stage.scene(t)];
      const how = pages();
      const [mine, also] = await share(scene, 2, how);
      const theirs = await other.open(how);
      assert.equal(await connect(other, theirs), 'CONNECTED');
      await Promise.all([areOne(scene, [mine, also]), areOne(other, [theirs])]);
      for (const tab of [mine, also]) assert.ok(!(await tab.statuses()).includes('DISCONNECTED'));
    });

    test('a page attaches to the session of its own account, and to no other', async (t) => {
      const [scene, other] = [await stage.scene(t), await stage.scene(t)];
      const how = pages();
      const [mine, also] = await share(scene, 2, how);
      const theirs = await other.open({ ...how, service: scene.service });
      assert.equal(await connect(other, theirs), 'CONNECTED');
      await mine.reload();
      assert.equal(await attach(mine), 'ATTACHED');
      await Promise.all([areOne(scene, [mine, also]), areOne(other, [theirs])]);

      await also.evaluate(() => connection.disconnect());
      await mine.status('DISCONNECTED');
      await mine.attach();
      await mine.status('ATTACHFAIL');
      await areOne(other, [theirs], ['four', 'five']);
      assert.ok(!(await mine.heard()).messages.includes('four'));
    });

    test('registration in band: frames before SASL are on a stream of that page alone', async (t) => {
      const { server, scene } = await registrar(t, stage);
      const how = pages();
      const [inside] = await share(scene, 1, how);
      const page = await scene.open(how);
      const port = await rawPort(page);
      await port.post(['_connect', scene.service, 'localhost', 3]);
      await port.word('_onOpen');
      const framing = 'xmlns="urn:ietf:params:xml:ns:xmpp-framing"';
      await port.post(['send', `<open ${framing} to="localhost" version="1.0"/>`]);
      const frame = (pattern) => port.word('_onMessage', ([, { data }]) => pattern.test(data));
      await frame(/<register/);
      const iq = (type, content) =>
        `<iq xmlns="jabber:client" type="${type}" id="${type}"><query xmlns="jabber:iq:register">${content}</query></iq>`;
      await port.post(['send', iq('get', '')]);
      await frame(/id="get".*<username/);
      await port.post(['send', iq('set', '<username>new</username><password>secret</password>')]);
      await frame(/id="set"/);
      await port.post(['send', `<close ${framing}/>`], ['_closeSocket']);
      assert.deepEqual(
        (await crossed(inside)).filter((word) => JSON.stringify(word).includes('jabber:iq:register')),
        [],
      );
      const registering = server.streams.filter((stream) =>
        stream.frames.some((frame) => frame.includes('jabber:iq:register')),
      );
      assert.equal(registering.length, 1);
      assert.notEqual(registering[0], server.streams[0]);
      await registering[0].frame(/^<close/);
      // The session was not closed with that stream.
      await inside.settle();
    });

    if (name !== 'chromium') return;

    test('the page whose process hosts the worker crashes, and the other logs in anew', async (t) => {
      const scene = await stage.scene(t);
      const [host, other] = await share(scene, 2, pages(MANAGED));
      await crash(host);
      await eventually('the end of the socket', () => scene.wire.open().length === 0);
      await forget(other);
      // A page of Strophe learns nothing of the end of its worker, so the app has to ask.
      await other.evaluate(() => connection.reset());
      await connect(scene, other, 0);
      await areOne(scene, [other], ['after the crash']);
    });
  });
}

/** A logout in the last page ends the session in all. */
async function logsOut(scene, tabs) {
  await tabs.at(-1).evaluate(() => connection.disconnect());
  for (const tab of tabs) await tab.status('DISCONNECTED', 5_000);
  await eventually('the end of the session', async () => (await scene.sessions()).length === 0);
  const [wire] = scene.wire.connections;
  await wire.frame('client', /^<close/);
}

/** A server that offers PLAIN alone, and takes one password. */
async function plain(t, stage) {
  const asked = [];
  const server = await startScripted({
    answer(frame) {
      const [, secret] = /^<auth[^>]*>([^<]*)</.exec(frame) ?? [];
      if (secret === undefined) return undefined;
      asked.push(Buffer.from(secret, 'base64').toString().split('\0').at(-1));
      if (asked.at(-1) === 'secret') return undefined;
      return ['<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/></failure>'];
    },
  });
  t.after(() => server.stop());
  const scene = await stage.scene(t, { service: server.ws });
  scene.jid = 'alice@localhost';
  return { server, scene, asked };
}

/** A server where clients may register, which answers pings too. */
async function registrar(t, stage) {
  const register = '<register xmlns="http://jabber.org/features/iq-register"/>';
  const sasl = 'xmlns="urn:ietf:params:xml:ns:xmpp-sasl"';
  const known = new Set();
  const result = (frame, content = '') =>
    `<iq xmlns="jabber:client" type="result" id="${/\bid=["']([^"']*)/.exec(frame)[1]}">${content}</iq>`;
  const server = await startScripted({
    answer(frame, stream) {
      if (frame.startsWith('<open') && !known.has(stream)) {
        known.add(stream);
        const framing = 'urn:ietf:params:xml:ns:xmpp-framing';
        return [
          `<open xmlns="${framing}" from="localhost" id="s" version="1.0"/>`,
          `<stream:features xmlns:stream="http://etherx.jabber.org/streams"><mechanisms ${sasl}><mechanism>PLAIN</mechanism></mechanisms>${register}</stream:features>`,
        ];
      }
      if (frame.includes('urn:xmpp:ping')) return [result(frame)];
      if (!frame.includes('jabber:iq:register')) return undefined;
      const form = '<query xmlns="jabber:iq:register"><username/><password/></query>';
      return [result(frame, frame.includes('type="get"') ? form : '')];
    },
  });
  t.after(() => server.stop());
  const scene = await stage.scene(t, { service: server.ws });
  scene.jid = 'alice@localhost';
  return { server, scene };
}

const isBound = (stream) => stream.frames.some((frame) => frame.includes('xmpp-bind'));

/** How many streams of a scripted server have bound a resource. */
const bindings = (server) => server.streams.filter(isBound).length;
