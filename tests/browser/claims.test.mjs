// A tab is posted only the stanzas that it claims: a handler is a claim, and a hook claims every stanza.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './apps.mjs';
import { BROWSERS } from './browsers.mjs';
import { booked, connectBare, countPosts, numbered, ownWorker } from './life.mjs';
import { startScripted } from './scripted.mjs';
import { Stage } from './stage.mjs';

for (const name of BROWSERS) {
  describe(`in ${name}`, () => {
    let stage;
    before(async () => (stage = await Stage.open(name)));
    after(() => stage?.close());

    /** Tabs of one session that count their posts and override no hook. */
    const bareTabs = async (scene, count, options = ownWorker()) => {
      const tabs = [];
      for (let i = 0; i < count; i++) {
        const tab = await scene.open(options);
        await countPosts(tab);
        await tab.evaluate(
          (service, options) => {
            window.connection = new epode.Strophe.Connection(service, {
              worker: '/epode-worker.js',
              ...options,
            });
          },
          tab.service,
          tab.options,
        );
        await connectBare(tab, `${scene.jid}/bare`, scene.password);
        tabs.push(tab);
      }
      return tabs;
    };

    /** How many posts to a tab contain `text`. */
    const postsWith = (tab, text) =>
      tab.evaluate((text) => posts.filter((post) => JSON.stringify(post).includes(text)).length, text);

    test('a stanza that no handler of a tab matches is not posted to it', async (t) => {
      const scene = await stage.scene(t);
      const [listener, picky, silent] = await bareTabs(scene, 3);
      const peer = await scene.peer('peer');
      await listener.evaluate(() => {
        connection.addHandler((message) => heard.messages.push(message.textContent), null, 'message');
        connection.send(epode.$pres());
      });
      await picky.evaluate(() =>
        connection.addHandler(
          (message) => heard.messages.push(message.textContent),
          'urn:example:rare',
          'message',
        ),
      );
      await booked('the claims', silent, (known) => known.map(({ claims }) => claims).join() === '1,1,0');
      const bodies = numbered(20);
      for (const body of bodies) peer.say(`${scene.jid}/bare`, body);
      peer.send(
        `<message xmlns="jabber:client" to="${scene.jid}/bare"><rare xmlns="urn:example:rare">rare</rare></message>`,
      );
      await listener.eventually('the last message', ({ messages }) => messages.includes('rare'));
      await picky.eventually('what it claims', ({ messages }) => messages.length > 0);
      for (const tab of [listener, picky, silent]) await tab.settle();
      assert.deepEqual((await listener.heard()).messages, [...bodies, 'rare']);
      assert.deepEqual((await picky.heard()).messages, ['rare']);
      const posted = async (tab) => [
        await postsWith(tab, '<body>message'),
        await postsWith(tab, 'urn:example:rare'),
        await postsWith(tab, '<presence'),
      ];
      assert.deepEqual(await posted(picky), [0, 1, 0]);
      assert.deepEqual(await posted(silent), [0, 0, 0]);
      assert.deepEqual((await posted(listener)).slice(1), [1, 0]);
    });

    test('nothing is posted for a handler that is done or deleted', async (t) => {
      const scene = await stage.scene(t);
      const [tab, other] = await bareTabs(scene, 2);
      const peer = await scene.peer('peer');
      await tab.evaluate(() => {
        connection.addHandler((message) => void heard.messages.push(message.textContent), null, 'message');
        window.kept = connection.addHandler(() => true, null, 'message', 'headline');
      });
      peer.say(`${scene.jid}/bare`, 'once');
      await tab.eventually('the message', ({ messages }) => messages.length === 1);
      await tab.evaluate(() => connection.deleteHandler(kept));
      await booked('the end of the claims', other, (known) => known.every(({ claims }) => claims === 0));
      peer.say(`${scene.jid}/bare`, 'twice');
      peer.send(
        `<message xmlns="jabber:client" type="headline" to="${scene.jid}/bare"><body>thrice</body></message>`,
      );
      await scene.wire.connections[0].frame('server', /thrice/);
      await tab.settle();
      assert.deepEqual((await tab.heard()).messages, ['once']);
      assert.deepEqual(
        [await postsWith(tab, 'once'), await postsWith(tab, 'twice'), await postsWith(tab, 'thrice')],
        [1, 0, 0],
      );
    });

    test('a handler added while a stanza is handled gets the next one, and not that one', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await bareTabs(scene, 1);
      const peer = await scene.peer('peer');
      await tab.evaluate(() => {
        connection.addHandler(
          () => {
            connection.addHandler((message) => heard.messages.push(message.textContent), null, 'message');
          },
          null,
          'message',
        );
      });
      // The second stanza is on its way while the first is handled, when only the first handler has
      // a claim.
      const frames = numbered(6).map(
        (body) => `<message xmlns="jabber:client" to="${scene.jid}/bare"><body>${body}</body></message>`,
      );
      for (const frame of frames) peer.send(frame);
      await tab.eventually('the last message', ({ messages }) => messages.includes('message 5'));
      await tab.settle();
      assert.deepEqual((await tab.heard()).messages, numbered(5, 1));
    });

    test('handlers that each add the handler for the next stanza miss none of a burst', async (t) => {
      const scene = await stage.scene(t);
      const [tab] = await bareTabs(scene, 1);
      const peer = await scene.peer('peer');
      await tab.evaluate(() => {
        const next = (message) => {
          heard.messages.push(message.textContent);
          connection.addHandler(next, null, 'message', null, `id-${heard.messages.length}`);
        };
        connection.addHandler(next, null, 'message', null, 'id-0');
      });
      const bodies = numbered(30);
      bodies.forEach((body, index) =>
        peer.send(
          `<message xmlns="jabber:client" id="id-${index}" to="${scene.jid}/bare"><body>${body}</body></message>`,
        ),
      );
      await tab.eventually('the last message', ({ messages }) => messages.length === bodies.length);
      assert.deepEqual((await tab.heard()).messages, bodies);
    });

    test('a handler added between stanzas gets those that arrive after the call, and no other', async (t) => {
      const scene = await stage.scene(t);
      const server = await startScripted({ jid: `${scene.jid}/bare` });
      t.after(() => server.stop());
      scene.service = server.ws;
      const [tab] = await bareTabs(scene, 1);
      let said = 0;
      const body = () => (server.streams[0].send(`<message xmlns="jabber:client" id="${said++}"/>`), 'said');
      stage.web.overrides.set('/say', { body });
      const heard = await tab.evaluate(async (rounds) => {
        // Delays posts, without reordering them, as on a busy machine.
        const { postMessage } = MessagePort.prototype;
        let latest = Promise.resolve();
        let slow = false;
        MessagePort.prototype.postMessage = function (message) {
          const transit = slow && new Promise((arrived) => setTimeout(arrived, Math.random() * 20));
          latest = latest.then(() => transit).then(() => postMessage.call(this, message));
        };
        const heard = [];
        for (let round = 0; round < rounds && !heard.includes('nothing'); round++) {
          slow = round % 2 === 1;
          const next = new Promise((hear) => {
            setTimeout(hear, 5_000, 'nothing');
            connection.addHandler((message) => hear(message.getAttribute('id')), null, 'message');
          });
          // A request that does not go through the port overtakes the claim.
          await fetch('/say');
          heard.push(await next);
        }
        return heard;
      }, 300);
      assert.deepEqual(
        heard,
        Array.from({ length: 300 }, (_, round) => String(round)),
      );
    });

    test('stanzas right after the login wait for the handlers added in the callback', async (t) => {
      const scene = await stage.scene(t);
      const peer = await scene.peer('peer');
      const [first] = await bareTabs(scene, 1);
      const late = await scene.open({ options: first.options });
      // Enough messages to last until the tab is in the session, and some more.
      const bodies = [];
      let [isUp, more] = [false, 20];
      const saying = (async () => {
        while (!isUp || more-- > 0) {
          bodies.push(`message ${bodies.length}`);
          peer.say(`${scene.jid}/bare`, bodies.at(-1));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })();
      await scene.wire.connections[0].frame('server', /message 5</);
      await late.connect(scene.jid, scene.password);
      await late.up().finally(() => (isUp = true));
      await saying;
      await late.eventually('the last message', ({ messages }) => messages.includes(bodies.at(-1)));
      const { messages } = await late.heard();
      assert.ok(messages.length < bodies.length, 'the tab was not late');
      assert.deepEqual(messages, bodies.slice(-messages.length), 'from some position on it hears all');
    });

    test('rawInput and xmlInput work once assigned, in a subclass from the beginning', async (t) => {
      const scene = await stage.scene(t);
      const options = ownWorker();
      const [tab, other] = await bareTabs(scene, 2, options);
      const subclassed = await scene.open(options);
      await subclassed.evaluate(
        (service, options) => {
          class Nosy extends epode.Strophe.Connection {
            rawInput(text) {
              heard.messages.push(text);
            }
          }
          window.connection = new Nosy(service, { worker: '/epode-worker.js', ...options });
        },
        scene.service,
        options.options,
      );
      await connectBare(subclassed, scene.jid, scene.password);
      const peer = await scene.peer('peer');
      peer.say(`${scene.jid}/bare`, 'before');
      await subclassed.eventually('the message', ({ messages }) =>
        messages.some((text) => text.includes('before')),
      );
      // The first message may still be on its way to this tab.
      await tab.settle();
      await tab.evaluate(() => {
        connection.rawInput = (text) => heard.messages.push(text);
        connection.xmlInput = (element) => heard.iqs.push(element.textContent);
      });
      await booked('its claim', other, (known) => known.map(({ claims }) => claims).join() === '1,0,1');
      peer.say(`${scene.jid}/bare`, 'after');
      for (const nosy of [tab, subclassed])
        await nosy.eventually('the message', ({ messages }) =>
          messages.some((text) => text.includes('after')),
        );
      await tab.settle();
      const { messages, iqs } = await tab.heard();
      assert.ok(
        messages.every((text) => !text.includes('before')),
        String(messages),
      );
      assert.equal(messages.filter((text) => text.includes('<body>after<')).length, 1);
      assert.equal(iqs.filter((text) => text === 'after').length, 1);
      await other.settle();
      assert.deepEqual([await postsWith(other, 'before'), await postsWith(other, 'after')], [0, 0]);
    });

    test('stanzas of another tab are posted only to tabs with onForeignStanzaSent', async (t) => {
      const scene = await stage.scene(t);
      const options = ownWorker();
      const [sender, plain] = await bareTabs(scene, 2, options);
      // This tab overrides the hook from the beginning, and has a handler for messages.
      const [watching] = await scene.connected(1, options);
      const peer = await scene.peer('peer');
      await booked('its claims', plain, (known) => known.map(({ claims }) => claims).join() === '0,0,4');
      await sender.say(peer.jid, 'first');
      await sender.evaluate((to) => connection.send(epode.$pres({ to }).c('status').t('directed')), peer.jid);
      await sender.ask(`<iq type="get"><ping xmlns="urn:xmpp:ping"/></iq>`);
      await watching.eventually('both', ({ foreign }) => foreign.length === 2);
      await plain.evaluate(
        () => (connection.onForeignStanzaSent = (element) => heard.foreign.push(element.textContent)),
      );
      await booked('its claim', sender, (known) => known.map(({ claims }) => claims).join() === '0,1,4');
      await sender.say(peer.jid, 'another');
      for (const tab of [plain, watching])
        await tab.eventually('the message', ({ foreign }) => foreign.includes('another'));
      for (const tab of [plain, watching, sender]) await tab.settle();
      const [own, late, early] = await Promise.all([sender, plain, watching].map((tab) => tab.heard()));
      assert.deepEqual(
        [own.foreign, late.foreign, early.foreign],
        [[], ['another'], ['first', 'directed', 'another']],
      );
      assert.deepEqual(early.messages, [], 'handlers do not hear what is sent');
      assert.deepEqual([await postsWith(plain, 'first'), await postsWith(sender, 'another')], [0, 0]);
      await eventually('the messages at the peer', () => peer.bodies().length === 2);
    });
  });
}
