// Apps in which `epode/strophe` takes the place of strophe.js: they connect again by themselves.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from './browsers.mjs';
import { crash, ownWorker } from './life.mjs';
import { Stage } from './stage.mjs';

const MUC = 'http://jabber.org/protocol/muc';

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Browsers write failed connections on the console. */
    const noisy = (t) => stage.scene(t, { quiet: false });

    /**
     * A tab whose app does as Converse.js does: when it hears DISCONNECTED it attaches, connects if there is
     * nothing to attach to, and enters its room again unless another tab is there.
     */
    const open = async (scene, how, room) => {
      const tab = await scene.open(how);
      await tab.evaluate(
        async (room, muc) => {
          await import('/strophe.js');
          const { $pres, Strophe } = epode;
          const { ATTACHED, ATTACHFAIL, CONNECTED, DISCONNECTED } = Strophe.Status;
          const { onStatus } = window;
          let jid, pass;
          window.onStatus = (status, ...rest) => {
            onStatus(status, ...rest);
            if (status === CONNECTED) connection.send($pres());
            if (room && (status === CONNECTED || (status === ATTACHED && !connection.hasResumed())))
              connection.send($pres({ to: `${room}/me` }).c('x', { xmlns: muc }));
            if (status === CONNECTED) ({ jid, pass } = connection);
            if (status === ATTACHED) ({ jid } = connection);
            pass ??= connection.pass;
            if (status === DISCONNECTED) setTimeout(() => connection.attach(window.onStatus), 200);
            if (status === ATTACHFAIL && jid) connection.connect(jid, pass, window.onStatus);
          };
        },
        room,
        MUC,
      );
      return tab;
    };
    const count = (tab, status) =>
      tab.statuses().then((statuses) => statuses.filter((heard) => heard === status).length);
    const isBack = (tab) =>
      tab.eventually('the way back', ({ statuses }) => {
        const heard = statuses.map(({ status }) => status);
        return heard.includes('DISCONNECTED') && /^(CONNECTED|ATTACHED)$/.test(heard.at(-1)) && heard;
      });
    const never = async (tabs, status) => {
      for (const tab of tabs) assert.equal(await count(tab, status), 0, (await tab.statuses()).join());
    };

    test('after a lost connection they go on in every tab, rooms included', async (t) => {
      const scene = await noisy(t);
      const room = `${scene.user}@conference.localhost`;
      const how = ownWorker();
      const tabs = [await open(scene, how, room), await open(scene, how, room)];
      for (const tab of tabs) {
        await tab.connect(`${scene.jid}/desk`, scene.password);
        await tab.up();
      }
      // The owner of a new room opens it (XEP-0045 §10.1.2).
      const { ok } = await tabs[0].ask(
        `<iq type="set" to="${room}"><query xmlns="${MUC}#owner"><x xmlns="jabber:x:data" type="submit"/></query></iq>`,
      );
      assert.ok(ok);
      const peer = await scene.peer('peer');
      const speak = async (body) => {
        peer.send(
          `<message xmlns="jabber:client" type="groupchat" to="${room}"><body>${body}</body></message>`,
        );
        for (const tab of tabs) await tab.eventually(body, ({ messages }) => messages.includes(body));
      };
      peer.send(`<presence xmlns="jabber:client" to="${room}/peer"><x xmlns="${MUC}"/></presence>`);
      await peer.frame(/<presence.*from=["'][^"']*\/peer["']/);
      await speak('before');
      scene.wire.cut();
      for (const tab of tabs) await tab.status('DISCONNECTED');
      for (const tab of tabs) await isBack(tab);
      await never(tabs, 'RECONNECTING');
      assert.equal((await scene.sessions()).length, 1);
      assert.equal(scene.wire.connections.length, 2);
      await speak('after');
    });

    test('a tab that leaves it to the worker is in one session with them', async (t) => {
      const scene = await noisy(t);
      const how = ownWorker();
      const [patient] = await scene.connected(1, how);
      const impatient = await open(scene, how);
      await impatient.connect(scene.jid, scene.password);
      await impatient.up();
      scene.wire.cut();
      await patient.status('RECONNECTING');
      await impatient.status('DISCONNECTED');
      await isBack(impatient);
      await patient.eventually('the way back', ({ statuses }) => statuses.at(-1).status === 'CONNECTED');
      await never([impatient], 'RECONNECTING');
      await never([patient], 'DISCONNECTED');
      assert.equal((await scene.sessions()).length, 1);
      for (const tab of [patient, impatient]) await tab.settle();
    });

    test('a logout of one tab is for all: the app of the other does not undo it', async (t) => {
      const scene = await noisy(t);
      const how = ownWorker();
      const tabs = [await scene.open({ ...how }), await open(scene, how)];
      for (const tab of tabs) {
        await tab.evaluate(() => import('/strophe.js'));
        await tab.connect(`${scene.jid}/desk`, scene.password);
        await tab.up();
      }
      // As the app of a page that remembers its user.
      await tabs[1].evaluate((password) => {
        const { onStatus } = window;
        window.onStatus = (status, ...rest) => {
          onStatus(status, ...rest);
          if (status === epode.Strophe.Status.ATTACHFAIL)
            connection.connect(connection.jid, password, onStatus);
        };
      }, scene.password);
      await tabs[0].evaluate(() => connection.disconnect());
      const refused = await tabs[1].status('AUTHFAIL');
      assert.match(refused.condition, /another tab has logged out/);
      assert.equal((await scene.sessions()).length, 0);
      await tabs[0].evaluate(() => void (heard.statuses.length = 0));
      await tabs[0].connect(`${scene.jid}/desk`, scene.password);
      await tabs[0].up();
    });

    // Only in Chromium can a test crash a page.
    if (name === 'chromium')
      test('when the worker dies, the app of a tab that is left connects again', async (t) => {
        const scene = await noisy(t);
        const how = ownWorker();
        const tabs = [await open(scene, how), await open(scene, how)];
        for (const tab of tabs) {
          await tab.connect(scene.jid, scene.password);
          await tab.up();
        }
        await crash(tabs[0]);
        const heard = await isBack(tabs[1]);
        assert.deepEqual(
          heard.filter((status) => !/^(CONNECTING|AUTHENTICATING)$/.test(status)),
          ['ATTACHED', 'DISCONNECTED', 'ATTACHFAIL', 'CONNECTED'],
        );
        await tabs[1].settle();
      });
  });
}
