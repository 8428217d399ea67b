// The snippets of both READMEs run as they stand there; only addresses and names are those of the test.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { SASL, startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

/** The snippets of a README, in order. */
const snippets = async (path) => {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);
};
const [OF_THE_REPOSITORY, ...others] = await snippets('README.md');
const [OF_THE_PACKAGE, FURTHER, PROMISES, REGISTRATION, MECHANISM, ...more] =
  await snippets('client-shim/README.md');

/** What stands for the build tool: an import map, and a module that says where the worker is. */
const IMPORTS = { epode: '/epode.js', 'epode/worker/inline?url': '/pages/address.js' };
const ADDRESS = 'export default "/epode-worker.inline.js";';

test('each snippet is run by a test of this file', () => {
  assert.deepEqual([...others, ...more], []);
});

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => {
      stage = await Stage.open(name);
      const page = await readFile(new URL('pages/snippets.html', import.meta.url), 'utf8');
      const body = page.replace(/"imports":.*(?= }<)/, `"imports": ${JSON.stringify(IMPORTS)}`);
      stage.web.overrides.set('/pages/readme.html', { body });
      stage.web.overrides.set('/pages/address.js', { body: ADDRESS });
    });
    after(() => stage?.close());

    /** Runs a snippet as a module of the tab, whose console and other `globals` it uses. */
    const run = (tab, code, globals = {}) =>
      tab.evaluate(
        (code, globals) => {
          const shown = (window.shown = []);
          console.log = (...words) => shown.push(words);
          const show = (message) => shown.push([message.textContent]);
          Object.assign(window, { show, ...globals });
          document.head.append(
            Object.assign(document.createElement('script'), { type: 'module', textContent: code }),
          );
        },
        code,
        globals,
      );
    const shows = (tab, expected) =>
      tab.eventually(`${expected}`, async () =>
        (await tab.evaluate(() => window.shown)).some((words) => expected.test(words.join(' '))),
      );
    const open = (scene) => scene.open({ path: '/pages/readme.html' });
    /** A snippet with the addresses and names of this scene. */
    const here = (code, { service, jid }, peer) =>
      code
        .replace('wss://chat.example/xmpp-websocket', service)
        .replace('juliet@chat.example', jid)
        .replaceAll('romeo@chat.example', peer?.jid.split('/')[0]);

    for (const [where, code] of [
      ['of the repository', OF_THE_REPOSITORY],
      ['of the package', OF_THE_PACKAGE],
    ]) {
      test(`the first lines of the README ${where} say good night, and hear the answer`, async (t) => {
        const scene = await stage.scene(t);
        const peer = await scene.peer('peer');
        peer.send('<presence xmlns="jabber:client"/>');
        for (let tabs = 0; tabs < 2; tabs++) {
          const tab = await open(scene);
          await run(tab, here(code, scene, peer));
          await peer.frame(/<body>Good night/);
          peer.frames.length = 0;
          peer.say(scene.jid, `a thousand times ${tabs}`);
          await shows(tab, new RegExp(`a thousand times ${tabs}`));
        }
        assert.equal(scene.logins(), 1);
      });

      test(`the first lines of the README ${where} say why a login fails`, async (t) => {
        const scene = await stage.scene(t, { quiet: false });
        const tab = await open(scene);
        await run(tab, here(code, scene).replace('"secret"', '"wrong"'));
        await shows(tab, /^4 .*refused the login/);
      });
    }

    test('the lines of the README for a further tab join the session, or show the form, and log out', async (t) => {
      const scene = await stage.scene(t);
      const [first, further] = [await open(scene), await open(scene)];
      const code = `import { Strophe } from "epode";
        const logout = document.body.appendChild(document.createElement("button"));
        window.logout = logout;
        const showChat = () => console.log("the chat"), showLogin = (reason) => console.log("the form", reason);
        ${FURTHER}`;
      await run(further, code);
      await shows(further, /^the form .*no session/);
      await first.connect(scene.jid, scene.password);
      await first.up();
      await run(further, code);
      await shows(further, /^the chat/);
      await further.evaluate(() => window.logout.click());
      await shows(further, /^the form/);
      await first.status('DISCONNECTED');
    });

    test('the promises of the README are kept', async (t) => {
      const scene = await stage.scene(t);
      const peer = await scene.peer('peer');
      const tab = await open(scene);
      await run(tab, here(PROMISES, scene, peer).replace('to: "chat.example"', `to: "${peer.jid}"`));
      const asked = await peer.frame(/jabber:iq:version/);
      const [, id] = /id=["']([^"']*)/.exec(asked);
      const [, from] = /from=["']([^"']*)/.exec(asked);
      peer.say(scene.jid, 'meanwhile');
      const content = '<query xmlns="jabber:iq:version"><name>Peer</name></query>';
      peer.send(`<iq xmlns="jabber:client" type="result" id="${id}" to="${from}">${content}</iq>`);
      await shows(tab, /^Peer/);
      await shows(tab, /^meanwhile/);
    });

    test('the lines of the README register an account and log in to it', async (t) => {
      const scene = await stage.scene(t);
      const tab = await open(scene);
      const user = `${scene.user}-juliet`;
      const code = REGISTRATION.replaceAll('chat.example', 'open.localhost').replaceAll('juliet', user);
      await run(tab, code);
      await shows(tab, /Choose a username and password/);
      await tab.eventually('the login', () => tab.evaluate(() => connection.authenticated));
      assert.ok((await tab.evaluate(() => connection.jid)).startsWith(`${user}@open.localhost/`));
    });

    test('the mechanism of the README redeems a voucher', async (t) => {
      const challenge = `<challenge xmlns="${SASL}">${btoa('which?')}</challenge>`;
      const server = await startScripted({ mechanisms: ['X-VOUCHER'], login: [challenge] });
      t.after(() => server.stop());
      const scene = await stage.scene(t, { service: server.ws });
      const tab = await open(scene);
      const uses = `import { SASLMechanism } from "epode";
        ${MECHANISM}
        window.redeem = async (challenge, pass) => challenge + pass;
        connection.registerSASLMechanism(Voucher);
        connection.connect("alice@localhost", "this", onStatus);`;
      await run(tab, uses);
      assert.equal(await tab.up(), 'CONNECTED');
      assert.match(server.streams[0].frames.join(''), new RegExp(`${btoa('alice')}.*${btoa('which?this')}`));
    });
  });
}
