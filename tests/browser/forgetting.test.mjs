// What is left of an account in memory when its session is over: nothing of its stanzas, and no password.
// The heaps of the tab and of the worker are searched after a collection, and the memory of their wasm.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

/** Words that stand in no script: the tabs put them together. */
const BODY = ['needle', 'of', 'body'];
const PASSWORD = ['needle', 'of', 'password'];

describe('in chromium', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium')));
  after(() => stage?.close());

  test('after a logout while stanzas wait, tab and worker hold none of them', async (t) => {
    const { scene, tab, targets } = await waiting(t);
    await tab.evaluate(() => connection.disconnect());
    await tab.status('DISCONNECTED');
    await forgotten(targets, BODY, PASSWORD);
    scene.wire.refuse = false;
  });

  test('after the server has refused the credentials, they hold none of what waited', async (t) => {
    const { scene, tab, targets } = await waiting(t);
    await tab.evaluate(() => connection.disconnect());
    await tab.status('DISCONNECTED');
    scene.wire.refuse = false;
    await tab.evaluate(
      (jid, password, body) => {
        connection.connect(jid, password.join('-'), onStatus);
        void connection.send(epode.$msg({ to: 'nobody@localhost' }).c('body').t(body.join('-')));
      },
      scene.jid,
      PASSWORD,
      BODY,
    );
    await tab.status('AUTHFAIL');
    await tab.status('DISCONNECTED');
    await forgotten(targets, BODY, PASSWORD);
  });

  test('after the grace time of the last tab, the worker holds none of what waited', async (t) => {
    const { scene, tab, targets } = await waiting(t);
    // Another account keeps the worker.
    const other = await scene.open({ options: tab.options });
    scene.wire.refuse = false;
    await other.connect(scene.jid, scene.password);
    await other.up();
    scene.wire.refuse = true;
    await tab.close();
    await forgotten({ worker: targets.worker }, BODY, PASSWORD);
    assert.deepEqual(await other.statuses(), ['CONNECTING', 'AUTHENTICATING', 'CONNECTED']);
  });

  test('of an app that dials by itself no password is held, and after its logout nothing', async (t) => {
    const { tab, targets } = await waiting(t, { reconnect: false });
    await forgotten({ worker: targets.worker }, PASSWORD);
    assert.ok(await holds(targets.worker, BODY.join('-')));
    await tab.evaluate(() => connection.disconnect());
    await forgotten({ worker: targets.worker }, BODY, PASSWORD);
  });

  /** A tab that waits for a connection which was lost, with a stanza that is to be sent. */
  async function waiting(t, options = {}) {
    const scene = await stage.scene(t, { quiet: false });
    await stage.server.register(`${scene.user}-needle`, PASSWORD.join('-'));
    const tab = await scene.open(ownWorker(options));
    await tab.evaluate(
      (jid, password) => connection.connect(jid, password.join('-'), onStatus),
      scene.jid.replace('@', '-needle@'),
      PASSWORD,
    );
    await tab.up();
    const send = () =>
      tab.evaluate((body) => {
        void connection.send(epode.$msg({ to: 'nobody@localhost' }).c('body').t(body.join('-')));
      }, BODY);
    scene.wire.refuse = true;
    // What is sent while an app is to dial by itself is refused.
    const isOver = options.reconnect === false;
    if (isOver) {
      scene.wire.swallow = true;
      await send();
      const arrives = () =>
        scene.wire.connections[0].texts('client').some((text) => text.includes(BODY.join('-')));
      await eventually('the stanza on the wire', arrives);
    }
    scene.wire.cut();
    await tab.status(isOver ? 'DISCONNECTED' : 'RECONNECTING');
    if (!isOver) await send();
    const worker = stage.browser.browser
      .targets()
      .find((target) => target.type() === 'shared_worker' && target.url().includes(tab.options.worker));
    const targets = {
      tab: await tab.page.createCDPSession(),
      worker: await worker.createCDPSession(),
    };
    // The search finds what is there.
    await eventually('the stanza in the worker', () => holds(targets.worker, BODY.join('-')));
    if (!isOver)
      await eventually('the password in the worker', () => holds(targets.worker, PASSWORD.join('-')));
    return { scene, tab, targets };
  }
});

/** Waits until neither tab nor worker holds any of these words. */
async function forgotten(targets, ...words) {
  for (const [name, session] of Object.entries(targets)) {
    for (const word of words) {
      await eventually(
        `${name} forgets "${word.join('-')}"`,
        async () => !(await holds(session, word.join('-'))),
      );
    }
  }
}

/** Whether a word is in a heap, or in the memory of its wasm. */
async function holds(session, word) {
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  let heap = '';
  const collect = ({ chunk }) => (heap += chunk);
  session.on('HeapProfiler.addHeapSnapshotChunk', collect);
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  session.off('HeapProfiler.addHeapSnapshotChunk', collect);
  return heap.includes(word) || (await memoryHolds(session, word));
}

async function memoryHolds(session, word) {
  const group = { objectGroup: 'search' };
  const { result } = await session.send('Runtime.evaluate', {
    expression: 'WebAssembly.Memory.prototype',
    ...group,
  });
  const { objects } = await session.send('Runtime.queryObjects', {
    prototypeObjectId: result.objectId,
    ...group,
  });
  const search = function (codes) {
    return this.some(({ buffer }) => {
      const bytes = new Uint8Array(buffer);
      for (let at = bytes.indexOf(codes[0]); at >= 0; at = bytes.indexOf(codes[0], at + 1))
        if (codes.every((code, index) => bytes[at + index] === code)) return true;
      return false;
    });
  };
  const found = await session.send('Runtime.callFunctionOn', {
    functionDeclaration: String(search),
    objectId: objects.objectId,
    arguments: [{ value: [...Buffer.from(word)] }],
    returnByValue: true,
  });
  await session.send('Runtime.releaseObjectGroup', group);
  return found.result.value;
}
