// Pages with the unmodified client of strophe.js that name this worker: what they are told, since it does not
// speak their wire.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { books, ownWorker } from './life.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

const SCRIPT = new URL('../../node_modules/strophe.js/dist/strophe.umd.min.js', import.meta.url);
const SENTENCE = /^this is the worker of Epode, .* strophe\.js: .*"epode".*option "worker"/;

const PAGE = `<!doctype html><script src="/strophe.js"></script><script>
  const names = Object.fromEntries(Object.entries(Strophe.Status).map(([name, number]) => [number, name]));
  const heard = { statuses: [], log: [] };
  const onStatus = (status, condition) => heard.statuses.push([names[status], condition]);
  // Where its log goes, from ERROR on.
  console.error = (text) => heard.log.push(String(text));
</script>`;

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    let server;
    before(async () => {
      stage = await Stage.open(name, null);
      server = await startScripted();
      stage.web.overrides.set('/pages/strophe.html', { body: PAGE });
      stage.web.overrides.set('/strophe.js', { body: await readFile(SCRIPT, 'utf8') });
    });
    after(async () => {
      await stage?.close();
      await server?.stop();
    });

    /** A page that has its connection, with this worker. */
    const open = async (t, worker) => {
      const page = await stage.browser.openTab(stage.web.url('/pages/strophe.html'));
      t.after(() => page.close());
      // What it reports as an error is what this is about.
      t.after(() => stage.browser.errors.splice(0));
      await page.evaluate(
        (service, worker) => void (window.connection = new Strophe.Connection(service, { worker })),
        server.ws,
        worker,
      );
      const heard = () => page.evaluate(() => heard);
      const until = (what, ask) => eventually(what, async () => ask(await heard()));
      return { page, heard, until };
    };
    const connect = ({ page }) =>
      page.evaluate(() => void connection.connect('alice@localhost', 'secret', onStatus));
    const attach = ({ page }) => page.evaluate(() => void connection.attach(onStatus));
    const hasEnded = ({ statuses }) =>
      statuses.some(([status]) => status === 'DISCONNECTED' || status === 'ATTACHFAIL');

    /** The app hears of a failure in words, and of nothing that it could not make sense of. */
    const fails = async (tab, act, isQuiet = true) => {
      await tab.page.evaluate(() => void (heard.statuses.length = heard.log.length = 0));
      await act(tab);
      await tab.until('the end', hasEnded);
      const { statuses, log } = await tab.heard();
      if (act === connect) {
        assert.deepEqual(
          statuses.map(([status]) => status),
          ['CONNECTING', 'CONNFAIL', 'DISCONNECTED'],
        );
        assert.match(statuses[1][1], SENTENCE);
      } else
        assert.deepEqual(
          statuses.map(([status]) => status),
          ['ATTACHFAIL'],
        );
      assert.ok(
        log.some((line) => SENTENCE.test(line)),
        log.join('\n'),
      );
      assert.ok(!isQuiet || !log.some((line) => /unhandled/.test(line)), log.join('\n'));
    };

    test('connect is CONNFAIL and attach ATTACHFAIL with what to do about it, again and again', async (t) => {
      const { worker } = ownWorker().options;
      const tab = await open(t, worker);
      for (const act of [connect, attach, attach, connect, connect]) await fails(tab, act);
      await fails(await open(t, worker), attach);
      await tab.page.reload();
      assert.equal(server.streams.length, 0, 'no secret of theirs is dialled with');
    });

    test("so too while the worker's wasm is on its way, and where it never comes", async (t) => {
      t.after(() => stage.web.overrides.delete('/epode-worker.wasm'));
      stage.web.overrides.set('/epode-worker.wasm', { delay: 5_000 });
      const { worker } = ownWorker().options;
      const [early, late] = [await open(t, worker), await open(t, worker)];
      const begun = performance.now();
      await fails(early, connect);
      await fails(early, attach);
      assert.ok(performance.now() - begun < 4_000);
      // One that has said nothing by then.
      await new Promise((later) => setTimeout(later, 6_000));
      await fails(late, connect);
      stage.web.overrides.set('/epode-worker.wasm', { status: 404 });
      const none = await open(t, ownWorker().options.worker);
      // Before it has spoken nobody knows what it is: it hears of that in our words too.
      await fails(none, connect, false);
    });

    test('beside the tabs of a session it is nobody, and does not keep the session', async (t) => {
      const scene = await stage.scene(t, { service: server.ws });
      const tab = await scene.open(ownWorker());
      await tab.connect('alice@localhost', 'secret');
      await tab.up();
      const said = await tab.evaluate(
        (worker) =>
          new Promise((told) => {
            // Where pages of ours share it.
            const { port } = new SharedWorker(worker, { name: 'epode', extendedLifetime: true });
            const said = [];
            port.onmessage = ({ data }) => said.push(data) === 4 && told(said);
            for (const word of [
              ['_bye'],
              ['_connect', 'ws://x/', 'a@b', 3],
              ['send', '<presence/>'],
              ['_closeSocket'],
              ['_attach', 'ws://x/'],
            ])
              port.postMessage(word);
          }),
        tab.options.worker,
      );
      assert.deepEqual(
        said.map(([word]) => word),
        ['log', '_onClose', 'log', '_attachCallback'],
      );
      assert.equal((await books(tab)).length, 1);
      const [stream] = server.streams.slice(-1);
      assert.ok(!stream.frames.some((frame) => frame.startsWith('<presence')));
      await tab.evaluate(() => connection.reset());
      await eventually(
        'the end of the session',
        () => stream.frames.some((frame) => frame.startsWith('<close')),
        15_000,
      );
    });
  });
}
