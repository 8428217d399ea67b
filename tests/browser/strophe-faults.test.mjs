// What goes wrong among pages of strophe.js with Strophe's own worker goes right with this one. With
// BASELINE=1 the pages use Strophe's, and these tests fail.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from './apps.mjs';
import { crash, freeze, numbered } from './life.mjs';
import { opening, startScripted } from './scripted.mjs';
import {
  CARRIES,
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
const message = (body, from = 'romeo@localhost') =>
  `<message xmlns="jabber:client" from="${from}"><body>${body}</body></message>`;

describe('in chromium', () => {
  let stage;
  before(async () => (stage = await openStage('chromium')));
  after(() => stage?.close());

  /** A scene with a server that says only what the test wants. */
  const scripted = async (t, options) => {
    const server = await startScripted(options);
    t.after(() => server.stop());
    const scene = await stage.scene(t, { service: server.ws });
    scene.jid = 'alice@localhost';
    return { server, scene };
  };

  test('a logout in one page is heard at once in the others', async (t) => {
    const scene = await stage.scene(t);
    const [first, second, third] = await share(scene, 3);
    await second.evaluate(() => connection.disconnect());
    for (const tab of [first, third]) await tab.status('DISCONNECTED', 3_000);
    assert.equal(scene.wire.open().length, 0);
  });

  test('after a logout an app that logs in by itself is kept out of it, and a person gets in', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    const [first, second] = await share(scene, 2, how);
    const keys = await first.evaluate(() => connection.scram_keys);
    await first.evaluate(() => connection.disconnect());
    await second.status('DISCONNECTED', 3_000);
    await forget(second);
    await second.connect(`${scene.jid}/tab1`, keys);
    const { status } = await second.eventually('a failure', ({ statuses }) =>
      statuses.find(({ status }) => /FAIL/.test(status)),
    );
    assert.match(status, /^(AUTHFAIL|CONNFAIL)$/);
    assert.equal((await scene.sessions()).length, 0);
    // The page that logged out is where the person is.
    await forget(first);
    assert.equal(await connect(scene, first), 'CONNECTED');
    const fresh = await scene.open(how);
    await connect(scene, fresh, 2);
    await areOne(scene, [first, fresh]);
  });

  test('a page that logs out and in at once ends the session in all pages', async (t) => {
    for (const isOther of [false, true]) {
      const [scene, other] = [await stage.scene(t), await stage.scene(t)];
      const [first, second] = await share(scene, 2);
      const next = isOther ? other : scene;
      await forget(first);
      await first.evaluate(
        (jid, password) => {
          connection.disconnect();
          connection.connect(jid, password, onStatus);
        },
        `${next.jid}/again`,
        next.password,
      );
      await second.status('DISCONNECTED', 3_000);
      await first.eventually('the next session', ({ statuses }) => statuses.at(-1)?.status === 'CONNECTED');
      assert.equal(await first.evaluate(() => connection.jid), `${next.jid}/again`);
      if (isOther) assert.equal((await scene.sessions()).length, 0);
      await areOne(next, [first]);
    }
  });

  test('the close of a slow page does not end the connection that another has made', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    await host(scene, how);
    const [slow, quick] = await share(scene, 2, how);
    for (const tab of [slow, quick])
      await tab.evaluate(
        (jid, password) => window.insist(jid, password),
        `${scene.jid}/tab0`,
        scene.password,
      );
    const busy = slow.evaluate(() => {
      for (const end = performance.now() + 2_500; performance.now() < end; );
    });
    await pause(100);
    scene.wire.cut();
    await eventually('the way back', async () => isUp(await quick.heard()) && scene.wire.open().length === 1);
    const wire = scene.wire.connections.at(-1);
    await wire.frame('client', CARRIES);
    await busy;
    await pause(1_000);
    assert.equal(wire.closedAt, undefined);
    await slow.eventually('the way back', isUp);
    await areOne(scene, [slow, quick]);
  });

  test('no page of one account hears what is for another', async (t) => {
    const [scene, other] = [await stage.scene(t), await stage.scene(t)];
    const how = pages();
    const [mine] = await share(scene, 1, how);
    const theirs = await other.open(how);
    await connect(other, theirs);
    await areOne(scene, [mine], ['for me']);
    await areOne(other, [theirs], ['for them']);
    assert.deepEqual((await mine.heard()).messages, ['for me']);
    assert.deepEqual((await theirs.heard()).messages, ['for them']);
    assert.deepEqual(await mine.statuses(), ['CONNECTING', 'CONNECTED']);
  });

  for (const password of ['wrong', '']) {
    test(`a page with ${password ? 'a wrong' : 'no'} password is not let in by connect`, async (t) => {
      const scene = await stage.scene(t);
      const how = pages();
      const [inside] = await share(scene, 1, how);
      const outside = await scene.open(how);
      await outside.connect(`${scene.jid}/tab1`, password);
      await outside.eventually('a failure', ({ statuses }) =>
        statuses.some(({ status }) => /FAIL|DISCONNECTED/.test(status)),
      );
      await areOne(scene, [inside]);
      const { statuses, messages } = await outside.heard();
      assert.ok(
        !statuses.some(({ status }) => /CONNECTED|ATTACHED/.test(status) && status !== 'DISCONNECTED'),
      );
      assert.deepEqual(messages, []);
      assert.ok(!JSON.stringify(await crossed(outside)).includes('<body>'));
    });
  }

  test('of four pages one answers a request, though only one has a handler', async (t) => {
    const scene = await stage.scene(t);
    const tabs = await share(scene, 4);
    const { jid, peer } = await areOne(scene, tabs);
    await tabs[2].evaluate(() => void window.answer('urn:example:known'));
    for (const [id, ns, type] of [
      ['known', 'urn:example:known', 'result'],
      ['strange', 'urn:example:strange', 'error'],
    ]) {
      peer.send(`<iq xmlns="jabber:client" type="get" id="${id}" to="${jid}"><query xmlns="${ns}"/></iq>`);
      await peer.frame(new RegExp(`<iq[^>]*id=["']${id}`));
      await pause(500);
      const answers = peer.frames.filter((frame) => new RegExp(`<iq[^>]*id=["']${id}`).test(frame));
      assert.deepEqual(
        answers.map((frame) => /type=["'](\w+)/.exec(frame)[1]),
        [type],
      );
    }
  });

  test('a page that has logged out hears nothing of the next session, and answers nothing', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    const [gone] = await share(scene, 1, how);
    await gone.evaluate(() => connection.disconnect());
    await gone.status('DISCONNECTED');
    const begun = (await crossed(gone)).length;
    const fresh = await scene.open(how);
    await connect(scene, fresh);
    const { jid, peer } = await areOne(scene, [fresh]);
    peer.send(
      `<iq xmlns="jabber:client" type="get" id="strange" to="${jid}"><query xmlns="urn:example:strange"/></iq>`,
    );
    await peer.frame(/id=["']strange/);
    await pause(300);
    assert.equal(peer.frames.filter((frame) => /id=["']strange/.test(frame)).length, 1);
    const later = (await crossed(gone)).slice(begun);
    assert.ok(
      !later.some(([, word]) => word === '_onMessage' || word === '_onStanzaSent'),
      JSON.stringify(later),
    );
  });

  test('the answer of an IQ goes to the page that asked, also where ids are equal', async (t) => {
    const scene = await stage.scene(t);
    const tabs = await share(scene, 3);
    const { jid, peer } = await areOne(scene, tabs);
    for (const tab of tabs) await tab.evaluate(() => void (heard.iqs.length = 0));
    const asked = tabs.map((tab, index) =>
      tab.ask(
        `<iq type="get" id="same" to="${peer.jid}"><query xmlns="urn:example:who" node="${index}"/></iq>`,
        15_000,
      ),
    );
    const questions = () => peer.frames.filter((frame) => frame.includes('urn:example:who'));
    await eventually('all questions', () => questions().length === tabs.length);
    const ids = questions().map((frame) => /\bid=["']([^"']*)/.exec(frame)[1]);
    assert.equal(new Set(ids).size, tabs.length);
    for (const frame of questions().reverse()) {
      const [id, node] = ['id', 'node'].map((name) => new RegExp(`\\b${name}=["']([^"']*)`).exec(frame)[1]);
      peer.send(
        `<iq xmlns="jabber:client" type="result" id="${id}" to="${jid}"><query xmlns="urn:example:who" node="${node}"/></iq>`,
      );
    }
    for (const [index, { ok }] of (await Promise.all(asked)).entries()) {
      assert.match(ok, /\bid="same"/);
      assert.match(ok, new RegExp(`node="${index}"`));
    }
    for (const tab of tabs) assert.equal((await tab.heard()).iqs.length, 1);
  });

  test('a page that is stuck at AUTHFAIL keeps nobody waiting', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    const [stuck, next] = [await scene.open(how), await scene.open(how)];
    await stuck.connect(scene.jid, 'wrong');
    await stuck.status('AUTHFAIL');
    await next.connect(`${scene.jid}/tab0`, scene.password);
    assert.equal(await next.up(5_000), 'CONNECTED');
    await areOne(scene, [next]);
  });

  test('a page that never binds keeps nobody waiting', async (t) => {
    const scene = await stage.scene(t);
    const how = pages({ explicitResourceBinding: true });
    const stuck = await scene.open(how);
    await stuck.connect(`${scene.jid}/tab0`, scene.password);
    await stuck.status('BINDREQUIRED');
    const next = await scene.open({ ...how, options: { worker: how.options.worker } });
    await next.connect(`${scene.jid}/tab1`, scene.password);
    await next.up(10_000);
    const attaches = await scene.open(how);
    await attaches.attach();
    assert.equal(await attaches.up(5_000), 'ATTACHED');
    await areOne(scene, [next, attaches]);
  });

  test('a handshake whose page dies goes on with the next page', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    const [dies, waits, late] = [await scene.open(how), await scene.open(how), await scene.open(how)];
    scene.wire.delay = 200;
    await dies.connect(`${scene.jid}/tab0`, scene.password);
    await eventually('the stream', () => scene.wire.connections[0]?.texts('client').length > 0);
    await waits.connect(`${scene.jid}/tab1`, scene.password);
    await late.attach();
    await dies.close();
    await waits.up();
    scene.wire.delay = 0;
    await late.eventually('an answer', ({ statuses }) => statuses.length > 0);
    assert.equal(await late.up(), 'ATTACHED');
    await areOne(scene, [waits, late]);
  });

  test('when the process of the primary crashes another is primary within half a minute', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    await host(scene, how);
    const [primary, ...others] = await share(scene, 3, how);
    await eventually('the primary', () => primary.evaluate(() => connection.role === 'primary'));
    await crash(primary);
    const roles = () => Promise.all(others.map((tab) => tab.evaluate(() => connection.role)));
    await eventually('another primary', async () => (await roles()).includes('primary'), 30_000);
    assert.equal(carriers(scene.wire.connections).length, 1);
  });

  test('a message that arrives while the only page reloads reaches it once', async (t) => {
    const scene = await stage.scene(t);
    const [tab] = await share(scene, 1, pages(MANAGED));
    const { jid, peer } = await areOne(scene, [tab]);
    await tab.evaluate(() => connection.send(epode.$pres()));
    await tab.settle();
    await tab.reload();
    peer.say(scene.jid, 'meanwhile');
    await connect(scene, tab);
    assert.equal(await tab.evaluate(() => connection.jid), jid);
    await tab.evaluate(() => connection.send(epode.$pres()));
    await tab.eventually('the message', ({ messages }) => messages.includes('meanwhile'));
    await tab.settle();
    // What the page heard last may come again, since it has no way to acknowledge but `_pong`.
    assert.equal((await tab.heard()).messages.filter((body) => body === 'meanwhile').length, 1);
  });

  for (const how of ['connect', 'attach']) {
    test(`a page that reloads while messages arrive, and joins by ${how}, misses none`, async (t) => {
      const scene = await stage.scene(t);
      const [steady, reloading] = await share(scene, 2);
      const { jid, peer } = await areOne(scene, [steady, reloading], ['before']);
      const bodies = numbered(100);
      const saying = (async () => {
        for (const body of bodies) {
          peer.say(jid, body);
          await pause(20);
        }
      })();
      await diarise(reloading);
      await eventually('some messages', async () => (await diary(reloading)).length > 10);
      await reloading.reload();
      await diarise(reloading);
      await (how === 'connect' ? connect(scene, reloading, 1) : attach(reloading));
      await saying;
      await eventually('the last', async () => (await diary(reloading)).includes(bodies.at(-1)));
      const heard = await diary(reloading);
      assert.deepEqual([...new Set(heard)], bodies);
      // Strophe's wire has no acknowledgement but `_pong`, so the last few may come again.
      assert.ok(heard.length - bodies.length <= 16, String(heard));
      assert.deepEqual((await steady.heard()).messages, ['before', ...bodies]);
    });
  }

  test('a page that joins late hears who is there', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    const [first] = await share(scene, 1, how);
    const { jid, peer } = await areOne(scene, [first]);
    peer.send(`<presence xmlns="jabber:client" to="${jid}"/>`);
    await first.eventually('the presence', ({ presences }) => presences.includes(peer.jid));
    for (const join of [attach, (tab) => connect(scene, tab, 1)]) {
      const late = await scene.open(how);
      await join(late);
      await late.eventually('the presence', ({ presences }) => presences.includes(peer.jid));
    }
    assert.equal((await first.heard()).presences.filter((from) => from === peer.jid).length, 1);
  });

  test('what waits for a frozen page is bounded, and what is missing is said', async (t) => {
    const { server, scene } = await scripted(t);
    const [awake, frozen] = await share(scene, 2);
    const thaw = await freeze(frozen);
    const bodies = numbered(1_200).map((body) => body.padEnd(20_000, '.'));
    // In portions that the awake page keeps up with.
    for (let from = 0; from < bodies.length; from += 100) {
      const portion = bodies.slice(from, from + 100);
      for (const body of portion) server.streams[0].send(message(body));
      await eventually('the portion', () =>
        awake.evaluate((last) => heard.messages.at(-1) === last, portion.at(-1)),
      );
    }
    await thaw();
    await eventually('the newest', () =>
      frozen.evaluate((last) => heard.messages.at(-1) === last, bodies.at(-1)),
    );
    const { messages } = await frozen.heard();
    assert.ok(messages.length < 1_000, `${messages.length} waited`);
    const told = (await crossed(frozen)).filter(([, word]) => word === 'log').map(([, , , text]) => text);
    assert.match(String(told), /\d+ stanzas/);
  });

  test('each failure has a reason', async (t) => {
    const { scene } = await scripted(t, { mechanisms: ['X-NONE'] });
    const tab = await scene.open(pages());
    await tab.connect(scene.jid, 'secret');
    await tab.eventually('a failure', ({ statuses }) => statuses.some(({ status }) => /FAIL/.test(status)));
    for (const service of ['ws://127.0.0.1:9/', 'ws://nowhere.invalid/', 'wss://127.0.0.1:9/']) {
      const refused = await scene.open({ ...pages(), service });
      await refused.connect(scene.jid, 'secret');
      assert.match((await refused.status('CONNFAIL')).condition ?? '', /\w{3}/, service);
      await refused.status('DISCONNECTED');
    }
  });

  test('a frame is read by its namespaces, and one that is no XML harms nobody', async (t) => {
    const { server, scene } = await scripted(t);
    const [first, second] = await share(scene, 2);
    const say = (text) => server.streams[0].send(text);
    say(
      '<c:message xmlns:c="jabber:client" from="romeo@localhost"><c:body>with a prefix</c:body></c:message>',
    );
    say('<message xmlns="jabber:client" from="romeo@localhost"><body>not closed</message>');
    say('<message xmlns="jabber:client" from="romeo@localhost" a=">"><body>an angle</body></message>');
    say(message('the last'));
    for (const tab of [first, second]) {
      await tab.eventually('the last', ({ messages }) => messages.includes('the last'));
      const { messages } = await tab.heard();
      assert.ok(messages.includes('an angle'), String(messages));
      assert.ok(!JSON.stringify(await crossed(tab)).includes('not closed'));
    }
    assert.equal(server.streams.length, 1);
  });

  test('a stanza that no regular expression can read counts for stream management', async (t) => {
    const managed = '<sm xmlns="urn:xmpp:sm:3"/>';
    const { server, scene } = await scripted(t, {
      answer(frame, stream) {
        if (frame.startsWith('<open') && stream.frames.some((earlier) => earlier.startsWith('<auth')))
          return opening(`<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>${managed}`);
        if (frame.startsWith('<enable')) return ['<enabled xmlns="urn:xmpp:sm:3" id="s" resume="true"/>'];
        return undefined;
      },
    });
    const [tab] = await share(scene, 1, pages(MANAGED));
    const [stream] = server.streams;
    await stream.frame(/^<enable /);
    const odd = `<?xml version="1.0"?>${message('odd')}`;
    for (const text of [message('first'), odd, message('plain')]) stream.send(text);
    await tab.eventually('the messages', ({ messages }) => messages.includes('plain'));
    // The worker says what its pages have heard, which it learns a little later.
    const counts = () => stream.frames.map((frame) => /^<a .*\bh=["'](\d+)/.exec(frame)?.[1]).filter(Boolean);
    await eventually('the count of three', async () => {
      stream.send('<r xmlns="urn:xmpp:sm:3"/>');
      await pause(200);
      return counts().includes('3');
    });
    assert.ok(
      counts().every((count) => count <= 3),
      String(counts()),
    );
  });

  test('eight pages that lose their connection make one session of it, with few logins', async (t) => {
    const scene = await stage.scene(t);
    const tabs = await share(scene, 8);
    for (const tab of tabs)
      await tab.evaluate(
        (jid, password) => window.insist(jid, password),
        `${scene.jid}/tab0`,
        scene.password,
      );
    const before = scene.wire.connections.length;
    scene.wire.cut();
    await eventually('another connection', () => scene.wire.connections.length > before);
    for (const tab of tabs) await tab.eventually('the way back', isUp, 30_000);
    await areOne(scene, tabs);
    assert.equal(carriers(scene.wire.connections.slice(before)).length, 1);
  });

  test('a second port of a page that asked for nothing hears nothing, and answers nothing', async (t) => {
    const scene = await stage.scene(t);
    const how = pages();
    const idle = await scene.open(how);
    const silent = await rawPort(idle);
    const refused = await rawPort(idle);
    await refused.post(['_attach', scene.service, 3]);
    assert.equal((await refused.word('_attachCallback'))[1], 12);
    await refused.forget();
    const [tab] = await share(scene, 1, how);
    await areOne(scene, [tab]);
    const ofSession = ([word]) => /^_(role|promote|onMessage|onStanzaSent|onOpen|sm)/.test(word);
    for (const port of [silent, refused]) assert.deepEqual((await port.said()).filter(ofSession), []);
    await tab.settle();
  });
});

/** Opens a page first, whose process then hosts the worker, and which is in no session. */
async function host(scene, how) {
  const tab = await scene.open(how);
  await tab.attach();
  await tab.status('ATTACHFAIL');
}

/** Appends the messages of this page to session storage, where they survive a reload. */
const diarise = (tab) =>
  tab.evaluate(() => {
    const read = () => JSON.parse(sessionStorage.getItem('diary') ?? '[]');
    heard.messages.push = (body) => {
      if (body.startsWith('message')) sessionStorage.setItem('diary', JSON.stringify([...read(), body]));
      return Array.prototype.push.call(heard.messages, body);
    };
    for (const body of heard.messages.splice(0)) heard.messages.push(body);
  });

const diary = (tab) => tab.evaluate(() => JSON.parse(sessionStorage.getItem('diary') ?? '[]'));
