// Holds for any number of tabs on any server: they share one session, and each gets only its own stanzas.

import assert from 'node:assert/strict';

import { eventually } from './apps.mjs';

const MESSAGES = 20;

/** Takes a session from the login to the logout. */
export async function shareOneSession(scene, count, options) {
  const tabs = await scene.connected(count, options);
  const jid = await comeUp(scene, tabs);
  const peer = await scene.peer('peer');
  await hearMessages(scene, tabs, peer);
  await sendMessages(tabs, peer, jid);
  await askWithOneId(scene, tabs, peer, jid);
  await logOut(scene, tabs);
}

/** There is one stream, one login and one JID; one tab opens the session, the others join. */
async function comeUp(scene, tabs) {
  const ups = await Promise.all(tabs.map((tab) => tab.up()));
  assert.deepEqual(ups, ['CONNECTED', ...Array(tabs.length - 1).fill('ATTACHED')]);
  const jid = `${scene.jid}/tab0`;
  for (const tab of tabs) {
    const { domain, features, authenticated, ...state } = await tab.evaluate(() => ({
      jid: connection.jid,
      domain: connection.domain,
      authenticated: connection.authenticated,
      features: connection.features?.localName,
    }));
    assert.deepEqual(
      { domain, features, authenticated, ...state },
      { jid, domain: 'localhost', authenticated: true, features: 'features' },
    );
  }
  assert.equal(scene.wire.connections.length, 1);
  assert.equal(scene.logins(), 1);
  assert.deepEqual(await scene.sessions(), [jid]);
  const roles = await Promise.all(tabs.map((tab) => tab.evaluate(() => connection.role)));
  assert.equal(roles.filter((role) => role === 'primary').length, 1, String(roles));
  return jid;
}

async function hearMessages(scene, tabs, peer) {
  await tabs[0].evaluate(() => connection.send(epode.$pres()));
  await tabs[0].settle();
  const bodies = Array.from({ length: MESSAGES }, (_, index) => `message ${index}`);
  for (const body of bodies) peer.say(scene.jid, body);
  for (const tab of tabs) {
    await tab.eventually('the last message', ({ messages }) => messages.includes(bodies.at(-1)));
    await tab.settle();
    assert.deepEqual((await tab.heard()).messages, bodies);
  }
}

async function sendMessages(tabs, peer, jid) {
  const bodies = tabs.map((_, index) => `from tab ${index}`);
  for (const [index, tab] of tabs.entries())
    assert.deepEqual(await tab.say(peer.jid, bodies[index]), { status: 'written' });
  await eventually('the messages of all tabs', () => peer.bodies().length >= bodies.length);
  assert.deepEqual(peer.bodies(), bodies);
  assert.ok(peer.frames.filter((frame) => frame.includes('<body>')).every((frame) => frame.includes(jid)));
  // Each tab gets the messages of the others, but not its own.
  for (const [index, tab] of tabs.entries()) {
    const others = bodies.filter((body) => body !== bodies[index]);
    await tab.eventually(
      'what the others sent',
      ({ foreign }) => foreign.filter(Boolean).length >= others.length,
    );
    assert.deepEqual((await tab.heard()).foreign.filter(Boolean), others);
  }
}

/**
 * All tabs send an IQ with the same id. First an impostor answers each; then the addressee does, in
 * reverse order.
 */
async function askWithOneId(scene, tabs, peer, jid) {
  const impostor = await scene.peer('impostor');
  for (const tab of tabs) await tab.evaluate(() => void (heard.iqs.length = 0));
  const answers = tabs.map((tab, index) =>
    tab.ask(
      `<iq type="get" id="same" to="${peer.jid}"><query xmlns="urn:example:who" node="${index}"/></iq>`,
      20_000,
    ),
  );
  const questions = () => peer.frames.filter((frame) => frame.includes('urn:example:who'));
  await eventually('all questions', () => questions().length === tabs.length);
  const ids = questions().map((frame) => /\bid=["']([^"']*)/.exec(frame)[1]);
  assert.equal(new Set(ids).size, tabs.length, `equal ids went over the wire: ${ids}`);
  const nodes = questions().map((frame) => /\bnode=["']([^"']*)/.exec(frame)[1]);
  const answer = (from, index, text) =>
    from.send(
      `<iq xmlns="jabber:client" type="result" id="${ids[index]}" to="${jid}"><query xmlns="urn:example:who" node="${nodes[index]}">${text}</query></iq>`,
    );

  ids.forEach((_, index) => answer(impostor, index, 'spoofed'));
  const arrived = (text) =>
    scene.wire.connections[0].texts('server').filter((frame) => frame.includes(text)).length;
  await eventually('the spoofed answers', () => arrived('spoofed') === tabs.length);
  ids.map((_, index) => ids.length - 1 - index).forEach((index) => answer(peer, index, 'true'));

  for (const [index, { ok }] of (await Promise.all(answers)).entries()) {
    assert.match(ok, /\bid="same"/);
    assert.ok(ok.includes(`from="${peer.jid}"`), ok);
    assert.match(ok, new RegExp(`node="${index}".*>true<`));
  }
  for (const tab of tabs) {
    const { iqs } = await tab.heard();
    assert.equal(iqs.length, 1, `a tab heard answers of others: ${iqs.join('\n')}`);
  }
}

async function logOut(scene, tabs) {
  await tabs.at(-1).evaluate(() => connection.disconnect('enough'));
  for (const [index, tab] of tabs.entries()) {
    await tab.status('DISCONNECTED');
    const opening = index === 0 ? ['CONNECTING', 'AUTHENTICATING', 'CONNECTED'] : ['CONNECTING', 'ATTACHED'];
    assert.deepEqual(await tab.statuses(), [...opening, 'DISCONNECTING', 'DISCONNECTED']);
  }
  await closedCleanly(scene);
}

/** The stream has ended as in RFC 7395 §3.6, and the server has ended the session. */
export async function closedCleanly(scene) {
  const [connection] = scene.wire.connections;
  await eventually('the end of the socket', () => connection.closedAt !== undefined);
  assert.match(connection.texts('client').at(-1), /^<close /);
  assert.match(connection.texts('server').at(-1), /^<close /);
  assert.notEqual(connection.code, 1006);
  await eventually('the end of the session', async () => (await scene.sessions()).length === 0);
}
