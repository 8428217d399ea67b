// Sessions over BOSH, in the worker and in the page, on real servers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { startProsody } from '../servers/prosody.mjs';
import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { startHttpWire } from './http-wire.mjs';
import { Stage } from './stage.mjs';

const SERVERS = { prosody: startProsody, ejabberd: startEjabberd };
const ALONE = { options: { worker: '' } };
const LOOP = 500;
/**
 * Whether what a page asks for while its tab is closed reaches the server. Firefox, driven so, loses it now
 * and then, also a plain `fetch` with `keepalive` in a listener of `pagehide`; the server then ends the
 * session by its inactivity.
 */
const FAREWELL_ARRIVES = { chromium: true, firefox: false };

for (const name of BROWSERS) {
  for (const [server, start] of Object.entries(SERVERS)) {
    describe(`in ${name}, on ${server}`, () => {
      let stage;
      before(async () => (stage = await Stage.open(name, start)));
      after(() => stage?.close());

      /** A scene whose service is BOSH, behind a wire of its own. */
      const overBosh = async (t, how) => {
        const wire = await startHttpWire({ upstream: stage.server.http });
        const scene = await stage.scene(t, { service: wire.url, ...how });
        t.after(() => wire.stop());
        return { scene, wire };
      };

      const held = (wire) => wire.posts().filter(({ status }) => status === undefined).length;

      const ended = (scene) =>
        eventually('the end of the session', async () => (await scene.sessions()).length === 0);

      /** The tabs hear what a peer says, and the peer what they say: once, and in order. */
      const talk = async (scene, tabs) => {
        const peer = await scene.peer('peer');
        await tabs[0].evaluate(() => connection.send(epode.$pres()));
        await tabs[0].settle();
        const bodies = Array.from({ length: LOOP }, (_, index) => `message ${index}`);
        for (const body of bodies) peer.say(scene.jid, body);
        for (const tab of tabs) {
          await tab.eventually('the last message', ({ messages }) => messages.includes(bodies.at(-1)));
          assert.deepEqual((await tab.heard()).messages, bodies);
        }
        await tabs.at(-1).evaluate(
          (to, bodies) => {
            for (const body of bodies) connection.send(epode.$msg({ to, type: 'chat' }).c('body').t(body));
          },
          peer.jid,
          bodies,
        );
        await eventually('all that was said', () => peer.bodies().length >= LOOP);
        assert.deepEqual(peer.bodies(), bodies);
      };

      test('eight tabs share one session, with two requests and connections at most', async (t) => {
        const { scene, wire } = await overBosh(t);
        let most = 0;
        wire.answer = () => void (most = Math.max(most, held(wire)));
        const tabs = await scene.connected(8);
        const ups = await Promise.all(tabs.map((tab) => tab.up()));
        assert.deepEqual(ups, ['CONNECTED', ...Array(7).fill('ATTACHED')]);
        await talk(scene, tabs);
        assert.deepEqual([wire.sids().size, most, wire.most], [1, 2, 2]);
        assert.deepEqual(await scene.sessions(), [`${scene.jid}/tab0`]);
        await tabs[1].evaluate(() => connection.disconnect());
        for (const tab of tabs) await tab.status('DISCONNECTED');
        await ended(scene);
        assert.equal(wire.posts().at(-1).attribute('type'), 'terminate');
      });

      test(`without a worker a tab connects, hears, sends${FAREWELL_ARRIVES[name] ? ', and takes its leave when it closes' : ''}`, async (t) => {
        const { scene, wire } = await overBosh(t);
        const [tab] = await scene.connected(1, ALONE);
        await talk(scene, [tab]);
        assert.deepEqual([wire.sids().size, wire.most], [1, 2]);
        if (!FAREWELL_ARRIVES[name]) return;
        await tab.close();
        await eventually('the farewell', () =>
          wire.posts().some((asked) => asked.attribute('type') === 'terminate'),
        );
        await ended(scene);
      });

      test('a wrong password is AUTHFAIL, and no session is left', async (t) => {
        const { scene, wire } = await overBosh(t);
        const tab = await scene.open();
        await tab.connect(scene.jid, 'wrong');
        assert.equal((await tab.status('AUTHFAIL')).condition, 'not-authorized');
        await tab.status('DISCONNECTED');
        await eventually('the end of the requests', () => held(wire) === 0);
      });

      test('a session that the server has lost is opened anew', async (t) => {
        // Browsers report requests that fail.
        const { scene, wire } = await overBosh(t, { quiet: false });
        const [tab] = await scene.connected(1);
        wire.answer = (asked) =>
          asked.attribute('sid') && {
            status: 200,
            text: '<body xmlns="http://jabber.org/protocol/httpbind" type="terminate" condition="item-not-found"/>',
          };
        await tab.evaluate(() => connection.send(epode.$pres()));
        assert.equal((await tab.status('RECONNECTING')).condition, 'item-not-found');
        wire.answer = undefined;
        const again = ({ statuses }) => statuses.filter(({ status }) => status === 'CONNECTED').length === 2;
        await tab.eventually('another session', again);
        await tab.settle();
      });
    });
  }
}
