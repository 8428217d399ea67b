// Basic tests on ejabberd, which offers other mechanisms and writes its stanzas differently.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startEjabberd } from '../servers/ejabberd.mjs';
import { shareOneSession } from './sharing.mjs';
import { Stage } from './stage.mjs';

describe('in chromium, on ejabberd', () => {
  let stage;
  before(async () => (stage = await Stage.open('chromium', startEjabberd)));
  after(() => stage?.close());

  test('four tabs share one session, which SCRAM-SHA-512 opened', async (t) => {
    const scene = await stage.scene(t);
    await shareOneSession(scene, 4);
    const [auth] = scene.wire.connections[0].texts('client').filter((text) => text.startsWith('<auth'));
    assert.match(auth, /mechanism=["']SCRAM-SHA-512["']/);
  });

  test("a wrong password is AUTHFAIL with the server's condition", async (t) => {
    const scene = await stage.scene(t);
    const tab = await scene.open();
    await tab.connect(scene.jid, 'wrong');
    assert.equal((await tab.status('AUTHFAIL')).condition, 'not-authorized');
    await tab.status('DISCONNECTED');
  });

  // ejabberd silently ignores a stanza whose name has a prefix, so the worker removes prefixes.
  test('stanzas with prefixes are understood', async (t) => {
    const scene = await stage.scene(t);
    const [tab] = await scene.connected(1);
    const { ok } = await tab.ask(
      `<c:iq xmlns:c="jabber:client" type="get" id="q" to="localhost"><d:query xmlns:d="http://jabber.org/protocol/disco#info"/></c:iq>`,
      10_000,
    );
    assert.match(ok, /<identity/);
    await tab.evaluate(
      (to) =>
        connection.send(
          `<c:message xmlns:c="jabber:client" type="chat" to="${to}"><c:body>hi</c:body></c:message>`,
        ),
      `${scene.jid}/tab0`,
    );
    await tab.eventually('the message', ({ messages }) => messages.includes('hi'));
  });

  test('anonymous tabs share a session', async (t) => {
    const scene = await stage.scene(t);
    const tabs = [await scene.open(), await scene.open()];
    for (const tab of tabs) await tab.connect('anon.localhost');
    // Both connect at the same time; the tab that the worker hears first opens the session.
    assert.deepEqual((await Promise.all(tabs.map((tab) => tab.up()))).sort(), ['ATTACHED', 'CONNECTED']);
    assert.equal(scene.wire.connections.length, 1);
  });
});
