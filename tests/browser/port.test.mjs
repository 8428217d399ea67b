// Messages at the worker's port that are malformed or of another version are refused or ignored,
// and harm no tab.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { books, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const HELLO = { versions: [1], tab: 'raw', lock: null, before: null, visible: true };

/** Data that is no valid first message. */
const GARBAGE = [
  null,
  undefined,
  42,
  'Nonsense',
  '',
  {},
  { Hello: 7 },
  { Hello: { versions: 'one' } },
  { Novelty: { of: 'later' } },
  'Pong',
  { Leave: {} },
];

/** Data that is ignored after the hello, since it may come from a newer page. */
const LATER = [
  ...GARBAGE,
  // A page of strophe.js begins with a list, and this port has begun.
  [],
  ['_connect', 'ws://localhost/', 'a@b', 3],
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

    /** The worker may write warnings on the console, but no errors. */
    const scene = (t) => stage.scene(t);

    test('garbage instead of a hello is refused, and a hello may follow', async (t) => {
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

    test('a page with unknown versions is told those of the worker', async (t) => {
      const { tabs, raw } = await besideTabs(await scene(t));
      for (const versions of [[], [0], [99, 100]]) {
        assert.deepEqual(await raw.exchange({ Hello: { ...HELLO, versions } }), {
          Refused: { Version: { speaks: [1] } },
        });
      }
      await unharmed(tabs);
      // One common version suffices.
      assert.equal((await raw.exchange({ Hello: { ...HELLO, versions: [1, 99] } })).Welcome.version, 1);
    });

    test('after the hello, the worker ignores unknown and meaningless messages', async (t) => {
      const { tabs, raw } = await besideTabs(await scene(t));
      assert.ok((await raw.exchange({ Hello: HELLO })).Welcome);
      for (const word of LATER) await raw.post(word);
      assert.deepEqual(await raw.exchange({ Tabs: { token: 5 } }), { Tabs: { token: 5, tabs: [] } });
      // A port without a session cannot send.
      const { Failed } = await raw.exchange({
        Send: { stanzas: [{ token: 6, text: `<message to="${tabs[0].service}"/>` }] },
      });
      assert.deepEqual([Failed.token, Failed.fault.condition], [6, 'not-connected']);
      await unharmed(tabs);
    });

    test('a worker without a common version is CONNFAIL with a sentence', async (t) => {
      const scene = await stage.scene(t);
      t.after(() => stage.web.overrides.clear());
      const body = `onconnect = ({ ports: [port] }) => { port.onmessage = () => port.postMessage({ Refused: { Version: { speaks: [0] } } }); };`;
      stage.web.overrides.set('/other-version.js', { body });
      const tab = await scene.open({ options: { worker: '/other-version.js' } });
      await tab.connect(scene.jid, scene.password);
      assert.match((await tab.status('CONNFAIL')).condition, /no version of the protocol in common/);
      await tab.status('DISCONNECTED');
    });

    test('a page ignores unknown messages of a newer worker, and logs garbage', async (t) => {
      const scene = await stage.scene(t);
      t.after(() => stage.web.overrides.clear());
      const body = `
        importScripts("/epode-worker.js");
        const accept = onconnect;
        onconnect = (event) => {
          const known = [["1", "<message/>"], { Status: 7 }];
          for (const word of [{ Novelty: { of: "later" } }, "Novelty", null, 42, {}, [], [1], ...known])
            event.ports[0].postMessage(word);
          accept(event);
        };`;
      stage.web.overrides.set('/newer.js', { body });
      const tabs = await scene.connected(2, { options: { worker: '/newer.js' } });
      await unharmed(tabs);
      for (const tab of tabs) assert.ok((await tab.heard()).log.some((line) => /not understood/.test(line)));
    });
  });
}

/** Tabs in a session, and a page that posts to their worker by hand. */
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
      /** Posts a message; returns the worker's next message, other than `Log`. */
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

/** All tabs are in one session, and a message of one reaches the others. */
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
