// Converse from its published sources, with `strophe.js` aliased to this package, and with Strophe on this
// package's worker: what its users do, in a browser, on a real server. docs/moving.md has what comes of it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from '../../browser/apps.mjs';
import { launch } from '../../browser/browsers.mjs';
import { crash } from '../../browser/life.mjs';
import { startEjabberd } from '../../servers/ejabberd.mjs';
import { startProsody } from '../../servers/prosody.mjs';
import { buildConverse } from './build.mjs';
import { say, Scene } from './chats.mjs';

const WORKER = '/epode/epode-worker.inline.js';

/**
 * Each: the script of Converse, its worker, and whether pages of its kind outlive their worker: Strophe's
 * pages do not hear of its death, and a reload of the only one ends it. `refusal` is what the form says to a
 * wrong password, if not Converse's own sentence.
 */
const WAYS = {
  alias: {
    title: 'with strophe.js aliased to epode/strophe',
    script: '/bundles/epode.js',
    worker: WORKER,
    outlives: true,
    refusal: 'not-authorized',
  },
  dialect: { title: "with Strophe 5.0.0 on Epode's worker", script: '/bundles/strophe.js', worker: WORKER },
  published: {
    title: "as published, on Epode's worker",
    script: '/dist/converse.min.js',
    worker: WORKER,
    isBrief: !process.env.CONVERSE,
  },
  own: {
    title: 'with Strophe 5.0.0 on its own worker',
    script: '/bundles/strophe.js',
    worker: '/strophe/shared-connection-worker.js',
  },
};
/** `CONVERSE=own` tries all without Epode, `CONVERSE=published` with the script of npm. */
const ways = process.env.CONVERSE ? [process.env.CONVERSE] : ['alias', 'dialect', 'published'];

let folder, browser;
before(async () => {
  folder = await buildConverse();
  // Its form shows pictures of sponsors, from another host.
  browser = await launch('chromium', {
    args: ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'],
  });
});
after(() => browser?.stop());

for (const app of ways.map((way) => WAYS[way])) {
  describe(`Converse 14.0.0 ${app.title}`, () => {
    for (const startServer of app.outlives ? [startProsody, startEjabberd] : [startProsody]) {
      describe(startServer === startProsody ? 'on Prosody' : 'on ejabberd', () => {
        let server;
        before(async () => (server = await startServer()));
        after(() => server?.stop());
        const open = (t) => Scene.open(t, { folder, server, browser }, app);

        if (app.isBrief) return showBriefly(open);
        showChats(open, app);
        // There is one service of rooms.
        if (startServer === startProsody) showRest(open, app);
      });
    }
  });
}

/** @param {(test: object) => Promise<Scene>} open */
function showBriefly(open) {
  test('two tabs chat, and one logs out', async (t) => {
    const scene = await open(t);
    const peer = await scene.peer('peer');
    const contact = peer.jid.split('/')[0];
    const tabs = await scene.two();
    assert.equal(scene.wire.connections.length, 1);
    for (const [index, tab] of tabs.entries()) {
      await tab.say(contact, `from tab ${index}`);
      await peer.frame(new RegExp(`<body>from tab ${index}</body>`));
    }
    say(peer, scene.jid, 'to both');
    for (const tab of tabs) await tab.sees(contact, 'to both');
    await logOut(tabs);
  });
}

/** The first tab logs out, and each is at its form. */
async function logOut(tabs) {
  await tabs[0].page.evaluate(() => void inner.api.user.logout());
  for (const tab of tabs)
    await eventually('the form', () => tab.isOut()).catch(async (error) => {
      throw new Error(`${error.message}; heard ${JSON.stringify(await tab.heard())}`);
    });
}

/** @param {(test: object) => Promise<Scene>} open */
function showChats(open, app) {
  test('a second tab is in without a password, on one connection', async (t) => {
    const scene = await open(t);
    await scene.two();
    assert.equal(scene.wire.connections.length, 1);
    assert.equal((await scene.sessions()).length, 1);
  });

  test('both tabs chat', async (t) => {
    const scene = await open(t);
    const peer = await scene.peer('peer');
    const contact = peer.jid.split('/')[0];
    const tabs = await scene.two();
    for (const [index, tab] of tabs.entries()) {
      await tab.say(contact, `from tab ${index}`);
      await peer.frame(new RegExp(`<body>from tab ${index}</body>`));
    }
    say(peer, scene.jid, 'to both');
    for (const tab of tabs) await tab.sees(contact, 'to both');
    assert.deepEqual(peer.bodies(), ['from tab 0', 'from tab 1']);
  });

  test('a tab that is reloaded has what was said before and meanwhile', async (t) => {
    const scene = await open(t);
    const peer = await scene.peer('peer');
    const contact = peer.jid.split('/')[0];
    const [one, other] = await scene.two();
    say(peer, scene.jid, 'before');
    for (const tab of [one, other]) await tab.sees(contact, 'before');
    const reloaded = one.reload();
    say(peer, scene.jid, 'meanwhile');
    await reloaded;
    await one.online();
    say(peer, scene.jid, 'after');
    for (const tab of [one, other])
      for (const text of ['before', 'meanwhile', 'after']) await tab.sees(contact, text);
    assert.equal(scene.wire.connections.length, 1);
  });

  test('the only tab is reloaded, and goes on', async (t) => {
    const scene = await open(t);
    const peer = await scene.peer('peer');
    const contact = peer.jid.split('/')[0];
    const tab = await scene.open();
    await tab.logIn(scene.jid, scene.password);
    await tab.online();
    say(peer, scene.jid, 'before');
    await tab.sees(contact, 'before');
    const reloaded = tab.reload();
    say(peer, scene.jid, 'meanwhile');
    await reloaded;
    await tab.online();
    for (const text of ['before', 'meanwhile']) await tab.sees(contact, text);
    await tab.say(contact, 'still here');
    await peer.frame(/<body>still here<\/body>/);
    assert.equal(scene.wire.connections.length, app.outlives ? 1 : 2);
  });

  test('a wrong password is said, and the right one is taken', async (t) => {
    const scene = await open(t);
    const tab = await scene.open();
    await tab.logIn(scene.jid, 'wrong');
    const said = await tab.eventually('the reason', () =>
      document.querySelector('.conn-feedback:not(.d-none)')?.textContent.trim(),
    );
    assert.equal(said, app.refusal ?? 'Your XMPP address and/or password is incorrect. Please try again.');
    await tab.logIn(scene.jid, scene.password);
    await tab.online();
  });
}

/** @param {(test: object) => Promise<Scene>} open */
function showRest(open, app) {
  if (app !== WAYS.alias) {
    test('an account is made by the form of Converse, and is in both tabs', async (t) => {
      const scene = await open(t);
      const [domain, name] = ['open.localhost', `${scene.user}-new`];
      const tab = await scene.open();
      await tab.register(domain, name, 'fresh');
      await tab.online();
      const other = await scene.open();
      await other.online();
      const sessions = await scene.server.sessions();
      assert.equal(sessions.filter(({ jid }) => jid.startsWith(`${name}@${domain}/`)).length, 1);
    });
  }

  test('both tabs are in a room', async (t) => {
    const scene = await open(t);
    const room = `${scene.user}@conference.localhost`;
    const tabs = await scene.two();
    for (const tab of tabs) await tab.enter(room, 'alice');
    const guest = await scene.guest(room);
    say(guest, room, 'hello room', 'groupchat');
    for (const tab of tabs) await tab.sees(room, 'hello room');
    for (const [index, tab] of tabs.entries()) {
      await tab.say(room, `in the room ${index}`);
      await guest.frame(new RegExp(`<body>in the room ${index}</body>`));
      for (const tab of tabs) await tab.sees(room, `in the room ${index}`);
    }
  });

  if (app.outlives) {
    test('the tab whose process runs the worker crashes, and the other goes on', async (t) => {
      const scene = await open(t);
      const peer = await scene.peer('peer');
      const contact = peer.jid.split('/')[0];
      const [host, other] = await scene.two();
      const room = `${scene.user}@conference.localhost`;
      await other.enter(room, 'alice');
      await crash(host);
      host.hasCrashed = true;
      await eventually('another connection', () => scene.wire.connections.length > 1);
      await other.online();
      await other.entered(room);
      say(peer, scene.jid, 'to who is left');
      await other.sees(contact, 'to who is left', 30_000);
      await other.say(contact, 'from who is left');
      await peer.frame(/<body>from who is left<\/body>/);
      const guest = await scene.guest(room);
      say(guest, room, 'hello room', 'groupchat');
      await other.sees(room, 'hello room');
    });
  }

  test('a logout holds in both tabs, and a person can log in in the other', async (t) => {
    const scene = await open(t);
    const [one, other] = await scene.two();
    await logOut([one, other]);
    await pause(process.env.APPS === 'all' ? 30_000 : 11_000);
    assert.deepEqual([await one.isOut(), await other.isOut()], [true, true]);
    assert.equal(scene.wire.connections.length, 1);
    await other.logIn(scene.jid, scene.password);
    await other.online();
  });

  test('after a cut of 5 s both tabs go on, also in the room', async (t) => {
    const scene = await open(t);
    const peer = await scene.peer('peer');
    const contact = peer.jid.split('/')[0];
    const room = `${scene.user}@conference.localhost`;
    const tabs = await scene.two();
    for (const tab of tabs) await tab.enter(room, 'alice');
    const guest = await scene.guest(room);
    scene.wire.refuse = true;
    scene.wire.cut();
    say(peer, scene.jid, 'meanwhile');
    say(guest, room, 'meanwhile in the room', 'groupchat');
    await pause(5_000);
    scene.wire.refuse = false;
    for (const tab of tabs) {
      await tab.sees(contact, 'meanwhile', 30_000);
      await tab.sees(room, 'meanwhile in the room');
    }
    say(guest, room, 'hello again', 'groupchat');
    for (const [index, tab] of tabs.entries()) {
      await tab.sees(room, 'hello again');
      await tab.say(room, `back ${index}`);
      await guest.frame(new RegExp(`<body>back ${index}</body>`));
    }
  });
}
