// Pages with the unmodified client of strophe.js that name this worker, which does not speak its
// protocol, are told so.

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
  // Strophe logs here, from ERROR on.
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

    /** A page whose connection uses this worker. */
    const open = async (t, worker) => {
      const page = await stage.browser.openTab(stage.web.url('/pages/strophe.html'));
      t.after(() => page.close());
      // Errors on the console are expected.
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

    /** The app hears a failure with the sentence, and no message that Strophe cannot handle. */
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

    test('connect is CONNFAIL and attach ATTACHFAIL, each time with advice', async (t) => {
      const { worker } = ownWorker().options;
      const tab = await open(t, worker);
      for (const act of [connect, attach, attach, connect, connect]) await fails(tab, act);
      await fails(await open(t, worker), attach);
      await tab.page.reload();
      assert.equal(server.streams.length, 0, 'no secret of theirs is dialled with');
    });

    test("the same while the worker's wasm loads, and if it never does", async (t) => {
      t.after(() => stage.web.overrides.delete('/epode-worker.wasm'));
      stage.web.overrides.set('/epode-worker.wasm', { delay: 5_000 });
      const { worker } = ownWorker().options;
      const [early, late] = [await open(t, worker), await open(t, worker)];
      const begun = performance.now();
      await fails(early, connect);
      await fails(early, attach);
      assert.ok(performance.now() - begun < 4_000);
      // The second page posts its first message when the wasm is loaded.
      await new Promise((later) => setTimeout(later, 6_000));
      await fails(late, connect);
      stage.web.overrides.set('/epode-worker.wasm', { status: 404 });
      const none = await open(t, ownWorker().options.worker);
      // Before its first message the page may be one of ours, so it is also told in our protocol.
      await fails(none, connect, false);
    });

    test('such a page does not count as a tab, and does not keep the session alive', async (t) => {
      const scene = await stage.scene(t, { service: server.ws });
      const tab = await scene.open(ownWorker());
      await tab.connect('alice@localhost', 'secret');
      await tab.up();
      const said = await tab.evaluate(
        (worker) =>
          new Promise((told) => {
            // The worker that pages of ours share.
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
