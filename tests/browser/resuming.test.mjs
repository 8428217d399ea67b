// What goes on when a session is resumed (XEP-0198) while its tabs are away: by an app that dials by itself,
// by a page that reloads in a room (XEP-0045), and by a tab that the browser has frozen.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { eventually } from './apps.mjs';
import { back, freeze, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const hasResumed = (tab) => tab.evaluate(() => connection.hasResumed());

for (const [server, start] of [
  ['Prosody', startProsody],
  ['ejabberd', startEjabberd],
]) {
  describe(`in chromium, on ${server}`, () => {
    let stage;
    before(async () => (stage = await Stage.open('chromium', start)));
    after(() => stage?.close());

    /** Browsers write failed connections on the console. */
    const noisy = (t) => stage.scene(t, { quiet: false });

    test('an app that dials by itself goes on where its session was lost', async (t) => {
      const scene = await noisy(t);
      const { options } = ownWorker();
      const tabs = await scene.connected(2, { options: { ...options, reconnect: false } });
      const peer = await scene.peer('peer');
      const jid = await tabs[0].evaluate(() => connection.jid);
      scene.wire.cut();
      for (const tab of tabs) await tab.status('DISCONNECTED');
      peer.say(jid, 'meanwhile');
      await new Promise((resolve) => setTimeout(resolve, 1000));
      assert.equal(scene.wire.connections.length, 1, 'the worker dials for nobody');
      const refused = await tabs[0].say(peer.jid, 'refused');
      assert.deepEqual([refused.status, refused.condition], ['failed', 'not-connected']);
      for (const tab of tabs) await tab.connect(`${scene.jid}/tab0`, scene.password);
      for (const tab of tabs) {
        await back(tab);
        assert.equal(await hasResumed(tab), true);
        assert.equal(await tab.evaluate(() => connection.jid), jid);
        await tab.eventually('the message', ({ messages }) => messages.includes('meanwhile'));
        await tab.settle();
        assert.deepEqual((await tab.heard()).messages, ['meanwhile']);
      }
      const statuses = await tabs[0].statuses();
      const again = ['DISCONNECTED', 'CONNECTING', 'AUTHENTICATING', 'CONNECTED'];
      assert.deepEqual(statuses.slice(-again.length), again);
      const fate = await tabs[1].evaluate(async (to) => {
        const receipt = await connection.send(epode.$msg({ to, type: 'chat' }).c('body').t('x'));
        return (await receipt.acknowledged).status;
      }, peer.jid);
      assert.equal(fate, 'acknowledged');
    });

    test('a room goes on when a page in it reloads while the connection is lost', async (t) => {
      const scene = await noisy(t);
      const room = `${scene.user}@conference.localhost`;
      const [tab] = await scene.connected(1, ownWorker());
      const jid = await tab.evaluate(() => connection.jid);
      const peer = await scene.peer('peer');
      assert.deepEqual(await enter(tab, room, 1), [`${room}/me`]);
      // XEP-0045 §10.1.2: the room is locked until its owner has accepted how it is.
      await tab.ask(
        `<iq type="set" to="${room}"><query xmlns="${MUC}#owner">${ACCEPTED}</query></iq>`,
        10_000,
      );
      peer.send(`<presence xmlns="jabber:client" to="${room}/peer"><x xmlns="${MUC}"/></presence>`);
      await tab.eventually('the peer', () =>
        tab.evaluate((peer) => occupants.includes(peer), `${room}/peer`),
      );

      const cut = new Promise((done) => tab.page.once('framenavigated', () => done(scene.wire.cut())));
      await tab.reload();
      await cut;
      const says = (body) =>
        peer.send(
          `<message xmlns="jabber:client" type="groupchat" to="${room}"><body>${body}</body></message>`,
        );
      says('meanwhile');
      await tab.connect(`${scene.jid}/tab0`, scene.password);
      await tab.up();
      await eventually('the resumption', () => hasResumed(tab));
      assert.equal(await tab.evaluate(() => connection.jid), jid);
      says('later');
      await tab.eventually('the room', ({ messages }) => messages.includes('later'));
      const { messages } = await tab.heard();
      assert.deepEqual(
        messages.filter((body) => body),
        ['meanwhile', 'later'],
      );
      // The page knows nobody in the room, and enters again from the same JID.
      assert.deepEqual((await enter(tab, room, 2)).sort(), [`${room}/me`, `${room}/peer`]);
    });

    test('the last tab, frozen while the connection is lost, misses nothing when it thaws', async (t) => {
      const scene = await noisy(t);
      const [tab] = await scene.connected(1, ownWorker());
      const jid = await tab.evaluate(() => connection.jid);
      const peer = await scene.peer('peer');
      await tab.settle();
      const thaw = await freeze(tab);
      scene.wire.cut();
      peer.say(jid, 'meanwhile');
      // Some time, in which a worker that is frozen with its tab does nothing.
      await new Promise((resolve) => setTimeout(resolve, 5000));
      await thaw();
      await tab.eventually('the message', ({ messages }) => messages.includes('meanwhile'));
      assert.equal(await hasResumed(tab), true);
      await tab.settle();
      assert.deepEqual((await tab.heard()).messages, ['meanwhile']);
    });
  });
}

const MUC = 'http://jabber.org/protocol/muc';
const ACCEPTED = '<x xmlns="jabber:x:data" type="submit"/>';

/** Enters a room; returns so many of its occupants. */
async function enter(tab, room, count) {
  await tab.evaluate(
    (room, muc) => {
      window.occupants = [];
      // The room itself may have a picture to tell of.
      const note = (presence) => {
        const from = presence.getAttribute('from');
        if (from.includes('/')) occupants.push(from);
      };
      connection.addHandler((presence) => (note(presence), true), null, 'presence', null, null, room, {
        matchBareFromJid: true,
      });
      void connection.send(epode.$pres({ to: `${room}/me` }).c('x', { xmlns: muc }));
    },
    room,
    MUC,
  );
  await tab.eventually('the occupants', () => tab.evaluate((count) => occupants.length >= count, count));
  return tab.evaluate(() => occupants);
}
