// Servers that manage a stream (XEP-0198) in ways of their own.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { back, networkOf, ownWorker } from './life.mjs';
import { SM, startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const message = (body) =>
  `<message xmlns="jabber:client" from="romeo@localhost/x"><body>${body}</body></message>`;
const condition = (name) => `<${name} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>`;
const counts = ({ frames }) =>
  frames.filter((frame) => frame.startsWith('<a ')).map((frame) => Number(/ h=["'](\d+)/.exec(frame)[1]));

/** How a server may refuse to resume a session. */
const REFUSALS = {
  'a count': ` h="1">${condition('item-not-found')}`,
  'no count': `>${condition('item-not-found')}`,
  'no such feature': `>${condition('feature-not-implemented')}`,
  'an unexpected request': `>${condition('unexpected-request')}`,
  'no known condition': `>${condition('tired')}`,
  nothing: '>',
};

describe('in chromium', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium', null)));
  after(() => stage?.close());

  /** Two tabs on a scripted server that manages streams. */
  async function online(t, answer) {
    const server = await startScripted({ managed: true, answer });
    t.after(() => server.stop());
    const scene = await stage.scene(t, { service: server.ws, quiet: false });
    const own = ownWorker();
    const tabs = [await scene.open(own), await scene.open(own)];
    for (const tab of tabs) {
      await tab.connect('alice@localhost', 'x');
      await tab.up();
      assert.equal(await tab.evaluate(() => connection.isStreamManagementEnabled()), true);
    }
    /**
     * The browser says that it is online again, so the worker dials at once. From then on the inspector hears
     * of each frame, which takes longer than the frame itself.
     */
    const hasten = async () => {
      const offline = await networkOf(stage.browser, own.options.worker);
      await offline(true);
      await offline(false);
    };
    return { server, tabs, stream: server.streams.at(-1), hasten };
  }

  test('a count too high is told so, and the next stream is used without', async (t) => {
    const { server, tabs, stream, hasten } = await online(t);
    await tabs[0].say('bob@localhost', 'one');
    stream.send(`<a xmlns="${SM}" h="1000"/>`);
    await stream.frame(/handled-count-too-high.*h=["']1000["']/);
    await tabs[0].status('RECONNECTING');
    await hasten();
    for (const tab of tabs) {
      assert.equal(await back(tab), 'CONNECTED');
      assert.equal(await tab.evaluate(() => connection.isStreamManagementEnabled()), false);
    }
    await tabs[1].say('bob@localhost', 'two');
    const next = server.streams.at(-1);
    await next.frame(/two/);
    assert.ok(!next.frames.some((frame) => frame.includes(SM)));
  });

  test('of 10,000 requests at once a tenth at most is answered, the last rightly', async (t) => {
    const { tabs, stream } = await online(t);
    stream.send(message('before'));
    await tabs[0].eventually('the message', ({ messages }) => messages.length === 1);
    const begun = performance.now();
    for (let number = 0; number < 10_000; number++) stream.send(`<r xmlns="${SM}"/>`);
    stream.send(message('behind'));
    await Promise.all(
      tabs.map((tab) => tab.eventually('the message behind', ({ messages }) => messages.length === 2, 2_000)),
    );
    t.diagnostic(`${(performance.now() - begun).toFixed()} ms`);
    await eventually('the last count', () => counts(stream).at(-1) === 2);
    assert.ok(counts(stream).length <= 1_000, `${counts(stream).length} answers`);
  });

  test('a logout says what was handled before it closes the stream', async (t) => {
    const { tabs, stream } = await online(t);
    // Tabs acknowledge every half window.
    for (let number = 0; number < 40; number++) stream.send(message(number));
    for (const tab of tabs) await tab.eventually('all messages', ({ messages }) => messages.length === 40);
    await tabs[0].evaluate(() => connection.disconnect());
    await stream.frame(/^<close/);
    const names = stream.frames.map((frame) => /^<(\w+)/.exec(frame)[1]);
    assert.deepEqual(names.slice(names.indexOf('a')), ['a', 'presence', 'r', 'close']);
    const [handled] = counts(stream);
    assert.ok(handled > 0 && handled <= 40, `${handled} were handled`);
  });

  test('whatever the refusal of a resume, a new session is bound on the same stream', async (t) => {
    let refusal = '';
    const answer = (frame) =>
      frame.startsWith('<resume ') ? [`<failed xmlns="${SM}"${refusal}</failed>`] : undefined;
    const { server, tabs, hasten } = await online(t, answer);
    const asked = new Set();
    for (const [what, text] of Object.entries(REFUSALS)) {
      refusal = text;
      const { length } = server.streams;
      for (const tab of tabs) await tab.evaluate(() => void (heard.statuses.length = 0));
      server.streams.at(-1).socket.terminate();
      for (const tab of tabs) await tab.status('RECONNECTING');
      await hasten();
      for (const tab of tabs) {
        assert.equal(await back(tab), 'CONNECTED', what);
        assert.equal(await tab.evaluate(() => connection.hasResumed()), false);
      }
      assert.equal(server.streams.length, length + 1, what);
      const stream = server.streams.at(-1);
      await stream.frame(/^<enable /);
      const resumes = stream.frames.filter((frame) => frame.startsWith('<resume '));
      assert.equal(resumes.length, 1, what);
      asked.add(/previd=["']([^"']*)/.exec(resumes[0])[1]);
    }
    assert.equal(asked.size, Object.keys(REFUSALS).length, 'no session is asked for twice');
  });

  test('a late conflict on the former connection is nobody’s, another ends the session', async (t) => {
    const conflict =
      '<stream:error xmlns:stream="http://etherx.jabber.org/streams">' +
      '<conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>';
    const answer = (frame) => {
      const [, id] = /^<resume .*previd=["']([^"']*)/.exec(frame) ?? [];
      if (id) return [`<resumed xmlns="${SM}" previd="${id}" h="0"/>`];
    };
    const { server, tabs, stream, hasten } = await online(t, answer);
    // The server hears nothing any more, and is heard.
    stream.tcp.pause();
    await tabs[0].say('bob@localhost', 'lost');
    await hasten();
    for (const tab of tabs) {
      await tab.status('RECONNECTING');
      assert.equal(await back(tab), 'CONNECTED');
      assert.equal(await tab.evaluate(() => connection.hasResumed()), true);
    }
    stream.send(conflict);
    const next = server.streams.at(-1);
    await next.frame(/lost/);
    next.send(message('still here'));
    for (const tab of tabs) {
      await tab.eventually('the message', ({ messages }) => messages.includes('still here'));
      assert.deepEqual((await tab.statuses()).slice(-2), ['RECONNECTING', 'CONNECTED']);
    }
    next.send(conflict);
    for (const tab of tabs) await tab.status('DISCONNECTED');
    assert.equal(server.streams.length, 2);
  });
});
