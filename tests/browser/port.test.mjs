// What is no page of ours at the worker's port, or of another version: each ends in a clear word, and hurts
// nobody.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { books, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const HELLO = { versions: [1], tab: 'raw', lock: null, before: null, visible: true };

/** What is no first word. */
const GARBAGE = [
  null,
  undefined,
  42,
  'Nonsense',
  '',
  [],
  {},
  { Hello: 7 },
  { Hello: { versions: 'one' } },
  { Novelty: { of: 'later' } },
  'Pong',
  { Leave: {} },
];

/** What comes later may be of a newer page; it is passed over. */
const LATER = [
  ...GARBAGE,
  { Hello: HELLO },
  { Ack: { posts: 4_000_000_000 } },
  { Release: { claims: [99] } },
  { Unhandled: { position: 1e15 } },
  { Send: { stanzas: [] } },
];

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Warnings are the worker's to give; errors are not. */
    const scene = (t) => stage.scene(t);

    test('garbage instead of a hello is refused, and the port may still say hello', async (t) => {
      const { tabs, raw } = await besideTabs(await scene(t));
      for (const garbage of GARBAGE) {
        const heard = await raw.exchange(garbage);
        assert.match(
          heard.Refused?.Malformed?.detail ?? '',
          /\w/,
          `${JSON.stringify(garbage)}: ${JSON.stringify(heard)}`,
        );
      }
      assert.ok((await raw.exchange({ Hello: HELLO })).Welcome);
      await unharmed(tabs);
    });

    test('a page that speaks other versions is told which ones there are', async (t) => {
      const { tabs, raw } = await besideTabs(await scene(t));
      for (const versions of [[], [0], [99, 100]]) {
        assert.deepEqual(await raw.exchange({ Hello: { ...HELLO, versions } }), {
          Refused: { Version: { speaks: [1] } },
        });
      }
      await unharmed(tabs);
      // One among them is enough.
      assert.equal((await raw.exchange({ Hello: { ...HELLO, versions: [1, 99] } })).Welcome.version, 1);
    });

    test('words that the worker does not know, or that make no sense, are passed over once a page is welcome', async (t) => {
      const { tabs, raw } = await besideTabs(await scene(t));
      assert.ok((await raw.exchange({ Hello: HELLO })).Welcome);
      for (const word of LATER) await raw.post(word);
      assert.deepEqual(await raw.exchange({ Tabs: { token: 5 } }), { Tabs: { token: 5, tabs: [] } });
      // Nor can somebody without a session send into one.
      const { Failed } = await raw.exchange({
        Send: { stanzas: [{ token: 6, text: `<message to="${tabs[0].service}"/>` }] },
      });
      assert.deepEqual([Failed.token, Failed.fault.condition], [6, 'not-connected']);
      await unharmed(tabs);
    });

    test("a worker that speaks no version of the page's is CONNFAIL in words", async (t) => {
      const scene = await stage.scene(t);
      t.after(() => stage.web.overrides.clear());
      const body = `onconnect = ({ ports: [port] }) => { port.onmessage = () => port.postMessage({ Refused: { Version: { speaks: [0] } } }); };`;
      stage.web.overrides.set('/other-version.js', { body });
      const tab = await scene.open({ options: { worker: '/other-version.js' } });
      await tab.connect(scene.jid, scene.password);
      assert.match((await tab.status('CONNFAIL')).condition, /no version of the protocol in common/);
      await tab.status('DISCONNECTED');
    });

    test('words of a newer worker that the page does not know are passed over, and garbage is only noted', async (t) => {
      const scene = await stage.scene(t);
      t.after(() => stage.web.overrides.clear());
      const body = `
        importScripts("/epode-worker.js");
        const accept = onconnect;
        onconnect = (event) => {
          for (const word of [{ Novelty: { of: "later" } }, "Novelty", null, 42, {}, [], [1], ["1", "<message/>"], { Status: 7 }]) event.ports[0].postMessage(word);
          accept(event);
        };`;
      stage.web.overrides.set('/newer.js', { body });
      const tabs = await scene.connected(2, { options: { worker: '/newer.js' } });
      await unharmed(tabs);
      for (const tab of tabs) assert.ok((await tab.heard()).log.some((line) => /not understood/.test(line)));
    });
  });
}

/** Tabs in a session, and a page that speaks to their worker by hand. */
async function besideTabs(scene) {
  const options = ownWorker();
  const tabs = await scene.connected(2, options);
  const page = await scene.open(options);
  await page.evaluate((script) => {
    window.answers = [];
    const { port } = (window.raw = new SharedWorker(script, { name: 'epode', extendedLifetime: true }));
    port.onmessage = ({ data }) => answers.push(data);
  }, options.options.worker);
  const post = (word) => page.evaluate((word) => raw.port.postMessage(word), word);
  return {
    tabs,
    raw: {
      post,
      /** Posts a word; answers with what the worker says next. */
      async exchange(word) {
        await page.evaluate(() => void (answers.length = 0));
        await post(word);
        const heard = await page.eventually(`an answer to ${JSON.stringify(word)}`, () =>
          page.evaluate(() => answers.find((answer) => !answer.Log)),
        );
        return heard;
      },
    },
  };
}

/** They are all there, in one session, and what one sends the others hear. */
async function unharmed(tabs) {
  for (const tab of tabs) await tab.settle();
  assert.equal((await books(tabs[0])).length, tabs.length);
  const jid = await tabs[0].evaluate(() => connection.jid);
  await tabs[0].say(jid, 'all well');
  for (const tab of tabs) {
    await tab.eventually('the message', ({ messages }) => messages.includes('all well'));
    assert.ok(!(await tab.statuses()).includes('RECONNECTING'));
  }
}
